"""The second record of AddPhone's tasks as files, beneath ``call_list_path``: ``<dag>/<task>/%calls/<name>.json``.

No DAG run has that name: of a run's id a ``%`` is written as ``%25``.

What the rows say is ``idempotence``'s affair.
"""

from __future__ import annotations

import json

from aimylogic_provider.call_list.store.objects import Folder, folder_name

__all__ = ["SecondRecordFolder"]

_FOLDER = "%calls"


class SecondRecordFolder:
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
