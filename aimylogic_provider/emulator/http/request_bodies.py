"""The JSON bodies that the Calls API takes, as types: they read requests, and describe them in the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, TypeVar, get_args

import msgspec
from msgspec import Meta, Struct, field

from aimylogic_provider.calls_api.errors import UnreadableError
from aimylogic_provider.calls_api.json_values import read_time
from aimylogic_provider.emulator.world.jobs import Span
from aimylogic_provider.emulator.world.refusal import bad_request
from aimylogic_provider.emulator.world.settings import Limits

__all__ = [
    "AttemptsByDate",
    "ExternalCheck",
    "Item",
    "JobsByDate",
    "LocalTimes",
    "Pagination",
    "UnfinishedPage",
    "Which",
    "read_body",
    "unknown_fields",
]

T = TypeVar("T")

_NULL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_ZONE = 3 * 3600.0
"""Seconds by which a server is off that takes text for the time of another place."""
_HALF = 0.0005
"""Half of the millisecond to which reports round times, so that a job lies within the times that they tell of it."""
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


class LocalTimes(Struct, frozen=True):
    """A span of a day's local time, as HH:MM."""

    begins: str = field(name="localTimeFrom")
    ends: str = field(name="localTimeTo")


class ExternalCheck(Struct, frozen=True):
    """An address that the server asks before it calls. What it is asked is not stated: see the settings ``check_…``."""

    url: str = field(name="externalCheckUrl")
    retries: int | None = field(default=None, name="externalCheckMaxRetries")


class Item(Struct, kw_only=True, gc=False):
    """One number of addPhones, with its call policy."""

    phone: str | int
    payload: dict[str, Any] | None = None
    start: str | None = field(default=None, name="startDateTime")
    finish: str | None = field(default=None, name="finishDateTime")
    days: list[str] | None = field(default=None, name="allowedDays")
    times: dict[str, list[LocalTimes]] | None = field(default=None, name="allowedTime")
    retry_minutes: int | None = field(default=None, name="retryIntervalInMinutes")
    max_attempts: int | None = field(default=None, name="maxAttempts")
    gmt_zone: str | None = field(default=None, name="gmtZone")
    priority: int | None = field(default=None, name="dialerPriority")
    begins: str | None = field(default=None, name="localTimeFrom")
    ends: str | None = field(default=None, name="localTimeTo")
    external_check: ExternalCheck | None = field(default=None, name="externalCheck")

    def has_policy(self) -> bool:
        """Whether it names any part of a policy."""
        return not (
            self.start is None
            and self.finish is None
            and self.days is None
            and self.times is None
            and self.retry_minutes is None
            and self.max_attempts is None
            and self.priority is None
            and self.begins is None
            and self.ends is None
            and self.external_check is None
        )


class Which(Struct, kw_only=True):
    """Jobs by phone or id, or both: text, or numbers as in the vendor's own examples; null for one left out."""

    phones: list[str | int] | None = None
    ids: list[str | int] | None = None

    @property
    def selected(self) -> tuple[list[str], list[str]]:
        """Phones and ids, as text."""
        return [*map(str, self.phones or ())], [*map(str, self.ids or ())]


class Pagination(Struct, kw_only=True):
    """A page of a report; a page bears no total."""

    page: Annotated[int, Meta(ge=0, le=199)] = 0
    size: Annotated[int, Meta(ge=1, le=200)] = field(default=20, name="pageSize")

    def served(self, most: int) -> Pagination:
        """The same page of a server that serves so many rows at most."""
        return Pagination(page=self.page, size=min(self.size, most))

    @property
    def start(self) -> int:
        """The rows before it."""
        return self.page * self.size


class Paged(Struct, kw_only=True):
    """A page."""

    pagination: Pagination | None = None

    @property
    def page(self) -> Pagination:
        """Which page; the first, if none is named."""
        return self.pagination or Pagination()


class UnfinishedPage(Pagination, kw_only=True):
    """A page of the open jobs: the body is the pagination itself."""


