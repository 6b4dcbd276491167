"""Permissions: split, deduplicated, bounded, and never more than one parameter of the request."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.portal.pages.own_client_form import Entry, by_row

pytestmark = pytest.mark.django_db
DEFAULTS = ["openid", "profile", "mail.read"]
BAD = [
    ("row05-control", "a\x07b", "a?b is not a permission: it has a control character"),
    ("row05-separator", "a\x1fb", "a?b is not a permission: it has a control character"),
    ("row06-nul", "a\x00b", "a?b is not a permission: it has a control character"),
    ("row10-umlaut", "mail.übung", "mail.?bung is not a permission: it has the character U+00FC"),
    ("row10-homoglyph", "m\u0430il", "m?il is not a permission: it has the character U+0430"),
    ("row12-rtl-override", "a\u202eb", "a?b is not a permission: it has the character U+202E"),
    ("row13-zero-width", "a\u200bb", "a?b is not a permission: it has the character U+200B"),
    ("row14-markup", '"><img/onerror=alert(1)>', '"><img/onerror=alert(1)> is not a permission'),
    ("row28-101", " ".join(f"s{number}" for number in range(98)), "at most 100 permissions"),
    (
        "row28-4097",
        " ".join(f"{number}{'a' * 509}" for number in range(8)),
        "at most 4096 char",
    ),
    ("row28-513", "a" * 513, "more than 512 characters"),
    ("row30-quote", 'good ba"d', 'ba"d is not a permission: it has a quotation mark'),
    ("row30-backslash", "good ba\\d", "ba\\d is not a permission: it has a quotation mark or back"),
    ("row30-not-ascii", "good b€d", "b?d is not a permission: it has the character U+20AC"),
]
SEPARATED = [
    ("row27-twice", "b a b a"),
    ("row29-comma", "b,a"),
    ("row29-comma-space", "b, a ,"),
    ("row29-newline", "b\r\na\n"),
    ("row29-tab", "\tb\ta"),
    ("row29-nbsp", "b\u00a0a\u00a0"),
    ("row29-mixture", " ,\n b ,,\t\r\n a , \ufeff"),
]
LITERAL = [
    ("row14-markup", "<script>alert(1)</script>"),
    ("row16-braces", "{{7*7}}"),
    ("row16-format", "%(x)s{0.__class__}${7*7}"),
    ("row17-sql", "';DROP/**/TABLE"),
    ("row31-parameter", "&redirect_uri=https://evil.example"),
    ("row31-encoded", "%26state%3Dx"),
    ("row31-fragment", "a#b?c=d"),
]


def requested(form: Entry) -> dict[str, list[str]]:
    """Press Continue and return the authorization request's parameters."""
    return parse_qs(urlsplit(form.visitor.start()).query, strict_parsing=True)


@pytest.mark.parametrize("row", by_row(BAD))
def test_a_bad_permission_is_refused_and_can_be_corrected(provider, row):
    form = Entry()
    for typed, words in by_row(BAD)[row]:
        errors = form.refused(extra_scopes=typed)
        assert list(errors) == ["scopes"], typed
        assert words in errors["scopes"], typed
        shown = typed.replace("\x00", "\ufffd")
        assert form.shown["extra_scopes"] == [" ".join(dict.fromkeys(shown.split(" ")))]
        assert form.shown["client_id"] == ["fake_ok"]
        assert '<details class="scopes" data-scopes open' in form.html
    form.goes_on(extra_scopes="good")
    assert form.visitor.current_flow().scopes == [*DEFAULTS, "good"]


def removed(form: Entry) -> list[str]:
    """Return what is said of permissions; the client id here is like no provider's."""
    return [notice for notice in form.notices() if notice.startswith("You removed ")]


@pytest.mark.parametrize("typed", [row[1] for row in SEPARATED], ids=[row[0] for row in SEPARATED])
def test_any_separator_is_read_and_each_permission_kept_once(provider, typed):
    form = Entry()
    form.goes_on(extra_scopes=typed)
    assert form.visitor.current_flow().scopes == [*DEFAULTS, "b", "a"]
    assert requested(form)["scope"] == [" ".join([*DEFAULTS, "b", "a"])]


