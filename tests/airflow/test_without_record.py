"""What degrades on Airflow 3.1 and 3.2, which keep no record.

A retry of a young run goes by its key; an old run, and one that was cleared, by the report.
"""

from __future__ import annotations

import pytest

from aimylogic_provider.airflow_task.required_actions import ADOPT, LEAVE, SEND_AGAIN
from local_servers.airflow import LocalAirflow
from tests.airflow.campaign import Campaign
from tests.airflow.test_required_action import DAG as ASKS
from tests.airflow.test_required_action import (
    answer,
    finished,
    park,
    sends,
    wait_to_be_asked,
)
from tests.conftest import HAS_RECORD

pytestmark = pytest.mark.skipif(HAS_RECORD, reason="Airflow 3.3 and newer keep a record")

DAG, TASK = "one_call", "add_phone"


def outcome(airflow: LocalAirflow, run: str, tries: int, dag: str = DAG) -> tuple[str, str | None]:
    """State and call job of a try that must not be followed by another one."""
    task = airflow.wait_for_task(dag, run, TASK, ("success", "failed"), tries=tries)
    assert task["try_number"] == tries
    return task["state"], airflow.xcom(dag, run, TASK) if task["state"] == "success" else None


def warnings(airflow: LocalAirflow, run: str, try_number: int, dag: str = DAG) -> int:
    return airflow.log(dag, run, TASK, try_number).count("has no task state store")


def lose_the_first_try(airflow: LocalAirflow, campaign: Campaign, run: str, phase: str) -> None:
    lost = campaign.fault(phase, "reset", times=3)
    airflow.trigger(DAG, run, campaign.conf)
    airflow.wait_for_task(DAG, run, TASK, ("up_for_retry",))
    assert lost.hits == 3


@pytest.mark.parametrize("phase", ["after_commit", "before_commit"])
def test_a_retry_within_the_day_goes_by_the_key(
    airflow: LocalAirflow, campaign: Campaign, run: str, phase: str
) -> None:
    lose_the_first_try(airflow, campaign, run, phase)
    campaign.emulator.advance(hours=20)
    state, job = outcome(airflow, run, 2)
    assert (state, [job]) == ("success", [found.id for found in campaign.jobs])
    assert [warnings(airflow, run, number) for number in (1, 2)] == [1, 1], "each try warns once"


def test_after_the_day_a_job_that_could_be_ours_is_parked(airflow: LocalAirflow, campaign: Campaign, run: str) -> None:
    lose_the_first_try(airflow, campaign, run, "after_commit")
    before = sends(campaign)
    campaign.emulator.advance(hours=25)
    assert outcome(airflow, run, 2) == ("failed", None)
    (job,) = campaign.jobs
    log = airflow.log(DAG, run, TASK, 2)
    assert "is parked, and nothing more is sent" in log
    assert f"job {job.id} (" in log
    assert sends(campaign) == before


def test_after_the_day_a_call_that_was_never_added_is_added(
    airflow: LocalAirflow, campaign: Campaign, run: str
) -> None:
    lose_the_first_try(airflow, campaign, run, "before_commit")
    campaign.emulator.advance(hours=25)
    state, job = outcome(airflow, run, 2)
    assert (state, [job]) == ("success", [found.id for found in campaign.jobs])


@pytest.mark.parametrize("hours", [1, 25])
def test_cleared_it_is_parked_however_young_the_run(
    airflow: LocalAirflow, campaign: Campaign, run: str, hours: int
) -> None:
    airflow.trigger(DAG, run, campaign.conf)
    first = outcome(airflow, run, 1)
    campaign.emulator.advance(hours=hours)
    airflow.clear(DAG, run)
    assert outcome(airflow, run, 2) == ("failed", None)
    assert [job.id for job in campaign.jobs] == [first[1]]
    log = airflow.log(DAG, run, TASK, 2)
    assert "is parked, and nothing more is sent" in log
    assert f"job {first[1]} (" in log
    assert [warnings(airflow, run, number) for number in (1, 2)] == [1, 1]


@pytest.mark.parametrize("option", [ADOPT, SEND_AGAIN, LEAVE])
def test_an_answer_is_followed_and_a_clear_asks_again(
    airflow: LocalAirflow, campaign: Campaign, run: str, option: str
) -> None:
    ours, theirs = park(airflow, campaign, run)
    before = sends(campaign)
    assert airflow.task(ASKS, run, TASK)["state"] == "deferred"
    answer(airflow, run, option, theirs if option == ADOPT else None)
    first = outcome(airflow, run, 2, ASKS)
    jobs = [job.id for job in campaign.jobs]
    expected = {ADOPT: ("success", theirs), SEND_AGAIN: ("success", jobs[-1]), LEAVE: ("failed", None)}
    assert first == expected[option]
    assert jobs[:2] == [ours, theirs]
    assert (sends(campaign) - before, len(jobs)) == ((1, 3) if option == SEND_AGAIN else (0, 2))
    assert warnings(airflow, run, 2, ASKS) == 1, "not again when it goes on"

    # The answer is forgotten.
    campaign.emulator.advance(hours=25)
    airflow.clear(ASKS, run)
    if option == SEND_AGAIN:
        assert outcome(airflow, run, 3, ASKS) == ("failed", None)
        # Airflow keeps a question in its first words.
        assert f"does not name {jobs[-1]}" in airflow.log(ASKS, run, TASK, 3)
    else:
        wait_to_be_asked(airflow, run, 3)
        answer(airflow, run, ADOPT, theirs)
        assert finished(airflow, run, 3) == "success"
        assert airflow.xcom(ASKS, run, TASK) == theirs
    assert [job.id for job in campaign.jobs] == jobs, "nobody is called twice"
