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
