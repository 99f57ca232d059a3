"""Tables of jobs and attempts: typed, upserted, never set back, of one shape, whatever the report tells."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from aimylogic_provider.call_list_task.databases import engine_of
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.reports import CallAttempt, CallJob
from aimylogic_provider.report_tables.attempts_table import AttemptsTable
from aimylogic_provider.report_tables.jobs_table import JobsTable
from aimylogic_provider.report_tables.report_rows import ReportRows
from aimylogic_provider.report_tables.table_shapes import ATTEMPTS_SHAPE, JOBS_SHAPE, described
from aimylogic_provider.report_tables.written_rows import Written
from aimylogic_provider.sql_database.errors import TablesError
from tests.report_tables.whole_tables import told, whole

T0 = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ROWS = ReportRows("17", "Winter", full_phones=False)
OPEN = CallJob("5", "79123456789", T0, None, "inProcess", 1, 0, {})
OVER = replace(OPEN, finished_at=T0 + MINUTE, status="noAnswer", call_duration=7)


def jobs_of(engine: sa.Engine, **arguments: Any) -> JobsTable:
    return JobsTable(engine, "aimylogic_jobs", **arguments)


def attempts_of(engine: sa.Engine) -> AttemptsTable:
    return AttemptsTable(engine, "aimylogic_attempts")


def numbered(count: int) -> list[dict[str, Any]]:
    return [ROWS.job(replace(OPEN, id=str(number))) for number in range(1000, 1000 + count)]


def test_a_job_stands_in_typed_columns(engine: sa.Engine) -> None:
    more = {"tagName": "yes", "tagPayload": [1], "reportData": {"a": {"b": None}}, "queue": 3}
    job = replace(OVER, created_at=T0.replace(microsecond=123000), more=more, redial_number=2)
    assert jobs_of(engine).write([ROWS.job(job)], T0 + 2 * MINUTE) == Written(new=1)
    assert whole(engine) == [
        {
            "campaign": "17", "call_job_id": "5", "campaign_name": "Winter", "phone": "7912***6789",
            "created_at": T0.replace(microsecond=123000), "finished_at": T0 + MINUTE, "job_status": "noAnswer",
            "attempts": 1, "call_seconds": 7, "redial_number": 2, "tag_name": "yes", "tag_payload": [1],
            "report_data": {"a": {"b": None}}, "other_fields": {"queue": 3}, "vanished_at": None,
            "updated_at": T0 + 2 * MINUTE,
        }
    ]  # fmt: skip


def test_an_attempt_stands_in_typed_columns(engine: sa.Engine) -> None:
    more = {"redialNumber": "0", "tagName": None, "reportData": "text"}
    attempt = CallAttempt("5", "79123456789", 2, T0, T0 + MINUTE, "agreed", 60, "longCallWithResult", more)
    row = ReportRows("17", "Winter", full_phones=True).attempt(attempt)
    assert row is not None
    assert attempts_of(engine).write([row], T0) == Written(new=1)
    assert whole(engine, "aimylogic_attempts") == [
        {
            "campaign": "17", "call_job_id": "5", "attempt_number": 2, "phone": "79123456789", "started_at": T0,
            "finished_at": T0 + MINUTE, "call_result": "agreed", "job_status": "longCallWithResult",
            "call_seconds": 60, "redial_number": 0, "tag_name": None, "tag_payload": None, "report_data": "text",
            "other_fields": None, "updated_at": T0,
        }
    ]  # fmt: skip


def test_an_attempt_without_a_number_has_no_row() -> None:
    for number in (None, 2**70):
        assert ROWS.attempt(CallAttempt("5", "79123456789", number)) is None


def test_the_same_again_changes_nothing_at_all(engine: sa.Engine) -> None:
    data = {"z": [1.5, None, {"я": "ы"}], "a": 10**18}
    rows = [ROWS.job(replace(OVER, id=str(number), more={"reportData": data, "tagName": "a"})) for number in range(300)]
    table = jobs_of(engine)
    assert table.write(rows, T0) == Written(new=300)
    before = whole(engine)
    turned = {"a": 10**18, "z": [1.5, None, {"я": "ы"}]}
    again = [
        ROWS.job(replace(OVER, id=row["call_job_id"], more={"tagName": "a", "reportData": turned})) for row in rows
    ]
    assert table.write(again, T0 + MINUTE) == Written(unchanged=300)
    assert whole(engine) == before


def test_what_changed_is_changed_and_counted(engine: sa.Engine) -> None:
    table = jobs_of(engine)
    table.write(numbered(10), T0)
    rows = numbered(12)
    rows[3]["job_status"] = "noAnswer"
    rows[4]["report_data"] = '{"a":1}'
    assert table.write(rows, T0 + MINUTE) == Written(new=2, changed=2, unchanged=8)
    assert told(engine, "updated_at") == [T0 + MINUTE if number in (3, 4, 10, 11) else T0 for number in range(12)]


def test_what_comes_twice_in_a_page_is_one_row_and_the_last_counts(engine: sa.Engine) -> None:
    written = jobs_of(engine).write([ROWS.job(OPEN), ROWS.job(OVER)], T0)
    assert (written, told(engine, "job_status")) == (Written(new=1, unchanged=1), ["noAnswer"])


def test_no_row_goes_from_later_to_earlier(engine: sa.Engine) -> None:
    table = jobs_of(engine)
    table.write([ROWS.job(OPEN)], T0 + MINUTE)
    assert table.write([ROWS.job(replace(OPEN, status="planned"))], T0) == Written(unchanged=1)
    assert table.write([ROWS.job(OVER)], T0 + MINUTE) == Written(changed=1)
    assert table.write([ROWS.job(OPEN)], T0 + 2 * MINUTE) == Written(unchanged=1)
    assert told(engine, "job_status", "finished_at", "updated_at") == [("noAnswer", T0 + MINUTE, T0 + MINUTE)]


def test_the_database_itself_sees_to_that(engine: sa.Engine, database: str) -> None:
    """As if another task had written between a look and a write."""
    table = jobs_of(engine)
    table.write([ROWS.job(OVER)], T0 + MINUTE)
    from aimylogic_provider.report_tables import upserts_by_reading

    with pytest.MonkeyPatch.context() as patched, engine.begin() as connection:
        patched.setattr(upserts_by_reading, "goes_on", lambda row, known, shape: True)
        if database == "mariadb":  # where what a look finds is locked: so this one finds nothing
            patched.setattr(upserts_by_reading, "known_rows", lambda *arguments, **more: {})
        for job, at in ((replace(OVER, status="unknown"), T0), (OPEN, T0 + 2 * MINUTE)):
            table._upsert(connection, table.table, table.shape, [{**ROWS.job(job), "updated_at": at}])
        if database != "any":
            table._upsert(connection, table.table, table.shape, [{**ROWS.job(OVER), "updated_at": T0 + 3 * MINUTE}])
    assert told(engine, "job_status", "finished_at", "updated_at") == [("noAnswer", T0 + MINUTE, T0 + MINUTE)]


def test_open_jobs_are_told_in_hundreds_until_they_are_over_or_have_vanished(engine: sa.Engine) -> None:
    table = jobs_of(engine)
    table.write(numbered(450), T0)
    table.write([ReportRows("18", None, full_phones=False).job(OPEN)], T0)
    chunks = list(table.open_ids("17"))
    assert [len(ids) for ids in chunks] == [200, 200, 50]
    assert len({one for ids in chunks for one in ids}) == table.count_open("17") == 450
    table.write([ROWS.job(replace(OVER, id="1007"))], T0)
    assert table.note_vanished("17", ["1007", "1008", "1009", "7"], T0 + MINUTE) == 2
    assert table.note_vanished("17", ["1008", "1009"], T0 + 2 * MINUTE) == 0
    assert table.count_open("17") == 447
    # It is shown again.
    assert table.write([ROWS.job(replace(OPEN, id="1008"))], T0 + 2 * MINUTE) == Written(changed=1)
    vanished = {row["call_job_id"]: row["updated_at"] for row in whole(engine) if row["vanished_at"] is not None}
    assert vanished == {"1009": T0 + MINUTE}
    assert table.count_open("17") == 448


def test_jobs_of_open_attempts_are_told_once_and_not_for_ever(engine: sa.Engine) -> None:
    jobs, attempts = jobs_of(engine), attempts_of(engine)
    jobs.write([ROWS.job(replace(OPEN, id="1")), ROWS.job(replace(OVER, id="2"))], T0)
    begun = {"1": T0, "2": T0, "3": T0, "4": T0 - timedelta(days=8)}
    rows = [ROWS.attempt(CallAttempt(job, "", number, at)) for job, at in begun.items() for number in (1, 2)]
    attempts.write([row for row in rows if row is not None], T0)
    assert list(attempts.open_ids("17", T0, jobs)) == [["2", "3"]]
    assert list(attempts.open_ids("17", T0, None)) == [["1", "2", "3"]]


# What scripts and servers write


DEEP = json.loads("[" * 200 + "]" * 200)


def test_report_data_of_any_type_is_kept(engine: sa.Engine) -> None:
    given = [
        None, "text", "", "null", 0, False, 1.5, 10**30, [], {}, [1, "2", None], "a\0b", {"a\0": "\ud800"},
        "'; drop table x; -- %s :x {} \\", "🙂я", [float("nan"), float("inf")], "123", "1e5",
    ]  # fmt: skip
    kept = [*given[:11], "a\ufffdb", {"a\ufffd": "\ufffd"}, *given[13:15], ["nan", "inf"], *given[16:]]
    rows = [
        ROWS.job(replace(OVER, id=str(number), more={"reportData": one, "tagPayload": one}))
        for number, one in enumerate(given, 10)
    ]
    table = jobs_of(engine)
    assert table.write(rows, T0) == Written(new=len(given))
    assert table.write(rows, T0 + MINUTE) == Written(unchanged=len(given))
    assert told(engine, "report_data") == told(engine, "tag_payload") == kept


def test_what_is_nested_too_deeply_is_kept_as_text(engine: sa.Engine) -> None:
    table = jobs_of(engine)
    row = ROWS.job(replace(OVER, more={"reportData": DEEP}))
    assert table.write([row], T0) == Written(new=1)
    assert table.write([row], T0 + MINUTE) == Written(unchanged=1)


def test_report_data_of_megabytes(engine: sa.Engine) -> None:
    table = jobs_of(engine)
    rows = [
        ROWS.job(replace(OVER, id=str(number), more={"reportData": {"log": f"{number}" * 1_000_000}}))
        for number in range(9)
    ]
    assert table.write(rows, T0) == Written(new=9)
    assert [len(one["log"]) for one in told(engine, "report_data")] == [1_000_000] * 9
    assert table.write(rows, T0 + MINUTE) == Written(unchanged=9)


def test_a_tag_name_of_any_type_is_text(engine: sa.Engine) -> None:
    given = [5, True, {"a": 1}, "a\0", "x" * 100_000]
    rows = [ROWS.job(replace(OVER, id=f"{place}", more={"tagName": one})) for place, one in enumerate(given)]
    jobs_of(engine).write(rows, T0)
    assert told(engine, "tag_name") == ["5", "true", '{"a":1}', "a\ufffd", "x" * 100_000]


def test_numbers_beyond_all_bounds_stand_among_the_other_fields(engine: sa.Engine) -> None:
    table = jobs_of(engine)
    table.write([ROWS.job(replace(OVER, redial_number=10**19, attempts_count=2**63, call_duration=2**63 - 1))], T0)
    (row,) = whole(engine)
    assert (row["redial_number"], row["attempts"], row["call_seconds"]) == (None, None, 2**63 - 1)
    assert row["other_fields"] == {"redialNumber": 10**19, "attemptsCount": 2**63}


# The tables


def test_a_table_of_another_shape_is_refused_with_the_difference(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("create table aimylogic_jobs (campaign integer, phone varchar(20) not null)")
    with pytest.raises(RejectedError, match="jobs_table 'aimylogic_jobs' has another shape") as caught:
        jobs_of(engine, migrate=True)
    assert "it lacks the column 'call_job_id', by which rows are known" in str(caught.value)
    assert "its column 'campaign' holds whole numbers, and not text" in str(caught.value)


def test_lacking_columns_are_told_as_statements_that_work(engine: sa.Engine) -> None:
    jobs_of(engine).write([ROWS.job(OVER)], T0)
    with engine.begin() as connection:
        for column in ("report_data", "vanished_at", "attempts"):
            connection.exec_driver_sql(f"alter table aimylogic_jobs drop column {column}")
    with pytest.raises(
        RejectedError, match="lacks 'attempts', 'report_data', 'vanished_at': run alter table"
    ) as caught:
        jobs_of(engine)
    statements = str(caught.value).partition("run ")[2].partition("; or set add_columns=True")[0].split("; ")
    assert len(statements) == 3
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    table = jobs_of(engine)
    assert table.write([ROWS.job(replace(OVER, more={"reportData": [1]}))], T0) == Written(changed=1)
    assert told(engine, "attempts", "report_data") == [(1, [1])]


def test_lacking_columns_are_added_if_that_is_asked_for_also_by_several_at_once(engine: sa.Engine) -> None:
    jobs_of(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("alter table aimylogic_jobs drop column report_data")
    at_once(4, lambda: jobs_of(engine_of("sql_conn_id", "home"), migrate=True))
    assert jobs_of(engine).write([ROWS.job(OVER)], T0) == Written(new=1)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("add more integer not null default 1", None),
        ("add more integer", None),
        ("drop column phone", "lacks 'phone': run alter table"),
    ],
)
def test_a_table_that_somebody_changed(engine: sa.Engine, change: str, difference: str | None) -> None:
    jobs_of(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"alter table aimylogic_jobs {change}")
    if difference is not None:
        with pytest.raises(RejectedError, match=difference):
            jobs_of(engine)
        return
    assert jobs_of(engine).write([ROWS.job(OVER)], T0) == Written(new=1)


def test_a_table_without_its_key_is_refused(engine: sa.Engine) -> None:
    jobs_of(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("create table copied as select * from aimylogic_jobs")
    with pytest.raises(RejectedError, match="campaign and call_job_id are not unique in it"):
        JobsTable(engine, "copied")


@pytest.mark.parametrize(
    ("kind", "told_so"), [("json", "holds json, and not jsonb"), ("timestamp", "without a time zone")]
)
def test_types_that_postgresql_tells_apart(engine: sa.Engine, database: str, kind: str, told_so: str) -> None:
    if database != "postgres":
        pytest.skip("of PostgreSQL")
    jobs_of(engine)
    column = "report_data" if kind == "json" else "created_at"
    with engine.begin() as connection:
        connection.exec_driver_sql(f"alter table aimylogic_jobs alter column {column} type {kind}")
    with pytest.raises(RejectedError, match=told_so):
        jobs_of(engine)


def test_a_name_that_is_none(engine: sa.Engine) -> None:
    for name in ("", "schema.", ".", " "):
        with pytest.raises(RejectedError, match="isn't a table's name"):
            JobsTable(engine, name)


def test_names_that_are_taken_or_too_long(engine: sa.Engine, database: str) -> None:
    with pytest.raises(RejectedError, match="is the name of the table of marks"):
        JobsTable(engine, "Aimylogic_Read_Until")
    if database in ("postgres", "mariadb"):
        with pytest.raises(RejectedError, match="too long for a name in this database"):
            JobsTable(engine, "c" * 65)


def test_a_name_is_quoted(engine: sa.Engine) -> None:
    name = "Calls\"; drop 'x'; %s :x --"
    JobsTable(engine, name).write([ROWS.job(OVER)], T0)
    assert JobsTable(engine, name).write([ROWS.job(OVER)], T0) == Written(unchanged=1)
    assert told(engine, "call_job_id", table=name) == ["5"]


def test_a_schema(engine: sa.Engine, database: str) -> None:
    if database not in ("postgres", "mariadb"):
        pytest.skip("SQLite has no schemas")
    schema = "other" if database == "postgres" else "sales"
    JobsTable(engine, f"{schema}.jobs").write([ROWS.job(OVER)], T0)
    assert sa.inspect(engine).has_table("jobs", schema)


def test_a_database_that_fails_is_told_without_its_own_words(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = jobs_of(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("drop table aimylogic_jobs")
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(TablesError, match=r"the table aimylogic_jobs can't be written \(\w+\): the next") as caught:
        table.write([ROWS.job(OVER)], T0)
    assert caught.value.retryable
    assert "7912" not in str(caught.value)


def test_several_make_and_write_one_table_at_once(engine: sa.Engine) -> None:
    rows = [ROWS.job(replace(OPEN, id=str(number))) for number in range(60)]

    def write() -> None:
        own = engine_of("sql_conn_id", "home")
        try:
            table = jobs_of(own)
            for minute in range(3):
                table.write([{**row, "attempts": minute} for row in rows], T0 + minute * MINUTE)
        finally:
            own.dispose()

    at_once(3, write)
    assert told(engine, "attempts", "updated_at") == [(2, T0 + 2 * MINUTE)] * 60


def at_once(count: int, act: Any) -> None:
    errors: list[BaseException] = []
    together = threading.Barrier(count)

    def run() -> None:
        try:
            together.wait()
            act()
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_the_page_tells_each_column_with_its_type(repository: Path) -> None:
    page = (repository / "docs" / "results-in-sql.md").read_text()
    tables = re.findall(r"^\| column \| type \|.*\n\| --- .*\n((?:\|.*\n)+)", page, re.MULTILINE)
    for table, shape in zip(tables, (JOBS_SHAPE, ATTEMPTS_SHAPE), strict=True):
        cells = [[cell.strip() for cell in line.split("|")[1:3]] for line in table.splitlines()]
        assert [(name.strip("`"), kind) for name, kind in cells] == list(shape.columns.items())
        names = re.findall(r"known by (.*):", page.partition(table)[0])[-1]
        assert tuple(re.findall("`(.*?)`", names)) == shape.key
    rows = dict(re.findall(r"^\| (name|id|text|whole number|time|JSON) \| `(.*?)` \|", page, re.MULTILINE))
    columns = described(JOBS_SHAPE, "t", None, postgresql.dialect(), json_as_text=False).columns
    assert rows == {
        kind: str(columns[name].type.compile(dialect=postgresql.dialect())) for name, kind in JOBS_SHAPE.columns.items()
    }
