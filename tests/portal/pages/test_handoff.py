"""Hand-offs: a colleague enters one client by a link, once, and sees nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from integrations import clients, handoffs, sweeping
from integrations.models import AuditEvent, EndUser, Flow, HandOff, OAuthClient, PortalSession
from tests import factories, threads
from tests.portal.api.conftest import Caller, vendor_of
from tests.visitor import Page, Visitor

pytestmark = pytest.mark.django_db
TYPED = {"client_id": "fake_ok", "client_secret": "fake-secret"}
BOTH = ["default", "user-configured-oauth"]


class Colleague:
    """Somebody with a browser of their own and a link."""

    def __init__(self, link: str) -> None:
        self.path, self.client, self.last = urlsplit(link).path, Client(), None
        self.page = Page("")

    def look(self) -> Page:
        """Open the link."""
        return self._page(self.client.get(self.path))

    def begin(self, **headers: str) -> Page:
        """Press Continue."""
        ours = {"Origin": settings.BASE_ORIGIN, **headers}
        return self._page(self.client.post(self.path, headers=ours))

    def save(self, **typed: str) -> Page:
        """Fill in the form that is shown."""
        shown = self.page.form("/handoff/form").submitted
        return self.post(**{**shown, **TYPED, **typed})

    def post(self, **fields: Any) -> Page:
        """Post to the form's address."""
        headers = {"Origin": settings.BASE_ORIGIN}
        return self._page(self.client.post("/handoff/form", fields, headers=headers))

    def enter(self) -> Page:
        """Do all of it."""
        self.begin()
        return self.save()

    def _page(self, answer: Any) -> Page:
        self.last = answer
        self.page = Page(answer.content.decode())
        return self.page


@pytest.fixture
def dana(project) -> Visitor:
    """Dana, in front of the own-client form."""
    who = Visitor(project)
    who.open()
    return who


def sent(who: Visitor) -> Colleague:
    """Make a link and return who gets it."""
    page = who.post("/portal/hand-off")
    assert who.last.status_code == 200, page.text
    return Colleague(link_of(page))


def link_of(page: Page) -> str:
    """Return the link that a page shows."""
    return page.html.split('id="hand_off_link" class="code" value="')[1].split('"')[0]


def ended(answer: Any) -> bool:
    """Return whether a link or form is refused in the one way there is."""
    return answer.status_code == 404 and "This link has ended" in answer.content.decode()


def actions() -> list[tuple[str, str]]:
    return list(AuditEvent.objects.order_by("sequence").values_list("actor", "action"))


def test_a_colleague_enters_the_app_and_the_person_goes_on(dana):
    colleague = sent(dana)
    assert dana.status().text.startswith("Demo Mail") is False
    assert "Waiting for your colleague" in dana.page.text
    colleague.look()
    assert "Dana Reyes" in colleague.page.text
    assert "Acme CRM" in colleague.page.text
    slot = OAuthClient.objects.get()
    assert slot.redirect_uri() in colleague.begin().html
    assert "Dana Reyes can go on now" in colleague.save().text
    dana.status()
    assert "Ready to connect Demo Mail" in dana.page.text
    slot.refresh_from_db()
    assert (slot.owner, slot.state, slot.end_user.external_id) == ("end_user", "ACTIVE", "dana")
    dana.approve()
    assert dana.current_flow().status == "COMPLETED"
    assert ("user:dana", "handoff.sent") in actions()
    assert ("hand-off", "client.created") in actions()
    assert ("hand-off", "handoff.completed") in actions()


def test_the_poll_of_the_page_is_answered_until_the_app_is_there(dana):
    colleague = sent(dana)
    fields = dana.page.form("/portal/flow/status").submitted
    htmx = {"HX-Request": "true"}
    dana.post("/portal/flow/status", headers=htmx, **fields)
    assert "HX-Retarget" not in dana.last
    assert '<form id="poller"' in dana.page.html
    colleague.enter()
    dana.post("/portal/flow/status", headers=htmx, **fields)
    assert dana.last["HX-Retarget"] == "#page"
    assert "Ready to connect" in dana.page.text


