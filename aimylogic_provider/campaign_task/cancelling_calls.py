"""Cancelling call jobs, by ids and by phones, 200 a request; and what became of those that no answer names.

The server refuses a whole request in which it knows one id or phone not. So such a request is halved, until the others
are cancelled and the unknown one stands alone. What is cancelled already can be cancelled again without harm.

Each request bears an idempotence key of its own, which only its own repeats share: the answer to a repeat then names
what the first one cancelled. No later try knows the key: for 24 hours it would be answered with that first answer, and
cancel nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Literal, TypeVar
from uuid import uuid4

from aimylogic_provider.call_list.report.created_jobs import created_jobs, unsettled_calls
from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.client import CampaignClient
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.http_messages import Request
from aimylogic_provider.calls_api.phones.phone import mask_phone
from aimylogic_provider.calls_api.request_fields import IDS_PER_REQUEST
from aimylogic_provider.calls_api.statuses import is_cancelled
from aimylogic_provider.campaign_task.action_errors import ActionError, asked, in_words
from aimylogic_provider.campaign_task.job_selection import JobSelection

__all__ = ["MOST_TOLD", "CancelledJobs", "JobCancelling"]

T = TypeVar("T")

MOST_TOLD = 100
"""Ids of a kind that are told one by one; the others are only counted."""
_IN_MESSAGES = 10
_NOT_FOUND = ("id.not.found", "phone.not.found")


@dataclass(slots=True)
class Some:
    """How many there are of a kind, and the first of them."""

    count: int = 0
    first: list[str] = field(default_factory=list)
    most: int = MOST_TOLD

    def add(self, values: Iterable[str]) -> None:
        """Count values in."""
        for value in values:
            self.count += 1
            if len(self.first) < self.most:
                self.first.append(value)

    def __str__(self) -> str:
        named = self.first[:_IN_MESSAGES]
        return ", ".join(named) + (", …" if self.count > len(named) else "")


@dataclass(slots=True)
class CancelledJobs:
    """What became of the jobs that were to be cancelled.

    :param cancelled: jobs that are cancelled, now or before
    :param finished: jobs that had ended otherwise
    :param still_open: jobs that the server neither cancelled nor shows ended
    :param unknown_ids: ids that the campaign doesn't know
    :param unknown_phones: phones that it doesn't know, masked
    :param unchecked: phones that the report doesn't show, so that their jobs can't be looked up, masked
    :param phones: how many phones it knows
    :param unsettled_calls: calls of the lists of which no job is known yet
    """

    cancelled: Some = field(default_factory=Some)
    finished: Some = field(default_factory=Some)
    still_open: Some = field(default_factory=Some)
    unknown_ids: Some = field(default_factory=Some)
    unknown_phones: Some = field(default_factory=Some)
    unchecked: Some = field(default_factory=Some)
    phones: int = 0
    unsettled_calls: int = 0

    @property
    def unknown(self) -> int:
        """How many ids and phones the campaign doesn't know."""
        return self.unknown_ids.count + self.unknown_phones.count

    @property
    def known(self) -> int:
        """How many ids and phones it knows."""
        return self.cancelled.count + self.finished.count + self.still_open.count + self.phones

    def as_json(self) -> dict[str, Any]:
        """Return it as a task returns it."""
        return {
            "cancelled": self.cancelled.count,
            "cancelled_ids": self.cancelled.first,
            "finished": self.finished.count,
            "finished_ids": self.finished.first,
            "not_found": self.unknown,
            "not_found_ids": self.unknown_ids.first,
            "not_found_phones": self.unknown_phones.first,
            "unsettled_calls": self.unsettled_calls,
        }


