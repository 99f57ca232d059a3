"""The first calls of a list are sent and waited for, and the rest follows if they went well, or a person says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from aimylogic_provider.airflow_task.airflow_imports import AirflowException, AirflowFailException
from aimylogic_provider.airflow_task.argument_checks import check_seconds, check_whole
from aimylogic_provider.call_list_task.questions.stage_questions import AsksBeforeSending
from aimylogic_provider.call_list_task.waiting_list import WaitsForList

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.send.first_calls import FirstFigures
    from aimylogic_provider.call_list.send.progress import SyncProgress
    from aimylogic_provider.call_list.send.sending import Sending
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list.store.outcomes import Counts
    from aimylogic_provider.call_list.store.stored_list import CallList
    from aimylogic_provider.call_list.store.sync_entry import EntryKeeper, FirstVerdict, SyncEntry
    from aimylogic_provider.waiting.jobs_wait import WaitEnd

__all__ = ["SendsFirstCallsFirst"]

_STAGE = "first calls"
_MIN_REACHED = _MAX_REFUSED = 0.1
_ANYWAY = "To send the rest whatever became of them, take first out, and clear the task"


class _Send(Protocol):
    """Sends a shard of the list, but for some batches, by name."""

    def __call__(self, *, but: frozenset[str]) -> tuple[Counts, SyncProgress]: ...


class SendsFirstCallsFirst(WaitsForList, AsksBeforeSending):
    """What sends a list, and may send some calls of it before all others, and wait until those are over."""

    first: int | None
    _current: Sending | None

    def __init__(
        self,
        *,
        first: int | None = None,
        min_reached: float | None = _MIN_REACHED,
        max_refused: float | None = _MAX_REFUSED,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_whole("first", first, 1, 1_000_000)
        for name, share in (("min_reached", min_reached), ("max_refused", max_refused)):
            is_share = share == 0 if isinstance(share, int) else isinstance(share, float) and 0 <= share <= 1
            if share is not None and (isinstance(share, bool) or not is_share):
                raise ValueError(
                    f"{name} {share!r} can't be used: give a share as a float from 0.0 to 1.0, as in 0.1, or None (a "
                    "whole 1 may be a count, or a percentage)"
                )
        if first is None and (min_reached, max_refused) != (_MIN_REACHED, _MAX_REFUSED):
            raise ValueError(
                "min_reached and max_refused are bounds of the first calls: set first, too, as in first=100"
            )
        self.first = first
        self.min_reached = min_reached
        self.max_refused = max_refused
        self._first_end: WaitEnd | None = None
        """How the wait for the first calls ended, of a try that was deferred meanwhile."""
        self._created_before = 0

    def execute_after_first_calls(self, context: Context, event: dict[str, Any], created_now: int) -> dict[str, Any]:
        """Go on once the trigger has waited for the first calls; return as ``execute``. Airflow calls it.

        :param event: how the wait ended
        :param created_now: how many of them this try created
        :raises AirflowFailException: as ``execute``
        :raises AirflowException: as ``execute``
        """
        self._first_end, self._created_before = self._waited(event), created_now
        report: dict[str, Any] = self.execute(context)
        return report

    def _wait_for_first_calls(
        self,
        context: Context,
        keeper: EntryKeeper,
        call_list: CallList,
        shard: int,
        send: _Send,
    ) -> bool:
        """Send the first calls, and wait until they are over; return if the rest may follow, whether there were some.

        :raises NotAddedError: if a person said no
        :raises AirflowFailException: if it can't be known what became of them
        """
        from aimylogic_provider.call_list.store.caps import held_by_lists

        if self.first is None or not (held := self._held_back(self.first, keeper.entry, call_list, shard)):
            return False
        verdict = keeper.entry.first
        waiting = sum(batch.calls for batch in call_list.batches(shard) if batch.name in held)
        if verdict is None or verdict.call_list != call_list.manifest.id:
            verdict = self._judged(keeper, call_list, shard, held, waiting, send)
        elif self._answer is not None:  # the try that created them asked, and goes on
            self._created_before = verdict.created_now
        rest = [batch for batch in call_list.batches(shard) if batch.name in held]
        if verdict.broken and (why := self._nobody_left(call_list, rest)):
            self.log.info("Nobody is asked about the other calls: nobody of them is left to be called (%s).", why)
        elif verdict.broken:
            self._ask_for_the_rest(context, keeper, verdict, waiting, held_by_lists(call_list.manifest.caps))
        else:
            self.log.info("The first calls are within their bounds: the other %s are sent.", f"{waiting:,}")
        return True

    def _held_back(self, first: int, entry: SyncEntry, call_list: CallList, shard: int) -> frozenset[str]:
        """The batches that wait for the first calls; none if nothing is left to wait."""
        from aimylogic_provider.call_list.send.first_calls import held_back

        batches, done = call_list.batches(shard), call_list.done()
        begun = {
            one.name for one in batches if one.name in done or one.name in entry.open or call_list.has_traces([one])
        }
        held = held_back(batches, first, begun)
        before = sum(batch.calls for batch in batches if batch.name not in held)
        if held and before > first and not begun:
            self.log.warning(
                "%s calls are sent first, and not %s, for the list was cut into batches without regard to that, and is "
                "sent by whole ones. For fewer, give the task that froze it a smaller batch_size.",
                f"{before:,}", f"{first:,}",
            )  # fmt: skip
        return held

    def _judged(
        self,
        keeper: EntryKeeper,
        call_list: CallList,
        shard: int,
        held: frozenset[str],
        waiting: int,
        send: _Send,
    ) -> FirstVerdict:
        """What is found of the first calls, once they are sent and over; noted for good."""
        from aimylogic_provider.call_list.send.first_calls import Bounds, FirstFigures
        from aimylogic_provider.call_list.store.outcomes import Counts
        from aimylogic_provider.call_list.store.sync_entry import FirstVerdict
        from aimylogic_provider.waiting.jobs_wait import WaitEnd, WaitOutcome

        done = call_list.done()
        if any(batch.name not in done for batch in call_list.batches(shard) if batch.name not in held):
            self._send_first(send, held, waiting)
            done = call_list.done()
        counts = sum((done[one.name] for one in call_list.batches(shard) if one.name in done), Counts())
        end = WaitEnd(WaitOutcome.OVER) if not counts.created else self._end_of_first(call_list.pointer, shard)
        figures = FirstFigures(counts, end.ends, end.open + end.not_found)
        if end.outcome is WaitOutcome.FAILED:
            raise (AirflowException if end.retryable else AirflowFailException)(
                f"What became of the first calls can't be known, so the other {waiting:,} were not sent: "
                f"{end.message}. {figures.in_words()}. A retry, or a clear, waits on, and sends none of them again. "
                f"{_ANYWAY}"
            )
        broken = Bounds(self.min_reached, self.max_refused).broken(figures)
        if end.outcome is WaitOutcome.TIMEOUT:
            broken.insert(0, self._too_long(end, figures))
        verdict = FirstVerdict(call_list.manifest.id, "; ".join(broken), figures.in_words(), self._created_before)
        keeper.entry.first = verdict
        keeper.save_now()
        self.log.info("%s.", verdict.figures)
        return verdict

    def _send_first(self, send: _Send, held: frozenset[str], waiting: int) -> None:
        from aimylogic_provider.idempotence.errors import NotAddedError

        try:
            _, progress = send(but=held)
        except NotAddedError as error:
            told = f"The other {waiting:,} calls wait for the first ones, and were not sent. {_ANYWAY}"
            error.args = (f"{error}\n{told}",)
            raise
        self._created_before += progress.created_now
        self._current = None

    def _end_of_first(self, pointer: Pointer, shard: int) -> WaitEnd:
        """How the wait for the first calls ended; by a trigger, the task goes on in ``execute_after_first_calls``."""
        from aimylogic_provider.waiting.job_source import JobSource

        if self._first_end is not None:
            return self._first_end
        self.log.info("The first calls are sent. All others wait until they are over.")
        return self._wait_for(
            JobSource.of_call_list(pointer.as_json(), shard),
            method="execute_after_first_calls",
            kwargs={"created_now": self._created_before},
            share=self.completed_share,
            report_lag=self.report_lag,
        )

    def _too_long(self, end: WaitEnd, figures: FirstFigures) -> str:
        hours = check_seconds("wait_timeout", self.wait_timeout) / 3600
        because = f" ({end.message.rstrip('.')})" if end.message else ""
        return f"{figures.open:,} of their call jobs are still open after {hours:.3g} hours{because}"

    def _ask_for_the_rest(
        self, context: Context, keeper: EntryKeeper, verdict: FirstVerdict, waiting: int, held_until: str
    ) -> None:
        """Ask a person whether to send the rest, once; return if so.

        :param held_until: as :func:`.held_by_lists` tells it
        :raises NotAddedError: if a person said no
        """
        from aimylogic_provider.airflow_task.shown.answer_labels import go_ahead_options
        from aimylogic_provider.call_list_task.questions.approval_question import calls_in_words
        from aimylogic_provider.idempotence.errors import NotAddedError

        rest = calls_in_words(waiting)
        send, leave = go_ahead_options(waiting, others=True)
        answer = self._go_ahead(
            context,
            keeper,
            _STAGE,
            f"The first calls didn't go well: make the other {rest}?",
            f"**Out of bounds**: {verdict.broken}.\n\n{verdict.figures}.\n\n**Your answer**, which retries and clears "
            f"follow\n\n1. **{send}**: the rest of this list.\n2. **{leave}**, and the task fails. What was created "
            f"stays created.\n\n{_ANYWAY}.",
            _ANYWAY,
            options=(send, leave),
            calls=waiting,
        )
        if not answer.go_on:
            raise NotAddedError(
                f"{answer.by} said to leave the rest after the first calls: {rest} of this list are not made. "
                f"{verdict.figures}. Out of bounds: {verdict.broken}. What was created stays created. A clear keeps to "
                f"that answer; to call the others, start a new DAG run that has them among its rows. "
                f"{held_until}{'. ' if held_until else ''}{_ANYWAY}",
                retryable=False,
            )
