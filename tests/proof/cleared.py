"""Schedules of lists whose run is cleared whole, so that they are frozen anew, here or elsewhere; and of lost files.

What was begun is finished, and nothing of a list that was frozen later is sent. Files that a list has lost are put back
in the end: until then its task stops.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.proof.airflow_seam import DagRun, TaskInstance, Try
from tests.proof.lists import ListTasks
from tests.proof.promise import Violation
from tests.proof.world import World

__all__ = ["ClearedTasks"]

_BASES = ("/lists", "/elsewhere")


class ClearedTasks(ListTasks):
    """A run in shards whose every clear is one of the whole run."""

    def __init__(self, world: World, run: DagRun) -> None:
        super().__init__(world, run)
        self._base = _BASES[0]
        self._prepared_after = 0
        self._lost: dict[str, bytes] = {}

    def _frozen_by(self) -> dict[str, Any]:
        return {**super()._frozen_by(), "call_list_path": self._base}

    def _sends(self, one_try: Try) -> dict[str, Any]:
        return {**super()._sends(one_try), "call_list_path": self._base}

    def _send(self, one_try: Try) -> Callable[[], Any]:
        if self.world.healing:
            self.world.beneath.storage.objects.update(self._lost)
            self._lost.clear()
        if self.run.clear_number != self._prepared_after:
            self._prepared_after = self.run.clear_number
            begun = self._begun()
            # Somebody changes the path, and in the end heeds the message that tells to change it back.
            chance = self.world.simulation.rng("path", self.run.name, self._prepared_after)
            self._base = _BASES[chance.random() < 0.4]
            if self.world.healing and begun:
                self._base = next(base for base in _BASES if begun[0].startswith(f"file://{base}/"))
            self.prepared = None
        return super()._send(one_try)

    def lose(self, which: int) -> None:
        """A file of a batch that an entry names as done is lost."""
        for instance in self.instances:
            entry = json.loads(instance.rows.get("aimylogic", "{}"))
            if entry.get("call_list") is not None:
                start = f"{entry['call_list']['path']}/done/"
                done = [name for name in self._objects(start) if name.removeprefix(start)[:5] not in entry["open"]]
                if done and entry["done"]:
                    name = done[which % len(done)]
                    self._lost[name] = self.world.beneath.storage.objects.pop(name)
                    return

    def _begun(self) -> list[str]:
        """The lists of this run that somebody began to send."""
        found = {
            name.partition("/claimed/")[0]
            for base in _BASES
            for name in self._objects(f"file://{base}/winter_sale/prepare/{self.run.name}/")
            if "/claimed/" in name
        }
        return sorted(found)

    def _path(self, instance: TaskInstance) -> str:
        begun = self._begun()
        if len(begun) > 1:
            raise Violation("one list", f"{instance.name} and others send {begun}")
        assert self.prepared is not None
        return begun[0] if begun else str(self.prepared["path"])
