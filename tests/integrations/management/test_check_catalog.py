"""check_catalog: every provider file, and what is odd in one."""

from __future__ import annotations

import json
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from integrations.catalog import files
from integrations.management.catalog import OLD_DAYS
from tests.integrations.catalog.provider_files import ACME, SETTING, SETUP, written

ERRORS = [{"seen": "no", "at": "page", "means": "It was refused.", "fix": "Try again."}]
SOUND: dict[str, Any] = {
    **ACME,
    "errors": ERRORS,
    "website": "https://www.acme.com/",
    "documentation": "https://docs.acme.com/",
}
STEPS = SETUP["steps"]


@pytest.fixture(autouse=True)
def own_folder(settings: Settings, tmp_path: Path) -> Path:
    (tmp_path / "static" / "logos").mkdir(parents=True)
    (tmp_path / "static" / "logos" / "acme.svg").write_text("<svg/>")
    settings.STATICFILES_DIRS = [*settings.STATICFILES_DIRS, tmp_path / "static"]
    folder = tmp_path / "catalog"
    folder.mkdir()
    settings.CONNECT_CATALOG_DIRS = (folder,)
    return folder


@pytest.fixture
def nothing_built_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    monkeypatch.setattr(files, "BUILT_IN", tmp_path / "nothing")


def problems(folder: Path, **changes: Any) -> list[str]:
    (folder / "acme.toml").write_text(written({**SOUND, **changes}), encoding="utf-8")
    out = StringIO()
    with pytest.raises(CommandError, match="1 of 1 providers have problems"):
        call_command("check_catalog", json=True, stdout=out)
    [entry] = [each for each in json.loads(out.getvalue()) if each["slug"] == "acme"]
    return list(entry["problems"])


def test_all_providers_are_good(own_folder: Path) -> None:
    (own_folder / "acme.toml").write_text(written(SOUND), encoding="utf-8")
    out = StringIO()
    call_command("check_catalog", stdout=out)
    assert "acme " in out.getvalue()
    assert "171 providers, all good" in out.getvalue()


@pytest.mark.usefixtures("nothing_built_in")
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"token_endpoint": "http://acme.example/token"}, "token_endpoint: "),
        ({"token_endpoint": "https://{host}.example/token"}, "{host} is not a checked"),
        ({"settings": [{**SETTING, "pattern": "[a-z]+"}]}, "settings.0.pattern: "),
        ({"setup": {**SETUP, "steps": [*STEPS[:3], "Paste {nothing}"]}}, "{nothing} is filled in"),
        ({"website": "acme.example"}, "website: "),
        ({"surprise": True}, "surprise: "),
    ],
)
def test_a_file_that_may_not_be_served_says_why(
    own_folder: Path, changes: dict[str, Any], problem: str
) -> None:
    [found] = problems(own_folder, **changes)
    assert problem in found


@pytest.mark.usefixtures("nothing_built_in")
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"setup": {**SETUP, "steps": ["Create", "Choose {scopes}", "Copy", "Paste"]}}, "setup.st"),
        ({"setup": {**SETUP, "steps": [*STEPS, "Paste {redirect_url}"]}}, "setup.steps"),
        ({"setup": {**SETUP, "steps": [*STEPS, "Choose {scopes}"]}}, "setup.steps"),
        ({"setup": {**SETUP, "steps": [*STEPS, STEPS[0]]}}, "the same step twice"),
        ({"errors": []}, "errors: none"),
        ({"checked": date(2099, 1, 1)}, "is to come"),
        ({"checked": date.fromordinal(date(2026, 11, 23).toordinal() - OLD_DAYS - 9)}, "long ago"),
        ({"settings": [{**SETTING, "pattern": r"\A(?:[a-z]+)+\Z", "help": "x"}]}, "very long"),
        ({"settings": [SETTING]}, "nothing says where"),
        ({"documentation": "https://docs.invalid/x"}, "documentation: leads nowhere"),
    ],
)
def test_a_file_that_helps_nobody_says_why(
    own_folder: Path, changes: dict[str, Any], problem: str
) -> None:
    found = problems(own_folder, **changes)
    assert [each for each in found if problem in each] == found


@pytest.mark.usefixtures("nothing_built_in")
def test_a_missing_logo_is_told(own_folder: Path) -> None:
    (own_folder.parent / "static" / "logos" / "acme.svg").unlink()
    assert any(each.startswith("logo: ") for each in problems(own_folder))
