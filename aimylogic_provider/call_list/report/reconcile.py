"""Reconciling: which of some phones have a job in the report, by the times within which it was created.

The report is asked by time where that takes few requests and is to be believed, else by phone. A row that can't be read
may be each phone's that it could be. The repeats that a campaign's script makes of a call are nobody's here.

Whose a job is otherwise, of another batch or another task, is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from aimylogic_provider.call_list.report.report_by_date import MoreRequestsError, Range, ReportByDate
from aimylogic_provider.call_list.report.report_by_phone import ReportByPhone
from aimylogic_provider.call_list.report.shown_jobs import CreatedJob, NotUnderstoodError, ShownJobs
from aimylogic_provider.calls_api.client import CampaignClient
from aimylogic_provider.calls_api.phones.report_phones import Meant, WrittenPhones
from aimylogic_provider.calls_api.reports import CallJob

__all__ = ["CampaignReport", "CreatedJob", "ShownJobs", "jobs_by_phone", "jobs_created"]

_FEW_PAGES = 10
"""A range that has more is asked for by phone, if that takes fewer requests."""
_UNSURE = 5
"""Jobs that may be a phone's, and are told, at most."""


def _none() -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A job that the report shows, and which of the phones it is of, or may be."""

    job: CallJob
    meant: Meant

    @property
    def created(self) -> float | None:
        """When the job was created, in Unix seconds."""
        return self.job.created_at.timestamp() if self.job.created_at else None


class CampaignReport:
    """A campaign's report as one try asks it: what the server has shown of itself is remembered.

    :param known_jobs: as of :class:`.ReportByDate`
    """

    def __init__(self, client: CampaignClient, known_jobs: Callable[[], Iterable[str]] = _none) -> None:
        self._by_date = ReportByDate(client, known_jobs)
        self._by_phone = ReportByPhone(client)
        self.read: dict[str, str] = {}
        """The phones that the last answers told, by the job's id: those that were not asked for, too."""

    def rows(self, ranges: Iterable[Range], phones: Collection[str]) -> list[ReportRow]:
        """Return the jobs that were created within *ranges*, and are of *phones*, or may be.

        :raises ApiError: if the report was not answered
        :raises NotUnderstoodError: if the answers can't be believed
        :raises NotAddedError: if it never read the same twice
        """
        merged = _merged(ranges)
        if not merged or not phones:
            return []
        written = WrittenPhones(phones)
        found = []
        self.read = {}
        for job in self._jobs(merged, phones):
            self.read[job.id] = job.phone
            created = job.created_at.timestamp() if job.created_at else None
            if job.redial_number is not None:
                continue  # the script's own
            if created is None or any(start <= created <= end for start, end in merged):
                meant = written.meant(job.phone)
                if meant.surely is not None or meant.maybe:
                    found.append(ReportRow(job, meant))
        return found

    def _jobs(self, ranges: list[Range], phones: Collection[str]) -> list[CallJob]:
        most: int | None = None
        not_by_date: NotUnderstoodError | None = None
        try:
            try:
                return self._by_date.rows(ranges, most_pages=_FEW_PAGES)
            except MoreRequestsError:
                most = self._by_date.requests(ranges)
        except NotUnderstoodError as error:
            not_by_date = error
        not_by_phone: NotUnderstoodError | None = None
        try:
            return self._by_phone.rows(phones, most=most)
        except NotUnderstoodError as error:
            not_by_phone = error
        except MoreRequestsError:
            pass
        if not_by_date is None:
            try:
                return self._by_date.rows(ranges)
            except NotUnderstoodError as error:
                not_by_date = error
            except MoreRequestsError:
                not_by_date = NotUnderstoodError("it shows no more than 40,000 jobs of one second, and holds more")
        if not_by_phone is None:
            return self._by_phone.rows(phones)
        raise NotUnderstoodError(f"{not_by_date.why}; and {not_by_phone.why}")


def jobs_by_phone(
    rows: Iterable[ReportRow], unadoptable: Callable[[ReportRow, str], bool] = lambda row, phone: False
) -> ShownJobs:
    """Return the jobs by phone.

    :param unadoptable: whether a row's job may be another task's, as far as a phone goes
    """
    shown = ShownJobs()
    unsure: dict[str, int] = {}
    rows = list(rows)
    for row in rows:
        if (phone := row.meant.surely) is not None:
            job = CreatedJob(row.job.id, row.created, ours=not unadoptable(row, phone))
            shown.setdefault(phone, []).append(job)
    for row in rows:
        for phone in row.meant.maybe:
            if unsure.setdefault(phone, 0) < _UNSURE:
                unsure[phone] += 1
                shown.setdefault(phone, []).append(CreatedJob(row.job.id, row.created, ours=False))
    return shown


def jobs_created(client: CampaignClient, ranges: Iterable[Range], phones: Collection[str]) -> ShownJobs:
    """Return the jobs of *phones* that were created within *ranges*, by phone; one that has none is left out.

    :param ranges: from and to, in Unix seconds
    :raises ApiError: as :meth:`CampaignReport.rows`, as all
    """
    return jobs_by_phone(CampaignReport(client).rows(ranges, phones))


def _merged(ranges: Iterable[Range]) -> list[Range]:
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
