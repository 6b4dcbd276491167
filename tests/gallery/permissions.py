"""Samples of the permissions: chosen, changed, given and not, and of what is said of the guide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from portal.pages.asides import Told
from portal.texts import Notice
from tests.gallery.handoffs import FORM
from tests.gallery.hostile import Sample
from tests.gallery.parts import EVIL, FULL, HOSTILE, LONG, SCOPES
from tests.gallery.screens import MANAGE, OPTIONS, ROW, UNREPORTED

# One of the vendor's is not ticked, one more is, and one was typed that nobody knows.
TICKED = tuple(
    replace(row, checked=row.checked != (number in (3, 8))) for number, row in enumerate(SCOPES)
)
CHANGED = replace(
    OPTIONS, scopes=TICKED, extra_scopes="mail.everything", strange=("mail.everything",)
)
CHANGED = replace(CHANGED, scope_text=",".join(CHANGED.chosen), scope_separator=",", picking=True)
FEWER = replace(OPTIONS, scopes=(*SCOPES[:3], replace(SCOPES[3], checked=False), *SCOPES[4:]))
THANKS = "Thank you. Acme CRM will see that step 3 looks different."


def permissions() -> Iterator[Sample]:
    """Yield (name, template, screen) of each."""
    name = "install/options.html"
    yield "options-changed", name, CHANGED
    yield "options-changed-full", name, replace(CHANGED, frame=FULL)
    yield "options-fewer", name, replace(FEWER, picking=True)
    yield "options-more", name, replace(OPTIONS, extra_scopes="a.b c.d")
    unasked = tuple(replace(row, is_default=False, required=False) for row in SCOPES)
    yield "options-unasked", name, replace(OPTIONS, scopes=unasked, picking=True)
    thanked = (Notice("told", "", THANKS),)
    yield "options-told", name, replace(OPTIONS, frame=FULL, notices=thanked)
    yield "told", "install/_told.html", Told(THANKS)
    handed = replace(CHANGED, frame=FORM.frame, handed=True, notices=thanked)
    yield "hand-off-form-changed", "handoff/form.html", handed
    evil = replace(CHANGED, frame=EVIL, extra_scopes=HOSTILE, strange=(HOSTILE, LONG))
    yield "hostile-permissions", name, evil
    yield "result-unreported", "install/result.html", UNREPORTED
    row = replace(ROW, outcomes=UNREPORTED.outcomes, reported=False)
    yield "manage-unreported", "manage/index.html", replace(MANAGE, connections=(row,))
