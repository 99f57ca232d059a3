"""What is recorded of one call, as one try reads it, changes it, and has it written.

What stands in a record, and how one follows from another, is in ``record``; this is the one call's place in its task's
entry. Sends nothing, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, replace

from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.idempotence import messages
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.human_answer import Question, Ruling
from aimylogic_provider.idempotence.job_adoption import unfit, without_phone
from aimylogic_provider.idempotence.keys import Intent, Parameters
from aimylogic_provider.idempotence.ports import Log
from aimylogic_provider.idempotence.record.entry_store import KeptEntry
from aimylogic_provider.idempotence.record.records import Record, Send, SendOutcome
from aimylogic_provider.idempotence.time_limits import Time

__all__ = ["RecordedCall", "changed_parameters"]


class RecordedCall:
    """A call's record in the entry of its task instance.

    :param clear_number: how often the DAG run was cleared
    """

    def __init__(self, intent: Intent, kept: KeptEntry, clear_number: int, log: Log) -> None:
        self._intent = intent
        self._kept = kept
        self._clear_number = clear_number
        self._log = log
        self._phone = intent.call.masked_phone
        self._had_job = self.record is not None and self.record.job is not None

    @property
    def found_out(self) -> bool:
        """Whether it was this try that learnt of the call's job: created by it, or found."""
        return self.record is not None and self.record.job is not None and not self._had_job

    @property
    def open_question(self) -> Question | None:
        """The question that a person was asked about this very call, if what was answered is not noted yet."""
        asked = None if self.record is None else self.record.asked
        return asked if asked is not None and asked.reference == self._intent.reference else None

    @property
    def asked_about_another(self) -> bool:
        """Whether a person was asked about another call of this task instance, and the answer is not noted yet."""
        return any(other.asked is not None for other in self.others)

    def note_question(self, question: Question | None) -> None:
        """Note that a person is asked about this call, once it is sure that the question is about no other one.

        :param question: None once no answer is waited for any more
        """
        self.save(replace(self.record or self._new(), asked=question))

    def follow(self, ruling: Ruling, jobs_of_the_phone: Callable[[], Iterable[str]]) -> None:
        """Note what a person said, so that the decision heeds it.

        :param jobs_of_the_phone: asks the report
        :raises NotAddedError: if what was said can't be followed
        """
        record = self.record or self._new()
        if self.record is not None and record.asked is None:
            # Airflow brought it twice; it was noted, and the record may have gone on from there.
            self._log.warning("What a person said of %s was noted before: %s.", self._phone, messages.ruled(ruling))
            return
        try:
            fault = unfit(ruling, self._intent, record, self.others, jobs_of_the_phone)
        except ApiError as error:
            if not error.retryable:
                self.note_question(None)  # or each clear would bring the same answer to the same error
            raise
        if fault is not None:
            self.note_question(None)
            shown = without_phone(ruling, self._intent)
            raise NotAddedError(messages.unfit(self._phone, shown, fault), retryable=False)
        self.save(record.ruled(ruling, self._intent.parameters))
        self._log.info("Noted for %s: %s.", self._phone, messages.ruled(ruling))

    @property
    def record(self) -> Record | None:
        """What is recorded of the call; None if nothing is."""
        return self._kept.entry.records.get(self._intent.record_name)

    @property
    def others(self) -> tuple[Record, ...]:
        """The task instance's other records."""
        return tuple(other for name, other in self._kept.entry.records.items() if name != self._intent.record_name)

    def warn_of_others(self) -> None:
        """Tell of unanswered sends of other calls, which this try leaves as they are."""
        for other in self.others:
            if other.unanswered and other.person != self._intent.person:
                self._log.warning(
                    "This task has also an unanswered request for %s, which this try leaves as it is: to have that "
                    "settled, clear the task with the former parameters. Its sends: %s.",
                    other.masked_phone, messages.sends(other),
                )  # fmt: skip

    def save(self, record: Record) -> None:
        """Write it durably; raises if this try was replaced."""
        self._kept.save_record(self._intent.record_name, record)

    def save_answer(self, record: Record) -> None:
        """Write what a send was answered, in both places, whichever of them fails."""
        self._kept.save_answer(self._intent.record_name, record)

    def noted(self, now: Time, send_timeout: float) -> Record:
        """Return the record with a send of now noted in it; a new one if there is none. Writes nothing.

        :param send_timeout: seconds that one send takes at most
        """
        intent, record = self._intent, self.record
        if record is None:
            record = self._new()
        elif record.only_refused:
            # Its key goes on where it was begun; elsewhere others may already use the one of the recipe. A key that was
            # made anew is used nowhere else.
            here = record.parameters.campaign == intent.campaign and record.parameters.test_call == intent.test_call
            key = record.key if here or record.sent_again else intent.key
            record = replace(record, key=key, parameters=intent.parameters)
        elif changed := changed_parameters(record.parameters, intent.parameters):
            # Only the report leads here: it showed, after its lag, that no job came of the former parameters.
            self._log.warning(
                "An earlier request to add %s went unanswered, and its %s changed since. The report shows that no job "
                "came of it: the call is added with what is set now.",
                self._phone, " and ".join(changed),
            )  # fmt: skip
            record = replace(record.settled(SendOutcome.ABSENT), parameters=intent.parameters)
        until = now.latest + send_timeout
        return record.noted(Send(now.earliest, until, now.clock, clear_number=self._clear_number))

    def _new(self) -> Record:
        intent = self._intent
        return Record(
            key=intent.key,
            person=intent.person,
            phone=intent.phone_digest,
            masked_phone=self._phone,
            # In a mapped task another instance may have had this person before, unless this is the first try.
            sure=self._kept.entry.sure and (not intent.mapped or self._kept.is_new),
            parameters=intent.parameters,
        )


def changed_parameters(before: Parameters, now: Parameters) -> list[str]:
    """Return the names of the parameters that differ."""
    return [one.name for one in fields(Parameters) if getattr(before, one.name) != getattr(now, one.name)]
