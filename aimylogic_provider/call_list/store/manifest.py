"""What a frozen list says of itself (``list.json``), and the pointer by which a task knows it. Values, and JSON.

Nothing is read from a folder here, nor written.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import msgspec
from msgspec.structs import replace

from aimylogic_provider.call_list.store.caps import Cap
from aimylogic_provider.calls_api.errors import AimylogicError
from aimylogic_provider.idempotence.time_limits import ClockSource

__all__ = [
    "FORMAT", "Batch", "BrakesTold", "CallListError", "Claim", "Count", "DoubleLine", "Manifest", "Method", "Pointer",
    "RejectedLine", "Tombstone", "decode_claim", "decode_manifest", "decode_tombstone", "sha256",
]  # fmt: skip

FORMAT = 1
"""The version of the layout, and of the recipe of its requests' keys. A list of another one is not touched.

The recipe has no version besides: keys aren't kept, so the next try must make the very same ones, whatever version of
this package it runs.
"""

_BATCH = re.compile(r"[0-9]+")
_PART = re.compile(r"(?:rejected|doubles|held|capped|excluded|held_out)/[0-9]+\.jsonl")

Method = Literal["addPhones", "addPhone"]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class CallListError(AimylogicError):
    """A call list that can't be gone on with: it is gone, unreachable, changed, or another task's.

    :param retryable: whether another try can help by itself
    :param retry_after: seconds that the server asks to wait, if it does
    """

    def __init__(self, message: str, *, retryable: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after


def sha256(content: bytes) -> str:
    """Return the SHA-256 of *content*, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


class RejectedLine(TypedDict):
    """A row that can't be called, that another run's list holds, or that a rule spares, and why."""

    row: int
    keys: dict[str, Any]
    reason: str


class DoubleLine(TypedDict):
    """A row that repeats the call of another one."""

    row: int
    keys: dict[str, Any]
    double_of: int


class CappedLine(TypedDict):
    """A row whose phone is called for another one already, or was called by others, and why that is enough.

    :param called: the first row of this list that it is called for; missing if others called it, and in lists of
        earlier versions, which name it in the reason alone
    """

    row: int
    keys: dict[str, Any]
    reason: str
    called: NotRequired[int]


class Batch(msgspec.Struct, frozen=True):
    """One batch of a list.

    :param name: of its file, without folder and ending
    :param calls: how many
    :param turn: batches of one shard that share a phone have different turns, and are sent in their order
    :param shard: which part of the list it belongs to, from 0
    :param sha256: of its file
    """

    name: str
    calls: Count
    turn: Count
    shard: Count
    sha256: str

    @property
    def file(self) -> str:
        """The name of its file in the list's folder."""
        return f"batches/{self.name}.jsonl"


class Pointer(msgspec.Struct, frozen=True):
    """Where a frozen list is, and what proves that it is that list. Travels in XCom and in a task's state.

    :param path: the address of its folder
    :param sha256: of its ``list.json``, which bears the digests of all else
    :param rows: rows that the query gave: calls, doubles and rejected ones together
    :param calls: calls to be made
    :param doubles: rows that repeat another row's call
    :param rejected: rows that can't be called
    :param shards: parts in which it can be sent
    :param elsewhere: other folders in which lists of this DAG run were frozen by the same task
    :param claimed: rows that another run's list held when this one was frozen
    :param capped: rows whose phone is called for others already, or was called by others, as often as may be
    :param excluded: rows whose phone stood on the exclusion list
    :param held_out: rows that aren't called for measuring what calling does
    """

    path: str
    sha256: str
    rows: Count
    calls: Count
    doubles: Count
    rejected: Count
    shards: Annotated[int, msgspec.Meta(ge=1, le=2**53)] = 1
    elsewhere: tuple[str, ...] = ()
    claimed: Count = 0
    capped: Count = 0
    excluded: Count = 0
    held_out: Count = 0

    @property
    def aside(self) -> int:
        """Rows that are no calls of the list."""
        return self.doubles + self.rejected + self.claimed + self.capped + self.excluded + self.held_out

    @property
    def counts(self) -> dict[str, int]:
        """How many rows are what, by the names that reports have for them."""
        names = ("rows", "calls", "doubles", "rejected", "claimed", "capped", "excluded", "held_out")
        return {name: getattr(self, name) for name in names}

    @property
    def list_id(self) -> str:
        """The id of the list, which its folder is named after."""
        return self.path.rpartition("/")[2]

    @property
    def rejected_rows(self) -> str | None:
        """The address of the rows that can't be called, with their reasons, if there are any."""
        return f"{self.path}/rejected.csv" if self.rejected else None

    def is_beneath(self, folder: str) -> bool:
        """Whether the list lies in a folder, at any depth, by their addresses."""
        return self.path.startswith(f"{folder}/") and ".." not in self.path.removeprefix(folder).split("/")

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        content: dict[str, Any] = msgspec.to_builtins(self)
        seldom = ("elsewhere", "claimed", "capped", "excluded", "held_out")
        left_out = {name for name in seldom if not content[name]}
        return {name: content[name] for name in content if name not in left_out}

    @classmethod
    def of(cls, content: object) -> Pointer:
        """Read it from plain JSON values.

        :raises CallListError: if they aren't a pointer to a call list
        """
        try:
            pointer = msgspec.convert(content, cls)
            if "\0" in pointer.path or not pointer.path:
                raise ValueError("its path is none")
            pointer.path.encode()
            return pointer
        except (ValueError, RecursionError) as error:
            raise CallListError(
                f"this isn't a call list ({error}): give what PrepareCallListOperator returned, by its .output or as "
                "\"{{ ti.xcom_pull('prepare') }}\" in a DAG with render_template_as_native_obj=True"
            ) from None


