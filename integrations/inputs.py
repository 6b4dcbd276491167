"""Check what people paste: client ids, secrets, scopes, settings. One set of rules for all doors.

Surrounding white space is removed and said so; the inside is never altered. A message names the
next step and never repeats a secret. Character sets are those of RFC 6749 appendix A.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from integrations.catalog.schema import Setting
from integrations.errors import FieldError, InvalidInput

MAX_CLIENT_ID, MAX_SECRET, MAX_SCOPES, MAX_SCOPE_LIST, MAX_SCOPE = 512, 4096, 100, 4096, 512
EDGES = " \t\r\n\f\v\u00a0\ufeff\u200b\u200c\u200d\u2060"
QUOTES = "\"'\u2018\u2019\u201c\u201d"
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
HIDDEN = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
NON_ASCII = re.compile(r"[^\x00-\x7f]")
MASK = re.compile(r"\A[\u2022\u25cf\u00b7*.\u2026]{3,}\Z")
SCOPE_SPLIT = re.compile(r"[\s,]+")
SCOPE_TOKEN = re.compile(r"\A[\x21\x23-\x5b\x5d-\x7e]+\Z")


@dataclass(frozen=True)
class Cleaned:
    """A value that may be used, and what was done to it, for the person to read."""

    value: str
    notice: str = ""


def clean_client_id(value: str, *, label: str = "Client ID") -> Cleaned:
    """Return the client identifier (RFC 6749 section 2.2). Raises InvalidInput."""
    cleaned = _trimmed("client_id", label, value, maximum=MAX_CLIENT_ID)
    if cleaned.value.startswith("{") or '"client_id"' in cleaned.value:
        _refuse("client_id", "looks_like_json", f"Paste only the {label}, not the whole JSON file.")
    _refuse_quotes("client_id", label, cleaned.value)
    _refuse_odd_characters("client_id", label, cleaned.value)
    if " " in cleaned.value:
        _refuse("client_id", "inner_space", f"{label} has a space inside. Copy it again.")
    return cleaned


def clean_client_secret(value: str, *, label: str = "Client secret") -> Cleaned:
    """Return the client secret (RFC 6749 section 2.3.1), byte for byte inside its edges.

    Raises InvalidInput, also for a value made of mask characters: a mask is never a secret.
    """
    cleaned = _trimmed("client_secret", label, value, maximum=MAX_SECRET)
    if MASK.match(cleaned.value):
        _refuse("client_secret", "mask", f"Enter the real {label}: this is only a mask.")
    _refuse_odd_characters("client_secret", label, cleaned.value)
    return cleaned


def clean_scopes(value: str | Iterable[str], *, field: str = "scopes") -> tuple[str, ...]:
    """Return scope tokens in order, each once (RFC 6749 section 3.3).

    Spaces, commas, tabs and line ends separate. Raises InvalidInput naming the token at fault.
    """
    text = value if isinstance(value, str) else " ".join(value)
    if len(text) > MAX_SCOPE_LIST:
        _refuse(field, "too_long", f"Enter at most {MAX_SCOPE_LIST} characters of permissions.")
    names = tuple(dict.fromkeys(part for part in SCOPE_SPLIT.split(text.strip(EDGES)) if part))
    if len(names) > MAX_SCOPES:
        _refuse(field, "too_many", f"Enter at most {MAX_SCOPES} permissions.")
    for name in names:
        _check_scope(field, name)
    return names


def clean_setting(setting: Setting, value: str) -> Cleaned:
    """Return the value of a provider's setting. Raises InvalidInput.

    A pasted address is accepted only when it is exactly the setting's own prefix and suffix
    around a value; every other host is refused.
    """
    if setting.kind == "scopes":
        return Cleaned(" ".join(clean_scopes(value, field=setting.name)))
    text = value.strip(EDGES)
    if not text and not setting.required:
        return Cleaned("")
    if not text:
        _refuse(setting.name, "required", f"Enter the {setting.label}.")
    if len(text) > max(setting.max_length, 500):
        _refuse(setting.name, "too_long", f"{setting.label} is too long.")
    _refuse_odd_characters(setting.name, setting.label, text)
    plain = _without_address(setting, text)
    plain = plain.lower() if setting.lowercase else plain
    _check_setting(setting, plain)
    return Cleaned(plain, "" if plain == value else f"We read this as {plain}.")


def clean_external_id(value: str) -> str:
    """Return the vendor's own label for a connection. Raises InvalidInput."""
    text = value.strip(EDGES).removeprefix("ext:").strip(EDGES)
    if value and not text:
        _refuse("external_id", "required", "The external id must not be empty.")
    if len(text) > 255 or CONTROL.search(text) or HIDDEN.search(text):
        _refuse("external_id", "invalid", "The external id must be up to 255 plain characters.")
    return text


def _trimmed(field: str, label: str, value: str, *, maximum: int) -> Cleaned:
    text = value.strip(EDGES)
    if not text:
        _refuse(field, "required", f"Enter the {label}.")
    if len(text) > maximum:
        _refuse(field, "too_long", f"{label} must have at most {maximum} characters.")
    return Cleaned(text, "" if text == value else f"We removed spaces around the {label}.")


def _refuse_quotes(field: str, label: str, text: str) -> None:
    if text[0] in QUOTES or text[-1] in QUOTES:
        _refuse(field, "quotes", f"Remove the quotation marks around the {label}.")


def _refuse_odd_characters(field: str, label: str, text: str) -> None:
    if CONTROL.search(text):
        message = f"{label} has a line break or control character inside. Copy it again."
        _refuse(field, "control_character", message)
    if HIDDEN.search(text):
        _refuse(field, "hidden_character", f"{label} has an invisible character inside. Type it.")
    if odd := NON_ASCII.search(text):
        message = f"{label} may only have ASCII characters; this one has {_point(odd[0])}."
        _refuse(field, "not_ascii", message)


def _check_scope(field: str, name: str) -> None:
    if len(name) > MAX_SCOPE:
        _refuse(field, "too_long", f"A permission has at most {MAX_SCOPE} characters.")
    if odd := NON_ASCII.search(name):
        _refuse(field, "not_ascii", f"A permission has the character {_point(odd[0])}: remove it.")
    if not SCOPE_TOKEN.match(name):
        shown = CONTROL.sub("?", name)
        _refuse(field, "bad_scope", f"{shown} is not a permission: no quotes or backslashes.")


def _without_address(setting: Setting, text: str) -> str:
    if not setting.prefix and not setting.suffix:
        return text
    address = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(address)
        host, plain = (parts.hostname or ""), parts.username is None and parts.port is None
    except ValueError:
        return text
    ours = bool(setting.suffix) and host.endswith(setting.suffix)
    if parts.scheme == "https" and plain and ours and "\\" not in text:
        return host.removesuffix(setting.suffix)
    return host if parts.scheme == "https" and plain and "://" in text else text


def _check_setting(setting: Setting, text: str) -> None:
    if text in setting.reserved:
        _refuse(setting.name, "reserved", f"{text} is not an account's own {setting.label}.")
    too_long = len(text) > setting.max_length
    if too_long or setting.pattern is None or not re.fullmatch(setting.pattern, text):
        example = f" For example: {setting.placeholder}." if setting.placeholder else ""
        _refuse(setting.name, "invalid", f"This is not a {setting.label} we can use.{example}")


def _point(character: str) -> str:
    return f"U+{ord(character):04X}"


def _refuse(field: str, code: str, message: str) -> None:
    raise InvalidInput(FieldError(field, code, message))
