"""A report, or a server's clock, that tells otherwise for a while: nothing is lost by it for good, nor set aside."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.calls_api.client import CampaignClient
from aimylogic_provider.calls_api.endpoint_table import CALL_ATTEMPT_REPORT
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.campaign_report import report_pages, reports_by_id
from aimylogic_provider.campaign_report.limits_proof import LimitsProof
from aimylogic_provider.campaign_report.readable_rows import readable_rows
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.report_tables.attempts_table import AttemptsTable
from aimylogic_provider.report_tables.jobs_table import JobsTable
from aimylogic_provider.report_tables.report_table import ReportTable
from tests.report_tables.whole_tables import told, whole
from tests.transfers.home import ATTEMPTS, JOBS, Home

BOTH = pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.long)], indirect=True)
SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


class KilledError(BaseException):
    """The worker dies here."""


def die(*arguments: Any) -> Any:
    raise KilledError


def ids(home: Home, table: str = JOBS) -> set[str]:
    return set(told(home.engine, "call_job_id", table=table))


# The report


@SQLITE
def test_jobs_that_the_report_did_not_know_for_one_run_are_asked_for_again(home: Home, emulator: Emulator) -> None:
    emulator.campaign(lines=0)
    home.add(150)
    emulator.advance(hours=2)
    home.run()
    emulator.settings(report_lag=864_000)
    with pytest.raises(AirflowException):
        home.run()
    asked = emulator.count("callJob/getReport")
    assert asked < 60, "it is seen soon that none of them is known"
    emulator.settings(report_lag=0)
    emulator.campaign(lines=200)
    emulator.advance(days=2)
    home.run()
    home.assert_all_home()


@BOTH
def test_a_job_that_vanished_comes_back_by_itself(home: Home, emulator: Emulator) -> None:
    emulator.campaign(lines=0)
    home.add(1)
    emulator.advance(days=1)
    home.add(1)
    emulator.advance(hours=2)
    home.run()
    emulator.settings(report_lag=86_400)
    assert home.run()["jobs"]["vanished"] == 1
    emulator.settings(report_lag=0)
    emulator.campaign(lines=3)
    emulator.advance(days=2)
    assert home.run()["jobs"]["open"] == 0
    home.assert_all_home()


@pytest.mark.parametrize("way", ["a failure", "a kill"])
@BOTH
def test_attempts_are_written_before_the_job_that_is_over(
    home: Home, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """By data intervals, of which some are missed: only the look at open jobs brings what began in between."""
    emulator.settings(max_attempts=3, retry_interval=20 * 3600, odds={"noAnswer": 1.0})
    home.add(2)
    first, third, fourth = home.day(0), home.day(3), home.day(4)
    emulator.set_time(first[1])
    home.run(first)
    emulator.set_time(third[1])
    if way == "a kill":
        with monkeypatch.context() as patched:
            patched.setattr(AttemptsTable, "write", die)
            with pytest.raises(KilledError):
                home.run(third)
    else:
        emulator.fault("before_commit", "status", path="callAttempt/getReport", status=503, times=10)
        with pytest.raises(AirflowException):
            home.run(third)
        emulator.clear_faults()
    home.run(third)
    emulator.set_time(fourth[1])
    home.run(fourth)
    assert len(whole(home.engine, ATTEMPTS)) == 6
    home.assert_all_home()


@SQLITE
def test_attempts_that_began_after_an_interval_come_with_their_job_that_is_over(home: Home, emulator: Emulator) -> None:
    emulator.settings(max_attempts=3, retry_interval=20 * 3600, odds={"noAnswer": 1.0})
    home.add(2)
    emulator.set_time(home.day(4)[0])
    home.run((home.day(-4)[0], home.day(-3)[0]))  # late by days, as after an outage, and none of those comes after it
    home.assert_all_home()


@SQLITE
def test_a_job_whose_attempts_are_not_told_yet_is_not_passed_by(
    home: Home, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table of jobs was dropped, so that all are new; their attempts are read by their ids, and aren't told."""
    emulator.settings(max_attempts=1)
    home.add(3)
    emulator.advance(hours=1)
    home.run()
    with home.engine.begin() as connection:
        connection.exec_driver_sql(f"drop table {JOBS}")
    emulator.campaign(lines=0)
    never_rung = home.add(1)  # or the table, without a row, would be read from the beginning
    emulator.advance(hours=1)
    with monkeypatch.context() as patched:
        patched.setattr(CampaignClient, "ask", _without_attempts(CampaignClient.ask))
        with pytest.raises(AirflowException, match=r"report of attempts doesn't tell of the jobs .*the next try asks"):
            home.run()
        assert ids(home) == {*never_rung}
    home.run()
    home.assert_all_home()


