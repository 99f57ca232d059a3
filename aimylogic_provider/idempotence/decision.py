"""What to do next about one call: one pure function of what is recorded, the server's time, the try and the report.

:func:`decide` is asked again whenever more is known (the time, the report, a refusal). It never sees a socket, a clock
or a store. Every answer names the row of the table that gave it (:class:`Row`).

The two facts that it stands on: a key makes a repeat safe for 24 hours from its *first* use, and a call job shows in
the report within the report lag. So a young key is repeated, and an old one only after the report showed no job: what
the report doesn't show yet is younger than its lag, and then its key still lives.
"""

from __future__ import annotations

from collections.abc import Iterable

from aimylogic_provider.idempotence.actions import (
    Action,
    Adopt,
    AskReport,
    AskTime,
    Clash,
    Leave,
    Park,
    Refuse,
    Return,
    Row,
    SendNow,
    Wait,
)
from aimylogic_provider.idempotence.human_answer import Ruling
from aimylogic_provider.idempotence.keys import Parameters
from aimylogic_provider.idempotence.record.records import Record, Send
from aimylogic_provider.idempotence.situation import Report, ReportedJob, Situation
from aimylogic_provider.idempotence.time_limits import (
    AIRFLOW_SLACK,
    KEY_WINDOW,
    SLACK,
    ClockSource,
    Time,
    ends_in_window,
    key_still_lives,
    latest_repeat,
    margin,
    send_window,
    shown_at,
)

__all__ = ["decide", "key_lives_until", "settled_by"]


def decide(known: Situation) -> Action:
    """Return what to do next.

    :returns: an :class:`AskTime` or :class:`AskReport` where more must be known, to be asked for before deciding again;
        else what to do
    """
    record = known.record
    if record is not None and record.job is not None:
        if record.parameters == known.parameters:
            return Return(Row.CREATED_SAME, record.job.id)
        return Clash(Row.CREATED_CHANGED, record.job.id)
    if record is not None and record.left:
        return Leave(Row.LEFT)
    if (record is None or record.only_refused) and (moved := _moved(known)):
        return Park(Row.MAPPED_CHANGED, tuple(other.job.id for other in moved if other.job))
    if record is None and (unclear := _may_be_of_this_run(known)):
        return Park(Row.UNCLEAR_RUN, tuple(other.job.id for other in unclear if other.job))
    if record is not None and _where(record.parameters) != _where(known.parameters) and _may_have_a_job(record):
        return Park(Row.UNANSWERED_ELSEWHERE)
    if known.time is None:
        return AskTime(Row.TIME)
    if record is None:
        return _nothing_open(known, known.time)
    if known.refused:
        return _refused(known, record, known.time)
    if record.only_refused:
        return _nothing_open(known, known.time)
    if max(send.at for send in record.unanswered) > known.time.latest + KEY_WINDOW:
        return Park(Row.NOTED_AHEAD)
    if _own(known, record):
        return _unanswered(known, record, known.time)
    return _unanswered_shared(known, record, known.time)


def key_lives_until(known: Situation) -> float | None:
    """Return the server's time up to which what went unanswered can be repeated by its key.

    Where the server doesn't tell its time just now, by the worker's clock, an hour early.

    :returns: None if nothing is unanswered, or no key protects it
    """
    record, time, entry = known.record, known.time, known.entry
    if record is None or not record.unanswered or not _protected(known):
        return None
    if time is not None and time.clock is not ClockSource.SERVER:
        return None
    taken_off = _margin(known) if time is not None else margin({ClockSource.WORKER})
    if _own(known, record):
        return latest_repeat(min(send.at for send in record.unanswered), known.limits, taken_off)
    if entry.server_time is None or entry.run_age is None:
        return None
    return latest_repeat(entry.server_time - entry.run_age - AIRFLOW_SLACK, known.limits, taken_off)


def settled_by(known: Situation) -> float | None:
    """Return the server's time from which on the report settles what went unanswered; None if nothing is."""
    return _shown_at(known) if known.record is not None and known.record.unanswered else None


def _where(parameters: Parameters) -> tuple[str, bool]:
    return parameters.campaign, parameters.test_call


def _may_have_a_job(record: Record) -> bool:
    """Whether a job may exist where the record was begun; an unsure record doesn't tell of all sends."""
    return bool(record.unanswered) or not record.sure


