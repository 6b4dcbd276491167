"""Client ids and secrets that cannot be used: said at their field, and nothing else is lost."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import pytest

from integrations.models import AuditEvent, ClientVersion, Flow
from tests.portal.pages.own_client_form import SECRET, Entry, by_row

pytestmark = pytest.mark.django_db
GOOGLE_ID = "123456789-abcdefghij.apps.googleusercontent.com"
GOOGLE_FILE = json.dumps(
    {
        "web": {
            "client_id": "1234567890-abc.apps.googleusercontent.com",
            "project_id": "a-project",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": "https://oauth2.googleapis.com/token",
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_secret": "the-secret-in-the-file",
            "redirect_uris": ["https://connect.example.com/oauth/callback/x" * 6],
        }
    }
)
EVERYWHERE = [
    ("row04-line-break", "a\r\nX-Evil: 1", "line break"),
    ("row04-newline", "a\nb", "line break"),
    ("row05-tab", "a\tb", "control character"),
    ("row05-bell", "a\x07b", "control character"),
    ("row05-escape", "\x1b[31mred", "control character"),
    ("row05-delete", "a\x7fb", "control character"),
    ("row05-c1", "a\x85b", "control character"),
    ("row06-nul", "a\x00b", "control character"),
    ("row10-emoji", "app-\U0001f600", "U+1F600"),
    ("row10-umlaut", "app-ü", "U+00FC"),
    ("row10-homoglyph", "\u0430pp", "U+0430"),
    ("row11-full-width", "\uff41\uff42\uff43", "U+FF41"),
    ("row12-rtl-override", "app\u202egnp", "U+202E"),
    ("row12-isolate", "app\u2066x\u2069", "U+2066"),
    ("row12-arabic-mark", "app\u061cx", "U+061C"),
    ("row13-zero-width", "ap\u200bp", "U+200B"),
    ("row13-joiner", "ap\u2060p", "U+2060"),
    ("row13-bom", "ap\ufeffp", "U+FEFF"),
    ("row13-soft-hyphen", "ap\u00adp", "U+00AD"),
    ("row13-line-separator", "ap\u2028p", "U+2028"),
]
BAD_IDS = [
    ("row01-empty", "", "Enter the App ID"),
    ("row01-spaces", "   ", "Enter the App ID"),
    ("row01-invisible", "\u00a0\ufeff\u200b", "Enter the App ID"),
    ("row03-inner-space", "ab cd", "space inside"),
    ("row08-513", "a" * 513, "at most 512 characters"),
    ("row08-4200", "a" * 4200, "at most 512 characters"),
    ("row16-template-tag", "{% debug %}", "space inside"),
    ("row22-json", GOOGLE_FILE, "not the whole JSON"),
    ("row22-json-lines", '{\n  "installed": {}\n}', "not the whole JSON"),
    ("row22-json-piece", '"client_id":"abc"', "not the whole JSON"),
    ("row23-quotes", '"abc"', "quotation marks"),
    ("row23-curly-quotes", "\u201cabc\u201d", "quotation marks"),
    ("row23-one-quote", "abc'", "quotation marks"),
    *EVERYWHERE,
]
BAD_SECRETS = [
    ("row01-empty", "", "Enter the App secret"),
    ("row01-spaces", "  \t ", "Enter the App secret"),
    ("row08-4097", "s" * 4097, "at most 4096 characters"),
    ("row19-bullets", "••••••••", "only a mask"),
    ("row19-asterisks", "********", "only a mask"),
    ("row19-circles", "●●●●●●", "only a mask"),
    ("row19-last-four", "••••••••4f2a", "only a mask"),
    ("row19-stars-last-four", "****4f2a", "only a mask"),
    ("row22-json", GOOGLE_FILE, "not the whole JSON"),
    *EVERYWHERE,
]


@pytest.mark.parametrize("row", by_row(BAD_IDS))
def test_a_bad_client_id_is_refused_and_can_be_corrected(provider, row):
    form = Entry()
    for typed, words in by_row(BAD_IDS)[row]:
        errors = form.refused(client_id=typed, extra_scopes="files.read")
        assert list(errors) == ["client_id"], typed
        assert words in errors["client_id"], typed
        assert "App ID" in errors["client_id"]
        assert form.shown["client_id"] == [typed.replace("\x00", "\ufffd")]
        assert form.shown["extra_scopes"] == ["files.read"]
        assert "X-Evil" not in form.visitor.last.headers
    form.goes_on(client_id="fake_ok")
    assert ClientVersion.objects.count() == 1


@pytest.mark.parametrize("row", by_row(BAD_SECRETS))
def test_a_bad_secret_is_refused_and_never_shown(provider, row):
    form = Entry()
    for typed, words in by_row(BAD_SECRETS)[row]:
        errors = form.refused(client_secret=typed, client_id="my-app", extra_scopes="files.read")
        assert list(errors) == ["client_secret"], typed
        assert words in errors["client_secret"], typed
        assert "App secret" in errors["client_secret"]
        assert form.shown["client_secret"] == [""]
        kept = (form.shown["client_id"], form.shown["extra_scopes"])
        assert kept == (["my-app"], ["files.read"])
    form.goes_on(client_id="my-app")
    assert form.stored().open_required("client_secret").reveal() == SECRET


@pytest.mark.parametrize(
    ("integration", "client_id", "client_secret"),
    [
        ("gmail", "of-no-known-form", GOOGLE_ID),
        ("gmail", "GOCSPX-canary", GOOGLE_ID),
        ("demo-mail", "same-twice", "same-twice"),
        ("demo-mail", "GOCSPX-canary", ""),
        ("demo-mail", '"GOCSPX-canary"', "another"),
    ],
    ids=["swapped", "swapped-prefix", "equal", "alone", "quoted"],
)
def test_row20_a_secret_as_client_id_is_kept_nowhere(
    provider, integration, client_id, client_secret
):
    form = Entry(integration)
    typed = {"client_id": client_id, "client_secret": client_secret}
    errors = form.refused(**typed, extra_scopes="files.read")
    assert "in its own field" in errors["client_id"]
    assert (form.shown["client_id"], form.shown["extra_scopes"]) == ([""], ["files.read"])
    assert_nowhere(form, client_id.strip('"'))


@pytest.mark.parametrize("path", ["aside", "scopes"])
def test_row20_no_other_button_keeps_a_secret_as_client_id(provider, path):
    form = Entry()
    typed = {"client_id": "same-twice", "client_secret": "same-twice"}
    if path == "scopes":
        assert set(form.refused(**typed, extra_scopes='bad"one')) == {"client_id", "scopes"}
    else:
        form.visitor.post("/portal/aside", **typed, act="default_scopes")
        assert form.visitor.last.status_code == 200
    assert form.shown["client_id"] == [""]
    assert_nowhere(form, "same-twice")


def test_row20_the_saved_secret_as_client_id_is_kept_nowhere(provider):
    form = Entry()
    form.goes_on()
    form.visitor.post("/portal/options", client_id=SECRET, client_secret="")
    assert form.visitor.last.status_code == 422
    assert "in its own field" in form.errors()["client_id"]
    assert form.stored().client_id == "fake_ok"
    assert_nowhere(form, SECRET)


def assert_nowhere(form, text):
    assert text not in unescape(form.html)
    assert not Flow.objects.filter(draft__icontains=text).exists()
    assert not ClientVersion.objects.filter(client_id__icontains=text).exists()
    assert not AuditEvent.objects.filter(data__icontains=text).exists()


@pytest.mark.parametrize("typed", ["a" * 4201, "a" * 60_000], ids=["row09-4201", "row09-60kB"])
def test_row09_a_huge_client_id_is_refused_and_cut(provider, typed):
    form = Entry()
    assert list(form.refused(client_id=typed)) == ["client_id"]
    assert form.shown["client_id"] == ["a" * 4200]
    form.goes_on()


def test_every_field_at_fault_is_named_in_the_order_of_the_page(provider):
    form = Entry("zendesk")
    bad: dict[str, Any] = {
        "client_id": '"quoted"',
        "client_secret": "••••",
        "setting_subdomain": "evil.com/",
        "extra_scopes": 'bad"scope',
    }
    fields = ["setting_subdomain", "client_id", "client_secret", "scopes"]
    assert list(form.refused(**bad)) == fields
    assert form.html.index('id="errors"') < form.html.index('id="options-form"')
    places = [form.html.index(f'id="{name}_error"') for name in fields]
    assert places == sorted(places)
    assert list(form.refused(**{**bad, "client_secret": ""})) == fields
    corrected = {**bad, "setting_subdomain": "acme", "client_secret": SECRET}
    assert list(form.refused(**corrected)) == ["client_id", "scopes"]
    form.goes_on(extra_scopes="")


def test_a_missing_secret_is_named_together_with_the_rest(provider):
    form = Entry()
    errors = form.refused(client_id="", client_secret="", extra_scopes="a\\b")
    assert list(errors) == ["client_id", "client_secret", "scopes"]


def test_a_bad_permission_stores_no_client(provider):
    form = Entry()
    form.refused(extra_scopes='bad"scope')
    slot = form.visitor.current_flow().oauth_client
    assert (slot.state, slot.current_version) == ("DRAFT", None)


def test_row12_a_new_client_id_needs_the_secret_again(provider):
    form = Entry()
    form.goes_on()
    form.visitor.post("/portal/step", to="options")
    errors = form.refused(client_id="other_app", client_secret="", extra_scopes='x"y')
    assert list(errors) == ["client_secret", "scopes"]
    assert "again" in errors["client_secret"]
    assert form.shown["client_id"] == ["other_app"]
    assert form.stored().client_id == "fake_ok"
    form.goes_on(client_id="other_app", extra_scopes="")


def test_row12_a_new_host_needs_the_secret_again(provider):
    form = Entry("zendesk")
    form.goes_on()
    form.visitor.post("/portal/step", to="options")
    errors = form.refused(setting_subdomain="evil", client_secret="")
    assert list(errors) == ["client_secret"]
    assert form.stored().settings == {"subdomain": "acme"}


def test_an_untouched_form_keeps_the_saved_secret(provider):
    form = Entry("zendesk")
    form.goes_on()
    form.visitor.post("/portal/step", to="options")
    form.goes_on(client_secret="")
    assert ClientVersion.objects.count() == 1


def test_a_field_at_fault_does_not_ask_for_the_saved_secret(provider):
    form = Entry("zendesk")
    form.goes_on()
    form.visitor.post("/portal/step", to="options")
    errors = form.refused(setting_subdomain="a b", client_id="x y", client_secret="")
    assert list(errors) == ["setting_subdomain", "client_id"]
    form.goes_on(client_secret="")
