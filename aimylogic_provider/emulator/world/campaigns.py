"""All campaigns of a server, by token. What one does stands in ``campaign``, what they share in ``job_register``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aimylogic_provider.emulator.world.campaign import ServedCampaign
from aimylogic_provider.emulator.world.job_register import FIRST_JOB, Common, JobRegister
from aimylogic_provider.emulator.world.jobs import ServedJob
from aimylogic_provider.emulator.world.keys import Keys, KeyUse
from aimylogic_provider.emulator.world.refusal import Refusal
from aimylogic_provider.emulator.world.settings import Settings

__all__ = ["ServedCampaigns"]


class ServedCampaigns:
    """All campaigns by token, their jobs by number, and the keys.

    :param tokens: the campaigns' names by token; without a name they are numbered
    :param first_job: the number of the first call job
    """

    def __init__(self, tokens: Mapping[str, str], settings: Settings, now: float, first_job: int = FIRST_JOB) -> None:
        self.common = Common(settings, jobs=JobRegister(first_job))
        self._by_token = {
            token: ServedCampaign(self.common, token, number, now, name)
            for number, (token, name) in enumerate(tokens.items(), 1)
        }

    @property
    def settings(self) -> Settings:
        """How the server behaves."""
        return self.common.settings

    @property
    def keys(self) -> Keys:
        """The keys of all campaigns."""
        return self.common.keys

    def all_jobs(self) -> Sequence[ServedJob]:
        """All jobs of all campaigns, in the order of their ids."""
        return self.common.jobs.all()

    def __iter__(self) -> Iterator[ServedCampaign]:
        return iter(self._by_token.values())

    def __len__(self) -> int:
        return len(self._by_token)

    def of(self, token: str) -> ServedCampaign:
        """Return the campaign with this token.

        :raises Refusal: if there is none
        """
        try:
            return self._by_token[token]
        except KeyError:
            raise Refusal(404, "invalid.token", "No campaign has this token") from None

    def rename(self, campaign: ServedCampaign, token: str) -> None:
        """Have a campaign be reached by another token from now on, and by its old one no more.

        :raises ValueError: if another campaign has it
        """
        if self._by_token.get(token, campaign) is not campaign:
            raise ValueError("another campaign has that token: each has one of its own")
        campaign.token = token
        self._by_token = {one.token: one for one in self}

    def change(self, settings: Settings) -> None:
        """Behave otherwise from now on."""
        self.common.settings = settings
        for campaign in self:
            campaign.dialler.settings = settings

    def restore(self, jobs: Sequence[ServedJob], uses: Sequence[KeyUse], reached: Sequence[float]) -> None:
        """Take saved jobs and keys in.

        :param reached: up to when each campaign's calls had been worked out
        :raises ValueError: if they can't belong together
        """
        register = self.common.jobs
        register.restore(jobs)
        if any(job.campaign not in range(1, len(self) + 1) for job in jobs):
            raise ValueError("a job belongs to no campaign")
        if any(not register.has(number) for use in uses for number in use.jobs):
            raise ValueError("a key belongs to no job")
        register.check_payloads()
        for campaign, moment in zip(self, reached, strict=True):
            campaign.restore((job for job in jobs if job.campaign == campaign.number), moment)
        for use in uses:
            self.keys.note(use)
