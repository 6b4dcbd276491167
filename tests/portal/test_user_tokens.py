"""User tokens: forged and loose ones are refused alike, whatever is wrong with them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils import timezone

from integrations.errors import SessionInvalid
from integrations.models import EndUser, Organization, SigningKey
from portal import sessions
from tests import factories

pytestmark = pytest.mark.django_db

NOW, HOUR = int(time.time()), 3600
PUBLIC = factories.pem(factories.private_key())


@pytest.fixture(autouse=True)
def _frozen():
    """Stop the clock, so that moments counted from `NOW` mean the same however long this takes."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def project():
    """A project with one RS256 key."""
    return factories.make_project()


def part(value: Any) -> str:
    """Return a header or payload as a token carries it."""
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def signed(header: Any, payload: Any, *, secret: str | None = None) -> str:
    """Return a token signed with the project's key, or by HMAC with `secret`, whatever it says."""
    text = f"{part(header)}.{part(payload)}"
    if secret is not None:
        signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    else:
        algorithm = jwt.get_algorithm_by_name("RS256")
        signature = algorithm.sign(text.encode(), factories.private_key())
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


GOOD = {"alg": "RS256", "typ": "JWT", "kid": factories.KID}

HEADERS = {
    "none": {**GOOD, "alg": "none"},
    "None": {**GOOD, "alg": "None"},
    "no algorithm": {"typ": "JWT", "kid": factories.KID},
    "another algorithm": {**GOOD, "alg": "PS256"},
    "an algorithm in a list": {**GOOD, "alg": ["RS256"]},
    "no kid": {"alg": "RS256", "typ": "JWT"},
    "another kid": {**GOOD, "kid": "another"},
    "kid empty": {**GOOD, "kid": ""},
    "kid a path": {**GOOD, "kid": "../../dev/null"},
    "kid an injection": {**GOOD, "kid": "x' OR '1'='1"},
    "kid a pattern": {**GOOD, "kid": "%"},
    "kid a list": {**GOOD, "kid": [factories.KID]},
    "kid a number": {**GOOD, "kid": 1},
    "kid with NUL": {**GOOD, "kid": "a\x00b"},
    "kid half a pair": {**GOOD, "kid": "\ud800"},
    "kid too long": {**GOOD, "kid": "x" * 65},
    "crit": {**GOOD, "crit": ["exp"], "exp": NOW},
    "crit empty": {**GOOD, "crit": []},
    "b64": {**GOOD, "b64": True},
    "jku": {**GOOD, "jku": "https://evil.example/keys"},
    "jwk": {**GOOD, "jwk": {"kty": "oct", "k": "AAAA"}},
    "x5u": {**GOOD, "x5u": "https://evil.example/cert"},
    "x5c": {**GOOD, "x5c": ["AAAA"]},
    "typ of an access token": {**GOOD, "typ": "at+jwt"},
    "typ a list": {**GOOD, "typ": ["JWT"]},
    "a list": [GOOD],
    "text": '"RS256"',
    "deep": "[" * 2_900,
}

