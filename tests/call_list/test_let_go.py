"""A task that ended for good holds nobody to whom it surely sent nothing: the next DAG run calls them, once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest
import requests
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.call_list.tables.released_rows import UnsentRows
from tests.call_list.sync import Sync
from tests.call_list.test_claims import (
    EVERYBODY,
    NOT_CALLED_YET,
    PHONES,
    Halves,
    another_run,
    beside,
    dies_before_sending,
    engine,
    held,
    sync,
)
from tests.conftest import TaskInstance, needs_record, told

__all__ = ["beside", "sync"]

METHODS = pytest.mark.parametrize("method", ["addPhones", "addPhone"])


def pending() -> int:
    return sum(outcome == "pending" for (outcome,) in told(engine(), "outcome"))


def stop(sync: Sync) -> None:
    """The campaign takes nobody, and says so."""
    token = sync.emulator.token
    requests.post(f"{sync.emulator.url}/api/calls/campaign/{token}/control/stop", timeout=5).raise_for_status()


def go_on(sync: Sync) -> None:
    sync.emulator.clear_faults()
    sync.emulator.campaign(status="inProgress")


def refuse(sync: Sync, type: str, **more: Any) -> None:
    body = {"type": type, "message": "no", **({"phone": more["phone"]} if "phone" in more else {})}
    sync.emulator.fault("before_commit", "status", status=400, body=body, times=None, **more)


def wrong_token(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    conn = json.loads(sync.emulator.connection("1.2.nocampaign"))
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_WRONG", json.dumps(conn))


@needs_record
@METHODS
@pytest.mark.parametrize("mapped", [-1, 3])
def test_a_stopped_campaign_holds_nobody(sync: Sync, beside: Sync, method: str, mapped: int) -> None:
    sync.arguments["method"] = method
    sync.task.map_index = mapped
    beside.task.map_index = -1 if mapped < 0 else 0  # the list that it is mapped over came in another order
    stop(sync)
    with pytest.raises(AirflowFailException, match="sent when the task is cleared"):
        sync.attempt()
    assert (held(), pending()) == (0, 0)
    go_on(sync)
    assert beside.attempt(sql=NOT_CALLED_YET)["created"] == 25
    sync.assert_once(PHONES)


@needs_record
@METHODS
def test_a_clear_goes_on_with_whom_no_other_run_took(sync: Sync, beside: Sync, method: str) -> None:
    sync.arguments["method"] = method
    stop(sync)
    with pytest.raises(AirflowFailException):
        sync.attempt()
    go_on(sync)
    sync.task.clear()
    report = sync.attempt()
    assert (report["rows"], report["created"]) == (25, 25)
    assert beside.attempt(sql=NOT_CALLED_YET)["rows"] == 0
    sync.assert_once(PHONES)
    assert held() == 0


@needs_record
@METHODS
@pytest.mark.parametrize("wiped", [False, True])
@pytest.mark.parametrize("finished", [True, False])
def test_a_clear_sends_nothing_to_whom_another_run_took(
    sync: Sync, beside: Sync, method: str, wiped: bool, finished: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether that has called them by then, or is about to, and though Airflow discards what the task noted."""
    sync.arguments["method"] = method
    stop(sync)
    with pytest.raises(AirflowFailException):
        sync.attempt()
    go_on(sync)
    if finished:
        assert beside.attempt()["created"] == 25
    else:
        dies_before_sending(beside, monkeypatch)
    sends = sync.sends()
    sync.task.clear(discards=wiped)
    with pytest.raises(AirflowFailException, match="another run's list has taken people of them"):
        sync.attempt()
    assert sync.sends() == sends
    if not finished:
        assert beside.attempt()["created"] == 25
    sync.assert_once(PHONES)
    assert (held(), pending()) == (0, 0)


@needs_record
def test_batches_of_which_nobody_was_taken_are_gone_on_with(sync: Sync, beside: Sync) -> None:
    stop(sync)
    with pytest.raises(AirflowFailException):
        sync.attempt()
    go_on(sync)
    assert beside.attempt(sql="select id, phone, name from customer where id <= 3")["created"] == 3
    sync.task.clear()
    with pytest.raises(AirflowFailException, match="10 calls of this list are not sent by it any more"):
        sync.attempt()
    assert another_run(sync, "the next day").attempt(sql=NOT_CALLED_YET)["created"] == 7
    sync.assert_once(PHONES)


