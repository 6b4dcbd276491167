"""One project that offers Zendesk, whose address is formed from what is entered."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.limits import TABLE
from integrations.models import Integration, Project
from tests import factories


@pytest.fixture(autouse=True)
def unlimited(settings: Any) -> None:
    """Let one person try many inputs in an hour."""
    settings.LIMITS = {limit.name: "off" for limit in TABLE}


@pytest.fixture
def zendesk(db: None, provider: Any) -> Integration:
    """Zendesk, as a project offers it."""
    return factories.make_integration(factories.make_project(), "zendesk")


@pytest.fixture
def project(zendesk: Integration) -> Project:
    """The project that offers it."""
    return zendesk.project
