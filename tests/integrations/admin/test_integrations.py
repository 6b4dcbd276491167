"""Integrations: provider, account types, scope policy."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from integrations import scopes
from integrations.models import AuditEvent, Integration, OAuthClient, Project
from tests.factories import make_project
from tests.integrations.admin.pages import integration_form, url

pytestmark = pytest.mark.django_db
READ = "https://www.googleapis.com/auth/gmail.readonly"
SEND = "https://www.googleapis.com/auth/gmail.send"


def add(client: Client, project: Project, **changed: Any) -> str:
    form = {
        "project": str(project.pk),
        "provider_slug": "gmail",
        "slug": "",
        "is_active": "on",
        "account_types": ["default", "user-configured-oauth"],
    }
    answer = client.post(url("integration_add"), {**form, **changed})
    return "" if answer.status_code == 302 else answer.content.decode()


def save(client: Client, integration: Integration, **changed: Any) -> str:
    page = url("integration_change", integration.pk)
    answer = client.post(page, integration_form(integration, **changed))
    integration.refresh_from_db()
    return "" if answer.status_code == 302 else answer.content.decode()


def test_the_provider_is_chosen_by_its_name(admin_client: Client, project: Project) -> None:
    page = admin_client.get(url("integration_add")).content.decode()
    assert '<option value="sharepoint">SharePoint</option>' in page


def test_an_integration_takes_the_providers_slug(admin_client: Client, project: Project) -> None:
    assert add(admin_client, project) == ""
    integration = Integration.objects.get(project=project)
    assert (integration.slug, integration.provider_slug) == ("gmail", "gmail")
    event = AuditEvent.objects.filter(object_id=str(integration.pk)).get()
    assert (event.action, event.actor) == ("integration.created", "admin:admin")


@pytest.mark.parametrize("slug", ["", "gmail"])
def test_a_slug_is_used_once_in_a_project(
    admin_client: Client, project: Project, gmail: Integration, slug: str
) -> None:
    assert "already has an integration gmail" in add(admin_client, project, slug=slug)
    assert Integration.objects.count() == 1


def test_a_provider_may_be_offered_twice_under_two_slugs(
    admin_client: Client, project: Project, gmail: Integration
) -> None:
    assert add(admin_client, project, slug="gmail-archive") == ""
    assert Integration.objects.filter(provider_slug="gmail").count() == 2


def test_another_project_may_use_the_same_slug(
    admin_client: Client, project: Project, gmail: Integration
) -> None:
    assert add(admin_client, make_project("Other", which=3)) == ""


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"slug": "my-proxy"}, "letters proxy"),
        ({"slug": "two words"}, "valid “slug”"),
        ({"provider_slug": "no-such"}, "valid choice"),
        ({"provider_slug": ""}, "required"),
        ({"account_types": []}, "at least one account type"),
        ({"account_types": ["default", "other"]}, "valid choice"),
    ],
)
def test_what_cannot_be_offered_is_refused(
    admin_client: Client, project: Project, changed: dict[str, Any], words: str
) -> None:
    assert words in add(admin_client, project, **changed)
    assert not Integration.objects.exists()


def test_the_grid_has_a_row_for_each_scope_of_the_catalog(
    admin_client: Client, gmail: Integration
) -> None:
    page = admin_client.get(url("integration_change", gmail.pk)).content.decode()
    for scope in gmail.provider.scopes:
        assert f"<code>{scope.name}</code>" in page
        assert f'aria-label="Required: {scope.name}"' in page
    assert "Sensitive" in page


def test_the_vendors_slot_is_made_when_its_page_is_first_shown(
    admin_client: Client, gmail: Integration
) -> None:
    page = url("integration_change", gmail.pk)
    first = admin_client.get(page).content.decode()
    slot = OAuthClient.objects.get(integration=gmail)
    assert f'value="{slot.redirect_uri()}"' in first
    admin_client.get(page)
    assert OAuthClient.objects.filter(integration=gmail).count() == 1


def test_following_the_catalog_is_kept_apart_from_choosing_its_scopes(
    admin_client: Client, gmail: Integration
) -> None:
    assert save(admin_client, gmail, **{"scope_policy-default": [READ]}) == ""
    assert gmail.default_scopes is None
    chosen = {"scope_policy-follow": None, "scope_policy-default": [READ]}
    assert save(admin_client, gmail, **chosen) == ""
    assert gmail.default_scopes == [READ]


def test_no_default_scopes_is_an_answer_too(admin_client: Client, gmail: Integration) -> None:
    assert save(admin_client, gmail, **{"scope_policy-follow": None}) == ""
    assert gmail.default_scopes == []


def test_a_required_scope_is_asked_for_by_default(admin_client: Client, gmail: Integration) -> None:
    chosen = {
        "scope_policy-follow": None,
        "scope_policy-default": [READ],
        "scope_policy-required": [SEND],
    }
    assert save(admin_client, gmail, **chosen) == ""
    assert (gmail.default_scopes, gmail.required_scopes) == ([SEND, READ], [SEND])
    assert scopes.policy(gmail).default == (SEND, READ)


def test_scopes_the_catalog_does_not_know_can_be_typed(
    admin_client: Client, gmail: Integration
) -> None:
    typed = {"scope_policy-allowed": [READ], "scope_policy-allowed-extra": "a.b, c:d\n a.b"}
    assert save(admin_client, gmail, **typed) == ""
    assert gmail.allowed_scopes == [READ, "a.b", "c:d"]
    page = admin_client.get(url("integration_change", gmail.pk)).content.decode()
    assert "a.b\nc:d</textarea>" in page


@pytest.mark.parametrize("column", ["default", "required", "allowed"])
@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ('good bad"quote', "bad&quot;quote"),
        ("back\\slash", "back\\slash"),
        ("Zahl€", "U+20AC"),
        ("a" * 513, "512 characters"),
        (" ".join(f"s{number}" for number in range(101)), "at most 100 "),
    ],
)
def test_a_bad_scope_is_named_and_nothing_is_saved(
    admin_client: Client, gmail: Integration, column: str, typed: str, shown: str
) -> None:
    page = save(admin_client, gmail, **{f"scope_policy-{column}-extra": typed}, is_active=None)
    assert f"{column.capitalize()}: " in page
    assert shown in page
    assert gmail.is_active
    assert (gmail.default_scopes, gmail.required_scopes, gmail.allowed_scopes) == (None, [], [])


def test_what_was_ticked_survives_an_error(admin_client: Client, gmail: Integration) -> None:
    page = save(
        admin_client,
        gmail,
        **{"scope_policy-required": [SEND], "scope_policy-allowed-extra": 'x"y'},
    )
    assert f'aria-label="Required: {SEND}" checked' in page
    assert "x&quot;y</textarea>" in page


def test_a_changed_policy_is_recorded_with_its_scopes(
    admin_client: Client, gmail: Integration
) -> None:
    save(admin_client, gmail, **{"scope_policy-required": [SEND]})
    event = AuditEvent.objects.filter(object_id=str(gmail.pk)).latest("sequence")
    assert event.action == "integration.changed"
    assert event.data["fields"] == ["scope_policy"]
    assert event.data["required_scopes"] == [SEND]


def test_saving_nothing_records_nothing(admin_client: Client, gmail: Integration) -> None:
    before = AuditEvent.objects.count()
    assert save(admin_client, gmail) == ""
    assert AuditEvent.objects.count() == before


def test_provider_project_and_slug_stay_as_they_are(
    admin_client: Client, gmail: Integration
) -> None:
    changed = {"slug": "other", "provider_slug": "slack", "project": "x"}
    assert save(admin_client, gmail, **changed) == ""
    assert (gmail.slug, gmail.provider_slug) == ("gmail", "gmail")


def test_an_integration_whose_file_is_gone_can_still_be_switched_off(
    admin_client: Client, gmail: Integration
) -> None:
    form = integration_form(gmail, is_active=None)
    Integration.objects.filter(pk=gmail.pk).update(provider_slug="gone")
    page = url("integration_change", gmail.pk)
    assert "not in the catalog" in admin_client.get(page).content.decode()
    assert admin_client.post(page, form).status_code == 302
    gmail.refresh_from_db()
    assert not gmail.is_active


def test_an_integration_is_never_deleted(admin_client: Client, gmail: Integration) -> None:
    assert (
        admin_client.post(url("integration_delete", gmail.pk), {"post": "yes"}).status_code == 403
    )
    assert Integration.objects.filter(pk=gmail.pk).exists()


def test_a_viewer_sees_the_policy_and_changes_nothing(
    viewer_client: Client, gmail: Integration
) -> None:
    page = url("integration_change", gmail.pk)
    shown = viewer_client.get(page).content.decode()
    assert "Not set" in shown
    assert 'name="client_secret"' not in shown
    assert viewer_client.post(page, integration_form(gmail, is_active=None)).status_code == 403
    gmail.refresh_from_db()
    assert gmail.is_active
