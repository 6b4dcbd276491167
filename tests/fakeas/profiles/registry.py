"""All profiles, and the way from a path to an endpoint."""

from __future__ import annotations

from tests.fakeas.profiles.atlassian import Jira
from tests.fakeas.profiles.base import Profile, Route
from tests.fakeas.profiles.demo import DemoDesk, DemoMail
from tests.fakeas.profiles.google import Gmail
from tests.fakeas.profiles.microsoft import Outlook, SharePoint
from tests.fakeas.profiles.salesforce import Salesforce
from tests.fakeas.profiles.slack import Slack
from tests.fakeas.profiles.zendesk import Zendesk

PROFILES: tuple[Profile, ...] = (
    DemoMail(),
    DemoDesk(),
    Gmail(),
    Jira(),
    Outlook(),
    SharePoint(),
    Salesforce(),
    Slack(),
    Zendesk(),
)
BY_SLUG = {profile.slug: profile for profile in PROFILES}


def _common(profile: Profile) -> tuple[Route, ...]:
    return (
        Route("consent", ("POST",), f"/{profile.slug}/consent"),
        Route("sso", ("GET",), f"/{profile.slug}/sso"),
    )


_ROUTES = [(profile, route) for profile in PROFILES for route in _common(profile) + profile.routes]


def match(method: str, path: str) -> tuple[Profile, Route, dict[str, str]] | None:
    """Return profile, endpoint and path settings, or None."""
    for profile, route in _ROUTES:
        found = route.regex.fullmatch(path)
        if found is not None and (method in route.methods or not route.methods):
            return profile, route, found.groupdict()
    return None


def allowed_methods(path: str) -> tuple[str, ...]:
    """Return the methods that a path takes."""
    matching = (route for _, route in _ROUTES if route.regex.fullmatch(path))
    return tuple(method for route in matching for method in route.methods)
