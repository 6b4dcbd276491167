"""A page of the vendor's own gets what registers the app, too."""

from __future__ import annotations

import json

import pytest

from integrations.catalog import registry
from tests import factories
from tests.portal.visits import OWN, Headless

pytestmark = pytest.mark.django_db


@pytest.fixture
def host(db):
    """A page of the vendor that draws its own form for Slack."""
    before = registry.installed()
    registry.install(registry.load())
    project = factories.make_project()
    factories.make_integration(project, "slack")
    yield Headless(project)
    registry.install(before)


def test_the_form_comes_with_what_registers_the_app(host):
    step = host.begin(integration="slack", account_type=[OWN])
    (made,) = step["create"]
    assert (made["kind"], made["file"]) == ("manifest", "slack-app-manifest.json")
    oauth = json.loads(made["text"])["oauth_config"]
    assert oauth["redirect_urls"] == [step["redirect_url"]]
    assert made["link"].startswith("https://api.slack.com/apps?new_app=1&manifest_json=%7B")
    assert (made["missing"], made["left_out"]) == ([], [])


def test_other_stages_come_without_it(host):
    assert host.begin(integration="slack", account_type=[OWN])["create"]
    entered = {
        "client_id": "1.2",
        "client_secret": "a-secret-that-is-typed",
        "scopes": ["team:read"],
    }
    saved = host.step("pre-options", entered).json()
    assert (saved["stage"], saved["create"]) == ("oauth", [])
    assert "a-secret-that-is-typed" not in str(saved)
