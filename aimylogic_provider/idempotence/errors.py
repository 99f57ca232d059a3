"""How a try ends that brought no call job."""

from __future__ import annotations

from aimylogic_provider.calls_api.errors import AimylogicError
from aimylogic_provider.idempotence.actions import Row
from aimylogic_provider.idempotence.human_answer import Question
from aimylogic_provider.idempotence.next_try import NextTry

__all__ = ["CalledLatelyError", "NotAddedError", "ParkedError", "RefusedCallError"]


class NotAddedError(AimylogicError):
    """The try ended without a call job.

    :param retryable: whether another try can help by itself
    :param row: the row of the decision table, where one decided
    :param next_try: when that can help, as far as it is known
    """

    def __init__(
        self, message: str, *, retryable: bool, row: Row | None = None, next_try: NextTry | None = None
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.row = row
        self.next_try = next_try


class RefusedCallError(NotAddedError):
    """The server refused the call, and surely no job came of it.

    :param row: of the decision table
    """

    def __init__(self, message: str, *, row: Row) -> None:
        super().__init__(message, retryable=False, row=row)


class CalledLatelyError(NotAddedError):
    """Another run of the task called the person within ``only_new``, or may have: this one sends nothing.

    :param way_out: how to call again all the same
    """

    def __init__(self, message: str, way_out: str) -> None:
        super().__init__(message, retryable=False)
        self.way_out = way_out


class ParkedError(NotAddedError):
    """What became of the call can't be known here: it is for a person to say.

    :param question: what that person is to be told
    :param known: what is known, for that person, without the ways out
    """

    def __init__(self, message: str, *, row: Row, question: Question, known: str) -> None:
        super().__init__(message, retryable=False, row=row)
        self.question = question
        self.known = known
