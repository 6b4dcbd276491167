"""A person at the portal, by Django's test client: posts the forms that the pages show."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.test import Client

from integrations.models import Flow, Project
from tests import factories
from tests.fakeas import visitor as provider_visitor


@dataclass
class Form:
    """A form: all its controls, and those a browser would submit as the page stands."""

    action: str
    all: dict[str, str] = field(default_factory=dict)
    submitted: dict[str, list[str]] = field(default_factory=dict)


class Page(HTMLParser):
    """What a person and a browser see of a page: its text, its forms and where it leads on."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.html = text
        self.forms: list[Form] = []
        self.refresh = ""
        self.words: list[str] = []
        self._textarea = ""
        self._select = ""
        self.feed(text)

    @property
    def fields(self) -> dict[str, str]:
        """The first value of every control of the page, whether it would be submitted or not."""
        return {name: value for form in reversed(self.forms) for name, value in form.all.items()}

    def form(self, action: str) -> Form:
        """Return the form that posts to this path."""
        return next(form for form in self.forms if form.action == action)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(action=values.get("action", "")))
        if tag in ("input", "textarea", "button") and values.get("name") and self.forms:
            self._control(tag, values)
        if tag == "select" and self.forms:
            self._select = values.get("name", "")
        if tag == "option" and self._select and "selected" in values:
            self._control(tag, {"name": self._select, "value": values.get("value", "")})
        if tag == "meta" and values.get("http-equiv", "").lower() == "refresh":
            self.refresh = values["content"].partition("url=")[2]

    def _control(self, tag: str, values: dict[str, str]) -> None:
        form, name, value = self.forms[-1], values["name"], values.get("value", "")
        form.all.setdefault(name, value)
        unticked = values.get("type") in ("checkbox", "radio") and "checked" not in values
        if tag != "button" and not unticked and "disabled" not in values:
            form.submitted.setdefault(name, []).append(value)
        if tag == "textarea":
            self._textarea = name

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._textarea = ""
        if tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.forms[-1].submitted[self._textarea] = [data.strip()]
        self.words.append(data.strip())

    @property
    def text(self) -> str:
        """All words of the page."""
        return " ".join(word for word in self.words if word)


@dataclass
class Visitor:
    """One browser with one person. `answers` are all pages seen, newest last."""

    project: Project
    sub: str = "dana"
    client: Client = field(default_factory=lambda: Client(raise_request_exception=True))
    handle: str = ""
    flow: str = ""
    visit: str = ""
    answers: list[Any] = field(default_factory=list)
    page: Page = field(default_factory=lambda: Page(""))

    def open(self, integration: str = "demo-mail", **fields: Any) -> Page:
        """Open the portal as the SDK does: a form post from the vendor's page into an iframe."""
        form = {
            "user_token": fields.pop("user_token", None)
            or factories.user_token(self.project, self.sub),
            "integration": integration,
            "account_type": fields.pop("account_type", "user-configured-oauth"),
            "display": "embed",
            **fields,
        }
        return self._page(
            self.client.post(
                f"/embed/{self.project.pk}/open", form, headers={"Origin": factories.ORIGIN}
            )
        )

    def post(self, path: str, headers: dict[str, str] | None = None, **fields: Any) -> Page:
        """Post a form of the page that is shown."""
        known = {"handle": self.handle, "visit": self.visit}
        form = {**{k: v for k, v in known.items() if v}, "flow": self.flow, **fields}
        ours = {"Origin": settings.BASE_ORIGIN, **(headers or {})}
        return self._page(self.client.post(path, form, headers=ours))

    def enter(
        self, *, client_id: str = "fake_ok", client_secret: str = "fake-secret", **fields: Any
    ) -> Page:
        """Fill in the own-client form, leaving everything else as the page shows it."""
        shown = self.page.form("/portal/options").submitted
        typed = {"client_id": client_id, "client_secret": client_secret}
        return self.post("/portal/options", **{**shown, **typed, **fields})

    def start(self) -> str:
        """Press "Continue" and return the URL the browser is led to."""
        return self.post("/oauth/start").refresh

    def approve(self, **choices: Any) -> Page:
        """Continue, approve at the provider, and come back."""
        return self.come_back(provider_visitor.approve(self.start(), **choices))

    def deny(self) -> Page:
        """Continue, decline at the provider, and come back."""
        return self.come_back(provider_visitor.deny(self.start()))

    def come_back(self, url: str) -> Page:
        """Follow the provider's redirect, and the one to the clean page after it."""
        parts = urlsplit(url)
        answer = self.client.get(f"{parts.path}?{parts.query}")
        self.answers.append(answer)
        if answer.status_code == 303:
            answer = self.client.get(answer["Location"])
        return self._page(answer)

    def status(self) -> Page:
        """Press "Check again"."""
        return self.post("/portal/flow/status")

    def current_flow(self) -> Flow:
        """Return the flow as the database has it."""
        return Flow.objects.get(pk=self.flow)

    @property
    def last(self) -> Any:
        """The newest answer."""
        return self.answers[-1]

    def _page(self, answer: Any) -> Page:
        self.answers.append(answer)
        self.page = page = Page(answer.content.decode())
        self.handle = page.fields.get("handle", self.handle)
        self.flow = page.fields.get("flow", self.flow)
        self.visit = page.fields.get("visit", self.visit)
        return page