def test_row29_permissions_are_sent_with_the_separator_of_the_provider(provider):
    form = Entry("slack")
    form.goes_on(scope=["chat:write"], extra_scopes="one\ntwo", setting_user_scopes="x\ty, x")
    sent = requested(form)
    assert sent["scope"] == ["chat:write,one,two"]
    assert sent["user_scope"] == ["x,y"]


@pytest.mark.parametrize("typed", [row[1] for row in LITERAL], ids=[row[0] for row in LITERAL])
def test_a_legal_permission_is_literal_and_one_parameter(provider, typed):
    form = Entry()
    form.goes_on(extra_scopes=typed)
    assert "<script>alert" not in form.html
    assert form.visitor.current_flow().scopes == [*DEFAULTS, typed]
    sent = requested(form)
    assert sent["scope"] == [" ".join([*DEFAULTS, typed])]
    assert sent["redirect_uri"] == [form.visitor.current_flow().oauth_client.redirect_uri()]
    assert all(len(values) == 1 for values in sent.values())
    assert {"client_id", "redirect_uri", "response_type", "scope", "state"} <= set(sent)


def test_row28_the_bounds_themselves_are_accepted(provider):
    form = Entry()
    form.goes_on(extra_scopes=" ".join(f"s{number}" for number in range(97)))
    assert len(form.visitor.current_flow().scopes) == 100
    form = Entry("salesforce")
    form.goes_on(extra_scopes="a" * 512)


def test_row32_a_required_permission_cannot_be_removed(provider):
    form = Entry(policy={"required_scopes": ["mail.send"]})
    form.goes_on(scope=["openid"])
    assert form.visitor.current_flow().scopes == ["mail.send", "openid"]


def test_row32_an_empty_list_is_refused(provider):
    form = Entry()
    errors = form.refused(scope=[], extra_scopes=" , ")
    assert errors == {"scopes": "Choose at least one permission."}
    form.goes_on(scope=["openid"])


def test_an_offered_permission_only_where_the_vendor_allows_no_others(provider):
    form = Entry(policy={"custom_scopes_allowed": False, "allowed_scopes": ["mail.send"]})
    errors = form.refused(scope=["openid", "contacts.read"], extra_scopes="own.thing")
    assert "contacts.read, own.thing" in errors["scopes"]
    form.goes_on(scope=["openid", "mail.send"], extra_scopes="")


@pytest.mark.parametrize("integration", ["outlook", "salesforce", "jira"])
def test_row33_removing_lasting_access_is_warned_of(provider, integration):
    form = Entry(integration)
    offered = form.shown["scope"]
    name = "refresh_token" if integration == "salesforce" else "offline_access"
    assert name in offered
    form.goes_on(scope=[scope for scope in offered if scope != name])
    [notice] = removed(form)
    assert notice.startswith(f"You removed {name}. ")
    assert "will end after its first hour" in notice
    assert name not in form.visitor.current_flow().scopes


def test_row33_nothing_is_said_while_lasting_access_is_asked_for(provider):
    form = Entry("salesforce")
    form.goes_on()
    assert form.notices() == []
    form = Entry("salesforce")
    form.goes_on(scope=["api", "offline_access"])
    assert form.notices() == []


def test_row33_nothing_is_said_where_the_vendor_left_it_out(provider):
    form = Entry("outlook", policy={"default_scopes": ["User.Read"]})
    form.goes_on()
    assert removed(form) == []


BAD_USER_SCOPES = [
    ("row30-quote", 'good ba"d', 'User token scopes: ba"d is not a permission'),
    ("row10-homoglyph", "se\u0430rch", "User token scopes: se?rch is not a permission"),
    ("row28-101", " ".join(f"s{number}" for number in range(101)), "User token scopes: Enter at"),
    ("row28-2001", " ".join(["a" * 400] * 5), "User token scopes: Enter at most 2000 characters"),
]


@pytest.mark.parametrize(
    ("typed", "words"),
    [row[1:] for row in BAD_USER_SCOPES],
    ids=[row[0] for row in BAD_USER_SCOPES],
)
def test_a_second_list_of_permissions_has_errors_of_its_own(provider, typed, words):
    form = Entry("slack")
    errors = form.refused(setting_user_scopes=typed)
    assert list(errors) == ["setting_user_scopes"]
    assert words in errors["setting_user_scopes"]
    assert form.shown["setting_user_scopes"] == [typed]
    form.goes_on(setting_user_scopes="search:read")
    assert form.stored().settings == {"user_scopes": "search:read"}
