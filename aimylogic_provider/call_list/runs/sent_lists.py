"""How many calls the last lists of a task had that were begun to be sent, kept beside them: ``<task>/%sent/…``.

One small file for each DAG run, whose name says all, so that a single listing tells: no list is read for it, and it is
known however soon lists are deleted. Of each map index, and of each iteration of a loop, there is a folder of its own.
No DAG run has that name: of a run's id a ``%`` is written as ``%25``.

Lists without calls, and those of dry runs, that were never sent, or that a brake held, are not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from aimylogic_provider.call_list.runs.task_folder import TaskFolder
from aimylogic_provider.call_list.store.manifest import sha256
from aimylogic_provider.call_list.store.objects import Folder, folder_name
from aimylogic_provider.call_list.store.read_objects import names_of
from aimylogic_provider.call_list.store.stored_list import CallList

__all__ = ["note_begun", "run_mark_of", "sent_before"]

_FOLDER = "%sent"
_NAME = re.compile(r"(?P<at>[0-9]{12})\.(?P<calls>[0-9]+)\.(?P<run>[0-9a-f]{16})\.json")
_KEPT, _SPARE = 20, 10
"""Files that are kept of each folder, the newest; and how many more there may be before others are deleted."""


def note_begun(call_list: CallList) -> None:
    """Note that a list is begun to be sent. Safe to repeat.

    :raises CallListError: if the folder can't be listed
    :raises OSError: if it can't be written
    """
    told = call_list.manifest
    if not told.calls or not told.task_folder:
        return
    run, *within = call_list.folder.address.removeprefix(f"{told.task_folder}/").split("/")[:-1]
    folder = _folder(Folder(told.task_folder), within)
    at = int(datetime.fromisoformat(told.made_at).timestamp())
    name = f"{at:012}.{told.calls}.{_mark(run)}.json"
    names = names_of(folder)
    if name in names:
        return
    folder.write(name, b"{}\n")
    known = sorted(one for one in names if _NAME.fullmatch(one))
    if len(known) >= _KEPT + _SPARE:
        with suppress(OSError):  # the next list's does it
            for old in known[:-_KEPT]:
                folder.delete(old)


def sent_before(task: TaskFolder) -> dict[str, int]:
    """How many calls the lists of this task instance's earlier DAG runs had, by a mark of the run, the newest first.

    :raises CallListError: if that can't be told
    """
    own = run_mark_of(task.run_id)
    within = task.folder.address.removeprefix(f"{task.of_task.address}/").split("/")[1:]
    found = (_NAME.fullmatch(name) for name in sorted(names_of(_folder(task.of_task, within)), reverse=True))
    return _one_a_run((one["run"], int(one["calls"])) for one in found if one is not None and one["run"] != own)


def run_mark_of(run_id: str) -> str:
    """What marks a DAG run there."""
    return _mark(folder_name(run_id))


def _one_a_run(found: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Of each run its newest list alone."""
    runs: dict[str, int] = {}
    for run, calls in found:
        runs.setdefault(run, calls)
    return runs


def _folder(of_task: Folder, within: Iterable[str]) -> Folder:
    return of_task / _FOLDER / ("_".join(within) or "-")


def _mark(run_folder: str) -> str:
    return sha256(run_folder.encode())[:16]
