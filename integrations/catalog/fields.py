"""What a person fills in besides the client: settings and permissions."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from integrations.catalog.values import (
    RESERVED_PARAMS,
    Label,
    Name,
    Pattern,
    ScopeToken,
    Strict,
    Text,
)

PATH_SEGMENTS = re.compile(r"\A(?!.*//)(?!.*(?:\A|/)\.{1,2}(?:/|\Z))[A-Za-z0-9._~/-]+\Z")


class Scope(Strict):
    """One permission of the provider, described in one line."""

    name: ScopeToken
    description: Text
    sensitive: bool = False
    admin_consent: bool = False


class Setting(Strict):
    """A value the provider needs besides the client: a subdomain, a tenant, a second scope list.

    `kind` is "text", "path" (a text whose slashes stay when it becomes part of an address),
    "choice" (one of `options`, or with a `pattern` anything else that matches it) or "scopes" (a
    scope list sent as the authorization parameter `param`).
    """

    name: Name
    label: Label
    kind: Literal["text", "path", "choice", "scopes"] = "text"
    required: bool = True
    default: str = ""
    placeholder: str = ""
    help: str = ""
    prefix: str = ""
    suffix: str = ""
    pattern: Pattern | None = None
    max_length: Annotated[int, Field(ge=1, le=2000)] = 253
    lowercase: bool = True
    reserved: tuple[str, ...] = ()
    options: dict[str, str] = {}
    param: str | None = None

    @model_validator(mode="before")
    @classmethod
    def options_are_the_pattern(cls, data: Any) -> Any:
        """Take a choice without a pattern as one of its options and nothing else."""
        if not isinstance(data, dict) or data.get("kind") != "choice" or "pattern" in data:
            return data
        options = data.get("options")
        if not isinstance(options, dict) or not options:
            return data
        return {**data, "pattern": _one_of(options)}

    @model_validator(mode="after")
    def consistent(self) -> Self:
        """Refuse a setting whose values nothing would check."""
        if self.kind == "scopes" and not self.param:
            raise ValueError("a scopes setting needs the param it is sent as")
        if self.kind != "scopes" and self.pattern is None:
            raise ValueError("a text or choice setting needs a pattern")
        if self.param in RESERVED_PARAMS:
            raise ValueError(f"{self.param} is set by the flow and cannot be a setting")
        if self.default and self.pattern and not self.takes(self.default):
            raise ValueError("the default does not match the pattern")
        return self

    @property
    def takes_others(self) -> bool:
        """Return whether a choice may be something that is not listed."""
        return bool(self.options) and self.pattern != _one_of(self.options)

    def takes(self, value: str) -> bool:
        """Return whether this may be the setting's value, apart from its length."""
        if not self.pattern or not re.fullmatch(self.pattern, value):
            return False
        return self.kind != "path" or bool(PATH_SEGMENTS.match(value))


def _one_of(options: dict[str, str]) -> str:
    return r"\A(?:" + "|".join(re.escape(option) for option in options) + r")\Z"
