"""The kinds of background work: where each finds what is due, and how one piece of it is done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from integrations import delivering, dispatching, revocation, tokens, versions
from integrations.models import ClientVersion, Credential, Revocation

EVERYWHERE = "*"
Due = Mapping[str, Sequence[UUID]]


@dataclass(frozen=True)
class Kind:
    """One kind of work: `due` gives ids by host, `work` does one and says whether to go on.

    `lanes` is how many are done at a time at one host, by all workers together. `repeats` works
    on the same id until it says that it has enough; `then` is looked for as soon as this is done.
    """

    queue: str
    lanes: int
    due: Callable[[int], Due]
    work: Callable[[UUID], bool]
    batch: int = 200
    repeats: bool = False
    then: str = ""


def _due_refreshes(limit: int) -> Due:
    """Return connections whose tokens end soon, by the host that renews them."""
    due = Credential.objects.filter(pk__in=tokens.due(limit=limit))
    return _by_host(due.values_list("pk", "client_version"))


def _refresh(pk: UUID) -> bool:
    # A host that rests will still rest for the next one.
    return tokens.refresh_one(pk) != "waiting"


def _due_revocations(limit: int) -> Due:
    """Return grants that nobody uses any more, by the host that gave them."""
    waiting = Revocation.objects.filter(pk__in=revocation.due(limit=limit))
    return _by_host(waiting.values_list("pk", "client_version"))


def _revoke(pk: UUID) -> bool:
    revocation.attempt(pk)
    return True


def _by_host(pairs: Iterable[tuple[UUID, UUID]]) -> Due:
    found = list(pairs)
    used = ClientVersion.objects.select_related("oauth_client__integration").in_bulk(
        {version for _, version in found}
    )
    # Where its provider is gone from the catalog, the refusal is for the work itself to record.
    hosts = {pk: versions.known_host(each) for pk, each in used.items()}
    grouped: dict[str, list[UUID]] = defaultdict(list)
    for pk, version_id in found:
        grouped[(hosts.get(version_id) or EVERYWHERE)[:255]].append(pk)
    return grouped


def _behind(limit: int) -> Due:
    behind = dispatching.behind(limit)
    return {EVERYWHERE: behind} if behind else {}


def _dispatch(pk: UUID) -> bool:
    dispatching.dispatch(pk)
    return True


def _deliveries(limit: int) -> Due:
    return {str(pk): [pk] for pk in delivering.due(limit)}


def _late_deliveries(limit: int) -> Due:
    return {str(pk): [pk] for pk in delivering.due(limit, failing=True)}


KINDS = {
    "refresh": Kind("refreshes", 6, _due_refreshes, _refresh),
    "revoke": Kind("revocations", 3, _due_revocations, _revoke, batch=50),
    "dispatch": Kind("dispatch", 2, _behind, _dispatch, then="deliver"),
    "deliver": Kind("webhooks", 1, _deliveries, delivering.send_next, repeats=True),
    # Apart from the others: receivers that do not answer must not use up the threads.
    "deliver late": Kind("late-webhooks", 1, _late_deliveries, delivering.send_next, repeats=True),
}
