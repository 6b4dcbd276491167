"""Lists from strangers: what is taken of them, and when nobody needs to be asked."""

from __future__ import annotations

from typing import Any

import pytest

from integrations import lookups
from integrations.catalog.schema import PostOption
from integrations.errors import NotAllowed, ProviderFailure
from integrations.models import Connection
from integrations.oauth import client as oauth
from integrations.secret import Secret

SITE = {"id": "1", "name": "Acme", "url": "https://acme.atlassian.net"}
BETA = {"id": "2", "name": "Beta", "url": "https://beta.atlassian.net"}


def option(**changed: Any) -> PostOption:
    """Return the choice of a site as Jira's file has it."""
    good = {
        "label": "Jira site",
        "endpoint": "https://api.example.com/sites",
        "id_path": "id",
        "label_path": "name",
        "hint_path": "url",
        "is_account": True,
        "matches": "https://{site}.atlassian.net",
    }
    return PostOption.model_validate(good | changed)


def offered(
    monkeypatch, catalog, data: Any, *, settings=None, target=None, **changed
) -> lookups.Offer | None:
    """Return the offer that comes of this list."""
    monkeypatch.setattr(oauth, "options", lambda **_: data)
    provider = catalog["jira"].model_copy(update={"post_options": {"cloud_id": option(**changed)}})
    return lookups.offer(
        provider=provider,
        client=None,
        settings=settings or {},
        access_token=Secret("token"),
        target=target,
    )


def connected(site: str = "2", **changed: Any) -> Connection:
    """Return a connection, not stored, that works with a site."""
    return Connection(**{"account_id": site, "provider_data": {"cloud_id": site}} | changed)


def test_one_site_is_chosen_without_asking(monkeypatch, catalog):
    offer = offered(monkeypatch, catalog, [SITE])
    assert offer.chosen.id == "1"
    assert (offer.account().id, offer.account().label) == ("1", "https://acme.atlassian.net")


def test_of_several_sites_nobody_chooses_but_the_person(monkeypatch, catalog):
    offer = offered(monkeypatch, catalog, [SITE, BETA])
    assert (offer.chosen, offer.account()) == (None, None)
    assert [choice.label for choice in offer.choices] == ["Acme", "Beta"]


@pytest.mark.parametrize(("site", "chosen"), [("beta", "2"), ("gamma", None), ("", None)])
def test_the_site_entered_in_the_form_is_chosen_if_it_is_there(monkeypatch, catalog, site, chosen):
    offer = offered(monkeypatch, catalog, [SITE, BETA], settings={"site": site})
    assert (offer.chosen and offer.chosen.id) == chosen


def test_a_renewed_connection_keeps_its_site(monkeypatch, catalog):
    offer = offered(
        monkeypatch, catalog, [SITE, BETA], target=connected("2"), settings={"site": "acme"}
    )
    assert offer.chosen.id == "2"


def test_a_renewal_by_somebody_who_cannot_open_the_site_is_refused(monkeypatch, catalog):
    with pytest.raises(NotAllowed, match="account_mismatch"):
        offered(monkeypatch, catalog, [SITE], target=connected("2"))


def test_where_the_choice_is_not_the_account_it_can_be_made_anew(monkeypatch, catalog):
    target = connected("9", account_id="somebody")
    offer = offered(monkeypatch, catalog, [SITE, BETA], target=target, is_account=False)
    assert offer.chosen is None


def test_a_provider_without_choices_is_not_asked(monkeypatch, catalog):
    monkeypatch.setattr(oauth, "options", lambda **_: 1 / 0)
    arguments = {"client": None, "settings": {}, "access_token": Secret("t"), "target": None}
    assert lookups.offer(provider=catalog["gmail"], **arguments) is None


@pytest.mark.parametrize("data", [None, {}, "text", 7, {"sites": []}, True])
def test_what_is_no_list_is_refused(data):
    with pytest.raises(ProviderFailure, match="options_unavailable"):
        lookups.listed(option=option(), data=data)


@pytest.mark.parametrize("data", [None, [], {"data": None}, {"data": {"sites": {}}}])
def test_a_list_that_is_not_where_it_should_be_is_refused(data):
    with pytest.raises(ProviderFailure, match="options_unavailable"):
        lookups.listed(option=option(list_path="data.sites"), data=data)


def test_a_list_within_the_answer_is_found():
    found = lookups.listed(option=option(list_path="data.sites"), data={"data": {"sites": [SITE]}})
    assert [choice.id for choice in found] == ["1"]


@pytest.mark.parametrize(
    "item",
    [None, 7, "1", [], {}, {"id": None}, {"id": True}, {"id": {"x": 1}}, {"id": ""}, {"id": 1.5}]
    + [
        {"id": bad}
        for bad in ("../x", "a/b", "a b", "x?y", "x#y", "%2e", "é", "\u202e1", "a" * 129)
    ]
    + [{"id": "1\n"}, {"id": "-1"}],
    ids=repr,
)
def test_items_whose_id_could_lead_elsewhere_are_left_out(item):
    assert lookups.listed(option=option(), data=[item]) == ()


def test_an_empty_list_is_said_to_be_empty(monkeypatch, catalog):
    for data in ([], [{"id": "../x"}]):
        with pytest.raises(NotAllowed, match="no_options"):
            offered(monkeypatch, catalog, data)


def test_an_id_that_is_there_twice_is_one_choice():
    again = {**SITE, "name": "Acme again"}
    (found,) = lookups.listed(option=option(), data=[SITE, again])
    assert found.label == "Acme"


def test_ten_thousand_sites_are_cut_but_all_are_looked_through(monkeypatch, catalog):
    many = [
        {"id": str(n), "name": f"S{n}", "url": f"https://s{n}.atlassian.net"} for n in range(10_000)
    ]
    offer = offered(monkeypatch, catalog, many)
    assert len(offer.choices) == lookups.MAX_CHOICES
    offer = offered(monkeypatch, catalog, many, settings={"site": "s9999"})
    assert offer.chosen.id == "9999"


def test_names_are_text_of_a_sensible_length():
    item = {"id": 5, "name": "<b>x</b>" + "y" * 500 + "\x00", "url": ["no", "text"]}
    (found,) = lookups.listed(option=option(), data=[item])
    assert (found.id, len(found.label), found.hint) == ("5", lookups.MAX_LABEL, "")


def test_a_site_without_a_name_goes_by_its_id():
    (found,) = lookups.listed(option=option(hint_path=""), data=[{"id": "5", "name": "  "}])
    assert (found.label, found.hint) == ("5", "")
