"""Headers that no browser sends, at every address: an answer, and never a failure."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern

from portal.urls import urlpatterns
from tests import factories
from tests.portal.api.conftest import Caller

pytestmark = pytest.mark.django_db
ID = "00000000-0000-0000-0000-000000000000"
PATHS = [
    "/embed/{id}/open",
    "/portal/",
    "/portal/manage",
    "/portal/options",
    "/portal/secret",
    "/oauth/start",
    "/oauth/callback/" + "a" * 26,
    "/oauth/done/{id}",
    "/hosted/x",
    "/handoff/x",
    "/look/{id}/x.css",
    "/api/v1/me",
    "/api/v1/connections",
    "/api/openapi.json",
    "/healthz",
    "/admin/login/",
    "/static/connect.js",
    "/nothing",
]
POSTED = ("/embed", "/portal/", "/oauth/start", "/hosted")
JUNK = {
    "languages": {"Accept-Language": "x-!!,*;q=9,\x7f;q=-1," + "de-DE," * 900},
    "one language": {"Accept-Language": "a" * 8_000},
    "cookies": {"Cookie": "a=b; " * 1_600 + 'cp_s="\\777; =; ;;; \x01'},
    "a long cookie": {"Cookie": "cp_s=" + "x" * 8_000},
    "latin-1": {"Authorization": "Bearer \xe4\xff", "Cookie": "cp_s=\xe4", "Referer": "\xff"},
    "utf-8 as latin-1": {"Origin": "https://b\xc3\xbccher.example", "User-Agent": "\xf0\x9f"},
    "odd origin": {"Origin": "https://[", "Referer": "http://[::1", "Sec-Fetch-Site": "\x0b"},
    "forwarded": {"X-Forwarded-For": "," * 500, "X-Forwarded-Proto": "\xe4", "Forwarded": "for=_"},
    "methods": {"X-HTTP-Method-Override": "DELETE", "Sec-Purpose": "\xff", "HX-Request": "\x00"},
    "lengths": {"If-None-Match": '"' * 4_000, "If-Modified-Since": "no date", "Range": "bytes=9-1"},
    "accept": {"Accept": "*/*;q=x," * 500, "Accept-Encoding": "gzip;q=zzz, \xff"},
    "request id": {"X-Request-Id": "a\r\nX-Evil: 1", "Idempotency-Key": "\xff" * 300},
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_row54_no_header_makes_an_address_fail(junk):
    client = Client(raise_request_exception=True)
    for path in PATHS:
        send = client.post if path.startswith(POSTED) else client.get
        answer: Any = send(path.format(id=ID), headers=junk)
        assert answer.status_code < 500, path
        assert "X-Evil" not in answer.headers


def test_row54_a_good_call_with_junk_beside_it_is_answered(project, zendesk):
    token = f"Bearer {factories.user_token(project)}"
    for name in ("languages", "cookies", "a long cookie", "accept"):
        assert Caller(token, **JUNK[name])("GET", "/v1/me").status_code == 200


def test_every_address_without_a_parameter_of_its_own_kind_is_tried():
    plain = [str(entry.pattern) for entry in urlpatterns if isinstance(entry, URLPattern)]
    first = {path.strip("/").split("/")[0] for path in PATHS}
    known = {text.replace(r"\A", "").split("/")[0] for text in plain}
    assert known - {"readyz"} <= first
