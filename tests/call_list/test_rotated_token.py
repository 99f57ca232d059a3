"""A campaign's token that is made anew while batches are under way: the same campaign by its id, and gone on with."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.airflow_task.required_actions import SEND_MISSING
from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator
from tests.call_list.sync import Sync, phone
from tests.call_list.test_a_person_decides import TaskAwaitingInput, answer
from tests.conftest import OTHER_TOKEN, TOKEN, TaskInstance, connection_json, needs_record, told
from tests.operators.test_required_action import Questions, questions

__all__ = ["questions"]

PHONES = [phone(number) for number in range(25)]
NEW_TOKEN = "123.456.madeanew7vQk2"
METHODS = pytest.mark.parametrize("method", ["addPhones", "addPhone"])
pytestmark = needs_record


def unanswered(sync: Sync, method: str, phase: Any = "after_commit") -> None:
    """A try of which a batch, or a number of it, went unanswered."""
    sync.add(PHONES)
    sync.emulator.fault(phase, "reset", path=method, phone=PHONES[12], times=3)
    with pytest.raises(AirflowException):
        sync.attempt(method=method, concurrency=1)


def use(sync: Sync, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(sync.emulator, token))


def rotate(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has a new token made, and puts it into the connection."""
    sync.emulator.campaign(token=NEW_TOKEN)
    use(sync, monkeypatch, NEW_TOKEN)


@METHODS
@pytest.mark.parametrize("hours", [0, 25])
@pytest.mark.parametrize("phase", ["before_commit", "after_commit"])
@pytest.mark.parametrize("cleared", [False, True])
def test_a_new_token_of_the_same_campaign_goes_on(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, method: str, hours: int, phase: str, cleared: bool
) -> None:
    unanswered(sync, method, phase)
    rotate(sync, monkeypatch)
    sync.emulator.advance(hours=hours)
    if cleared:
        sync.task.clear()
    assert sync.attempt(method=method)["created"] == len(PHONES)
    sync.assert_once(PHONES)


