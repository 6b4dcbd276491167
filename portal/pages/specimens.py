"""Pages with made-up content, for an admin who chooses how they look."""

from __future__ import annotations

import uuid

from integrations.models.projects import DEFAULT_ACCOUNT, OWN_CLIENT
from integrations.stages import ScopeChoice
from integrations.wording import said
from portal import logos, texts
from portal.pages.looks import Look
from portal.pages.screens import (
    AccountTypeScreen,
    App,
    Choice,
    Frame,
    ResultScreen,
    ReviewScreen,
)

NOBODY = uuid.UUID(int=0)
MAIL_SCOPES = ("mail.read", "mail.send")


def specimens(*, vendor: str, look: Look, theme: str) -> dict[str, tuple[str, object]]:
    """Return the template and the screen of each specimen, by the name it is chosen by."""
    frame = Frame(
        vendor=vendor,
        person="Dana Reyes",
        handle="",
        embedded=True,
        embed_origin="",
        theme=theme,
        return_url="",
        look=look,
    )
    app = App("gmail", "Gmail", "", logos.address("gmail"))
    return {
        "choose": ("install/account_type.html", _choosing(frame, app)),
        "review": ("install/review.html", _failed(frame, app)),
        "result": ("install/result.html", _limited(frame, app)),
    }


def _choosing(frame: Frame, app: App) -> AccountTypeScreen:
    quick = said("Quickest. There is nothing to set up.")
    own = said("Use {vendor}'s app", vendor=frame.vendor)
    return AccountTypeScreen(
        frame=frame,
        app=app,
        flow_id=NOBODY,
        choices=(
            Choice(DEFAULT_ACCOUNT, own, quick, True, True),
            Choice(OWN_CLIENT, said("Use your own app"), "", False, False),
        ),
        step=(1, 3),
    )


def _failed(frame: Frame, app: App) -> ReviewScreen:
    return ReviewScreen(
        frame=frame,
        app=app,
        flow_id=NOBODY,
        step=(3, 3),
        can_go_back=True,
        own_client=True,
        client_id="8123.apps.example",
        secret_last4="4f2a",
        scopes=_scopes(),
        window="",
        failure=texts.notice("access_denied", provider=app.name, vendor=frame.vendor),
    )


def _limited(frame: Frame, app: App) -> ResultScreen:
    return ResultScreen(
        frame=frame,
        app=app,
        flow_id=NOBODY,
        status="LIMITED",
        connection_id=NOBODY,
        account_label="dana@example.com",
        own_client=True,
        granted=MAIL_SCOPES[:1],
        missing=_scopes()[1:],
    )


def _scopes() -> tuple[ScopeChoice, ...]:
    return tuple(ScopeChoice(name, "", True, False, False, False, True) for name in MAIL_SCOPES)
