"""Named ways to misbehave: one registry, set for one profile, one client or everywhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakeas.errors import Reason

Check = Callable[[Any], Any]
EVERYWHERE = "*"


def _choice(*allowed: str) -> Check:
    def check(value: Any) -> Any:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return value

    return check


def _issuer(value: Any) -> Any:
    """Accept a word, or the issuer itself to send."""
    if isinstance(value, str) and "://" in value:
        return value
    return _choice("correct", "wrong", "missing", "duplicate")(value)


def _kind(*kinds: type) -> Check:
    def check(value: Any) -> Any:
        if not isinstance(value, kinds):
            raise ValueError(f"must be {' or '.join(kind.__name__ for kind in kinds)}")
        return value

    return check


def _fields(main: str, kind: tuple[type, ...], required: bool = True) -> Check:
    """Accept the main value alone, or an object that holds it and further options."""

    def check(value: Any) -> dict[str, Any]:
        fields = dict(value) if isinstance(value, Mapping) else {main: value}
        if required and not isinstance(fields.get(main), kind):
            raise ValueError(f"needs {main}: {' or '.join(each.__name__ for each in kind)}")
        return fields

    return check


@dataclass(frozen=True)
class Mode:
    """Describe one mode and check its values."""

    text: str
    check: Check


_FAULT_ENDPOINTS = ("token", "revocation", "identity", "api", "metadata", "keys")


def _fault_modes() -> dict[str, Mode]:
    modes: dict[str, Mode] = {}
    for name in _FAULT_ENDPOINTS:
        modes[f"{name}_redirect"] = Mode("Redirect to `to` with `status`.", _fields("to", (str,)))
        modes[f"{name}_status"] = Mode(
            "Answer `status`, with `retry_after` if given.", _fields("status", (int,))
        )
        modes[f"{name}_body"] = Mode("Answer a named or given `body`.", _fields("body", (str,)))
        modes[f"{name}_delay"] = Mode(
            "Wait `seconds`, `when` before or after the work.", _fields("seconds", (int, float))
        )
        modes[f"{name}_lost"] = Mode(
            "Cut the connection, `when` after or before the work.", _kind(bool, dict)
        )
        modes[f"{name}_cut"] = Mode(
            "Send so many `bytes` of the body only.", _fields("bytes", (int,))
        )
    return modes


REGISTRY: dict[str, Mode] = _fault_modes() | {
    "coop": Mode(
        "Cross-Origin-Opener-Policy of the provider's pages.",
        _choice(
            "none",
            "unsafe-none",
            "same-origin",
            "same-origin-allow-popups",
            "noopener-allow-popups",
        ),
    ),
    "sso_hop": Mode("Go through a second path, or host if text, first.", _kind(bool, str)),
    "auto_approve": Mode("Skip the click, as alice or as the given email.", _kind(bool, str)),
    "iss": Mode("The iss of the callback, or what to send instead.", _issuer),
    "callback_fragment": Mode("Append this fragment to the callback.", _kind(str)),
    "code_prefix": Mode("Begin every code with this text.", _kind(str)),
    "metadata_issuer": Mode("The issuer in metadata documents.", _kind(str)),
    "metadata_set": Mode("Set members of metadata documents.", _kind(dict)),
    "metadata_drop": Mode("Remove members of metadata documents.", _kind(list)),
    "drip": Mode(
        "One byte per `seconds`, `where`, at `endpoint`.", _fields("seconds", (int, float))
    ),
    "pkce": Mode("How PKCE is treated.", _choice("enforced", "ignored", "refused", "verified")),
    "rotation": Mode("How refresh tokens rotate.", _choice("none", "grace", "strict", "rolling")),
    "reuse_window": Mode("Seconds of grace for an old refresh token.", _kind(int, float)),
    "token_lifetime": Mode("Seconds an access token lives.", _kind(int)),
    "no_refresh": Mode("Issue no refresh token.", _kind(bool)),
    "partial_scopes": Mode("Grant the first n, or the listed scopes only.", _kind(int, list)),
    "extra_scopes": Mode("Grant these scopes too.", _kind(list)),
    "no_scope_in_answer": Mode("Leave scope out of token answers.", _kind(bool)),
    "answer_set": Mode("Set members of token answers.", _kind(dict)),
    "answer_drop": Mode("Remove members of token answers.", _kind(list)),
    "token_error": Mode(
        "Refuse token requests for this `reason`, with `status` if given.",
        lambda value: _checked_reason(_fields("reason", (str,))(value)),
    ),
    "extra_callback_params": Mode("Add these to the callback.", _kind(dict, list)),
    "other_account": Mode("A new account id at each authorization.", _kind(bool)),
    "mixup_redirect": Mode(
        "Send the person to another authorization endpoint `url`, `at` one host only if given.",
        _fields("url", (str,)),
    ),
    "callback_error": Mode("Send this error back at once or after the click.", _kind(str)),
    "deny": Mode("Whatever is clicked counts as Deny.", _kind(bool)),
    "provider_page": Mode(
        "Show an error page instead of consent.",
        _choice("redirect_mismatch", "unknown_client", "admin_approval"),
    ),
}


def _checked_reason(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {"reason": Reason(fields["reason"]).value}


def checked(name: str, value: Any) -> Any:
    """Return the value in the form the server uses.

    Raises ValueError for an unknown mode or a value that does not fit.
    """
    if name not in REGISTRY:
        raise ValueError(f"unknown mode {name}")
    try:
        return REGISTRY[name].check(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


class ModeSettings:
    """Hold the modes in force, for each profile and for all of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[tuple[str, str], Any] = {}
        self._left: dict[tuple[str, str], int] = {}

    def set(self, profile: str, name: str, value: Any, *, times: int | None = None) -> None:
        """Switch a mode on, for `times` uses if given; None switches it off."""
        key = (profile, name)
        clean = None if value is None else checked(name, value)
        with self._lock:
            self._values.pop(key, None)
            self._left.pop(key, None)
            if clean is None:
                return
            self._values[key] = clean
            if times is not None:
                self._left[key] = times

    def get(self, profile: str, name: str) -> Any:
        """Return the value for the profile, else the one for all, else None."""
        with self._lock:
            return self._values.get(self._key(profile, name))

    def use(self, profile: str, name: str) -> None:
        """Count one use of a mode that was switched on for a number of times."""
        with self._lock:
            key = self._key(profile, name)
            if key not in self._left:
                return
            self._left[key] -= 1
            if self._left[key] < 1:
                del self._left[key], self._values[key]

    def reset(self) -> None:
        """Switch every mode off."""
        with self._lock:
            self._values.clear()
            self._left.clear()

    def _key(self, profile: str, name: str) -> tuple[str, str]:
        own = (profile, name)
        return own if own in self._values else (EVERYWHERE, name)