@needs_record
def test_part_was_created_and_the_rest_is_called_by_the_next_run(sync: Sync, beside: Sync) -> None:
    refuse(sync, "invalid.call.task.state", path="addPhones", phone=PHONES[12])
    with pytest.raises(AirflowFailException, match="10 of 25 calls are created"):
        sync.attempt()
    assert (held(), pending()) == (0, 0)
    go_on(sync)
    assert beside.attempt(sql=NOT_CALLED_YET)["created"] == 15
    sync.task.clear()
    with pytest.raises(AirflowFailException, match="15 calls of this list are not sent by it any more"):
        sync.attempt()
    sync.assert_once(PHONES)


@needs_record
def test_minutes_that_ran_out_hold_nobody_once_the_last_try_has_ended(sync: Sync, beside: Sync) -> None:
    refuse(sync, "no.minutes", path="addPhones")
    sync.task.most_tries = 2
    with pytest.raises(AirflowException):
        sync.attempt()
    assert (held(), pending()) == (25, 25)
    for _ in range(2):
        with pytest.raises(AirflowException):
            sync.attempt()
    assert (held(), pending()) == (0, 0)
    go_on(sync)
    assert beside.attempt(sql=NOT_CALLED_YET)["created"] == 25
    sync.assert_once(PHONES)


@needs_record
def test_a_policy_that_is_refused_is_corrected_and_a_new_run_calls_everybody(sync: Sync, beside: Sync) -> None:
    """As the message says."""
    refuse(sync, "invalid.call.allowed.time", path="addPhones")
    with pytest.raises(AirflowFailException, match="correct policy or call_before, and start a new DAG run"):
        sync.attempt()
    go_on(sync)
    assert beside.attempt(sql=NOT_CALLED_YET)["created"] == 25
    sync.assert_once(PHONES)


@needs_record
@METHODS
def test_too_many_refusals_and_a_new_run_calls_the_others(sync: Sync, beside: Sync, method: str) -> None:
    """As the message says."""
    sync.arguments["method"] = method
    for one in PHONES[:6]:
        refuse(sync, "phone.bad.format", path=method, phone=one)
    with pytest.raises(AirflowFailException, match="or correct the rows and start a new DAG run"):
        sync.attempt(max_rejected=2)
    created = sum(sync.calls_by_phone().values())
    go_on(sync)
    assert beside.attempt(sql=NOT_CALLED_YET)["created"] == 25 - created
    sync.assert_once(PHONES)


@needs_record
@METHODS
def test_what_may_have_been_added_stays_held_and_the_rest_does_not(sync: Sync, beside: Sync, method: str) -> None:
    sync.arguments |= {"method": method, "batch_size": 5}
    sync.emulator.fault("after_commit", "reset", path=method, times=None)
    with pytest.raises(AirflowException):
        sync.attempt()
    added = {*sync.calls_by_phone()}
    assert 0 < len(added) < 25
    stays = held()
    assert len(added) <= stays < 25
    assert pending() == stays
    go_on(sync)
    assert beside.attempt(sql=EVERYBODY)["claimed"] == stays
    sync.task.clear()
    with pytest.raises(AirflowFailException, match=f"{25 - stays} calls of this list are not sent by it any more"):
        sync.attempt()
    sync.assert_once(PHONES)
    assert (held(), pending()) == (0, 0)


