"""Each magic client id causes its one situation."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.fakeas import magic, visitor
from tests.fakeas.server import FakeAS
from tests.test_fakeas.oauth_app import OAuthApp, callback_params


@pytest.mark.parametrize("profile", sorted(magic.PROFILES))
def test_fake_ok(provider: FakeAS, profile: str) -> None:
    app = OAuthApp.magic(provider, "fake_ok", profile)
    assert app.identity(app.connect()["access_token"]).status == 200
    assert app.with_secret("wrong").exchange(app.code()).error == "401 invalid_client"


def test_fake_wrong_secret(provider: FakeAS) -> None:
    app = OAuthApp.magic(provider, "fake_wrong_secret")
    assert app.exchange(app.code()).error == "401 invalid_client"


@pytest.mark.parametrize(
    "client_id", ["fake_redirect_mismatch", "fake_unknown_client", "fake_admin_approval"]
)
def test_pages_of_the_provider(provider: FakeAS, client_id: str) -> None:
    page = visitor.fetch(OAuthApp.magic(provider, client_id).url())
    assert (page.status, page.location) == (400, "")
    assert provider.requests("authorization")[0].outcome == client_id.removeprefix("fake_")


def test_fake_unknown_client_is_unknown_at_the_token_endpoint(provider: FakeAS) -> None:
    app = OAuthApp.magic(provider, "fake_unknown_client")
    assert app.exchange("x").error == "401 invalid_client"


def test_fake_denied(provider: FakeAS) -> None:
    url = visitor.approve(OAuthApp.magic(provider, "fake_denied").url())
    assert callback_params(url)["error"] == ["access_denied"]


def test_fake_partial(provider: FakeAS) -> None:
    assert OAuthApp.magic(provider, "fake_partial").connect()["scope"] == "profile"


def test_fake_slow(provider: FakeAS) -> None:
    started = time.monotonic()
    OAuthApp.magic(provider, "fake_slow").exchange("x")
    assert time.monotonic() - started > 4.9


def test_fake_no_refresh(provider: FakeAS) -> None:
    assert "refresh_token" not in OAuthApp.magic(provider, "fake_no_refresh").connect()


def test_fake_expires_1m(provider: FakeAS) -> None:
    app = OAuthApp.magic(provider, "fake_expires_1m")
    tokens = app.connect()
    assert tokens["expires_in"] == 60
    provider.advance_clock(61)
    assert app.identity(tokens["access_token"]).status == 401
    assert app.refresh(tokens["refresh_token"]).data["expires_in"] == 60


def test_fake_other_account(provider: FakeAS) -> None:
    app = OAuthApp.magic(provider, "fake_other_account")
    subjects = {app.identity(app.connect()["access_token"]).data["sub"] for _ in range(3)}
    assert len(subjects) == 3


def test_fake_server_error(provider: FakeAS) -> None:
    assert OAuthApp.magic(provider, "fake_server_error").exchange("x").status == 503


def test_fake_html(provider: FakeAS) -> None:
    answer = OAuthApp.magic(provider, "fake_html").exchange("x")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html")


def test_fake_invalid_scope(provider: FakeAS) -> None:
    page = visitor.fetch(OAuthApp.magic(provider, "fake_invalid_scope").url())
    assert callback_params(page.location)["error"] == ["invalid_scope"]


def test_magic_ids_take_redirect_urls_on_this_computer_only(provider: FakeAS) -> None:
    app = OAuthApp.magic(provider, "fake_ok")
    for uri, status in (
        ("http://127.0.0.1:1/x", 200),
        ("http://acme.localhost:8001/x", 200),
        ("http://[::1]/x", 200),
        ("http://evil.example/x", 400),
        ("http://localhost.evil.example/x", 400),
        ("http://localhost@evil.example/x", 400),
        ("http://localhost/#x", 400),
        ("javascript://localhost/x", 400),
    ):
        assert visitor.fetch(app.url(redirect_uri=uri)).status == status, uri


def test_magic_ids_mean_nothing_to_the_seven(provider: FakeAS) -> None:
    assert visitor.fetch(OAuthApp.magic(provider, "fake_ok", "gmail").url()).status == 400


def test_every_magic_id_is_documented(provider: FakeAS) -> None:
    home = visitor.fetch(provider.url + "/").text
    readme = (Path(magic.__file__).parent / "README.md").read_text()
    for client_id in magic.CLIENTS:
        assert client_id in home
        assert f"`{client_id}`" in readme
