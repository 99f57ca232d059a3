"""What becomes of a results table's rows: never from later to earlier, in any database, in tables of every shape."""

from __future__ import annotations

import functools
import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from aimylogic_provider.call_list.tables import job_columns, job_results, results_table
from aimylogic_provider.call_list.tables.job_columns import JOB_COLUMNS, FormerShapeError
from aimylogic_provider.call_list.tables.job_results import JobResults, NoSuchTableError, RowsOf
from aimylogic_provider.call_list.tables.job_state import JobState, json_text
from aimylogic_provider.call_list.tables.results_table import ResultsTable
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.reports import CallJob, parse_call_jobs
from aimylogic_provider.report_tables.report_rows import ReportRows
from tests.call_list.test_claims import database
from tests.call_list.test_results_table import row

__all__ = ["database"]

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
OPEN = JobState("onRetry", 1, None, 0, None, None)
OVER = JobState("longCallWithResult", 2, NOON, 31, "agreed", '{"answer":"yes"}')

MakeEngine = Callable[[], sa.Engine]


@pytest.fixture
def engine(database: MakeEngine) -> Iterator[sa.Engine]:
    made = database()
    yield made
    made.dispose()


def table_of(engine: sa.Engine, rows: int = 3, keys: tuple[str, ...] = ("id",), **more: Any) -> None:
    with closing(ResultsTable(engine, "calls", keys)) as table:
        table.write([{**row(n, "created", str(n), **dict.fromkeys(keys, n)), **more} for n in range(1, rows + 1)])


def former_table(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, *keys: str) -> None:
    """A table as the former version of this package made it."""
    with monkeypatch.context() as former:
        former.setattr(results_table, "job_columns", list)
        table_of(engine, keys=keys or ("id",))


