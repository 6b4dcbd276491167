"""Visits: who may open one, from where, for how long, and what ends it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.errors import SessionInvalid
from integrations.models import AllowedOrigin, PortalSession, ReturnUrl
from integrations.secret import digest
from portal import sessions
from tests import factories, trips
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db


def opened(person: Visitor, status: int) -> bool:
    """Return whether a visit was opened, after checking the answer's status."""
    assert person.last.status_code == status
    return PortalSession.objects.exists()


def set_back(**columns: timedelta) -> None:
    """Move moments of the only session into the past."""
    now = timezone.now()
    PortalSession.objects.update(**{name: now - by for name, by in columns.items()})


def test_a_visit_is_bound_to_where_it_was_opened(project):
    dana = Visitor(project)
    dana.open()
    session = PortalSession.objects.get()
    assert (session.origin, session.display) == (factories.ORIGIN, "embed")
    assert session.end_user.external_id == "dana"
    rules = dana.last["Content-Security-Policy"]
    assert f"frame-ancestors {factories.ORIGIN}" in rules.split("; ")
    assert "X-Frame-Options" not in dana.last
    assert dana.last["Referrer-Policy"] == "same-origin"


def test_only_a_digest_of_the_handle_is_kept(project):
    dana = Visitor(project)
    dana.open()
    row = PortalSession.objects.values().get()
    assert row["handle_hash"] == digest(dana.handle)
    assert dana.handle not in str(row)
    assert len(dana.handle) == 43


def test_the_origin_is_framed_but_others_are_not(project):
    AllowedOrigin.objects.create(project=project, origin="https://other.example")
    dana = Visitor(project)
    dana.open()
    dana.enter()
    for answer in dana.answers:
        assert "other.example" not in answer["Content-Security-Policy"]


ORIGINS = [
    None,
    "",
    "null",
    "http://localhost:8000",
    "http://acme.localhost",
    "http://acme.localhost:8002",
    "http://acme.localhost:80011",
    "https://acme.localhost:8001",
    "http://ACME.localhost:8001",
    "http://acme.localhost:8001/",
    "http://acme.localhost:8001.evil.example",
    "http://evil-acme.localhost:8001",
    "http://sub.acme.localhost:8001",
    "http://acme.localhost:8001@evil.example",
    "http://acme.localhost:8001 http://evil.example",
    "https://evil.example",
    "*",
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_another_page_cannot_open_a_visit(project, client, origin):
    fields = {"user_token": factories.user_token(project), "integration": "demo-mail"}
    headers = {} if origin is None else {"Origin": origin}
    answer = client.post(f"/embed/{project.pk}/open", fields, headers=headers)
    assert answer.status_code == 403
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert not PortalSession.objects.exists()


def test_the_origin_of_another_project_cannot_open_a_visit(project, client):
    other = factories.make_project("Globex")
    AllowedOrigin.objects.filter(project=other).update(origin="https://globex.example")
    token = {"user_token": factories.user_token(project), "integration": "demo-mail"}
    answer = client.post(
        f"/embed/{project.pk}/open", token, headers={"Origin": "https://globex.example"}
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "options"])
def test_a_visit_is_opened_by_a_post_only(project, client, method):
    path = f"/embed/{project.pk}/open?user_token={factories.user_token(project)}"
    answer = getattr(client, method)(path, headers={"Origin": factories.ORIGIN})
    assert answer.status_code == 405
    assert not PortalSession.objects.exists()


def test_a_token_in_the_address_is_not_read(project, client, caplog):
    token = factories.user_token(project)
    path = f"/embed/{project.pk}/open?user_token={token}"
    answer = client.post(path, {"integration": "demo-mail"}, headers={"Origin": factories.ORIGIN})
    assert answer.status_code == 401
    assert token not in caplog.text + answer.content.decode()


def test_every_refusal_of_a_token_looks_alike_and_shows_none(project, client, caplog):
    caplog.set_level("DEBUG")
    pages = set()
    for token in (factories.user_token(project, ""), factories.user_token(project)[:-9], "", "x"):
        answer = client.post(
            f"/embed/{project.pk}/open",
            {"user_token": token, "integration": "demo-mail"},
            headers={"Origin": factories.ORIGIN},
        )
        text = answer.content.decode().replace(answer["X-Request-Id"], "")
        pages.add((answer.status_code, text))
        assert len(token) < 9 or token not in text + caplog.text
    assert len(pages) == 1
    assert not PortalSession.objects.exists()


@pytest.mark.parametrize(
    ("display", "destination", "fits"),
    [
        ("embed", "iframe", True),
        ("embed", "document", False),
        ("embed", "frame", False),
        ("embed", "empty", False),
        ("page", "document", True),
        ("page", "iframe", False),
        ("window", "document", True),
        ("window", "iframe", False),
        ("fullscreen", "document", False),
    ],
)
def test_a_visit_is_shown_where_it_said(project, client, display, destination, fits):
    fields = {"user_token": factories.user_token(project), "integration": "demo-mail"}
    answer = client.post(
        f"/embed/{project.pk}/open",
        {**fields, "display": display, "account_type": "user-configured-oauth"},
        headers={"Origin": factories.ORIGIN, "Sec-Fetch-Dest": destination},
    )
    assert (answer.status_code in (200, 303)) is fits
    assert PortalSession.objects.exists() is fits


