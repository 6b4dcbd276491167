"""The loader: which files it takes, how it merges them, and how it hands them out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.catalog import registry
from integrations.catalog.registry import BUILT_IN, MAX_FILE_BYTES
from integrations.errors import CatalogError, NotFound
from tests.integrations.catalog.provider_files import (
    ACME,
    SETUP,
    assert_refused,
    loaded,
    written,
)

SEVEN = ("gmail", "jira", "outlook", "salesforce", "sharepoint", "slack", "zendesk")


def refusal(folder: Path) -> CatalogError:
    """Return what the loader says about the files in `folder`."""
    with pytest.raises(CatalogError) as caught:
        registry.load(folders=(folder,))
    return caught.value


def test_all_built_in_files_load() -> None:
    catalog = registry.load()
    registry.check(catalog)
    assert set(SEVEN) < set(catalog)
    assert len(catalog) >= 170


@pytest.mark.parametrize(
    "name",
    [
        *("Acme.toml", "ACME.toml", "proxy.toml", "my-proxy.toml", "reverseproxy2.toml"),
        *("..toml", "...toml", ".toml", "-acme.toml", "a_b.toml", "a b.toml", "\u00e4.toml"),
        *(f"{'a' * 64}.toml", "acme.beta.toml", "acme\n.toml"),
    ],
)
def test_it_refuses_a_file_name_that_is_no_slug(tmp_path: Path, name: str) -> None:
    assert_refused(tmp_path, file_name=name, key="(file name)", reason="without the word proxy")


@pytest.mark.parametrize("name", ["a.toml", "7.toml", "a-b-2.toml", f"{'a' * 63}.toml"])
def test_it_takes_the_slug_from_the_file_name(tmp_path: Path, name: str) -> None:
    assert loaded(tmp_path, file_name=name).slug == name.removesuffix(".toml")


def test_it_reads_only_toml_files(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("Not a provider", encoding="utf-8")
    assert tuple(registry.load(folders=(tmp_path,))) == tuple(registry.load())


def test_it_refuses_a_slug_inside_the_file(tmp_path: Path) -> None:
    assert_refused(tmp_path, key="slug", reason="the file name is the slug", slug="acme")


def test_it_refuses_a_slug_in_an_extension(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text('base = "gmail"\nslug = "gmail"\n', encoding="utf-8")
    assert (refusal(tmp_path).file, refusal(tmp_path).key) == (
        str(tmp_path / "acme.toml"),
        "slug",
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"#" * (MAX_FILE_BYTES + 1), "larger than 100 kB"),
        (b'name = "\xe9"', "utf-8"),
        (b"\xff\xfen\x00a\x00", "utf-8"),
        (b"name = ", "not TOML"),
        (b'name = "a"\nname = "b"\n', "not TOML"),
        (b'{"name": "acme"}', "not TOML"),
        (b"name = " + b"[" * 40_000 + b"]" * 40_000, "not TOML"),
    ],
    ids=[
        "too large",
        "latin-1",
        "utf-16",
        "no value",
        "a key twice",
        "json",
        "too deep",
    ],
)
def test_it_refuses_a_file_it_cannot_read(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "acme.toml").write_bytes(content)
    error = refusal(tmp_path)
    assert (error.file, error.key) == (str(tmp_path / "acme.toml"), "(file)")
    assert reason in error.reason


def test_it_takes_a_file_of_the_largest_size(tmp_path: Path) -> None:
    text = written(ACME)
    padded = text + "#" * (MAX_FILE_BYTES - len(text.encode()))
    (tmp_path / "acme.toml").write_text(padded, encoding="utf-8")
    assert registry.load(folders=(tmp_path,))["acme"].name == "Acme"


def test_it_refuses_a_missing_folder(tmp_path: Path) -> None:
    folder = tmp_path / "nowhere"
    error = refusal(folder)
    assert (error.file, error.key, error.reason) == (
        str(folder),
        "(folder)",
        "does not exist",
    )


def test_it_refuses_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(written(ACME), encoding="utf-8")
    assert (refusal(path).file, refusal(path).key) == (str(path), "(folder)")


@pytest.mark.parametrize("base", ["nothing", "", "Gmail", "../gmail", "gmail.toml", "acme"])
def test_it_refuses_a_base_that_names_no_built_in(tmp_path: Path, base: str) -> None:
    assert_refused(tmp_path, key="base", reason="and no family", base=base)


def test_it_refuses_a_base_that_is_no_text(tmp_path: Path) -> None:
    for base in (["gmail"], {"name": "gmail"}, 3):
        assert_refused(tmp_path, key="base", reason="and no family", base=base)


def test_it_refuses_a_folder_or_a_dangling_link_in_place_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.mkdir()
    assert (refusal(tmp_path).file, refusal(tmp_path).key) == (str(path), "(file)")
    path.rmdir()
    path.symlink_to(tmp_path / "nowhere")
    assert "cannot be read" in refusal(tmp_path).reason


def test_it_refuses_to_replace_a_built_in_without_naming_it_as_base(
    tmp_path: Path,
) -> None:
    assert_refused(tmp_path, file_name="gmail.toml", key="base", reason="gmail is built in")


def test_it_changes_a_built_in_that_names_itself_as_base(tmp_path: Path) -> None:
    (tmp_path / "gmail.toml").write_text('base = "gmail"\nname = "Our Gmail"\n', encoding="utf-8")
    before, after = (
        registry.load()["gmail"],
        registry.load(folders=(tmp_path,))["gmail"],
    )
    assert after == before.model_copy(update={"name": "Our Gmail"})


def test_it_merges_a_table_key_by_key(tmp_path: Path) -> None:
    text = 'base = "gmail"\n[authorization_params]\nhd = "acme.example"\n[setup]\nminutes = 3\n'
    (tmp_path / "acme.toml").write_text(text, encoding="utf-8")
    acme, gmail = registry.load(folders=(tmp_path,))["acme"], registry.load()["gmail"]
    assert acme.authorization_params == {
        **gmail.authorization_params,
        "hd": "acme.example",
    }
    assert acme.setup == gmail.setup.model_copy(update={"minutes": 3})


def test_it_replaces_a_list_as_a_whole(tmp_path: Path) -> None:
    text = 'base = "gmail"\ndefault_scopes = ["openid"]\nscopes = [{name="openid",description="x"}]'
    (tmp_path / "acme.toml").write_text(text, encoding="utf-8")
    acme = registry.load(folders=(tmp_path,))["acme"]
    assert [scope.name for scope in acme.scopes] == ["openid"]
    assert acme.default_scopes == ("openid",)


def test_a_merge_does_not_change_the_built_in(tmp_path: Path) -> None:
    text = 'base = "gmail"\n[authorization_params]\nprompt = "select_account"\n'
    (tmp_path / "acme.toml").write_text(text, encoding="utf-8")
    assert registry.load(folders=(tmp_path,))["gmail"] == registry.load()["gmail"]


def test_it_refuses_a_base_that_is_itself_an_extension(tmp_path: Path) -> None:
    (tmp_path / "first.toml").write_text('base = "gmail"\n', encoding="utf-8")
    (tmp_path / "second.toml").write_text('base = "first"\n', encoding="utf-8")
    assert refusal(tmp_path).file == str(tmp_path / "second.toml")
    assert refusal(tmp_path).key == "base"


def test_it_checks_an_extension_like_any_other_file(tmp_path: Path) -> None:
    text = 'base = "gmail"\ntoken_endpoint = "http://evil.example/token"\n'
    (tmp_path / "gmail.toml").write_text(text, encoding="utf-8")
    assert refusal(tmp_path).key == "token_endpoint"


def test_a_later_folder_wins(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, name in ((first, "First"), (second, "Second")):
        folder.mkdir()
        (folder / "acme.toml").write_text(written(ACME | {"name": name}), encoding="utf-8")
    assert registry.load(folders=(first, second))["acme"].name == "Second"


@pytest.mark.parametrize("host", ["127.0.0.1:8002", "localhost", "[::1]:8002"])
def test_plain_http_to_a_loopback_host_needs_permission(tmp_path: Path, host: str) -> None:
    endpoint = f"http://{host}/token"
    assert_refused(tmp_path, key="token_endpoint", reason="https", token_endpoint=endpoint)
    acme = loaded(tmp_path, loopback_http=True, token_endpoint=endpoint)
    assert acme.token_endpoint == endpoint


@pytest.mark.parametrize(
    "host",
    ["acme.example", "127.0.0.1.evil.example", "localhost.evil.example", "0.0.0.0"],
)
def test_the_permission_covers_no_other_host(tmp_path: Path, host: str) -> None:
    setup = SETUP | {"console": f"http://{host}/apps"}
    with pytest.raises(CatalogError) as caught:
        loaded(tmp_path, loopback_http=True, setup=setup)
    assert caught.value.key == "setup.console"


@pytest.fixture
def empty_catalog() -> Iterator[None]:
    """Run a test with its own catalog of the process."""
    before = {provider.slug: provider for provider in registry.providers()}
    registry.install({})
    yield
    registry.install(before)


@pytest.mark.usefixtures("empty_catalog")
def test_installed_providers_are_found_by_slug_and_listed_by_name() -> None:
    registry.install(registry.load())
    assert registry.provider("outlook").name == "Microsoft Outlook"
    names = [provider.name for provider in registry.providers()]
    assert names == sorted(names, key=str.casefold)


@pytest.mark.usefixtures("empty_catalog")
def test_an_unknown_slug_is_not_found() -> None:
    registry.install(registry.load())
    with pytest.raises(NotFound) as caught:
        registry.provider("../gmail")
    assert caught.value.code == "integration_not_found"


def test_every_built_in_file_is_smaller_than_the_limit() -> None:
    assert all(path.stat().st_size < MAX_FILE_BYTES for path in BUILT_IN.glob("*.toml"))


def test_the_built_in_files_are_those_that_were_checked() -> None:
    # After a change of one: python -m integrations.catalog.digest
    assert registry.checked_digest() == registry.digest()
