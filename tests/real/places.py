"""What a try is doing, as far as can be told from outside: by requests at the emulator, Airflow's state, and files."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from aimylogic_provider.emulator.world.journal import JournalLine
from tests.airflow.campaign import Campaign
from tests.real.metadata import Instance, Metadata

__all__ = ["BEFORE_ANSWER", "BEFORE_JOB", "CallPlaces", "SyncPlaces", "sends"]

BEFORE_JOB = 0.5
"""Seconds for which a request of a call is held back before its job is made."""
BEFORE_ANSWER = 0.5
"""Seconds for which its answer is held back afterwards."""


class CallPlaces:
    """The places of an AddPhoneOperator's try."""

    def __init__(self, metadata: Metadata, campaign: Campaign) -> None:
        self._metadata = metadata
        self._campaign = campaign
        self._noted: dict[tuple[object, ...], int] = {}

    def begin(self, instance: Instance) -> None:
        record = self._record(instance)
        self._noted[(*instance.name, instance.number)] = 0 if record is None else len(record["sends"])

    def place(self, instance: Instance) -> str:
        if instance.task == "people":
            return "call: the list that is mapped over"
        record = self._record(instance)
        noted = 0 if record is None else len(record["sends"])
        if record is None or noted == self._noted[(*instance.name, instance.number)]:
            if record is not None and record["job"]:
                return "call: its job on record before"
            return "call: before its first note"
        if record["job"]:
            return "call: its job noted"
        if record["sends"][-1]["outcome"] != "noted":
            return "call: between two sends"
        elapsed = self._elapsed(record)
        if elapsed is None:
            return "call: noted, not yet sent"
        if elapsed < BEFORE_JOB:
            return "call: in mid-request, before the job"
        if elapsed < BEFORE_JOB + BEFORE_ANSWER:
            return "call: in mid-request, after the job"
        return "call: between answer and note"

    def aim(self, instance: Instance, draw: random.Random) -> float | None:
        """A moment of the request, or that of the answer."""
        record = self._record(instance)
        if record is None or len(record["sends"]) == self._noted[(*instance.name, instance.number)]:
            return None
        elapsed = self._elapsed(record)
        if elapsed is None:
            return None
        answer = BEFORE_JOB + BEFORE_ANSWER
        return max(0.0, draw.choice([draw.uniform(0.0, answer), answer + draw.uniform(-0.01, 0.03)]) - elapsed)

    def _record(self, instance: Instance) -> dict[str, Any] | None:
        entry = self._metadata.entry(instance)
        records = list(entry["records"].values()) if entry else []
        return records[0] if records else None

    def _elapsed(self, record: dict[str, Any]) -> float | None:
        """Seconds since the last send came to the server; None if it didn't yet."""
        lines = sends(self._campaign, record["key"])
        if len(lines) < len(record["sends"]):
            return None
        return self._campaign.emulator.now().timestamp() - lines[-1].at


class SyncPlaces:
    """The places of a sync's try, of the task that prepares a list, and of one that sends a shard."""

    def __init__(self, metadata: Metadata, lists: Path) -> None:
        self._metadata = metadata
        self._lists = lists
        self._fence: dict[tuple[object, ...], int] = {}

    def begin(self, instance: Instance) -> None:
        entry = self._metadata.entry(instance) or {}
        self._fence[(*instance.name, instance.number)] = entry.get("fence", 0)

    def place(self, instance: Instance) -> str:
        if instance.task == "report":
            return "shards: the sum of the reports"
        what = {"prepare": "prepare", "send": "shard"}.get(instance.task, instance.dag.replace("_", " by "))
        entry = self._metadata.entry(instance)
        made = [file for file in self._lists.rglob("list.json") if f"/{instance.run}/" in str(file)]
        if what == "prepare":
            return f"prepare: {'frozen' if made else 'before, or while, it freezes'}"
        if entry is None or not entry.get("call_list"):
            return f"{what}: before, or while, it freezes"
        done, of = self._batches(Path(entry["call_list"]["path"].removeprefix("file://")), instance.map_index)
        if done == of:
            return f"{what}: all settled"
        if entry["fence"] == self._fence[(*instance.name, instance.number)]:
            return f"{what}: before its first note"
        if any(batch["sends"] for batch in (entry["open"] or {}).values() if "sends" in batch):
            return f"{what}: requests noted and open, {'none' if not done else 'some'} settled"
        return f"{what}: between two requests"

    def aim(self, instance: Instance, draw: random.Random) -> float | None:
        """When the last batch is settled: what follows are results and the report."""
        entry = self._metadata.entry(instance)
        if instance.task == "prepare" or entry is None or not entry.get("call_list"):
            return None
        done, of = self._batches(Path(entry["call_list"]["path"].removeprefix("file://")), instance.map_index)
        return draw.uniform(0.0, 0.03) if done == of else None

    @staticmethod
    def _batches(folder: Path, shard: int) -> tuple[int, int]:
        """How many batches of a shard (-1 for all) are done, and how many there are."""
        batches = json.loads((folder / "list.json").read_text())["batches"]
        names = {batch["name"] for batch in batches if shard in (-1, batch["shard"])}
        return len(names & {file.name.partition(".")[0] for file in folder.glob("done/*")}), len(names)


def sends(campaign: Campaign, key: str) -> list[JournalLine]:
    """The requests that bore a key."""
    return [line for line in campaign.emulator.requests() if line.key == key and line.endpoint == "addPhone"]
