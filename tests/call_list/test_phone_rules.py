"""A list's phones: of which countries they are, and which reading would settle those that are ambiguous."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from aimylogic_provider.call_list.freeze.phone_readings import PhoneReadings
from aimylogic_provider.operators import AddPhoneOperator
from tests.call_list.sync import Sync
from tests.conftest import TaskInstance

RUSSIAN = ["79123456789", "79123456780"]
AMBIGUOUS = "4930123456"
"""Berlin with its country code, and a national number of Brazil's."""


def manifest(sync: Sync) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((sync.folder / "list.json").read_text())
    return content


def test_the_list_tells_how_many_calls_go_to_which_country(sync: Sync, capsys: pytest.CaptureFixture[str]) -> None:
    sync.add([*RUSSIAN, "+77012345678", "+4915123456789", RUSSIAN[0], "none"])
    assert sync.attempt()["created"] == 4
    assert manifest(sync)["countries"] == {"RU": 2, "DE": 1, "KZ": 1}
    assert "Calls by country: RU 2, DE 1, KZ 1." in capsys.readouterr().out


def test_so_does_a_dry_run(sync: Sync) -> None:
    sync.add([*RUSSIAN, "+77012345678"])
    report = sync.operator(dry_run=True).execute(TaskInstance(task_id="sync", current_try=1).context())
    assert report["countries"] == {"RU": 2, "KZ": 1}


@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
def test_those_of_other_countries_are_rejected(sync: Sync, method: str) -> None:
    sync.add([*RUSSIAN, "+77012345678", "+919123456789", "89123456781"])
    report = sync.attempt(countries=["RU", "KZ"], phone_region="RU", method=method)
    assert (report["created"], report["rejected"]) == (4, 1)
    assert "of IN, and only KZ, RU may be called" in (sync.folder / "rejected.csv").read_text()


@pytest.mark.parametrize(
    ("others", "hint"),
    [
        (["554932123456"], "phone_reading='international' would settle all"),
        (["11961234567"], "phone_reading='national' would settle all"),
        (["554932123456", "11961234567"], "no one phone_reading would settle all"),
        (["+4930123457"], "'international'.*or 'national'.*would settle all"),
    ],
)
def test_the_freeze_tells_which_reading_would_settle_what_is_ambiguous(
    sync: Sync, others: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sync.add([*others, AMBIGUOUS])
    report = sync.attempt(phone_region="BR")
    assert report["rejected"] == 1
    (told,) = [line for line in capsys.readouterr().out.splitlines() if "rows can't be called" in line]
    assert "1 numbers are ambiguous" in told
    assert re.search(hint, told)


def test_and_the_reading_settles_it(sync: Sync) -> None:
    sync.add(["554932123456", AMBIGUOUS])
    assert sync.attempt(phone_region="BR", phone_reading="international")["created"] == 2
    sync.assert_once(["554932123456", AMBIGUOUS])


def test_too_many_ambiguous_ones_fail_with_the_hint(sync: Sync) -> None:
    sync.add(["554932123456", AMBIGUOUS])
    with pytest.raises(AirflowFailException, match="phone_reading='international' would settle all"):
        sync.attempt(phone_region="BR", on_rejected="fail")


def test_a_list_of_nothing_else_fails_with_it(sync: Sync) -> None:
    sync.add([AMBIGUOUS])
    with pytest.raises(AirflowFailException, match=r"Nobody can be called.*would settle all"):
        sync.attempt(phone_region="BR")


@pytest.mark.parametrize(
    ("written", "phone", "counted"),
    [
        ("79123456789", "79123456789", (1, 0)),
        ("7 (912) 345-67-89", "79123456789", (1, 0)),
        ("0079123456789", "79123456789", (1, 0)),
        (79123456789, "79123456789", (1, 0)),
        ("89123456789", "79123456789", (0, 1)),
        (9123456789, "79123456789", (0, 1)),
        ("+79123456789", "79123456789", (0, 0)),
        (" +79123456789", "79123456789", (0, 0)),
    ],
)
def test_readings_are_counted(written: object, phone: str, counted: tuple[int, int]) -> None:
    readings = PhoneReadings()
    readings.add(written, phone)
    assert (readings.international, readings.national) == counted
    assert readings.hint() == ""


def test_a_number_that_is_only_possible_is_taken_where_the_argument_says_so(sync: Sync) -> None:
    sync.add(["70000000000"])
    with pytest.raises(AirflowFailException, match="isn't a number in use"):
        sync.attempt()
    sync.task.clear()
    assert sync.attempt(phone_check="possible")["created"] == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"phone": "9123456789.0", "phone_region": "RU"}, None),
        ({"phone": AMBIGUOUS, "phone_region": "BR", "phone_reading": "national"}, None),
        ({"phone": "70000000000", "phone_check": "possible"}, None),
        ({"phone": AMBIGUOUS, "phone_region": "BR"}, "phone_reading"),
        ({"phone": "79123456789", "countries": ["KZ"]}, "only KZ may be called"),
        ({"phone": "79123456789", "countries": "RU"}, "give a list"),
        ({"phone": "79123456789", "phone_reading": "local"}, "'either'"),
    ],
)
def test_one_call_knows_the_same_rules(
    connections: None, no_pauses: None, arguments: dict[str, Any], reason: str | None
) -> None:
    operator = AddPhoneOperator(task_id="call", **arguments)
    context = TaskInstance(task_id="call", current_try=1).context()
    if reason is None:
        assert operator.execute(context)
        return
    with pytest.raises(AirflowFailException, match=reason):
        operator.execute(context)
