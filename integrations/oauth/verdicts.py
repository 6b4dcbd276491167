"""What the refusal of a made-up code says about the client that sent it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from integrations.catalog.schema import Provider
from integrations.errors import ProviderFailure
from integrations.oauth import answers, dialects
from integrations.oauth.http import Answer

Verdict = Literal["accepted", "rejected", "expired", "unknown"]
MAX_DESCRIPTION = 160


def verdict(*, provider: Provider, answer: Answer) -> Verdict:
    """Return what the provider's file says that this answer means, "unknown" if nothing.

    A refusal counts before anything else: an answer may say that the code is bad as well.
    """
    try:
        answers.raise_for_status(answer)
        data = dialects.rewritten(provider.dialects, answers.parsed(answer))
    except ProviderFailure:
        return "unknown"
    found = _words(data) if isinstance(data, Mapping) else frozenset()
    recipe = provider.preflight
    if found.intersection(recipe.expired):
        return "expired"
    if found.intersection(recipe.rejected):
        return "rejected"
    return "accepted" if found.intersection(recipe.accepted) else "unknown"


def _words(data: Mapping[str, Any]) -> frozenset[str]:
    error, description = (str(data.get(name, "")) for name in ("error", "error_description"))
    codes = answers.error_codes(error, description)
    return frozenset((*codes, f"{codes[-1]}: {description[:MAX_DESCRIPTION]}"))
