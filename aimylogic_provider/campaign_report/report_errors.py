"""How reading a campaign's report ends that could not be read whole."""

from __future__ import annotations

from aimylogic_provider.calls_api.errors import AimylogicError

__all__ = ["WAY_OUT", "ReportNotReadError"]

WAY_OUT = "Bring them home by their call list: set call_list to what the task returned that sent them"
"""Of whom a report by time doesn't tell."""


class ReportNotReadError(AimylogicError):
    """The report could not be read whole, or is not to be believed.

    :param message: the reason first, then the way out
    :param retryable: whether another try can help by itself
    """

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable
