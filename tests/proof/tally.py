"""What became of each intended call at the end of a schedule: what its task says, beside what the server holds."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.proof.beyond_world import CALL_BEFORE, BeyondWorld
from tests.proof.calls import CallTasks
from tests.proof.lists import ListTasks
from tests.proof.promise import Call

__all__ = ["Tally", "tally"]

Told = tuple[str, str | None]
"""What a task says of a call: ``created`` and the job, ``refused``, or ``open``: parked, or not yet known."""


@dataclass
class Tally:
    """Many schedules' calls. Each counts once, under the first of these that is true of it.

    :param twice: the server holds two jobs of it
    :param missed: it has no job, and its task says that it is created
    :param false: its task says that it is created with a job that isn't its, or refused, and it has a job
    :param parked: its task says that a person must look, or still doesn't know
    :param fine: all else: it has one job and its task names that, or none and its task says so
    """

    schedules: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    doubled_jobs: int = 0
    """Jobs of a call beyond its first."""
    fenced: int = 0
    """Those of them that were created after ``call_before``, and so are not dialled."""

    @property
    def calls(self) -> int:
        return self.ends.total()

    def of_thousand(self, end: str) -> int:
        """Of 1,000 calls, those with that end; one at least, if there is any."""
        count = self.ends[end]
        return max(1, round(1000 * count / self.calls)) if count else 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.schedules + other.schedules,
            self.ends + other.ends,
            self.doubled_jobs + other.doubled_jobs,
            self.fenced + other.fenced,
        )


def tally(world: BeyondWorld) -> Tally:
    """Count the calls of a world that has come to its end."""
    told: dict[Call, list[Told]] = defaultdict(list)
    for tasks in world.runs.values():
        assert isinstance(tasks, (CallTasks, ListTasks))
        for call, said in _of_calls(tasks) if isinstance(tasks, CallTasks) else _of_list(tasks):
            told[call].append(said)
    jobs = world.promise.jobs()
    found = Tally(schedules=1)
    for call in told.keys() | jobs.keys():
        found.ends[_end(jobs.get(call, []), told[call])] += 1
    created = {job.id: job for job in world.server.jobs()}
    for ids in jobs.values():
        for doubled in ids[1:]:
            job = created[doubled]
            before = CALL_BEFORE if job.policy is None else job.policy.finish
            found.doubled_jobs += 1
            found.fenced += job.created >= before
    return found


def _end(jobs: list[str], told: list[Told]) -> str:
    if len(jobs) > 1:
        return "twice"
    named = {job for said, job in told if said == "created"}
    if named and not jobs:
        return "missed"
    if not named <= {*jobs} or (jobs and any(said in ("refused", "expired") for said, _ in told)):
        return "false"
    return "parked" if not told or any(said == "open" for said, _ in told) else "fine"


def _of_calls(tasks: CallTasks) -> Iterator[tuple[Call, Told]]:
    for instance in tasks.instances:
        last = instance.tries[-1]
        call = tasks.world.promise.call(last, last.person)
        match last.outcome:
            case "created":
                yield call, ("created", last.result)
            case "refused":
                yield call, ("refused", None)
            case _:
                yield call, ("open", None)


def _of_list(tasks: ListTasks) -> Iterator[tuple[Call, Told]]:
    """What the files of the list say that the task points to, and the entry; no other list counts."""
    (instance,) = tasks.instances
    objects = tasks.world.beneath.storage.objects
    if instance.has_store:
        entry = json.loads(instance.rows["aimylogic"])
    else:
        (name,) = (name for name in objects if name.endswith("/entry.json"))
        entry = json.loads(objects[name])["entry"]
    path = (entry.get("call_list") or {"path": "none"})["path"]
    known = {name for name in objects if name.startswith(f"{path}/done/")}
    known |= {
        f"{path}/progress/{begun['progress']}" for begun in entry.get("open", {}).values() if begun.get("progress")
    }
    said = {line["row"]: line for name in known for line in _lines(objects.get(name, b""))}
    for number, (_, person, name) in enumerate(tasks.rows, 1):
        outcome = said.get(number, {"outcome": "open"})
        payload = json.dumps({"name": name}, separators=(",", ":"))
        yield (tasks.run.name, person, payload), (outcome["outcome"], outcome.get("job"))


def _lines(content: bytes) -> Iterator[Any]:
    return map(json.loads, content.splitlines())
