"""Apache Airflow provider for Aimylogic call campaigns.

Of code here stands only what all packages need that show names: a module of its own would cost every import.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["lazy_names"]

__version__ = "0.1.0"


def lazy_names(package: str, modules: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return a package's ``__getattr__`` and ``__dir__``: its names are loaded when they are used (PEP 562).

    :param package: its name
    :param modules: from each public name to the module beneath the package that has it
    """

    def load(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{modules[name]}"), name)

    return load, lambda: sorted(modules)
