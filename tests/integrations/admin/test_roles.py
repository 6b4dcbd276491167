"""Every page of the admin, for every role, in one's own project and in another's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, reverse

from integrations import audit, members
from integrations.admin.base import Scoped
from integrations.models import (
    ApiKey,
    AuditEvent,
    Connection,
    EndUser,
    Flow,
    Integration,
    Membership,
    OAuthClient,
    Organization,
    PortalSession,
    Project,
    SigningKey,
)
from integrations.secret import digest
from tests import factories
from tests.integrations.admin.pages import integration_form, project_form, url

pytestmark = pytest.mark.django_db
ROLES = (members.OWNER, members.ADMIN, members.VIEWER)
OURS = {model: site for model, site in admin.site._registry.items() if isinstance(site, Scoped)}


@pytest.fixture(autouse=True)
def roles(db: None) -> None:
    """Tests that flush the database take the groups with them."""
    members.make_roles()


def filled(name: str) -> Project:
    """Return a project with a row of every kind, whose texts all hold its name."""
    project = factories.make_project(name)
    gmail = factories.make_integration(project, "gmail", description=f"{name} mail")
    org = Organization.objects.create(project=project, external_id=f"{name}-org")
    person = EndUser.objects.create(project=project, external_id=f"{name}-dana", organization=org)
    connection = factories.make_connection(gmail, person, account_label=f"{name}@example.test")
    factories.make_api_key(project)
    now = connection.created_at
    session = PortalSession.objects.create(
        handle_hash=digest(name), project=project, end_user=person,
        signing_key=project.signing_keys.get(), origin="http://acme.localhost:8001",
        display="embed", last_seen_at=now, expires_at=now,
    )  # fmt: skip
    Flow.objects.create(project=project, session=session, end_user=person, integration=gmail)
    audit.record(project=project, actor=f"user:{name}", action="flow.cancelled", subject=project)
    return project


@pytest.fixture
def mine(db: None) -> Project:
    return filled("Minecorp")


@pytest.fixture
def other(db: None) -> Project:
    return filled("Othercorp")


def staff(role: str, *tied_to: Project, tied: bool = False) -> Client:
    """Return somebody of this role at the admin; tied to these projects, if to any."""
    user = User.objects.create_user(f"{role}-of-the-staff", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    if tied or tied_to:
        Membership.objects.create(user=user).projects.set(tied_to)
    client = Client()
    client.force_login(user)
    return client


def rows(project: Project) -> Iterator[Model]:
    """Yield a row of each kind that has pages."""
    for model in OURS:
        path = members.project_path(model)
        found = model._default_manager.filter(**{path: project.pk}).order_by("pk").first()
        if found is not None:
            yield found


def pages_of(row: Model) -> Iterator[tuple[str, str]]:
    """Yield name and address of every page about this row, Django's own and ours."""
    model = row._meta.model_name
    for entry in OURS[type(row)].get_urls():
        assert isinstance(entry, URLPattern)
        if not entry.name or "<" not in str(entry.pattern):
            continue
        given: dict[str, Any] = dict.fromkeys(entry.pattern.converters, row.pk)
        if "kind" in given:
            given |= {"kind": "api-keys", "key_pk": ApiKey.objects.get(project=row.pk).pk}
        if "object_id" in given and entry.name == f"integrations_{model}_":
            continue
        yield entry.name, reverse(f"admin:{entry.name}", kwargs=given)


def all_pages(project: Project) -> list[tuple[str, str]]:
    return [page for row in rows(project) for page in pages_of(row)]


def state() -> dict[str, Any]:
    """Return all rows that staff could change."""
    kept = (Project, Integration, Connection, OAuthClient, ApiKey, SigningKey, Flow, EndUser)
    shown: dict[str, Any] = {}
    for model in (*kept, User, Membership, AuditEvent):
        sealed = {"audit_key", "last_login"}
        names = [field.name for field in model._meta.fields if field.name not in sealed]
        shown[model.__name__] = list(model._default_manager.order_by("pk").values(*names))
    return shown


