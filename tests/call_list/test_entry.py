"""The entry of a sync: what could not be written back as it is was changed by hand."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest

from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.store.sync_entry import ENTRY_FORMAT, EntryKeeper, SyncEntry

SEND = [1.0, 2.0, "server", "c"]
ENTRY: dict[str, Any] = {
    "sure": True, "open": {"00001": {"sends": [SEND]}}, "before": SEND, "progress": {}, "format": ENTRY_FORMAT,
}  # fmt: skip


def changed(path: str, value: object) -> dict[str, Any]:
    content = copy.deepcopy(ENTRY)
    *way, last = path.split(".")
    holder: Any = content
    for name in way:
        holder = holder[int(name)] if name.isdigit() and isinstance(holder, list) else holder[name]
    holder[int(last) if isinstance(holder, list) else last] = value
    return content


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("open.00001.sends.0.2", "sundial"), ("before.2", ""), ("open.00001.sends.0.0", float("nan")),
        ("before.1", float("inf")), ("open.00001.parts", 0), ("done", -1), ("fence", 2**70),
        ("progress.left", float("nan")), ("open.00001.again", "\ud800"),
    ],
)  # fmt: skip
def test_an_entry_that_could_not_be_written_back_is_not_gone_on_with(path: str, value: object) -> None:
    assert SyncEntry.of(ENTRY).format == ENTRY_FORMAT
    with pytest.raises(CallListError, match="an entry of a sync"):
        SyncEntry.of(changed(path, value))


class Written:
    """A store that keeps what was written last."""

    remembers = True
    content: object = None

    def read(self) -> object | None:
        return self.content

    def write(self, content: dict[str, object]) -> None:
        self.content = content


def test_one_try_may_write_it_from_two_event_loops_in_turn() -> None:
    """Such a try sends the first calls of its list by themselves."""
    keeper = EntryKeeper(Written(), SyncEntry(sure=True))

    async def many() -> None:
        await asyncio.gather(*(keeper.save() for _ in range(3)))

    asyncio.run(many())
    asyncio.run(many())
    assert keeper.entry.fence >= 2
