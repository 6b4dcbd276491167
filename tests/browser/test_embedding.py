"""Providers and host pages that cut windows apart: the result arrives all the same, by polling."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.portal import Person

pytestmark = pytest.mark.browser

OWN = "user-configured-oauth"
POLICIES = ("same-origin", "same-origin-allow-popups")


def connects_within_ten_seconds(person: Person) -> Person:
    """Go from the host page to the connected screen; return the person."""
    person.arrive()
    person.connect(account_type=OWN)
    person.enter()
    window = person.go_on()
    person.allow(window)
    person.sees_connected()
    person.hears("onIntegrationInstall")
    return person


@pytest.mark.parametrize("policy", POLICIES)
def test_a_provider_that_cuts_the_opener_does_not_lose_the_result(
    page, acme, user, clean_stack, policy
):
    clean_stack.provider.configure(coop=policy)
    person = Person(page, acme, user)
    person.arrive()
    person.connect(account_type=OWN)
    person.enter()
    window = person.go_on()
    person.allow(window)
    expect(window.locator("h1")).to_have_text("Demo Mail is connected")
    assert window.evaluate("window.opener") is None
    person.sees_connected()
    person.hears("onIntegrationInstall")


@pytest.mark.parametrize("policy", POLICIES)
def test_a_host_page_that_isolates_itself_still_gets_the_result(page, open_host, user, policy):
    connects_within_ten_seconds(Person(page, open_host(coop=policy), user))


def test_host_and_provider_may_both_isolate_themselves(page, open_host, user, clean_stack):
    clean_stack.provider.configure(coop="same-origin")
    connects_within_ten_seconds(Person(page, open_host(coop="same-origin"), user))


@pytest.mark.parametrize("policy", ["no-referrer", "same-origin"])
def test_a_host_page_may_have_any_referrer_policy(page, open_host, user, policy):
    connects_within_ten_seconds(Person(page, open_host(referrer_policy=policy), user))


def test_a_company_sign_in_on_another_host_is_no_obstacle(page, acme, user, clean_stack):
    second_host = clean_stack.provider.url.replace("127.0.0.1", "sso.localhost")
    clean_stack.provider.configure(sso_hop=second_host)
    visited: list[str] = []
    page.context.on("request", lambda request: visited.append(request.url))
    connects_within_ten_seconds(Person(page, acme, user))
    assert [url for url in visited if url.startswith(f"{second_host}/demo-mail/sso")]


def test_the_provider_learns_nothing_of_the_page_that_sent_the_person(
    page, acme, user, clean_stack
):
    connects_within_ten_seconds(Person(page, acme, user))
    (asked,) = clean_stack.provider.requests("authorization")
    assert "referer" not in asked.headers


def test_the_dialog_is_wide_for_the_guide_beside_the_form_and_narrow_else(page, acme, user):
    person = Person(page, acme, user)
    page.set_viewport_size({"width": 1280, "height": 900})
    person.arrive()
    person.connect()
    width = "document.querySelector('dialog').offsetWidth"
    assert page.evaluate(width) < 600
    person.choose_own_app()
    page.wait_for_function(f"() => {width} > 800", timeout=3_000)
    guide, form = person.portal.locator(".columns > *").all()
    assert guide.bounding_box()["x"] < form.bounding_box()["x"]
    person.enter()
    expect(person.title).to_have_text("Ready to connect Demo Mail")
    page.wait_for_function(f"() => {width} < 600", timeout=3_000)


def test_the_window_closes_by_itself(page, acme, user):
    person = Person(page, acme, user)
    person.arrive()
    person.connect(account_type=OWN)
    person.enter()
    window = person.go_on()
    with window.expect_event("close", timeout=8_000):
        person.allow(window)
    person.sees_connected()


def test_the_start_page_is_an_answer_not_a_redirect_and_loads_no_script(page, acme, user):
    person = Person(page, acme, user)
    answers = []
    page.context.on("response", lambda response: answers.append(response))
    connects_within_ten_seconds(person)
    (start,) = [each for each in answers if each.url.endswith("/oauth/start")]
    assert start.status == 200
    assert start.headers["cross-origin-opener-policy"] == "unsafe-none"
    assert "script-src 'none'" in start.headers["content-security-policy"]
    callback = next(each for each in answers if "/oauth/callback/" in each.url)
    assert callback.status == 303
    assert "?" not in callback.headers["location"]
