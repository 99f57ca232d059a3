"""Calls, syncs and shards under a real Airflow, their tries struck at random moments: nobody twice, nobody missed.

Each test strikes a share of the kills.
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from aimylogic_provider.emulator import Emulator
from local_servers.airflow import LocalAirflow
from local_servers.warehouse import make_warehouse, warehouse_phone
from tests.airflow.campaign import TOKEN, Campaign
from tests.airflow.test_syncs import DOUBLES, GOOD, REFUSED, ROWS, KilledSync, add_doubles, make_trouble
from tests.conftest import needs_record, told
from tests.real.eight import FIRST, check_calls, eight, trouble
from tests.real.extent import KILLS, SEED, WHOLE
from tests.real.hunt import Hunt
from tests.real.metadata import Metadata
from tests.real.places import CallPlaces, SyncPlaces
from tests.real.tally import Tally

pytestmark = [
    needs_record, pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in Linux's /proc"),
]  # fmt: skip

CALLS = KILLS * 6 // 10 if WHOLE else KILLS // 3
SYNCS = (KILLS - CALLS) // 2
SHARDS = KILLS - CALLS - SYNCS


def test_calls(airflow: LocalAirflow, metadata: Metadata, tally: Tally, draw: random.Random) -> None:
    """Every second run sees 25 hours pass between two of its tries; then each is cleared, and some of those struck."""
    for number, now in tally.rounds(CALLS, 18):
        run, first, day = f"calls-{number}", FIRST + 10 * number, None if number % 2 else now // 2
        phones = eight(first)
        with ExitStack() as stack:
            campaign = Campaign(airflow, stack.enter_context(Emulator(tokens=(TOKEN,))))
            trouble(campaign, SEED + number)
            places = CallPlaces(metadata, campaign)
            hunt = Hunt(airflow, metadata, campaign, places, draw, tally, kills=now - now // 6, aimed=0.6, day=day)
            stack.callback(hunt.release)
            airflow.trigger("eight_calls", run, {"conn_id": campaign.conn_id, "first": first})
            ended = hunt.follow(("eight_calls", run))
            before = check_calls(hunt, run, phones, aged=hunt.aged, ended=ended)
            tally.calls(list(phones.values()), [job.phone for job in campaign.jobs], parked=before.parked)
            hunt.kills, hunt.share, hunt.longest = now, 1.0, 1.5
            if not hunt.aged:
                campaign.emulator.advance(hours=25)
            airflow.clear("eight_calls", run)
            ended = hunt.follow(("eight_calls", run))
            after = check_calls(hunt, run, phones, aged=True, ended=ended)
            assert after.ids == before.ids, "a clear returns the same jobs"
            tally.tries += hunt.tries
            tally.scenarios.append("clear" if hunt.aged else "clear after 25 hours")
            tally.calls(list(phones.values()), [job.phone for job in campaign.jobs], parked=after.parked, again=True)


def sync_conf(airflow: LocalAirflow, campaign: Campaign, folder: Path, name: str) -> dict[str, Any]:
    """A warehouse of its own, and the parameters of a run that syncs it."""
    airflow.connect_database(make_warehouse(folder / f"{name}.db", ROWS), name)
    return {"conn_id": campaign.conn_id, "sql_conn_id": name, "results_conn_id": name, "lists": str(folder / "lists")}


@pytest.mark.parametrize("method", ["addPhones", "addPhone"] if WHOLE else ["addPhones"])
def test_syncs(
    airflow: LocalAirflow,
    campaign: Campaign,
    metadata: Metadata,
    tally: Tally,
    draw: random.Random,
    method: str,
    tmp_path: Path,
) -> None:
    """The results table is as the server has it, row for row; so is the report."""
    dag, kills = f"sync_{method}", (SYNCS + (method == "addPhone")) // 2 if WHOLE else SYNCS
    for number, now in tally.rounds(kills, 8):
        run = f"real-{method}-{number}"
        conf = sync_conf(airflow, campaign, tmp_path, run)
        add_doubles(tmp_path / f"{run}.db")
        make_trouble(campaign, method, SEED + number)
        hunt = Hunt(
            airflow, metadata, campaign, SyncPlaces(metadata, tmp_path / "lists"), draw, tally,
            kills=now, share=1.0, longest=4.0, day=now // 2 if number % 2 == 0 else None,
        )  # fmt: skip
        airflow.trigger(dag, run, conf)
        engine = sa.create_engine(f"sqlite:///{tmp_path / f'{run}.db'}")
        try:
            (ended,) = hunt.follow((dag, run), patience=30)
            assert ended.state == "success", airflow.log(dag, run, "sync", ended.number)[-3000:]
            KilledSync(airflow, campaign, dag, run, engine, draw).assert_told()
        finally:
            hunt.release()
            tally.tries += hunt.tries
            engine.dispose()
        expected = sorted({*GOOD} - REFUSED)
        tally.calls(expected, [job.phone for job in campaign.jobs])
        report = hunt.returned(ended)
        counts = {"rows": ROWS + len(DOUBLES), "created": len(expected), "refused": len(REFUSED), "unknown": 0}
        assert {name: report[name] for name in counts} == counts


def test_shards(airflow: LocalAirflow, metadata: Metadata, tally: Tally, draw: random.Random, tmp_path: Path) -> None:
    dag = "sync_in_shards"
    for number, now in tally.rounds(SHARDS, 12):
        with ExitStack() as stack:
            campaign = Campaign(airflow, stack.enter_context(Emulator(tokens=(TOKEN,))))
            run = f"real-shards-{number}"
            conf = sync_conf(airflow, campaign, tmp_path, run)
            make_trouble(campaign, "addPhones", SEED + number)
            hunt = Hunt(
                airflow, metadata, campaign, SyncPlaces(metadata, tmp_path / "lists"), draw, tally,
                kills=now, longest=5.0, day=now // 2 if number % 2 == 0 else None,
            )  # fmt: skip
            stack.callback(hunt.release)
            airflow.trigger(dag, run, conf)
            ended = hunt.follow((dag, run), patience=30)
            tally.tries += hunt.tries
            assert {one.state for one in ended} == {"success"}
            expected = sorted({*GOOD} - REFUSED)
            tally.calls(expected, [job.phone for job in campaign.jobs])
            (summed,) = [one for one in ended if one.task == "report"]
            report = hunt.returned(summed)
            counts = {"rows": ROWS, "created": len(expected), "refused": len(REFUSED), "unknown": 0}
            assert {name: report[name] for name in counts} == counts
            jobs = {job.phone: job.id for job in campaign.jobs}
            engine = sa.create_engine(f"sqlite:///{tmp_path / f'{run}.db'}")
            rows = told(engine, "outcome", "call_job_id", run=run)
            engine.dispose()
            phones = [None if n % 100 == 99 else warehouse_phone(n) for n in range(ROWS)]
            assert [job for _, job in rows] == [None if phone is None else jobs.get(phone) for phone in phones]
            assert Counter(outcome for outcome, _ in rows)["created"] == len(expected)
