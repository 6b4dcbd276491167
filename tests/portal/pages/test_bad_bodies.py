"""Bodies no browser sends: refused as a whole, or read as what they are. Never a failure."""

from __future__ import annotations

from urllib.parse import quote_from_bytes, urlencode

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from integrations.models import ClientVersion
from tests.portal.pages.own_client_form import APP, SECRET, Entry

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"
MEGABYTE = 1_000_000


def send(form: Entry, body: bytes | str, content_type: str = FORM) -> int:
    """Post bytes as they are from a page of ours and take over what it shows."""
    # Not `post`, which would encode the body anew by the charset it is said to have.
    answer = form.visitor.client.generic(
        "POST", "/portal/options", body, content_type, headers={"Origin": settings.BASE_ORIGIN}
    )
    form.visitor._page(answer)
    return int(answer.status_code)


def encoded(form: Entry, **raw: bytes) -> str:
    """Return the form as a browser encodes it, with raw bytes in some fields."""
    fields = {"handle": form.visitor.handle, "flow": form.visitor.flow, "scope": "openid", **APP}
    plain = urlencode({name: value for name, value in fields.items() if name not in raw})
    return "&".join([plain, *(f"{name}={quote_from_bytes(raw[name])}" for name in raw)])


def multipart(form: Entry, client_id: bytes) -> bytes:
    """Return the form as multipart/form-data with the boundary "edge"."""
    fields = {"handle": form.visitor.handle, "flow": form.visitor.flow, **APP}
    values = {name: value.encode() for name, value in fields.items()} | {"client_id": client_id}
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value
        for name, value in values.items()
    ]
    return b"\r\n".join([*parts, b"--edge--\r\n"])


def assert_refused_whole(form: Entry, status: int) -> None:
    assert status in (400, 413)
    assert "We could not read this request" in form.visitor.page.text
    assert "Go back and try again." in form.visitor.page.text
    assert SECRET not in form.html
    assert not ClientVersion.objects.exists()


@pytest.mark.parametrize("name", ["client_id", "client_secret", "extra_scopes"])
def test_row09_a_megabyte_is_refused_unread(provider, name):
    form = Entry()
    assert_refused_whole(form, send(form, encoded(form, **{name: b"a" * MEGABYTE})))


def test_row09_a_megabyte_of_multipart_is_refused_unread(provider):
    form = Entry()
    body = multipart(form, b"a" * MEGABYTE)
    assert_refused_whole(form, send(form, body, "multipart/form-data; boundary=edge"))


@pytest.mark.parametrize("name", ["client_id", "client_secret", "setting_subdomain"])
@pytest.mark.parametrize(
    "raw",
    [
        b"a\x00b",
        b"a\xed\xa0\x80b",
        b"\xff\xfe",
        b"\xf5\x80\x80\x80",
        b"a\xc0\x80b",
        b"\xe2\x80\xae",
    ],
    ids=["row06-nul", "row07-surrogate", "not-utf8", "too-high", "overlong-nul", "row12-rtl"],
)
def test_odd_bytes_are_refused_at_their_field(provider, name, raw):
    form = Entry("zendesk")
    raws = {"setting_subdomain": b"acme", name: raw}
    assert send(form, encoded(form, **raws)) == 422
    assert list(form.errors()) == [name]
    assert not ClientVersion.objects.exists()
    form.goes_on()


def test_row06_a_percent_sign_of_its_own_is_text(provider):
    form = Entry()
    assert send(form, encoded(form, client_id=b"a%00b")) == 200
    assert form.stored().client_id == "a%00b"


def test_row07_a_surrogate_by_utf7_is_never_stored(provider):
    form = Entry()
    content_type = "multipart/form-data; boundary=edge; charset=utf-7"
    assert send(form, multipart(form, b"a+2AA-b"), content_type) in (400, 415, 422)
    assert "\ud800" not in str(form.visitor.current_flow().draft)
    assert not ClientVersion.objects.exists()


@pytest.mark.parametrize("charset", ["utf-16", "utf-7", "latin-1"])
def test_row53_another_charset_is_refused(provider, charset):
    form = Entry()
    status = send(form, encoded(form), f"{FORM}; charset={charset}")
    assert_refused_whole(form, status)


def test_row53_an_unknown_charset_is_read_as_utf8(provider):
    form = Entry()
    assert send(form, encoded(form), f"{FORM}; charset=no-such-charset") == 200
    assert form.stored().client_id == APP["client_id"]


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "", "multipart/x"])
def test_row53_another_type_is_no_form(provider, content_type):
    form = Entry()
    assert send(form, encoded(form), content_type) in (400, 401)
    assert not ClientVersion.objects.exists()


def test_row51_a_redirect_url_is_never_read(provider):
    form = Entry()
    ours = form.visitor.current_flow().oauth_client.redirect_uri()
    evil = "https://evil.example/callback"
    form.goes_on(redirect_uri=evil, slot="aaaa", redirect_url=evil, return_url=evil)
    assert form.visitor.current_flow().oauth_client.redirect_uri() == ours
    url = form.visitor.start()
    assert "evil.example" not in url
    assert urlencode({"redirect_uri": ours}) in url


@pytest.mark.parametrize("name", ["client_id", "client_secret", "extra_scopes", "other"])
def test_row52_a_file_is_refused(provider, name):
    form = Entry()
    upload = SimpleUploadedFile("id.txt", b"my-app", content_type="text/plain")
    assert_refused_whole(form, form.send(**{name: upload}))


def test_row52_names_of_a_language_are_only_names(provider):
    form = Entry()
    odd = {"__proto__": "x", "constructor": "x", "__class__": "x", "setting___class__": "x"}
    form.goes_on(**odd, setting_unknown="x")
    assert form.stored().settings == {}
    assert form.visitor.current_flow().draft["settings"] == {}


@pytest.mark.parametrize("field", ["f{}=x", "scope=s{}"], ids=["names", "values"])
def test_row52_ten_thousand_fields_are_refused(provider, field):
    form = Entry()
    more = "&".join(field.format(number) for number in range(10_000))
    assert len(more) > 0
    assert_refused_whole(form, send(form, f"{encoded(form)}&{more}"))


def test_a_field_that_is_missing_is_a_field_that_is_empty(provider):
    form = Entry("zendesk")
    assert send(form, urlencode({"handle": form.visitor.handle, "flow": form.visitor.flow})) == 422
    fields = ["setting_subdomain", "client_id", "client_secret", "scopes"]
    assert list(form.errors()) == fields
    form.goes_on(scope=["read"])
