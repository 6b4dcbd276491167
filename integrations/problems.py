"""What goes wrong at a provider: as its file explains it, and in general where it does not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from django.utils.translation import gettext_noop

from integrations.catalog.schema import Problem, Provider
from integrations.oauth.answers import error_codes

ANSWERED = ("callback", "token")
# What every authorization server can show in place of coming back, in our words.
GENERAL = (
    Problem(
        seen=gettext_noop("The redirect address does not match"),
        at="page",
        means=gettext_noop("Your app does not have the redirect URL, or not letter for letter."),
        fix=gettext_noop("Add it to your app exactly as it is. It can take a few minutes to work."),
        field="redirect_uri",
    ),
    Problem(
        seen=gettext_noop("The client or app is unknown"),
        at="page",
        means=gettext_noop("The ID is mistyped or belongs to an app that was deleted."),
        fix=gettext_noop("Compare it with the one of your app."),
        field="client_id",
    ),
    Problem(
        seen=gettext_noop("A permission or scope is not valid"),
        at="page",
        means=gettext_noop("Your app does not have a permission that is asked for."),
        fix=gettext_noop("Add the permission to your app, or remove it here."),
        field="scopes",
    ),
    Problem(
        seen=gettext_noop("An administrator has to approve"),
        at="page",
        means=gettext_noop("Your organization lets only administrators approve this."),
        fix=gettext_noop("Ask an administrator of your organization to approve the app."),
    ),
)


def answered(
    *, provider: Provider, at: Literal["callback", "token"], codes: Collection[str]
) -> str:
    """Return what the provider's file calls the first of these codes that it explains, or nothing.

    Codes come from strangers, so what is returned, and kept, are words of the file alone.
    """
    known = {problem.seen: problem.seen for problem in provider.errors if problem.at == at}
    return next((known[code] for code in codes if code in known), "")


def in_callback(*, provider: Provider, error: str, params: Sequence[tuple[str, str]]) -> str:
    """Return what the provider's file calls the error of a callback, or nothing."""
    description = next((value for name, value in params if name == "error_description"), "")
    return answered(provider=provider, at="callback", codes=error_codes(error, description))


def explained(*, provider: Provider, seen: str) -> Problem | None:
    """Return the explanation of what the provider answered, unless its file lost it since."""
    found = (each for each in provider.errors if seen and each.seen == seen)
    return next((each for each in found if each.at in ANSWERED), None)


def to_choose(provider: Provider) -> tuple[Problem, ...]:
    """Return what the provider may show on its own pages: ours, if its file tells nothing of it."""
    return tuple(each for each in provider.errors if each.at == "page") or GENERAL
