"""When the next try comes, under a real scheduler: measured by when tries ended and began.

All wait at the same time, and so no longer than the longest does. ``RETRY_AFTER=90`` has the server ask for as much.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from aimylogic_provider.emulator import Emulator
from local_servers.airflow import LocalAirflow, wait_for
from tests.airflow.campaign import TOKEN, Campaign
from tests.conftest import HAS_RECORD, HOUR

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not HAS_RECORD, reason="retry policies came with Airflow 3.3"),
]

ASKED = float(os.environ.get("RETRY_AFTER", "25"))
"""Seconds that the server asks to wait: more than 20, which a try waits itself."""
BUSY: dict[str, Any] = {
    "phase": "before_commit", "action": "status", "status": 503, "headers": {"Retry-After": f"{ASKED:g}"},
}  # fmt: skip
SENDS = 3 * (2 * 10 + 30) + 2 * 20
"""Seconds that the sends of a try take, at most: by the connection's timeouts, with their pauses."""
HANGS = 12.0
"""Seconds for which the third request of some first tries goes unanswered."""
LATE = 60.0
"""Seconds by which a busy machine's scheduler may be late."""


class Run(NamedTuple):
    """A DAG run of a scenario."""

    airflow: LocalAirflow
    campaign: Campaign
    dag: str
    task: str = "add_phone"

    def begin(self, folder: Path) -> None:
        self.airflow.trigger(self.dag, self.run_id, {**self.campaign.conf, "lists": str(folder)})

    @property
    def run_id(self) -> str:
        return f"retries-{self.campaign.conn_id}"

    def tries(self, index: int = -1) -> list[dict[str, Any]]:
        place = f"{self.task}/{index}/tries" if index >= 0 else f"{self.task}/tries"
        path = f"/api/v2/dags/{self.dag}/dagRuns/{self.run_id}/taskInstances/{place}"
        found: list[dict[str, Any]] = self.airflow.api("GET", path)["task_instances"]
        return sorted(found, key=lambda one: one["try_number"])

    def waits(self, tries: int = 2, index: int = -1, ends: str = "success") -> list[float]:
        """Once all is over: the seconds from each try's end to the next one's beginning."""

        place = f"{self.task}/{index}" if index >= 0 else self.task
        self.airflow.wait_for_task(self.dag, self.run_id, place, ("success", "failed"), seconds=ASKED + 2 * LATE)
        found = self.tries(index)
        assert (found[-1]["state"], len(found)) == (ends, tries), self.log(len(found))
        waited = [
            (_time(later["start_date"]) - _time(sooner["end_date"])).total_seconds()
            for sooner, later in pairwise(found)
        ]
        print(f"{self.dag}: waited {', '.join(f'{seconds:.1f}' for seconds in waited)} seconds")
        return waited

    def log(self, number: int) -> str:
        return self.airflow.log(self.dag, self.run_id, self.task, number)


