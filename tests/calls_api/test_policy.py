"""Call policies: one canonical form, and a clear error for every bad value."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any

import pytest

from aimylogic_provider.calls_api.calls.policy import CallPolicy
from aimylogic_provider.calls_api.errors import RejectedError

MSK = timezone(timedelta(hours=3))
NINE = datetime(2026, 1, 2, 9, 0, tzinfo=MSK)


class Moment(datetime):
    """As pendulum's and pandas' are: a datetime that writes itself otherwise."""

    def isoformat(self, sep: str = "T", timespec: str = "auto") -> str:
        return "some time"


def test_a_whole_policy_as_json_fields() -> None:
    policy = CallPolicy.of(
        start=NINE,
        finish=NINE + timedelta(hours=9),
        allowed_days=["fri", "mon"],
        allowed_time={"default": [("14:00", "18:00"), (time(9), "13:00")], "mon": [["10:00", time(12, 30)]]},
        retry_interval_minutes=30,
        max_attempts=3,
        priority=1,
    )
    assert policy.as_item() == {
        "startDateTime": "2026-01-02T06:00:00+00:00",
        "finishDateTime": "2026-01-02T15:00:00+00:00",
        "allowedDays": ["mon", "fri"],
        "allowedTime": {
            "mon": [{"localTimeFrom": "10:00", "localTimeTo": "12:30"}],
            "default": [
                {"localTimeFrom": "09:00", "localTimeTo": "13:00"},
                {"localTimeFrom": "14:00", "localTimeTo": "18:00"},
            ],
        },
        "retryIntervalInMinutes": 30,
        "maxAttempts": 3,
        "dialerPriority": 1,
    }


def test_what_is_left_out_is_no_field() -> None:
    assert CallPolicy.of(max_attempts=1).as_item() == {"maxAttempts": 1}


def test_an_empty_policy_is_false() -> None:
    assert not CallPolicy.of()
    assert CallPolicy.of().as_item() == {}
    assert CallPolicy.of(priority=5)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"start": NINE}, {"start": NINE.astimezone(UTC)}),
        ({"start": NINE}, {"start": Moment(2026, 1, 2, 6, tzinfo=UTC)}),
        ({"allowed_days": ["sun", "mon"]}, {"allowed_days": ("mon", "sun")}),
        (
            {"allowed_time": {"tue": [("14:00", "15:00"), ("09:00", "10:00")], "mon": [("09:00", "10:00")]}},
            {"allowed_time": {"mon": [(time(9), time(10))], "tue": (["09:00", "10:00"], ["14:00", "15:00"])}},
        ),
    ],
)
def test_policies_that_mean_the_same_are_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = CallPolicy.of(**one), CallPolicy.of(**other)
    assert (first, hash(first), first.as_item(), repr(first)) == (
        second,
        hash(second),
        second.as_item(),
        repr(second),
    )


def test_times_may_touch_and_days_may_be_all() -> None:
    policy = CallPolicy.of(
        allowed_days=["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        allowed_time={"sat": [("00:00", "12:00"), ("12:00", "23:59")]},
    )
    assert len(policy.allowed_days) == 7
    assert policy.allowed_time == (("sat", (("00:00", "12:00"), ("12:00", "23:59"))),)


@pytest.mark.parametrize(
    ("name", "least", "most"), [("retry_interval_minutes", 1, 2880), ("max_attempts", 1, 50), ("priority", 1, 5)]
)
def test_numbers_within_their_bounds(name: str, least: int, most: int) -> None:
    for number in (least, most):
        assert getattr(CallPolicy.of(**{name: number}), name) == number  # type: ignore[arg-type]
    for number in (least - 1, most + 1, -1):
        with pytest.raises(RejectedError, match=f"{name} {number} isn't a whole number from {least} to {most}: give"):
            CallPolicy.of(**{name: number})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["retry_interval_minutes", "max_attempts", "priority"])
@pytest.mark.parametrize("value", [True, False, 2.0, "3", float("nan"), [1]])
def test_what_is_no_integer(name: str, value: Any) -> None:
    with pytest.raises(RejectedError, match=f"{name} .* isn't a whole number"):
        CallPolicy.of(**{name: value})


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"start": datetime(2026, 1, 1)}, r"start 2026-01-01T00:00:00 has no time zone: give an aware datetime"),
        ({"finish": datetime(2026, 1, 1)}, r"finish .* has no time zone"),
        ({"start": "2026-01-01T00:00:00+00:00"}, r"start '2026-.*' is of type str: give an aware datetime"),
        ({"start": NINE.date()}, r"is of type date: give"),
        ({"finish": 1767323045}, r"finish '17\*\*\*45' is of type int: give"),
        ({"start": NINE, "finish": NINE}, r"start .* is not before finish .*: give a later finish"),
        ({"start": NINE, "finish": NINE - timedelta(seconds=1)}, r"is not before finish"),
        ({"start": NINE, "finish": datetime(2026, 1, 2, 5, 59, tzinfo=UTC)}, r"is not before finish"),
        ({"start": datetime(1, 1, 1, tzinfo=MSK)}, r"outside the years 1 to 9999: leave it out"),
        ({"allowed_days": []}, r"allowed_days is empty.*: give 1 to 7 of mon, tue"),
        ({"allowed_days": ["mon", "mon"]}, r"'mon' twice: name each weekday once"),
        ({"allowed_days": ["monday"]}, r"'monday', which isn't a weekday: use mon, tue"),
        ({"allowed_days": ["Mon"]}, r"'Mon', which isn't a weekday"),
        ({"allowed_days": ["default"]}, r"'default', which isn't a weekday"),
        ({"allowed_days": [1]}, r"has 1, which isn't a weekday"),
        ({"allowed_days": "mon"}, r"'mon' is of type str: give a list of mon, tue"),
        ({"allowed_days": {"mon": True}}, r"is of type dict: give a list"),
        ({"allowed_days": 1}, r"allowed_days 1 is of type int: give a list"),
        ({"allowed_time": {}}, r"allowed_time is empty.*: give .*, or None"),
        ({"allowed_time": [("09:00", "18:00")]}, r"is of type list: give a dictionary, as in"),
        (
            {"allowed_time": {"monday": [("09:00", "18:00")]}},
            r"'monday', which isn't a weekday: use mon, .* or default",
        ),
        ({"allowed_time": {1: [("09:00", "18:00")]}}, r"has 1, which isn't a weekday"),
        ({"allowed_time": {"mon": []}}, r"of mon is empty: give a list of pairs, .* or leave mon out"),
        ({"allowed_time": {"mon": "09:00-18:00"}}, r"of mon '09:00-18:00' is of type str: give a list of pairs"),
        ({"allowed_time": {"mon": None}}, r"of mon None is of type NoneType: give a list of pairs"),
        ({"allowed_time": {"mon": ("09:00", "18:00")}}, r"'09:00', which isn't a pair of times: give a list of pairs"),
        ({"allowed_time": {"mon": [("09:00",)]}}, r"which isn't a pair of times"),
        ({"allowed_time": {"mon": [("09:00", "10:00", "11:00")]}}, r"which isn't a pair of times"),
        ({"allowed_time": {"mon": [("18:00", "09:00")]}}, r"18:00-09:00, whose end is not after its start: swap"),
        ({"allowed_time": {"mon": [("09:00", time(9))]}}, r"09:00-09:00, whose end is not after its start"),
        ({"allowed_time": {"mon": [("9:00", "18:00")]}}, r"'9:00', which isn't a time of day .*: write HH:MM"),
        ({"allowed_time": {"mon": [("09:00", "24:00")]}}, r"'24:00', which isn't a time of day"),
        ({"allowed_time": {"mon": [("09:60", "18:00")]}}, r"'09:60', which isn't a time of day"),
        ({"allowed_time": {"mon": [("09:00:00", "18:00")]}}, r"'09:00:00', which isn't a time of day"),
        ({"allowed_time": {"mon": [("٠٩:00", "18:00")]}}, r"which isn't a time of day"),
        ({"allowed_time": {"mon": [("09:00\n", "18:00")]}}, r"which isn't a time of day"),
        ({"allowed_time": {"mon": [(9, 18)]}}, r"has 9, which isn't a time of day"),
        ({"allowed_time": {"mon": [(time(9, 0, 1), "18:00")]}}, r"09:00:01, and times are whole minutes: leave the"),
        ({"allowed_time": {"mon": [(time(9, 0, 0, 1), "18:00")]}}, r"times are whole minutes"),
        ({"allowed_time": {"mon": [(time(9, tzinfo=UTC), "18:00")]}}, r"with a time zone: give a local time"),
        (
            {"allowed_time": {"default": [("12:00", "15:00"), ("09:00", "12:01")]}},
            r"default has 09:00-12:01 and 12:00-15:00, which overlap: make one of them",
        ),
        ({"allowed_time": {"mon": [("09:00", "18:00"), ("10:00", "11:00")]}}, r"which overlap"),
        ({"allowed_time": {"mon": [("09:00", "18:00"), ("09:00", "18:00")]}}, r"which overlap"),
    ],
)
def test_a_bad_value_is_rejected_with_the_rule_and_the_way_out(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(RejectedError, match=message):
        CallPolicy.of(**bad)


ADDRESS = "https://example.com/may-be-called?token=secret"


def test_an_address_to_ask_before_a_call() -> None:
    policy = CallPolicy.of(external_check_url=f" HTTPS://Example.COM{ADDRESS[19:]} ", external_check_max_retries=0)
    assert policy.as_item() == {"externalCheck": {"externalCheckUrl": ADDRESS, "externalCheckMaxRetries": 0}}
    assert CallPolicy.of(external_check_url=ADDRESS).as_item() == {"externalCheck": {"externalCheckUrl": ADDRESS}}
    assert "secret" not in repr(policy)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("example.com/secret", "isn't an address of http or https, .*: give an address as in https://"),
        ("ftp://example.com/secret", "isn't an address of http or https"),
        ("//example.com/secret", "isn't an address"),
        ("https:///secret", "isn't an address"),
        ("https://", "isn't an address"),
        ("", "isn't an address"),
        ("https://example.com:99999/secret", "isn't an address"),
        ("https://example.com:0/secret", "isn't an address"),
        ("https://[::1/secret", "isn't an address"),
        ("https://example.com/a secret", "isn't an address"),
        ("https://example.com/a\nsecret", "isn't an address"),
        ("https://example.com/é/secret", "in ASCII"),
        ("https://user:secret@example.com/", "of example.com bears a user's name or password, which would show"),
        ("https://secret@example.com/", "bears a user's name or password"),
        ("https://example.com/#secret", "'https://example.com/…' has a fragment"),
        ("https://example.com/secret" + "x" * 2000, "https://example.com/… has over 2,000 characters"),
    ],
)
def test_a_bad_address_is_rejected_and_no_more_of_it_told_than_its_host(address: str, message: str) -> None:
    with pytest.raises(RejectedError, match=message) as told:
        CallPolicy.of(external_check_url=address)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("address", [5, ["https://example.com/secret"], b"https://example.com/secret"])
def test_an_address_of_another_type_is_told_so(address: Any) -> None:
    with pytest.raises(RejectedError, match=r"external_check_url .* is of type (int|list|bytes): give") as told:
        CallPolicy.of(external_check_url=address)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("number", [-1, 101, True, 2.0, "3", ADDRESS])
def test_how_often_it_is_asked_again_is_a_whole_number(number: Any) -> None:
    with pytest.raises(
        RejectedError, match=r"external_check_max_retries .* isn't a whole number from 0 to 100"
    ) as told:
        CallPolicy.of(external_check_url=ADDRESS, external_check_max_retries=number)
    assert "secret" not in str(told.value)


def test_asking_nobody_again_is_no_check() -> None:
    with pytest.raises(RejectedError, match="has no external_check_url beside it, so that nobody would be asked"):
        CallPolicy.of(external_check_max_retries=3)
