"""Samples of hand-offs and of an organization's app."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from portal.pages.handoff import HandOffScreen
from portal.pages.screens import Frame, SavedSecret, SharedApp
from portal.pages.sent import SentScreen
from tests.gallery.hostile import Sample
from tests.gallery.parts import (
    CLIENT,
    DAY,
    EMBEDDED,
    EVIL,
    FLOW,
    FULL,
    GMAIL,
    HOSTILE,
    JIRA,
    LONG,
)
from tests.gallery.screens import MANAGE, OPTIONS, PICKER, REVIEW, SAVED, WRONG

LINK = "https://connect.acme.example/handoff/Wm9fQk1vQ2tVd0x4S2pRcVp2TnRZc0R4"
SENT = SentScreen(
    frame=EMBEDDED,
    app=GMAIL,
    flow_id=FLOW,
    until=DAY,
    shared=False,
    seen=DAY.isoformat(),
    link=LINK,
    message=f"Please register an app for Acme CRM at Google. The link works once: {LINK}",
)
ASKED = HandOffScreen(
    vendor="Acme CRM",
    person="Dana Reyes",
    app=GMAIL,
    shared=False,
    minutes=10,
    role="Anyone with a Google Cloud project",
    until=DAY,
    action="/handoff/x",
)
FORM = replace(
    OPTIONS,
    step=(1, 1),
    frame=Frame("Acme CRM", "Dana Reyes", EMBEDDED.handle, False, "", "auto", ""),
)
SHARED = SharedApp(
    app=JIRA,
    client=CLIENT,
    client_id="r9QZk2PxT0",
    secret=SavedSecret("PxT0", DAY, date(2027, 3, 14)),
    connections=12,
    again=("Bob Stone", "Lea Kim"),
)


def hand_offs() -> Iterator[Sample]:
    """Yield (name, template, screen) of each."""
    name = "install/sent.html"
    yield "sent", name, SENT
    yield "sent-full", name, replace(SENT, frame=FULL, shared=True)
    yield "sent-again", name, replace(SENT, link="", message="")
    name = "handoff/link.html"
    yield "hand-off", name, ASKED
    yield "hand-off-organization", name, replace(ASKED, person="", shared=True)
    name = "handoff/form.html"
    yield "hand-off-form", name, FORM
    yield "hand-off-form-saved", name, replace(SAVED, step=(1, 1), frame=FORM.frame)
    yield "hand-off-form-errors", name, replace(WRONG, step=(1, 1), frame=FORM.frame)
    name = "handoff/done.html"
    yield "hand-off-done", name, ASKED
    yield "hand-off-done-organization", name, replace(ASKED, person="", shared=True)
    yield from _organizations()
    yield from _hostile()


def _organizations() -> Iterator[Sample]:
    yield "picker-send", "install/account_type.html", replace(PICKER, may_send=True)
    name = "install/options.html"
    mine = replace(OPTIONS, may_send=True, may_share=True)
    yield "options-send", name, replace(mine, may_share=False)
    yield "options-share", name, mine
    yield "options-shared", name, replace(mine, shared=True)
    name = "install/review.html"
    shared = replace(REVIEW, shared=True, can_change=False, can_go_back=False)
    yield "review-shared", name, replace(shared, client_id="", secret_last4="")
    yield "review-shared-admin", name, replace(REVIEW, shared=True)
    yield (
        "manage-shared",
        "manage/index.html",
        replace(MANAGE, shared_apps=(SHARED, replace(SHARED, again=())), may_share=True),
    )


def _hostile() -> Iterator[Sample]:
    app = replace(GMAIL, name=HOSTILE)
    evil = replace(ASKED, vendor=HOSTILE, person=LONG, app=app, role=HOSTILE)
    yield "hostile-hand-off", "handoff/link.html", evil
    yield "hostile-hand-off-done", "handoff/done.html", evil
    yield "hostile-hand-off-form", "handoff/form.html", replace(WRONG, frame=EVIL, app=app)
    sent = replace(SENT, frame=EVIL, app=app, message=HOSTILE)
    yield "hostile-sent", "install/sent.html", sent
    shared = replace(SHARED, app=app, client_id=LONG, again=(HOSTILE, LONG))
    yield "hostile-shared", "manage/index.html", replace(MANAGE, frame=EVIL, shared_apps=(shared,))
