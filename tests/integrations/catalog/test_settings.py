"""The settings that form an address: nothing they accept leads anywhere else (RFC 3986)."""

from __future__ import annotations

import re
import time
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import settings as run_with
from hypothesis import strategies as st

from integrations.catalog import registry
from integrations.catalog.schema import PLACEHOLDER, Provider, Setting

PROVIDERS = registry.load()
GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
TENANTS = [
    "organizations",
    "common",
    GUID,
    "contoso.com",
    "contoso.onmicrosoft.com",
    "a-b.co.uk",
]
HOSTILE = [
    "",
    ".",
    "..",
    "-",
    "a-",
    "-a",
    "a b",
    "a\n",
    "\na",
    "a\x00",
    "a/b",
    "a\\b",
    "a?b",
    "a#b",
    "a@b",
    "a:b",
    "a:443",
    "a%2eb",
    "%61",
    "a,b",
    "a;b",
    "a&b=c",
    "{a}",
    "<a>",
    "a'b",
    'a"b',
    "\u00e4",
    "\u0430",
    "\uff41",
    "a\u200b",
    "a\u3002b",
    "https://a",
    "//a",
    "user@evil.example",
    "evil.example/",
    "evil.example#",
    "evil.example?",
    "..evil.example",
    "127.0.0.1",
    "[::1]",
    "localhost:1",
    "a" * 64,
    "a" * 5000,
]
LABEL = ["acme", "a", "7", "acme-2", "a--b", "xn--80ak6aa92e", "a" * 63]
ACCEPTED = {
    ("zendesk", "subdomain"): LABEL,
    ("jira", "site"): LABEL,
    ("outlook", "tenant"): [*TENANTS, "consumers"],
    ("sharepoint", "tenant"): TENANTS,
    ("sharepoint", "sharepoint_host"): [
        "contoso.sharepoint.com",
        "contoso-my.sharepoint.com",
    ],
    ("salesforce", "domain"): [
        "login.salesforce.com",
        "test.salesforce.com",
        "acme.my.salesforce.com",
        "acme--uat.sandbox.my.salesforce.com",
        "acme-dev-ed.develop.my.salesforce.com",
        "acme.trailblaze.my.salesforce.com",
    ],
}
REFUSED = {
    ("zendesk", "subdomain"): [
        "Acme",
        "acme.zendesk.com",
        "a.b",
        "www",
        "support",
        "help",
    ],
    ("jira", "site"): ["Acme", "acme.atlassian.net", "a.b", "www", "api"],
    ("outlook", "tenant"): [
        "Organizations",
        "organization",
        GUID[:-1],
        GUID + "0",
        "contoso",
    ],
    ("sharepoint", "tenant"): [
        "consumers",
        "contoso",
        ".com",
        "a..com",
        "contoso.com.",
    ],
    ("sharepoint", "sharepoint_host"): [
        "contoso",
        "sharepoint.com",
        "a.sharepoint.com.evil.com",
    ],
    ("salesforce", "domain"): [
        "salesforce.com",
        "my.salesforce.com",
        "acme.salesforce.com",
        "acme.lightning.force.com",
        "acme.my.salesforce.com.evil.com",
        "evil.com/acme.my.salesforce.com",
        "acme.evil.my.salesforce.com",
        "loginxsalesforce.com",
        "login.salesforce.com.",
        "acme.my.site.com",
    ],
}
HOSTS = {
    "salesforce": re.compile(r"([a-z0-9-]+\.)+salesforce\.com"),
    "zendesk": re.compile(r"[a-z0-9-]+\.zendesk\.com"),
    "outlook": re.compile(r"login\.microsoftonline\.com"),
    "sharepoint": re.compile(r"login\.microsoftonline\.com"),
}
SEVEN = dict.fromkeys(slug for slug, _ in ACCEPTED)
CHECKED = [
    (PROVIDERS[slug], setting)
    for slug in SEVEN
    for setting in PROVIDERS[slug].settings
    if setting.pattern
]
# All others, each pattern once.
OTHERS = {
    f"{provider.slug}.{setting.name}": (provider, setting)
    for provider, setting in {
        setting.pattern: (provider, setting)
        for provider in PROVIDERS.values()
        for setting in provider.settings
        if setting.pattern and provider.slug not in SEVEN
    }.values()
}
# What would end a host or a path, or begin another one.
DANGEROUS = [
    value
    for value in HOSTILE
    if not value or ".." in value or re.search(r"[^A-Za-z0-9._~-]", value)
]
FORMING = [pair for pair in CHECKED if pair[1].name in pair[0].host_settings()]
IDS = [f"{provider.slug}.{setting.name}" for provider, setting in CHECKED]
FORMING_IDS = [f"{provider.slug}.{setting.name}" for provider, setting in FORMING]

checked = pytest.mark.parametrize(("provider", "setting"), CHECKED, ids=IDS)
forming = pytest.mark.parametrize(("provider", "setting"), FORMING, ids=FORMING_IDS)


