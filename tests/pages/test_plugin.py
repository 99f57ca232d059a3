"""What Airflow loads of the plugin, by version, and that it costs nothing where no page is asked for."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from typing import Any

import pytest

from aimylogic_provider.plugins.aimylogic import AimylogicPlugin, PagesOnFirstRequest, external_views

KNOWN = {"nav", "dag", "dag_run", "task", "task_instance"}
"""The destinations that Airflow 3.1 knows, as do all later ones."""


def test_airflow_finds_it_by_its_entry_point() -> None:
    (found,) = (one for one in entry_points(group="airflow.plugins") if one.name == "aimylogic")
    assert found.load() is AimylogicPlugin


@pytest.mark.parametrize("version", [(3, 1), (3, 2), (3, 3), (3, 4), (4, 0)])
def test_no_version_is_told_a_place_that_it_does_not_know(version: tuple[int, int]) -> None:
    views = external_views(version, "http://localhost:8080")
    assert {view["destination"] for view in views} <= KNOWN
    assert [view["href"].startswith("/aimylogic/") for view in views] == [True] * 3
    assert len({view["url_route"] for view in views}) == 3
    assert [view["destination"] for view in views if "applies_to" in view] == ["task_instance"] * (version >= (3, 4))


def test_airflow_shows_it_and_its_views_as_it_reads_them() -> None:
    from airflow.api_fastapi.core_api.datamodels.plugins import PluginResponse
    from airflow.plugins_manager import get_plugin_info

    (found,) = (one for one in get_plugin_info() if one["name"] == "aimylogic")
    shown = PluginResponse.model_validate(found)
    assert [view.href for view in shown.external_views] == [view["href"] for view in AimylogicPlugin.external_views]
    assert [app.url_prefix for app in shown.fastapi_apps] == ["/aimylogic"]


def test_an_airflow_beneath_a_path_has_its_pages_there() -> None:
    views = external_views((3, 3), "https://example.com/team/airflow/")
    assert views[0]["href"] == "/team/airflow/aimylogic/"


def test_the_address_of_a_run_is_a_path_for_a_plus_in_a_query_is_a_space() -> None:
    assert all("?" not in view["href"] for view in AimylogicPlugin.external_views)


def test_loading_it_loads_no_page() -> None:
    code = (
        "import sys, aimylogic_provider.plugins.aimylogic; "
        "print([name for name in sys.modules if name.startswith('aimylogic_provider.pages')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_each_operator_that_has_a_list_is_known_by_its_name() -> None:
    from aimylogic_provider import decorators, operators, transfers
    from aimylogic_provider.call_list_task.call_list_base import CallListBase
    from aimylogic_provider.decorators.calls_of_function import CallsDecoratedOperator
    from aimylogic_provider.pages.call_lists.list_tasks import OPERATORS
    from aimylogic_provider.plugins import aimylogic

    public = [getattr(package, name) for package in (operators, transfers, decorators) for name in package.__all__]
    having = {one.__name__ for one in public if isinstance(one, type) and issubclass(one, CallListBase)}
    assert having | {CallsDecoratedOperator.__name__} == OPERATORS
    assert set(aimylogic._LIST_OPERATORS) == {*OPERATORS, operators.ApproveCallListOperator.__name__}


async def _answered(app: PagesOnFirstRequest) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "method": "GET", "path": "/"}, None, send)
    return sent


def test_an_airflow_on_which_the_pages_break_tells_so_and_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    monkeypatch.setitem(sys.modules, "aimylogic_provider.pages.app", None)
    start, body = asyncio.run(_answered(PagesOnFirstRequest()))
    assert start["status"] == 503
    assert b"the log of the API server tells why" in body["body"]
