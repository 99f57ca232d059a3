"""``make up`` in each state that it may find: nothing, all, some of it dead, a broken or an older record, no space."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections import namedtuple
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest

from aimylogic_provider.emulator import EmulatorClient
from demo import up
from demo.examples import CONNECTIONS
from local_servers.airflow import LocalAirflow, free_port, wait_for

WHOLE = {
    "format": "aimylogic-up/1", "airflow": version("apache-airflow-core"), "airflow_port": 1, "emulator_port": 2,
    "secrets": {}, "is_whole": True, "processes": {},
}  # fmt: skip


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (None, "was stopped, or deleted"),
        (json.dumps(WHOLE)[:50], "can't be read, or is of an older version"),
        ("\0\0\0", "can't be read, or is of an older version"),
        ('{"processes": {"4711": 1.5}, "told": "Airflow: …"}', "can't be read, or is of an older version"),
        (json.dumps({**WHOLE, "is_whole": False}), "was broken off"),
        (json.dumps({**WHOLE, "airflow": "3.0.1"}), "is of Airflow 3.0.1"),
        (json.dumps(WHOLE), ""),
    ],
    ids=["nothing", "half-written", "zeros", "older", "broken off", "other Airflow", "whole"],
)
def test_what_it_makes_of_a_record(tmp_path: Path, record: str | None, reason: str) -> None:
    if record is not None:
        (tmp_path / "running.json").write_text(record)
    running, why = up.Installation(tmp_path)._known()
    assert reason in why
    assert (running is None) == bool(reason)


def test_an_older_versions_processes_are_known_by_their_start_alone(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    try:
        started = psutil.Process(process.pid).create_time()
        record = {"processes": {str(process.pid): started, str(os.getpid()): 1.0}, "told": ""}
        (tmp_path / "running.json").write_text(json.dumps(record))
        assert up.Installation(tmp_path)._leaders() == [process.pid], "of a number that was reused, nothing is known"
    finally:
        process.kill()
        process.wait()


def test_without_space_it_says_so_and_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100, 99, 5 * 2**20))
    home = tmp_path / ".airflow"
    with pytest.raises(up.UpError, match=r"Only 5 MB are free.*Free some"):
        up.Installation(home).up()
    assert not home.exists()


def test_two_at_once_do_not_start_everything_twice(capsys: pytest.CaptureFixture[str]) -> None:
    with up.alone():
        assert up.main(["down"]) == 1
    assert "Another make up, or make down, is at work" in capsys.readouterr().err


def test_a_port_of_a_stranger_is_left_to_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        taken = stranger.getsockname()[1]
        given = up.Installation(tmp_path)._port("Airflow", taken)
    assert given != taken
    assert capsys.readouterr().out == f"Port {taken} is taken by another program: Airflow is at {given}.\n"
    assert up.Installation(tmp_path)._port("Airflow", taken) == taken


def test_a_disk_that_fills_up_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(self: up.Installation) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(up.Installation, "up", full)
    assert up.main([]) == 1
    assert "is full: free some space" in capsys.readouterr().err


@pytest.mark.long
def test_it_heals_what_died_and_tells_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / ".airflow"
    installation = up.Installation(home, (free_port(), free_port()))

    def record() -> up.Running:
        running, _ = installation._known()
        assert running is not None
        return running

    try:
        installation.up()
        first = record()
        airflow = LocalAirflow(home, tmp_path, port=first.airflow_port)
        emulator = EmulatorClient(f"http://127.0.0.1:{first.emulator_port}")
        held = {one["connection_id"] for one in airflow.api("GET", "/api/v2/connections")["connections"]}
        assert held == set(CONNECTIONS)
        assert airflow.api("GET", "/api/v2/dags/warehouse_to_campaign")["is_paused"], "it must not call each morning"
        jobs = len(emulator.jobs())
        assert jobs == 2000 + 600 + 200 + 990
        capsys.readouterr()

        installation.up()
        assert record() == first
        assert capsys.readouterr().out.startswith("All is up, and answers: nothing was to be done.\n")

        airflow.api("DELETE", "/api/v2/connections/aimylogic_perm")
        airflow.connect("http://127.0.0.1:1", "1.2.mine", "aimylogic_moscow")  # somebody's own choice
        os.kill(first.processes["scheduler"], signal.SIGKILL)
        os.kill(first.processes["dag-processor"], signal.SIGSTOP)
        wait_for("the stop", lambda: not installation._left.is_well(first.processes["dag-processor"]), 10)
        installation.up()
        told = capsys.readouterr().out
        assert "Airflow's scheduler had died: it is started again." in told
        assert "Airflow's DAG processor did not answer: it is started again." in told
        assert "Made again, for the examples need them: aimylogic_perm." in told
        assert len(emulator.jobs()) == jobs, "the emulator was left alone"
        second = record()
        kept = ("emulator", "api-server", "triggerer")
        assert [second.processes[name] for name in kept] == [first.processes[name] for name in kept]
        assert airflow.api("GET", "/api/v2/connections/aimylogic_moscow")["port"] == 1
        assert airflow.unwell() == []

        os.kill(second.processes["emulator"], signal.SIGKILL)
        installation.up()
        told = capsys.readouterr().out
        assert "The emulator had died: it is started again.\nThe emulator keeps its call jobs in memory alone" in told
        assert len(emulator.jobs()) == 2800
        assert min(int(job.id) for job in emulator.jobs()) > 0
    finally:
        installation.down()
    assert installation._left.leaders() == []
    assert not (home / "running.json").exists()
