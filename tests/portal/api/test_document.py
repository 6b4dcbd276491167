"""The API's document: every operation has words, an example that fits, and its problem codes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import BaseModel

from portal import texts
from portal.api import api
from portal.api.document import examples
from portal.api.imports import ImportIn

DOCUMENT = api.get_openapi_schema()
OPERATIONS = {
    f"{method} {path}": described
    for path, methods in DOCUMENT["paths"].items()
    for method, described in methods.items()
}
BY_ID = dict(api._by_id())


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_says_what_it_does_and_how_it_refuses(name):
    described = OPERATIONS[name]
    assert described["summary"]
    assert described["description"].strip().split("\n")[0].endswith((".", "."))
    refusals = {int(each): found for each, found in described["responses"].items()}
    refusals = {status: found for status, found in refusals.items() if status >= 400}
    assert {401, 429} <= set(refusals)
    for status, found in refusals.items():
        codes = re.findall(r"`([a-z_]+)`", found["description"])
        assert codes
        assert set(codes) <= set(texts.texts())
        (kind,) = found["content"]
        assert kind == "application/problem+json"
        assert found["content"][kind]["example"]["status"] == status


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_has_examples_that_fit(name):
    described = OPERATIONS[name]
    operation = BY_ID[described["operationId"]]
    shown = examples().get(described["operationId"], {})
    body = described.get("requestBody")
    assert body is None or shown["request"] is not None
    for status, found in described["responses"].items():
        if int(status) < 400 and "content" in found:
            example = found["content"]["application/json"]["example"]
            model: Any = operation.response_models[int(status)]
            model.model_validate({"response": example})
            assert set(example) <= fields_of(model)


def fields_of(model: type[BaseModel]) -> set[str]:
    """Return the names that an answer of this model may have."""
    inner: Any = model.model_fields["response"].annotation
    return set(inner.model_fields)


def test_the_example_of_an_import_is_one():
    ImportIn.model_validate(examples()["portal_api_imports_import_connections"]["request"])


def test_every_example_belongs_to_an_operation():
    assert set(examples()) <= set(BY_ID)


def test_every_reference_leads_somewhere():
    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert set(re.findall(r"'\$ref': '([^']+)'", str(DOCUMENT))) <= known


def test_scopes_are_told_where_a_key_is_needed():
    keyed = [each for each in OPERATIONS.values() if "VendorKey" in str(each["security"])]
    assert len(keyed) >= 12
    assert all(each["security"][0]["VendorKey"][0] for each in keyed)
