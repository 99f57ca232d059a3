"""Why a row can't be called, as a person reads it: the value, the rule and the way out; and the rule alone, whole."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from aimylogic_provider.call_list.freeze.preview import Preview
from aimylogic_provider.call_list.freeze.rejected.rejection_reasons import LONGEST, kind_of
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.call_list_task.questions.approval_question import question
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phones.phone import canonical_phone
from aimylogic_provider.operators import PrepareCallsOperator
from tests.call_list.sync import Sync
from tests.conftest import TaskInstance

BAD = [
    ("none", "phone is the text …, which programs write for a missing one"),
    ("#N/A", "phone is the text …, which programs write for a missing one"),
    ("", "phone is empty"),
    (None, "phone is None"),
    ("?", "phone holds characters that aren't part of a phone number"),
    ("—", "phone has no digits"),
    ("7+9123456789", "phone has a plus that is not its first character"),
    ("79123456789, 79123456780", "phone is two phones"),
    ("79123456789/79123456780", "phone is two phones, parted by a slash"),
    ("79123456789 79123456780", "phone has … digits, more than any phone, so that it may be two phones"),
    ("79123456789 ext. 12", "phone bears an extension, which can't be dialled"),
    ("+49 30 1234567, 8", "phone holds characters that aren't part of a phone number, and digits behind them, as of an "
                          "extension or a second line"),
    ("7,91235E+10", "phone is a number as a spreadsheet shortens it, and has lost its last digits"),
    (79123456789.5, "phone is a float that isn't a whole number, or too large to be exactly one, as spreadsheets make "
                    "of phones"),
    (Decimal("79123456789.5"), "phone is a decimal that isn't a whole number, or has lost digits to an exponent, as "
                               "spreadsheets make of phones"),
    (2**31 - 1, "phone is the largest number that a column of … bits holds, as databases make of all that are too "
                "large for it"),
    (-79123456789, "phone is a negative number, as databases make of one that is too large for its column"),
    (["79123456789"], "phone is a list of …, and not one number"),
    (date(1991, 1, 2), "phone is of type date"),
    ("9123456789", "phone isn't a number in use, if its first digits are a country code"),
]  # fmt: skip


@pytest.mark.parametrize(("phone", "rule"), BAD, ids=repr)
def test_the_rule_is_told_whole_where_there_is_room_for_it_alone(phone: Any, rule: str) -> None:
    with pytest.raises(RejectedError) as told:
        canonical_phone(phone)
    reason = str(told.value)
    assert kind_of(reason) == rule
    assert reason.partition(": ")[2], "and the way out stands behind it"
    assert "9123456789" not in reason.replace("+79123456789", ""), "but for the example, no phone is whole"


@pytest.mark.parametrize("how", ["called", "held"])
def test_a_list_that_called_somebody_is_named_where_reasons_are_counted(how: str) -> None:
    which = f"{how} by the list of 2026-11-28 14:03 UTC of run manual__2026-11-28T14:03:01+00:00"
    assert kind_of(f"{which}: only_new allows 1 call in 1 day") == which


def test_a_longer_rule_ends_with_a_whole_word() -> None:
    kind = kind_of("phone is " + "wrong, " * 50)
    assert len(kind) <= LONGEST
    assert kind.endswith("wrong …")


def test_a_person_who_is_asked_reads_of_each_bad_line_which_rule_it_breaks(sync: Sync) -> None:
    task = TaskInstance(task_id="read", current_try=1)
    lines = ["+79120000001", "none", "79123456789 / 79123456780", "+79123456789 ext. 12", "n/a", "—"]
    operator = PrepareCallsOperator(task_id="read", pasted="\n".join(lines), call_list_path=str(sync.lists))
    pointer = operator.execute(task.context())
    asked = question(Preview.of(CallList.open(operator._frozen)), pointer["path"], None, 0.0)
    for told in (
        "line 2: ` phone is the text 'none', which programs write for a missing one `",
        "line 3: ` phone '7912***6780' is two phones, parted by a slash `",
        "line 4: ` phone '+7***12' bears an extension, which can't be dialled `",
        "line 6: ` phone '***' has no digits `",
    ):
        assert told in asked
