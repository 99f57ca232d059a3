"""The endpoints of the Calls API, a row each: all facts of them that both the client and the emulator go by.

Names, paths and errors are those of the vendor's pages "Adding phone numbers from CRM systems" and "Calls API", and
stand as text here alone. No code but the type of a row, and no imports from this package: how a request is made and its
answer read stands in ``endpoints`` and ``report_endpoints``, how the emulator answers it in its routes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

__all__ = [
    "ADD_PHONE",
    "ADD_PHONES",
    "CALL_ATTEMPT_REPORT",
    "CALL_ATTEMPT_REPORT_BY_DATE",
    "CALL_JOB_REPORT",
    "CALL_JOB_REPORT_BY_DATE",
    "CAMPAIGN",
    "CANCEL_CALL_JOBS",
    "ENDPOINTS",
    "KEY_HEADER",
    "OLDER_ADD_PHONE",
    "PAUSE_CAMPAIGN",
    "RESUME_CAMPAIGN",
    "STATUS",
    "STOP_CAMPAIGN",
    "TEST_ADD_PHONE",
    "UNFINISHED_CALL_JOBS",
    "BodyKind",
    "Commits",
    "Endpoint",
    "PhonePlace",
    "ResultKind",
]


class BodyKind(Enum):
    """What a request bears besides its path."""

    NONE = auto()
    FIELDS = auto()
    """Parameters: in the query, of a POST also as a form."""
    CALLS = auto()
    """A JSON list of calls."""
    PHONES_AND_IDS = auto()
    """JSON: which jobs, by phone or id."""
    JOB_DATES = auto()
    """JSON: a page of a time range of jobs."""
    ATTEMPT_DATES = auto()
    """JSON: a page of a time range of attempts."""
    PAGE = auto()
    """JSON: a page."""


class ResultKind(Enum):
    """What the body of a 200 bears."""

    NOTHING = auto()
    JOB_ID = auto()
    JOB_IDS = auto()
    JOBS = auto()
    PAGE_OF_JOBS = auto()
    ATTEMPTS = auto()
    PAGE_OF_ATTEMPTS = auto()
    CAMPAIGN = auto()
    STATUS = auto()


class Commits(Enum):
    """What a request changes."""

    NOTHING = auto()
    NEW_JOBS = auto()
    CANCELLED_JOBS = auto()
    CAMPAIGN_STATUS = auto()


class PhonePlace(Enum):
    """Where a request bears phones."""

    NOWHERE = auto()
    FIELDS = auto()
    """In the parameter ``phone``, which may stand in the URL."""
    BODY = auto()
    """In the JSON body."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint.

    :param name: as errors, logs, faults and the emulator's journal name it
    :param methods: the HTTP methods that it has
    :param path: with ``{token}`` where the campaign's token belongs, so that no request ever holds a token
    :param refusals: status and ``type`` of each definite error that the contract names
    :param takes_key: whether a request may bear an idempotence key
    :param never_with_key: ``type`` of the errors that the server never names when it sees an idempotence key
    :param worded_refusals: statuses with which a body of ``{"error": text, "message": text}`` is a definite error, in
        whatever words
    :param typed_refusals: statuses with which a body of ``{"type": text, "message": text}`` is a definite error, of
        whatever type
    """

    name: str
    methods: tuple[str, ...]
    path: str
    body: BodyKind
    result: ResultKind
    commits: Commits
    phone: PhonePlace
    refusals: frozenset[tuple[int, str]]
    takes_key: bool = False
    never_with_key: frozenset[str] = frozenset()
    worded_refusals: frozenset[int] = frozenset()
    typed_refusals: frozenset[int] = frozenset()


KEY_HEADER = "Idempotence-Key"
"""The header that bears an idempotence key; of a GET, the emulator takes a parameter of that name too."""

_CRM = "/api/crmCalls/campaign/{token}"
_CALLS = "/api/calls/campaign/{token}"

_NO_CAMPAIGN = frozenset({(404, "invalid.token")})
_REPORT_ERRORS = _NO_CAMPAIGN | {(400, "id.not.found"), (400, "phone.not.found")}
_ADD_PHONE_ERRORS = _NO_CAMPAIGN | {
    (400, "phone.duplicated"),
    (400, "phone.bad.format"),
    (400, "phone.gmtZone.bad.format"),
    (400, "invalid.call.task.state"),
}
_ADD_PHONES_ERRORS = _ADD_PHONE_ERRORS | {(400, "invalid.call.allowed.time"), (400, "invalid.dialer_priority")}
# With a key, addPhone knows no duplicates. In addPhones the word means another thing: twice in the very list.
_NEVER_WITH_KEY = frozenset({"phone.duplicated"})

ADD_PHONE = Endpoint(
    "addPhone", ("POST", "GET"), f"{_CRM}/addPhone",
    BodyKind.FIELDS, ResultKind.JOB_ID, Commits.NEW_JOBS, PhonePlace.FIELDS,
    _ADD_PHONE_ERRORS, takes_key=True, never_with_key=_NEVER_WITH_KEY,
)  # fmt: skip
OLDER_ADD_PHONE = Endpoint(
    "addPhone", ("GET",), f"{_CALLS}/addPhone",
    BodyKind.FIELDS, ResultKind.JOB_ID, Commits.NEW_JOBS, PhonePlace.FIELDS,
    _ADD_PHONE_ERRORS, takes_key=True, never_with_key=_NEVER_WITH_KEY,
)  # fmt: skip
"""The address that addPhone had before: the emulator serves it, the client doesn't use it."""
TEST_ADD_PHONE = Endpoint(
    "test/addPhone", ("GET",), f"{_CRM}/test/addPhone",
    BodyKind.FIELDS, ResultKind.JOB_ID, Commits.NEW_JOBS, PhonePlace.FIELDS,
    _ADD_PHONE_ERRORS, takes_key=True, never_with_key=_NEVER_WITH_KEY,
)  # fmt: skip
ADD_PHONES = Endpoint(
    "addPhones", ("POST",), f"{_CALLS}/addPhones",
    BodyKind.CALLS, ResultKind.JOB_IDS, Commits.NEW_JOBS, PhonePlace.BODY,
    _ADD_PHONES_ERRORS, takes_key=True,
    typed_refusals=frozenset({400}),  # "on a 400 no number was added", whatever for
)  # fmt: skip
CANCEL_CALL_JOBS = Endpoint(
    "callJob/cancel", ("POST",), f"{_CALLS}/callJob/cancel",
    BodyKind.PHONES_AND_IDS, ResultKind.JOB_IDS, Commits.CANCELLED_JOBS, PhonePlace.BODY,
    _REPORT_ERRORS, takes_key=True,
)  # fmt: skip
CALL_JOB_REPORT = Endpoint(
    "callJob/getReport", ("POST",), f"{_CALLS}/callJob/getReport",
    BodyKind.PHONES_AND_IDS, ResultKind.JOBS, Commits.NOTHING, PhonePlace.BODY, _REPORT_ERRORS,
)  # fmt: skip
CALL_JOB_REPORT_BY_DATE = Endpoint(
    "callJob/getReportByDate", ("POST",), f"{_CALLS}/callJob/getReportByDate",
    BodyKind.JOB_DATES, ResultKind.PAGE_OF_JOBS, Commits.NOTHING, PhonePlace.NOWHERE, _REPORT_ERRORS,
)  # fmt: skip
UNFINISHED_CALL_JOBS = Endpoint(
    "callJob/getUnfinished", ("POST",), f"{_CALLS}/callJob/getUnfinished",
    BodyKind.PAGE, ResultKind.PAGE_OF_JOBS, Commits.NOTHING, PhonePlace.NOWHERE, _REPORT_ERRORS,
)  # fmt: skip
CALL_ATTEMPT_REPORT = Endpoint(
    "callAttempt/getReport", ("POST",), f"{_CALLS}/callAttempt/getReport",
    BodyKind.PHONES_AND_IDS, ResultKind.ATTEMPTS, Commits.NOTHING, PhonePlace.BODY, _REPORT_ERRORS,
)  # fmt: skip
CALL_ATTEMPT_REPORT_BY_DATE = Endpoint(
    "callAttempt/getReportByDate", ("POST",), f"{_CALLS}/callAttempt/getReportByDate",
    BodyKind.ATTEMPT_DATES, ResultKind.PAGE_OF_ATTEMPTS, Commits.NOTHING, PhonePlace.NOWHERE, _REPORT_ERRORS,
)  # fmt: skip
CAMPAIGN = Endpoint(
    "campaign", ("GET",), _CALLS,
    BodyKind.NONE, ResultKind.CAMPAIGN, Commits.NOTHING, PhonePlace.NOWHERE, _NO_CAMPAIGN,
)  # fmt: skip
STATUS = Endpoint(
    "status", ("GET",), f"{_CALLS}/status",
    BodyKind.NONE, ResultKind.STATUS, Commits.NOTHING, PhonePlace.NOWHERE, _NO_CAMPAIGN,
)  # fmt: skip
PAUSE_CAMPAIGN = Endpoint(
    "control/pause", ("POST",), f"{_CALLS}/control/pause",
    BodyKind.NONE, ResultKind.NOTHING, Commits.CAMPAIGN_STATUS, PhonePlace.NOWHERE,
    _NO_CAMPAIGN, takes_key=True, worded_refusals=frozenset({400}),
)  # fmt: skip
RESUME_CAMPAIGN = Endpoint(
    "control/resume", ("POST",), f"{_CALLS}/control/resume",
    BodyKind.NONE, ResultKind.NOTHING, Commits.CAMPAIGN_STATUS, PhonePlace.NOWHERE,
    _NO_CAMPAIGN, takes_key=True, worded_refusals=frozenset({400}),
)  # fmt: skip
STOP_CAMPAIGN = Endpoint(
    "control/stop", ("POST",), f"{_CALLS}/control/stop",
    BodyKind.NONE, ResultKind.NOTHING, Commits.CAMPAIGN_STATUS, PhonePlace.NOWHERE,
    _NO_CAMPAIGN, takes_key=True, worded_refusals=frozenset({400}),
)  # fmt: skip

ENDPOINTS = (
    ADD_PHONE,
    TEST_ADD_PHONE,
    ADD_PHONES,
    CANCEL_CALL_JOBS,
    CALL_JOB_REPORT,
    CALL_JOB_REPORT_BY_DATE,
    UNFINISHED_CALL_JOBS,
    CALL_ATTEMPT_REPORT,
    CALL_ATTEMPT_REPORT_BY_DATE,
    CAMPAIGN,
    STATUS,
    PAUSE_CAMPAIGN,
    RESUME_CAMPAIGN,
    STOP_CAMPAIGN,
)
"""All of them, each under its one address: what the client asks, and the emulator answers."""
