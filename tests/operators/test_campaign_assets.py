"""The campaign's asset: who declares it, what its event tells, and when there is none; its URI as users write it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from airflow.providers.common.compat.sdk import AirflowException
from airflow.sdk import DAG, Asset, AssetAlias, TaskGroup
from airflow.sdk.execution_time.context import OutletEventAccessors

from aimylogic_provider.airflow_task.assets import asset_of
from aimylogic_provider.assets import campaign
from aimylogic_provider.assets.aimylogic import create_asset, sanitize_uri
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.operators import (
    AddPhoneOperator,
    AddPhonesOperator,
    PrepareCallListOperator,
    SendCallListOperator,
)
from aimylogic_provider.transfers import AimylogicToSqlOperator, SqlToAimylogicOperator
from tests.conftest import TaskInstance

HERE = "aimylogic://campaign/aimylogic_default"
SYNC = {"sql": "select phone from customer", "sql_conn_id": "warehouse"}


def outlets(task: Any) -> list[str]:
    return [one.uri for one in task.outlets]


class TestWhoDeclaresIt:
    @pytest.mark.parametrize(
        "make",
        [
            lambda: AddPhoneOperator(task_id="a", phone="1"),
            lambda: AddPhonesOperator(task_id="a", calls=["1"]),
            lambda: SqlToAimylogicOperator(task_id="a", **SYNC),
            lambda: SendCallListOperator(task_id="a", call_list={}),
        ],
    )
    def test_whatever_adds_calls(self, make: Callable[[], Any]) -> None:
        assert outlets(make()) == [HERE]

    @pytest.mark.parametrize(
        "make",
        [
            lambda: PrepareCallListOperator(task_id="a", **SYNC),
            lambda: AimylogicToSqlOperator(task_id="a", sql_conn_id="warehouse"),
            lambda: AddPhonesOperator(task_id="a", calls=["1"], aimylogic_conn_id="{{ params.conn }}"),
            lambda: AddPhonesOperator(task_id="a", calls=["1"], aimylogic_conn_id=" "),
        ],
    )
    def test_nobody_else_and_nobody_whose_campaign_is_not_known(self, make: Callable[[], Any]) -> None:
        assert outlets(make()) == []

    def test_no_mapped_task_unless_its_dag_says_so(self) -> None:
        with DAG("sale", schedule=None, start_date=datetime(2026, 1, 1)) as dag:
            AddPhonesOperator.partial(task_id="mapped").expand(calls=[["1"], ["2"]])
            AddPhonesOperator.partial(task_id="told", outlets=[campaign("aimylogic_default")]).expand(calls=[["1"]])
            with TaskGroup("group"):
                AddPhonesOperator(task_id="plain", calls=["1"])
        found = {name: outlets(task) for name, task in dag.task_dict.items()}
        assert found == {"mapped": [], "told": [HERE], "group.plain": [HERE]}

    @pytest.mark.parametrize(
        "schedule",
        [
            [campaign("aimylogic_default")],
            campaign("aimylogic_default") | Asset("file:///other"),
            campaign("aimylogic_default") & Asset("file:///other"),
            [Asset.ref(name=HERE)],
            [Asset.ref(uri=HERE)],
        ],
    )
    def test_no_task_whose_dag_it_would_start_again_for_ever(self, schedule: Any) -> None:
        with DAG("sale", schedule=schedule, start_date=datetime(2026, 1, 1)):
            same = AddPhonesOperator(task_id="same", calls=["1"])
            one = AddPhoneOperator(task_id="one", phone="1")
            other = AddPhonesOperator(task_id="other", calls=["1"], aimylogic_conn_id="aimylogic_other")
        assert (outlets(same), outlets(one)) == ([], [])
        assert outlets(other) == ["aimylogic://campaign/aimylogic_other"]

    @pytest.mark.parametrize(
        "same", [Asset.ref(uri=HERE), Asset.ref(name=HERE), Asset(name="sale", uri=HERE)], ids=["uri", "name", "named"]
    )
    def test_not_beside_the_same_under_another_name(self, same: Any) -> None:
        """Two names of one URI could never both be active, and Airflow would run the task no more."""
        assert AddPhonesOperator(task_id="a", calls=["1"], outlets=[same]).outlets == [same]

    def test_whoever_reads_its_events_tells_it_too(self) -> None:
        assert outlets(AddPhonesOperator(task_id="a", calls=["1"], inlets=[campaign("aimylogic_default")])) == [HERE]


class TestWhileItRuns:
    """Airflow fails a task with an outlet that isn't active, before it runs: one that only tells mustn't be why."""

    @pytest.fixture
    def inactive(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
        """Airflow's own look at a task's outlets, where none of them is active."""
        from airflow.sdk.api.datamodels._generated import AssetProfile
        from airflow.sdk.execution_time import task_runner

        profile = AssetProfile(name=HERE, uri=HERE, type="Asset")
        comms = SimpleNamespace(send=lambda msg: SimpleNamespace(inactive_assets=[profile]))
        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", comms, raising=False)

        def look(task: Any) -> None:
            ti: Any = SimpleNamespace(task=task, id="019a0000-0000-7000-8000-000000000001")
            task_runner._validate_task_inlets_and_outlets(ti=ti, log=None)  # type: ignore[arg-type]

        return look

    @pytest.mark.parametrize(
        "make",
        [
            lambda: AddPhoneOperator(task_id="a", phone="1", second_record=True),
            lambda: AddPhonesOperator(task_id="a", calls=["1"]),
            lambda: SqlToAimylogicOperator(task_id="a", **SYNC),
        ],
    )
    def test_its_own_outlet_does_not_keep_it_from_running(
        self, make: Callable[[], Any], inactive: Callable[[Any], None]
    ) -> None:
        task = make()
        task.inlets = []  # the record's asset is needed
        with pytest.raises(Exception, match="inactive"):
            inactive(task)
        ready = task.prepare_for_execution()
        inactive(ready)
        assert (outlets(task), outlets(ready)) == ([HERE], [])

    def test_one_that_the_dag_declares_is_the_dags_affair(self, inactive: Callable[[Any], None]) -> None:
        task = AddPhonesOperator(task_id="a", calls=["1"], outlets=[campaign("aimylogic_default")])
        with pytest.raises(Exception, match="inactive"):
            inactive(task.prepare_for_execution())

    @pytest.mark.parametrize("conn_id", ["aimylogic_default", "{{ params.conn }}"])
    def test_what_else_the_dag_declares_is_left_as_it_is(self, conn_id: str) -> None:
        others = [AssetAlias("sale"), Asset.ref(name="list"), Asset("file:///mine")]
        task = AddPhonesOperator(task_id="a", calls=["1"], aimylogic_conn_id=conn_id, outlets=others)
        assert task.prepare_for_execution().outlets == others

    @pytest.mark.parametrize("ready", [True, False])
    def test_it_tells_all_the_same(self, add: Callable[..., Tried], ready: bool) -> None:
        sync = add("79123456789")
        make = sync.make
        sync.make = lambda: make().prepare_for_execution() if ready else make()
        told = sync.event()
        assert told is not None
        assert told["created"] == 1

    @pytest.mark.parametrize("how", ["add_task", "dag", "follows"])
    def test_a_task_that_comes_into_a_dag_later_does_not_set_it_off_either(
        self, add: Callable[..., Tried], how: str
    ) -> None:
        def make() -> Any:
            task = sync()
            with DAG("sale", schedule=[campaign("aimylogic_default")], start_date=datetime(2026, 1, 1)) as dag:
                first = AddPhonesOperator(task_id="first", calls=["1"])
            if how == "add_task":
                dag.add_task(task)
            elif how == "dag":
                task.dag = dag
            else:
                first >> task
            return task.prepare_for_execution()

        tried = add("79123456789")
        sync, tried.make = tried.make, make
        assert tried.event() is None

    @pytest.mark.parametrize(("calls", "found"), [(["79123456789"], [HERE]), ([], [])])
    def test_of_several_campaigns_the_one_that_it_was_tells(
        self, connections: None, no_pauses: None, tmp_path: Any, calls: list[str], found: list[str]
    ) -> None:
        task = AddPhonesOperator(
            task_id="sync", calls=calls, call_list_path=str(tmp_path), aimylogic_conn_id="{{ params.conn }}",
            outlets=[campaign("aimylogic_default"), campaign("other"), Asset("file:///mine")],
        )  # fmt: skip
        task.aimylogic_conn_id = "aimylogic_default"  # as rendered
        instance = TaskInstance(task_id="sync")
        instance.current_try = 1
        context = {**instance.context(), "outlet_events": OutletEventAccessors()}
        task.execute(context)
        assert set(outlets(task)) == {*found, "file:///mine"}

    def test_what_airflow_has_of_events_may_fail(self, add: Callable[..., Tried]) -> None:
        class Broken:
            def __getitem__(self, asset: object) -> object:
                raise RuntimeError("no events")

        sync = add("79123456789")
        sync.task.current_try = 1
        context = {**sync.task.context(), "outlet_events": Broken()}
        assert sync.make().execute(context)["created"] == 1


class Tried:
    """Tries of one task, and the events of its campaign that each would make."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make, self.task = make, TaskInstance(task_id="sync")

    def event(self, method: str = "execute", **kwargs: Any) -> dict[str, Any] | None:
        """What the event of the next try tells; None if there is none."""
        operator = self.make()
        self.task.current_try += 1
        events = OutletEventAccessors()
        context = {**self.task.context(), "outlets": operator.outlets, "outlet_events": events}
        getattr(operator, method)(context, **kwargs)
        return dict(events[campaign("aimylogic_default")].extra) if outlets(operator) else None


