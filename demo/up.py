"""``make up`` and ``make down``: Airflow with the examples, and the emulator, left running to play with."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from aimylogic_provider.emulator import DEFAULT_TOKEN as TOKEN
from local_servers.airflow import LocalAirflow, free_port
from local_servers.emulator import LocalEmulator
from local_servers.warehouse import make_warehouse

ROOT = Path(__file__).parent.parent
HOME = ROOT / ".airflow"
RUNNING = HOME / "running.json"


def _port(wanted: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
    return wanted


def _started(pid: int) -> float | None:
    """When a process was started, or None if there is none."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def up() -> int:
    """Start both, print where they are, and leave them running."""
    if RUNNING.exists():
        state = json.loads(RUNNING.read_text())
        if any(_started(int(pid)) == started for pid, started in state["processes"].items()):
            print(state["told"])
            return 0
    # Afresh each time, for the emulator forgets its jobs: no run should tell of jobs that are others' now.
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    emulator = LocalEmulator(_port(8089))
    settings = {"AIRFLOW_CONN_WAREHOUSE": make_warehouse(HOME / "warehouse.db", 5000)}
    airflow = LocalAirflow(HOME, ROOT / "dags", port=_port(8080), settings=settings)
    try:
        airflow.start(LocalAirflow.COMPONENTS)
        airflow.connect(emulator.url, TOKEN)
        for dag in ("add_phone_by_hand", "add_phone_mapped"):
            airflow.wait_for_dag(dag)
    except BaseException:
        airflow.stop()
        emulator.__exit__()
        raise
    told = (
        f"Airflow:    {airflow.url}  (no login needed: everybody on this machine is an admin)\n"
        "            the examples in dags/: add_phone_by_hand and add_phone_mapped are on, the others paused\n"
        f"            connections aimylogic_default, which points to the emulator, and warehouse, of 5,000 rows\n"
        f"Emulator:   {emulator.url}  (a page: its calls, its clock, its faults)\n"
        f"            campaign token {TOKEN}\n"
        "Stop both:  make down"
    )
    processes = {pid: _started(pid) for pid in (emulator.process.pid, *airflow.pids)}
    RUNNING.write_text(json.dumps({"processes": processes, "told": told}))
    print(told)
    return 0


def down() -> int:
    """Stop both."""
    if not RUNNING.exists():
        print("Nothing is up.")
        return 0
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid, started in json.loads(RUNNING.read_text())["processes"].items():
            # After a reboot the number may be a stranger's.
            if _started(int(pid)) == started:
                with suppress(ProcessLookupError):
                    os.killpg(int(pid), number)
        if number is signal.SIGTERM:
            time.sleep(5)
    RUNNING.unlink()
    print("Stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(down() if sys.argv[1:] == ["down"] else up())
