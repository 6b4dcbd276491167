"""What a browser would make of a rendered page, as far as the tests ask."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Self

Attributes = dict[str, str]
REFERRING = ("for", "aria-describedby", "aria-labelledby", "aria-controls", "list", "form")


class Page(HTMLParser):
    """The elements of one page, with what is suspicious among them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.all: list[tuple[str, Attributes]] = []
        self.inline_scripts: list[str] = []
        self.title = ""
        self.nested_forms = False
        self._open: list[str] = []

    @classmethod
    def of(cls, html: str) -> Self:
        """Parse a page or a fragment."""
        page = cls()
        page.feed(html)
        page.close()
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        attributes = {name: value or "" for name, value in attrs}
        self.all.append((tag, attributes))
        self.nested_forms = self.nested_forms or (tag == "form" and "form" in self._open)
        if tag in {"form", "title", "script"}:
            self._open.append(tag)
        if tag == "script" and "src" not in attributes:
            self.inline_scripts.append(str(attributes))

    def handle_endtag(self, tag: str) -> None:
        """Note the end of an element."""
        if tag in self._open:
            self._open.remove(tag)

    def handle_data(self, data: str) -> None:
        """Note the text of the title."""
        if "title" in self._open:
            self.title += data

    def elements(self, tag: str) -> list[Attributes]:
        """Return the attributes of each element of this name."""
        return [attributes for name, attributes in self.all if name == tag]

    def values(self, tag: str, attribute: str) -> list[str]:
        """Return the values of an attribute, where there is one."""
        return [each[attribute] for each in self.elements(tag) if attribute in each]

    @property
    def ids(self) -> list[str]:
        """Return all ids, in order."""
        return [attributes["id"] for _, attributes in self.all if "id" in attributes]

    @property
    def handlers(self) -> list[str]:
        """Return event handler attributes, of which there should be none."""
        return [name for _, attributes in self.all for name in attributes if name.startswith("on")]

    def references(self) -> set[str]:
        """Return the ids this page's elements point to."""
        links = {href[1:] for href in self.values("a", "href") if href.startswith("#")}
        return links | {
            name
            for _, attributes in self.all
            for attribute in REFERRING
            for name in attributes.get(attribute, "").split()
        }
