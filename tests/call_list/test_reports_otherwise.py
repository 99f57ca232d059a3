"""A server that writes reports otherwise than it was sent, or reads requests otherwise: nobody is called twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.emulator import Emulator
from tests.call_list.sync import Sync, phone
from tests.conftest import needs_record

PHONES = [phone(number) for number in range(6)]
pytestmark = needs_record


def unanswered(sync: Sync, *, created: bool = True) -> None:
    """A try whose requests are not answered, whether or not they take effect."""
    sync.add(PHONES)
    for path in ("addPhones", "addPhone"):
        sync.emulator.fault("after_commit" if created else "before_commit", "reset", path=path, times=None)
    with pytest.raises(AirflowException):
        sync.attempt()
    sync.emulator.clear_faults()


def lost(sync: Sync, *, created: bool = True) -> None:
    """A day ago."""
    unanswered(sync, created=created)
    sync.emulator.advance(hours=25)


def added(emulator: Emulator) -> list[str]:
    """The phones of all jobs but the script's own."""
    return sorted(job.phone for job in emulator.jobs() if job.redial is None)


@pytest.fixture(params=["addPhones", "addPhone"])
def sync(request: Any, make_sync: Callable[..., Sync]) -> Sync:
    return make_sync(batch_size=3, method=request.param)


READABLE: list[dict[str, Any]] = [{"phones_as": "national"}, {"phones_as": "plus"}, {"redials": 2}, {"page_cap": 1}]
READABLE += [{"page_cap": 2, "redials": 1}, {"limits_by_date": "numbers_as_seconds"}]


@pytest.mark.parametrize("settings", READABLE, ids=str)
def test_jobs_are_ours_however_the_report_writes_them(sync: Sync, settings: dict[str, Any]) -> None:
    sync.emulator.settings(**settings)
    lost(sync)
    assert sync.attempt()["created"] == len(PHONES)
    assert added(sync.emulator) == PHONES


@pytest.mark.parametrize("limits", ["text_elsewhere", "ignored", "empty"])
@pytest.mark.parametrize("created", [True, False], ids=["created", "never arrived"])
def test_a_server_that_misreads_time_limits_is_asked_by_phone(sync: Sync, limits: Any, created: bool) -> None:
    sync.emulator.settings(limits_by_date=limits)
    lost(sync, created=created)
    assert sync.attempt()["created"] == len(PHONES)
    assert added(sync.emulator) == PHONES
    assert sync.emulator.count("callJob/getReport") > 0


@pytest.mark.parametrize("phones_as", ["masked", "none"])
def test_a_phone_that_can_not_be_read_may_be_ours(sync: Sync, phones_as: Any) -> None:
    sync.emulator.settings(phones_as=phones_as)
    lost(sync)
    with pytest.raises(AirflowFailException, match=r"phones that can't be read, which may be these"):
        sync.attempt()
    assert added(sync.emulator) == PHONES


@pytest.mark.parametrize("sync", ["addPhones"], indirect=True)
def test_what_can_not_be_read_waits_for_the_lag_before_it_is_parked(sync: Sync) -> None:
    sync.emulator.settings(phones_as="none")
    unanswered(sync)
    sync.emulator.advance(seconds=60)
    sync.emulator.campaign(status="finished")  # so that the report is asked though the keys live
    with pytest.raises(AirflowException, match="wait for the report") as early:
        sync.attempt()
    assert not isinstance(early.value, AirflowFailException)
    sync.emulator.advance(seconds=1200)
    with pytest.raises(AirflowFailException, match="can't be read"):
        sync.attempt()
    assert added(sync.emulator) == PHONES


def test_a_server_that_understands_none_of_the_forms_has_the_calls_parked_and_the_reason_told(sync: Sync) -> None:
    sync.emulator.settings(limits_by_date="empty")
    lost(sync)
    sync.emulator.fault("before_commit", "status", status=200, path="callJob/getReport", times=None, body=[])
    with pytest.raises(AirflowFailException, match=r"report proves nothing, for .*of phones, it showed none"):
        sync.attempt()
    assert added(sync.emulator) == PHONES


def test_a_repeat_of_the_script_alone_is_no_job_of_ours(sync: Sync) -> None:
    """Nothing was added; what the report shows in those minutes are the script's repeats of others' calls."""
    lost(sync, created=False)
    rows = [
        {"callJobId": str(number), "phone": one, "createdAt": None, "redialNumber": number % 2}
        for number, one in enumerate(PHONES)
    ]
    sync.emulator.fault("before_commit", "status", status=200, path="callJob/getReportByDate", body={"items": rows})
    assert sync.attempt()["created"] == len(PHONES)
    assert added(sync.emulator) == PHONES


@pytest.mark.parametrize("sync", ["addPhones"], indirect=True)
@pytest.mark.parametrize("order", ["request", "reversed"])
def test_ids_that_come_in_another_order_are_told_of_once_the_report_is_read(
    sync: Sync, order: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first batch is answered, the second one isn't: its minutes hold jobs of both."""
    sync.emulator.settings(ids_order=order)
    sync.add(PHONES)
    sync.emulator.fault("after_commit", "reset", path="addPhones", phone=PHONES[-1], times=None)
    with pytest.raises(AirflowException):
        sync.attempt()
    sync.emulator.clear_faults()
    sync.emulator.advance(hours=25)
    assert sync.attempt()["created"] == len(PHONES)
    assert added(sync.emulator) == PHONES
    log = capsys.readouterr().out
    told = log.count("The ids of call jobs in the results may be of other people of the same request: job ")
    assert told == (order == "reversed")
    assert not any(phone in log for phone in PHONES)
