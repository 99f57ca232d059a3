"""The example DAGs under a real Airflow, as they are but for their retry delay."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from aimylogic_provider.emulator import Emulator
from local_servers.airflow import LocalAirflow, wait_for
from local_servers.warehouse import make_warehouse, warehouse_phone
from tests.airflow.campaign import TOKEN, random_token


def run(airflow: LocalAirflow, dag: str, name: str, conf: dict[str, Any] | None = None) -> str:
    airflow.wait_for_dag(dag)
    airflow.trigger(dag, name, conf)
    return airflow.wait_for_run(dag, name)


def test_several_campaigns_with_a_connection_each(airflow: LocalAirflow) -> None:
    with Emulator(tokens=(TOKEN, random_token())) as emulator:
        for conn_id, token in zip(("aimylogic_moscow", "aimylogic_perm"), emulator.tokens, strict=True):
            airflow.connect(emulator.url, token, conn_id)
        assert run(airflow, "add_phone_campaigns", "cities") == "success"
        called = {(job.campaign, job.phone, job.payload["name"]) for job in emulator.jobs()}
    assert called == {(1, "12025550123", "Alex"), (2, "12025550145", "Maria")}


def test_two_clicks_at_once_ring_once_and_the_other_run_says_why(airflow: LocalAirflow) -> None:
    dag, clicks = "add_phone_by_hand", ("click-1", "click-2")
    with Emulator(tokens=(TOKEN,)) as emulator:
        airflow.connect(emulator.url, TOKEN)
        airflow.wait_for_dag(dag)
        for click in clicks:
            airflow.trigger(dag, click, {"phone": "+1 202 555 0123"})
        ends = {one: airflow.wait_for_task(dag, one, "add_phone", ("success", "failed"), seconds=90) for one in clicks}
        assert {one["state"] for one in ends.values()} == {"success", "failed"}
        assert [job.phone for job in emulator.jobs()] == ["12025550123"]
        (called, left) = sorted(clicks, key=lambda one: ends[one]["state"], reverse=True)
        assert ends[left]["try_number"] == 1, "no retry is burnt"
        log = airflow.log(dag, left, "add_phone", 1)
        assert f"Not called again: run {called} of this DAG called 1202***0123 " in log
        assert "If two calls were meant: start a new run with call_again from " in log


def test_calls_with_a_policy_each(airflow: LocalAirflow) -> None:
    with Emulator(tokens=(TOKEN,)) as emulator:
        airflow.connect(emulator.url, TOKEN)
        assert run(airflow, "add_phones_by_policy", "people") == "success"
        report = airflow.xcom("add_phones_by_policy", "people", "add_phones")
        called = {(job.phone, job.payload["name"]) for job in emulator.jobs()}
    assert (report["rows"], report["created"], called) == (2, 2, {("12025550123", "Alex"), ("12025550145", "Maria")})


def test_calls_that_a_function_gives(airflow: LocalAirflow) -> None:
    with Emulator(tokens=(TOKEN,)) as emulator:
        airflow.connect(emulator.url, TOKEN)
        assert run(airflow, "calls_from_python", "invoices") == "success"
        assert airflow.xcom("calls_from_python", "invoices", "tell") == "2 of 2 people are called"
        run(airflow, "calls_from_python", "a-second-click")
        called = {(job.phone, job.payload["due"]) for job in emulator.jobs()}
        assert len(emulator.jobs()) == 2
    assert called == {("12025550123", 1500), ("12025550167", 99.5)}


@pytest.mark.long
def test_functions_are_asked_once_though_a_try_fails(airflow: LocalAirflow, tmp_path: Path) -> None:
    """By ``dag.test()``, which tries again, too; mapped, and by the decorator as Airflow finds it."""
    with Emulator(tokens=(TOKEN,)) as emulator:
        airflow.connect(emulator.url, TOKEN)
        lost = emulator.fault("after_commit", "reset", path="addPhones", phone="79120000003", times=3)
        code = f"from asked_once import dag\nprint(dag.test(run_conf={{'told': {str(tmp_path / 'told')!r}}}).state)"
        folder = airflow.environment["AIRFLOW__CORE__DAGS_FOLDER"]
        done = subprocess.run(
            [sys.executable, "-c", code], env={**airflow.environment, "PYTHONPATH": folder},
            cwd=folder, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.stdout.splitlines()[-1:] == ["success"], done.stdout[-3000:] + done.stderr[-3000:]
        assert lost.hits == 3, "all that a try sends"
        assert "the function is not asked again" in done.stdout
        assert sorted(job.phone for job in emulator.jobs()) == ["79120000001", "79120000002", "79120000003"]
    assert sorted((tmp_path / "told").read_text().splitlines()) == ["0 in try 1", "1 in try 1"]


@pytest.mark.long
def test_keyless_nobody_hears_the_same_twice_a_day(airflow: LocalAirflow) -> None:
    with Emulator(tokens=(TOKEN,)) as emulator:
        airflow.connect(emulator.url, TOKEN)
        lost = emulator.fault("after_commit", "reset", path="addPhone")
        whom = {"phone": "+1 202 555 0123"}
        assert run(airflow, "add_phone_keyless", "first", whom) == "success"
        assert airflow.task("add_phone_keyless", "first", "add_phone")["state"] == "skipped", "the retry learns of it"
        run(airflow, "add_phone_keyless", "another-run", whom)
        assert airflow.task("add_phone_keyless", "another-run", "add_phone")["state"] == "skipped"
        run(airflow, "add_phone_keyless", "other-words", {**whom, "name": "Maria"})
        emulator.advance(hours=25)
        run(airflow, "add_phone_keyless", "next-day", whom)
        assert lost.hits == 1
        assert [(job.payload["name"], job.key) for job in emulator.jobs()] == [
            ("Alex", None), ("Maria", None), ("Alex", None),
        ]  # fmt: skip


@pytest.mark.long
def test_a_list_that_is_sent_in_shards(airflow: LocalAirflow, tmp_path: Path) -> None:
    dag, warehouse = "warehouse_to_campaign_sharded", tmp_path / "warehouse.db"
    make_warehouse(warehouse, 300)
    airflow.connect_sqlite(warehouse, "warehouse")
    with Emulator(tokens=(TOKEN,)) as emulator:
        airflow.connect(emulator.url, TOKEN)
        airflow.wait_for_dag(dag)  # and unpaused, it runs for the last seven o'clock
        (made,) = wait_for("its run", lambda: airflow.api("GET", f"/api/v2/dags/{dag}/dagRuns")["dag_runs"])
        airflow.wait_for_task(dag, made["dag_run_id"], "report", ("success", "failed", "upstream_failed"))
        report = airflow.xcom(dag, made["dag_run_id"], "report")
        assert (report["rows"], report["created"], report["rejected"], report["shards"]) == (300, 297, 3, 4)
        called = Counter(job.phone for job in emulator.jobs())
    assert called == Counter(warehouse_phone(number) for number in range(300) if number % 100 != 99)


@pytest.mark.long
def test_a_campaign_that_rests_over_night(airflow: LocalAirflow, tmp_path: Path) -> None:
    """By ``dag.test()``, on a morning of the server whose evening is past for Airflow. The scheduler lets it be."""
    warehouse = tmp_path / "warehouse.db"
    make_warehouse(warehouse, 30)
    airflow.connect_sqlite(warehouse, "warehouse")
    with Emulator(tokens=(TOKEN,)) as emulator:
        airflow.connect(emulator.url, TOKEN)
        emulator.set_time(datetime(2026, 1, 5, 9, tzinfo=UTC))
        emulator.campaign(status="paused", lines=0)
        lost = emulator.fault("after_commit", "reset", path="callJob/cancel")
        code = (
            "from datetime import UTC, datetime; from campaign_hours import dag\n"
            "print(dag.test(run_after=datetime(2026, 1, 5, 9, tzinfo=UTC)).state)"
        )
        folder = airflow.environment["AIRFLOW__CORE__DAGS_FOLDER"]
        done = subprocess.run(
            [sys.executable, "-c", code], env={**airflow.environment, "PYTHONPATH": folder},
            cwd=folder, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.stdout.splitlines()[-1:] == ["success"], done.stdout[-3000:] + done.stderr[-3000:]
        assert lost.hits == 1
        assert Counter(job.status for job in emulator.jobs()) == {"cancelledByUser": 30}
        assert emulator.campaign().status == "paused"
        changed = [line.endpoint for line in emulator.requests() if line.endpoint.startswith("control/")]
        assert changed == ["control/resume", "control/pause"]


@pytest.mark.long
def test_who_is_on_call_is_rung_once_for_a_run_that_fails(airflow: LocalAirflow, tmp_path: Path) -> None:
    """Its query fails in all tries, then its task and its run tell it; the warehouse has no such table."""
    airflow.connect_sqlite(tmp_path / "empty.db", "warehouse")
    airflow.api("POST", "/api/v2/variables", {"key": "on_call_phone", "value": "+7 912 345-67-89"})
    with Emulator(tokens=(TOKEN,)) as emulator:
        airflow.connect(emulator.url, TOKEN)
        airflow.wait_for_dag("on_call")  # and unpaused, it runs for the last nine o'clock
        wait_for("the callbacks of the task and of its run", lambda: emulator.count("addPhone") == 2, 90)
        (job,) = emulator.jobs()
    assert (job.phone, job.payload["event"], job.payload["dag_id"]) == ("79123456789", "failed", "on_call")


@pytest.mark.long
def test_who_is_on_duty_is_called_by_a_clear_and_not_by_a_backfill_or_for_days_gone_by(airflow: LocalAirflow) -> None:
    """The example with ``catchup=True``, so that runs of days gone by come only now, and nobody was called by them."""
    dag, call, folder = "days_gone_by", "call_person_on_duty", Path(airflow.environment["AIRFLOW__CORE__DAGS_FOLDER"])
    text = (Path(__file__).parents[2] / "dags" / "add_phone_scheduled.py").read_text()  # its copy has another hour
    last = datetime.now(ZoneInfo("Europe/Moscow")) - timedelta(hours=2)  # so that no run comes meanwhile
    began = last - timedelta(days=2)
    for old, other in (
        ("add_phone_scheduled", dag),
        ("catchup=False", "catchup=True, max_active_runs=1"),
        ("0 9 * * *", f"{last.minute} {last.hour} * * *"),
        ("datetime(2026, 1, 1, tzinfo", f"datetime({began.year}, {began.month}, {began.day}, tzinfo"),
        ("timedelta(hours=1)", "timedelta(seconds=1)"),
    ):
        assert old in text
        text = text.replace(old, other)
    (folder / f"{dag}.py").write_text(text)

    def runs() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = airflow.api("GET", f"/api/v2/dags/{dag}/dagRuns?order_by=run_after")["dag_runs"]
        return found if len(found) > 2 and all(one["state"] in ("success", "failed") for one in found) else []

    def ends(*names: str) -> list[str]:
        wait_for("its runs", runs, 180, every=1)
        return [airflow.task(dag, name, call)["state"] for name in names]

    def backfill(first: str, last: str) -> None:
        body = {"dag_id": dag, "from_date": first, "to_date": last, "run_backwards": False, "dag_run_conf": {},
                "reprocess_behavior": "completed", "max_active_runs": 3}  # fmt: skip
        airflow.api("POST", "/api/v2/backfills", body)

    with Emulator(tokens=(TOKEN,)) as emulator:
        airflow.connect(emulator.url, TOKEN)
        try:
            airflow.wait_for_dag(dag)
            made = wait_for("runs of some days", runs, 180, every=1)
            *gone_by, today = [one["dag_run_id"] for one in made]
            assert ends(*gone_by, today) == ["skipped"] * len(gone_by) + ["success"]
            assert len(emulator.jobs()) == 1, "catch-up"
            airflow.clear(dag, today)
            assert ends(today) == ["success"]
            assert len(emulator.jobs()) == 1, "its call is found"
            for _ in range(2):
                airflow.clear(dag, gone_by[-1])
                assert ends(gone_by[-1]) == ["success"]
                assert len(emulator.jobs()) == 2, "a run of yesterday is cleared, and calls once"
            backfill(made[0]["run_after"], made[0]["run_after"])
            wait_for("the backfill", lambda: any(one["run_type"] == "backfill" for one in runs()), 180, every=1)
            assert ends(gone_by[0]) == ["skipped"]
            airflow.clear(dag, gone_by[0])
            assert ends(gone_by[0]) == ["skipped"]
            assert len(emulator.jobs()) == 2, "a backfill, cleared or not"
            airflow.trigger(dag, "by-hand")
            assert ends("by-hand") == ["success"]
            assert len(emulator.jobs()) == 3
        finally:
            airflow.api("PATCH", f"/api/v2/dags/{dag}", {"is_paused": True})


@pytest.mark.long
def test_a_campaign_comes_to_its_end(airflow: LocalAirflow) -> None:
    with Emulator(tokens=(TOKEN,)) as emulator:
        airflow.connect(emulator.url, TOKEN)
        assert run(airflow, "end_campaign", "a-click") == "failed", "no campaign was named"
        assert emulator.count("control/stop") == 0
        assert run(airflow, "end_campaign", "for-good", {"campaign": emulator.campaign().name}) == "success"
        assert airflow.xcom("end_campaign", "for-good", "look")["status"] == "finished"
        assert airflow.xcom("end_campaign", "for-good", "is_over") == "finished"
        assert emulator.count("control/stop") == 1


@pytest.mark.long
def test_a_dag_that_starts_when_a_sync_has_sent(airflow: LocalAirflow, tmp_path: Path) -> None:
    """By the scheduler, and by the event alone; a sync that finds nobody to call starts nothing."""
    sync, dag, warehouse = "warehouse_to_campaign", "after_campaign_sent", tmp_path / "warehouse.db"
    make_warehouse(warehouse, 30)
    airflow.connect_sqlite(warehouse, "warehouse")

    def runs(of: str = dag) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = airflow.api("GET", f"/api/v2/dags/{of}/dagRuns")["dag_runs"]
        return found

    with Emulator(tokens=(TOKEN,)) as emulator:
        airflow.connect(emulator.url, TOKEN)
        try:
            airflow.wait_for_dag(dag)
            earlier = _given_what_was_before(airflow, dag, runs)
            airflow.wait_for_dag(sync)  # and unpaused, it runs for the last seven o'clock
            (began,) = wait_for("the sync's run", lambda: runs(sync))
            (started,) = wait_for(
                "the run that its event starts", lambda: [one for one in runs() if one["dag_run_id"] != earlier], 90
            )
            assert started["run_type"] == "asset_triggered"
            airflow.wait_for_task(dag, started["dag_run_id"], "what_was_sent", ("success",), seconds=90)
            told_of = f"/api/v2/assets/events?source_dag_id={sync}&order_by=timestamp"
            events = airflow.api("GET", told_of)["asset_events"]
            assert [(one["uri"], one["source_run_id"]) for one in events] == [
                ("aimylogic://campaign/aimylogic_default", began["dag_run_id"])
            ]
            report = airflow.xcom(sync, began["dag_run_id"], "call_customers")
            told = events[0]["extra"]
            assert (told["rows"], told["created"], told["created_now"]) == (30, 30, 30)
            assert told == {**{name: report[name] for name in told if name in report}, "created_now": 30}
            # Whatever the hour is, calls were allowed within a day from now, and will be in the day that is then left
            # of call_before, two days, to a run that begins now.
            emulator.advance(hours=24)
            wait_for("its end", lambda: airflow.run_state(dag, started["dag_run_id"]) in ("success", "failed"), 90)
            home = airflow.xcom(dag, started["dag_run_id"], "bring_reports_home")
            assert (airflow.run_state(dag, started["dag_run_id"]), home["jobs"]["new"]) == ("success", 30)
            assert run(airflow, sync, "nobody-is-left") == "success"
            report = airflow.xcom(sync, "nobody-is-left", "call_customers")
            assert (report["rows"], report["capped"], report["created"]) == (30, 30, 0)
            assert len(airflow.api("GET", told_of)["asset_events"]) == 1
            assert len(runs()) == 2, "nothing was sent: nothing starts"
        finally:
            for one in (dag, sync):
                airflow.api("PATCH", f"/api/v2/dags/{one}", {"is_paused": True})


def _given_what_was_before(airflow: LocalAirflow, dag: str, runs: Callable[[], list[dict[str, Any]]]) -> str:
    """Have a first run take the events that other tests made, as Airflow gives them to it; return its id."""
    found = airflow.api("GET", "/api/v2/assets?name_pattern=aimylogic://campaign/aimylogic_default")["assets"]
    asset = next(one["id"] for one in found if one["name"] == "aimylogic://campaign/aimylogic_default")
    airflow.api("POST", "/api/v2/assets/events", {"asset_id": asset, "extra": {}})
    (first,) = wait_for("the run of what was before", runs, 90)
    airflow.api("PATCH", f"/api/v2/dags/{dag}/dagRuns/{first['dag_run_id']}", {"state": "failed"})
    return str(first["dag_run_id"])
