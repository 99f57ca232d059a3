"""What a clear finds on this Airflow, with and without a second record: how often the person is rung, and how it ends.

Whatever it finds: nobody is rung twice, and nothing is green without a job. With ``-s`` it prints what was found, as a
table for docs/reliability.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
import requests

from aimylogic_provider.airflow_task.required_actions import LEAVE
from aimylogic_provider.emulator import Emulator
from local_servers.airflow import LocalAirflow, wait_for
from tests.airflow.campaign import TOKEN
from tests.airflow.questions import WAITING
from tests.conftest import AIRFLOW, CLEAR_FORGETS, HAS_RECORD

RECORDS = ["with", "without"]
needs_loops = pytest.mark.skipif(AIRFLOW.release < (3, 4), reason="task loops came with Airflow 3.4")
FOUND: dict[str, dict[str, str]] = {}
numbers = count(1)


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    """Print what was found, once all is."""
    yield
    print(f"\n\n| Airflow {AIRFLOW}: done, then | with a second record | without |\n| --- | --- | --- |")
    for case, cells in FOUND.items():
        print(f"| {case} | {cells.get('with', '')} | {cells.get('without', '')} |")


class Cleared:
    """A run of one call, on an emulator of its own."""

    def __init__(self, airflow: LocalAirflow, emulator: Emulator, run: str, record: str, kind: str = "") -> None:
        self.airflow, self.emulator, self.record = airflow, emulator, record
        self.dag = f"cleared_{kind}{record}"
        self.run = f"{run}-{kind}{record}"
        # A run of another test may go on for a while after that has failed.
        self.phone = f"7912000{next(numbers):04}"
        self.task = "body.add_phone" if kind == "loop_" else "add_phone"
        airflow.connect(emulator.url, TOKEN, f"cleared_{record}", read_timeout=30)
        airflow.wait_for_dag(self.dag)

    def start(self) -> None:
        self.airflow.trigger(self.dag, self.run, {"phone": self.phone})

    def done(self) -> str:
        """Run it; return the call's job."""
        self.start()
        assert self.ended() == "success"
        return self.jobs()[0]

    def ended(self) -> str:
        """How the run ended; or that it waits for a person."""

        def over() -> str | None:
            state = self.airflow.run_state(self.dag, self.run)
            if state in ("success", "failed"):
                return state
            return "asks" if any(one["state"] in WAITING for one in self.instances()) else None

        state: str = wait_for(f"run {self.run} to end", over, 120)
        return state

    def instances(self) -> list[dict[str, Any]]:
        path = f"/api/v2/dags/{self.dag}/dagRuns/{self.run}/taskInstances?limit=100"
        found = self.airflow.api("GET", path)["task_instances"]
        return sorted(found, key=lambda one: (one["task_id"], one.get("region_index", -1)))

    def change(self) -> None:
        """Have the payload be another from now on."""
        self.airflow.api("POST", "/api/v2/variables", {"key": self.run, "value": "Maria"})

    def clear(self, *ids: str, **how: Any) -> None:
        body = {"dry_run": False, "dag_run_id": self.run, "only_failed": False, "reset_dag_runs": True, **how}
        if ids:
            body["task_instance_ids"] = list(ids)
        self.airflow.api("POST", f"/api/v2/dags/{self.dag}/clearTaskInstances", body)

    def jobs(self) -> list[str]:
        return [job.id for job in self.emulator.jobs() if job.phone == self.phone]

    def events(self) -> list[tuple[str, int]]:
        """The events of assets that its tasks made: of which, and how many calls were created."""
        path = f"/api/v2/assets/events?source_dag_id={self.dag}&source_run_id={self.run}&order_by=timestamp"
        found = self.airflow.api("GET", path)["asset_events"]
        return [(one["uri"], one["extra"]["created"]) for one in found]

    def returned(self) -> Any:
        return self.airflow.xcom(self.dag, self.run, self.task)

    def note(self, case: str, rings: int, state: str) -> None:
        said = "once" if rings == 1 else f"{rings} times"
        FOUND.setdefault(case, {})[self.record] = f"rung {said}; {state}"


Make = Callable[..., Cleared]


@pytest.fixture
def make(airflow: LocalAirflow, run: str) -> Iterator[Make]:
    with Emulator(tokens=(TOKEN,)) as emulator:
        name = re.sub(r"-(with|without)-?$", "", run)
        yield lambda record, kind="": Cleared(airflow, emulator, name, record, kind)


