"""What became of calls comes home: without a gap, without a double, in every way, and again without a change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.report_tables.report_table import ReportTable
from tests.report_tables.whole_tables import told
from tests.transfers.home import ATTEMPTS, JOBS, Home

EVERYWHERE = pytest.mark.parametrize(
    "database", ["sqlite", "postgres", "mariadb", pytest.param("any", marks=pytest.mark.long)], indirect=True
)
COUNTS = ("read", "new", "changed", "unchanged")


class KilledError(BaseException):
    """The worker dies here."""


def counts(report: dict[str, Any], name: str = "jobs") -> tuple[int, ...]:
    return tuple(report[name][one] for one in COUNTS)


def test_all_comes_home_and_then_only_what_is_new(home: Home, emulator: Emulator) -> None:
    emulator.settings(max_attempts=3)
    home.add(30)
    emulator.advance(days=1)
    report = home.run()
    assert counts(report) == (30, 30, 0, 0)
    assert (report["from"], report["to"]) == (None, emulator.now().replace(microsecond=0).isoformat())
    home.assert_all_home()
    home.add(5)
    emulator.advance(days=1)
    assert counts(home.run())[:3] == (5, 5, 0)
    home.assert_all_home()


@EVERYWHERE
def test_the_same_again_changes_nothing_at_all(home: Home, emulator: Emulator) -> None:
    home.add(30)
    both = (home.day(0)[0], home.day(1)[1])
    emulator.advance(hours=36)
    first = home.run(start=both[0], end=both[1])
    assert first["attempts"]["new"] >= 30
    before = home.tables()
    emulator.advance(hours=3)
    for report in (home.run(start=both[0], end=both[1]), home.run(both, report_lag=0)):
        assert report["jobs"]["new"] == report["jobs"]["changed"] == report["attempts"]["changed"] == 0
        assert counts(report)[0] == counts(report)[3] == 30
    assert home.tables() == before
    home.assert_all_home()


@EVERYWHERE
def test_created_in_one_interval_and_finished_in_the_next(home: Home, emulator: Emulator) -> None:
    emulator.campaign(lines=0)
    home.add(3)
    today = home.day(0)
    emulator.set_time(today[1])
    assert home.run(today)["jobs"]["open"] == 3
    assert told(home.engine, "finished_at") == [None] * 3
    emulator.campaign(lines=10)
    tomorrow = (today[1], today[1] + timedelta(days=1))
    emulator.set_time(tomorrow[1])
    report = home.run(tomorrow)
    assert (report["jobs"]["changed"], report["jobs"]["open"]) == (3, 0)
    home.assert_all_home()


def test_late_by_a_week(home: Home, emulator: Emulator) -> None:
    """And rung again and again meanwhile: each attempt comes home, with the job's status of the end."""
    start = emulator.now()
    emulator.settings(odds={"noAnswer": 1}, max_attempts=3, retry_interval=4 * 86400)
    home.add(4)
    for days in (0, 4, 8):
        emulator.set_time(start + timedelta(days=days, hours=1))
        report = home.run()
        assert report["jobs"]["open"] == (4 if days < 8 else 0), days
        home.assert_all_home()
    assert told(home.engine, "job_status", table=ATTEMPTS) == ["noAnswer"] * 12


def test_what_lagged_at_the_end_of_an_interval_comes_home_with_the_next(home: Home, emulator: Emulator) -> None:
    emulator.settings(report_lag=540)
    today = home.day(0)
    home.add(1)
    emulator.set_time(today[1] - timedelta(minutes=5))
    home.add(3)
    emulator.set_time(today[1])
    assert counts(home.run(today)) == (1, 1, 0, 0)
    emulator.advance(days=1)
    assert counts(home.run((today[1], today[1] + timedelta(days=1)))) == (3, 3, 0, 0)
    home.assert_all_home()


def test_what_lagged_last_time_comes_home_with_the_next(home: Home, emulator: Emulator) -> None:
    emulator.settings(report_lag=540)
    home.add(2)
    emulator.advance(minutes=20)
    home.add(3)
    emulator.advance(minutes=5)
    assert home.run()["jobs"]["new"] == 2
    emulator.advance(hours=3)
    assert home.run()["jobs"]["new"] == 3
    home.assert_all_home()


