"""The routes of the Calls API: from a request to its answer, a handler for each row of the table of endpoints.

No sockets; faults and journal stand around it, in ``calls_exchange``. What is added or cancelled is for the world.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from aimylogic_provider.calls_api.endpoint_table import (
    ADD_PHONE,
    ADD_PHONES,
    CALL_ATTEMPT_REPORT,
    CALL_ATTEMPT_REPORT_BY_DATE,
    CALL_JOB_REPORT,
    CALL_JOB_REPORT_BY_DATE,
    CAMPAIGN,
    CANCEL_CALL_JOBS,
    ENDPOINTS,
    KEY_HEADER,
    PAUSE_CAMPAIGN,
    RESUME_CAMPAIGN,
    STATUS,
    STOP_CAMPAIGN,
    TEST_ADD_PHONE,
    UNFINISHED_CALL_JOBS,
)
from aimylogic_provider.emulator.http.api_request import ApiRequest
from aimylogic_provider.emulator.http.call_policies import policy_of
from aimylogic_provider.emulator.http.exchange import HttpAnswer, decoded, error_answer, json_answer
from aimylogic_provider.emulator.http.request_bodies import (
    AttemptsByDate,
    Item,
    JobsByDate,
    Pagination,
    UnfinishedPage,
    Which,
    read_body,
    unknown_fields,
)
from aimylogic_provider.emulator.world import reports
from aimylogic_provider.emulator.world.calls_to_add import WantedCall
from aimylogic_provider.emulator.world.campaign import ServedCampaign
from aimylogic_provider.emulator.world.campaigns import ServedCampaigns
from aimylogic_provider.emulator.world.jobs import Policy, ServedJob
from aimylogic_provider.emulator.world.refusal import Refusal, bad_request

__all__ = ["CallsApi"]

T = TypeVar("T")

_JSON = "application/json"
_encode = msgspec.json.encode


class CallsApi:
    """The endpoints' handlers.

    :param campaigns: asked anew each time, for a snapshot may put others there
    """

    def __init__(self, campaigns: Callable[[], ServedCampaigns]) -> None:
        self._campaigns = campaigns
        self._handlers: dict[str, Callable[[ServedCampaign, float, ApiRequest], HttpAnswer]] = {
            ADD_PHONE.name: self._add_phone,
            TEST_ADD_PHONE.name: self._add_phone,
            ADD_PHONES.name: self._add_phones,
            CANCEL_CALL_JOBS.name: self._cancel,
            CALL_JOB_REPORT.name: self._jobs,
            CALL_JOB_REPORT_BY_DATE.name: self._jobs_by_date,
            UNFINISHED_CALL_JOBS.name: self._unfinished,
            CALL_ATTEMPT_REPORT.name: self._attempts,
            CALL_ATTEMPT_REPORT_BY_DATE.name: self._attempts_by_date,
            CAMPAIGN.name: self._campaign,
            STATUS.name: self._status,
            PAUSE_CAMPAIGN.name: partial(self._control, "pause"),
            RESUME_CAMPAIGN.name: partial(self._control, "resume"),
            STOP_CAMPAIGN.name: partial(self._control, "stop"),
        }
        assert self._handlers.keys() == {endpoint.name for endpoint in ENDPOINTS}

    def answer(self, request: ApiRequest, now: float) -> HttpAnswer:
        """Answer a request."""
        endpoint = request.destination.endpoint
        if endpoint is None:
            paths = [f"{', '.join(one.methods)} {one.path}" for one in ENDPOINTS]
            return json_answer({"error": "unknown path", "paths": paths}, 404)
        if request.method not in endpoint.methods:
            answer = json_answer({"error": f"{endpoint.name} has only {', '.join(endpoint.methods)}"}, 405)
            answer.headers = {"Allow": ", ".join(endpoint.methods)}
            return answer
        try:
            if request.header_key is not None and not (
                request.header_key.isascii() and request.header_key.isprintable()
            ):
                raise bad_request(f"the header {KEY_HEADER} is not printable ASCII text")
            campaign = self._campaigns().of(decoded(request.destination.token))
            return self._handlers[endpoint.name](campaign, now, request)
        except Refusal as refusal:
            return error_answer(refusal)

    @staticmethod
    def _add_phone(campaign: ServedCampaign, now: float, request: ApiRequest) -> HttpAnswer:
        """Parameters in the query or in a form body, the key in the header (for GET also in the query)."""
        fields, key = dict(request.fields()), request.key()
        if request.method == "GET":
            fields.pop(KEY_HEADER, None)  # for a POST, what the query names so is payload, as every other name is
        phone, zone = fields.pop("phone", ""), fields.pop("gmtZone", None)
        payload = _encode(dict(sorted(fields.items()))).decode() if fields else None
        wanted = WantedCall(phone, payload, zone)
        add = campaign.add_phone if request.name == ADD_PHONE.name else campaign.add_test_phone
        job = add(now, wanted, key)
        as_text = campaign.settings.id_as == "text"
        return HttpAnswer(
            body=(job.id if as_text else f'"{job.id}"').encode(),
            content_type="text/plain" if as_text else _JSON,
            jobs=(job,),
        )

    @staticmethod
    def _add_phones(campaign: ServedCampaign, now: float, request: ApiRequest) -> HttpAnswer:
        items = _read(campaign, request, list[Item])

        def wanted() -> list[WantedCall]:
            if not items:
                raise bad_request("the list is empty")
            policies: dict[object, Policy | None] = {}
            return [
                WantedCall(
                    str(item.phone),
                    _encode(item.payload).decode() if item.payload else None,
                    item.gmt_zone,
                    _policy(item, policies) if item.has_policy() else None,
                )
                for item in items
            ]

        jobs = campaign.add_phones(now, wanted, request.key(), _parameters(request), request.places)
        backwards = campaign.settings.ids_order == "reversed"
        return json_answer([job.id for job in (reversed(jobs) if backwards else jobs)], jobs=jobs)

    @staticmethod
    def _cancel(campaign: ServedCampaign, now: float, request: ApiRequest) -> HttpAnswer:
        which = _read(campaign, request, Which)
        jobs = campaign.cancel(now, *which.selected, request.key(), _parameters(request))
        backwards = campaign.settings.ids_order == "reversed"
        return json_answer([job.id for job in (reversed(jobs) if backwards else jobs)], jobs=jobs)

    @staticmethod
    def _jobs(campaign: ServedCampaign, now: float, request: ApiRequest) -> HttpAnswer:
        which = _read(campaign, request, Which)
        campaign.dialler.run(now)
        return _rows(campaign, now, campaign.find(now, *which.selected))

    @staticmethod
    def _jobs_by_date(campaign: ServedCampaign, now: float, request: ApiRequest) -> HttpAnswer:
        body = _read(campaign, request, JobsByDate)
        settings = campaign.settings
        created, finished = body.spans(settings.limits_by_date)
        campaign.dialler.run(now)
        page = body.page.served(settings.page_cap)
        jobs = reports.jobs_by_date(campaign, now, created, finished, campaign.rows_before(page.start), page.size)
        return _rows(campaign, now, () if settings.limits_by_date == "empty" else jobs, page)

    @staticmethod
    def _unfinished(campaign: ServedCampaign, now: float, request: ApiRequest) -> HttpAnswer:
        page = _read(campaign, request, UnfinishedPage).served(campaign.settings.page_cap)
        campaign.dialler.run(now)
        start = campaign.rows_before(page.start)
        return _rows(campaign, now, reports.unfinished(campaign, now, start, page.size), page)

    @staticmethod
    def _attempts(campaign: ServedCampaign, now: float, request: ApiRequest) -> HttpAnswer:
        which = _read(campaign, request, Which)
        campaign.dialler.run(now)
        settings = campaign.settings
        return json_answer(
            [
                reports.attempt_row(job, attempt, now, settings)
                for job in campaign.find(now, *which.selected)
                for attempt in job.attempts_by(now)
            ]
        )

    @staticmethod
    def _attempts_by_date(campaign: ServedCampaign, now: float, request: ApiRequest) -> HttpAnswer:
        body = _read(campaign, request, AttemptsByDate)
        settings = campaign.settings
        begun, ended = body.spans(settings.limits_by_date)
        campaign.dialler.run(now)
        page = body.page.served(settings.page_cap)
        rows = reports.attempts_by_date(campaign, now, begun, ended, campaign.rows_before(page.start), page.size)
        return _page([] if settings.limits_by_date == "empty" else rows, page)

    @staticmethod
    def _campaign(campaign: ServedCampaign, now: float, request: ApiRequest) -> HttpAnswer:
        campaign.dialler.run(now)
        return json_answer(reports.campaign_row(campaign, now))

    @staticmethod
    def _status(campaign: ServedCampaign, now: float, request: ApiRequest) -> HttpAnswer:
        """A bare string."""
        status = reports.campaign_status(campaign)
        if campaign.settings.status_as == "json":
            return json_answer(status)
        return HttpAnswer(body=status.encode(), content_type="text/plain")

    @staticmethod
    def _control(what: str, campaign: ServedCampaign, now: float, request: ApiRequest) -> HttpAnswer:
        """An empty 200."""
        campaign.control(now, what, request.key())
        return HttpAnswer(content_type="text/plain")


def _read(campaign: ServedCampaign, request: ApiRequest, kind: type[T]) -> T:
    """Read the JSON body."""
    settings = campaign.settings
    if settings.json_content_type and request.content_type != _JSON:
        raise bad_request(f"the body's content type is not {_JSON}", 415)
    content = read_body(request.body, kind)
    if settings.unknown_fields == "refused" and (unknown := unknown_fields(request.body, kind)):
        raise bad_request(f"the body holds fields that the endpoint doesn't know: {', '.join(sorted(unknown))[:200]}")
    return content


def _parameters(request: ApiRequest) -> str:
    """The body, as a part of the key where a setting wants that."""
    return request.body.decode()


def _policy(item: Item, read_before: dict[object, Policy | None]) -> Policy | None:
    """An item's policy. Those that are written alike are one, for most of a list's are."""
    times = None if item.times is None else _encode(item.times)
    days = None if item.days is None else tuple(item.days)
    written = (
        item.start, item.finish, days, times, item.retry_minutes, item.max_attempts, item.priority, item.begins,
        item.ends, item.external_check,
    )  # fmt: skip
    if written not in read_before:
        read_before[written] = policy_of(
            start=item.start,
            finish=item.finish,
            days=days,
            times=item.times,
            retry_minutes=item.retry_minutes,
            max_attempts=item.max_attempts,
            priority=item.priority,
            begins=item.begins,
            ends=item.ends,
            check=item.external_check,
        )
    return read_before[written]


def _rows(
    campaign: ServedCampaign, now: float, jobs: Sequence[ServedJob], page: Pagination | None = None
) -> HttpAnswer:
    rows = [reports.job_row(job, now, campaign.settings) for job in jobs]
    return json_answer(rows) if page is None else _page(rows, page)


def _page(rows: Sequence[object], page: Pagination) -> HttpAnswer:
    """A page bears no total."""
    return json_answer({"items": rows, "pagination": {"page": page.page, "pageSize": page.size}})
