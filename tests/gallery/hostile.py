"""Screens filled with hostile and very long texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from integrations.scopes import Outcome
from portal.pages.choosing import ChoosingScreen
from portal.pages.screens import (
    App,
    Choice,
    DisconnectScreen,
    DoneScreen,
    ErrorScreen,
    Farewell,
    FormError,
    HostedScreen,
    LeavingScreen,
    ManageScreen,
)
from portal.texts import Notice
from tests.gallery.parts import EVIL, FLOW, HOSTILE, LONG, REDIRECT_URI, SITE, scope_row
from tests.gallery.screens import AUTHORIZE, LIMITED, OPTIONS, PICKER, REVIEW, ROW, SECRET, WAITING

Sample = tuple[str, str, object]


def hostile() -> Iterator[Sample]:
    """Yield screens whose every text is hostile or very long."""
    app = App("evil", HOSTILE, HOSTILE, "/static/logos/gmail.svg")
    scope = scope_row(LONG, HOSTILE, "cs")
    bad = Notice(HOSTILE, HOSTILE, LONG, HOSTILE)
    choice = Choice(HOSTILE, LONG, HOSTILE, True, True)
    row = replace(ROW, app=app, account_label=HOSTILE, client_id=LONG, reason_text=HOSTILE)
    row = replace(row, status_label=HOSTILE, scopes=(HOSTILE, LONG), missing=(HOSTILE,))
    form = replace(OPTIONS, frame=EVIL, app=app, client_id=LONG, client_id_hint=HOSTILE)
    form = replace(form, scopes=(scope,), extra_scopes=HOSTILE, scope_text=HOSTILE)
    field = replace(SITE, label=LONG, value=HOSTILE, help=HOSTILE, error=HOSTILE, notice=HOSTILE)
    form = replace(form, settings=(field,), redirect_uri=REDIRECT_URI + LONG)
    form = replace(form, error_by_field={"client_id": HOSTILE})
    form = replace(form, errors=(FormError("client_id", HOSTILE),), notices=(bad,))
    yield (
        "hostile-picker",
        "install/account_type.html",
        replace(PICKER, frame=EVIL, app=app, choices=(choice,)),
    )
    yield "hostile-options", "install/options.html", form
    yield (
        "hostile-review",
        "install/review.html",
        replace(
            REVIEW,
            frame=EVIL,
            app=app,
            client_id=LONG,
            scopes=(scope,),
            failure=bad,
            notices=(bad,),
            left_behind=(HOSTILE, LONG),
        ),
    )
    yield (
        "hostile-secret",
        "manage/secret.html",
        replace(
            SECRET,
            frame=EVIL,
            app=app,
            client_id=LONG,
            client_secret_label=HOSTILE,
            client_secret_hint=LONG,
            current=replace(SECRET.current, last4="<b>x"),
            expires_on=HOSTILE,
            accounts=(HOSTILE, LONG),
            errors=(FormError("client_secret", HOSTILE),),
            error_by_field={"client_secret": HOSTILE},
        ),
    )
    yield "hostile-waiting", "install/waiting.html", replace(WAITING, frame=EVIL, app=app)
    yield (
        "hostile-result",
        "install/result.html",
        replace(
            LIMITED,
            frame=EVIL,
            app=app,
            account_label=HOSTILE,
            granted=(LONG,),
            missing=(scope,),
            outcomes=(
                Outcome(LONG, HOSTILE, False, "no", True),
                Outcome(HOSTILE, "", True, "yes", False),
            ),
        ),
    )
    gone = Farewell(app, HOSTILE, LONG, page="https://example.com/", steps=(HOSTILE, LONG))
    manage = ManageScreen(EVIL, (row,), (app,), bad)
    yield "hostile-manage", "manage/index.html", replace(manage, gone=(gone,))
    sites = ((HOSTILE, HOSTILE, HOSTILE), (LONG, LONG, LONG))
    chosen = ChoosingScreen(EVIL, app, FLOW, HOSTILE, HOSTILE, sites)
    yield "hostile-choosing", "install/choose.html", chosen
    yield "hostile-choosing-many", "install/choose.html", replace(chosen, options=sites * 6)
    yield "hostile-disconnect", "manage/disconnect.html", DisconnectScreen(EVIL, row)
    yield "hostile-leaving", "oauth/leaving.html", LeavingScreen(HOSTILE, HOSTILE, app, AUTHORIZE)
    yield "hostile-link", "hosted/link.html", HostedScreen(HOSTILE, LONG, app, "/hosted/x")
    yield "hostile-done", "oauth/done.html", DoneScreen(HOSTILE, app, FLOW, "failed", bad, "")
    yield (
        "hostile-error",
        "errors/error.html",
        ErrorScreen(bad, LONG, embed_origin="https://app.acme.example", details={HOSTILE: HOSTILE}),
    )