def _time(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


@pytest.fixture(scope="module")
def runs(airflow: LocalAirflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    """All of them, begun at the same time."""
    with ExitStack() as emulators:

        def run(dag: str, task: str = "add_phone") -> Run:
            airflow.wait_for_dag(dag)
            return Run(airflow, Campaign(airflow, emulators.enter_context(Emulator(tokens=(TOKEN,)))), dag, task)

        begun = {
            "asked": run("next_try"),
            "mapped": run("next_try_mapped"),
            "list": run("next_try_of_list", "add_phones"),
            "lag": run("next_try_in_a_while"),
            "key": run("next_try_a_day_later"),
            "another": run("next_try_by_another"),
            "killed": run("next_try"),
        }
        for name, path in (("asked", "addPhone"), ("list", "addPhones"), ("another", "addPhone")):
            begun[name].campaign.emulator.fault(**BUSY, path=path)
        for phone in ("79120000001", "79120000002"):
            begun["mapped"].campaign.emulator.fault(**BUSY, path="addPhone", phone=phone)
        for name, phase in (("lag", "before_commit"), ("key", "after_commit")):
            campaign = begun[name].campaign
            campaign.fault(phase, "reset", times=2)
            campaign.fault(phase, "reset", nth=3, seconds=HANGS)
        begun["key"].campaign.fault("before_commit", "reset", times=3)
        begun["killed"].campaign.fault("before_commit", "reset", seconds=600)
        for one in begun.values():
            one.begin(tmp_path_factory.mktemp("lists"))
        _in_the_first_tries(begun["lag"], begun["key"], begun["killed"])
        yield begun


def _in_the_first_tries(lag: Run, key: Run, killed: Run) -> None:
    """What is done while first tries hang in their third request."""
    for one in (lag, key):
        wait_for("the first try's third request", lambda one=one: one.campaign.emulator.count("addPhone") >= 3)
    # A minute before it is a quarter of an hour until the key's end.
    key.campaign.emulator.advance(seconds=24 * HOUR - SENDS - 60 - 900 - 60)
    # Of the two minutes for which the report proves nothing, what is left is short.
    lag.campaign.emulator.settings(bad_numbers=["79123456789"])
    lag.campaign.emulator.advance(seconds=55)
    wait_for("the request", lambda: killed.campaign.emulator.count("addPhone"))
    os.kill(killed.airflow.task(killed.dag, killed.run_id, killed.task)["pid"], signal.SIGKILL)


def test_no_sooner_than_the_server_asks(runs: dict[str, Run]) -> None:
    (waited,) = runs["asked"].waits()
    assert ASKED <= waited < ASKED + LATE
    assert f"The server asks to wait 0:0{ASKED // 60:.0f}:{ASKED % 60:02.0f}" in runs["asked"].log(1)


def test_of_a_list_either(runs: dict[str, Run]) -> None:
    (waited,) = runs["list"].waits()
    assert ASKED <= waited < ASKED + LATE
    assert len(runs["list"].campaign.jobs) == 2


def test_nor_of_a_mapped_tasks_instances(runs: dict[str, Run]) -> None:
    for index in (0, 1):
        (waited,) = runs["mapped"].waits(index=index)
        assert ASKED <= waited < ASKED + LATE
    assert sorted(job.phone for job in runs["mapped"].campaign.jobs) == ["79120000001", "79120000002"]


def test_a_policy_of_the_users_own_wins(runs: dict[str, Run]) -> None:
    (waited,) = runs["another"].waits()
    assert 3 <= waited < ASKED


def test_no_sooner_than_the_report_can_tell(runs: dict[str, Run]) -> None:
    """A refusal says nothing of the requests before it. By its own delay the task would be tried again in 8 seconds."""
    own, until_shown = runs["lag"].waits(tries=3, ends="failed")
    assert own >= 8
    assert 9 < until_shown < 60 + LATE
    assert "Only after 0:0" in runs["lag"].log(2)
    assert "was refused, and no job came of it" in runs["lag"].log(3), "one wait was enough"


def test_before_the_key_ends_rather_than_a_day_later(runs: dict[str, Run]) -> None:
    run = runs["key"]
    _, before_the_end = run.waits(tries=3)
    assert before_the_end < 60 + LATE
    assert "while its idempotence key protects it, rather than after 1 day, 0:00:00" in run.log(2)
    (job,) = run.campaign.jobs
    assert run.airflow.xcom(run.dag, run.run_id, run.task) == job.id
    assert "unanswered sends, young" in run.log(3), "by its key: the report was not needed"


def test_a_killed_worker_asks_no_policy_and_the_tasks_own_delay_counts(runs: dict[str, Run]) -> None:
    (waited,) = runs["killed"].waits()
    assert 1 <= waited < ASKED
    assert "Retry policy decision" not in runs["killed"].log(1)
    assert len(runs["killed"].campaign.jobs) == 1
