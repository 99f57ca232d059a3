"""Whether a server answers nothing any more, or only some requests never: then the others go on.

Counted over all batches of a try. What becomes of a part that isn't answered is told by whoever sends it.
"""

from __future__ import annotations

from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.retry import MAX_PAUSE, SENDS_PER_TRY, pause_after

__all__ = ["PIECES", "ROUNDS", "UnansweredRequests", "ended_by"]

PIECES = 10
"""Into so many a part is cut that is never answered: of 1,000 numbers a single one is found in three steps."""

ROUNDS = 3
"""So many in a row without an answer, each of other numbers than the last one: then nothing is answered."""


class UnansweredRequests:
    """What a try heard of its requests that add."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._heard = False

    @property
    def sends(self) -> int:
        """How often the next part may be sent: once, while the last one was not answered."""
        return SENDS_PER_TRY if self._in_a_row == 0 else 1

    def broken(self) -> None:
        """A request was answered, whether it was taken or refused."""
        self._in_a_row, self._heard = 0, True

    def check(self, error: ApiError) -> None:
        """Go on after an error if it may be of its request alone.

        :raises NotAddedError: if it is of all: the server asks for a long pause; or another try can't help, and none
            of this try's requests was answered
        """
        permanent = not error.retryable and not self._heard
        if permanent or (error.retryable and (error.retry_after or 0.0) > MAX_PAUSE):
            raise ended_by(error)

    def left(self, error: ApiError) -> None:
        """A part is left, for it was never answered.

        :param error: its last one
        :raises NotAddedError: if nothing is answered any more
        """
        self._in_a_row += 1
        if self._in_a_row >= ROUNDS:
            raise ended_by(error)


def ended_by(error: ApiError) -> NotAddedError:
    """The try ends, for whatever is sent ends so."""
    try:
        pause_after(error, 0)
    except NotAddedError as end:
        return end
    raise AssertionError("unreachable: there are no sends left")
