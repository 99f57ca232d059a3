"""What Airflow sees of the package: its description, its commands, its example DAGs; and what importing it loads."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from aimylogic_provider import __version__, decorators, hooks, notifications, operators, sensors, transfers, triggers
from aimylogic_provider.airflow_task.argument_checks import DEFAULT_CONN_ID
from aimylogic_provider.get_provider_info import get_provider_info

COMMAND = str(Path(sys.executable).parent / "airflow")


def airflow(*arguments: str) -> str:
    return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=True, timeout=120).stdout


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


def test_the_modules_of_the_description_are_all_there_are() -> None:
    info = get_provider_info()
    told = {module for group in info["operators"] for module in group["python-modules"]}
    told |= {one["python-module"] for one in info["transfers"]}
    told |= {
        module for kind in ("hooks", "sensors", "triggers") for one in info[kind] for module in one["python-modules"]
    }
    told |= {one["class-name"].rpartition(".")[0] for one in info["task-decorators"]}
    found = {
        import_module(f"aimylogic_provider.{package}.{name}").__name__
        for package, names in (
            ("operators", set(operators._MODULES.values())),
            ("transfers", set(transfers._MODULES.values())),
            ("hooks", set(hooks._MODULES.values())),
            ("sensors", set(sensors._MODULES.values())),
            ("triggers", set(triggers._MODULES.values())),
            ("decorators", set(decorators._MODULES.values())),
        )
        for name in names
    }
    assert told == found
    assert info["notifications"] == [
        f"aimylogic_provider.notifications.aimylogic.{name}" for name in notifications.__all__
    ]


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


def test_airflow_finds_the_decorators_and_imports_them_when_they_are_used() -> None:
    code = (
        "import sys; from airflow.sdk import task; task.python\n"
        "print(*sorted(name for name in sys.modules if name.startswith('aimylogic_provider')))\n"
        "from aimylogic_provider.decorators import aimylogic_calls\n"
        "assert task.aimylogic_calls is aimylogic_calls"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["aimylogic_provider", "aimylogic_provider.get_provider_info"]


def test_the_connections_form_has_its_fields() -> None:
    """As the pages are told it: Airflow 3.1 reads it from the hook, later ones from the description."""
    code = (
        "from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService\n"
        "(ours,) = [hook for hook in HookMetaService.hook_meta_data() if hook.connection_type == 'aimylogic']\n"
        "print(ours.model_dump_json())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    form = json.loads(done.stdout.splitlines()[-1])
    assert form["standard_fields"]["login"]["hidden"]
    assert form["standard_fields"]["password"]["title"] == "Campaign token"
    assert form["standard_fields"]["host"]["placeholder"] == "https://app.aimylogic.com"
    shown = {
        name: (field["schema"]["title"], field["schema"]["type"], field["value"])
        for name, field in form["extra_fields"].items()
    }
    number = "integer" if Version(version("apache-airflow-core")) < Version("3.2") else "number"
    assert shown == {
        "connect_timeout": ("Connect timeout", [number, "null"], None),
        "read_timeout": ("Read timeout", [number, "null"], None),
        "verify": ("Certificates", ["string", "null"], None),
        "allow_plain_http": ("Allow plain http", ["boolean", "null"], None),
    }
    assert all(field["description"].endswith(".") for field in form["extra_fields"].values())


def test_the_examples_import_without_errors_or_warnings(repository: Path) -> None:
    files = sorted(map(str, (repository / "dags").glob("*.py")))
    code = "import runpy, sys\nfor file in sys.argv[1:]:\n    print(file, file=sys.stderr)\n    runpy.run_path(file)"
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-c", code, *files],
        capture_output=True, text=True, check=False, timeout=300, cwd=repository,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(file in done.stderr for file in files)
    # Airflow 3.1 warns of the names that its own providers import.
    assert not [line for line in done.stderr.splitlines() if "Warning" in line and "airflow.operators." not in line]


IMPORTS = (
    "from aimylogic_provider.operators import AddPhoneOperator; AddPhoneOperator(task_id='a', phone='1')",
    "from aimylogic_provider.operators import AddPhonesOperator; AddPhonesOperator(task_id='a', calls=['1'])",
    "from aimylogic_provider.operators import PrepareCallsOperator as P; P(task_id='a', pasted='1')",
    "from aimylogic_provider.operators import SendCallListOperator as S; S(task_id='a', call_list='')",
    "from aimylogic_provider.operators import SumReportsOperator; SumReportsOperator(task_id='a', reports=[])",
    "from aimylogic_provider.operators import UpdateResultsOperator as U; "
    "U(task_id='a', results_table='b', results_conn_id='c')",
    "from aimylogic_provider.operators import CancelCallsOperator as C; C(task_id='a', phones=['79123456789'])",
    "from aimylogic_provider.operators import WithdrawCallsOperator as W; "
    "W(task_id='a', sql='', sql_conn_id='b', key_columns=['c'], results_table='d')",
    "from aimylogic_provider.operators import GetCampaignOperator as G; G(task_id='a')",
    "from aimylogic_provider.operators import PauseCampaignOperator as P; P(task_id='a')",
    "from aimylogic_provider.operators import ResumeCampaignOperator as R; R(task_id='a')",
    "from aimylogic_provider.operators import StopCampaignOperator as S; S(task_id='a')",
    "from aimylogic_provider.decorators import aimylogic_calls as d; d(task_id='a')(lambda: [])()",
    "from aimylogic_provider.transfers import SqlToAimylogicOperator as S; S(task_id='a', sql='', sql_conn_id='b')",
    "from aimylogic_provider.transfers import AimylogicToSqlOperator as A; A(task_id='a', sql_conn_id='b')",
    "from aimylogic_provider.operators import AddPhoneOperator as A; "
    "A(task_id='a', phone='1', wait_for_completion=True, fail_on=['noAnswer'])",
    "from aimylogic_provider.sensors import CallJobSensor; CallJobSensor(task_id='a', ids=['1'])",
    "from aimylogic_provider.sensors import CampaignStatusSensor as C; C(task_id='a', status='paused')",
    "from aimylogic_provider.assets import campaign; campaign('a')",
    "import aimylogic_provider.assets.aimylogic",
    "from aimylogic_provider.notifications import AimylogicNotifier as N; N(phone='{{ var.value.on_call }}')",
    "from aimylogic_provider.hooks import AimylogicHook",
    "from aimylogic_provider.hooks import AimylogicAsyncHook",
    "import aimylogic_provider.get_provider_info",
)
_LOADED = """
import json, os, sys, airflow.sdk
from airflow.providers.common.compat.sdk import BaseOperator, BaseHook, AirflowException, AirflowFailException
BaseOperator(task_id='plain')
before = set(sys.modules)
for statement in json.load(sys.stdin):
    if os.fork():
        assert os.wait()[1] == 0, statement
        continue
    try:
        exec(statement, {})
        print(*sorted(set(sys.modules) - before), flush=True)
        os._exit(0)
    finally:
        os._exit(1)