def test_the_picker_leads_there_too(project):
    dana = Visitor(project)
    dana.open(account_type=BOTH)
    assert "Send to a colleague" in dana.page.text
    sent(dana).enter()
    assert "Ready to connect" in dana.status().text


def test_the_link_is_shown_once_and_kept_as_a_digest(dana):
    colleague = sent(dana)
    ticket = colleague.path.rsplit("/", 1)[1]
    assert ticket not in dana.status().html
    row = HandOff.objects.get()
    assert ticket not in str(vars(row))
    assert timedelta(days=6, hours=23) < row.expires_at - timezone.now() <= timedelta(days=7)
    assert not AuditEvent.objects.filter(data__icontains=ticket).exists()


def test_looking_uses_nothing_up_and_the_form_can_be_opened_again(dana):
    colleague = sent(dana)
    for headers in ({}, {"Sec-Purpose": "prefetch"}):
        assert Client().get(colleague.path, headers=headers).status_code == 200
    colleague.begin()
    first = colleague.page.form("/handoff/form").submitted
    colleague.begin()
    second = colleague.page.form("/handoff/form").submitted
    assert ended_after(colleague, **{**first, **TYPED})
    assert "Thanks" in colleague.post(**{**second, **TYPED}).text


def gone(colleague: Colleague) -> bool:
    """Return whether the link has ended."""
    colleague.look()
    return ended(colleague.last)


def ended_after(colleague: Colleague, **fields: Any) -> bool:
    colleague.post(**{**TYPED, **fields})
    return ended(colleague.last)


