"""One try to add one call: reads what is recorded, asks :func:`.decision.decide`, and does what it says.

Knows no Airflow and no socket: store, campaign and clock are ports. Two rules hold everywhere: what may create a job is
noted in the store before it leaves, and any error of the store ends the try, for the store refuses the writes of a try
that was replaced. So nothing here catches broadly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.idempotence import messages
from aimylogic_provider.idempotence.actions import (
    Action,
    Adopt,
    AskReport,
    AskTime,
    Clash,
    Leave,
    Park,
    Refuse,
    Return,
    Row,
    SendNow,
    Wait,
)
from aimylogic_provider.idempotence.decision import decide, key_lives_until, settled_by
from aimylogic_provider.idempotence.errors import NotAddedError, ParkedError, RefusedCallError
from aimylogic_provider.idempotence.human_answer import Question, Ruling
from aimylogic_provider.idempotence.keys import Intent
from aimylogic_provider.idempotence.next_try import NextTry
from aimylogic_provider.idempotence.ports import CampaignPort, Log, OtherTasks, Store
from aimylogic_provider.idempotence.record.entry_store import KeptEntry
from aimylogic_provider.idempotence.record.latest_call import LatestCall
from aimylogic_provider.idempotence.record.records import Record, SendOutcome
from aimylogic_provider.idempotence.record.second_record import SecondRecord
from aimylogic_provider.idempotence.recorded_call import RecordedCall, changed_parameters
from aimylogic_provider.idempotence.retry import FRESH, MAX_PAUSE, SENDS_PER_TRY, repeated
from aimylogic_provider.idempotence.server_time import Clock, Reading
from aimylogic_provider.idempotence.server_view import ServerView
from aimylogic_provider.idempotence.situation import Report, Situation
from aimylogic_provider.idempotence.time_limits import AIRFLOW_SLACK, ClockSource, Limits, Time

T = TypeVar("T")

__all__ = ["AddPhoneAttempt"]

_UNFENCED = 3600.0
"""Seconds for which a try goes on whose store can't tell that it was replaced. It takes some minutes at most."""