def test_every_list_keeps_to_projects_or_is_for_few() -> None:
    others = {model.__name__ for model in admin.site._registry} - {m.__name__ for m in OURS}
    assert others == {"User", "DBTaskResult"}
    assert all(members.project_path(model) for model in OURS)


@pytest.mark.parametrize("role", ROLES)
def test_no_role_reads_the_task_queue(role: str) -> None:
    page = reverse("admin:django_tasks_database_dbtaskresult_changelist")
    assert staff(role).get(page).status_code == 403


def test_the_roles_are_made_again_at_each_migration() -> None:
    Group.objects.get(name=members.VIEWER).permissions.set([])
    call_command("migrate", verbosity=0)
    assert Group.objects.get(name=members.VIEWER).permissions.exists()
    assert set(Group.objects.values_list("name", flat=True)) == set(ROLES)


def test_there_are_many_pages(mine: Project) -> None:
    assert len(all_pages(mine)) > 25


@pytest.mark.parametrize("role", ROLES)
def test_a_role_sees_every_list_and_page(mine: Project, role: str) -> None:
    client = staff(role)
    for row in rows(mine):
        name = row._meta.model_name
        assert client.get(url(f"{name}_changelist")).status_code == 200
        assert client.get(url(f"{name}_change", row.pk)).status_code == 200, name
        assert client.get(url(f"{name}_history", row.pk)).status_code == 200, name


def test_a_viewer_changes_nothing_anywhere(mine: Project) -> None:
    client, before = staff(members.VIEWER), state()
    for _, page in all_pages(mine):
        client.get(page)
        client.post(page, {"post": "yes", "name": "x"})
    for model in OURS:
        name = model._meta.model_name
        assert client.post(url(f"{name}_add"), {"name": "x"}).status_code == 403
        client.post(url(f"{name}_changelist"), {"action": "delete_selected", "post": "yes"})
    assert state() == before


def test_an_admin_changes_projects_and_integrations(mine: Project) -> None:
    client = staff(members.ADMIN)
    form = project_form(mine, name="Renamed")
    assert client.post(url("project_change", mine.pk), form).status_code == 302
    gmail = mine.integrations.get()
    form = integration_form(gmail, description="Changed")
    assert client.post(url("integration_change", gmail.pk), form).status_code == 302
    mine.refresh_from_db()
    gmail.refresh_from_db()
    assert (mine.name, gmail.description) == ("Renamed", "Changed")


KEY_PAGES = {"api_key": "project_api_key_add", "signing_key": "project_signing_key_add"}


@pytest.mark.parametrize("name", KEY_PAGES.values())
def test_an_admin_makes_no_keys(mine: Project, name: str) -> None:
    client, before = staff(members.ADMIN), state()
    assert client.get(url(name, mine.pk)).status_code == 403
    assert client.post(url(name, mine.pk), {"name": "mine"}).status_code == 403
    assert state() == before
    shown = client.get(url("project_change", mine.pk)).content.decode()
    assert url(name, mine.pk) not in shown


def test_an_admin_publishes_no_key_set_and_revokes_no_key(mine: Project) -> None:
    client, before = staff(members.ADMIN), state()
    page = url("project_key_set", mine.pk)
    assert client.post(page, {"url": "https://evil.example/jwks"}).status_code == 403
    for kind, key in (("api-keys", mine.api_keys.get()), ("signing-keys", mine.signing_keys.get())):
        revoke = url("project_key_revoke", mine.pk, kind, key.pk)
        assert client.post(revoke).status_code == 403
    assert state() == before


def test_an_owner_makes_and_revokes_keys(mine: Project) -> None:
    client = staff(members.OWNER)
    answer = client.post(url("project_api_key_add", mine.pk), {"name": "New"})
    assert answer.status_code == 200
    key = mine.api_keys.get(name="New")
    assert client.post(url("project_key_revoke", mine.pk, "api-keys", key.pk)).status_code == 302
    key.refresh_from_db()
    assert key.revoked_at