class JobFilter(Struct, kw_only=True):
    """A time range, in Unix milliseconds or ISO 8601 text, both ends included."""

    created_from: int | float | str | None = field(default=None, name="createdAtFrom")
    created_to: int | float | str | None = field(default=None, name="createdAtTo")
    finished_from: int | float | str | None = field(default=None, name="finishedAtFrom")
    finished_to: int | float | str | None = field(default=None, name="finishedAtTo")

    def spans(self, limits: Limits) -> tuple[Span, Span]:
        """Of the creation, and of the end."""
        return _span(self.created_from, self.created_to, limits), _span(self.finished_from, self.finished_to, limits)


class AttemptFilter(Struct, kw_only=True):
    """A time range, in Unix milliseconds or ISO 8601 text, both ends included."""

    started_from: int | float | str | None = field(default=None, name="startedAtFrom")
    started_to: int | float | str | None = field(default=None, name="startedAtTo")
    finished_from: int | float | str | None = field(default=None, name="finishedAtFrom")
    finished_to: int | float | str | None = field(default=None, name="finishedAtTo")

    def spans(self, limits: Limits) -> tuple[Span, Span]:
        """Of the beginning, and of the end."""
        return _span(self.started_from, self.started_to, limits), _span(self.finished_from, self.finished_to, limits)


class JobsByDate(Paged, kw_only=True):
    """A page of the jobs of a time range."""

    filter: JobFilter | None = None

    def spans(self, limits: Limits) -> tuple[Span, Span]:
        """Of the creation, and of the end; both without limits, if none is named."""
        return (self.filter or JobFilter()).spans(limits)


class AttemptsByDate(Paged, kw_only=True):
    """A page of the attempts of a time range."""

    filter: AttemptFilter | None = None

    def spans(self, limits: Limits) -> tuple[Span, Span]:
        """Of the beginning, and of the end; both without limits, if none is named."""
        return (self.filter or AttemptFilter()).spans(limits)


def read_body(body: bytes, kind: type[T]) -> T:
    """Read a JSON body.

    :raises Refusal: naming what is wrong and where
    """
    if kind not in _decoders:
        _decoders[kind] = msgspec.json.Decoder(kind)
    try:
        content: T = _decoders[kind].decode(body.decode())
    except msgspec.ValidationError as error:
        raise bad_request(f"the body is not what the endpoint takes: {error}") from None
    except UnicodeDecodeError:
        raise bad_request("the body is not UTF-8") from None
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise bad_request("the body is not JSON, or nests too deeply") from None
    if b"\\u0000" in body and _NULL.search(body):
        raise bad_request("the body holds a null character")
    return content


def unknown_fields(body: bytes, kind: Any) -> set[str]:
    """The fields of a body, which was read before, that its type doesn't know."""
    content = msgspec.json.decode(body)
    struct: type[Struct] = Item if isinstance(content, list) else kind
    return {name for item in (content if isinstance(content, list) else [content]) for name in _unknown(item, struct)}


def _unknown(content: dict[str, Any], struct: type[Struct]) -> Iterator[str]:
    known = {one.encode_name: one.type for one in msgspec.structs.fields(struct)}
    for name, value in content.items():
        if name not in known:
            yield name
        elif isinstance(value, dict):
            for kind in get_args(known[name]) or (known[name],):
                if isinstance(kind, type) and issubclass(kind, Struct):
                    yield from _unknown(value, kind)


def _span(start: float | str | None, end: float | str | None, limits: Limits) -> Span:
    """A time range, read as the server reads limits."""
    begins, ends = _limit(start, limits), _limit(end, limits)
    if limits == "ignored":
        return Span()
    return Span(None if begins is None else begins - _HALF, None if ends is None else ends + _HALF)


def _limit(moment: float | str | None, limits: Limits) -> float | None:
    if isinstance(moment, str) and not moment.strip():
        raise bad_request("filter holds an empty time: leave the limit out, or give one")
    if limits == "numbers_as_seconds" and isinstance(moment, (int, float)):
        return float(moment)
    try:
        read = read_time(moment)
    except UnreadableError:
        raise bad_request("filter holds a time that is neither Unix milliseconds nor ISO 8601 text") from None
    if read is None:
        return None
    return read.timestamp() + (_ZONE if limits == "text_elsewhere" and isinstance(moment, str) else 0.0)
