"""Providers that are in no file: their data is kept on an integration, in the same schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from integrations.catalog.schema import Provider
from integrations.errors import CatalogError

SLUG = "custom"


def provider(data: Mapping[str, Any], *, loopback_http: bool = False) -> Provider:
    """Return the provider that `data` describes, by the rules for every provider file.

    Raises CatalogError with key and reason.
    """
    return _checked(json.dumps({**data, "slug": SLUG}, sort_keys=True), loopback_http)


@lru_cache(maxsize=256)
def _checked(text: str, loopback_http: bool) -> Provider:
    try:
        return Provider.model_validate_json(text, context={"loopback_http": loopback_http})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise CatalogError(file=SLUG, key=key, reason=reason) from None
