"""Where the lists of a task lie: ``<call_list_path>/<dag>/<task>/<run>[/loop-<iteration>][/<map index>]/<list>``.

Addresses, and what lies there. What follows from it is told in ``lists_of_run``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from aimylogic_provider.call_list.runs.lists_in_folder import BegunList, ListInFolder, begun_lists, lists_in
from aimylogic_provider.call_list.store.objects import Folder, folder_name
from aimylogic_provider.call_list.store.read_objects import names_of

__all__ = ["TaskFolder"]


@dataclass(frozen=True, slots=True)
class TaskFolder:
    """The folder of one task instance's lists.

    :param base: ``call_list_path``
    :param map_index: -1 if the task isn't mapped
    :param iteration: of the loop that the task is in, from 0; None outside of one. Lists of two iterations are two
        intended ones, of the same people or not
    """

    base: str
    dag_id: str
    task_id: str
    run_id: str
    map_index: int = -1
    iteration: int | None = None

    @property
    def words(self) -> str:
        """The task instance, in words: what a list and its claim are marked with."""
        looped = "" if self.iteration is None else f", iteration {self.iteration} of its loop"
        mapped = f", map index {self.map_index}" if self.map_index >= 0 else ""
        return f"task {self.task_id} of DAG {self.dag_id}, run {self.run_id}{looped}{mapped}"

    @property
    def folder(self) -> Folder:
        """The folder itself."""
        return self._of_indexes / str(self.map_index) if self.map_index >= 0 else self._of_indexes

    @property
    def _of_indexes(self) -> Folder:
        """That of all its map indexes."""
        run = self.of_task / folder_name(self.run_id)
        return run if self.iteration is None else run / f"loop-{self.iteration}"

    @property
    def of_task(self) -> Folder:
        """The folder of the task, with all its runs."""
        return Folder(self.base) / folder_name(self.dag_id) / folder_name(self.task_id)

    def holds_anything(self) -> bool:
        """Whether any try of this task instance, of this run or of one that had its id, left anything there.

        :raises CallListError: if that can't be told
        """
        return bool(names_of(self.folder))

    def fresh(self) -> tuple[str, Folder]:
        """The id of a new list, and a folder that no other has."""
        list_id = str(uuid.uuid4())
        return list_id, self.folder / list_id

    def lists(self) -> Iterator[ListInFolder]:
        """The lists of this task instance, whole or not."""
        return lists_in(self.folder)

    def begun_lists(self, since: float | None) -> Iterator[BegunList]:
        """Those of them that somebody began to send.

        :param since: as of :func:`.lists_in_folder.begun_lists`
        """
        return begun_lists(self.folder, since)

    def begun_in_run(self, since: float | None) -> Iterator[BegunList]:
        """The lists of all map indexes of this task that somebody began to send.

        :param since: as of :func:`.lists_in_folder.begun_lists`
        """
        return begun_lists(self._of_indexes, since)
