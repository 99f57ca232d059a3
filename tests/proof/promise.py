"""What the promise says, as invariants over the oracle, the store and what was sent.

Each has a name, by which the planted bugs are listed. They are looked at as things happen, so that the first violation
is named, and not its consequences.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.proof.airflow_seam import TaskInstance, Try
from tests.proof.network import Person, Sent, Server
from tests.proof.objects import ObjectStorage
from tests.proof.simulation import DAY, Simulation
from tests.proof.stop_list import StopList

__all__ = ["INVARIANTS", "REPORT_LAG", "Call", "Promise", "Violation"]

REPORT_LAG = 600.0
"""Seconds, by what the tasks are told, until the report shows a job."""

INVARIANTS = {
    "once": "at most one job per intended call",
    "nobody missed": "every intended call has an outcome, and those that can be known are called",
    "created": "created if and only if the job exists, and is this call's",
    "refused": "refused, rejected or expired only if no job exists",
    "dialled": "nothing is added that is too late to be dialled, and nothing expires that is not",
    "reached": "no task ends well that was to call people and reached none, or let some expire",
    "noted first": "nothing is sent before that send is durable, and nothing by a note of long ago",
    "replaced": "nothing is sent by a try that was replaced, but what it had noted before",
    "settled": "nothing is sent for what its task has said to be created",
    "one list": "a task sends one list",
    "one person": "one key, one person, in one campaign",
    "old key": "nothing is sent on a key that may be forgotten, but by a report that was asked after its lag",
    "other key": "nothing is sent with another key while one is open, but by a report that was asked after its lag",
    "not excluded": "nobody is added who said no before his batch was sent, nor left out who never did",
    "capped": "a run calls no number for more of its rows than it may, and for no fewer",
    "counts": "counts sum to the rows, and are those of the server",
    "budget": "no call is sent more than three times in a try without an answer",
    "requests": "a try makes no more requests than its rows take, whatever is answered to some of them",
    "crash": "a try ends as tasks end",
    "same trace": "the same seed gives the same trace",
    "waits": "a task that waits for its calls sends nothing that may create a job",
    "first": "nobody but the first of a list is called before those are over",
    "said no": "nobody is called whose list a person said no to",
    "braked": "nothing is sent of a list that has more calls than its task allows",
    "one run": "nobody is in the jobs of two runs that overlap, with a results table",
    "per person": "nobody is in more jobs than the cap allows, of whatever lists and runs",
    "held back": "the retry policy has nobody wait for the report who can be sent",
    "ends": "once faults heal, everything comes to an end",
}
_FRESH = 31.0
_NOTED_WITHIN = 150.0
"""Seconds: the server's time was told within a minute, was asked for within another, and what was decided is fresh."""
_READ_WITHIN = 3.0
"""Seconds that an exclusion list is read for, at most."""
_GONE_BY = 10.0
"""Seconds for which a look is gone by, at most."""
_SENDS = 3
_LATE = 5.0
"""Seconds that a wait may be too long."""

Call = tuple[str, ...]
"""An intended call: run, phone, and what else tells it from others."""


class Violation(Exception):
    """An invariant doesn't hold.

    :param invariant: its name
    """

    def __init__(self, invariant: str, text: str) -> None:
        assert invariant in INVARIANTS
        super().__init__(f"{invariant}: {text}")
        self.invariant = invariant


