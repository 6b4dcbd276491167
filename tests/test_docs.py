"""The documentation names everything a person can set or run."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from integrations.catalog.registry import BUILT_IN, load
from tests import catalog_table, errors_table

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "portal" / "settings.py").read_text(encoding="utf-8")
VARIABLES = sorted(set(re.findall(r"\benv(?:\.\w+)?\(\"([A-Z_]+)\"", SETTINGS)))
COMMANDS = sorted(
    path.stem
    for path in (ROOT / "integrations" / "management" / "commands").glob("*.py")
    if path.stem != "__init__"
)


def test_it_finds_the_variables_that_the_settings_read():
    assert {"SECRET_KEY", "FERNET_KEYS", "BASE_URL", "DATABASE_URL"} <= set(VARIABLES)


@pytest.mark.parametrize("name", VARIABLES)
def test_the_readme_names_every_variable(name):
    assert f"`{name}`" in README


@pytest.mark.parametrize("name", COMMANDS)
def test_the_readme_names_every_command(name):
    assert name in README


def test_no_other_module_reads_the_environment():
    readers = [
        str(path.relative_to(ROOT))
        for package in ("portal", "integrations")
        for path in (ROOT / package).rglob("*.py")
        if path.name != "wsgi.py"
        and re.search(r"os\.environ|os\.getenv|\bgetenv\(", path.read_text(encoding="utf-8"))
    ]
    # wsgi.py names the settings module; the demo hands its environment on to what it starts.
    assert readers in ([], ["integrations/management/commands/demo.py"])


def test_every_link_of_the_readme_to_a_file_leads_somewhere():
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", prose):
        assert (ROOT / target).exists(), target


def test_the_example_provider_of_the_catalog_page_is_accepted(tmp_path):
    example = re.search(r"```toml\n(.*?)```", catalog_table.DOCUMENT.read_text(), re.DOTALL)
    assert example
    text = textwrap.dedent("   " + example[1])
    (tmp_path / "acme-notes.toml").write_text(text, encoding="utf-8")
    assert load(folders=(tmp_path,))["acme-notes"].name == "Acme Notes"


def test_the_table_of_providers_is_that_of_the_files():
    assert catalog_table.document() == catalog_table.DOCUMENT.read_text(encoding="utf-8")


def test_the_page_of_errors_is_that_of_the_words():
    assert errors_table.document() == errors_table.DOCUMENT.read_text(encoding="utf-8")


def test_the_changelog_has_a_security_heading():
    assert "### Security" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_provider_files_are_where_the_readme_says():
    assert str(BUILT_IN.relative_to(ROOT)) in README


def test_the_sdk_has_the_version_of_the_project():
    project = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    sdk = re.search(r'const VERSION = "(.+)";', (ROOT / "static" / "connect.js").read_text())
    assert [found[1] for found in (project, sdk) if found] == ["0.1.0"] * 2


ASVS = (ROOT / "docs" / "security" / "asvs.md").read_text(encoding="utf-8")
NAMED_TESTS = sorted(set(re.findall(r"`((?:\w+/)*test_\w+\.py(?:::\w+)?)`", ASVS)))


def test_the_table_of_requirements_names_tests():
    assert len(NAMED_TESTS) > 40


@pytest.mark.parametrize("named", NAMED_TESTS)
def test_every_test_named_for_a_requirement_exists(named):
    path, _, test = named.partition("::")
    text = (ROOT / "tests" / path).read_text(encoding="utf-8")
    assert f"def {test}(" in text if test else "def test_" in text


def test_the_operator_s_guide_has_the_limits_as_they_are():
    from integrations.limits import table

    assert f"\n{table()}\n" in (ROOT / "docs" / "admin.md").read_text(encoding="utf-8")
