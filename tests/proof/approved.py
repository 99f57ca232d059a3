"""Schedules of mapped approvals: two lists, to each of which a person says yes or no, and one sending for each answer.

What Airflow does between the tasks is simulated: a mapped task behind another one gets what that returned, in order and
without gaps; an index is skipped if the same one before it says so; and one that ended as skipped skips them all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import pytest

from tests.proof.airflow_seam import NOTHING, DagRun, TaskInstance, Try
from tests.proof.lists import ListTasks
from tests.proof.promise import Call
from tests.proof.simulation import Point, Worker
from tests.proof.world import World, phone

__all__ = ["ApprovedTasks"]

_LISTS = 2
_TRIES = 8
_YES, _NO = "Approve", "Reject"


@cache
def _dag() -> Any:
    from airflow.sdk import DAG

    from aimylogic_provider.operators import ApproveCallListOperator, SendCallListOperator

    with DAG("winter_sale", schedule=None) as dag:
        approved = ApproveCallListOperator.partial(task_id="approve").expand(call_list=[{}] * _LISTS)
        SendCallListOperator.partial(task_id="send").expand(call_list=approved.output)
    return dag


class _Supervisor:
    """Keeps questions in their first words, and skips nothing."""

    def __init__(self) -> None:
        self._asked: dict[UUID, Any] = {}

    def send(self, msg: Any) -> Any:
        return self._asked.setdefault(msg.ti_id, msg) if hasattr(msg, "ti_id") else None


class ApprovedTasks(ListTasks):
    """A run in which two lists were prepared and answered, and what is approved is sent."""

    def __init__(self, world: World, run: DagRun) -> None:
        super().__init__(world, run)
        self.instances.clear()
        # Nobody twice, nobody whom the server refuses, and no time by which they must be dialled.
        self.finish = None
        self.rows = [(number, phone(number), "Alex") for number in range(world.schedule.people)]
        self._chance = world.simulation.rng("approvals", run.name)
        self._people = [self.rows[index::_LISTS] for index in range(_LISTS)]
        self._answers = [self._chance.choice((_YES, _NO)) for _ in range(_LISTS)]
        self._lists = [self._prepared(index) for index in range(_LISTS)]
        self._handed = dict(self._handed_on([self._answered(index) for index in range(_LISTS)]))
        for place in self._handed:
            self.instance("send", place)

    def _handed_on(self, ends: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
        """What Airflow hands to which index of the sending."""
        if any(end["skipped"] for end in ends):
            return []
        returned = [end["return_value"] for end in ends if end.get("return_value") is not None]
        skipped = [place for place, end in enumerate(ends) if "send" in end.get("skipmixin_key", {}).get("skipped", ())]
        return [(place, call_list) for place, call_list in enumerate(returned) if place not in skipped]

    def _prepared(self, index: int) -> dict[str, Any]:
        from aimylogic_provider.operators import PrepareCallListOperator

        def run(one_try: Try) -> Any:
            self.world.beneath.columns, self.world.beneath.rows = ("id", "phone", "name"), tuple(self._people[index])
            frozen_by = {**self._frozen_by(), "sql": f"select id, phone, name from customer where id % 2 = {index}"}
            return PrepareCallListOperator(task_id="prepare", **frozen_by).execute(one_try.context())

        instance = TaskInstance(self.run, "prepare", index)
        call_list: dict[str, Any] = self._live(instance.next_try(NOTHING), run).result
        assert isinstance(call_list, dict), call_list
        return call_list

    def _answered(self, index: int) -> dict[str, Any]:
        """Ask, answer, and go on until the approval has ended, though its worker may be killed; what it then pushed."""
        instance = TaskInstance(self.run, "approve", index)
        event = {
            "chosen_options": [self._answers[index]], "params_input": {}, "timedout": False,
            "responded_at": datetime(2026, 1, 2, tzinfo=UTC), "responded_by_user": {"id": "7", "name": "Maria"},
        }  # fmt: skip
        kwargs: dict[str, Any] | None = None
        for number in range(_TRIES):
            pushed: dict[str, Any] = {"skipped": False}
            one_try = instance.next_try(NOTHING)
            points = (
                (Point(self._chance.randint(1, 15)),) if number < _TRIES - 3 and self._chance.random() < 0.5 else ()
            )
            run = self._approval(index, pushed, event, kwargs)
            worker = self._live(one_try, run, points)
            # A worker that dies is followed by a try that asks anew, or knows the answer.
            kwargs = worker.result if isinstance(worker.result, dict) and "call_list" in worker.result else None
            if not worker.dead and kwargs is None:
                return pushed
        raise AssertionError(f"never answered: {worker.result}")

    def _approval(
        self, index: int, pushed: dict[str, Any], event: dict[str, Any], kwargs: dict[str, Any] | None
    ) -> Callable[[Try], Any]:
        from airflow.providers.common.compat.sdk import AirflowSkipException, TaskDeferred
        from airflow.sdk import exceptions

        waits: Any = (getattr(exceptions, "TaskAwaitingInput", TaskDeferred), TaskDeferred)

        def run(one_try: Try) -> Any:
            operator = _dag().get_task("approve").unmap({"call_list": self._lists[index]})
            context = one_try.context(task=operator)
            context["ti"].id = UUID(int=index)
            context["ti"].xcom_push = lambda key, value: pushed.update({key: value})
            context["task_instance"] = context["ti"]
            try:
                if kwargs is None:
                    pushed["return_value"] = operator.execute(context)
                else:
                    pushed["return_value"] = operator.execute_complete(context, event, **kwargs)
            except waits as waiting:
                return waiting.kwargs
            except AirflowSkipException:
                pushed["skipped"] = True
            return None

        return run

    def _live(self, one_try: Try, run: Callable[[Try], Any], points: tuple[Point, ...] = ()) -> Worker:
        from airflow.sdk.execution_time import task_runner

        simulation = self.world.simulation
        worker = Worker(simulation, one_try.name, about=one_try, dies_or_stops=points, rng=simulation.rng(one_try.name))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(task_runner, "SUPERVISOR_COMMS", _Supervisor(), raising=False)
            simulation.start(worker, lambda: run(one_try))
            simulation.finish(worker)
        if isinstance(worker.result, Exception):
            raise worker.result
        return worker

    def execute(self, one_try: Try) -> Callable[[], Any]:
        from aimylogic_provider.operators import SendCallListOperator

        sends, call_list = self._sends(one_try), self._handed[one_try.instance.map_index]

        def run() -> Any:
            return SendCallListOperator(task_id="send", call_list=call_list, **sends).execute(one_try.context())

        return run

    def learn(self, one_try: Try, result: Any) -> None:
        from airflow.providers.common.compat.sdk import AirflowSkipException

        if isinstance(result, AirflowSkipException):
            one_try.result, one_try.outcome = result, "skipped"
            self.world.outcomes["skipped"] += 1
        else:
            super().learn(one_try, result)

    def is_over(self, result: Any) -> bool:
        from airflow.providers.common.compat.sdk import AirflowSkipException

        return isinstance(result, AirflowSkipException) or super().is_over(result)

    def conclude(self) -> None:
        promise, jobs = self.world.promise, self.world.promise.jobs()
        for index, answer in enumerate(self._answers):
            called = [call for call in self._calls(index) if jobs.get(call)]
            if answer == _NO:
                if called:
                    promise.violated("said no", f"{called} have jobs, though a person said no to list {index}")
                continue
            digest = self._lists[index]["sha256"]
            sending = [one for one in self.instances if self._handed[one.map_index]["sha256"] == digest]
            last = sending[0].tries[-1] if sending else None
            if last is None or last.outcome == "skipped":
                promise.violated("nobody missed", f"a person said yes to list {index}, and no task sends it")
            elif last.outcome not in ("done", "parked"):
                promise.violated("ends", f"{last.name}: {last.result}")
            elif last.outcome == "done" and len(called) < len(self._people[index]):
                promise.violated("nobody missed", f"{last.name} tells {last.result}, and {called} have jobs")

    def _calls(self, index: int) -> list[Call]:
        payload = json.dumps({"name": "Alex"}, separators=(",", ":"))
        return [(self.run.name, one, payload) for _, one, _ in self._people[index]]
