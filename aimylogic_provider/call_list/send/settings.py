"""How a list is sent, and the limits that follow from it. Values.

What an operator may be given is checked there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from aimylogic_provider.calls_api.transports.requests_transport import TransportSettings
from aimylogic_provider.idempotence.retry import FRESH, MAX_PAUSE, SENDS_PER_TRY
from aimylogic_provider.idempotence.time_limits import Limits

__all__ = ["SendSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSettings:
    """How a list is sent.

    :param campaign: digest of where
    :param concurrency: requests under way at a time, at most
    :param requests_per_second: at most; None for as many as go
    :param report_lag: seconds until a new job shows in the report, at most
    :param most_set_aside: how many rows may be rejected or refused; None for any number
    """

    FRESH: ClassVar[float] = FRESH

    transport: TransportSettings
    campaign: str
    concurrency: int
    requests_per_second: float | None
    report_lag: float
    most_set_aside: int | None

    @property
    def limits(self) -> Limits:
        """The limits by which a send is decided."""
        return Limits(self.report_lag, self.FRESH + self.transport.total_timeout, SENDS_PER_TRY, MAX_PAUSE)