def _own(known: Situation, record: Record) -> bool:
    """Whether every send of the record's key stands in the record, so that its times tell its job."""
    return record.sure and (not known.mapped or record.sent_again)


def _moved(known: Situation) -> list[Record]:
    """In a mapped task, records of the same person that may have a job: the list moved, or its parameters changed."""
    if not known.mapped or (known.record is not None and known.record.sent_again):
        return []
    return [other for other in known.others if other.person == known.person and not other.only_refused]


def _may_be_of_this_run(known: Situation) -> list[Record]:
    """Records of the same person that may have a job, and may be of this run."""
    return [one for one in known.unclear if one.person == known.person and not one.only_refused]


def _nothing_open(known: Situation, time: Time) -> Action:
    """No record, or one of definite refusals alone."""
    if known.record is not None and known.record.ruling is not None and known.record.sent_again:
        return _send_again(known, known.record.ruling)
    # A test call has no duplicate restriction: the same person twice in a mapped list is two test calls.
    if known.entry.sure and (not known.mapped or known.parameters.test_call):
        return SendNow(Row.FIRST_SURE)
    if not known.unseen and _run_young(known, time):
        return SendNow(Row.FIRST_RUN_YOUNG)
    # A key protects only who changed nothing since: what a clear discarded may have been sent with other parameters.
    row = Row.FIRST_CLEARED if known.unseen else Row.FIRST_RUN_OLD
    if known.report is None:
        return AskReport(row)
    if found := _since_run_began(known, known.report):
        return Park(row, _ids(found))
    return _send_after_none(row, known, known.report, time)


def _send_again(known: Situation, ruling: Ruling) -> Action:
    """A person said to send again, and nothing with the new key is open: sent, if that person knew of every job."""
    if known.report is None:
        return AskReport(Row.SEND_AGAIN)
    found = _since_asked(known, ruling, known.report)
    return Park(Row.SEND_AGAIN, _ids(found)) if found else SendNow(Row.SEND_AGAIN)


def _unanswered(known: Situation, record: Record, time: Time) -> Action:
    """Unanswered sends, all of them in the record."""
    if _young(known, record, time) and time.clock is ClockSource.SERVER:
        return SendNow(Row.UNANSWERED_YOUNG)
    row = Row.UNANSWERED_OLD
    if known.report is None:
        return AskReport(row)
    found = _in_send_times(known, record, known.report)
    if not found:
        return _send_after_none(row, known, known.report, time)
    return _adopt_or_park(row, known, record, known.report, found)


def _unanswered_shared(known: Situation, record: Record, time: Time) -> Action:
    """Unanswered sends, while another task instance or a lost record may have sent the same key."""
    if _run_young(known, time) and time.clock is ClockSource.SERVER:
        return SendNow(Row.SHARED_RUN_YOUNG)
    row = Row.SHARED_RUN_OLD
    if known.report is None:
        return AskReport(row)
    if found := _since_run_began(known, known.report):
        return Park(row, _ids(found))
    return _send_after_none(row, known, known.report, time)


def _refused(known: Situation, record: Record, time: Time) -> Action:
    """A definite refusal of the last send: an outcome only if no other send can have made a job."""
    own = _own(known, record)
    # In a mapped task another instance may have sent since, unless this is the first try.
    if not record.unanswered and (own or (known.first and record.sure)):
        return Refuse(Row.REFUSED_SURE)
    row = Row.REFUSED_OPEN if own else Row.REFUSED_SHARED
    report = known.report
    if report is None:
        return AskReport(row)
    if own:
        if found := _in_send_times(known, record, report):
            return _adopt_or_park(row, known, record, report, found)
    elif found := _since_run_began(known, report):
        return Park(row, _ids(found))
    shown = _shown_at(known)
    return Refuse(row) if report.asked >= shown else Wait(row, shown)


def _send_after_none(row: Row, known: Situation, report: Report, time: Time) -> Action:
    """The report shows no job that could be ours: what it doesn't show yet is younger than its lag."""
    open_sends = known.record is not None and bool(known.record.unanswered)
    shown = _shown_at(known)
    if time.clock is ClockSource.WORKER and open_sends:
        # Without the server's time the report proves too little to send after an unanswered send.
        return Park(row) if report.asked >= shown else Wait(row, shown)
    key_lives = key_still_lives(time, report.asked, known.limits, _margin(known))
    if (key_lives and _protected(known) and not known.unseen) or report.asked >= shown:
        return SendNow(row)
    return Wait(row, shown)


