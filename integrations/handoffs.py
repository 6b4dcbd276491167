"""Hand-offs: a link with which somebody else enters one client, once. Only digests are kept.

Looking at a link uses nothing up and shows two names. Its button opens the form, whose handle is
in the page; saving ends both. Whoever holds the link may save that one client and nothing else.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from integrations import access, audit, clients, inputs, organizations, scopes, standing
from integrations.clients import ClientConfig, Saved
from integrations.errors import FlowClosed, InvalidInput, NotAllowed, NotFound
from integrations.models import (
    ApiKey,
    Binding,
    EndUser,
    Flow,
    HandOff,
    OAuthClient,
    PortalSession,
)
from integrations.models.projects import OWN_CLIENT
from integrations.secret import Secret, digest, new_token

LINK_FOR, FORM_FOR, KEPT_FOR = timedelta(days=7), timedelta(hours=2), timedelta(days=30)
ACTOR = "hand-off"
Issuer, Outcome, Owner = HandOff.Issuer, HandOff.Outcome, OAuthClient.Owner


@dataclass(frozen=True)
class Issued:
    """A link's ticket, at the only moment it can be read."""

    hand_off: HandOff
    ticket: Secret


@dataclass(frozen=True)
class Form:
    """A form that was opened by a link, and its handle, which is known only now."""

    hand_off: HandOff
    handle: Secret


def issue(*, flow: Flow) -> Issued:
    """Make the link for the client that this flow asks for; one made before ends.

    Raises FlowClosed, NotAllowed for a client that the person may not save themselves, and for one
    in use where the visit was opened by a link, which anybody may have been sent.
    """
    client, who = flow.oauth_client, flow.acting
    if flow.status not in Flow.EDITABLE:
        raise FlowClosed
    if client is None or flow.account_type != OWN_CLIENT:
        raise NotAllowed("account_type_not_allowed")
    organizations.require_change(who=who, client=client)
    if flow.binding == Binding.WEAK and client.state == OAuthClient.State.ACTIVE:
        raise NotAllowed("start_refused")
    shared = client.owner == Owner.ORGANIZATION
    with transaction.atomic():
        Flow.objects.select_for_update().get(pk=flow.pk)
        _end(HandOff.objects.filter(flow=flow), Outcome.REPLACED)
        made = _made(
            client,
            flow=flow,
            session=who if isinstance(who, PortalSession) else flow.session,
            end_user=flow.end_user,
            issuer=Issuer.ORG_ADMIN if shared else Issuer.PERSON,
            asked_by=access.actor_of(who),
        )
        _touch(flow)
    return made


def issue_for_vendor(
    *, client: OAuthClient, actor: str, end_user: EndUser | None = None, key: ApiKey | None = None
) -> Issued:
    """Make a link in the vendor's name; all that were made before for this client end.

    Raises NotAllowed for an organization's client whose host is entered: that takes one of the
    organization's administrators.
    """
    _refuse_open_host(client)
    with transaction.atomic():
        OAuthClient.objects.select_for_update().get(pk=client.pk)
        _end(HandOff.objects.filter(oauth_client=client), Outcome.REPLACED)
        return _made(
            client,
            end_user=end_user,
            api_key=key,
            issuer=Issuer.VENDOR,
            asked_by=actor,
        )


def found(ticket: Secret) -> HandOff:
    """Return the hand-off of a link that could be used now. Raises NotFound, one for all."""
    return standing.live(HandOff.objects.filter(ticket_hash=digest(ticket.reveal())))


def begun(row: HandOff) -> Form:
    """Open the form; one opened before with the same link is closed by that."""
    handle, now = new_token(), timezone.now()
    opened = HandOff.objects.filter(pk=row.pk, outcome=Outcome.OPEN, expires_at__gt=now)
    if not opened.update(form_hash=digest(handle), form_expires_at=now + FORM_FOR):
        raise NotFound("link_ended")
    return Form(row, Secret(handle))


def form(handle: Secret) -> Form:
    """Return the form that this handle is in. Raises NotFound."""
    rows = HandOff.objects.filter(form_hash=digest(handle.reveal()))
    return Form(standing.live(rows.filter(form_expires_at__gt=timezone.now())), handle)


def as_flow(row: HandOff) -> Flow:
    """Return what the form shows, as a flow that is never stored: nothing typed or saved before."""
    client = _emptied(row.oauth_client)
    return Flow(
        project=row.project,
        integration=client.integration,
        oauth_client=client,
        account_type=OWN_CLIENT,
        draft={"scopes": " ".join(client.scopes)} if client.scopes else {},
    )


def save(*, form: Form, config: ClientConfig, scope_text: str) -> Saved:
    """Store what was entered, end the link, and let the flow that waits go on.

    Whoever holds the link enters all of it: no secret that is saved is kept. Raises InvalidInput
    with every field at fault, NotFound for a link that ended meanwhile.
    """
    names = _checked(form.hand_off.oauth_client, config, scope_text)
    with transaction.atomic():
        row = _locked(form.hand_off)
        # First: of two who save at once, one ends the link and the other finds it ended.
        if not _end(HandOff.objects.filter(pk=row.pk, form_hash=row.form_hash), Outcome.SUBMITTED):
            raise NotFound("link_ended")
        saved = clients.replace_config(client=row.oauth_client, config=config, actor=ACTOR)
        clients.keep_scopes(client=row.oauth_client, names=names)
        _record(row, "handoff.completed", actor=ACTOR, version=saved.version.number)
        _move_flow(row, saved, names)
    return saved


