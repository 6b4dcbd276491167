"""Answers that no client should take: bodies by name, of one's own, endless and cut short."""

from __future__ import annotations

import gzip
import http.client
import io
from urllib.parse import urlsplit

import pytest

from tests.fakeas import faults
from tests.fakeas.server import FakeAS
from tests.test_fakeas.oauth_app import OAuthApp


@pytest.fixture
def app(provider: FakeAS) -> OAuthApp:
    """Return an app at Demo Mail."""
    return OAuthApp.registered(provider, "demo-mail")


READABLE = set(faults.BODY_NAMES) - {"gzip_bomb", "huge", "endless", *faults.RAW_BODIES}


@pytest.mark.parametrize("name", sorted(READABLE))
def test_token_body_replaces_the_answer(provider: FakeAS, app: OAuthApp, name: str) -> None:
    provider.configure(token_body=name)
    answer = app.exchange("x")
    assert (answer.status, answer.text) == (200, faults.BODIES[name])


@pytest.mark.parametrize("name", sorted(faults.RAW_BODIES))
def test_a_body_in_another_encoding_is_no_utf8(provider: FakeAS, name: str) -> None:
    provider.configure(token_body=name)
    assert _raw(provider) == faults.RAW_BODIES[name]


def test_an_endless_body_has_no_length_and_ends_with_the_connection(provider: FakeAS) -> None:
    provider.configure(token_body="endless")
    connection, answer = _asked(provider)
    assert answer.getheader("Content-Length") is None
    assert len(answer.read(300_000)) == 300_000
    connection.close()


def test_a_cut_body_is_shorter_than_it_says(provider: FakeAS) -> None:
    provider.configure(token_cut=5)
    connection, answer = _asked(provider)
    with pytest.raises(http.client.IncompleteRead) as cut:
        answer.read()
    assert len(cut.value.partial) == 5
    connection.close()


def _asked(provider: FakeAS) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection(urlsplit(provider.url).netloc, timeout=10)
    connection.request("POST", "/demo-mail/oauth/token", "x=y")
    return connection, connection.getresponse()


def _raw(provider: FakeAS) -> bytes:
    connection, answer = _asked(provider)
    try:
        return answer.read()
    finally:
        connection.close()


def test_a_body_of_ones_own(provider: FakeAS, app: OAuthApp) -> None:
    provider.configure(token_body={"body": "hello", "content_type": "text/plain", "status": 418})
    answer = app.exchange("x")
    assert (answer.status, answer.text) == (418, "hello")
    assert answer.headers["content-type"] == "text/plain"


def test_the_gzip_bomb_is_small_and_unpacks_to_200_megabytes() -> None:
    packed = faults.gzip_bomb()
    size = 0
    with gzip.open(io.BytesIO(packed)) as stream:
        while chunk := stream.read(1_000_000):
            size += len(chunk)
    assert len(packed) < 300_000
    assert size > 200_000_000
