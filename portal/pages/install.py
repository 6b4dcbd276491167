"""Installing: account type, options, review, waiting, result."""

from __future__ import annotations

import secrets

from django.http import HttpResponse
from django.utils import timezone

from integrations import access, connect, handoffs, organizations, rotation, scopes, stages
from integrations.connect import Wish
from integrations.errors import FieldError, InvalidInput, NotAllowed, RateLimited
from integrations.limits import PAGE, POLL, SAVE_OPTIONS
from integrations.models import Flow
from integrations.models.projects import DEFAULT_ACCOUNT, OWN_CLIENT
from integrations.wording import said
from portal import limits
from portal.limits import limited, states
from portal.pages import choosing, manage, options, result, sent, sights, too_often, windows
from portal.pages.rendering import rendered
from portal.pages.screens import (
    AccountTypeScreen,
    Choice,
    FormError,
    ReviewScreen,
    WaitingScreen,
)
from portal.pages.sights import Sight
from portal.pages.visit import PortalRequest, app_of, frame, page, portal_page
from portal.texts import Notice

POLL_AFTER = ((5, 1), (25, 2))
POLL_SLOW = 5
STEPS = ("account_type", "options", "review")


@portal_page(("GET",))
@limited(PAGE)
def home(request: PortalRequest) -> HttpResponse:
    """Show where a full-page visit stands."""
    newest = request.portal_session.flows.order_by("-updated_at").first()
    if newest is None:
        return manage.show(request)
    return show(request, _flow(request, str(newest.pk)))


@portal_page()
@limited(PAGE)
def account_type(request: PortalRequest) -> HttpResponse:
    """Take the chosen account type and show the next step."""
    flow = _flow(request)
    chosen = request.POST.get("account_type", "")
    if not chosen:
        missing = FormError("account_type", said("Choose how to connect."))
        return page(request, "install/account_type.html", _picker(request, flow, (missing,)), 422)
    connect.choose_account_type(flow=flow, account_type=chosen)
    return show(request, flow)


@portal_page()
@states(SAVE_OPTIONS)
def client_options(request: PortalRequest) -> HttpResponse:
    """Save the person's own client, or show the form again with every error."""
    flow = _flow(request)
    config, scope_text = options.read(request.POST, flow.integration.provider)
    try:
        limits.spend(request, SAVE_OPTIONS)
        saved = connect.save_options(flow=flow, config=config, scope_text=scope_text)
    except InvalidInput as error:
        return form_page(request, flow, error.errors)
    except RateLimited as error:
        step, typed = _step(flow, "options"), (config, scope_text)
        return too_often.form_again(request, flow, step=step, typed=typed, error=error)
    tidied = tuple(Notice("tidied", "", text) for text in saved.notices.values())
    return _review(request, flow, notices=tidied)


@portal_page()
@limited(PAGE)
def another_client(request: PortalRequest) -> HttpResponse:
    """Show an empty form for another app, with a redirect URL of its own."""
    flow = _flow(request)
    connect.use_another_client(flow=flow)
    return show(request, flow)


@portal_page()
@limited(PAGE)
def step(request: PortalRequest) -> HttpResponse:
    """Show an earlier step again; nothing typed is lost."""
    flow, to = _flow(request), request.POST.get("to", "")
    if to not in STEPS:
        raise NotAllowed("start_refused")
    if to == "account_type" and len(flow.offered) > 1:
        return page(request, "install/account_type.html", _picker(request, flow))
    if to == "options" and flow.account_type == OWN_CLIENT:
        return form_page(request, flow)
    return _review(request, flow) if flow.client_version else show(request, flow)


@portal_page()
@states(POLL)
def status(request: PortalRequest) -> HttpResponse:
    """Answer a poll, or the "Check again" button of a page without script."""
    flow = _flow(request)
    try:
        limits.spend(request, POLL)
    except RateLimited as error:
        return too_often.poll_later(request, waiting_screen(request, flow), error)
    waiting = flow.status in (*Flow.RUNNING, Flow.Status.AWAITING_CONFIRMATION)
    # Between the click and its arrival here, the flow still stands where the page last saw it.
    unstarted = _seen(flow) == request.POST.get("seen", "")
    if request.headers.get("HX-Request") and (waiting or unstarted):
        return rendered(request, "install/_poller.html", waiting_screen(request, flow))
    response = show(request, flow)
    response.headers["HX-Retarget"] = response.headers["HX-Reselect"] = "#page"
    response.headers["HX-Reswap"] = "outerHTML"
    return response


