"""Nobody reaches what belongs to somebody else, at any address that there is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver
from django.utils import timezone

from integrations.models import EndUser, OAuthClient, Organization, PortalSession
from portal.api import api
from portal.urls import urlpatterns
from tests import factories, trips
from tests.portal.api.conftest import Caller, vendor_of
from tests.stored import state
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db

# What a page is told about whom: {flow} and {connection} are those of the victim.
PAGES = {
    "portal/account-type": {"flow": "{flow}", "account_type": "user-configured-oauth"},
    "portal/options": {"flow": "{flow}", "client_id": "evil", "client_secret": "evil"},
    "portal/create": {"flow": "{flow}", "client_id": "evil"},
    "portal/aside": {"flow": "{flow}", "act": "guide", "guide_step": "1"},
    "portal/another-client": {"flow": "{flow}"},
    "portal/step": {"flow": "{flow}", "to": "options"},
    "portal/flow/status": {"flow": "{flow}"},
    "portal/choose": {"flow": "{flow}", "post_option": "acme"},
    "portal/check": {"flow": "{flow}"},
    "portal/problem": {"flow": "{flow}", "problem": "The client or app is unknown"},
    "portal/cancel": {"flow": "{flow}"},
    "portal/reconnect": {"connection": "{connection}"},
    "portal/secret": {"client": "{client}", "client_secret": "evil"},
    "portal/owner": {"flow": "{flow}", "owner": "end_user"},
    "portal/hand-off": {"flow": "{flow}"},
    "portal/hand-off/end": {"flow": "{flow}"},
    "portal/promote": {"client": "{client}"},
    "portal/activity": {"connection": "{connection}"},
    "portal/disconnect": {"connection": "{connection}", "confirm": "1"},
    "oauth/start": {"flow": "{flow}"},
}
# These show only what is the caller's own, so another person gets an answer without the victim.
OWN_PAGES = {
    "portal/": {},
    "portal/manage": {},
    "portal/connect": {"integration": "nothing"},
    "portal/end": {},
}
VENDOR = {
    ("get", "v1/connections/{id}"),
    ("delete", "v1/connections/{id}"),
    ("post", "v1/connections/{id}/access-token"),
    ("post", "v1/flows/{flow}/confirm"),
    ("post", "v1/sessions"),
    ("put", "v1/clients/{client}/secret"),
}
VENDOR |= {
    (method, "v1/connections/{id}/proxy/x")
    for method in ("get", "head", "post", "put", "patch", "delete")
}
OWN_VENDOR = {("get", "v1/connections"), ("get", "v1/integrations"), ("get", "v1/clients")}
OWN_VENDOR |= {("get", "v1/events"), ("post", "v1/connections/import")}
ROW = {"user": "dana", "integration": "demo-mail", "account_type": "default", "scopes": []}
PERSON = {
    ("put", "v1/me/clients/{client}/secret"),
    ("delete", "v1/me/connections/{id}"),
    ("get", "v1/flows/{flow}"),
    ("post", "v1/me/flows"),
    ("post", "v1/me/flows/{flow}/account-type"),
    ("post", "v1/me/flows/{flow}/pre-options"),
    ("post", "v1/me/flows/{flow}/post-options"),
    ("post", "v1/me/flows/{flow}/cancel"),
    ("post", "v1/me/flows/{flow}/check"),
}
OWN_PERSON = {
    ("get", "v1/me"),
    ("get", "v1/me/integrations"),
    ("get", "v1/me/clients"),
    ("delete", "v1/me/sessions"),
}
# What is sent where a body is read: it names what is the victim's.
BODIES: dict[str, dict[str, Any]] = {
    "v1/clients/{client}/secret": {"client_secret": "evil"},
    "v1/me/clients/{client}/secret": {"client_secret": "evil"},
    "v1/connections/import": {"rows": [{**ROW, "account_id": "x", "refresh_token": "stolen"}]},
    "v1/flows/{flow}/confirm": {"end_user": "dana"},
    "v1/sessions": {"user": "dana", "kind": "hosted", "integration": "demo-mail"},
    "v1/me/flows": {"integration": "demo-mail", "connection_id": "{connection}"},
    "v1/me/flows/{flow}/account-type": {"account_type": "user-configured-oauth"},
    "v1/me/flows/{flow}/pre-options": {"client_id": "evil", "client_secret": "evil"},
    "v1/me/flows/{flow}/post-options": {"post_option": "x"},
}
# Open to everybody by design; what they may say is tested beside them.
PUBLIC = {"oauth/callback", "look", "oauth/done", "healthz", "readyz", "api/openapi.json"}
OPENING = {"embed", "hosted", "handoff", "handoff/form", "handoff/aside"}
ADMIN = {"admin"}


def addresses() -> Iterator[str]:
    """Yield every address of the portal; those of the API come from its operations."""
    for entry in urlpatterns:
        text = str(entry.pattern).replace(r"\A", "")
        if isinstance(entry, URLResolver):
            yield text.rstrip("/")
            continue
        assert isinstance(entry, URLPattern)
        yield text.split("/(?P")[0].split("/<uuid")[0].split("/<str")[0]


def operations() -> set[tuple[str, str]]:
    """Return method and address of every operation of the API."""
    names = {
        "{connection_id}": "{id}",
        "{flow_id}": "{flow}",
        "{path}": "x",
        "{client_id}": "{client}",
    }
    found = set()
    for path, methods in api.get_openapi_schema()["paths"].items():
        for old, new in names.items():
            path = path.replace(old, new)
        found |= {(method, path.removeprefix("/api/")) for method in methods}
    return found


def test_every_address_has_a_row_here():
    known = {*PAGES, *OWN_PAGES, *PUBLIC, *OPENING, *ADMIN, "api"} - {"api/openapi.json"}
    assert set(addresses()) == known


def test_every_operation_has_a_row_here():
    assert operations() == VENDOR | OWN_VENDOR | PERSON | OWN_PERSON


@pytest.fixture
def victim(dana):
    """Dana, with a connection and a flow that waits for the provider."""
    (integration,) = dana.project.integrations.all()
    client = OAuthClient.objects.get()
    who = EndUser.objects.get()
    connection = factories.make_connection(
        integration, who, client=client, account_label="dana@victim.example"
    )
    dana.connection, dana.slot = str(connection.pk), str(client.pk)
    dana.start()
    return dana


def somebody(kind: str, victim) -> Visitor:
    """Return a caller of this kind, who holds what such a caller would hold."""
    if kind == "other project":
        project = factories.make_project("Globex")
        factories.make_integration(project, "demo-mail")
        return trips.prepared(project)
    if kind == "other person":
        return trips.prepared(victim.project, "mallory")
    if kind in ORGANIZATIONS:
        return colleague(victim, ORGANIZATIONS[kind])
    caller = Visitor(victim.project, handle=victim.handle, flow=victim.flow)
    if kind == "no visit":
        caller.handle = ""
    if kind == "ended visit":
        PortalSession.objects.update(ended_at=timezone.now())
    if kind == "idle visit":
        PortalSession.objects.update(last_seen_at=timezone.now() - timedelta(days=1))
    if kind == "overlong visit":
        PortalSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    if kind == "other handle":
        caller.handle = "x" * 43
    return caller


def colleague(victim, organization: str) -> Visitor:
    """Return somebody else of the same project, in an organization, with the victim in one."""
    rows = {
        name: Organization.objects.get_or_create(project=victim.project, external_id=name)[0]
        for name in ("acme", organization)
    }
    EndUser.objects.filter(external_id="dana").update(organization=rows["acme"])
    who = factories.make_end_user(victim.project, "mallory")
    EndUser.objects.filter(pk=who.pk).update(organization=rows[organization])
    return trips.prepared(victim.project, "mallory")


# Whose organization the stranger is in; the victim is in "acme".
ORGANIZATIONS = {"same organization": "acme", "other organization": "globex"}
STRANGERS = ("other person", "other project", *ORGANIZATIONS)
OUTSIDERS = ("no visit", "ended visit", "idle visit", "overlong visit", "other handle")


def filled(fields: dict[str, Any], victim) -> dict[str, Any]:
    """Return the fields with the victim's ids."""
    ids = {"flow": victim.flow, "connection": victim.connection, "client": victim.slot}
    return {
        name: value.format(**ids) if isinstance(value, str) else value
        for name, value in fields.items()
    }


