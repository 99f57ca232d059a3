"""An answer as aiohttp sends it, dated by the emulator's clock. What is answered is for others to say."""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache

from aiohttp import web

from aimylogic_provider.emulator.http.exchange import HttpAnswer
from aimylogic_provider.emulator.world.clock import VirtualClock

__all__ = ["http_date", "http_response"]


def http_response(answer: HttpAnswer, clock: VirtualClock, *, last: bool = False) -> web.Response:
    """Return the response that bears an answer.

    :param last: whether the connection ends with it
    """
    response = web.Response(
        status=answer.status,
        body=answer.body,
        headers={"Content-Type": answer.content_type, "Date": http_date(clock), **answer.headers},
    )
    if last:
        response.force_close()
    return response


def http_date(clock: VirtualClock) -> str:
    """Return the time as the header ``Date`` writes it."""
    return _date_of(int(clock.now()))


@lru_cache(maxsize=16)
def _date_of(second: int) -> str:
    return formatdate(second, usegmt=True)
