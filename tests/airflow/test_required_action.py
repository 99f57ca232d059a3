"""A parked call among Airflow's required actions: answered in the browser, and by Airflow's REST API."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from aimylogic_provider.airflow_task.required_actions import ADOPT, CALL_JOB_ID, LEAVE, SEND_AGAIN
from local_servers.airflow import AirflowError, LocalAirflow, wait_for
from tests.airflow.campaign import TOKEN, Campaign
from tests.conftest import CLEAR_FORGETS, HAS_RECORD

DAG, TASK = "asks", "add_phone"
WAITING = ("awaiting_input", "deferred")


def park(airflow: LocalAirflow, campaign: Campaign, run: str) -> tuple[str, str]:
    """Have a call parked: its first try hears nothing, somebody else adds the phone, and a day passes.

    Returns the job that is the call, and the other one.
    """
    lost = campaign.fault("after_commit", "reset", times=3)
    airflow.trigger(DAG, run, campaign.conf)
    airflow.wait_for_task(DAG, run, TASK, ("up_for_retry",))
    assert lost.hits == 3
    add = f"{campaign.emulator.url}/api/crmCalls/campaign/{TOKEN}/addPhone"
    theirs = requests.post(add, params={"phone": "79123456789"}, headers={"Idempotence-Key": "theirs"}, timeout=5)
    campaign.emulator.advance(hours=25)
    wait_to_be_asked(airflow, run, 2)
    return campaign.jobs[0].id, theirs.json()


def wait_to_be_asked(airflow: LocalAirflow, run: str, tries: int) -> None:
    airflow.wait_for_task(DAG, run, TASK, WAITING, tries=tries)
    # Airflow takes an answer that comes before it has seen the worker's end for a failure, and retries.
    time.sleep(1.5)


def path(run: str) -> str:
    return f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances/{TASK}/-1/hitlDetails"


def answer(airflow: LocalAirflow, run: str, option: str, job: str | None = None) -> Any:
    """Answer as docs/exactly-once.md tells, without the pages."""
    return airflow.api("PATCH", path(run), {"chosen_options": [option], "params_input": {CALL_JOB_ID: job}})


def choose(page: Page, option: str) -> None:
    """Answer in the browser: Airflow shows more than four answers as a list to choose from."""
    page.get_by_role("combobox").first.click()
    page.get_by_role("option", name=option, exact=True).click()
    if folder := os.environ.get("AIMYLOGIC_SHOTS"):
        page.screenshot(path=f"{folder}/required-action-{option.replace(' ', '-')}.png", full_page=True)
    page.get_by_role("button", name="Respond").click()


def finished(airflow: LocalAirflow, run: str, tries: int) -> str:
    state: str = airflow.wait_for_task(DAG, run, TASK, ("success", "failed"), tries=tries)["state"]
    return state


def sends(campaign: Campaign) -> int:
    return campaign.emulator.count("addPhone")


@pytest.mark.parametrize("option", [ADOPT, *(pytest.param(one, marks=pytest.mark.long) for one in (SEND_AGAIN, LEAVE))])
def test_told_and_settled_in_the_browser_and_cleared_afterwards(
    airflow: LocalAirflow, campaign: Campaign, run: str, page: Page, option: str
) -> None:
    ours, theirs = park(airflow, campaign, run)
    before = sends(campaign)
    page.goto(f"{airflow.url}/required_actions")
    row = page.get_by_role("row").filter(has_text=airflow.api("GET", path(run))["subject"])
    expect(row).to_contain_text("Response Required")
    expect(row).to_contain_text("Was the call to 7912***6789 added?")
    row.get_by_role("link", name="Was the call").click()
    recorded = ("its idempotence key is no longer safe to repeat", "3 from 20", "retries and clears of the task follow")
    unrecorded = ("the idempotence key of this DAG run may have expired", "none on record", "only this try follows")
    for text in (
        *(recorded if HAS_RECORD else unrecorded),
        f"job {ours} (",
        f"job {theirs} (",
        "If an earlier request did add it, the person is called twice.",
    ):
        expect(page.get_by_text(text).first).to_be_visible()
    assert "9123456789" not in page.content()
    # The person knows better than any guess: the second of the two.
    choose(page, f"Adopt job {theirs}" if option == ADOPT else option)
    wait_for("the answer", lambda: airflow.api("GET", path(run))["response_received"])

    def outcome(tries: int) -> tuple[str, str | None]:
        state = finished(airflow, run, tries)
        return state, airflow.xcom(DAG, run, TASK) if state == "success" else None

    first = outcome(2)
    jobs = [job.id for job in campaign.jobs]
    expected = {ADOPT: ("success", theirs), SEND_AGAIN: ("success", jobs[-1]), LEAVE: ("failed", None)}
    assert first == expected[option]
    assert (sends(campaign) - before, len(jobs)) == ((1, 3) if option == SEND_AGAIN else (0, 2))
    assert "said by Anonymous at" in airflow.log(DAG, run, TASK, 2)
    if not HAS_RECORD or CLEAR_FORGETS:
        return  # A clear asks again: see test_without_record.py, and test_cleared.py.
    campaign.emulator.advance(hours=25)
    airflow.clear(DAG, run)
    assert outcome(3) == first, "a clear follows the answer"
    assert [job.id for job in campaign.jobs] == jobs
    assert sends(campaign) - before == (option == SEND_AGAIN), "and sends nothing"


@pytest.mark.long
def test_an_answer_by_rest_is_given_once_and_one_that_cant_be_followed_asks_again_after_a_clear(
    airflow: LocalAirflow, campaign: Campaign, run: str
) -> None:
    ours, theirs = park(airflow, campaign, run)
    told = airflow.api("GET", path(run))
    assert told["options"] == [f"Adopt job {ours}", f"Adopt job {theirs}", ADOPT, SEND_AGAIN, LEAVE]
    assert told["params"][CALL_JOB_ID]["schema"]["examples"] == [ours, theirs]
    answer(airflow, run, ADOPT, "1")
    with pytest.raises(AirflowError, match="409"):
        answer(airflow, run, SEND_AGAIN)
    assert finished(airflow, run, 2) == "failed"
    assert "the campaign's report shows no job 1 for this phone" in airflow.log(DAG, run, TASK, 2)
    airflow.clear(DAG, run)
    wait_to_be_asked(airflow, run, 3)
    answer(airflow, run, ADOPT, ours)
    assert finished(airflow, run, 3) == "success"
    assert airflow.xcom(DAG, run, TASK) == ours


@pytest.mark.long
def test_killed_between_the_answer_and_its_note(airflow: LocalAirflow, campaign: Campaign, run: str) -> None:
    """The next try follows the answer, and nobody is asked twice.

    Without a record it is parked, for Airflow's question lacks a job by then.
    """
    _, theirs = park(airflow, campaign, run)
    add = f"{campaign.emulator.url}/api/crmCalls/campaign/{TOKEN}/addPhone"
    headers = {"Idempotence-Key": "also theirs"}
    third = requests.post(add, params={"phone": "79123456789"}, headers=headers, timeout=5).json()
    # A job that the question didn't name is looked up first: long enough to be killed in.
    held = campaign.fault("before_commit", "delay", path="callJob/getReport", seconds=600)
    answer(airflow, run, ADOPT, third)
    wait_for("the look-up", lambda: held.hits)
    os.kill(airflow.task(DAG, run, TASK)["pid"], signal.SIGKILL)
    if not HAS_RECORD:
        assert finished(airflow, run, 3) == "failed"
        assert f"does not name {third}" in airflow.log(DAG, run, TASK, 3)
        return
    if CLEAR_FORGETS:  # each try has questions of its own
        campaign.emulator.clear_faults()
        wait_to_be_asked(airflow, run, 3)
        answer(airflow, run, ADOPT, third)
    assert finished(airflow, run, 3) == "success"
    assert airflow.xcom(DAG, run, TASK) == third != theirs
