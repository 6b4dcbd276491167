"""The redirect back to the client, with a code or an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakeas.errors import Refused
from tests.fakeas.messages import Params, Response, redirect, with_query
from tests.fakeas.store import Client, Grant
from tests.fakeas.world import Context

WRONG_ISSUER = "https://another-issuer.example"
Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Target:
    """Where an error goes: a proven redirect URL of a known client."""

    client: Client
    redirect_uri: str
    params: Params


def success(ctx: Context, grant: Grant, code: str) -> Response:
    """Send the person back with a code (RFC 6749 section 4.1.2)."""
    authorization = grant.authorization
    extras = ctx.profile.callback_extras(authorization, grant)
    pairs: Pairs = [("code", code), *_state(authorization.params), *extras.items()]
    pairs += _issuer(ctx, authorization.client) + _extra(ctx, authorization.client)
    url = with_query(authorization.redirect_uri, pairs) + _fragment(ctx, authorization.client)
    return redirect(url, status=303)


def refusal(ctx: Context, target: Target, refused: Refused, *, status: int = 302) -> Response:
    """Send the person back with an error (RFC 6749 section 4.1.2.1)."""
    pairs: Pairs = [*ctx.profile.callback_error(refused).items(), *_state(target.params)]
    pairs += _issuer(ctx, target.client) + _extra(ctx, target.client)
    url = with_query(target.redirect_uri, pairs) + _fragment(ctx, target.client)
    return redirect(url, status=status, outcome=refused.reason.value)


def _state(params: Params) -> Pairs:
    state = params.get("state")
    return [("state", state)] if state else []


def _issuer(ctx: Context, client: Client) -> Pairs:
    default = "correct" if ctx.profile.has_issuer else "missing"
    right, wrong = ("iss", ctx.issuer), ("iss", WRONG_ISSUER)
    answers: dict[str, Pairs] = {
        "correct": [right],
        "wrong": [wrong],
        "missing": [],
        "duplicate": [right, wrong],
    }
    said = ctx.mode("iss", client) or default
    return answers.get(said, [("iss", said)])


def _fragment(ctx: Context, client: Client) -> str:
    """Return what some providers append, such as #_=_."""
    fragment = ctx.mode("callback_fragment", client)
    return f"#{fragment}" if fragment else ""


def _extra(ctx: Context, client: Client) -> Pairs:
    extra: Any = ctx.mode("extra_callback_params", client) or {}
    items = extra.items() if isinstance(extra, Mapping) else extra
    return [(str(name), str(value)) for name, value in items]
