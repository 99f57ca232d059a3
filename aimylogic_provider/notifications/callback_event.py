"""What happened, by the context that Airflow hands to a callback: of a task, of a DAG run, or of a missed deadline.

Callbacks run in a task's process, in a DAG processor, in the triggerer and by an executor; each of them is told
something else, and some of them next to nothing. No place for a record is reached by all of them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

__all__ = ["CallbackEvent", "callback_event", "is_test_run"]

_WORDS = {"failed": "failed", "up_for_retry": "retry", "success": "success", "skipped": "skipped", "running": "started"}


@dataclass(frozen=True, slots=True)
class CallbackEvent:
    """What a callback tells.

    :param name: ``failed``, ``retry``, ``success``, ``skipped``, ``started`` or ``deadline``
    :param life: which life of the run it happened in: a clear, and whoever queues the run again, begins another
    :param task_id: None for what happened to the whole run
    :param map_index: -1 for a task that isn't mapped
    :param iteration: of the loop that the task is in; empty outside of one
    :param deadline: which deadline was missed, and when it was
    :param at: when it happened, or a later time before which no callback told it, in Unix seconds by Airflow's clock;
        None if the callback isn't told
    """

    name: str
    dag_id: str
    run_id: str
    life: str = ""
    task_id: str | None = None
    map_index: int = -1
    try_number: int = 0
    iteration: str = ""
    deadline: tuple[str, ...] = ()
    at: float | None = None

    def about(self, once_per: str) -> tuple[str, ...]:
        """Return what is the same for all callbacks that are to ring a person once between them.

        :param once_per: ``dag_run``, ``task`` or ``try``
        """
        if self.name == "deadline":
            return ("deadline", *self.deadline)
        begun = ("event", self.name, self.life)
        if once_per == "dag_run":
            return begun
        if self.task_id is None:
            return (*begun, "whole run")
        if once_per == "task":
            return (*begun, "task", self.task_id)
        return (*begun, "try", self.task_id, str(self.map_index), str(self.try_number), self.iteration)

    def facts(self, once_per: str) -> dict[str, object]:
        """Return what the campaign's script is told unless it is told otherwise: no more than all of them share.

        :param once_per: ``dag_run``, ``task`` or ``try``
        """
        facts: dict[str, object] = {"event": self.name, "dag_id": self.dag_id, "run_id": self.run_id}
        if once_per == "dag_run" or self.task_id is None:
            return facts
        facts["task_id"] = self.task_id
        if once_per == "try":
            facts["try_number"] = self.try_number
            if self.map_index >= 0:
                facts["map_index"] = self.map_index
        return facts

    def __str__(self) -> str:
        what = f"run {self.run_id} of DAG {self.dag_id}"
        if self.name == "deadline":
            return f"missed deadline of {what}"
        if self.task_id is None:
            return f"{self.name}: {what}"
        index = f"[{self.map_index}]" if self.map_index >= 0 else ""
        return f"{self.name}: try {self.try_number} of task {self.task_id}{index}, {what}"


def callback_event(context: Mapping[str, Any], callback: object) -> CallbackEvent:
    """Return what happened.

    :param context: as Airflow handed it to the callback
    :param callback: as the DAG or task has it
    :raises ValueError: if the context doesn't say of which run
    """
    run, ti = context.get("dag_run"), context.get("ti")
    dag_id = _of(run, "dag_id") or _of(ti, "dag_id") or _of(context.get("dag"), "dag_id")
    run_id = _of(run, "run_id") or _of(run, "dag_run_id") or context.get("run_id") or _of(ti, "run_id")
    if not dag_id or not run_id:
        raise ValueError(
            "the callback's context names no DAG run, so it can't be told what happened, nor whether anybody was rung "
            "for it: use the notifier as a callback of a DAG or a task, or by AsyncCallback or SyncCallback of a "
            "DeadlineAlert, and hand on the context that Airflow gives"
        )
    if (deadline := context.get("deadline")) is not None:
        due = _moment(_of(deadline, "deadline_time"))
        which = (str(_of(deadline, "id")), _exactly(due))
        return CallbackEvent("deadline", dag_id, run_id, deadline=which, at=_noticed(due, run))
    life = f"{_of(run, 'clear_number')} {_exactly(_moment(_of(run, 'start_date')))}"
    if "reason" in context or ti is None:  # Airflow gives a reason to callbacks of a DAG alone, besides its last task.
        name = "success" if context.get("reason") == "success" else "failed"
        return CallbackEvent(name, dag_id, run_id, life, at=_seconds(_moment(_of(run, "end_date"))))
    return CallbackEvent(
        _name(context, callback),
        dag_id,
        run_id,
        life,
        task_id=ti.task_id,
        map_index=-1 if _of(ti, "map_index") is None else ti.map_index,
        try_number=ti.try_number,
        iteration=" ".join(str(_of(ti, name)) for name in ("region_id", "region_index") if _of(ti, name) is not None),
        at=_seconds(_moment(_of(ti, "end_date"))),
    )


def is_test_run(context: Mapping[str, Any]) -> bool:
    """Whether the callback is one of ``dag.test()``, ``airflow dags test`` or ``airflow tasks test``.

    The first two mark their runs, whose deadlines may be missed later, before the eyes of a scheduler. But a DAG's own
    callback isn't told of the mark: they run it where no supervisor is, as nobody but a person does besides.
    """
    from airflow.sdk.execution_time import task_runner

    run = context.get("dag_run")
    if _of(run, "triggering_user_name") == "dag_test" or _of(run, "triggered_by") == "test":
        return True
    run_id = context.get("run_id") or _of(run, "run_id")
    if str(run_id).startswith("__airflow_temporary_run_") or "AIRFLOW_TEST_MODE" in os.environ:
        return True
    if "deadline" in context:
        return False
    comms = getattr(task_runner, "SUPERVISOR_COMMS", None)
    return comms is None or type(comms).__name__ == "InProcessSupervisorComms"


def _name(context: Mapping[str, Any], callback: object) -> str:
    """What became of a task. A DAG processor isn't told, but calls none but callbacks of failures and of retries."""
    ti = context["ti"]
    if (state := _of(ti, "state")) is not None:
        word = str(getattr(state, "value", state))
        return _WORDS.get(word, word)
    task = context.get("task") or _of(ti, "task")
    on_failure, on_retry = (
        _is_among(callback, _of(task, name)) for name in ("on_failure_callback", "on_retry_callback")
    )
    if on_failure != on_retry:
        return "failed" if on_failure else "retry"
    most = _of(ti, "max_tries")
    return "retry" if isinstance(most, int) and most > 0 and ti.try_number <= most else "failed"


