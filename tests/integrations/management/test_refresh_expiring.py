"""refresh_expiring hands the work to the tokens and reports."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management.base import CommandError
from django.db import OperationalError
from django.utils import timezone

from integrations import tokens
from integrations.models import Credential
from tests.factories import make_connection, make_end_user, make_integration, make_project
from tests.integrations.management.conftest import Run

pytestmark = pytest.mark.django_db


def test_nothing_due_is_nothing_done(run: Run) -> None:
    project = make_project()
    connection = make_connection(make_integration(project, "gmail"), make_end_user(project))
    Credential.objects.filter(connection=connection).update(
        expires_at=timezone.now() + timedelta(days=1)
    )
    assert run("refresh_expiring", json=True) == {"refreshed": 0, "failed": 0}


def test_the_limit_is_handed_on_and_the_counts_come_back(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def due(*, limit: int) -> dict[str, int]:
        seen.append(limit)
        return {"refreshed": 2, "failed": 1}

    monkeypatch.setattr(tokens, "refresh_due", due)
    shown = run("refresh_expiring", limit=7)
    assert seen == [7]
    assert shown.split() == ["refreshed", "2", "failed", "1"]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_is_at_least_one(run: Run, limit: int) -> None:
    with pytest.raises(CommandError, match="at least 1"):
        run("refresh_expiring", limit=limit)


def test_a_database_that_is_away_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*, limit: int) -> dict[str, int]:
        raise OperationalError("connection refused\nmore lines")

    monkeypatch.setattr(tokens, "refresh_due", away)
    with pytest.raises(CommandError, match=r"cannot be used: connection refused. Run manage.py"):
        run("refresh_expiring")