@portal_page()
@limited(PAGE)
def cancel(request: PortalRequest) -> HttpResponse:
    """End the flow; what is connected stays connected."""
    flow = _flow(request)
    connect.cancel(flow=flow)
    return show(request, flow)


@portal_page()
@limited(PAGE)
def connect_another(request: PortalRequest) -> HttpResponse:
    """Begin a flow from the manage page."""
    slug = request.POST.get("integration", "")
    integration = access.integration_of(who=request.portal_session, slug=slug)
    offered = organizations.offered(
        integration=integration,
        organization=organizations.governing_id(request.portal_session),
    )
    wish = Wish(integration=slug, account_types=offered)
    return show(request, connect.begin(session=request.portal_session, wish=wish))


@portal_page()
@limited(PAGE)
def reconnect(request: PortalRequest) -> HttpResponse:
    """Begin a flow that renews a connection in place."""
    session, pk = request.portal_session, request.POST.get("connection", "")
    connection = access.connection_of(who=session, pk=pk)
    wish = Wish(integration=connection.integration.slug, connection_id=str(connection.pk))
    return show(request, connect.begin(session=session, wish=wish))


def show(request: PortalRequest, flow: Flow, *, sight: Sight | None = None) -> HttpResponse:
    """Show the screen a flow stands at, with what the person said they see at the provider."""
    if flow.status in (Flow.Status.COMPLETED, Flow.Status.CANCELLED, Flow.Status.EXPIRED):
        return result.show(request, flow)
    if flow.status == Flow.Status.NEEDS_OPTIONS:
        return choosing.show(request, flow)
    if flow.status in (*Flow.RUNNING, Flow.Status.AWAITING_CONFIRMATION):
        return page(request, "install/waiting.html", waiting_screen(request, flow, sight=sight))
    if not flow.account_type:
        return page(request, "install/account_type.html", _picker(request, flow))
    if flow.client_version is None:
        hand_off = handoffs.open_of(flow)
        return sent.show(request, flow, hand_off) if hand_off else form_page(request, flow)
    return page(request, "install/review.html", review_screen(request, flow, sight=sight))


def _flow(request: PortalRequest, pk: str = "") -> Flow:
    session = request.portal_session
    flow = access.flow_of(who=session, pk=pk or request.POST.get("flow", ""))
    connect.end_if_stale(flow)
    return flow


def form_page(
    request: PortalRequest,
    flow: Flow,
    field_errors: tuple[FieldError, ...] = (),
    *,
    notices: tuple[Notice, ...] = (),
    picking: bool = False,
) -> HttpResponse:
    """Show the own-client form, with every error; while `picking`, its permissions are open."""
    at = _step(flow, "options")
    screen = options.screen(
        request, flow, step=at, errors=field_errors, notices=notices, picking=picking
    )
    return page(request, "install/options.html", screen, 422 if field_errors else 200)


def _review(request: PortalRequest, flow: Flow, notices: tuple[Notice, ...] = ()) -> HttpResponse:
    return page(request, "install/review.html", review_screen(request, flow, notices=notices))


def review_screen(
    request: PortalRequest,
    flow: Flow,
    *,
    notices: tuple[Notice, ...] = (),
    sight: Sight | None = None,
) -> ReviewScreen:
    """Return what is about to happen, or what went wrong."""
    version = flow.client_version
    own, changes = flow.account_type == OWN_CLIENT, stages.enters_client(flow)
    rules, chosen = scopes.policy(flow.integration), tuple(flow.scopes)
    rows = stages.scope_choices(rules=rules, chosen=chosen)
    return ReviewScreen(
        frame=frame(request),
        app=app_of(flow.integration),
        flow_id=flow.pk,
        step=_step(flow, "review"),
        can_go_back=changes or len(flow.offered) > 1,
        own_client=own,
        shared=bool(flow.oauth_client and flow.oauth_client.organization_id),
        can_change=changes,
        client_id=version.client_id if version and changes else "",
        secret_last4=version.last4 if version and changes else "",
        scopes=tuple(row for row in rows if row.checked),
        window=_window(),
        seen=_seen(flow),
        redirect_uri=_redirect_uri(flow),
        notices=notices,
        failure=sights.own_failure(flow),
        fix=sights.answered(flow),
        checks=sights.checks(flow),
        sight=sight or sights.sight(flow),
        left_behind=_left_behind(flow),
    )


