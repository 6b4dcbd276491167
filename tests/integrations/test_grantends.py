"""How each provider ends a grant, and which grants are let be for others that hang on them."""

from __future__ import annotations

from typing import Any

import pytest

from integrations import grantends, revocation, tokens, versions
from integrations.models import ClientVersion, Connection, Flow, Revocation
from integrations.oauth import client as oauth
from integrations.secret import Secret
from tests import factories, granted, trips

pytestmark = pytest.mark.django_db
SETTINGS = {
    "demo-desk": {"subdomain": "acme"},
    "salesforce": {"domain": "acme.my.salesforce.com"},
    "zendesk": {"subdomain": "acme"},
}
SLACK_ROTATES = {"token_rotation": True}


def connect(provider, slug: str, *, sub: str = "dana", **registered: Any) -> Connection:
    """Connect Alice's account for a person of a new project, with an app registered for it."""
    project = factories.make_project()
    factories.make_integration(project, slug)
    settings = SETTINGS.get(slug, {})
    dana = trips.prepared(project, sub, slug, settings=settings)
    app = provider.register_client(
        slug,
        redirect_uris=[dana.current_flow().oauth_client.redirect_uri()],
        settings={**settings, **registered},
    )
    entered = {"client_id": app.client_id, "client_secret": Secret(app.client_secret)}
    trips.prepared(project, sub, slug, settings=settings, **entered).approve()
    return Connection.objects.get(project=project)


def attempted(connection: Connection) -> str:
    """Disconnect, and try once to end the grant."""
    revocation.disconnect(connection=connection, actor="test")
    return revocation.attempt(Revocation.objects.latest("created_at").pk)


@pytest.mark.parametrize("slug", ["demo-desk", "gmail", "salesforce", "slack", "zendesk"])
def test_each_provider_ends_the_grant_in_its_own_way(provider, slug):
    connection = connect(provider, slug)
    access = tokens.access_token_for(connection).token.reveal()
    assert attempted(connection) == "revoked"
    sent = provider.requests("revocation")
    assert sent[0].outcome == "revoked"
    bearer = [entry.headers.get("authorization") == f"Bearer {access}" for entry in sent]
    if slug in ("slack", "zendesk"):
        assert bearer == [True]
        assert [entry.method for entry in sent] == ["POST" if slug == "slack" else "DELETE"]
        assert (sent[0].form, sent[0].json) == ({}, None)
        return
    assert bearer == [False, False]
    authenticated = {"client_secret" in entry.form for entry in sent}
    assert authenticated == {slug == "demo-desk"}


@pytest.mark.parametrize("slug", ["slack", "zendesk"])
def test_an_access_token_that_ran_out_is_renewed_to_end_the_grant(provider, slug, monkeypatch):
    connection = connect(provider, slug, **(SLACK_ROTATES if slug == "slack" else {}))
    provider.advance_clock(86_400)
    revoke, kept = oauth.revoke, []

    def watched(**call):
        stored = Revocation.objects.get().open_required("access_token")
        kept.append(stored == call["token"])
        return revoke(**call)

    monkeypatch.setattr(oauth, "revoke", watched)
    assert attempted(connection) == "revoked"
    assert kept == [True, True]
    assert [entry.outcome for entry in provider.requests("revocation")][-1] == "revoked"


def test_a_refresh_token_that_is_gone_too_leaves_nothing_to_end(provider):
    connection = connect(provider, "zendesk")
    provider.revoke_grants()
    assert attempted(connection) == "revoked"


def test_a_provider_that_ends_refresh_tokens_only_has_done_enough(provider, monkeypatch):
    connection = connect(provider, "demo-desk")
    refused = '{"error": "unsupported_token_type"}'
    revoke = oauth.revoke

    def spoiling(**call):
        if call["hint"] == "access":
            body = {"body": refused, "content_type": "application/json", "status": 400}
            provider.configure(profile="demo-desk", revocation_body=body)
        return revoke(**call)

    monkeypatch.setattr(oauth, "revoke", spoiling)
    assert attempted(connection) == "revoked"


