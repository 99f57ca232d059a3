"""Airflow's task state store (3.3 and newer), in which a task instance keeps its one entry; and what stands for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.idempotence.ports import Log, Store

__all__ = ["ENTRY", "entry_store", "has_store", "warn_of_store"]


ENTRY = "aimylogic"
"""The fixed name of the one entry that a task instance keeps in Airflow's task state store."""


class TaskStateEntry:
    """The entry in Airflow's task state store, kept for as long as the DAG run is.

    Airflow refuses the write of a try that it has replaced.
    """

    remembers = True

    def __init__(self, accessor: Any) -> None:
        self._accessor = accessor

    def read(self) -> object | None:
        """Return the entry, or None."""
        content: object | None = self._accessor.get(ENTRY)
        return content

    def write(self, content: dict[str, object]) -> None:
        """Write the entry; raises if Airflow has replaced this try."""
        from airflow.sdk import NEVER_EXPIRE  # type: ignore[attr-defined]  # its type stub lacks the name

        self._accessor.set(ENTRY, content, retention=NEVER_EXPIRE)


class NoStore:
    """Stands in on Airflow 3.1 and 3.2, which have no task state store: remembers nothing from try to try."""

    remembers = False

    def read(self) -> object | None:
        """Return None."""
        return None

    def write(self, content: dict[str, object]) -> None:
        """Keep nothing."""


def entry_store(context: Context) -> Store:
    """Return the store of this task instance. Any error of it is left to end the try."""
    accessor = context.get("task_state_store")
    return NoStore() if accessor is None else TaskStateEntry(accessor)


def has_store(context: Context) -> bool:
    """Whether this Airflow keeps what a try writes."""
    return context.get("task_state_store") is not None


def warn_of_store(context: Context, log: Log) -> None:
    """Tell in the log, once a try, what the store of this Airflow doesn't give."""
    if not has_store(context):
        log.warning(
            "This Airflow has no task state store (it came with 3.3): what earlier tries did is not recorded. Retries "
            "within 24 hours of the run's start are safe by the idempotence key; later ones are parked if the "
            "campaign holds jobs for the phone."
        )
        return
    from aimylogic_provider.airflow_task.airflow_imports import conf

    if conf.getboolean("state_store", "clear_on_success", fallback=False):
        log.warning(
            "[state_store] clear_on_success is set: the record of a call that was added is wiped. A clear then finds "
            "its job by the second record alone; without one, the call is parked."
        )
    if conf.get("workers", "state_store_backend", fallback=""):
        log.warning(
            "[workers] state_store_backend is set: it writes before Airflow checks whether this try was replaced, so "
            "two tries at once are not kept apart. Leave it unset to have that certainty."
        )
