"""``make prove-mutants``: is each planted bug found? By which invariant, and after how many schedules?

A proof that finds nothing says little of code that has nothing to be found. So the shipped code is copied, a bug is
planted in the copy, and the same schedules are run against it, in a process of its own, until the promise is broken.
Where the schedules don't reach, tests that the bug names are run against the copy. The working tree is not touched.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from tests.proof.planted import PLANTED, Planted
from tests.proof.planted_and_tested import PLANTED_AND_TESTED

__all__ = ["ALL_PLANTED", "Hunt", "PlantingError", "hunt", "planted_text"]

ALL_PLANTED = (*PLANTED, *PLANTED_AND_TESTED)
"""By whatever they are looked for."""

_HERE = Path(__file__).resolve().parents[2]
_PACKAGE = "aimylogic_provider"
_MOST_SCHEDULES = 20_000
_MOST_SECONDS = 600.0
_AT_ONCE = 2
_NOT_ENOUGH = ("crash", "same trace")
"""Invariants that say only that something is wrong, and not what it does to people."""


class PlantingError(Exception):
    """A planted bug doesn't fit the code any more."""


@dataclass(frozen=True, slots=True)
class Hunt:
    """How the hunt for a planted bug ended.

    :param invariant: by which it was found, or "a test"; empty if it was not
    :param schedules: that were run, or tests
    :param crashes: schedules in which the code broke down instead
    :param text: what was violated, or what went wrong
    """

    invariant: str
    schedules: int
    crashes: int
    seconds: float
    text: str


def planted_text(bug: Planted) -> tuple[Path, str]:
    """The file in which a bug is planted, beneath the package, and the file's text with the bug in it.

    :raises PlantingError: if what it replaces isn't there exactly once
    """
    place = _HERE / _PACKAGE / bug.file
    texts = {file: file.read_text() for file in (sorted(place.rglob("*.py")) if place.is_dir() else [place])}
    counts = {file: text.count(bug.old) for file, text in texts.items() if bug.old in text}
    if sum(counts.values()) != 1:
        raise PlantingError(
            f"{bug.name!r} can't be planted: in {_PACKAGE}/{bug.file} its text stands {sum(counts.values())} times, "
            f"not once. If the code was rewritten, have the bug replace what does the same now:\n{bug.old}"
        )
    (file,) = counts
    return file.relative_to(_HERE / _PACKAGE), texts[file].replace(bug.old, bug.new)


@contextlib.contextmanager
def _copy_with(bug: Planted) -> Iterator[Path]:
    """A folder with a copy of the package, with the bug in it."""
    file, text = planted_text(bug)
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        copy = Path(folder, _PACKAGE)
        shutil.copytree(_HERE / _PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / file).write_text(text)
        yield Path(folder)


def hunt(bug: Planted, *, most: int = _MOST_SCHEDULES, seconds: float = _MOST_SECONDS) -> Hunt:
    """Hunt for a bug in a process of its own.

    :param most: how many schedules
    """
    began = time.monotonic()
    with _copy_with(bug) as folder:
        environment = {
            "AIRFLOW_HOME": str(folder / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", **os.environ,
            "PYTHONPATH": os.pathsep.join([str(folder), str(_HERE)]), "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        try:
            done = subprocess.run(
                [sys.executable, "-m", "tests.proof.mutants", "--within", bug.name, str(most)],
                cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Hunt("", 0, 0, time.monotonic() - began, f"not found within {seconds:g} seconds")
    if done.returncode != 0:
        return Hunt("", 0, 0, time.monotonic() - began, f"the process failed: {done.stderr.strip()[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return Hunt(**{**found, "seconds": time.monotonic() - began})


def _within(bug: Planted, most: int) -> Hunt:
    """Hunt for the bug that is in the package of this process."""
    if bug.tests:
        return _by_tests(bug)
    from tests.proof.promise import Violation
    from tests.proof.schedules import draw
    from tests.proof.seams import beneath
    from tests.proof.swarm import play

    _check_is_copy(bug)
    began = time.monotonic()
    crashes, said = 0, "nothing was violated"
    with beneath() as now:
        for seed in range(most):
            try:
                play(bug.level, draw(seed, kinds=bug.kinds), now)
            except Violation as found:
                said = f"seed {seed}: {found}"
                if found.invariant not in _NOT_ENOUGH:
                    return Hunt(found.invariant, seed + 1, crashes, time.monotonic() - began, said)
                crashes += 1
            except Exception as error:  # noqa: BLE001 - the bug can break anything
                crashes += 1
                said = f"seed {seed}: {type(error).__name__}: {error}"
    return Hunt("", most, crashes, time.monotonic() - began, said)


def _by_tests(bug: Planted) -> Hunt:
    """Run the tests that a bug names against the package of this process, which has the bug."""
    import pytest

    _check_is_copy(bug)
    began = time.monotonic()
    ids = [str(_HERE / "tests" / one) for one in bug.tests]
    with contextlib.redirect_stdout(io.StringIO()) as told:
        end = pytest.main(["-q", "-p", "no:cacheprovider", "-c", str(_HERE / "pyproject.toml"), *ids])
    text = told.getvalue().strip()[-2000:]
    if end not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or " error" in text.splitlines()[-1]:
        raise PlantingError(f"{bug.name!r}: its tests can't be run: {text}")
    found = "a test" if end == pytest.ExitCode.TESTS_FAILED else ""
    return Hunt(found, len(ids), 0, time.monotonic() - began, text)


def _check_is_copy(bug: Planted) -> None:
    """Make sure that the package of this process has the bug."""
    import aimylogic_provider

    place = Path(aimylogic_provider.__file__).parent
    file, text = planted_text(bug)
    assert (place / file).read_text() == text, f"{place} is not the copy with the bug"


def _told(bug: Planted, result: Hunt) -> str:
    found = result.invariant or ("NOT FOUND, only crashes" if result.crashes else "NOT FOUND")
    crashes = f"   ({result.crashes:,} crashes before)" if result.crashes else ""
    return f"{bug.name:<46} {found:<24} {result.schedules:>7,} {result.seconds:>6.1f} s{crashes}"


def main(names: Iterable[str] = ()) -> int:
    """Hunt for all planted bugs, or for those of some names; tell how it went."""
    wanted = [*names]
    bugs = [bug for bug in ALL_PLANTED if not wanted or bug.name in wanted]
    for bug in bugs:
        planted_text(bug)  # or raises, before anything is run
    began = time.monotonic()
    missed: list[str] = []
    print(f"{'planted bug':<46} {'found by':<24} {'after':>7}   time", flush=True)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for bug, result in zip(bugs, pool.map(partial(hunt), bugs), strict=True):
            print(_told(bug, result), flush=True)
            if os.environ.get("TOLD") or not result.invariant:
                print(f"    {bug.plants} {result.text}", flush=True)
            if not result.invariant:
                missed.append(bug.name)
    print(f"{len(bugs) - len(missed)} of {len(bugs)} planted bugs were found, in {time.monotonic() - began:.0f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--within"]:
        (chosen,) = [bug for bug in ALL_PLANTED if bug.name == sys.argv[2]]
        print(json.dumps(asdict(_within(chosen, int(sys.argv[3])))))
    else:
        sys.exit(main(sys.argv[1:]))
