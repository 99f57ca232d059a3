"""What a campaign's report showed of some phones, as values; and that it can't be relied on.

Values alone: nothing is asked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["CreatedJob", "NotUnderstoodError", "ShownJobs"]


@dataclass(frozen=True, slots=True)
class CreatedJob:
    """A job that is one of the phones', or may be.

    :param created: Unix seconds, or None if the report doesn't say
    :param ours: whether the phone is surely this one, and no other task of ours could have made the job
    """

    id: str
    created: float | None
    ours: bool = True

    @property
    def adoptable(self) -> bool:
        """Whether it can be taken for a call's own, if it is the only one."""
        return self.ours and self.created is not None


class NotUnderstoodError(Exception):
    """The server has not shown that it understands what it is asked, or has shown that it doesn't.

    :param why: in words, as the end of a sentence
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class ShownJobs(dict[str, list[CreatedJob]]):
    """The jobs by phone; one that has none is left out.

    :param fault: why it proves nothing, if so: then no phone has none
    """

    def __init__(self, jobs: Mapping[str, list[CreatedJob]] | None = None, fault: str = "") -> None:
        super().__init__({} if jobs is None else jobs)
        self.fault = fault

    @property
    def can_be_followed(self) -> bool:
        """Whether a person can say what is to become of the calls, by these jobs: each is surely of its phone."""
        return not self.fault and all(job.ours for jobs in self.values() for job in jobs)

    def of(self, phones: Iterable[str]) -> ShownJobs:
        """The same of some phones alone, each with its jobs, if only none."""
        return ShownJobs({} if self.fault else {phone: self.get(phone, []) for phone in phones}, self.fault)
