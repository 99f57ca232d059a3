"""All harnesses of the parsers, by name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from tests.fuzz.parsers.harness import Harness
from tests.fuzz.parsers.names import NAMES

__all__ = ["HARNESSES"]

HARNESSES: Mapping[str, Harness] = {name: import_module(f"tests.fuzz.parsers.{name}").HARNESS for name in NAMES}
