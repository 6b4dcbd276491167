"""What the members of a family share: merged one level deep, filled in, and checked as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from integrations.catalog import files, registry
from integrations.errors import CatalogError
from tests.integrations.catalog.provider_files import ACME, SETUP, written

FAMILY: dict[str, Any] = ACME | {
    "name": "Family",
    "setup": SETUP | {"role": "Somebody who uses {api}"},
    "scopes": [{"name": "id", "description": "Know who it is"}],
    "errors": [{"seen": "oops", "at": "page", "means": "No {api}.", "fix": "Enable {api}."}],
    "authorization_params": {"prompt": "consent", "access_type": "offline"},
}


@pytest.fixture(autouse=True)
def bases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the only family be one of this test's own."""
    folder = tmp_path / "bases"
    folder.mkdir()
    (folder / "family.toml").write_text(written(FAMILY), encoding="utf-8")
    monkeypatch.setattr(files, "BASES", folder)
    monkeypatch.setattr(files, "BUILT_IN", tmp_path / "providers")
    monkeypatch.setattr(registry, "BUILT_IN", tmp_path / "providers")
    (tmp_path / "providers").mkdir()
    return folder


def member(tmp_path: Path, data: dict[str, Any], *, slug: str = "member") -> Any:
    """Return a built-in member of the family."""
    path = tmp_path / "providers" / f"{slug}.toml"
    path.write_text(written({"base": "family", **data}), encoding="utf-8")
    return registry.load()[slug]


def test_a_member_has_what_its_family_has(tmp_path: Path) -> None:
    found = member(tmp_path, {"name": "Member", "terms": {"api": "the API"}})
    assert (found.slug, found.name) == ("member", "Member")
    assert found.setup.role == "Somebody who uses the API"
    assert found.errors[0].fix == "Enable the API."


def test_a_members_own_keys_win_table_by_table(tmp_path: Path) -> None:
    own = {"terms": {"api": "x"}, "authorization_params": {"prompt": "none"}}
    found = member(tmp_path, {**own, "setup": {"minutes": 7}})
    assert found.authorization_params == {"prompt": "none", "access_type": "offline"}
    assert (found.setup.minutes, found.setup.role) == (7, "Somebody who uses x")


def test_scopes_and_errors_are_added_and_those_of_one_name_replaced(tmp_path: Path) -> None:
    scopes = [{"name": "id", "description": "Mine"}, {"name": "more", "description": "More"}]
    errors = [
        {"seen": "oops", "at": "page", "means": "Mine.", "fix": "Mine."},
        {"seen": "oops", "at": "token", "means": "Else.", "fix": "Else."},
    ]
    found = member(tmp_path, {"terms": {"api": "x"}, "scopes": scopes, "errors": errors})
    assert [(each.name, each.description) for each in found.scopes] == [
        ("id", "Mine"),
        ("more", "More"),
    ]
    assert [(each.means, each.at) for each in found.errors] == [
        ("Mine.", "page"),
        ("Else.", "token"),
    ]


def test_a_word_that_nothing_fills_in_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as caught:
        member(tmp_path, {"terms": {"apis": "x"}})
    assert (caught.value.key, caught.value.reason) == (
        "setup.role",
        "Value error, {api} is filled in by nothing",
    )


def test_terms_fill_the_familys_sentences_and_not_the_members(tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as caught:
        member(tmp_path, {"terms": {"api": "x"}, "setup": {"tip": "Use {api}"}})
    assert caught.value.key == "setup.tip"


@pytest.mark.parametrize("terms", ["x", 3, {"api": 3}, {"api": ["x"]}])
def test_terms_are_a_table_of_texts(tmp_path: Path, terms: Any) -> None:
    with pytest.raises(CatalogError) as caught:
        member(tmp_path, {"terms": terms})
    assert caught.value.key == "terms"


@pytest.mark.parametrize(
    "base", ["nobody", "", "../family", "Family", "family.toml", 3, ["family"]]
)
def test_a_built_in_with_an_unknown_family_is_refused(tmp_path: Path, base: Any) -> None:
    with pytest.raises(CatalogError) as caught:
        member(tmp_path, {"base": base})
    assert (caught.value.key, caught.value.reason) == ("base", "names no family of providers")


def test_a_family_has_no_family(tmp_path: Path, bases: Path) -> None:
    (bases / "family.toml").write_text(written(FAMILY | {"base": "other"}), encoding="utf-8")
    with pytest.raises(CatalogError) as caught:
        member(tmp_path, {"terms": {"api": "x"}})
    assert (caught.value.file, caught.value.key) == (str(bases / "family.toml"), "base")


def test_a_file_of_a_folder_may_have_a_family_too(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    text = written({"base": "family", "terms": {"api": "ours"}, "name": "Ours"})
    (folder / "ours.toml").write_text(text, encoding="utf-8")
    assert registry.load(folders=(folder,))["ours"].setup.role == "Somebody who uses ours"


def test_a_file_of_a_folder_may_extend_a_member(tmp_path: Path) -> None:
    member(tmp_path, {"terms": {"api": "x"}, "name": "Member"})
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "ours.toml").write_text('base = "member"\nname = "Ours"\n', encoding="utf-8")
    ours = registry.load(folders=(folder,))["ours"]
    assert (ours.name, ours.setup.role) == ("Ours", "Somebody who uses x")


def test_a_family_is_no_provider(tmp_path: Path) -> None:
    member(tmp_path, {"terms": {"api": "x"}})
    assert tuple(registry.load()) == ("member",)


def test_a_built_in_that_was_changed_is_checked_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "providers" / "acme.toml"
    path.write_text(written(ACME | {"token_endpoint": "http://evil.example"}), encoding="utf-8")
    with pytest.raises(CatalogError) as caught:
        registry.load()
    assert (caught.value.file, caught.value.key) == (str(path), "token_endpoint")


def test_built_ins_that_were_checked_are_built_when_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    member(tmp_path, {"terms": {"api": "x"}})
    kept = tmp_path / "checked.txt"
    kept.write_text(registry.digest(), encoding="ascii")
    monkeypatch.setattr(registry, "CHECKED", kept)
    catalog = registry.load()
    assert "member" in catalog
    assert not catalog._built
    assert catalog["member"] is catalog["member"]


def test_no_family_has_the_name_of_a_provider() -> None:
    shipped = Path(registry.__file__).parent
    families = {path.name for path in (shipped / "bases").glob("*.toml")}
    assert families
    assert not families & {path.name for path in (shipped / "providers").glob("*.toml")}