@METHODS
def test_a_token_that_is_made_anew_twice_goes_on(sync: Sync, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    unanswered(sync, method)
    rotate(sync, monkeypatch)
    sync.emulator.fault("after_commit", "reset", path=method, phone=PHONES[12], times=3)
    with pytest.raises(AirflowException):
        sync.attempt(method=method, concurrency=1)
    sync.emulator.clear_faults()
    sync.emulator.campaign(token=TOKEN)
    use(sync, monkeypatch, TOKEN)
    sync.emulator.advance(hours=25)
    assert sync.attempt(method=method)["created"] == len(PHONES)
    sync.assert_once(PHONES)


def test_the_campaigns_id_is_asked_for_once_a_token(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    unanswered(sync, "addPhones")
    assert sync.emulator.count("campaign") == 1
    rotate(sync, monkeypatch)
    sync.attempt()
    assert sync.emulator.count("campaign") == 2
    sync.task.clear()
    sync.attempt()
    assert sync.emulator.count("campaign") == 2
    assert NEW_TOKEN not in sync.task.rows["aimylogic"]
    assert TOKEN not in sync.task.rows["aimylogic"]


def test_whether_it_is_the_same_campaign_is_asked_again_if_that_fails(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    unanswered(sync, "addPhones")
    rotate(sync, monkeypatch)
    sync.emulator.fault("before_commit", "status", path="campaign", status=503, times=1)
    with pytest.raises(
        AirflowException, match="of the campaign that calls were sent to before could not be asked"
    ) as ended:
        sync.attempt()
    assert not isinstance(ended.value, AirflowFailException)
    assert sync.attempt()["created"] == len(PHONES)
    sync.assert_once(PHONES)


@pytest.mark.parametrize(
    "answer", [{"status": 404, "body": {}}, {"status": 503}, {"status": 200, "body": {"name": "x"}}]
)
def test_a_server_that_does_not_tell_it_is_done_without(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]
) -> None:
    sync.emulator.fault("before_commit", "status", path="campaign", times=None, **answer)
    unanswered(sync, "addPhones")
    assert sync.attempt()["created"] == len(PHONES)
    sync.assert_once(PHONES)


@METHODS
@pytest.mark.parametrize("before", [False, True], ids=["another campaign", "an entry of before"])
def test_what_was_sent_to_a_campaign_that_is_not_surely_this_one_is_asked_about(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, questions: Questions, method: str, before: bool
) -> None:
    unanswered(sync, method)
    if before:
        entry = {name: value for name, value in sync.entry.items() if name != "campaigns"}
        sync.task.rows["aimylogic"] = json.dumps(entry)
        for file in sync.files("claimed/*"):
            claim = json.loads(file.read_bytes())
            del claim["campaign_id"]
            file.write_text(json.dumps(claim))
        rotate(sync, monkeypatch)
    else:
        use(sync, monkeypatch, OTHER_TOKEN)
    parked = 10 if method == "addPhones" else 1
    with pytest.raises(AirflowFailException, match=rf"Of {parked} calls .*set on_unknown='ask' and clear the task"):
        sync.attempt(method=method)
    sync.assert_once(PHONES)
    with pytest.raises(TaskAwaitingInput) as waiting:
        sync.attempt(method=method, on_unknown="ask")
    (question,) = questions.asked.values()
    assert "whoever was added there is called twice" in question.body
    report = answer(sync, waiting.value.kwargs, SEND_MISSING, method)
    assert report["created"] == len(PHONES)
    twice = PHONES[10:20] if method == "addPhones" else PHONES[12:13]
    assert sync.calls_by_phone() == Counter([*PHONES, *twice]), "the person said so"
    sync.task.clear()
    assert sync.attempt(method=method, on_unknown="ask")["created"] == len(PHONES)
    assert sync.calls_by_phone() == Counter([*PHONES, *twice])


@METHODS
def test_a_persons_word_on_one_campaign_is_none_on_the_next(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, questions: Questions, method: str
) -> None:
    unanswered(sync, method)
    use(sync, monkeypatch, OTHER_TOKEN)
    with pytest.raises(TaskAwaitingInput) as waiting:
        sync.attempt(method=method, on_unknown="ask")
    sync.emulator.campaign(2, token=NEW_TOKEN)
    use(sync, monkeypatch, NEW_TOKEN)  # which is of the campaign that they were asked about
    sync.emulator.fault("before_commit", "status", path="campaign", status=404, body={}, times=None)
    with pytest.raises(AirflowFailException):
        answer(sync, waiting.value.kwargs, SEND_MISSING, method)
    sync.assert_once(PHONES)


# A list that was sent whole to another campaign

KEPT = pytest.mark.parametrize("kept", [timedelta(days=30), timedelta(0)], ids=["kept", "deleted"])
DISCARDS = pytest.mark.parametrize("discards", [False, True], ids=["state kept", "state discarded"])
ELSEWHERE = r"25 calls of .* were added to another campaign than that of now.*Nothing is sent.*[Cc]ancel them there"


def sent(sync: Sync, method: str = "addPhones", **arguments: Any) -> None:
    sync.add(PHONES)
    assert sync.attempt(method=method, **arguments)["created"] == len(PHONES)


def fails_for_good(sync: Sync, **arguments: Any) -> None:
    before = sync.sends()
    for _ in range(2):
        with pytest.raises(AirflowFailException, match=ELSEWHERE):
            sync.attempt(**arguments)
    assert sync.sends() == before


@METHODS
@KEPT
@DISCARDS
def test_a_list_that_was_sent_by_a_wrong_connection_is_not_told_as_sent_by_the_right_one(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, method: str, kept: timedelta, discards: bool
) -> None:
    """It was green, and told of calls that the right campaign did not have."""
    sent(sync, method, keep_call_list=kept)
    use(sync, monkeypatch, OTHER_TOKEN)
    sync.task.clear(discards=discards)
    fails_for_good(sync, method=method)
    use(sync, monkeypatch, TOKEN)
    sync.task.clear(discards=discards)
    assert sync.attempt(method=method)["created"] == len(PHONES)
    sync.assert_once(PHONES)


@KEPT
@DISCARDS
def test_a_list_that_was_sent_stays_so_by_a_new_token_of_its_campaign(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, kept: timedelta, discards: bool
) -> None:
    sent(sync, keep_call_list=kept)
    rotate(sync, monkeypatch)
    sync.task.clear(discards=discards)
    assert sync.attempt()["created"] == len(PHONES)
    sync.assert_once(PHONES)


@KEPT
@DISCARDS
def test_where_a_list_was_sent_is_told_without_asking(sync: Sync, kept: timedelta, discards: bool) -> None:
    sent(sync, keep_call_list=kept)
    asked = len(sync.emulator.requests())
    sync.emulator.fault("before_commit", "reset", times=None)
    sync.task.clear(discards=discards)
    assert sync.attempt()["created"] == len(PHONES)
    assert len(sync.emulator.requests()) == asked


@KEPT
def test_whether_a_list_that_was_sent_is_in_the_campaign_of_now_is_asked_again_if_that_fails(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, kept: timedelta
) -> None:
    sent(sync, keep_call_list=kept)
    rotate(sync, monkeypatch)
    sync.task.clear(discards=True)
    sync.emulator.fault("before_commit", "status", path="campaign", status=503, times=1)
    with pytest.raises(AirflowException, match="could not be asked") as ended:
        sync.attempt()
    assert not isinstance(ended.value, AirflowFailException)
    assert sync.attempt()["created"] == len(PHONES)


@METHODS
def test_a_list_that_one_campaign_refused_is_in_the_one_that_took_it(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    sync.add(PHONES)
    sync.emulator.campaign(status="finished")
    with pytest.raises(AirflowFailException):
        sync.attempt(method=method, concurrency=1)
    use(sync, monkeypatch, OTHER_TOKEN)
    sync.emulator.advance(minutes=1)
    sync.task.clear()
    assert sync.attempt(method=method)["created"] == len(PHONES)
    assert "were added to another campaign" not in capsys.readouterr().out, "none was"
    use(sync, monkeypatch, TOKEN)
    sync.task.clear()
    fails_for_good(sync, method=method)


def test_a_list_in_two_campaigns_is_gone_on_with_and_the_log_says_so(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unanswered(sync, "addPhones", "before_commit")
    here = len(sync.emulator.jobs())
    sync.emulator.advance(hours=25)
    assert here in (10, 15)
    use(sync, monkeypatch, OTHER_TOKEN)
    with pytest.raises(AirflowFailException, match="Of 10 calls it can't be known"):
        sync.attempt(concurrency=1)
    assert f"{here} calls of" in (told := capsys.readouterr().out)
    assert "were added to another campaign than that of now" in told


@KEPT
@pytest.mark.parametrize("index", [-1, 0])
def test_the_half_that_sends_tells_of_no_other_campaigns_calls(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, kept: timedelta, index: int
) -> None:
    sync.add(PHONES)
    call_list = PrepareCallListOperator(
        task_id="prepare", sql="select id, phone, name from customer order by id", sql_conn_id="warehouse",
        key_columns=["id"], call_list_path=str(sync.lists),
    ).execute(TaskInstance(task_id="prepare", run=sync.task.run, current_try=1).context())  # fmt: skip
    sending = TaskInstance(task_id="send", run=sync.task.run, map_index=index)

    def send(**arguments: Any) -> Any:
        sending.current_try += 1
        return SendCallListOperator(task_id="send", call_list=call_list, **arguments).execute(sending.context())

    send(keep_call_list=kept)
    for discards in (False, True):
        sending.clear(discards=discards)
        with pytest.raises(AirflowFailException, match=ELSEWHERE):
            send(aimylogic_conn_id="aimylogic_other")
        sending.clear(discards=discards)
        assert send()["created"] == len(PHONES)
    sync.assert_once(PHONES)


def test_the_results_table_tells_what_the_other_campaign_has(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    sent(sync, results_table="calls")
    use(sync, monkeypatch, OTHER_TOKEN)
    sync.task.clear()
    fails_for_good(sync, results_table="calls")
    assert {outcome for (outcome,) in told(sa.create_engine(f"sqlite:///{sync.database}"), "outcome")} == {"created"}


def test_what_is_left_of_a_list_by_an_earlier_version_does_not_tell_where_it_was_sent(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(sync, keep_call_list=timedelta(0))
    (left,) = sync.files("deleted.json")
    content = json.loads(left.read_bytes())
    del content["created_in"]
    left.write_text(json.dumps(content))
    use(sync, monkeypatch, OTHER_TOKEN)
    sync.task.clear()
    assert sync.attempt()["created"] == len(PHONES)