@pytest.fixture
def add(connections: None, no_pauses: None, tmp_path: Any) -> Callable[..., Tried]:
    return lambda *calls, **more: Tried(
        lambda: AddPhonesOperator(task_id="sync", calls=list(calls), call_list_path=str(tmp_path), **more)
    )


class TestItsEvent:
    def test_it_tells_the_counts_and_the_list_and_no_phone(self, add: Callable[..., Tried]) -> None:
        told = add("79123456789", "79123456789", "nobody").event()
        assert told is not None
        assert told.pop("call_list").startswith("file://")
        assert told == {
            "rows": 3, "created": 1, "doubles": 1, "rejected": 1, "refused": 0, "unknown": 0, "expired": 0,
            "claimed": 0, "capped": 0, "excluded": 0, "held_out": 0, "created_now": 1,
        }  # fmt: skip

    def test_a_retry_tells_all_and_what_it_created_itself(self, add: Callable[..., Tried], emulator: Emulator) -> None:
        sync = add("79123456789", "79123456780", batch_size=1, concurrency=1)
        emulator.fault("before_commit", "reset", path="addPhones", phone="79123456780", times=9)
        with pytest.raises(AirflowException):
            sync.event()
        emulator.clear_faults()
        told = sync.event()
        assert told is not None
        assert (told["created"], told["created_now"]) == (2, 1)
        sync.task.clear()
        again = sync.event()
        assert again is not None
        assert (again["created"], again["created_now"]) == (2, 0)

    def test_there_is_none_if_there_was_nobody_to_call(self, add: Callable[..., Tried]) -> None:
        assert add().event() is None

    def test_there_is_none_of_a_dry_run(self, add: Callable[..., Tried]) -> None:
        assert add("79123456789", dry_run=True).event() is None

    def test_a_task_that_was_deferred_tells_it_again(self, add: Callable[..., Tried], emulator: Emulator) -> None:
        from airflow.providers.common.compat.sdk import TaskDeferred

        from aimylogic_provider.waiting.jobs_wait import WaitEnd, WaitOutcome

        sync = add("79123456789", wait_for_completion=True, deferrable=True)
        with pytest.raises(TaskDeferred) as deferred:
            sync.event()
        emulator.advance(hours=12)
        kwargs = deferred.value.kwargs
        assert kwargs is not None
        event = WaitEnd(WaitOutcome.OVER, {"longCallWithResult": 1}).as_event()
        told = sync.event("execute_after_wait", event=event, **kwargs)
        assert told is not None
        assert (told["created"], told["created_now"]) == (1, 1)
        earlier = sync.event("execute_after_wait", event=event, report=kwargs["report"])
        assert earlier is not None
        assert earlier["created_now"] == 1, "an earlier version deferred it, and told no more"

    def test_a_connection_that_is_rendered_blank_is_the_default_also_after_a_trigger(
        self, connections: None, no_pauses: None, tmp_path: Any, emulator: Emulator
    ) -> None:
        from airflow.providers.common.compat.sdk import TaskDeferred

        from aimylogic_provider.waiting.jobs_wait import WaitEnd, WaitOutcome

        def make() -> Any:
            task = AddPhonesOperator(
                task_id="sync", calls=["79123456789"], call_list_path=str(tmp_path), wait_for_completion=True,
                deferrable=True, aimylogic_conn_id="{{ params.conn }}", outlets=[campaign("aimylogic_default")],
            )  # fmt: skip
            task.aimylogic_conn_id = ""  # as rendered
            return task

        sync = Tried(make)
        with pytest.raises(TaskDeferred) as deferred:
            sync.event()
        emulator.advance(hours=12)
        event = WaitEnd(WaitOutcome.OVER, {"longCallWithResult": 1}).as_event()
        told = sync.event("execute_after_wait", event=event, **(deferred.value.kwargs or {}))
        assert told is not None
        assert told["created"] == 1


