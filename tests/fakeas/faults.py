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
BODIES: dict[str, str] = {
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
    "empty_object": "{}",
    "empty_token": '{"access_token": "", "token_type": "Bearer"}',
    "null_token": '{"access_token": null, "token_type": "Bearer"}',
    "array_token": '{"access_token": ["a-token"], "token_type": "Bearer"}',
    "object_token": '{"access_token": {"value": "a-token"}, "token_type": "Bearer"}',
    "true_token": '{"access_token": true, "token_type": "Bearer"}',
    "nul_token": '{"access_token": "a\\u0000b", "token_type": "Bearer"}',
    "unicode_token": '{"access_token": "t\u00f6ken", "token_type": "Bearer"}',
    "surrogate_token": '{"access_token": "a\\ud800", "token_type": "Bearer"}',
    "long_token": f'{{"access_token": "{"x" * 20_000}", "token_type": "Bearer"}}',
    "array_refresh": f'{{{_TOKEN}, "refresh_token": ["r"]}}',
    "newline_refresh": f'{{{_TOKEN}, "refresh_token": "r\\r\\nX: y"}}',
    "mac_type": '{"access_token": "a-token", "token_type": "mac"}',
    "null_type": '{"access_token": "a-token", "token_type": null}',
    "number_type": '{"access_token": "a-token", "token_type": 7}',
    "no_type": '{"access_token": "a-token"}',
    "upper_case_type": '{"access_token": "a-token", "token_type": "BEARER"}',
    "negative_lifetime": f'{{{_TOKEN}, "expires_in": -1}}',
    "fraction_lifetime": f'{{{_TOKEN}, "expires_in": 0.5}}',
    "word_lifetime": f'{{{_TOKEN}, "expires_in": "soon"}}',
    "true_lifetime": f'{{{_TOKEN}, "expires_in": true}}',
    "array_lifetime": f'{{{_TOKEN}, "expires_in": [3600]}}',
    "endless_lifetime": f'{{{_TOKEN}, "expires_in": 99999999999}}',
    "number_scope": f'{{{_TOKEN}, "scope": 7}}',
    "object_scope": f'{{{_TOKEN}, "scope": {{"mail.read": true}}}}',
    "long_scope": f'{{{_TOKEN}, "scope": "{"s" * 20_000}"}}',
    "extra_members": f'{{{_TOKEN}, "__proto__": {{}}, "constructor": "x", "": 1}}',
    "spaces_around": f" \r\n {{{_TOKEN}}} \r\n ",
    "number": "7",
    "true": "true",
    "two_objects": f"{{{_TOKEN}}}{{{_TOKEN}}}",
    "trailing_comma": f"{{{_TOKEN},}}",
    "comment": f"/* */{{{_TOKEN}}}",
    "single_quotes": "{'access_token': 'a-token'}",
    "jsonp": f"callback({{{_TOKEN}}})",
    "json_prefix": f")]}}',\n{{{_TOKEN}}}",
    "duplicate_error": '{"error": "a", "error": "invalid_grant"}',
    "error_in_200": '{"error": "invalid_grant", "error_description": "gone"}',
    "error_is_object": '{"error": {"code": "invalid_grant"}}',
    "error_is_secret": '{"error": "fake-secret", "error_description": "fake-secret"}',
    "wide": "{" + ", ".join(f'"k{number}": 1' for number in range(9_000)) + "}",
    "xml": "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x 'y'>]><token>&x;</token>",
    "form": "access_token=a-token&token_type=bearer",
    "html": "<!doctype html><title>Sign in</title><p>Please sign in.</p>",
}
_MEDIA = {"form": "application/x-www-form-urlencoded", "html": "text/html"}
# Not text: bytes in another encoding, or made only when asked for.
RAW_BODIES: dict[str, bytes] = {
    "latin1": b'{"access_token": "\xe9\xff"}',
    "utf16": f"{{{_TOKEN}}}".encode("utf-16"),
    "utf32": f"{{{_TOKEN}}}".encode("utf-32"),
    "nul_bytes": b"\0" * 1_000,
}
BODY_NAMES = (*sorted(BODIES), *sorted(RAW_BODIES), "gzip_bomb", "huge", "endless")
ENDLESS = 50_000_000


def apply(ctx: Context, work: Callable[[], Response]) -> Response:
    """Run the endpoint under the faults in force for it."""
    client = clients.claimed(ctx) if ctx.route.endpoint == "token" else None
    delay = _find(ctx, client, "delay")
    if delay and delay.get("when") != "after":
        time.sleep(delay["seconds"])
    response = _refused_connection(ctx, client) or _instead(ctx, client) or work()
    if delay and delay.get("when") == "after":
        time.sleep(delay["seconds"])
    if _find(ctx, client, "lost"):
        response = replace(response, lost=True, outcome=f"{response.outcome}, answer lost")
    cut = _find(ctx, client, "cut")
    if cut:
        response = replace(response, cut=int(cut["bytes"]), outcome=f"{response.outcome}, cut")
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


def _refused_connection(ctx: Context, client: Client | None) -> Response | None:
    lost = ctx.mode(f"{ctx.route.endpoint}_lost", client)
    if not isinstance(lost, Mapping) or lost.get("when") != "before":
        return None
    found = _find(ctx, client, "lost")
    return Response(503, lost=True, outcome="lost before the work") if found else None


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
    if name == "endless":
        return Response(status, (media,), b'{"access_token": "', endless=ENDLESS)
    if name in RAW_BODIES:
        return Response(status, (media,), RAW_BODIES[name])
    return Response(status, (media,), BODIES.get(name, name).encode())


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
