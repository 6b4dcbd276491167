"""What other sites and other people's browsers try against a visit."""

from __future__ import annotations

from contextlib import suppress

import pytest
from playwright.sync_api import Error, Frame, Page, expect

from tests.browser.evil import EvilSite, posting_form
from tests.browser.portal import Person

pytestmark = pytest.mark.browser

OWN = "user-configured-oauth"


@pytest.fixture
def evil():
    with EvilSite() as site:
        yield site


@pytest.fixture
def mallory(dana) -> Person:
    """A user of the same vendor, one click before the provider."""
    dana.connect(account_type=OWN)
    dana.enter()
    expect(dana.title).to_have_text("Ready to connect Demo Mail")
    return dana


def start_fields(person: Person) -> dict[str, str]:
    """Read handle and flow out of an open portal, as their owner can."""
    form = person.portal.locator("form[action='/oauth/start']").first
    names = ("handle", "flow")
    return {name: form.locator(f"[name={name}]").input_value() for name in names}


def framed(page: Page) -> Frame:
    """Return the first frame inside a page."""
    handle = page.wait_for_selector("iframe")
    frame = handle.content_frame() if handle else None
    assert frame
    return frame


def refused_by_frame_ancestors(complaints: list[str]) -> bool:
    """Tell whether the browser refused a frame, and take the complaint out."""
    found = [text for text in complaints if "frame-ancestors" in text]
    for text in found:
        complaints.remove(text)
    return bool(found)


@pytest.mark.parametrize("path", ["/portal/", "/oauth/done/0197b1f0-0000-7000-8000-0000000000aa"])
def test_another_site_cannot_frame_a_page(page, evil, stack, complaints, path):
    page.goto(evil.page(f'<iframe src="{stack.base_url}{path}"></iframe>'))
    framed(page).wait_for_url("chrome-error://**")
    assert refused_by_frame_ancestors(complaints)


def test_another_site_cannot_open_a_visit_even_with_a_real_token(
    page, evil, acme, user, stack, complaints
):
    fields = {
        "user_token": acme.signer.user_token(user),
        "integration": "demo-mail",
        "display": "embed",
    }
    form = posting_form(f"{stack.base_url}/embed/{stack.project_id}/open", fields, target="box")
    with page.expect_response("**/embed/*/open") as answered:
        page.goto(evil.page(f'<iframe name="box"></iframe>{form}'))
    assert answered.value.status == 403
    framed(page).wait_for_url("chrome-error://**")
    assert refused_by_frame_ancestors(complaints)


def test_a_framed_host_page_cannot_show_the_portal(
    other_browser, evil, open_host, user, complaints
):
    host, page = open_host(csp=""), other_browser
    page.clock.install()
    page.goto(evil.page(f'<iframe src="{host.origin}/?user={user.key}" width=900></iframe>'))
    host_frame = framed(page)
    host_frame.locator("[data-integration=demo-mail] [data-action=connect]").click()
    framed_portal = host_frame.locator(".cp-frame").element_handle().content_frame()
    with suppress(Error):
        # The refusal may come before, or while this waits.
        framed_portal.wait_for_url("chrome-error://**")
    page.clock.run_for(11_000)
    expect(host_frame.locator(".cp-portal p")).to_contain_text(
        "Connecting does not work at the moment. "
    )
    assert refused_by_frame_ancestors(complaints)
    complaints.clear()


@pytest.mark.parametrize("policy", ["strict-origin", "no-referrer"])
def test_another_site_cannot_start_a_flow_in_the_visitors_browser(
    mallory, other_browser, evil, clean_stack, policy
):
    form = posting_form(f"{clean_stack.base_url}/oauth/start", start_fields(mallory))
    with other_browser.expect_response("**/oauth/start") as answered:
        other_browser.goto(evil.page(form, Referrer_Policy=policy))
    assert answered.value.status == 403
    assert "set-cookie" not in answered.value.all_headers()
    expect(other_browser.locator("h1")).to_have_text("This page may not be opened from there")
    assert clean_stack.provider.requests() == []
    mallory.allow(mallory.go_on())
    mallory.sees_connected()


