"""The page of somebody who was sent a link: one form for one client, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from integrations import choices, handoffs
from integrations.errors import FieldError, InvalidInput, NotAllowed
from integrations.handoffs import Form
from integrations.limits import GUIDE_FEEDBACK, HAND_OFF, HOSTED
from integrations.models import HandOff, OAuthClient
from integrations.secret import Secret
from portal import limits
from portal.limits import limited, states
from portal.pages import asides, looks, options
from portal.pages.hosted import worded
from portal.pages.looks import PLAIN, Look
from portal.pages.rendering import rendered
from portal.pages.screens import App, Frame, OptionsScreen
from portal.pages.visit import View, app_of, from_our_pages
from portal.texts import Notice

MAX_TOKEN = 128


@dataclass(frozen=True)
class HandOffScreen:
    """handoff/link.html and handoff/done.html; handoff/form.html is an OptionsScreen.

    `person` is who asked, by name alone, and empty if the vendor did. `shared` says that the app is
    a whole organization's.
    """

    vendor: str
    person: str
    app: App
    shared: bool
    minutes: int
    role: str
    until: datetime
    action: str = ""
    notices: tuple[Notice, ...] = ()
    look: Look = PLAIN


def ours(view: View) -> View:
    """Take a POST only from our own page (RFC 6454 section 7): here no cookie speaks for anyone."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST" and not from_our_pages(request):
            raise NotAllowed("start_refused")
        return view(request, *args, **kwargs)

    return checked


@csrf_exempt
@worded
@require_http_methods(["GET", "POST"])
@limited(HOSTED)
@ours
@sensitive_variables()
def link(request: HttpRequest, ticket: str) -> HttpResponse:
    """Say who asks for what; the button opens the form and uses nothing up."""
    row = handoffs.found(Secret(ticket[:MAX_TOKEN]))
    if request.method == "POST":
        return _form(request, handoffs.begun(row))
    return rendered(request, "handoff/link.html", _screen(row, action=request.path))


@csrf_exempt
@sensitive_post_parameters()
@worded
@require_http_methods(["POST"])
@limited(HAND_OFF)
@ours
@sensitive_variables()
def form(request: HttpRequest) -> HttpResponse:
    """Save what was entered, or show the form again with every error."""
    opened = handoffs.form(Secret(request.POST.get("handle", "")[:MAX_TOKEN]))
    client = opened.hand_off.oauth_client
    config, scope_text = options.read(request.POST, client.integration.provider)
    try:
        saved = handoffs.save(form=opened, config=config, scope_text=scope_text)
    except InvalidInput as error:
        typed = choices.typed(client=client, config=config, scope_text=scope_text)
        return _form(request, opened, typed=typed, errors=error.errors)
    tidied = tuple(Notice("tidied", "", text) for text in saved.notices.values())
    screen = replace(_screen(opened.hand_off), notices=tidied)
    return rendered(request, "handoff/done.html", screen)


@csrf_exempt
@sensitive_post_parameters()
@worded
@require_http_methods(["POST"])
@states(HOSTED, GUIDE_FEEDBACK)
@ours
@sensitive_variables()
def aside(request: HttpRequest) -> HttpResponse:
    """Do what a button beside the form asks for; what was typed stays, all but the secret."""
    limits.spend(request, HOSTED)
    opened = handoffs.form(Secret(request.POST.get("handle", "")[:MAX_TOKEN]))
    client = opened.hand_off.oauth_client
    told = asides.guide_told(request.POST, client=client, actor=handoffs.ACTOR)
    config, scope_text = asides.entered(request.POST, client.integration)
    typed = choices.typed(client=client, config=config, scope_text=scope_text)
    screen = _form_screen(opened, typed=typed, notices=asides.notices(told))
    shown = replace(screen, picking=asides.goes_back(request.POST))
    return rendered(request, "handoff/form.html", shown)


def _form(
    request: HttpRequest,
    opened: Form,
    *,
    typed: dict[str, Any] | None = None,
    errors: tuple[FieldError, ...] = (),
) -> HttpResponse:
    screen = _form_screen(opened, typed=typed, errors=errors)
    return rendered(request, "handoff/form.html", screen, status=422 if errors else 200)


def _form_screen(
    opened: Form,
    *,
    typed: dict[str, Any] | None = None,
    errors: tuple[FieldError, ...] = (),
    notices: tuple[Notice, ...] = (),
) -> OptionsScreen:
    row = opened.hand_off
    flow = handoffs.as_flow(row)
    flow.draft = typed or flow.draft
    look = looks.look_of(row.project)
    within = Frame(
        vendor=row.project.name,
        person=_person(row),
        handle=opened.handle.reveal(),
        embedded=False,
        embed_origin="",
        theme=look.mode,
        return_url="",
        look=look,
    )
    return replace(options.form(within, flow, errors=errors, notices=notices), handed=True)


def _screen(row: HandOff, *, action: str = "") -> HandOffScreen:
    setup = row.oauth_client.integration.provider.setup
    return HandOffScreen(
        vendor=row.project.name,
        person=_person(row),
        app=app_of(row.oauth_client.integration),
        shared=row.oauth_client.owner == OAuthClient.Owner.ORGANIZATION,
        minutes=setup.minutes,
        role=setup.role,
        until=row.expires_at,
        action=action,
        look=looks.look_of(row.project),
    )


def _person(row: HandOff) -> str:
    # Their name and nothing else: an email address or an id is more than a stranger has to know.
    return row.end_user.name if row.end_user else ""
