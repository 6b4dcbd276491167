"""Coming back from the provider: what is checked, in which order, before anything is sent."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.test import Client

from integrations.models import (
    Flow,
)
from tests import trips
from tests.fakeas import visitor as person

pytestmark = pytest.mark.django_db


def test_a_good_answer_leads_to_a_clean_address(dana, provider):
    dana.answers.append(dana.client.get(trips.path_of(person.approve(dana.start()))))
    answer = dana.last
    assert (answer.status_code, answer["Location"]) == (303, f"/oauth/done/{dana.flow}")
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store"
    assert answer["Cross-Origin-Opener-Policy"] == "unsafe-none"
    assert answer.content == b""
    assert dana.current_flow().status == Flow.Status.COMPLETED
    assert provider.count("token") == 1


def test_a_good_answer_ends_the_flow_cookie(dana):
    started = dana.start()
    (name,) = dana.last.cookies
    answer = dana.client.get(trips.path_of(person.approve(started)))
    assert (answer.cookies[name].value, answer.cookies[name]["max-age"]) == ("", 0)


@pytest.mark.parametrize("method", ["post", "head", "put", "delete", "options"])
def test_only_a_get_is_an_answer(dana, provider, method):
    reply = getattr(dana.client, method)(trips.answer(dana.start(), provider))
    assert reply.status_code == 405
    assert trips.untouched(dana, provider)


@pytest.mark.parametrize("name", ["Sec-Purpose", "Purpose"])
@pytest.mark.parametrize("value", ["prefetch", "prefetch;prerender"])
def test_a_prefetch_uses_nothing_up(dana, provider, name, value):
    back = trips.path_of(person.approve(dana.start()))
    assert dana.client.get(back, headers={name: value}).status_code == 204
    assert trips.untouched(dana, provider)
    dana.come_back(back)
    assert dana.current_flow().status == Flow.Status.COMPLETED


STATELESS = {
    "no state": {"state": None},
    "empty state": {"state": ""},
    "unknown state": {"state": "x" * 43},
    "state with NUL": {"state": "a\x00b"},
    "two unknown states": {"state": ["a", "b"]},
    "state too long": {"state": "x" * 129},
}
MALFORMED = {
    "no code": {"code": None},
    "empty code": {"code": ""},
    "two codes": {"code": ["a", "b"]},
    "code too long": {"code": "x" * 4097},
    "code and error": {"error": "access_denied"},
    "two errors": {"code": None, "error": ["access_denied", "server_error"]},
    "error too long": {"code": None, "error": "x" * 65},
    "two issuers": {"iss": ["https://a.example", "https://b.example"]},
    "issuer too long": {"iss": "https://" + "x" * 505},
    "query too long": {"padding": "x" * 8_200},
    "neither code nor error": {"code": None, "error": ""},
}


@pytest.mark.parametrize("changed", [*STATELESS.values(), *MALFORMED.values()])
def test_an_unreadable_answer_is_refused_alike_and_names_no_flow(dana, provider, changed):
    reply = dana.client.get(trips.answer(dana.start(), provider, **changed))
    assert (reply.status_code, reply["Cache-Control"]) == (400, "no-store")
    assert reply["Referrer-Policy"] == "no-referrer"
    assert reply["Cross-Origin-Opener-Policy"] == "unsafe-none"
    assert "This link has ended" in reply.content.decode()
    assert dana.flow not in reply.content.decode()


@pytest.mark.parametrize("changed", STATELESS.values(), ids=STATELESS)
def test_an_answer_of_no_known_state_touches_no_flow(dana, provider, changed):
    dana.client.get(trips.answer(dana.start(), provider, **changed))
    assert trips.untouched(dana, provider)


@pytest.mark.parametrize("changed", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_answer_fails_the_flow_of_its_state(dana, project, provider, changed):
    dana.client.get(trips.answer(dana.start(), provider, **changed))
    assert trips.failed(dana, "answer_malformed", provider)
    assert trips.refusals(project) == [("oauth.refused", "answer_malformed", "high")]


@pytest.mark.parametrize("other", ["same", "x" * 43, ""])
def test_a_state_given_twice_fails_the_flow_it_names(dana, provider, other):
    started = dana.start()
    state = trips.parameters(started)["state"]
    given = [state, state if other == "same" else other]
    reply = dana.client.get(trips.answer(started, provider, state=given))
    assert reply.status_code == 400
    assert trips.failed(dana, "answer_malformed", provider)


def test_a_good_answer_after_a_malformed_one_comes_too_late(dana, provider):
    started = dana.start()
    dana.client.get(trips.answer(started, provider, code=["a", "b"]))
    dana.come_back(person.approve(started))
    assert trips.failed(dana, "answer_malformed", provider)


def test_a_malformed_answer_leaves_what_is_connected(dana, provider):
    started = dana.start()
    dana.come_back(person.approve(started))
    dana.client.get(trips.answer(started, provider, code=["a", "b"]))
    assert dana.current_flow().status == Flow.Status.COMPLETED


@pytest.mark.parametrize("suffix", [".css", ";a.js", "%0a", "/", "x", "%00"])
def test_an_address_with_a_suffix_does_not_exist(dana, provider, suffix):
    started = dana.start()
    path = urlsplit(trips.parameters(started)["redirect_uri"]).path + suffix
    assert dana.client.get(trips.answer(started, provider, path=path)).status_code == 404
    assert trips.untouched(dana, provider)


def test_another_browser_cannot_finish_a_trip(dana, project, provider):
    back = trips.path_of(person.approve(dana.start()))
    reply = Client().get(back)
    assert (reply.status_code, reply["Location"]) == (303, f"/oauth/done/{dana.flow}")
    assert trips.failed(dana, "session_binding_failed", provider)
    assert trips.refusals(project) == [("oauth.refused", "session_binding_failed", "high")]


@pytest.mark.parametrize("value", ["", "x", "x" * 43, "é", "x" * 5000])
def test_a_browser_with_another_cookie_cannot_finish_a_trip(dana, provider, value):
    started = dana.start()
    (name,) = dana.last.cookies
    dana.client.cookies[name] = value
    dana.come_back(trips.answer(started, provider))
    assert trips.failed(dana, "session_binding_failed", provider)


def test_the_cookie_of_another_flow_is_not_enough(dana, project, provider):
    mallory = trips.prepared(project, "mallory")
    mallory.start()
    started = dana.start()
    mallory.client.get(trips.answer(started, provider))
    assert trips.failed(dana, "session_binding_failed", provider)


def test_a_trip_that_another_browser_spoiled_cannot_be_finished(dana, provider):
    started = dana.start()
    Client().get(trips.answer(started, provider))
    dana.come_back(person.approve(started))
    assert trips.failed(dana, "session_binding_failed", provider)