class AddPhoneAttempt:
    """One try to add one call.

    :param first_try: whether this is surely the first try of its task instance, in a run that was never cleared
    :param clear_number: how often the DAG run was cleared: between two clears, a mapped list keeps its order
    :param run_began: when the DAG run began, in Unix seconds by Airflow's clock, or None if it isn't known
    :param report_lag: seconds after which a job shows in the report
    :param send_timeout: seconds that one send takes at most
    :param second: the second record, which outlives a clear; None if there is none
    :param cleared: whether the task was cleared, which may have emptied the store
    :param others: tells which jobs are other tasks'; None if that is not known
    :param last: whether no further try comes by itself, but only by a clear
    :param time_limit: seconds that this try may take, or None
    :param latest: who called the person last, if other runs are heeded
    """

    def __init__(
        self,
        intent: Intent,
        *,
        store: Store,
        campaign: CampaignPort,
        clock: Clock,
        first_try: bool,
        clear_number: int,
        run_began: float | None,
        report_lag: float,
        send_timeout: float,
        log: Log,
        second: SecondRecord | None = None,
        cleared: bool = False,
        others: OtherTasks | None = None,
        last: bool = False,
        time_limit: float | None = None,
        latest: LatestCall | None = None,
    ) -> None:
        self.intent = intent
        self._campaign = campaign
        self._clock = clock
        self._clear_number = clear_number
        self._run_began = run_began
        self._limits = Limits(
            report_lag=report_lag, send_timeout=send_timeout, sends_left=SENDS_PER_TRY, pause=MAX_PAUSE
        )
        self._log = log
        self._ended = False
        self._phone = intent.call.masked_phone
        self._server = ServerView(campaign, clock, log, others=others)
        self._began = self._decided = Reading.of(clock)
        self._waited: float | None = None
        # A clear of Airflow 3.4 discards what the store holds, and a store that Airflow doesn't have holds nothing.
        self._next_knows = store.remembers and (second is not None or not last)
        self._time_limit = time_limit
        self._latest = latest
        self._kept = KeptEntry(store, second, first_try=first_try, cleared=cleared, phone=self._phone, log=log)
        self.call = RecordedCall(intent, self._kept, clear_number, log)
        """What is recorded of the call."""

    def end(self) -> str:
        """Send nothing from now on; what is under way may still be answered, and noted. Return what is known, in words.

        For use in a signal's handler: this is called in the middle of anything.
        """
        self._ended = True
        record = self.call.record
        if record is not None and record.unanswered:
            return f"Whether a call job was created for {self._phone} is not known; the next try finds out."
        return f"No request to add {self._phone} is under way."

    def run(self, ruling: Ruling | None = None) -> str:
        """Add the call, or find that it was added; return its call job id.

        :param ruling: what a person said of the call since it was parked
        :raises ParkedError: if what became of the call is for a person to say
        :raises NotAddedError: with what is known and the ways out
        :raises Exception: whatever the store raises
        """
        self.call.warn_of_others()
        try:
            if ruling is not None:
                self.call.follow(ruling, self._jobs_of_the_phone)
            elif self.call.record is not None and self.call.record.asked is not None:
                self.call.note_question(None)  # this try goes on without the answer
            action = self._decide()
            if not isinstance(action, AskTime):
                return self._conclude(action)
            return self._with_repetitions(self._step)
        except (ApiError, NotAddedError) as error:
            if not self._kept.saved and (self._kept.is_new or self._kept.has_second):
                # Nothing was sent. That a later try may know it, the head is kept, and a copy of each try. It is not
                # written sooner, for a write that got stuck on its way to Airflow, and was repeated, must never undo
                # the note of a send.
                self._kept.save(self._kept.entry)
            if isinstance(error, ApiError):
                raise self._ended_by(error) from None
            if error.retryable and error.next_try is None:
                error.next_try = self._next_try()
            raise error from None

    def _jobs_of_the_phone(self) -> Iterable[str]:
        phone = self.intent.call.phone
        return [job.id for job in self._with_repetitions(lambda: self._campaign.jobs_of(phone).value)]

    def _with_repetitions(self, step: Callable[[], T]) -> T:
        def with_sends_left(attempt: int) -> T:
            self._limits = replace(self._limits, sends_left=SENDS_PER_TRY - attempt + 1)
            return step()

        return repeated(with_sends_left, self._clock.sleep)

    def _step(self) -> str:
        """Ask what must be known, decide, act. May send once."""
        self._ask_time_if_stale()
        action = self._decide_and_learn()
        if isinstance(action, SendNow):
            return self._send(action)
        if isinstance(action, Wait) and self._waits(action):
            return self._step()
        return self._conclude(action)

    def _waits(self, action: Wait) -> bool:
        """Wait here, once, for what a next try couldn't know to be over: it would begin anew."""
        now = self._server.now()
        if action.row is not Row.FIRST_CLEARED or self._next_knows or self._waited is not None or now is None:
            return False
        seconds = action.until - now.earliest + 1.0
        self._check_time(seconds)
        self._log.info(
            "The run was cleared, and no record tells what was sent before: the report shows no job for %s, which is "
            "certain in %.0f seconds. Waiting.", self._phone, seconds,
        )  # fmt: skip
        self._waited = seconds
        self._clock.sleep(seconds)
        self._server.forget_time()
        return True

    def _check_time(self, seconds: float) -> None:
        """Make sure that this try may take the time to wait, and then to send."""
        needed = self._began.elapsed(self._clock)[1] + seconds + self._limits.send_timeout
        if self._time_limit is not None and needed > self._time_limit:
            raise NotAddedError(
                f"The task's execution_timeout of {self._time_limit:g} seconds is too short: the run was cleared, and "
                f"no record tells what was sent to {self._phone} before, so the report is waited for. That takes "
                f"{needed:.0f} seconds, and no later try could go on with it. Give the task more time, or a second "
                "record (second_record, call_list_path). Nothing was sent",
                retryable=False,
                row=Row.FIRST_CLEARED,
            )

    def _decide_and_learn(self, *, refused: bool = False) -> Action:
        """Decide, learn what the decision asks for, and decide again, until it asks for nothing."""
        action = self._decide(refused=refused)
        while isinstance(action, AskReport):
            action = self._decide(report=self._ask_report(), refused=refused)
        return action

    def _decide(self, *, report: Report | None = None, refused: bool = False) -> Action:
        self._decided = Reading.of(self._clock)
        return decide(self._situation(report=report, refused=refused))

    def _situation(self, *, report: Report | None = None, refused: bool = False) -> Situation:
        """All that is known now."""
        intent = self.intent
        return Situation(
            entry=self._kept.entry,
            parameters=intent.parameters,
            person=intent.person,
            phone=intent.phone_digest,
            record=self.call.record,
            others=self.call.others,
            mapped=intent.mapped,
            looped=intent.iteration is not None,
            time=self._server.now(),
            report=report,
            refused=refused,
            first=self._kept.is_new and self._kept.entry.sure,
            clear_number=self._clear_number,
            unseen=self._kept.unseen,
            unclear=self._kept.unclear,
            limits=self._limits,
        )

    def _next_try(self, *, asked: float = 0.0, shown: float | None = None) -> NextTry:
        """When a next try can help.

        :param asked: seconds that the server asks to wait
        :param shown: the server's time before which the report proves nothing, if nothing else is left to be done
        """
        self._limits = replace(self._limits, sends_left=SENDS_PER_TRY)  # that try has them all
        known, told = self._situation(), Reading.of(self._clock)
        within = key_lives_until(known) if shown is None else None
        if shown is None and within is None and known.time is not None:
            shown = settled_by(known)  # no key protects it: the report alone can tell
        now = told.wall if known.time is None else known.time.earliest
        first = now if shown is not None and self._key_waits_for_the_time(known, now) else shown
        return NextTry.at(now, told, asked=asked, shown=first, all_shown=shown, within=within)

    def _key_waits_for_the_time(self, known: Situation, now: float) -> bool:
        """Whether a next try can repeat by the key once the server tells its time again, as it did at those sends."""
        if known.record is None or known.time is None or known.time.clock is ClockSource.SERVER:
            return False
        until = key_lives_until(replace(known, time=None))
        told = all(send.clock is ClockSource.SERVER for send in known.record.unanswered)
        return told and until is not None and now < until

    def _ask_time_if_stale(self) -> None:
        """Have the server's time, and take the run's age by it, if that was not yet done."""
        now = self._server.fresh_time()
        # By whichever clock makes the run older: this worker's may be slow.
        latest = max(self._clock.wall(), now.latest)
        age = None if self._run_began is None else max(0.0, latest - self._run_began)
        self._kept.entry = self._kept.entry.timed(now.earliest, now.clock, age)

    def _ask_report(self) -> Report:
        self._ask_time_if_stale()
        return self._server.report(self.intent.call.phone)

    def _send(self, action: SendNow) -> str:
        """Note a send, send it, note the answer."""
        decided = self._decided
        if self._ended:
            raise NotAddedError(f"The task is being ended: nothing more is sent to {self._phone}", retryable=True)
        stood_still = self._began.elapsed(self._clock)[1] - (self._waited or 0.0)
        if not self._kept.remembers and stood_still > _UNFENCED:
            raise NotAddedError(
                f"This try stood still for over {_UNFENCED / 60:g} minutes, in which another may have taken its place, "
                f"which this Airflow doesn't tell it: it sends nothing to {self._phone}. The next try decides anew",
                retryable=True,
                row=action.row,
            )
        if self._latest is not None:
            self._latest.take(self._now, self.call.record)
        now = self._now()
        record = self.call.noted(now, self._limits.send_timeout)
        self.call.save(record)
        if decided.elapsed(self._clock)[1] > FRESH:
            # This process stood still (stopped, suspended, a slow store): the decision is too old to act on. The
            # send did not leave, so its note is taken back; if this try was replaced meanwhile, that write says so.
            self.call.save(record := record.withdrawn())
            self._give_back(record)
            self._server.forget_time()
            raise NotAddedError(
                f"More than {FRESH:g} seconds passed between deciding to add {self._phone} and sending: nothing was "
                "sent. The next try decides anew",
                retryable=True,
                row=action.row,
            )
        self._log.info(
            "Adding %s to the campaign: send %d (%s), idempotence key %s.",
            self._phone, len(record.sends), action.row, record.key,
        )  # fmt: skip
        try:
            answer = self._campaign.add_phone(
                self.intent.call, idempotence_key=record.key, test_call=self.intent.test_call
            )
        except ApiError as error:
            return self._not_created(record, error)
        self.call.save_answer(record.answered(SendOutcome.CREATED, "", job=answer.value))
        self._log.info("Call job %s created for %s.", answer.value, self._phone)
        return answer.value

    def _now(self) -> Time:
        now = self._server.now()
        assert now is not None, "nothing is sent before the time was asked"
        return now

    def _give_back(self, record: Record) -> None:
        """Have other runs call the person, if nothing that was sent to them can have made a job."""
        if self._latest is not None and record.only_refused:
            self._latest.give_back()

    def _not_created(self, record: Record, error: ApiError) -> str:
        """Note an answer that brought no job, and see what it means."""
        if error.known is not Known.REFUSED:
            self.call.save_answer(
                record.answered(SendOutcome.UNANSWERED, str(error), key_lost=error.type == "phone.duplicated")
            )
            raise error
        self.call.save_answer(record.answered(SendOutcome.REFUSED, str(error)))
        return self._conclude(self._decide_and_learn(refused=True))

    def _conclude(self, action: Action) -> str:
        """Act on a decision that needs no further request."""
        record, next_try = self.call.record, None
        match action:
            case Return(job=job):
                self._log.info("Call job %s was already created for %s: nothing is sent.", job, self._phone)
                if self._kept.has_second and not self._kept.saved:
                    self._kept.save(self._kept.entry)  # a try without a copy may have sent anything
                return job
            case Adopt(job=job) if record is not None:
                self.call.save(record.adopted(job))
                self._log.info("Found by the report: call job %s is ours (%s): nothing is sent.", job, action.row)
                return job
            case Clash() if record is not None:
                changed = changed_parameters(record.parameters, self.intent.parameters)
                message, retryable = messages.clash(self._phone, action, changed), False
            case Leave() if record is not None and record.ruling is not None:
                message, retryable = messages.left(self._phone, record.ruling), False
            case Park():
                raise self._parked(action)
            case Wait():
                self._kept.save(self._kept.entry)
                message = messages.waiting(
                    self._phone, action, record, self._server.jobs, remembers=self._kept.remembers
                )
                retryable, next_try = True, self._next_try(shown=action.until)
            case Refuse() if record is not None:
                self.call.save(record := record.settled(SendOutcome.ABSENT))
                self._give_back(record)
                raise RefusedCallError(messages.refused(self._phone, record), row=action.row)
            case _:
                raise AssertionError(f"no way to act on {action}")
        raise NotAddedError(message, retryable=retryable, row=action.row, next_try=next_try)

    def _parked(self, park: Park) -> ParkedError:
        # A try that was replaced reads nothing: it must not speak, or ask, before the store has let it write.
        self._kept.save(self._kept.entry)
        record, now = self.call.record, self._server.now()
        return ParkedError(
            messages.parked(self._phone, park, record, self._server.jobs),
            row=park.row,
            question=Question(
                self.intent.reference,
                self._clock.wall() - AIRFLOW_SLACK if now is None else now.earliest,
                park.candidates,
            ),
            known=messages.known(park, record, self._server.jobs),
        )

    def _ended_by(self, error: ApiError) -> NotAddedError:
        """What a failed request means for the try."""
        record = self.call.record
        text = f"Adding {self._phone} did not succeed: {error}."
        if error.retry_after is not None and error.retryable:
            text += f" The server asks to wait {error.retry_after:g} seconds."
        if record is not None and record.unanswered:
            text += (
                f" Whether a job was created is not known; {'a' if error.retryable else 'once mended, a'} retry or a "
                f"clear finds out before it sends anything new. Sends: {messages.sends(record)}."
            )
        else:
            sure = self._kept.entry.sure and not self.intent.mapped
            text += " No call was added." if sure else " This try added no call."
        next_try = self._next_try(asked=error.retry_after or 0.0) if error.retryable else None
        return NotAddedError(text, retryable=error.retryable, next_try=next_try)
