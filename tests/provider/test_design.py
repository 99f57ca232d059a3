"""docs/design.md is true: it names every module by its own words, and imports only run downwards."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

from tests.provider.house import BEGIN, END, PACKAGE, first_sentence, imports, modules, room_of, written_map

MAY_USE = {
    "calls_api": set(),
    "sql_database": {"calls_api"},
    "idempotence": {"calls_api"},
    "call_list": {"calls_api", "idempotence", "sql_database"},
    "campaign_report": {"calls_api", "idempotence"},
    "hooks": {"calls_api", "idempotence", "airflow_task/airflow_imports.py"},
    "waiting": {"calls_api", "idempotence", "call_list"},
    "triggers": {"calls_api", "idempotence", "waiting", "hooks"},
    "airflow_task": {"calls_api", "idempotence", "call_list/store", "call_list/report", "call_list/runs"},
    "retries": {"idempotence", "airflow_task"},
    "task_end": {"calls_api", "idempotence", "call_list", "airflow_task", "retries"},
    "waiting_task": {"calls_api", "idempotence", "waiting", "triggers", "hooks", "airflow_task", "task_end", "retries"},
    "call_list_task": {
        "calls_api",
        "idempotence",
        "call_list",
        "hooks",
        "airflow_task",
        "task_end",
        "retries",
        "waiting",
        "waiting_task",
        "campaign_task/job_reports.py",
        "campaign_task/action_errors.py",
        "campaign_task/cancelling_calls.py",
        "campaign_task/job_selection.py",
        "lineage",
    },
    "call_task": {"calls_api", "idempotence", "hooks", "airflow_task"},
    "lineage": {"airflow_task/airflow_imports.py", "airflow_task/assets.py"},
    "assets": {"airflow_task", "lineage"},
    "report_tables": {"calls_api", "sql_database"},
    "campaign_task": {
        "calls_api",
        "idempotence",
        "call_list",
        "hooks",
        "airflow_task",
        "task_end",
        "retries",
        "campaign_report",
        "report_tables",
        "sql_database",
    },
    "operators": {
        "calls_api",
        "idempotence",
        "call_list",
        "hooks",
        "airflow_task",
        "task_end",
        "retries",
        "call_task",
        "call_list_task",
        "campaign_task",
        "waiting",
        "waiting_task",
        "lineage",
    },
    "sensors": {
        "calls_api",
        "idempotence",
        "call_list",
        "hooks",
        "airflow_task",
        "task_end",
        "waiting",
        "waiting_task",
        "triggers",
    },
    "transfers": {
        "calls_api",
        "idempotence",
        "call_list",
        "hooks",
        "airflow_task",
        "task_end",
        "retries",
        "call_list_task",
        "campaign_task",
        "report_tables",
        "lineage",
    },
    "notifications": {"calls_api", "idempotence", "hooks", "airflow_task"},
    "decorators": {"calls_api", "call_list", "airflow_task", "retries", "call_list_task", "operators"},
    "pages": {
        "calls_api",
        "idempotence/keys.py",
        "call_list/store",
        "call_list/report",
        "call_list/runs",
        "call_list/tables/job_columns.py",
        "call_list/freeze/rejected/rejected_csv.py",
        "call_list/freeze/rejected/rejection_reasons.py",
        "hooks",
        "airflow_task",
        "call_list_task/databases.py",
        "campaign_task/status_control.py",
    },
    "plugins": {"airflow_task/airflow_imports.py", "pages/app.py"},
    "emulator": {"calls_api"},
}
"""Which rooms each may use."""
DOWN = {
    "call_list": ["store", "runs", "tables", "report", "freeze", "pasted", "send", "persons", "exclusion"],
    "emulator": ["world", "http"],
}
"""Rooms within rooms, from the lowest to the highest."""


def test_the_map_is_the_house(repository: Path) -> None:
    page = (repository / "docs" / "design.md").read_text()
    shown = page.partition(BEGIN)[2].partition(END)[0]
    assert shown == written_map(), "docs/design.md shows another house than stands: `make map` draws it anew"


def test_each_module_says_in_its_first_line_what_it_holds() -> None:
    files = [*modules(), *(Path(room, "__init__.py") for room in {room_of(one) for one in modules()})]
    assert [file for file in files if not re.fullmatch(r".{15,}[.:]", first_sentence(file))] == [], "a sentence each"


def runs_downwards(one: Path, other: Path) -> bool:
    if len(other.parts) == 1 or len(one.parts) == 1:
        return other.name in ("__init__.py", "get_provider_info.py")
    ours, theirs = one.parts[0], other.parts[0]
    if ours != theirs:
        return any(other.as_posix() == room or other.as_posix().startswith(f"{room}/") for room in MAY_USE[ours])
    if ours in DOWN and len(one.parts) > 2 and len(other.parts) > 2:
        return DOWN[ours].index(one.parts[1]) >= DOWN[ours].index(other.parts[1])
    return True


def test_imports_run_downwards() -> None:
    upwards = [f"{one} imports {other}" for one, other in sorted(set(imports())) if not runs_downwards(one, other)]
    assert upwards == []


def test_no_room_is_a_heap() -> None:
    rooms = Counter(room_of(file) for file in modules())
    assert {room: count for room, count in rooms.items() if count > 17} == {}


def test_no_two_classes_have_one_name() -> None:
    found = Counter(
        name
        for file in modules()
        for name in set(re.findall(r"^class (\w+)", (PACKAGE / file).read_text(), flags=re.MULTILINE))
    )
    assert [name for name, count in found.items() if count > 1] == []


def test_rooms_speak_of_modules_by_todays_names() -> None:
    names = {part.removesuffix(".py") for file in modules() for part in file.parts}
    for room in {room_of(file) for file in modules()}:
        text = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text())) or ""
        assert set(re.findall(r"``(\w+)``", text)) <= names, room


def test_make_test_long_finds_all_that_make_test_leaves_out(repository: Path) -> None:
    folders = re.findall(r"^(?:LONG_SMALL|LARGE)_TESTS := (.*)$", (repository / "Makefile").read_text(), re.MULTILINE)
    where = {
        file.relative_to(repository).as_posix()
        for file in (repository / "tests").rglob("test_*.py")
        if "pytest.mark.long" in file.read_text() and file.name != Path(__file__).name
    }
    assert [one for one in where if not one.startswith(tuple(" ".join(folders).split()))] == []


def test_make_test_runs_all_tests_but_those_that_have_a_target_of_their_own(repository: Path) -> None:
    makefile = (repository / "Makefile").read_text().replace("\\\n", " ")
    lists = re.findall(r"^(?:SMALL|LARGE)_TESTS := (.*)$", makefile, re.MULTILINE)
    there = {file.relative_to(repository).parts[1] for file in (repository / "tests").rglob("test_*.py")}
    assert {f"tests/{name}" for name in there} - {*" ".join(lists).split()} == {"tests/real", "tests/fab"}
