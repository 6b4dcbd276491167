"""Rows 22, 23 and 51: whom the portal believes, and how little it says to the others.

How long a refusal takes is not measured here: on a machine that does other work, that says nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.attacks.arena import Arena, Tenant
from tests.attacks.visit import parameters, prepared
from tests.portal.test_user_tokens import CLAIMS, HEADERS, LOOSE, NOW


def part(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode(errors="surrogatepass")).decode().rstrip("=")


def signed(tenant: Tenant, header: Any, payload: Any, *, secret: bytes | None = None) -> str:
    """Sign whatever is given with the tenant's key, or by HMAC."""
    text = f"{part(header)}.{part(payload)}"
    if secret is not None:
        signature = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    else:
        algorithm = jwt.get_algorithm_by_name("RS256")
        signature = algorithm.sign(text.encode(), algorithm.prepare_key(tenant.private_key))
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def public_pem(tenant: Tenant) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return tenant.private_key.public_key().public_bytes(encoding, form).decode()


def forged(arena: Arena) -> dict[str, str]:
    """Return tokens that must all be refused, by what is wrong with them."""
    mine, theirs = arena.mine, arena.theirs
    good = {"alg": "RS256", "typ": "JWT", "kid": mine.kid}
    found = {f"header: {name}": signed(mine, _with_kid(header, mine), mine.claims())
             for name, header in HEADERS.items()}  # fmt: skip
    special = {"slash": f"{mine.claims()['aud']}/", "list": [mine.claims()["aud"]]}
    for name, changed in CLAIMS.items():
        fixed = {key: _meant(value, special) for key, value in changed.items()}
        found[f"claim: {name}"] = signed(mine, good, mine.claims(**fixed))
    public = public_pem(mine)
    for secret in (public, public.strip(), "", mine.kid, mine.project):
        head = {**good, "alg": "HS256"}
        found[f"HMAC with {secret[:20]!r}"] = signed(
            mine, head, mine.claims(), secret=secret.encode()
        )
    head, payload, signature = mine.token().split(".")
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return found | {
        "no signature": f"{head}.{payload}.",
        "half a signature": f"{head}.{payload}.{signature[:40]}",
        "another payload": f"{head}.{part(mine.claims('mallory'))}.{signature}",
        "alg none, unsigned": f"{part({**good, 'alg': 'none'})}.{payload}.",
        "a stranger's key": jwt.encode(mine.claims(), stranger, "RS256", {"kid": mine.kid}),
        "another tenant's key": jwt.encode(
            mine.claims(), theirs.private_key, "RS256", {"kid": theirs.kid}
        ),
        "another tenant's key under our kid": jwt.encode(
            mine.claims(), theirs.private_key, "RS256", {"kid": mine.kid}
        ),
        "another tenant's token": theirs.token(),
        "PS256": jwt.encode(mine.claims(), mine.private_key, "PS256", {"kid": mine.kid}),
        "RS512": jwt.encode(mine.claims(), mine.private_key, "RS512", {"kid": mine.kid}),
    }


def _meant(value: Any, special: dict[str, Any]) -> Any:
    """Say a claim as it was meant when that list of claims was made, some time ago."""
    since = int(time.time()) - NOW
    if isinstance(value, str):
        return str(int(value) + since) if value.isdigit() else special.get(value, value)
    moment = type(value) in (int, float) and 0 < value - NOW + 1 < 10**9
    return value + since if moment else value


def _with_kid(header: Any, tenant: Tenant) -> Any:
    text = json.dumps(header).replace('"test-key"', json.dumps(tenant.kid))
    return json.loads(text) if not isinstance(header, str) else header


