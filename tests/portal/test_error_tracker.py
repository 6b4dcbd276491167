"""An error tracker that is told of every failure learns no secret from it.

The tracker is a stand-in that gathers what such services do: the text of each exception and of its
causes, every local variable of every frame, what was posted, headers, and all log records. Like
Django's own reports it respects `sensitive_variables` and `sensitive_post_parameters`.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import pytest
from django.core.signals import got_request_exception
from django.test import Client
from django.views.debug import SafeExceptionReporterFilter

from integrations.models import Connection, OAuthClient
from tests import factories, trips
from tests.fakeas import visitor
from tests.fakeas.server import FakeAS
from tests.portal.api.conftest import vendor_of
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db

CLIENT, SECRET = "canary-client", "canary-secret-5d1c70-of-the-tracker"
ACCESS, REFRESH = "canary-access-77ab02-of-the-tracker", "canary-refresh-19cd44-of-the-tracker"
HEADERS = {"HTTP_AUTHORIZATION", "HTTP_COOKIE"}


class Forced(Exception):
    """What a test makes our code run into."""


@dataclass
class Tracker(logging.Handler):
    """Keeps all that it is told."""

    heard: list[str] = field(default_factory=list)
    failures: int = 0

    def __post_init__(self) -> None:
        super().__init__(logging.DEBUG)

    def __hash__(self) -> int:
        return id(self)

    def failed(self, sender: object, request: Any = None, **more: object) -> None:
        """Take the exception that is being handled, and its request."""
        self.failures += 1
        self._take(sys.exc_info()[1], request)
        report = SafeExceptionReporterFilter()
        self.heard.append(repr(dict(report.get_post_parameters(request))))
        self.heard.append(repr(report.get_safe_request_meta(request)))

    def emit(self, record: logging.LogRecord) -> None:
        """Take a log record as a breadcrumb, with its exception."""
        self.heard.append(f"{record.getMessage()} {record.args!r}")
        if record.exc_info and record.exc_info[1]:
            self._take(record.exc_info[1], getattr(record, "request", None))

    def _take(self, error: BaseException | None, request: Any) -> None:
        while error:
            self.heard.append(f"{error!r} {error} {error.args!r} {vars(error)!r}")
            self._frames(error.__traceback__, request)
            hidden = None if error.__suppress_context__ else error.__context__
            error = error.__cause__ or hidden

    def _frames(self, traceback: TracebackType | None, request: Any) -> None:
        report = SafeExceptionReporterFilter()
        while traceback:
            frame = traceback.tb_frame
            if "/tests/" not in frame.f_code.co_filename:
                where = f"{frame.f_code.co_filename}:{frame.f_code.co_name}"
                for name, value in report.get_traceback_frame_variables(request, frame):
                    self.heard.append(f"{where} {name}={value!r}")
            traceback = traceback.tb_next


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    """A tracker that is switched on."""
    made, root = Tracker(), logging.getLogger()
    level = root.level
    root.addHandler(made)
    root.setLevel(logging.DEBUG)
    got_request_exception.connect(made.failed)
    yield made
    got_request_exception.disconnect(made.failed)
    root.setLevel(level)
    root.removeHandler(made)


@pytest.fixture
def person(project, provider: FakeAS) -> Visitor:
    """Somebody whose client has the canary as its secret, one click before the provider."""
    made = trips.prepared(project)
    made.client.raise_request_exception = False
    uris = [slot.redirect_uri() for slot in OAuthClient.objects.all()]
    provider.register_client(
        "demo-mail", redirect_uris=uris, client_id=CLIENT, client_secret=SECRET
    )
    return made


def connects(person: Visitor, provider: FakeAS) -> dict[str, str]:
    """Type the secret, go to the provider and come back."""
    secrets = {"handle": person.handle}
    token = factories.user_token(person.project)
    secrets["user token"] = token
    person.open(user_token=token)
    secrets["second handle"] = person.handle
    person.post("/portal/options", client_id=CLIENT, client_secret=SECRET, scope="mail.read")
    if url := person.start():
        back = visitor.approve(url)
        secrets |= {name: trips.parameters(back)[name] for name in ("state", "code")}
        secrets |= {name: morsel.value for name, morsel in person.client.cookies.items()}
        person.come_back(back)
    return secrets


def refreshes(person: Visitor, provider: FakeAS) -> dict[str, str]:
    """Let the vendor ask for a token that has to be refreshed first, and then end it all."""
    connection = made_connection(person)
    vendor = vendor_of(person.project)
    vendor.client.raise_request_exception = False
    vendor("POST", f"/api/v1/connections/{connection.pk}/access-token")
    vendor("DELETE", f"/api/v1/connections/{connection.pk}")
    return {"api key": vendor.headers["Authorization"].removeprefix("Bearer ")}


def made_connection(person: Visitor) -> Connection:
    """Return a connection whose token has ended."""
    (integration,) = person.project.integrations.all()
    who = factories.make_end_user(person.project)
    slot = factories.make_client(integration, who, secret=SECRET)
    connection = factories.make_connection(
        integration, who, client=slot, tokens=factories.Tokens(ACCESS, REFRESH)
    )
    factories.expire(connection)
    return connection


def administers(person: Visitor, provider: FakeAS) -> dict[str, str]:
    """Sign in to the admin, which takes a password."""
    browser = Client(raise_request_exception=False)
    browser.post("/admin/login/", {"username": "root", "password": SECRET})
    return {}


WAYS: dict[str, tuple[Callable[..., dict[str, str]], str]] = {
    "token exchange": (connects, "integrations.oauth.http.Transport._sent"),
    "answer of the token endpoint": (connects, "integrations.oauth.answers.token_answer"),
    "identity": (connects, "integrations.oauth.client.account"),
    "storing tokens": (connects, "integrations.tokens.store"),
    "callback claim": (connects, "integrations.authorization.claim"),
    "callback search": (connects, "integrations.authorization.found"),
    "authorization request": (connects, "integrations.oauth.client.code_challenge"),
    "sealing": (connects, "cryptography.fernet.Fernet.encrypt"),
    "opening": (connects, "cryptography.fernet.Fernet.decrypt"),
    "user token": (connects, "jwt.decode"),
    "session": (connects, "portal.sessions.session_of"),
    "opening a session": (connects, "portal.sessions.open_session"),
    "form": (connects, "integrations.connect.save_options"),
    "new version": (connects, "integrations.models.ClientVersion.save"),
    "audit": (connects, "integrations.audit.record"),
    "template": (connects, "portal.pages.visit.rendered"),
    "refresh": (refreshes, "integrations.oauth.http.Transport._sent"),
    "refresh answer": (refreshes, "integrations.oauth.answers.token_answer"),
    "opening tokens": (refreshes, "cryptography.fernet.Fernet.decrypt"),
    "API key": (refreshes, "portal.api.auth._note_use"),
    "serialisation": (refreshes, "ninja.renderers.JSONRenderer.render"),
    "disconnecting": (refreshes, "integrations.audit.record"),
    "admin sign-in": (administers, "django.contrib.auth.hashers.check_password"),
}


def forced(*args: object, **kwargs: object) -> Any:
    """Fail as nobody foresaw."""
    raise Forced


@pytest.mark.parametrize("point", WAYS)
def test_a_failure_tells_a_tracker_no_secret(
    person, provider, tracker, monkeypatch, admin_user, point
):
    way, target = WAYS[point]
    if way is refreshes:
        connection = made_connection(person)
        monkeypatch.setattr("tests.portal.test_error_tracker.made_connection", lambda _: connection)
    vendor = vendor_of(person.project)
    monkeypatch.setattr("tests.portal.test_error_tracker.vendor_of", lambda _: vendor)
    monkeypatch.setattr(target, forced)
    secrets = way(person, provider)
    monkeypatch.undo()
    known = {"client secret": SECRET, "access": ACCESS, "refresh": REFRESH, **secrets}
    assert tracker.heard, "nothing was told"
    told = [
        (name, each[: each.index("=") + 1] if "=" in each else each[:90])
        for each in tracker.heard
        for name, value in known.items()
        if value and value in each
    ]
    assert sorted(set(told)) == []
