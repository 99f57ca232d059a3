"""The campaign's report of some phones. It refuses a request in which it knows one phone not: that one has no job.

One way to ask; which of the two ways is taken, ``reconcile`` tells.
"""

from __future__ import annotations

from collections.abc import Collection

from aimylogic_provider.call_list.report.report_by_date import MoreRequestsError
from aimylogic_provider.call_list.report.shown_jobs import NotUnderstoodError
from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.client import CampaignClient
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.phones.report_phones import WrittenPhones
from aimylogic_provider.calls_api.reports import CallJob

__all__ = ["ReportByPhone"]

_PHONES = 100
"""Phones in a request, at most."""


class ReportByPhone:
    """Asks a campaign for the jobs of some phones."""

    def __init__(self, client: CampaignClient) -> None:
        self._client = client
        self._shown = False
        """Whether the server has shown that it knows some phones, and others not."""

    def rows(self, phones: Collection[str], *, most: int | None = None) -> list[CallJob]:
        """Return all jobs of some phones, of all times, each once.

        :param most: requests
        :raises ApiError: if the report was not answered
        :raises NotUnderstoodError: if the answers aren't what was asked for
        :raises MoreRequestsError: if it would take more requests
        """
        ordered = sorted(phones)
        left = [ordered[start : start + _PHONES] for start in range(0, len(ordered), _PHONES)]
        found: dict[str, CallJob] = {}
        asked = 0
        while left:
            if most is not None and asked >= most:
                raise MoreRequestsError
            asked += 1
            some = left.pop()
            try:
                rows = self._client.ask(endpoints.call_job_report(phones=some)).value
            except ApiError as error:
                left += self._without_the_unknown(some, error)
                continue
            self._check(some, rows)
            found.update((job.id, job) for job in rows)
        if phones and not self._shown:
            raise NotUnderstoodError(
                "asked for the jobs of phones, it showed none, and did not say that it knows them not"
            )
        return list(found.values())

    def _without_the_unknown(self, some: list[str], error: ApiError) -> list[list[str]]:
        """What is left to be asked for, once the server has said that it doesn't know one of the phones.

        :raises ApiError: if it did not say that
        """
        if error.type != "phone.not.found" or error.known is not Known.REFUSED:
            raise error
        named = None if error.phone is None else WrittenPhones(some).meant(error.phone)
        if len(some) == 1 and named is not None and named.surely is None:
            raise error  # of another phone
        self._shown = True
        if len(some) == 1:
            return []
        if named is not None and named.surely is not None:
            return [[phone for phone in some if phone != named.surely]]
        middle = len(some) // 2
        return [some[:middle], some[middle:]]

    def _check(self, some: list[str], rows: Collection[CallJob]) -> None:
        phones = WrittenPhones(some)
        for job in rows:
            meant = phones.meant(job.phone)
            if meant.surely is None and not meant.maybe:
                raise NotUnderstoodError("asked for the jobs of some phones, it showed those of others")
        self._shown = self._shown or bool(rows)
