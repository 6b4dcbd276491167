"""The API answers whatever is made up from its document, as the document says."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from integrations.limits import TABLE
from tests.portal.api import fuzzing

pytestmark = pytest.mark.django_db
OPERATIONS = fuzzing.operations()
EXAMPLES = 6


@pytest.fixture
def here(provider, settings):
    settings.LIMITS = {limit.name: "off" for limit in TABLE}
    return fuzzing.world()


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_answers_anything_as_its_document_says(here, name):
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(call=fuzzing.calls(OPERATIONS[name], here), real=st.booleans())
    def answered(call, real):
        case, authorization = call
        fuzzing.check(case, authorization, here, real=real)

    answered()


def test_every_operation_is_tried_with_both_identities():
    assert len(OPERATIONS) > 25
    named = {
        name
        for operation in OPERATIONS.values()
        for each in operation.definition.raw["security"]
        for name in each
    }
    assert {"VendorKey", "UserToken"} <= named
