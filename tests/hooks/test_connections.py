"""Where a connection can come from: environment, in both forms, or a secrets backend; and what its changes mean."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicHook
from tests.conftest import TOKEN, TaskInstance, connection_json, needs_record

ODD = "8231.7056.a+b~c&d%2F"


@pytest.mark.parametrize("token", [TOKEN, ODD])
def test_as_json_and_as_a_uri(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    with Emulator(tokens=(token,)) as emulator:
        monkeypatch.setenv("AIRFLOW_CONN_AS_JSON", emulator.connection(token))
        uri = f"aimylogic://:{quote(token, safe='')}@127.0.0.1:{emulator.port}/http"
        monkeypatch.setenv("AIRFLOW_CONN_AS_URI", uri)
        for conn_id in ("as_json", "as_uri"):
            assert AimylogicHook(conn_id).test_connection() == (
                True, "Campaign 'Emulated campaign 1' is running: 0 of 0 numbers done"
            )  # fmt: skip


def test_from_a_secrets_backend(emulator: Emulator, tmp_path: Path) -> None:
    file = tmp_path / "connections.json"
    file.write_text(json.dumps({"winter_sale": json.loads(connection_json(emulator))}))
    code = "from aimylogic_provider.hooks import AimylogicHook; print(AimylogicHook('winter_sale').test_connection())"
    backend = {
        "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"connections_file_path": str(file)}),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **backend},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "(True, \"Campaign 'Emulated campaign 1' is running" in done.stdout, done.stderr
    assert TOKEN not in done.stdout + done.stderr


@needs_record
@pytest.mark.parametrize("how", ["token", "host"])
def test_rotated_or_moved_after_a_job_was_created(
    task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """It is another campaign from then on: the job is named, and nobody is called twice by accident."""
    first = task.attempt()
    change(emulator, monkeypatch, how)
    task.clear()
    with pytest.raises(AirflowFailException, match=rf"(?s){first} was already created.*another campaign"):
        task.attempt()
    assert len(emulator.jobs()) == 1


@needs_record
@pytest.mark.parametrize("how", ["token", "host"])
def test_rotated_or_moved_after_an_unanswered_send(
    task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    emulator.fault("after_commit", "reset", path="addPhone", times=3)
    with pytest.raises(AirflowException, match="not known"):
        task.attempt()
    before = connection_json(emulator)
    change(emulator, monkeypatch, how)
    with pytest.raises(AirflowFailException, match=r"(?s)parked.*another campaign"):
        task.attempt()
    assert len(emulator.jobs()) == 1
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", before)
    assert task.attempt() == emulator.jobs()[0].id, "set back, it is found"


def change(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    content = json.loads(connection_json(emulator))
    content.update({"password": emulator.tokens[1]} if how == "token" else {"host": "http://localhost"})
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", json.dumps(content))
