"""How an action ends that did not come to its end, as one error; and a request that is repeated in the same try."""

from __future__ import annotations

from typing import TypeVar

from aimylogic_provider.calls_api.client import Answer, CampaignClient
from aimylogic_provider.calls_api.errors import AimylogicError, ApiError
from aimylogic_provider.calls_api.http_messages import Request
from aimylogic_provider.idempotence.retry import repeated
from aimylogic_provider.idempotence.server_time import SystemClock

__all__ = ["ActionError", "asked", "in_words"]

T = TypeVar("T")


class ActionError(AimylogicError):
    """What was to be done is not done, or not wholly.

    :param retryable: whether another try can help by itself
    :param retry_after: seconds that the server asks to wait, if it does
    """

    def __init__(self, message: str, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after


def asked(client: CampaignClient, request: Request[T]) -> Answer[T]:
    """Return what a request is answered that may be repeated: three times in all, after errors that pass by themselves.

    :raises ApiError: if it was not answered
    """
    return repeated(lambda attempt: client.ask(request), SystemClock().sleep)


def in_words(error: ApiError) -> str:
    """What a request ended with, and how long the server asks to wait, if it does."""
    asks = error.retryable and error.retry_after
    return f"{error}. The server asks to wait {error.retry_after:g} seconds" if asks else f"{error}"
