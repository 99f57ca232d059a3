"""Call jobs that are waited for: which are to be asked about, and what became of the others.

Reports are asked for by id, 200 ids a request. That is never more than getUnfinished would take: that one lists
everybody's open jobs, so no fewer of them than ours are open, and each that is over is to be asked for by its id.

The report refuses a request in which it knows one id not, as it does a new job until it shows: the ids are then asked
for in halves, with so many requests more a poll, until the one is found; the others are asked for meanwhile.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence

from aimylogic_provider.calls_api.reports import CallJob
from aimylogic_provider.calls_api.request_fields import IDS_PER_REQUEST
from aimylogic_provider.calls_api.statuses import job_status, shown_status

__all__ = ["MORE_REQUESTS", "WatchedJobs"]

MORE_REQUESTS = 8
"""Requests of a poll beyond those that its open ids take: to find ids that the report doesn't know."""
_NONE_KNOWN = 24
"""Refused requests after which it may be that no id of all is known, if none was shown."""
_FEW = 5

Ids = tuple[str, ...]


class WatchedJobs:
    """Some call jobs, by their ids.

    :param ids: each once, in any order; their first occurrence counts
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self._open = list(dict.fromkeys(ids))
        self._suspect: deque[Ids] = deque()
        """Ids of requests that were refused: one of each at least is not known."""
        self.total = len(self._open)
        self.ends: Counter[str] = Counter()
        """Of the jobs that are over, how many ended how."""
        self.not_found: list[str] = []
        """Ids that the report doesn't know, though it must by now."""
        self._refused = 0
        self._was_shown = False

    @property
    def over(self) -> int:
        """How many jobs are over."""
        return self.ends.total()

    @property
    def open(self) -> int:
        """How many jobs are open, or were not shown yet."""
        return self.total - self.over - len(self.not_found)

    def poll(
        self, *, must_show: bool, more_requests: int = MORE_REQUESTS
    ) -> Generator[Ids, Sequence[CallJob] | None, None]:
        """Yield the ids of each request of a poll; to be sent the jobs of the answer, or None if an id is not known.

        :param must_show: whether the report's lag has passed, so that every job of ours shows in it
        :param more_requests: beyond those that the open ids take
        """
        groups = deque([*_groups(self._open), *self._suspect])
        left = -(-self.open // IDS_PER_REQUEST) + more_requests
        self._open, self._suspect = [], deque()
        try:
            while groups and left:
                if self._seems_strange and left < _FEW:
                    break  # the next poll finds out
                if self._seems_strange:
                    left -= _FEW
                    yield from self._ask_a_few(groups)
                    continue
                left -= 1
                jobs = yield groups[0]
                ids = groups.popleft()
                if jobs is not None:
                    self._note(ids, jobs, must_show=must_show)
                    continue
                self._refused += must_show
                if len(ids) > 1:
                    # After all others: what is refused first tells nothing of those.
                    half = len(ids) // 2
                    groups.extend((ids[:half], ids[half:]))
                elif must_show:
                    self.not_found += ids
                else:
                    self._suspect.append(ids)
        finally:  # of a poll that a failure ended, too
            self._suspect.extendleft(reversed(groups))

    @property
    def _seems_strange(self) -> bool:
        """Whether it may be that none of the ids is known, as by another campaign's token."""
        return not self._was_shown and self._refused >= _NONE_KNOWN

    def _ask_a_few(self, groups: deque[Ids]) -> Generator[Ids, Sequence[CallJob] | None, None]:
        """Ask for some ids alone, from all over; if none of them is known, none is taken to be."""
        left = [*(id for ids in groups for id in ids), *self._open, *(id for ids in self._suspect for id in ids)]
        for place in range(_FEW):
            if (yield (left[place * (len(left) - 1) // (_FEW - 1)],)):
                self._was_shown = True
                return
        self.not_found += left
        groups.clear()
        self._open, self._suspect = [], deque()

    def _note(self, ids: Ids, jobs: Sequence[CallJob], *, must_show: bool) -> None:
        """Note what a report shows of these ids. What it shows of others is not ours."""
        shown = {job.id: job for job in jobs}
        for id in ids:
            job = shown.get(id)
            if job is None and must_show:
                self.not_found.append(id)
            elif job is None or not job.finished:
                self._open.append(id)
            else:
                self.ends[job_status(shown_status(job.status) or "unknown")] += 1
            self._was_shown = self._was_shown or job is not None


def _groups(ids: Sequence[str]) -> Iterator[Ids]:
    for start in range(0, len(ids), IDS_PER_REQUEST):
        yield tuple(ids[start : start + IDS_PER_REQUEST])
