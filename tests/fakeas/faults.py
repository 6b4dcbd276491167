"""Ways to spoil an answer on its way: delays, statuses, bodies, redirects, cut connections."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from tests.fakeas import clients
from tests.fakeas.messages import Drip, Response
from tests.fakeas.store import Client
from tests.fakeas.world import Context

_JSON = "application/json"
_TOKEN = '"access_token": "a-token", "token_type": "Bearer"'
_BODIES: dict[str, str] = {
    "malformed": '{"access_token": "a-token", ',
    "empty": "",
    "array": '[{"access_token": "a-token"}]',
    "string": '"a-token"',
    "null": "null",
    "nan": f'{{{_TOKEN}, "expires_in": NaN}}',
    "infinity": f'{{{_TOKEN}, "expires_in": 1e999}}',
    "long_number": f'{{{_TOKEN}, "expires_in": {"9" * 5000}}}',
    "deep": "[" * 200_000 + "]" * 200_000,
    "duplicate_keys": f'{{{_TOKEN}, "access_token": "another"}}',
    "bom": f"\ufeff{{{_TOKEN}}}",
    "no_token": '{"token_type": "Bearer"}',
    "number_token": '{"access_token": 12345, "token_type": "Bearer"}',
    "newline_token": '{"access_token": "a\\r\\nb", "token_type": "Bearer"}',
    "form": "access_token=a-token&token_type=bearer",
    "html": "<!doctype html><title>Sign in</title><p>Please sign in.</p>",
}
_MEDIA = {"form": "application/x-www-form-urlencoded", "html": "text/html"}
BODY_NAMES = (*sorted(_BODIES), "gzip_bomb", "huge", "latin1")


def apply(ctx: Context, work: Callable[[], Response]) -> Response:
    """Run the endpoint under the faults in force for it."""
    client = clients.claimed(ctx) if ctx.route.endpoint == "token" else None
    delay = _find(ctx, client, "delay")
    if delay and delay.get("when") != "after":
        time.sleep(delay["seconds"])
    response = _instead(ctx, client) or work()
    if delay and delay.get("when") == "after":
        time.sleep(delay["seconds"])
    if _find(ctx, client, "lost"):
        response = replace(response, lost=True, outcome=f"{response.outcome}, answer lost")
    return _dripped(ctx, client, response)


def _find(ctx: Context, client: Client | None, kind: str) -> Mapping[str, Any] | None:
    name = f"{ctx.route.endpoint}_{kind}"
    value = ctx.mode(name, client)
    if value is None or value is False:
        return None
    fields: Mapping[str, Any] = value if isinstance(value, Mapping) else {"on": value}
    if fields.get("grant") not in (None, clients.peek(ctx).get("grant_type")):
        return None
    ctx.world.modes.use(ctx.profile.slug, name)
    return fields


def _instead(ctx: Context, client: Client | None) -> Response | None:
    for kind, build in (("redirect", _redirect), ("status", _status), ("body", _body)):
        value = _find(ctx, client, kind)
        if value:
            return replace(build(value), outcome=f"{ctx.route.endpoint}_{kind}")
    return None


def _redirect(value: Mapping[str, Any]) -> Response:
    return Response(int(value.get("status", 302)), (("Location", value["to"]),))


def _status(value: Mapping[str, Any]) -> Response:
    headers = [("Content-Type", "text/html")]
    if "retry_after" in value:
        headers.append(("Retry-After", str(value["retry_after"])))
    text = f"<!doctype html><title>{value['status']}</title><h1>Error {value['status']}</h1>"
    return Response(value["status"], tuple(headers), text.encode())


def _body(value: Mapping[str, Any]) -> Response:
    status, name = int(value.get("status", 200)), value["body"]
    media = ("Content-Type", str(value.get("content_type", _MEDIA.get(name, _JSON))))
    if name == "gzip_bomb":
        return Response(status, (media, ("Content-Encoding", "gzip")), gzip_bomb())
    if name == "huge":
        return Response(status, (media,), b'{"filler": "%s"}' % (b"x" * 10_000_000))
    if name == "latin1":
        return Response(status, (media,), b'{"access_token": "\xe9\xff"}')
    return Response(status, (media,), _BODIES.get(name, name).encode())


@cache
def gzip_bomb() -> bytes:
    """Return about 200 KB that decode to 200 MB of a JSON object, made piece by piece."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(b'{"access_token": "a-token",')]
    parts += [packer.compress(b" " * 1_000_000) for _ in range(200)]
    return b"".join([*parts, packer.compress(b'"a": 1}'), packer.flush()])


def _dripped(ctx: Context, client: Client | None, response: Response) -> Response:
    value = ctx.mode("drip", client)
    if not value or value.get("endpoint", "token") != ctx.route.endpoint:
        return response
    ctx.world.modes.use(ctx.profile.slug, "drip")
    drip = Drip(float(value["seconds"]), value.get("where", "body"))
    return replace(response, drip=drip)
