"""What is known of a client in advance, and what people see at the provider: for two screens."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.utils.translation import gettext

from integrations import preflight, problems, stages
from integrations.catalog.schema import Problem
from integrations.models import Flow
from integrations.preflight import Check
from integrations.wording import said
from portal import texts
from portal.texts import Notice

SETTING = "setting_"
PLACES = ("review", "waiting")


@dataclass(frozen=True)
class Checks:
    """What was found out about a client. `asks` offers to ask the provider, `at_once` does it."""

    rows: tuple[Check, ...]
    asks: bool = False
    at_once: bool = False


@dataclass(frozen=True)
class Fix:
    """What helps: in words, a value to copy, and the input of the form to correct, by its id."""

    seen: str
    means: str
    fix: str
    field: str = ""
    value: str = ""
    value_label: str = ""


@dataclass(frozen=True)
class Sight:
    """What may be seen at the provider. `choices` are (value, words, whether it is a code)."""

    choices: tuple[tuple[str, str, bool], ...]
    place: str
    chosen: Fix | None = None
    error: str = ""


def checks(flow: Flow) -> Checks | None:
    """Return what is known of the client, to those who entered it."""
    version = flow.client_version
    if version is None or not stages.enters_client(flow):
        return None
    asks = preflight.can_ask(version)
    return Checks(
        rows=preflight.checks(version),
        asks=asks,
        at_once=asks and preflight.outcome(version) is None,
    )


def sight(flow: Flow, *, place: str = "", chosen: Problem | None = None, error: str = "") -> Sight:
    """Return what this provider may show, with the remedy of what was chosen."""
    offered = problems.to_choose(flow.integration.provider)
    ours = offered == problems.GENERAL
    return Sight(
        choices=tuple(
            (each.seen, gettext(each.seen) if ours else each.seen, not ours) for each in offered
        ),
        place=place if place in PLACES else PLACES[0],
        chosen=fix(flow, chosen) if chosen else None,
        error=error,
    )


def answered(flow: Flow) -> Fix | None:
    """Return what helps against the answer that failed the flow, if the provider's file knows."""
    if flow.status != Flow.Status.FAILED or not flow.integration.is_known:
        return None
    problem = problems.explained(provider=flow.integration.provider, seen=flow.seen)
    return fix(flow, problem) if problem else None


def failure(flow: Flow) -> Notice:
    """Return how it ended: in the provider's own terms where its file explains the answer."""
    vendor = flow.project.name
    name = flow.integration.provider.name if flow.integration.is_known else flow.integration.slug
    notice = texts.notice(flow.error_code or "flow_closed", provider=name, vendor=vendor)
    told = answered(flow)
    return replace(notice, text=told.means, action=told.fix) if told else notice


def own_failure(flow: Flow) -> Notice | None:
    """Return how a flow failed, with the accounts of it: for the person's own page only."""
    if flow.status != Flow.Status.FAILED:
        return None
    return _with_accounts(failure(flow), flow)


def fix(flow: Flow, problem: Problem) -> Fix:
    """Return the remedy of a problem, for whoever can change the app and for who cannot."""
    own = stages.enters_client(flow)
    label, value = _value(flow, problem) if own else ("", "")
    remedy = gettext(problem.fix)
    if problem.field and not own:
        remedy = said("Tell {vendor} what the window says.", vendor=flow.project.name)
    return Fix(
        seen=problem.seen,
        means=_filled(flow, gettext(problem.means)),
        fix=_filled(flow, remedy),
        field=_input(problem) if own else "",
        value=value,
        value_label=label,
    )


def _with_accounts(notice: Notice, flow: Flow) -> Notice:
    """Name the account that was expected and the one that came."""
    came = flow.draft.get("other_account", "")
    if notice.code != "account_mismatch" or not came or flow.connection is None:
        return notice
    expected = flow.connection.account_label
    text = said(
        "This connection uses {expected}, but you signed in as {came}.",
        expected=expected,
        came=came,
    )
    if came == expected:
        text = said("Both are called {came}, but they are two different accounts.", came=came)
    left = said("The connection was left as it was.")
    return replace(notice, text=f"{text} {left}")


def _value(flow: Flow, problem: Problem) -> tuple[str, str]:
    version, provider = flow.client_version, flow.integration.provider
    if problem.field == "redirect_uri":
        return said("Redirect URL"), _redirect_url(flow)
    if problem.field == "client_id" and version:
        return said(provider.client_id_label), version.client_id
    if problem.field == "scopes":
        return said("Permissions"), provider.scope_separator.join(flow.scopes)
    return "", ""


def _filled(flow: Flow, text: str) -> str:
    scopes = flow.integration.provider.scope_separator.join(flow.scopes)
    return text.replace("{redirect_url}", _redirect_url(flow)).replace("{scopes}", scopes)


def _redirect_url(flow: Flow) -> str:
    return flow.oauth_client.redirect_uri() if flow.oauth_client else ""


def _input(problem: Problem) -> str:
    return f"{SETTING}{problem.setting}" if problem.setting else problem.field
