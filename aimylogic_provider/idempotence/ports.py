"""What a try needs of the world, as ports: the store of its entry, the campaign, and a log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from aimylogic_provider.calls_api.calls.call import Call
from aimylogic_provider.calls_api.client import Answer
from aimylogic_provider.calls_api.reports import CallJob

__all__ = ["CampaignPort", "Log", "OtherTasks", "Store"]


class Store(Protocol):
    """The durable entry of one task instance. Both methods raise if the try was replaced, or the store fails."""

    @property
    def remembers(self) -> bool:
        """Whether what one try writes can be read by the next."""

    def read(self) -> object | None:
        """Return what was written last, or None. A try that was replaced may be told None."""

    def write(self, content: dict[str, object]) -> None:
        """Write durably, and only if this try still stands."""


class CampaignPort(Protocol):
    """The part of :class:`.calls_api.client.CampaignClient` that a try needs."""

    def status(self) -> Answer[str]:
        """Ask for the status."""

    def add_phone(self, call: Call, *, idempotence_key: str | None, test_call: bool = False) -> Answer[str]:
        """Add a number; the only request here that may create a job."""

    def jobs_of(self, phone: str) -> Answer[tuple[CallJob, ...]]:
        """Ask for the jobs of a phone."""


class OtherTasks(Protocol):
    """What other tasks are known to have added."""

    def owned(self, jobs: Sequence[CallJob], phone: str) -> tuple[Collection[str], Collection[str]]:
        """Return the ids of those of a phone's jobs that are another task's on record, and of those that may be."""


class Log(Protocol):
    """Where a try tells what it does."""

    def info(self, message: str, /, *args: object) -> object:
        """Tell what is as it should be."""

    def warning(self, message: str, /, *args: object) -> object:
        """Tell what a person should know of."""
