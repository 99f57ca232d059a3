"""What careless users, scripts and servers do to a campaign's way home: refused with the way out, or come through."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jinja2
import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.calls_api import ListedCall
from aimylogic_provider.campaign_task import report_to_tables
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.emulator.world import reports
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.transfers import AimylogicToSqlOperator
from tests.call_list.conftest import make_sync, sync
from tests.call_list.sync import Sync, phone
from tests.conftest import OTHER_TOKEN, connection_json
from tests.operators.test_template_values import ENVIRONMENTS, environment
from tests.report_tables.whole_tables import told, whole
from tests.transfers.home import ATTEMPTS, JOBS, Home

__all__ = ["environment", "make_sync", "sync"]

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def operator(**arguments: Any) -> AimylogicToSqlOperator:
    return AimylogicToSqlOperator(task_id="home", **{"sql_conn_id": "home", **arguments})


def rendered(task: AimylogicToSqlOperator, context: Any, environment: jinja2.Environment) -> AimylogicToSqlOperator:
    native = environment is ENVIRONMENTS["native"]
    if native and not hasattr(task, "_should_render_native"):
        pytest.skip("before that method it is the DAG alone that says whether templates are native")
    task.render_template_as_native_obj = native
    task._do_render_template_fields(task, task.template_fields, context, environment, set())
    return task


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"jobs_table": None, "attempts_table": None}, "both None, so that nothing is to be done"),
        ({"jobs_table": "calls", "attempts_table": "calls"}, "both 'calls': give each a table of its own"),
        ({"jobs_table": " "}, "jobs_table ' ' isn't a table's name"),
        ({"end": NOON}, "end is given without start"),
        ({"start": NOON, "call_list": {}}, "start or end and call_list contradict each other"),
        ({"start": NOON, "incremental_by": "data_interval"}, "contradict each other"),
        ({"call_list": {}, "incremental_by": "data_interval"}, "contradict each other"),
        ({"first_from": NOON, "incremental_by": "data_interval"}, "contradict each other"),
        ({"first_from": NOON, "start": NOON}, "contradict each other"),
        ({"incremental_by": "yesterday"}, "incremental_by 'yesterday' can't be used"),
        ({"phones": "none"}, "phones 'none' can't be used"),
        ({"report_lag": -1}, "report_lag -1 can't be used"),
        ({"add_columns": "yes"}, "add_columns 'yes' can't be used"),
        ({"start": datetime(2026, 1, 1)}, "has no time zone"),
        ({"start": "2026-01-01"}, "start '2026-01-01' has no time zone"),
        ({"start": NOON, "end": "2026-01-01T00:00:00Z"}, "is before start"),
        ({"first_from": "yesterday"}, "first_from 'yesterday' isn't a time"),
    ],
)
def test_what_cannot_be_is_told_when_the_dag_is_parsed(database: str, arguments: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        operator(**arguments)


@pytest.mark.parametrize("interval", [(None, None), (NOON, NOON)], ids=["none, as by Trigger", "empty, as by cron"])
def test_a_run_without_a_data_interval_is_refused_with_the_way_out(home: Home, interval: Any) -> None:
    with pytest.raises(AirflowFailException, match="Set incremental_by='since_last', which goes on where the last"):
        home.run(interval)
    assert home.emulator.count() == 0


def test_an_interval_that_is_not_over_is_read_by_a_later_try(home: Home, emulator: Emulator) -> None:
    today = home.day(0)
    with pytest.raises(AirflowException, match="The data interval isn't over") as caught:
        home.run(today)
    assert not isinstance(caught.value, AirflowFailException)
    emulator.set_time(today[1])
    home.run(today)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"start": "{{ blank }}"}, "start gives nothing"),
        ({"start": "{{ date }}"}, "start '2026-01-01' has no time zone"),
        ({"start": "{{ noon }}", "end": "{{ before }}"}, "end .* is before start"),
        ({"call_list": "{{ blank }}"}, "call_list gives nothing"),
        ({"jobs_table": "{{ blank }}"}, "jobs_table '' isn't a table's name"),
        ({"jobs_table": "{{ name }}", "attempts_table": "a"}, "both 'a'"),
        ({"sql_conn_id": "{{ blank }}"}, "sql_conn_id is missing"),
        ({"sql_conn_id": "nowhere"}, "sql_conn_id 'nowhere' can't be used"),
    ],
)
def test_what_templates_must_not_give(home: Home, environment: jinja2.Environment, arguments: Any, error: str) -> None:
    context = {"blank": "", "date": "2026-01-01", "noon": NOON, "before": NOON - timedelta(days=1), "name": "a"}
    with pytest.raises(AirflowFailException, match=error):
        rendered(operator(**arguments), context, environment).execute({})


def test_what_templates_may_give(home: Home, emulator: Emulator, environment: jinja2.Environment) -> None:
    home.add(3)
    emulator.advance(days=1)
    now = emulator.now()
    context = {"start": now - timedelta(days=2), "blank": "", "name": "told"}
    arguments = {
        "start": "{{ start }}", "end": "{{ blank }}", "jobs_table": "{{ name }}_jobs",
        "aimylogic_conn_id": "{{ blank }}", "attempts_table": None,
    }  # fmt: skip
    report = rendered(operator(**arguments), context, environment).execute({})
    assert (report["jobs"]["new"], report["attempts"]) == (3, None)
    assert len(whole(home.engine, "told_jobs")) == 3


def test_attempts_alone(home: Home, emulator: Emulator) -> None:
    home.add(30)
    emulator.advance(seconds=5)
    report = home.run(jobs_table=None)
    assert report["jobs"] is None
    assert 0 < report["attempts"]["open"] <= report["attempts"]["new"] < 30
    emulator.advance(days=1)
    assert home.run(jobs_table=None)["attempts"]["open"] == 0
    assert None not in told(home.engine, "finished_at", table=ATTEMPTS)


def test_phones_in_full(home: Home, emulator: Emulator) -> None:
    home.add(1)
    emulator.advance(days=1)
    home.run(attempts_table=None)
    assert told(home.engine, "phone") == ["7912***0000"]
    report = home.run(phones="full", start=emulator.now() - timedelta(days=2))
    assert report["jobs"]["changed"] == 1
    assert told(home.engine, "phone") == ["79120000000"]


def test_a_table_of_another_shape_is_told_before_anything_is_asked(home: Home) -> None:
    with home.engine.begin() as connection:
        connection.exec_driver_sql(f"create table {JOBS} (id integer)")
    with pytest.raises(AirflowFailException, match="jobs_table 'aimylogic_jobs' has another shape"):
        home.run()
    assert home.emulator.count() == 0


def test_a_table_of_a_former_shape_is_told_how_or_migrated(home: Home, emulator: Emulator) -> None:
    home.add(2)
    emulator.advance(days=1)
    home.run()
    with home.engine.begin() as connection:
        connection.exec_driver_sql(f"alter table {JOBS} drop column report_data")
    with pytest.raises(
        AirflowFailException, match="run alter table aimylogic_jobs add column report_data TEXT; or set"
    ):
        home.run()
    home.run(add_columns=True, start=emulator.now() - timedelta(days=2))
    home.assert_all_home()


def test_an_attempt_without_a_number_is_told_and_not_kept(
    home: Home, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = home.add(3)
    original = reports.attempt_row
    monkeypatch.setattr(reports, "attempt_row", nameless(original, ids[1]))
    emulator.advance(days=1)
    report = home.run()
    assert report["attempts"]["unnumbered"] == 1
    assert set(told(home.engine, "call_job_id", table=ATTEMPTS)) == {ids[0], ids[2]}
    assert f"Attempts without a number aren't kept, for nothing tells them apart: 1, of the jobs {ids[1]}." in (
        capsys.readouterr().out
    )


def nameless(original: Callable[..., Any], job: str) -> Callable[..., Any]:
    def row(*arguments: Any) -> Any:
        told = original(*arguments)
        return {**told, "attemptNumber": None} if told["callJobId"] == job else told

    return row


def test_pages_that_fail_at_random(home: Home, emulator: Emulator) -> None:
    emulator.settings(page_cap=3)
    home.add(20)
    emulator.advance(days=1)
    emulator.fault("after_commit", "reset", path="callJob/getReportByDate", probability=0.3, seed=5)
    emulator.fault("after_commit", "status", path="callAttempt/getReportByDate", probability=0.3, seed=6)
    for _ in range(20):
        try:
            home.run()
            break
        except AirflowException as error:
            assert not isinstance(error, AirflowFailException)
    assert all(fault.hits for fault in emulator.faults()), emulator.faults()
    home.assert_all_home()


def test_a_server_without_a_date(home: Home, emulator: Emulator) -> None:
    emulator.set_time(datetime.now(UTC) - timedelta(hours=2))
    home.add(2)
    emulator.fault("after_commit", "no_date", times=None)
    home.run()
    (first, second) = told(home.engine, "updated_at")
    assert abs(first - datetime.now(UTC)) < timedelta(minutes=5)
    assert abs(second - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_token_that_was_changed_between_two_runs_is_of_the_same_campaign(
    home: Home, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.add(2)
    emulator.advance(days=1)
    home.run()
    emulator.campaign(token="1.2.anewtokenofthecampaign")
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(emulator, "1.2.anewtokenofthecampaign"))
    home.add(2)
    emulator.advance(days=1)
    assert home.run()["jobs"]["new"] == 2
    home.assert_all_home()
    assert len({*told(home.engine, "campaign")}) == 1


@pytest.mark.parametrize("same", [True, False])
def test_a_token_that_is_changed_while_it_is_read(
    home: Home, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, same: bool
) -> None:
    from aimylogic_provider.report_tables.jobs_table import JobsTable

    home.add(2)
    emulator.advance(days=1)
    new = "1.2.anewtokenofthecampaign"
    original = JobsTable.write

    def change(*arguments: Any) -> Any:
        emulator.campaign(token=new)
        monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(emulator, new if same else OTHER_TOKEN))
        monkeypatch.setattr(JobsTable, "write", original)
        return original(*arguments)

    monkeypatch.setattr(JobsTable, "write", change)
    if same:
        assert home.run()["jobs"]["new"] == 2
        home.assert_all_home()
    else:
        with pytest.raises(AirflowException, match="names another campaign than when this task began"):
            home.run()


def test_two_campaigns_share_tables(home: Home, emulator: Emulator) -> None:
    home.add(2)
    other = AimylogicHook("aimylogic_other").add_phones([ListedCall.of(f"7999000000{number}") for number in range(3)])
    emulator.advance(days=1)
    assert home.run()["jobs"]["new"] == 2
    report = home.run(aimylogic_conn_id="aimylogic_other")
    assert (report["jobs"]["new"], report["jobs"]["changed"], report["jobs"]["open"]) == (3, 0, 0)
    assert report["attempts"]["new"] >= 3
    assert Counter(told(home.engine, "campaign")).most_common(1) == [(report["campaign"], 3)]
    assert {*other} < {*told(home.engine, "call_job_id")}
    for conn_id in ("aimylogic_default", "aimylogic_other"):
        again = home.run(aimylogic_conn_id=conn_id)
        assert (again["jobs"]["read"], again["jobs"]["new"]) == (0, 0)


def test_an_earlier_beginning_reads_what_was_left_out(home: Home, emulator: Emulator) -> None:
    home.add(2)
    emulator.advance(days=3)
    home.add(3)
    emulator.advance(days=1)
    assert home.run(first_from=emulator.now() - timedelta(days=2))["jobs"]["new"] == 3
    assert home.run(first_from=emulator.now() - timedelta(days=1))["jobs"]["new"] == 0
    assert home.run(first_from=emulator.now() - timedelta(days=5))["jobs"]["new"] == 2
    home.assert_all_home()


def test_the_jobs_of_a_call_list(home: Home, sync: Sync, emulator: Emulator) -> None:
    home.add(2)  # others'
    sync.add([phone(number) for number in range(25)])
    sent = sync.attempt()
    emulator.advance(days=1)
    report = home.run(call_list=sent)
    assert (report["jobs"]["new"], report["jobs"]["open"], report["to"]) == (25, 0, None)
    assert report["attempts"]["new"] >= 25
    before = home.tables()
    assert home.run(call_list=json.dumps(sent))["jobs"]["unchanged"] == 25
    assert home.tables() == before


def test_a_call_list_of_which_no_job_can_be_read_is_no_success(
    home: Home, sync: Sync, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.add([phone(number) for number in range(11)])
    report = sync.attempt()
    emulator.advance(days=1)
    original = reports.job_row
    monkeypatch.setattr(reports, "job_row", lambda *given: {**original(*given), "createdAt": "yesterday"})
    with pytest.raises(AirflowException, match="None of 11 jobs can be read") as failure:
        home.run(call_list=report)
    assert not isinstance(failure.value, AirflowFailException)


@pytest.mark.parametrize(("lost", "calls", "is_whole"), [(3, 25, True), (25, 25, False)])
def test_a_call_list_of_whose_jobs_some_are_lost(
    home: Home, sync: Sync, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, lost: int, calls: int, is_whole: bool
) -> None:
    """As many requests more as its length is worth: what is left then is no success."""
    sync.add([phone(number) for number in range(calls)])
    report = sync.attempt()
    emulator.advance(days=1)
    known = [job.id for job in emulator.jobs()]
    gaps = [f"99000000000{number:04}" for number in range(lost)]
    ids = [id for pair in itertools.zip_longest(known, gaps) for id in pair if id is not None]
    monkeypatch.setattr(report_to_tables, "created_jobs", lambda pointer: ids)
    monkeypatch.setattr(report_to_tables, "MORE_REQUESTS", 5)
    if is_whole:
        assert home.run(call_list=report)["jobs"]["not_found"] == lost
        assert sorted(told(home.engine, "call_job_id")) == sorted(known)
        return
    with pytest.raises(AirflowException, match=r"of the list's jobs were not looked at.*The next try asks again"):
        home.run(call_list=report)


def test_a_call_list_of_another_campaign_is_no_success(home: Home, sync: Sync, emulator: Emulator) -> None:
    sync.add([phone(number) for number in range(5)])
    sent = sync.attempt()
    with pytest.raises(AirflowException, match="The report knows none of the list's 5 jobs: is aimylogic_conn_id"):
        home.run(call_list=sent, aimylogic_conn_id="aimylogic_other")
    with pytest.raises(AirflowFailException, match="tells of no call list"):
        home.run(call_list={"rows": 5})


def test_a_call_list_that_is_not_settled_is_told(
    home: Home, sync: Sync, emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    sync.add([phone(number) for number in range(25)])
    emulator.fault("before_commit", "reset", path="addPhones", times=None, phone=phone(12))
    with pytest.raises(AirflowException):
        sync.attempt()
    home.run(call_list=sync.entry["call_list"])
    assert "10 calls of the list aren't settled" in capsys.readouterr().out
