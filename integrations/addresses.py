"""Check web addresses that people enter for the portal to call.

Where the host then resolves to is checked at each call (`oauth/http.py`): a name that is harmless
now may lead inside a network a minute later.
"""

from __future__ import annotations

import re
from typing import NoReturn
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from integrations.errors import FieldError, InvalidInput
from integrations.inputs import EDGES

MAX_URL = 2048
PLAIN = re.compile(r"\A[\x21-\x7e]+\Z")
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last label begins with a letter, so that no form of an IPv4 address passes for a name.
HOST = re.compile(rf"\A(?=.{{1,253}}\Z)(?:{LABEL}\.)+(?=[a-z]){LABEL}\Z")
LOOPBACK = re.compile(r"\A(?:127\.0\.0\.1|localhost)\Z")
INSIDE = (".localhost", ".local", ".internal", ".arpa", ".invalid", ".test", ".onion")
# Parameters that a request of ours sets itself (RFC 6749, RFC 7636).
RESERVED = frozenset(
    {
        "client_id", "client_secret", "code", "code_challenge", "code_challenge_method",
        "code_verifier", "grant_type", "redirect_uri", "refresh_token", "response_mode",
        "response_type", "scope", "state", "token",
    }
)  # fmt: skip


def clean_url(
    value: str, *, field: str, label: str, loopback: bool = False, any_query: bool = False
) -> str:
    """Return an https URL (RFC 3986) with a public DNS name, without the port if it is 443.

    With `any_query` it may have parameters that OAuth uses: nothing of OAuth is sent there. With
    `loopback` also plain http to this machine, for demo and tests. Raises InvalidInput with
    the field and the next step; the message repeats nothing of what was entered.
    """
    text = value.strip(EDGES)
    if not text:
        _refuse(field, "required", f"Enter the {label}.")
    if len(text) > MAX_URL:
        _refuse(field, "too_long", f"The {label} must have at most {MAX_URL} characters.")
    if not PLAIN.match(text) or "\\" in text:
        message = f"The {label} may only have ASCII characters, no spaces and no backslashes."
        _refuse(field, "not_ascii", message)
    parts = _split(field, label, text)
    if not (loopback and parts.scheme == "http" and LOOPBACK.match(parts.hostname or "")):
        _check_public(field, label, text, parts)
    _check_rest(field, label, parts)
    if not any_query:
        _check_query(field, label, parts)
    netloc = parts.netloc.lower().removesuffix(":443") if parts.scheme == "https" else parts.netloc
    return parts._replace(netloc=netloc).geturl()


def _split(field: str, label: str, text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        _refuse(field, "invalid", f"The {label} is not a web address. Copy it again.")
    if parts.username is not None or parts.password is not None:
        _refuse(field, "user_name", f"The {label} must not have a user name or password in it.")
    return parts


def _check_public(field: str, label: str, text: str, parts: SplitResult) -> None:
    if not text.startswith("https://"):
        _refuse(field, "not_https", f"The {label} must begin with https://.")
    host = parts.hostname or ""
    if not HOST.match(host) or host.endswith(INSIDE):
        message = f"The {label} must have a public host name, not an address or a local name."
        _refuse(field, "bad_host", message)
    if parts.netloc.lower() not in (host, f"{host}:443"):
        _refuse(field, "bad_port", f"The {label} must not name a port other than 443.")


def _check_rest(field: str, label: str, parts: SplitResult) -> None:
    if parts.fragment:
        _refuse(field, "fragment", f"The {label} must not have a # part.")
    segments = parts.path.split("/")[1:]
    odd = any(unquote(each).split(";")[0] in {".", ".."} for each in segments)
    if odd or "" in segments[:-1] or "%2f" in parts.path.lower() or ";" in parts.path:
        message = f"The path of the {label} has empty parts, dots or semicolons. Remove them."
        _refuse(field, "bad_path", message)


def _check_query(field: str, label: str, parts: SplitResult) -> None:
    names = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if names & RESERVED:
        message = f"The {label} must not set {min(names & RESERVED)}: the portal does that."
        _refuse(field, "reserved_parameter", message)


def _refuse(field: str, code: str, message: str) -> NoReturn:
    raise InvalidInput(FieldError(field, code, message))
