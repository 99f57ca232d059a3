"""What a sync notes in its task's entry before anything leaves, and the fence that lies in the writing of it.

Airflow refuses the write of a try that it has replaced, so whoever has written may send. Many batches share a write.

What is open of a batch is a value of its own, ``open_batch``. Nothing is decided here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec

from aimylogic_provider.call_list.store.manifest import CallListError, Count, Pointer
from aimylogic_provider.call_list.store.open_batch import OpenBatch, SendNote
from aimylogic_provider.idempotence.ports import Store

__all__ = [
    "ENTRY_FORMAT", "EntryKeeper", "FirstVerdict", "Freezing", "ListQuestion", "ListRuling", "OwnPhoneCall",
    "StageAnswer", "StageQuestion", "SyncEntry",
]  # fmt: skip

ENTRY_FORMAT = "call list 1"


class ListQuestion(msgspec.Struct, frozen=True):
    """That a person was asked what to do about parked calls, and did not answer yet.

    :param reference: of what was asked
    :param at: when (Unix seconds)
    :param batches: that hold those calls
    :param campaign: digest of the campaign that was sent to then; empty if an older version asked
    """

    reference: str
    at: float
    batches: tuple[str, ...]
    campaign: str = ""


class ListRuling(msgspec.Struct, frozen=True):
    """What a person said of parked calls.

    :param send: send those that the report shows no job of, and take the jobs of the others for theirs; else leave them
    :param by: who said so
    :param at: when, by Airflow's clock (Unix seconds)
    """

    send: bool
    by: str
    at: float
    question: ListQuestion


class StageQuestion(msgspec.Struct, frozen=True):
    """That a person was asked whether to go on, before a list or the rest of it is sent, and did not answer yet.

    :param stage: before which, as ``brakes``
    :param reference: of what was asked
    :param at: when (Unix seconds)
    """

    stage: str
    reference: str
    at: float


class StageAnswer(msgspec.Struct, frozen=True):
    """What a person said who was asked whether to go on.

    :param by: who said so
    :param at: when, by Airflow's clock (Unix seconds)
    """

    go_on: bool
    by: str
    at: float


class Freezing(msgspec.Struct, frozen=True):
    """A list that is being frozen, and isn't yet the task's: what it claims in the meantime, it must not hold for ever.

    :param call_list: its id
    :param path: the address of its folder
    :param results_table: beside which it claims rows
    :param results_conn_id: of that table's database
    """

    call_list: str
    path: str
    results_table: str
    results_conn_id: str

    def as_json(self) -> dict[str, str]:
        """Return it as plain JSON values."""
        content: dict[str, str] = msgspec.to_builtins(self)
        return content

    @classmethod
    def of(cls, content: object) -> Freezing | None:
        """Read it from plain JSON values; None if they are anything else."""
        try:
            return msgspec.convert(content, cls)
        except msgspec.ValidationError:
            return None


class OwnPhoneCall(msgspec.Struct, frozen=True):
    """The call to one's own phone by which a list is tried, noted before it leaves: it rings once for a list.

    :param call_list: the list's id
    :param phone: digest of the phone
    :param at: when it was noted, by this worker's clock (Unix seconds)
    :param job: of the call, once it is created
    :param refused: why the server refused it, if it did; it is then as if it hadn't been sent
    """

    call_list: str
    phone: str
    at: float
    job: str = ""
    refused: str = ""


class FirstVerdict(msgspec.Struct, frozen=True):
    """What was found of the first calls of a list, once they were over, or the time to wait was up.

    :param call_list: the list's id
    :param broken: which bounds are broken, in words; empty if the rest may follow
    :param figures: in words
    :param created_now: how many of them the try created that found it
    """

    call_list: str
    broken: str
    figures: str
    created_now: int = 0


class SyncEntry(msgspec.Struct):
    """All that is durably known of a sync, besides its list.

    :param sure: whether it was begun surely before any send of this task instance
    :param call_list: where the list is; None until it is frozen
    :param doubtful_since: since when (Unix seconds) another list, of which nothing is left, may have been sent
    :param before: a send that any batch may have had that is neither open nor done, for an earlier entry was lost
    :param done: how many batches were done, at least
    :param done_batches: which ones, as ``done_batches.DoneBatches`` writes them; empty if an older version wrote it
    :param fence: how often it was written before requests left
    :param open: the batches that were begun and aren't done, by name
    :param asked: the question that a person was asked, and whose answer is not noted yet
    :param ruling: what a person last said
    :param progress: for people who look into the task's state
    :param tried: the try that began last, and a digest of what it was told to call
    :param cleared: how often the task was cleared, as Airflow tells it, when it was last told to call the list's
        people; empty if that isn't known
    :param campaigns: digests of the tokens that were sent with, and of their campaigns' ids
    :param freezing: the list that is being frozen, if it claims rows
    :param own_phone: the call to one's own phone, if there was one
    :param first: what was found of the first calls, if they were waited for
    :param asking: the question before a stage of the list's sending whose answer is not noted yet
    :param answers: what people said before stages of the list's sending, by stage
    :param usual: how many calls the task's last runs had when the list was frozen, if a brake was set then
    :param put: the reference of the question that was put last, answered or not; empty for none
    """

    sure: bool
    call_list: Pointer | None = None
    doubtful_since: float | None = None
    before: SendNote | None = None
    done: Count = 0
    done_batches: str = ""
    fence: Count = 0
    open: dict[str, OpenBatch] = {}
    asked: ListQuestion | None = None
    ruling: ListRuling | None = None
    progress: dict[str, Any] = {}
    tried: tuple[str, str] | None = None
    cleared: str = ""
    campaigns: list[tuple[str, str]] = []
    format: str = ENTRY_FORMAT
    freezing: Freezing | None = None
    own_phone: OwnPhoneCall | None = None
    first: FirstVerdict | None = None
    asking: StageQuestion | None = None
    answers: dict[str, StageAnswer] = {}
    usual: tuple[Count, ...] | None = None
    put: str = ""

    @classmethod
    def of(cls, content: object) -> SyncEntry:
        """Read it.

        :raises CallListError: if it is another's, or could not be written back as it is
        """
        try:
            entry = msgspec.convert(content, cls)
            if msgspec.json.decode(msgspec.json.encode(entry), type=cls) != entry:
                raise ValueError("it holds what JSON has no word for")
        except (ValueError, OverflowError, RecursionError) as error:
            raise CallListError(
                f"the task's state isn't an entry of a sync ({error}): was it written by hand?"
            ) from None
        if entry.format != ENTRY_FORMAT:
            raise CallListError(
                f"the task's state has format {entry.format!r}, and this version of the provider knows "
                f"{ENTRY_FORMAT!r}: go on with the version that wrote it"
            )
        return entry

    def note_open(self, batch: str, state: OpenBatch) -> None:
        """What is open of a batch, once what it names is kept. Durable with the next write."""
        if state.says_anything:
            self.open[batch] = state
        else:
            self.open.pop(batch, None)

    def note_done(self, batches: Iterable[str], done: int, done_batches: str) -> None:
        """Nothing is open of some batches any more: what became of them lies in the list's folder.

        :param done: how many batches are done in all
        :param done_batches: which, in the words of ``done_batches.DoneBatches``
        """
        for name in batches:
            self.open.pop(name, None)
        self.done, self.done_batches = done, done_batches


class EntryKeeper:
    """Holds the entry, and writes it.

    :param store: refuses the writes of a try that was replaced
    """

    def __init__(self, store: Store, entry: SyncEntry) -> None:
        self._store = store
        self.entry = entry
        self._changes = 0
        self._saved = 0
        self._writing = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def list_of_another_try(self) -> str | None:
        """The list that another try has pointed to meanwhile, if the store lets two of them write; where it is."""
        content = self._store.read()
        pointer = None if content is None else SyncEntry.of(content).call_list
        return None if pointer is None else pointer.path

    def save_now(self) -> None:
        """Write the entry. Raises whatever the store raises: this try was replaced, or the store failed."""
        self._store.write(self._content())

    def give_up(self, noted: Freezing | None) -> None:
        """Note that the task's list, of which nothing was sent, comes to nothing. Raises as :meth:`save_now`.

        :param noted: the list, if it claimed rows
        """
        entry = self.entry
        entry.call_list, entry.freezing = None, noted
        entry.done, entry.done_batches, entry.open = 0, "", {}
        entry.asking, entry.answers = None, {}
        self.save_now()

    async def save(self) -> None:
        """Return once a write that began after this call has ended. Raises as :meth:`save_now`."""
        self._changes += 1
        mine = self._changes
        async with self._one_at_a_time():
            if self._saved >= mine:
                return  # another's write took this change along
            changes = self._changes
            self.entry.fence += 1
            await asyncio.to_thread(self._store.write, self._content())
            self._saved = changes

    def _one_at_a_time(self) -> asyncio.Lock:
        """The lock of the event loop that runs: a try that sends the first calls by themselves has two, in turn."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._writing = loop, asyncio.Lock()
        return self._writing

    def _content(self) -> dict[str, object]:
        content: dict[str, object] = msgspec.json.decode(msgspec.json.encode(self.entry))
        return content
