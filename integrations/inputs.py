"""Check what people paste: client ids, secrets, scopes, settings. One set of rules for all doors.

Surrounding white space is removed and said so; the inside is never altered. A message names the
next step and never repeats a secret. Character sets are those of RFC 6749 appendix A.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NoReturn
from urllib.parse import urlsplit

from integrations.catalog.schema import Setting
from integrations.errors import FieldError, InvalidInput
from integrations.wording import said

MAX_CLIENT_ID, MAX_SECRET, MAX_SCOPES, MAX_SCOPE_LIST, MAX_SCOPE = 512, 4096, 100, 4096, 512
# A pasted address may be longer than the part of it that is kept.
MAX_ADDRESS = 500
MAX_EXTERNAL_ID = 255
MAX_SECRET_DAYS = 3660
ISO_DATE = re.compile(r"\A\d{4}-\d{2}-\d{2}\Z")
EDGES = " \t\r\n\f\v\u00a0\ufeff\u200b\u200c\u200d\u2060"
QUOTES = "\"'\u2018\u2019\u201c\u201d"
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
NON_ASCII = re.compile(r"[^\x00-\x7f]")
# Formatting, lone surrogates, line and paragraph separators: Unicode's invisible categories.
INVISIBLE = frozenset({"Cf", "Cs", "Zl", "Zp"})
# Whole, or as consoles show a saved secret: with its last characters.
MASK = re.compile(r"\A(?:[\u2022\u25cf\u00b7*.\u2026]{3,}|[\u2022\u25cf*]{4,}.{1,4})\Z")
JSON_TEXT = re.compile(r'\A\{\s*"|"client_(?:id|secret)"')
SCOPE_SPLIT = re.compile(r"[ \t\r\n\f\v\u00a0,]+")
SCOPE_TOKEN = re.compile(r"\A[\x21\x23-\x5b\x5d-\x7e]+\Z")


@dataclass(frozen=True)
class Cleaned:
    """A value that may be used, and what was done to it, for the person to read."""

    value: str
    notice: str = ""


def clean_client_id(value: str, *, label: str = "Client ID") -> Cleaned:
    """Return the client identifier (RFC 6749 section 2.2). Raises InvalidInput."""
    _refuse_json("client_id", label, value)
    cleaned = _trimmed("client_id", label, value, maximum=MAX_CLIENT_ID)
    _refuse_quotes("client_id", label, cleaned.value)
    _refuse_odd_characters("client_id", label, cleaned.value)
    if " " in cleaned.value:
        _refuse(
            "client_id",
            "inner_space",
            said("{label} has a space inside. Copy it again.", label=label),
        )
    return cleaned


def clean_client_secret(value: str, *, label: str = "Client secret") -> Cleaned:
    """Return the client secret (RFC 6749 section 2.3.1), byte for byte inside its edges.

    Raises InvalidInput, also for a value made of mask characters: a mask is never a secret.
    """
    _refuse_json("client_secret", label, value)
    cleaned = _trimmed("client_secret", label, value, maximum=MAX_SECRET)
    if MASK.match(cleaned.value):
        _refuse(
            "client_secret",
            "mask",
            said("Enter the real {label}: this is only a mask.", label=label),
        )
    _refuse_odd_characters("client_secret", label, cleaned.value)
    return cleaned


def clean_expiry(value: str, *, days: int | None = None) -> Cleaned:
    """Return the day a secret ends, as 2027-03-14, or nothing. Raises InvalidInput.

    `days` is how far ahead the provider lets a secret end, if it has a limit.
    """
    text, field = value.strip(EDGES), "secret_expires_on"
    if not text:
        return Cleaned("")
    try:
        end = date.fromisoformat(text) if ISO_DATE.match(text) else None
    except ValueError:
        end = None
    today = datetime.now(UTC).date()
    if end is None:
        _refuse(
            field, "invalid", said("Enter the day the secret expires like 2027-03-14, or none.")
        )
    if end < today:
        _refuse(field, "past", said("This day is over. Make a new secret and enter its day."))
    if end > today + timedelta(days=days or MAX_SECRET_DAYS):
        _refuse(field, "too_far", said("No secret is good for that long. Check the year."))
    return Cleaned(end.isoformat())


def clean_scopes(
    value: str | Iterable[str], *, field: str = "scopes", label: str = ""
) -> tuple[str, ...]:
    """Return scope tokens in order, each once (RFC 6749 section 3.3).

    Spaces, commas, tabs and line ends separate. `label` begins each message, for a list that is
    not the permissions themselves. Raises InvalidInput naming the token at fault.
    """
    text = value if isinstance(value, str) else " ".join(value)
    about = f"{label}: " if label else ""
    if len(text) > MAX_SCOPE_LIST:
        message = said(
            "{about}Enter at most {number} characters of permissions.",
            about=about,
            number=MAX_SCOPE_LIST,
        )
        _refuse(field, "too_long", message)
    names = tuple(dict.fromkeys(part for part in SCOPE_SPLIT.split(text.strip(EDGES)) if part))
    if len(names) > MAX_SCOPES:
        _refuse(
            field,
            "too_many",
            said("{about}Enter at most {number} permissions.", about=about, number=MAX_SCOPES),
        )
    for name in names:
        _check_scope(field, about, name)
    return names


def clean_setting(setting: Setting, value: str) -> Cleaned:
    """Return the value of a provider's setting. Raises InvalidInput.

    A pasted address is accepted only when it is exactly the setting's own prefix and suffix
    around a value; every other host is refused.
    """
    text = value.strip(EDGES)
    if not text and not setting.required:
        return Cleaned("")
    if not text:
        _refuse(setting.name, "required", said("Enter the {label}.", label=setting.label))
    if setting.kind == "scopes":
        return _scope_setting(setting, text)
    if len(text) > max(setting.max_length, MAX_ADDRESS):
        _refuse(setting.name, "too_long", _unusable(setting))
    _refuse_odd_characters(setting.name, setting.label, text)
    plain = _without_address(setting, text)
    plain = plain.lstrip("/") if setting.kind == "path" else plain
    plain = plain.lower() if setting.lowercase else plain
    _check_setting(setting, plain)
    return Cleaned(
        plain,
        ""
        if plain == value
        else said("We read the {label} as {plain}.", label=setting.label, plain=plain),
    )


def clean_external_id(value: str) -> str:
    """Return the vendor's own label for a connection. Raises InvalidInput."""
    text = value.strip(EDGES)
    while text.startswith("ext:"):
        text = text.removeprefix("ext:").strip(EDGES)
    if value and not text:
        _refuse("external_id", "required", "The external id must not be empty.")
    if len(text) > MAX_EXTERNAL_ID or CONTROL.search(text) or _invisible(text):
        _refuse("external_id", "invalid", "The external id must be up to 255 plain characters.")
    return text