@pytest.mark.parametrize("ways", [["since"], ["range"]], ids=["since the last time", "a range"])
def test_killed_between_pages_the_next_try_goes_on(
    home: Home, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, ways: list[str]
) -> None:
    emulator.settings(page_cap=5)
    for _ in range(4):
        home.add(8)
        emulator.advance(minutes=20)
    emulator.advance(hours=6)
    arguments: dict[str, Any] = {}
    if ways == ["range"]:
        now = emulator.now()
        arguments = {"start": now - timedelta(days=1), "end": now}
    for left in (3, 8, 2):
        with monkeypatch.context() as patched:
            patched.setattr(ReportTable, "write", dying(ReportTable.write, left))
            with pytest.raises(KilledError):
                home.run(**arguments)
    home.run(**arguments)
    home.assert_all_home()
    before = home.tables()
    home.run(**arguments)
    assert home.tables() == before


def dying(original: Callable[..., Any], left: int) -> Callable[..., Any]:
    """What dies in the midst of its so-maniest call: half of them before anything is written, half after that."""
    calls = [left]

    def write(*arguments: Any) -> Any:
        calls[0] -= 1
        if calls[0] == 0 and left % 2:
            raise KilledError
        written = original(*arguments)
        if calls[0] == 0:
            raise KilledError
        return written

    return write


@EVERYWHERE
def test_two_such_tasks_at_once_are_harmless(home: Home, emulator: Emulator) -> None:
    home.add(40)
    emulator.advance(minutes=10)
    home.add(40)
    emulator.advance(days=1)
    errors: list[BaseException] = []
    together = threading.Barrier(3)

    def run() -> None:
        try:
            together.wait()
            home.run()
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    home.assert_all_home()
    emulator.advance(hours=1)
    assert home.run()["jobs"]["new"] == 0


def test_an_empty_campaign_is_green_and_says_so(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    report = home.run()
    assert (counts(report), counts(report, "attempts")) == ((0, 0, 0, 0), (0, 0, 0, 0))
    assert "nothing to bring home" in capsys.readouterr().out
    assert home.tables() == [[], []]
    home.add(2)
    home.emulator.advance(hours=5)
    assert home.run()["jobs"]["new"] == 2


def test_a_table_that_was_emptied_begins_anew(home: Home, emulator: Emulator) -> None:
    home.add(4)
    emulator.advance(days=2)
    home.run()
    with home.engine.begin() as connection:
        connection.exec_driver_sql(f"delete from {JOBS}")
        connection.exec_driver_sql(f"drop table {ATTEMPTS}")
    assert home.run()["jobs"]["new"] == 4
    home.assert_all_home()


@EVERYWHERE
def test_a_job_that_vanished_is_said_and_kept_until_it_is_shown_again(
    home: Home, emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    emulator.campaign(lines=0)
    home.add(2)
    emulator.advance(days=3)
    (young,) = home.add(1)
    emulator.advance(hours=1)
    home.run()
    emulator.settings(report_lag=86400)  # so that it isn't shown any more
    report = home.run()
    assert (report["jobs"]["vanished"], report["jobs"]["open"], report["jobs"]["not_found"]) == (1, 2, 1)
    assert f"The report doesn't know the jobs {young}: they stay in the table" in capsys.readouterr().out
    vanished = dict(told(home.engine, "call_job_id", "vanished_at"))
    assert [id for id, at in vanished.items() if at is not None] == [young]
    assert home.run()["jobs"]["vanished"] == 0
    emulator.settings(report_lag=0)
    report = home.run(start=emulator.now() - timedelta(days=1))
    assert report["jobs"]["changed"] == 1
    assert told(home.engine, "vanished_at") == [None] * 3
    emulator.campaign(lines=3)
    emulator.advance(days=1)
    home.run()
    home.assert_all_home()


def test_a_campaign_whose_calls_are_too_young_to_show_is_read_by_a_later_try(home: Home, emulator: Emulator) -> None:
    emulator.settings(report_lag=540)
    home.add(3)
    with pytest.raises(AirflowException, match="If they are young, the next try finds them") as caught:
        home.run()
    assert not isinstance(caught.value, AirflowFailException)
    emulator.advance(minutes=20)
    assert home.run()["jobs"]["new"] == 3
