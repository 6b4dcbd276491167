"""Scope policy: what a project asks for, what a user may add, and what the provider granted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from integrations.catalog.schema import Provider, Scope
from integrations.errors import FieldError, InvalidInput
from integrations.models import Integration
from integrations.wording import said


@dataclass(frozen=True)
class ScopePolicy:
    """The scopes of an integration as its form and its checks see them."""

    default: tuple[str, ...]
    required: tuple[str, ...]
    allowed: frozenset[str] | None
    custom_allowed: bool
    known: tuple[Scope, ...]

    def selectable(self) -> tuple[Scope, ...]:
        """Return the described scopes a user may tick, in the catalog's order."""
        wanted = {*self.default, *self.required}
        return tuple(
            scope
            for scope in self.known
            if self.allowed is None or scope.name in self.allowed or scope.name in wanted
        )


Given = Literal["yes", "no", "unknown"]


@dataclass(frozen=True)
class Outcome:
    """What became of one permission: `given` is yes, no, or unknown if the provider did not say."""

    name: str
    description: str
    requested: bool
    given: Given
    required: bool


def policy(integration: Integration) -> ScopePolicy:
    """Return the integration's policy: None for its defaults means the catalog's."""
    provider = integration.provider
    required = tuple(integration.required_scopes)
    chosen = integration.default_scopes
    default = provider.default_scopes if chosen is None else tuple(chosen)
    return ScopePolicy(
        default=tuple(dict.fromkeys((*required, *default))),
        required=required,
        allowed=frozenset(integration.allowed_scopes) or None,
        custom_allowed=integration.custom_scopes_allowed,
        known=provider.scopes,
    )


def checked(*, rules: ScopePolicy, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the scopes to request: the required ones first, then the others in their order.

    Raises InvalidInput for a scope the policy does not permit.
    """
    offered = {scope.name for scope in rules.selectable()} | set(rules.default)
    # A described permission that is not allowed stays so, however freely others may be typed.
    withheld = {scope.name for scope in rules.known} - offered
    refused = [
        name
        for name in names
        if name not in offered and (name in withheld or not rules.custom_allowed)
    ]
    if refused:
        shown = ", ".join(name[:60] for name in refused[:5])
        message = said("These permissions are not offered here: {shown}. Remove them.", shown=shown)
        raise InvalidInput(FieldError("scopes", "scope_not_allowed", message))
    chosen = tuple(dict.fromkeys((*rules.required, *names)))
    if rules.default and not chosen:
        raise InvalidInput(
            FieldError("scopes", "required", said("Choose at least one permission."))
        )
    return chosen


def shared(*, rules: ScopePolicy, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return what to ask for through an app that somebody else registered for `names`.

    Those that are no longer permitted are left out; none at all means the defaults.
    """
    offered = {scope.name for scope in rules.selectable()} | set(rules.default)
    withheld = {scope.name for scope in rules.known} - offered
    free = {name for name in names if rules.custom_allowed and name not in withheld}
    kept = [name for name in names if name in offered or name in free]
    return tuple(dict.fromkeys((*rules.required, *kept))) if kept else rules.default


def warnings(*, provider: Provider, rules: ScopePolicy, names: tuple[str, ...]) -> dict[str, str]:
    """Return what a person should know about the scopes they chose, by field."""
    texts = (_ends_soon(provider, rules, names), _strange(rules, names))
    told = " ".join(text for text in texts if text)
    return {"scopes": told} if told else {}


def strangers(*, rules: ScopePolicy, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the scopes that neither the catalog describes nor the vendor asks for.

    None, if the catalog describes no scopes of this provider at all.
    """
    if not rules.known:
        return ()
    known = {scope.name for scope in rules.known} | set(rules.default)
    return tuple(name for name in names if name not in known)


def _ends_soon(provider: Provider, rules: ScopePolicy, names: tuple[str, ...]) -> str:
    keeps = {provider.refresh.offline_scope, "offline_access"}
    offered = [name for name in rules.default if name in keeps]
    if not provider.refresh.offline_scope or not offered or keeps & set(names):
        return ""
    return said(
        "You removed {name}. The connection will end after its first hour without it.",
        name=offered[0],
    )


def _strange(rules: ScopePolicy, names: tuple[str, ...]) -> str:
    strange = strangers(rules=rules, names=names)
    if not strange:
        return ""
    shown = ", ".join(name[:60] for name in strange[:5])
    return said(
        "We do not know these permissions: {shown}. Check their spelling at the provider.",
        shown=shown,
    )


def granted(*, requested: tuple[str, ...], scope: str | None) -> tuple[str, ...]:
    """Return the scopes of a token answer.

    An answer without scope means all that was requested (RFC 6749 section 5.1). Some providers
    answer with another separator than they read, so both are taken.
    """
    if not scope:
        return requested
    return tuple(dict.fromkeys(part for part in re.split(r"[\s,]+", scope) if part))


def missing(
    *, provider: Provider, required: tuple[str, ...], given: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the required scopes that were not granted.

    A scope that only asks for a refresh token is not echoed by every provider, so it never counts.
    """
    silent = {provider.refresh.offline_scope, "openid", "offline_access"}
    held = {_bare(name) for name in given}
    return tuple(name for name in required if name not in silent and _bare(name) not in held)


def outcomes(
    *,
    provider: Provider,
    rules: ScopePolicy,
    requested: tuple[str, ...],
    given: tuple[str, ...],
    reported: bool,
) -> tuple[Outcome, ...]:
    """Return one entry for each scope that was requested, given or is required.

    An answer that was not `reported`, without scope (RFC 6749 section 5.1), speaks of none of them.
    A scope that only asks for a refresh token may be given without being echoed.
    """
    words = {scope.name: scope.description for scope in rules.known}
    asked, held = {_bare(name) for name in requested}, {_bare(name) for name in given}
    lacking = missing(provider=provider, required=requested, given=given)
    extra = (name for name in given if _bare(name) not in asked)
    needed = (name for name in rules.required if _bare(name) not in asked | held)

    def state(name: str) -> Given:
        if name in requested and not reported:
            return "unknown"
        if _bare(name) in held:
            return "yes"
        return "no" if name in lacking or name not in requested else "unknown"

    return tuple(
        Outcome(name, words.get(name, ""), name in requested, state(name), name in rules.required)
        for name in dict.fromkeys((*requested, *extra, *needed))
    )


def _bare(name: str) -> str:
    # Microsoft answers with the resource in front, https://graph.microsoft.com/Mail.Read, and
    # Google spells email and profile out, https://www.googleapis.com/auth/userinfo.email.
    short = name.removeprefix("https://graph.microsoft.com/")
    return short.removeprefix("https://www.googleapis.com/auth/userinfo.")
