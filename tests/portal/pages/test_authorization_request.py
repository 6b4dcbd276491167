"""The authorization request: what it says, and that nothing else gets into it."""

from __future__ import annotations

import base64
import hashlib

import pytest

from integrations import clients
from integrations.clients import ClientConfig
from integrations.models import AuthorizationRequest, ClientVersion, Flow, Integration
from integrations.secret import Secret, digest
from tests import trips

pytestmark = pytest.mark.django_db

OWN = "http://localhost:8000"


def test_the_authorization_request_has_these_parameters_and_no_others(dana, provider):
    url = dana.start()
    asked = trips.parameters(url)
    assert url.split("?")[0] == f"{provider.url}/demo-mail/oauth/authorize"
    assert asked.pop("response_type") == "code"
    assert asked.pop("client_id") == "fake_ok"
    assert asked.pop("scope") == "openid profile mail.read"
    client = Flow.objects.get().oauth_client
    assert asked.pop("redirect_uri") == f"{OWN}/oauth/callback/{client.slot}"
    assert asked.pop("code_challenge_method") == "S256"
    assert len(base64.urlsafe_b64decode(asked.pop("state") + "=")) == 32
    challenge, verifier = asked.pop("code_challenge"), AuthorizationRequest.objects.get()
    hashed = hashlib.sha256(verifier.open_required("code_verifier").reveal().encode()).digest()
    assert base64.urlsafe_b64decode(challenge + "=") == hashed
    assert asked == {}


def test_state_verifier_and_cookie_are_new_each_time(dana):
    seen = []
    for _ in range(3):
        asked = trips.parameters(dana.start())
        (cookie,) = dana.last.cookies.values()
        seen.append((asked["state"], asked["code_challenge"], cookie.value))
    assert all(len(set(values)) == 3 for values in zip(*seen, strict=True))


def test_only_digests_of_state_and_browser_are_kept(dana):
    state = trips.parameters(dana.start())["state"]
    (cookie,) = dana.last.cookies.values()
    row = AuthorizationRequest.objects.values().get()
    assert row["state_hash"] == digest(state)
    assert not {state, cookie.value} & {str(value) for value in row.values()}
    assert "***" in repr(row["code_verifier"])


def test_starting_again_ends_the_trip_before(dana):
    dana.start()
    dana.start()
    first, second = AuthorizationRequest.objects.order_by("created_at")
    assert (first.status, second.status) == ("FAILED", "PENDING")
    assert first.code_verifier is None


def test_a_visit_has_at_most_five_trips_under_way(dana, project):
    for number in range(6):
        Integration.objects.create(
            project=project, provider_slug="demo-mail", slug=f"mail-{number}"
        )
        dana.post("/portal/connect", integration=f"mail-{number}")
        dana.post("/portal/account-type", account_type="user-configured-oauth")
        dana.enter()
        dana.start()
    pending = AuthorizationRequest.objects.filter(status="PENDING")
    assert pending.count() == 5
    assert AuthorizationRequest.objects.order_by("created_at").first().status == "FAILED"


@pytest.mark.parametrize(
    "scope",
    ["x&redirect_uri=https://evil.example", "x%26state%3Dx", "x#state=y", "x+state=y", "{state}"],
)
def test_a_scope_cannot_bring_parameters_of_its_own(dana, scope):
    dana.post("/portal/step", to="options")
    dana.enter(extra_scopes=scope)
    asked = trips.parameters(dana.start())
    assert asked["scope"] == f"openid profile mail.read {scope}"
    assert asked["redirect_uri"].startswith(f"{OWN}/oauth/callback/")
    assert len(asked["state"]) == 43


def test_a_redirect_url_or_state_that_is_posted_is_not_read(dana):
    dana.post("/oauth/start", redirect_uri="https://evil.example", state="chosen", scope="all")
    asked = trips.parameters(dana.page.refresh)
    assert asked["redirect_uri"].startswith(f"{OWN}/oauth/callback/")
    assert asked["state"] != "chosen"
    assert asked["scope"] == "openid profile mail.read"


def test_the_redirect_url_does_not_follow_the_host_header(dana):
    fields = {"handle": dana.handle, "flow": dana.flow}
    headers = {"Origin": OWN, "Host": "testserver"}
    answer = dana.client.post("/oauth/start", fields, headers=headers)
    assert f"{OWN}/oauth/callback/".replace(":", "%3A").replace("/", "%2F") in (
        answer.content.decode()
    )


def test_a_trip_uses_the_newest_version_of_the_client(dana):
    flow = dana.current_flow()
    config = ClientConfig("fake_partial", Secret("fake-secret"), {})
    clients.replace_config(client=flow.oauth_client, config=config, actor="test")
    assert flow.client_version.client_id == "fake_ok"
    assert trips.parameters(dana.start())["client_id"] == "fake_partial"
    newest = ClientVersion.objects.get(number=2)
    assert AuthorizationRequest.objects.get().client_version == newest