@pytest.mark.parametrize("role", ROLES)
def test_no_page_of_another_project_is_found(mine: Project, other: Project, role: str) -> None:
    client, before = staff(role, mine), state()
    for name, page in all_pages(other):
        for answer in (client.get(page), client.post(page, {"post": "yes", "name": "x"})):
            assert answer.status_code in (302, 403, 404), name
            assert "Othercorp" not in answer.content.decode(), name
            # A redirect says only that there is no such row, as for one that never was.
            assert answer.status_code != 302 or answer["Location"] == reverse("admin:index"), name
    assert state() == before


@pytest.mark.parametrize("role", ROLES)
def test_one_s_own_pages_name_nothing_of_another_project(
    mine: Project, other: Project, role: str
) -> None:
    client = staff(role, mine)
    pages = [reverse("admin:index"), reverse("admin:app_list", args=["integrations"])]
    pages += [url(f"{model._meta.model_name}_changelist") for model in OURS]
    pages += [page for _, page in all_pages(mine)]
    if role != members.VIEWER:
        pages.append(url("integration_add") + f"?project={other.pk}")
    for page in pages:
        shown = client.get(page).content.decode()
        assert "Othercorp" not in shown, page
        assert str(other.pk) not in shown.replace(f"?project={other.pk}", ""), page


def test_no_filter_and_no_search_reaches_another_project(mine: Project, other: Project) -> None:
    client = staff(members.OWNER, mine)
    for model in OURS:
        path = members.project_path(model)
        query = "id__exact" if path == "pk" else f"{path}__id__exact"
        page = url(f"{model._meta.model_name}_changelist")
        for asked in ({query: str(other.pk)}, {"q": "Othercorp"}, {"q": str(other.pk)}):
            answer = client.get(page, asked, follow=True)
            if answer.status_code == 400:
                # A list that has no project of its own is not filtered by one.
                assert path not in ("pk", "project")
                continue
            shown = answer.context["cl"].result_list
            theirs = model._default_manager.filter(**{path: other.pk}).values_list("pk", flat=True)
            assert not {row.pk for row in shown} & set(theirs), model


def test_a_lookup_that_walks_to_a_secret_is_refused(mine: Project) -> None:
    client = staff(members.VIEWER)
    for query in ("api_keys__key_hash__startswith", "project__audit_key", "tokens"):
        answer = client.get(url("connection_changelist"), {query: "a"})
        assert answer.status_code in (302, 400)


@pytest.mark.parametrize(
    ("model", "query"),
    [
        ("webhookendpoint", "url__startswith"),
        ("webhookendpoint", "secret__isnull"),
        ("flow", "draft__client_id__startswith"),
        ("connection", "provider_data__team__startswith"),
        ("project", "audit_key__gt"),
    ],
)
def test_nothing_is_guessed_that_no_page_shows(mine: Project, model: str, query: str) -> None:
    client = staff(members.VIEWER)
    assert client.get(url(f"{model}_changelist"), {query: "h"}).status_code == 400


def test_a_list_is_filtered_by_what_it_offers(mine: Project) -> None:
    client = staff(members.VIEWER)
    for model, site in OURS.items():
        page = url(f"{model._meta.model_name}_changelist")
        for offered in site.list_filter:
            asked = {str(getattr(offered, "parameter_name", offered)): ""}
            assert client.get(page, asked, follow=True).status_code == 200, offered
        if site.date_hierarchy:
            dates = {f"{site.date_hierarchy}__year": "2026"}
            assert client.get(page, dates).status_code == 200


def test_an_integration_is_not_added_to_another_project(mine: Project, other: Project) -> None:
    client, before = staff(members.OWNER, mine), state()
    form = {
        "project": other.pk, "provider_slug": "slack", "slug": "", "is_active": "on",
        "account_types": ["default"],
    }  # fmt: skip
    answer = client.post(url("integration_add"), form)
    assert answer.status_code == 200
    assert "valid choice" in answer.content.decode()
    assert state() == before
    assert client.post(url("integration_add"), {**form, "project": mine.pk}).status_code == 302


def test_somebody_tied_makes_no_project(mine: Project) -> None:
    client = staff(members.OWNER, mine)
    assert client.post(url("project_add"), {"name": "Own"}).status_code == 403


