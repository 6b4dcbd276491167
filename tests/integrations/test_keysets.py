"""A published key set: read with care, once a minute at most, never above registered keys."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.db.models.functions import Now
from django.utils import timezone
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from integrations import keys, keysets
from integrations.errors import InvalidInput, ProviderFailure, SessionInvalid
from integrations.models import AuditEvent, KeySet, SigningKey
from portal import sessions
from tests import factories

pytestmark = pytest.mark.django_db
FORMS = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}


class Publisher:
    """The vendor's server that publishes keys: says `answer`, counts calls."""

    def __init__(self) -> None:
        self.answer: tuple[int, dict[str, str], bytes] = (200, {}, b"{}")
        self.calls = 0
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.calls += 1
                status, headers, body = publisher.answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/keys"

    def publish(self, *listed: Any) -> None:
        self.answer = (200, {}, json.dumps({"keys": list(listed)}).encode())

    def __enter__(self) -> Publisher:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def running() -> Iterator[Publisher]:
    with Publisher() as publisher:
        yield publisher


@pytest.fixture
def publisher(running: Publisher) -> Publisher:
    running.calls = 0
    running.publish(jwk())
    return running


@pytest.fixture
def project(publisher):
    """A project that registers no key and publishes one."""
    made = factories.make_project()
    made.signing_keys.all().delete()
    keysets.publish_at(project=made, url=publisher.url, actor="test")
    return made


def jwk(alg: str = "RS256", which: int = 0, **changed: Any) -> dict[str, Any]:
    """Return a public key as a set lists it; a changed member of None is left out."""
    public = factories.private_key(alg, which).public_key()
    form = json.loads(FORMS[alg].to_jwk(public))
    form = {**form, "kid": factories.KID, "use": "sig", "alg": alg, "key_ops": ["verify"]}
    return {name: value for name, value in {**form, **changed}.items() if value is not None}


def later(project, *, tried: timedelta = timedelta(0), fetched: timedelta = timedelta(0)) -> None:
    """Let time have passed since the set was tried and read."""
    row = KeySet.objects.get(project=project)
    KeySet.objects.filter(pk=row.pk).update(
        tried_at=row.tried_at and row.tried_at - tried,
        fetched_at=row.fetched_at and row.fetched_at - fetched,
    )


def opens(project, **token: Any) -> bool:
    """Return whether a user token of the project is accepted."""
    try:
        sessions.visitor(project=project, user_token=factories.user_token(project, **token))
    except SessionInvalid:
        return False
    return True


def a_visit(project) -> sessions.Opened:
    """Open a visit with a token signed by the published key."""
    token = factories.user_token(project)
    visitor = sessions.visitor(project=project, user_token=token)
    opening = sessions.Opening(origin=factories.ORIGIN, display="embed")
    return sessions.open_session(visitor=visitor, opening=opening)


@pytest.mark.parametrize("alg", FORMS)
def test_a_token_signed_with_a_published_key_opens_a_visit(project, publisher, alg):
    publisher.publish(jwk(alg))
    assert opens(project, alg=alg)
    assert publisher.calls == 1


def test_the_set_is_not_read_for_each_token(project, publisher):
    assert all(opens(project) for _ in range(5))
    assert publisher.calls == 1


def test_unknown_key_ids_read_the_set_once_a_minute(project, publisher):
    assert opens(project)
    assert [keysets.signing_key(project=project, kid=f"k{each}") for each in range(300)] == [
        None
    ] * 300
    assert publisher.calls == 1
    later(project, tried=timedelta(seconds=61))
    assert keysets.signing_key(project=project, kid="k1") is None
    assert publisher.calls == 2


def test_a_new_key_is_found_by_its_first_token(project, publisher):
    assert opens(project)
    publisher.publish(jwk(), jwk("ES256", kid="new"))
    later(project, tried=timedelta(seconds=61))
    assert keysets.signing_key(project=project, kid="new") is not None


