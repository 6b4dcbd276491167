"""Settings that form an address: what leads anywhere else is refused at its field."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.portal.pages.own_client_form import Entry, by_row

pytestmark = pytest.mark.django_db
CHARACTER = "line break or control character"
UNUSABLE = "This is not a Zendesk subdomain we can use. Enter one such as acme."
BAD = [
    ("row01-empty", "", "Enter the Zendesk subdomain."),
    ("row01-spaces", " \u200b ", "Enter the Zendesk subdomain."),
    ("row03-inner-space", "ac me", UNUSABLE),
    ("row06-nul", "ac\x00me", CHARACTER),
    ("row09-501", "a" * 501, UNUSABLE),
    ("row11-full-width", "\uff41\uff42\uff43", "U+FF41"),
    ("row12-rtl-override", "acme\u202ecom", "U+202E"),
    ("row13-zero-width", "ac\u200dme", "U+200D"),
    ("row15-javascript", "javascript:alert(1)", UNUSABLE),
    ("row15-data", "data:text/html,x", UNUSABLE),
    ("row16-braces", "{{7*7}}", UNUSABLE),
    ("row16-own-placeholder", "{subdomain}", UNUSABLE),
    ("row17-sql", "' OR 1=1--", UNUSABLE),
    ("row35-other-host", "https://acme.evil.com/agent", UNUSABLE),
    ("row35-other-suffix", "acme.freshdesk.com", UNUSABLE),
    ("row35-suffix-in-front", "acme.zendesk.com.evil.com", UNUSABLE),
    ("row35-suffix-without-dot", "evilzendesk.com", UNUSABLE),
    ("row35-no-suffix", "https://acme", UNUSABLE),
    ("row35-suffix-alone", ".zendesk.com", UNUSABLE),
    ("row36-fragment", "evil.com#", UNUSABLE),
    ("row36-path", "evil.com/", UNUSABLE),
    ("row36-query", "evil.com?", UNUSABLE),
    ("row36-port", "127.0.0.1:80#", UNUSABLE),
    ("row36-fragment-and-suffix", "evil.com#.zendesk.com", UNUSABLE),
    ("row36-path-and-suffix", "https://evil.com/acme.zendesk.com", UNUSABLE),
    ("row37-user", "a@evil.com", UNUSABLE),
    ("row37-user-and-password", "a:b@c", UNUSABLE),
    ("row37-user-and-suffix", "evil@acme.zendesk.com", UNUSABLE),
    ("row37-suffix-as-user", "acme.zendesk.com@evil.com", UNUSABLE),
    ("row38-backslash", "a\\@evil.com", UNUSABLE),
    ("row38-backslash-and-suffix", "evil.com\\.zendesk.com", UNUSABLE),
    ("row38-backslash-in-path", "https://acme.zendesk.com/\\evil.com", UNUSABLE),
    ("row38-encoded-slash", "a%2f..", UNUSABLE),
    ("row38-encoded-dots", "%2e%2e", UNUSABLE),
    ("row39-two-dots", "..", UNUSABLE),
    ("row39-dot", ".", UNUSABLE),
    ("row39-empty-middle", "a..b", UNUSABLE),
    ("row39-two-labels", "a.b", UNUSABLE),
    ("row39-trailing-dot", "acme.", UNUSABLE),
    ("row39-address-trailing-dot", "acme.zendesk.com.", UNUSABLE),
    ("row39-address-two-labels", "a.b.zendesk.com", UNUSABLE),
    ("row40-hyphen-first", "-a", UNUSABLE),
    ("row40-hyphen-last", "a-", UNUSABLE),
    ("row40-underscore", "a_b", UNUSABLE),
    ("row40-64", "a" * 64, UNUSABLE),
    ("row41-punycode", "xn--80ak6aa92e", UNUSABLE),
    ("row41-punycode-address", "https://XN--80ak6aa92e.zendesk.com", UNUSABLE),
    ("row41-cyrillic", "\u0430\u0440\u0440\u04cf\u0435", "U+0430"),
    ("row41-circled", "\u24d4vil", "U+24D4"),
    ("row41-ideographic-dot", "a\u3002com", "U+3002"),
    ("row42-newline-inside", "ac\nme", CHARACTER),
    ("row42-tab-inside", "ac\tme", CHARACTER),
    ("row42-tab-in-address", "https://ac\tme.zendesk.com", CHARACTER),
    ("row43-www", "www", "www is not an account's own Zendesk subdomain. Enter yours."),
    ("row43-support", "Support", "support is not an account's own Zendesk subdomain."),
    ("row43-www-address", "https://www.zendesk.com/login", "www is not an account's own"),
    ("row43-localhost", "localhost:8000", UNUSABLE),
    ("row44-http", "http://acme.zendesk.com", UNUSABLE),
    ("row46-port", "acme.zendesk.com:8443", UNUSABLE),
    ("row46-bad-port", "acme.zendesk.com:99999", UNUSABLE),
    ("row47-bracket", "https://[::1", UNUSABLE),
]
READ = [
    ("row02-spaces", "  acme\n", "acme"),
    ("row34-upper-case", "Acme", "acme"),
    ("row35-host", "acme.zendesk.com", "acme"),
    ("row35-address", "https://acme.zendesk.com/agent/filters?x=1#y", "acme"),
    ("row35-upper-case-address", " HTTPS://ACME.ZENDESK.COM/ ", "acme"),
    ("row42-trailing-newline", "acme\r\n", "acme"),
]
UNCHANGED = [("row40-63", "a" * 63), ("row40-digits", "7"), ("row40-hyphens", "a-1--b")]
DOMAINS = [
    ("acme.my.salesforce.com", "acme.my.salesforce.com"),
    ("https://Acme.my.salesforce.com/lightning", "acme.my.salesforce.com"),
    ("https://test.salesforce.com", "test.salesforce.com"),
]
BAD_DOMAINS = [
    "https://evil.com/",
    "https://acme.my.salesforce.com.evil.com",
    "https://acme.my.salesforce.com@evil.com",
    "https://evil.com#acme.my.salesforce.com",
    "https://evil.com\\acme.my.salesforce.com",
    "http://acme.my.salesforce.com",
    "acme.lightning.force.com",
    "xn--80ak6aa92e.my.salesforce.com",
]


def ids(rows):
    return [row[0] for row in rows]


@pytest.mark.parametrize("row", by_row(BAD))
def test_a_bad_subdomain_is_refused_and_can_be_corrected(provider, row):
    form = Entry("zendesk")
    for typed, words in by_row(BAD)[row]:
        errors = form.refused(setting_subdomain=typed)
        assert list(errors) == ["setting_subdomain"], typed
        assert words in errors["setting_subdomain"], typed
        assert "Zendesk subdomain" in errors["setting_subdomain"]
        assert form.shown["setting_subdomain"] == [typed.replace("\x00", "\ufffd")]
        assert form.shown["client_id"] == ["fake_ok"]
        assert '<p class="remark">' not in form.html
    form.goes_on(setting_subdomain="acme")
    assert form.stored().settings == {"subdomain": "acme"}
    assert "/zendesk/acme/oauth/" in form.visitor.start()


@pytest.mark.parametrize(("typed", "stored"), [row[1:] for row in READ], ids=ids(READ))
def test_a_pasted_address_is_read_and_said(provider, typed, stored):
    form = Entry("zendesk")
    form.goes_on(setting_subdomain=typed)
    assert form.stored().settings == {"subdomain": stored}
    assert form.notices() == ["We read the Zendesk subdomain as acme."]


@pytest.mark.parametrize(("typed", "stored"), [row[1:] for row in READ], ids=ids(READ))
def test_what_was_read_is_said_beside_its_field_while_others_are_wrong(provider, typed, stored):
    form = Entry("zendesk")
    assert list(form.refused(setting_subdomain=typed, client_id="")) == ["client_id"]
    assert form.shown["setting_subdomain"] == [stored]
    assert '<p class="remark">We read the Zendesk subdomain as acme.</p>' in form.html


@pytest.mark.parametrize("typed", [row[1] for row in UNCHANGED], ids=ids(UNCHANGED))
def test_a_good_subdomain_stays_as_it_is(provider, typed):
    form = Entry("zendesk")
    form.goes_on(setting_subdomain=typed)
    assert form.stored().settings == {"subdomain": typed}
    assert form.notices() == []


@pytest.mark.parametrize(("typed", "stored"), DOMAINS)
def test_a_whole_domain_is_read_from_its_address(provider, typed, stored):
    form = Entry("salesforce")
    form.goes_on(setting_domain=typed)
    assert form.stored().settings == {"domain": stored}


@pytest.mark.parametrize("typed", BAD_DOMAINS)
def test_a_domain_of_somebody_else_is_refused(provider, typed):
    form = Entry("salesforce")
    errors = form.refused(setting_domain=typed)
    assert list(errors) == ["setting_domain"]
    assert "This is not a Salesforce domain we can use." in errors["setting_domain"]
    form.goes_on(setting_domain="login.salesforce.com")
    host = urlsplit(form.visitor.start()).netloc
    assert host == urlsplit(provider.url).netloc


def test_an_optional_setting_may_stay_empty(provider):
    form = Entry("jira")
    assert list(form.refused(setting_site="a b")) == ["setting_site"]
    form.goes_on(setting_site="  ")
    assert form.stored().settings == {"site": ""}
