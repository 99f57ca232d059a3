"""The house as it stands: rooms, modules with their first sentences, and who imports whom.

``make map`` writes the map into docs/design.md, whose test compares them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["BEGIN", "END", "PACKAGE", "Import", "first_sentence", "imports", "modules", "room_of", "written_map"]

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "aimylogic_provider"
BEGIN, END = "<!-- map: written by make map -->\n", "<!-- end of the map -->\n"

Import = tuple[Path, Path]
"""A module, and one that it imports: both beneath the package."""


def modules() -> list[Path]:
    """All modules beneath the package, but for those that only say what a room is for."""
    found = (file.relative_to(PACKAGE) for file in PACKAGE.rglob("*.py") if file.name != "__init__.py")
    return sorted(found, key=lambda file: (len(file.parts) > 1, file))


def first_sentence(file: Path) -> str:
    """The first line of a module's docstring, or of a room's."""
    text = ast.get_docstring(ast.parse((PACKAGE / file).read_text())) or ""
    return text.partition("\n")[0]


def room_of(file: Path) -> str:
    """The folder of a module, beneath the package."""
    return file.parent.as_posix()


def imports() -> Iterator[Import]:
    """Which module imports which, wherever in it that stands; not what is for type checkers alone."""
    for file in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(file.read_text())
        of_types = {
            id(node)
            for block in ast.walk(tree)
            if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
            for node in ast.walk(block)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and id(node) not in of_types and node.module:
                for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
                    parts = name.split(".")
                    target = Path(*parts[1:]).with_suffix(".py") if len(parts) > 1 else Path("__init__.py")
                    if parts[0] == PACKAGE.name and (PACKAGE / target).is_file():
                        yield file.relative_to(PACKAGE), target


def written_map() -> str:
    """The map as docs/design.md has it: a table of modules for each room."""
    rooms = sorted({room_of(file) for file in modules()}, key=lambda room: (room != ".", room))
    parts = []
    for room in rooms:
        name = f"aimylogic_provider/{'' if room == '.' else room + '/'}"
        parts += [
            f"### `{name}`\n",
            f"{first_sentence(Path(room, '__init__.py'))}\n",
            "| module | what it holds |",
            "| --- | --- |",
        ]
        parts += [
            f"| `{file.name}` | {first_sentence(file).replace('|', chr(92) + '|')} |"
            for file in modules()
            if room_of(file) == room
        ]
        parts.append("")
    return re.sub(r"``", "`", "\n".join(parts))


if __name__ == "__main__":
    page = ROOT / "docs" / "design.md"
    before, _, rest = page.read_text().partition(BEGIN)
    page.write_text(f"{before}{BEGIN}{written_map()}{END}{rest.partition(END)[2]}")
