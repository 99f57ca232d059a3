"""The short form of ``make prove-mutants``: every planted bug still fits the code, and two of them are hunted down."""

from __future__ import annotations

import pytest

from tests.proof.mutants import hunt, planted_text
from tests.proof.planted import PLANTED

_HUNTED = {
    "answer never noted": "settled",
    "batch: wrong ids": "created",
    "per person: looked at when frozen alone": "per person",
}


@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.name)
def test_planted_bug_fits_the_code(bug):
    file, text = planted_text(bug)

    compile(text, file, "exec")
    assert bug.new in text


def test_names_are_unique():
    assert len({bug.name for bug in PLANTED}) == len(PLANTED) >= 20


@pytest.mark.parametrize("name", _HUNTED)
def test_planted_bug_is_found(name):
    (bug,) = [bug for bug in PLANTED if bug.name == name]

    found = hunt(bug, most=300, seconds=60)

    assert found.invariant == _HUNTED[name], found.text