@needs_record
def test_a_try_that_was_replaced_lets_nobody_go_whom_its_successor_sends(
    sync: Sync, beside: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands still once it has noted that; a clear goes on with the list, dies with requests open; it awakes."""
    let_go = UnsentRows.let_go
    stop(sync)

    def late(*arguments: Any, **more: Any) -> int:
        with monkeypatch.context() as patched:
            patched.setattr(UnsentRows, "let_go", let_go)
            go_on(sync)
            sync.task.clear()
            dies_before_sending(sync, monkeypatch)
        return let_go(*arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(UnsentRows, "let_go", late)
        with pytest.raises(AirflowFailException):
            sync.attempt()
    assert (held(), pending()) == (25, 25)
    assert beside.attempt()["claimed"] == 25
    assert sync.attempt()["created"] == 25
    sync.assert_once(PHONES)


@needs_record
def test_a_try_that_was_replaced_before_it_noted_that_lets_nobody_go(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter = UnsentRows.enter
    stop(sync)

    def late(rows: UnsentRows) -> int:
        with monkeypatch.context() as patched:
            patched.setattr(UnsentRows, "enter", enter)
            go_on(sync)
            sync.task.clear()
            dies_before_sending(sync, monkeypatch)
        return enter(rows)

    with monkeypatch.context() as patched:
        patched.setattr(UnsentRows, "enter", late)
        with pytest.raises(AirflowFailException):
            sync.attempt()
    assert (held(), pending()) == (25, 25)


def test_without_a_record_of_what_was_sent_a_later_try_lets_nobody_go(
    make_sync: Callable[..., Sync], capsys: pytest.CaptureFixture[str]
) -> None:
    """Before Airflow 3.3 nothing keeps an earlier try from sending still; the log tells the way out."""
    sync = make_sync(batch_size=10, concurrency=1, results_table="calls", sql=EVERYBODY)
    sync.task.has_store = False
    sync.task.most_tries = 1
    sync.add(PHONES)
    refuse(sync, "no.minutes", path="addPhones")
    for _ in range(2):
        with pytest.raises(AirflowException):
            sync.attempt()
    assert held() == 25
    assert "stays held by it, so that no other run calls them" in capsys.readouterr().out


def test_without_a_record_the_only_try_lets_everybody_go(make_sync: Callable[..., Sync]) -> None:
    sync = make_sync(batch_size=10, concurrency=1, results_table="calls", sql=EVERYBODY)
    sync.task.has_store = False
    sync.add(PHONES)
    stop(sync)
    with pytest.raises(AirflowFailException):
        sync.attempt()
    assert (held(), pending()) == (0, 0)


# In two halves


@needs_record
@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("connection", ["aimylogic_wrong", "aimylogic_none", "aimylogic_default"])
def test_a_sending_task_that_ends_for_good_holds_nobody(
    sync: Sync, shards: int, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong token, no such connection, a campaign that is stopped."""
    wrong_token(sync, monkeypatch)
    stop(sync)
    run = Halves(sync)
    call_list = run.prepare(shards=shards)
    assert (held(), pending()) == (25, 0)
    for shard in range(shards):
        run.tasks["send"] = TaskInstance(task_id="send", run_id="first", map_index=shard if shards > 1 else -1)
        with pytest.raises(Exception, match=r"nocampaign|token|aimylogic_none|cleared"):
            run.send(call_list, shard=shard, aimylogic_conn_id=connection)
    assert (held(), pending()) == (0, 0)
    go_on(sync)
    other = Halves(sync, "second")
    again = other.prepare(sql=NOT_CALLED_YET)
    assert again["calls"] == 25
    assert other.send(again)["created"] == 25
    sync.assert_once(PHONES)


@needs_record
@pytest.mark.parametrize("connection", ["aimylogic_wrong", "aimylogic_default"])
@pytest.mark.parametrize("whole", [False, True])
def test_a_cleared_sending_task_goes_on(
    sync: Sync, connection: str, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone, or with the task that prepares, which freezes another list."""
    wrong_token(sync, monkeypatch)
    stop(sync)
    run = Halves(sync)
    call_list = run.prepare()
    with pytest.raises(AirflowFailException):
        run.send(call_list, aimylogic_conn_id=connection)
    go_on(sync)
    if whole:
        call_list = run.prepare()
    assert run.send(call_list)["created"] == 25
    sync.assert_once(PHONES)
    assert held() == 0


@needs_record
def test_a_shard_that_goes_on_keeps_its_people(sync: Sync) -> None:
    run = Halves(sync)
    call_list = run.prepare(shards=2)
    stop(sync)
    run.tasks["send"] = TaskInstance(task_id="send", run_id="first", map_index=0)
    with pytest.raises(AirflowFailException):
        run.send(call_list, shard=0)
    go_on(sync)
    in_other = held()
    assert 0 < in_other < 25
    other = Halves(sync, "second").prepare()
    assert (other["calls"], other["claimed"]) == (25 - in_other, in_other)
    run.tasks["send"] = TaskInstance(task_id="send", run_id="first", map_index=1)
    assert run.send(call_list, shard=1)["created"] == in_other


# A list that can't be read


@needs_record
@pytest.mark.parametrize("halves", [False, True])
def test_a_lost_list_of_which_nothing_was_sent_holds_nobody(sync: Sync, beside: Sync, halves: bool) -> None:
    run = Halves(sync)
    if halves:
        call_list = run.prepare()
        shutil.rmtree(sync.lists)
        with pytest.raises(AirflowFailException, match="start a new DAG run"):
            run.send(call_list)
    else:
        sync.task.most_tries = 1
        sync.emulator.fault("before_commit", "reset", path="", times=50)
        with pytest.raises(AirflowException):
            sync.attempt()
        shutil.rmtree(sync.lists)
        sync.emulator.clear_faults()
        with pytest.raises(AirflowFailException, match="start a new DAG run"):
            sync.attempt()
    assert (held(), pending()) == (0, 0)
    assert beside.attempt(sql=NOT_CALLED_YET)["created"] == 25


@needs_record
def test_a_lost_list_that_was_begun_is_given_up_as_its_message_says(
    sync: Sync, beside: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies_before_sending(sync, monkeypatch)
    list_id = sync.folder.name
    shutil.rmtree(sync.lists)
    with pytest.raises(AirflowFailException, match="start a new DAG run") as failed:
        sync.attempt()
    assert f"state to 'given up' where call_list is '{list_id}'" in str(failed.value)
    sync.execute(f"update aimylogic_lists set state = 'given up' where call_list = '{list_id}'")
    sync.execute(f"delete from calls where call_list = '{list_id}' and outcome = 'pending'")
    assert beside.attempt(sql=NOT_CALLED_YET)["created"] == 25


@needs_record
@pytest.mark.parametrize("halves", [False, True])
def test_after_a_clear_that_discards_what_was_noted_nobody_is_let_go_who_may_have_been_called(
    sync: Sync, beside: Sync, halves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Airflow 3.4 does: the next try ends for good before it has asked anything, and its entry tells of no send."""
    wrong_token(sync, monkeypatch)
    sync.emulator.fault("after_commit", "reset", path="addPhones", times=None)
    run = Halves(sync)
    call_list = run.prepare() if halves else {}
    with pytest.raises(AirflowException):
        _ = run.send(call_list) if halves else sync.attempt()
    added = sum(sync.calls_by_phone().values())
    sync.emulator.clear_faults()
    task = run.tasks["send"] if halves else sync.task
    task.clear(discards=True)
    with pytest.raises(AirflowFailException):
        _ = (
            run.send(call_list, aimylogic_conn_id="aimylogic_wrong")
            if halves
            else sync.attempt(aimylogic_conn_id="aimylogic_wrong")
        )
    assert added == 25
    assert held() == 25
    other = Halves(sync, "second").prepare() if halves else beside.attempt()
    assert other["claimed"] == 25


# Rows that were set aside because of a call: its doubles, and whom it capped

ASIDE = pytest.mark.parametrize("name", ["Alex", "Maria"], ids=["double", "capped"])
BY_KEYS = pytest.mark.parametrize("keys", [["id"], []], ids=["keys", "no keys"])


@pytest.fixture
def pair(make_sync: Callable[..., Sync], name: str) -> Sync:
    """Three rows, of which the second was set aside because of the first."""
    sync = make_sync(batch_size=1, concurrency=1, results_table="calls", sql=EVERYBODY)
    sync.add([PHONES[1]])
    sync.add([PHONES[1]], name=name)
    sync.add([PHONES[2]])
    return sync


def outcomes(sync: Sync) -> list[str]:
    return [outcome for (outcome,) in told(engine(), "outcome", run=sync.task.run_id)]


@needs_record
@METHODS
@ASIDE
@pytest.mark.parametrize("sql", [EVERYBODY, NOT_CALLED_YET], ids=["everybody", "not called yet"])
def test_who_was_set_aside_is_let_go_with_the_call(pair: Sync, method: str, sql: str) -> None:
    """And is called though the row that was to be called leaves the query."""
    pair.arguments["method"] = method
    stop(pair)
    with pytest.raises(AirflowFailException):
        pair.attempt()
    assert (held(), outcomes(pair)) == (0, [])
    go_on(pair)
    pair.execute("delete from customer where id = 1")
    assert another_run(pair, "the next day").attempt(sql=sql)["created"] == 2
    pair.assert_once(PHONES[1:3])


@needs_record
@ASIDE
@BY_KEYS
def test_who_was_set_aside_is_taken_back_with_the_call(pair: Sync, name: str, keys: list[str]) -> None:
    pair.arguments["key_columns"] = keys
    stop(pair)
    with pytest.raises(AirflowFailException):
        pair.attempt()
    go_on(pair)
    pair.task.clear()
    pair.task.most_tries = 9
    pair.emulator.fault("before_commit", "reset", times=50)
    with pytest.raises(AirflowException):
        pair.attempt()
    assert held() == (3 if keys else 2)
    assert another_run(pair, "the next day").attempt()["claimed"] == 3
    pair.emulator.clear_faults()
    assert pair.attempt()["created"] == 2
    aside = "double" if name == "Alex" and keys else "capped"  # without keys, the id is payload
    assert outcomes(pair) == ["created", aside, "created"]
    assert held() == 0
    pair.assert_once(PHONES[1:3])


@needs_record
@ASIDE
@BY_KEYS
def test_a_call_is_not_taken_back_whose_other_row_another_run_called(pair: Sync, keys: list[str]) -> None:
    pair.arguments["key_columns"] = keys
    stop(pair)
    with pytest.raises(AirflowFailException):
        pair.attempt()
    go_on(pair)
    everybody = pair.arguments["sql"]
    beside = another_run(pair, "the next day")
    assert beside.attempt(sql=everybody.replace("order", "where id = 2 order"))["created"] == 1
    pair.task.clear()
    with pytest.raises(AirflowFailException, match="1 calls of this list are not sent by it any more"):
        pair.attempt()
    pair.assert_once(PHONES[1:3])
    assert outcomes(pair) == ["created"]
    assert held() == 0


@needs_record
@ASIDE
def test_who_was_set_aside_for_a_call_that_is_settled_is_held_no_more_and_told_of(pair: Sync, name: str) -> None:
    refuse(pair, "invalid.call.task.state", path="addPhones", phone=PHONES[2])
    with pytest.raises(AirflowFailException, match="1 of 2 calls are created"):
        pair.attempt()
    assert held() == 0
    assert outcomes(pair) == ["created", "double" if name == "Alex" else "capped"]
    go_on(pair)
    assert another_run(pair, "the next day").attempt(sql=NOT_CALLED_YET)["created"] == 1
    pair.assert_once(PHONES[1:3])


@needs_record
@ASIDE
def test_who_was_set_aside_for_a_call_that_may_have_been_added_stays_held(pair: Sync, name: str) -> None:
    pair.emulator.fault("after_commit", "reset", path="addPhones", phone=PHONES[1], times=None)
    with pytest.raises(AirflowException):
        pair.attempt()
    go_on(pair)
    assert held() == 2
    assert outcomes(pair)[:2] == ["pending", "double" if name == "Alex" else "capped"]
    pair.execute("delete from customer where id = 1")
    assert another_run(pair, "the next day").attempt()["claimed"] == 1
    assert pair.calls_by_phone()[PHONES[1]] == 1


@needs_record
@ASIDE
def test_the_next_try_of_another_shard_does_not_tell_of_them(pair: Sync) -> None:
    pair.add(PHONES[10:20])
    run = Halves(pair)
    call_list = run.prepare(shards=2)
    stop(pair)

    shards = [TaskInstance(task_id="send", run_id="first", map_index=shard) for shard in range(2)]
    for shard in (0, 1, 0, 1, 0):
        run.tasks["send"] = shards[shard]
        with pytest.raises(AirflowFailException):
            run.send(call_list, shard=shard)
    assert (held(), told(engine(), "outcome")) == (0, [])
    go_on(pair)
    reports = []
    for shard in range(2):
        run.tasks["send"] = shards[shard]
        reports.append(run.send(call_list, shard=shard))
    assert sum(report["created"] for report in reports) == 12
    assert len(told(engine(), "outcome")) == 13
    assert held() == 0


@needs_record
@ASIDE
def test_who_was_set_aside_in_a_lost_list_is_let_go(pair: Sync) -> None:
    pair.task.most_tries = 1
    pair.emulator.fault("before_commit", "reset", path="", times=50)
    with pytest.raises(AirflowException):
        pair.attempt()
    shutil.rmtree(pair.lists)
    pair.emulator.clear_faults()
    with pytest.raises(AirflowFailException, match="start a new DAG run"):
        pair.attempt()
    assert (held(), outcomes(pair)) == (0, [])


@needs_record
@pytest.mark.parametrize("name", ["Maria"])
def test_with_several_calls_a_phone_nobody_is_let_go_while_one_of_them_may_have_been_added(pair: Sync) -> None:
    pair.add([PHONES[1]])  # a double of the first call
    pair.add([PHONES[1]], name="Maria")  # and of the second one
    pair.emulator.fault("after_commit", "reset", path="addPhones", phone=PHONES[1], times=None)
    with pytest.raises(AirflowException):
        pair.attempt(max_calls_per_phone=2)
    go_on(pair)
    assert outcomes(pair).count("double") == 2
    report = another_run(pair, "the next day").attempt(sql=EVERYBODY.replace("order", "where id in (4, 5) order"))
    assert report["claimed"] == 2