def _left_behind(flow: Flow) -> tuple[str, ...]:
    client, version = flow.oauth_client, flow.client_version
    if client is None or version is None or flow.account_type != OWN_CLIENT:
        return ()
    rows = rotation.bound_to_old_app(client=client, version=version).filter(end_user=flow.end_user)
    if flow.connection_id:
        # The one that this flow renews comes along.
        rows = rows.exclude(pk=flow.connection_id)
    return tuple(row.account_label or flow.integration.provider.name for row in rows)


def _redirect_uri(flow: Flow) -> str:
    # The vendor's address is of no use to a person who cannot change the vendor's app.
    client = flow.oauth_client if stages.enters_client(flow) else None
    return client.redirect_uri() if client else ""


def _picker(
    request: PortalRequest, flow: Flow, field_errors: tuple[FormError, ...] = ()
) -> AccountTypeScreen:
    vendor, provider = request.portal_session.project.name, flow.integration.provider
    words = {
        DEFAULT_ACCOUNT: (
            said("Use {vendor}'s app", vendor=vendor),
            said("Quickest. There is nothing to set up."),
        ),
        OWN_CLIENT: (
            said("Use your own app"),
            said(
                "For teams whose security rules ask for it. Takes about {minutes} minutes and "
                "somebody who can register apps at {provider}.",
                minutes=provider.setup.minutes,
                provider=provider.name,
            ),
        ),
    }
    return AccountTypeScreen(
        frame=frame(request),
        app=app_of(flow.integration),
        flow_id=flow.pk,
        step=_step(flow, "account_type"),
        errors=field_errors,
        may_send=OWN_CLIENT in flow.offered,
        choices=tuple(
            Choice(kind, *words[kind], kind == flow.account_type, kind == DEFAULT_ACCOUNT)
            for kind in flow.offered
        ),
    )


def waiting_screen(
    request: PortalRequest, flow: Flow, *, sight: Sight | None = None
) -> WaitingScreen:
    """Return where the person waits for the provider's window."""
    elapsed = (timezone.now() - flow.updated_at).total_seconds()
    stands = _seen(flow)
    unstarted = bool(stands) and stands == request.POST.get("seen")
    window = windows.seen(request.POST, flow, unstarted=unstarted)
    return WaitingScreen(
        frame=frame(request),
        app=app_of(flow.integration),
        flow_id=flow.pk,
        step=_step(flow, "review"),
        window=_window(),
        delay=window.delay
        or next((delay for until, delay in POLL_AFTER if elapsed < until), POLL_SLOW),
        redirect_uri=_redirect_uri(flow),
        seen=request.POST.get("seen", ""),
        asked=window.asked,
        window_state=window.state,
        window_changed=window.changed,
        sight=sight or sights.sight(flow),
        confirming=flow.status == Flow.Status.AWAITING_CONFIRMATION,
        confirm_url=f"{request.portal_session.return_url}?cp_flow={flow.pk}",
    )


def _step(flow: Flow, name: str) -> tuple[int, int]:
    own = flow.account_type == OWN_CLIENT or (not flow.account_type and OWN_CLIENT in flow.offered)
    taken = {"account_type": len(flow.offered) > 1, "options": own, "review": True}
    names = [step_name for step_name in STEPS if taken[step_name] or step_name == name]
    return names.index(name) + 1, len(names)


def _window() -> str:
    return f"cp-{secrets.token_hex(8)}"


def _seen(flow: Flow) -> str:
    return flow.updated_at.isoformat() if flow.status not in Flow.RUNNING else ""
