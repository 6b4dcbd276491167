"""Exchanging the code: whatever the token endpoint does, the flow ends with a code and a retry."""

from __future__ import annotations

import pytest
from django.conf import settings

from integrations.models import AuthorizationRequest, Connection, Credential, Flow
from integrations.oauth import client as oauth
from integrations.oauth.http import Transport
from tests import trips
from tests.fakeas import visitor as person

pytestmark = pytest.mark.django_db

BAD = "provider_bad_response"
DOWN = "provider_unreachable"
BODIES = ["malformed", "empty", "array", "string", "null", "nan", "infinity", "long_number", "deep"]
BODIES += ["duplicate_keys", "no_token", "number_token", "newline_token", "html", "gzip_bomb"]
BODIES += ["huge", "latin1"]
NAN = '{"access_token": "a-token", "token_type": "Bearer", "level": NaN}'
FAULTS = {
    **{f"body {name}": ({"token_body": name}, BAD) for name in BODIES},
    "NaN in passing": ({"token_body": NAN}, BAD),
    "deep, but small": ({"token_body": "[" * 30_000 + "]" * 30_000}, BAD),
    "form that is none": ({"token_body": {"body": "a", "content_type": "text/plain"}}, BAD),
    "empty 204": ({"token_body": {"body": "", "status": 204}}, BAD),
    "error with 200": ({"token_body": '{"error": "server_error"}'}, "provider_error"),
    "error that is no text": ({"token_body": '{"error": {"a": 1}}'}, "provider_error"),
    "500": ({"token_status": 500}, DOWN),
    "503": ({"token_status": 503}, DOWN),
    "429": ({"token_status": {"status": 429, "retry_after": 7}}, DOWN),
    "404 in HTML": ({"token_status": 404}, BAD),
    "answer lost": ({"token_lost": True}, DOWN),
    "wrong secret": ({"token_error": "wrong_secret"}, "invalid_client"),
    "code not known": ({"token_error": "unknown_code"}, "code_refused"),
    "code of another redirect URL": ({"token_error": "redirect_mismatch"}, "code_refused"),
    "request not understood": ({"token_error": "bad_request"}, "provider_error"),
}
ANSWERS = {
    "access token empty": {"access_token": ""},
    "access token a list": {"access_token": ["a"]},
    "access token huge": {"access_token": "x" * 16_385},
    "access token with a line break": {"access_token": "a\n"},
    "access token not ASCII": {"access_token": "ä"},
    "refresh token a number": {"refresh_token": 5},
    "refresh token huge": {"refresh_token": "x" * 16_385},
    "token type unknown": {"token_type": "mac"},
    "token type null": {"token_type": None},
    "token type a list": {"token_type": ["Bearer"]},
    "expires_in negative": {"expires_in": -1},
    "expires_in a word": {"expires_in": "soon"},
    "expires_in a fraction": {"expires_in": 1.5},
    "expires_in true": {"expires_in": True},
    "expires_in a list": {"expires_in": [3600]},
    "expires_in too large": {"expires_in": 10**12},
    "scope an object": {"scope": {"a": "b"}},
    "scope huge": {"scope": "x" * 20_000},
    "an error beside a token": {"error": "invalid_request"},
}


@pytest.fixture(autouse=True)
def unlimited(settings):
    """Let one person try many times in a minute."""
    settings.LIMITS = {"start": "off"}


def fails(dana, code: str) -> None:
    """Come back to a failure that leaves nothing behind."""
    dana.approve()
    flow = dana.current_flow()
    assert (flow.status, flow.error_code) == (Flow.Status.FAILED, code)
    assert not Connection.objects.exists()
    assert not Credential.objects.exists()
    assert not AuthorizationRequest.objects.exclude(code_verifier__isnull=True).exists()


def works(dana, provider) -> None:
    """Come back to a connection."""
    provider.reset()
    dana.approve()
    assert dana.current_flow().status == Flow.Status.COMPLETED
    assert Credential.objects.count() == 1


@pytest.mark.parametrize("code", sorted({code for _, code in FAULTS.values()}))
def test_a_fault_of_the_token_endpoint_fails_the_flow(dana, project, provider, code):
    faults = {name: modes for name, (modes, said) in FAULTS.items() if said == code}
    for number, (name, modes) in enumerate(faults.items(), 1):
        provider.reset()
        provider.configure(profile="demo-mail", **modes)
        fails(dana, code)
        assert trips.refusals(project) == [("flow.failed", code, "low")] * number, name
    works(dana, provider)


