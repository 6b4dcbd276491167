"""Read what an authorization server publishes about itself: words of a stranger.

Nothing here follows from the document by itself. Whoever asked compares, checks and confirms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlsplit

from integrations.catalog.values import SCOPE_TOKEN
from integrations.errors import FieldError, InvalidInput, ProviderFailure, ProviderUnavailable
from integrations.oauth import answers, client

ENDPOINTS = ("authorization_endpoint", "token_endpoint")
OPTIONAL_ENDPOINTS = ("revocation_endpoint", "userinfo_endpoint")
ISS_FLAG = "authorization_response_iss_parameter_supported"
MAX_TEXT, MAX_ITEMS, MAX_SCOPES, SHOWN = 512, 1_000, 100, 200
HEADERS = {"Accept": "application/json"}
UNREADABLE = "What the issuer publishes is not one JSON object of at most 64 KB."
WHY = {
    "provider_redirect": "The issuer answers with a redirect, and none is followed. Enter the "
    "issuer that the redirect leads to, if it is the right one.",
    "provider_address_refused": "The issuer's host leads to an address that is not public.",
    "provider_timeout": "The issuer did not answer in time. Try again later.",
}
UNREACHABLE = "The issuer cannot be reached. Check its address, or try again later."


@dataclass(frozen=True)
class Metadata:
    """The members that are used (RFC 8414 section 2, OpenID Connect Discovery 1.0 section 3).

    `auth_methods` and `challenge_methods` are None where the document does not speak of them.
    """

    issuer: str
    endpoints: Mapping[str, str]
    scopes: tuple[str, ...]
    auth_methods: tuple[str, ...] | None
    challenge_methods: tuple[str, ...] | None
    sends_iss: bool


def addresses(issuer: str) -> tuple[str, ...]:
    """Return where an issuer's document may be, most likely first.

    OpenID Connect Discovery 1.0 section 4 puts its name after the issuer's path, RFC 8414 section
    3.1 puts it before.
    """
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    origin = f"{parts.scheme}://{parts.netloc}"
    return (
        f"{origin}{path}/.well-known/openid-configuration",
        f"{origin}/.well-known/oauth-authorization-server{path}",
    )


def read(issuer: str) -> Metadata:
    """Return what `issuer`, a checked URL, publishes. Raises InvalidInput naming the member.

    The issuer in the document must be the one asked for, byte for byte (RFC 8414 section 3.3).
    """
    document = _document(issuer)
    claimed = document.get("issuer")
    if claimed != issuer:
        shown = _shown(claimed)
        _refuse("issuer", "issuer_mismatch", f"The document is about another issuer: {shown}.")
    _require_code_flow(document)
    sends_iss = document.get(ISS_FLAG, False)
    if not isinstance(sends_iss, bool):
        _refuse(ISS_FLAG, "invalid", f"{ISS_FLAG} in the document is neither true nor false.")
    scopes = (
        name for name in _names(document, "scopes_supported") or () if SCOPE_TOKEN.match(name)
    )
    return Metadata(
        issuer=issuer,
        endpoints=_endpoints(document),
        scopes=tuple(dict.fromkeys(scopes))[:MAX_SCOPES],
        auth_methods=_names(document, "token_endpoint_auth_methods_supported"),
        challenge_methods=_names(document, "code_challenge_methods_supported"),
        sends_iss=sends_iss,
    )


def _document(issuer: str) -> Mapping[str, Any]:
    failure = FieldError("issuer", "not_found", "The issuer publishes nothing about itself.")
    for address in addresses(issuer):
        try:
            answer = client.transport.request("GET", address, headers=HEADERS)
        except ProviderUnavailable as error:
            _refuse("issuer", error.code, WHY.get(error.code, UNREACHABLE))
        except ProviderFailure as error:
            failure = FieldError("issuer", error.code, WHY.get(error.code, UNREADABLE))
            continue
        if answer.status == 200:
            return _parsed(answer)
    raise InvalidInput(failure)


def _parsed(answer: Any) -> Mapping[str, Any]:
    try:
        document = answers.parsed(answer)
    except ProviderFailure:
        document = None
    if not isinstance(document, dict):
        _refuse("issuer", "provider_bad_response", UNREADABLE)
    return document


def _require_code_flow(document: Mapping[str, Any]) -> None:
    for member, wanted in (
        ("response_types_supported", "code"),
        ("grant_types_supported", "authorization_code"),
    ):
        listed = _names(document, member)
        if listed is not None and wanted not in listed:
            _refuse(member, "unsupported", f"{member} in the document leaves out {wanted}.")


def _endpoints(document: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for member in (*ENDPOINTS, *OPTIONAL_ENDPOINTS):
        value = document.get(member)
        if value is None and member in OPTIONAL_ENDPOINTS:
            continue
        if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
            _refuse(member, "invalid", f"The document has no usable {member}.")
        found[member] = value
    return found


def _names(document: Mapping[str, Any], member: str) -> tuple[str, ...] | None:
    value = document.get(member)
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        _refuse(member, "invalid", f"{member} in the document is not a list of names.")
    if not all(isinstance(name, str) and len(name) <= MAX_TEXT for name in value):
        _refuse(member, "invalid", f"{member} in the document is not a list of names.")
    return tuple(value)


def _shown(value: object) -> str:
    if not isinstance(value, str):
        return "none"
    # A look-alike must not pass for the real name.
    return "".join(each if " " < each < "\x7f" else "?" for each in value[:SHOWN]) or "none"


def _refuse(field: str, code: str, message: str) -> NoReturn:
    raise InvalidInput(FieldError(field, code, message))
