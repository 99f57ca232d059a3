"""``make bench-reports``, small: what it measures comes home whole, through kills."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.long
def test_the_bench_of_reports_runs(repository: Path) -> None:
    of_run = ["--attempts", "3000", "--databases", "sqlite", "--kills", "1"]
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.reports_home", *of_run],
        cwd=repository, capture_output=True, text=True, timeout=300, check=True,
    ).stdout  # fmt: skip
    assert re.search(r"[0-9] tries fail, the worker is killed 1 times", told)
    assert "3,000 rows, 3,000 attempts" in told
    assert re.search(r"ours, the jobs of a tenth . [0-9,]+ rows/s", told)
