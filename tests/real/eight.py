"""The DAG ``eight_calls``: whom it calls, what troubles it, and what must have become of a run of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.airflow.campaign import Campaign
from tests.real.hunt import Hunt
from tests.real.metadata import Instance
from tests.real.places import BEFORE_ANSWER, BEFORE_JOB

__all__ = ["FIRST", "Checked", "check_calls", "eight", "trouble"]

FIRST = 79120000000
"""The first phone of the first run."""


def eight(first: int) -> dict[tuple[str, int], str]:
    """The phones of a run of ``eight_calls``, by task and map index."""
    return {(f"call_{n}", -1) if n < 5 else ("mapped", n - 5): str(first + n) for n in range(8)}


def trouble(campaign: Campaign, seed: int) -> None:
    """Answers lost, 503s, and delays, so that a try takes seconds, most of them in mid-request."""
    campaign.emulator.reset()
    campaign.emulator.settings(report_lag=60.0)
    campaign.fault("before_commit", "status", probability=0.08, seed=seed)
    campaign.fault("before_commit", "reset", probability=0.04, seed=seed + 1)
    campaign.fault("after_commit", "reset", probability=0.08, seed=seed + 2)
    campaign.fault("after_commit", "garbage", probability=0.04, seed=seed + 3)
    campaign.fault("before_commit", "delay", seconds=BEFORE_JOB, times=None)
    campaign.fault("after_commit", "delay", seconds=BEFORE_ANSWER, times=None)


@dataclass
class Checked:
    """What became of a run of ``eight_calls``."""

    ids: dict[str, str] = field(default_factory=dict)
    parked: set[str] = field(default_factory=set)


def check_calls(
    hunt: Hunt, run: str, phones: dict[tuple[str, int], str], *, aged: bool, ended: Iterable[Instance]
) -> Checked:
    """Each call returned the id of its job, or was parked as the documentation says.

    That is: jobs exist, the run is old, and the task is mapped or its record proves nothing, for its first try died
    before it had noted anything.
    """
    jobs = {job.phone: job for job in hunt.campaign.jobs}
    checked = Checked()
    for one in ended:
        phone = phones.get((one.task, one.map_index))
        if phone is None:
            assert (one.task, one.state) == ("people", "success")
            continue
        if one.state == "success":
            checked.ids[phone] = hunt.returned(one)
            assert checked.ids[phone] == jobs[phone].id, f"{one.path} returned another id than its job's"
            continue
        log = hunt.airflow.log("eight_calls", run, one.task, one.number, one.map_index)
        assert one.state == "failed"
        assert "is parked, and nothing more is sent" in log, log[-2000:]
        entry = hunt.metadata.entry(one)
        shared = one.task == "mapped" or (entry is not None and not entry["sure"])
        assert (aged, shared) == (True, True), f"{one.path} is parked for no reason of the documentation's: {entry}"
        assert f"job {jobs[phone].id} (" in log, "it names the job that could be this call"
        checked.parked.add(phone)
    assert len(checked.ids) + len(checked.parked) == len(phones)
    return checked