def test_a_provider_that_ends_no_token_at_all_is_asked_again(provider):
    connection = connect(provider, "demo-desk")
    body = {"body": '{"error": "unsupported_token_type"}', "status": 400}
    provider.configure(profile="demo-desk", revocation_body=body)
    assert attempted(connection) == ""


@pytest.mark.parametrize("body", ["html", "array", "null", "deep", "gzip_bomb", "huge"])
def test_a_body_that_is_no_answer_does_not_matter_beside_success(provider, body):
    connection = connect(provider, "demo-desk")
    provider.configure(profile="demo-desk", revocation_body=body)
    assert attempted(connection) in ("revoked", "")


@pytest.mark.parametrize(
    "body", ['{"ok": false, "error": "fatal_error"}', '{"ok": false}', '{"ok": false, "error": []}']
)
def test_a_refusal_with_http_200_is_no_success(provider, body):
    connection = connect(provider, "slack")
    provider.configure(
        profile="slack", revocation_body={"body": body, "content_type": "application/json"}
    )
    assert attempted(connection) == ""


def two_of_one_grant(provider, slug: str = "gmail") -> list[Connection]:
    """Return the connections of two people who both connected Alice's account."""
    first = connect(provider, slug)
    used = first.oauth_client.current_version
    eve = factories.make_end_user(first.project, "eve")
    client = factories.make_client(
        first.integration, eve, client_id=used.client_id, settings=used.settings
    )
    second = factories.make_connection(
        first.integration, eve, client=client, account_id=first.account_id
    )
    return [first, second]


def test_a_grant_that_another_connection_uses_is_let_be(provider):
    first, second = two_of_one_grant(provider)
    assert attempted(first) == "shared"
    first.refresh_from_db()
    assert (first.status, first.revocation) == ("DISCONNECTED", "shared")
    assert provider.count("revocation") == 0
    assert tokens.access_token_for(second).token
    assert attempted(second) == "revoked"


def test_two_that_are_disconnected_at_once_do_not_spare_each_other(provider):
    for connection in two_of_one_grant(provider):
        revocation.disconnect(connection=connection, actor="test")
    assert {revocation.attempt(pk) for pk in revocation.due()} == {"revoked"}


def test_a_dead_connection_does_not_keep_a_grant_alive(provider):
    first, second = two_of_one_grant(provider)
    Connection.objects.filter(pk=second.pk).update(status="INVALID", reason="needs_reauth")
    assert attempted(first) == "revoked"


def test_a_connection_that_waits_for_its_client_s_next_secret_keeps_a_grant_alive(provider):
    first, second = two_of_one_grant(provider)
    Connection.objects.filter(pk=second.pk).update(status="INVALID", reason="client_rejected")
    assert attempted(first) == "shared"


def test_a_grant_of_nobody_knows_whom_is_let_be_while_others_live(provider):
    first, _ = two_of_one_grant(provider)
    Connection.objects.filter(pk=first.pk).update(account_id="")
    first.refresh_from_db()
    assert attempted(first) == "shared"


def test_another_account_of_the_same_client_shares_nothing(provider):
    first, second = two_of_one_grant(provider)
    Connection.objects.filter(pk=second.pk).update(account_id="somebody-else")
    assert attempted(first) == "revoked"


def test_another_client_shares_nothing(provider):
    first, second = two_of_one_grant(provider)
    factories.replace_secret(second.oauth_client, client_id="another")
    version = second.oauth_client.current_version
    second.credential.__class__.objects.filter(pk=second.pk).update(client_version=version)
    assert attempted(first) == "revoked"


def test_one_workspace_has_one_bot_so_its_people_share_it(provider):
    first, second = two_of_one_grant(provider, "slack")
    workspace = first.account_id.partition("/")[0]
    Connection.objects.filter(pk=second.pk).update(account_id=f"{workspace}/U-somebody-else")
    assert attempted(first) == "shared"


