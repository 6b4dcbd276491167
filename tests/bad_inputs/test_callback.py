"""Whatever comes back in place of an answer: a refusal, and never a failure."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from integrations.models import AuthorizationRequest, Connection
from tests import trips

pytestmark = pytest.mark.django_db
NAMES = st.sampled_from(["state", "code", "iss", "error", "error_description", "State", "", "x[]"])
HARD = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\x00\r\n\u202e&=%+;#"), max_size=40
)
PAIRS = st.lists(st.tuples(NAMES, HARD), max_size=6)
RAW = st.text("%&=;+aZ09\xff.-_~", max_size=80)


@pytest.fixture
def dana(project, zendesk):
    """Dana, who was sent to the provider."""
    person = trips.prepared(project, integration="zendesk", settings={"subdomain": "acme"})
    started = person.start()
    person.callback = urlsplit(trips.parameters(started)["redirect_uri"]).path
    person.state = trips.parameters(started)["state"]
    return person


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(pairs=PAIRS, raw=RAW)
@example(pairs=[("state", "\x00")], raw="")
@example(pairs=[], raw="state=%ff&code=%00&iss=%")
def test_row55_an_answer_of_no_state_of_ours_is_refused_and_fails_nothing(
    dana, provider, pairs, raw
):
    query = "&".join([urlencode(pairs), raw])
    assert "state" not in parse_qs(query) or dana.state not in parse_qs(query)["state"]
    answer = dana.client.get(f"{dana.callback}?{query}")
    assert answer.status_code == 400
    assert "X-Evil" not in answer.headers
    assert trips.untouched(dana, provider)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(pairs=PAIRS.filter(bool))
@example(pairs=[("code", "a\x00b")])
@example(pairs=[("error", "\u202e<script>alert(1)</script>")])
@example(pairs=[("iss", "javascript:alert(1)")])
def test_row55_odd_answers_of_a_live_state_end_in_words(dana, provider, pairs):
    AuthorizationRequest.objects.update(status="PENDING")
    query, done = urlencode([("state", dana.state), *pairs]), f"/oauth/done/{dana.flow}"
    answer = dana.client.get(f"{dana.callback}?{query}")
    assert answer.status_code in (303, 400)
    assert "<script>" not in answer.content.decode()
    assert answer.headers.get("Location", done) == done
    assert not Connection.objects.exists()


def test_row55_an_answer_at_the_address_of_nobody_is_refused(zendesk):
    answer = Client().get(f"/oauth/callback/{'a' * 26}?state=x&code=y")
    assert answer.status_code == 400