CLAIMS = {
    "iss of another": {"iss": "00000000-0000-4000-8000-000000000000"},
    "iss a list": {"iss": ["x"]},
    "iss missing": {"iss": None},
    "aud of another": {"aud": "http://localhost:8000/p/00000000-0000-4000-8000-000000000000"},
    "aud with a slash": {"aud": "slash"},
    "aud in a list": {"aud": "list"},
    "aud missing": {"aud": None},
    "sub missing": {"sub": None},
    "sub empty": {"sub": ""},
    "sub too long": {"sub": "x" * 256},
    "sub not ASCII": {"sub": "dänä"},
    "sub with a space": {"sub": "da na"},
    "sub with a line end": {"sub": "dana\n"},
    "sub with NUL": {"sub": "da\x00na"},
    "sub a list": {"sub": ["dana"]},
    "sub a number": {"sub": 7},
    "exp missing": {"exp": None},
    "iat missing": {"iat": None},
    "too long a life": {"exp": NOW + HOUR + 1, "iat": NOW},
    "ten years": {"exp": NOW + 87_600 * HOUR},
    "exp before iat": {"exp": NOW + 10, "iat": NOW + 20},
    "exp as text": {"exp": str(NOW + 300)},
    "exp as a fraction": {"exp": NOW + 300.5},
    "exp infinite": {"exp": float("inf")},
    "exp not a number": {"exp": float("nan")},
    "iat as text": {"iat": str(NOW)},
    "iat as a fraction": {"iat": NOW + 0.5},
    "iat true": {"iat": True},
    "iat a list": {"iat": [NOW]},
    "iat minus infinite": {"iat": float("-inf")},
    "iat infinite": {"iat": float("inf")},
    "nbf infinite": {"nbf": float("inf")},
    "nbf a word": {"nbf": "now"},
    "org empty": {"org": ""},
    "org a list": {"org": ["acme"]},
    "org not ASCII": {"org": "äcme"},
}

LOOSE = {
    "empty": "",
    "a word": "token",
    "two parts": "a.b",
    "four parts": "a.b.c.d",
    "not ASCII": "ä.ö.ü",
    "NUL": "a\x00.b.c",
    "half a pair": "\ud800.b.c",
    "oversized": "x" * 8_193,
    "an API key": "cp_live_" + "x" * 43,
}


def refused(project, token: str) -> str:
    """Return the code with which a token is refused; nobody may have become known by it."""
    with pytest.raises(SessionInvalid) as error:
        sessions.visitor(project=project, user_token=token)
    assert not EndUser.objects.exists()
    assert not Organization.objects.exists()
    assert str(error.value) == error.value.code
    return error.value.code


def test_a_good_token_is_let_in(project):
    found = sessions.visitor(project=project, user_token=factories.user_token(project))
    assert (found.end_user.external_id, found.end_user.name) == ("dana", "Dana Reyes")
    assert (found.org_admin, found.signing_key.kid) == (False, factories.KID)
    assert sessions.visitor(project=project, user_token=signed(GOOD, factories.claims(project)))


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_three_algorithms_are_let_in(alg):
    project = factories.make_project(alg=alg)
    token = factories.user_token(project, alg=alg)
    assert sessions.visitor(project=project, user_token=token).end_user.external_id == "dana"


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_strange_header_is_refused(project, header):
    assert refused(project, signed(header, factories.claims(project))) == "user_token_invalid"


@pytest.mark.parametrize("secret", [PUBLIC, PUBLIC.strip(), "", factories.KID])
def test_the_public_key_is_no_shared_secret(project, secret):
    header = {**GOOD, "alg": "HS256"}
    token = signed(header, factories.claims(project), secret=secret)
    assert refused(project, token) == "user_token_invalid"


def test_a_token_without_signature_is_refused(project):
    head, payload, signature = factories.user_token(project).split(".")
    unsigned = signed({**GOOD, "alg": "none"}, factories.claims(project)).rsplit(".", 1)[0]
    for token in (f"{head}.{payload}.", f"{unsigned}.", f"{head}.{payload}.{signature[:-4]}"):
        assert refused(project, token) == "user_token_invalid"


def test_a_token_that_was_changed_is_refused(project):
    head, payload, signature = factories.user_token(project).split(".")
    other = part(factories.claims(project, sub="mallory"))
    flipped = signature[:-5] + ("A" if signature[-5] != "A" else "B") + signature[-4:]
    for token in (f"{head}.{other}.{signature}", f"{head}.{payload}.{flipped}"):
        assert refused(project, token) == "user_token_invalid"


def test_a_token_of_another_key_is_refused(project):
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    token = jwt.encode(factories.claims(project), stranger, "RS256", {"kid": factories.KID})
    assert refused(project, token) == "user_token_invalid"


def test_a_key_is_used_with_its_own_algorithm_only(project):
    key, headers = factories.private_key(), {"kid": factories.KID}
    token = jwt.encode(factories.claims(project), key, "PS256", headers)
    assert refused(project, token) == "user_token_invalid"


