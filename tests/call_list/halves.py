"""A sync in halves: a task that prepares a list, and tasks that send it, shard by shard."""

from __future__ import annotations

from typing import Any

from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator
from tests.call_list.sync import Sync
from tests.conftest import TaskInstance

__all__ = ["Halves"]


class Halves:
    """A task that prepares, and some that send."""

    def __init__(self, sync: Sync, shards: int = 1, **arguments: Any) -> None:
        self.sync = sync
        self.sending = [TaskInstance(task_id="send", run=sync.task.run, map_index=one if shards > 1 else -1)
                        for one in range(shards)]  # fmt: skip
        operator = PrepareCallListOperator(
            task_id="prepare", **{"sql": "select id, phone, name from customer order by id", "sql_conn_id": "warehouse",
            "key_columns": ["id"], "call_list_path": str(sync.lists), "batch_size": 10, "shards": shards, **arguments},
        )  # fmt: skip
        self.pointer = operator.execute(TaskInstance(task_id="prepare", run=sync.task.run, current_try=1).context())

    def send(self, shard: int = 0, **arguments: Any) -> dict[str, Any]:
        task = self.sending[shard]
        task.current_try += 1
        operator = SendCallListOperator(task_id="send", call_list=self.pointer, shard=shard, **arguments)
        report: dict[str, Any] = operator.execute(task.context())
        return report
