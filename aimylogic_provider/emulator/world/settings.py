"""What no source says of the server, and where sources differ: one setting each, in this one place.

Each default is the harder case for a client, or, where two sources differ, the better source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypedDict

from msgspec import Meta, Struct, field
from msgspec.structs import force_setattr

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.emulator.world.jobs import Result
from aimylogic_provider.emulator.world.phones import PhonesAs, server_phone

__all__ = ["Chosen", "Limits", "Settings"]

_ODDS = {
    Result.LONG_CALL_WITH_RESULT: 50.0,
    Result.LONG_CALL_WITH_NO_RESULT: 15.0,
    Result.NO_ANSWER: 25.0,
    Result.NONEXISTENT_NUMBER: 5.0,
    Result.TECHNICAL_ERROR: 5.0,
}
Limits = Literal["understood", "numbers_as_seconds", "text_elsewhere", "ignored", "empty"]
"""How the server reads the time limits of reports by date."""
ServerSeconds = Annotated[float, Meta(ge=0, le=366 * 86400)]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the emulated server behaves where the contract is open.

    :param campaign_before_key: whether a stopped campaign refuses even the repeat of a request that did create a job
    :param same_key_other_parameters: a known key with other parameters finds the first job, or adds a new one
    :param error_uses_up_key: whether the repeat of a refused request is refused alike for as long as its key lives
    :param keys_shared_by_campaigns: whether a key that one campaign knows is known to the others
    :param test_address_heeds_key: whether test/addPhone looks at keys
    :param page_order: of reports by date and of unfinished jobs; with the newest first, pages shift as jobs are added
    :param report_lag: seconds until a new job shows in reports and is known to cancel by phone or id
    :param id_as: addPhone's answer: a JSON string, or bare digits
    :param ids_order: addPhones' answer: ids in the order of the request's numbers, or the other way round
    :param status_as: the status' answer: a bare word, or a JSON string
    :param times_as: times in reports: Unix milliseconds, or ISO 8601 text
    :param page_cap: rows of a page of a report, however many are asked for
    :param page_shifts: how often a page of a report, but for the first, is served as though up to three rows had been
        added or removed before it: 1 for each time; drawn from the seed
    :param limits_by_date: how time limits in requests are read: as they are meant; numbers for seconds; text for the
        time of another place; not at all; or so that no row is ever shown
    :param phones_as: how reports write phones: digits with country code, with a plus, with the national prefix of their
        country (8… for Russia), masked, or not at all
    :param redials: jobs that the campaign's script makes of each call that is added, as by ``$dialer.redial``
    :param cancelled_status: ``jobStatus`` of a cancelled job
    :param running_status: ``status`` of a running campaign
    :param json_content_type: whether a JSON body needs the content type ``application/json``
    :param unknown_fields: what becomes of fields of a JSON body that the contract doesn't know, as when one is misspelt
    :param takes_eight: whether a Russian number may be given as 8… for 7…
    :param stop_ends_jobs: whether the jobs that a stopped campaign has not finished end as ``notDone``
    :param control_repeats: what pausing a paused campaign is answered, or stopping a stopped one
    :param resumes_stopped: whether a stopped campaign can be resumed
    :param bad_numbers: numbers that only the server knows to be bad: with country code; a ``*`` at the end for all that
        begin so
    :param max_body: bytes of a request's body that are read at most
    :param seed: what the lives of call jobs are drawn from
    :param odds: how often an attempt ends so, as weights
    :param outcomes: what the attempts of a number end with, one after the other (the last one for all further ones)
    :param max_attempts: attempts of a job without a policy
    :param retry_interval: seconds between attempts of a job without a policy
    :param check_sends: how an external check is asked: POST with JSON, POST with a form, or GET with a query
    :param check_phone: the name by which it is told the phone, in digits with country code
    :param check_job: the name by which it is told the call job's id
    :param check_reads: which answer counts: JSON with true (call) or false (don't), anything else being none; or the
        status, 2xx (call) or 4xx but 408 and 429 (don't), any other being none
    :param check_field: the name in the JSON
    :param check_timeout: real seconds for each request
    :param check_unanswered: what becomes of a job whose address gave no answer however often it was asked
    :param check_hosts: which hosts may be asked besides this machine (``localhost`` and its addresses); ``*`` for all
    """

    campaign_before_key: bool = True
    same_key_other_parameters: Literal["first_job", "new_job"] = "first_job"
    error_uses_up_key: bool = False
    keys_shared_by_campaigns: bool = False
    test_address_heeds_key: bool = False
    page_order: Literal["newest_first", "oldest_first"] = "newest_first"
    report_lag: ServerSeconds = 0.0
    id_as: Literal["json", "text"] = "json"
    ids_order: Literal["request", "reversed"] = "request"
    status_as: Literal["text", "json"] = "text"
    times_as: Literal["milliseconds", "text"] = "milliseconds"
    page_cap: Annotated[int, Meta(ge=1, le=200)] = 200
    page_shifts: Annotated[float, Meta(ge=0, le=1)] = 0.0
    limits_by_date: Limits = "understood"
    phones_as: PhonesAs = "digits"
    redials: Annotated[int, Meta(ge=0, le=5)] = 0
    cancelled_status: Literal["cancelledByUser", "canceled"] = "cancelledByUser"
    running_status: Literal["inProgress", "inProcess"] = "inProgress"
    json_content_type: bool = True
    unknown_fields: Literal["ignored", "refused"] = "ignored"
    takes_eight: bool = True
    stop_ends_jobs: bool = True
    control_repeats: Literal["refused", "accepted"] = "refused"
    resumes_stopped: bool = False
    bad_numbers: tuple[Annotated[str, Meta(pattern=r"^\+?[0-9]+\*?$", max_length=20)], ...] = ()
    max_body: Annotated[int, Meta(ge=1, le=2**30)] = 16 * 2**20
    seed: Annotated[int, Meta(ge=0, lt=2**62)] = 0
    odds: dict[Result, Annotated[float, Meta(ge=0, le=1e6)]] = field(default_factory=lambda: dict(_ODDS))
    outcomes: dict[str, tuple[Result, ...]] = {}
    max_attempts: Annotated[int, Meta(ge=1, le=50)] = 1
    retry_interval: ServerSeconds = 3600.0
    check_sends: Literal["json", "form", "query"] = "json"
    check_phone: Annotated[str, Meta(min_length=1, max_length=100)] = "phone"
    check_job: Annotated[str, Meta(min_length=1, max_length=100)] = "callJobId"
    check_reads: Literal["json", "status"] = "json"
    check_field: Annotated[str, Meta(min_length=1, max_length=100)] = "call"
    check_timeout: Annotated[float, Meta(ge=0.01, le=60)] = 5.0
    check_unanswered: Literal["not_called", "called"] = "not_called"
    check_hosts: tuple[Annotated[str, Meta(min_length=1, max_length=253)], ...] = ()

    def __post_init__(self) -> None:
        if self.check_phone == self.check_job:
            raise ValueError("check_phone and check_job are one name: an address is told both, each by its own")
        if not any(self.odds.values()):
            raise ValueError("odds are all 0: give at least one result a weight above 0")
        outcomes = {}
        for phone, results in self.outcomes.items():
            if not results:
                raise ValueError("outcomes name a phone without a result: give at least one")
            try:
                outcomes[server_phone(phone)] = results
            except RejectedError:
                raise ValueError("outcomes name a phone that isn't a number with a country code") from None
        force_setattr(self, "outcomes", outcomes)

    def knows_bad(self, phone: str) -> bool:
        """Whether only the server knows *phone* (canonical) to be bad."""
        return any(
            phone.startswith(bad[:-1]) if bad.endswith("*") else phone == bad
            for bad in (bad.removeprefix("+") for bad in self.bad_numbers)
        )


