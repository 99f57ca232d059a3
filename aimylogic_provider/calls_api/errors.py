"""The exceptions that users of this package meet, and what they tell of a request.

No message here ever bears a campaign's token, nor a phone number in full.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "AimylogicError",
    "ApiError",
    "ConnectionRejectedError",
    "Known",
    "RejectedError",
    "RejectedTypeError",
    "UnreadableError",
]


class Known(StrEnum):
    """What is known of a request that brought no result."""

    REFUSED = "refused"
    """The server said definitely that it took no effect."""

    UNANSWERED = "unanswered"
    """It may or may not have taken effect."""


class AimylogicError(Exception):
    """Base of the errors that the hook and the operator raise."""


class RejectedError(AimylogicError, ValueError):
    """What this package refuses to send: it never reached the network."""


class RejectedTypeError(RejectedError):
    """A value whose type can't be sent: where it is a column's, all values of that column have it.

    :param what: which value, as in ``phone``, or ``payload 'name'``
    :param kind: its type, in words
    """

    def __init__(self, message: str, *, what: str, kind: str) -> None:
        super().__init__(message)
        self.what = what
        self.kind = kind


class ConnectionRejectedError(RejectedError):
    """Connection settings that can't be used."""


class UnreadableError(AimylogicError, ValueError):
    """A body that is not what the contract says. Raised by parsers; :mod:`.response_meaning` judges it."""


class ApiError(AimylogicError):
    """A request that did not end in an answer of the kind that was asked for.

    :param message: what happened and what to do, without token and phone
    :param known: what is known of the request
    :param retryable: whether another try can help without anybody changing anything
    :param status: the HTTP status, if there was one
    :param type: the ``type`` of the server's error (of the campaign's control: its ``error``, which can be any text and
        is not for display), if it sent one
    :param phone: the phone that the server's error names, if it names one; not for display
    :param retry_after: seconds that the server asks to wait, if it does
    :param date: the server's time (Unix seconds) by the answer's ``Date``, if there was one
    :param is_too_large: whether the answer was larger than any is read: fewer rows are to be asked for
    """

    def __init__(
        self,
        message: str,
        *,
        known: Known,
        retryable: bool,
        status: int | None = None,
        type: str | None = None,
        phone: str | None = None,
        retry_after: float | None = None,
        date: float | None = None,
        is_too_large: bool = False,
    ) -> None:
        super().__init__(message)
        self.known = known
        self.retryable = retryable
        self.status = status
        self.type = type
        self.phone = phone
        self.retry_after = retry_after
        self.date = date
        self.is_too_large = is_too_large

    @property
    def is_unknown_id(self) -> bool:
        """Whether it is the definite answer that the campaign doesn't know a call job's id, and so no failure."""
        return self.type == "id.not.found" and self.known is Known.REFUSED
