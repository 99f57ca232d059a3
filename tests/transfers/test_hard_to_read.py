"""Reports that are hard to read: too large, unreadable in one row, too many of one moment, pages that are cut."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.calls_api.transports import requests_transport
from aimylogic_provider.calls_api.transports.content_coding import Body
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.emulator.world import reports
from tests.report_tables.whole_tables import told, whole
from tests.transfers.home import ATTEMPTS, JOBS, Home

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def with_data(monkeypatch: pytest.MonkeyPatch, data: Any, job: str | None = None) -> None:
    """Have the script tell something as ``reportData``, of one job or of all."""
    original = reports._script_fields

    def fields(of: Any, attempt: Any) -> dict[str, object]:
        return {**original(of, attempt), **({"reportData": data} if job in (None, of.id) else {})}

    monkeypatch.setattr(reports, "_script_fields", fields)


def ids(home: Home, table: str = JOBS) -> set[str]:
    return set(told(home.engine, "call_job_id", table=table))


def test_open_jobs_whose_data_is_more_than_an_answer_may_hold(
    home: Home, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests_transport, "Body", lambda coding, most: Body(coding, 2**20))
    emulator.settings(max_attempts=2, retry_interval=172_800, odds={"noAnswer": 1.0})
    with_data(monkeypatch, "x" * 31_250)
    home.add(36)
    emulator.advance(hours=1)
    assert home.run()["jobs"]["open"] == 36
    new = home.add(1)
    emulator.advance(hours=1)
    home.run()
    assert set(new) <= ids(home)
    emulator.advance(days=5)
    assert home.run()["jobs"]["open"] == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a":1,"a":2}', "a field twice"),
        (b'{"n":' + b"7" * 5000 + b"}", "can't be read"),
        (b"[" * 100_000 + b"]" * 100_000, "can't be read"),
    ],
    ids=["a field twice", "a number of 5,000 digits", "100,000 levels"],
)
def test_what_cannot_be_read_of_a_row_is_kept_as_text(
    home: Home, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, data: bytes, reason: str
) -> None:
    jobs = home.add(3)
    with_data(monkeypatch, msgspec.Raw(data), jobs[1])
    emulator.advance(days=1)
    report = home.run()
    assert (report["jobs"]["new"], report["jobs"]["unread"]) == (3, 0)
    kept = dict(told(home.engine, "call_job_id", "report_data"))
    assert kept[jobs[1]]["unread"] == data.decode()
    assert reason in kept[jobs[1]]["reason"]
    assert kept[jobs[0]] is None or "unread" not in kept[jobs[0]]
    assert set(jobs) == ids(home, ATTEMPTS)
    before = home.tables()
    assert home.run(start=emulator.now() - timedelta(days=2))["jobs"]["changed"] == 0
    assert home.tables() == before


@pytest.mark.parametrize("is_open", [True, False])
def test_a_row_that_cannot_be_read_at_all_is_set_aside_and_told(
    home: Home, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_open: bool
) -> None:
    jobs = home.add(3)
    emulator.advance(hours=1)
    if is_open:
        emulator.campaign(lines=0)
        jobs = home.add(3)
        emulator.advance(hours=1)
        home.run()
    original = reports.job_row

    def row(job: Any, *arguments: Any) -> Any:
        return {**original(job, *arguments), **({"createdAt": "yesterday"} if job.id == jobs[1] else {})}

    monkeypatch.setattr(reports, "job_row", row)
    report = home.run()
    assert (report["jobs"]["unread"], report["jobs"]["vanished"]) == (1, 0)
    assert {jobs[0], jobs[2]} <= ids(home)
    assert f"1 jobs can't be read, and are set aside: {jobs[1]}" in capsys.readouterr().out
    monkeypatch.setattr(reports, "job_row", original)
    emulator.campaign(lines=9)
    emulator.advance(days=1)
    assert home.run(start=emulator.now() - timedelta(days=3))["jobs"]["unread"] == 0
    assert set(jobs) <= ids(home)


def test_more_open_jobs_of_one_moment_than_are_shown_are_whole_once_all_are_counted(
    home: Home, emulator: Emulator, few_shown: Callable[[], None]
) -> None:
    """No more than ten are shown of a moment; these are known from before."""
    emulator.campaign(lines=0)
    home.add(2)
    emulator.advance(hours=1)
    jobs = home.add(12)
    emulator.advance(hours=1)
    home.run()
    assert {*jobs} <= ids(home)
    few_shown()
    emulator.advance(hours=1)
    home.run(start=emulator.now() - timedelta(days=1))
    home.add(20)
    emulator.advance(hours=1)
    with pytest.raises(AirflowFailException, match="set call_list to what the task returned that sent them"):
        home.run()


def test_a_moment_that_cannot_be_read_holds_up_nothing_but_the_mark(
    home: Home, emulator: Emulator, few_shown: Callable[[], None]
) -> None:
    emulator.campaign(lines=0)
    home.add(2)
    emulator.advance(hours=1)
    home.add(20)
    emulator.advance(hours=1)
    later = home.add(2)
    emulator.advance(hours=1)
    few_shown()
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="More than 10 jobs were created at"):
            home.run()
        assert {*later} <= ids(home)
    # Once they are over, at times of their own, they are read by those, and the mark moves on.
    emulator.campaign(lines=3)
    emulator.advance(days=1)
    home.run()
    home.assert_all_home()
    assert home.run()["jobs"]["read"] == 0


def test_a_row_of_a_crowded_moment_that_cannot_be_read_holds_up_nothing(
    home: Home, emulator: Emulator, few_shown: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = home.add(20)
    unread = {jobs[1], jobs[-2]}  # one of them is shown of the moment, in whichever order
    emulator.advance(days=1)
    original = reports.job_row

    def row(job: Any, *arguments: Any) -> Any:
        count = {"attemptsCount": msgspec.Raw(b"7" * 5000)} if job.id in unread else {}
        return {**original(job, *arguments), **count}

    monkeypatch.setattr(reports, "job_row", row)
    few_shown()
    report = home.run()
    assert report["jobs"]["unread"] == 2
    assert ids(home) == {*jobs} - unread
    assert home.run()["jobs"]["read"] == 0


def test_a_row_that_alone_is_larger_than_any_answer_is_set_aside(
    home: Home, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(requests_transport, "Body", lambda coding, most: Body(coding, 2**20))
    jobs = home.add(7)
    with_data(monkeypatch, "x" * 2**20, jobs[3])
    emulator.advance(days=1)
    report = home.run(attempts_table=None)
    assert (report["jobs"]["new"], report["jobs"]["unread"]) == (6, 1)
    assert ids(home) == {*jobs} - {jobs[3]}
    assert "1 can't be read" in capsys.readouterr().out


def test_a_row_of_more_pages_than_are_cut_short(
    home: Home, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server serves 50 rows a page, and counts those before it by the size that it was asked for."""
    original = reports._page
    monkeypatch.setattr(reports, "_page", lambda *arguments: original(*arguments)[:50])
    jobs = home.add(60)
    emulator.advance(days=1)
    home.run()
    assert set(jobs) == ids(home)


