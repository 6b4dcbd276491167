"""Connections of a former system: taken over once, checked like the form, told without secrets."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations import importing, tokens
from integrations.models import (
    AuditEvent,
    ClientVersion,
    Connection,
    Credential,
    EndUser,
    IdempotentRequest,
    Integration,
    OAuthClient,
)
from tests import factories
from tests.threads import at_once

pytestmark = pytest.mark.django_db

PATH = "/v1/connections/import"
SECRET, REFRESH, ACCESS = "a-client-secret-of-theirs", "refresh-token-of-theirs", "access-of-theirs"


def row(**changed: Any) -> dict[str, Any]:
    """Return a good row; a changed value of None is left out."""
    good = {
        "user": "dana",
        "org": "acme",
        "integration": "demo-mail",
        "account_type": "user-configured-oauth",
        "account_id": "alice",
        "account_label": "alice@example.test",
        "access_token": ACCESS,
        "refresh_token": REFRESH,
        "expires_at": (timezone.now() + timedelta(hours=1)).isoformat(),
        "scopes": ["openid", "mail.read"],
        "client": {"client_id": "fake_ok", "client_secret": SECRET, "settings": {}},
    }
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def report(vendor, *rows: Any, **more: Any) -> dict[str, Any]:
    """Import rows and return the report, which never holds a secret."""
    answer = vendor("POST", PATH, {"rows": list(rows), **more})
    assert answer.status_code == 200, answer.content
    for secret in (SECRET, REFRESH, ACCESS):
        assert secret not in answer.content.decode()
    found: dict[str, Any] = answer.json()
    return found


def only(vendor, item: Any) -> dict[str, Any]:
    """Import one row and return what became of it."""
    (found,) = report(vendor, item)["rows"]
    return dict(found)


def test_a_connection_is_taken_over_with_its_client_and_tokens(vendor, project):
    found = only(vendor, row())
    connection = Connection.objects.get(pk=found["connection_id"])
    assert (found["status"], connection.status, connection.account_id) == (
        "imported",
        "VALID",
        "alice",
    )
    assert connection.end_user.external_id == "dana"
    assert connection.end_user.organization.external_id == "acme"
    assert connection.scopes == ["openid", "mail.read"]
    slot = connection.oauth_client
    assert (slot.owner, slot.state, slot.current_version.client_id) == (
        "end_user",
        "ACTIVE",
        "fake_ok",
    )
    assert slot.current_version.open_required("client_secret").reveal() == SECRET
    assert tokens.access_token_for(connection).token.reveal() == ACCESS
    credential = Credential.objects.get()
    assert credential.open_required("refresh_token").reveal() == REFRESH
    event = AuditEvent.objects.get(action="connection.imported")
    assert event.actor.startswith("api_key:")
    assert SECRET not in json.dumps(event.data)


def test_the_same_rows_again_change_nothing(vendor):
    first = report(vendor, row(), row(account_id="bob"))
    again = report(vendor, row(refresh_token="older"), row(account_id="bob"))
    assert (first["imported"], again["imported"], again["exists"]) == (2, 0, 2)
    assert [each["connection_id"] for each in first["rows"]] == [
        each["connection_id"] for each in again["rows"]
    ]
    assert Connection.objects.count() == 2
    assert {each.open_required("refresh_token").reveal() for each in Credential.objects.all()} == {
        REFRESH
    }


def test_rows_of_one_client_share_its_slot(vendor):
    assert report(vendor, row(), row(account_id="bob"))["imported"] == 2
    assert (OAuthClient.objects.count(), ClientVersion.objects.count()) == (1, 1)


def test_another_client_has_a_slot_of_its_own(vendor):
    other = {"client_id": "fake_two", "client_secret": SECRET, "settings": {}}
    assert report(vendor, row(), row(account_id="bob", client=other))["imported"] == 2
    assert OAuthClient.objects.filter(state="ACTIVE").count() == 2


def test_an_external_id_tells_connections_apart(vendor):
    rows = [row(external_id="one"), row(external_id="two")]
    assert report(vendor, *rows)["imported"] == 2
    assert report(vendor, *rows)["exists"] == 2


def test_a_disconnected_connection_is_not_in_the_way(vendor):
    first = only(vendor, row())
    Credential.objects.all().delete()
    Connection.objects.update(status="DISCONNECTED")
    again = only(vendor, row())
    assert (again["status"], again["connection_id"] != first["connection_id"]) == ("imported", True)


def test_a_dry_run_keeps_nothing_and_says_the_same(vendor):
    rows = [row(), row(user="with space"), row(account_id="bob")]
    tried = report(vendor, *rows, dry_run=True)
    for model in (Connection, Credential, EndUser, OAuthClient):
        assert model.objects.count() == 0
    assert not AuditEvent.objects.filter(action="connection.imported").exists()
    done = report(vendor, *rows)
    assert (tried["imported"], tried["refused"]) == (done["imported"], done["refused"]) == (2, 1)
    assert tried["rows"][1] == done["rows"][1]
    assert tried["rows"][0]["connection_id"] is None


def test_one_bad_row_does_not_keep_the_others_out(vendor):
    found = report(vendor, row(), row(user=""), row(account_id="bob"))
    assert [each["status"] for each in found["rows"]] == ["imported", "refused", "imported"]
    assert [each["row"] for each in found["rows"]] == [0, 1, 2]


def test_the_vendors_client_needs_none_in_the_row(vendor, project):
    from integrations import clients
    from integrations.clients import ClientConfig
    from integrations.secret import Secret

    slot = clients.vendor_client(Integration.objects.get())
    config = ClientConfig("fake_vendor", Secret("vendor-secret"), {})
    clients.replace_config(client=slot, config=config, actor="test")
    found = only(vendor, row(account_type="default", client=None))
    assert found["status"] == "imported"
    assert Connection.objects.get().oauth_client == slot


@pytest.mark.parametrize(
    "changed",
    [
        {"access_token": None},
        {"access_token": None, "expires_at": None},
        {"expires_at": None},
        {"expires_at": "2020-01-01T00:00:00Z"},
    ],
)
def test_a_token_whose_end_is_not_known_is_due_at_once(vendor, changed):
    assert only(vendor, row(**changed))["status"] == "imported"
    left = Credential.objects.get().expires_at - timezone.now()
    assert left <= timedelta(seconds=1)


@pytest.mark.parametrize("end", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"])
def test_an_end_that_no_clock_reaches_is_no_failure(vendor, end):
    assert only(vendor, row(expires_at=end))["status"] == "imported"
    left = Credential.objects.get().expires_at - timezone.now()
    assert left < timedelta(days=3651)


def test_missing_scopes_make_it_limited(vendor, project):
    Integration.objects.update(required_scopes=["mail.send"])
    only(vendor, row())
    connection = Connection.objects.get()
    assert (connection.status, connection.missing_scopes) == ("LIMITED", ["mail.send"])


MASKED = {"client_id": "fake_ok", "client_secret": "••••••••", "settings": {}}
NO_SECRET = {"client_id": "fake_ok", "client_secret": "", "settings": {}}
EXTRA = {"client_id": "fake_ok", "client_secret": SECRET, "secret": SECRET}
BAD_ROWS = {
    "no user": ({"user": None}, "user", "required"),
    "empty user": ({"user": ""}, "user", "invalid"),
    "space in user": ({"user": "a b"}, "user", "invalid"),
    "user is a number": ({"user": 7}, "user", "invalid"),
    "org with newline": ({"org": "a\nb"}, "org", "invalid"),
    "integration of nobody": ({"integration": "gmail"}, "integration", "integration_not_found"),
    "integration is a list": ({"integration": ["demo-mail"]}, "integration", "invalid"),
    "unknown account type": ({"account_type": "x"}, "account_type", "account_type_not_allowed"),
    "no vendor client": (
        {"account_type": "default", "client": None},
        "account_type",
        "vendor_client_missing",
    ),
    "client of default": ({"account_type": "default"}, "client", "unexpected"),
    "no client": ({"client": None}, "client", "required"),
    "no secret": ({"client": NO_SECRET}, "client.client_secret", "required"),
    "masked secret": ({"client": MASKED}, "client.client_secret", "mask"),
    "unknown in client": ({"client": EXTRA}, "client.secret", "unknown"),
    "no refresh token": ({"refresh_token": None}, "refresh_token", "required"),
    "masked token": ({"refresh_token": "********"}, "refresh_token", "invalid"),
    "token with space": ({"access_token": f"{ACCESS} x"}, "access_token", "invalid"),
    "token not ASCII": ({"refresh_token": REFRESH + "\xe4"}, "refresh_token", "invalid"),
    "token too long": ({"refresh_token": "x" * 16_385}, "refresh_token", "too_long"),
    "token is a number": ({"access_token": 1}, "access_token", "invalid"),
    "no id": ({"account_id": None}, "account_id", "required"),
    "long id": ({"account_id": "x" * 256}, "account_id", "invalid"),
    "label with control": ({"account_label": "a\x07"}, "account_label", "invalid"),
    "label that turns": ({"account_label": "a\u202eb"}, "account_label", "invalid"),
    "external id with prefix": ({"external_id": "ext:a"}, "external_id", "invalid"),
    "no scopes": ({"scopes": None}, "scopes", "required"),
    "scopes in one text": ({"scopes": "openid mail.read"}, "scopes", "invalid"),
    "bad scope": ({"scopes": ['a"b']}, "scopes", "bad_scope"),
    "expiry without zone": ({"expires_at": "2027-01-01T00:00:00"}, "expires_at", "invalid"),
    "expiry is a word": ({"expires_at": "soon"}, "expires_at", "invalid"),
    "unknown field": ({"acess_token": ACCESS}, "acess_token", "unknown"),
    "status": ({"status": "VALID"}, "status", "unknown"),
    "unknown data": ({"provider_data": {"host": "evil"}}, "provider_data.host", "unknown"),
}


@pytest.mark.parametrize(("changed", "field", "code"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_row_that_cannot_be_used_is_refused_naming_the_field(vendor, changed, field, code):
    found = only(vendor, row(**changed))
    assert (found["status"], found["connection_id"]) == ("refused", None)
    assert (field, code) in [(each["field"], each["code"]) for each in found["errors"]]
    assert Connection.objects.count() == Credential.objects.count() == 0
    assert OAuthClient.objects.count() == EndUser.objects.count() == 0


@pytest.mark.parametrize("item", [None, 1, "x", [], [row()], {}])
def test_a_row_that_is_none_is_refused(vendor, item):
    assert only(vendor, item)["status"] == "refused"


def test_every_fault_of_a_row_is_told_at_once(vendor):
    found = only(vendor, row(user="a b", account_id="", refresh_token="***"))
    assert [each["field"] for each in found["errors"]] == ["user", "account_id", "refresh_token"]


def test_an_instance_that_is_not_the_providers_is_refused(vendor, project):
    factories.make_integration(project, "jira")
    base = row(integration="jira", account_id="11111111-2222-3333-4444-555555555555")
    evil = only(vendor, {**base, "provider_data": {"cloud_id": "../../evil"}})
    assert evil["errors"][0]["field"] == "provider_data.cloud_id"
    good = only(vendor, {**base, "provider_data": {"cloud_id": base["account_id"]}})
    assert good["status"] == "imported"


@pytest.mark.parametrize("name", ["account_id", "external_id"])
def test_rows_for_the_same_connection_are_all_refused(vendor, name):
    same = {"external_id": "x"} if name == "external_id" else {}
    found = report(vendor, row(**same), row(account_id="bob"), row(refresh_token="b", **same))
    assert [each["status"] for each in found["rows"]] == ["refused", "imported", "refused"]
    assert {each["code"] for each in found["rows"][0]["errors"]} == {"duplicate"}
    assert found["rows"][0]["errors"][0]["field"] == name


BAD_BODIES = {
    "no rows": ({}, "rows"),
    "rows is an object": ({"rows": {}}, "rows"),
    "empty": ({"rows": []}, "rows"),
    "501": ({"rows": [{}] * 501}, "rows"),
    "unknown key": ({"rows": [{}], "dryrun": True}, "dryrun"),
    "dry_run is a word": ({"rows": [{}], "dry_run": "yes"}, "dry_run"),
    "dry_run is a number": ({"rows": [{}], "dry_run": 1}, "dry_run"),
    "a list": ([{}], "rows"),
}


@pytest.mark.parametrize(("body", "field"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_body_that_is_none_is_refused(vendor, body, field):
    answer = vendor("POST", PATH, json.dumps(body))
    assert answer.status_code in (400, 422)
    assert [each["field"] for each in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("text", ["", "{", "[1,", '{"rows": NaN}', '{"rows": [], "rows": []}'])
def test_a_body_that_is_not_json_is_refused(vendor, text):
    assert vendor("POST", PATH, text).status_code in (400, 415, 422)


def test_a_body_larger_than_other_addresses_take_is_read(vendor):
    rows = [row(account_id=f"a-{number}", org=None) for number in range(300)]
    rows = [{**each, "refresh_token": "x" * 2_000, "user": ""} for each in rows]
    assert report(vendor, *rows)["refused"] == 300


def test_a_body_that_is_too_large_is_refused(vendor):
    answer = vendor("POST", PATH, json.dumps({"rows": [], "x": "x" * 4_000_001}))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_nothing_that_was_sent_is_kept_with_the_answer(vendor):
    vendor("POST", PATH, {"rows": [row()]}, **{"Idempotency-Key": "one"})
    kept = IdempotentRequest.objects.get().body or ""
    assert "imported" in kept
    assert not [secret for secret in (SECRET, REFRESH, ACCESS) if secret in kept]


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_make_one_connection(vendor):
    results = at_once(4, lambda: vendor("POST", PATH, {"rows": [row()]}).json()["rows"][0])
    assert sorted(each["status"] for each in results) == ["exists", "exists", "exists", "imported"]
    assert Connection.objects.count() == 1


def test_a_stored_secret_that_was_changed_ends_its_row_only(vendor, project):
    only(vendor, row())
    other = factories.make_client(
        project.integrations.get(), factories.make_end_user(project, "omar"), client_id="another"
    )
    swapped = ClientVersion.objects.filter(client_id="fake_ok")
    swapped.update(client_secret=other.current_version.client_secret)
    found = report(vendor, row(account_id="second"), row(user="eve"))["rows"]
    assert [each["status"] for each in found] == ["refused", "imported"]
    assert [each["code"] for each in found[0]["errors"]] == ["integrity_error"]
    assert AuditEvent.objects.get(action="seal.broken").data["severity"] == "high"


def test_a_row_that_meets_another_import_ends_alone(vendor, monkeypatch):
    only(vendor, row(external_id="one", account_id="first"))
    monkeypatch.setattr(importing, "_existing", lambda *_: None)
    found = report(vendor, row(external_id="one"), row(user="eve"))["rows"]
    assert [each["status"] for each in found] == ["refused", "imported"]
    assert [each["code"] for each in found[0]["errors"]] == ["conflict"]
