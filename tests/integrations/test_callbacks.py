"""What callbacks carry besides the code: it is checked before anything is sent anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from integrations.catalog import files, registry
from integrations.models import AuthorizationRequest, Connection, Flow
from integrations.oauth import client as oauth
from tests import trips
from tests.fakeas.played.authorization import signed
from tests.fakeas.played.provider import Played
from tests.integrations.test_every_provider import prepared

pytestmark = pytest.mark.django_db
CATALOG = registry.load()


@pytest.fixture
def play(request: pytest.FixtureRequest) -> Iterator[Played]:
    """Play the provider of the test's parameter."""
    installed, transport = registry.installed(), oauth.transport
    registry.install(CATALOG)
    played = Played(request.param, files.built_in(request.param))
    oauth.use(played)  # type: ignore[arg-type]
    yield played
    registry.install(installed)
    oauth.use(transport)


def changed(url: str, **values: str | None) -> str:
    """Return a callback with other parameters; one of None is left out."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query)) | values
    kept = {name: value for name, value in given.items() if value is not None}
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{urlencode(kept)}"


def refused(play: Played, code: str, /, **values: str | None) -> bool:
    """Return whether a callback with these changes fails so, and nothing was sent or kept."""
    dana = prepared(play)
    dana.come_back(changed(play.approve(dana.start()), **values))
    flow = dana.current_flow()
    assert (flow.status, flow.error_code) == (Flow.Status.FAILED, code)
    assert AuthorizationRequest.objects.get(flow=flow).callback_values == {}
    assert not Connection.objects.exists()
    return not play.seen


SHOP = "evil-shop.myshopify.com"


@pytest.mark.parametrize("play", ["shopify"], indirect=True)
@pytest.mark.parametrize(
    "values",
    [{"hmac": None}, {"hmac": "0" * 64}, {"shop": SHOP}, {"shop": None}, {"extra": "x"}],
    ids=["no signature", "another signature", "another shop", "no shop", "a parameter more"],
)
def test_a_callback_that_shopify_did_not_sign_is_refused(
    play: Played, values: dict[str, str | None]
) -> None:
    assert refused(play, "callback_forged", **values)


@pytest.mark.parametrize("play", ["shopify"], indirect=True)
def test_a_signed_callback_of_another_shop_is_refused(play: Played) -> None:
    dana = prepared(play)
    given = dict(parse_qsl(urlsplit(play.approve(dana.start())).query))
    given.pop("hmac")
    sent = signed(given | {"shop": SHOP}, play.secret)
    dana.come_back(f"{play.redirect_uri}?{urlencode(sent)}")
    assert trips.refusals(dana.project)[-1][1] == "account_host_mismatch"
    assert not play.seen


@pytest.mark.parametrize(
    ("play", "param", "value"),
    [
        ("zoho-crm", "accounts-server", "https://accounts.zoho.eu"),
        ("zoho-crm", "accounts-server", "https://accounts.zoho.com.evil.example"),
        ("kommo", "referer", "other.kommo.com"),
        ("kommo", "referer", "acme.kommo.com.evil.example"),
        ("kommo", "referer", "evil.example/acme.kommo.com"),
        ("lightspeed-retail", "domain_prefix", "other"),
        ("lightspeed-retail", "domain_prefix", "evil.example/"),
        ("bigcommerce", "context", "stores/other0hash"),
    ],
    indirect=["play"],
)
def test_a_callback_of_another_account_decides_nothing(
    play: Played, param: str, value: str
) -> None:
    assert refused(play, "account_host_mismatch", **{param: value})


@pytest.mark.parametrize(
    ("play", "param", "value"),
    [
        ("quickbooks", "realmId", None),
        ("quickbooks", "realmId", ""),
        ("quickbooks", "realmId", "../../evil"),
        ("quickbooks", "realmId", "46208\n"),
        ("kommo", "referer", None),
        ("amazon-selling-partner", "selling_partner_id", "a b"),
        ("amazon-selling-partner", "spapi_oauth_code", None),
        ("netsuite", "company", "../x"),
    ],
    indirect=["play"],
)
def test_a_value_that_the_provider_does_not_send_is_refused(
    play: Played, param: str, value: str | None
) -> None:
    dana = prepared(play)
    dana.come_back(changed(play.approve(dana.start()), **{param: value}))
    flow = dana.current_flow()
    assert (flow.status, flow.error_code) == (Flow.Status.FAILED, "answer_malformed")
    assert not play.seen


@pytest.mark.parametrize("play", ["amazon-selling-partner"], indirect=True)
def test_a_code_under_the_standard_name_is_not_taken_from_a_provider_with_its_own(
    play: Played,
) -> None:
    assert refused(play, "answer_malformed", spapi_oauth_code=None, code="a-code")


@pytest.mark.parametrize("play", ["quickbooks"], indirect=True)
def test_what_a_callback_says_is_kept_with_the_connection(play: Played) -> None:
    dana = prepared(play)
    dana.come_back(play.approve(dana.start()))
    assert Connection.objects.get().provider_data["realm_id"] == "4620816365291273"
    assert "/company/4620816365291273/" in play.asked["identity"].url


@pytest.mark.parametrize("play", ["pagerduty"], indirect=True)
def test_an_optional_value_of_another_shape_is_left_out(play: Played) -> None:
    dana = prepared(play)
    dana.come_back(changed(play.approve(dana.start()), service_region="<script>"))
    data = Connection.objects.get().provider_data
    assert "service_region" not in data
    assert data["account"] == "acme"
