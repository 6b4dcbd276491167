"""What a developer copies from an integration's page: this project, portal and release."""

from __future__ import annotations

import base64
import hashlib
import re
from html import unescape
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.test import Client

from integrations.admin.snippets import module, snippets
from integrations.models import Integration, ReturnUrl
from tests.integrations.admin.pages import url

pytestmark = pytest.mark.django_db
STATIC = Path(__file__).parents[3] / "static"


def copied(client: Client, integration: Integration) -> dict[str, str]:
    """Return what the page offers to copy, by its name."""
    page = client.get(url("integration_change", integration.pk)).content.decode()
    found = re.findall(
        r'<textarea readonly id="snippet-(\w+)".*?>\n(.*?)</textarea>', page, re.DOTALL
    )
    return {key: unescape(text) for key, text in found}


def test_each_way_names_project_integration_and_portal(
    admin_client: Client, gmail: Integration
) -> None:
    found = copied(admin_client, gmail)
    assert list(found) == ["element", "html", "react", "django", "curl"]
    for key, text in found.items():
        assert "http://localhost:8000" in text, key
        assert "gmail" in text, key
        assert "$" not in text.replace("$CONNECT_PORTAL_API_KEY", ""), key
    for key in ("element", "html", "react", "django"):
        assert str(gmail.project_id) in found[key], key


def test_scripts_are_named_with_the_digest_of_what_is_served(
    admin_client: Client, gmail: Integration
) -> None:
    found = copied(admin_client, gmail)
    for name in ("connect.js", "connect-element.js"):
        digest = base64.b64encode(hashlib.sha384((STATIC / name).read_bytes()).digest()).decode()
        assert f'/static/{name}" integrity="sha384-{digest}" crossorigin' in "".join(found.values())
        assert f"sha384-{digest}" in found["element"]
        assert f'"/static/{name}": "sha384-{digest}"' in found["django"]


def test_where_files_are_collected_the_name_holds_the_content(monkeypatch, settings, tmp_path):
    from portal.assets import ImmutableFiles

    (tmp_path / "connect.0123456789ab.js").write_bytes(b"export {};")
    storage = ImmutableFiles(location=tmp_path, base_url="/static/")
    storage.hashed_files = {"connect.js": "connect.0123456789ab.js"}
    monkeypatch.setattr("integrations.admin.snippets.staticfiles_storage", storage)
    found = module("connect.js")
    assert found.path == "/static/connect.0123456789ab.js"
    assert found.digest.endswith(base64.b64encode(hashlib.sha384(b"export {};").digest()).decode())


def test_modules_that_are_collected_import_each_other_under_such_names(settings, tmp_path):
    from portal.assets import ImmutableFiles

    for name in ("connect.js", "connect-element.js", "connect-headless.js"):
        (tmp_path / name).write_bytes((STATIC / name).read_bytes())
    storage = ImmutableFiles(location=tmp_path, base_url="/static/")
    done = storage.post_process({each.name: (storage, each.name) for each in tmp_path.glob("*.js")})
    names = {name: hashed for name, hashed, _ in done if hashed.endswith(".js")}
    text = (tmp_path / names["connect-element.js"]).read_text()
    assert f'from "./{names["connect.js"]}";' in text
    text = (tmp_path / names["connect.js"]).read_text()
    assert f'import("./{names["connect-headless.js"]}")' in text
    assert not re.search(r'"\./connect[\w-]*\.js"', text)


def test_a_link_leads_back_to_a_registered_address(
    admin_client: Client, gmail: Integration
) -> None:
    gmail.project.return_urls.all().delete()
    assert "a return URL of the project" in copied(admin_client, gmail)["curl"]
    ReturnUrl.objects.create(project=gmail.project, url="https://app.acme.example/back")
    assert "https://app.acme.example/back" in copied(admin_client, gmail)["curl"]


@pytest.mark.parametrize("name", ['"</script>', "'-{{ x }}", "$portal`${x}"])
def test_a_name_ends_no_string_tag_or_comment(gmail: Integration, name: str) -> None:
    for each in snippets(gmail, name=f"A{name}Z"):
        assert name not in each.text
        assert not re.search(r"A[^A-Za-z .-]+", each.text.split("Connect ")[-1][:2])


def test_those_who_may_only_look_are_given_nothing_to_copy(
    viewer_client: Client, gmail: Integration
) -> None:
    assert copied(viewer_client, gmail) == {}


def test_there_is_nothing_to_run_on_the_page(admin_client: Client, gmail: Integration) -> None:
    page = admin_client.get(url("integration_change", gmail.pk)).content.decode()
    assert "<connect-portal" not in page
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", page.replace('id="django-admin', "src="))


def test_the_storage_of_the_tests_has_no_manifest() -> None:
    assert not hasattr(staticfiles_storage, "stored_name")
