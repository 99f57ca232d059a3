"""What a person is told when a call is not simply added: what is known, and the ways out. Words only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import groupby

from aimylogic_provider.idempotence.actions import Clash, Park, Row, Wait
from aimylogic_provider.idempotence.human_answer import Choice, Ruling
from aimylogic_provider.idempotence.job_adoption import shown_job
from aimylogic_provider.idempotence.record.records import Record, SendOutcome

__all__ = [
    "called_lately",
    "clash",
    "known",
    "left",
    "moment",
    "parked",
    "refused",
    "ruled",
    "sends",
    "unfit",
    "waiting",
]

_WHY_PARKED = {
    Row.MAPPED_CHANGED: "this mapped task instance has already sent a call to this person with another payload or "
    "time zone; whether that was this call, with changed parameters, or another one of the list, can't be known",
    Row.UNANSWERED_ELSEWHERE: "an earlier request to add it went unanswered in another campaign (or as a test call), "
    "and that campaign can't be asked from here",
    Row.UNCLEAR_RUN: "the second record, which outlives a DAG run, holds a call to this person, and whether that is of "
    "this run, or of one that was deleted and had the same run_id, can't be told",
    Row.NOTED_AHEAD: "an earlier request to add it is noted at a time that is more than a day ahead of the server's "
    "clock: the Date of one of its answers was far off, so when that request left can't be told",
    Row.FIRST_CLEARED: "the DAG run was cleared, which discards what earlier tries noted, there is no second record of "
    "it, and the campaign holds jobs for this phone that were created since the run began",
    Row.SEND_AGAIN: "a person said to send it again, but the campaign now holds jobs for this phone of which that "
    "person was not told",
    Row.UNANSWERED_OLD: "an earlier request to add it went unanswered, its idempotence key is no longer safe to "
    "repeat, and the report doesn't tell which job, if any, came of it",
    Row.SHARED_RUN_OLD: "an earlier request to add it went unanswered, its idempotence key may have expired, and "
    "whether a job came of it can't be told here from the report",
    Row.REFUSED_OPEN: "the server refuses it now, but an earlier request went unanswered, and the report doesn't tell "
    "which job came of it",
    Row.REFUSED_SHARED: "the server refuses it now, but the campaign holds jobs for this phone that were created "
    "since the DAG run began, so it may have been added before",
}

_WHY_PARKED_WITHOUT_SENDS = {
    Row.UNANSWERED_ELSEWHERE: "no request to add it is unanswered on record, but the record does not tell of all that "
    "were sent in this DAG run; it was begun for another campaign (or for a test call), and that one can't be asked "
    "from here",
    Row.FIRST_RUN_OLD: "no request to add it is unanswered on record, but whether there was one, the record can't tell "
    "here; the idempotence key of this DAG run may have expired, and the campaign holds jobs for this phone that were "
    "created since the run began",
}
"""Where no request is known that went unanswered."""

_CALL_AGAIN = "To have the person called, or called again, set another call_again and clear the task."
_NEW_RUN = (
    "To have the person called, or called again, start a new DAG run; or set on_unknown='ask', clear the task, and "
    "answer “Send again”."
)
# With another call_again the report would be asked for the same jobs, and the call parked again.
_SECOND_WAY_OUT = dict.fromkeys((Row.FIRST_CLEARED, Row.FIRST_RUN_OLD, Row.SHARED_RUN_OLD), _NEW_RUN)

_THIRD_WAY_OUT = {
    Row.MAPPED_CHANGED: "Or set payload and time zone back, and clear the task: the former call is found.",
    Row.UNANSWERED_ELSEWHERE: "Or set the connection (and test_call) back, and clear the task: then it can be asked.",
}


def moment(seconds: float) -> str:
    """Return a time of the server's clock as people read it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def sends(record: Record | None) -> str:
    """Return the sends of a record in a line, those with the same answer together."""
    return "; ".join(_sends(record)) or "none recorded"


def _sends(record: Record | None) -> list[str]:
    told: list[str] = []
    for (outcome, detail), group in groupby(
        record.sends if record is not None else (), key=lambda send: (send.outcome, send.detail)
    ):
        times = [send.at for send in group]
        span = moment(times[0]) if len(times) == 1 else f"{len(times)} from {moment(times[0])} to {moment(times[-1])}"
        told.append(f"{span} ({outcome.value}{': ' + detail if detail else ''})")
    return told


def _why(park: Park, record: Record | None) -> str:
    unsent = record is None or not record.unanswered
    return (unsent and _WHY_PARKED_WITHOUT_SENDS.get(park.row)) or _WHY_PARKED[park.row]


def parked(phone: str, park: Park, record: Record | None, jobs: Mapping[str, str]) -> str:
    """Explain a parked call."""
    return (
        f"The call to {phone} is parked, and nothing more is sent:\n{_why(park, record)}.\n"
        f"Candidate jobs: {_listed(_jobs(park.candidates, jobs))}\n"
        f"Sends: {_listed(_sends(record))}\n"
        "Ways out:\n"
        "  (1) Look into the campaign. If a job there is this call, mark the task as success.\n"
        f"  (2) {_SECOND_WAY_OUT.get(park.row, _CALL_AGAIN)}\n"
        f"  (3) {_THIRD_WAY_OUT.get(park.row, 'To have the report asked once more, clear the task as it is.')}"
    )


def known(park: Park, record: Record | None, jobs: Mapping[str, str]) -> str:
    """Tell a person who is asked about a parked call what is known of it, in Markdown."""
    return (
        f"{_why(park, record)}.\n\n**Requests so far:** {_listed(_sends(record), '- ')}\n\n"
        f"**Call jobs that could be this call:** {_listed(_jobs(park.candidates, jobs), '- ')}"
    )


