"""UpdateResultsOperator: the results table says what the server knows, whatever fails, lags or vanishes."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from unittest.mock import ANY

import msgspec
import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, BaseHook
from airflow.sdk import DAG

from aimylogic_provider.call_list.tables import job_results, results_table
from aimylogic_provider.call_list.tables.job_columns import JOB_COLUMNS
from aimylogic_provider.call_list.tables.job_results import JobResults
from aimylogic_provider.calls_api.transports import requests_transport
from aimylogic_provider.calls_api.transports.content_coding import Body
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.emulator.world import reports
from aimylogic_provider.operators import UpdateResultsOperator
from aimylogic_provider.transfers import SqlToAimylogicOperator
from tests.call_list.conftest import make_sync, sync
from tests.call_list.sync import CrashError, Sync, phone
from tests.conftest import OTHER_TOKEN, TaskInstance, connection_json, told
from tests.operators.kept_results import results
from tests.operators.test_template_values import environment, rendered

__all__ = ["environment", "make_sync", "results", "sync"]

PHONES = [phone(number) for number in range(25)]
UNKNOWN = "990000000000001"
Update = Callable[..., dict[str, Any]]
JOB = ("call_job_id", "job_status", "attempts", "finished_at")


@pytest.fixture
def sqlite(sync: Sync) -> sa.Engine:
    """The warehouse, in which the sync keeps its results, for what doesn't hang on the database."""
    sync.arguments |= {"results_table": "calls"}
    engine: sa.Engine = BaseHook.get_hook("warehouse").get_sqlalchemy_engine()
    return engine


@pytest.fixture
def update(sync: Sync) -> Update:
    def update(**arguments: Any) -> dict[str, Any]:
        table = {"results_table": "calls", "results_conn_id": sync.arguments.get("results_conn_id", "warehouse")}
        operator = UpdateResultsOperator(task_id="update", **{**table, **arguments})
        counts: dict[str, Any] = operator.execute(sync.task.context())
        assert json.loads(json.dumps(counts)) == counts
        assert counts["rows"] == sum(counts["finished"].values()) + counts["open"] + counts["not_found"]
        return counts

    return update


def home(engine: sa.Engine) -> list[tuple[Any, ...]]:
    """What the table tells of created rows, with times in Unix milliseconds."""
    rows = told(engine, *JOB)
    return sorted((*row[:3], _milliseconds(row[3])) for row in rows if row[0] is not None)


