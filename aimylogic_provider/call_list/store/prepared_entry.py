"""What the half that freezes keeps in its task's entry: where it froze lists, and one that waits for a person's word.

Once a list is frozen and no brake holds it, nothing of it stands here: its pointer is what the task returns.
"""

from __future__ import annotations

from typing import Any

import msgspec

from aimylogic_provider.call_list.store.manifest import Count, Pointer
from aimylogic_provider.call_list.store.sync_entry import EntryKeeper, Freezing, StageAnswer, StageQuestion, SyncEntry
from aimylogic_provider.idempotence.ports import Store

__all__ = ["PreparedKeeper"]

_FORMAT = "prepare 1"


class _Waiting(msgspec.Struct, frozen=True):
    """A list that a brake holds, as :class:`.SyncEntry` names its parts."""

    call_list: Pointer
    usual: tuple[Count, ...]
    asking: StageQuestion | None = None
    answers: dict[str, StageAnswer] = {}


class PreparedKeeper(EntryKeeper):
    """Holds what the entry says, and writes it.

    :param content: what stands there; whatever is nothing of the kind counts as nothing
    :param folder: the address of the folder in which the task freezes lists now
    """

    def __init__(self, store: Store, content: object, folder: str) -> None:
        known: dict[str, Any] = content if isinstance(content, dict) else {}
        waiting = _waiting(known.get("waiting"))
        super().__init__(store, SyncEntry(sure=False, freezing=Freezing.of(known.get("freezing"))))
        if waiting is not None:
            self.entry.call_list, self.entry.usual = waiting.call_list, waiting.usual
            self.entry.asking, self.entry.answers = waiting.asking, waiting.answers
        folders = known.get("folders")
        named = [one for one in folders if isinstance(one, str)] if isinstance(folders, list) else []
        self.elsewhere = tuple(dict.fromkeys(one for one in named if one != folder))
        """The other folders in which the task noted that it froze lists."""
        self._folders = [*self.elsewhere, folder]

    def _content(self) -> dict[str, object]:
        content: dict[str, object] = {"format": _FORMAT, "folders": self._folders}
        entry = self.entry
        if entry.freezing is not None:
            content["freezing"] = entry.freezing.as_json()
        if entry.call_list is not None:
            waiting = _Waiting(entry.call_list, entry.usual or (), entry.asking, entry.answers)
            content["waiting"] = msgspec.json.decode(msgspec.json.encode(waiting))
        return content


def _waiting(content: object) -> _Waiting | None:
    try:
        return msgspec.convert(content, _Waiting)
    except msgspec.ValidationError:
        return None
