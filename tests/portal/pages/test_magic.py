"""The demo's magic client ids lead to the errors that the documentation promises."""

from __future__ import annotations

import pytest

from integrations.models import Flow
from tests import errors_table, factories
from tests.fakeas import magic
from tests.fakeas.server import FakeAS
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
OURS = {name: code for name, code in errors_table.MAGIC.items() if code}


def test_every_magic_client_is_listed() -> None:
    assert set(errors_table.MAGIC) == set(magic.CLIENTS) - {"fake_ok"}


@pytest.mark.parametrize(("client_id", "code"), sorted(OURS.items()))
def test_a_magic_client_ends_in_its_error(provider: FakeAS, client_id: str, code: str) -> None:
    project = factories.make_project()
    factories.make_integration(project, "demo-mail")
    dana = Visitor(project)
    dana.open()
    dana.enter(client_id=client_id)
    dana.approve()
    if client_id == "fake_other_account":
        connection = dana.current_flow().connection
        assert connection is not None
        dana.post("/portal/reconnect", connection=str(connection.pk))
        dana.enter(client_id=client_id, client_secret="")
        dana.approve()
    flow = dana.current_flow()
    assert (flow.status, flow.error_code) == (Flow.Status.FAILED, code)
