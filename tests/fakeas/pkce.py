"""Proof Key for Code Exchange (RFC 7636), as strict as the profile or a mode says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from tests.fakeas.errors import Reason, Refused
from tests.fakeas.messages import Params
from tests.fakeas.store import Client
from tests.fakeas.world import Context

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def policy(ctx: Context, client: Client) -> str:
    """Return required, verified, ignored or refused."""
    chosen = ctx.mode("pkce", client)
    if chosen:
        return "required" if chosen == "enforced" else str(chosen)
    return "required" if client.pkce_required else ctx.profile.pkce


def accept_challenge(ctx: Context, client: Client, params: Params) -> str:
    """Return the code_challenge of an authorization request, or "" (RFC 7636 section 4.3).

    Raises Refused for a missing challenge, a method other than S256, or one that is not wanted.
    """
    rule, challenge = policy(ctx, client), params.get("code_challenge")
    if rule == "ignored":
        return ""
    if rule == "refused":
        if params.has("code_challenge") or params.has("code_challenge_method"):
            raise Refused(Reason.PKCE_REFUSED)
        return ""
    if not challenge:
        if rule == "required" or params.get("code_challenge_method"):
            raise Refused(Reason.MISSING_CHALLENGE)
        return ""
    if params.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise Refused(Reason.BAD_CHALLENGE)
    return challenge


def check_verifier(ctx: Context, client: Client, *, challenge: str, params: Params) -> None:
    """Compare code_verifier with the challenge (RFC 7636 section 4.6).

    Raises Refused, also for a verifier without a challenge (RFC 9700 section 4.8.2).
    """
    rule, verifier = policy(ctx, client), params.get("code_verifier")
    if rule == "ignored":
        return
    if rule == "refused" and verifier:
        raise Refused(Reason.PKCE_REFUSED)
    if not challenge:
        if verifier:
            raise Refused(Reason.WRONG_VERIFIER, "No code_challenge came with the authorization.")
        return
    if not verifier:
        raise Refused(Reason.MISSING_VERIFIER)
    if not _VERIFIER.fullmatch(verifier):
        raise Refused(Reason.WRONG_VERIFIER, "code_verifier is malformed.")
    if not hmac.compare_digest(s256(verifier), challenge):
        raise Refused(Reason.WRONG_VERIFIER)


def s256(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
