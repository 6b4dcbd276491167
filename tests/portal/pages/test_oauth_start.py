"""Leaving for the provider: who may start a trip, and what the request says."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.test import Client, override_settings

from integrations.models import AuthorizationRequest, Integration
from integrations.secret import digest
from tests import factories, trips
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db

OWN = "http://localhost:8000"


def refused(person: Visitor, status: int = 403) -> bool:
    """Return whether the last answer refused to leave and nothing began."""
    assert person.last.status_code == status
    assert not person.last.cookies
    assert "/oauth/authorize" not in person.last.content.decode()
    return not AuthorizationRequest.objects.exists()


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_only_a_post_starts_a_trip(dana, method):
    answer = getattr(dana.client, method)("/oauth/start", headers={"Origin": OWN})
    assert answer.status_code == 405
    assert not answer.cookies
    assert not AuthorizationRequest.objects.exists()


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "",
        factories.ORIGIN,
        "https://evil.example",
        "http://localhost",
        "http://localhost:8001",
        "https://localhost:8000",
        "http://LOCALHOST:8000",
        "http://localhost:8000.evil.example",
        "http://localhost:8000/",
        "http://localhost:8000, http://localhost:8000",
    ],
)
def test_a_form_of_another_page_starts_nothing(dana, origin):
    fields = {"handle": dana.handle, "flow": dana.flow}
    headers = {} if origin is None else {"Origin": origin}
    dana.answers.append(dana.client.post("/oauth/start", fields, headers=headers))
    assert refused(dana)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Site", "none"),
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-Fetch-Mode", "no-cors"),
        ("Sec-Fetch-Dest", "iframe"),
        ("Sec-Fetch-Dest", "empty"),
        ("Sec-Fetch-Dest", "embed"),
    ],
)
def test_a_request_that_is_no_navigation_of_our_own_page_starts_nothing(dana, name, value):
    dana.post("/oauth/start", headers={name: value})
    assert refused(dana)


def test_a_browser_that_tells_what_it_does_is_let_through(dana):
    said = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}
    dana.post("/oauth/start", headers={**said, "Sec-Fetch-Dest": "document"})
    assert dana.last.status_code == 200


def test_a_handle_in_the_address_is_not_read(dana):
    path = f"/oauth/start?handle={dana.handle}&flow={dana.flow}"
    dana.answers.append(dana.client.post(path, headers={"Origin": OWN}))
    assert refused(dana, 401)


@pytest.mark.parametrize("handle", ["", "x", "x" * 43, "x" * 5000, "é", "a\x00b"])
def test_a_handle_of_nobody_is_refused(dana, handle):
    dana.post("/oauth/start", handle=handle)
    assert refused(dana, 401)


@pytest.mark.parametrize("flow", ["", "x", "a\x00b", "00000000-0000-4000-8000-000000000000"])
def test_a_flow_of_nobody_is_refused(dana, flow):
    dana.post("/oauth/start", flow=flow)
    assert refused(dana, 404)


def test_the_flow_of_somebody_else_is_refused(dana, project):
    mallory = trips.prepared(project, "mallory")
    mallory.post("/oauth/start", flow=dana.flow)
    assert refused(mallory, 404)


def test_a_flow_without_options_is_refused(project):
    eve = Visitor(project, "eve")
    eve.open()
    eve.post("/oauth/start")
    assert refused(eve)


def test_a_finished_flow_is_refused(dana):
    dana.post("/portal/cancel")
    dana.post("/oauth/start")
    assert refused(dana, 400)


def test_an_integration_that_was_switched_off_meanwhile_is_refused(dana):
    Integration.objects.update(is_active=False)
    dana.post("/oauth/start")
    assert refused(dana, 404)


def test_the_handle_of_an_embedded_visit_is_not_taken_as_a_cookie(dana):
    dana.client.cookies["cp_s"] = dana.handle
    dana.post("/oauth/start", handle="")
    assert refused(dana, 401)


def test_the_cookie_of_a_page_visit_is_not_taken_as_a_handle(project):
    erin = opened_as_page(project)
    erin.post("/oauth/start", handle=erin.client.cookies["cp_s"].value, flow=erin.flow)
    assert refused(erin, 401)


def test_a_page_visit_starts_with_its_cookie(project):
    erin = opened_as_page(project)
    assert erin.start().startswith("http://127.0.0.1:")
    assert 'name="handle"' not in erin.last.content.decode()


def test_a_page_visit_is_refused_without_its_cookie(project):
    erin = opened_as_page(project)
    erin.client = Client()
    erin.post("/oauth/start")
    assert refused(erin, 401)


def test_the_cookie_of_a_page_visit_is_lax_and_closed_to_scripts(project):
    cookie = opened_as_page(project).client.cookies["cp_s"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")


def test_the_answer_is_a_page_that_leads_on_and_loads_nothing(dana):
    url = dana.start()
    answer = dana.last
    assert (answer.status_code, answer.get("Location")) == (200, None)
    assert url.startswith("http://127.0.0.1:")
    assert dana.handle not in url
    assert "<script" not in answer.content.decode()
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cross-Origin-Opener-Policy"] == "unsafe-none"
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Frame-Options"] == "DENY"
    rules = answer["Content-Security-Policy"]
    for rule in ("default-src", "script-src", "form-action", "frame-ancestors", "base-uri"):
        assert f"{rule} 'none'" in rules


def test_a_refused_start_keeps_the_opener_too(dana):
    dana.post("/oauth/start", handle="x")
    assert dana.last["Cross-Origin-Opener-Policy"] == "unsafe-none"


def test_the_flow_cookie_binds_the_browser_for_ten_minutes(dana):
    dana.start()
    (name,) = dana.last.cookies
    cookie = dana.last.cookies[name]
    assert name == f"cp_f_{dana.flow.replace('-', '')[:8]}"
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert (cookie["path"], cookie["domain"], cookie["max-age"]) == ("/", "", 600)
    assert len(base64.urlsafe_b64decode(cookie.value + "=")) == 32
    assert AuthorizationRequest.objects.get().browser_hash == digest(cookie.value)


@override_settings(SECURE=True)
def test_the_flow_cookie_is_secure_where_the_portal_is(dana):
    dana.start()
    (cookie,) = dana.last.cookies.values()
    assert cookie["secure"]


def test_cookie_names_have_the_host_prefix_under_https():
    code = (
        "import django, json; django.setup();"
        "from django.conf import settings; from portal.pages import oauth, visit;"
        "print(json.dumps([oauth.COOKIE_PREFIX, visit.SESSION_COOKIE, settings.SECURE,"
        "settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME]))"
    )
    environment = {**os.environ, "BASE_URL": "https://connect.example.com"}
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    names = ["__Host-cp_f_", "__Host-cp_s", True, "__Host-cp_admin", "__Host-csrf"]
    assert json.loads(run.stdout) == names


def opened_as_page(project):
    """Return a person in a full-page visit, ready to leave."""
    erin = Visitor(project, "erin")
    erin.open(display="page")
    assert (erin.last.status_code, erin.last["Location"]) == (303, "/portal/")
    erin._page(erin.client.get("/portal/"))
    erin.enter()
    return erin
