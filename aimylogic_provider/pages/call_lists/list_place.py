"""Where a list lies that is to be shown, and whether a page may look there: what tasks tell of it is not trusted.

Whoever may write a task's state, or an XCom, could name any folder. So only a folder is opened that is named as a list
of this very DAG's, on a store of files, and only what its digest proves to be that list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from aimylogic_provider.airflow_task.argument_checks import default_call_list_path
from aimylogic_provider.call_list.runs.lists_in_folder import is_list_id, pointer_to
from aimylogic_provider.call_list.runs.task_folder import TaskFolder
from aimylogic_provider.call_list.store.list_reader import ListReader
from aimylogic_provider.call_list.store.manifest import CallListError, Pointer, Tombstone
from aimylogic_provider.call_list.store.objects import Folder, folder_name
from aimylogic_provider.pages.call_lists.list_tasks import ListTask
from aimylogic_provider.pages.call_lists.shown_lists import ShownList

__all__ = ["Place", "opened", "place_of", "tombstone_at"]

_NO_STORES = frozenset({"http", "https", "ftp", "sftp", "ssh", "github", "git", "data", "jar", "zip", "tar"})
"""What fsspec reaches besides, and no lists are kept in."""

Place = tuple[str, Pointer | str]
"""The DAG that a list is of, and the pointer to it, or the address of its folder, if that alone is known."""


def place_of(shown: ShownList) -> Place | None:
    """Where a list lies, as its tasks told; None if none did."""
    where = shown.pointer or shown.path
    return None if where is None else (shown.first.dag_id, where)


def place_in_file(task: ListTask, settings: Mapping[str, str]) -> Place | None:
    """Where the list of a task lies that notes it in a file beside its lists, as it does before Airflow 3.3.

    Reads storage.
    """
    base = settings.get("call_list_path") or default_call_list_path()
    folder = TaskFolder(base, task.dag_id, task.task_id, task.run_id, task.map_index).folder
    try:
        with _reached(base):
            content = json.loads(folder.read("entry.json"))
        return task.dag_id, Pointer.of(content["entry"]["call_list"])
    except (OSError, ValueError, KeyError, TypeError, CallListError):
        return None


@contextmanager
def _reached(path: str) -> Iterator[None]:
    """Whatever a store raises of its own, as where this server has no library for it, is a list out of reach.

    :raises CallListError: instead
    """
    try:
        yield
    except (CallListError, OSError, ValueError):
        raise
    except ImportError as error:
        raise CallListError(
            f"the API server has no library for {path.partition('://')[0]}://, where the list lies ({error}): install "
            "there what the workers have"
        ) from None
    except Exception as error:  # noqa: BLE001 - of whichever store; its words may hold what is secret
        raise CallListError(f"{path} can't be reached ({type(error).__name__})") from None


def opened(place: Place) -> ListReader:
    """Open a list. Reads storage.

    :raises CallListError: if it can't be read, or isn't this DAG's
    """
    dag_id, where = place
    path = where.path if isinstance(where, Pointer) else where
    _check_path(path, dag_id)
    with _reached(path):
        found = ListReader.open(where if isinstance(where, Pointer) else pointer_to(Folder(path), listed=False))
    if Folder(found.manifest.task_folder).address.split("/")[-2:-1] != [folder_name(dag_id)]:
        raise _not_of(dag_id)
    return found


def tombstone_at(place: Place) -> Tombstone | None:
    """What is left of a list that was deleted; None if it wasn't. Reads storage.

    :raises CallListError: if it can't be read, or isn't this DAG's
    """
    dag_id, where = place
    if not isinstance(where, Pointer):
        return None
    _check_path(where.path, dag_id)
    with _reached(where.path):
        return ListReader.tombstone(where)


def _check_path(path: str, dag_id: str) -> None:
    """Check that a folder is named as one of a DAG's lists: ``…/<dag>/<task>/<run>[/loop-n][/<index>]/<list>``.

    :raises CallListError: if not
    """
    scheme, _, _ = path.partition("://")
    parts = path.rstrip("/").split("/")
    chained = "::" in path or (scheme != path and scheme in _NO_STORES)
    if chained or ".." in parts or not is_list_id(parts[-1]) or folder_name(dag_id) not in parts[-6:-3]:
        raise _not_of(dag_id)


def _not_of(dag_id: str) -> CallListError:
    return CallListError(
        f"what the task told of its list names no list that DAG {dag_id} froze, so it isn't opened. A list of another "
        "DAG's is shown on that DAG's page"
    )
