"""Which call jobs are waited for, as something small that Airflow's database may keep: ids, or where they lie."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["MOST_IDS", "JobSource"]

MOST_IDS = 200
"""How many ids Airflow's database is given at most. More are written to a file."""


@dataclass(frozen=True, slots=True)
class JobSource:
    """Call jobs: by their ids, or those of a call list, or those whose ids a file holds. One of the three.

    :param call_list: the list's pointer, as plain values
    :param shard: of the list, whose jobs alone are meant; None for all
    :param file: folder and name of the file
    """

    ids: tuple[str, ...] | None = None
    call_list: Mapping[str, Any] | None = None
    file: tuple[str, str] | None = None
    shard: int | None = None

    @classmethod
    def of_ids(cls, ids: object) -> JobSource:
        """Take ids as a DAG gives them: a list of decimal texts or whole numbers, or a single one of those.

        :raises RejectedError: for anything else, as a float, which has lost digits
        """
        from aimylogic_provider.calls_api.request_fields import listed_ids

        single = isinstance(ids, (str, int)) and not isinstance(ids, bool)
        values: Any = [ids] if single else ids
        return cls(ids=tuple(dict.fromkeys(listed_ids("ids", values))))

    @classmethod
    def of_call_list(cls, call_list: object, shard: int | None = None) -> JobSource:
        """Take a call list as a DAG gives it: its pointer, or the report of a task that sent it.

        :param shard: whose jobs alone are meant; None for all
        :raises CallListError: if it is neither, or isn't there any more, or can't be read
        """
        from aimylogic_provider.call_list.runs.list_of_result import pointer_of

        return cls(call_list=pointer_of(call_list).as_json(), shard=shard)

    def small(self, folder: str) -> JobSource:
        """Return the same jobs, many ids as a file.

        :param folder: the address of the folder that takes the file
        :raises OSError: if it can't be written
        """
        from aimylogic_provider.call_list.store.objects import Folder

        if self.ids is None or len(self.ids) <= MOST_IDS:
            return self
        content = json.dumps(self.ids).encode()
        name = f"ids-{hashlib.sha256(content).hexdigest()[:32]}.json"
        Folder(folder).write(name, content)
        return JobSource(file=(folder, name))

    def read_ids(self) -> Iterable[str]:
        """Return the ids.

        :raises CallListError: if the list was deleted, or can't be read
        :raises OSError: if the file can't be read
        """
        from aimylogic_provider.call_list.report.created_jobs import created_jobs
        from aimylogic_provider.call_list.store.manifest import Pointer
        from aimylogic_provider.call_list.store.objects import Folder

        if self.call_list is not None:
            return created_jobs(Pointer.of(self.call_list), self.shard)
        if self.file is not None:
            folder, name = self.file
            ids: list[str] = json.loads(Folder(folder).read(name))
            return ids
        return self.ids or ()

    def forget(self) -> None:
        """Delete the file, if there is one: nobody waits by it any more."""
        from aimylogic_provider.call_list.store.objects import Folder

        if self.file is not None:
            folder, name = self.file
            Folder(folder).delete(name)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        if self.call_list is not None:
            return {"call_list": dict(self.call_list), "shard": self.shard}
        return {"file": list(self.file)} if self.file is not None else {"ids": list(self.ids or ())}

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> JobSource:
        """Read it."""
        if "call_list" in content:
            return cls(call_list=content["call_list"], shard=content["shard"])
        return cls(file=tuple(content["file"])) if "file" in content else cls(ids=tuple(content["ids"]))
