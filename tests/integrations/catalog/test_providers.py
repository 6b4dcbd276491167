"""What every provider file of the project promises, the pretend ones included."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from integrations.catalog import registry
from integrations.catalog.schema import PLACEHOLDER, Provider
from integrations.errors import CatalogError

ROOT = Path(__file__).parents[3]
LOGOS = ROOT / "static" / "logos"
PRETEND = ROOT / "tests" / "fakeas" / "catalog"
SERVER = "http://127.0.0.1:8002"
SEVEN = frozenset(path.stem for path in (PRETEND / "seven").glob("*.toml"))
# Their APIs have no call that says whose token it is.
SILENT = frozenset(
    {"bamboohr", "freshworks", "greenhouse", "hibob", "lever", "productboard", "sage-intacct"}
)

BUILT_IN = registry.load()
DEMO = {
    slug: provider
    for slug, provider in registry.load(folders=(PRETEND,), loopback_http=True).items()
    if slug not in BUILT_IN
}
ON_FAKEAS = {
    slug: provider
    for slug, provider in registry.load(folders=(PRETEND / "seven",), loopback_http=True).items()
    if (PRETEND / "seven" / f"{slug}.toml").is_file()
}

Check = Callable[[Provider], None]


def over(providers: Iterable[Provider]) -> Callable[[Check], Callable[[], None]]:
    """Look at all of them in one test, which names the one at fault.

    Thousands of tests would take longer to begin than to run.
    """

    def looped(check: Check) -> Callable[[], None]:
        def test() -> None:
            for provider in providers:
                try:
                    check(provider)
                except AssertionError as error:
                    error.add_note(f"provider: {provider.slug}")
                    raise

        return test

    return looped


built_in = over(list(BUILT_IN.values()))
every = over([*BUILT_IN.values(), *DEMO.values()])
on_fakeas = pytest.mark.parametrize("provider", ON_FAKEAS.values(), ids=list(ON_FAKEAS))


def endpoints(provider: Provider) -> list[str]:
    """Return every address the server itself calls or sends a person to."""
    found = [
        provider.authorization_endpoint,
        provider.token_endpoint,
        provider.setup.console,
    ]
    found += [provider.revocation_endpoint or "", provider.issuer or ""]
    found.append((provider.identity.endpoint or "") if provider.identity else "")
    return [endpoint for endpoint in found if endpoint]


def test_the_two_pretend_providers_load() -> None:
    assert sorted(DEMO) == ["demo-desk", "demo-mail"]
    assert DEMO["demo-desk"].host_settings() == {"subdomain"}


@built_in
def test_every_endpoint_of_a_built_in_is_https(provider: Provider) -> None:
    assert {urlsplit(endpoint).scheme for endpoint in endpoints(provider)} == {"https"}


@built_in
def test_every_built_in_file_begins_with_links_to_the_documentation(
    provider: Provider,
) -> None:
    text = (registry.BUILT_IN / f"{provider.slug}.toml").read_text(encoding="utf-8")
    head = text.partition("\n\n")[0].splitlines()
    assert all(line.startswith("# ") for line in head)
    assert sum("https://" in line for line in head) >= 3


@built_in
def test_every_file_without_pkce_links_to_the_reason(
    provider: Provider,
) -> None:
    text = (registry.BUILT_IN / f"{provider.slug}.toml").read_text(encoding="utf-8")
    linked = re.search(r'^# https://\S+\ncode_challenge_method = "none"$', text, re.MULTILINE)
    assert bool(linked) == (provider.code_challenge_method == "none")


@every
def test_every_setup_says_where_to_paste_the_redirect_url_and_the_scopes(
    provider: Provider,
) -> None:
    used = PLACEHOLDER.findall(" ".join(provider.setup.steps))
    assert sorted(used) in (["redirect_url"], ["redirect_url", "scopes"])
    # Where an app has no permissions of its own, there is nothing to choose them from.
    assert "scopes" in used or provider.slug not in SEVEN


@every
def test_every_setup_uses_the_providers_own_words(provider: Provider) -> None:
    steps = " ".join(provider.setup.steps)
    assert provider.setup.redirect_uri_label in steps
    assert provider.setup.role
    assert provider.setup.tip


@every
def test_every_step_is_at_most_two_short_lines(provider: Provider) -> None:
    assert max(len(step) for step in provider.setup.steps) <= 160


@every
def test_every_scope_is_described_in_one_short_line(provider: Provider) -> None:
    assert provider.scopes or not provider.default_scopes
    for scope in provider.scopes:
        assert "\n" not in scope.description
        assert len(scope.description) <= 120
        assert scope.description[0].isupper()
        assert not scope.description.endswith(".")


@every
def test_the_default_scopes_include_the_one_that_gives_a_refresh_token(
    provider: Provider,
) -> None:
    assert {provider.refresh.offline_scope} - {None} <= set(provider.default_scopes)


@every
def test_every_provider_tells_which_account_was_connected(provider: Provider) -> None:
    assert (provider.identity is None) == (provider.slug in SILENT)
    if provider.identity and provider.slug in SEVEN:
        assert provider.identity.label_path not in provider.identity.id_paths


@every
def test_nothing_secret_is_captured_from_the_token_answer(provider: Provider) -> None:
    secrets = {
        "access_token",
        "refresh_token",
        "id_token",
        "authed_user",
        "incoming_webhook",
    }
    assert not secrets & {path.rpartition(".")[2] for path in provider.capture}
    assert "url" not in provider.capture


@every
def test_every_required_setting_shows_an_example_it_would_accept(
    provider: Provider,
) -> None:
    for setting in provider.settings:
        assert setting.help
        assert setting.placeholder or setting.options
        if setting.pattern:
            assert not setting.placeholder or setting.takes(setting.placeholder)
            assert not set(setting.reserved) & {setting.placeholder, setting.default}
            assert all(re.match(setting.pattern, option) for option in setting.options)


@every
def test_every_provider_has_a_logo_of_the_common_shape(provider: Provider) -> None:
    svg = (LOGOS / f"{provider.slug}.svg").read_text(encoding="utf-8")
    assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"')
    assert re.findall(r"<([a-z]+)", svg) == ["svg", "rect", "path"]
    assert not re.search(r"\bon\w+=|href|url\(|style|<!|&", svg)


@every
def test_every_logo_has_its_source_in_the_readme(provider: Provider) -> None:
    assert f"| `{provider.slug}.svg` |" in (LOGOS / "README.md").read_text(encoding="utf-8")


@on_fakeas
def test_the_seven_on_fakeas_differ_from_the_real_ones_only_in_addresses(
    provider: Provider,
) -> None:
    assert _without_addresses(provider) == _without_addresses(BUILT_IN[provider.slug])


@on_fakeas
def test_the_seven_on_fakeas_call_nobody_else(provider: Provider) -> None:
    called = [url for url in endpoints(provider) if url != provider.setup.console]
    assert len(called) == len(endpoints(BUILT_IN[provider.slug])) - 1
    assert all(
        url.startswith(f"{SERVER}/{provider.slug}/") or url == _issuer(provider) for url in called
    )


@on_fakeas
def test_the_seven_on_fakeas_keep_the_settings_in_their_addresses(
    provider: Provider,
) -> None:
    assert provider.host_settings() == BUILT_IN[provider.slug].host_settings()


@pytest.mark.parametrize("path", sorted((PRETEND / "seven").glob("*.toml")), ids=lambda p: p.stem)
def test_the_seven_on_fakeas_replace_addresses_only(path: Path) -> None:
    keys = set(tomllib.loads(path.read_text(encoding="utf-8")))
    addresses = {
        "authorization_endpoint",
        "token_endpoint",
        "revocation_endpoint",
        "issuer",
    }
    assert keys <= addresses | {"base", "identity", "post_options", "api"}


@pytest.mark.parametrize("slug", ["demo-mail", "demo-desk", "gmail"])
def test_the_pretend_files_need_permission_for_plain_http(slug: str) -> None:
    folder = PRETEND if slug in DEMO else PRETEND / "seven"
    with pytest.raises(CatalogError) as caught:
        registry.load(folders=(folder,))
    assert caught.value.key == "authorization_endpoint"


def _issuer(provider: Provider) -> str:
    return f"{SERVER}/{provider.slug}"


def _without_addresses(provider: Provider) -> dict[str, Any]:
    data = provider.model_dump()
    for key in (
        "authorization_endpoint",
        "token_endpoint",
        "revocation_endpoint",
        "issuer",
    ):
        data.pop(key)
    data["identity"].pop("endpoint")
    for option in data["post_options"].values():
        option.pop("endpoint")
    if data.get("api"):
        data["api"].pop("base_url")
        # A value that names a host is matched where the host is.
        for value in data["api"]["values"]:
            value.pop("pattern")
    return data
