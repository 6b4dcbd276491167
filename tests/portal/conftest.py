"""A project that offers Demo Mail, and a person who is about to leave for it."""

from __future__ import annotations

import pytest

from integrations.models import Project
from tests import factories, trips
from tests.fakeas.server import FakeAS
from tests.visitor import Visitor


@pytest.fixture
def project(db: None, provider: FakeAS) -> Project:
    """A project that offers Demo Mail."""
    made = factories.make_project()
    factories.make_integration(made, "demo-mail")
    return made


@pytest.fixture
def dana(project: Project) -> Visitor:
    """Dana, who entered her own client and could press Continue now."""
    return trips.prepared(project)
