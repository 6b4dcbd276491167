"""rotate_keys: afterwards the old key may go, and nothing written meanwhile is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from integrations import audit
from integrations.errors import SealBroken
from integrations.management.commands import rotate_keys
from integrations.models import ClientVersion, Connection, Credential, Project
from integrations.secret import Secret
from tests.factories import Tokens, make_connection, make_end_user, make_integration, make_project
from tests.integrations.management.conftest import Run

pytestmark = pytest.mark.django_db
NEW = "a-new-key-that-is-long-enough-9876543210"


@pytest.fixture
def old(settings: Settings) -> str:
    return str(settings.FERNET_KEYS[0])


@pytest.fixture
def project(db: None) -> Project:
    project = make_project()
    integration = make_integration(project, "gmail")
    for number in range(3):
        end_user = make_end_user(project, f"user-{number}")
        make_connection(integration, end_user, tokens=Tokens(f"access-{number}", None))
    first = Connection.objects.order_by("created_at").first()
    credential = Credential.objects.get(connection=first)
    credential.refresh_token = Secret("refresh-0")
    credential.save()
    return project


def opened() -> dict[str, list[str]]:
    return {
        "access": sorted(
            row.open_required("access_token").reveal() for row in Credential.objects.all()
        ),
        "secrets": sorted(
            row.open_required("client_secret").reveal() for row in ClientVersion.objects.all()
        ),
    }


def by_column(counts: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {count["column"]: count for count in counts}


@pytest.mark.parametrize("batch_size", [1, 2, 200])
def test_after_it_the_old_key_can_be_removed(
    run: Run, use_keys: Callable[..., None], project: Project, old: str, batch_size: int
) -> None:
    before = opened()
    use_keys(NEW, old)
    counts = by_column(run("rotate_keys", batch_size=batch_size, json=True))
    assert counts["integrations_credential.access_token"]["rotated"] == 3
    assert counts["integrations_credential.refresh_token"]["rotated"] == 1
    assert counts["integrations_clientversion.client_secret"]["rotated"] == 3
    assert counts["integrations_project.audit_key"]["rotated"] == 1
    use_keys(NEW)
    assert opened() == before
    project.refresh_from_db()
    assert audit.verify(project) is None


def test_without_it_the_old_key_is_needed(use_keys: Callable[..., None], project: Project) -> None:
    use_keys(NEW)
    with pytest.raises(SealBroken):
        opened()


def test_a_second_run_has_nothing_to_do(
    run: Run, use_keys: Callable[..., None], project: Project, old: str
) -> None:
    use_keys(NEW, old)
    run("rotate_keys")
    kept = list(Credential.objects.order_by("pk").values_list("access_token", flat=True))
    counts = run("rotate_keys", json=True)
    again = list(Credential.objects.order_by("pk").values_list("access_token", flat=True))
    assert {count["rotated"] for count in counts} == {0}
    assert [row.ciphertext for row in kept] == [row.ciphertext for row in again]


def test_it_goes_on_where_it_was_stopped(
    run: Run,
    use_keys: Callable[..., None],
    project: Project,
    old: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_keys(NEW, old)
    before, whole, done = opened(), rotate_keys._rotate_one, []

    def stopped(*args: Any) -> None:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(args)
        whole(*args)

    monkeypatch.setattr(rotate_keys, "_rotate_one", stopped)
    with pytest.raises(KeyboardInterrupt):
        run("rotate_keys", batch_size=1)
    monkeypatch.setattr(rotate_keys, "_rotate_one", whole)
    counts = run("rotate_keys", json=True)
    assert sum(count["current"] for count in counts) == 3
    use_keys(NEW)
    assert opened() == before


def test_tokens_refreshed_meanwhile_survive(
    run: Run,
    use_keys: Callable[..., None],
    project: Project,
    old: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_keys(NEW, old)
    whole = rotate_keys.SealedTextField.rotated

    def slow(field: Any, value: Any) -> Any:
        if field.column == "access_token":
            for row in Credential.objects.all():
                row.generation += 1
                row.access_token = Secret("refreshed-meanwhile")
                row.save()
        return whole(field, value)

    monkeypatch.setattr(rotate_keys.SealedTextField, "rotated", slow)
    Credential.objects.filter(refresh_token__isnull=False).delete()
    counts = by_column(run("rotate_keys", json=True))
    assert counts["integrations_credential.access_token"]["changed_meanwhile"] == 2
    use_keys(NEW)
    assert opened()["access"] == ["refreshed-meanwhile"] * 2


def test_a_value_no_key_reads_is_counted_and_left_alone(
    run: Run, use_keys: Callable[..., None], project: Project
) -> None:
    before = ClientVersion.objects.order_by("pk").values_list("client_secret", flat=True)
    kept = [row.ciphertext for row in before.all()]
    use_keys(NEW)
    with pytest.raises(CommandError, match="cannot be read with any of FERNET_KEYS"):
        run("rotate_keys")
    assert [row.ciphertext for row in before.all()] == kept


def test_a_batch_has_at_least_one_row(run: Run, project: Project) -> None:
    with pytest.raises(CommandError, match="at least 1"):
        run("rotate_keys", batch_size=0)


def test_people_read_a_line_for_each_column(run: Run, project: Project) -> None:
    shown = run("rotate_keys")
    assert "integrations_credential.access_token" in shown
    assert "0 rotated, 3 current already" in shown
