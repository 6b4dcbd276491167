"""The whole flow by form posts, without a browser."""

from __future__ import annotations

import pytest

from integrations.models import Connection, Flow
from tests import factories
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def dana(provider):
    project = factories.make_project()
    factories.make_integration(project, "demo-mail")
    return Visitor(project)


def test_it_connects_with_an_own_client(dana):
    page = dana.open()
    assert "client_id" in page.fields
    dana.enter()
    dana.approve()
    flow = dana.current_flow()
    assert (flow.status, flow.error_code) == (Flow.Status.COMPLETED, "")
    connection = Connection.objects.get()
    assert connection.status == Connection.Status.VALID
    assert connection.account_label == "alice@example.test"
    assert "alice@example.test" in dana.status().text
