"""The second record of AddPhone's tasks as files, beneath ``call_list_path``: ``<dag>/<task>/%calls/<name>.json``.

No DAG run has that name: of a run's id a ``%`` is written as ``%25``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from aimylogic_provider.call_list.objects import Folder, folder_name
from aimylogic_provider.idempotence.copies import Copy, copy_from_json

__all__ = ["FolderRows", "copies_beneath"]

_FOLDER = "%calls"


class FolderRows:
    """Rows of a task as files, for :class:`.idempotence.second_record.SecondRecord`.

    :param base: ``call_list_path``
    """

    def __init__(self, base: str, dag_id: str, task_id: str) -> None:
        self.folder = Folder(base) / folder_name(dag_id) / folder_name(task_id) / _FOLDER

    def get(self, name: str) -> object | None:
        """Return a row, or None.

        :raises OSError: if the folder can't be reached
        """
        try:
            found: object = json.loads(self.folder.read(f"{name}.json"))
        except FileNotFoundError:
            return None
        return found

    def set(self, name: str, value: object) -> None:
        """Write a row.

        :raises OSError: if the folder can't be reached
        """
        self.folder.write(f"{name}.json", json.dumps(value).encode())

    def delete(self, name: str) -> None:
        """Delete a row, if there is one.

        :raises OSError: if the folder can't be reached
        """
        self.folder.delete(f"{name}.json")


def copies_beneath(base: str) -> Iterator[Copy]:
    """Read all copies that AddPhone's tasks keep beneath a ``call_list_path``: what jobs they own, or could own.

    :raises OSError: if the folder can't be reached
    :raises RecordError: if one can't be read
    """
    root = Folder(base)
    for name in root.names():
        *folders, file = name.split("/")
        if folders[-1:] == [_FOLDER] and file.startswith("copy-"):
            yield copy_from_json(json.loads(root.read(name)))
