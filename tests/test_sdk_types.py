"""The SDK's types: a host page written against them compiles, and each misuse in it is one."""

from __future__ import annotations

import pytest

from tests.npm.node import tsc


@pytest.fixture(autouse=True)
def loopback_only() -> None:
    """Let npm fetch the compiler, once: it is another process, and pinned by its lock file."""


def test_a_host_page_compiles_against_the_types() -> None:
    done = tsc("-p", "tests/npm/tsconfig.json")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_smaller_scripts_that_are_served_have_no_type_error() -> None:
    done = tsc("-p", "tests/npm/served.json")
    assert (done.returncode, done.stdout) == (0, "")
