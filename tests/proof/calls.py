"""Schedules of AddPhoneOperator: a task of its own, or mapped over a list."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jinja2

from tests.proof.airflow_seam import DagRun, TaskInstance, Try
from tests.proof.promise import REPORT_LAG
from tests.proof.world import BAD, Tasks, World, phone

__all__ = ["REPORT_LAG", "CallTasks"]

_POLL = 600.0
"""Seconds between two looks at a call that is waited for."""
_CHANGES = ("call_again", "payload", "campaign", "call_again", "gmt_zone", "phone")


class CallTasks(Tasks):
    """A run whose tasks are AddPhoneOperators."""

    def __init__(self, world: World, run: DagRun) -> None:
        super().__init__(world, run)
        schedule = world.schedule
        self.mapped = schedule.mapped
        self.by_payload = self.mapped
        # One in eight is a number that only the server knows to be bad.
        bad = schedule.seed % 8 == 0 and not self.mapped
        self.people = [BAD if bad else phone(number) for number in range(schedule.people)]
        self.fresh = schedule.people
        self.settings: dict[str, Any] = {"payload": "1", "campaign": 0, "call_again": "", "gmt_zone": None}
        for index in range(schedule.people):
            self.instance("call", index if self.mapped else -1)

    def intend(self, one_try: Try) -> tuple[dict[str, Any], str]:
        """What a try is told when it begins: the parameters, and the phone."""
        settings = dict(self.settings)
        person = self.people[max(0, one_try.instance.map_index)]
        one_try.call_again = settings["call_again"]
        one_try.person = person, f'{{"name":"{settings["payload"]}"}}'
        return settings, person

    def execute(self, one_try: Try) -> Callable[[], Any]:
        from aimylogic_provider.operators import AddPhoneOperator

        settings, person = self.intend(one_try)
        tasks, waits = self, self.world.waits

        class Waiting(AddPhoneOperator):
            def _wait_for(self, jobs: Any, **more: Any) -> Any:
                tasks.begins_to_wait(one_try, *jobs.ids)
                return super()._wait_for(jobs, **more)

        def run() -> Any:
            operator = (Waiting if waits else AddPhoneOperator)(
                task_id="call",
                phone="{{ person }}",
                payload={"name": "{{ settings.payload }}"},
                gmt_zone=settings["gmt_zone"],
                call_again="{{ settings.call_again }}",
                aimylogic_conn_id="aimylogic_{{ settings.campaign }}",
                test_call=self.world.schedule.kind == "test call",
                report_lag=REPORT_LAG,
                wait_for_completion=waits,
                deferrable=False,
                poll_interval=_POLL,
                **self._more(),
            )
            context = one_try.context(person=person, settings=settings)
            operator.render_template_fields(context, _ENVIRONMENT)
            return operator.execute(context)

        return run

    def _more(self) -> dict[str, Any]:
        """Arguments of the operator besides."""
        return {}

    def begins_to_wait(self, one_try: Try, job: str) -> None:
        """A try has its call's job, on record, and sends nothing from now on."""
        self.world.simulation.count("wait for a call")
        one_try.waits = job
        if one_try.replaced_at is None:
            call = self.world.promise.call(one_try, one_try.person)
            self.world.promise.created(call, job)
            self.world.promise.said(one_try.instance, call)

    def learn(self, one_try: Try, result: Any) -> None:
        from aimylogic_provider.idempotence.actions import Row
        from aimylogic_provider.idempotence.errors import NotAddedError, ParkedError

        one_try.result = result
        if one_try.replaced_at is not None:
            return  # nobody listens to it
        call = self.world.promise.call(one_try, one_try.person)
        if one_try.waits and isinstance(result, BaseException):
            # It was added, whatever became of waiting for it.
            self.world.simulation.count("wait for a call failed")
            outcome = "created"
        elif one_try.waits:
            self.world.simulation.count("wait for a call over")
            outcome = "created"
            if result["call_job_id"] != one_try.waits:
                self.world.promise.violated("created", f"{call} is job {one_try.waits}, and {result} is told")
        elif isinstance(result, str):
            self.world.promise.created(call, result)
            self.world.promise.said(one_try.instance, call)
            outcome = "created"
        else:
            known = result if isinstance(result, NotAddedError) else result.__context__
            row = getattr(known, "row", None)
            outcome = type(result).__name__
            if isinstance(known, ParkedError):
                outcome = "parked"
            elif row is Row.CREATED_CHANGED:
                outcome = "created with other parameters"
            elif row in (Row.REFUSED_SURE, Row.REFUSED_OPEN, Row.REFUSED_SHARED) and "was refused" in str(result):
                outcome = "refused"
            if outcome == "refused":
                self.world.promise.not_created(call, "refused")
            else:
                self.world.promise.unsettled(call)
        one_try.outcome = outcome
        self.world.outcomes[outcome] += 1

    def change(self, which: int) -> None:
        if self.mapped:
            self.settings["payload"] = str(which % 2)
            return
        name, to = _CHANGES[which % len(_CHANGES)], which // len(_CHANGES) % 2
        match name:
            case "phone":
                self.people[0] = phone(to)
            case "campaign":
                # Where nothing is on record, no other campaign can be known of: that is beyond the bounds.
                self.settings["campaign"] = 0 if self.world.schedule.kind == "discarded alone" else to
            case "gmt_zone":
                self.settings["gmt_zone"] = (None, "+03:00")[to]
            case _:
                self.settings[name] = str(to)

    def grow(self) -> None:
        """A new person comes to the front of the list; Airflow gives the new index a first try in a cleared run."""
        self.run.clear()
        self.people.insert(0, phone(self.fresh))
        self.fresh += 1
        self.instance("call", len(self.instances))

    def turn(self) -> None:
        self.run.clear()
        self.people.reverse()

    def conclude(self) -> None:
        world, promise = self.world, self.world.promise
        jobs = promise.jobs()
        for instance in self.instances:
            # Where all is on record and nobody else adds, everything can be known. (Without a key, what another run
            # added is a duplicate.)
            alone = (
                world.schedule.tells_phones
                and not world.with_others
                and (world.schedule.kind == "stable" or len(world.runs) == 1)
            )
            certain = (
                world.schedule.kind in ("stable", "key lost") and alone and world.schedule.tells_time
                and _is_sure(instance)
            )  # fmt: skip
            last = instance.tries[-1]
            call = promise.call(last, last.person)
            match last.outcome:
                case "created":
                    if len(jobs.get(call, ())) != 1:
                        promise.violated("created", f"{call} is created, and has {jobs.get(call)}")
                case "refused":
                    if last.person[0] != BAD:
                        promise.violated("nobody missed", f"{call} is refused, and the number is good: {last.result}")
                case "parked" | "created with other parameters":
                    if certain:
                        promise.violated("nobody missed", f"{call} is {last.outcome}: {last.result}")
                case _:
                    # Without a record, or a key that arrives, a call can wait for a person to mend that.
                    if certain or world.schedule.kind not in ("no store", "mapped no store", "key lost"):
                        promise.violated("ends", f"{call}: {last.result}")


def _is_sure(instance: TaskInstance) -> bool:
    """Whether its record was surely begun before any send."""
    return bool(json.loads(instance.rows["aimylogic"])["sure"])


class _Environment(jinja2.Environment):
    """Airflow has each task's process compile its templates; here one process runs them all."""

    from_string = lru_cache(1000)(jinja2.Environment.from_string)


_ENVIRONMENT = _Environment()
