"""A campaign's token that is made anew while batches are under way: the same campaign by its id, and gone on with."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.airflow_task.required_actions import SEND_MISSING
from tests.call_list.sync import Sync, phone
from tests.call_list.test_a_person_decides import TaskAwaitingInput, answer
from tests.conftest import OTHER_TOKEN, TOKEN, connection_json, needs_record
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
    ) as told:
        sync.attempt()
    assert not isinstance(told.value, AirflowFailException)
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
