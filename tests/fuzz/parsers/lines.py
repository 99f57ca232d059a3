"""Which lines of the parsers' modules the inputs of a run reach: each is checked once more, without atheris."""

from __future__ import annotations

import dis
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

__all__ = ["lines_reached"]


def lines_reached(name: str, folder: Path) -> Mapping[str, tuple[int, int]]:
    """Return, by module of the harness *name*, how many lines of functions its inputs reach, and how many there are.

    :param folder: of further inputs, besides those that are kept
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.parsers.lines", name, str(folder)],
        capture_output=True, text=True, check=True, timeout=600,
    )  # fmt: skip
    found = (line.split() for line in done.stdout.splitlines() if line.startswith("lines "))
    return {module: (int(reached), int(all_lines)) for _, module, reached, all_lines, *_ in found}


def _tell(name: str, folder: Path) -> None:
    from tests.fuzz.parsers.parsers import HARNESSES

    harness = HARNESSES[name]
    package = Path(str(sys.modules["aimylogic_provider"].__file__)).parent
    files = {str(package / module): module for module in harness.modules}
    reached: dict[str, set[int]] = {file: set() for file in files}

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        lines = reached.get(frame.f_code.co_filename)
        if lines is None:
            return None
        lines.add(frame.f_lineno)
        return trace

    sys.settrace(trace)
    for file in (*harness.seeds, *sorted(folder.iterdir())):
        with suppress(Exception):  # what broke it was told of
            harness.run(file.read_bytes())
    sys.settrace(None)
    for file, module in files.items():
        lines = _lines_of_functions(Path(file))
        missed = " ".join(map(str, sorted(lines - reached[file])))
        print("lines", module, len(lines & reached[file]), len(lines), missed)


def _lines_of_functions(file: Path) -> set[int]:
    module = compile(file.read_text(), str(file), "exec")
    return {line for code in _functions(module) for _, line in dis.findlinestarts(code) if line} - {
        code.co_firstlineno for code in _functions(module)
    }


def _functions(code: CodeType) -> Iterator[CodeType]:
    """All code within functions; a class's own lines run at import, as a module's do."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if inner.co_flags & 0x1:  # it has variables of its own
                yield inner
            yield from _functions(inner)


if __name__ == "__main__":
    _tell(sys.argv[1], Path(sys.argv[2]))
