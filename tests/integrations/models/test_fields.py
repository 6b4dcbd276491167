"""Sealed columns: a value opens only in the row, column, project and generation it was made for."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest
from django.core.exceptions import FieldError
from django.db import connection as database
from django.db import transaction
from django.db.models import F, Value
from django.test import override_settings

from integrations.errors import SealBroken
from integrations.models import ClientVersion, Connection, Credential, Project
from integrations.secret import Secret
from tests import factories
from tests.factories import Tokens

pytestmark = pytest.mark.django_db

MINE, REFRESH = "access-token-of-mine", "refresh-token-of-mine"
FIELD = Credential._meta.get_field("access_token")


@pytest.fixture
def credential(provider):
    """A stored credential."""
    project = factories.make_project()
    integration = factories.make_integration(project)
    dana = factories.make_end_user(project)
    made = factories.make_connection(integration, dana, tokens=Tokens(MINE, REFRESH))
    return Credential.objects.get(pk=made.pk)


@pytest.fixture
def another(credential):
    """The credential of somebody else, made with a client of their own."""
    mallory = factories.make_end_user(credential.connection.project, "mallory")
    integration = credential.connection.integration
    return Credential.objects.get(pk=factories.make_connection(integration, mallory).pk)


def stored(credential: Credential, column: str = "access_token") -> bytes:
    """Return a column's bytes."""
    return bytes(getattr(Credential.objects.get(pk=credential.pk), column).ciphertext)


def overwrite(credential: Credential, value: object, column: str = "access_token") -> Credential:
    """Write bytes into a column behind the model's back, and return the row anew."""
    Credential.objects.exclude(pk=credential.pk).delete()
    with database.cursor() as cursor:
        cursor.execute(f"UPDATE {Credential._meta.db_table} SET {column} = %s", [value])
    return Credential.objects.get()


def test_a_value_opens_where_it_was_stored(credential):
    assert credential.open_required("access_token") == Secret(MINE)
    assert credential.open("refresh_token") == Secret(REFRESH)


def test_an_empty_column_is_none_or_an_error(credential):
    Credential.objects.update(refresh_token=None)
    row = Credential.objects.get()
    assert row.open("refresh_token") is None
    with pytest.raises(SealBroken):
        row.open_required("refresh_token")


def test_the_database_holds_no_plain_text(credential):
    assert MINE.encode() not in stored(credential)
    again = Credential.objects.get()
    again.seal(access_token=Secret(MINE))
    before = stored(credential)
    again.save()
    assert stored(credential) != before


def test_a_value_of_another_row_is_refused(credential, another):
    row = overwrite(credential, stored(another))
    with pytest.raises(SealBroken):
        row.open("access_token")


def test_a_value_of_another_column_is_refused(credential):
    row = overwrite(credential, stored(credential, "refresh_token"))
    with pytest.raises(SealBroken):
        row.open("access_token")
    assert row.open("refresh_token") == Secret(REFRESH)


def test_a_value_of_another_table_is_refused(credential):
    secret = ClientVersion.objects.get().client_secret.ciphertext
    with pytest.raises(SealBroken):
        overwrite(credential, bytes(secret)).open("access_token")


def test_a_value_of_another_project_is_refused(credential):
    other = factories.make_project("Globex")
    Credential.objects.update(project_id=other.pk)
    with pytest.raises(SealBroken):
        Credential.objects.get().open("access_token")


def test_a_value_of_another_generation_is_refused(credential):
    Credential.objects.update(generation=2)
    with pytest.raises(SealBroken):
        Credential.objects.get().open("access_token")


def test_a_projects_audit_key_is_its_own(credential):
    other = factories.make_project("Globex")
    key = bytes(Project.objects.get(pk=other.pk).audit_key.ciphertext)
    with database.cursor() as cursor:
        cursor.execute(f"UPDATE {Project._meta.db_table} SET audit_key = %s", [key])
    with pytest.raises(SealBroken):
        Project.objects.get(pk=credential.project_id).open_required("audit_key")