def test_a_page_visit_has_a_cookie_and_no_handle_anywhere(project):
    dana = Visitor(project)
    dana.open(display="page")
    cookie = dana.last.cookies["cp_s"]
    assert (dana.last.status_code, dana.last["Location"]) == (303, "/portal/")
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 7200)
    page = dana.client.get("/portal/")
    assert cookie.value not in page.content.decode()
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert page["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("mode", ["", "Install", "admin", "a\x00b"])
def test_an_unknown_mode_is_refused(project, mode):
    dana = Visitor(project)
    dana.open(mode=mode)
    assert dana.last.status_code == 403


@pytest.mark.parametrize("field", ["integration", "connection_id", "locale", "theme", "mode"])
@pytest.mark.parametrize("value", ["a\x00b", "x" * 5_000, "\ufffe", "<script>"], ids=ascii)
def test_odd_text_in_a_field_is_no_error_of_ours(project, field, value):
    dana = Visitor(project)
    given = {"integration": "demo-mail"} | {field: value}
    dana.open(given.pop("integration"), **given)
    assert dana.last.status_code < 500
    assert "<script>" not in dana.page.html


URLS = [
    f"{factories.RETURN_URL}/",
    f"{factories.RETURN_URL}?next=https://evil.example",
    f"{factories.RETURN_URL}#x",
    f"{factories.RETURN_URL}/../evil",
    factories.RETURN_URL.upper(),
    factories.RETURN_URL.replace("http:", "https:"),
    factories.ORIGIN,
    "https://evil.example/return",
    "//evil.example",
    "/return",
    "javascript:alert(1)",
    "data:text/html,x",
    f"https://evil.example/{factories.RETURN_URL}",
    "http://acme.localhost:8001@evil.example/return",
    "a\x00b",
    " " + factories.RETURN_URL,
]


@pytest.mark.parametrize("url", URLS)
def test_a_return_address_that_is_not_registered_is_refused(project, url):
    dana = Visitor(project)
    dana.open(return_url=url)
    assert not opened(dana, 403)
    assert "evil.example" not in dana.page.html


def test_the_registered_return_address_is_kept(project):
    dana = Visitor(project)
    dana.open(return_url=factories.RETURN_URL)
    assert PortalSession.objects.get().return_url == factories.RETURN_URL


def test_the_return_address_of_another_project_is_refused(project):
    other = factories.make_project("Globex")
    ReturnUrl.objects.filter(project=other).update(url="https://globex.example/back")
    dana = Visitor(project)
    dana.open(return_url="https://globex.example/back")
    assert not opened(dana, 403)


ENDS = {
    "idle for half an hour": {"last_seen_at": timedelta(minutes=30)},
    "two hours old": {"expires_at": timedelta(0)},
    "ended": {"ended_at": timedelta(0)},
}


@pytest.mark.parametrize("moved", ENDS.values(), ids=ENDS)
def test_a_visit_ends(dana, moved):
    set_back(**moved)
    page = dana.post("/portal/manage")
    assert dana.last.status_code == 401
    assert "open too long" in page.text
    assert f"frame-ancestors {factories.ORIGIN}" in dana.last["Content-Security-Policy"]


def test_a_visit_ends_with_its_key(dana, project):
    project.signing_keys.update(revoked_at=timezone.now())
    dana.post("/portal/manage")
    assert dana.last.status_code == 401


def test_a_visit_ends_with_its_project(dana, project):
    project.is_active = False
    project.save()
    dana.post("/portal/manage")
    assert dana.last.status_code == 401
    Visitor(project).open()
    fresh = Visitor(project)
    fresh.open()
    assert fresh.last.status_code == 404


def test_a_visit_ends_with_its_origin_which_may_not_frame_the_refusal(dana, project):
    AllowedOrigin.objects.create(project=project, origin="https://other.example")
    project.allowed_origins.filter(origin=factories.ORIGIN).delete()
    dana.post("/portal/manage")
    assert dana.last.status_code == 401
    assert factories.ORIGIN not in dana.last["Content-Security-Policy"]
    dana.post("/oauth/start")
    assert dana.last.status_code == 401


def test_a_visit_does_not_live_on_an_origin_of_another_project(dana, project):
    factories.make_project("Globex", which=1)
    project.allowed_origins.all().delete()
    dana.post("/portal/manage")
    assert dana.last.status_code == 401


def test_a_visit_that_is_used_goes_on_but_not_for_ever(dana):
    session = PortalSession.objects.get()
    assert session.expires_at - session.created_at <= timedelta(hours=2, seconds=1)
    set_back(last_seen_at=timedelta(minutes=29))
    dana.post("/portal/manage")
    assert dana.last.status_code == 200
    seen = PortalSession.objects.get()
    assert timezone.now() - seen.last_seen_at < timedelta(minutes=1)
    assert seen.expires_at == session.expires_at


@pytest.mark.parametrize("handle", ["", "x" * 43, "x" * 129, "\ud800", "a\x00b", "é"], ids=ascii)
def test_a_handle_of_nobody_is_no_visit(handle):
    with pytest.raises(SessionInvalid) as error:
        sessions.session_of(handle)
    assert error.value.code == "session_invalid"


def test_a_handle_is_never_in_an_address(dana):
    dana.post("/portal/step", to="options")
    dana.enter()
    dana.approve()
    for answer in dana.answers:
        assert dana.handle not in answer.get("Location", "")
        assert f"={dana.handle}" not in answer.content.decode()


def test_two_visits_of_one_person_are_two_handles(project):
    first, second = (trips.visit(project) for _ in range(2))
    assert first.handle != second.handle
    assert first.session.end_user == second.session.end_user
