"""A step of the setup guide that looks different: said by a number, counted for the vendor."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from integrations import audit, guides
from integrations.errors import InvalidInput, RateLimited
from integrations.limits import GUIDE_FEEDBACK
from integrations.models import AuditEvent, OAuthClient
from tests import factories
from tests.integrations.admin.pages import url
from tests.portal.pages.own_client_form import Entry
from tests.portal.pages.test_handoff import Colleague, sent
from tests.visitor import Page, Visitor

pytestmark = pytest.mark.django_db
SECRET = "typed/but+not=kept"
THANKS = "Thank you. Acme CRM will see that step 2 looks different."


def tell(form: Entry, step: str, *, script: bool = False, **typed: object) -> Page:
    """Say that a step looks different."""
    headers = {"HX-Request": "true"} if script else {}
    fields = {**form.shown, "act": "guide", "guide_step": step, "client_secret": SECRET, **typed}
    return form.visitor.post("/portal/aside", headers=headers, **fields)


def said() -> list[dict[str, object]]:
    rows = AuditEvent.objects.filter(action="guide.feedback").order_by("sequence")
    return [row.data for row in rows]


@pytest.fixture
def slot(provider) -> OAuthClient:
    mail = factories.make_integration(factories.make_project())
    return factories.make_client(mail, factories.make_end_user(mail.project))


def test_every_step_and_something_else_can_be_chosen(provider):
    html = Entry().html
    for step in range(5):
        assert f'name="guide_step" value="{step}"' in html
    assert 'name="guide_step" value="5"' not in html


def test_it_is_noted_thanked_for_and_what_was_typed_stays(provider):
    form = Entry()
    page = tell(form, "2", client_id="kept", extra_scopes="x.y")
    assert THANKS in page.text
    assert said() == [{"step": 2}]
    event = AuditEvent.objects.get(action="guide.feedback")
    assert event.object_id == str(form.made.pk)
    assert form.shown["client_id"] == ["kept"]
    assert form.shown["extra_scopes"] == ["x.y"]
    assert SECRET not in page.html
    assert audit.verify(form.made.project) is None


def test_a_script_gets_the_words_alone_and_touches_nothing_typed(provider):
    form = Entry()
    tell(form, "1", client_id="kept")
    page = tell(form, "2", script=True, client_id="")
    assert page.html.strip() == f"<p>{THANKS}</p>"
    assert form.visitor.current_flow().draft["client_id"] == "kept"


def test_something_else_can_be_said(provider):
    page = tell(Entry(), "0")
    assert "Thank you. Acme CRM will see that the guide does not fit." in page.text
    assert said() == [{"step": 0}]


def test_a_step_that_the_guide_lacks_is_refused(provider):
    form = Entry()
    for step in ("", "5", "-1", "1.0", " 1", "\u0662", "01", "1e0", "x" * 5000):
        page = tell(form, step)
        assert "Choose the step that looks different." in page.text, step
    assert said() == []


def test_nothing_but_the_number_is_kept(provider):
    tell(Entry(), "3", guide_note="a secret of mine", client_id="mine")
    assert said() == [{"step": 3}]


def test_a_visit_of_another_person_says_nothing_about_a_flow(provider):
    form = Entry()
    other = Entry()
    fields = {"act": "guide", "guide_step": "1", "flow": form.visitor.flow}
    other.visitor.post("/portal/aside", **fields)
    assert other.visitor.last.status_code == 404
    assert said() == []


def test_another_site_cannot_say_it(provider):
    form = Entry()
    fields = {**form.shown, "act": "guide", "guide_step": "1"}
    answer = Client().post("/portal/aside", fields, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert said() == []


def test_it_is_counted_a_few_times_an_hour_and_still_thanked_for(provider, settings):
    settings.LIMITS = {"guide_feedback": "2/3600"}
    form = Entry()
    for _ in range(3):
        page = tell(form, "2")
    assert "Acme CRM knows of it already" in page.text
    assert len(said()) == 2


def test_the_limit_is_that_of_one_client(slot, settings):
    settings.LIMITS = {GUIDE_FEEDBACK.name: "1/3600"}
    guides.report(client=slot, step="1", actor="test")
    with pytest.raises(RateLimited):
        guides.report(client=slot, step="1", actor="test")
    other = factories.make_client(
        slot.integration, factories.make_end_user(slot.integration.project, "bob")
    )
    assert guides.report(client=other, step="1", actor="test") == 1


def test_steps_are_counted_since_the_guide_was_checked(slot):
    mail = slot.integration
    for step in ("3", "1", "3"):
        guides.report(client=slot, step=step, actor="test")
    with pytest.raises(InvalidInput):
        guides.report(client=slot, step="9", actor="test")
    counted = [(each.step, each.count) for each in guides.reported(mail)]
    assert counted == [(1, 1), (3, 2)]
    newest = AuditEvent.objects.filter(action="guide.feedback").latest("at").at
    assert guides.reported(mail)[1].last == newest
    AuditEvent.objects.filter(action="guide.feedback").update(at=newest - timedelta(days=400))
    assert guides.reported(mail) == ()


def test_other_integrations_are_not_counted(slot):
    guides.report(client=slot, step="1", actor="test")
    other = factories.make_integration(slot.integration.project, "gmail")
    assert guides.reported(other) == ()


def test_the_admin_reads_which_step_and_when(slot, admin_client):
    for _ in range(2):
        guides.report(client=slot, step="2", actor="test")
    guides.report(client=slot, step="0", actor="test")
    html = admin_client.get(url("integration_change", slot.integration.pk)).content.decode()
    assert "Step 2: 2 times, last on" in html
    assert "Something else: 1 time, last on" in html


def test_the_admin_reads_nothing_while_nobody_said_anything(slot, admin_client):
    html = admin_client.get(url("integration_change", slot.integration.pk)).content.decode()
    assert "guide looks different" in html.casefold()
    assert "last on" not in html


def handed() -> Colleague:
    """Return somebody who opened the form of a link."""
    project = factories.make_project()
    factories.make_integration(project)
    dana = Visitor(project)
    dana.open()
    colleague = sent(dana)
    colleague.begin()
    return colleague


def beside(colleague: Colleague, **fields: object) -> Page:
    """Press a button beside the form of a link."""
    shown = colleague.page.form("/handoff/form").submitted
    ours = {"Origin": settings.BASE_ORIGIN}
    answer = colleague.client.post("/handoff/aside", {**shown, **fields}, headers=ours)
    return colleague._page(answer)


def test_a_colleague_with_a_link_can_say_it_too(provider):
    colleague = handed()
    page = beside(colleague, act="guide", guide_step="2", client_id="kept", client_secret=SECRET)
    assert THANKS in page.text
    assert said() == [{"step": 2}]
    assert page.fields["client_id"] == "kept"
    assert SECRET not in page.html


def test_a_colleague_can_go_back_to_the_vendors_choice(provider):
    colleague = handed()
    page = beside(colleague, act="default_scopes", scope=["mail.send"])
    shown = page.form("/handoff/form").submitted
    assert shown["scope"] == ["openid", "profile", "mail.read"]


def test_without_the_forms_handle_nothing_is_said(provider):
    for handle in ("", "x", "x" * 5000):
        fields = {"handle": handle, "act": "guide", "guide_step": "1"}
        ours = {"Origin": settings.BASE_ORIGIN}
        assert Client().post("/handoff/aside", fields, headers=ours).status_code == 404
    assert said() == []


def test_another_site_cannot_post_beside_a_link(provider):
    colleague = handed()
    shown = colleague.page.form("/handoff/form").submitted
    fields = {**shown, "act": "guide", "guide_step": "1"}
    evil = {"Origin": "https://evil.example"}
    assert Client().post("/handoff/aside", fields, headers=evil).status_code == 403
    assert said() == []
