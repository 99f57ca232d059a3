"""The types that the emulator's own paths take and give: shared by the server, its OpenAPI document and the client."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from msgspec import Meta, Struct

from aimylogic_provider.emulator.world.campaign import CampaignStatus
from aimylogic_provider.emulator.world.clock import ClockReading
from aimylogic_provider.emulator.world.faults import Fault, FaultAction, Phase
from aimylogic_provider.emulator.world.jobs import CheckAnswer, Result
from aimylogic_provider.emulator.world.journal import JournalLine

__all__ = [
    "CampaignChange", "CampaignView", "ClockChange", "FaultChoices", "JobView", "LivedDay", "Overview", "Requests",
    "Rings", "explained",
]  # fmt: skip


class ClockChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """A change of the clock; what is given is done in this order.

    :param rate: let it run so fast: 1 as real time, 0 not at all
    :param now: set it to this Unix time
    :param skew: set it so many seconds ahead of real time (behind, if negative)
    :param advance: move it by so many seconds
    """

    rate: float | None = None
    now: float | None = None
    skew: float | None = None
    advance: float | None = None


class CampaignChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """A change of a campaign, as its owner could make it in Aimylogic.

    :param lines: simultaneous calls at most; 0 to call nobody
    :param token: another one, made anew: the old one names no campaign any more
    """

    name: str | None = None
    token: Annotated[str, Meta(pattern=r"^[!-~]+$")] | None = None
    status: CampaignStatus | Literal["inProcess"] | None = None
    lines: Annotated[int, Meta(ge=0, le=10_000)] | None = None


class LivedDay(Struct, kw_only=True, forbid_unknown_fields=True):
    """A past that a campaign is given: numbers that were added by day, over the last hours.

    :param jobs: how many
    :param hours: over how many hours
    :param seed: what is drawn from
    """

    jobs: Annotated[int, Meta(ge=1, le=20_000)] = 2000
    hours: Annotated[float, Meta(ge=1, le=31 * 24)] = 24.0
    seed: Annotated[int, Meta(ge=0, lt=2**62)] = 0


class FaultChoices(Struct, kw_only=True):
    """Of what a fault can be made.

    :param paths: the endpoints' names
    :param actions: by phase
    """

    paths: list[str]
    actions: dict[Phase, list[FaultAction]]


class CampaignView(Struct, kw_only=True):
    """A campaign.

    :param number: by which the emulator's own paths name it
    :param token: masked
    :param jobs: how many there are
    :param by_status: how many of them are of each status
    :param lines: simultaneous calls at most
    """

    number: int
    name: str
    token: str
    status: str
    lines: int
    jobs: int
    by_status: dict[str, int]


class JobView(Struct, kw_only=True):
    """A call job with all that the emulator knows of it. Times are Unix seconds.

    :param status: as reports show it
    :param rings: whether it has rung, or may yet ring, the person
    :param redial: which repeat of another job it is, by the campaign's script
    :param checks: what its external check said, each time that it was asked; the address is shown nowhere
    """

    id: str
    campaign: int
    phone: str
    payload: dict[str, Any]
    gmt_zone: str | None
    key: str | None
    test: bool
    created: float
    finished: float | None
    status: str
    attempts: int
    rings: bool
    redial: int | None = None
    checks: list[CheckAnswer] = []


class Rings(Struct, kw_only=True):
    """How many jobs have rung, or may yet ring, a person."""

    jobs: int
    ids: list[str]


class Requests(Struct, kw_only=True):
    """The journal: counts of all requests by endpoint and by outcome, and the last ones, oldest first.

    :param pending: requests that a fault holds back at the moment, and external checks that are being asked
    """

    counts: dict[str, int]
    outcomes: dict[str, int]
    pending: int
    requests: list[JournalLine]


class Overview(Struct, kw_only=True):
    """What the page shows. Phones and tokens are masked.

    :param jobs: a page of those that were looked for, newest first
    :param found: how many of them there are
    :param newest: the id of the newest of all jobs; empty while there is none
    """

    clock: ClockReading
    campaigns: list[CampaignView]
    jobs: list[JobView]
    found: int
    newest: str
    journal: Requests
    faults: list[Fault]


_CHOICES: dict[str, tuple[str, ...]] = {
    "$.phase": tuple(Phase),
    "$.action": tuple(FaultAction),
    "$.status": get_args(CampaignStatus),
    "$.odds": tuple(Result),
    "$.outcomes": tuple(Result),
}


def explained(error: Exception) -> str:
    """What is wrong with a value, and what it may be."""
    text = str(error)
    for place, choices in _CHOICES.items():
        if place in text and "enum" in text:
            return f"{text}: use one of {', '.join(choices)}"
    return text
