"""The vendor's own client, typed badly: the same rules as on the portal's form."""

from __future__ import annotations

from html import escape, unescape
from typing import Any

import pytest
from django.test import Client

from integrations import clients
from integrations.models import AuditEvent, ClientVersion, Integration
from tests.integrations.admin.pages import integration_form, url

pytestmark = pytest.mark.django_db
SECRET = "canary-secret-%+&=:/#-5e2f"
BAD = [
    ("row03-inner-space", "client_id", "ab cd", "space inside"),
    ("row04-line-break", "client_id", "a\r\nX-Evil: 1", "line break"),
    ("row05-tab", "client_secret", "canary\tvalue", "control character"),
    ("row06-nul", "client_id", "a\x00b", "Null characters are not allowed"),
    ("row08-513", "client_id", "a" * 513, "at most 512 characters"),
    ("row10-homoglyph", "client_secret", "c\u0430nary-value", "U+0430"),
    ("row11-full-width", "client_id", "\uff41\uff42", "U+FF41"),
    ("row12-rtl-override", "client_id", "app\u202egnp", "U+202E"),
    ("row13-zero-width", "client_secret", "canary\u200bvalue", "U+200B"),
    ("row19-last-four", "client_secret", "••••••••4f2a", "only a mask"),
    ("row35-other-host", "setting_subdomain", "https://acme.evil.com", "we can use"),
    ("row36-fragment", "setting_subdomain", "evil.com#", "we can use"),
    ("row37-user", "setting_subdomain", "a@evil.com", "we can use"),
    ("row38-backslash", "setting_subdomain", "a\\@evil.com", "we can use"),
    ("row39-two-labels", "setting_subdomain", "a.b", "we can use"),
    ("row40-64", "setting_subdomain", "a" * 64, "we can use"),
    ("row41-punycode", "setting_subdomain", "xn--80ak6aa92e", "we can use"),
    ("row42-tab", "setting_subdomain", "ac\tme", "control character"),
]


def entered(**changed: Any) -> dict[str, Any]:
    return {"client_id": "id-1", "client_secret": SECRET, "setting_subdomain": "acme", **changed}


def save(client: Client, integration: Integration, **changed: Any) -> Any:
    form = integration_form(integration, **entered(**changed))
    return client.post(url("integration_change", integration.pk), form, follow=True)


@pytest.mark.parametrize(
    ("field", "typed", "words"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
def test_a_bad_value_is_refused_at_its_field_and_nothing_is_stored(
    admin_client: Client, zendesk: Integration, field: str, typed: str, words: str
) -> None:
    page = save(admin_client, zendesk, **{field: typed})
    html = page.content.decode()
    assert page.redirect_chain == []
    assert f"errors field-{field}" in html
    assert html.count('class="form-row errors ') == 1
    assert words in unescape(html)
    assert entered(**{field: typed})["client_secret"] not in unescape(html)
    if field != "client_secret":
        assert f'value="{escape(typed)}"' in html
    assert not ClientVersion.objects.exists()
    assert save(admin_client, zendesk).redirect_chain
    assert ClientVersion.objects.get().settings == {"subdomain": "acme"}


@pytest.mark.parametrize(
    ("changed", "stored", "said"),
    [
        ({"client_id": "<script>alert(1)</script>"}, "<script>alert(1)</script>", ""),
        ({"client_id": "{{7*7}}%(x)s"}, "{{7*7}}%(x)s", ""),
        ({"client_id": "=HYPERLINK(1)"}, "=HYPERLINK(1)", ""),
        ({"setting_subdomain": "https://Acme.zendesk.com/agent"}, "id-1", "subdomain as acme."),
    ],
    ids=["row14-markup", "row16-template", "row18-formula", "row35-address"],
)
def test_what_may_look_odd_is_stored_as_it_is(
    admin_client: Client, zendesk: Integration, changed: dict[str, str], stored: str, said: str
) -> None:
    page = save(admin_client, zendesk, **changed).content.decode()
    version = clients.vendor_client(zendesk).current_version
    assert version is not None
    assert version.client_id == stored
    assert version.settings == {"subdomain": "acme"}
    assert version.open_required("client_secret").reveal() == SECRET
    assert said in unescape(page)
    assert "<script>alert" not in page


def test_row20_the_secret_as_client_id_is_refused_and_not_shown_again(
    admin_client: Client, zendesk: Integration
) -> None:
    page = save(admin_client, zendesk, client_id=SECRET)
    html = unescape(page.content.decode())
    assert page.redirect_chain == []
    assert "errors field-client_id" in html
    assert "in its own field" in html
    assert SECRET not in html
    assert not ClientVersion.objects.exists()
    assert not AuditEvent.objects.filter(data__icontains=SECRET).exists()