class Chosen(TypedDict, total=False):
    """Some of the :class:`Settings`, as keyword arguments."""

    campaign_before_key: bool
    same_key_other_parameters: Literal["first_job", "new_job"]
    error_uses_up_key: bool
    keys_shared_by_campaigns: bool
    test_address_heeds_key: bool
    page_order: Literal["newest_first", "oldest_first"]
    report_lag: float
    id_as: Literal["json", "text"]
    ids_order: Literal["request", "reversed"]
    status_as: Literal["text", "json"]
    times_as: Literal["milliseconds", "text"]
    page_cap: int
    page_shifts: float
    limits_by_date: Limits
    phones_as: PhonesAs
    redials: int
    cancelled_status: Literal["cancelledByUser", "canceled"]
    running_status: Literal["inProgress", "inProcess"]
    json_content_type: bool
    unknown_fields: Literal["ignored", "refused"]
    takes_eight: bool
    stop_ends_jobs: bool
    control_repeats: Literal["refused", "accepted"]
    resumes_stopped: bool
    bad_numbers: Sequence[str]
    max_body: int
    seed: int
    odds: Mapping[str, float]
    outcomes: Mapping[str, Sequence[str]]
    max_attempts: int
    retry_interval: float
    check_sends: Literal["json", "form", "query"]
    check_phone: str
    check_job: str
    check_reads: Literal["json", "status"]
    check_field: str
    check_timeout: float
    check_unanswered: Literal["not_called", "called"]
    check_hosts: Sequence[str]
