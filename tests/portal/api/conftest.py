"""A vendor's backend and an end user, as callers of the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests import factories


class Caller:
    """Somebody who sends the same credentials with each call."""

    def __init__(self, authorization: str | None, **headers: str) -> None:
        self.client = Client()
        self.headers = {"Authorization": authorization} if authorization else {}
        self.headers |= headers

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Make a call; the body is sent as JSON."""
        content = {"content_type": "application/json"} | ({} if body is None else {"data": body})
        call = getattr(self.client, method.lower())
        content = {} if method.lower() in ("get", "head") else content
        return call(f"/api{path}", headers={**self.headers, **headers}, **content)


def vendor_of(project) -> Caller:
    """Return the backend of a project, with a new key."""
    return Caller(f"Bearer {factories.make_api_key(project)}")


@pytest.fixture
def vendor(project):
    """The backend of the project."""
    return vendor_of(project)


@pytest.fixture
def person(project):
    """Dana, as the SDK on the vendor's page calls for her."""
    return Caller(f"Bearer {factories.user_token(project)}")


@pytest.fixture
def connection(project):
    """Dana's connection, with tokens that say what they are."""
    (integration,) = project.integrations.all()
    return factories.make_connection(
        integration,
        factories.make_end_user(project),
        account_label="alice@example.test",
        scopes=["openid"],
    )
