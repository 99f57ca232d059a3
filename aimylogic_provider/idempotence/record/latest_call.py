"""Which DAG run of a task called a person last, so that another one doesn't within ``only_new``: three rows for each.

Nothing fences these rows, and runs may come at the very same moment. So whoever is to call writes the first row, looks
at the second one, writes that, and looks whether the first one is still theirs: of all who do so at once, one may call
at most (Lamport's splitter). That one alone writes the third row, which none of the others can overwrite. Rows are
never taken back, for a try that stood still would take another's: what surely sent nothing gives its own mark back, in
a row of that mark's own; and whoever had to give way does so only once nobody can be under way who came before.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from aimylogic_provider.idempotence import messages
from aimylogic_provider.idempotence.errors import CalledLatelyError, NotAddedError
from aimylogic_provider.idempotence.keys import Intent, digest
from aimylogic_provider.idempotence.ports import Log
from aimylogic_provider.idempotence.record.records import Record
from aimylogic_provider.idempotence.record.second_record import Rows
from aimylogic_provider.idempotence.server_time import Clock, Reading
from aimylogic_provider.idempotence.time_limits import GUARD_BAND, ClockSource, Time

__all__ = ["LatestCall", "Lifted", "OnlyNew"]

_ROUNDS = 2
"""How often a try looks, where others come at the same moment."""
_PAUSE = (8.0, 12.0)
"""Seconds before it looks anew, and before it gives its mark back: of two, one is to be sooner."""
_QUICK = 4.0
"""Seconds within which a try must have looked at the second row, and written the third one: until then no mark was
given back that was written since it began, nor did anybody look anew who then gave way."""


@dataclass(frozen=True, slots=True)
class Lifted:
    """That a person said to call again: it lifts what they can have known of.

    :param after: seconds: calls that are younger than that as the run was triggered are taken for unknown to them
    :param triggered: when the run was, by Airflow's clock (Unix time); None if it isn't known, which lifts nothing
    """

    after: float
    triggered: float | None

    def until(self, now: Time, wall: float) -> float:
        """Up to when calls are lifted that were added, by the server's clock, whichever of both clocks is wrong.

        :param wall: the worker's time, which is near Airflow's
        """
        if self.triggered is None:
            return float("-inf")
        ago = max(0.0, wall - self.triggered)
        return min(self.triggered, now.earliest - ago) - self.after


@dataclass(frozen=True, slots=True)
class OnlyNew:
    """What ``only_new`` asks for.

    :param within: seconds
    :param help_after: seconds from a call on, after which a run may be triggered that calls again on purpose
    :param lifted: None if nobody said to call again
    :param unclear: why what was said lifts nothing, in words, if it says neither yes nor no
    """

    within: float
    help_after: float
    lifted: Lifted | None = None
    unclear: str = ""


@dataclass(frozen=True, slots=True)
class _Mark:
    """Who is to call, or called.

    :param instance: of the run's task, by map index and iteration
    :param try_number: which try of it
    :param token: of this mark alone
    :param at: when, by the server's clock (Unix time), at the latest
    :param shared: whether it stands for another call, too: of another instance of the run's task, or of a run that
        was lifted; then it is not given back
    """

    run: str
    instance: str
    try_number: int
    token: str
    at: float
    clock: ClockSource
    shared: bool = False

    @classmethod
    def of(cls, content: object) -> _Mark | None:
        return cls(**{**content, "clock": ClockSource(content["clock"])}) if isinstance(content, Mapping) else None


class LatestCall:
    """Who called a person last, as one try reads and writes it.

    :param rows: the same ones for all runs of the task
    :param instance: which one of the run's task it is, by map index and iteration
    :param sleep: waits for some seconds
    """

    def __init__(
        self, rows: Rows, intent: Intent, only_new: OnlyNew, *, instance: str, try_number: int, clock: Clock, log: Log
    ) -> None:
        self._rows = rows
        self._only_new = only_new
        self._run = intent.run_id
        self._instance = instance
        self._try_number = try_number
        self._clock = clock
        self._log = log
        self._phone = intent.call.masked_phone
        test = "test" if intent.test_call else "real"
        of = digest("latest call", intent.dag_id, intent.task_id, intent.campaign, test, intent.call.phone).hex()[:32]
        self._first, self._second, self._third = (f"latest-{of}-{number}" for number in (1, 2, 3))

    def take(self, now: Callable[[], Time], record: Record | None) -> None:
        """Write that this run is to call the person. Is asked right before a send is noted.

        :param now: tells the server's time
        :param record: of the call, if there is one
        :raises CalledLatelyError: if another run called, or may have, within ``only_new``
        :raises NotAddedError: if others come at this very moment, again and again
        :raises Exception: whatever the rows raise
        """
        for _ in range(_ROUNDS):
            began, time = Reading.of(self._clock), now()
            before = [
                found for name in (self._first, self._second, self._third) if (found := self._found(name)) is not None
            ]
            marks = [mark for mark, is_given_back in before if not is_given_back]
            for mark in marks:
                if self._holds(mark, time):
                    raise self._error(mark, time, record)
            mine = self._mark(marks, time)
            if self._takes(mine, time, began):
                self._rows.set(self._third, asdict(mine))
                if self._is_late(began):  # its mark stands, for it may have taken the place of another one's
                    break
                for token in {mark.token for mark, is_given_back in before if is_given_back}:
                    self._rows.delete(_given_back(token))
                return
            self._clock.sleep(random.uniform(*_PAUSE))  # noqa: S311 - a pause is no secret
            self._give_back(mine)
        raise NotAddedError(
            f"Other tries are about to call {self._phone} at this very moment: this one sent nothing", retryable=True
        )

    def give_back(self) -> None:
        """Have other runs call the person, for nothing that this task instance sent to them is open, or was created.

        Given back is what this try wrote, or an earlier one; and nothing where another instance of the run's task had
        the person, too.
        """
        try:
            for mark, _ in filter(None, (self._found(name) for name in (self._first, self._second, self._third))):
                mine = (mark.run, mark.instance) == (self._run, self._instance)
                if mine and mark.try_number <= self._try_number and not mark.shared:
                    self._give_back(mark)
        except Exception as error:  # noqa: BLE001 - what became of the call stands, whoever else may call
            self._log.warning(
                "No call was added for %s, and other runs couldn't be told so (%s): within only_new they don't call "
                "the person, either.", self._phone, type(error).__name__,
            )  # fmt: skip

    def _give_back(self, mark: _Mark) -> None:
        self._rows.set(_given_back(mark.token), {"at": mark.at})

    def _found(self, name: str) -> tuple[_Mark, bool] | None:
        """The mark in a row, and whether it was given back."""
        mark = _Mark.of(self._rows.get(name))
        return None if mark is None else (mark, self._rows.get(_given_back(mark.token)) is not None)

    def _mark(self, before: list[_Mark], time: Time) -> _Mark:
        """A new mark of this try.

        :param before: those that it takes the place of
        """
        shared = any(
            mark.shared or mark.instance != self._instance
            if mark.run == self._run
            else time.earliest - mark.at < self._only_new.within  # it was lifted, and holds for others
            for mark in before
        )
        token = secrets.token_hex(8)
        return _Mark(self._run, self._instance, self._try_number, token, time.latest, time.clock, shared)

    def _takes(self, mine: _Mark, time: Time, began: Reading) -> bool:
        """Write a mark in both rows, and return whether its try is the only one that may call."""
        self._rows.set(self._first, asdict(mine))
        met = self._found(self._second)
        if met is not None and not met[1] and self._holds(met[0], time):
            return False
        if self._is_late(began):
            return False
        self._rows.set(self._second, asdict(mine))
        still = self._found(self._first)
        return still is not None and still[0].token == mine.token and not self._is_late(began)

    def _is_late(self, began: Reading) -> bool:
        return began.elapsed(self._clock)[1] > _QUICK

    def _holds(self, mark: _Mark, time: Time) -> bool:
        """Whether a mark keeps this run from calling."""
        guard = GUARD_BAND if ClockSource.WORKER in (mark.clock, time.clock) else 0.0
        if mark.run == self._run or time.earliest - mark.at - guard >= self._only_new.within:
            return False
        lifted = self._only_new.lifted
        return lifted is None or mark.at + guard > lifted.until(time, self._clock.wall())

    def _error(self, mark: _Mark, time: Time, record: Record | None) -> CalledLatelyError:
        only_new = self._only_new
        message, way_out = messages.called_lately(
            self._phone, mark.run, at=mark.at, now=time.earliest, within=only_new.within,
            help_after=only_new.help_after, said=only_new.lifted is not None, record=record, unclear=only_new.unclear,
        )  # fmt: skip
        return CalledLatelyError(message, way_out)


def _given_back(token: str) -> str:
    return f"given-back-{token}"
