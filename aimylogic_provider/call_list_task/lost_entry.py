"""What a sync looks for that finds its entry new, though it may have begun a list before: in folders and databases.

A clear, or who deletes a task's state, leaves the list's folder and the results table as they are. Sends nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.runs.lists_in_folder import BegunList
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list.store.sync_entry import SyncEntry
    from aimylogic_provider.idempotence.ports import Log

__all__ = ["check_none_pending", "find_begun"]


def find_begun(
    context: Context,
    task: TaskFolder,
    entry: SyncEntry,
    source: str,
    results: tuple[str, str] | None,
    log: Log,
) -> BegunList | None:
    """Look for what this task instance sent before its entry was lost, if it was; return a list that was deleted since.

    What was found, or since when to doubt, is put into the entry.

    :param source: the digest of what a mapped task asks for
    :param results: the results table's name, and the connection of its database
    :raises CallListError: if it can't be told
    """
    from aimylogic_provider.airflow_task.run_context import run_began, run_since
    from aimylogic_provider.call_list.runs.lists_of_run import own_begun
    from aimylogic_provider.call_list.store.manifest import CallListError, Pointer

    since = run_since(context)
    found = own_begun(task.begun_lists(since), task, source) or (
        None if results is None else _about_to_be_sent(task, since, *results)
    )
    if isinstance(found, Pointer):
        log.warning("This task's state was wiped: going on with the list that it began, %s.", found.path)
        entry.call_list = found
    elif found is not None:
        return found
    else:
        entry.doubtful_since = run_began(context)
        if entry.doubtful_since is None:
            raise CallListError("Airflow doesn't say when this run began, nor what earlier tries sent: start a new one")
        log.warning(
            "What earlier tries of this task did is not on record, and %s holds no list of theirs: the report is "
            "asked for each person's jobs since the run began, and only those who surely have none are called.",
            task.folder.address,
        )
    return None


def _about_to_be_sent(task: TaskFolder, since: float | None, table: str, conn_id: str) -> Pointer | None:
    """The list of which the database knows that it was about to be sent, and that lies there unsent; None if none.

    Its rows stand as pending, so that the query may leave them out.

    :param since: Unix seconds; older lists are those of a run of the same id, which was deleted
    """
    from aimylogic_provider.call_list.runs.lists_in_folder import pointer_to
    from aimylogic_provider.call_list.store.objects import Folder
    from aimylogic_provider.call_list.store.read_objects import names_of
    from aimylogic_provider.call_list_task.claims_of_task import begun_in_database

    begun = begun_in_database(task, table, conn_id)
    folders = [Folder(one.holder.path) for one in begun if since is None or one.began_at >= since]
    there = [folder for folder in folders if "list.json" in names_of(folder)]
    return pointer_to(there[0]) if len(folders) == len(there) == 1 else None


def check_none_pending(task: TaskFolder, table: str, conn_id: str, keys: Sequence[str], consent: str) -> None:
    """Make sure that no row of a list that is lost stands as pending in the results table, which the query may ask.

    It is for a person to delete them: from then on other runs' queries find those people, too.

    :raises CallListError: if one does
    """
    from aimylogic_provider.call_list.store.manifest import CallListError
    from aimylogic_provider.call_list_task.results_of_task import opened

    of = {"dag_id": task.dag_id, "task_id": task.task_id, "run_id": task.run_id}
    with opened(table, conn_id, keys, consent) as results:
        pending = results.count_pending(of)
    if pending:
        whose = " of this map index, once the others have ended," if task.map_index >= 0 else ""
        raise CallListError(
            f"the call list of {task.words} is lost, and {pending:,} rows of this run stand as pending in {table}: a "
            "query that leaves those out would miss its people, so nothing is sent. "
            f"Delete those rows{whose} and clear the task: the report then tells who was called"
        )
