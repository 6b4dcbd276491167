"""What may look odd and is right: kept byte for byte, and every tidying is said."""

from __future__ import annotations

import base64
from html import escape
from urllib.parse import parse_qs, unquote_plus, urlsplit

import pytest

from integrations.models import Connection
from tests.portal.pages.own_client_form import SECRET, Entry

pytestmark = pytest.mark.django_db
EDGES = [
    ("row02-spaces", "  abc\n"),
    ("row02-carriage-return", "abc\r\n"),
    ("row02-nbsp", "\u00a0abc\u00a0"),
    ("row02-bom", "\ufeffabc"),
    ("row02-zero-width", "\u200babc\u200d\u2060"),
]
LITERAL_IDS = [
    ("row08-512", "a" * 512),
    ("row14-markup", "<script>alert(1)</script>"),
    ("row14-attribute", 'a"><img/src=x/onerror=alert(1)>'),
    ("row16-braces", "{{7*7}}"),
    ("row16-dollar", "${7*7}"),
    ("row16-tag", "{%debug%}"),
    ("row16-format", "{0.__class__}"),
    ("row16-percent", "%(x)s"),
    ("row16-printf", "%s%n"),
    ("row17-sql", "x'OR'1'='1--"),
    ("row18-formula", "=HYPERLINK(1)"),
    ("row18-plus", "+1"),
    ("row18-at", "@x"),
    ("row31-parameter", "a&state=b#c"),
]
SECRETS = [
    ("row08-4096", "s" * 4096),
    ("row17-sql", "' OR 1=1--"),
    ("row21-percent", "a%2Bb%"),
    ("row21-plus", "a+b+"),
    ("row21-ampersand", "a&client_secret=b"),
    ("row21-equals", "=a=="),
    ("row21-colon", "a:b:"),
    ("row21-slash-hash", "/a#b?c"),
    ("row21-all", "%+&=:/#\"'\\<>{}|^`~ ,;@!$*()[]?."),
    ("row03-inner-space", "two  words"),
    ("row16-template", "{{7*7}}%(x)s{0.__class__}"),
]


@pytest.mark.parametrize("typed", [row[1] for row in EDGES], ids=[row[0] for row in EDGES])
def test_edges_are_removed_and_said(provider, typed):
    form = Entry()
    form.goes_on(client_id=typed, client_secret=typed.replace("abc", SECRET))
    assert form.stored().client_id == "abc"
    assert form.stored().open_required("client_secret").reveal() == SECRET
    labels = ("App ID", "App secret")
    assert form.notices() == [f"We removed spaces around the {label}." for label in labels]


def test_nothing_is_said_when_nothing_was_changed(provider):
    form = Entry()
    form.goes_on()
    assert form.notices() == []


@pytest.mark.parametrize(
    "typed", [row[1] for row in LITERAL_IDS], ids=[row[0] for row in LITERAL_IDS]
)
def test_a_legal_client_id_is_literal(provider, typed):
    form = Entry()
    form.goes_on(client_id=typed)
    assert form.stored().client_id == typed
    assert f"<code>{escape(typed)}</code>" in form.html
    sent = parse_qs(urlsplit(form.visitor.start()).query, strict_parsing=True)
    assert sent["client_id"] == [typed]
    assert all(len(values) == 1 for values in sent.values())


@pytest.mark.parametrize("integration", ["demo-mail", "demo-desk"], ids=["basic", "post"])
@pytest.mark.parametrize("secret", [row[1] for row in SECRETS], ids=[row[0] for row in SECRETS])
def test_a_secret_arrives_byte_for_byte(provider, integration, secret):
    form = Entry(integration)
    slot = form.visitor.current_flow().oauth_client
    home = {"subdomain": "acme"} if integration == "demo-desk" else {}
    provider.register_client(
        integration,
        redirect_uris=[slot.redirect_uri()],
        client_id="app%+&=:/#1",
        client_secret=secret,
        settings=home,
    )
    form.goes_on(client_id="app%+&=:/#1", client_secret=secret)
    form.visitor.approve()
    assert Connection.objects.get().status == Connection.Status.VALID
    [request] = provider.requests("token", profile=integration)
    assert sent_credentials(request) == ("app%+&=:/#1", secret)


def sent_credentials(request):
    basic = request.headers.get("authorization", "").removeprefix("Basic ")
    if not basic:
        return request.param("client_id"), request.param("client_secret")
    assert "client_secret" not in request.body
    client_id, _, secret = base64.b64decode(basic).decode("ascii").partition(":")
    return unquote_plus(client_id), unquote_plus(secret)


def test_no_step_of_a_guide_begins_with_the_full_stop_of_the_one_before(provider):
    form = Entry("slack")
    assert "If you fill in user token scopes" in form.visitor.page.text
    assert ". If you fill in user token scopes" not in form.visitor.page.text
