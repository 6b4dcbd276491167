"""What the buttons beside the own-client form do; what was typed stays, all but the secret."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse, QueryDict

from integrations import access, choices, connect, guides, scopes, stages
from integrations.clients import ClientConfig
from integrations.errors import InvalidInput, NotAllowed, RateLimited
from integrations.limits import GUIDE_FEEDBACK, PAGE
from integrations.models import Flow, Integration, OAuthClient
from integrations.models.projects import OWN_CLIENT
from integrations.wording import said
from portal import limits
from portal.limits import states
from portal.pages import install, options
from portal.pages.rendering import rendered
from portal.pages.visit import PortalRequest, portal_page
from portal.texts import Notice

DEFAULT_SCOPES, GUIDE = "default_scopes", "guide"


@dataclass(frozen=True)
class Told:
    """install/_told.html: the answer to what was said about the guide."""

    told: str


@portal_page()
@states(PAGE, GUIDE_FEEDBACK)
def aside(request: PortalRequest) -> HttpResponse:
    """Go back to the vendor's permissions, or note that a step of the guide looks different.

    A script gets the words about the guide alone; without one, the form is shown again.
    """
    limits.spend(request, PAGE)
    flow = access.flow_of(who=request.portal_session, pk=request.POST.get("flow", ""))
    connect.end_if_stale(flow)
    client = flow.oauth_client
    if client is None or flow.account_type != OWN_CLIENT or flow.status not in Flow.EDITABLE:
        raise NotAllowed("account_type_not_allowed")
    if not stages.enters_client(flow):
        raise NotAllowed("org_admin_required")
    told = guide_told(request.POST, client=client, actor=access.actor_of(flow.acting))
    if told and request.headers.get("HX-Request"):
        return rendered(request, "install/_told.html", Told(told))
    config, scope_text = entered(request.POST, flow.integration)
    choices.keep_draft(flow=flow, config=config, scope_text=scope_text)
    return install.form_page(request, flow, notices=notices(told), picking=goes_back(request.POST))


def goes_back(post: QueryDict) -> bool:
    """Return whether the vendor's permissions are wanted again."""
    return post.get("act") == DEFAULT_SCOPES


def entered(post: QueryDict, integration: Integration) -> tuple[ClientConfig, str]:
    """Return the client and the scope text of the form, or the vendor's scopes if wanted again."""
    config, scope_text = options.read(post, integration.provider)
    if goes_back(post):
        scope_text = " ".join(scopes.policy(integration).default)
    return config, scope_text


def guide_told(post: QueryDict, *, client: OAuthClient, actor: str) -> str:
    """Note what is said about the guide, if anything, and return the answer in words."""
    if post.get("act") != GUIDE:
        return ""
    vendor = client.integration.project.name
    try:
        step = guides.report(client=client, step=post.get("guide_step", ""), actor=actor)
    except InvalidInput as error:
        return error.errors[0].message
    except RateLimited:
        return said("Thank you. {vendor} knows of it already.", vendor=vendor)
    if step == guides.ELSEWHERE:
        return said("Thank you. {vendor} will see that the guide does not fit.", vendor=vendor)
    return said(
        "Thank you. {vendor} will see that step {step} looks different.", vendor=vendor, step=step
    )


def notices(told: str) -> tuple[Notice, ...]:
    """Return the answer as the form shows it when there is no script."""
    return (Notice("told", "", told),) if told else ()
