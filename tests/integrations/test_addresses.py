"""Settings that form an address: whatever is accepted leads to the provider (RFC 3986)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import settings as run_with
from hypothesis import strategies as st

from integrations import inputs
from integrations.catalog import registry
from integrations.catalog.schema import Provider, Setting
from integrations.errors import InvalidInput
from integrations.oauth.client import Endpoints

PROVIDERS = registry.load()
ADDRESSES = {
    "salesforce": re.compile(r"(?:[a-z0-9-]+\.){1,3}salesforce\.com"),
    "zendesk": re.compile(r"[a-z0-9-]+\.zendesk\.com"),
    "outlook": re.compile(r"login\.microsoftonline\.com"),
    "sharepoint": re.compile(r"login\.microsoftonline\.com"),
}
GOOD = {
    "subdomain": "acme",
    "domain": "acme.my.salesforce.com",
    "tenant": "contoso.com",
    "sharepoint_host": "contoso.sharepoint.com",
}
FORMING = [
    (PROVIDERS[slug], setting)
    for slug in ADDRESSES
    for setting in PROVIDERS[slug].settings
    if setting.name in PROVIDERS[slug].host_settings()
]
# Of all other providers, one setting of each kind: most are one label of a name.
OTHERS = {
    (setting.kind, setting.pattern, setting.prefix, bool(setting.suffix)): (provider, setting)
    for provider in PROVIDERS.values()
    for setting in provider.settings
    if provider.slug not in ADDRESSES and setting.name in provider.host_settings()
}
others = pytest.mark.parametrize(
    ("provider", "setting"),
    OTHERS.values(),
    ids=[f"{each[0].slug}.{each[1].name}" for each in OTHERS.values()],
)
forming = pytest.mark.parametrize(
    ("provider", "setting"), FORMING, ids=[f"{each[0].slug}.{each[1].name}" for each in FORMING]
)
NEAR = st.text(alphabet=".-/\\@:?#%&{}[]\n\t ax0Z", max_size=6) | st.text(max_size=4)


@forming
@run_with(deadline=None)
@given(data=st.data())
def test_an_accepted_setting_never_leaves_the_provider(
    provider: Provider, setting: Setting, data: st.DataObject
) -> None:
    value = data.draw(st.from_regex(setting.pattern or ""))
    around = data.draw(
        st.sampled_from(["{}", "https://{}", f"{setting.prefix}{{}}{setting.suffix}/a"])
    )
    assert_it_stays_home(provider, setting, around.format(value))


@forming
@run_with(deadline=None)
@given(data=st.data())
def test_an_altered_setting_is_refused_or_stays_with_the_provider(
    provider: Provider, setting: Setting, data: st.DataObject
) -> None:
    good = GOOD[setting.name]
    whole = data.draw(st.sampled_from([good, f"{good}{setting.suffix}", f"https://{good}"]))
    position = data.draw(st.integers(0, len(whole)))
    altered = whole[:position] + data.draw(NEAR) + whole[position:]
    assert_it_stays_home(provider, setting, altered)


@others
@run_with(deadline=None, max_examples=25)
@given(data=st.data())
def test_no_setting_of_any_provider_leads_elsewhere(
    provider: Provider, setting: Setting, data: st.DataObject
) -> None:
    good = example(setting)
    position = data.draw(st.integers(0, len(good)))
    altered = good[:position] + data.draw(NEAR) + good[position:]
    typed = data.draw(st.sampled_from([altered, f"https://{altered}{setting.suffix}"]))
    assert_it_stays_home(provider, setting, typed)


def example(setting: Setting) -> str:
    """Return a value that the setting takes."""
    known = (GOOD.get(setting.name, ""), setting.default, setting.placeholder, *setting.options)
    return next((value for value in known if value and setting.takes(value)), "")


def assert_it_stays_home(provider: Provider, setting: Setting, typed: str) -> None:
    """Check that a value leads nowhere else, if it is accepted at all."""
    try:
        value = inputs.clean_setting(setting, typed).value
    except InvalidInput:
        return
    assert inputs.clean_setting(setting, value).value == value
    settings = {item.name: example(item) for item in provider.settings}
    plain = Endpoints.of(provider=provider, settings=settings)
    filled = Endpoints.of(provider=provider, settings={**settings, setting.name: value})
    for name in ("authorization_endpoint", "token_endpoint"):
        before, after = urlsplit(getattr(plain, name)), urlsplit(getattr(filled, name))
        assert after.scheme == "https"
        assert home(provider, getattr(provider, name)).fullmatch(after.netloc)
        assert (after.username, after.password, after.port) == (None, None, None)
        assert (after.query, after.fragment) == (before.query, "")
        if setting.kind == "path":
            assert not {"..", "."} & set(after.path.split("/"))
            continue
        steps = zip(before.path.split("/"), after.path.split("/"), strict=True)
        assert {pair for pair in steps if pair[0] != pair[1]} <= {(example(setting), value)}


def home(provider: Provider, endpoint: str) -> re.Pattern[str]:
    """Return the hosts that an endpoint may have, whatever is typed."""
    if provider.slug in ADDRESSES:
        return ADDRESSES[provider.slug]
    patterns = {setting.name: setting.pattern or "" for setting in provider.settings}
    parts = re.split(r"\{([a-z_]+)\}", urlsplit(endpoint).netloc)
    inside = [
        f"(?:{patterns[part].removeprefix(chr(92) + 'A').removesuffix(chr(92) + 'Z')})"
        if index % 2
        else re.escape(part)
        for index, part in enumerate(parts)
    ]
    return re.compile("".join(inside).replace(r"(?=.{4,253}\Z)", ""))


def test_the_tables_cover_every_provider_with_an_address_to_form() -> None:
    assert {provider.slug for provider, _ in FORMING} == set(ADDRESSES)
    assert {setting.name for _, setting in FORMING} <= set(GOOD)
    assert all(setting.takes(example(setting)) for _, setting in OTHERS.values())
