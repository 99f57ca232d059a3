"""The circle of the example `campaign_results`, day by day on the emulator's clock; and the views of the docs."""

from __future__ import annotations

import re
import runpy
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import BaseHook

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.emulator.world import reports
from local_servers.warehouse import make_warehouse, warehouse_phone
from tests.call_list.test_claims import database
from tests.call_list.test_job_results import row
from tests.conftest import TaskInstance

__all__ = ["database"]

AGAIN = {"noAnswer", "notDone", "technicalError"}
SILENT, ANSWERS, NOBODY = warehouse_phone(0), warehouse_phone(1), warehouse_phone(2)


class Circle:
    """The example's two tasks, a run a day."""

    def __init__(self, emulator: Emulator, lists: Path, engine: sa.Engine) -> None:
        self.emulator = emulator
        self.engine = engine
        self._lists = lists
        self._file = str(Path(__file__).parents[2] / "dags" / "campaign_results.py")

    def run(self, run_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """What both tasks return."""
        tasks = runpy.run_path(self._file)
        tasks["call"].call_list_path = str(self._lists)
        told = []
        for task in (tasks["results"], tasks["call"]):
            instance = TaskInstance(dag_id="campaign_results", task_id=task.task_id, run_id=run_id, current_try=1)
            told.append(task.execute(instance.context()))
        return told[0], told[1]

    def bring_reports_home(self) -> None:
        """The task beside them."""
        instance = TaskInstance(dag_id="campaign_results", task_id="bring_reports_home", current_try=1)
        runpy.run_path(self._file)["reports"].execute(instance.context())

    def jobs(self) -> dict[str, list[str]]:
        """How the jobs of each phone ended, oldest first; by the emulator's own account."""
        ends = defaultdict(list)
        for job in self.emulator.jobs():
            ends[job.phone].append(job.status if job.finished is not None else "open")
        return ends

    def due(self) -> set[str]:
        """Whom the emulator's own account says are to be called again."""
        return {phone for phone, ends in self.jobs().items() if len(ends) < 3 and ends[-1] in AGAIN}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def circle(
    request: pytest.FixtureRequest, tmp_path: Path, emulator: Emulator, connections: None, no_pauses: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Circle]:  # fmt: skip
    connection = make_warehouse(tmp_path / "warehouse.db", 40)
    if request.param == "postgres":
        postgres = request.getfixturevalue("postgres")
        into_postgres(postgres, tmp_path / "warehouse.db")
        connection = postgres.connection("warehouse")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", connection)
    emulator.freeze()
    emulator.set_time(datetime(2026, 3, 2, 7, tzinfo=UTC))
    outcomes: Any = {SILENT: ["noAnswer"], ANSWERS: ["longCallWithResult"], NOBODY: ["nonexistentNumber"]}
    emulator.settings(outcomes=outcomes)
    engine = BaseHook.get_hook("warehouse").get_sqlalchemy_engine()
    yield Circle(emulator, tmp_path / "lists", engine)
    engine.dispose()


def into_postgres(postgres: Any, path: Path) -> None:
    import psycopg2

    with closing(sqlite3.connect(path)) as plain:
        rows = plain.execute("select * from customer").fetchall()
    with closing(psycopg2.connect(postgres.dsn("warehouse"))) as connection, connection, connection.cursor() as cursor:
        cursor.execute("drop schema public cascade; create schema public")
        cursor.execute("create table customer(id integer, phone text, gmt_zone text, name text, due text)")
        cursor.executemany("insert into customer values (%s, %s, %s, %s, %s)", rows)


@pytest.mark.parametrize("circle", ["sqlite", "postgres"], indirect=True)
def test_who_did_not_answer_is_called_again_three_times_at_most(circle: Circle) -> None:
    home, called = circle.run("day 1")
    assert (home["rows"], called["created"]) == (0, 40)
    for day in range(2, 5):
        circle.emulator.advance(days=1)
        due, before = circle.due(), circle.jobs()
        if day == 3:
            with circle.engine.begin() as connection:
                connection.exec_driver_sql(f"insert into customer values (99, '{warehouse_phone(99)}', null, 'N', 'd')")
            due.add(warehouse_phone(99))
        home, called = circle.run(f"day {day}")
        again = {phone for phone, ends in circle.jobs().items() if len(ends) > len(before.get(phone, ()))}
        assert again == due, f"day {day}"
        assert called["created"] == len(due)
        assert home["open"] == home["not_found"] == 0
    ends = circle.jobs()
    assert (len(ends[SILENT]), ends[ANSWERS], ends[NOBODY]) == (3, ["longCallWithResult"], ["nonexistentNumber"])
    assert len(ends) == 41
    assert max(map(len, ends.values())) == 3
    assert all({*ends_of[:-1]} <= AGAIN for ends_of in ends.values())


def test_a_run_that_comes_too_often_or_too_early_calls_nobody(circle: Circle) -> None:
    circle.emulator.campaign(lines=0)
    circle.run("scheduled")
    assert [circle.run(name)[1]["rows"] for name in ("by hand", "backfill")] == [0, 0]
    circle.emulator.advance(days=1)
    home, called = circle.run("while all calls are open")
    assert (home["open"], called["rows"]) == (40, 0)
    assert len(circle.emulator.jobs()) == 40


def test_a_server_whose_clock_was_wrong_once_holds_up_nobody(circle: Circle) -> None:
    """It told a day 30 days ahead, while calls were open."""
    circle.emulator.campaign(lines=0)
    circle.run("day 1")
    circle.emulator.advance(days=30)
    assert circle.run("by a wrong clock")[0]["open"] == 40
    circle.emulator.advance(days=-30)
    circle.emulator.campaign(lines=10)
    circle.emulator.advance(days=2)
    home, called = circle.run("day 3")
    assert (home["updated"], home["open"]) == (40, 0)
    assert called["created"] > 0


def test_one_whose_report_cannot_be_read_holds_up_nobody_and_is_not_called_again(
    circle: Circle, monkeypatch: pytest.MonkeyPatch
) -> None:
    circle.run("day 1")
    fields = reports._script_fields

    def odd(job: Any, attempt: Any) -> dict[str, object]:
        strange = {"attemptsCount": msgspec.Raw(b"7" * 5000)} if job.phone == SILENT else {}
        return {**fields(job, attempt), **strange}

    monkeypatch.setattr(reports, "_script_fields", odd)
    for day in (2, 3):
        circle.emulator.advance(days=1)
        due = circle.due() - {SILENT}
        home, called = circle.run(f"day {day}")
        assert (home["open"], home["unreadable"], called["created"]) == (1, 1, len(due))
    assert circle.jobs()[SILENT] == ["noAnswer"]


@pytest.mark.long
@pytest.mark.parametrize("circle", ["postgres"], indirect=True)
@pytest.mark.parametrize("kind", ["double precision", "char(10)", "timestamp", "uuid"])
def test_whoever_answered_is_known_again_whatever_type_a_customers_id_has(circle: Circle, kind: str) -> None:
    made = {"timestamp": "timestamp '2026-01-01' + id * interval '1 second'", "uuid": "md5(id::text)::uuid"}
    with circle.engine.begin() as connection:
        using = made.get(kind, f"id::text::{kind}")
        connection.exec_driver_sql(f"alter table customer alter id type {kind} using {using}")
    for day in range(5):
        circle.run(f"day {day}")
        circle.emulator.advance(days=1)
    ends = circle.jobs().values()
    assert max(map(len, ends)) == 3
    assert all({*ends_of[:-1]} <= AGAIN for ends_of in ends)


# The views


VIEWS = re.search(
    r"```sql\n(create view reached_by_day.*?)```",
    (Path(__file__).parents[2] / "docs" / "call-list.md").read_text(), re.DOTALL,
)  # fmt: skip


def test_the_views_of_the_docs(database: Callable[[], sa.Engine]) -> None:
    from aimylogic_provider.call_list.tables.job_results import JobResults
    from aimylogic_provider.call_list.tables.job_state import JobState
    from aimylogic_provider.call_list.tables.results_table import ResultsTable

    assert VIEWS is not None
    engine, over = database(), datetime(2026, 1, 1, 10, tzinfo=UTC)
    ends = ["longCallWithResult", "noAnswer", "noAnswer", "longCallWithNoResult", "onRetry"]
    table = ResultsTable(engine, "aimylogic_results", [])
    table.write([row(n, "created", str(n)) for n in range(6)] + [row(9, "rejected")])
    states = {
        n: JobState(end, n % 2 + 1, None if end == "onRetry" else over, 30 * n, None, None)
        for n, end in enumerate(ends)
    }  # fmt: skip
    JobResults(engine, "aimylogic_results").update("list", states, over)
    with engine.begin() as connection:
        for statement in VIEWS[1].split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)

    def asked(view: str) -> list[tuple[Any, ...]]:
        with engine.connect() as connection:
            found = connection.exec_driver_sql(f"select * from {view} order by 1, 2, 3")
            return [tuple(one if isinstance(one, str) else float(one) for one in found_row) for found_row in found]

    assert asked("reached_by_day") == [("d", "t", "2026-01-01", 4.0, 2.0, 0.5)]
    assert asked("calls_by_attempts") == [("d", "t", 1.0, 2.0, 1.0), ("d", "t", 2.0, 2.0, 1.0)]
    assert asked("minutes_by_day") == [("d", "t", "2026-01-01", 5.0)]
    engine.dispose()