def test_somebody_tied_to_nothing_sees_nothing(mine: Project) -> None:
    client = staff(members.OWNER, tied=True)
    for model in OURS:
        answer = client.get(url(f"{model._meta.model_name}_changelist"))
        assert list(answer.context["cl"].result_list) == []


def user_form(user: User, **changed: Any) -> dict[str, Any]:
    form: dict[str, Any] = {
        "username": user.username, "is_active": "on", "is_staff": "on",
        "membership-TOTAL_FORMS": 0, "membership-INITIAL_FORMS": 0,
    }  # fmt: skip
    return {**form, **changed}


def person_page(user: User) -> str:
    return reverse("admin:auth_user_change", args=[user.pk])


@pytest.mark.parametrize("role", [members.ADMIN, members.VIEWER])
def test_only_owners_see_the_staff(role: str) -> None:
    client = staff(role)
    vera = User.objects.create_user("vera", is_staff=True)
    for page in (
        reverse("admin:auth_user_changelist"),
        reverse("admin:auth_user_add"),
        person_page(vera),
        reverse("admin:auth_user_password_change", args=[vera.pk]),
    ):
        assert client.get(page).status_code == 403
        assert client.post(page, user_form(vera, username="x")).status_code == 403


def test_an_owner_who_is_tied_cannot_untie_anybody(mine: Project) -> None:
    client = staff(members.OWNER, mine)
    me = User.objects.get(username__startswith="owner")
    assert client.get(person_page(me)).status_code == 403
    assert client.post(person_page(me), user_form(me)).status_code == 403
    assert Membership.objects.filter(user=me).exists()


def test_an_owner_ties_somebody_to_a_project(mine: Project, other: Project) -> None:
    client = staff(members.OWNER)
    ivan = User.objects.create_user("ivan", is_staff=True)
    viewer = Group.objects.get(name=members.VIEWER)
    form = user_form(ivan, groups=[viewer.pk])
    form |= {"membership-TOTAL_FORMS": 1, "membership-0-user": ivan.pk}
    form |= {"membership-0-id": "", "membership-0-projects": [str(mine.pk)]}
    assert client.post(person_page(ivan), form).status_code == 302
    ivan.refresh_from_db()
    assert list(members.visible(Project.objects.all(), ivan)) == [mine]


def test_an_owner_neither_makes_nor_touches_a_superuser() -> None:
    client = staff(members.OWNER)
    root = User.objects.create_superuser("root", password="of-the-root")
    ivan = User.objects.create_user("ivan", is_staff=True)
    rights = {"is_superuser": "on", "user_permissions": ["1"]}
    assert client.post(person_page(ivan), user_form(ivan, **rights)).status_code == 302
    ivan.refresh_from_db()
    assert not ivan.is_superuser
    assert not ivan.user_permissions.exists()
    page = reverse("admin:auth_user_password_change", args=[root.pk])
    answer = client.post(page, {"password1": "a-new-one-77", "password2": "a-new-one-77"})
    assert answer.status_code == 404
    assert client.get(person_page(root)).status_code == 302
    root.refresh_from_db()
    assert root.check_password("of-the-root")


def test_nobody_is_deleted() -> None:
    client = staff(members.OWNER)
    ivan = User.objects.create_user("ivan")
    page = reverse("admin:auth_user_delete", args=[ivan.pk])
    assert client.post(page, {"post": "yes"}).status_code == 403


def test_roles_cannot_be_edited(admin_client: Client) -> None:
    assert not admin.site.is_registered(Group)


def test_the_history_of_the_staff_holds_no_password(admin_client: Client) -> None:
    ivan = User.objects.create_user("ivan", is_staff=True)
    page = reverse("admin:auth_user_password_change", args=[ivan.pk])
    typed = {"password1": "canary-77-canary", "password2": "canary-77-canary"}
    typed["usable_password"] = "true"
    assert admin_client.post(page, typed).status_code == 302
    ivan.refresh_from_db()
    assert ivan.check_password("canary-77-canary")
    told = [f"{entry.change_message}{entry.object_repr}" for entry in LogEntry.objects.all()]
    assert told
    assert "canary" not in str(told)
