"""What the server says of jobs is shown to people as words, and never as markup."""

from __future__ import annotations

import json

import pytest

from aimylogic_provider.calls_api.reports import CallJob, parse_call_jobs

HOSTILE_STATUS: dict[str, str] = {
    "an image that phones home": "![x](https://evil.example/pixel.png)",
    "a link": "[Click](javascript:alert(1))",
    "an element": "<img src=x onerror=alert(1)>",
    "lines": "planned)\n\n# Everything is fine\n",
    "a lone surrogate": "\ud800",
    "turned around": "\u202egnp.exe",
    "long": "planned" * 10_000,
}


@pytest.mark.parametrize("status", HOSTILE_STATUS.values(), ids=HOSTILE_STATUS.keys())
def test_a_job_tells_no_status_but_a_word(status: str) -> None:
    """It is shown to a person who decides, in Markdown, and kept in logs."""
    (job,) = parse_call_jobs(json.dumps([{"callJobId": "7", "phone": "79123456789", "jobStatus": status}]).encode())
    assert str(job) == "job 7 (status unknown, created at an unknown time, 7912***6789)"


@pytest.mark.parametrize("status", ["planned", "inProcess", "longCallWithNoResult", "some_new-Word2"])
def test_a_job_tells_its_status(status: str) -> None:
    assert status in str(CallJob("7", "79123456789", status=status))


@pytest.mark.parametrize(
    ("finished", "shown"),
    [
        ("2026-01-01T10:05:00Z", "finished 10:05:00"),
        ("2026-01-02T00:30:00+01:00", "finished 23:30:00"),
        ("2026-01-02T10:05:00Z", "finished 2026-01-02 10:05:00"),
    ],
)
def test_a_job_tells_when_it_ended_and_how_often_it_was_tried(finished: str, shown: str) -> None:
    told = {"callJobId": "7", "phone": "79123456789", "jobStatus": "noAnswer", "attemptsCount": 3}
    times = {"createdAt": "2026-01-01T10:00:00Z", "finishedAt": finished}
    (job,) = parse_call_jobs(json.dumps([told | times]).encode())
    assert str(job) == f"job 7 (noAnswer, created at 2026-01-01 10:00:00 UTC, {shown}, attempts: 3, 7912***6789)"
