"""Dependencies: what is declared is told in docs/dependencies.md and used, and what is used is declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

BROUGHT = {"pytest", "wtforms"}
"""Imported where another brings them: pytest loads the plugin, and Airflow 3.1 has stand-ins for wtforms."""

OF_API_SERVER = {"fastapi", "starlette", "jinja2", "markupsafe", "itsdangerous", "pydantic", "markdown_it"}
"""What Airflow's API server is made of, in which alone the pages are imported: only they may use it."""

OPTIONAL = ("airflow.providers.openlineage", "lineage/openlineage_datasets.py")
"""A provider that is used where it is installed, and which module alone imports it."""

# Airflow's packages share one namespace: what tells them apart is the module.
AIRFLOW = {
    "apache-airflow": "airflow.sdk",
    "apache-airflow-providers-common-compat": "airflow.providers.common.compat",
    "apache-airflow-providers-common-sql": "airflow.providers.common.sql",
    "apache-airflow-providers-standard": "airflow.providers.standard",
}


def project(repository: Path) -> dict[str, Any]:
    content: dict[str, Any] = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    return content


def names(requirements: list[str]) -> list[str]:
    return sorted(canonicalize_name(Requirement(one).name) for one in requirements)


def text(repository: Path) -> str:
    return (repository / "docs" / "dependencies.md").read_text()


def told(repository: Path, heading: str) -> list[str]:
    """The dependencies of the table beneath a heading; each row has as many cells as the head, and none is empty."""
    head, _, *rows = re.findall(
        r"^\|.*\|$", text(repository).partition(f"## {heading}\n")[2].partition("\n## ")[0], re.MULTILINE
    )
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert all(len(row) == head.count("|") - 1 and all(row) for row in cells)
    return sorted(canonicalize_name(row[0].strip("`")) for row in cells)


@cache
def imports(file: Path) -> tuple[str, ...]:
    """The modules that a file imports, wherever in it."""
    found: list[str] = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found += (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append(node.module)
    return tuple(found)


def imported(repository: Path) -> Iterator[str]:
    """The modules that the package imports."""
    for file in (repository / "aimylogic_provider").rglob("*.py"):
        yield from imports(file)


@pytest.mark.parametrize("heading", ["What the package needs", "What its development needs"])
def test_each_dependency_is_told_and_no_other(repository: Path, heading: str) -> None:
    content = project(repository)
    declared = content["dependencies"] if "package" in heading else content["optional-dependencies"]["dev"]
    assert told(repository, heading) == names(declared)


def test_each_dependency_is_imported(repository: Path) -> None:
    modules = {*imported(repository)}
    ours = packages_distributions()
    used = {canonicalize_name(one) for module in modules for one in ours.get(module.partition(".")[0], ())}
    for name in names(project(repository)["dependencies"]):
        module = AIRFLOW.get(name)
        found = (
            name in used if module is None else any(one == module or one.startswith(f"{module}.") for one in modules)
        )
        assert found, f"{name} is declared and not imported"


def test_it_is_told_where_each_is_imported(repository: Path) -> None:
    """By files and folders: each of them imports it, and nothing else does."""
    package = repository / "aimylogic_provider"
    ours = packages_distributions()
    table = text(repository).partition("## What its development needs")[0]
    where = dict(re.findall(r"^\| `([\w-]+)` \| .*?, in (`[^|]*`) \|", table, re.MULTILINE))
    assert sorted(where) == names(project(repository)["dependencies"])
    for name, places in where.items():
        importing = {
            file.relative_to(package).as_posix()
            for file in package.rglob("*.py")
            for module in imports(file)
            if (
                module == AIRFLOW[name] or module.startswith(f"{AIRFLOW[name]}.")
                if name in AIRFLOW
                else canonicalize_name(name) in map(canonicalize_name, ours.get(module.partition(".")[0], ()))
            )
        }
        shown = re.findall(r"`([\w/.]+)`", places)
        assert not [file for file in importing if not file.startswith(tuple(shown))], name
        assert not [place for place in shown if not any(file.startswith(place) for file in importing)], name


def test_nothing_is_imported_that_is_not_declared(repository: Path) -> None:
    declared = {*names(project(repository)["dependencies"])}
    ours = packages_distributions()
    for module in sorted({*imported(repository)}):
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names or top in BROUGHT or top in ("aimylogic_provider", "airflow"):
            continue
        if top in OF_API_SERVER:
            continue
        assert declared & {canonicalize_name(one) for one in ours.get(top, ())}, (
            f"{module} is imported and not declared"
        )


def test_only_pages_are_made_of_what_the_api_server_is_made_of(repository: Path) -> None:
    package = repository / "aimylogic_provider"
    using = {
        file.relative_to(package).parts[0]
        for file in package.rglob("*.py")
        for module in imports(file)
        if module.partition(".")[0] in OF_API_SERVER
    }
    assert using == {"pages"}


def test_each_airflow_provider_that_is_imported_is_declared(repository: Path) -> None:
    optional = repository / "aimylogic_provider" / OPTIONAL[1]
    declared = {AIRFLOW[name] for name in names(project(repository)["dependencies"]) if name in AIRFLOW}
    assert any(module.startswith(OPTIONAL[0]) for module in imports(optional))
    elsewhere = (file for file in (repository / "aimylogic_provider").rglob("*.py") if file != optional)
    for module in sorted({module for file in elsewhere for module in imports(file)}):
        if module.startswith("airflow.providers."):
            assert any(module.startswith(f"{one}.") or module == one for one in declared), f"{module} is not declared"


def test_the_lock_file_names_each(repository: Path) -> None:
    content = project(repository)
    lines = (repository / "requirements.lock").read_text().splitlines()
    locked = {canonicalize_name(Requirement(line).name) for line in lines if line}
    declared = {*names(content["dependencies"]), *names(content["optional-dependencies"]["dev"])}
    assert declared <= locked
    number = re.search(r"([0-9]+) distributions", text(repository))
    assert number is not None
    assert int(number[1]) == len(locked)
