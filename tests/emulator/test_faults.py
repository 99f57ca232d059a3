"""Faults, clock and the emulator's own paths, over HTTP."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from aimylogic_provider.emulator import Emulator
from tests.conftest import TOKEN
from tests.emulator.test_contract import add, calls, crm, jobs


def admin(emulator: Emulator, method: str, path: str, body: Any = None) -> requests.Response:
    return requests.request(method, f"{emulator.url}/_emulator{path}", json=body, timeout=10)


@pytest.mark.parametrize("phase", ["before_commit", "after_commit"])
@pytest.mark.parametrize("action", ["reset", "hang", "status", "garbage", "html", "redirect"])
def test_each_action_in_each_phase(emulator: Emulator, phase: str, action: str) -> None:
    rule = {"phase": phase, "action": action, "path": "/addPhone", "headers": {"X-Fault": "1"}}
    if action == "hang":
        rule["seconds"] = 0.2
    assert admin(emulator, "POST", "/faults", rule).status_code == 200
    if action in ("reset", "hang"):
        with pytest.raises(requests.ConnectionError):
            add(emulator, "a")
    else:
        url = f"{crm(emulator)}/addPhone?phone=79123456789"
        response = requests.post(url, headers={"Idempotence-Key": "a"}, allow_redirects=False, timeout=10)
        assert response.status_code == {"status": 503, "redirect": 302}.get(action, 200)
        assert response.headers["X-Fault"] == "1"
    assert jobs(emulator) == (phase == "after_commit"), "whether the job was made before the fault struck"
    (counted,) = admin(emulator, "GET", "/faults").json()
    assert counted["hits"] == 1, "a rule counts its hits"
    assert add(emulator, "a").status_code == 200, "it struck once"
    assert jobs(emulator) == 1


def test_rules_are_an_ordered_list(emulator: Emulator) -> None:
    for status, times in ((500, 1), (502, 2), (504, None)):
        rule = {"phase": "before_commit", "action": "status", "status": status, "times": times}
        admin(emulator, "POST", "/faults", rule)
    assert [add(emulator).status_code for _ in range(5)] == [500, 502, 502, 504, 504]
    admin(emulator, "DELETE", "/faults")
    assert add(emulator).status_code == 200


def test_a_rule_strikes_only_what_it_matches(emulator: Emulator) -> None:
    rule = {"phase": "before_commit", "action": "status", "path": "/status", "method": "GET", "times": None}
    admin(emulator, "POST", "/faults", rule)
    assert add(emulator).status_code == 200
    assert requests.get(f"{calls(emulator)}/status", timeout=10).status_code == 503


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ([], "object"),
        ({}, "phase must be one of"),
        ({"phase": "never", "action": "reset"}, "phase must be one of before_commit, after_commit"),
        ({"phase": "before_commit", "action": "explode"}, "action must be one of"),
        ({"phase": "before_commit", "action": "reset", "typo": 1}, "unknown fields"),
        ({"phase": "before_commit", "action": "status", "status": 99}, "200 to 599"),
        ({"phase": "before_commit", "action": "status", "status": "503"}, "wrong type"),
        ({"phase": "before_commit", "action": "reset", "times": 0}, "never strike"),
        ({"phase": "before_commit", "action": "hang", "seconds": -1}, "seconds"),
        ({"phase": "before_commit", "action": "html", "headers": {"X": "a\r\nb"}}, "printable"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_the_reason(emulator: Emulator, rule: Any, message: str) -> None:
    response = admin(emulator, "POST", "/faults", rule)
    assert response.status_code == 400
    assert message in response.json()["error"]
    assert emulator.state.faults.rules == []


def test_the_clock_moves_and_is_set(emulator: Emulator) -> None:
    now = admin(emulator, "GET", "/clock").json()["now"]
    assert admin(emulator, "POST", "/clock/advance", {"seconds": 3600}).json()["now"] == pytest.approx(
        now + 3600, abs=5
    )
    assert admin(emulator, "PUT", "/clock", {"now": 1_800_000_000}).json()["now"] == pytest.approx(1.8e9, abs=5)
    for body in ({}, {"seconds": "1"}, {"seconds": 1e300}, {"seconds": True}):
        assert admin(emulator, "POST", "/clock/advance", body).status_code == 400


def test_journal_jobs_and_reset(emulator: Emulator) -> None:
    add(emulator, "a", name="Alex")
    (job,) = admin(emulator, "GET", "/campaigns/1/jobs").json()
    assert (job["phone"], job["payload"], job["key"]) == ("79123456789", {"name": "Alex"}, "a")
    journal = admin(emulator, "GET", "/requests")
    assert journal.json()["counts"] == {"addPhone": 1}
    (line,) = journal.json()["requests"]
    assert (line["phone"], line["outcome"], line["job"]) == ("7912***6789", "200", job["id"])
    requests.get(f"{emulator.url}/api/crmCalls/campaign/{TOKEN}/nonsense", timeout=10)
    assert TOKEN not in admin(emulator, "GET", "/requests").text
    assert admin(emulator, "GET", "/campaigns/9/jobs").status_code == 404
    admin(emulator, "POST", "/clock/advance", {"seconds": 1e6})
    admin(emulator, "POST", "/reset")
    assert admin(emulator, "GET", "/campaigns/1/jobs").json() == []
    assert emulator.state.clock.offset == 0


def test_a_campaign_can_be_stopped_and_made_slow_to_report(emulator: Emulator) -> None:
    answer = admin(emulator, "PATCH", "/campaigns/1", {"status": "finished", "report_lag": 60})
    assert answer.json() == {"status": "finished", "name": "Emulated campaign 1", "report_lag": 60.0}
    assert add(emulator).status_code == 400
    for body in ({"report_lag": -1}, {"status": 5}, {"typo": 1}):
        assert admin(emulator, "PATCH", "/campaigns/1", body).status_code == 400


def test_the_command_prints_where_it_listens() -> None:
    command = [str(Path(sys.executable).parent / "aimylogic-emulator"), "--port", "0", "--token", "1.2.three"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        assert requests.get(f"{url}/api/calls/campaign/1.2.three/status", timeout=10).text == "inProgress"
        process.terminate()
        assert process.wait(10) == 0


def test_the_command_says_when_its_port_is_taken(emulator: Emulator) -> None:
    command = [sys.executable, "-m", "aimylogic_provider.emulator", "--port", str(emulator.port)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert "can't listen" in done.stderr
    assert "Traceback" not in done.stderr