def test_an_answer_of_the_wrong_shape_fails_the_flow(dana, provider):
    for changed in ANSWERS.values():
        provider.reset()
        provider.configure(profile="demo-mail", answer_set=changed)
        fails(dana, "provider_error" if "error" in changed else BAD)
    works(dana, provider)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_the_token_endpoint_is_not_followed(dana, provider, status):
    elsewhere = {"to": f"{provider.url}/demo-mail/userinfo", "status": status}
    provider.configure(profile="demo-mail", token_redirect=elsewhere)
    dana.approve()
    assert dana.current_flow().error_code == "provider_redirect"
    assert (provider.count("token"), provider.count("identity")) == (1, 0)
    provider.reset()
    dana.approve()
    assert dana.current_flow().status == Flow.Status.COMPLETED


@pytest.mark.parametrize("where", ["status", "header", "body"])
def test_a_dripping_answer_is_cut_at_the_deadline(dana, provider, where):
    kept = oauth.transport
    oauth.use(Transport(allow=settings.OUTBOUND_ALLOW_CIDRS, deadline=0.4))
    try:
        provider.configure(profile="demo-mail", drip={"seconds": 0.05, "where": where})
        fails(dana, "provider_timeout")
        works(dana, provider)
    finally:
        oauth.use(kept)


@pytest.mark.parametrize(
    "changed",
    [
        {"expires_in": None},
        {"expires_in": "3600"},
        {"expires_in": 0},
        {"token_type": "bearer"},
        {"refresh_token": None},
        {"scope": ["openid", "profile", "mail.read"]},
        {"unknown": {"deep": [1, 2, 3]}},
    ],
    ids=str,
)
def test_a_harmless_peculiarity_is_taken(dana, provider, changed):
    provider.configure(profile="demo-mail", answer_set=changed)
    dana.approve()
    assert dana.current_flow().status == Flow.Status.COMPLETED
    assert Connection.objects.get().status == Connection.Status.VALID


@pytest.mark.parametrize("body", ["bom", "form"])
def test_a_body_in_another_dress_is_taken(dana, provider, body):
    provider.configure(profile="demo-mail", token_body=body)
    dana.approve()
    assert dana.current_flow().status == Flow.Status.COMPLETED
    assert Credential.objects.get().open_required("access_token").reveal() == "a-token"


def test_an_account_that_cannot_be_read_does_not_lose_the_tokens(dana, provider):
    provider.configure(profile="demo-mail", identity_status=500)
    dana.approve()
    connection = Connection.objects.get()
    assert (connection.status, connection.account_id, connection.account_label) == ("VALID", "", "")


CALLBACK_ERRORS = {
    "access_denied": "access_denied",
    "invalid_scope": "invalid_scope",
    "server_error": "provider_error",
    "temporarily_unavailable": "provider_unreachable",
    "unauthorized_client": "invalid_client",
    "something_else": "provider_error",
    "<script>": "provider_error",
}


@pytest.mark.parametrize(("error", "code"), CALLBACK_ERRORS.items())
def test_an_error_of_the_provider_is_said_in_our_words(dana, provider, error, code):
    provider.configure(profile="demo-mail", callback_error=error)
    page = dana.come_back(person.open_authorization(dana.start()).location)
    assert dana.current_flow().error_code == code
    assert provider.count("token") == 0
    assert not {error, f"The provider answered {error}."} & set(page.words)
    assert "The provider answered" not in page.html
    provider.reset()
    dana.approve()
    assert dana.current_flow().status == Flow.Status.COMPLETED


def test_declining_is_an_end_with_a_way_back(dana):
    page = dana.deny()
    assert "Access was not approved" in page.text
    assert dana.status().form("/oauth/start")


def test_what_the_provider_puts_beside_the_answer_is_ignored(dana, provider):
    extra = {"shop": "evil.example", "instance_url": "https://evil.example", "token": "x"}
    provider.configure(profile="demo-mail", extra_callback_params=extra)
    dana.approve()
    assert dana.current_flow().status == Flow.Status.COMPLETED
    assert {entry.path for entry in provider.requests("token")} == {"/demo-mail/oauth/token"}
    assert Connection.objects.get().provider_data == {}


def test_no_code_state_token_or_secret_is_shown_or_logged(dana, provider, caplog):
    caplog.set_level("DEBUG")
    started = dana.start()
    back = person.approve(started)
    dana.come_back(back)
    dana.status()
    credential = Credential.objects.get()
    kept = [credential.open_required(name) for name in ("access_token", "refresh_token")]
    arrived = trips.parameters(back)
    secrets = ["fake-secret", arrived["code"], *(value.reveal() for value in kept)]
    secrets.append(provider.requests("token")[0].param("code_verifier"))
    logged = "\n".join(f"{each.getMessage()} {each.__dict__}" for each in caplog.records)
    seen = "\n".join(str(answer.headers) + answer.content.decode() for answer in dana.answers[1:])
    seen += logged
    assert not [secret for secret in [*secrets, arrived["state"]] if secret in seen]
