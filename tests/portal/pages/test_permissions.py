"""The permissions of the own-client form, compared with what the vendor asks for."""

from __future__ import annotations

import re
from typing import Any

import pytest

from integrations import clients
from integrations.clients import ClientConfig
from integrations.secret import Secret
from tests import factories
from tests.portal.pages.own_client_form import APP, Entry
from tests.visitor import Page, Visitor

pytestmark = pytest.mark.django_db
SUMMARY = re.compile(r"<summary><span>(Permissions: .*?)</summary>", re.DOTALL)
RESET = {"act": "default_scopes", "client_secret": "typed-but-not-kept"}
DEFAULTS = ["openid", "profile", "mail.read"]


def summary(page: Page) -> str:
    """Return what is read while the permissions are closed."""
    return " ".join(re.sub(r"<[^>]*>", " ", SUMMARY.findall(page.html)[0]).split())


def again(form: Entry, **typed: Any) -> Page:
    """Press a button beside the form, with what stands in it and what is typed."""
    return form.visitor.post("/portal/aside", **{**form.shown, **typed})


def lines(page: Page) -> list[str]:
    [found] = re.findall(r'<code id="scope_lines"[^>]*>(.*?)</code>', page.html, re.DOTALL)
    return found.split("&#10;")


def test_the_choice_is_first_the_vendors(provider):
    assert summary(Entry().visitor.page) == "Permissions: 3 selected As Acme CRM asks"


@pytest.mark.parametrize(
    ("ticked", "typed", "words"),
    [
        (DEFAULTS, "x.y", "4 selected 1 added to what Acme CRM asks for"),
        (["openid"], "", "1 selected 2 removed from what Acme CRM asks for"),
        (["openid", "mail.send"], "", "1 added, 2 removed compared with what Acme CRM asks for"),
        (DEFAULTS, "mail.read openid", "3 selected As Acme CRM asks"),
    ],
)
def test_a_changed_choice_is_compared_with_the_vendors(provider, ticked, typed, words):
    form = Entry()
    form.send(client_id="", scope=ticked, extra_scopes=typed)
    assert words in summary(form.visitor.page)


def test_where_the_vendor_asks_for_nothing_nothing_is_compared(provider):
    page = Entry(policy={"default_scopes": []}).visitor.page
    assert summary(page) == "Permissions: 0 selected"
    assert "Back to Acme CRM's choice" not in page.text


def test_the_vendors_choice_comes_back_without_a_script_and_all_else_stays(provider):
    form = Entry()
    page = again(form, **RESET, client_id="kept", scope=["mail.send"], extra_scopes="x.y")
    assert summary(page) == "Permissions: 3 selected As Acme CRM asks"
    assert form.shown["scope"] == DEFAULTS
    assert form.shown["client_id"] == ["kept"]
    assert form.shown["extra_scopes"] == [""]
    assert '<details class="scopes" data-scopes open' in page.html
    assert RESET["client_secret"] not in page.html
    assert RESET["client_secret"] not in str(form.visitor.current_flow().draft)


def test_another_button_does_not_bring_it_back(provider):
    form = Entry()
    page = again(form, act="something", scope=["mail.send"], extra_scopes="x.y")
    assert "2 selected 2 added, 3 removed" in summary(page)
    assert form.shown["scope"] == ["mail.send"]
    assert form.shown["extra_scopes"] == ["x.y"]


def test_a_vendors_permission_that_the_catalog_lacks_has_a_row(provider):
    form = Entry(policy={"default_scopes": ["openid", "own.one"], "custom_scopes_allowed": False})
    assert summary(form.visitor.page) == "Permissions: 2 selected As Acme CRM asks"
    form.goes_on()
    assert form.visitor.current_flow().scopes == ["openid", "own.one"]


def test_a_required_permission_is_locked_and_says_why(provider):
    form = Entry(policy={"required_scopes": ["mail.read"]})
    html = form.html
    assert '<input type="checkbox" value="mail.read" checked disabled>' in html
    assert "Acme CRM does not work without it, so it stays selected." in html
    page = again(form, act="", scope=[])
    assert '<input type="hidden" name="scope" value="mail.read">' in page.html


def test_a_sensitive_permission_says_what_that_means(provider):
    page = Entry().visitor.page
    assert page.text.count("Demo Mail reviews apps that ask for this.") == 1
    assert "has to approve it at Demo Mail" not in page.text


def test_the_list_can_be_copied_one_on_each_line_and_as_the_provider_has_it(provider):
    page = Entry().visitor.page
    assert lines(page) == DEFAULTS
    assert f'data-scope-list data-separator=" ">{" ".join(DEFAULTS)}</code>' in page.html


def test_an_unknown_permission_is_taken_with_a_warning(provider):
    form = Entry()
    page = again(form, act="", scope=["openid"], extra_scopes="mail.raed mail.send")
    assert "We do not know these permissions: mail.raed. Check their spelling" in page.text
    form.goes_on(**APP)
    words = "We do not know these permissions: mail.raed. Check their spelling at the provider."
    assert words in form.notices()


def test_a_known_permission_is_taken_without_a_warning(provider):
    form = Entry()
    form.goes_on(extra_scopes="mail.send contacts.read")
    assert not [each for each in form.notices() if "do not know" in each]


def test_what_markup_is_typed_stays_text(provider):
    form = Entry()
    page = again(form, act="", extra_scopes="<b>x</b>")
    assert "<b>x</b>" not in page.html
    assert "&lt;b&gt;x&lt;/b&gt;" in page.html


@pytest.mark.parametrize("status", ["COMPLETED", "CANCELLED"])
def test_a_flow_that_ended_keeps_what_it_had(provider, status):
    form = Entry()
    flow = form.visitor.current_flow()
    type(flow).objects.filter(pk=flow.pk).update(status=status)
    page = again(form, **RESET, client_id="late")
    assert form.visitor.last.status_code >= 400
    assert "late" not in page.html
    assert form.visitor.current_flow().draft == {}


def test_with_the_vendors_app_there_is_nothing_to_choose(provider):
    project = factories.make_project()
    mail = factories.make_integration(project)
    config = ClientConfig("fake_ok", Secret("fake-secret"), {})
    clients.replace_config(client=clients.vendor_client(mail), config=config, actor="test")
    visitor = Visitor(project)
    visitor.open(account_type="default")
    visitor.post("/portal/aside", **RESET)
    assert visitor.last.status_code == 403
    assert visitor.current_flow().draft == {}
