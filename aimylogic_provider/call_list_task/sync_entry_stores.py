"""The entry of a sync in Airflow's task state store; before 3.3, in a file beside its call lists."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from aimylogic_provider.airflow_task.run_context import is_first_try, run_since, this_try, was_cleared
from aimylogic_provider.airflow_task.task_state import entry_store, has_store, warn_of_store
from aimylogic_provider.call_list.store.sync_entry import EntryKeeper, SyncEntry

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder
    from aimylogic_provider.call_list.store.objects import Folder
    from aimylogic_provider.idempotence.ports import Log, Store

__all__ = ["FileEntry", "begin"]


def begin(context: Context, task: TaskFolder, log: Log, *, told: str, resumed: bool) -> EntryKeeper:
    """Return the keeper of this task instance's entry, which tells by now that this try has begun.

    :param told: digest of what this try is told to call; empty if it calls nobody
    :param resumed: whether this very try asked a person, and goes on with the answer
    :raises CallListError: if this try was told otherwise before: its record is of one list
    """
    first = is_first_try(context) and not resumed
    if first and was_cleared(context) and task.holds_anything():
        first = False  # the folder is a sync's second record
    store: Store = entry_store(context)
    if has_store(context):
        warn_of_store(context, log)
    else:
        log.warning(
            "This Airflow has no task state store (it came with 3.3): what was sent is noted beside the call list, in "
            "%s. Have call_list_path name a place that all workers share, and keep their clocks within minutes of each "
            "other. A try ends once another one has written there; two that write in the same moment are not kept "
            "apart.",
            task.folder.address,
        )  # fmt: skip
        since = time.time() if first else run_since(context)
        started = context["dag_run"].start_date
        store = FileEntry(task.folder, since=since, run_began=None if started is None else started.timestamp())
    content = store.read()
    if content is None and not first:
        # Airflow tells any failure to find it as "nothing": ask twice before believing that it was emptied.
        content = store.read()
    entry = SyncEntry(sure=first) if content is None else SyncEntry.of(content)
    keeper = EntryKeeper(store, entry)
    tried = (this_try(context), told) if told else entry.tried
    if told and entry.tried is not None and entry.tried[0] == this_try(context) and not resumed:
        _check_told_alike(entry.tried[1], told)
    elif content is None or entry.tried != tried:
        entry.tried = tried
        keeper.save_now()
    return keeper


def _check_told_alike(before: str, now: str) -> None:
    from aimylogic_provider.call_list.store.manifest import CallListError

    if before != now:
        raise CallListError(
            "this try was told before to call other people, by other rows, another list or another connection: a task "
            "instance calls the people of one list, so nobody of this one is called. Give each sync a task of its own"
        )


class FileEntry:
    """The entry as a file, for Airflow 3.1 and 3.2.

    Its fence is weaker than that of Airflow's store: a try ends at its next write once another one has written, but two
    that write in the same moment are not kept apart.

    :param since: Unix seconds; what was written before is of a run of the same id, which was deleted and made anew
    :param run_began: when the run began, as Airflow says now: what was written with the same beginning is of this run,
        whatever the clocks show; with another one it may be, for a clear, or setting the run to queued, makes it begin
        anew
    """

    remembers = True
    _NAME = "entry.json"

    def __init__(self, folder: Folder, *, since: float | None, run_began: float | None) -> None:
        self._folder = folder
        self._since = since
        self._run_began = run_began
        self._seen: bytes | None = None
        """What stood there when this try wrote it last, or read it before its first writing."""
        self._written = False

    def read(self) -> object | None:
        """Return the entry, or None."""
        stored = self._stored()
        if not self._written:
            self._seen = stored
        if stored is None:
            return None
        content = json.loads(stored)
        ours = self._run_began is not None and content.get("run_began") == self._run_began
        old = self._since is not None and content["written_at"] < self._since
        return None if old and not ours else content["entry"]

    def write(self, content: dict[str, object]) -> None:
        """Write the entry.

        :raises CallListError: if another try has written it since this one last saw it
        """
        from aimylogic_provider.call_list.store.manifest import CallListError

        if self._stored() != self._seen:
            raise CallListError(
                f"another try of this task has written {self._folder.address}/{self._NAME} meanwhile, and goes on with "
                "the list: this one sends nothing more. A next try finds out what is left",
                retryable=True,
            )
        written = json.dumps({"written_at": time.time(), "run_began": self._run_began, "entry": content}).encode()
        self._folder.write(self._NAME, written)
        self._seen, self._written = written, True

    def _stored(self) -> bytes | None:
        try:
            return self._folder.read(self._NAME)
        except FileNotFoundError:
            return None
