"""The words for a call job's status and for a campaign's, as the vendor's pages name them; other writings of one.

The lists may grow: a word that stands in none of them is told as it is, and never taken for another.
"""

from __future__ import annotations

from collections.abc import Iterable

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.masking import shown

__all__ = [
    "CAMPAIGN_STATUSES",
    "JOB_ENDS",
    "campaign_status",
    "checked_ends",
    "is_cancelled",
    "job_status",
    "why_nobody_is_called",
]

JOB_ENDS = (
    "longCallWithResult", "longCallWithNoResult", "noAnswer", "nonexistentNumber", "notDone", "cancelledByUser",
    "technicalError", "unknown",
)  # fmt: skip
"""How a call job may end."""

CAMPAIGN_STATUSES = ("new", "planned", "inProgress", "paused", "finished", "deleted")

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


def job_status(written: str) -> str:
    """Return the one word for a job's status; one that no source names is returned as it is."""
    known = {name.casefold(): name for name in JOB_ENDS} | _JOB_WRITINGS
    return known.get(written.casefold(), written)


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
