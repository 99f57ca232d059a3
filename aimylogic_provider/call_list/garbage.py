"""Python's search for garbage, which in a process as large as Airflow's takes a tenth of the time of many requests."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["seldom_collected"]


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Search only what is made from here on, and seldom; afterwards as before."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
