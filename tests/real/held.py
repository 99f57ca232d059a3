"""A call whose first try is killed in mid-request, and whose second one is not begun until something has changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local_servers.airflow import LocalAirflow, wait_for
from tests.airflow.campaign import Campaign
from tests.real.metadata import Instance, Metadata
from tests.real.signals import Kind, Struck
from tests.real.tally import Tally

__all__ = ["HeldRun"]


@dataclass
class HeldRun:
    """A run with one task, and Airflow's hold on it."""

    airflow: LocalAirflow
    campaign: Campaign
    metadata: Metadata
    tally: Tally
    dag: str
    run: str
    task: str = "call"

    def trigger(self, **conf: object) -> None:
        self.airflow.trigger(self.dag, self.run, {"conn_id": self.campaign.conn_id, **conf})

    def kill_in_mid_request(self, phase: Any, path: str = "addPhone") -> None:
        """Kill the task while the server has its request, before or after its job is made; have no other try begun."""
        held = self.campaign.fault(phase, "reset", path=path, seconds=600)
        wait_for("the request", lambda: held.hits, 300)
        self.hold()
        pid = self.instance.pid
        assert pid is not None
        assert Struck.strike(Kind.TASK, pid) is not None
        job = "before the job" if phase == "before_commit" else "after the job"
        self.tally.kill(Kind.TASK, f"{'call' if path == 'addPhone' else 'sync by addPhones'}: in mid-request, {job}")
        wait_for("the end of the try", lambda: self.instance.state == "up_for_retry", 180)

    def hold(self) -> None:
        """Have Airflow begin no try."""
        self.airflow.api("PATCH", f"/api/v2/dags/{self.dag}", {"is_paused": True})

    def go(self) -> Instance:
        """Let Airflow go on, and see the task to its end."""
        self.airflow.api("PATCH", f"/api/v2/dags/{self.dag}", {"is_paused": False})
        return self.ended()

    def ended(self) -> Instance:
        wait_for(f"{self.run} to end", lambda: self.metadata.run_is_over(self.dag, self.run), 600)
        self.tally.tries += self.instance.number
        return self.instance

    def clear(self) -> Instance:
        """Clear it, and see it to its end again."""
        before = self.instance.number
        self.airflow.clear(self.dag, self.run)
        wait_for("the try after the clear", lambda: self.instance.number > before, 180)
        return self.ended()

    @property
    def instance(self) -> Instance:
        return self.metadata.instance(self.dag, self.run, self.task)

    @property
    def returned(self) -> Any:
        return self.airflow.xcom(self.dag, self.run, self.task)

    @property
    def log(self) -> str:
        return self.airflow.log(self.dag, self.run, self.task, self.instance.number)

    def keys(self) -> list[str | None]:
        """The keys of the requests so far that add a number, in their order."""
        return [line.key for line in self.campaign.emulator.requests() if line.endpoint == "addPhone"]
