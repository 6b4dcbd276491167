"""Client credentials arrive byte for byte, whichever way a provider wants them."""

from __future__ import annotations

import pytest

from integrations.models import Connection
from integrations.secret import Secret
from tests import factories, trips

pytestmark = pytest.mark.django_db

SETTINGS = {"demo-mail": {}, "demo-desk": {"subdomain": "acme"}, "zendesk": {"subdomain": "acme"}}
SECRETS = ["p%40ss+word", "a&b=c", "a:b/c#d?e", "two words", "~!*'()", 'a"b}', "\\u0041", "%"]


@pytest.mark.parametrize("slug", SETTINGS)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_of_odd_characters_is_understood(provider, slug, secret):
    project = factories.make_project()
    factories.make_integration(project, slug)
    config = {"client_id": "app:1%+&", "client_secret": Secret(secret), "settings": SETTINGS[slug]}
    dana = trips.prepared(project, integration=slug, **config)
    redirect_uri = dana.current_flow().oauth_client.redirect_uri()
    provider.register_client(
        slug,
        redirect_uris=[redirect_uri],
        client_id="app:1%+&",
        client_secret=secret,
        settings=SETTINGS[slug],
    )
    dana.approve()
    assert provider.requests("token")[0].outcome == "ok"
    assert Connection.objects.get().status == "VALID"


@pytest.mark.parametrize("slug", SETTINGS)
def test_another_secret_is_refused(provider, slug):
    project = factories.make_project()
    factories.make_integration(project, slug)
    dana = trips.prepared(project, integration=slug, settings=SETTINGS[slug])
    redirect_uri = dana.current_flow().oauth_client.redirect_uri()
    provider.register_client(
        slug, redirect_uris=[redirect_uri], client_id="fake_ok", client_secret="another"
    )
    dana.approve()
    assert dana.current_flow().error_code == "invalid_client"
    assert not Connection.objects.exists()