def end_all(end_user: EndUser) -> None:
    """End the links that a person made in their visits, as when they sign out everywhere."""
    rows = HandOff.objects.filter(end_user=end_user).exclude(issuer=Issuer.VENDOR)
    _end(rows, Outcome.REVOKED)


def revoke(*, flow: Flow, outcome: HandOff.Outcome = Outcome.REVOKED) -> bool:
    """End the flow's link, if there is one. Return whether there was."""
    with transaction.atomic():
        row = open_of(flow)
        if row is None or not _end(HandOff.objects.filter(pk=row.pk), outcome):
            return False
        actor = access.actor_of(flow.acting)
        _record(row, "handoff.revoked", actor=actor, outcome=str(outcome))
    return True


def open_of(flow: Flow) -> HandOff | None:
    """Return the link that the flow waits for, if somebody can still use it."""
    rows = HandOff.objects.filter(flow=flow, oauth_client=flow.oauth_client_id, outcome="")
    return (
        rows.filter(expires_at__gt=timezone.now())
        .select_related("oauth_client__integration__project")
        .first()
    )


def waiting() -> Exists:
    """Return a condition on flows: somebody else may still enter their client."""
    rows = HandOff.objects.filter(flow=OuterRef("pk"), outcome="", expires_at__gt=timezone.now())
    return Exists(rows)


def forget_old() -> QuerySet[HandOff]:
    """Return hand-offs that have been over for long; the audit log keeps what happened."""
    return HandOff.objects.filter(expires_at__lt=timezone.now() - KEPT_FOR)


def _made(client: OAuthClient, **fields: Any) -> Issued:
    ticket = new_token()
    row = HandOff(
        ticket_hash=digest(ticket),
        oauth_client=client,
        project=client.integration.project,
        expires_at=timezone.now() + LINK_FOR,
        **fields,
    )
    row.save(force_insert=True)
    _record(row, "handoff.sent", actor=row.asked_by, until=row.expires_at.isoformat())
    return Issued(row, Secret(ticket))


def _checked(client: OAuthClient, config: ClientConfig, scope_text: str) -> tuple[str, ...]:
    """Return the permissions. Raises InvalidInput with every field at fault."""
    names: tuple[str, ...] = ()
    faults = list(clients.problems(client=_emptied(client), config=config))
    try:
        rules = scopes.policy(client.integration)
        names = scopes.checked(rules=rules, names=inputs.clean_scopes(scope_text))
    except InvalidInput as error:
        faults += error.errors
    if faults:
        raise InvalidInput(*faults)
    return names


def _emptied(client: OAuthClient) -> OAuthClient:
    """Return the client as if nothing was ever saved in it; never stored."""
    empty = copy(client)
    empty.current_version = None
    return empty


def _locked(seen: HandOff) -> HandOff:
    """Return the hand-off as it is now, with nobody else changing it. Raises NotFound."""
    # In this order everywhere, so that no two wait for each other: flow, client, hand-off.
    if seen.flow_id:
        Flow.objects.select_for_update().filter(pk=seen.flow_id).first()
    OAuthClient.objects.select_for_update().filter(pk=seen.oauth_client_id).first()
    return standing.live(HandOff.objects.filter(pk=seen.pk, form_hash=seen.form_hash))


def _refuse_open_host(client: OAuthClient) -> None:
    if client.owner == Owner.ORGANIZATION and client.integration.provider.host_settings():
        raise NotAllowed("org_admin_required")


def _end(rows: QuerySet[HandOff], outcome: HandOff.Outcome) -> int:
    live = rows.filter(outcome=Outcome.OPEN)
    return live.update(outcome=outcome, ended_at=timezone.now(), form_hash="")


def _move_flow(row: HandOff, saved: Saved, names: tuple[str, ...]) -> None:
    if row.flow_id is None:
        return
    Flow.objects.filter(
        pk=row.flow_id, oauth_client=row.oauth_client_id, status__in=Flow.EDITABLE
    ).update(
        client_version=saved.version,
        scopes=list(names),
        draft={},
        status=Flow.Status.DRAFT,
        error_code="",
        updated_at=timezone.now(),
    )


def _touch(flow: Flow) -> None:
    changed = {
        "client_version": None,
        "status": Flow.Status.DRAFT,
        "error_code": "",
        "updated_at": timezone.now(),
    }
    rows = Flow.objects.filter(pk=flow.pk, status__in=Flow.EDITABLE)
    if not rows.filter(oauth_client=flow.oauth_client_id).update(**changed):
        raise FlowClosed
    for name, value in changed.items():
        setattr(flow, name, value)


def _record(row: HandOff, action: str, *, actor: str, **data: object) -> None:
    audit.record(
        project=row.oauth_client.integration.project,
        actor=actor,
        action=action,
        subject=row.oauth_client,
        hand_off=str(row.pk),
        asked_by=row.asked_by,
        owner=row.oauth_client.owner,
        **data,
    )
