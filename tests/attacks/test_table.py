"""The list of defences fits the source, the tests and the document."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.attacks import proofs, table
from tests.attacks.defences import DEFENCES
from tests.attacks.disarm import ROOT, disarmed
from tests.attacks.rows import THREATS, Edit, defence

NAMES = [f"{each.row}: {each.words}" for each in DEFENCES]


@pytest.mark.parametrize("defence", DEFENCES, ids=NAMES)
def test_a_defence_is_where_the_list_says_and_its_absence_is_python(defence):
    texts: dict[str, str] = {}
    for edit in defence.edits:
        text = texts.get(edit.file) or (ROOT / edit.file).read_text(encoding="utf-8")
        texts[edit.file] = disarmed(text, edit)
        assert texts[edit.file] != text
    for file, text in texts.items():
        if file.endswith(".py"):
            compile(text, file, "exec")


@pytest.mark.parametrize("defence", DEFENCES, ids=NAMES)
def test_a_defence_names_an_attack_of_its_row(defence):
    name = defence.test.removeprefix("tests/attacks/").partition("[")[0]
    assert defence.row in table.marked()[name]


def test_a_replacement_that_no_longer_fits_is_refused():
    for old in ("not there", "e"):
        with pytest.raises(ValueError, match="times"):
            disarmed("here, there", Edit("a.py", old, ""))


def test_every_row_is_listed_once_and_has_an_attack_or_a_reason():
    assert [each.row for each in THREATS] == list(range(1, 58))
    for threat in THREATS:
        assert table.tests_of(threat.row) or threat.missing, threat.row
        for path in threat.elsewhere:
            assert (ROOT / path).is_file()


def test_every_attack_belongs_to_a_row():
    functions = {
        f"{path.name}::{line[4:].partition('(')[0]}"
        for path in (ROOT / "tests" / "attacks").glob("test_*.py")
        if path.name != "test_table.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("def test_")
    }
    assert functions == table.marked().keys()


def test_the_document_says_what_the_list_says():
    kept = table.DOCUMENT.read_text(encoding="utf-8")
    assert kept == table.document(), "run python -m tests.attacks.table"


def test_what_was_seen_counts_for_the_very_entry_only(tmp_path):
    file, (one, other) = tmp_path / "proofs.txt", DEFENCES[:2]
    proofs.note([one], proofs.ALONE, file=file)
    proofs.note([one, other], proofs.TOGETHER, file=file)
    proofs.note([defence(1, "no more", "test_x.py::test_x")], proofs.ALONE, file=file)
    expected = {proofs.key(one): proofs.ALONE, proofs.key(other): proofs.TOGETHER}
    assert proofs.seen(file) == expected
    changed = replace(one, edits=(replace(one.edits[0], new="    if 1 == 2:"),))
    assert proofs.key(changed) not in proofs.seen(file)


def test_nothing_is_noted_that_is_not_listed():
    assert proofs.seen().keys() <= {proofs.key(each) for each in DEFENCES}
    assert set(proofs.seen().values()) <= {proofs.ALONE, proofs.TOGETHER}
