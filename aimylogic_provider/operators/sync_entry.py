"""The entry of a sync in Airflow's task state store; before 3.3, in a file beside its call lists."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from aimylogic_provider.call_list.entry import EntryKeeper, SyncEntry
from aimylogic_provider.operators.airflow_ports import (
    entry_store,
    has_store,
    is_first_try,
    run_began,
    run_since,
    warn_of_store,
)

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from aimylogic_provider.call_list.objects import Folder
    from aimylogic_provider.call_list.task_folder import TaskFolder
    from aimylogic_provider.idempotence.ports import Log, Store

__all__ = ["FileEntry", "begin"]


def begin(context: Context, task: TaskFolder, log: Log, *, resumed: bool) -> tuple[EntryKeeper, bool]:
    """Return the keeper of this task instance's entry, and whether that is new.

    A new entry is written at once where it is sure that nothing was sent before; else once it is known what was.

    :param resumed: whether this very try asked a person, and goes on with the answer
    """
    first = is_first_try(context) and not resumed
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
        store = FileEntry(task.folder, since=since, run_began=run_began(context))
    content = store.read()
    if content is None and not first:
        # Airflow tells any failure to find it as "nothing": ask twice before believing that it was emptied.
        content = store.read()
    if content is not None:
        return EntryKeeper(store, SyncEntry.of(content)), False
    keeper = EntryKeeper(store, SyncEntry(sure=first))
    if first:
        keeper.save_now()
    return keeper, True


class FileEntry:
    """The entry as a file, for Airflow 3.1 and 3.2.

    Its fence is weaker than that of Airflow's store: a try ends at its next write once another one has written, but two
    that write in the same moment are not kept apart.

    :param since: Unix seconds; what was written before is of a run of the same id, which was deleted and made anew
    :param run_began: when the run began, as Airflow says: what was written with the same beginning is of this run,
        whatever the clocks show
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
        from aimylogic_provider.call_list.manifest import CallListError

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