def test_a_sandboxed_frame_cannot_start_a_flow_either(mallory, other_browser, evil, clean_stack):
    form = posting_form(f"{clean_stack.base_url}/oauth/start", start_fields(mallory), target="_top")
    inner = evil.page(form)
    allowed = "allow-scripts allow-forms allow-top-navigation"
    with other_browser.expect_response("**/oauth/start") as answered:
        other_browser.goto(evil.page(f'<iframe sandbox="{allowed}" src="{inner}"></iframe>'))
    assert answered.value.status == 403
    assert clean_stack.provider.requests() == []


def test_a_link_cannot_start_a_flow(mallory, other_browser, clean_stack):
    fields = start_fields(mallory)
    query = f"handle={fields['handle']}&flow={fields['flow']}"
    answer = other_browser.goto(f"{clean_stack.base_url}/oauth/start?{query}")
    assert answer.status == 405
    expect(other_browser.locator("h1")).to_have_text("This page may not be opened from there")
    assert clean_stack.provider.requests() == []


def test_an_authorization_link_is_worthless_in_another_browser(mallory, other_browser, clean_stack):
    link = mallory.go_on().url
    assert "/demo-mail/oauth/authorize?" in link
    other_browser.goto(link)
    other_browser.locator("#allow").click()
    expect(other_browser.locator("h1")).to_have_text("Demo Mail is not connected")
    expect(other_browser.locator("#failure")).to_contain_text("opened in another browser")
    assert clean_stack.provider.count("token") == 0
    assert mallory.connections(clean_stack) == []
    expect(mallory.portal.locator("#failure")).to_contain_text("opened in another browser")
    mallory.close()
    mallory.hears("session_binding_failed")


def test_the_done_page_of_another_browser_tells_nothing_about_the_person(
    mallory, other_browser, clean_stack
):
    window = mallory.go_on()
    mallory.allow(window)
    mallory.sees_connected()
    flow = mallory.portal.locator("[data-flow]").first.get_attribute("data-flow")
    other_browser.goto(f"{clean_stack.base_url}/oauth/done/{flow}")
    text = other_browser.content()
    assert "alice@example.test" not in text
    assert mallory.user.email not in text
    assert "Dana" not in text


def test_a_used_callback_changes_nothing_when_it_is_opened_again(mallory, clean_stack):
    window = mallory.go_on()
    with mallory.page.context.expect_event(
        "request", lambda request: "/oauth/callback/" in request.url
    ) as sent:
        mallory.allow(window)
    mallory.sees_connected()
    again = mallory.page.context.new_page()
    again.goto(sent.value.url)
    assert "?" not in again.url
    expect(again.locator("h1")).to_have_text("Demo Mail is connected")
    assert clean_stack.provider.count("token") == 1
    assert [each["status"] for each in mallory.connections(clean_stack)] == ["VALID"]


def test_a_script_put_into_a_page_does_not_run_and_is_noticed(mallory, complaints):
    mallory.frame.evaluate(
        """() => { const script = document.createElement("script");
          script.textContent = "window.ran = true"; document.body.append(script); }"""
    )
    assert mallory.frame.evaluate("window.ran") is None
    mallory.frame.evaluate("window.ran")
    assert [text for text in complaints if "script-src" in text]
    complaints.clear()


def test_a_field_that_was_resized_is_no_violation_after_the_next_page(dana):
    dana.connect(account_type=OWN)
    dana.portal.locator("details.scopes summary").click()
    dana.portal.locator("#extra_scopes").evaluate("(field) => { field.style.height = '90px'; }")
    dana.press("Save and continue")
    expect(dana.portal.locator("#errors")).to_be_focused()
