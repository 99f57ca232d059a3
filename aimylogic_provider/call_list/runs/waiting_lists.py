"""Which lists of a task's other runs aren't sent yet, and how many calls of a list are for people of those.

Only to be told to whoever is asked: what is called in the end, the rules tell right before each request.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from aimylogic_provider.call_list.runs.called_by_lists import run_of
from aimylogic_provider.call_list.runs.lists_in_folder import lists_in, pointer_to
from aimylogic_provider.call_list.store.list_reader import ListReader
from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.store.objects import Folder

__all__ = ["WaitingList", "waiting_lists"]

_DAYS = 7
"""A list that was frozen before that is nobody's question any more."""
_LISTS, _CALLS = 50, 100_000
"""Lists, and calls of all of them together, that are looked at, at most."""
_BEGUN = ("claimed/", "sent/", "done/")


@dataclass(frozen=True, slots=True)
class WaitingList:
    """A list of another run that nobody began to send.

    :param run_id: of its DAG run
    :param made: when it was frozen (Unix seconds)
    :param shared: calls of the list that is asked about, to people of this one
    """

    run_id: str
    made: float
    shared: int


def waiting_lists(call_list: ListReader, now: float) -> list[WaitingList]:
    """Return the lists that share people with one, those with the most shared calls first.

    One that can't be read is left out.

    :param now: by this worker's clock (Unix seconds)
    :raises CallListError: if the list itself can't be read, or no folder listed
    """
    own = call_list.folder.address.rpartition("/")[0]
    phones = [line.phone for batch in call_list.manifest.batches for line in call_list.lines(batch)]
    found: list[WaitingList] = []
    left = _CALLS
    for other in _unsent(call_list.manifest.task_folder, own, now):
        left -= other.manifest.calls
        if left < 0:
            break
        try:
            theirs = {line.phone for batch in other.manifest.batches for line in other.lines(batch)}
        except CallListError:
            continue
        if shared := sum(phone in theirs for phone in phones):
            made = datetime.fromisoformat(other.manifest.made_at).timestamp()
            found.append(WaitingList(run_of(other.manifest.task), made, shared))
    return sorted(found, key=lambda one: (-one.shared, one.made))


def _unsent(of_task: str, but: str, now: float) -> Iterator[ListReader]:
    """The lists beneath a task's folder that nobody began to send, but for those of one task instance."""
    looked = 0
    for found in lists_in(Folder(of_task)) if of_task else ():
        begun = found.is_deleted or any(name.startswith(_BEGUN) for name in found.names)
        if begun or not found.is_frozen or found.folder.address.rpartition("/")[0] == but:
            continue
        looked += 1
        if looked > _LISTS:
            return
        try:
            one = ListReader.open(pointer_to(found.folder))
        except CallListError:
            continue
        if datetime.fromisoformat(one.manifest.made_at).timestamp() > now - _DAYS * 24 * 3600:
            yield one