@dataclass
class Promise:
    """Watches one world.

    :param by_payload: whether two payloads of one phone are two calls
    """

    simulation: Simulation
    server: Server
    storage: ObjectStorage
    by_payload: bool
    stop_list: StopList | None = None
    """Who said no, if the tasks are to heed it."""
    violations: list[Violation] = field(default_factory=list)
    _open: dict[Call, list[Sent]] = field(default_factory=lambda: defaultdict(list))
    _uses: dict[tuple[str, str | None], list[Sent]] = field(default_factory=lambda: defaultdict(list))
    _people: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _batches: dict[str, frozenset[Person]] = field(default_factory=dict)
    _said: dict[str, set[Call | None]] = field(default_factory=lambda: defaultdict(set))
    """What each task instance has said to be created; None for all that it is to add."""
    _unanswered: Counter[tuple[str, Call]] = field(default_factory=Counter)
    _settled: dict[Call, str] = field(default_factory=dict)

    def violated(self, invariant: str, text: str) -> None:
        self.violations.append(Violation(invariant, text))

    def call(self, one_try: Try, person: Person) -> Call:
        """Which intended call a person of a request is."""
        phone, payload = person
        more = (payload,) if self.by_payload else (one_try.call_again,)
        iteration = one_try.instance.iteration
        looped = () if iteration is None else (f"iteration {iteration}",)
        return (one_try.instance.run.title, phone, *more, *looped)

    def sends(self, sent: Sent) -> None:
        """A request that may create jobs leaves."""
        one_try: Try = sent.worker.about
        instance = one_try.instance
        name = f"{one_try.name} at {self.simulation.now:.3f}"
        if one_try.waits:
            self.violated("waits", f"{name} sends, and waits for {one_try.waits}")
        if instance.watch is not None:
            instance.watch(one_try, sent.people)
        if instance.has_store and one_try.replaced_at is not None and sent.at - one_try.replaced_at > _FRESH:
            self.violated("replaced", f"{name}, replaced at {one_try.replaced_at:.3f}, sends")
        # What a replaced try may still send, it has noted before, and the next one may have settled since.
        if instance.has_store and one_try.replaced_at is None and not self._is_noted(instance, sent):
            self.violated("noted first", f"{name} sends with key {sent.key}, and {instance.rows} doesn't tell it")
        if sent.key is not None:
            whom = (sent.campaign, *(phone for phone, _ in sent.people))
            if self._people.setdefault(sent.key, whom) != whom:
                self.violated("one person", f"{name}: key {sent.key} of {self._people[sent.key]} sends {whom}")
        self._check_excluded(sent, name)
        uses = self._uses[sent.campaign, sent.key]
        refused = any(use.definite and not use.took_effect for use in uses)  # it may well be refused again
        freed = self.stop_list is not None and any(phone in self.stop_list.changed for phone, _ in sent.people)
        seconds = 0.0 if one_try.replaced_at is not None else one_try.holds_back(dated=self.server.dated)
        if not refused and not freed and seconds > _LATE:
            self.violated(
                "held back", f"{name} sends {sent.people}, whom the policy holds back for {seconds:.0f} seconds"
            )
        known = one_try.report_known() - REPORT_LAG
        of_run = [use for use in uses if use.worker.about.instance.run is instance.run]  # or of one of the same id
        for use in of_run:
            use.closed |= use.at < known  # a report told what came of it
        # What was definitely refused used up no key.
        first = min(
            (use.at for use in of_run if not use.closed and (use.took_effect or not use.definite)), default=sent.at
        )
        uses.append(sent)
        if sent.at - first > DAY:
            self.violated("old key", f"{name}: a key of {sent.at - first:.0f} seconds, and no report was asked")
        knows = one_try.replaced_at is None and not instance.copy_was_lost
        said = self._said[instance.name] if knows else ()
        for person in sent.people:
            call = self.call(one_try, person)
            if call in said or None in said:
                self.violated("settled", f"{name} sends {call}, which {instance.name} has said to be created")
            others = [(use.key, use.at) for use in self._open[call] if use.key != sent.key and use.at > known]
            if others:
                self.violated("other key", f"{name}: {call} sends with {sent.key}, while open are {others}")
            self._open[call].append(sent)
            if not self._settled.get(call, "").isdigit():
                self._settled.pop(call, None)  # a later try may succeed where an earlier one was refused
            self._unanswered[one_try.name, call] += 1
            if self._unanswered[one_try.name, call] > _SENDS:
                self.violated("budget", f"{name} sends {call} once more")

    def _check_excluded(self, sent: Sent, name: str) -> None:
        """What is sent is for nobody who said no before the last look; afterwards somebody may."""
        if self.stop_list is None:
            return
        for phone, _ in sent.people:
            since = self.stop_list.since.get(phone)
            if since is not None and sent.at - since > _FRESH + _READ_WITHIN + _GONE_BY:
                self.violated("not excluded", f"{name} sends {phone}, who said no at {since:.3f}")
        self.stop_list.moment()

    def answered(self, sent: Sent) -> None:
        """Its sender got the server's own answer."""
        for person in sent.people:
            call = self.call(sent.worker.about, person)
            # A job's id answers all that the key was sent for; a refusal, that one request.
            self._open[call] = [
                use for use in self._open[call]
                if use is not sent and not (sent.took_effect and use.key == sent.key)
            ]  # fmt: skip
            self._unanswered[sent.worker.about.name, call] -= 1

    def jobs(self) -> dict[Call, list[str]]:
        """The jobs of each call, by the requests that created them."""
        found: dict[Call, list[str]] = defaultdict(list)
        for job in self.server.jobs():
            sent = self.server.made_for[job.id]
            if sent is not None:
                found[self.call(sent.worker.about, (job.phone, job.payload or "{}"))].append(job.id)
        return found

    def created(self, call: Call, job: str) -> None:
        """A task says that a call's job is this one."""
        if job not in self.jobs().get(call, ()):
            self.violated("created", f"{call} is said to be job {job}, and has {self.jobs().get(call)}")
        self._settled[call] = job

    def said(self, instance: TaskInstance, call: Call | None = None) -> None:
        """A task instance says that a call is created, or all that it is to add; if it can know that later, it does."""
        if instance.remembers:
            self._said[instance.name].add(call)

    def forgotten(self, instance: TaskInstance) -> None:
        """What a task instance knew is lost."""
        self._said.pop(instance.name, None)

    def is_open(self, call: Call) -> bool:
        """Whether a request for a call has had no answer that says what came of it."""
        return bool(self._open[call])

    def not_created(self, call: Call, outcome: str) -> None:
        """A task says that a call is refused or rejected: so nothing came of what was sent so far."""
        self._settled[call] = outcome
        self._open[call].clear()
        for uses in self._uses.values():
            for use in uses:
                use.closed |= any(self.call(use.worker.about, person) == call for person in use.people)

    def unsettled(self, call: Call) -> None:
        """A task says that it doesn't know, or will try again."""
        self._settled.pop(call, None)

    def check(self) -> None:
        """Look at the oracle."""
        jobs = self.jobs()
        for job in self.server.jobs():
            if job.policy is not None and job.policy.finish is not None and job.created >= job.policy.finish:
                self.violated("dialled", f"job {job.id} of {job.phone} is created after its finish")
        for call, ids in jobs.items():
            if len(ids) > 1:
                self.violated("once", f"{call} has jobs {ids}")
            settled = self._settled.get(call)
            if settled is not None and not settled.isdigit():
                self.violated("refused", f"{call} is said to be {settled}, and has job {ids}")
        if self.violations:
            raise self.violations[0]

    def _is_noted(self, instance: TaskInstance, sent: Sent) -> bool:
        """Whether the store tells of a send that may be this one."""
        entry: dict[str, Any] = json.loads(instance.rows.get("aimylogic", "{}"))
        if "records" in entry:
            return any(
                sent.key == record["key"]
                and record["sends"]
                and record["sends"][-1]["outcome"] == "noted"
                and self._is_of_now(record["sends"][-1]["at"], record["sends"][-1]["clock"])
                for record in entry["records"].values()
            )
        return any(
            any(self._is_of_now(at, clock) for at, _, clock, _ in batch.get("sends", ()))
            and self._batch(f"{entry['call_list']['path']}/batches/{name}.jsonl").issuperset(sent.people)
            for name, batch in entry.get("open", {}).items()
        )

    def _is_of_now(self, at: float, clock: str) -> bool:
        """Whether something noted for then may be of now; a worker's clock can be far off."""
        return clock == "worker" or self.simulation.now - at <= _NOTED_WITHIN

    def _batch(self, name: str) -> frozenset[Person]:
        """Whom a batch is to add."""
        if name not in self._batches:
            calls = [json.loads(line)["call"] for line in self.storage.objects[name].splitlines()]
            people = ((call["phone"], json.dumps(call.get("payload", {}), separators=(",", ":"))) for call in calls)
            self._batches[name] = frozenset(people)
        return self._batches[name]
