"""The template tag for Django applications: what it renders, and whom it never trusts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.template import Context, Engine, TemplateSyntaxError
from django.utils.safestring import SafeString

FILE = Path(__file__).parents[2] / "clients" / "django" / "connect_portal_tags.py"
PROJECT = "0197b1f0-0000-7000-8000-0000000000aa"
PORTAL = {"URL": "https://connect.acme.example", "PROJECT": PROJECT}
MODULES = {"/static/connect.1a.js": "sha384-aa", "/static/connect-element.2b.js": "sha384-bb"}
ENGINE = Engine(libraries={"connect_portal_tags": "clients.django.connect_portal_tags"})


@pytest.fixture(autouse=True)
def portal(settings: Any) -> dict[str, Any]:
    """Set the application up."""
    settings.CONNECT_PORTAL = dict(PORTAL)
    found: dict[str, Any] = settings.CONNECT_PORTAL
    return found


def rendered(tag: str, **context: Any) -> SafeString:
    """Render tags as a template of the application does."""
    template = ENGINE.from_string("{% load connect_portal_tags %}" + tag)
    return template.render(Context(context))


def test_it_is_one_short_file() -> None:
    assert len(FILE.read_text(encoding="utf-8").splitlines()) < 80


def test_it_renders_the_element_and_what_loads_it() -> None:
    found = rendered('{% connect_portal "gmail" token_url="/user-token" label="Connect Gmail" %}')
    assert found.endswith(
        f'<connect-portal integration="gmail" project="{PROJECT}" token-url="/user-token">'
        "Connect Gmail</connect-portal>"
    )
    assert 'src="https://connect.acme.example/static/connect-element.js"' in found
    assert "nonce" not in found


def test_the_scripts_come_once_and_are_pinned(portal: dict[str, Any]) -> None:
    portal["MODULES"] = MODULES
    tag = '{% connect_portal slug user_token="t" %}'
    found = rendered("{% for slug in slugs %}" + tag + "{% endfor %}", slugs=["gmail", "jira"])
    assert found.count("importmap") == found.count('<script type="module"') == 1
    assert found.count("<connect-portal") == 2
    assert found.startswith(
        '<script type="importmap">{"integrity":'
        ' {"https://connect.acme.example/static/connect.1a.js": "sha384-aa"}}</script>'
        '<script type="module" src="https://connect.acme.example/static/connect-element.2b.js"'
        ' integrity="sha384-bb" crossorigin></script>'
    )


def test_each_page_gets_its_scripts() -> None:
    template = ENGINE.from_string(
        '{% load connect_portal_tags %}{% connect_portal "gmail" user_token="t" %}'
    )
    assert template.render(Context()) == template.render(Context())


@pytest.mark.parametrize(
    "context",
    [{"csp_nonce": 'r4nd"om'}, {"request": SimpleNamespace(csp_nonce='r4nd"om')}],
)
def test_the_nonce_of_the_page_is_taken(portal: dict[str, Any], context: dict[str, Any]) -> None:
    portal["MODULES"] = MODULES
    found = rendered('{% connect_portal "gmail" user_token="t" %}', **context)
    assert found.count('nonce="r4nd&quot;om"') == 2


def test_lists_and_switches_become_attributes() -> None:
    found = rendered(
        '{% connect_portal "gmail" user_token="t" account_type=types allow_multiple_credentials=yes'
        " return_url=none show_portal_after_install=no %}",
        types=["default", "user-configured-oauth"], yes=True, no=False, none=None,
    )  # fmt: skip
    assert 'account-type="default user-configured-oauth" allow-multiple-credentials=""' in found
    assert "return-url" not in found
    assert "show-portal" not in found


HOSTILE = '"><script>alert(1)</script>'


@pytest.mark.parametrize("name", ["integration", "label", "user_token", "external_id", "theme"])
def test_what_somebody_typed_stays_text(name: str) -> None:
    given = {"integration": "gmail", "user_token": "t", name: HOSTILE}
    tag = "{% connect_portal integration " + " ".join(
        f"{k}={k}" for k in given if k != "integration"
    )
    found = rendered(tag + " %}", **given)
    assert "<script>" not in found
    assert "&quot;&gt;&lt;script&gt;alert(1)" in found


def test_a_digest_and_a_path_are_escaped_too(portal: dict[str, Any]) -> None:
    portal["MODULES"] = {"/a.js" + HOSTILE: HOSTILE, "/b.js" + HOSTILE: HOSTILE}
    found = rendered('{% connect_portal "gmail" user_token="t" %}')
    assert "<script>alert" not in found


@pytest.mark.parametrize("option", ["onclick", "onfocus", "Style", "a__b", "x_"])
def test_no_attribute_runs_script(option: str) -> None:
    with pytest.raises(TemplateSyntaxError, match="is no attribute"):
        rendered('{% connect_portal "gmail" user_token="t" ' + option + '="alert(1)" %}')


@pytest.mark.parametrize("tokens", ["", 'user_token="t" token_url="/t"'])
def test_exactly_one_source_of_tokens_is_needed(tokens: str) -> None:
    with pytest.raises(TemplateSyntaxError, match="Give one of fetch_user_token, token_url"):
        rendered('{% connect_portal "gmail" ' + tokens + " %}")


@pytest.mark.parametrize(
    "url", ["http://connect.acme.example", "javascript:alert(1)", "https://a.example/x", "//a"]
)
def test_scripts_come_from_an_https_origin_only(portal: dict[str, Any], url: str) -> None:
    portal["URL"] = url
    with pytest.raises(ImproperlyConfigured):
        rendered('{% connect_portal "gmail" user_token="t" %}')


def test_the_admin_s_snippet_is_what_the_tag_takes(db: None, portal: dict[str, Any]) -> None:
    from integrations.admin.snippets import snippets
    from tests.factories import make_integration, make_project

    found = {
        each.key: each.text
        for each in snippets(make_integration(make_project(), "gmail"), name="Gmail")
    }
    configuration, _, tags = found["django"].partition("{# a template #}")
    said: dict[str, Any] = {}
    exec(configuration, said)
    portal.clear()
    portal.update(said["CONNECT_PORTAL"])
    page = rendered(tags)
    pinned = [line for line in found["element"].splitlines() if "<script" in line]
    assert len(pinned) == 2
    assert all(line in page for line in pinned)
