"""A list is tried on one's own phone before anybody of it is called, and a person may be asked whether to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from aimylogic_provider.airflow_task.airflow_imports import AirflowFailException
from aimylogic_provider.airflow_task.argument_checks import check_choice
from aimylogic_provider.airflow_task.masked_rendering import RendersMasked, ShownMasked
from aimylogic_provider.call_list_task.questions.stage_questions import AsksBeforeSending

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.send.own_phone import TrialCall
    from aimylogic_provider.call_list.store.stored_list import CallList
    from aimylogic_provider.call_list.store.sync_entry import EntryKeeper, OwnPhoneCall

__all__ = ["TriesOnOwnPhone"]

_STAGE = "test call"
_OTHERWISE = (
    "To send without a question, set after_test='go on', and clear the task; to have a person asked after the test "
    "call, start a new DAG run, whose list no brake holds (max_calls, max_change), for that asks first"
)


class TriesOnOwnPhone(RendersMasked, AsksBeforeSending):
    """What sends a list, and may send the first call's payload to one's own phone before that."""

    aimylogic_conn_id: str
    test_phone = ShownMasked(is_phone=True)

    def __init__(
        self, *, test_phone: str | None = None, after_test: Literal["go on", "ask"] = "go on", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_choice("after_test", after_test, "go on", "ask")
        if after_test == "ask" and test_phone is None:
            raise ValueError("after_test='ask' needs test_phone: the phone that is called before anybody else")
        if test_phone is not None and not isinstance(test_phone, str):
            raise ValueError("test_phone must be text, with country code, as in '+79123456789', or a template of it")
        self.test_phone = test_phone
        self.after_test = after_test

    def _try_on_own_phone(self, context: Context, keeper: EntryKeeper, call_list: CallList, shard: int) -> None:
        """Call one's own phone, unless that was done; return if the list may be sent.

        :raises RejectedError: if the phone, or the payload, can't be used
        :raises NotAddedError: if the server refused the call or didn't answer, or a person said no
        :raises AirflowFailException: if a person is to be asked, and can't be
        """
        from aimylogic_provider.call_list.send.own_phone import noted_trial
        from aimylogic_provider.calls_api.errors import RejectedError
        from aimylogic_provider.idempotence.server_time import SystemClock

        if self.after_test == "ask" and self.test_phone is None:
            raise RejectedError("after_test='ask' needs test_phone, which is blank: nobody is called. Give a phone")
        if self.test_phone is None or not call_list.batches(shard):
            return
        trial = noted_trial(keeper, call_list.manifest.id)
        if trial is None:
            if call_list.claims():
                self.log.info("test_phone isn't called: this list was begun to be sent before.")
                return
            if why := self._nobody_left(call_list, call_list.batches(shard)):
                self.log.info("test_phone isn't called: nobody of this list is left to be called (%s).", why)
                return
            self._check_can_ask(keeper)
            call = self._trial_call(call_list)
            trial = call.ring(keeper, SystemClock(), self.log)
        elif not trial.job:
            self.log.warning(
                "test_phone was called by an earlier try, and the server didn't answer: whether it rang isn't known "
                "here. It isn't called again for this list."
            )
        if self.after_test == "ask":
            self._ask_after_test(context, keeper, call_list, trial)

    def _check_can_ask(self, keeper: EntryKeeper) -> None:
        """Check that the phone doesn't ring for a question that can't be put.

        :raises AirflowFailException: if it would
        """
        if self.after_test == "ask" and not self._can_be_asked(keeper, _STAGE):
            raise AirflowFailException(
                "Nobody could be asked after the test call, so test_phone isn't called, and nobody else: until 3.4 "
                f"Airflow keeps one question for each task instance, and this one asked already ({keeper.entry.put}). "
                f"{_OTHERWISE}"
            )

    def _trial_call(self, call_list: CallList) -> TrialCall:
        from aimylogic_provider.airflow_task.template_values import check_rendered
        from aimylogic_provider.call_list.send.own_phone import TrialCall
        from aimylogic_provider.calls_api.errors import RejectedError
        from aimylogic_provider.calls_api.phones.phone import canonical_phone
        from aimylogic_provider.hooks.aimylogic import AimylogicHook

        check_rendered({name: what for name, what in self._noted.items() if name == "test_phone"})
        if call_list.manifest.shards > 1:
            raise RejectedError(
                f"test_phone can't be called before a list of {call_list.manifest.shards} shards, each of which is "
                "sent by a task of its own: leave it out, and have a task before them call it, by "
                "AddPhoneOperator(test_call=True); or freeze the list in one shard"
            )
        try:
            phone = canonical_phone(self.test_phone, getattr(self, "phone_region", None))
        except RejectedError as error:
            raise RejectedError(f"test_phone can't be called, so that nobody was: {error}") from None
        call = TrialCall(call_list, call_list.batches(0), phone, AimylogicHook(self.aimylogic_conn_id).get_conn())
        if call.as_text or call.left_out:
            self.log.warning(
                "What is nested in a payload goes to test_phone as its JSON, for test/addPhone takes text alone (%s), "
                "and what is null not at all (%s).",
                ", ".join(call.as_text) or "none",
                ", ".join(call.left_out) or "none",
            )
        return call

    def _ask_after_test(self, context: Context, keeper: EntryKeeper, call_list: CallList, trial: OwnPhoneCall) -> None:
        """Ask a person whether to go on, once; return if so.

        :raises NotAddedError: if a person said no
        """
        from aimylogic_provider.airflow_task.shown.answer_labels import go_ahead_options
        from aimylogic_provider.call_list_task.questions.approval_question import calls_in_words
        from aimylogic_provider.idempotence.errors import NotAddedError

        calls = calls_in_words(call_list.manifest.calls)
        send, leave = go_ahead_options(call_list.manifest.calls)
        told = (
            f"The first call's payload was sent to your own phone, as call job {trial.job}."
            if trial.job
            else "The first call's payload was sent to your own phone, and the server didn't answer: did it ring?"
        )
        answer = self._go_ahead(
            context,
            keeper,
            _STAGE,
            f"Was the test call right? Make {calls}?",
            f"{told} Nobody of the list was called yet.\n\n**Your answer**, which retries and clears follow\n\n"
            f"1. **{send}**, and those only, once each.\n2. **{leave}**, and the task fails.",
            _OTHERWISE,
            options=(send, leave),
            calls=call_list.manifest.calls,
        )
        if not answer.go_on:
            raise NotAddedError(
                f"{answer.by} said to leave it after the test call: nobody of the list was called, and {calls} are not "
                "made. To call these people, start a new DAG run",
                retryable=False,
            )