def test_the_account_of_the_days_adds_up_in_the_views_and_tables(circle: Circle) -> None:
    assert VIEWS is not None
    circle.run("day 1")
    circle.emulator.advance(days=1)
    circle.run("day 2")
    with circle.engine.begin() as connection:
        for statement in VIEWS[1].split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)
        calls, reached = connection.exec_driver_sql("select sum(calls), sum(reached) from reached_by_day").one()
    ended = Counter(end for ends in circle.jobs().values() for end in ends[:1])
    assert calls == ended.total() == 40
    assert reached == ended["longCallWithResult"] + ended["longCallWithNoResult"]
    for _ in range(2):
        circle.bring_reports_home()
        with circle.engine.connect() as connection:
            jobs = connection.exec_driver_sql("select count(*) from aimylogic_jobs").scalar()
            attempts = connection.exec_driver_sql("select count(*) from aimylogic_attempts").scalar()
        assert jobs == len(circle.emulator.jobs())
        assert attempts == sum(job.attempts for job in circle.emulator.jobs())


def test_the_view_by_campaign_and_day_tells_a_day_in_a_zone_of_its_own(circle: Circle) -> None:
    page = (Path(__file__).parents[2] / "docs" / "results-in-sql.md").read_text()
    view = page.partition("```sql\n")[2].partition(";")[0]
    if circle.engine.dialect.name == "postgresql":
        view = view.replace("cast(created_at as", "cast(created_at at time zone 'UTC' as")
    circle.run("day 1")
    circle.emulator.advance(days=1)
    circle.run("day 2")
    circle.emulator.advance(days=1)
    circle.bring_reports_home()
    with circle.engine.begin() as connection:
        connection.exec_driver_sql(view)
        if circle.engine.dialect.name == "postgresql":
            connection.exec_driver_sql("set local timezone = 'Pacific/Kiritimati'")  # where it is the next day by then
        found = connection.exec_driver_sql(
            "select call_day, calls, reached, attempts from reached_by_campaign_and_day order by call_day"
        ).fetchall()
    jobs = circle.emulator.jobs()
    expected = []
    for day in ("2026-03-02", "2026-03-03"):
        of_day = [job for job in jobs if str(datetime.fromtimestamp(job.created, UTC)).startswith(day)]
        reached = [job for job in of_day if job.status in ("longCallWithResult", "longCallWithNoResult")]
        expected.append((day, len(of_day), len(reached), sum(job.attempts for job in of_day)))
    assert [tuple(row) for row in found] == expected


def test_who_stands_there_twice_is_called_for_each_on_two_days_and_no_oftener(circle: Circle) -> None:
    """As the example says; on one day, the first of them alone."""
    with circle.engine.begin() as connection:
        connection.exec_driver_sql(f"insert into customer values (98, '{ANSWERS}', null, 'N', 'd')")
    circle.run("day 1")
    circle.emulator.advance(days=1)
    with circle.engine.begin() as connection:
        connection.exec_driver_sql(f"insert into customer values (99, '{ANSWERS}', null, 'N', 'd')")
    for day in ("day 2", "day 3"):
        circle.run(day)
        circle.emulator.advance(days=1)
    assert circle.jobs()[ANSWERS] == ["longCallWithResult"] * 2
