"""Reports by ids: in requests of 200, and which ids the report doesn't know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from aimylogic_provider.calls_api.errors import ApiError, RejectedError
from aimylogic_provider.campaign_report.report_reader import ATTEMPTS, JOBS, ReportKind
from aimylogic_provider.campaign_report.reports_by_id import FoundOrNot, attempts_by_id, jobs_by_id
from aimylogic_provider.emulator import Emulator
from tests.campaign_report.reading import Asking, add, identities, there
from tests.conftest import OTHER_TOKEN

both = pytest.mark.parametrize(
    ("kind", "by_id"), [(JOBS, jobs_by_id), (ATTEMPTS, attempts_by_id)], ids=["jobs", "attempts"]
)


@pytest.fixture
def ids(emulator: Emulator) -> list[str]:
    found = add(emulator, 450)
    emulator.advance(hours=9)
    return found


def told(answers: Iterator[FoundOrNot[Any]], kind: ReportKind[Any]) -> tuple[list[Any], list[str], list[str]]:
    listed = list(answers)
    return (
        sorted(one for answer in listed for one in identities(kind, answer.found)),
        sorted(id for answer in listed for id in answer.unknown),
        sorted(id for answer in listed for id in answer.left),
    )


@both
def test_all_are_found(emulator: Emulator, ids: list[str], kind: Any, by_id: Any) -> None:
    asking = Asking(emulator)
    assert told(by_id(asking, (id for id in ids)), kind) == (sorted(there(kind, emulator)), [], [])
    assert asking.requests == 3


@both
def test_those_that_the_report_does_not_know_are_told(
    emulator: Emulator, ids: list[str], kind: Any, by_id: Any
) -> None:
    (other,) = add(emulator, 1, token=OTHER_TOKEN)
    asked = [*ids[:7], "17", *ids[7:210], other, *ids[210:], ids[0]]
    asking = Asking(emulator)
    found, unknown, left = told(by_id(asking, asked), kind)
    assert sorted({*found}) == sorted(there(kind, emulator))
    assert (unknown, left) == (sorted(["17", other]), [])
    assert asking.requests < 40


@both
def test_if_none_is_known_it_ends_after_some_requests(emulator: Emulator, kind: Any, by_id: Any) -> None:
    unknown = [str(number) for number in range(1000)]
    asking = Asking(emulator)
    found, not_known, left = told(by_id(asking, unknown, more_requests=20), kind)
    assert (found, sorted([*not_known, *left])) == ([], sorted(unknown))
    assert not_known
    assert asking.requests == 25


def test_a_job_that_was_not_rung_has_no_attempts_and_is_known(emulator: Emulator) -> None:
    emulator.campaign(lines=0)
    ids = add(emulator, 3)
    assert told(attempts_by_id(Asking(emulator), ids), ATTEMPTS) == ([], [], [])
    assert told(jobs_by_id(Asking(emulator), ids), JOBS) == (sorted(ids), [], [])


def test_an_id_that_an_answer_leaves_out_is_not_known_and_what_it_shows_of_others_is_nobodys(
    emulator: Emulator,
) -> None:
    ids = add(emulator, 3)
    rows = [{"callJobId": ids[0], "phone": "7"}, {"callJobId": "17", "phone": "7"}]
    emulator.fault("before_commit", "status", status=200, path="callJob/getReport", body=rows)
    assert told(jobs_by_id(Asking(emulator), ids), JOBS) == ([ids[0]], ids[1:], [])


@both
def test_no_ids_are_no_request(emulator: Emulator, kind: Any, by_id: Any) -> None:
    asking = Asking(emulator)
    assert list(by_id(asking, [])) == []
    assert asking.requests == 0


@both
def test_what_is_no_id_is_never_asked_for(emulator: Emulator, kind: Any, by_id: Any) -> None:
    with pytest.raises(RejectedError, match="single str"):
        list(by_id(Asking(emulator), "5665334669"))
    with pytest.raises(RejectedError, match="isn't a call job id"):
        list(by_id(Asking(emulator), ["5665334669.0"]))


@both
def test_a_failure_is_told(emulator: Emulator, ids: list[str], kind: Any, by_id: Any) -> None:
    emulator.fault("before_commit", "status", status=503, times=None)
    with pytest.raises(ApiError):
        list(by_id(Asking(emulator), ids))
