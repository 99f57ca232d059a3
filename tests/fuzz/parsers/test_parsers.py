"""Each parser meets the inputs that are kept, and changes of them: the short form of ``make fuzz-parsers``."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.parsers.harness import Harness
from tests.fuzz.parsers.mutation import mutated
from tests.fuzz.parsers.parsers import HARNESSES

EXAMPLES = 300
KEPT = [(harness, file) for harness in HARNESSES.values() for file in harness.seeds]


@pytest.mark.parametrize(("harness", "file"), KEPT, ids=[f"{harness.name}-{file.name}" for harness, file in KEPT])
def test_an_input_that_is_kept_breaks_no_property(harness: Harness, file: Path) -> None:
    harness.check(file.read_bytes())


@pytest.mark.parametrize("harness", HARNESSES.values(), ids=HARNESSES)
@settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
@given(which=st.integers(0, 2**16), seed=st.integers(0, 2**32), times=st.integers(1, 4), end=st.binary(max_size=40))
def test_no_change_of_them_does(harness: Harness, which: int, seed: int, times: int, end: bytes) -> None:
    random = Random(seed)
    seeds = harness.seeds
    content = seeds[which % len(seeds)].read_bytes()
    for _ in range(times):
        content = mutated(content, harness.head, random)
    harness.run(content)
    if end:
        harness.run(content + end)
        harness.run(b"\n" * harness.head + end)
