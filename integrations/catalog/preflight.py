"""What can be said of a client before anybody approves: how its values look, and a made-up code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import Field, model_validator

from integrations.catalog.fields import Setting
from integrations.catalog.values import PLACEHOLDER, Pattern, Strict

# An error code, with its description if the code alone says too little, or a numbered one.
Word = Annotated[str, Field(pattern=r"\A[A-Za-z0-9_]{1,64}(?:: [ -~]{1,160})?\Z")]
Words = Annotated[tuple[Word, ...], Field(max_length=8)]
# Two labels at least: ".zendesk.com" is somebody's, ".com" is anybody's.
PINNED = re.compile(r"(?:\.[a-z0-9-]+){2}\Z")
PINNED_FORM = re.compile(r"(?:\\\.[a-z0-9-]+){2}\Z")
# Where a pattern offers several forms of a whole host, each of them must end like that.
FORMS = re.compile(r"\A\\A(?:\(\?:(?P<forms>.*)\)|(?P<form>.*))\\Z\Z", re.DOTALL)


class Preflight(Strict):
    """How a client is checked in advance. Whatever comes of it is advice and stops nobody.

    `client_id` is what an identifier looks like, and `not_secret` what is often pasted in place of
    the secret. `accepted`, `rejected` and `expired` are what the token endpoint answers to a code
    that was made up if it takes the credentials, if not, and if the secret is over: an `error`,
    `error: error_description`, or a number in the description such as AADSTS7000222. Without
    `rejected` nothing is sent; without `accepted` an answer can only be a refusal.
    """

    client_id: Pattern | None = None
    not_secret: Pattern | None = None
    accepted: Words = ()
    rejected: Words = ()
    expired: Words = ()

    @model_validator(mode="after")
    def each_word_means_one_thing(self) -> Self:
        """Refuse a word that would mean two things, and an answer to a question never asked."""
        words = (*self.accepted, *self.rejected, *self.expired)
        if len(set(words)) < len(words):
            raise ValueError("a word of an answer means one thing only")
        if words and not self.rejected:
            raise ValueError("accepted and expired need rejected: how a refusal looks")
        return self

    @property
    def asks(self) -> bool:
        """Return whether a made-up code is sent at all."""
        return bool(self.rejected)


def pinned(endpoint: str, settings: Iterable[Setting]) -> bool:
    """Return whether every host that people can form of an endpoint belongs to the provider."""
    host = endpoint.split("/")[2] if endpoint.count("/") > 1 else ""
    if not PLACEHOLDER.search(host):
        return True
    if whole := PLACEHOLDER.fullmatch(host):
        patterns = {setting.name: setting.pattern or "" for setting in settings}
        found = FORMS.match(patterns.get(whole[1], ""))
        forms = _alternatives(found["forms"] or found["form"] or "") if found else [""]
        return all(PINNED_FORM.search(form) for form in forms)
    return bool(PINNED.search(host[host.rindex("}") + 1 :]))


def _alternatives(text: str) -> list[str]:
    """Return what stands between the bars that are within no bracket."""
    parts, depth = [""], 0
    for each in text:
        depth += (each in "([") - (each in ")]")
        if each == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += each
    return parts
