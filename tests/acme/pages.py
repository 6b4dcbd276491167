"""The pages of Acme CRM and its one backend endpoint, as a WSGI application."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from html import escape
from http import HTTPStatus
from http.cookies import SimpleCookie
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from tests.acme.links import Links
from tests.acme.users import DANA, USERS, AcmeUser, TokenSigner

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HERE = Path(__file__).parent
COOKIE = "acme_user"
BODY_LIMIT = 4096
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
ASSETS = {f"/{each.name}": TYPES[each.suffix] for each in sorted((HERE / "static").iterdir())}
INTEGRATIONS = (
    "demo-mail",
    "demo-desk",
    "gmail",
    "jira",
    "outlook",
    "salesforce",
    "sharepoint",
    "slack",
    "zendesk",
)


@dataclass(frozen=True)
class Policies:
    """Response headers that decide how a host page may embed; None leaves the header out."""

    csp: str | None
    coop: str | None
    referrer: str | None

    def headers(self) -> list[tuple[str, str]]:
        """Return the headers that are set."""
        named = {
            "Content-Security-Policy": self.csp,
            "Cross-Origin-Opener-Policy": self.coop,
            "Referrer-Policy": self.referrer,
        }
        return [(name, value) for name, value in named.items() if value]


@dataclass(frozen=True)
class Response:
    """An answer before the policies are added."""

    body: str
    content_type: str = "text/html"
    status: HTTPStatus = HTTPStatus.OK
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class AcmeApplication:
    """The WSGI application. `origin` is where browsers reach it."""

    origin: str
    signer: TokenSigner
    policies: Policies
    links: Links

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        response = self._answer(environ)
        start_response(
            f"{response.status.value} {response.status.phrase}",
            [
                ("Content-Type", f"{response.content_type}; charset=utf-8"),
                ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"),
                *self.policies.headers(),
                *response.headers,
            ],
        )
        return [response.body.encode()]

    def _answer(self, environ: "WSGIEnvironment") -> Response:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if method == "GET" and path in ASSETS:
            return Response((HERE / "static" / path[1:]).read_text(), ASSETS[path])
        routes: dict[tuple[str, str], Callable[[WSGIEnvironment], Response]] = {
            ("GET", "/"): self._settings_page,
            ("GET", "/ways"): self._ways_page,
            ("POST", "/hosted-link"): self._hosted_link,
            ("GET", "/no-script"): self._no_script_page,
            ("GET", "/return"): self._return_page,
            ("POST", "/sign-in"): self._sign_in,
            ("POST", "/user-token"): self._user_token,
        }
        view = routes.get((method, path))
        if view is None:
            return Response("Not found", "text/plain", HTTPStatus.NOT_FOUND)
        return view(environ)

    def _settings_page(self, environ: "WSGIEnvironment") -> Response:
        return self._page_of_somebody("index", environ)

    def _ways_page(self, environ: "WSGIEnvironment") -> Response:
        return self._page_of_somebody("ways", environ)

    def _page_of_somebody(self, name: str, environ: "WSGIEnvironment") -> Response:
        named = USERS.get(_query(environ).get("user", ""))
        user = named or _signed_in(environ)
        buttons = "".join(
            f'<button name="user" value="{other.key}" aria-pressed="{str(other == user).lower()}">'
            f"{escape(other.name)}</button>"
            for other in USERS.values()
        )
        page = self._page(name, user=user, user_buttons=buttons)
        return replace(page, headers=(_cookie(named),)) if named else page

    def _hosted_link(self, environ: "WSGIEnvironment") -> Response:
        if not _is_own_page(environ):
            return Response("Refused", "text/plain", HTTPStatus.FORBIDDEN)
        slug = _form(environ).get("integration", "")
        made = self.links.make(_signed_in(environ), slug, f"{self.origin}/return")
        return Response(json.dumps(made), "application/json")

    def _no_script_page(self, environ: "WSGIEnvironment") -> Response:
        user = _signed_in(environ)
        options = "".join(f"<option>{slug}</option>" for slug in INTEGRATIONS)
        token = self.signer.user_token(user)
        return self._page("no_script", user=user, integration_options=options, user_token=token)

    def _return_page(self, environ: "WSGIEnvironment") -> Response:
        rows = "".join(
            f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
            for name, value in _query(environ).items()
        )
        user, flow = _signed_in(environ), _query(environ).get("cp_flow", "")
        said = escape(self.links.confirmed(user, flow)) if flow else ""
        outcome = f'<p class="notice">{said}</p>' if said else ""
        return self._page("return", user=user, query_rows=rows, outcome=outcome)

    def _sign_in(self, environ: "WSGIEnvironment") -> Response:
        user = USERS.get(_form(environ).get("user", ""))
        if user is None:
            return Response("Unknown user", "text/plain", HTTPStatus.BAD_REQUEST)
        return Response("", status=HTTPStatus.SEE_OTHER, headers=(("Location", "/"), _cookie(user)))

    def _user_token(self, environ: "WSGIEnvironment") -> Response:
        # The user comes from the session, never from the request, and only for Acme's own pages.
        if not _is_own_page(environ):
            return Response("Refused", "text/plain", HTTPStatus.FORBIDDEN)
        token = self.signer.user_token(_signed_in(environ))
        return Response(json.dumps({"user_token": token}), "application/json")

    def _page(self, name: str, *, user: AcmeUser, **fragments: str) -> Response:
        template = Template((HERE / "templates" / f"{name}.html").read_text())
        html = template.substitute(
            fragments,
            origin=escape(self.origin),
            portal=escape(self.signer.portal),
            project=escape(self.signer.project),
            user_name=escape(user.name),
        )
        return Response(html)


def _signed_in(environ: "WSGIEnvironment") -> AcmeUser:
    morsel = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(COOKIE)
    return USERS.get(morsel.value if morsel else "", DANA)


def _is_own_page(environ: "WSGIEnvironment") -> bool:
    return bool(environ.get("HTTP_SEC_FETCH_SITE", "same-origin") == "same-origin")


def _cookie(user: AcmeUser) -> tuple[str, str]:
    return ("Set-Cookie", f"{COOKIE}={user.key}; Path=/; HttpOnly; SameSite=Lax")


def _query(environ: "WSGIEnvironment") -> dict[str, str]:
    return dict(parse_qsl(environ.get("QUERY_STRING", "")))


def _form(environ: "WSGIEnvironment") -> dict[str, str]:
    length = min(int(environ.get("CONTENT_LENGTH") or 0), BODY_LIMIT)
    return dict(parse_qsl(environ["wsgi.input"].read(length).decode(errors="replace")))
