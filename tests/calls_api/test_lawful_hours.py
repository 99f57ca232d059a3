"""Hours of laws by name: each with its source and date, plain times on the wire, never on by themselves."""

from __future__ import annotations

from datetime import date

import pytest

from aimylogic_provider.calls_api.calls.lawful_hours import LAWFUL_HOURS
from aimylogic_provider.calls_api.calls.policy import WEEKDAYS, CallPolicy
from aimylogic_provider.calls_api.calls.policy_values import policy_value
from aimylogic_provider.calls_api.errors import RejectedError

WORKING_DAYS, DAYS_OFF = WEEKDAYS[:5], WEEKDAYS[5:]


def between(start: str, end: str) -> list[dict[str, str]]:
    return [{"localTimeFrom": start, "localTimeTo": end}]


def allowed(name: str) -> object:
    """What a request bears."""
    return CallPolicy.of(allowed_time=name).as_item()["allowedTime"]


def test_russias_hours_for_overdue_debts_are_others_on_days_off() -> None:
    working, off = between("08:00", "22:00"), between("09:00", "20:00")
    assert allowed("RU 230-FZ") == {day: working if day in WORKING_DAYS else off for day in WEEKDAYS}


def test_its_hours_of_days_off_are_allowed_on_any_day() -> None:
    assert allowed("RU 230-FZ any day") == dict.fromkeys(WEEKDAYS, between("09:00", "20:00"))


@pytest.mark.parametrize("name", ["US TCPA", "US TSR", "US Regulation F"])
def test_the_united_states_hours_are_8_to_21(name: str) -> None:
    assert allowed(name) == dict.fromkeys(WEEKDAYS, between("08:00", "21:00"))


@pytest.mark.parametrize("name", LAWFUL_HOURS)
def test_each_names_every_day_its_source_its_date_and_what_it_can_not_know(name: str) -> None:
    hours = LAWFUL_HOURS[name]
    assert tuple(hours.times) == WEEKDAYS, "a day that isn't named would be open all day"
    assert any(digit in hours.source for digit in "0123456789")
    assert date(2020, 1, 1) < hours.as_of < date(2026, 7, 1)
    assert hours.unknown


@pytest.mark.parametrize("name", ["ru 230-fz", " RU  230-FZ\n"])
def test_a_name_is_known_in_any_capitals_and_blanks(name: str) -> None:
    assert allowed(name) == allowed("RU 230-FZ")


@pytest.mark.parametrize("name", ["RU", "230-FZ", "", "DE UWG", "https://example.com/?token=secret"])
def test_an_unknown_name_is_told_with_those_that_there_are(name: str) -> None:
    with pytest.raises(RejectedError, match=r"names no hours that are known: use one of RU 230-FZ, .*US TCPA") as told:
        CallPolicy.of(allowed_time=name)
    assert "secret" not in str(told.value)


def test_a_column_or_a_template_may_name_them() -> None:
    assert policy_value("allowed_time", " RU 230-FZ ") == "RU 230-FZ"
    assert policy_value("allowed_time", '"RU 230-FZ"') == "RU 230-FZ", "as tojson writes it"
    with pytest.raises(RejectedError, match=r"allowed_time 'RU 231-FZ' can't be read: .*or by the name of .*RU 230-FZ"):
        policy_value("allowed_time", "RU 231-FZ")


def test_no_policy_has_any_unless_it_names_them() -> None:
    assert CallPolicy.of(max_attempts=1).allowed_time == ()