@pytest.mark.parametrize("change", ["flipped", "cut", "empty", "plain", "JSON"])
def test_a_damaged_value_is_refused(credential, change):
    good = stored(credential)
    changed = {
        "flipped": good[:40] + bytes([good[40] ^ 1]) + good[41:],
        "cut": good[:-8],
        "empty": b"",
        "plain": MINE.encode(),
        "JSON": b'{"v": "' + MINE.encode() + b'"}',
    }
    with pytest.raises(SealBroken) as broken:
        overwrite(credential, changed[change]).open("access_token")
    assert MINE not in "".join(traceback.format_exception(broken.value))


@pytest.fixture
def keys():
    """Change the encryption keys; fields keep theirs once read, so they forget them here."""

    def forget() -> None:
        for name in ("keys", "fernet_keys", "fernet"):
            FIELD.__dict__.pop(name, None)

    def use(*values: str) -> None:
        changed.append(override_settings(FERNET_KEYS=list(values)))
        changed[-1].enable()
        forget()

    changed: list[override_settings] = []
    yield use
    for each in reversed(changed):
        each.disable()
    forget()


OLD = "tests-only-key-that-is-long-enough-0123456789"
NEW = "another-key-that-is-also-long-enough-987654321"


def test_another_key_opens_nothing(credential, keys):
    keys(NEW)
    with pytest.raises(SealBroken):
        credential.open("access_token")


def test_a_key_that_was_replaced_still_opens_and_a_rotated_value_needs_it_no_more(credential, keys):
    keys(NEW, OLD)
    assert credential.open("access_token") == Secret(MINE)
    credential.access_token = FIELD.rotated(credential.access_token)
    credential.save(update_fields=["access_token"])
    keys(NEW)
    row = Credential.objects.get()
    assert row.open("access_token") == Secret(MINE)
    row.generation = 2
    with pytest.raises(SealBroken):
        row.open("access_token")


@pytest.mark.parametrize(
    "value",
    ["text", b"bytes", Secret("a secret"), F("refresh_token"), Value("text"), Value(b"bytes"), 5],
    ids=str,
)
def test_an_update_cannot_store_what_no_row_vouches_for(credential, value):
    before = stored(credential)
    with pytest.raises((TypeError, FieldError)), transaction.atomic():
        Credential.objects.update(access_token=value)
    assert stored(credential) == before


def test_a_bulk_update_is_refused(credential):
    credential.seal(access_token=Secret("another"))
    with pytest.raises((TypeError, FieldError)), transaction.atomic():
        Credential.objects.bulk_update([credential], ["access_token"])
    assert Credential.objects.get().open("access_token") == Secret(MINE)


def test_text_that_is_no_secret_cannot_be_saved(credential):
    credential.access_token = "text"
    with pytest.raises(TypeError):
        credential.save()


def test_a_value_cannot_be_searched_for(credential):
    with pytest.raises(FieldError):
        Credential.objects.filter(access_token=MINE).exists()


def test_only_sealed_columns_are_opened(credential):
    for act in (credential.open, credential.sealed):
        with pytest.raises(TypeError):
            act("token_type")
    with pytest.raises(TypeError):
        credential.seal(token_type=Secret("x"))


def test_a_client_version_is_written_once(credential):
    version = ClientVersion.objects.get()
    version.client_id = "another"
    with pytest.raises(TypeError):
        version.save()
    assert ClientVersion.objects.get().client_id == "fake_ok"


def test_nothing_printed_or_pickled_shows_a_secret(credential):
    fresh = copy.copy(credential)
    fresh.seal(access_token=Secret(MINE))
    for row in (credential, fresh):
        for shown in (str(row), repr(row), repr(vars(row)), f"{row.access_token}"):
            assert MINE not in shown
    assert MINE.encode() not in pickle.dumps(credential)
    with pytest.raises(TypeError):
        pickle.dumps(fresh)


@pytest.mark.parametrize("form", ["{}", "{!r}", "{!s}", "{:>60}"])
def test_a_secret_formats_as_stars(form):
    assert "tok" not in form.format(Secret("tok")) + str([Secret("tok")])


def test_secrets_compare_by_value_and_with_nothing_else():
    assert Secret("ä") == Secret("ä") != Secret("a")
    assert Secret("a") != "a"
    assert not Secret("")


def test_deleting_a_connection_takes_its_tokens_along(credential):
    Connection.objects.all().delete()
    assert not Credential.objects.exists()
