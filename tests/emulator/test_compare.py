"""``make compare`` without its Airflow: it counts what the emulator holds, and its DAGs are as its tables name them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from aimylogic_provider.emulator import Emulator
from benchmarks.compare import fault_table, total_table
from benchmarks.peers.counting import Tally, Task, tally
from benchmarks.peers.faults import RULES, Fault, jobs_of
from benchmarks.peers.speed import TIMED, Speed
from benchmarks.peers.ways import FEW, WAYS, Person, people

EVERYBODY = people(FEW)


def add(emulator: Emulator, person: Person, key: str = "") -> str:
    answer = requests.post(
        f"{emulator.url}/api/crmCalls/campaign/{emulator.token}/addPhone",
        data={"phone": person.phone, "name": person.name},
        headers={"Idempotence-Key": key} if key else {},
        timeout=10,
    )
    answer.raise_for_status()
    return str(answer.json())


def mapped(states: list[str], log: str = "") -> list[Task]:
    return [Task((person,), state, log) for person, state in zip(EVERYBODY, states, strict=True)]


def counted(emulator: Emulator, tasks: list[Task]) -> Tally:
    return tally(tasks, jobs_of(emulator), emulator.count())


def test_each_once(emulator: Emulator) -> None:
    for person in EVERYBODY:
        add(emulator, person)
    found = counted(emulator, mapped(["success"] * FEW))
    assert found == Tally(intended=FEW, requests=FEW)
    assert found.is_once


def test_a_double_is_found(emulator: Emulator) -> None:
    for person in EVERYBODY:
        add(emulator, person, "one")
        add(emulator, person, "another")
    found = counted(emulator, mapped(["success"] * FEW))
    assert found == Tally(intended=FEW, missed_unseen=FEW - 1, twice=1, requests=2 * FEW)
    assert not found.is_once


@pytest.mark.parametrize(("state", "column"), [("success", "missed_unseen"), ("failed", "missed_seen")])
def test_who_is_missed_is_told_by_what_airflow_shows(emulator: Emulator, state: str, column: str) -> None:
    for person in EVERYBODY[1:]:
        add(emulator, person)
    found = counted(emulator, mapped([state, *["success"] * (FEW - 1)]))
    assert found == Tally(**{"intended": FEW, column: 1, "requests": FEW - 1})
    assert not found.is_once


def test_a_list_that_failed_halfway(emulator: Emulator) -> None:
    job = add(emulator, EVERYBODY[0])
    found = counted(emulator, [Task(tuple(EVERYBODY), "failed", "no job is named")])
    assert found == Tally(intended=FEW, missed_seen=FEW - 1, failed=1, requests=1)
    assert counted(emulator, [Task(tuple(EVERYBODY), "failed", f"perhaps job {job}")]).told == 1


def test_a_red_task_whose_call_is_there(emulator: Emulator) -> None:
    jobs = [add(emulator, person) for person in EVERYBODY]
    found = counted(emulator, mapped(["success"] * (FEW - 1) + ["failed"], log=f"job {jobs[-1]}"))
    assert found == Tally(intended=FEW, failed=1, told=1, requests=FEW)
    assert found.is_once


def test_the_same_phone_with_another_payload_is_nobody_who_was_meant(emulator: Emulator) -> None:
    add(emulator, Person(EVERYBODY[0].phone, "Somebody else"))
    with pytest.raises(ValueError, match="whom nobody meant to call"):
        counted(emulator, mapped(["success"] * FEW))


def test_nobody_is_intended_twice() -> None:
    with pytest.raises(ValueError, match="more than once"):
        tally([*mapped(["success"] * FEW), Task((EVERYBODY[0],), "success")], [], 0)


def test_tables_have_all_ways_and_faults() -> None:
    one = Tally(intended=5, twice=1, missed_unseen=2, missed_seen=3, failed=4, told=2, requests=7)
    results = {fault: {way.id: one for way in WAYS} for fault in Fault}
    totals = total_table(results, {"loop": Speed(numbers=10, rate=1234.5, ratio=1.0)}).splitlines()
    assert len(totals) == 2 + len(WAYS)
    assert "| 40 | 8 | 16 | 24 | 32 (16) | 56 | 1,234.5 | 1 |" in next(line for line in totals if "`requests`" in line)
    assert {line.count("|") for line in totals} == {10}
    faults = fault_table(results).splitlines()
    assert {line.count("|") for line in faults} == {len(Fault) + 2}
    assert "1 twice, 2 missed, green, 3 missed, red, 4 red, yet added" in faults[-1]


@pytest.mark.parametrize("fault", RULES)
def test_the_emulator_takes_the_faults(emulator: Emulator, fault: Fault) -> None:
    emulator.fault(path="addPhone", phone=EVERYBODY[0].phone, times=None, **RULES[fault])
    assert len(emulator.faults()) == 1


def test_the_dags_are_those_that_are_compared(repository: Path, tmp_path: Path) -> None:
    code = (
        "import json, sys\n"
        "from airflow.dag_processing.dagbag import DagBag\n"
        "bag = DagBag(sys.argv[1])\n"
        "found = {dag.dag_id: [type(task).__name__ for task in dag.tasks] for dag in bag.dags.values()}\n"
        "print(json.dumps([bag.import_errors, found]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(repository), "CALL_LISTS": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(repository / "benchmarks" / "peers" / "dags")],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    errors, dags = json.loads(done.stdout.splitlines()[-1])
    assert errors == {}
    assert set(dags) == {way.dag_id(rows) for way in WAYS for rows in way.sizes}
    assert set(TIMED) < {way.id for way in WAYS}
    for way in WAYS:
        expected = FEW if way.tasks == "each" else 1
        assert len(dags[way.dag_id(FEW)]) == expected


def test_a_task_adds_those_that_its_way_says() -> None:
    ways = {way.id: way for way in WAYS}
    assert ways["mapped"].members("add_phone", 2, EVERYBODY) == (EVERYBODY[2],)
    assert ways["mapped"].members("add_phone", -1, EVERYBODY) == ()
    assert ways["each"].members("add_phone_3", -1, EVERYBODY) == (EVERYBODY[3],)
    assert ways["sync"].members("add_phones", -1, EVERYBODY) == tuple(EVERYBODY)
