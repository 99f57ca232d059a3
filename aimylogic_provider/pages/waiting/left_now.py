"""What a yes to a list that waits would do by now: other lists may have been sent since its question was put."""

from __future__ import annotations

import asyncio
import re
import time

from aimylogic_provider.pages.slow_readings import Readers

__all__ = ["left_now"]

_LIST = re.compile(r"^- The list: (`+) (?P<path>\S+) \1$", re.MULTILINE)
_MOST_CALLS = 5_000
"""Of a longer list it isn't looked up: a page must be there soon."""
_SECONDS = 1.0
_readers = Readers("the storage of lists that wait", at_once=2)


def left_now(dag_id: str, body: str) -> str:
    """Return how many calls a yes makes by now, as a sentence; empty if that is as the question says, or can't be told.

    Called in a thread of the server's that has no event loop. What it reads may hang, and isn't waited for long.

    :param dag_id: whose list it must be
    :param body: of the question, which names the list
    """
    found = _LIST.search(body)
    if found is None:
        return ""
    try:
        return str(asyncio.run(_readers.read_within(_SECONDS, _read, dag_id, found["path"])))
    except Exception:  # noqa: BLE001 - the question is shown as it was put
        return ""


def _read(dag_id: str, path: str) -> str:
    from aimylogic_provider.call_list.runs.called_by_lists import CalledByLists
    from aimylogic_provider.pages.call_lists.list_place import opened

    call_list = opened((dag_id, path))
    manifest = call_list.manifest
    caps = [cap for cap in manifest.caps if cap.by == "lists"]
    if not caps or manifest.calls > _MOST_CALLS:
        return ""
    phones = [int(line.phone) for batch in manifest.batches for line in call_list.lines(batch)]
    but = call_list.folder.address.rpartition("/")[0]
    spared: set[int] = set()
    for cap in caps:
        spared |= CalledByLists(manifest.task_folder, but, cap, {*phones}, time.time, time.time).look().keys()
    if not (gone := sum(phone in spared for phone in phones)):
        return ""
    left = manifest.calls - gone
    return (
        f"By now other lists have called, or hold, the people of {gone:,} of its {manifest.calls:,} calls, as only_new "
        f"has it: a yes makes {left:,} {'call' if left == 1 else 'calls'}."
    )
