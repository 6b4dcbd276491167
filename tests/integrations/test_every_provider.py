"""Every provider of the catalog from the start to the end of a grant, each in its own dialect.

The provider is played from its file, in this process: what it is not sent letter for letter, it
refuses.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integrations import revocation, tokens
from integrations.catalog import files, registry
from integrations.models import Connection, Credential, Flow, Revocation
from integrations.oauth import client as oauth
from integrations.secret import Secret
from tests import factories, trips
from tests.fakeas.played import samples
from tests.fakeas.played.accounts import choice
from tests.fakeas.played.provider import Played
from tests.fakeas.played.wire import WORD, filled
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
CATALOG = registry.load()
SLUGS = tuple(CATALOG)
ARTIFACT = Path(__file__).parents[2] / "test-artifacts" / "providers.json"


@pytest.fixture(autouse=True)
def _catalog() -> Iterator[None]:
    installed, transport = registry.installed(), oauth.transport
    registry.install(CATALOG)
    yield
    registry.install(installed)
    oauth.use(transport)


@pytest.fixture
def play(request: pytest.FixtureRequest) -> Played:
    """Play the provider of the test's parameter, and let all calls go to it."""
    played = Played(request.param, files.built_in(request.param))
    oauth.use(played)  # type: ignore[arg-type]
    return played


each = pytest.mark.parametrize("play", SLUGS, indirect=True, ids=SLUGS)


def prepared(play: Played) -> Visitor:
    """Return a person who entered the app that the provider has, for a project of their own."""
    project = factories.make_project()
    factories.make_integration(project, play.slug)
    dana = trips.prepared(
        project,
        integration=play.slug,
        client_id=play.client_id,
        client_secret=Secret(play.secret),
        settings=play.settings,
    )
    play.redirect_uri = dana.current_flow().oauth_client.redirect_uri()
    return dana


def connected(play: Played) -> Connection:
    """Connect as a person does, and return the connection."""
    dana = prepared(play)
    dana.come_back(play.approve(dana.start()))
    flow = dana.current_flow()
    assert (flow.status, flow.error_code) == (Flow.Status.COMPLETED, ""), play.refused
    return Connection.objects.get()


@each
def test_every_provider_connects_renews_and_ends(play: Played) -> None:
    connection = connected(play)
    assert connection.status == Connection.Status.VALID
    assert connection.account_id == expected_account(play)
    assert play.refused == []
    renewed = renew(play, connection)
    end(play, connection)
    assert play.refused == []
    calls = sum(play.seen[name] for name in ("token", "refresh", "long_lived"))
    assert calls == 1 + renewed + ("long_lived" in play.data)


def expected_account(play: Played) -> str:
    """Return the id that the provider told, as we keep it."""
    if play.data.get("post_options"):
        return str(choice(play))
    rules = play.table("identity")
    if not rules:
        return ""
    if rules.get("source") == "callback":
        params = {rule["name"]: rule["param"] for rule in play.data["callback_params"]}
        return "/".join(samples.CALLBACK[params[path]] for path in rules["id_paths"])
    told = [f"{number}-of-the-account" for number, _ in enumerate(rules["id_paths"])]
    local = WORD.findall(rules.get("endpoint", "")) if rules.get("ids_are_local") else []
    return "/".join([*(play.settings[name] for name in local), *told])


def renew(play: Played, connection: Connection) -> bool:
    """Renew the token twice where the provider renews at all."""
    credential = Credential.objects.get()
    before = credential.open_required("access_token").reveal()
    if credential.refresh_token is None:
        assert not play.refresh
        return False
    factories.expire(connection)
    fresh = tokens.access_token_for(connection)
    assert play.refused == []
    assert fresh.token.reveal() != before
    assert fresh.token.reveal() in play.access
    assert play.seen["refresh" if play.table("refresh").get("endpoint") else "token"] >= 1
    return True


def end(play: Played, connection: Connection) -> None:
    """Disconnect, and check that the provider ended what it can end."""
    newest = Credential.objects.get().open_required("access_token").reveal()
    revocation.disconnect(connection=connection, actor="test")
    if not play.data.get("revocation_endpoint"):
        assert Revocation.objects.get().outcome == Revocation.Outcome.UNSUPPORTED
        return
    assert revocation.attempt(Revocation.objects.get().pk) == Revocation.Outcome.REVOKED, (
        play.refused
    )
    takes = play.table("revocation").get("tokens", "both")
    by_account = play.table("revocation").get("request") == "account"
    ended = {expected_account(play)} if by_account else ({newest} if takes != "refresh" else set())
    assert ended <= set(play.ended)
    assert play.ended


def test_the_whole_catalog_is_counted_by_confidence_and_dialect() -> None:
    catalog = CATALOG
    counts: dict[str, Any] = {
        "providers": len(catalog),
        "confidence": Counter(provider.confidence for provider in catalog.values()),
        "dialects": Counter(name for each in catalog.values() for name in each.dialects),
        "authentication": Counter(each.token_endpoint_auth_method for each in catalog.values()),
        "token requests": Counter(each.token_request_format for each in catalog.values()),
        "rotation": Counter(each.refresh.rotation for each in catalog.values()),
        "pkce": Counter(each.code_challenge_method for each in catalog.values()),
    }
    ARTIFACT.parent.mkdir(exist_ok=True)
    ARTIFACT.write_text(json.dumps(counts, indent=1, sort_keys=True), encoding="utf-8")
    assert counts["providers"] >= 170
    assert set(counts["confidence"]) == {"high", "medium"}
    assert sum(counts["confidence"].values()) == counts["providers"]


def test_a_scope_with_a_setting_in_it_is_asked_for_with_its_value() -> None:
    play = Played("dynamics-365", files.built_in("dynamics-365"))
    scope = play.data["default_scopes"][-1] if play.data["default_scopes"] else ""
    templates = [name for name in play.data["default_scopes"] if "{" in name]
    assert templates, scope
    oauth.use(play)  # type: ignore[arg-type]
    connection = connected(play)
    assert set(templates) <= set(connection.scopes)
    assert connection.missing_scopes == []
    assert filled(templates[0], play.settings).startswith("https://contoso.crm")
