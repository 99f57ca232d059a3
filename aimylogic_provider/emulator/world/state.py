"""The whole state of the emulator in one place, and how it is saved and taken up again. No HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from aimylogic_provider.emulator import DEFAULT_TOKEN
from aimylogic_provider.emulator.world.campaign import CampaignStatus, ServedCampaign
from aimylogic_provider.emulator.world.campaigns import ServedCampaigns
from aimylogic_provider.emulator.world.clock import VirtualClock
from aimylogic_provider.emulator.world.fault_list import Faults
from aimylogic_provider.emulator.world.faults import Fault
from aimylogic_provider.emulator.world.job_register import FIRST_JOB
from aimylogic_provider.emulator.world.jobs import ServedJob
from aimylogic_provider.emulator.world.journal import Journal, JournalLine
from aimylogic_provider.emulator.world.keys import KeyUse
from aimylogic_provider.emulator.world.settings import Settings

__all__ = ["EmulatorState", "Snapshot", "SnapshotError"]


class SnapshotError(ValueError):
    """A snapshot that can't be taken up: says why."""


class SavedCampaign(Struct):
    """A campaign without its jobs.

    :param reached: up to when its calls were worked out
    :param ended: when it was stopped, if it was
    :param keyless: phone, payload and time of each number that was added without a key
    """

    token: str
    name: str
    status: CampaignStatus
    created: float
    lines: int
    reached: float
    keyless: list[tuple[str, str | None, float]]
    ended: float | None = None


class Snapshot(Struct):
    """All that the emulator remembers. Holds tokens and phones."""

    format: Literal["aimylogic-emulator/1"]
    now: float
    rate: float
    settings: Settings
    campaigns: list[SavedCampaign]
    jobs: list[ServedJob]
    keys: list[KeyUse]
    faults: list[Fault]
    counts: dict[str, int]
    outcomes: dict[str, int]
    requests: list[JournalLine]


class EmulatorState:
    """All that the emulator remembers.

    :param tokens: one campaign each; their names by token, if they are to have any
    :param settings: also those to which a reset goes back
    :param journal_size: requests that the journal keeps
    :param first_job: the number of the first call job
    """

    def __init__(
        self,
        tokens: Iterable[str] | Mapping[str, str] = (DEFAULT_TOKEN,),
        settings: Settings | None = None,
        journal_size: int = 10_000,
        first_job: int = FIRST_JOB,
    ) -> None:
        self._tokens = _checked(tokens)
        self._settings = settings or Settings()
        self._journal_size = journal_size
        self.faults = Faults()
        self._begin_anew(first_job)

    def reset(self) -> None:
        """Forget all: jobs, keys, faults, journal; clock and settings are as they were at the start.

        Ids go on: no server gives a job's id to another one.
        """
        self._begin_anew(self.campaigns.common.jobs.next)

    def _begin_anew(self, first_job: int) -> None:
        self.clock = VirtualClock()
        self.campaigns = ServedCampaigns(self._tokens, self._settings, self.clock.now(), first_job)
        self.faults = Faults(self.faults.ids)
        self.journal = Journal(self._journal_size)

    @property
    def settings(self) -> Settings:
        """How the server behaves."""
        return self.campaigns.settings

    def snapshot(self) -> bytes:
        """Return all as JSON."""
        now = self.clock.now()
        for campaign in self.campaigns:
            campaign.dialler.run(now)
        return msgspec.json.encode(
            Snapshot(
                format="aimylogic-emulator/1",
                now=now,
                rate=self.clock.rate,
                settings=self.settings,
                campaigns=[
                    SavedCampaign(
                        campaign.token,
                        campaign.name,
                        campaign.status,
                        campaign.created,
                        campaign.dialler.lines,
                        campaign.dialler.reached,
                        [(phone, payload, at) for (phone, payload), at in campaign.keyless.items()],
                        campaign.ended,
                    )
                    for campaign in self.campaigns
                ],
                jobs=list(self.campaigns.all_jobs()),
                keys=list(self.campaigns.keys),
                faults=self.faults.rules,
                counts=dict(self.journal.counts),
                outcomes=dict(self.journal.outcomes),
                requests=list(self.journal.lines),
            )
        )

    def restore(self, saved: bytes) -> None:
        """Take up what :meth:`snapshot` gave, its campaigns and their tokens included.

        :raises SnapshotError: if it is none; nothing is changed then
        """
        clock = VirtualClock()
        try:
            content = msgspec.json.decode(saved, type=Snapshot)
            clock.run(content.rate)
            clock.set(content.now)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise SnapshotError(f"this isn't a snapshot of the emulator: {error}") from None
        campaigns = ServedCampaigns(
            {campaign.token: campaign.name for campaign in content.campaigns}, content.settings, content.now
        )
        if len(campaigns) != len(content.campaigns) or not campaigns:
            raise SnapshotError("the snapshot holds no campaign, or two with one token")
        for campaign, held in zip(campaigns, content.campaigns, strict=True):
            campaign.created, campaign.dialler.lines = held.created, held.lines
            campaign.keyless = {(phone, payload): at for phone, payload, at in held.keyless}
        try:
            campaigns.restore(content.jobs, content.keys, [held.reached for held in content.campaigns])
        except (LookupError, ValueError, RecursionError) as error:
            raise SnapshotError(f"the snapshot's parts don't belong together: {error}") from None
        for campaign, held in zip(campaigns, content.campaigns, strict=True):
            campaign.set_status(content.now, held.status)
            campaign.ended = held.ended
        faults, journal = Faults(self.faults.ids), Journal(self._journal_size)
        faults.restore(content.faults)
        journal.lines.extend(content.requests)
        journal.counts, journal.outcomes = Counter(content.counts), Counter(content.outcomes)
        self.clock, self.campaigns, self.faults, self.journal = clock, campaigns, faults, journal

    def rename(self, campaign: ServedCampaign, token: str) -> None:
        """Have a campaign be reached by another token from now on.

        :raises ValueError: if no address can bear it, or another campaign has it
        """
        _checked([token])
        self.campaigns.rename(campaign, token)


def _checked(tokens: Iterable[str] | Mapping[str, str]) -> dict[str, str]:
    """Names by token.

    :raises ValueError: for tokens that no address can bear, or that are given twice, or none
    """
    if isinstance(tokens, str):
        raise ValueError("tokens are a single text: give a list, even of one")
    listed = list(tokens)
    bad = [token for token in listed if not (token.isascii() and token.isprintable()) or set(token) & set(" /\\?#=")]
    if not all(listed) or bad:
        raise ValueError("a token is empty, or holds characters that no token has (spaces, slashes, equals signs)")
    if not listed or len(set(listed)) != len(listed):
        raise ValueError("tokens are none, or one is given twice: each campaign has a token of its own")
    return dict(tokens) if isinstance(tokens, Mapping) else dict.fromkeys(listed, "")