@pytest.mark.parametrize("alone", [False, True])
def test_attempts_that_are_never_shown_by_time_are_no_success(
    home: Home, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    monkeypatch.setattr(reports, "attempts_by_date", lambda *arguments, **more: [])
    home.add(5)
    emulator.advance(days=1)
    emulator.campaign(lines=0)
    home.add(200)
    with pytest.raises(AirflowException, match="its report by time proves nothing"):
        home.run(**({"jobs_table": None} if alone else {}))


def test_an_attempts_number_may_be_written_as_text(
    home: Home, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = reports.attempt_row

    def row(*arguments: Any) -> Any:
        return (told := original(*arguments)) | {"attemptNumber": str(told["attemptNumber"])}

    monkeypatch.setattr(reports, "attempt_row", row)
    home.add(3)
    emulator.advance(days=1)
    assert home.run()["attempts"]["unnumbered"] == 0
    assert 1 in told(home.engine, "attempt_number", table=ATTEMPTS)


@pytest.mark.parametrize(
    "arguments",
    [
        {"start": "0001-01-01T00:00:00+03:00"},
        {"start": "0001-01-01T00:00:00Z"},
        {"start": "2026-01-01T00:00:00Z", "end": "9999-12-31T23:59:59.999999Z"},
        {"first_from": "0001-01-01T00:00:00Z"},
    ],
)
def test_the_earliest_and_the_latest_time_stand_for_ever(home: Home, emulator: Emulator, arguments: Any) -> None:
    home.add(1)
    emulator.advance(days=1)
    assert home.run(**arguments)["jobs"]["new"] == 1


def test_open_rows_are_found_by_an_index(home: Home, emulator: Emulator) -> None:
    home.add(3)
    emulator.advance(days=1)
    home.run()
    seen: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *more: Any) -> None:
        seen.append((statement, parameters))

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", note)
    home.run()
    sa.event.remove(sa.engine.Engine, "before_cursor_execute", note)
    queries = [one for one in seen if one[0].startswith("SELECT") and "finished_at IS NULL" in one[0]]
    assert len(queries) >= 4
    with home.engine.connect() as connection:
        for statement, parameters in queries:
            plan = connection.exec_driver_sql("explain query plan " + statement, parameters).all()
            assert "_open (campaign=?" in str(plan[0]), statement
    assert len(whole(home.engine, JOBS)) == 3
