"""The traces that a list's sends leave in its folder, for other tasks to know of: ``sent/<batch>.<…>.json``.

A send is noted in the task's own entry, which other tasks can't read. So its times stand in the name of an object that
is written before that note: listing the folder tells them all. It may tell of a send that was refused its note, and
never left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aimylogic_provider.call_list.store.open_batch import NotedSend, SendNote
from aimylogic_provider.idempotence.time_limits import ClockSource, send_window

__all__ = ["SentTrace", "name_of", "traces_among"]

_NAME = re.compile(
    r"sent/(?P<batch>[0-9]+)\.(?P<at>-?[0-9]+)\.(?P<until>-?[0-9]+)\.(?P<clock>server|worker)\.(?P<campaign>[0-9a-z]+)"
    r"\.[0-9a-f]+\.json"
)


@dataclass(frozen=True, slots=True)
class SentTrace:
    """That a batch was sent, or was just about to be.

    :param batch: its name
    """

    batch: str
    send: NotedSend

    def could_have_made(self, created: float | None) -> bool:
        """Whether a job of that time (Unix seconds, None if it isn't known) may have come of it."""
        start, end = send_window(self.send)
        return created is None or start <= created <= end


def name_of(batch: str, send: SendNote, token: str) -> str:
    """The name of a send's trace."""
    at, until, clock, campaign = send
    return f"sent/{batch}.{int(at * 1000)}.{int(until * 1000) + 1}.{clock}.{campaign}.{token}.json"


def traces_among(names: Iterable[str], campaign: str | None = None) -> Iterator[SentTrace]:
    """The traces among a list's files.

    :param campaign: digest of the one that counts; None for any
    """
    for name in names:
        if (found := _NAME.fullmatch(name)) and campaign in (None, found["campaign"]):
            at, until = int(found["at"]) / 1000, int(found["until"]) / 1000
            yield SentTrace(found["batch"], NotedSend(at, until, ClockSource(found["clock"]), found["campaign"]))
