"""What has to be known before a new token is of use, and that only the token can tell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from integrations.catalog.schema import PLACEHOLDER, PostOption, Provider
from integrations.errors import NotAllowed, ProviderFailure
from integrations.models import Connection
from integrations.oauth import client as oauth
from integrations.oauth.answers import at_path
from integrations.oauth.client import Account, Client
from integrations.secret import Secret

MAX_CHOICES, MAX_LABEL = 200, 120
# Vendors put the id into the path of a URL: nothing in it may lead elsewhere.
CHOICE_ID = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9._~:-]{0,127}\Z")


@dataclass(frozen=True)
class Choice:
    """One thing to choose, in the provider's words."""

    id: str
    label: str
    hint: str


@dataclass(frozen=True)
class Offer:
    """What there is to choose. `chosen` is set where nobody needs to be asked."""

    name: str
    is_account: bool
    choices: tuple[Choice, ...]
    chosen: Choice | None

    def account(self) -> Account | None:
        """Return the chosen thing as the account."""
        if self.chosen is None:
            return None
        return Account(id=self.chosen.id, label=self.chosen.hint or self.chosen.label)


def offer(
    *,
    provider: Provider,
    client: Client,
    settings: Mapping[str, str],
    access_token: Secret,
    target: Connection | None,
) -> Offer | None:
    """Ask what there is to choose, or return None where there never is anything.

    A connection that is renewed keeps what was chosen for it. Raises ProviderFailure if the list
    cannot be had, NotAllowed if it is empty or belongs to another account.
    """
    for name, option in provider.post_options.items():
        data = oauth.options(provider=provider, client=client, access_token=access_token)
        choices = listed(option=option, data=data)
        if not choices:
            raise NotAllowed("no_options")
        chosen = _kept(name, option, choices, target) or _evident(option, choices, settings)
        return Offer(name, option.is_account, choices[:MAX_CHOICES], chosen)
    return None


def listed(*, option: PostOption, data: Any) -> tuple[Choice, ...]:
    """Read a list from a stranger: each id once, in the provider's order.

    Raises ProviderFailure if it is no list.
    """
    for part in filter(None, option.list_path.split(".")):
        data = data.get(part) if isinstance(data, dict) else None
    if not isinstance(data, list):
        raise ProviderFailure("options_unavailable")
    found: dict[str, Choice] = {}
    for item in data:
        choice_id = at_path(item, option.id_path)
        if CHOICE_ID.match(choice_id):
            found.setdefault(choice_id, _choice(option, item, choice_id))
    return tuple(found.values())


def _choice(option: PostOption, item: Any, choice_id: str) -> Choice:
    label = at_path(item, option.label_path)[:MAX_LABEL].strip()
    hint = at_path(item, option.hint_path)[:MAX_LABEL].strip() if option.hint_path else ""
    return Choice(id=choice_id, label=label or choice_id, hint=hint)


def _kept(
    name: str, option: PostOption, choices: Iterable[Choice], target: Connection | None
) -> Choice | None:
    known = str(target.provider_data.get(name, "")) if target else ""
    if target and option.is_account:
        known = target.account_id or known
    found = next((choice for choice in choices if choice.id == known), None)
    if known and found is None and option.is_account:
        raise NotAllowed("account_mismatch")
    return found


def _evident(
    option: PostOption, choices: tuple[Choice, ...], settings: Mapping[str, str]
) -> Choice | None:
    if len(choices) == 1:
        return choices[0]
    if not option.matches or not all(map(settings.get, PLACEHOLDER.findall(option.matches))):
        return None
    wanted = PLACEHOLDER.sub(lambda match: settings[match[1]], option.matches)
    return next((choice for choice in choices if choice.hint == wanted), None)