def test_a_workspace_whose_id_begins_alike_is_another_one(provider):
    first, second = two_of_one_grant(provider, "slack")
    workspace = first.account_id.partition("/")[0]
    Connection.objects.filter(pk=second.pk).update(account_id=f"{workspace}9/U1")
    assert attempted(first) == "revoked"


def test_where_each_grant_stands_alone_nothing_is_shared(provider):
    first, _ = two_of_one_grant(provider, "demo-desk")
    assert attempted(first) == "revoked"


def twin_elsewhere(first: Connection, slug: str = "gmail") -> Connection:
    """Return a connection of another project that says it has the same client and account."""
    elsewhere = factories.make_integration(factories.make_project("Elsewhere"), slug)
    eve = factories.make_end_user(elsewhere.project, "eve")
    client = factories.make_client(
        elsewhere, eve, client_id=first.oauth_client.current_version.client_id
    )
    return factories.make_connection(elsewhere, eve, client=client, account_id=first.account_id)


def proved(connection: Connection) -> None:
    versions.proved(connection.oauth_client.current_version)


def test_another_project_that_only_knows_the_client_id_keeps_no_grant_alive(provider):
    first = connect(provider, "gmail")
    twin_elsewhere(first)
    assert attempted(first) == "revoked"


def test_another_project_with_the_same_client_keeps_a_grant_alive(provider):
    first = connect(provider, "gmail")
    proved(twin_elsewhere(first))
    assert attempted(first) == "shared"


def test_a_refresh_shows_that_another_project_has_the_same_client(provider):
    elsewhere = factories.make_integration(factories.make_project("Elsewhere"))
    twin = granted.connection(provider, elsewhere)
    assert twin.oauth_client.current_version.proved_at is None
    factories.expire(twin)
    assert tokens.refresh_one(twin.pk) == "refreshed"
    assert ClientVersion.objects.get(oauth_client=twin.oauth_client).proved_at is not None


def test_the_same_client_id_at_another_provider_is_another_client(provider):
    first = connect(provider, "gmail")
    proved(twin_elsewhere(first, "demo-mail"))
    assert attempted(first) == "revoked"


@pytest.mark.parametrize(("is_proved", "outcome"), [(False, "revoked"), (True, "")])
def test_it_waits_for_a_grant_made_elsewhere_if_the_client_is_the_same(
    provider, is_proved, outcome
):
    first = connect(provider, "gmail")
    twin = twin_elsewhere(first)
    Connection.objects.filter(pk=twin.pk).update(status="INVALID", reason="needs_reauth")
    version = twin.oauth_client.current_version
    if is_proved:
        proved(twin)
    Flow.objects.update(
        status="EXCHANGING", client_version=version, project=twin.project, connection=None
    )
    assert attempted(first) == outcome


def test_it_waits_for_a_grant_that_is_just_being_made(provider):
    first, second = two_of_one_grant(provider)
    Connection.objects.filter(pk=second.pk).update(status="INVALID", reason="needs_reauth")
    version = first.oauth_client.current_version
    Flow.objects.update(status="EXCHANGING", client_version=version)
    assert attempted(first) == ""
    row = Revocation.objects.get()
    assert (row.outcome, provider.count("revocation")) == ("", 0)
    Flow.objects.update(status="FAILED", error_code="interrupted")
    assert revocation.attempt(row.pk) == "revoked"


def test_a_version_of_another_place_does_not_lend_its_secret(provider):
    connection = connect(provider, "demo-desk")
    slot = connection.oauth_client
    factories.replace_secret(slot, "the-secret-of-beta", settings={"subdomain": "beta"})
    revocation.disconnect(connection=connection, actor="test")
    row = Revocation.objects.select_related("client_version__oauth_client").get()
    assert grantends._version(row) == row.client_version