@pytest.mark.row(22)
@pytest.mark.row(51)
def test_every_forged_token_is_refused_with_one_and_the_same_answer(arena, bob):
    tokens = {**forged(arena), **LOOSE}
    assert len(tokens) > 80
    answers = set()
    with arena.repelled():
        for name, token in tokens.items():
            reply = bob.open(user_token=token.encode(errors="surrogatepass"))
            assert (reply.status, reply.cookies) == (401, {}), name
            answers.add(reply.text.replace(reply["x-request-id"], ""))
    assert len(answers) == 1


@pytest.mark.row(22)
def test_the_api_refuses_them_too_and_names_nothing(arena):
    answers = set()
    with arena.repelled():
        for name, token in list(forged(arena).items())[::4]:
            reply = arena.api("GET", "me", f"Bearer {token}")
            assert reply.status == 401, name
            answers.add(reply["content-type"] + reply.data["code"] + reply.data.get("detail", ""))
    assert len(answers) == 1


@pytest.mark.row(22)
def test_a_good_token_is_let_in_by_both_doors(arena, bob):
    assert bob.open().status == 200
    assert arena.api("GET", "me", f"Bearer {arena.mine.token('dana')}").status == 200


@pytest.mark.row(23)
@pytest.mark.parametrize("name", ["token", "user_token", "access_token", "jwt", "authorization"])
def test_a_token_in_an_address_opens_nothing_and_is_not_logged(arena, bob, name):
    token = arena.mine.token("somebody-else")
    logged = arena.stack.log.stat().st_size
    with arena.repelled():
        for path in ("me", "connections", "integrations"):
            reply = bob.browser.get(f"{arena.url}/api/v1/{path}?{name}={token}")
            assert reply.status == 401
        opened = bob.browser.post(
            f"{arena.url}/embed/{arena.mine.project}/open?{name}={token}",
            {"integration": "demo-mail"}, Origin=arena.origin,
        )  # fmt: skip
        assert opened.status == 401
    assert token not in arena.stack.log.read_text()[logged:]


@pytest.mark.row(23)
def test_a_revoked_key_ends_every_visit_it_opened_at_the_next_click(arena):
    person = prepared(arena, arena.theirs)
    link = person.start()
    assert link
    project = arena.theirs.project.replace("-", "")
    revoke = "UPDATE integrations_signingkey SET revoked_at = {} WHERE project_id = ?"
    arena.change(revoke.format("'2026-01-01 00:00:00'"), project)
    try:
        with arena.repelled("flow.failed session_expired low"):
            assert person.post("/portal/manage").status == 401
            assert person.start() == ""
            assert arena.api("GET", f"flows/{person.flow}", f"CP {person.handle}").status == 401
            assert arena.api("GET", "me", f"Bearer {arena.theirs.token()}").status == 401
            person.asked = parameters(link)
            person.come_back(person.answer())
    finally:
        arena.change(revoke.format("NULL"), project)
    assert person.connections() == []


@pytest.mark.row(23)
def test_a_handle_opens_nothing_outside_its_own_visit(arena, mallory, bob):
    handle = mallory.handle
    with arena.repelled():
        for scheme in ("Bearer", "CP"):
            for path in ("me", "connections", "integrations"):
                assert arena.api("GET", path, f"{scheme} {handle}").status == 401
        full_page = bob.browser.get(f"{arena.url}/portal/", Cookie=f"cp_s={handle}")
        assert full_page.status == 401
        assert bob.browser.get(f"{arena.url}/portal/?handle={handle}").status == 401


@pytest.mark.row(23)
def test_a_token_that_may_open_one_visit_opens_one(arena, bob):
    project = arena.theirs.project.replace("-", "")
    once = "UPDATE integrations_project SET require_jti = ? WHERE id = ?"
    arena.change(once, 1, project)
    bob.tenant = arena.theirs
    try:
        token = arena.theirs.token(bob.sub, jti="one-visit-only")
        assert bob.open(user_token=token).status == 200
        with arena.repelled():
            assert bob.open(user_token=token).status == 401
            assert bob.open(user_token=arena.theirs.token(bob.sub)).status == 401
    finally:
        arena.change(once, 0, project)
