"""The words for a call job's status and for a campaign's, as the vendor's pages name them; other writings of one.

The lists may grow: a word that stands in none of them is told as it is, and never taken for another.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.masking import shown

__all__ = [
    "CAMPAIGN_STATUSES",
    "JOB_ENDS",
    "STATUS_WORD",
    "campaign_status",
    "checked_campaign_statuses",
    "checked_ends",
    "is_cancelled",
    "job_status",
    "nobody_was_reached",
    "shown_status",
    "talked",
    "why_nobody_is_called",
]

JOB_ENDS = (
    "longCallWithResult", "longCallWithNoResult", "noAnswer", "nonexistentNumber", "notDone", "cancelledByUser",
    "technicalError", "unknown",
)  # fmt: skip
"""How a call job may end."""

_REACH_NOBODY = frozenset({"notDone", "cancelledByUser", "technicalError"})
"""Ends by which nobody was rung, or none of the rings got through."""
_NOBODY_THERE = "nonexistentNumber"
_TALKS = frozenset({"longCallWithResult", "longCallWithNoResult"})
"""Ends by which somebody was reached, as the views of the documentation count them."""

CAMPAIGN_STATUSES = ("new", "planned", "inProgress", "paused", "finished", "deleted")

STATUS_WORD = re.compile(r"(?!.*[0-9]{6})[A-Za-z][A-Za-z0-9_-]{0,39}")
"""What a status is written like, if it is one word. Never a phone."""
_JOB_WRITINGS = {"canceled": "cancelledByUser", "cancelled": "cancelledByUser"}
"""Other words for one status, as of another page of the vendor's."""
_CAMPAIGN_WRITINGS = {"inprocess": "inProgress", "in_progress": "inProgress"}

_CALLS_NOBODY = {
    "new": "nobody who is added is called before it is started",
    "planned": "nobody who is added is called before it begins",
    "paused": "nobody who is added is called until it is resumed",
    "finished": "the server may refuse whoever is added, and calls nobody until it runs again",
    "deleted": "nobody is called by it any more: give the connection another campaign's token",
}


def shown_status(status: str | None) -> str | None:
    """Return a status as people may read it, in logs and in Markdown: a word, as all are that the contract names."""
    return status if status is not None and STATUS_WORD.fullmatch(status) else None


def job_status(written: str) -> str:
    """Return the one word for a job's status; one that no source names is returned as it is."""
    known = {name.casefold(): name for name in JOB_ENDS} | _JOB_WRITINGS
    return known.get(written.casefold(), written)


def nobody_was_reached(ends: Collection[str]) -> bool:
    """Whether calls ended so that nobody was reached, of those who could be: whom no number leads to, nobody can.

    :param ends: with which statuses jobs are over
    """
    could_be = {*ends} - {_NOBODY_THERE}
    return bool(could_be) and could_be <= _REACH_NOBODY


def talked(end: str) -> bool:
    """Whether a job that ended so reached somebody: a person answered."""
    return end in _TALKS


def is_cancelled(written: str | None) -> bool:
    """Whether a job's status is that of a cancelled one."""
    return written is not None and job_status(written) == "cancelledByUser"


def campaign_status(written: str) -> str:
    """Return the one word for a campaign's status; one that no source names is returned as it is."""
    known = {name.casefold(): name for name in CAMPAIGN_STATUSES} | _CAMPAIGN_WRITINGS
    return known.get(written.casefold(), written)


def why_nobody_is_called(written: str) -> str | None:
    """Return what a campaign's status means for whoever is added, if that is not called for the time being."""
    return _CALLS_NOBODY.get(campaign_status(written))


def checked_ends(name: str, statuses: Iterable[str]) -> frozenset[str]:
    """Return statuses with which a job ends, each in its one writing.

    :param name: of the argument that holds them
    :raises RejectedError: for one that no source names: it would never be met
    """
    if isinstance(statuses, str) or not isinstance(statuses, Iterable):
        raise RejectedError(f"{name} {shown(statuses)} isn't a list of statuses: give one, even of one")
    found = set()
    for written in statuses:
        status = job_status(written) if isinstance(written, str) else ""
        if status not in JOB_ENDS:
            raise RejectedError(
                f"{name} holds {shown(written)}, with which no call job ends: use {', '.join(JOB_ENDS)}"
            )
        found.add(status)
    return frozenset(found)


def checked_campaign_statuses(statuses: object) -> tuple[str, ...]:
    """Return the states of a campaign that are waited for, each in its one writing.

    :param statuses: one, or a list of them
    :raises RejectedError: for one that no source names: it would be waited for in vain
    """
    given = [statuses] if isinstance(statuses, str) else statuses
    if not isinstance(given, Sequence) or not given:
        raise RejectedError(
            f"status {shown(statuses)} can't be waited for: give one, or a list, of {', '.join(CAMPAIGN_STATUSES)}"
        )
    found = tuple(campaign_status(one) if isinstance(one, str) else "" for one in given)
    for one, status in zip(given, found, strict=True):
        if status not in CAMPAIGN_STATUSES:
            raise RejectedError(f"status {shown(one)} is none that a campaign has: use {', '.join(CAMPAIGN_STATUSES)}")
    return found
