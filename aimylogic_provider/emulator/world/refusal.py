"""The server's refusals, as the contract words them, whoever asks. How one is sent is for the HTTP around it."""

from __future__ import annotations

__all__ = ["BAD_REQUEST", "Refusal", "bad_request"]


BAD_REQUEST = "emulator.bad.request"
"""The ``type`` of an error that no source names: the emulator's own, so that no client comes to rely on it."""


class Refusal(Exception):
    """An error of the contract.

    :param more: further fields of the body
    """

    def __init__(self, status: int, type: str, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, object] = {"type": type, "message": message, **more}


def bad_request(message: str, status: int = 400) -> Refusal:
    """A request that the contract doesn't describe."""
    return Refusal(status, BAD_REQUEST, message)
