"""What the pages say in advance, and what people tell about pages that lead nowhere."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from integrations import dispatching, reporting, webhooks
from integrations.catalog import registry
from integrations.catalog.guide import Problem
from integrations.catalog.preflight import Preflight
from integrations.models import AuditEvent, Flow, ReportedProblem, WebhookDelivery
from integrations.secret import Secret
from tests import factories, trips

pytestmark = pytest.mark.django_db
RECIPE = Preflight(accepted=("invalid_grant",), rejected=("invalid_client",))
ERRORS = (
    Problem(
        seen="redirect_uri_mismatch",
        at="page",
        means="The address is not on the list.",
        fix="Add {redirect_url} to the app.",
        field="redirect_uri",
    ),
    Problem(
        seen="OAPP-7", at="page", means="The ID is not known.", fix="Copy it.", field="client_id"
    ),
    Problem(seen="access_denied", at="callback", means="An admin said no.", fix="Ask the admin."),
    Problem(
        seen="invalid_client",
        at="token",
        means="The App secret is over.",
        fix="Make a new App secret.",
        field="client_secret",
    ),
)
GENERAL = "The client or app is unknown"


@pytest.fixture
def demo(provider, catalog):
    """Change Demo Mail's file."""

    def change(**changed):
        entry = catalog["demo-mail"].model_copy(update=changed)
        registry.install({**catalog, "demo-mail": entry})

    return change


@pytest.fixture
def project(demo):
    demo(preflight=RECIPE, errors=ERRORS)
    project = factories.make_project()
    factories.make_integration(project)
    return project


def reports(project) -> list[dict[str, str]]:
    events = AuditEvent.objects.filter(project=project, action="flow.problem_reported")
    return [event.data for event in events]


def test_the_review_page_asks_by_itself_once(project, provider):
    dana = trips.prepared(project)
    page = dana.post("/portal/step", to="review")
    assert "not checked yet" in page.text
    assert re.search(r'hx-post="/portal/check" hx-trigger="submit, load"', page.html)
    assert provider.count("token") == 0
    checked = dana.post("/portal/check")
    assert "accepts the App ID and the App secret" in checked.text
    assert "redirect URL cannot be checked" in checked.text
    assert 'hx-trigger="submit"' in checked.html
    assert provider.count("token") == 1


def test_a_pair_that_is_not_accepted_leads_back_to_the_field(project):
    dana = trips.prepared(project, client_secret=Secret("wrong"))
    page = dana.post("/portal/check")
    assert "did not accept" in page.text
    assert 'action="/portal/step#client_secret"' in page.html
    form = page.form("/portal/step#client_secret")
    assert form.all["to"] == "options"
    # It is advice: the way on is as open as before.
    assert "Continue to Demo Mail" in page.text
    assert dana.start()


def test_script_gets_the_checks_alone(project):
    dana = trips.prepared(project)
    fields = {"handle": dana.handle, "flow": dana.flow}
    headers = {"Origin": "http://localhost:8000", "HX-Request": "true"}
    answer = Client().post("/portal/check", fields, headers=headers)
    assert answer.status_code == 200
    assert b'id="page"' not in answer.content
    assert b"accepts" in answer.content


def test_without_a_recipe_the_page_says_so_and_asks_nobody(project, demo, provider):
    demo(preflight=Preflight())
    page = trips.prepared(project).post("/portal/step", to="review")
    assert "cannot be checked in advance" in page.text
    assert "/portal/check" not in page.html
    assert provider.count("token") == 0


def test_what_the_provider_may_show_is_offered_in_its_words(project):
    dana = trips.prepared(project)
    dana.start()
    page = dana.status()
    assert "What do you see at Demo Mail" in page.text
    assert "OAPP-7" in page.text
    # Answers come back by themselves: nobody has to say them.
    assert 'value="access_denied"' not in page.html
    assert GENERAL not in page.text


def test_a_problem_that_is_chosen_shows_its_remedy_and_is_counted_once(project):
    dana = trips.prepared(project)
    dana.start()
    for _ in range(2):
        page = dana.post("/portal/problem", problem="redirect_uri_mismatch", place="waiting")
    (redirect_url,) = set(
        re.findall(r"http://localhost:8000/oauth/callback/[a-z2-7]{26}", page.html)
    )
    assert "The address is not on the list." in page.text
    assert f"Add {redirect_url} to the app." in page.text
    assert 'action="/portal/step#redirect_uri"' in page.html
    assert reports(project) == [{"seen": "redirect_uri_mismatch", "field": "redirect_uri"}]
    assert ReportedProblem.objects.count() == 1
    assert dana.current_flow().status == Flow.Status.WAITING


def test_the_field_is_found_on_the_form_with_what_was_typed(project):
    dana = trips.prepared(project)
    dana.start()
    page = dana.post("/portal/problem", problem="OAPP-7")
    assert page.form("/portal/step#client_id").all["to"] == "options"
    form = dana.post("/portal/step", to="options")
    assert re.search(r'<input id="client_id"[^>]*value="fake_ok"', form.html)


