"""Logos: each provider's own, or the neutral one, also where only collected files are known."""

from __future__ import annotations

import json

import pytest

from integrations.catalog import registry
from portal import logos
from tests import factories, trips
from tests.portal.api.conftest import vendor_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def collected(settings, tmp_path):
    """Static files as in production: by a manifest, which raises for a file that is not in it."""
    names = ("logos/demo-mail.svg", "logos/_provider.svg", "portal.css", "portal.js")
    paths = {name: name.replace(".", ".0123456789ab.") for name in names}
    manifest = {"paths": paths, "version": "1.1", "hash": ""}
    (tmp_path / "staticfiles.json").write_text(json.dumps(manifest), encoding="utf-8")
    backend = "whitenoise.storage.CompressedManifestStaticFilesStorage"
    settings.STATIC_ROOT = str(tmp_path)
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": backend}}


@pytest.fixture
def offered(project, catalog):
    """A project that also offers a provider without a logo."""
    registry.install(
        {**catalog, "plain": catalog["demo-mail"].model_copy(update={"slug": "plain"})}
    )
    factories.make_integration(project, "plain")
    yield project
    registry.install(catalog)


def test_a_provider_without_a_logo_does_not_take_the_list_away(offered, collected):
    answer = vendor_of(offered)("GET", "/v1/integrations")
    assert answer.status_code == 200, answer.content
    icons = {each["type"]: each["icon"] for each in answer.json()["integrations"]}
    assert icons == {
        "demo-mail": "http://localhost:8000/static/logos/demo-mail.0123456789ab.svg",
        "plain": "http://localhost:8000/static/logos/_provider.0123456789ab.svg",
    }


def test_pages_show_the_same_logos_as_the_api(offered):
    dana = trips.prepared(offered, integration="plain")
    dana.start()
    assert "/static/logos/_provider.svg" in dana.last.content.decode()
    assert logos.address("demo-mail") == "/static/logos/demo-mail.svg"


@pytest.mark.parametrize("slug", ["unheard-of", "", "../connect", "_missing"])
def test_a_slug_without_a_file_has_the_neutral_logo(collected, slug):
    assert logos.address(slug) == "/static/logos/_provider.0123456789ab.svg"


def test_a_logo_that_was_not_collected_is_an_error_and_not_a_dead_address(collected):
    with pytest.raises(ValueError, match="Missing staticfiles manifest entry"):
        logos.address("gmail")
