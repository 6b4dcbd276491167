"""What can be told of a person's client before anybody approves. Advice: nothing waits for it.

A made-up code is sent with the client's credentials to the token endpoint, and the provider's file
says what the refusal means. To whoever steals secrets this must be worth nothing: it is slow, it
goes only where the client itself would go, and it speaks of the person's own client alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.views.decorators.debug import sensitive_variables

from integrations import access, audit, hosts, journal, limits, mistakes, versions
from integrations.access import Somebody
from integrations.catalog.schema import Provider
from integrations.errors import ProviderFailure, ProviderUnavailable, RateLimited, SealBroken
from integrations.limits import Use
from integrations.models import ClientCheck, ClientVersion
from integrations.oauth import answers, verdicts
from integrations.oauth import client as oauth
from integrations.oauth.client import Client
from integrations.oauth.http import Answer
from integrations.wording import said

# A page waits for it, so it is given up long before a real exchange would be.
SECONDS = 4.0
LEASE = timedelta(seconds=30)
Outcome = ClientCheck.Outcome
Result = Literal["accepted", "rejected", "unknown"]
DECIDED = (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.EXPIRED)


@dataclass(frozen=True)
class Check:
    """One thing that was checked. `field` is where to correct it, `name` what it is about."""

    name: Literal["client_id", "credentials", "redirect_url"]
    result: Result
    text: str
    field: str = ""


def can_ask(version: ClientVersion) -> bool:
    """Return whether the provider can be asked about this client at all."""
    return version.provider.preflight.asks and versions.fits(version)


def outcome(version: ClientVersion) -> Outcome | None:
    """Return what the provider said last, or None if it was never asked."""
    row = ClientCheck.objects.filter(pk=version.pk, checked_at__isnull=False).first()
    return Outcome(row.outcome) if row else None


def checks(version: ClientVersion) -> tuple[Check, ...]:
    """Return what is known of a client in advance, in words. Asks nobody."""
    provider = version.provider
    found = [_shape(provider, version), _pair(provider, _heard(version))]
    text = said("The redirect URL cannot be checked in advance.")
    return (*(each for each in found if each), Check("redirect_url", "unknown", text))


def ask(*, version: ClientVersion, actor: str, who: Somebody | None = None) -> Outcome:
    """Ask the provider whether it takes a client's credentials, and keep what it says.

    `who` is counted besides the client. UNKNOWN if it cannot be told now: asked too often, nobody
    answers, or the answer says nothing. No transaction may be open around it.
    """
    if not can_ask(version):
        return Outcome.UNKNOWN
    try:
        client = versions.oauth_client(version=version)
        limits.spend(*_uses(version, client, who))
    except (RateLimited, SealBroken):
        return Outcome.UNKNOWN
    if not _claimed(version):
        return Outcome.UNKNOWN
    answer = _answer(version.provider, client)
    heard = verdicts.verdict(provider=version.provider, answer=answer) if answer else "unknown"
    return _kept(version, Outcome(heard), actor)


def ask_for(*, version: ClientVersion, who: Somebody) -> Outcome:
    """Ask about a client that this person may change."""
    return ask(version=version, who=who, actor=access.actor_of(who))


def _uses(version: ClientVersion, client: Client, who: Somebody | None) -> list[Use]:
    # Of one project only: what others asked of their clients must not be seen by a refusal here.
    place = f"{version.project_id}:{hosts.of(client).name}:{version.client_id}"
    uses = [Use(limits.PREFLIGHT_CLIENT, place)]
    if who is not None:
        person = f"{who.end_user.project_id}:{who.end_user.external_id}"
        uses.append(Use(limits.PREFLIGHT, person))
    return uses


def _claimed(version: ClientVersion) -> bool:
    ClientCheck.objects.get_or_create(client_version=version)
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    rows = ClientCheck.objects.filter(free, pk=version.pk)
    return bool(rows.update(lease_until=Now() + LEASE))


@sensitive_variables("client")
def _answer(provider: Provider, client: Client) -> Answer | None:
    """Send the made-up code. None if no answer came that could be read."""
    host = hosts.of(client)
    try:
        troubled = hosts.enter(host)
        journal.drop_connection()
        answer = oauth.probe(provider=provider, client=client, seconds=SECONDS)
    except ProviderFailure as error:
        _note_silence(host, error)
        return None
    if answer.status == 429:
        hosts.asked_to_wait(host, retry_after=answers.retry_after(answer))
    elif answer.status >= 500:
        hosts.failed(host, retry_after=answers.retry_after(answer))
    elif troubled:
        hosts.answered(host)
    return answer


def _note_silence(host: hosts.Host, error: ProviderFailure) -> None:
    # Being slower than we wait here is no failure of the host, and nothing was sent while it rests.
    ours = isinstance(error, hosts.Resting) or error.code in ("provider_busy", "provider_timeout")
    if isinstance(error, ProviderUnavailable) and not ours:
        hosts.failed(host)


def _kept(version: ClientVersion, heard: Outcome, actor: str) -> Outcome:
    with transaction.atomic():
        rows = ClientCheck.objects.filter(pk=version.pk)
        rows.update(outcome=heard, checked_at=Now(), lease_until=None)
        audit.record(
            project=version.oauth_client.integration.project,
            actor=actor,
            action="client.checked",
            subject=version.oauth_client,
            version=version.number,
            outcome=str(heard),
        )
    return heard


def _heard(version: ClientVersion) -> Outcome | None:
    return outcome(version) if can_ask(version) else Outcome.UNKNOWN


def _shape(provider: Provider, version: ClientVersion) -> Check | None:
    right = mistakes.looks_right(provider, version.client_id)
    names = {"label": provider.client_id_label, "provider": provider.name}
    if right is None:
        return None
    if right:
        text = said("The {label} looks like one of {provider}.", **names)
        return Check("client_id", "accepted", text)
    text = said("This does not look like a {label} of {provider}.", **names)
    return Check("client_id", "rejected", text, "client_id")


def _pair(provider: Provider, heard: Outcome | None) -> Check | None:
    names = {
        "label": provider.client_id_label,
        "other": provider.client_secret_label,
        "provider": provider.name,
    }
    if heard is None:
        text = said("{label} and {other} are not checked yet.", **names)
        return Check("credentials", "unknown", text)
    if heard == Outcome.ACCEPTED:
        text = said("{provider} accepts the {label} and the {other}.", **names)
        return Check("credentials", "accepted", text)
    if heard == Outcome.EXPIRED:
        text = said("{provider} says that the {other} has expired. Make a new one.", **names)
        return Check("credentials", "rejected", text, "client_secret")
    if heard == Outcome.REJECTED:
        text = said(
            "{provider} did not accept the {label} and the {other} together. "
            "Check that both come from the same app.",
            **names,
        )
        return Check("credentials", "rejected", text, "client_secret")
    text = said("{label} and {other} cannot be checked in advance.", **names)
    return Check("credentials", "unknown", text)
