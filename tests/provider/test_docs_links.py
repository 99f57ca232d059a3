"""The README and the pages of docs/ lead where they say: files, headings, modules, make's targets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
BESIDES = {"dags/remind.py", "tests/test_remind.py", "tests/test_more.py", "remind.py", "test_remind.py"}
"""Files that a reader is told to make."""


def headings(text: str) -> Iterator[str]:
    """The anchors that GitHub makes of a page's headings."""
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    for heading in re.findall(r"^#+ (.*)$", prose, re.MULTILINE):
        words = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
        yield words.replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_its_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" not in target:
            file, _, anchor = target.partition("#")
            at = page.parent / file if file else page
            assert at.exists(), target
            assert not anchor or anchor in {*headings(at.read_text())}, target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_files_that_it_names_are_there(page: Path) -> None:
    """By their paths from the top or within the package; those of the changelog are of their time."""
    for name in re.findall(r"`([\w./-]+/[\w./-]*\.(?:py|md|lock)|[\w-]+/(?:[\w-]+/)*)`", page.read_text()):
        if name in BESIDES or page.name == "CHANGELOG.md":
            continue
        places = (ROOT / name, ROOT / "aimylogic_provider" / name)
        in_a_list = page.name in ("call-list.md", "batches.md") and not name.endswith(".py")
        assert in_a_list or any(place.exists() for place in places), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_targets_that_it_names_are_makes(page: Path) -> None:
    targets = re.findall(r"^([\w./-]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    for target in re.findall(r"(?:`|^)make (?:[A-Z]+=\S+ )?([a-z][\w-]*)", page.read_text(), re.MULTILINE):
        assert target in {*targets, *phony[1].split()}, target


def test_contributing_names_every_target_that_make_help_does() -> None:
    shown = re.findall(r'^\t@echo "make ([\w-]+)', (ROOT / "Makefile").read_text(), re.MULTILINE)
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert [target for target in shown if f"`make {target}" not in text] == []
