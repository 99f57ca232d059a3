"""Airflow itself fails in mid-task: scheduler and API server are killed, the metadata database stops."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from local_servers.airflow import LocalAirflow, wait_for
from local_servers.postgres import LocalPostgres
from local_servers.warehouse import make_warehouse, warehouse_phone
from tests.airflow.campaign import Campaign
from tests.conftest import needs_record
from tests.real.eight import FIRST, check_calls, eight, trouble
from tests.real.extent import SEED, only_in_whole
from tests.real.held import HeldRun
from tests.real.hunt import Hunt
from tests.real.metadata import Metadata
from tests.real.places import CallPlaces
from tests.real.tally import Tally

pytestmark = [needs_record, only_in_whole]
OUTAGE = 60.0
"""Seconds for which the metadata database is stopped."""


@pytest.mark.parametrize("outage", ["the metadata database", "scheduler and API server", "the scheduler"])
def test_in_mid_task(
    airflow: LocalAirflow,
    campaign: Campaign,
    metadata: Metadata,
    postgres_server: LocalPostgres,
    tally: Tally,
    draw: random.Random,
    outage: str,
) -> None:
    trouble(campaign, SEED)
    run, first = outage.replace(" ", "-"), FIRST + 800
    phones = eight(first)
    airflow.trigger("eight_calls", run, {"conn_id": campaign.conn_id, "first": first})
    wait_for("some requests", lambda: campaign.emulator.count("addPhone") >= draw.randint(1, 4), 300, every=0.02)
    if outage == "the metadata database":
        postgres_server.stop()
        try:
            time.sleep(OUTAGE)
        finally:
            postgres_server.start()
    else:
        airflow.kill("scheduler")
        if outage == "scheduler and API server":
            airflow.kill("api-server")
        time.sleep(draw.uniform(0.0, 3.0))
    airflow.restart()
    hunt = Hunt(airflow, metadata, campaign, CallPlaces(metadata, campaign), draw, tally, kills=3)
    try:
        ended = hunt.follow(("eight_calls", run))
    finally:
        hunt.release()
        tally.tries += hunt.tries
    check_calls(hunt, run, phones, aged=False, ended=ended)
    tally.calls(list(phones.values()), [job.phone for job in campaign.jobs])
    tally.scenarios.append(f"{outage} {'stopped' if 'database' in outage else 'killed'} in mid-task")


def test_the_state_is_wiped_on_success(
    airflow: LocalAirflow, campaign: Campaign, metadata: Metadata, tally: Tally, tmp_path: Path
) -> None:
    """The API server is killed in mid-task, and comes back with ``[state_store] clear_on_success``."""
    setting = "AIRFLOW__STATE_STORE__CLEAR_ON_SUCCESS"
    phone = str(FIRST + 900)
    call = HeldRun(airflow, campaign, metadata, tally, "a_call", "wiped")
    call.trigger(first=phone)
    call.kill_in_mid_request("after_commit")
    airflow.kill("api-server")
    airflow.environment[setting] = "True"
    try:
        airflow.restart()
        call.go()
        (job,) = campaign.jobs
        assert (call.instance.state, call.returned) == ("success", job.id)
        assert metadata.entry(call.instance) is None, "it was wiped"
        call.clear()
        assert call.returned == job.id, "by the second record"
        campaign.emulator.advance(hours=25)
        assert (call.clear().state, call.returned) == ("success", job.id)
        tally.calls([phone], [job.phone for job in campaign.jobs])
        tally.scenarios.append("clear_on_success, a call cleared after 0 and 25 h")

        campaign.emulator.reset()
        rows = 600
        sync = HeldRun(airflow, campaign, metadata, tally, "sync_addPhones", "sync-wiped", "sync")
        airflow.connect_database(make_warehouse(tmp_path / "w.db", rows), "warehouse-wiped")
        sync.trigger(sql_conn_id="warehouse-wiped", results_conn_id="warehouse-wiped", lists=str(tmp_path / "lists"))
        sync.kill_in_mid_request("after_commit", "addPhones")
        assert sync.go().state == "success"
        assert metadata.entry(sync.instance) is None, "it was wiped"
        report = sync.returned
        campaign.emulator.advance(hours=25)
        assert sync.clear().state == "success", sync.log[-3000:]
        assert sync.returned["created"] == report["created"]
        phones = [warehouse_phone(number) for number in range(rows) if number % 100 != 99]
        tally.calls(phones, [job.phone for job in campaign.jobs])
        tally.scenarios.append("clear_on_success, a sync cleared after 25 h")
    finally:
        airflow.kill("api-server")
        del airflow.environment[setting]
        airflow.restart()
