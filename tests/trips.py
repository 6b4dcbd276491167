"""Trips to the provider, and their pieces for tests that bend them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from integrations import connect
from integrations.clients import ClientConfig
from integrations.connect import Wish
from integrations.models import AuditEvent, AuthorizationRequest, Connection, Flow, Project
from integrations.models.projects import OWN_CLIENT
from integrations.secret import Secret
from portal import sessions
from portal.sessions import Opened, Opening
from tests import factories
from tests.fakeas.server import FakeAS
from tests.visitor import Visitor

CODE = "a-code-of-somebody"


def prepared(
    project: Project, sub: str = "dana", integration: str = "demo-mail", **config: Any
) -> Visitor:
    """Return a person who entered their own client and could press Continue now.

    Made without pages, which have tests of their own.
    """
    opened = visit(project, sub)
    wish = Wish(integration, (OWN_CLIENT,))
    flow = connect.begin(session=opened.session, wish=wish)
    entered = {"client_id": "fake_ok", "client_secret": Secret("fake-secret"), "settings": {}}
    scopes = " ".join(flow.integration.provider.default_scopes)
    connect.save_options(flow=flow, config=ClientConfig(**(entered | config)), scope_text=scopes)
    return Visitor(project, sub, handle=opened.handle.reveal(), flow=str(flow.pk))


def returning(flow: Flow) -> Visitor:
    """Return the person of a flow, with a handle of a session that is live."""
    opened = visit(flow.project, flow.end_user.external_id)
    handle = opened.handle.reveal()
    return Visitor(flow.project, flow.end_user.external_id, handle=handle, flow=str(flow.pk))


def visit(project: Project, sub: str = "dana", display: str = "embed") -> Opened:
    """Open a session for a person, made at their first visit."""
    who = sessions.Visitor(
        end_user=factories.make_end_user(project, sub),
        signing_key=project.signing_keys.get(),
        org_admin=False,
    )
    return sessions.open_session(
        visitor=who, opening=Opening(origin=factories.ORIGIN, display=display)
    )


def parameters(url: str) -> dict[str, str]:
    """Return the query's parameters. Raises AssertionError for one that is there twice."""
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    found = dict(pairs)
    assert len(found) == len(pairs), "a parameter is there twice"
    return found


def answer(started: str, provider: FakeAS, *, path: str = "", **changed: Any) -> str:
    """Return the callback that a trip's authorization URL leads to, with a made-up code.

    A changed parameter of None is left out, and one given as a list is repeated.
    """
    asked = parameters(started)
    good = {"code": CODE, "state": asked["state"], "iss": f"{provider.url}/demo-mail"}
    fields = {name: value for name, value in {**good, **changed}.items() if value is not None}
    return f"{path or urlsplit(asked['redirect_uri']).path}?{urlencode(fields, doseq=True)}"


def refusals(project: Project) -> list[tuple[str, str, str]]:
    """Return action, code and severity of every refusal that the audit log holds."""
    return [
        (event.action, event.data["code"], event.data["severity"])
        for event in AuditEvent.objects.filter(project=project).order_by("sequence")
        if event.action in ("oauth.refused", "flow.failed")
    ]


def failed(person: Visitor, code: str, provider: FakeAS) -> bool:
    """Return whether the flow failed with this code, nothing was sent and nothing stored."""
    flow = person.current_flow()
    assert (flow.status, flow.error_code) == (Flow.Status.FAILED, code)
    assert AuthorizationRequest.objects.filter(flow=flow, code_verifier__isnull=True).exists()
    assert not Connection.objects.exists()
    return provider.count("token") == 0


def untouched(person: Visitor, provider: FakeAS) -> bool:
    """Return whether the flow still waits for its answer and nothing was sent."""
    assert person.current_flow().status == Flow.Status.WAITING
    assert AuthorizationRequest.objects.get(flow=person.flow).status == "PENDING"
    return provider.count("token") == 0


def path_of(url: str) -> str:
    """Return path and query, as the browser asks for them."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