def _milliseconds(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def account(emulator: Emulator) -> list[tuple[Any, ...]]:
    """The same by the emulator's own account."""
    return sorted(
        (job.id, job.status, job.attempts, None if job.finished is None else round(job.finished * 1000))
        for job in emulator.jobs()
    )


@pytest.mark.parametrize("results", ["sqlite", "postgres"], indirect=True)
def test_it_tells_what_the_server_knows(sync: Sync, results: sa.Engine, update: Update) -> None:
    emulator = sync.emulator
    emulator.freeze()
    emulator.settings(max_attempts=3)
    sync.add([*PHONES, "123"])
    sync.attempt()
    sent = sync.sends()
    emulator.advance(minutes=30)
    first = update()
    assert home(results) == account(emulator)
    ended = Counter(job.status for job in emulator.jobs() if job.finished is not None)
    assert (first["rows"], first["finished"], first["not_found"]) == (25, ended, 0)
    assert (first["open"] > 0, first["updated"]) == (True, 25)
    emulator.advance(days=1)
    second = update()
    assert home(results) == account(emulator)
    assert (second["rows"], second["updated"], second["open"]) == (first["open"], first["open"], 0)
    assert update() == {"rows": 0, "updated": 0, "finished": {}, "open": 0, "not_found": 0, "unreadable": 0}
    assert emulator.count("callJob/getReport") == 2, "who is finished isn't asked about again"
    assert sync.sends() == sent
    answers = {row[0] for row in told(results, "tag_name") if row[0] is not None}
    assert answers <= {"agreed", "declined"}
    assert answers


def test_the_same_again_changes_nothing(sync: Sync, results: sa.Engine, update: Update) -> None:
    sync.emulator.campaign(lines=0)
    sync.add(PHONES)
    sync.attempt()
    assert update()["updated"] == 25
    before = told(results, *JOB_COLUMNS)
    sync.emulator.advance(hours=1)
    assert update() == {"rows": 25, "updated": 0, "finished": {}, "open": 25, "not_found": 0, "unreadable": 0}
    assert told(results, *JOB_COLUMNS) == before


def test_a_report_that_lags_holds_up_nothing(
    sync: Sync, sqlite: sa.Engine, update: Update, capsys: pytest.CaptureFixture[str]
) -> None:
    sync.emulator.settings(report_lag=600)
    sync.add(PHONES)
    sync.attempt()
    assert update() == {"rows": 25, "updated": 0, "finished": {}, "open": 25, "not_found": 0, "unreadable": 0}
    assert "The report doesn't show 25 young jobs yet" in capsys.readouterr().out
    with pytest.raises(AirflowException, match="knows none of the jobs of 25 rows"):
        update(report_lag=0)  # by then it must show them
    sync.emulator.advance(days=1)
    assert sum(update()["finished"].values()) == 25


def test_a_job_that_vanished_stays_as_it_is_and_holds_up_nobody(sync: Sync, results: sa.Engine, update: Update) -> None:
    sync.add(PHONES)
    sync.attempt()
    with results.begin() as connection:
        for id, job in ((7, UNKNOWN), (8, "none of ours")):
            connection.exec_driver_sql(f"update calls set call_job_id = '{job}' where id = '{id}'")
        old = "2020-01-01 00:00:00" + (".000000" if results.dialect.name == "sqlite" else "+00")
        connection.exec_driver_sql(f"update calls set settled_at = '{old}'")
    sync.emulator.advance(days=1)
    counts = update()
    assert (counts["rows"], sum(counts["finished"].values()), counts["not_found"]) == (25, 23, 2)
    untold = [row[0] for row in told(results, "call_job_id", "updated_at") if row[1] is None]
    assert untold == [UNKNOWN, "none of ours"]
    assert update()["rows"] == 2


def test_rows_of_two_campaigns_in_one_table(sync: Sync, sqlite: sa.Engine, update: Update) -> None:
    """Those that the report doesn't know are another campaign's: a wrong choice costs few requests, and no harm."""
    sync.arguments["batch_size"] = 1000
    sync.add([phone(number) for number in range(450)])
    sync.attempt()
    sync.task = TaskInstance(task_id="sync_of_perm")
    other = SqlToAimylogicOperator(
        task_id="sync_of_perm", sql="select id, phone, name from customer order by id", sql_conn_id="warehouse",
        key_columns=["id"], call_list_path=str(sync.lists), results_table="calls", aimylogic_conn_id="aimylogic_other",
    )  # fmt: skip
    sync.task.current_try += 1
    other.execute(sync.task.context())
    sync.emulator.advance(days=1)
    moscow = update(task_ids="sync", report_lag=0)
    assert (moscow["rows"], moscow["not_found"]) == (450, 0)
    before = sync.emulator.count("callJob/getReport")
    with pytest.raises(AirflowException, match="knows none of the jobs of 450 rows") as failure:
        update(report_lag=0)
    assert not isinstance(failure.value, AirflowFailException)
    assert sync.emulator.count("callJob/getReport") - before <= 30
    perm = update(task_ids=["sync_of_perm"], aimylogic_conn_id="aimylogic_other")
    assert (perm["rows"], perm["open"], perm["not_found"]) == (450, 0, 0)
    assert home(sqlite) == account(sync.emulator)


def test_only_rows_of_this_dag_unless_others_are_named(
    sync: Sync, sqlite: sa.Engine, update: Update, capsys: pytest.CaptureFixture[str]
) -> None:
    sync.add(PHONES)
    sync.attempt()
    sync.task = TaskInstance(dag_id="reports", task_id="sync")
    with pytest.raises(AirflowFailException, match="no row of the DAGs reports, and none of this DAG's tasks writes"):
        update()
    assert update(dag_ids=["winter_sale", "reports"])["rows"] == 25
    assert update(dag_ids="winter_sale", task_ids="another")["rows"] == 0
    assert "no row of the DAGs winter_sale, tasks another in calls: is that how" in capsys.readouterr().out
    sent = sync.attempt()
    with sqlite.begin() as connection:
        connection.exec_driver_sql("delete from calls where dag_id = 'reports'")
    with pytest.raises(AirflowFailException, match=r"no row of the call list .*run this one behind it"):
        update(call_list=sent)
    sync.lists.rename(f"{sync.lists}-elsewhere")
    assert update(call_list=sent["call_list"])["rows"] == 0
    assert "no row of the call list, and it can't be read any more" in capsys.readouterr().out
    assert update(call_list={"call_list": "/lists/empty", "rows": 0})["rows"] == 0
    sync.task = TaskInstance(task_id="sync", run_id="a day without anybody")
    sync.execute("delete from customer")
    assert update(call_list=sync.attempt()["call_list"])["rows"] == 0


def test_rows_that_a_renamed_dag_left_open_are_told(
    sync: Sync, sqlite: sa.Engine, update: Update, capsys: pytest.CaptureFixture[str]
) -> None:
    sync.emulator.campaign(lines=0)
    sync.add(PHONES)
    sync.attempt()
    sync.task = TaskInstance(dag_id="renamed", task_id="sync")
    sync.execute("delete from customer")
    sync.add([phone(99)])
    sync.attempt()
    assert update()["rows"] == 1
    assert "other DAGs" not in capsys.readouterr().out, "theirs may be looked at today"
    with sqlite.begin() as connection:
        connection.exec_driver_sql("update calls set frozen_at = '2020-01-01 00:00:00.000000'")
    assert update()["rows"] == 1
    assert "more than two days: 25 of winter_sale. If one of them was renamed" in capsys.readouterr().out


def test_jobs_that_are_lost_hold_up_nobody_for_ever(
    sync: Sync, sqlite: sa.Engine, update: Update, capsys: pytest.CaptureFixture[str]
) -> None:
    """For three days somebody is to look; a red task that stays red would keep all others from being called."""
    sync.add(PHONES)
    sync.attempt()
    with sqlite.begin() as connection:
        connection.exec_driver_sql("update calls set call_job_id = cast(990000000000000 + row_number as text)")
    with pytest.raises(AirflowException, match="knows none of the jobs of 25 rows"):
        update(report_lag=0)
    with sqlite.begin() as connection:
        connection.exec_driver_sql("update calls set settled_at = '2020-01-01 00:00:00.000000'")
    assert update()["not_found"] == 25
    assert "doesn't know the jobs of 25 rows" in capsys.readouterr().out


def test_a_dag_whose_tasks_have_written_no_row_yet_is_green(sync: Sync, sqlite: sa.Engine, update: Update) -> None:
    """Its first morning, in a table that another DAG has filled."""
    sync.add(PHONES)
    sync.attempt()
    with DAG("new", schedule=None, start_date=datetime(2026, 1, 1)):
        operator = UpdateResultsOperator(task_id="update", results_table="calls", results_conn_id="warehouse")
        SqlToAimylogicOperator(
            task_id="call", sql="select 1", sql_conn_id="warehouse", key_columns=["id"], results_table="calls"
        )
    instance = TaskInstance(dag_id="new", task_id="update")
    assert operator.execute(instance.context())["rows"] == 0
    operator.task_ids = "cal"
    with pytest.raises(AirflowFailException, match="no row of the DAGs new, tasks cal,"):
        operator.execute(instance.context())


@pytest.mark.parametrize("told_by", ["report", "address", "pointer"])
def test_only_rows_of_one_call_list(sync: Sync, sqlite: sa.Engine, update: Update, told_by: str) -> None:
    """Whatever DAG it is of, and though its files were deleted since."""
    sync.add(PHONES[:5])
    report = sync.attempt()
    pointer = sync.entry["call_list"] if sync.task.has_store else report
    sync.task = TaskInstance(task_id="sync", run_id="the next day", dag_id="another")
    sync.add(PHONES[5:])
    sync.attempt()
    sync.lists.rename(f"{sync.lists}-elsewhere")
    given = {"report": report, "address": report["call_list"], "pointer": json.dumps(pointer)}[told_by]
    assert update(call_list=given)["rows"] == 5


def test_a_request_that_fails_is_asked_again(sync: Sync, sqlite: sa.Engine, update: Update) -> None:
    sync.add(PHONES)
    sync.attempt()
    sync.emulator.advance(days=1)
    fault = sync.emulator.fault("before_commit", "status", path="callJob/getReport", status=503, times=2)
    assert sum(update()["finished"].values()) == 25
    assert fault.hits == 2


def many(sync: Sync, count: int = 450) -> None:
    """Rows for three requests, in one list, whose calls are over."""
    sync.add([phone(number) for number in range(count)])
    sync.attempt(batch_size=1000)
    sync.emulator.advance(days=1)


def test_what_was_answered_before_a_failure_is_written_and_the_next_try_goes_on(
    sync: Sync, results: sa.Engine, update: Update
) -> None:
    many(sync)
    for nth in (2, 3, 4):
        sync.emulator.fault("before_commit", "status", path="callJob/getReport", status=503, nth=nth)
    with pytest.raises(
        AirflowException, match=r"503.*Until then, 450 rows were open.*200 rows were updated"
    ) as failure:
        update()
    assert not isinstance(failure.value, AirflowFailException)
    assert update()["rows"] == 250
    assert home(results) == account(sync.emulator)


def test_a_kill_between_two_answers_loses_nothing(
    sync: Sync, results: sa.Engine, update: Update, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(sync)
    write, left = JobResults.update, [2]

    def dying(table: JobResults, *arguments: Any) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise CrashError
        return write(table, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(JobResults, "update", dying)
        with pytest.raises(CrashError):
            update()
    counts = update()
    assert (counts["rows"], counts["updated"]) == (50, 50)
    assert home(results) == account(sync.emulator)


def test_two_at_once_do_no_harm(sync: Sync, results: sa.Engine, update: Update) -> None:
    many(sync)
    counts: list[dict[str, Any]] = []
    errors: list[BaseException] = []

    def act() -> None:
        try:
            counts.append(update())
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=act) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sum(one["updated"] for one in counts) == 450
    assert home(results) == account(sync.emulator)


def test_a_database_that_fails_is_tried_again(
    sync: Sync, sqlite: sa.Engine, update: Update, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(sync)

    def failing(*_: Any) -> int:
        raise sa.exc.TimeoutError("QueuePool limit")

    with monkeypatch.context() as patched:
        patched.setattr(job_results, "write_states", failing)
        with pytest.raises(AirflowException, match=r"can't be written \(TimeoutError\).*Until then"):
            update()
    assert update()["updated"] == 450


@pytest.mark.parametrize("results", ["sqlite", "postgres"], indirect=True)
def test_a_script_that_writes_a_megabyte_or_odd_types(sync: Sync, results: sa.Engine, update: Update) -> None:
    sync.add(PHONES[:4])
    sync.attempt()
    odd: list[Any] = [{"a": "x" * 1_000_000}, "\0", ["да", 1e300], 7]
    body = [
        {"callJobId": job.id, "phone": job.phone, "jobStatus": "longCallWithResult", "finishedAt": 1_800_000_000_123,
         "attemptsCount": 1, "callDuration": 5, "reportData": value, "tagName": value}
        for job, value in zip(sync.emulator.jobs(), odd, strict=True)
    ]  # fmt: skip
    sync.emulator.fault("before_commit", "status", path="callJob/getReport", status=200, body=body)
    assert update()["finished"] == {"longCallWithResult": 4}
    written = [row[0] if isinstance(row[0], str) else json.dumps(row[0]) for row in told(results, "report_data")]
    assert len(written[0]) > 1_000_000
    assert len(told(results, "tag_name")[0][0]) > 1_000_000


def test_an_answer_that_is_larger_than_any_is_asked_for_in_parts(
    sync: Sync, sqlite: sa.Engine, update: Update, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.add(PHONES)
    sync.attempt()
    sync.emulator.advance(days=1)
    monkeypatch.setattr(requests_transport, "Body", lambda coding, most: Body(coding, 1500))
    assert sum(update()["finished"].values()) == 25


ODD = {
    "100,000 levels": b"[" * 100_000 + b"]" * 100_000,  # Airflow raises the limit of what is nested to 5,000
    "a number of 5,000 digits": b"7" * 5000,
    "a field twice": b'{"a": 1, "a": 2}',
}
UNREAD = {
    "larger than any answer is read": {"reportData": b'"' + b"x" * 3_000_000 + b'"'},
    "a count of 5,000 digits": {"attemptsCount": b"7" * 5000},
    "a time that is none": {"finishedAt": b'{"at": "noon"}'},
}


@pytest.fixture
def report_data_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The emulator shows what a script wrote, as it stands, of those phones."""
    fields = reports._script_fields

    def shows(written: bytes | Mapping[str, bytes], *phones: str) -> None:
        of_row = written if isinstance(written, Mapping) else {"reportData": written}
        raw = {name: msgspec.Raw(value) for name, value in of_row.items()}

        def odd(job: Any, attempt: Any) -> dict[str, object]:
            its = fields(job, attempt)
            return {**its, **raw} if job.phone in phones else its

        monkeypatch.setattr(reports, "_script_fields", odd)

    return shows


@pytest.mark.parametrize("odd", [*ODD])
def test_what_a_script_wrote_that_is_no_json_is_kept_as_text(
    sync: Sync, sqlite: sa.Engine, update: Update, report_data_of: Callable[..., None], odd: str
) -> None:
    """As in the tables of reports: whose script it was is over, and may be called again."""
    many(sync, 30)
    report_data_of(ODD[odd], *map(phone, range(30)))
    counts = update()
    assert (counts["rows"], sum(counts["finished"].values()), counts["unreadable"]) == (30, 30, 0)
    assert home(sqlite) == account(sync.emulator)
    kept = [json.loads(row[0]) for row in told(sqlite, "report_data")]
    assert {one["unread"] for one in kept} == {ODD[odd].decode()}
    assert all(one["reason"] for one in kept)
    assert update()["rows"] == 0


@pytest.mark.parametrize("odd", [*UNREAD])
def test_a_job_that_cannot_be_read_keeps_no_other_from_being_told(
    sync: Sync, sqlite: sa.Engine, update: Update, report_data_of: Callable[..., None], odd: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(requests_transport, "Body", lambda coding, most: Body(coding, 2_000_000))
    many(sync, 250)
    report_data_of(UNREAD[odd], phone(7), phone(220))
    before = sync.emulator.count("callJob/getReport")
    counts = update()
    assert (counts["rows"], sum(counts["finished"].values())) == (250, 248)
    assert (counts["open"], counts["unreadable"], counts["not_found"]) == (2, 2, 0)
    assert sync.emulator.count("callJob/getReport") - before <= 40
    out = capsys.readouterr().out
    jobs = {job.phone: job.id for job in sync.emulator.jobs()}
    assert "What the report tells of the jobs of 2 rows can't be read" in out
    assert jobs[phone(7)] in out
    report_data_of(b"7")
    assert update() == {**counts, "rows": 2, "updated": 2, "finished": ANY, "open": 0, "unreadable": 0}
    assert home(sqlite) == account(sync.emulator)


def test_the_last_open_one_that_cannot_be_read_does_not_stop_the_dag(
    sync: Sync, sqlite: sa.Engine, update: Update, report_data_of: Callable[..., None]
) -> None:
    many(sync, 3)
    report_data_of(UNREAD["a count of 5,000 digits"], phone(1))
    assert [update()["unreadable"] for _ in range(2)] == [1, 1]


def test_a_report_of_which_nothing_can_be_read_is_a_failure(
    sync: Sync, sqlite: sa.Engine, update: Update, report_data_of: Callable[..., None]
) -> None:
    """It isn't a job's, but the report's; what lies between may answer in its place, too."""
    many(sync, 30)
    report_data_of(UNREAD["a count of 5,000 digits"], *map(phone, range(30)))
    with pytest.raises(AirflowException, match="None of 30 jobs") as failure:
        update()
    assert not isinstance(failure.value, AirflowFailException)
    for body in ("<html>", "", '[{"callJobId": "'):
        sync.emulator.fault("before_commit", "status", path="callJob/getReport", status=200, body=body, times=3)
        with pytest.raises(AirflowException, match=r"Until then, 30 rows were open.*0 rows were updated"):
            update()


def test_a_connection_that_names_another_campaign_meanwhile_is_told(
    sync: Sync, sqlite: sa.Engine, update: Update, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its jobs are others, though they may have the same ids."""
    many(sync)
    write = JobResults.update

    def moved(table: JobResults, *arguments: Any) -> int:
        if sync.emulator.count("callJob/getReport") == 1:
            sync.emulator.campaign(token="1.2.rotated")
            monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(sync.emulator, OTHER_TOKEN))
        return write(table, *arguments)

    monkeypatch.setattr(JobResults, "update", moved)
    with pytest.raises(AirflowException, match=r"names another campaign than when this task began.*200 rows were upd"):
        update()


def test_a_token_that_is_changed_meanwhile_is_looked_up_anew(
    sync: Sync, sqlite: sa.Engine, update: Update, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(sync)
    write = JobResults.update

    def rotated(table: JobResults, *arguments: Any) -> int:
        if sync.emulator.count("callJob/getReport") == 1:
            sync.emulator.campaign(token="1.2.rotated")
            monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(sync.emulator, "1.2.rotated"))
        return write(table, *arguments)

    monkeypatch.setattr(JobResults, "update", rotated)
    assert sum(update()["finished"].values()) == 450


def test_a_token_that_is_wrong_is_final(
    sync: Sync, sqlite: sa.Engine, update: Update, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.add(PHONES)
    sync.attempt()
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(sync.emulator, "1.2.nobodys"))
    with pytest.raises(AirflowFailException, match="404"):
        update()


def test_another_campaigns_token_is_told(
    sync: Sync, sqlite: sa.Engine, update: Update, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sync.add(PHONES)
    sync.attempt()
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(sync.emulator, OTHER_TOKEN))
    with pytest.raises(AirflowException, match=r"25 rows.*is aimylogic_conn_id the campaign that called?"):
        update(report_lag=0)
    with sqlite.begin() as connection:
        connection.exec_driver_sql("update calls set finished_at = '2020-01-01' where cast(id as integer) > 10")
    assert update(report_lag=0)["not_found"] == 10
    assert "Is the connection that of the campaign that called?" in capsys.readouterr().out


# Tables of other shapes


@pytest.fixture
def former(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are made as the former version of this package made them."""
    monkeypatch.setattr(results_table, "job_columns", list)


@pytest.mark.usefixtures("former")
def test_a_table_of_the_former_shape_fails_with_the_statements_or_is_migrated(
    sync: Sync, results: sa.Engine, update: Update
) -> None:
    sync.add(PHONES)
    sync.attempt()
    sync.emulator.advance(days=1)
    with pytest.raises(AirflowFailException, match="alter table calls add column job_status VARCHAR"):
        update()
    assert sync.emulator.count("callJob/getReport") == 0
    assert sum(update(add_columns=True)["finished"].values()) == 25
    assert home(results) == account(sync.emulator)
    sync.task = TaskInstance(task_id="sync", run_id="the next day")
    sync.execute("delete from customer")
    sync.add([phone(100)])
    assert sync.attempt()["created"] == 1, "and the sync goes on with it"


def test_a_key_column_named_as_one_of_them(sync: Sync, results: sa.Engine, update: Update) -> None:
    sync.add(PHONES)
    sql = "select id, phone, name, 3 as attempts from customer order by id"
    assert sync.attempt(sql=sql, key_columns=["id", "attempts"])["created"] == 25
    with pytest.raises(AirflowFailException, match='by "attempts as customer_attempts"'):
        update(add_columns=True)
    assert {row[0] for row in told(results, "attempts")} == {"3"}


def test_a_table_that_is_not_there_is_final_but_for_the_dag_that_makes_it(sync: Sync, update: Update) -> None:
    with pytest.raises(AirflowFailException, match="there is no table 'calls'"):
        update()
    table: dict[str, Any] = {"results_table": "calls_{{ dag.dag_id }}", "results_conn_id": "warehouse"}
    with DAG("circle", schedule=None):
        operator = UpdateResultsOperator(task_id="update", **table)
        SqlToAimylogicOperator(task_id="sync", sql="select 1", sql_conn_id="warehouse", **table)
    operator.results_table = "calls_circle"  # as Airflow renders it
    assert operator.execute(sync.task.context())["rows"] == 0
    with DAG("misspelt", schedule=None):
        operator = UpdateResultsOperator(task_id="update", results_table="cals", results_conn_id="warehouse")
        SqlToAimylogicOperator(task_id="sync", sql="select 1", sql_conn_id="warehouse", **table)
    with pytest.raises(AirflowFailException, match="there is no table 'cals'"):
        operator.execute(sync.task.context())


def test_a_connection_to_another_database_than_the_task_that_makes_the_table_is_final(
    sync: Sync, update: Update, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """It would find no table there for ever, and be green."""
    monkeypatch.setenv("AIRFLOW_CONN_ELSEWHERE", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "no.db")}))

    def asked(makes: dict[str, str], conn_id: str, rendered: str) -> Any:
        with DAG("circle", schedule=None):
            operator = UpdateResultsOperator(task_id="update", results_table="calls", results_conn_id=conn_id)
            SqlToAimylogicOperator(task_id="sync", sql="select 1", results_table="calls", **makes)
        operator.results_conn_id = rendered  # as Airflow renders it
        return operator.execute(sync.task.context())["rows"]

    assert asked({"sql_conn_id": "warehouse"}, "warehouse", "warehouse") == 0
    assert asked({"sql_conn_id": "elsewhere", "results_conn_id": "warehouse"}, "warehouse", "warehouse") == 0
    assert asked({"sql_conn_id": "{{ var.value.db }}"}, "{{ var.value.db }}", "warehouse") == 0
    for makes in ({"sql_conn_id": "warehouse"}, {"sql_conn_id": "elsewhere", "results_conn_id": "warehouse"}):
        with pytest.raises(AirflowFailException, match=r"'sync' makes it by the connection 'warehouse'.*'elsewhere'"):
            asked(makes, "elsewhere", "elsewhere")


# Arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"results_table": " "}, "results_table is missing"),
        ({"results_conn_id": "  "}, "results_conn_id is missing"),
        ({"results_conn_id": "aimylogic_default"}, "isn't a database's"),
        ({"results_conn_id": "no_such"}, "isn't defined"),
        ({"dag_ids": {"a": 1}}, "dag_ids is of type dict"),
        ({"task_ids": [3]}, "task_ids is of type list"),
        ({"call_list": {"rows": 3}}, "tells of no call list"),
    ],
)
def test_arguments_that_cannot_be_used(
    sync: Sync, sqlite: sa.Engine, update: Update, arguments: dict[str, Any], message: str
) -> None:
    sync.add(PHONES[:1])
    sync.attempt()
    with pytest.raises(AirflowFailException, match=message):
        update(**arguments)


def test_arguments_that_are_refused_when_the_dag_is_parsed(update: Update) -> None:
    with pytest.raises(ValueError, match="add_columns 'yes' can't be used"):
        update(add_columns="yes")
    with pytest.raises(ValueError, match="report_lag"):
        update(report_lag=-1)


def test_fields_are_templates_and_blank_ones_are_left_out(sync: Sync, sqlite: sa.Engine, environment: Any) -> None:
    sync.add(PHONES)
    sync.attempt()
    operator = UpdateResultsOperator(
        task_id="update", results_table="{{ 'calls' }}", results_conn_id="{{ 'warehouse' }}", call_list="{{ '' }}",
        dag_ids="{{ '[\"winter_sale\"]' }}", task_ids="  ", aimylogic_conn_id="",
    )  # fmt: skip
    assert rendered(operator, environment).execute(sync.task.context())["rows"] == 25
