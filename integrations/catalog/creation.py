"""Ready artefacts for registering an app at a provider: links, commands and manifests.

What is filled in is escaped for the place it stands in, and a template in which that would not
hold is refused when the catalog is loaded. A secret is never among the words.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Annotated, Literal, Self
from urllib.parse import quote
from xml.sax.saxutils import escape

from pydantic import Field, model_validator

from integrations.catalog.guide import OptionalSentence
from integrations.catalog.values import PLACEHOLDER, Label, Strict

Escaping = Literal["url", "shell", "json", "xml", "sql"]
# What can be filled in besides settings. `body` and `manifest` are made from the words before.
WORDS = frozenset({"redirect_url", "app_name", "site", "scopes", "scope_list"})
NESTED = ("body", "manifest")
LISTS = frozenset({"json", "shell", "sql"})
BY_KIND: Mapping[str, tuple[Escaping, ...]] = {
    "link": ("url",),
    "command": ("shell", "sql"),
    "manifest": ("json", "xml"),
}
XML_QUOTES = {'"': "&quot;", "'": "&apos;"}
ESCAPE: Mapping[str, Callable[[str], str]] = {
    "url": lambda text: quote(text, safe=""),
    "shell": shlex.quote,
    "json": lambda text: json.dumps(text)[1:-1],
    "xml": lambda text: escape(text, XML_QUOTES),
    "sql": lambda text: text.replace("\\", "\\\\").replace("'", "''"),
}
LISTED: Mapping[str, Callable[[tuple[str, ...]], str]] = {
    "json": lambda names: json.dumps(list(names)),
    "shell": lambda names: " ".join(map(shlex.quote, names)),
    "sql": lambda names: ", ".join(f"'{ESCAPE['sql'](name)}'" for name in names),
}
FILE = re.compile(r"\A[a-z0-9][A-Za-z0-9_-]{0,40}(?:\.[A-Za-z0-9-]{1,24}){1,2}\Z")
Template = Annotated[str, Field(min_length=1, max_length=4_000)]


class Creation(Strict):
    """An artefact in which redirect URL and permissions are filled in.

    `body` is a JSON text that a command sends, as its word {body}. A manifest is kept as `file`,
    and `link` is where to take it, or leads there with the whole of it as {manifest}. `names` are
    what permissions are called in it; one without a name is then left out. `separator` is between
    them.
    """

    kind: Literal["link", "command", "manifest"]
    label: Label
    note: OptionalSentence = ""
    template: Template
    escaping: Escaping | None = None
    body: Annotated[str, Field(max_length=4_000)] = ""
    link: Annotated[str, Field(max_length=500)] = ""
    file: Annotated[str, Field(max_length=64)] = ""
    names: dict[str, Annotated[str, Field(min_length=1, max_length=200)]] = {}
    separator: Literal[" ", ",", ", "] = " "

    @property
    def escapes(self) -> Escaping:
        """How what is filled in is escaped."""
        return self.escaping or BY_KIND[self.kind][0]

    def placeholders(self) -> frozenset[str]:
        """Return every word that something has to be filled in for."""
        return frozenset(PLACEHOLDER.findall(self.template + self.body + self.link))

    @model_validator(mode="after")
    def fits_its_kind(self) -> Self:
        """Refuse parts that the kind does not have."""
        if self.escapes not in BY_KIND[self.kind]:
            raise ValueError(f"a {self.kind} is not escaped for {self.escapes}")
        if (self.kind == "manifest") != bool(self.file) or (
            self.file and not FILE.match(self.file)
        ):
            raise ValueError("a manifest, and nothing else, has a plain file name")
        if self.body and (self.kind != "command" or "body" not in self.placeholders()):
            raise ValueError("a body is what a command sends as {body}")
        if self.link and self.kind != "manifest":
            raise ValueError("link says where a manifest goes")
        nested = {"body": bool(self.body), "manifest": bool(self.link)}
        if unknown := [name for name in NESTED if name in self.placeholders() and not nested[name]]:
            raise ValueError(f"{{{unknown[0]}}} is filled in by nothing")
        return self

    @model_validator(mode="after")
    def stands_where_it_is_escaped_for(self) -> Self:
        """Refuse a word in a place where its escaping would not hold."""
        check_place(self.template, self.escapes)
        if self.body:
            check_place(self.body, "json")
        if self.link:
            check_place(self.link, "url")
        return self


def check_place(template: str, escaping: Escaping) -> None:
    """Raise ValueError if a word of the template stands where its escaping does not hold."""
    words = set(PLACEHOLDER.findall(template))
    if "scope_list" in words and escaping not in LISTS:
        raise ValueError(f"scope_list cannot be escaped for {escaping}")
    if escaping == "url" and not re.match(r"\Ahttps://[^/\s?#@\\]+(?:[/?#]|\Z)", template):
        raise ValueError("a link is an https URL")
    if escaping == "url" and WORDS & set(PLACEHOLDER.findall(template.split("/")[2])):
        raise ValueError("only a setting may be part of a host")
    if escaping == "json":
        _check_json(template, words)
    if escaping in ("shell", "sql"):
        _check_quotes(template, inside=escaping == "sql")
    if escaping == "xml" and re.search(r"<[^>]*\{[a-z_]+\}|<!|<\?(?!xml )", template):
        raise ValueError("words stand in the text of an element")


def filled(template: str, values: Mapping[str, str]) -> str:
    """Return the template with its words replaced by values, which `escaped` made for it."""
    return PLACEHOLDER.sub(lambda found: values[found[1]], template)


def escaped(
    words: Mapping[str, str], scopes: tuple[str, ...], escaping: Escaping
) -> dict[str, str]:
    """Return every value in the form that one kind of place takes."""
    values = {name: ESCAPE[escaping](text) for name, text in words.items()}
    if escaping in LISTED:
        values["scope_list"] = LISTED[escaping](scopes)
    return values


def _check_json(template: str, words: set[str]) -> None:
    sample = {name: "[]" if name == "scope_list" else "x" for name in words}
    try:
        json.loads(PLACEHOLDER.sub(lambda found: sample[found[1]], template))
    except ValueError:
        raise ValueError("is not JSON with its words inside of texts") from None


def _check_quotes(template: str, *, inside: bool) -> None:
    # A list is words or quoted texts already, and a shell quotes each of its values itself.
    if re.search(r"\\(?!\n)|`|\$\(\(|<<", template):
        raise ValueError("has a backslash, a backquote or a here-document")
    for found in PLACEHOLDER.finditer(template):
        before = template[: found.start()]
        quoted = before.count("'") % 2 == 1
        wanted = inside and found[1] != "scope_list"
        if quoted != wanted or before.count('"') % 2:
            raise ValueError(f"{{{found[1]}}} stands in the wrong quotation marks")