def ruled(ruling: Ruling) -> str:
    """Tell what a person said."""
    what = {
        Choice.ADOPT: f"call job {shown_job(ruling)} is this call",
        Choice.SEND_AGAIN: "send again",
        Choice.LEAVE: "leave it",
    }[ruling.choice]
    return f"“{what}”, said by {ruling.by} at {moment(ruling.at)}"


def left(phone: str, ruling: Ruling) -> str:
    """Explain why a call that a person left is not sent."""
    return (
        f"The call to {phone} is left as it is, and nothing is sent: {ruled(ruling)}.\n"
        "Whether the person was called is not known. Ways out:\n"
        "  (1) If it turns out that the call was added, mark the task as success.\n"
        "  (2) To have the person called after all, set another call_again and clear the task."
    )


def unfit(phone: str, ruling: Ruling, fault: str) -> str:
    """Explain why what a person said can't be done."""
    return (
        f"The call to {phone} stays parked, and nothing was sent: {ruled(ruling)}, but {fault}. Clear the task to be "
        "asked again."
    )


def waiting(phone: str, wait: Wait, record: Record | None, jobs: Mapping[str, str], *, remembers: bool) -> str:
    """Explain why another try must ask again, and when.

    :param remembers: whether that try will know when this one began
    """
    settles = (
        "A retry after that settles it; a retry_delay longer than report_lag needs but one."
        if remembers
        else "A retry after that names the job, if one was created. If none was, no retry can be sure of it, for this "
        "Airflow keeps no record of earlier tries: look into the campaign then."
    )
    return (
        f"Whether the call to {phone} was added can't be known yet: an earlier request may have created a job that "
        f"the report shows only after its lag, by {moment(wait.until)} (the server's clock). {settles}\n"
        f"Candidate jobs: {_listed(_jobs(wait.candidates, jobs))}\nSends: {_listed(_sends(record))}"
    )


def clash(phone: str, found: Clash, changed: Iterable[str]) -> str:
    """Explain that a job exists with other parameters."""
    return (
        f"Call job {found.job} was already created for {phone} by this task of this DAG run, but with another "
        f"{' and another '.join(changed)} than now; nothing was sent.\n"
        "Ways out:\n"
        "  (1) If that job will do, mark the task as success.\n"
        "  (2) To have the person called again with what is set now, set another call_again and clear the task; cancel "
        f"job {found.job} before, if it should not be called.\n"
        "  (3) Or set the former values again."
    )


def refused(phone: str, record: Record) -> str:
    """Explain a definite refusal of the last send."""
    abandoned = any(send.outcome is SendOutcome.ABANDONED for send in record.sends)
    came = "no job came of that; what became of the requests before is not known" if abandoned else "no job came of it"
    return (
        f"The call to {phone} was refused, and {came}. {record.sends[-1].detail}. Once that is mended, clear the task."
    )


def called_lately(
    phone: str,
    run: str,
    *,
    at: float,
    now: float,
    within: float,
    help_after: float,
    said: bool,
    record: Record | None,
    unclear: str = "",
) -> tuple[str, str]:
    """Why a person isn't called: another run of the task called them, or may have, within ``only_new``.

    Returns it, and beside it the way to call again all the same, which it ends with.

    :param at: when that run was about to, by the server's clock; and *now*
    :param within: seconds
    :param help_after: seconds after *at* from which on a new run calls again, if ``call_again`` says so
    :param said: whether it says so now
    :param record: what this run itself sent
    :param unclear: why ``call_again`` can't be used, as a sentence without its stop; empty if it can
    """
    ago = f"{_span(now - at, whole=False)} ago" if now - at >= 1 else "just now"
    known = (
        f"call_again calls again whom others called more than {_span(help_after)} before the run was triggered, so "
        "that a second click doesn't. " if said else f"{unclear}. " if unclear else ""
    )  # fmt: skip
    open_sends = (
        f"Whether a job came of what this run itself sent before isn't known: {sends(record)}. "
        if record is not None and record.unanswered else ""
    )  # fmt: skip
    way_out = f"start a new run with call_again{_from(at + help_after, now)}"
    without = _from(at + within, now) or " now"
    return (
        f"Not called again: run {run} of this DAG called {phone} {ago}, or is about to. That was at {moment(at)}, "
        f"and only_new allows one call in {_span(within)}. What came of it, that run tells; if it failed, clear its "
        f"task instead. {open_sends}{known}To call again all the same: {way_out}, or without it{without}"
    ), way_out


def _from(since: float, now: float) -> str:
    """From when on, to the minute; nothing if that is over."""
    if since <= now:
        return ""
    shown = "%H:%M" if since - now < 20 * 3600 else "%Y-%m-%d %H:%M"
    return f" from {datetime.fromtimestamp(-(-since // 60) * 60, UTC).strftime(shown)} UTC on"


def _span(seconds: float, *, whole: bool = True) -> str:
    """A time span in the largest unit of which it is a multiple, or, if it needn't be whole, that it reaches."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size * (1 if whole else 2) and not (whole and seconds % size):
            return _counted(seconds // size, unit)
    return _counted(round(seconds), "second")


def _counted(number: float, unit: str) -> str:
    return f"{number:,.0f} {unit}{'' if number == 1 else 's'}"


def _jobs(ids: Iterable[str], known: Mapping[str, str]) -> list[str]:
    return [known.get(number, f"job {number}") for number in ids]


def _listed(lines: Iterable[str], mark: str = "  ") -> str:
    """Lines of their own below what is before, or a word on the same line."""
    return "".join(f"\n{mark}{line}" for line in lines) or "none on record"
