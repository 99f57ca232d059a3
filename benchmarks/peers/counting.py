"""What became of intended calls: who is called twice, who is missed, and what Airflow says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

from benchmarks.peers.ways import Person

__all__ = ["Tally", "Task", "tally"]


@dataclass(frozen=True, slots=True)
class Task:
    """A task instance at the end of its run.

    :param members: those whom it was to add
    :param state: Airflow's
    :param log: of its last try, if that failed
    """

    members: tuple[Person, ...]
    state: str
    log: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts, of people unless said otherwise.

    :param twice: who have more than one call job
    :param missed_unseen: who have none, though their task succeeded
    :param missed_seen: who have none, and their task failed
    :param failed: tasks that failed though a call of theirs has its job
    :param told: those of them whose log names such a job, for a person to decide
    :param requests: that the server was sent, of any kind
    """

    intended: int = 0
    twice: int = 0
    missed_unseen: int = 0
    missed_seen: int = 0
    failed: int = 0
    told: int = 0
    requests: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    @property
    def is_once(self) -> bool:
        """Whether nobody is called twice and nobody is missed."""
        return self.twice == self.missed_unseen == self.missed_seen == 0


def tally(tasks: Sequence[Task], jobs: Iterable[tuple[str, Person]], requests: int) -> Tally:
    """Count.

    :param tasks: with all whom a run was to add, each once
    :param jobs: the server's, with their ids
    :raises ValueError: if someone is intended twice, or has a job and isn't intended
    """
    intended = Counter(person for task in tasks for person in task.members)
    if more := [person for person, count in intended.items() if count > 1]:
        raise ValueError(f"{more} are intended more than once: give each to one task")
    ids: dict[Person, list[str]] = {person: [] for person in intended}
    for job, person in jobs:
        if person not in ids:
            raise ValueError(f"job {job} calls {person}, whom nobody meant to call: send phone and name as meant")
        ids[person].append(job)
    missed = [task.state for task in tasks for person in task.members if not ids[person]]
    failed = [task for task in tasks if task.state != "success" and any(ids[person] for person in task.members)]
    return Tally(
        intended=len(ids),
        twice=sum(len(found) > 1 for found in ids.values()),
        missed_unseen=missed.count("success"),
        missed_seen=len(missed) - missed.count("success"),
        failed=len(failed),
        told=sum(any(job in task.log for person in task.members for job in ids[person]) for task in failed),
        requests=requests,
    )