"""


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """By statement, the modules that it loads, each in a process that has loaded Airflow's own."""
    done = subprocess.run(
        [sys.executable, "-c", _LOADED],
        input=json.dumps(IMPORTS),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return dict(zip(IMPORTS, map(set, map(str.split, done.stdout.splitlines()[-len(IMPORTS) :])), strict=True))


@pytest.mark.parametrize("statement", IMPORTS)
def test_importing_is_cheap(statement: str, loaded: dict[str, set[str]]) -> None:
    """No clock is asked: what costs time is what must not be loaded."""
    modules = loaded[statement]
    heavy = {"requests", "urllib3", "aiohttp", "phonenumbers", "tenacity", "pandas", "pydantic", "email", "asyncio"}
    assert not heavy & modules
    ours = {name for name in modules if name.startswith("aimylogic_provider.")}
    assert len(ours) <= 38, ours
    airflows = {"sensor", "decorator", "notifier"}
    theirs = {"aimylogic_provider", "numbers", "airflow.sdk.definitions.retry_policy"}
    assert modules - ours <= {*theirs, *(f"airflow.sdk.bases.{name}" for name in airflows)}, modules - ours


def test_a_campaign_that_is_not_named_is_that_of_the_hooks_default_connection() -> None:
    assert hooks.AimylogicHook.default_conn_name == hooks.AimylogicAsyncHook.default_conn_name == DEFAULT_CONN_ID
