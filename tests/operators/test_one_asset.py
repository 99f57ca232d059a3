"""The second record lies in one asset for all tasks, whatever their connection; only all its copies prove anything."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.idempotence.server_time import SystemClock
from aimylogic_provider.operators import AddPhoneOperator
from tests.conftest import TaskInstance, connection_json, needs_record

pytestmark = needs_record

LOST = {"phase": "after_commit", "action": "reset", "path": "addPhone", "times": 3}
OTHER = {"aimylogic_conn_id": "aimylogic_other"}
CALLS = "aimylogic://calls"


@pytest.fixture
def used(task: TaskInstance, monkeypatch: pytest.MonkeyPatch) -> TaskInstance:
    """A task whose earlier runs, a day ago, used both connections."""
    now = SystemClock.wall
    with monkeypatch.context() as patch:
        patch.setattr(SystemClock, "wall", lambda self: now(self) - 86400)
        for number, more in enumerate(({}, OTHER)):
            TaskInstance(run_id=f"earlier {number}", assets=task.assets).attempt(phone="79120000000", **more)
    return task


def jobs(emulator: Emulator) -> list[str]:
    return [
        job.id for campaign in (1, 2) for job in emulator.jobs(campaign=campaign) if job.phone == "79123456789"
    ]  # fmt: skip


class TestAnotherConnection:
    def test_what_was_created_by_the_former_one_fails_and_names_the_job(
        self, used: TaskInstance, emulator: Emulator
    ) -> None:
        first = used.attempt(**OTHER)
        used.clear(discards=True)
        with pytest.raises(AirflowFailException, match=f"{first}.*another campaign"):
            used.attempt()
        assert jobs(emulator) == [first]

    def test_what_went_unanswered_by_the_former_one_is_parked(self, used: TaskInstance, emulator: Emulator) -> None:
        emulator.fault(**LOST)
        with pytest.raises(AirflowException, match="not known"):
            used.attempt(**OTHER)
        emulator.clear_faults()
        used.clear(discards=True)
        with pytest.raises(AirflowFailException, match="parked"):
            used.attempt()
        assert len(jobs(emulator)) == 1

    def test_two_connections_of_one_campaign_have_one_record(
        self, used: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_SALE", connection_json(emulator))
        first = used.attempt(payload={"bonus": 1})
        used.clear(discards=True)
        with pytest.raises(AirflowFailException, match=f"{first}.*another payload"):
            used.attempt(payload={"bonus": 2}, aimylogic_conn_id="sale")
        used.clear(discards=True)
        assert used.attempt(payload={"bonus": 1}, aimylogic_conn_id="sale") == first

    def test_a_connection_that_is_a_template_has_it_too(self, used: TaskInstance, emulator: Emulator) -> None:
        operator, context = used.start(phone="79123456789", aimylogic_conn_id="{{ 'aimylogic' }}_default")
        operator.render_template_fields(context)
        first = operator.execute(context)
        used.clear(discards=True)
        assert used.attempt() == first


class TestWhatProvesNothing:
    def test_sends_while_it_was_turned_off(self, used: TaskInstance, emulator: Emulator) -> None:
        first = used.attempt(payload={"bonus": 1}, second_record=False)
        used.clear(discards=True)
        with pytest.raises(AirflowFailException, match=f"(?s)parked.*{first}"):
            used.attempt(payload={"bonus": 2})

    def test_sends_of_a_later_try_while_it_was_turned_off(self, used: TaskInstance, emulator: Emulator) -> None:
        emulator.campaign(status="finished")
        emulator.fault("before_commit", "reset", path="addPhone", times=3)
        emulator.fault("before_commit", "reset", path="", times=3)
        with pytest.raises(AirflowException):
            used.attempt(payload={"bonus": 1})
        emulator.clear_faults()
        emulator.campaign(status="inProgress")
        first = used.attempt(payload={"bonus": 1}, second_record=False, call_again="yes")
        used.clear(discards=True)
        with pytest.raises(AirflowFailException, match=f"(?s)parked.*{first}"):
            used.attempt(payload={"bonus": 2}, call_again="yes")

    def test_sends_while_the_asset_was_not_active(self, used: TaskInstance, emulator: Emulator) -> None:
        assert used.assets is not None
        used.assets.active = False
        first = used.attempt(payload={"bonus": 1})
        used.assets.active = True
        used.clear(discards=True)
        with pytest.raises(AirflowFailException, match=f"(?s)parked.*{first}"):
            used.attempt(payload={"bonus": 2})

    def test_a_first_try_of_one_map_index_says_nothing_of_others(self, task: TaskInstance, emulator: Emulator) -> None:
        """The provider was upgraded in the middle of the run."""
        indexes = [TaskInstance(map_index=index, run=task.run, assets=task.assets) for index in range(2)]
        first = indexes[0].attempt(payload={"bonus": 1}, second_record=False)
        indexes[1].attempt(phone="79120000001")
        for one in indexes:
            one.clear(discards=True)
        with pytest.raises(AirflowFailException, match=f"(?s)parked.*{first}"):
            indexes[0].attempt(payload={"bonus": 2})

    def test_all_copies_do_and_call_again_calls(self, used: TaskInstance, emulator: Emulator) -> None:
        first = used.attempt()
        for _ in range(2):
            used.clear(discards=True)
            assert used.attempt() == first
        used.clear(discards=True)
        assert used.attempt(call_again="yes") != first


class TestAMappedTaskThatAnUpgradeTo34MadeAnew:
    """A clear archives the map indexes of before the upgrade, and makes them anew in a region, at their first try."""

    @staticmethod
    def made_anew(index: TaskInstance) -> tuple[Any, Any]:
        index.current_try = index.most_tries = 0
        operator, context = index.start(phone="79123456789")
        context["ti"].region_id = uuid4()
        return operator, context

    @pytest.mark.parametrize("before", [0, 1], ids=["at its first try", "at its second, the first left no copy"])
    def test_it_knows_its_job(self, task: TaskInstance, emulator: Emulator, before: int) -> None:
        index = TaskInstance(map_index=0, run=task.run, assets=task.assets, current_try=before)
        first = index.attempt()
        index.clear(discards=True)
        operator, context = self.made_anew(index)
        assert operator.execute(context) == first

    def test_where_the_clear_was_not_counted_it_is_parked(self, task: TaskInstance, emulator: Emulator) -> None:
        index = TaskInstance(map_index=0, run=task.run, assets=task.assets)
        index.attempt()
        index.clear(discards=True, counted=False)
        index.queue()
        operator, context = self.made_anew(index)
        with pytest.raises(AirflowFailException, match="parked"):
            operator.execute(context)
        assert len(emulator.jobs()) == 1


class TestWhoDeclaresWhat:
    def test_a_task_of_its_own_has_its_record_and_its_campaign(self) -> None:
        task = AddPhoneOperator(task_id="call", phone="79123456789", aimylogic_conn_id="sale")
        assert [one.name for one in task.inlets] == [CALLS]
        assert [one.name for one in task.outlets] == ["aimylogic://campaign/sale"]

    @pytest.mark.parametrize("conn_id", ["{{ x }}", "{% x %}", "{# x #}x", "я" * 250, "a" * 2000])
    def test_where_the_campaign_can_not_be_named_there_is_its_record(self, conn_id: str) -> None:
        task = AddPhoneOperator(task_id="call", phone="79123456789", aimylogic_conn_id=conn_id)
        assert [one.name for one in task.inlets] == [CALLS]
        assert not task.outlets

    @pytest.mark.parametrize("defaults", [{}, {"aimylogic_conn_id": "sale"}, {"inlets": []}])
    def test_a_mapped_task_has_its_record(self, defaults: dict[str, Any]) -> None:
        from airflow.sdk import DAG

        with DAG("d", schedule=None, default_args=defaults) as dag:
            AddPhoneOperator.partial(task_id="call").expand(phone=["79123456789"])
        task = dag.task_dict["call"]
        assert [one.name for one in task.inlets] == [CALLS]
        assert not task.outlets

    def test_so_has_one_that_is_mapped_over_connections(self) -> None:
        from airflow.sdk import DAG

        with DAG("d", schedule=None) as dag:
            AddPhoneOperator.partial(task_id="call", phone="79123456789").expand(aimylogic_conn_id=["a", "b"])
        assert [one.name for one in dag.task_dict["call"].inlets] == [CALLS]

    def test_default_args_turn_it_off(self) -> None:
        from airflow.sdk import DAG

        with DAG("d", schedule=None, default_args={"second_record": False}) as dag:
            AddPhoneOperator.partial(task_id="mapped").expand(phone=["79123456789"])
            AddPhoneOperator(task_id="one", phone="79123456789")
        assert not any([*task.inlets, *task.outlets] for task in dag.task_dict.values())

    def test_what_the_dag_declares_stays(self) -> None:
        from airflow.sdk import DAG, Asset

        with DAG("d", schedule=None) as dag:
            AddPhoneOperator.partial(task_id="mapped", inlets=[Asset("theirs")]).expand(phone=["79123456789"])
            AddPhoneOperator(task_id="one", phone="79123456789", inlets=Asset("theirs"))
        for task in dag.task_dict.values():
            assert [one.name for one in task.inlets] == ["theirs", CALLS]

    def test_in_a_mapped_task_group_there_is_no_event_for_each_index(self) -> None:
        from airflow.sdk import DAG, TaskGroup, task_group

        with DAG("d", schedule=None) as dag:

            @task_group
            def campaign(number: str) -> None:
                AddPhoneOperator(task_id="call", phone=number)
                with TaskGroup("inner"):
                    AddPhoneOperator(task_id="call", phone=number)

            campaign.expand(number=["79123456789", "79123456788"])
            with TaskGroup("plain"):
                AddPhoneOperator(task_id="call", phone="79123456789")
        for name in ("campaign.call", "campaign.inner.call"):
            assert [one.name for one in dag.task_dict[name].inlets] == [CALLS]
            assert not dag.task_dict[name].outlets
        assert dag.task_dict["plain.call"].outlets

    def test_where_there_is_none_although_one_is_wanted_it_is_told(
        self, task: TaskInstance, emulator: Emulator, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert task.assets is not None
        operator, context = task.start(phone="79123456789")
        task.assets.declared = set()
        operator.execute(context)
        told = capsys.readouterr().out
        assert "There is no second record, which outlives a clear, for this task doesn't declare" in told

    def test_the_event_counts_what_this_try_created(self, task: TaskInstance, emulator: Emulator) -> None:
        from types import SimpleNamespace

        counts = []
        for _ in range(3):
            operator, context = task.start(phone="79123456789")
            event = SimpleNamespace(extra={})
            context["outlets"] = operator.outlets
            context["outlet_events"] = {operator.outlets[0]: event}
            operator.execute(context)
            counts.append(event.extra)
            task.clear(discards=True)
        assert counts == [{"created": 1}, {"created": 0}, {"created": 0}]

    def test_all_rows_lie_in_the_one_asset(self, used: TaskInstance) -> None:
        assert used.assets is not None
        assert {name for name, rows in used.assets.rows.items() if rows} == {CALLS}
        assert json.dumps(used.assets.rows)