@pytest.mark.parametrize("kind", STRANGERS + OUTSIDERS)
def test_no_page_does_anything_for_somebody_else(victim, kind):
    caller = somebody(kind, victim)
    before = state()
    for path, fields in PAGES.items():
        caller.post(f"/{path}", **filled(fields, victim))
        assert caller.last.status_code == (404 if kind in STRANGERS else 401), path
        assert "victim.example" not in caller.page.html, path
        assert state() == before, path


@pytest.mark.parametrize("kind", STRANGERS)
@pytest.mark.parametrize("path", OWN_PAGES)
def test_a_page_shows_only_what_is_ones_own(victim, path, kind):
    caller = somebody(kind, victim)
    before = state()
    caller.post(f"/{path}", **OWN_PAGES[path])
    assert caller.last.status_code in (200, 404, 405)
    for private in ("victim.example", victim.connection, victim.flow):
        assert private not in caller.page.html
    assert state() == before


@pytest.mark.parametrize("kind", OUTSIDERS)
@pytest.mark.parametrize("path", OWN_PAGES)
def test_a_page_shows_nothing_without_a_visit(victim, path, kind):
    caller = somebody(kind, victim)
    before = state()
    if path == "portal/":
        caller.client.cookies["cp_s"] = caller.handle
        caller.answers.append(caller.client.get(f"/{path}"))
    else:
        caller.post(f"/{path}", **OWN_PAGES[path])
    assert caller.last.status_code == 401
    assert "victim.example" not in caller.last.content.decode()
    assert state() == before