def test_a_token_that_is_good_but_oversized_is_refused(project):
    token = signed(GOOD, factories.claims(project, padding="x" * 6_000))
    assert len(token) > 8_192
    assert refused(project, token) == "user_token_invalid"


@pytest.mark.parametrize("changed", CLAIMS.values(), ids=CLAIMS)
def test_a_loose_claim_is_refused(project, changed):
    audience = f"http://localhost:8000/p/{project.pk}"
    special = {"slash": f"{audience}/", "list": [audience]}
    if changed.get("aud") in special:
        changed = {"aud": special[changed["aud"]]}
    token = signed(GOOD, factories.claims(project, **changed))
    assert refused(project, token) == "user_token_invalid"


@pytest.mark.parametrize("payload", ["[]", '"dana"', "{", "null", "[" * 2_900], ids=range(5))
def test_a_payload_that_is_no_object_is_refused(project, payload):
    assert refused(project, signed(GOOD, payload)) == "user_token_invalid"


@pytest.mark.parametrize("token", LOOSE.values(), ids=LOOSE)
def test_what_is_no_token_is_refused(project, token):
    assert refused(project, token) == "user_token_invalid"


def test_a_token_of_another_project_is_refused(project):
    other = factories.make_project("Globex", which=1)
    assert refused(project, factories.user_token(other)) == "user_token_invalid"
    assert refused(project, factories.user_token(other, which=1)) == "user_token_invalid"
    SigningKey.objects.filter(project=other).update(kid="another")
    token = jwt.encode(
        factories.claims(project), factories.private_key(which=1), "RS256", {"kid": "another"}
    )
    assert refused(project, token) == "user_token_invalid"


def test_a_token_of_a_revoked_key_is_refused(project):
    SigningKey.objects.update(revoked_at=timezone.now())
    assert refused(project, factories.user_token(project)) == "user_token_invalid"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"iat": NOW - 400, "exp": NOW - 61}, "user_token_expired"),
        ({"iat": NOW - 9 * HOUR, "exp": NOW - 8 * HOUR}, "user_token_expired"),
        ({"iat": NOW + 120, "exp": NOW + 420}, "user_token_not_yet_valid"),
        ({"nbf": NOW + 120}, "user_token_not_yet_valid"),
        ({"exp": True}, "user_token_expired"),
    ],
)
def test_a_token_out_of_its_time_is_refused_by_name(project, changed, code):
    assert refused(project, factories.user_token(project, **changed)) == code


def test_a_forged_token_is_not_told_that_it_has_expired(project):
    late = factories.claims(project, iat=NOW - 400, exp=NOW - 100)
    assert refused(project, signed({**GOOD, "alg": "HS256"}, late, secret=PUBLIC)) == (
        "user_token_invalid"
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"iat": NOW - 330, "exp": NOW - 30},
        {"iat": NOW + 30, "exp": NOW + 330},
        {"exp": NOW + HOUR, "iat": NOW},
        {"sub": "x" * 255},
        {"sub": "auth0|42", "nbf": NOW, "jti": "x"},
    ],
    # Fixed names: those made of moments would differ between the processes of one run.
    ids=("just ended", "early by a little", "an hour", "a long subject", "more claims"),
)
def test_a_token_within_the_limits_is_let_in(project, changed):
    token = factories.user_token(project, **changed)
    assert sessions.visitor(project=project, user_token=token).end_user


def test_names_are_cleaned_and_organizations_kept(project):
    odd = {"name": "Da\u202ena\x00\ud800 " + "x" * 99, "email": ["a"], "org": "acme"}
    found = sessions.visitor(
        project=project,
        user_token=signed(GOOD, factories.claims(project, **odd, org_admin="true")),
    )
    assert found.end_user.name == "Dana " + "x" * 75
    assert (found.end_user.email, found.end_user.organization.external_id) == ("", "acme")
    assert found.org_admin is False
