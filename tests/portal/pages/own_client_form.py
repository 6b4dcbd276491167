"""The own-client form as a person meets it: filled in well, filled in badly, corrected."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from integrations.models import ClientVersion
from tests import factories
from tests.visitor import Visitor

SECRET = "s3cret/of+the=form"
APP = {"client_id": "fake_ok", "client_secret": SECRET}
SETTINGS = {"zendesk": {"setting_subdomain": "acme"}, "demo-desk": {"setting_subdomain": "acme"}}
SUMMARY = re.compile(r'<li><a href="#([^"]+)">(.*?)</a></li>', re.DOTALL)
BESIDE = re.compile(r'<p id="([a-z_]+)_error" class="error">(.*?)</p>', re.DOTALL)
NOTICE = re.compile(r'<div class="notice (?:note|warn)">(.*?)</div>', re.DOTALL)
NEXT_STEP = re.compile(r"\b(Check|Choose|Copy|Correct|Enter|Make|Paste|Remove|Type)\b")


def by_row(cases: Iterable[tuple[str, str, str]]) -> dict[str, list[tuple[str, str]]]:
    """Return what is typed and what is said of it, by the row that its name begins with.

    One person types all texts of a row: opening the form takes longer than any of them.
    """
    rows: dict[str, list[tuple[str, str]]] = {}
    for name, typed, words in cases:
        rows.setdefault(name.partition("-")[0], []).append((typed, words))
    return rows


@dataclass
class Entry:
    """One person at the form of one integration."""

    integration: str = "demo-mail"
    policy: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        project = factories.make_project()
        self.made = factories.make_integration(project, self.integration, **self.policy)
        self.visitor = Visitor(project)
        self.visitor.open(self.integration)

    def send(self, **typed: Any) -> int:
        """Send the form, good but for what is typed, and return the status."""
        self.visitor.enter(**{**APP, **SETTINGS.get(self.integration, {}), **typed})
        return int(self.visitor.last.status_code)

    @property
    def html(self) -> str:
        """The page that is shown."""
        return self.visitor.page.html

    @property
    def shown(self) -> dict[str, list[str]]:
        """What the form holds as it is shown."""
        return self.visitor.page.form("/portal/options").submitted

    def errors(self) -> dict[str, str]:
        """Return the message of each field, after checking that summary and fields agree."""
        summary = [(name, unescape(text)) for name, text in SUMMARY.findall(self.html)]
        beside = {name: unescape(text) for name, text in BESIDE.findall(self.html)}
        assert dict(summary) == beside
        assert len(summary) == len(beside)
        for name, text in summary:
            assert f'id="{name}"' in self.html
            assert NEXT_STEP.search(text), text
        return dict(summary)

    def refused(self, **typed: Any) -> dict[str, str]:
        """Send a form that must be refused, check all that any refusal promises."""
        before = ClientVersion.objects.count()
        assert self.send(**typed) == 422
        errors = self.errors()
        assert errors
        assert ClientVersion.objects.count() == before
        for secret in {typed.get("client_secret", SECRET).strip(), SECRET} - {""}:
            assert secret not in unescape(self.html)
        return errors

    def goes_on(self, **typed: Any) -> None:
        """Send a form that must be accepted."""
        assert self.send(**typed) == 200, self.errors()
        assert "Ready to connect" in self.visitor.page.text
        assert self.stored().client_id

    def stored(self) -> ClientVersion:
        """Return the newest version."""
        return ClientVersion.objects.latest("number")

    def notices(self) -> list[str]:
        """Return what the page says about what was tidied."""
        shown = [unescape(re.sub(r"<[^>]*>", " ", text)) for text in NOTICE.findall(self.html)]
        return [" ".join(text.split()) for text in shown]
