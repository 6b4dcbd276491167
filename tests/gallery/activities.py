"""Samples of what happened with a connection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from integrations.activity import Entry
from portal.pages.activity import ActivityScreen
from tests.gallery.hostile import Sample
from tests.gallery.parts import DAY, EMBEDDED, EVIL, FULL, GMAIL, HOSTILE, LONG

ENTRIES = (
    Entry(DAY, "The connection works again with the new secret.", "By you"),
    Entry(DAY - timedelta(days=1), "The provider rejected the app.", "By this service"),
    Entry(DAY - timedelta(days=9), "The app's secret expires on 12 October 2026.", "By Acme CRM"),
    Entry(DAY - timedelta(days=90), "The app was set up through the link.", "By a colleague"),
)
ACTIVITY = ActivityScreen(EMBEDDED, GMAIL, "ops@northwind.example", ENTRIES)


def activities() -> Iterator[Sample]:
    """Yield (name, template, screen) of each."""
    name = "manage/activity.html"
    yield "activity", name, ACTIVITY
    yield "activity-full", name, replace(ACTIVITY, frame=FULL, account_label="")
    yield "activity-none", name, replace(ACTIVITY, entries=())
    app, entries = replace(GMAIL, name=HOSTILE), (Entry(DAY, LONG, HOSTILE),)
    yield "hostile-activity", name, ActivityScreen(EVIL, app, HOSTILE, entries)