class BrakesTold(msgspec.Struct, frozen=True):
    """The brakes of the task that froze a list, as they were set then.

    :param max_calls: calls, at most; None for any number
    :param max_change: by which share of the usual number theirs may differ; None for any
    :param usual: how many calls the task's last runs had, the newest first
    """

    max_calls: Count | None = None
    max_change: float | None = None
    usual: tuple[Count, ...] = ()


class Claim(msgspec.Struct, frozen=True):
    """That a shard belongs to a task instance.

    :param task: which one, in words
    :param shard: of the list
    :param at: since when, by the server's clock, at the earliest
    :param clock: whose clock told that
    :param campaign: digest of where it is sent
    :param campaign_id: digest of that campaign's own id; empty if the server didn't tell it
    """

    task: str
    shard: Count
    at: float
    clock: ClockSource
    campaign: str
    campaign_id: str = ""


class Tombstone(msgspec.Struct, frozen=True):
    """What is left of a list that was deleted (``deleted.json``).

    :param sha256: of its ``list.json``
    :param claims: who sent it; empty if nobody did
    :param reports: by shard
    :param because: why it was deleted; None for its age
    :param source: as the list's
    :param said_no: who said no to it, in words; None if nobody did
    :param sent: within which times (Unix seconds) jobs of its sends may have been created
    :param created_in: by shard, how many of its calls were created in which campaign, by its digest; empty if an older
        version deleted it
    """

    sha256: str
    claims: tuple[Claim, ...]
    reports: dict[int, dict[str, Any]]
    because: str | None = None
    source: str = ""
    said_no: str | None = None
    sent: tuple[float, float] | None = None
    created_in: dict[int, dict[str, Count]] = {}


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What ``list.json`` says.

    :param id: random; the idempotence keys are made of it
    :param made_at: when it was frozen, by the worker's clock, in ISO 8601
    :param task: the DAG run's task that froze it, in words
    :param task_folder: the address beneath which the lists of that task lie, of all its runs
    :param source: digest of what a mapped task was told to freeze; empty if the task wasn't mapped
    :param finishes: until when (Unix seconds) the first and the last of the calls that have a finish can be sent
    :param policy_by_row: whether calls have policies of their own
    :param keys: the key columns
    :param countries: how many calls go to which country, by two-letter code; by an empty text those that go to none
    :param parts: digests of the further files (rejected rows, doubles), by name
    :param held_by: the ids of the lists of other runs that held rows
    :param results_table: that the task which froze it was given; empty for none
    :param exclude: a digest of the exclusion list that it was frozen with, which is looked at again before each send;
        empty for none
    :param exclude_reads: how that one is read: the column of its phones if it has several, and the country whose
        national numbers are understood; empty for none
    :param exclude_starts: the first three digits of all phones that were looked for when it was frozen, by which
        national numbers of their countries are understood, too; empty in lists of earlier versions
    :param caps: how often a person may be called; each holds
    :param consent: the column among *keys* in which a person's consent stands; it doesn't tell who a row is
    :param brakes: how many calls it may have; None in lists of earlier versions
    """

    format: int
    id: str
    made_at: str
    task: str
    task_folder: str
    method: Method
    rows: Count
    calls: Count
    doubles: Count
    rejected: Count
    shards: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    policy_by_row: bool
    keys: tuple[str, ...] = ()
    batches: tuple[Batch, ...]
    parts: dict[str, str] = {}
    source: str = ""
    finishes: tuple[float, float] | None = None
    claimed: Count = 0
    held_by: tuple[str, ...] = ()
    capped: Count = 0
    excluded: Count = 0
    held_out: Count = 0
    countries: dict[str, Count] = {}
    results_table: str = ""
    exclude: str = ""
    exclude_reads: tuple[str, str] = ("phone", "")
    exclude_starts: tuple[str, ...] = ()
    caps: tuple[Cap, ...] = ()
    consent: str = ""
    brakes: BrakesTold | None = None

    def __post_init__(self) -> None:
        if datetime.fromisoformat(self.made_at).tzinfo is None:
            raise ValueError("made_at has no time zone")
        if any(batch.shard >= self.shards or batch.calls < 1 for batch in self.batches):
            raise ValueError("a batch is of a shard that the list doesn't have, or without calls")
        names = [batch.name for batch in self.batches]
        if not all(map(_BATCH.fullmatch, names)) or not all(map(_PART.fullmatch, self.parts)):
            raise ValueError("a file has a name that no list's have")
        if len({*names}) < len(names):
            raise ValueError("two batches have one name")
        if sum(batch.calls for batch in self.batches) != self.calls or self.rows < self.calls:
            raise ValueError("the batches don't hold as many calls as the list, or the list more than it has rows")

    def pointer(self, address: str, digest: str) -> Pointer:
        """Return the pointer to this list.

        :param address: of its folder
        :param digest: of its ``list.json``
        """
        return Pointer(
            address, digest, self.rows, self.calls, self.doubles, self.rejected, self.shards, claimed=self.claimed,
            capped=self.capped, excluded=self.excluded, held_out=self.held_out,
        )  # fmt: skip

    def fault(self, pointer: Pointer) -> str | None:
        """Tell why this is not the list that a pointer to it says; None if it is.

        Its digest says that it is what was pointed to, and not who made it: a pointer may come from a form.
        """
        if replace(pointer, elsewhere=()) != self.pointer(pointer.path, pointer.sha256):
            return "the counts that its pointer names are others"
        if not pointer.is_beneath(self.task_folder):
            return f"it does not lie in its task's folder, {self.task_folder}"
        return None


decode_manifest = msgspec.json.Decoder(Manifest).decode
decode_tombstone = msgspec.json.Decoder(Tombstone).decode
decode_claim = msgspec.json.Decoder(Claim).decode
