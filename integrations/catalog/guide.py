"""What people read: how to register an app, and what to do when something goes wrong."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from integrations.catalog.values import PLACEHOLDER, Endpoint, Label, Strict, Text

WORDS = frozenset({"redirect_url", "scopes"})
FIELD = re.compile(r"\A(?:|redirect_uri|client_id|client_secret|scopes|settings\.[a-z_]{1,32})\Z")


def checked_sentence(value: str) -> str:
    """Return a sentence in which every {word} is one that is filled in when it is shown."""
    if unknown := set(PLACEHOLDER.findall(value)) - WORDS:
        raise ValueError(f"{{{sorted(unknown)[0]}}} is filled in by nothing")
    return value


def checked_field(value: str) -> str:
    """Return the name of a field of the form, or nothing."""
    if not FIELD.match(value):
        raise ValueError("names no field of the form")
    return value


Sentence = Annotated[Text, AfterValidator(checked_sentence)]
OptionalSentence = Annotated[str, Field(max_length=500), AfterValidator(checked_sentence)]


class Setup(Strict):
    """What a person does at the provider to register an app, in our words."""

    console: Endpoint
    redirect_uri_label: Label
    minutes: Annotated[int, Field(ge=1, le=120)]
    role: Sentence
    steps: Annotated[tuple[Sentence, ...], Field(min_length=4, max_length=8)]
    tip: OptionalSentence = ""
    notice: OptionalSentence = ""


class RedirectUris(Strict):
    """Which redirect URIs the provider registers, and how it compares them.

    `https_only` false: plain http is taken for any host. `localhost`: it is for this computer.
    `exact`: compared character by character (RFC 9700 section 2.1). `limit`: how many an app may
    have; 0 where there is no limit or none is known.
    """

    https_only: bool = True
    localhost: bool = True
    exact: bool = True
    limit: Annotated[int, Field(ge=0, le=10_000)] = 0
    note: OptionalSentence = ""


class Problem(Strict):
    """Something that goes wrong at this provider, and its remedy.

    `seen` is the code or the few words that are shown; `at` is where: a "page" of the provider that
    leads nowhere, the "callback", the code's exchange ("token") or a later "refresh". `field` is
    what to correct in our form, or nothing where the remedy is at the provider.
    """

    seen: Annotated[str, Field(min_length=1, max_length=160)]
    at: Literal["page", "callback", "token", "refresh"]
    means: Sentence
    fix: Sentence
    field: Annotated[str, AfterValidator(checked_field)] = ""

    @property
    def setting(self) -> str:
        """Return the name of the setting at fault, or nothing."""
        return self.field.removeprefix("settings.") if self.field.startswith("settings.") else ""


def checked_problems(value: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Return the explanations, each for something else or for something seen elsewhere."""
    places = [(problem.seen, problem.at) for problem in value]
    if len(set(places)) < len(places):
        raise ValueError("each is explained once")
    return value


Problems = Annotated[tuple[Problem, ...], Field(max_length=24), AfterValidator(checked_problems)]