@SQLITE
def test_of_a_job_that_was_over_a_day_ago_attempts_are_not_waited_for(
    home: Home, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home.add(3)
    emulator.advance(days=2)
    home.run()
    with home.engine.begin() as connection:
        connection.exec_driver_sql(f"drop table {JOBS}")
    monkeypatch.setattr(CampaignClient, "ask", _without_attempts(CampaignClient.ask))
    assert home.run()["jobs"]["new"] == 3
    assert "Of jobs that were over a day ago the report tells no attempts" in capsys.readouterr().out
    assert len(ids(home)) == 3


@SQLITE
@pytest.mark.parametrize("minutes", [15, 60])
def test_attempts_that_show_later_than_their_job(
    home: Home, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    """A run each ten minutes; the mark is past them by then."""
    emulator.settings(max_attempts=2, retry_interval=1800, odds={"noAnswer": 1.0})
    monkeypatch.setattr(report_pages, "readable_rows", _of_age(emulator, timedelta(minutes=minutes)))
    monkeypatch.setattr(reports_by_id, "readable_rows", _of_age(emulator, timedelta(minutes=minutes)))
    monkeypatch.setattr(LimitsProof, "_of_job", lambda proof, job: ())
    home.add(10)
    green = 0
    for _ in range(18):
        emulator.advance(minutes=10)
        try:
            home.run()
            green += 1
        except AirflowFailException:
            raise
        except AirflowException as error:
            assert "its report shows no attempts at all" in str(error)
    assert green > 5
    home.assert_all_home()


def _of_age(emulator: Emulator, age: timedelta) -> Callable[..., Any]:
    """Attempts are shown so long after their end."""

    def rows(kind: Any, body: bytes, parse: Any) -> Any:
        read = readable_rows(kind, body, parse)
        if kind.name != "attempts":
            return read
        return replace(read, rows=tuple(one for one in read.rows if emulator.now() - one.finished_at > age))

    return rows


def _without_attempts(ask: Callable[..., Any]) -> Callable[..., Any]:
    """The report of attempts doesn't know an id."""

    def without(client: CampaignClient, request: Any) -> Any:
        if request.endpoint is CALL_ATTEMPT_REPORT:
            raise ApiError("not known", known=Known.REFUSED, retryable=False, status=400, type="id.not.found")
        return ask(client, request)

    return without


# The clock


@BOTH
def test_a_server_whose_clock_was_ahead_for_one_run(home: Home, emulator: Emulator) -> None:
    emulator.campaign(lines=0)
    open_ones = home.add(2)
    emulator.advance(hours=1)
    home.run()
    emulator.advance(days=30)
    # Also rows are told then that change: by their phones.
    home.run(start=emulator.now() - timedelta(days=60), phones="full")
    home.run()
    emulator.advance(days=-30)
    emulator.advance(hours=1)
    new = home.add(2)
    emulator.campaign(lines=9)
    emulator.advance(days=2)
    home.run()
    assert {*open_ones, *new} <= ids(home)
    home.assert_all_home()


@SQLITE
def test_a_server_that_tells_its_time_otherwise_each_time(
    home: Home, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.add(1)
    emulator.advance(hours=1)
    original, ahead = CampaignClient.status, itertools.cycle((0, 7200))

    def status(client: CampaignClient) -> Any:
        answer = original(client)
        return replace(answer, date=(answer.date or 0) + next(ahead))

    monkeypatch.setattr(CampaignClient, "status", status)
    with pytest.raises(AirflowException, match="tells its time otherwise with each answer"):
        home.run()


@BOTH
def test_no_date_and_a_worker_whose_clock_is_ahead(home: Home, emulator: Emulator) -> None:
    emulator.set_time(datetime.now(UTC) - timedelta(minutes=55))
    emulator.fault("after_commit", "no_date", times=None)
    home.add(1)
    home.run()
    emulator.advance(minutes=5)
    lost = home.add(1)
    emulator.advance(minutes=20)
    home.run()
    assert set(lost) <= ids(home)


@BOTH
def test_a_server_whose_clock_is_behind_the_schedulers(home: Home, emulator: Emulator) -> None:
    emulator.settings(report_lag=540)
    home.add(1)
    emulator.advance(hours=2)
    end = emulator.now() + timedelta(minutes=9)
    emulator.advance(minutes=-8)
    (lost,) = home.add(1)
    emulator.advance(minutes=8)
    home.run((end - timedelta(hours=1), end))
    assert lost not in ids(home)
    emulator.advance(hours=1)
    home.run((end, end + timedelta(hours=1)))
    assert lost in ids(home)


# The marks


@BOTH
def test_a_table_made_anew_by_another_dag_begins_anew(home: Home, emulator: Emulator) -> None:
    old = home.add(4)
    emulator.advance(days=3)
    home.run()
    with home.engine.begin() as connection:
        for table in (JOBS, ATTEMPTS):
            connection.exec_driver_sql(f"drop table {table}")
    home.add(1)
    emulator.advance(hours=1)
    home.run(start=emulator.now() - timedelta(days=1))
    home.run()
    assert set(old) <= ids(home)
    home.assert_all_home()


@BOTH
def test_two_dags_with_other_lags_have_marks_of_their_own(home: Home, emulator: Emulator) -> None:
    emulator.settings(report_lag=300)
    home.add(1)
    emulator.advance(hours=1)
    home.run()
    (lost,) = home.add(1)
    for _ in range(2):
        emulator.advance(minutes=2)
        home.run(report_lag=0)
    emulator.advance(minutes=20)
    home.run()
    assert lost in ids(home)


@SQLITE
def test_two_dags_with_and_without_a_beginning_share_a_mark(home: Home, emulator: Emulator) -> None:
    home.add(50)
    emulator.advance(days=3)
    home.run()
    for _ in range(3):
        emulator.advance(hours=1)
        assert home.run(first_from=emulator.now() - timedelta(days=2))["jobs"]["read"] == 0
        emulator.advance(hours=1)
        assert home.run()["jobs"]["read"] == 0


@BOTH
def test_a_range_that_is_gone_on_with_a_day_later_is_right_as_of_then(
    home: Home, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, few_shown: Callable[[], None]
) -> None:
    few_shown()
    emulator.campaign(lines=0)
    start = emulator.now() - timedelta(hours=1)
    for _ in range(12):
        home.add(4)
        emulator.advance(minutes=10)
    left = [6]
    original = ReportTable.write

    def write(*arguments: Any) -> Any:
        left[0] -= 1
        return die() if left[0] < 0 else original(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(ReportTable, "write", write)
        with pytest.raises(KilledError):
            home.run(start=start)
    assert 0 < len(ids(home)) < 48
    emulator.campaign(lines=50)
    emulator.advance(hours=20)
    home.run(start=start)
    home.assert_all_home()


@pytest.mark.parametrize("database", ["sqlite", "postgres", "mariadb", "any"], indirect=True)
def test_of_two_readings_of_one_second_none_sets_the_other_back(home: Home, emulator: Emulator) -> None:
    at = datetime(2031, 1, 1, tzinfo=UTC)
    for table, name, more in (
        (JobsTable(home.engine, JOBS), JOBS, {"attempts": 2}),
        (AttemptsTable(home.engine, ATTEMPTS), ATTEMPTS, {"attempt_number": 1, "finished_at": at}),
    ):
        base = {column: None for column in table.shape.columns if column != "updated_at"} | {
            "campaign": "9", "call_job_id": "77", "job_status": "onRetry", **more,
        }  # fmt: skip
        later = {**base, "job_status": "noAnswer", "call_seconds": 5}
        table.write([later], at)
        table.write([{**base, **({"attempts": 1} if "attempts" in more else {})}], at)
        (row,) = whole(home.engine, name)
        assert (row["job_status"], row["call_seconds"]) == ("noAnswer", 5)
        table.write([{**later, "call_seconds": 6}], at)
        assert told(home.engine, "call_seconds", table=name) == [6]


# The key


@BOTH
def test_two_installations_whose_campaigns_have_one_id(
    home: Home, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aimylogic_provider.calls_api import ListedCall
    from tests.conftest import TOKEN, connection_json

    with Emulator(tokens=(TOKEN,)) as second:
        second.freeze()
        second.set_time(emulator.now())
        monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_SECOND", connection_json(second))
        home.add(2)
        list(AimylogicHook("aimylogic_second").add_phones([ListedCall.of(f"7999000000{n}") for n in range(3)]))
        emulator.advance(hours=2)
        second.advance(hours=2)
        home.run()
        home.run(aimylogic_conn_id="aimylogic_second")
        assert sorted(told(home.engine, "campaign")) == sorted(
            [f"1@{emulator.url.partition('//')[2]}"] * 2 + [f"1@{second.url.partition('//')[2]}"] * 3
        )