@pytest.mark.parametrize("seen", ["", "my own words", "access_denied", "x" * 5000, "\x00"])
def test_nothing_is_noted_but_what_was_offered(project, seen):
    dana = trips.prepared(project)
    dana.start()
    page = dana.post("/portal/problem", problem=seen)
    assert "Choose what you see." in page.text
    assert reports(project) == []
    assert not ReportedProblem.objects.exists()


def test_our_general_words_stand_in_where_the_file_has_none(project, demo):
    demo(errors=())
    dana = trips.prepared(project)
    dana.start()
    page = dana.post("/portal/problem", problem=GENERAL)
    assert "mistyped" in page.text
    assert reports(project) == [{"seen": GENERAL, "field": "client_id"}]


def test_the_vendors_app_is_the_vendors_to_repair(project):
    dana = trips.prepared(project)
    flow = dana.current_flow()
    Flow.objects.filter(pk=flow.pk).update(account_type="default", status="WAITING")
    page = dana.post("/portal/problem", problem="redirect_uri_mismatch")
    assert "Tell Acme CRM what the window says." in page.text
    assert "/oauth/callback/" not in page.html
    assert "/portal/step#" not in page.html


def test_a_callback_is_explained_by_the_providers_file(project, provider):
    dana = trips.prepared(project)
    started = dana.start()
    dana.come_back(trips.answer(started, provider, code=None, error="access_denied"))
    page = dana.status()
    assert "An admin said no." in page.text
    assert "Ask the admin." in page.text
    assert dana.current_flow().error_code == "access_denied"


def test_a_token_answer_is_explained_with_the_field_to_correct(project):
    dana = trips.prepared(project, client_id="fake_wrong_secret")
    dana.approve()
    page = dana.status()
    assert "The App secret is over." in page.text
    assert 'action="/portal/step#client_secret"' in page.html
    assert dana.current_flow().error_code == "invalid_client"


def test_a_strangers_code_is_never_kept(project, provider):
    dana = trips.prepared(project)
    started = dana.start()
    dana.come_back(trips.answer(started, provider, code=None, error="<script>evil"))
    assert dana.current_flow().seen == ""
    assert "evil" not in dana.status().html


def test_the_vendor_learns_of_it_by_webhook(project):
    endpoint = webhooks.create(project=project, url="https://a.example/", actor="test").endpoint
    dana = trips.prepared(project)
    dana.start()
    dana.post("/portal/problem", problem="OAPP-7")
    while dispatching.dispatch(endpoint.pk):
        pass
    rows = WebhookDelivery.objects.filter(event_type="flow.problem_reported")
    (payload,) = (json.loads(row.payload) for row in rows)
    assert payload["data"]["problem"] == {"seen": "OAPP-7", "field": "client_id"}


def test_the_funnel_counts_how_far_people_came(project, django_assert_num_queries):
    trips.prepared(project, "erin").start()
    dana = trips.prepared(project)
    dana.start()
    dana.post("/portal/problem", problem="OAPP-7")
    failed = trips.prepared(project, "frank", client_id="fake_wrong_secret")
    failed.approve()
    trips.prepared(project, "gus").approve()
    integration = project.integrations.get()
    with django_assert_num_queries(4):
        funnel = reporting.funnel(integration)
    assert (funnel.opened, funnel.configured, funnel.left, funnel.connected) == (4, 4, 4, 1)
    assert funnel.failed == (("invalid_client", 1),)
    assert funnel.reported == (("OAPP-7", 1),)


def poll(dana, **fields) -> str:
    headers = {"Origin": "http://localhost:8000", "HX-Request": "true"}
    named = {"handle": dana.handle, "flow": dana.flow, **fields}
    return Client().post("/portal/flow/status", named, headers=headers).content.decode()


def test_a_window_that_never_came_is_spoken_of_and_then_no_more(project):
    dana = trips.prepared(project)
    seen = dana.current_flow().updated_at.isoformat()
    first = poll(dana, seen=seen, asked="0", window_state="")
    assert "window-state" not in first
    second = poll(dana, seen=seen, asked="1", window_state="")
    assert 'hx-swap-oob="innerHTML"' in second
    assert "If your browser stopped it" in second
    # Said once: a live region that changes each second would never stop talking.
    assert "If your browser" not in poll(dana, seen=seen, asked="2", window_state="blocked")
    dana.start()
    late = poll(dana, seen=seen, asked="3", window_state="blocked")
    assert '<div id="window-state" hx-swap-oob="innerHTML"></div>' in re.sub(r"\s*\n\s*", "", late)


def test_a_window_that_is_open_for_long_may_be_closed(project):
    from datetime import timedelta

    from django.utils import timezone

    dana = trips.prepared(project)
    dana.start()
    ago = timezone.now() - timedelta(minutes=1)
    Flow.objects.filter(pk=dana.flow).update(updated_at=ago)
    assert "window closed?" in poll(dana, seen="x", asked="30", window_state="")
    assert dana.current_flow().status == Flow.Status.WAITING


@pytest.mark.parametrize("asked", ["", "-1", "9" * 400, "²", "x"])
def test_a_count_of_polls_that_is_none_counts_as_none(project, asked):
    dana = trips.prepared(project)
    seen = dana.current_flow().updated_at.isoformat()
    assert 'name="asked" value="1"' in poll(dana, seen=seen, asked=asked, window_state="evil")