class JobCancelling:
    """Cancels what is selected.

    :param client: of the campaign
    :param on_not_found: whether ids and phones that the campaign doesn't know are an error once the others are done
    :param on_unsettled: whether calls of a list that have no known job yet are one, too
    :param most_told: how many ids that are cancelled are told one by one
    """

    def __init__(
        self,
        client: CampaignClient,
        on_not_found: Literal["fail", "skip"],
        on_unsettled: Literal["fail", "skip"] = "fail",
        most_told: int = MOST_TOLD,
    ) -> None:
        self._client = client
        self._fails_unsettled = on_unsettled == "fail"
        self._fails = on_not_found == "fail"
        self.jobs = CancelledJobs(cancelled=Some(most=most_told))

    def run(self, selection: JobSelection) -> CancelledJobs:
        """Cancel all that can be, and return what became of all.

        :raises ActionError: if one is unknown, can't be used, or goes on
        :raises ApiError: if a request was not answered
        :raises CallListError: if a list can't be read
        """
        try:
            self._cancel_all(selection)
        except ApiError as error:
            told = f"{in_words(error)}. {self._so_far()}"
            raise ActionError(told, retryable=error.retryable, retry_after=error.retry_after) from None
        except CallListError as error:
            raise CallListError(f"{error}. {self._so_far()}", retryable=error.retryable) from None
        self._check(selection.unusable)
        return self.jobs

    def _cancel_all(self, selection: JobSelection) -> None:
        # Counted before the lists are read: what is settled in between is told too often rather than not at all.
        self.jobs.unsettled_calls = sum(map(unsettled_calls, selection.lists))
        for chunk in _chunks(chain(selection.ids, *map(created_jobs, selection.lists))):
            self._check_campaign()
            self._cancel_ids(chunk)
        for chunk in _chunks(selection.phones):
            self._check_campaign()
            self._cancel_phones(chunk)

    def _cancel_ids(self, ids: Sequence[str]) -> None:
        cancelled = self._cancelled(ids=ids)
        if cancelled is not None:
            self._ids_answered(ids, cancelled)
        elif len(ids) == 1:
            self.jobs.unknown_ids.add(ids)
        else:
            for half in _halves(ids):
                self._cancel_ids(half)

    def _ids_answered(self, ids: Sequence[str], cancelled: Sequence[str]) -> None:
        """Note what became of ids that the campaign knows."""
        self.jobs.cancelled.add(cancelled)
        named = {*cancelled}
        left = [one for one in ids if one not in named]
        if not left:
            return
        found = {job.id: job for job in self._known(endpoints.call_job_report(ids=left)) or ()}
        for one in left:
            job = found.get(one)
            if job is None or job.is_open:
                self.jobs.still_open.add([one])
            else:
                (self.jobs.cancelled if is_cancelled(job.status) else self.jobs.finished).add([one])

    def _cancel_phones(self, phones: Sequence[str]) -> None:
        cancelled = self._cancelled(phones=phones)
        if cancelled is not None:
            self.jobs.phones += len(phones)
            self.jobs.cancelled.add(cancelled)
            named = {*cancelled}
            shown = self._known(endpoints.call_job_report(phones=phones))
            if shown is None:
                self.jobs.unchecked.add(map(mask_phone, phones))
            else:
                self.jobs.still_open.add(job.id for job in shown if job.is_open and job.id not in named)
        elif len(phones) == 1:
            self.jobs.unknown_phones.add(map(mask_phone, phones))
        else:
            for half in _halves(phones):
                self._cancel_phones(half)

    def _cancelled(self, *, ids: Sequence[str] = (), phones: Sequence[str] = ()) -> Sequence[str] | None:
        """The ids that the server cancelled; None if it doesn't know one of those that were named."""
        return self._known(endpoints.cancel_call_jobs(ids=ids, phones=phones, idempotence_key=str(uuid4())))

    def _known(self, request: Request[T]) -> T | None:
        """What is answered; None if the server doesn't know one of those that are named, or not yet, a moment later."""
        try:
            return asked(self._client, request).value
        except ApiError as error:
            if error.known is Known.REFUSED and error.type in _NOT_FOUND:
                return None
            raise

    def _check_campaign(self) -> None:
        """Ask for no further one where none at all is known: each would take a request."""
        if self._fails and not self.jobs.known and self.jobs.unknown >= IDS_PER_REQUEST:
            raise ActionError(
                f"The campaign knows none of the first {self.jobs.unknown:,} that were to be cancelled "
                f"({self._unknown()}), so no further one was asked for: is aimylogic_conn_id the campaign that they "
                "were added to? If it is, and they are young, the next try finds them. To have all asked for, set "
                "on_not_found='skip'",
                retryable=True,
            )

    def _check(self, unusable: Sequence[str]) -> None:
        """Check that all were cancelled, or need not be."""
        jobs, wrong = self.jobs, []
        if jobs.unknown and self._fails:
            wrong.append(
                f"{jobs.unknown:,} are unknown in the campaign ({self._unknown()}): correct them, or set "
                "on_not_found='skip'. A job that was added a moment ago may not be known yet: the next try asks again"
            )
        if jobs.still_open.count:
            wrong.append(
                f"{jobs.still_open.count:,} jobs go on, though the server took the request ({jobs.still_open}): it "
                "cancels only jobs that were added by the Calls API. The next try asks again"
            )
        if jobs.unchecked.count:
            wrong.append(
                f"whether jobs of {jobs.unchecked.count:,} phones go on can't be told, for the report doesn't show "
                f"them ({jobs.unchecked}): the next try asks again"
            )
        if jobs.unsettled_calls and self._fails_unsettled:
            wrong.append(
                f"{jobs.unsettled_calls:,} calls of the list have no known job yet: they are not sent, are just being "
                "sent, or are parked. The next try looks again; or set on_unsettled='skip'"
            )
        if unusable:
            more = f"; and {len(unusable) - _IN_MESSAGES:,} more" if len(unusable) > _IN_MESSAGES else ""
            wrong.append(f"{len(unusable):,} can't be used: {'; '.join(unusable[:_IN_MESSAGES])}{more}")
        if wrong:
            passing = bool(
                jobs.still_open.count
                or jobs.unchecked.count
                or (jobs.unknown and self._fails)
                or (jobs.unsettled_calls and self._fails_unsettled)
            )
            raise ActionError(f"{self._so_far()} But {'. '.join(wrong)}", retryable=passing)

    def _unknown(self) -> str:
        return ", ".join(str(some) for some in (self.jobs.unknown_ids, self.jobs.unknown_phones) if some.count)

    def _so_far(self) -> str:
        return f"{self.jobs.cancelled.count:,} call jobs are cancelled, and a repeat does no harm."


def _chunks(values: Iterable[str]) -> Iterator[list[str]]:
    values = iter(values)
    while chunk := list(islice(values, IDS_PER_REQUEST)):
        yield chunk


def _halves(values: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    return values[: len(values) // 2], values[len(values) // 2 :]
