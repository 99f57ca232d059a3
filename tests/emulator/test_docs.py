"""docs/emulator.md tells what the code does: every setting with its default, every fault, every method."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from aimylogic_provider.emulator import EmulatorClient
from aimylogic_provider.emulator.world.faults import POSSIBLE, Fault
from aimylogic_provider.emulator.world.settings import Settings


@pytest.fixture
def text(repository: Path) -> str:
    return (repository / "docs" / "emulator.md").read_text()


def test_every_setting_is_told_with_its_default(text: str) -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", text.partition("## What is assumed")[2], re.MULTILINE))
    settings = msgspec.to_builtins(Settings())
    assert told.keys() == settings.keys()
    shown = {name: msgspec.json.encode(value).decode().strip('"') for name, value in settings.items() if name != "odds"}
    assert {name: value.strip("`") for name, value in told.items() if name != "odds"} == shown


def test_every_fault_is_told_in_its_phase(text: str) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]* \| ([^|]*) \|$", text.partition("## Faults")[2], re.MULTILINE))
    before = set(re.findall(r"`(\w+)`", rows["before_read"]))
    told = {
        "before_read": before,
        "before_commit": before if rows["before_commit"] == "the same" else set(),
        "after_commit": before | set(re.findall(r"`(\w+)`", rows["after_commit"])),
        "in_body": set(re.findall(r"`(\w+)`", rows["in_body"])),
        "in_part": before if rows["in_part"] == "as before the commit" else set(),
        "committed_late": before if rows["committed_late"] == "as before the commit" else set(),
    }
    assert told == {str(phase): {str(action) for action in actions} for phase, actions in POSSIBLE.items()}


def test_every_field_of_a_fault_is_told(text: str) -> None:
    told = set(re.findall(r"`(\w+)`", text.partition("## Faults")[2].partition("## The life")[0]))
    assert set(Fault.__struct_fields__) - {"phase", "action", "id", "seen"} <= told


def test_every_method_that_it_names_is_there_and_the_reverse(text: str) -> None:
    table = text.partition("| methods |")[2].partition("\n\n")[0]
    told = set(re.findall(r"`(\w+)(?:\(.*?\))?`", "".join(row.split("|")[1] for row in table.splitlines()[2:])))
    assert told == {name for name in dir(EmulatorClient("")) if not name.startswith("_")}
