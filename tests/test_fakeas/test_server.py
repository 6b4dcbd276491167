"""The server as its own process, its control API, its own pages and its documentation."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakeas import modes, visitor
from tests.fakeas.control import RegisteredClient, RemoteControl
from tests.fakeas.profiles.registry import PROFILES
from tests.fakeas.server import FakeAS
from tests.test_fakeas.oauth_app import CALLBACK, KINDS, OAuthApp

ROOT = Path(__file__).parents[2]
README = ROOT / "tests" / "fakeas" / "README.md"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RemoteControl, Path]]:
    """Run the server as its own process and return its control and its log."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("fakeas") / "log"
    command = [sys.executable, "-m", "tests.fakeas", "--port", str(port), "--verbose"]
    with log.open("wb") as output, subprocess.Popen(command, cwd=ROOT, stderr=output) as running:
        control = RemoteControl(f"http://127.0.0.1:{port}")
        _wait(port)
        yield control, log
        running.terminate()


def _wait(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server did not start")


def test_the_control_api_does_the_same_over_http(process: tuple[RemoteControl, Path]) -> None:
    control, _ = process
    control.reset()
    app = OAuthApp.registered(control, "zendesk")
    tokens = app.connect()
    assert control.requests("token", profile="zendesk")[0].param("redirect_uri") == CALLBACK
    assert control.count("token") == 1
    assert control.grants("zendesk")[0]["account"] == "alice@example.test"
    control.configure(profile="zendesk", times=1, token_status=503)
    assert app.refresh(tokens["refresh_token"]).status == 503
    control.advance_clock(1801)
    assert app.identity(tokens["access_token"]).status == 401
    assert control.revoke_grants(profile="zendesk") == 1
    assert app.refresh(tokens["refresh_token"]).error == "400 invalid_grant"
    with pytest.raises(ValueError, match="unknown mode"):
        control.configure(nonsense=1)
    control.reset()
    assert control.requests() == []


def test_the_log_holds_paths_only(process: tuple[RemoteControl, Path]) -> None:
    control, log = process
    app = OAuthApp.registered(control, "demo-mail")
    code = app.code()
    tokens = app.exchange(code).data
    text = log.read_text()
    assert "GET /demo-mail/oauth/authorize 200" in text
    kept = (code, tokens["access_token"], tokens["refresh_token"], app.client.client_secret)
    for secret in (*kept, "state-1", "?"):
        assert secret not in text


def test_web_pages_cannot_use_the_control_api(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    allowed = {"X-Fakeas-Control": "1"}
    assert app.call("GET", "/_control/counters").status == 403
    assert app.call("GET", "/_control/counters", headers=allowed).status == 200
    rebound = allowed | {"Host": "evil.example"}
    assert app.call("GET", "/_control/counters", headers=rebound).status == 403
    assert app.call("OPTIONS", "/_control/counters").status == 403


def test_control_requests_are_not_journaled(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    app.call("GET", "/_control/requests", headers={"X-Fakeas-Control": "1"})
    assert provider.requests() == []


def test_an_app_registered_on_the_page_works(provider: FakeAS) -> None:
    fields = [("profile", "demo-mail"), ("name", "My app"), ("redirect_uris", CALLBACK)]
    page = visitor.fetch(f"{provider.url}/apps", fields)
    found = re.findall(r'<code id="client-(?:id|secret)">([^<]+)</code>', page.text)
    client = RegisteredClient(found[0], found[1], (CALLBACK,))
    app = OAuthApp(provider, KINDS["demo-mail"], client)
    assert app.connect()["access_token"]
    assert "My app wants to use" in visitor.fetch(app.url()).text
    listing = visitor.fetch(f"{provider.url}/apps").text
    assert client.client_id in listing
    assert client.client_secret not in listing


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uris": "http://example.com/x"},
        {"redirect_uris": "javascript:alert(1)"},
        {"redirect_uris": "https://example.com/#x"},
        {"redirect_uris": ""},
        {"name": ""},
        {"profile": "nonsense"},
        {"scopes": "profile everything"},
    ],
)
def test_the_page_refuses_bad_registrations(provider: FakeAS, change: dict[str, str]) -> None:
    fields = {"profile": "demo-mail", "name": "<b>x</b>", "redirect_uris": CALLBACK} | change
    page = visitor.fetch(f"{provider.url}/apps", list(fields.items()))
    assert page.status == 400
    assert "<b>x</b>" not in page.text
    assert 'id="client-secret"' not in page.text


def test_the_page_refuses_other_sites(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail")
    media = "application/x-www-form-urlencoded"
    headers = {"Origin": "https://evil.example", "Content-Type": media}
    assert app.call("POST", "/apps", body="name=x", headers=headers).status == 403


@pytest.mark.parametrize("path", ["/", "/apps", "/nothing-here"])
def test_pages_carry_a_strict_policy_and_no_script(provider: FakeAS, path: str) -> None:
    page = visitor.fetch(provider.url + path)
    assert page.headers["content-security-policy"].startswith(
        "default-src 'none'; style-src 'self'"
    )
    assert page.headers["cache-control"] == "no-store"
    assert "<script" not in page.text


def test_names_from_the_outside_are_escaped(provider: FakeAS) -> None:
    app = OAuthApp.registered(provider, "demo-mail", name="<img src=x>")
    assert "<img" not in visitor.fetch(app.url()).text


def test_the_readme_lists_every_path_and_mode() -> None:
    text = README.read_text()
    for profile in PROFILES:
        for route in profile.routes:
            path = route.pattern.replace("/sharepoint/", "/outlook/")
            assert f"`{path}`" in text, path
    for name in modes.REGISTRY:
        documented = re.sub(r"^(identity|api|metadata|keys|revocation)_", "token_", name)
        assert f"`{name}`" in text or f"`{documented}`" in text, name
