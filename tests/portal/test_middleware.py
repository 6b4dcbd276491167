"""Headers on every answer, and former hosts."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings

from portal.pages import health
from tests import factories
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
PAGES = ("/", "/portal/", "/nowhere", "/admin/login/", "/healthz", "/readyz", "/api/v1/connections")


@pytest.mark.parametrize("path", PAGES)
def test_no_page_may_be_stored_or_framed(client, path):
    answer = client.get(path)
    assert answer["Cache-Control"] == "no-store" or "no-store" in answer["Cache-Control"]
    assert answer["X-Frame-Options"] == "DENY"
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Request-Id"].startswith("req_")


def test_an_embedded_page_may_be_framed_by_its_session_s_origin_only(provider):
    project = factories.make_project()
    factories.make_integration(project)
    dana = Visitor(project)
    dana.open()
    assert f"frame-ancestors {factories.ORIGIN};" in dana.last["Content-Security-Policy"] + ";"
    assert "X-Frame-Options" not in dana.last


def test_a_request_id_of_a_stranger_is_not_taken(client):
    answer = client.get("/healthz", headers={"X-Request-Id": "req_mine"})
    assert answer["X-Request-Id"] != "req_mine"


def test_an_unknown_host_is_refused():
    assert Client().get("/healthz", headers={"Host": "evil.example"}).status_code == 400


@override_settings(
    CALLBACK_HOSTS=["old.acme.example"], ALLOWED_HOSTS=["localhost", "old.acme.example"]
)
@pytest.mark.parametrize(
    ("path", "status"),
    [("/oauth/callback/" + "a" * 26, 400), ("/healthz", 404), ("/admin/login/", 404)],
)
def test_a_former_host_answers_callbacks_only(client, path, status):
    assert client.get(path, headers={"Host": "old.acme.example"}).status_code == status


@override_settings(
    ADMIN_HOST="admin.acme.example", ALLOWED_HOSTS=["localhost", "admin.acme.example"]
)
@pytest.mark.parametrize(
    ("host", "path", "status"),
    [
        ("admin.acme.example", "/admin/login/", 200),
        ("ADMIN.acme.example:443", "/admin/login/", 200),
        ("admin.acme.example.", "/admin/login/", 200),
        ("admin.acme.example", "/healthz", 200),
        ("localhost", "/healthz", 200),
        ("localhost", "/admin/login/", 404),
        ("localhost", "/admin/", 404),
        ("admin.acme.example", "/portal/", 404),
        ("admin.acme.example", "/api/v1/connections", 404),
        ("admin.acme.example", "/oauth/callback/" + "a" * 26, 404),
        ("admin.acme.example", "/hosted/" + "a" * 43, 404),
        ("admin.acme.example", "//admin/login/", 404),
        ("localhost", "/portal/", 401),
    ],
)
def test_the_admin_may_have_a_host_of_its_own(db, client, host, path, status):
    assert client.get(path, headers={"Host": host}).status_code == status


def test_the_host_header_never_reaches_the_redirect_url(provider):
    project = factories.make_project()
    factories.make_integration(project)
    dana = Visitor(project)
    dana.client.defaults["HTTP_X_FORWARDED_HOST"] = "evil.example"
    page = dana.open()
    assert "http://localhost:8000/oauth/callback/" in page.html
    assert "evil.example" not in page.html


def test_readiness_says_what_is_missing(client, monkeypatch):
    health._migrated.cache_clear()
    monkeypatch.setattr("portal.pages.health._unapplied", lambda: True)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    checks = {"database": True, "migrations": False, "keys": True, "spool": True}
    assert answer.json() == {"checks": checks}
