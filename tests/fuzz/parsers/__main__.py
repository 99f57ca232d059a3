"""``make fuzz-parsers``: each parser's harness beneath atheris, which looks for inputs that reach new code.

``FUZZ_SECONDS`` is how long each of them runs, ``FUZZ_AT_ONCE`` how many do so side by side. What was reached stays in
``.fuzz/NAME``, so that the next run goes on from there; an input that breaks a property is written beside it, and its
place is in ``tests/fuzz/parsers/corpus``. With a name, that harness alone runs, in this process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from tests.fuzz.parsers.lines import lines_reached
from tests.fuzz.parsers.names import NAMES
from tests.fuzz.parsers.summary import summary

WORK = Path(".fuzz")
SECONDS = int(os.environ.get("FUZZ_SECONDS", "600"))
AT_ONCE = int(os.environ.get("FUZZ_AT_ONCE", "1"))
LONGEST = 8192
"""Bytes of an input."""


def main() -> int:
    """Fuzz all parsers, and tell of each what was done; 1 if one of them broke a property."""
    try:
        import atheris  # noqa: F401
    except ImportError:
        print(
            "atheris is absent: it has wheels for Linux and Python 3.11 to 3.13. Install it by\n"
            f"  {sys.executable} -m pip install atheris\n"
            "or make the virtual environment anew of such a Python: make PYTHON=python3.12 clean fuzz-parsers.\n"
            "The short form of these tests, which make test runs, does without it."
        )
        return 1
    with ThreadPoolExecutor(AT_ONCE) as pool:
        failed = [name for name, broken in zip(NAMES, pool.map(_run, NAMES), strict=True) if broken]
    if failed:
        print(f"Broken by an input, which lies in {WORK}: {', '.join(failed)}")
    return 1 if failed else 0


def _run(name: str) -> bool:
    """Fuzz one parser in a process of its own; whether it was broken."""
    folder = WORK / name
    folder.mkdir(parents=True, exist_ok=True)
    log = WORK / f"{name}.log"
    with log.open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.parsers", name], stdout=file, stderr=subprocess.STDOUT, check=False
        )
    print(f"{name}: {summary(log.read_text(errors='replace'))}", flush=True)
    for module, (reached, all_lines) in lines_reached(name, folder).items():
        print(f"  {module}: {reached} of {all_lines} lines", flush=True)
    return done.returncode != 0


def fuzz(name: str) -> None:
    """Fuzz one parser in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["aimylogic_provider"]):
        from tests.fuzz.parsers.harness import CORPUS
        from tests.fuzz.parsers.mutation import mutated
        from tests.fuzz.parsers.parsers import HARNESSES

    harness = HARNESSES[name]

    def mutate(content: bytes, longest: int, seed: int) -> bytes:
        def bytes_alone(part: bytes, _: Random) -> bytes:
            return bytes(atheris.Mutate(part, max(1, min(longest, len(part) + 64))))

        return mutated(content, harness.head, Random(seed), bytes_alone)[:longest]

    options = [
        f"-max_total_time={SECONDS}", f"-max_len={LONGEST}", "-timeout=30", "-rss_limit_mb=3000",
        "-print_final_stats=1", f"-artifact_prefix={WORK}/{name}-",
    ]  # fmt: skip
    atheris.Setup([name, *options, str(WORK / name), str(CORPUS / name)], harness.run, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        fuzz(sys.argv[1])
    else:
        sys.exit(main())