def test_headers_keep_the_address_and_set_no_cookie(dana):
    colleague = sent(dana)
    for show in (colleague.look, colleague.begin, colleague.save):
        show()
        assert colleague.last["Referrer-Policy"] == "strict-origin"
        assert colleague.last["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in colleague.last["Content-Security-Policy"]
        assert not colleague.last.cookies


def test_errors_come_back_with_what_was_typed_but_the_secret(dana):
    colleague = sent(dana)
    colleague.begin()
    page = colleague.save(client_id="has spaces in it", client_secret="the-secret-typed")
    assert colleague.last.status_code == 422
    assert "has spaces in it" in page.html
    assert "the-secret-typed" not in page.html
    assert "Thanks" in colleague.save().text


def test_the_form_shows_nothing_of_the_person_but_their_name(dana):
    EndUser.objects.update(email="dana@private.example")
    who = EndUser.objects.get()
    connection = factories.make_connection(
        dana.current_flow().integration, who, account_label="dana@victim.example"
    )
    Flow.objects.update(draft={"client_id": "typed-by-dana", "scopes": "typed.scope"})
    colleague = sent(dana)
    for show in (colleague.look, colleague.begin, colleague.save):
        html = show().html
        for private in (
            "private.example",
            "victim.example",
            "typed-by-dana",
            "typed.scope",
            str(connection.pk),
            dana.flow,
            dana.handle,
        ):
            assert private not in html


def test_a_person_without_a_name_stays_unnamed(dana):
    EndUser.objects.update(name="", email="dana@private.example")
    html = sent(dana).look().html
    assert "private.example" not in html
    assert ">dana<" not in html


@pytest.mark.parametrize("origin", ["", "null", factories.ORIGIN, "https://evil.example"])
def test_forms_of_other_sites_do_nothing(dana, origin):
    colleague = sent(dana)
    headers = {"Origin": origin} if origin else {}
    assert Client().post(colleague.path, headers=headers).status_code == 403
    assert HandOff.objects.get().form_hash == ""
    colleague.begin()
    shown = {**colleague.page.form("/handoff/form").submitted, **TYPED}
    assert Client().post("/handoff/form", shown, headers=headers).status_code == 403
    assert OAuthClient.objects.get().state == "DRAFT"


def test_a_used_link_and_form_are_ended(dana):
    colleague = sent(dana)
    colleague.begin()
    shown = colleague.page.form("/handoff/form").submitted
    colleague.save()
    assert ended_after(colleague, **{**shown, **TYPED, "client_id": "evil"})
    assert gone(colleague)
    colleague.begin()
    assert ended(colleague.last)
    assert OAuthClient.objects.get().current_version.client_id == "fake_ok"


def test_a_withdrawn_link_is_ended_and_the_form_is_back(dana):
    colleague = sent(dana)
    colleague.begin()
    shown = colleague.page.form("/handoff/form").submitted
    assert "Details of your app" in dana.post("/portal/hand-off/end").text
    assert ended_after(colleague, **{**shown, **TYPED})
    assert gone(colleague)
    assert ("user:dana", "handoff.revoked") in actions()
    assert OAuthClient.objects.get().state == "DRAFT"


def test_a_new_link_ends_the_one_before(dana):
    first = sent(dana)
    second = sent(dana)
    assert gone(first)
    assert "Thanks" in second.enter().text


@pytest.mark.parametrize("what", ["link", "form"])
def test_an_expired_link_or_form_is_ended(dana, what):
    colleague = sent(dana)
    colleague.begin()
    shown = colleague.page.form("/handoff/form").submitted
    past = timezone.now() - timedelta(seconds=1)
    HandOff.objects.update(**{"expires_at" if what == "link" else "form_expires_at": past})
    assert ended_after(colleague, **{**shown, **TYPED})
    colleague.look()
    assert ended(colleague.last) is (what == "link")


def cancelled(dana: Visitor) -> None:
    dana.post("/portal/cancel")


def typed_oneself(dana: Visitor) -> None:
    dana.post("/portal/step", to="options")
    dana.enter()


def another_app(dana: Visitor) -> None:
    Flow.objects.update(oauth_client=clients.vendor_client(dana.current_flow().integration))


def integration_off(dana: Visitor) -> None:
    dana.project.integrations.update(is_active=False)


def project_off(dana: Visitor) -> None:
    type(dana.project).objects.update(is_active=False)


@pytest.mark.parametrize(
    "change", [cancelled, typed_oneself, another_app, integration_off, project_off]
)
def test_a_link_that_nobody_waits_for_is_ended(dana, change):
    colleague = sent(dana)
    colleague.begin()
    shown = colleague.page.form("/handoff/form").submitted
    change(dana)
    assert ended_after(colleague, **{**shown, **TYPED, "client_id": "evil"})
    assert not OAuthClient.objects.filter(current_version__client_id="evil").exists()


def test_a_handle_of_a_visit_is_none_of_a_form_and_the_other_way_round(dana):
    colleague = sent(dana)
    colleague.post(handle=dana.handle, **TYPED)
    assert ended(colleague.last)
    colleague.begin()
    handle = colleague.page.fields["handle"]
    for path in ("/portal/manage", "/portal/options", "/portal/flow/status", "/oauth/start"):
        form = {"handle": handle, "flow": dana.flow}
        answer = colleague.client.post(path, form, headers={"Origin": settings.BASE_ORIGIN})
        assert answer.status_code == 401, path


@pytest.mark.django_db(transaction=True)
def test_of_five_that_save_at_once_one_does(dana):
    colleague = sent(dana)
    colleague.begin()
    shown = colleague.page.form("/handoff/form").submitted

    def save() -> int:
        form = {**shown, **TYPED}
        headers = {"Origin": settings.BASE_ORIGIN}
        return Client().post("/handoff/form", form, headers=headers).status_code

    assert sorted(threads.at_once(5, save)) == [200] + [404] * 4
    assert OAuthClient.objects.get().versions.count() == 1


def test_a_person_comes_back_days_later(dana):
    colleague = sent(dana)
    days_ago = timezone.now() - timedelta(days=3)
    Flow.objects.update(updated_at=days_ago)
    PortalSession.objects.update(expires_at=days_ago)
    sweeping.sweep()
    back = Visitor(dana.project)
    assert "Waiting for your colleague" in back.open().text
    assert back.flow == dana.flow
    colleague.enter()
    assert "Ready to connect" in back.status().text


def test_old_rows_are_forgotten(dana):
    sent(dana)
    HandOff.objects.update(expires_at=timezone.now() - timedelta(days=31))
    assert sweeping.sweep()["hand_offs"] == 1


@pytest.fixture
def vendor(project) -> Caller:
    """The vendor's backend."""
    return vendor_of(project)


def asked(vendor: Caller, **changed: Any) -> Any:
    """Ask for a link as the vendor."""
    body = {"user": "dana", "integration": "demo-mail", "kind": "handoff", **changed}
    return vendor("POST", "/v1/sessions", body)


def test_the_vendor_asks_for_a_person(vendor):
    answer = asked(vendor)
    assert (answer.status_code, set(answer.json())) == (201, {"url", "expires_at"})
    assert "Thanks" in Colleague(answer.json()["url"]).enter().text
    client = OAuthClient.objects.get()
    assert (client.owner, client.end_user.external_id) == ("end_user", "dana")


def test_the_vendor_asks_for_an_organization(vendor):
    link = asked(vendor, org="globex").json()["url"]
    assert "Everybody in your organization" in Colleague(link).look().text
    Colleague(link).enter()
    client = OAuthClient.objects.get()
    assert (client.owner, client.organization.external_id) == ("organization", "globex")
    assert (client.end_user, client.state) == (None, "ACTIVE")


def test_a_link_ends_with_the_key_that_asked(vendor):
    link = asked(vendor).json()["url"]
    vendor_keys = HandOff.objects.get().project.api_keys
    vendor_keys.update(revoked_at=timezone.now())
    colleague = Colleague(link)
    assert gone(colleague)


def test_a_swapped_secret_is_refused_told_and_shown_to_nobody(project, provider):
    factories.make_integration(project, "gmail")
    secret, google = "of-no-known-form", "123456789-abcdefghij.apps.googleusercontent.com"
    dana = Visitor(project)
    dana.open("gmail")
    link = sent(dana)
    link.begin()
    link.save(client_id=secret, client_secret=google)
    assert link.last.status_code == 422
    assert "in its own field" in link.page.text
    assert link.page.form("/handoff/form").submitted["client_id"] == [""]
    dana.status()
    seen = [
        link.page.html,
        dana.page.html,
        vendor_of(project)("GET", "/v1/clients").content.decode(),
    ]
    assert all(secret not in text for text in seen)
    assert not AuditEvent.objects.filter(data__icontains=secret).exists()
    link.save(client_id=google, client_secret=secret)
    assert "Thanks" in link.page.text


def test_the_colleague_reads_what_looks_odd_when_all_is_saved(project, provider):
    factories.make_integration(project, "gmail")
    dana = Visitor(project)
    dana.open("gmail")
    link = sent(dana)
    link.begin()
    link.save(client_id=" my-app ")
    assert "Thanks" in link.page.text
    assert "We removed spaces around the" in link.page.text
    assert "does not look like a" in link.page.text


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"integration": None}, 422),
        ({"integration": "nothing"}, 404),
        ({"return_url": factories.RETURN_URL}, 422),
        ({"account_type": ["default"]}, 422),
        ({"integration": "demo-desk", "org": "globex"}, 403),
    ],
)
def test_an_order_that_cannot_be_filled_is_refused(vendor, project, changed, status):
    factories.make_integration(project, "demo-desk")
    answer = asked(vendor, **changed)
    assert answer.status_code == status, answer.content
    assert not HandOff.objects.exists()


def test_an_organization_s_client_at_a_host_of_ones_own_takes_an_administrator(vendor, project):
    factories.make_integration(project, "demo-desk")
    answer = asked(vendor, integration="demo-desk", org="globex")
    assert answer.json()["code"] == "org_admin_required"
    assert asked(vendor, integration="demo-desk").status_code == 201


def test_a_hand_off_is_no_way_around_what_is_not_offered(vendor, project):
    project.integrations.update(account_types=["default"])
    assert asked(vendor).json()["code"] == "account_type_not_allowed"


def test_a_link_is_refused_where_there_is_nothing_to_enter(dana):
    dana.enter()
    dana.approve()
    dana.post("/portal/hand-off")
    assert dana.last.status_code in (400, 403)
    assert not HandOff.objects.exists()
    with pytest.raises(Exception, match="flow_closed"):
        handoffs.issue(flow=dana.current_flow())
