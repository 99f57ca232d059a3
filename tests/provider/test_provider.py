"""What Airflow sees of the package: its description, its commands, its example DAGs; and what importing it loads."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from aimylogic_provider import __version__
from aimylogic_provider.get_provider_info import get_provider_info

AIRFLOW = str(Path(sys.executable).parent / "airflow")


def airflow(*arguments: str) -> str:
    return subprocess.run([AIRFLOW, *arguments], capture_output=True, text=True, check=True, timeout=120).stdout


def test_the_description_fits_both_of_airflows_schemas() -> None:
    import jsonschema

    spec = find_spec("airflow")
    assert spec is not None
    folder = Path(str(spec.origin)).parent
    info: dict[str, Any] = get_provider_info()
    jsonschema.validate(info, json.loads((folder / "provider_info.schema.json").read_text()))
    more = {"state": "ready", "source-date-epoch": 0, "versions": [__version__]}
    jsonschema.validate({**info, **more}, json.loads((folder / "provider.yaml.schema.json").read_text()))
    assert version(info["package-name"]) == __version__


def test_airflow_lists_the_provider_and_its_hook() -> None:
    (full,) = json.loads(airflow("providers", "get", "airflow-provider-aimylogic", "--full", "--output", "json"))
    assert full["name"] == "Aimylogic"
    assert "ui-field-behaviour" in str(full["connection-types"])
    (ours,) = [hook for hook in json.loads(airflow("providers", "hooks", "-o", "json")) if "aimylogic" in str(hook)]
    assert ours == {
        "connection_type": "aimylogic",
        "class": "aimylogic_provider.hooks.aimylogic.AimylogicHook",
        "conn_id_attribute_name": "aimylogic_conn_id",
        "package_name": "airflow-provider-aimylogic",
        "hook_name": "Aimylogic",
    }
    widgets = airflow("providers", "widgets", "--output", "plain")
    for field in ("connect_timeout", "read_timeout", "verify", "allow_plain_http"):
        assert f"extra__aimylogic__{field}" in widgets


def test_the_examples_import_without_errors_or_warnings(repository: Path) -> None:
    for file in sorted((repository / "dags").glob("*.py")):
        done = subprocess.run(
            [sys.executable, "-W", "error::DeprecationWarning", str(file)],
            capture_output=True, text=True, check=False, timeout=120, cwd=repository,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr, done.stderr


@pytest.mark.parametrize(
    "statement",
    [
        "from aimylogic_provider.operators import AddPhoneOperator; AddPhoneOperator(task_id='a', phone='1')",
        "from aimylogic_provider.hooks import AimylogicHook",
        "import aimylogic_provider.get_provider_info",
    ],
)
def test_importing_is_cheap(statement: str) -> None:
    """No clock is asked: what costs time is what must not be loaded."""
    code = (
        "import sys, airflow.sdk\n"
        "from airflow.providers.common.compat.sdk import BaseOperator, BaseHook, AirflowException, "
        "AirflowFailException\n"
        "before = set(sys.modules)\n"
        f"{statement}\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.splitlines()[-1].split())
    heavy = {"requests", "urllib3", "aiohttp", "phonenumbers", "tenacity", "pandas", "pydantic", "email", "asyncio"}
    assert not heavy & loaded
    ours = {name for name in loaded if name.startswith("aimylogic_provider")}
    assert len(ours) <= 4, ours
    assert loaded - ours <= {"numbers"}, loaded - ours