def told(engine: sa.Engine, *columns: str) -> list[tuple[Any, ...]]:
    """The columns of the rows, by row number; times in UTC, and JSON as a value."""
    table = sa.Table("calls", sa.MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        found = connection.execute(sa.select(*(table.c[name] for name in columns)).order_by(table.c.row_number))
        return [tuple(map(_plain, one)) for one in found]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return json.loads(value) if isinstance(value, str) and value.startswith("{") else value


def columns_of(engine: sa.Engine) -> dict[str, Any]:
    return {one["name"]: one["type"] for one in sa.inspect(engine).get_columns("calls")}


def test_new_tables_have_the_columns_and_their_rows_tell_nothing_yet(engine: sa.Engine) -> None:
    table_of(engine)
    assert [*columns_of(engine)][-len(JOB_COLUMNS) :] == [*JOB_COLUMNS]
    assert told(engine, *JOB_COLUMNS) == [(None,) * len(JOB_COLUMNS)] * 3
    if engine.dialect.name == "postgresql":
        assert isinstance(columns_of(engine)["report_data"], postgresql.JSONB)


def test_a_row_tells_what_the_report_shows(engine: sa.Engine) -> None:
    table_of(engine)
    results = JobResults(engine, "calls")
    assert results.update("list", {1: OPEN, 3: OVER}, NOON) == 2
    assert told(engine, *JOB_COLUMNS) == [
        ("onRetry", 1, None, 0, None, None, NOON),
        (None,) * 7,
        ("longCallWithResult", 2, NOON, 31, "agreed", {"answer": "yes"}, NOON),
    ]


def test_the_same_again_changes_nothing(engine: sa.Engine) -> None:
    table_of(engine)
    results = JobResults(engine, "calls")
    results.update("list", {1: OPEN, 2: OVER}, NOON)
    before = told(engine, *JOB_COLUMNS)
    assert results.update("list", {1: OPEN, 2: OVER}, NOON + timedelta(hours=1)) == 0
    assert told(engine, *JOB_COLUMNS) == before


def test_no_row_goes_from_later_to_earlier(engine: sa.Engine) -> None:
    otherwise = JobState("noAnswer", 3, NOON, 0, None, None)
    rung_again = JobState("inProcess", 2, None, 0, None, None)
    cases = [
        (OPEN, OVER, 1, True),
        (OPEN, OVER, 0, True),
        (OPEN, OVER, -1, True),
        (OPEN, rung_again, -1, False),
        (OPEN, rung_again, 1, True),
        (OPEN, rung_again, 0, True),
        (rung_again, OPEN, 0, False),
        (OVER, OPEN, 1, False),
        (OVER, OPEN, -48, False),
        (OVER, otherwise, 1, True),
        (OVER, otherwise, -1, False),
    ]
    table_of(engine, len(cases))
    results = JobResults(engine, "calls")
    results.update("list", {number: first for number, (first, *_) in enumerate(cases, 1)}, NOON)
    for number, (_, then, hours, changes) in enumerate(cases, 1):
        assert results.update("list", {number: then}, NOON + timedelta(hours=hours)) == changes
    expected = [(then if changes else first).job_status for first, then, _, changes in cases]
    assert [status for (status,) in told(engine, "job_status")] == expected


def test_one_reading_whose_time_was_wrong_locks_no_row(engine: sa.Engine) -> None:
    """It told a time 30 days ahead: the next one counts, and is the last one from then on."""
    rung_again = JobState("inProcess", 2, None, 0, None, None)
    table_of(engine)
    results = JobResults(engine, "calls")
    results.update("list", {1: OPEN, 2: OPEN, 3: OVER}, NOON + timedelta(days=30))
    assert results.update("list", {1: rung_again, 2: OVER, 3: OPEN}, NOON) == 2
    assert told(engine, "job_status", "updated_at") == [
        ("inProcess", NOON),
        (OVER.job_status, NOON),
        (OVER.job_status, NOON + timedelta(days=30)),
    ]
    assert results.update("list", {1: OPEN}, NOON - timedelta(minutes=5)) == 0


def test_a_row_that_is_not_there_is_not_made(engine: sa.Engine) -> None:
    table_of(engine)
    assert JobResults(engine, "calls").update("list", {99: OVER}, NOON) == 0
    assert JobResults(engine, "calls").update("another", {1: OVER}, NOON) == 0
    assert len(told(engine, "row_number")) == 3


def test_many_at_once_end_with_the_latest(database: MakeEngine, engine: sa.Engine) -> None:
    table_of(engine, 50)
    errors: list[BaseException] = []
    together = threading.Barrier(4)

    def act(seed: int) -> None:
        chance = random.Random(seed)
        try:
            with closing(JobResults(database(), "calls")) as results:
                together.wait()
                readings = [(OPEN, 0), (JobState("inProcess", 2, None, 0, None, None), 10), (OVER, 20)]
                for state, minutes in chance.sample(readings, 3):
                    results.update("list", dict.fromkeys(range(1, 51), state), NOON + timedelta(minutes=minutes))
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=act, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert told(engine, "job_status", "updated_at") == [(OVER.job_status, NOON + timedelta(minutes=20))] * 50


# What a script writes


def state_of(**more: object) -> JobState:
    return JobState.of(CallJob("1", "79123456789", status="noAnswer", finished_at=NOON, more=more))


ODD: list[Any] = [
    {"answer": "да \U0001f600", "empty": None}, [1, [2, {"a": []}]], "text", "", 'q"\\u0000', 0, -1.5, True, False, {},
    [], 10**30, "x" * 1_000_000, {"deep": [[[[[[[["end"]]]]]]]]}, "\\",
]  # fmt: skip


def test_report_data_of_any_type_and_size_is_kept(engine: sa.Engine) -> None:
    table_of(engine, len(ODD))
    results = JobResults(engine, "calls")
    states = {number: state_of(reportData=value) for number, value in enumerate(ODD, 1)}
    assert results.update("list", states, NOON) == len(ODD)
    assert [json.loads(one) for one in texts(engine)] == ODD
    assert results.update("list", states, NOON) == 0, "all are told as the same"


def test_nulls_within_text_are_none_for_the_database(engine: sa.Engine) -> None:
    table_of(engine)
    state = state_of(reportData=["\0null", "\\\0", "\\u0000"], tagName="a\0b")
    results = JobResults(engine, "calls")
    assert [results.update("list", {1: state}, NOON) for _ in range(2)] == [1, 0]
    assert json.loads(texts(engine)[0]) == ["\ufffdnull", "\\\ufffd", "\\u0000"]
    assert told(engine, "tag_name")[0] == ("a\ufffdb",)


def texts(engine: sa.Engine) -> list[Any]:
    """The column of report data, as text."""
    text = "cast(report_data as text)" if engine.dialect.name == "postgresql" else "report_data"
    with engine.connect() as connection:
        asked = f"select {text} from calls order by cast(id as decimal)"
        return [*connection.exec_driver_sql(asked).scalars()]


DEEP = functools.reduce(lambda value, _: [value], range(900), "end")


@pytest.mark.parametrize(
    "value",
    [{"b": "да \U0001f600", "a": [1, {"d": 1, "c": None}]}, "\0", 10**30, DEEP, "\ud83d"],
    ids=["two keys", "a null", "a long number", "900 levels", "half a character"],
)
def test_what_a_script_writes_is_kept_as_in_the_tables_of_reports(value: object) -> None:
    """Of jobs and of results alike, so that both compare as text and as JSON."""
    report = parse_call_jobs(json.dumps([{"callJobId": "1", "reportData": value, "tagName": value}]).encode())
    theirs, ours = ReportRows("7", None, full_phones=False).job(report[0]), JobState.of(report[0])
    assert json.loads(str(ours.report_data)) == json.loads(theirs["report_data"])
    assert ours.tag_name == theirs["tag_name"]


def test_numbers_that_json_does_not_have_are_text() -> None:
    assert json_text({"a": [float("inf"), float("nan")]}) == '{"a":["inf","nan"]}'


@pytest.mark.parametrize(
    ("tag", "told_as"),
    [("agreed", "agreed"), (None, None), (7, "7"), (True, "true"), ({"a": 1}, '{"a":1}'), ("", "")],
)
def test_a_tag_is_text_whatever_it_is(tag: object, told_as: str | None) -> None:
    assert state_of(tagName=tag).tag_name == told_as


def test_what_no_column_can_hold_is_left_out() -> None:
    job = CallJob("1", "", status="<b>", attempts_count=10**12, call_duration=-(10**12), more={"tagName": "x" * 5000})
    state = JobState.of(job)
    assert (state.job_status, state.attempts, state.call_seconds) == ("unknown", None, None)
    assert state.tag_name == "x" * 5000


def test_a_column_that_a_person_made_of_another_json_type_is_as_good(engine: sa.Engine) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL writes it otherwise than it is given")
    table_of(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("alter table calls alter column report_data type json using report_data::json")
    results = JobResults(engine, "calls")
    assert [results.update("list", {1: OVER}, NOON) for _ in range(2)] == [1, 0]


# Which rows


def test_open_rows_come_page_by_page_the_youngest_list_first(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_results, "_PAGE", 3)
    table = ResultsTable(engine, "calls", ["id"])
    for number, name in enumerate(["b", "c", "a"]):
        moment = {"frozen_at": NOON + timedelta(days=number), "settled_at": NOON + timedelta(days=number, hours=1)}
        table.write([{**row(n, "created", f"{n}", id=n), "call_list": name, **moment} for n in range(7)])
        others = zip(range(7, 12), ("pending", "rejected", "refused", "unknown", "double"), strict=True)
        table.write([{**row(n, outcome, None, id=n), "call_list": name, **moment} for n, outcome in others])
    results = JobResults(engine, "calls")
    results.update("c", {2: OVER}, NOON)
    assert results.lists(RowsOf()) == ["a", "c", "b"]
    pages = [[one.row_number for one in page] for page in results.open_rows("c", RowsOf())]
    assert pages == [[0, 1, 3], [4, 5, 6]]
    (first, *_), *_ = results.open_rows("c", RowsOf())
    assert (first.job, first.told_at) == ("0", NOON + timedelta(days=1, hours=1))


def test_rows_are_chosen_by_dag_task_and_list(engine: sa.Engine) -> None:
    table = ResultsTable(engine, "calls", ["id"])
    for dag, task in (("x", "t"), ("x", "u"), ("y", "t")):
        table.write([{**row(1, "created", "5", id=1), "call_list": dag + task, "dag_id": dag, "task_id": task}])
    results = JobResults(engine, "calls")

    def lists(*of: Any) -> set[str]:
        return {*results.lists(RowsOf(*of))}

    assert lists() == {"xt", "xu", "yt"}
    assert lists(("x",)) == {"xt", "xu"}
    assert lists(("x", "y"), ("t",)) == {"xt", "yt"}
    assert lists((), (), "xu") == {"xu"}


def test_open_rows_are_found_by_an_index_whatever_the_table_holds_besides(engine: sa.Engine) -> None:
    if engine.dialect.name not in ("sqlite", "postgresql"):
        pytest.skip("whose plans a handful of rows doesn't tell")
    table_of(engine, 5)
    asked: list[tuple[str, Any]] = []

    @sa.event.listens_for(engine, "before_cursor_execute")
    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    results, of = JobResults(engine, "calls"), RowsOf(("d",), ("t",))
    del asked[:]
    assert [len(page) for one in results.lists(of) for page in results.open_rows(one, of)] == [5]
    queries = [*asked]
    assert len(queries) == 2
    with engine.begin() as connection:
        explain = "explain query plan"
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("set local enable_seqscan = off")
            explain = "explain"
        plans = [str(connection.exec_driver_sql(f"{explain} {one}", given).fetchall()) for one, given in queries]
    assert "ix_calls_open_jobs" in plans[0], "which lists have any"
    assert "ix_calls_open_jobs" in plans[1] or "calls_pkey" in plans[1], "and of a list, not by all rows of all lists"


def test_the_index_of_a_table_with_a_long_name_has_a_name_of_its_own(engine: sa.Engine) -> None:
    longest = min(engine.dialect.max_identifier_length, 64)
    for last in "ab":
        ResultsTable(engine, "x" * (longest - 1) + last, ["id"])
        assert len(sa.inspect(engine).get_indexes("x" * (longest - 1) + last)) == 1


# Tables of other shapes


def test_a_table_of_the_former_shape_is_written_as_before(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    former_table(engine, monkeypatch)
    before = columns_of(engine)
    table_of(engine)
    assert [*columns_of(engine)] == [*before]
    assert not {*JOB_COLUMNS} & {*before}


def test_the_statements_that_it_is_told_by_work_as_they_are_printed(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    former_table(engine, monkeypatch)
    with pytest.raises(FormerShapeError, match="is of the former shape, and lacks columns") as caught:
        JobResults(engine, "calls")
    printed = [one.strip() for one in str(caught.value).partition(":\n")[2].split(";") if one.strip()]
    assert len(printed) == len(JOB_COLUMNS)
    for done, statement in enumerate(printed):
        assert statement.startswith("alter table calls add column ")
        with pytest.raises(FormerShapeError) as still:
            JobResults(engine, "calls")
        assert [*still.value.to_do] == printed[done:], "of a table that is altered in part, what is left"
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
    assert JobResults(engine, "calls").update("list", {1: OVER}, NOON) == 1
    assert told(engine, "report_data", "finished_at")[0] == ({"answer": "yes"}, NOON)
    table_of(engine, 4)


def test_it_is_migrated_by_many_at_once(
    database: MakeEngine, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    former_table(engine, monkeypatch)
    errors: list[BaseException] = []
    together = threading.Barrier(3)

    def act() -> None:
        try:
            own = database()
            together.wait()
            with closing(JobResults(own, "calls", migrates=True)) as results:
                results.update("list", {1: OVER}, NOON)
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=act) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert told(engine, "job_status")[0] == ("longCallWithResult",)
    assert {*JOB_COLUMNS} <= {*columns_of(engine)}


def test_who_may_not_alter_it_is_told_the_statements(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    former_table(engine, monkeypatch)

    @sa.event.listens_for(engine, "before_cursor_execute")
    def refuse(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("alter"):
            raise sa.exc.ProgrammingError("ALTER", {}, Exception("must be owner of table calls"))

    with pytest.raises(FormerShapeError, match="can't be altered") as caught:
        JobResults(engine, "calls", migrates=True)
    assert len(caught.value.to_do) == len(JOB_COLUMNS)
    assert "add_columns" not in str(caught.value)


KEYS = ["attempts", "tag_name", "Job_Status", "updated_at", "call_seconds", "report_data"]


def test_a_key_column_of_such_a_name_goes_on_as_before(engine: sa.Engine) -> None:
    """And its rows are never taken for what became of calls; the way out that is told works."""
    for key in KEYS:
        table_of(engine, keys=("id", key))
        table_of(engine, 4, keys=("id", key))
        assert told(engine, key) == [("1",), ("2",), ("3",), ("4",)]
        for migrates in (False, True):
            with pytest.raises(RejectedError, match=f"has a column '{key}' that is none of those") as caught:
                JobResults(engine, "calls", migrates=migrates)
        assert not isinstance(caught.value, FormerShapeError)
        (statement,) = [part for part in str(caught.value).split('"') if part.startswith("alter table")]
        if key.lower() == key:  # else PostgreSQL would have it quoted
            with engine.begin() as connection:
                connection.exec_driver_sql(statement)
            JobResults(engine, "calls", migrates=True)
            table_of(engine, 5, keys=("id", f"customer_{key}"))
            assert told(engine, f"customer_{key}")[3:] == [("4",), ("5",)]
        with engine.begin() as connection:
            connection.exec_driver_sql("drop table calls")


def test_a_key_column_is_not_written_where_jobs_are_told_of(engine: sa.Engine) -> None:
    table_of(engine, keys=("id",))
    for key in ("tag_name", "attempts"):
        with pytest.raises(RejectedError, match="has another shape"):
            ResultsTable(engine, "calls", ["id", key])


def test_what_a_person_added_to_a_former_table_is_not_overwritten(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    former_table(engine, monkeypatch)
    with engine.begin() as connection:
        connection.exec_driver_sql("alter table calls add column job_status varchar(64)")
    table_of(engine, 4)
    with pytest.raises(RejectedError, match="has a column 'job_status' that is none of those"):
        JobResults(engine, "calls", migrates=True)


def test_a_table_that_is_none(engine: sa.Engine) -> None:
    with pytest.raises(NoSuchTableError, match="there is no table 'nothing'"):
        JobResults(engine, "nothing")
    for name in ("", "x."):
        with pytest.raises(RejectedError, match="isn't a table's name"):
            JobResults(engine, name)
    with engine.begin() as connection:
        connection.exec_driver_sql("create table calls (call_list varchar(9), amount integer)")
    with pytest.raises(RejectedError, match="is no results table, for it lacks the column 'row_number'"):
        JobResults(engine, "calls", migrates=True)


def test_names_that_need_quotes_are_quoted(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    name = 'Ca:lls"%; drop'
    with monkeypatch.context() as former:
        former.setattr(results_table, "job_columns", list)
        ResultsTable(engine, name, [])
    with pytest.raises(FormerShapeError, match=r"%; drop. add column"):
        JobResults(engine, name)
    JobResults(engine, name, migrates=True)
    assert job_columns.has_all({one["name"]: one for one in sa.inspect(engine).get_columns(name)})
