"""Samples of what is known in advance, and of what people see at the provider."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from integrations.preflight import Check
from portal.pages.sights import Checks, Fix, Sight
from tests.gallery.hostile import Sample
from tests.gallery.parts import FULL, REDIRECT_URI
from tests.gallery.screens import FAILURE, REVIEW, WAITING

SHAPE = Check("client_id", "accepted", "The Client ID looks like one of Gmail.")
ODD = Check("client_id", "rejected", "This does not look like a Client ID of Gmail.", "client_id")
REDIRECT = Check("redirect_url", "unknown", "The redirect URL cannot be checked in advance.")
UNASKED = Check("credentials", "unknown", "Client ID and Client secret are not checked yet.")
ACCEPTED = Check("credentials", "accepted", "Gmail accepts the Client ID and the Client secret.")
REJECTED = Check(
    "credentials",
    "rejected",
    "Gmail did not accept the Client ID and the Client secret together. "
    "Check that both come from the same app.",
    "client_secret",
)
FIX = Fix(
    seen="redirect_uri_mismatch",
    means="The redirect URL is not on the list of this client, or not letter for letter.",
    fix="Add it under Authorised redirect URIs of the same client, wait and try again.",
    field="redirect_uri",
    value=REDIRECT_URI,
    value_label="Redirect URL",
)
SIGHT = Sight(
    choices=(
        ("redirect_uri_mismatch", "redirect_uri_mismatch", True),
        ("invalid_client", "invalid_client", True),
        ("org_internal", "org_internal", True),
        ("general", "The client or app is unknown", False),
    ),
    place="waiting",
)
CHOSEN = replace(SIGHT, chosen=FIX)


def advised() -> Iterator[Sample]:
    """Yield (name, template, screen) of every sample."""
    name = "install/review.html"
    unasked = Checks((SHAPE, UNASKED, REDIRECT), asks=True, at_once=True)
    yield "review-unchecked", name, replace(REVIEW, checks=unasked, sight=SIGHT)
    accepted = Checks((SHAPE, ACCEPTED, REDIRECT), asks=True)
    yield "review-accepted", name, replace(REVIEW, checks=accepted, frame=FULL)
    rejected = Checks((ODD, REJECTED, REDIRECT), asks=True)
    yield "review-rejected", name, replace(REVIEW, checks=rejected)
    explained = replace(REVIEW, failure=FAILURE, fix=FIX, sight=CHOSEN, frame=FULL)
    yield "review-explained", name, explained
    yield "checks", "install/_checks.html", replace(REVIEW, checks=rejected)
    name = "install/waiting.html"
    yield "waiting-sight", name, replace(WAITING, sight=SIGHT)
    yield "waiting-chosen", name, replace(WAITING, sight=CHOSEN, window_state="long")
    unchosen = replace(SIGHT, error="Choose what you see.")
    yield "waiting-unchosen", name, replace(WAITING, sight=unchosen, window_state="blocked")
    changed = replace(WAITING, window_state="blocked", window_changed=True)
    yield "poller-blocked", "install/_poller.html", changed
    yield "problems", "install/_problems.html", replace(WAITING, sight=CHOSEN)