def accepts(setting: Setting, value: str) -> bool:
    """Tell whether the file's own rules let the value in: pattern, length and reserved names."""
    matches = re.fullmatch(setting.pattern or r"(?!)", value)
    return bool(matches) and len(value) <= setting.max_length and value not in setting.reserved


def endpoints_with(provider: Provider, setting: Setting, value: str) -> list[str]:
    """Return every endpoint that holds the setting, with the value in its place."""
    found = [provider.authorization_endpoint, provider.token_endpoint]
    found += [provider.revocation_endpoint or ""]
    found.append((provider.identity.endpoint or "") if provider.identity else "")
    own = f"{{{setting.name}}}"
    return [PLACEHOLDER.sub(lambda _: value, endpoint) for endpoint in found if own in endpoint]


def assert_it_stays_home(provider: Provider, setting: Setting, value: str) -> None:
    """Check that the value changes neither scheme, host owner, port nor shape of the path."""
    plain = endpoints_with(provider, setting, "x")
    for endpoint, template in zip(endpoints_with(provider, setting, value), plain, strict=True):
        parts = urlsplit(endpoint)
        assert parts.scheme == "https"
        assert parts.port is None
        assert parts.username is None
        assert parts.password is None
        assert HOSTS[provider.slug].fullmatch(parts.netloc)
        assert (parts.query, parts.fragment) == ("", "")
        assert parts.path.count("/") == urlsplit(template).path.count("/")
        assert not {".", ".."} & set(parts.path.split("/"))


def test_the_tables_cover_every_checked_setting() -> None:
    names = {(provider.slug, setting.name) for provider, setting in CHECKED}
    assert names == set(ACCEPTED) == set(REFUSED)


def test_the_hosts_cover_every_provider_with_an_address_to_form() -> None:
    assert {provider.slug for provider, _ in FORMING} == set(HOSTS)


@checked
def test_it_accepts_what_people_have(provider: Provider, setting: Setting) -> None:
    values = ACCEPTED[provider.slug, setting.name]
    assert [value for value in values if not accepts(setting, value)] == []


@checked
def test_it_refuses_what_does_not_belong_there(provider: Provider, setting: Setting) -> None:
    values = [*REFUSED[provider.slug, setting.name], *HOSTILE]
    assert [value for value in values if accepts(setting, value)] == []


@checked
def test_a_newline_at_the_end_is_refused(provider: Provider, setting: Setting) -> None:
    for value in ACCEPTED[provider.slug, setting.name]:
        assert not accepts(setting, f"{value}\n")


@pytest.mark.parametrize(("provider", "setting"), OTHERS.values(), ids=OTHERS)
def test_no_other_setting_of_the_catalog_takes_what_is_dangerous(
    provider: Provider, setting: Setting
) -> None:
    example = setting.default or setting.placeholder or next(iter(setting.options))
    assert setting.takes(example)
    assert not setting.takes(f"{example}\n")
    if setting.name not in provider.host_settings():
        return
    inside = [f"{example}{value}" for value in DANGEROUS if value]
    taken = [value for value in (*DANGEROUS, *inside) if setting.takes(value)]
    paths = [value for value in taken if setting.kind == "path" and "/" in value]
    assert taken == paths
    assert not any(part in value for value in paths for part in ("..", "//", ":", "?", "#"))


ALL = {**dict(zip(IDS, CHECKED, strict=True)), **OTHERS}


@pytest.mark.parametrize("setting", [setting for _, setting in ALL.values()], ids=ALL)
def test_no_pattern_takes_long_over_a_long_value(setting: Setting) -> None:
    started = time.perf_counter()
    for piece in ("a", "a.", "a-", "0", "-", ".", "0-", "a--b."):
        accepts(setting, piece * 20_000 + "!")
        accepts(setting, piece * (setting.max_length // len(piece)) + "!")
    assert time.perf_counter() - started < 1


@forming
@run_with(deadline=None, max_examples=30)
@given(data=st.data())
def test_an_accepted_value_never_leaves_the_provider(
    provider: Provider, setting: Setting, data: st.DataObject
) -> None:
    value = data.draw(st.from_regex(setting.pattern or ""))
    if accepts(setting, value):
        assert_it_stays_home(provider, setting, value)


@forming
@run_with(deadline=None, max_examples=30)
@given(data=st.data())
def test_an_altered_value_is_refused_or_stays_with_the_provider(
    provider: Provider, setting: Setting, data: st.DataObject
) -> None:
    value = data.draw(st.sampled_from(ACCEPTED[provider.slug, setting.name]))
    position = data.draw(st.integers(0, len(value)))
    inserted = data.draw(
        st.text(alphabet=".-/\\@:?#%&{}[]\n\r\t a0", max_size=4) | st.text(max_size=4)
    )
    altered = value[:position] + inserted + value[position:]
    if accepts(setting, altered):
        assert_it_stays_home(provider, setting, altered)
