"""enable_integration: create or change what the options name."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management.base import CommandError

from integrations import clients
from integrations.models import AuditEvent, ClientVersion, Integration, Project
from tests.factories import make_project
from tests.integrations.management.conftest import Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(db: None) -> Project:
    return make_project()


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(text))


def test_a_provider_is_switched_on(run: Run, project: Project) -> None:
    data = run("enable_integration", "Acme CRM", "gmail", json=True)
    integration = Integration.objects.get(pk=data["integration_id"])
    assert data["slug"] == integration.slug == "gmail"
    assert data["redirect_url"] == clients.vendor_client(integration).redirect_uri()
    assert data["client_set"] is False
    assert data["default_scopes"] is None
    event = AuditEvent.objects.filter(action="integration.created").get()
    assert event.actor == "command:enable_integration"


def test_the_secret_comes_from_standard_input(
    run: Run, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, "the-secret-of-the-vendor\n")
    shown = run(
        "enable_integration", "Acme CRM", "gmail", client_id="id-1", client_secret_stdin=True
    )
    version = ClientVersion.objects.get()
    assert version.open_required("client_secret").reveal() == "the-secret-of-the-vendor"
    assert "the-secret-of-the-vendor" not in shown


def test_scopes_and_account_types_are_set(run: Run, project: Project) -> None:
    run(
        "enable_integration",
        str(project.pk),
        "gmail",
        account_type=["user-configured-oauth"],
        default_scope=["a", "b"],
        required_scope=["c"],
    )
    integration = Integration.objects.get()
    assert integration.account_types == ["user-configured-oauth"]
    assert integration.default_scopes == ["c", "a", "b"]
    assert integration.required_scopes == ["c"]


def test_a_second_run_changes_only_what_it_names(run: Run, project: Project) -> None:
    run("enable_integration", "Acme CRM", "gmail", default_scope=["a"])
    Integration.objects.update(is_active=False)
    run("enable_integration", "Acme CRM", "gmail", account_type=["default"])
    integration = Integration.objects.get()
    assert integration.is_active
    assert (integration.default_scopes, integration.account_types) == (["a"], ["default"])


def test_a_provider_with_a_host_takes_its_setting(
    run: Run, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, "the-secret")
    options = {"client_id": "id-1", "client_secret_stdin": True, "setting": ["subdomain=acme"]}
    run("enable_integration", "Acme CRM", "zendesk", **options)
    assert ClientVersion.objects.get().settings["subdomain"] == "acme"


@pytest.mark.parametrize(
    ("options", "secret", "words"),
    [
        ({"client_id": "id-1"}, "", "Enter the Client secret"),
        ({"client_id": "id-1", "client_secret_stdin": True}, "", "Enter the Client secret"),
        ({"client_id": "id-1", "client_secret_stdin": True}, "********", "only a mask"),
        ({"client_id": "id 1", "client_secret_stdin": True}, "secret", "space inside"),
        ({"client_secret_stdin": True}, "secret", "needs --client-id"),
        ({"client_id": "x", "setting": ["host=evil"]}, "", "Settings of Gmail: none"),
        ({"client_id": "x", "setting": ["host"]}, "", "NAME=VALUE"),
        ({"default_scope": ['a"b']}, "", 'a"b is not a permission'),
        ({"required_scope": ["Zahl€"]}, "", "U\\+20AC"),
    ],
)
def test_what_cannot_be_used_is_refused_as_a_whole(
    run: Run,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, object],
    secret: str,
    words: str,
) -> None:
    typed(monkeypatch, secret)
    with pytest.raises(CommandError, match=words):
        run("enable_integration", "Acme CRM", "gmail", **options)
    assert not Integration.objects.exists()
    assert not ClientVersion.objects.exists()


@pytest.mark.parametrize(
    ("slug", "nearest"),
    [("hotmail", "gmail"), ("googlemail", "gmail"), ("teams", "microsoft-teams")],
)
def test_an_unknown_provider_names_those_that_look_like_it(
    run: Run, project: Project, slug: str, nearest: str
) -> None:
    with pytest.raises(CommandError, match=rf"no provider '{slug}'. Nearest are: .*{nearest}"):
        run("enable_integration", "Acme CRM", slug)


def test_an_unknown_project_is_named(run: Run, project: Project) -> None:
    with pytest.raises(CommandError, match="no project with the id or name 'Other'"):
        run("enable_integration", "Other", "gmail")


def test_two_projects_of_one_name_are_told_apart_by_id(run: Run, project: Project) -> None:
    make_project(which=3)
    with pytest.raises(CommandError, match="Several projects are named"):
        run("enable_integration", "Acme CRM", "gmail")
    run("enable_integration", str(project.pk), "gmail")
    assert Integration.objects.get().project == project


def test_a_slug_of_another_provider_is_not_taken_over(run: Run, project: Project) -> None:
    Integration.objects.create(project=project, provider_slug="slack", slug="gmail")
    with pytest.raises(CommandError, match="taken by another provider"):
        run("enable_integration", "Acme CRM", "gmail")
    assert Integration.objects.get().provider_slug == "slack"