class TestItsUri:
    @pytest.mark.parametrize("conn_id", ["aimylogic_default", "sale 2026", "продажи", "a/b?c#d%", "{x}"])
    def test_airflow_takes_it_as_tasks_write_it(self, conn_id: str) -> None:
        ours = campaign(conn_id)
        by_uri = Asset(ours.uri)
        assert (by_uri.name, by_uri.uri) == (ours.name, ours.uri) == (ours.uri, ours.normalized_uri)
        assert ours == create_asset(conn_id=conn_id)
        assert by_uri == ours

    def test_the_asset_of_records_is_known_by_its_uri(self) -> None:
        assert Asset("aimylogic://calls").uri == "aimylogic://calls"

    @pytest.mark.parametrize(
        ("uri", "told"),
        [
            ("aimylogic://campain/sale", "'aimylogic://campain/sale' names nothing that is known"),
            ("aimylogic://Campaign/sale", "names nothing that is known"),
            ("aimylogic:sale", "names nothing that is known"),
            ("aimylogic://campaign", "write the id of its connection behind it"),
            ("aimylogic://campaign/sale/2026", "write aimylogic://campaign/sale%2F2026"),
            ("aimylogic://campaign/my sale", r"campaign\('my sale'\)"),
            ("aimylogic://campaign/sale?year=2026", "has a query"),
            ("aimylogic://calls/sale", "has a path behind calls"),
        ],
    )
    def test_one_that_would_never_have_an_event_is_refused_when_the_dag_is_parsed(
        self, uri: str, told: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(ValueError, match=told):
            Asset(uri)
        # The scheduler reads what Airflow stored before: it must not end over one DAG's mistake.
        monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
        assert Asset(uri).name == uri

    @pytest.mark.parametrize("conn_id", ["", " ", " sale", "{{ var.value.sale }}", None, 5, "s" * 1500])
    def test_what_is_no_connection_s_id_is_refused(self, conn_id: Any) -> None:
        with pytest.raises(ValueError, match=r"conn_id .*: give|too long"):
            campaign(conn_id)

    def test_the_provider_s_info_names_what_is_there(self) -> None:
        from airflow.sdk.definitions.asset import _get_uri_normalizer

        from aimylogic_provider.assets import aimylogic
        from aimylogic_provider.get_provider_info import get_provider_info

        (info,) = get_provider_info()["asset-uris"]
        assert _get_uri_normalizer("aimylogic") is sanitize_uri
        for part in ("handler", "factory", "to_openlineage_converter"):
            module, _, name = info[part].rpartition(".")
            assert (module, callable(getattr(aimylogic, name))) == (aimylogic.__name__, True)
        assert urlsplit(asset_of(HERE).uri).scheme in info["schemes"]
