"""The ways in: the command, the typed client, the pytest plugin, the emulator's own paths; snapshot, journal, clock."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from aimylogic_provider.emulator import DEFAULT_TOKEN, Emulator, EmulatorClient, EmulatorError
from local_servers.airflow import free_port
from tests.conftest import OTHER_TOKEN, TOKEN

PHONE = "79123456789"
COMMAND = str(Path(sys.executable).parent / "aimylogic-emulator")


def add(url: str, key: str | None = "a", token: str = TOKEN, **query: str) -> requests.Response:
    headers = {} if key is None else {"Idempotence-Key": key}
    address = f"{url}/api/crmCalls/campaign/{token}/addPhone"
    return requests.post(address, params={"phone": PHONE, **query}, headers=headers, timeout=5)


def own(emulator: EmulatorClient, method: str, path: str, **arguments: Any) -> requests.Response:
    return requests.request(method, f"{emulator.url}/_emulator{path}", timeout=5, **arguments)


class TestClock:
    def test_it_advances_and_the_date_of_answers_with_it(self, emulator: Emulator) -> None:
        emulator.freeze()
        before = emulator.now()
        emulator.advance(hours=1, minutes=2, seconds=3)
        assert (emulator.now() - before).total_seconds() == pytest.approx(3723)
        date = parsedate_to_datetime(add(emulator.url).headers["Date"])
        assert date == emulator.now().replace(microsecond=0)

    def test_it_stands_still_and_runs_on(self, emulator: Emulator) -> None:
        emulator.freeze()
        before = emulator.now()
        time.sleep(0.05)
        assert emulator.now() == before
        emulator.run()
        time.sleep(0.05)
        assert 0.04 <= (emulator.now() - before).total_seconds() < 60

    def test_it_runs_at_a_rate(self, emulator: Emulator) -> None:
        before = emulator.now()
        emulator.run(rate=36_000)
        time.sleep(0.1)
        assert (emulator.now() - before).total_seconds() >= 3600

    def test_it_is_set_and_skewed(self, emulator: Emulator) -> None:
        emulator.set_time(datetime(2030, 1, 1, tzinfo=UTC))
        assert emulator.now().year == 2030
        emulator.skew(-3600)
        assert (emulator.now() - datetime.now(UTC)).total_seconds() == pytest.approx(-3600, abs=5)

    @pytest.mark.parametrize("change", [{"advance": 1e300}, {"now": 1e12}, {"rate": -1}, {"rate": 1e9}, {"hours": 1}])
    def test_a_change_that_can_not_be_changes_nothing(self, emulator: Emulator, change: dict[str, float]) -> None:
        emulator.freeze()
        before = emulator.now()
        answer = own(emulator, "PATCH", "/clock", json={"advance": 60, **change})
        assert (answer.status_code, emulator.now()) == (400, before)
        assert answer.json()["error"]


class TestOracle:
    def test_it_counts_the_jobs_that_ring_a_person(self, emulator: Emulator) -> None:
        for key, name in (("a", "Alex"), ("b", "Alex"), ("c", "Maria")):
            add(emulator.url, key, name=name)
        add(emulator.url, "a", OTHER_TOKEN)
        assert emulator.rings("+7 912 345-67-89") == 4
        assert emulator.rings(PHONE, campaign=1) == 3
        assert emulator.rings(PHONE, {"name": "Alex"}) == 2
        assert emulator.rings(PHONE, {}) == 1
        url = f"{emulator.url}/api/calls/campaign/{TOKEN}/addPhones"
        requests.post(url, json=[{"phone": "79120000001", "payload": {"vip": True}}], timeout=5)
        assert emulator.rings("79120000001", {"vip": True}) == 1
        assert emulator.rings("79120000001", {"vip": 1}) == 0
        assert emulator.rings("79120000002") == 0

    def test_a_job_cancelled_before_it_rang_does_not_count(self, emulator: Emulator) -> None:
        emulator.campaign(lines=0)
        add(emulator.url)
        url = f"{emulator.url}/api/calls/campaign/{TOKEN}/callJob/cancel"
        assert requests.post(url, json={"phones": [PHONE]}, timeout=5).json() == [emulator.jobs()[0].id]
        assert emulator.rings(PHONE) == 0

    def test_a_job_that_has_rung_counts_however_it_ended(self, emulator: Emulator) -> None:
        add(emulator.url)
        emulator.advance(hours=25)
        assert emulator.jobs()[0].finished is not None
        assert emulator.rings(PHONE) == 1


class TestJournal:
    def test_it_tells_what_was_asked_and_answered_without_tokens_and_phones(self, emulator: Emulator) -> None:
        add(emulator.url)
        add(emulator.url, "b", phone="12")
        add(emulator.url, token="1.2.wrong")
        requests.get(f"{emulator.url}/api/crmCalls/campaign/{TOKEN}/nonsense", timeout=5)
        lines = emulator.requests()
        assert [(line.endpoint, line.outcome) for line in lines] == [
            ("addPhone", "200"), ("addPhone", "400"), ("addPhone", "404"), ("unknown path", "404"),
        ]  # fmt: skip
        assert (lines[0].phone, lines[0].key, lines[0].job) == ("7912***6789", "a", emulator.jobs()[0].id)
        text = own(emulator, "GET", "/requests").text
        assert TOKEN not in text
        assert PHONE not in text
        assert (emulator.count("addPhone"), emulator.count()) == (3, 4)

    def test_it_keeps_the_last_10_000_and_counts_all(self) -> None:
        from aimylogic_provider.emulator.world.journal import Journal, JournalLine

        journal = Journal()
        for number in range(10_005):
            journal.note(JournalLine(float(number), "GET", "status", "", None, "200"))
        assert (len(journal.lines), journal.lines[0].at, journal.counts["status"]) == (10_000, 5.0, 10_005)


class TestSnapshot:
    def test_all_that_was_known_is_known_again(self, emulator: Emulator, tmp_path: Path) -> None:
        emulator.freeze()
        emulator.settings(report_lag=5)
        first = add(emulator.url, name="Alex").json()
        add(emulator.url, None)
        emulator.campaign(2, status="paused", name="Winter sale")
        emulator.fault("before_commit", "status", nth=2, path="addPhone")
        emulator.advance(hours=1)
        add(emulator.url, "b")
        emulator.save(tmp_path / "saved.json")
        before = [emulator.jobs(), emulator.requests(), emulator.campaigns(), emulator.settings(), emulator.now()]
        with Emulator(tokens=("9.9.other",)) as other:
            other.restore(tmp_path / "saved.json")
            after = [other.jobs(), other.requests(), other.campaigns(), other.settings(), other.now()]
            assert after == before
            assert add(other.url, "c").status_code == 503, "rules go on counting where they were"
            assert add(other.url).json() == first, "keys are known"
            assert add(other.url, None).status_code == 400, "duplicates are known"
            assert add(other.url, "d").json() not in {job.id for job in before[0]}, "ids go on"
            assert add(other.url, token="9.9.other").status_code == 404

    def test_only_its_owner_can_read_the_file(self, emulator: Emulator, tmp_path: Path) -> None:
        emulator.save(tmp_path / "saved.json")
        assert stat.S_IMODE((tmp_path / "saved.json").stat().st_mode) == 0o600

    @pytest.mark.parametrize("change", [{"format": "other"}, {"jobs": [{}]}, {"now": 1e300}, {"campaigns": []}])
    def test_what_is_none_is_refused_and_changes_nothing(self, emulator: Emulator, change: dict[str, Any]) -> None:
        add(emulator.url)
        saved = own(emulator, "GET", "/snapshot").json()
        answer = own(emulator, "PUT", "/snapshot", data=json.dumps({**saved, **change}))
        assert answer.status_code == 400
        assert "snapshot" in answer.json()["error"]
        assert len(emulator.jobs()) == 1

    def test_keys_of_jobs_that_are_not_there_are_refused(self, emulator: Emulator) -> None:
        add(emulator.url)
        saved = own(emulator, "GET", "/snapshot").json()
        answer = own(emulator, "PUT", "/snapshot", data=json.dumps({**saved, "jobs": []}))
        assert (answer.status_code, len(emulator.jobs())) == (400, 1)


class TestOwnPaths:
    def test_a_reset_forgets_all(self, emulator: Emulator) -> None:
        add(emulator.url)
        emulator.advance(hours=30)
        emulator.settings(report_lag=9)
        emulator.fault("before_commit", "reset", nth=5)
        emulator.reset()
        assert (emulator.jobs(), emulator.requests(), emulator.faults()) == ([], [], [])
        assert emulator.settings().report_lag == 0
        assert abs((emulator.now() - datetime.now(UTC)).total_seconds()) < 5

    @pytest.mark.parametrize(
        ("method", "path", "status", "message"),
        [
            ("GET", "/nowhere", 404, "unknown path"),
            ("PUT", "/clock", 405, "GET, PATCH"),
            ("PATCH", "/campaigns/9", 404, "numbered 1 to 2"),
            ("PATCH", "/campaigns/x", 404, "numbered 1 to 2"),
            ("GET", "/jobs?size=many", 400, "size"),
            ("GET", "/jobs?typo=1", 400, "unknown parameters"),
            ("GET", "/rings", 400, "phone is missing"),
            ("GET", "/rings?phone=1&payload=%7B", 400, "payload"),
            ("PATCH", "/settings", 400, "can't be read"),
        ],
    )
    def test_errors_say_what_is_wrong(
        self, emulator: Emulator, method: str, path: str, status: int, message: str
    ) -> None:
        answer = own(emulator, method, path)
        assert answer.status_code == status
        assert message in answer.json()["error"]

    def test_the_client_raises_what_the_server_refuses(self, emulator: Emulator) -> None:
        with pytest.raises(EmulatorError, match="matches no endpoint"):
            emulator.fault("before_commit", "reset", path="addFone")

    @pytest.mark.parametrize("change", [{"status": "gone"}, {"lines": -1}, {"typo": 1}])
    def test_a_campaign_is_changed_only_to_what_it_can_be(self, emulator: Emulator, change: dict[str, Any]) -> None:
        before = emulator.campaigns()
        assert own(emulator, "PATCH", "/campaigns/1", json=change).status_code == 400
        assert emulator.campaigns() == before

    def test_another_sites_page_can_not_use_it(self, emulator: Emulator) -> None:
        add(emulator.url)
        assert own(emulator, "POST", "/reset", headers={"Origin": "http://evil.example"}).status_code == 403
        assert len(emulator.jobs()) == 1
        assert own(emulator, "POST", "/reset", headers={"Origin": emulator.url}).status_code == 200

    def test_both_documents_are_served(self, emulator: Emulator) -> None:
        for name, path in (("calls-api", "/api/calls/campaign/{token}/addPhones"), ("openapi", "/_emulator/faults")):
            document = own(emulator, "GET", f"/{name}.json").json()
            assert document["openapi"] == "3.1.0"
            assert path in document["paths"]


@contextmanager
def command(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], EmulatorClient]]:
    with subprocess.Popen([COMMAND, "--port", "0", *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, EmulatorClient(process.stdout.readline().split()[-1])
        finally:
            process.kill()


class TestCommand:
    def test_it_prints_where_it_listens(self) -> None:
        with command("--token", "1.2.three", "--token", "4.5.six=Winter sale") as (process, emulator):
            assert [campaign.name for campaign in emulator.campaigns()] == ["Emulated campaign 1", "Winter sale"]
            url = f"{emulator.url}/api/calls/campaign/4.5.six/status"
            assert requests.get(url, timeout=5).text == "inProgress"
            assert emulator.url.startswith("http://127.0.0.1:")
            process.terminate()
            assert process.wait(10) == 0

    def test_it_takes_a_seed_and_settings(self) -> None:
        with command("--seed", "7", "--set", "report_lag=300", "--set", "page_order=oldest_first") as (_, emulator):
            settings = emulator.settings()
            assert (settings.seed, settings.report_lag, settings.page_order) == (7, 300, "oldest_first")

    def test_a_snapshot_outlives_it(self, tmp_path: Path) -> None:
        path = tmp_path / "saved.json"
        for number in (1, 2):
            with command("--snapshot", str(path)) as (process, emulator):
                add(emulator.url, str(number))
                assert len(emulator.jobs()) == number
                process.send_signal(signal.SIGTERM)
                assert process.stdout is not None
                told = process.stdout.read()
                assert f"Saved to {path}: {number} call jobs" in told
                assert (f"Taken up from {path}: 1 call jobs" in told) == (number == 2)
                assert process.wait(10) == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [entry.name for entry in tmp_path.iterdir()] == ["saved.json"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--set", "typo=1"], "typo"),
            (["--set", "report_lag"], "NAME=VALUE"),
            (["--set", "report_lag=long"], "report_lag"),
            (["--set", "odds={"], "--set"),
            (["--set", 'outcomes={"79123456789": ["gone"]}'], "use one of longCallWithResult,"),
            (["--token", "a", "--token", "a"], "given twice"),
            (["--token", "a/b"], "characters that no token has"),
            (["--snapshot", "nowhere/saved.json"], "can't be written"),
            (["--snapshot", "README.md", "--seed", "1"], "leave --token, --set and --seed out"),
            (["--port", "99999"], "isn't a port"),
            (["--snapshot", "README.md"], "isn't a snapshot"),
        ],
    )
    def test_it_says_what_it_can_not_use(self, repository: Path, arguments: list[str], message: str) -> None:
        done = subprocess.run(
            [COMMAND, "--port", "0", *arguments],
            capture_output=True, text=True, check=False, timeout=30, cwd=repository,
        )  # fmt: skip
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr

    def test_it_says_when_its_port_is_taken(self, emulator: Emulator) -> None:
        done = subprocess.run(
            [COMMAND, "--port", str(emulator.port)], capture_output=True, text=True, check=False, timeout=30
        )
        assert done.returncode == 1
        assert f"127.0.0.1:{emulator.port}" in done.stderr
        assert "Traceback" not in done.stderr


class TestWhatCanOnlyBeAMistake:
    """It is refused, for a test would else pass for nothing."""

    @pytest.mark.parametrize("phone", ["8 (912) 345-67-89", "9123456789", "banana", "", "12"])
    def test_a_person_who_can_not_be_rung(self, emulator: Emulator, phone: str) -> None:
        for ask in (emulator.rings, emulator.jobs):
            with pytest.raises(EmulatorError, match="isn't a number with a country code"):
                ask(phone)

    def test_a_person_who_was_added_can_be_asked_for_as_written(self, emulator: Emulator) -> None:
        number = "70003456789"  # possible, though in no use
        add(emulator.url, phone=number)
        assert emulator.jobs()[0].phone == number
        assert emulator.rings(number) == emulator.rings(f"+{number}") == 1

    def test_an_endpoint_that_is_none(self, emulator: Emulator) -> None:
        with pytest.raises(EmulatorError, match="use one of addPhone,"):
            emulator.count("addphone")

    @pytest.mark.parametrize("number", [0, -1, 3])
    def test_a_campaign_that_is_none(self, emulator: Emulator, number: int) -> None:
        with pytest.raises(EmulatorError, match="numbered 1 to 2"):
            emulator.campaign(number)

    def test_a_time_without_a_zone(self, emulator: Emulator) -> None:
        with pytest.raises(EmulatorError, match="time zone"):
            emulator.set_time(datetime(2030, 1, 1))

    @pytest.mark.parametrize("tokens", ["1.2.three", [], ["a", "a"], ["a b"], [""], {"a/b": "Winter sale"}])
    def test_tokens_that_are_none(self, tokens: Any) -> None:
        with pytest.raises(EmulatorError, match="token"):
            Emulator(tokens=tokens)

    def test_a_setting_that_is_none(self) -> None:
        with pytest.raises(EmulatorError, match="report_lg"):
            Emulator(report_lg=3)

    def test_an_emulator_that_is_not_there(self) -> None:
        with pytest.raises(EmulatorError, match=r"no emulator answers at http://127\.0\.0\.1:1:"):
            EmulatorClient("127.0.0.1:1").now()

    def test_an_emulator_that_was_stopped(self) -> None:
        with Emulator() as emulator:
            pass
        with pytest.raises(EmulatorError, match="serves once"), emulator:
            pass


def test_what_was_wrong_is_in_the_journal(emulator: Emulator) -> None:
    add(emulator.url, phone="12")
    add(emulator.url, token="1.2.wrong")
    url = f"{emulator.url}/api/calls/campaign/{TOKEN}/control/resume"
    requests.post(url, timeout=5)
    assert [line.reason for line in emulator.requests()] == ["phone.bad.format", "invalid.token", "emulator.bad.state"]


def test_a_fault_says_what_it_did(emulator: Emulator) -> None:
    fault = emulator.fault("before_commit", "status", path="addPhone", nth=2)
    add(emulator.url)
    assert repr(fault) == "<fault status before_commit at addPhone: 1 requests matched, 0 struck>"


def test_settings_are_told_to_type_checkers() -> None:
    import typing

    from aimylogic_provider.emulator import client
    from aimylogic_provider.emulator.world import faults
    from aimylogic_provider.emulator.world.settings import Chosen, Settings

    assert typing.get_type_hints(Chosen).keys() == set(Settings.__struct_fields__)
    assert typing.get_args(client.PhaseName) == tuple(faults.Phase)
    assert set(typing.get_args(client.ActionName)) == set(faults.FaultAction)


@pytest.mark.parametrize(
    ("path", "body", "unknown"),
    [
        ("addPhones", [{"phone": PHONE, "policy": {"maxAttempts": 1}}], "policy"),
        ("callJob/getReport", {"phone": [PHONE]}, "phone"),
        ("callJob/getReportByDate", {"filter": {"createdFrom": 1}, "pagination": {"size": 3}}, "createdFrom, size"),
    ],
)
def test_fields_that_the_contract_does_not_know(emulator: Emulator, path: str, body: Any, unknown: str) -> None:
    url = f"{emulator.url}/api/calls/campaign/{TOKEN}/{path}"
    assert requests.post(url, json=body, timeout=5).status_code == 200, "ignored"
    emulator.settings(unknown_fields="refused")
    answer = requests.post(url, json=body, timeout=5)
    assert (answer.status_code, answer.json()["message"].rpartition(": ")[2]) == (400, unknown)


def test_the_plugins_fixture_comes_with_a_connection(aimylogic_emulator: Emulator) -> None:
    from aimylogic_provider.hooks import AimylogicHook

    assert AimylogicHook().add_phone(PHONE) == aimylogic_emulator.jobs()[0].id


def test_the_plugin_costs_other_peoples_tests_nothing() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import aimylogic_provider.emulator.pytest_plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert [name for name in done.stdout.split() if not name.startswith("aimylogic_provider")] == []


def test_the_emulator_needs_no_airflow() -> None:
    code = "import sys, aimylogic_provider.emulator.local; print('airflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


def test_the_emulators_connection_names_it(emulator: Emulator) -> None:
    connection = json.loads(emulator.connection(read_timeout=3))
    assert (connection["port"], connection["password"]) == (emulator.port, DEFAULT_TOKEN)
    assert connection["extra"] == {"read_timeout": 3}


def test_a_proxy_of_the_environment_is_not_asked(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "http_proxy", "http://127.0.0.1:1")
    assert emulator.now()


def test_no_id_is_given_twice_through_a_reset(emulator: Emulator) -> None:
    """A client may have kept it, and would take the new job for the old one."""
    before = int(add(emulator.url).json())
    emulator.reset()
    assert emulator.jobs() == []
    assert int(add(emulator.url).json()) == before + 1


def test_a_reset_has_the_same_lives_begin_anew() -> None:
    def lives(emulator: Emulator) -> list[Any]:
        for number in range(20):
            add(emulator.url, f"{number}", phone=f"7912000{number:04}")
        emulator.advance(minutes=30)
        return [(job.phone, job.status, job.attempts) for job in emulator.jobs()]

    with Emulator(seed=5) as emulator:
        before = lives(emulator)
        emulator.reset()
        assert lives(emulator) == before


def test_no_id_is_given_twice_by_the_command_begun_again() -> None:
    ids = []
    for _ in range(2):
        with command() as (_, emulator):
            ids.append(int(add(emulator.url).json()))
        time.sleep(1)
    assert ids[0] < ids[1]


def test_no_id_is_given_twice_at_one_address() -> None:
    port, ids = free_port(), []
    for _ in range(2):
        with Emulator(port=port) as emulator:
            ids.append(int(add(emulator.url).json()))
        time.sleep(1)
    assert ids[0] < ids[1]