@pytest.mark.parametrize("origin", [None, "null", factories.ORIGIN, "https://evil.example"])
def test_no_page_does_anything_for_a_form_of_another_site(victim, origin):
    headers = {} if origin is None else {"Origin": origin}
    before = state()
    for path in [*PAGES, *OWN_PAGES]:
        fields = {"handle": victim.handle, **filled(PAGES.get(path, {}), victim)}
        answer = victim.client.post(f"/{path}", fields, headers=headers)
        assert answer.status_code == (405 if path == "portal/" else 403), path
        assert "victim.example" not in answer.content.decode(), path
        assert state() == before, path


def test_no_page_does_anything_for_a_get(victim):
    before = state()
    for path in [*PAGES, *OWN_PAGES]:
        fields = {"handle": victim.handle, **filled(PAGES.get(path, {}), victim)}
        answer = victim.client.get(f"/{path}", fields, headers={"Origin": settings.BASE_ORIGIN})
        assert answer.status_code == (401 if path == "portal/" else 405), path
        assert state() == before, path


@pytest.mark.parametrize("kind", STRANGERS)
@pytest.mark.parametrize("mode", ["install", "reconnect"])
def test_a_visit_is_not_opened_onto_a_connection_of_somebody_else(victim, kind, mode):
    caller = somebody(kind, victim)
    caller.open(mode="manage")  # the token's own name and email are taken over here
    before = state()
    caller.open(connection_id=victim.connection, mode=mode)
    assert caller.last.status_code == 404
    assert state() == before


def test_a_visit_is_not_opened_with_a_token_of_another_project(victim):
    other = factories.make_project("Globex", which=1)
    before = state()
    for token in (factories.user_token(other, which=1), factories.user_token(other), ""):
        victim.open(user_token=token or "none")
        assert victim.last.status_code == 401
    assert state() == before


def test_a_callback_and_its_end_tell_a_stranger_nothing(victim, provider):
    answer = Client().get(f"/oauth/callback/{OAuthClient.objects.get().slot}?state=x&code=y")
    assert answer.status_code == 400
    page = Client().get(f"/oauth/done/{victim.flow}")
    assert page.status_code == 200
    for private in ("victim.example", "Dana", "dana", victim.connection):
        assert private not in page.content.decode()


def body(path: str, victim) -> dict[str, Any] | None:
    """Return an operation's body with the victim's ids."""
    return filled(BODIES[path], victim) if path in BODIES else None


def url(path: str, victim) -> str:
    """Return an operation's address with the victim's ids."""
    return "/" + path.format(id=victim.connection, flow=victim.flow, client=victim.slot)


def test_another_projects_key_reaches_nothing(victim):
    other = vendor_of(factories.make_project("Globex"))
    before = state()
    for method, path in sorted(VENDOR | OWN_VENDOR):
        answer = other(method, url(path, victim), body(path, victim))
        assert answer.status_code == (404 if (method, path) in VENDOR else 200), (method, path)
        assert "victim.example" not in answer.content.decode(), (method, path)
        assert state() == before, (method, path)


def test_an_operation_does_nothing_for_callers_of_another_kind(victim, settings):
    settings.LIMITS = {"failed_credentials": "off"}
    key = vendor_of(victim.project).headers["Authorization"]
    token = f"Bearer {factories.user_token(victim.project)}"
    handle = f"CP {victim.handle}"
    now = int(timezone.now().timestamp())
    old = factories.user_token(victim.project, iat=now - 900, exp=now - 600)
    strange = factories.user_token(victim.project, which=1)
    revoked = vendor_of(victim.project).headers["Authorization"]
    newest = victim.project.api_keys.order_by("-created_at")[:1].get()
    type(newest).objects.filter(pk=newest.pk).update(revoked_at=timezone.now())
    ended = {f"Bearer {old}", f"Bearer {strange}", revoked}
    before = state()
    for method, path in sorted(operations()):
        fits = {key} if (method, path) in VENDOR | OWN_VENDOR else {token}
        if path == "v1/flows/{flow}":
            fits.add(handle)
        for credentials in {key, token, handle, "Bearer x", "", *ended} - fits:
            answer = Caller(credentials)(method, url(path, victim))
            assert answer.status_code == 401, (method, path)
        assert state() == before, (method, path)


@pytest.mark.parametrize("kind", STRANGERS)
def test_another_persons_token_reaches_nothing(victim, kind):
    stranger = somebody(kind, victim)
    org = {"org": ORGANIZATIONS[kind], "org_admin": True} if kind in ORGANIZATIONS else {}
    token = factories.user_token(stranger.project, stranger.sub, **org)
    caller = Caller(f"Bearer {token}", Origin=factories.ORIGIN)
    caller("GET", "/v1/me")  # the token's own name and email are taken over here
    before = state()
    for method, path in sorted(PERSON | OWN_PERSON):
        answer = caller(method, url(path, victim), body(path, victim))
        expected = [404] if (method, path) in PERSON else [200, 204]
        assert answer.status_code in expected, path
        assert "victim.example" not in answer.content.decode(), path
        assert state() == before, path
