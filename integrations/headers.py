"""Which headers travel through a proxied call, in each direction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urljoin, urlsplit

from integrations.catalog.messages import TokenUse
from integrations.secret import Secret

NAME = re.compile(r"\A[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}\Z")
VALUE = re.compile(r"\A[\x20-\x7e\x80-\xff\t]*\Z")
Pairs = Iterable[tuple[str, str]]
BEARER = TokenUse()

# RFC 9110 section 7.6.1, and those that older senders use the same way.
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings"}
)
# Whose call it is, where it came from, and what the transport itself states.
NEVER_OUT = frozenset(
    {"authorization", "cookie", "cookie2", "host", "origin", "referer", "forwarded", "via"}
    | {"content-length", "expect", "x-real-ip", "x-client-ip", "true-client-ip", "client-ip"}
    | {"x-cluster-client-ip", "x-request-id", "remote-addr", "from"}
    # These make one method or path out of another, after the rules were applied.
    | {"x-http-method", "x-http-method-override", "x-method-override", "x-rewrite-url"}
    | {"accept-encoding"}
)
NEVER_OUT_PREFIXES = ("proxy-", "x-forwarded-", "x-original-", "sec-", "cf-", "connect-portal-")
# What a provider says about its own origin must not be said about ours.
NEVER_BACK = frozenset(
    {"set-cookie", "set-cookie2", "strict-transport-security", "public-key-pins", "expect-ct"}
    | {"public-key-pins-report-only", "alt-svc", "clear-site-data", "origin-agent-cluster"}
    | {"permissions-policy", "feature-policy", "referrer-policy", "report-to", "nel", "server"}
    | {"reporting-endpoints", "x-frame-options", "x-content-type-options", "x-xss-protection"}
    | {"refresh", "service-worker-allowed", "service-worker", "sourcemap", "x-sourcemap", "date"}
    | {"speculation-rules", "use-as-dictionary", "document-policy", "cache-control", "expires"}
    | {"pragma", "age", "vary", "x-request-id", "idempotent-replayed", "via", "x-powered-by"}
    | {"x-accel-redirect", "x-sendfile", "x-accel-buffering", "location", "content-location"}
    | {"authorization", "authentication-info", "timing-allow-origin", "x-dns-prefetch-control"}
)
NEVER_BACK_PREFIXES = (
    "proxy-",
    "content-security-policy",
    "cross-origin-",
    "access-control-",
    "connect-portal-",
    "x-accel-",
    "sec-",
    "set-login",
)
WITH_ADDRESS = frozenset({"location", "content-location"})


def outgoing(pairs: Pairs, *, token: Secret, use: TokenUse = BEARER) -> dict[str, str]:
    """Return the caller's headers that may go on, with the connection's token as the credential.

    `use` says in which header the provider wants it. Raises ValueError for a name or value that
    HTTP does not permit (RFC 9110 section 5).
    """
    given = list(pairs)
    if not all(NAME.match(name) and VALUE.match(value) for name, value in given):
        raise ValueError("not a header")
    named = _named_by_connection(given)
    kept = {
        name: value.strip()
        for name, value in given
        if name.lower() not in HOP_BY_HOP | NEVER_OUT | named
        and not name.lower().startswith(NEVER_OUT_PREFIXES)
    }
    defaults = {"User-Agent": "Connect-Portal", "Accept": "*/*"}
    present = {name.lower() for name in kept}
    kept |= {name: value for name, value in defaults.items() if name.lower() not in present}
    kept["Accept-Encoding"] = _accepted(given)
    kept = {name: value for name, value in kept.items() if name.lower() != use.header.lower()}
    kept |= use.headers(token.reveal())
    return kept


def returned(pairs: Pairs, *, url: str, token: Secret) -> dict[str, str]:
    """Return the provider's headers that may go back to the caller.

    A header that repeats the access token is left out. An address in Location or Content-Location
    stays only if it is on the API's own host, and is then made absolute: ours is another one.
    """
    given = [(name, value.strip()) for name, value in pairs]
    named = _named_by_connection(given)
    kept: dict[str, str] = {}
    for name, value in given:
        low = name.lower()
        if not NAME.match(name) or not VALUE.match(value) or token.reveal() in value:
            continue
        if low in WITH_ADDRESS and (address := _on_same_host(url, value)):
            kept[name] = address
        if low in HOP_BY_HOP | NEVER_BACK | named or low.startswith(NEVER_BACK_PREFIXES):
            continue
        kept[name] = value
    return _with_one_length(kept)


def _named_by_connection(pairs: Pairs) -> frozenset[str]:
    return frozenset(
        option.strip().lower()
        for name, value in pairs
        if name.lower() == "connection"
        for option in value.split(",")
    )


def _accepted(pairs: Pairs) -> str:
    # Bodies are passed on as they are, so only the caller can say what it decompresses.
    found = [value for name, value in pairs if name.lower() == "accept-encoding"]
    return found[-1].strip() if found and found[-1].strip() else "identity"


def _on_same_host(url: str, value: str) -> str:
    try:
        here, there = urlsplit(url), urlsplit(joined := urljoin(url, value))
        same = (here.scheme, here.hostname, here.port) == (there.scheme, there.hostname, there.port)
    except ValueError:
        return ""
    plain = "\\" not in value and there.username is None and joined.isascii()
    return joined if same and plain else ""


def _with_one_length(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in headers.items()
        if name.lower() != "content-length" or (value.isascii() and value.isdecimal())
    }
