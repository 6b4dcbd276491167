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
    (provider, setting)
    for provider in PROVIDERS.values()
    for setting in provider.settings
    if setting.name in provider.host_settings()
]
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


def assert_it_stays_home(provider: Provider, setting: Setting, typed: str) -> None:
    """Check that a value leads nowhere else, if it is accepted at all."""
    try:
        value = inputs.clean_setting(setting, typed).value
    except InvalidInput:
        return
    assert inputs.clean_setting(setting, value).value == value
    settings = {item.name: GOOD.get(item.name, "") for item in provider.settings}
    plain = Endpoints.of(provider=provider, settings=settings)
    filled = Endpoints.of(provider=provider, settings={**settings, setting.name: value})
    for name in ("authorization_endpoint", "token_endpoint"):
        before, after = urlsplit(getattr(plain, name)), urlsplit(getattr(filled, name))
        assert after.scheme == "https"
        assert ADDRESSES[provider.slug].fullmatch(after.netloc)
        assert (after.username, after.password, after.port) == (None, None, None)
        assert (after.query, after.fragment) == (before.query, "")
        steps = zip(before.path.split("/"), after.path.split("/"), strict=True)
        assert {pair for pair in steps if pair[0] != pair[1]} <= {(GOOD[setting.name], value)}


def test_the_tables_cover_every_provider_with_an_address_to_form() -> None:
    assert {provider.slug for provider, _ in FORMING} == set(ADDRESSES)
    assert {setting.name for _, setting in FORMING} <= set(GOOD)
