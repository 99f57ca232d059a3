"""A parked call among Airflow's required actions: answered in the browser, and by Airflow's REST API."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from aimylogic_provider.airflow_task.required_actions import ADOPT, CALL_JOB_ID, LEAVE, SEND_AGAIN, candidate_of
from local_servers.airflow import AirflowError, LocalAirflow, wait_for
from tests.airflow.campaign import TOKEN, Campaign
from tests.airflow.questions import WAITING, question_in, shot
from tests.conftest import AIRFLOW, CLEAR_FORGETS, HAS_RECORD

DAG, TASK = "asks", "add_phone"
LABELLED_FIRST = AIRFLOW.release >= (3, 2)
"""Whether the label of a map index is there before the task has ended."""


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
    airflow.wait_for_workers_ends(DAG, run, TASK)


def path(run: str) -> str:
    return f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances/{TASK}/-1/hitlDetails"


def answer(airflow: LocalAirflow, run: str, option: str, job: str | None = None) -> Any:
    """Answer as docs/exactly-once.md tells, without the pages."""
    return airflow.api("PATCH", path(run), {"chosen_options": [option], "params_input": {CALL_JOB_ID: job}})


def choose(page: Page, option: str) -> None:
    """Answer in the browser: Airflow shows more than four answers as a list to choose from."""
    page.get_by_role("combobox").first.click()
    page.get_by_role("option", name=option, exact=True).click()
    shot(page, f"required-action-{option.replace(' ', '-')}")
    page.get_by_role("button", name="Respond").click()


def finished(airflow: LocalAirflow, run: str, tries: int) -> str:
    state: str = airflow.wait_for_task(DAG, run, TASK, ("success", "failed"), tries=tries)["state"]
    return state


def sends(campaign: Campaign) -> int:
    return campaign.emulator.count("addPhone")


@pytest.mark.long
@pytest.mark.parametrize("option", [ADOPT, SEND_AGAIN, LEAVE])
def test_told_and_settled_in_the_browser_and_cleared_afterwards(
    airflow: LocalAirflow, campaign: Campaign, run: str, page: Page, option: str
) -> None:
    ours, theirs = park(airflow, campaign, run)
    before = sends(campaign)
    row = question_in(page, airflow, airflow.api("GET", path(run))["subject"])
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


def park_many(airflow: LocalAirflow, campaign: Campaign, dag: str, run: str, people: list[tuple[str, str]]) -> None:
    """Have each of a mapped task's calls parked: each is added, nobody hears of it, and a day passes."""
    airflow.wait_for_dag(dag)
    campaign.fault("after_commit", "reset", times=3 * len(people))
    airflow.trigger(dag, run, {"conn_id": campaign.conn_id, "people": people})
    instances = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances?limit=100"

    def all_are(*states: str) -> bool:
        told = [one["state"] for one in airflow.api("GET", instances)["task_instances"] if one["task_id"] == TASK]
        return len(told) == len(people) and {*told} <= {*states}

    wait_for("the first tries", lambda: all_are("up_for_retry"), seconds=120, every=1.0)
    campaign.emulator.advance(hours=25)
    wait_for("the questions", lambda: all_are(*WAITING), seconds=120, every=1.0)
    airflow.wait_for_workers_ends(dag, run, TASK)


SCRIPT = "<script>document.title = 'run'</script> <b>Maria</b> **M** [x](javascript:alert(1))"


@pytest.mark.long
@pytest.mark.parametrize("dag", ["asks_of_many", "asks_by_name"])
def test_calls_of_a_mapped_task_are_told_apart_and_markup_in_a_name_is_text(
    airflow: LocalAirflow, campaign: Campaign, run: str, page: Page, dag: str
) -> None:
    names = ["Maria, order 17", SCRIPT, "two\nlines", "e" * 500]
    people = [(f"7912345{number:04}", name) for number, name in enumerate(names)]
    park_many(airflow, campaign, dag, run, people)
    waiting = f"/api/v2/dags/{dag}/dagRuns/{run}/hitlDetails?limit=100"
    told = {one["task_instance"]["map_index"]: one for one in airflow.api("GET", waiting)["hitl_details"]}
    by_name = ["Maria, order 17", f"{SCRIPT[:59]}…", "two lines", "e" * 59 + "…"]
    for index, (phone, _) in enumerate(people):
        masked = f"7912***{phone[-4:]}"
        which = by_name[index] if dag == "asks_by_name" else f"#{index}"
        assert told[index]["subject"].startswith(f"Was the call to {masked} added? ({which}, {campaign.conn_id}) [")
        assert told[index]["body"].endswith("one of the 50 runs of its DAG that may be active (`max_active_runs`).")
        if dag == "asks_of_many" and LABELLED_FIRST:
            assert told[index]["task_instance"]["rendered_map_index"] == f"{index}: {masked}"
    row = question_in(page, airflow, told[1]["subject"])
    expect(row).to_be_visible()
    shot(page, f"required-actions-{dag}")
    row.get_by_role("link", name="Was the call").click()
    expect(page.get_by_text("What became of the call to 7912***0001 can't be known").first).to_be_visible()
    shot(page, f"required-action-{dag}")
    assert page.title() != "run"
    for phone, _ in people:
        assert phone[4:] not in page.content()
    page.get_by_role("button", name="Adopt job").click()
    instance = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{TASK}/1"
    wait_for("the end", lambda: airflow.api("GET", instance)["state"] == "success")
    assert airflow.xcom(dag, run, TASK, 1) == candidate_of(told[1]["options"][0])
    assert len(campaign.jobs) == len(people)


@pytest.mark.long
def test_one_of_twenty_candidates_is_chosen_in_the_browser(
    airflow: LocalAirflow, campaign: Campaign, run: str, page: Page
) -> None:
    lost = campaign.fault("after_commit", "reset", times=3)
    airflow.trigger(DAG, run, campaign.conf)
    airflow.wait_for_task(DAG, run, TASK, ("up_for_retry",))
    assert lost.hits == 3
    add = f"{campaign.emulator.url}/api/crmCalls/campaign/{TOKEN}/addPhone"
    for number in range(19):
        headers = {"Idempotence-Key": f"theirs {number}"}
        requests.post(add, params={"phone": "79123456789"}, headers=headers, timeout=5)
    campaign.emulator.advance(hours=25)
    wait_to_be_asked(airflow, run, 2)
    chosen = campaign.jobs[12].id
    row = question_in(page, airflow, airflow.api("GET", path(run))["subject"])
    row.get_by_role("link", name="Was the call").click()
    page.get_by_role("combobox").first.click()
    for job in campaign.jobs:
        expect(page.get_by_role("option", name=f"Adopt job {job.id}", exact=True)).to_be_attached()
    shot(page, "required-action-twenty")
    page.get_by_role("option", name=f"Adopt job {chosen}", exact=True).click()
    page.get_by_role("button", name="Respond").click()
    assert finished(airflow, run, 2) == "success"
    assert airflow.xcom(DAG, run, TASK) == chosen
    assert len(campaign.jobs) == 20


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
