"""How often a person is called: caps that several DAGs share, and ``only_new``, from the argument to the campaign."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException
from cryptography.fernet import Fernet

from aimylogic_provider.call_list.persons import called_keys
from aimylogic_provider.call_list.persons.person_calls import PersonCalls
from aimylogic_provider.call_list.send.send_notes import SendNotes
from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator
from aimylogic_provider.transfers import SqlToAimylogicOperator
from tests.call_list.sync import Sync, phone
from tests.call_list.test_claims import EVERYBODY, another_run, dying, engine
from tests.conftest import TaskInstance, connection_json, needs_record, told

PHONES = [phone(number) for number in range(25)]
WEEKLY = {"calls": 1, "days": 7}
FERNET_KEY = Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def fernet_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", FERNET_KEY)


@pytest.fixture
def sync(make_sync: Callable[..., Sync]) -> Sync:
    sync = make_sync(batch_size=10, concurrency=1, results_table="calls", sql=EVERYBODY, max_calls_per_person=WEEKLY)
    sync.add(PHONES)
    return sync


def another_dag(sync: Sync, dag_id: str = "spring_sale") -> Sync:
    other = another_run(sync, sync.task.run_id)
    other.task.dag_id = dag_id
    return other


def reasons(run: Sync) -> list[tuple[Any, ...]]:
    rows = sa.text(
        "select outcome, reason from calls where dag_id = :dag and run_id = :run order by frozen_at, row_number"
    )
    with closing(engine().connect()) as connection:
        found = connection.execute(rows, {"dag": run.task.dag_id, "run": run.task.run_id})
        return [tuple(row) for row in found]


def claims() -> int:
    with closing(engine().connect()) as connection:
        return int(connection.exec_driver_sql("select count(*) from aimylogic_person_calls").scalar_one())


def let_days_pass(sync: Sync, days: int) -> None:
    if sa.inspect(engine()).has_table("aimylogic_person_calls"):
        sync.execute(
            f"update aimylogic_person_calls set claimed_at = datetime(claimed_at, '-{days} days') || '.000000'"
        )
    sync.execute(f"update calls set frozen_at = datetime(frozen_at, '-{days} days') || '.000000'")


@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
def test_whom_one_dag_called_another_one_doesnt_call_within_the_week(sync: Sync, method: str) -> None:
    assert sync.attempt(method=method)["created"] == 25
    sync.add([phone(99)])
    other = another_dag(sync)
    report = other.attempt(method=method)
    assert (report["rows"], report["created"], report["capped"]) == (26, 1, 25)
    outcome, reason = reasons(other)[0]
    assert outcome == "capped"
    assert reason.startswith("called on 2")
    assert reason.endswith(
        f"UTC by DAG winter_sale, run {sync.task.run_id}: max_calls_per_person allows 1 call in 7 days"
    )
    let_days_pass(sync, 8)
    assert another_dag(sync, "summer_sale").attempt(method=method)["created"] == 26


@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
def test_whoever_is_called_between_freeze_and_send_is_capped_then(sync: Sync, method: str) -> None:
    prepare = TaskInstance(task_id="prepare", dag_id="approved")
    of_rows = {name: sync.arguments[name] for name in ("sql", "results_table", "max_calls_per_person", "batch_size")}
    pointer = PrepareCallListOperator(
        task_id="prepare", sql_conn_id="warehouse", call_list_path=str(sync.lists), key_columns=["id"], method=method,
        **of_rows,
    ).execute(_next(prepare))  # fmt: skip
    assert pointer["calls"] == 25
    sync.execute("delete from customer where id > 12")
    assert sync.attempt()["created"] == 12
    send = TaskInstance(task_id="send", dag_id="approved")
    report = SendCallListOperator(
        task_id="send", call_list=pointer, results_table="calls", results_conn_id="warehouse"
    ).execute(_next(send))
    assert (report["created"], report["capped"]) == (13, 12)
    sync.assert_once(PHONES)
    with closing(engine().connect()) as connection:
        found = connection.exec_driver_sql("select reason from calls where dag_id = 'approved' and outcome = 'capped'")
        assert {row[0].partition(" UTC by ")[2] for row in found} == {
            f"DAG winter_sale, run {sync.task.run_id}: max_calls_per_person allows 1 call in 7 days"
        }


def _next(task: TaskInstance) -> dict[str, Any]:
    task.current_try += 1
    return task.context()


def test_a_list_that_was_frozen_with_a_cap_needs_the_results_table_to_be_sent(sync: Sync) -> None:
    pointer = PrepareCallListOperator(
        task_id="prepare", sql_conn_id="warehouse", call_list_path=str(sync.lists), results_table="calls",
        sql=EVERYBODY, max_calls_per_person=WEEKLY,
    ).execute(_next(TaskInstance(task_id="prepare")))  # fmt: skip
    with pytest.raises(AirflowFailException, match="results_table is missing"):
        SendCallListOperator(task_id="send", call_list=pointer).execute(_next(TaskInstance(task_id="send")))
    assert sync.sends() == 0


def test_all_who_are_capped_leave_a_task_green_with_nobody_called(sync: Sync) -> None:
    sync.attempt()
    sends = sync.sends()
    report = another_dag(sync).attempt()
    assert (report["created"], report["capped"]) == (0, 25)
    assert sync.sends() == sends


def test_who_was_refused_may_be_called_by_another_dag(sync: Sync) -> None:
    body = {"type": "phone.bad.format", "message": ""}
    sync.emulator.fault("before_commit", "status", path="addPhone", phone=PHONES[3], times=None, status=400, body=body)
    assert sync.attempt(method="addPhone")["refused"] == 1
    assert claims() == 24
    sync.emulator.clear_faults()
    report = another_dag(sync).attempt(method="addPhone")
    assert (report["created"], report["capped"]) == (1, 24)


@needs_record
@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
@pytest.mark.parametrize(
    ("place", "name", "after"),
    [
        (PersonCalls, "claim", False),
        (PersonCalls, "claim", True),
        (SendNotes, "note", False),
        (SendNotes, "note", True),
    ],
)
def test_a_worker_that_dies_around_a_claim_calls_everybody_once_in_its_next_try(
    sync: Sync, place: Any, name: str, after: bool, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dying(monkeypatch, place, name, after=after):
        sync.attempt(method=method)
    other = another_dag(sync)
    first = other.attempt(method=method)
    assert sync.attempt(method=method)["created"] + first["created"] == 25
    sync.assert_once(PHONES)


@needs_record
def test_whom_a_dead_worker_claimed_and_nothing_was_sent_to_others_call_once_its_task_has_failed_for_good(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dying(monkeypatch, SendNotes, "note"):
        sync.attempt()
    assert claims() == 10
    sync.emulator.fault("before_commit", "reset", path="", times=50)
    with pytest.raises(AirflowException):
        sync.attempt()
    assert claims() == 0
    sync.emulator.clear_faults()
    assert another_dag(sync).attempt()["created"] == 25
    sync.task.clear()
    assert sync.attempt()["capped"] == 25


@needs_record
def test_a_batch_that_is_sent_a_week_late_gives_way_to_a_call_of_meanwhile_and_its_claims_go(sync: Sync) -> None:
    sync.emulator.fault("before_commit", "reset", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        sync.attempt()
    sync.emulator.clear_faults()
    assert claims() > 0
    sync.emulator.advance(days=8)
    let_days_pass(sync, 8)
    assert another_dag(sync).attempt()["created"] == 25
    assert sync.attempt()["capped"] == 25
    assert claims() == 25
    sync.assert_once(PHONES)


@needs_record
def test_a_cap_that_is_set_once_the_list_is_frozen_holds_for_what_is_not_sent_yet(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As by whoever sees that a task calls too many, gives it a cap, and clears it; or had it by an earlier version."""
    sync.emulator.fault("before_commit", "reset", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        sync.attempt(max_calls_per_person=None)
    sync.emulator.clear_faults()
    other = another_dag(sync)
    assert other.attempt()["created"] == 25
    with pytest.raises(AirflowException):
        sync.attempt()  # nothing came of it, as the report must show first
    sync.emulator.advance(minutes=25)
    assert sync.attempt()["capped"] == 25
    assert "frozen with no cap on a person's calls" in capsys.readouterr().out
    sync.assert_once(PHONES)


def test_a_query_of_ones_own_that_would_take_the_capped_for_called_is_told_of(
    sync: Sync, capsys: pytest.CaptureFixture[str]
) -> None:
    own = """
        select id, phone, name from customer where not exists (
            select 1 from calls where calls.id = cast(customer.id as text) and calls.outcome {})
        """
    warned = "doesn't name the outcome 'capped'"
    sync.attempt(sql=own.format("not in ('refused', 'rejected')"))
    assert warned in capsys.readouterr().out
    another_dag(sync).attempt(sql=own.format("in ('created', 'pending', 'unknown')"))
    another_dag(sync, "third").attempt(sql=own.format("not in ('refused', 'capped')"))
    another_dag(sync, "fourth").attempt()
    assert warned not in capsys.readouterr().out


def test_without_any_key_nothing_is_sent(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW__CORE__FERNET_KEY")
    with pytest.raises(AirflowFailException, match=r"there is no key .* fernet_key .* person_secret"):
        sync.attempt()
    assert sync.sends() == 0
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(sync.emulator, person_secret="x" * 16))
    assert another_run(sync, "next").attempt()["created"] == 25


def test_a_short_secret_is_refused_and_not_shown(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(sync.emulator, person_secret="guess me"))
    with pytest.raises(AirflowFailException, match="16 characters or more") as failed:
        sync.attempt()
    assert "guess me" not in str(failed.value)


def test_a_rotated_fernet_key_stops_until_the_former_one_stands_behind_it(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.attempt()
    new = Fernet.generate_key().decode()
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", new)
    other = another_dag(sync)
    with pytest.raises(AirflowFailException, match="it can't be told who was called before") as failed:
        other.attempt()
    assert FERNET_KEY not in str(failed.value)
    assert new not in str(failed.value)
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", f"{new},{FERNET_KEY}")
    assert another_run(other, "next").attempt()["capped"] == 25
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", new)
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(sync.emulator, person_secret=FERNET_KEY))
    assert another_run(other, "last").attempt()["capped"] == 25


def test_the_placeholder_that_stands_for_no_fernet_key_is_no_key(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    for none in ("{FERNET_KEY}", "", "secret", "   "):
        monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", none)
        with pytest.raises(AirflowFailException, match="there is no key"):
            another_run(sync, f"run {none!r}").attempt()


def test_what_only_freezes_leaves_people_to_whoever_knows_the_key(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The secret stands in the campaign's connection, of which the task that freezes knows nothing."""
    monkeypatch.delenv("AIRFLOW__CORE__FERNET_KEY")
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(sync.emulator, person_secret="x" * 16))
    sync.attempt()
    pointer = PrepareCallListOperator(
        task_id="prepare", sql_conn_id="warehouse", call_list_path=str(sync.lists), results_table="calls",
        sql=EVERYBODY, max_calls_per_person=WEEKLY, key_columns=["id"],
    ).execute(_next(TaskInstance(task_id="prepare", dag_id="approved")))  # fmt: skip
    assert pointer["calls"] == 25
    assert "whoever sends the list sees it" in capsys.readouterr().out
    report = SendCallListOperator(
        task_id="send", call_list=pointer, results_table="calls", results_conn_id="warehouse"
    ).execute(_next(TaskInstance(task_id="send", dag_id="approved")))
    assert report["capped"] == 25


# only_new


@pytest.fixture(params=["asked by keys", "streamed"])
def new_only(request: pytest.FixtureRequest, sync: Sync, monkeypatch: pytest.MonkeyPatch) -> Sync:
    if request.param == "streamed":
        monkeypatch.setattr(called_keys, "_SHORT", 0)
    sync.arguments.update(only_new=True, max_calls_per_person=None)
    return sync


def test_only_new_calls_nobody_again_whom_the_results_table_tells_to_be_called(
    new_only: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW__CORE__FERNET_KEY")  # no person is known by a phone here
    assert new_only.attempt()["created"] == 25
    new_only.add([phone(99)])
    following = another_run(new_only, "next")
    report = following.attempt()
    assert (report["created"], report["capped"]) == (1, 25)
    outcome, reason = reasons(following)[0]
    assert outcome == "capped"
    assert reason.startswith("called by the list of 2")
    assert reason.endswith(f"UTC of DAG winter_sale, run {new_only.task.run_id}: only_new allows 1 call in all")
    let_days_pass(new_only, 400)
    assert another_run(new_only, "a year later").attempt()["capped"] == 26
    assert another_run(new_only, "within").attempt(only_new=timedelta(days=300))["created"] == 26


def test_only_new_tries_again_who_was_not_called(new_only: Sync) -> None:
    """Rejected, refused, expired and set aside: all but who has a job, may have one, or is about to."""
    new_only.execute("update customer set phone = 'none' where id = 1")
    new_only.attempt()
    outcomes = ["refused", "expired", "claimed", "capped", "excluded", "held_out", "rejected", "pending", "unknown"]
    for number, outcome in enumerate(outcomes, 2):
        new_only.execute(f"update calls set outcome = '{outcome}' where id = '{number}'")
    new_only.execute(f"update customer set phone = '{phone(500)}' where id = 1")
    following = another_run(new_only, "next")
    assert following.attempt()["created"] == 8
    ids = told(engine(), "id", "outcome", run="next")
    assert {key for key, outcome in ids if outcome == "created"} == {f"{number}" for number in range(1, 9)}


def test_only_new_leaves_out_a_double_of_whoever_was_called(new_only: Sync) -> None:
    new_only.add([phone(0), phone(1)])  # of other ids
    assert new_only.attempt()["doubles"] == 2
    assert another_run(new_only, "next").attempt()["capped"] == 27
    new_only.execute("update calls set outcome = 'refused' where id = '1'")
    new_only.execute("delete from customer where id = 1")
    report = another_run(new_only, "last").attempt()
    assert (report["created"], report["capped"]) == (1, 25)


def test_only_new_compares_several_keys_together(new_only: Sync) -> None:
    new_only.arguments["key_columns"] = ["id", "name"]
    assert new_only.attempt()["created"] == 25
    new_only.execute("update customer set name = 'Maria' where id <= 3")
    assert another_run(new_only, "next").attempt()["created"] == 3


def test_only_new_goes_by_the_phone_where_there_are_no_keys(sync: Sync) -> None:
    sync.arguments.update(only_new=True, max_calls_per_person=None, key_columns=[])
    assert sync.attempt()["created"] == 25
    sync.add([phone(99)])
    report = another_run(sync, "next").attempt()
    assert (report["created"], report["capped"]) == (1, 25)


def test_only_new_goes_by_the_phone_where_keys_are_empty(new_only: Sync) -> None:
    new_only.execute("update customer set id = null where id <= 3")
    assert new_only.attempt()["created"] == 25
    assert claims() == 3
    report = another_run(new_only, "next").attempt()
    assert (report["created"], report["capped"]) == (0, 25)


@needs_record
def test_only_new_heeds_a_list_that_ended_between_the_look_and_the_claim(
    new_only: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs at once: the other one's query, and its look, came before this one's calls."""
    beside = another_run(new_only, "beside")
    original = called_keys.CalledKeys.marked
    inner: list[dict[str, Any]] = []

    def marked(self: Any, people: Any) -> Any:
        found = original(self, people)
        if not inner:
            inner.append({})
            inner[0] = new_only.attempt()
        return found

    monkeypatch.setattr(called_keys.CalledKeys, "marked", marked)
    report = beside.attempt()
    assert inner[0]["created"] == 25
    assert (report["created"], report["claimed"]) == (0, 25)
    new_only.assert_once(PHONES)


# Values


def operator(**arguments: Any) -> SqlToAimylogicOperator:
    return SqlToAimylogicOperator(
        task_id="sync", sql="select 1", sql_conn_id="w", **{"results_table": "calls", **arguments}
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"call": 1, "days": 7}, r"has 'call', which means nothing"),
        ({"calls": 1}, r"lacks 'days'"),
        ({"calls": True, "days": 7}, r"'calls' is True: give a whole number from 1 to 1,000"),
        ({"calls": 0, "days": 7}, r"'calls' is 0"),
        ({"calls": 1, "days": 0.5}, r"'days' is 0.5: give a whole number from 1 to 3,660"),
        ({"calls": 1, "days": -1}, r"'days' is -1"),
        ({}, r"lacks 'calls'"),
        ([], r"give \{\"calls\": 1, \"days\": 7\}, or a list"),
        (1, r"give \{\"calls\": 1, \"days\": 7\}, or a list"),
        ("1 in 7", r"or a list"),
        ([{"calls": 1, "days": 7}, 3], r"max_calls_per_person 3 can't be used"),
    ],
)
def test_caps_that_cant_be_used_are_told_as_the_dag_is_parsed(value: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        operator(max_calls_per_person=value)


@pytest.mark.parametrize("value", [1, "True", None, timedelta(0), timedelta(days=-1), timedelta(days=5000), 30])
def test_only_new_that_cant_be_used_is_told_as_the_dag_is_parsed(value: Any) -> None:
    with pytest.raises(ValueError, match=r"only_new .* can't be used: give True for once ever"):
        operator(only_new=value)


@pytest.mark.parametrize("arguments", [{"only_new": True}, {"max_calls_per_person": WEEKLY}])
def test_both_need_a_results_table(arguments: Any) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(arguments))} needs results_table"):
        operator(results_table=None, **arguments)


def test_several_caps_may_be_given(sync: Sync) -> None:
    sync.arguments["max_calls_per_person"] = [{"calls": 2, "days": 7}, {"calls": 3, "days": 30}]
    created = [another_dag(sync, f"dag {number}").attempt()["created"] for number in range(3)]
    let_days_pass(sync, 8)
    created += [another_dag(sync, f"dag {number}").attempt()["created"] for number in range(3, 5)]
    assert created == [25, 25, 0, 25, 0]
    assert {*sync.calls_by_phone().values()} == {3}


def test_a_manifest_says_the_caps(sync: Sync) -> None:
    sync.attempt(only_new=timedelta(days=30))
    caps = json.loads((sync.folder / "list.json").read_text())["caps"]
    assert caps == [
        {"calls": 1, "seconds": 604800.0, "rule": "max_calls_per_person"},
        {"calls": 1, "seconds": 2592000.0, "rule": "only_new", "keyless": True},
    ]
