"""Permissions that a page of the vendor leaves out: put back, or warned of, as on our form."""

from __future__ import annotations

import pytest

from integrations.models import Flow
from tests import factories
from tests.portal.visits import ENTERED, Headless

pytestmark = pytest.mark.django_db


def page(integration: str, **policy) -> Headless:
    """Return a page of the vendor whose flow asks for a client."""
    project = factories.make_project()
    factories.make_integration(project, integration, **policy)
    made = Headless(project)
    made.begin(integration=integration)
    return made


def test_row32_a_required_permission_cannot_be_removed(provider):
    answer = page("demo-mail", required_scopes=["mail.send"]).step(
        "pre-options", {**ENTERED, "scopes": ["openid"]}
    )
    assert answer.status_code == 200
    assert Flow.objects.get().scopes == ["mail.send", "openid"]


def test_row32_an_empty_list_is_refused(provider):
    answer = page("demo-mail").step("pre-options", {**ENTERED, "scopes": [" , "]})
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == ["scopes"]


def test_row33_removing_lasting_access_is_warned_of(provider):
    entered = {**ENTERED, "settings": {"domain": "login.salesforce.com"}, "scopes": ["api"]}
    answer = page("salesforce").step("pre-options", entered)
    assert answer.status_code == 200, answer.content
    assert "scopes" in [each["field"] for each in answer.json()["notices"]]