def test_a_key_that_left_the_set_ends_its_sessions(project, publisher):
    opened = a_visit(project)
    publisher.publish(jwk("ES256", kid="new"))
    later(project, tried=timedelta(minutes=11), fetched=timedelta(minutes=11))
    assert not opens(project)
    with pytest.raises(SessionInvalid):
        sessions.session_of(opened.handle.reveal())


def test_a_key_that_comes_back_to_the_set_is_good_again(project, publisher):
    assert opens(project)
    for listed in (jwk("ES256", kid="new"), jwk()):
        publisher.publish(listed)
        later(project, tried=timedelta(minutes=11), fetched=timedelta(minutes=11))
        keysets.signing_key(project=project, kid="any")
    assert opens(project)


def test_a_key_revoked_by_an_admin_stays_revoked_while_it_is_listed(project):
    assert opens(project)
    keys.revoke(key=SigningKey.objects.get(project=project), actor="admin:test")
    later(project, tried=timedelta(minutes=11), fetched=timedelta(minutes=11))
    assert not opens(project)


def test_a_registered_key_is_never_replaced_by_a_published_one(publisher):
    made = factories.make_project()
    publisher.publish(jwk("RS256", which=7))
    keysets.publish_at(project=made, url=publisher.url, actor="test")
    keysets.signing_key(project=made, kid="unknown")
    assert publisher.calls == 1
    assert opens(made)
    assert not opens(made, which=7)


def test_known_keys_stay_good_while_the_set_cannot_be_read(project, publisher):
    assert opens(project)
    publisher.answer = (503, {}, b"")
    later(project, tried=timedelta(hours=23), fetched=timedelta(hours=23))
    assert opens(project)
    assert KeySet.objects.get(project=project).failure == "key_set_unavailable"


def test_a_day_without_the_set_ends_their_use(project, publisher):
    assert opens(project)
    publisher.answer = (503, {}, b"")
    later(project, tried=timedelta(hours=25), fetched=timedelta(hours=25))
    assert not opens(project)


def test_a_failure_is_told_once_and_keeps_the_keys(project, publisher):
    assert opens(project)
    publisher.answer = (200, {}, b"<html>")
    for _ in range(3):
        later(project, tried=timedelta(minutes=11), fetched=timedelta(minutes=11))
        assert opens(project)
    events = AuditEvent.objects.filter(project=project, action="key_set.failed")
    assert [event.data["code"] for event in events] == ["provider_bad_response"]


def test_a_set_no_longer_published_takes_its_keys_along(project):
    opened = a_visit(project)
    keysets.publish_at(project=project, url="", actor="test")
    assert not opens(project)
    assert not KeySet.objects.exists()
    with pytest.raises(SessionInvalid):
        sessions.session_of(opened.handle.reveal())


UNUSABLE = {
    "no object": [],
    "no keys": {},
    "keys no list": {"keys": {}},
    "empty": {"keys": []},
    "too many": {"keys": [jwk(kid=str(each)) for each in range(21)]},
    "the same id twice": {"keys": [jwk(), jwk("ES256")]},
    "no key we could use": {"keys": [jwk(use="enc")]},
}
LEFT_OUT = {
    "for encryption": {"use": "enc"},
    "for something unknown": {"use": 1},
    "not for verifying": {"key_ops": ["sign"]},
    "operations no list": {"key_ops": "verify"},
    "another algorithm": {"alg": "RS512"},
    "HMAC": {"alg": "HS256"},
    "none": {"alg": "none"},
    "no id": {"kid": None},
    "an empty id": {"kid": ""},
    "id no text": {"kid": 1},
    "id a path": {"kid": "../x"},
    "id too long": {"kid": "x" * 65},
    "symmetric": {"kty": "oct", "k": "AAAA"},
    "with its private part": json.loads(RSAAlgorithm.to_jwk(factories.private_key())),
    "broken": {"n": "!"},
    "no modulus": {"n": None},
    "key type a list": {"kty": ["RSA"]},
}


