"""The entry of one task instance, as a try finds it, and in the two places where it is written.

The second record is written before the store, and read only where the store is empty: what the store refused stands
there as noted, and counts as unanswered. Any error of the store ends the try, for the store refuses the writes of a try
that was replaced. So nothing here catches.
"""

from __future__ import annotations

from aimylogic_provider.idempotence.ports import Log, Store
from aimylogic_provider.idempotence.record.record_copies import Recalled
from aimylogic_provider.idempotence.record.record_json import entry_from_json, entry_to_json
from aimylogic_provider.idempotence.record.records import Entry, Record
from aimylogic_provider.idempotence.record.second_record import SecondRecord

__all__ = ["KeptEntry"]


class KeptEntry:
    """An entry, and what it proves that there is one, or none.

    :param second: outlives a clear; None if there is none
    :param first_try: whether this is surely the first try of its task instance, in a run that was never cleared
    :param cleared: whether the task was cleared, which may have emptied the store
    :param phone: masked, for the log
    :raises RecordError: if it can't be read
    :raises Exception: whatever the stores raise
    """

    def __init__(
        self, store: Store, second: SecondRecord | None, *, first_try: bool, cleared: bool, phone: str, log: Log
    ) -> None:
        self._store = store
        self._second = second
        self.remembers = store.remembers
        """Whether what one try writes can be read by the next."""
        self.has_second = second is not None
        self.saved = False
        """Whether this try has written it."""
        recalled = Recalled()
        content = store.read()
        if content is None and not first_try:
            # Airflow tells any failure to find it as "nothing": ask twice before believing that it was emptied.
            content = store.read()
        if content is None and second is not None:
            recalled = second.recall()
        self.is_new = content is None and recalled.entry is None
        """Whether neither place held one."""
        self.unclear = recalled.unclear
        """Records of this run, or of one that was deleted and had the same id."""
        if content is not None:
            self.entry = entry_from_json(content)
        elif recalled.entry is not None:
            log.warning("The record of %s was discarded, as by a clear: going on by its second record.", phone)
            self.entry = recalled.entry
        else:
            self.entry = Entry(sure=first_try and recalled.nothing)
        self.unseen = cleared and not self.entry.sure
        """Whether what was sent before the run was cleared may stand nowhere."""
        if self.unseen and second is not None:
            self.unseen = not second.vouches(recalled if content is None else second.recall())

    def save(self, entry: Entry) -> None:
        """Write it, twice. Raises if this try was replaced."""
        self.entry = entry
        if self._second is not None:
            self._second.write(entry)
        self._store.write(entry_to_json(entry))
        self.saved = True

    def save_record(self, name: str, record: Record) -> None:
        """Write it with one record added or replaced. Raises if this try was replaced."""
        self.save(self.entry.with_record(name, record))

    def save_answer(self, name: str, record: Record) -> None:
        """Write what a send was answered, in both places, whichever of them fails."""
        self.entry = self.entry.with_record(name, record)
        try:
            if self._second is not None:
                self._second.write(self.entry)
        finally:
            self._store.write(entry_to_json(self.entry))