def kept(record: str) -> bool:
    """Whether what was done outlives a clear: in Airflow's own state, or in the second record."""
    return HAS_RECORD and (not CLEAR_FORGETS or record == "with")


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("changed", [False, True], ids=["unchanged", "changed"])
@pytest.mark.parametrize("hours", [0, 25])
def test_done_then_cleared(make: Make, hours: int, changed: bool, record: str) -> None:
    call = make(record)
    job = call.done()
    call.emulator.advance(hours=hours)
    if changed:
        call.change()
    call.clear()
    state = call.ended()
    words = "another payload, " if changed else ""
    call.note(f"{words}cleared {f'after {hours} hours' if hours else 'at once'}", len(call.jobs()), state)
    assert call.jobs() == [job], "nobody is rung twice"
    if state == "success":
        assert call.returned() == job
    if kept(record):
        assert state == ("failed" if changed else "success")
    elif changed or hours:
        assert state == "failed", "neither rung again nor green"


@pytest.mark.parametrize("record", RECORDS)
def test_cleared_in_a_run_that_stays_and_is_then_queued(make: Make, record: str) -> None:
    """The run begins anew, and Airflow counts no clear of it."""
    call = make(record)
    job = call.done()
    call.change()
    call.clear(reset_dag_runs=False)
    call.airflow.api("PATCH", f"/api/v2/dags/{call.dag}/dagRuns/{call.run}", {"state": "queued"})
    state = call.ended()
    call.note("another payload, cleared, and the run set to queued", len(call.jobs()), state)
    assert call.jobs() == [job], "nobody is rung twice"
    assert state == "failed", "neither rung again nor green"


@pytest.mark.parametrize("record", RECORDS)
def test_mapped_then_cleared(make: Make, record: str) -> None:
    call = make(record, "mapped_")
    call.start()
    assert call.ended() == "success"
    jobs = call.jobs()
    assert len(jobs) == 2
    call.change()
    call.clear()
    state = call.ended()
    call.note("mapped, another payload, cleared", len(call.jobs()) // 2, state)
    assert (call.jobs(), state) == (jobs, "failed")
    assert not call.events(), "a mapped task makes none"


@pytest.mark.skipif(not HAS_RECORD, reason="assets have a state since Airflow 3.3")
def test_a_campaign_s_asset_tells_what_each_try_created(make: Make) -> None:
    call = make("with")
    call.done()
    assert call.events() == [("aimylogic://campaign/cleared_with", 1)]
    call.clear()
    assert call.ended() == "success"
    assert call.events() == [("aimylogic://campaign/cleared_with", 1), ("aimylogic://campaign/cleared_with", 0)]


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.long
def test_left_by_a_person_then_cleared(make: Make, record: str) -> None:
    call = make(record, "asks_")
    call.emulator.fault("after_commit", "reset", path="addPhone", times=3)
    call.start()
    call.airflow.wait_for_task(call.dag, call.run, call.task, ("up_for_retry",))
    add = f"{call.emulator.url}/api/crmCalls/campaign/{TOKEN}/addPhone"
    requests.post(add, params={"phone": call.phone}, headers={"Idempotence-Key": "theirs"}, timeout=5)
    call.emulator.advance(hours=25)
    assert call.ended() == "asks"
    jobs = call.jobs()
    path = f"/api/v2/dags/{call.dag}/dagRuns/{call.run}/taskInstances/{call.task}/-1/hitlDetails"

    def answered() -> bool:
        call.airflow.api("PATCH", path, {"chosen_options": [LEAVE], "params_input": {}})
        return True

    wait_for("the answer to be taken", answered)
    assert wait_for("the run to end", lambda: call.ended() == "failed")
    call.clear()
    state = wait_for("the cleared try", lambda: call.airflow.task(call.dag, call.run, call.task)["try_number"] > 2)
    state = call.ended()
    call.note("left by a person, cleared", len(call.jobs()) - 1, state)
    assert call.jobs() == jobs, "nobody is rung again"
    assert state == ("failed" if kept(record) else "asks")


@needs_loops
@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("changed", [False, True], ids=["unchanged", "changed"])
@pytest.mark.parametrize("what", ["iteration", "gate"])
def test_a_loop_then_cleared(make: Make, what: str, changed: bool, record: str) -> None:
    call = make(record, "loop_")
    call.done()
    jobs = call.jobs()
    assert len(jobs) == 3, "an iteration, a call"
    call.emulator.advance(hours=25)
    if changed:
        call.change()
    task = call.task if what == "iteration" else "body.enough"
    first = next(one for one in call.instances() if one["task_id"] == task)
    call.clear(first["id"])
    call.ended()
    # The gates are the run's leaves: it may be green although an iteration's task is not.
    states = {one["state"] for one in call.instances() if one["task_id"] == call.task}
    state = "failed" if "failed" in states else "success"
    assert states <= {"failed", "success", "upstream_failed"}
    words = "another payload, " if changed else ""
    call.note(f"a loop of three, 25 hours, {words}its {what} 0 cleared", len(call.jobs()), state)
    assert call.jobs() == jobs, "nobody is rung twice an iteration"
    if kept(record):
        assert state == ("failed" if changed else "success")
    else:
        assert state == "failed"
