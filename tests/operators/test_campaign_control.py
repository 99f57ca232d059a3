"""Pausing, resuming, stopping: the state is reached, whatever becomes of the requests, or it is said why not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.emulator.http import calls_routes
from aimylogic_provider.operators import (
    GetCampaignOperator,
    PauseCampaignOperator,
    ResumeCampaignOperator,
    StopCampaignOperator,
)
from tests.conftest import OTHER_TOKEN, TOKEN, TaskInstance

CONTROLS: dict[str, Any] = {
    "pause": (PauseCampaignOperator, "inProgress", "paused"),
    "resume": (ResumeCampaignOperator, "paused", "inProgress"),
    "stop": (StopCampaignOperator, "inProgress", "finished"),
}


@pytest.fixture
def run(task: TaskInstance) -> Any:
    def run(operator: Any, **arguments: Any) -> dict[str, Any]:
        result: dict[str, Any] = operator(task_id="act", **arguments).execute(task.context())
        json.dumps(result)
        return result

    return run


@pytest.fixture(params=CONTROLS)
def control(request: pytest.FixtureRequest, emulator: Emulator) -> Any:
    """An operator, its endpoint, and the status that a campaign has before it, and after."""
    operator, before, after = CONTROLS[request.param]
    emulator.campaign(status=before)
    return operator, f"control/{request.param}", before, after


def status(emulator: Emulator) -> str:
    return emulator.campaign().status


def test_the_state_is_reached_and_told(run: Any, emulator: Emulator, control: Any) -> None:
    operator, path, before, after = control
    assert run(operator) == {"status": after, "was": before, "changed": True}
    assert (status(emulator), emulator.count(path)) == (after, 1)


def test_where_it_is_already_nothing_is_asked_for(run: Any, emulator: Emulator, control: Any) -> None:
    operator, path, _, after = control
    run(operator)
    assert run(operator) == {"status": after, "was": after, "changed": False}
    assert emulator.count(path) == 1


def test_no_request_bears_a_key(run: Any, emulator: Emulator, control: Any) -> None:
    """By one, a campaign that somebody resumed meanwhile would be said to be paused."""
    operator, path, *_ = control
    run(operator)
    assert [line.key for line in emulator.requests() if line.endpoint == path] == [None]


def test_a_lost_answer_is_settled_by_the_status(run: Any, emulator: Emulator, control: Any) -> None:
    operator, path, before, after = control
    lost = emulator.fault("after_commit", "reset", path=path)
    assert run(operator) == {"status": after, "was": before, "changed": True}
    assert (lost.hits, emulator.count(path)) == (1, 1)


def test_a_request_that_never_arrived_is_repeated(run: Any, emulator: Emulator, control: Any) -> None:
    operator, path, _, after = control
    emulator.fault("before_commit", "status", path=path, times=2, status=503)
    assert run(operator)["status"] == after
    assert emulator.count(path) == 3


def test_without_any_answer_the_task_is_tried_again_and_then_succeeds(
    run: Any, emulator: Emulator, control: Any
) -> None:
    operator, path, before, after = control
    emulator.fault("before_commit", "reset", path=path, times=3)
    with pytest.raises(AirflowException) as failure:
        run(operator)
    assert not isinstance(failure.value, AirflowFailException)
    assert (status(emulator), emulator.count(path)) == (before, 3)
    assert run(operator)["status"] == after


def test_a_refusal_of_what_took_effect_is_a_success(run: Any, emulator: Emulator, control: Any) -> None:
    """The first request is late, and the second one finds the campaign there."""
    operator, path, _, after = control
    emulator.fault("after_commit", "reset", path=path)
    emulator.fault("before_read", "status", path="status", nth=2, status=503)  # nor can it be looked at
    assert run(operator)["status"] == after
    assert emulator.count(path) == 2


@pytest.mark.parametrize("answer", ["accepted", "refused"])
def test_whatever_a_server_answers_to_repeats(run: Any, emulator: Emulator, control: Any, answer: Any) -> None:
    operator, _, _, after = control
    emulator.settings(control_repeats=answer)
    assert [run(operator)["status"] for _ in range(3)] == [after] * 3


@pytest.mark.parametrize("takes", [True, False])
def test_a_stopped_campaign_is_not_resumed(run: Any, emulator: Emulator, takes: bool) -> None:
    """Not even where the server would do it: somebody may have stopped it for good."""
    emulator.settings(resumes_stopped=takes)
    run(StopCampaignOperator)
    with pytest.raises(AirflowFailException, match="is stopped, and a stopped one is not resumed: start it"):
        run(ResumeCampaignOperator)
    assert (status(emulator), emulator.count("control/resume")) == ("finished", 0)


def test_a_stopped_campaign_is_not_paused(run: Any, emulator: Emulator) -> None:
    run(StopCampaignOperator)
    with pytest.raises(AirflowFailException, match="is stopped, and such a one can't be paused"):
        run(PauseCampaignOperator)


@pytest.mark.parametrize("name", CONTROLS)
def test_a_deleted_campaign_fails_for_good(run: Any, emulator: Emulator, name: str) -> None:
    emulator.campaign(status="deleted")
    with pytest.raises(AirflowFailException, match="was deleted"):
        run(CONTROLS[name][0])
    assert emulator.count(f"control/{name}") == 0


def test_a_refusal_says_what_the_campaign_is(run: Any, emulator: Emulator) -> None:
    emulator.campaign(status="planned")
    with pytest.raises(AirflowFailException, match=r"Not running: .*400 emulator\.bad\.state.*the status planned"):
        run(ResumeCampaignOperator)


def test_either_word_for_running_is_one(run: Any, emulator: Emulator) -> None:
    emulator.settings(running_status="inProcess")
    assert run(ResumeCampaignOperator) == {"status": "inProcess", "was": "inProcess", "changed": False}
    assert run(PauseCampaignOperator)["was"] == "inProcess"
    assert run(ResumeCampaignOperator)["status"] == "inProcess"


class TestAStatusThatNoSourceNames:
    @pytest.fixture(autouse=True)
    def words(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """What the server says, one after the other; the last one from then on."""
        words = ["resting"]
        monkeypatch.setattr(
            calls_routes.reports, "campaign_status", lambda campaign: words.pop(0) if len(words) > 1 else words[0]
        )
        return words

    def test_it_is_told_and_the_servers_answer_counts(
        self, run: Any, emulator: Emulator, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(PauseCampaignOperator) == {"status": "resting", "was": "resting", "changed": True}
        assert "a status that no source names, resting" in capsys.readouterr().out
        assert (emulator.count("control/pause"), emulator.count("status")) == (1, 2)

    def test_a_refusal_then_fails_for_good_with_the_word(self, run: Any, emulator: Emulator) -> None:
        emulator.campaign(status="paused")
        with pytest.raises(AirflowFailException, match="a status that no source names, resting"):
            run(PauseCampaignOperator)
        assert emulator.count("control/pause") == 1

    def test_without_an_answer_the_task_is_tried_again(self, run: Any, emulator: Emulator) -> None:
        emulator.settings(control_repeats="accepted")
        emulator.fault("after_commit", "reset", path="control/pause", times=3)
        with pytest.raises(AirflowException) as failure:
            run(PauseCampaignOperator)
        assert not isinstance(failure.value, AirflowFailException)
        assert emulator.count("control/pause") == 3

    @pytest.mark.parametrize("word", [f"at {TOKEN}", "+79123456789", "<b>paused</b>"])
    def test_a_word_that_could_be_anything_is_not_shown(
        self, run: Any, words: list[str], word: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words[:] = [json.dumps(word)]
        assert run(PauseCampaignOperator)["status"] is None
        assert word not in capsys.readouterr().out

    def test_a_state_that_shows_late_is_waited_for_a_little(self, run: Any, words: list[str]) -> None:
        words[:] = ["inProgress", "inProgress", "paused"]
        assert run(PauseCampaignOperator)["status"] == "paused"

    def test_a_state_that_does_not_show_is_no_success(self, run: Any, emulator: Emulator, words: list[str]) -> None:
        words[:] = ["inProgress"]
        with pytest.raises(AirflowException, match=r"still has the status inProgress\. The next try looks") as failure:
            run(PauseCampaignOperator)
        assert not isinstance(failure.value, AirflowFailException)
        assert emulator.count("control/pause") == 1

    def test_a_campaign_that_is_stopped_meanwhile_is_said_to_be(self, run: Any, words: list[str]) -> None:
        words[:] = ["inProgress", "finished"]
        with pytest.raises(AirflowFailException, match="meanwhile, the campaign is stopped"):
            run(PauseCampaignOperator)


def test_a_wrong_token_fails_for_good_without_naming_it(
    run: Any, emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    emulator.campaign(token="9.9.another")
    with pytest.raises(AirflowFailException, match="no campaign has this token") as failure:
        run(PauseCampaignOperator)
    assert TOKEN not in str(failure.value) + capsys.readouterr().out


def test_the_connection_may_be_chosen_and_blank_is_the_default_one(run: Any, emulator: Emulator) -> None:
    run(PauseCampaignOperator, aimylogic_conn_id="aimylogic_other")
    assert [one.status for one in emulator.campaigns()] == ["inProgress", "paused"]
    run(PauseCampaignOperator, aimylogic_conn_id=" ")
    assert [one.status for one in emulator.campaigns()] == ["paused", "paused"]


class TestGetCampaign:
    def test_name_status_and_counts_are_told(self, run: Any, emulator: Emulator, task: TaskInstance) -> None:
        emulator.campaign(name="Winter sale", lines=3)
        task.attempt()
        assert run(GetCampaignOperator) == {
            "id": "1", "name": "Winter sale", "status": "inProgress", "total_numbers": 1, "processed_numbers": 0,
            "in_process_calls": 1, "retry_calls": 0, "max_simultaneous_calls": 3,
        }  # fmt: skip

    def test_it_is_asked_again_after_what_passes(self, run: Any, emulator: Emulator) -> None:
        emulator.fault("before_read", "status", path="campaign", times=2, status=503)
        assert run(GetCampaignOperator)["status"] == "inProgress"

    def test_it_never_tells_the_token(self, run: Any, emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
        emulator.campaign(2, name=f"of {OTHER_TOKEN}")
        told = run(GetCampaignOperator, aimylogic_conn_id="aimylogic_other")
        assert told["name"] is None
        assert OTHER_TOKEN not in capsys.readouterr().out

    def test_a_long_pause_that_the_server_asks_for_is_said(self, run: Any, emulator: Emulator) -> None:
        emulator.fault("before_read", "status", path="campaign", times=9, status=429, headers={"Retry-After": "600"})
        with pytest.raises(AirflowException, match="asks to wait 600 seconds") as failure:
            run(GetCampaignOperator)
        assert not isinstance(failure.value, AirflowFailException)
        assert emulator.count("campaign") == 1