def _trimmed(field: str, label: str, value: str, *, maximum: int) -> Cleaned:
    text = value.strip(EDGES)
    if not text:
        _refuse(field, "required", said("Enter the {label}.", label=label))
    if len(text) > maximum:
        message = said(
            "{label} must have at most {number} characters. Copy only the {label}.",
            label=label,
            number=maximum,
        )
        _refuse(field, "too_long", message)
    return Cleaned(
        text, "" if text == value else said("We removed spaces around the {label}.", label=label)
    )


def _refuse_json(field: str, label: str, text: str) -> None:
    # Before the length: such a file is often longer than what it holds may be.
    if JSON_TEXT.search(text.strip(EDGES)):
        _refuse(
            field,
            "looks_like_json",
            said("Paste only the {label}, not the whole JSON file.", label=label),
        )


def _refuse_quotes(field: str, label: str, text: str) -> None:
    if text[0] in QUOTES or text[-1] in QUOTES:
        _refuse(
            field, "quotes", said("Remove the quotation marks around the {label}.", label=label)
        )


def _refuse_odd_characters(field: str, label: str, text: str) -> None:
    if CONTROL.search(text):
        message = said(
            "{label} has a line break or control character inside. Copy it again.", label=label
        )
        _refuse(field, "control_character", message)
    if hidden := _invisible(text):
        message = said(
            "{label} has an invisible character inside, {point}. Type it by hand.",
            label=label,
            point=_point(hidden),
        )
        _refuse(field, "hidden_character", message)
    if odd := NON_ASCII.search(text):
        point = _point(odd[0])
        message = said(
            "{label} may only have ASCII characters. Remove or retype {point}.",
            label=label,
            point=point,
        )
        _refuse(field, "not_ascii", message)


def _invisible(text: str) -> str:
    return next((each for each in text if unicodedata.category(each) in INVISIBLE), "")


def _check_scope(field: str, about: str, name: str) -> None:
    if len(name) > MAX_SCOPE:
        code, why = "too_long", said("it has more than {number} characters", number=MAX_SCOPE)
    elif CONTROL.search(name):
        code, why = "control_character", said("it has a control character")
    elif odd := NON_ASCII.search(name):
        code, why = "not_ascii", said("it has the character {point}", point=_point(odd[0]))
    elif not SCOPE_TOKEN.match(name):
        code, why = "bad_scope", said("it has a quotation mark or backslash")
    else:
        return
    # Anything but printable ASCII shows as a question mark: a look-alike must not pass for itself.
    shown = re.sub(r"[^ -~]", "?", name[:60])
    _refuse(
        field,
        code,
        said(
            "{about}{shown} is not a permission: {why}. Correct or remove it.",
            about=about,
            shown=shown,
            why=why,
        ),
    )


def _scope_setting(setting: Setting, text: str) -> Cleaned:
    if len(text) > setting.max_length:
        message = said(
            "{label}: Enter at most {number} characters.",
            label=setting.label,
            number=setting.max_length,
        )
        _refuse(setting.name, "too_long", message)
    names = clean_scopes(text, field=setting.name, label=setting.label)
    if setting.required and not names:
        _refuse(setting.name, "required", said("Enter the {label}.", label=setting.label))
    return Cleaned(" ".join(names))


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
    if parts.scheme != "https" or not plain or "\\" in text:
        return text
    if ours:
        return host.removesuffix(setting.suffix)
    return host if "://" in text and not setting.suffix else text


def _check_setting(setting: Setting, text: str) -> None:
    if text in setting.reserved:
        message = said(
            "{text} is not an account's own {label}. Enter yours.", text=text, label=setting.label
        )
        _refuse(setting.name, "reserved", message)
    # A name in Punycode is shown by browsers as another one, and none of these is ever written so.
    disguised = any(label.startswith("xn--") for label in text.lower().split("."))
    too_long = len(text) > setting.max_length
    if disguised or too_long or not setting.takes(text):
        _refuse(setting.name, "invalid", _unusable(setting))


def _unusable(setting: Setting) -> str:
    next_step = (
        said("Enter one such as {placeholder}.", placeholder=setting.placeholder)
        if setting.placeholder
        else said("Check it.")
    )
    return said(
        "This is not a {label} we can use. {next_step}", label=setting.label, next_step=next_step
    )


def _point(character: str) -> str:
    return f"U+{ord(character):04X}"


def _refuse(field: str, code: str, message: str) -> NoReturn:
    raise InvalidInput(FieldError(field, code, message))
