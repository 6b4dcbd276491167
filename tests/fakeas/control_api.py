"""The control API: what a test tells the server, in process or over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from tests.fakeas import clients
from tests.fakeas.messages import Request, Response, json_response
from tests.fakeas.modes import EVERYWHERE
from tests.fakeas.profiles.registry import BY_SLUG
from tests.fakeas.store import Client
from tests.fakeas.world import World

HEADER = "x-fakeas-control"
Payload = Mapping[str, Any]


def handle(world: World, request: Request) -> Response:
    """Answer a control request; web pages cannot send one, as it needs a custom header."""
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    if HEADER not in request.headers or not clients.is_loopback(host):
        return json_response(
            {"error": f"The header {HEADER} and a loopback host are needed."}, status=403
        )
    name = request.path.removeprefix("/_control/")
    try:
        payload = json.loads(request.body) if request.body else dict(request.query.pairs)
        return json_response(dispatch(world, name, payload))
    except KeyError as error:
        return json_response({"error": f"unknown or missing: {error.args[0]}"}, status=404)
    except (ValueError, TypeError, AttributeError) as error:
        return json_response({"error": str(error)}, status=400)


def dispatch(world: World, name: str, payload: Payload) -> Any:
    """Run one control command and return JSON data.

    Raises KeyError for an unknown command or a missing field, ValueError for a bad value.
    """
    return _COMMANDS[name](world, payload)


def _add_client(world: World, payload: Payload) -> Any:
    profile = BY_SLUG[payload["profile"]]
    client_id, secret = profile.new_credentials()
    client = Client(
        profile=profile.slug,
        client_id=payload.get("client_id") or client_id,
        client_secret=payload.get("client_secret") or secret,
        redirect_uris=tuple(payload.get("redirect_uris") or ()),
        name=payload.get("name") or "Test app",
        scopes=tuple(payload["scopes"]) if payload.get("scopes") is not None else None,
        pkce_required=bool(payload.get("pkce_required")),
        settings=dict(payload.get("settings") or {}),
    )
    world.store.clients[client.profile, client.client_id] = client
    return {
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "redirect_uris": list(client.redirect_uris),
    }


def _set_modes(world: World, payload: Payload) -> Any:
    profile = payload.get("profile") or EVERYWHERE
    if profile != EVERYWHERE and profile not in BY_SLUG:
        raise KeyError(profile)
    for name, value in payload["modes"].items():
        world.modes.set(profile, name, value, times=payload.get("times"))
    return {}


def _requests(world: World, payload: Payload) -> Any:
    found = world.journal.entries(payload.get("endpoint", ""), payload.get("profile", ""))
    return [asdict(entry) for entry in found]


def _counters(world: World, payload: Payload) -> Any:
    return world.journal.counters()


def _reset(world: World, payload: Payload) -> Any:
    world.modes.reset()
    world.journal.reset()
    if not payload.get("keep_tokens"):
        world.store.reset()
    if payload.get("clients"):
        world.store.clients.clear()
    return {}


def _clock(world: World, payload: Payload) -> Any:
    world.store.clock_offset += float(payload["advance"])
    return {"now": world.store.now()}


def _revoke(world: World, payload: Payload) -> Any:
    """End grants as if the person had removed the app at the provider."""
    ended = 0
    for grant in list(world.store.grants):
        wanted = payload.get("client_id") in (None, grant.client_id)
        if wanted and payload.get("profile") in (None, grant.profile) and not grant.revoked:
            grant.revoked = True
            ended += 1
    return {"ended": ended}


def _state(world: World, payload: Payload) -> Any:
    """Report how many grants are alive, and how many tokens each has issued."""
    grants = [
        each for each in list(world.store.grants) if payload.get("profile") in (None, each.profile)
    ]
    return [
        {
            "profile": grant.profile,
            "client_id": grant.client_id,
            "account": grant.account.email,
            "account_key": grant.account.key,
            "scopes": list(grant.scopes),
            "user_scopes": list(grant.user_scopes),
            "revoked": grant.revoked,
            "tokens": len(grant.tokens),
        }
        for grant in grants
    ]


_COMMANDS: dict[str, Callable[[World, Payload], Any]] = {
    "clients": _add_client,
    "modes": _set_modes,
    "requests": _requests,
    "counters": _counters,
    "reset": _reset,
    "clock": _clock,
    "revoke": _revoke,
    "grants": _state,
}
