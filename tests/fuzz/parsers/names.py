"""The names of the harnesses, known without importing what they check, which atheris is to see imported."""

from __future__ import annotations

__all__ = ["NAMES"]

NAMES = ("answers", "phones", "payloads", "connections", "call_lists", "records", "rows")