def _adopt_or_park(row: Row, known: Situation, record: Record, report: Report, found: list[ReportedJob]) -> Action:
    """Some job was created within the times of our sends: ours, if it is the only one and nobody else's.

    Times told by the worker's clock widen those minutes to hours, in which others may well have added the phone: then
    nothing is adopted. Nor is it in a loop, whose iterations may follow one another within a minute.
    """
    exact = _margin(known) == SLACK and not known.looped
    job = found[0]
    if exact and len(found) == 1 and job.ours and job.created is not None and not _claimed(known, job.created):
        return Adopt(row, job.id)
    shown = _shown_at(known)
    return Park(row, _ids(found)) if report.asked >= shown else Wait(row, shown, _ids(found))


def _protected(known: Situation) -> bool:
    """Whether the server surely heeds the key.

    It doesn't for test calls, nor where the key gets lost on the way; and no source states what it does with the same
    key and other parameters.
    """
    record = known.record
    if known.parameters.test_call:
        return False
    return record is None or not (record.key_lost or (record.unanswered and record.parameters != known.parameters))


def _margin(known: Situation) -> float:
    clocks = {known.entry.clock}
    if known.time is not None:
        clocks.add(known.time.clock)
    if known.record is not None:
        clocks.update(send.clock for send in known.record.unanswered)
    return margin(clocks)


def _fits(known: Situation, age: float) -> bool:
    return _protected(known) and ends_in_window(age, known.limits, _margin(known))


def _young(known: Situation, record: Record, time: Time) -> bool:
    return _fits(known, time.latest - min(send.at for send in record.unanswered))


def _run_young(known: Situation, time: Time) -> bool:
    entry = known.entry
    if entry.server_time is None or entry.run_age is None:
        return False
    return _fits(known, time.latest - entry.server_time + entry.run_age + AIRFLOW_SLACK)


def _shown_at(known: Situation) -> float:
    """When the report shows every job that an earlier send can have made, by the server's clock."""
    record, entry = known.record, known.entry
    ends = [send.until for send in record.unanswered] if record is not None else []
    if record is None or not _own(known, record):
        # Sends that no record tells of were made before this entry was begun, or the run was cleared.
        since = [send.at for send in record.sends if send.clear_number == known.clear_number] if record else []
        begun = min(since, default=entry.server_time or 0.0)
        ends.append(begun + known.limits.send_timeout)
    return shown_at(max(ends), known.limits, _margin(known))


def _within(known: Situation, moment: float, sends: Iterable[Send]) -> bool:
    return any(start <= moment <= end for start, end in (send_window(send, _margin(known)) for send in sends))


def _unowned(known: Situation, report: Report) -> list[ReportedJob]:
    owned = {other.job.id for other in known.others if other.job}
    if known.record is not None and known.record.ruling is not None and known.record.sent_again:
        # A person saw these, took none of them for ours, and said to send again.
        owned.update(known.record.ruling.question.candidates)
    return [job for job in report.jobs if job.id not in owned]


def _in_send_times(known: Situation, record: Record, report: Report) -> list[ReportedJob]:
    return [
        job for job in _unowned(known, report) if job.created is None or _within(known, job.created, record.unanswered)
    ]


def _claimed(known: Situation, created: float) -> bool:
    """Whether another record's unanswered send, in the same minutes, could have made the job as well."""
    return any(_within(known, created, other.unanswered) for other in known.others if other.phone == known.phone)


def _since_run_began(known: Situation, report: Report) -> list[ReportedJob]:
    entry = known.entry
    jobs = _unowned(known, report)
    if entry.server_time is None or entry.run_age is None:
        return jobs
    began = entry.server_time - entry.run_age - _margin(known) - AIRFLOW_SLACK
    return [job for job in jobs if job.created is None or job.created >= began]


def _since_asked(known: Situation, ruling: Ruling, report: Report) -> list[ReportedJob]:
    """The jobs that a person who was asked can't have known of: created since, or too late to be shown then."""
    since = ruling.question.at - known.limits.report_lag - _margin(known)
    return [job for job in _unowned(known, report) if job.created is None or job.created >= since]


def _ids(jobs: Iterable[ReportedJob]) -> tuple[str, ...]:
    return tuple(job.id for job in jobs)