@pytest.mark.parametrize("document", UNUSABLE.values(), ids=UNUSABLE)
def test_a_document_that_is_no_set_of_ours_is_refused_whole(document):
    with pytest.raises(ProviderFailure) as caught:
        keysets.accepted(document)
    assert caught.value.code == "key_set_unusable"


@pytest.mark.parametrize("changed", LEFT_OUT.values(), ids=LEFT_OUT)
def test_a_key_we_cannot_use_is_left_out(changed):
    found = keysets.accepted({"keys": [{**jwk(), **changed}, jwk("ES256", kid="good"), "text"]})
    assert [key.kid for key in found] == ["good"]


def test_keys_that_are_too_weak_are_left_out():
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    curve = ec.generate_private_key(ec.SECP384R1()).public_key()
    weak = [json.loads(RSAAlgorithm.to_jwk(small)), json.loads(ECAlgorithm.to_jwk(curve))]
    listed = [{**each, "kid": f"weak{index}"} for index, each in enumerate(weak)]
    found = keysets.accepted({"keys": [*listed, jwk("EdDSA", kid="good")]})
    assert [key.kid for key in found] == ["good"]


ANSWERS = {
    "redirect": (302, {"Location": "http://127.0.0.1:9/keys"}, b""),
    "not found": (404, {}, b"{}"),
    "too big": (200, {}, b" " * 70_000),
    "compressed": (200, {"Content-Encoding": "gzip"}, b"{}"),
    "no JSON": (200, {}, b"keys"),
    "a name twice": (200, {}, b'{"keys": [], "keys": []}'),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_publisher_that_misbehaves_opens_nothing(project, publisher, answer):
    publisher.answer = answer
    assert not opens(project)
    assert publisher.calls == 1
    assert KeySet.objects.get(project=project).failure


def test_an_address_inside_the_network_is_not_called(project):
    KeySet.objects.filter(project=project).update(url="https://[::1]/keys")
    assert not opens(project)
    assert KeySet.objects.get(project=project).failure == "provider_address_refused"


@pytest.mark.parametrize(
    "url", ["ftp://acme.example/", "https://127.0.0.1/", "https://a@b.example/"]
)
def test_an_address_that_may_not_be_called_cannot_be_set(project, url):
    with pytest.raises(InvalidInput) as caught:
        keysets.publish_at(project=project, url=url, actor="test")
    assert caught.value.errors[0].field == "url"
    assert opens(project)


def test_another_address_is_read_before_its_keys_count(project, publisher):
    assert opens(project)
    publisher.publish(jwk("ES256", kid="new"))
    keysets.publish_at(project=project, url=f"{publisher.url}?v=2", actor="test")
    assert not opens(project)
    assert keysets.signing_key(project=project, kid="new") is not None


def answer_after(monkeypatch: pytest.MonkeyPatch, project, url: str) -> None:
    """Read the project's set so slowly that its address is changed meanwhile."""
    fetched = keysets._fetched

    def slowly(address: str) -> Any:
        found = fetched(address)
        keysets.publish_at(project=project, url=url, actor="test")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(keysets, "_fetched", slowly)
        keysets.read(KeySet.objects.get(project=project))


def test_an_answer_from_an_address_given_up_meanwhile_counts_for_nothing(project, monkeypatch):
    answer_after(monkeypatch, project, "https://elsewhere.example/jwks")
    assert KeySet.objects.get().fetched_at is None
    assert not opens(project)


def test_a_late_answer_revives_no_visit(project, monkeypatch):
    visit = a_visit(project)
    answer_after(monkeypatch, project, "")
    assert not SigningKey.objects.filter(revoked_at=None).exists()
    with pytest.raises(SessionInvalid):
        sessions.session_of(visit.handle.reveal())


def test_one_of_two_that_ask_at_once_reads_the_set(project, publisher):
    KeySet.objects.filter(project=project).update(tried_at=Now())
    assert keysets.signing_key(project=project, kid=factories.KID) is None
    assert publisher.calls == 0
    assert KeySet.objects.filter(fetched_at__gt=timezone.now()).count() == 0
