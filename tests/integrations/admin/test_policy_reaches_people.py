"""What a vendor admin sets is what the next form shows and what is asked for."""

from __future__ import annotations

import pytest

from integrations.models import Connection
from tests import factories
from tests.integrations.admin.pages import integration_form, url
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db


def save(admin_client, integration, **changed):
    form = integration_form(integration, **changed)
    answer = admin_client.post(url("integration_change", integration.pk), form)
    assert answer.status_code == 302, answer.content.decode()


def shown(project):
    """Open the form as somebody new and return which permissions it has ticked."""
    person = Visitor(project, sub=f"person-{Connection.objects.count()}-{id(project)}")
    page = person.open()
    return page.form("/portal/options").submitted["scope"]


def test_changed_default_scopes_change_the_next_form(admin_client, provider):
    project = factories.make_project()
    mail = factories.make_integration(project)
    assert set(shown(project)) == {"openid", "profile", "mail.read"}
    save(
        admin_client,
        mail,
        **{
            "scope_policy-follow": None,
            "scope_policy-default": ["openid", "mail.send"],
            "scope_policy-required": ["openid"],
        },
    )
    person = Visitor(project, sub="somebody-new")
    page = person.open()
    assert set(page.form("/portal/options").submitted["scope"]) == {"openid", "mail.send"}
    person.enter()
    person.approve()
    assert provider.requests("authorization")[-1].query["scope"] == ["openid mail.send"]


def test_the_vendor_s_client_entered_in_the_admin_connects_people(admin_client, provider):
    project = factories.make_project()
    mail = factories.make_integration(project)
    save(admin_client, mail, client_id="fake_ok", client_secret="fake-secret")
    dana = Visitor(project)
    dana.open(account_type="default")
    dana.approve()
    assert Connection.objects.get().account_type == "default"


def test_an_account_type_that_was_switched_off_is_refused(admin_client, provider):
    project = factories.make_project()
    mail = factories.make_integration(project)
    save(admin_client, mail, account_types=["default"])
    dana = Visitor(project)
    page = dana.open(account_type="user-configured-oauth")
    assert dana.last.status_code == 403
    assert "not offered" in page.text
