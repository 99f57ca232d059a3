"""``make demo``: a real Airflow adds a call, then 5,000 rows of a warehouse, through lost answers and a killed worker.

Starts the emulator and Airflow in a folder of their own, checks every claim that it prints, and leaves nothing running.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from aimylogic_provider.emulator import DEFAULT_TOKEN as TOKEN
from local_servers.airflow import LocalAirflow, wait_for
from local_servers.emulator import LocalEmulator
from local_servers.warehouse import make_warehouse, warehouse_phone

ROOT = Path(__file__).parent.parent
HOME = ROOT / ".demo"
PHONE = "+7 912 345-67-89"
DAG, RUN, TASK = "add_phone_by_hand", "demo", "add_phone"
SYNC, SYNC_TASK = "warehouse_to_campaign", "call_customers"
ROWS = 5000


class Demo:
    """Tells what it does, with times, and remembers which claims held."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.claims: list[tuple[str, str, bool]] = []

    def say(self, text: str) -> None:
        """Print a line."""
        print(f"{time.monotonic() - self.started:6.1f} s  {text}", flush=True)

    def claim(self, what: str, found: object, expected: object) -> None:
        """Check a claim."""
        self.claims.append((what, str(found), found == expected))

    def table(self) -> bool:
        """Print the claims; return whether all held."""
        width = max(len(what) for what, _, _ in self.claims)
        print(f"\n  {'Claim':{width}}  {'Found':12}  Held\n  {'-' * width}  {'-' * 12}  ----")
        for what, found, held in self.claims:
            print(f"  {what:{width}}  {found:12}  {'yes' if held else 'NO'}")
        return all(held for _, _, held in self.claims)


def one_call(demo: Demo, airflow: LocalAirflow, emulator: LocalEmulator) -> None:
    """One call, whose answer is lost."""
    airflow.connect(emulator.url, TOKEN)
    airflow.wait_for_dag(DAG)
    demo.say(f"Airflow {airflow.run('version').strip()} is up, with the connection aimylogic_default.")

    emulator.fault("after_commit", "reset", path="addPhone", times=3)
    demo.say("The emulator is told to create jobs, but to lose every answer of the first try.")
    airflow.trigger(DAG, RUN, {"phone": PHONE, "name": "Alex"})
    demo.say(f"Triggered {DAG} through Airflow's REST API, with phone 7912***6789.")
    airflow.wait_for_task(DAG, RUN, TASK, ("up_for_retry",), seconds=90)
    jobs = emulator.jobs()
    demo.say(f"Try 1 failed without an answer, after {emulator.count('addPhone')} requests with one idempotence key.")
    demo.say(f"The emulator holds {len(jobs)} job, {jobs[0].id}, which Airflow knows nothing of.")
    demo.claim("jobs after the first try lost its answers", len(jobs), 1)

    task = airflow.wait_for_task(DAG, RUN, TASK, ("success", "failed"), tries=2, seconds=90)
    job = airflow.xcom(DAG, RUN, TASK) if task["state"] == "success" else "none"
    demo.say(f"Try {task['try_number']}: {task['state']}, and it returned call job {job}.")
    demo.claim("the retry is green", task["state"], "success")
    demo.claim("the job that the retry returned", job, jobs[0].id)
    demo.claim("jobs after the retry", len(emulator.jobs()), 1)

    emulator.advance(hours=25)
    before = emulator.count("addPhone")
    demo.say("The emulator's clock is moved 25 hours ahead: the idempotence key has expired.")
    airflow.clear(DAG, RUN)
    demo.say("The task is cleared, as a person would do with the button Clear.")
    task = airflow.wait_for_task(DAG, RUN, TASK, ("success", "failed"), tries=3, seconds=90)
    again = airflow.xcom(DAG, RUN, TASK) if task["state"] == "success" else "none"
    demo.say(f"Try {task['try_number']}: {task['state']}, and it returned call job {again}.")
    demo.claim("the job that the cleared task returned", again, jobs[0].id)
    demo.claim("jobs after 25 hours and a clear", len(emulator.jobs()), 1)
    demo.claim("addPhone requests since the clear", emulator.count("addPhone") - before, 0)


def sync(demo: Demo, airflow: LocalAirflow, emulator: LocalEmulator) -> None:
    """Five thousand rows of a warehouse; one answer is lost, and the worker is killed in mid-send."""
    emulator.reset()
    lost = emulator.fault("after_commit", "reset", path="addPhones", nth=1)
    hanging = emulator.fault("after_commit", "delay", path="addPhones", nth=4, seconds=60)
    demo.say(f"A warehouse of {ROWS:,} rows, 1% of which can't be called. One answer is to be lost, and one to hang.")
    airflow.wait_for_dag(SYNC)
    demo.say(f"Unpaused {SYNC}: Airflow begins its run of this morning.")
    runs = f"/api/v2/dags/{SYNC}/dagRuns"
    run = wait_for("the run", lambda: airflow.api("GET", runs)["dag_runs"], 60)[0]["dag_run_id"]
    wait_for("a request that hangs", lambda: hanging.hits, 90)
    os.kill(airflow.task(SYNC, run, SYNC_TASK)["pid"], signal.SIGKILL)
    demo.say(f"Try 1 was killed in mid-send, by SIGKILL: the emulator holds {len(emulator.jobs()):,} jobs by then.")
    task = airflow.wait_for_task(SYNC, run, SYNC_TASK, ("success", "failed"), tries=2, seconds=120)
    report = airflow.xcom(SYNC, run, SYNC_TASK) if task["state"] == "success" else {}
    demo.say(
        f"Try {task['try_number']}: {task['state']}. Of {report.get('rows', 0):,} rows {report.get('created', 0):,} "
        f"are created, {report.get('rejected', 0):,} were rejected, each with its reason in the call list."
    )
    held = Counter(job.phone for job in emulator.jobs())
    good = [warehouse_phone(number) for number in range(ROWS) if number % 100 != 99]
    sends = [line.key for line in emulator.requests() if line.endpoint == "addPhones"]
    demo.say(f"It took {len(sends)} requests with {len(set(sends))} idempotence keys.")
    demo.claim("answers of the sync that were lost", lost.hits, 1)
    demo.claim("the sync's retry is green", task["state"], "success")
    demo.claim("good numbers of the warehouse", len(good), ROWS - ROWS // 100)
    demo.claim("of them called exactly once", sum(held[phone] == 1 for phone in good), len(good))
    demo.claim("others called", sum(held.values()) - len(good), 0)
    demo.claim("rows rejected", report.get("rejected"), ROWS // 100)
    with closing(sqlite3.connect(HOME / "warehouse.db")) as warehouse:
        told = Counter(outcome for (outcome,) in warehouse.execute("select outcome from aimylogic_calls"))
    demo.claim("created ones in the results table", told["created"], len(good))
    demo.claim("rejected ones in it", told["rejected"], ROWS // 100)


def main() -> int:
    """Run the demo; return the exit status."""
    demo = Demo()
    shutil.rmtree(HOME, ignore_errors=True)
    demo.say("Starting the emulator, and Airflow in .demo/ …")
    HOME.mkdir()
    settings = {"AIRFLOW_CONN_WAREHOUSE": make_warehouse(HOME / "warehouse.db", ROWS)}
    with LocalEmulator() as emulator, LocalAirflow(HOME, ROOT / "dags", settings=settings) as airflow:
        one_call(demo, airflow, emulator)
        sync(demo, airflow, emulator)
    held = demo.table()
    print()
    demo.say("Every claim held: everybody is called once." if held else "A claim did NOT hold: see the table.")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
