"""The short form of ``make prove-mutants``: every planted bug still fits the code, and some of them are hunted down."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof.mutants import ALL_PLANTED, hunt, planted_text
from tests.proof.planted_and_tested import PLANTED_AND_TESTED

_HUNTED = {
    "answer never noted": "settled",
    "batch: wrong ids": "created",
    "per person: looked at when frozen alone": "per person",
    "pasted: a stray quote swallows lines": "a test",
}


@pytest.mark.parametrize("bug", ALL_PLANTED, ids=lambda bug: bug.name)
def test_planted_bug_fits_the_code(bug):
    file, text = planted_text(bug)

    compile(text, file, "exec")
    assert bug.new in text


def test_names_are_unique():
    assert len({bug.name for bug in ALL_PLANTED}) == len(ALL_PLANTED) >= 20


@pytest.mark.parametrize("name", _HUNTED)
def test_planted_bug_is_found(name):
    (bug,) = [bug for bug in ALL_PLANTED if bug.name == name]

    found = hunt(bug, most=300, seconds=60)

    assert found.invariant == _HUNTED[name], found.text


@pytest.mark.parametrize("bug", PLANTED_AND_TESTED, ids=lambda bug: bug.name)
def test_a_test_that_a_planted_bug_names_is_there(bug):
    for one in bug.tests:
        file, _, name = one.partition("::")
        assert f"def {name}(" in Path(__file__).parents[1].joinpath(file).read_text()
