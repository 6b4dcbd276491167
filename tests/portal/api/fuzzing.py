"""Calls made up from the API's committed document, for the suite and for the soak."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from django.core import signals
from django.db import close_old_connections, transaction
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS

from integrations.models import Integration, Project
from tests import factories
from tests.portal.visits import Headless

DOCUMENT = Path(__file__).resolve().parents[3] / "portal" / "api" / "openapi.json"
NAMES = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
# What a provider answers through the portal is the provider's.
PASSED_ON = ("not_a_server_error", *NAMES[3:4])


@dataclass(frozen=True)
class World:
    """A project with a connection, a client and a flow, and those who may speak of them."""

    project: Project
    ids: Mapping[str, str]
    credentials: Mapping[str, str] = field(repr=False)


def world() -> World:
    """Return a project with something of every kind."""
    project = factories.make_project()
    mail: Integration = factories.make_integration(project, "demo-mail")
    connection = factories.make_connection(mail, factories.make_end_user(project))
    page = Headless(project)
    page.begin()
    ids = {
        "connection_id": str(connection.pk),
        "client_id": str(connection.oauth_client_id),
        "flow_id": page.flow,
        "path": "api/me",
    }
    person = f"Bearer {factories.user_token(project)}"
    credentials = {"VendorKey": f"Bearer {factories.make_api_key(project)}", "UserToken": person}
    return World(project, ids, credentials)


def schema() -> Any:
    """Return the committed document, to be called without a network."""
    from portal.wsgi import application

    found = schemathesis.openapi.from_dict(json.loads(DOCUMENT.read_text(encoding="utf-8")))
    found.app = application
    found.config.update(base_url="http://localhost:8000")
    return found


def operations() -> dict[str, Any]:
    """Return every operation by method and address."""
    return {each.ok().label: each.ok() for each in schema().get_all_operations()}


def calls(operation: Any, here: World) -> st.SearchStrategy[tuple[Case, str]]:
    """Return calls that fit the document and calls that do not, by one identity or another."""
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes))
    named = {name for each in operation.definition.raw["security"] for name in each}
    fit = [text for name, text in here.credentials.items() if name in named]
    others = [*here.credentials.values(), "Bearer x", "CP x", ""]
    return st.tuples(cases, st.sampled_from([*(fit * 6), *others]))


@contextmanager
def kept_open() -> Iterator[None]:
    """Keep the test's own connection to the database, which a server closes between requests."""
    for each in (signals.request_started, signals.request_finished):
        each.disconnect(close_old_connections)
    try:
        yield
    finally:
        for each in (signals.request_started, signals.request_finished):
            each.connect(close_old_connections)


def check(case: Case, authorization: str, here: World, *, real: bool) -> None:
    """Make a call, check its answer against the document, and undo what it did."""
    if real:
        case.path_parameters.update(
            {k: v for k, v in here.ids.items() if k in case.path_parameters}
        )
    headers = {"Authorization": authorization, "Origin": factories.ORIGIN}
    passed_on = "/proxy/" in case.operation.path
    checks = [CHECKS.get_one(name) for name in (PASSED_ON if passed_on else NAMES)]
    with transaction.atomic(), kept_open():
        case.call_and_validate(headers=headers, checks=checks)
        transaction.set_rollback(True)
