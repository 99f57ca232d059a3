"""A person's no to one list of several, under a real scheduler: what follows it calls nobody, and the others do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from local_servers.airflow import LocalAirflow, wait_for
from local_servers.warehouse import make_warehouse, warehouse_phone
from tests.airflow.campaign import Campaign
from tests.airflow.questions import WAITING

ROWS = 6
FIRST, SECOND = ([warehouse_phone(number) for number in range(start, ROWS, 2)] for start in (0, 1))


class Run:
    """A run of one of the DAGs in ``dags/approvals.py``."""

    def __init__(self, airflow: LocalAirflow, campaign: Campaign, dag: str, run: str, folder: Path) -> None:
        self.airflow, self.campaign, self.dag, self.run = airflow, campaign, dag, run
        make_warehouse(folder / "warehouse.db", ROWS)
        airflow.connect_sqlite(folder / "warehouse.db", f"warehouse_{dag}")
        airflow.wait_for_dag(dag)
        conf = {"conn_id": campaign.conn_id, "sql_conn_id": f"warehouse_{dag}", "lists": str(folder / "lists")}
        airflow.trigger(dag, run, conf)

    def states(self) -> dict[str, Any]:
        """The states of all task instances: by name, and with the map index behind it."""
        path = f"/api/v2/dags/{self.dag}/dagRuns/{self.run}/taskInstances?limit=100"
        found = self.airflow.api("GET", path)["task_instances"]
        return {
            one["task_id"].rpartition(".")[2] + (f" {one['map_index']}" if one["map_index"] >= 0 else ""): one["state"]
            for one in found
        }

    def answer(self, *answers: str, task: str = "approve") -> None:
        """Answer the questions in turn, by map index; a single one is that of a task that isn't mapped."""
        names = [f"approve {index}" for index in range(len(answers))] if len(answers) > 1 else ["approve"]
        wait_for(f"{self.run} to ask", lambda: all(self.states().get(name) in WAITING for name in names), 90)
        self.airflow.wait_for_workers_ends(self.dag, self.run, task)
        for index, answer in enumerate(answers):
            place = index if len(answers) > 1 else -1
            path = f"/api/v2/dags/{self.dag}/dagRuns/{self.run}/taskInstances/{task}/{place}/hitlDetails"
            self.airflow.api("PATCH", path, {"chosen_options": [answer], "params_input": {}})

    def ended(self) -> str:
        return self.airflow.wait_for_run(self.dag, self.run)

    @property
    def called(self) -> Counter[str]:
        return Counter(job.phone for job in self.campaign.jobs)


@pytest.mark.long
def test_a_no_to_one_of_the_mapped_lists_has_the_others_sent_and_a_clear_changes_nothing(
    airflow: LocalAirflow, campaign: Campaign, run: str, tmp_path: Path
) -> None:
    tried = Run(airflow, campaign, "approved_mapped", run, tmp_path)
    tried.answer("Reject", "Approve")
    for clears in range(2):
        assert tried.ended() == "success"
        states = tried.states()
        assert (states["send 0"], states["send 1"]) == ("skipped", "success")
        assert (states["call_each 0"], states["call_each 1"]) == ("skipped", "success")
        assert states["call_once"] == "skipped", "one of its lists was refused"
        assert tried.called == Counter([*SECOND, "79120000101"])
        if clears == 0:
            airflow.clear(tried.dag, run, ["approve", "send", "call_each", "call_once"])
            # Of the approved one a person is asked once more.
            wait_for("the second list to be asked about", lambda: tried.states().get("approve 1") in WAITING, 60)
            airflow.wait_for_workers_ends(tried.dag, run, "approve")
            path = f"/api/v2/dags/{tried.dag}/dagRuns/{run}/taskInstances/approve/1/hitlDetails"
            airflow.api("PATCH", path, {"chosen_options": ["Approve"], "params_input": {}})


@pytest.mark.long
def test_a_no_in_a_mapped_task_group_stops_what_follows_it_whatever_its_trigger_rule(
    airflow: LocalAirflow, campaign: Campaign, run: str, tmp_path: Path
) -> None:
    tried = Run(airflow, campaign, "approved_grouped", run, tmp_path)
    tried.answer("Reject", "Approve", task="each.approve")
    assert tried.ended() == "success"
    states = tried.states()
    assert [states[f"{name} 0"] for name in ("send", "call", "call_anyway")] == ["skipped"] * 3
    assert [states[f"{name} 1"] for name in ("send", "call", "call_anyway")] == ["success"] * 3
    assert tried.called == Counter([*SECOND, "79120000101", "79120000201"])


@pytest.mark.long
def test_no_answer_within_the_time_is_a_no_where_the_defaults_say_so(
    airflow: LocalAirflow, campaign: Campaign, run: str, tmp_path: Path
) -> None:
    tried = Run(airflow, campaign, "approved_timed", run, tmp_path)
    ended, states = tried.ended(), tried.states()
    assert ended == "success", states
    assert [states[f"send {index}"] for index in range(2)] == ["skipped"] * 2
    assert "the default answer (nobody gave one in time) said no" in airflow.log(tried.dag, run, "send", 1, 0)
    assert tried.called == Counter()


@pytest.mark.long
@pytest.mark.parametrize("answer", ["Approve", "Reject"])
def test_a_no_to_a_list_stops_what_is_mapped_behind_it(
    airflow: LocalAirflow, campaign: Campaign, run: str, tmp_path: Path, answer: str
) -> None:
    tried = Run(airflow, campaign, "approved_plain", run, tmp_path)
    tried.answer(answer)
    assert tried.ended() == "success"
    called = [*FIRST, *SECOND, "79120000300", "79120000400", "79120000401"]
    assert tried.called == Counter(called if answer == "Approve" else [])
