"""What people read: every code that can be refused with has words of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from integrations.connect import CALLBACK_ERRORS
from integrations.models import Connection
from portal import texts
from portal.api.fallback import CODES

RAISED = re.compile(
    r"(?:NotAllowed|NotFound|SessionInvalid|AuthorizationFailed|Provider\w+|Connection\w+"
    r"|FlowClosed|IntegrityBroken)\(\"([a-z_]+)\"|^ +code = \"([a-z_]+)\"|code=\"([a-z_]+)\""
)
# Never shown: the flow itself says how it ended, and a base class is never raised.
SILENT = {"state_used", "authorization_failed"}


def codes() -> set[str]:
    """Return every code that the source names where something is refused."""
    found: set[str] = {*CALLBACK_ERRORS.values(), *CODES.values(), *Connection.Reason.values[1:]}
    for package in ("integrations", "portal"):
        for path in Path(settings.BASE_DIR, package).rglob("*.py"):
            for line in path.read_text(encoding="utf-8").splitlines():
                found |= {code for match in RAISED.findall(line) for code in match if code}
    # An internal error has the words of every code that is not known.
    return found - SILENT - {"internal_error"}


@pytest.mark.parametrize("code", sorted(codes()))
def test_every_code_has_words_of_its_own(code):
    assert code in texts.texts()


def test_there_are_many_codes():
    assert len(codes()) > 35


@pytest.mark.parametrize(("code", "parts"), sorted(texts.texts().items()))
def test_words_are_whole_sentences_without_gaps(code, parts):
    notice = texts.notice(code, provider="Demo Mail", vendor="Acme")
    title, text, action = notice.title, notice.text, notice.action
    assert "{" not in title + text + action
    assert not title.endswith(".")
    assert text.endswith(".")
    assert action.endswith(".")
    assert "!" not in title + text + action


def test_an_unknown_code_has_words_too():
    assert texts.notice("never_heard_of").title == texts.notice("internal_error").title