def _is_among(callback: object, callbacks: Any) -> bool:
    several = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
    return any(one is callback for one in several)


def _of(thing: Any, name: str) -> Any:
    """What a thing has by a name: runs are models in some places, dictionaries in others, and some lack most of it."""
    if isinstance(thing, Mapping):
        return thing.get(name)
    return getattr(thing, name, None)


def _moment(written: Any) -> datetime | None:
    if isinstance(written, str):
        try:
            written = datetime.fromisoformat(written)
        except ValueError:
            return None
    if not isinstance(written, datetime):
        return None
    return written if written.tzinfo else written.replace(tzinfo=UTC)


def _noticed(due: datetime | None, run: Any) -> float | None:
    """A time before which no callback of a deadline ran: one that lay in the past when its run began was missed then.

    What the callback is told of the run was so when the deadline was found missed, and stays as it was.
    """
    known = [due, *(_moment(_of(run, name)) for name in ("queued_at", "start_date", "last_scheduling_decision"))]
    return max((moment.timestamp() for moment in known if moment is not None), default=None)


def _exactly(moment: datetime | None) -> str:
    """A moment in one writing, whatever kind and zone it has."""
    return "" if moment is None else datetime.fromtimestamp(moment.timestamp(), UTC).isoformat(timespec="microseconds")


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
