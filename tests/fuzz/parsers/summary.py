"""What libFuzzer's log says of a run, in one line."""

from __future__ import annotations

import re

__all__ = ["summary"]


def summary(log: str) -> str:
    """Executions, edges reached, and what broke, if something did."""
    executions = re.findall(r"(?:stat::number_of_executed_units:\s*|^#)([0-9]+)\b", log, re.MULTILINE)
    edges = re.findall(r"\bcov: ([0-9]+)", log)
    text = f"{int((executions or ['0'])[-1]):,} executions, {(edges or ['0'])[-1]} edges"
    broken = re.findall(r"=== Uncaught Python exception: ===\n(.+)", log) or re.findall(r"ERROR: libFuzzer: (.+)", log)
    return f"{text}; broken: {broken[-1]}" if broken else text
