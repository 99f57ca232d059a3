"""By addPhones: a batch, or a part of it, is one request, which the server takes or refuses whole."""

from __future__ import annotations

import asyncio

from aimylogic_provider.call_list.decision import Action, Found, Unit, decide
from aimylogic_provider.call_list.endings import ParkedCalls, WaitingCalls
from aimylogic_provider.call_list.reconcile import ShownJobs
from aimylogic_provider.call_list.refusals import check_campaign
from aimylogic_provider.call_list.way import Means
from aimylogic_provider.call_list.work import Work
from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.phone import same_phone
from aimylogic_provider.idempotence.clocks import Reading
from aimylogic_provider.idempotence.not_added import NotAddedError
from aimylogic_provider.idempotence.repetitions import SENDS_PER_TRY, pause_after
from aimylogic_provider.idempotence.situation import Time

__all__ = ["ByList"]

_OF_ONE_NUMBER = frozenset({"phone.bad.format", "phone.gmtZone.bad.format"})
_OF_THE_POLICY = frozenset({"invalid.call.allowed.time", "invalid.dialer_priority"})


class ByList:
    """Sends batches by addPhones."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self.workers = means.settings.concurrency

    async def settle(self, work: Work) -> None:
        """Send a batch, part by part; a part may become smaller only after a definite refusal, with nothing open."""
        settings, questions = self._means.settings, self._means.questions
        sends_left = SENDS_PER_TRY
        refusal: ApiError | None = None
        jobs: ShownJobs | None = None
        asked = 0.0
        while part := work.part:
            await questions.time()  # before the turn to send comes, for asking takes one
            await self._means.pace.wait()
            time, told = await questions.time()
            decision = decide(
                Unit(
                    sends=work.state.noted,
                    campaign=settings.campaign,
                    time=time,
                    terms=settings.terms,
                    refused=refusal is not None,
                    key_lost=work.state.key_lost,
                    found=None if jobs is None else _found(work, part, jobs),
                    asked=asked,
                )
            )
            match decision.action:
                case Action.SEND:
                    if decision.settled:
                        work.state.sends, work.state.key_lost = [], False
                    error = await self._send(work, part, time, told)
                    jobs, refusal = None, None
                    if error is None:
                        sends_left = SENDS_PER_TRY
                    elif error.known is Known.REFUSED:
                        refusal = error
                    else:
                        sends_left -= 1
                        await asyncio.sleep(pause_after(error, sends_left))
                case Action.ASK_REPORT:
                    jobs, asked = await questions.jobs(work, part)
                case Action.ADOPT:
                    assert jobs is not None
                    for place in part:
                        work.adopted(place, jobs[work.phone(place)][0].id)
                    work.part_settled()
                    jobs, refusal = None, None
                case Action.REFUSE:
                    assert refusal is not None
                    work.state.sends, work.state.key_lost = [], False
                    await self._heed(work, part, refusal)
                    jobs, refusal = None, None
                case Action.WAIT:
                    raise WaitingCalls(decision.until)
                case Action.PARK:
                    ruling = self._means.shard.ruling_for(work)
                    if jobs is not None and jobs.can_be_followed and ruling is not None:
                        work.follow(ruling, part, jobs)
                        jobs, refusal = None, None
                        continue
                    raise ParkedCalls(None if jobs is None else jobs.of(work.phone(at) for at in part))

    async def _send(self, work: Work, part: list[int], time: Time, told: Reading) -> ApiError | None:
        """Note and send one request; return the error, if it did not end in the jobs' ids."""
        await self._means.notes.note(work, time, told)
        items = [bytes(work.lines[place].call) for place in part]
        try:
            answer = await self._means.client.ask(endpoints.add_ready_phones(items, idempotence_key=work.key(part)))
        except ApiError as error:
            if error.known is Known.REFUSED:
                work.state.sends.pop()  # it took no effect
            return error
        for place, job in zip(part, answer.value, strict=True):
            work.created(place, job)
        work.part_settled()
        return None

    async def _heed(self, work: Work, part: list[int], refusal: ApiError) -> None:
        """A definite refusal, and nothing open: set aside what it names, or make the part smaller."""
        shard, refusals = self._means.shard, self._means.refusals
        check_campaign(refusal)
        reason = f"{refusal.type or refusal.status}"
        if refusal.type in _OF_ONE_NUMBER and refusal.phone is not None:
            named = [place for place in part if same_phone(refusal.phone, work.phone(place))]
            if named:
                refusals.set_aside(work, named, reason)
                return
        if refusal.type in _OF_THE_POLICY and not shard.call_list.manifest.policy_by_row:
            raise NotAddedError(
                f"{refusal}. All calls of this list have the same policy, so nothing of it can be sent: correct policy "
                "or call_before, and start a new DAG run",
                retryable=False,
            )
        if len(part) == 1:
            refusals.set_aside(work, part, reason)
            work.part_settled()
            return
        # Too large, or with a call in it that isn't named: by halves.
        work.state.parts *= 2
        await shard.keep(work, parted=True)


def _found(work: Work, part: list[int], jobs: ShownJobs) -> Found:
    if jobs.fault:
        return Found.SOME  # or all, or none
    counts = [len(jobs.get(work.phone(place), ())) for place in part]
    if not any(counts):
        return Found.NONE
    adoptable = all(job.adoptable for found in jobs.values() for job in found)
    return Found.ALL if adoptable and all(count == 1 for count in counts) else Found.SOME
