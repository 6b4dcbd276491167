"""Where a provider's API is, for calls that are passed on with a connection's token."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from integrations.catalog.values import PLACEHOLDER, Endpoint, Name, Pattern, Strict


class ApiValue(Strict):
    """A part of the address that a connection holds under `source` in its provider_data.

    `account_id` is the connection's account, and `|` separates alternatives. The whole value must
    match the pattern, which names the provider's own hosts; its group, if it has one, is the part.
    """

    name: Name
    source: Annotated[str, Field(pattern=r"\A[A-Za-z0-9_.]{1,64}(?:\|[A-Za-z0-9_.]{1,64})*\Z")]
    pattern: Pattern

    def part(self, data: Mapping[str, Any]) -> str:
        """Return the part that `data` gives, or nothing if it is not one of the provider's own."""
        given = next((str(data[name]) for name in self.source.split("|") if data.get(name)), "")
        found = re.fullmatch(self.pattern, given)
        return (found[1] if found.re.groups else found[0]) if found else ""


class Api(Strict):
    """The address below which the API is. The caller adds the rest of the path, never the host."""

    base_url: Endpoint
    values: tuple[ApiValue, ...] = ()

    @model_validator(mode="after")
    def plain_address(self) -> Self:
        """Refuse a query, and a slash at the end, which would double the next one."""
        if "?" in self.base_url or self.base_url.endswith("/"):
            raise ValueError("base_url has no query and no slash at its end")
        names = [value.name for value in self.values]
        if len(set(names)) < len(names) or set(names) - self.placeholders():
            raise ValueError("each value is a placeholder of base_url, once")
        return self

    def placeholders(self) -> frozenset[str]:
        """Return the names of the parts that differ from connection to connection."""
        return frozenset(PLACEHOLDER.findall(self.base_url))
