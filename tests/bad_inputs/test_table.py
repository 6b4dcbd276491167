"""The table names every row, every door of it, and a reason for each door that it leaves out."""

from __future__ import annotations

import pytest

from tests.bad_inputs import table
from tests.bad_inputs.doors import FIELDS, Door
from tests.bad_inputs.rows import MODULES, ROWS
from tests.bad_inputs.urls import URLS
from tests.bad_inputs.values import VALUES, values_at


def test_every_row_is_there_once_and_goes_through_a_door():
    assert [row.number for row in ROWS] == list(range(1, 56))
    assert all(row.doors() for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"row{row.number:02}")
def test_a_row_goes_through_a_door_or_says_why_not(row):
    for door in Door:
        assert (door in row.doors()) != bool(row.reason(door)), door


def test_every_text_and_address_belongs_to_a_row_of_its_field():
    fields = {row.number: row.fields for row in ROWS}
    for value in VALUES:
        assert value.field in fields[value.row], value
    for url in URLS:
        assert "url" in fields[url.row], url


def test_no_row_names_a_field_without_trying_it():
    tried = {(value.row, value.field) for value in VALUES} | {(url.row, "url") for url in URLS}
    for row in ROWS:
        untried = {name for name in row.fields if (row.number, name) not in tried}
        assert not untried or row.tests, row.number


def test_one_door_gets_every_text_that_it_has_a_field_for():
    every = [value for value in VALUES if value.field in FIELDS[Door.USER_API]]
    assert sum(map(len, values_at(Door.USER_API).values())) == len(every) > 200


def test_every_test_that_is_named_exists():
    for row in ROWS:
        for named in row.doors().values():
            path, _, name = named.partition("::")
            text = (table.ROOT / path).read_text(encoding="utf-8")
            assert f"def {name}(" in text if name else "values_at" in text, named


def test_every_door_has_a_module_or_is_no_place_for_texts():
    assert set(Door) - set(MODULES) == {Door.CALLBACK, Door.ANY}


def test_the_document_says_what_the_table_says():
    kept = table.DOCUMENT.read_text(encoding="utf-8")
    assert kept == table.document(), "run python -m tests.bad_inputs.table"
