"""Every recipe of the catalog against the pretend provider: pairs it takes, and others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integrations.catalog import registry
from integrations.oauth import client as oauth
from integrations.oauth import verdicts
from integrations.oauth.client import Client, Endpoints
from integrations.secret import Secret
from tests.fakeas.errors import Reason, Refused
from tests.fakeas.messages import Response, json_response
from tests.fakeas.profiles import registry as played
from tests.fakeas.profiles.base import Profile, Route
from tests.fakeas.store import Client as App

REDIRECT_URI = "http://localhost:8000/oauth/callback/aaaaaaaaaaaaaaaaaaaaaaaaaa"
TENANT = "11111111-2222-3333-4444-555555555555"
SETTINGS = {
    "tenant": TENANT,
    "domain": "acme.my.salesforce.com",
    "subdomain": "acme",
    "site": "acme",
    "user_scopes": "",
}
TOLD = ("accepted", "rejected", "rejected", "rejected")
# Of a good pair, a wrong secret, an unknown id and a secret that is over.
EXPECTED = {
    "gmail": TOLD,
    "jira": TOLD,
    "salesforce": TOLD,
    "slack": TOLD,
    "zendesk": TOLD,
    "github": TOLD,
    "dropbox": TOLD,
    # Whether the secret or the code is looked at first is not known: nothing is taken for a yes.
    "outlook": ("unknown", "rejected", "rejected", "expired"),
    "sharepoint": ("unknown", "rejected", "rejected", "expired"),
}


class GitHub(Profile):
    """The token endpoint of GitHub: words of its own, with status 200."""

    slug, root, scopes = "github", "/github", {}
    routes = (Route("token", ("POST",), "/github/login/oauth/access_token"),)

    def token_error(self, refused: Refused) -> Response:
        """Answer 200, whatever is wrong."""
        of_code = refused.reason is Reason.UNKNOWN_CODE
        error = "bad_verification_code" if of_code else "incorrect_client_credentials"
        return json_response({"error": error}, outcome=refused.reason.value)


class Dropbox(Profile):
    """The token endpoint of Dropbox: the error with its description in one."""

    slug, root, scopes = "dropbox", "/dropbox", {}
    routes = (Route("token", ("POST",), "/dropbox/oauth2/token"),)

    def token_error(self, refused: Refused) -> Response:
        """Answer 400, whatever is wrong."""
        if refused.reason is Reason.UNKNOWN_CODE:
            body = {"error": "invalid_grant", "error_description": "code doesn't exist"}
        else:
            body = {"error": "invalid_client: Invalid client_id or client_secret"}
        return json_response(body, status=400, outcome=refused.reason.value)


OTHERS = (GitHub(), Dropbox())


@pytest.fixture(scope="module")
def real():
    """The catalog as it is delivered."""
    return registry.load()


@pytest.fixture
def at(provider, catalog, real, monkeypatch):
    """The providers of the catalog, with their recipes, where the pretend ones are."""
    routes = [(profile, route) for profile in OTHERS for route in profile.routes]
    monkeypatch.setattr(played, "_ROUTES", [*played._ROUTES, *routes])
    found = {
        slug: entry.model_copy(update={"preflight": real[slug].preflight})
        for slug, entry in catalog.items()
        if slug in real
    }
    for profile in OTHERS:
        endpoint = f"{provider.url}{profile.routes[0].pattern}"
        found[profile.slug] = real[profile.slug].model_copy(update={"token_endpoint": endpoint})
    return found


def registered(provider, entry, **settings) -> Client:
    client_id = f"app-{len(provider.world.store.clients)}"
    provider.world.store.clients[(entry.slug, client_id)] = App(
        profile=entry.slug,
        client_id=client_id,
        client_secret="the-secret-of-it",
        name="An app",
        redirect_uris=(REDIRECT_URI,),
        settings=settings,
    )
    endpoints = Endpoints.of(provider=entry, settings=SETTINGS)
    return Client(client_id, Secret("the-secret-of-it"), REDIRECT_URI, endpoints, SETTINGS)


def heard(entry, client: Client) -> str:
    answer = oauth.probe(provider=entry, client=client, seconds=5.0)
    return verdicts.verdict(provider=entry, answer=answer)


@pytest.mark.parametrize("slug", EXPECTED)
def test_the_answers_are_read_rightly(provider, at, slug):
    entry = at[slug]
    good = registered(provider, entry)
    over = registered(provider, entry, secret_expired=True)
    pairs = (
        good,
        replace(good, client_secret=Secret("not-the-secret-of-it")),
        replace(good, client_id="an-id-of-nobody"),
        over,
    )
    assert tuple(heard(entry, pair) for pair in pairs) == EXPECTED[slug]


def test_no_recipe_is_delivered_that_is_not_proven(real):
    proven = {real[slug].preflight.model_copy(update=SHAPES) for slug in EXPECTED}
    asked = {slug: entry for slug, entry in real.items() if entry.preflight.asks}
    for slug, entry in asked.items():
        assert entry.preflight.model_copy(update=SHAPES) in proven, slug
    assert len(asked) > 30


SHAPES = {"client_id": None, "not_secret": None}


@pytest.mark.parametrize("slug", ["gmail", "github", "zendesk"])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, b'{"error": "invalid_client"}'),
        (429, b'{"error": "invalid_grant"}'),
        (200, b"<html>invalid_client</html>"),
        (400, b'["invalid_client"]'),
        (400, b'{"error": {"code": "invalid_client"}}'),
        (200, b'{"access_token": "a-token-for-nothing"}'),
    ],
)
def test_an_odd_answer_says_nothing(real, slug, status, body):
    answer = oauth.Answer(status, {"content-type": "application/json"}, body)
    assert verdicts.verdict(provider=real[slug], answer=answer) == "unknown"


def test_a_refusal_counts_more_than_what_else_is_said(real):
    body = b'{"error": "invalid_grant", "error_description": "AADSTS7000222: it has expired."}'
    answer = oauth.Answer(400, {"content-type": "application/json"}, body)
    assert verdicts.verdict(provider=real["outlook"], answer=answer) == "expired"


def test_the_code_is_new_each_time_and_everything_else_as_in_an_exchange(provider, at):
    entry = at["gmail"]
    client = registered(provider, entry)
    for _ in range(2):
        heard(entry, client)
    one, two = (entry.form for entry in provider.requests("token", profile="gmail"))
    assert one["code"] != two["code"]
    assert one["code_verifier"] != two["code_verifier"]
    assert one["redirect_uri"] == [REDIRECT_URI]
    assert one["grant_type"] == ["authorization_code"]
