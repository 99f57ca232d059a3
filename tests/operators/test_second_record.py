"""The second record of a call: it outlives a clear that discards the task's state, as Airflow 3.4's do."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.idempotence.record.second_record import SecondRecord
from aimylogic_provider.idempotence.server_time import SystemClock
from tests.conftest import AssetStates, ReplacedError, TaskInstance, needs_record

LOST = {"phase": "after_commit", "action": "reset", "path": "addPhone", "times": 3}
NEVER_ARRIVED = {**LOST, "phase": "before_commit"}


def died(record: SecondRecord, entry: object) -> None:
    raise OSError("the worker is gone")


def phones(emulator: Emulator) -> list[str]:
    return [job.phone for job in emulator.jobs()]


@pytest.fixture(params=[*(pytest.param(place, marks=needs_record) for place in ("asset", "folder")), "folder alone"])
def kept(request: pytest.FixtureRequest, task: TaskInstance, tmp_path: Path) -> dict[str, Any]:
    """The arguments by which the second record is kept in a place; alone where there is no first one, as on 3.1."""
    if request.param == "asset":
        return {}
    task.assets = None
    task.has_store = request.param == "folder"
    return {"call_list_path": str(tmp_path)}


class TestACLearThatDiscardsTheState:
    def test_what_was_created_is_returned_and_nobody_asked(
        self, task: TaskInstance, emulator: Emulator, kept: dict[str, Any]
    ) -> None:
        first = task.attempt(**kept)
        requests = len(emulator.requests())
        emulator.advance(hours=25)
        task.clear(discards=True)
        assert task.attempt(**kept) == first
        assert len(emulator.requests()) == requests

    def test_with_a_changed_payload_it_fails_and_names_the_job(
        self, task: TaskInstance, emulator: Emulator, kept: dict[str, Any]
    ) -> None:
        first = task.attempt(payload={"bonus": 1}, **kept)
        task.clear(discards=True)
        with pytest.raises(AirflowFailException, match=f"{first}.*another payload"):
            task.attempt(payload={"bonus": 2}, **kept)
        assert len(phones(emulator)) == 1

    def test_in_another_campaign_it_fails_and_names_the_job(
        self, task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, kept: dict[str, Any]
    ) -> None:
        """The connection is the same, and its token is another one's."""
        import os

        first = task.attempt(**kept)
        monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", os.environ["AIRFLOW_CONN_AIMYLOGIC_OTHER"])
        task.clear(discards=True)
        with pytest.raises(AirflowFailException, match=f"{first}.*another campaign"):
            task.attempt(**kept)
        assert len(emulator.jobs()) == 1

    @pytest.mark.parametrize("hours", [0, 25])
    @pytest.mark.parametrize("rule", [LOST, NEVER_ARRIVED], ids=["lost", "never arrived"])
    def test_what_went_unanswered_is_found(
        self, task: TaskInstance, emulator: Emulator, kept: dict[str, Any], rule: dict[str, Any], hours: float
    ) -> None:
        emulator.fault(**rule)
        with pytest.raises(AirflowException, match="not known"):
            task.attempt(**kept)
        emulator.clear_faults()
        emulator.advance(hours=hours)
        task.clear(discards=True)
        assert task.attempt(**kept) == emulator.jobs()[0].id
        assert len(phones(emulator)) == 1

    def test_again_and_again(self, task: TaskInstance, emulator: Emulator, kept: dict[str, Any]) -> None:
        first = task.attempt(**kept)
        for _ in range(3):
            task.clear(discards=True)
            assert task.attempt(**kept) == first

    def test_what_a_person_said_is_followed(self, task: TaskInstance, emulator: Emulator, kept: dict[str, Any]) -> None:
        from aimylogic_provider.idempotence.human_answer import Choice, Question, Ruling

        operator, context = task.start(phone="79123456789", **kept)
        attempt = operator._try(context, resumed=False)
        ruling = Ruling(Choice.LEAVE, "Maria", 1.0, Question(attempt.intent.reference, 0.0))
        attempt.call.follow(ruling, list)
        task.clear(discards=True)
        with pytest.raises(AirflowFailException, match=r"left as it is.*Maria"):
            task.attempt(**kept)
        assert not phones(emulator)

    def test_call_again_calls_again(self, task: TaskInstance, emulator: Emulator, kept: dict[str, Any]) -> None:
        first = task.attempt(**kept)
        task.clear(discards=True)
        assert task.attempt(call_again="yes", **kept) != first
        assert len(phones(emulator)) == 2

    def test_mapped_each_index_has_its_own(self, task: TaskInstance, emulator: Emulator, kept: dict[str, Any]) -> None:
        instances = [
            TaskInstance(map_index=index, run=task.run, assets=task.assets, has_store=task.has_store)
            for index in range(3)
        ]
        first = [one.attempt(phone=f"7912000000{one.map_index}", **kept) for one in instances]
        task.clear()
        for one in instances:
            one.rows.clear()
        with pytest.raises(AirflowFailException, match="parked"):
            instances[0].attempt(phone="79120000000", payload={"bonus": 2}, **kept)
        assert [one.attempt(phone=f"7912000000{one.map_index}", **kept) for one in instances[1:]] == first[1:]
        assert len(phones(emulator)) == 3


@needs_record
class TestOrder:
    def test_a_send_that_the_state_store_refused_counts_as_unanswered(
        self, task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The second record was written, the fenced note refused: nothing was sent, which only the first one tells."""
        operator, context = task.start(phone="79123456789")
        task.current_try += 1
        with pytest.raises(ReplacedError):
            operator.execute(context)
        assert not phones(emulator)
        task.clear(discards=True)
        emulator.campaign(status="finished")
        with pytest.raises(AirflowException, match=r"(?s)can't be known yet.*\(noted\)"):
            task.attempt()

    def test_nothing_is_sent_where_the_second_record_fails(
        self, task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert task.assets is not None
        task.attempt(call_again="before")  # so that it can be reached
        sent = len(phones(emulator))
        operator, context = task.start(phone="79123456789")
        state = next(iter(task.assets.rows.values()))
        monkeypatch.setattr(type(task.assets), "__getitem__", lambda self, asset: Failing(state))
        with pytest.raises(OSError, match="store is down"):
            operator.execute(context)
        assert len(phones(emulator)) == sent
        assert all(not record["sends"] or record["job"] for record in task.entry["records"].values())

    def test_an_answer_is_noted_where_the_second_record_fails(
        self, task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert task.assets is not None
        operator, context = task.start(phone="79123456789")
        states = task.assets
        monkeypatch.setattr(type(states), "__getitem__", lambda self, asset: Failing({}, after=3))
        with pytest.raises(OSError, match="store is down"):
            operator.execute(context)
        monkeypatch.undo()
        (record,) = task.entry["records"].values()
        assert record["job"]["id"] == emulator.jobs()[0].id

    def test_a_zombie_overwrites_no_other_try(self, task: TaskInstance, emulator: Emulator) -> None:
        zombie, context = task.start(phone="79123456789", payload={"bonus": 1})
        first = task.attempt(payload={"bonus": 2})
        with pytest.raises(ReplacedError):
            zombie.execute(context)
        task.clear(discards=True)
        assert task.attempt(payload={"bonus": 2}) == first


class Failing:
    """The state of an asset that can be read, and written so many times."""

    def __init__(self, rows: dict[str, str], after: int = 1) -> None:
        self.rows = rows
        self.left = after

    def get(self, key: str, default: Any = None) -> Any:
        return json.loads(self.rows[key]) if key in self.rows else default

    def set(self, key: str, value: Any) -> None:
        if self.left == 0:
            raise OSError("the store is down")
        self.left -= 1
        self.rows[key] = json.dumps(value)

    def delete(self, key: str) -> None:
        del self.rows[key]


class TestARunMadeAgain:
    """Deleted, and triggered with its run_id: its state is gone, and the second record isn't."""

    @staticmethod
    def made_again(task: TaskInstance, *, later: bool) -> TaskInstance:
        now = datetime.now(UTC) + timedelta(minutes=10)
        run_after = now if later else task.run.run_after
        run = SimpleNamespace(clear_number=0, start_date=now, run_after=run_after)
        return TaskInstance(run=run, assets=task.assets, has_store=task.has_store)

    @pytest.mark.parametrize("later", [True, False], ids=["another run_after", "the same run_after"])
    def test_its_first_try_calls_and_overwrites(
        self, task: TaskInstance, emulator: Emulator, kept: dict[str, Any], later: bool
    ) -> None:
        task.attempt(payload={"name": "Alex"}, **kept)
        again = self.made_again(task, later=later)
        second = again.attempt(payload={"name": "Maria"}, **kept)
        assert len(phones(emulator)) == 2
        again.clear(discards=True)
        assert again.attempt(payload={"name": "Maria"}, **kept) == second

    @pytest.mark.parametrize("later", [True, False], ids=["another run_after", "the same run_after"])
    def test_elsewhere_the_former_run_s_job_is_not_taken_for_its_own(
        self, task: TaskInstance, emulator: Emulator, kept: dict[str, Any], later: bool
    ) -> None:
        """Its first try died before it wrote."""
        first = task.attempt(payload={"name": "Alex"}, **kept)
        again = self.made_again(task, later=later)
        again.current_try = 1
        if later or task.has_store:
            again.attempt(payload={"name": "Maria"}, **kept)
            assert len(phones(emulator)) == 2
            return
        # Without a first record, no empty one proves that this is the new run's first writing.
        with pytest.raises(AirflowFailException, match=f"(?s)deleted and had the same run_id.*{first}"):
            again.attempt(payload={"name": "Maria"}, **kept)
        assert len(phones(emulator)) == 1

    def test_after_a_clear_the_former_run_s_job_is_not_taken_for_its_own(
        self, task: TaskInstance, emulator: Emulator, kept: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its first try had only read when it died: that is enough for those after it."""
        first = task.attempt(**kept)
        emulator.advance(hours=25)
        again = self.made_again(task, later=False)
        with monkeypatch.context() as patch:
            patch.setattr(SecondRecord, "write", died)
            with pytest.raises(OSError, match="gone"):
                again.attempt(**kept)
        again.clear(discards=True)
        with pytest.raises(AirflowFailException, match=f"(?s)parked.*{first}"):
            again.attempt(**kept)

    def test_nor_that_of_a_try_with_a_number_that_it_has_not_had(
        self, task: TaskInstance, emulator: Emulator, kept: dict[str, Any]
    ) -> None:
        """The former run's second try had called; of this one the second died before it wrote."""
        task.current_try = 1
        task.attempt(payload={"name": "Alex"}, **kept)
        again = self.made_again(task, later=False)
        first = again.attempt(payload={"name": "Maria"}, **kept)
        again.clear(discards=True)
        again.current_try = 2
        assert again.attempt(payload={"name": "Maria"}, **kept) == first
        assert len(phones(emulator)) == 2

    def test_what_can_not_be_told_apart_is_parked(
        self, task: TaskInstance, emulator: Emulator, kept: dict[str, Any]
    ) -> None:
        """The run_after is the same; it was cleared before its first try."""
        first = task.attempt(**kept)
        again = self.made_again(task, later=False)
        again.clear(discards=True)
        with pytest.raises(AirflowFailException, match=f"(?s)deleted and had the same run_id.*{first}"):
            again.attempt(**kept)
        assert len(phones(emulator)) == 1
        again.clear(discards=True)
        assert again.attempt(call_again="yes", **kept) != first


class TestWhereNoAssetCanBeHad:
    @needs_record
    def test_an_asset_that_is_not_active_is_told_of_and_the_folder_serves(
        self, task: TaskInstance, emulator: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        task.assets = AssetStates(active=False)
        first = task.attempt(payload={"bonus": 1}, call_list_path=str(tmp_path))
        assert "aimylogic://calls is not active" in capsys.readouterr().out
        task.clear(discards=True)
        with pytest.raises(AirflowFailException, match=first):
            task.attempt(payload={"bonus": 2}, call_list_path=str(tmp_path))

    @needs_record
    def test_an_empty_answer_of_one_that_is_not_active_proves_nothing(
        self, task: TaskInstance, emulator: Emulator
    ) -> None:
        first = task.attempt(payload={"bonus": 1})
        assert task.assets is not None
        task.assets.active = False
        task.clear(discards=True)
        with pytest.raises(AirflowFailException, match=f"(?s)parked.*{first}"):
            task.attempt(payload={"bonus": 2})
        assert len(phones(emulator)) == 1

    @needs_record
    def test_one_that_was_emptied_proves_nothing(self, task: TaskInstance, emulator: Emulator) -> None:
        """By hand, or by Airflow while no DAG named it."""
        first = task.attempt(payload={"bonus": 1})
        assert task.assets is not None
        task.assets.rows.clear()
        task.clear(discards=True)
        with pytest.raises(AirflowFailException, match=f"(?s)parked.*{first}"):
            task.attempt(payload={"bonus": 2})

    def test_turned_off_nothing_is_kept_and_the_report_is_asked(
        self, task: TaskInstance, emulator: Emulator, tmp_path: Path
    ) -> None:
        off = {"second_record": False, "call_list_path": str(tmp_path)}
        first = task.attempt(payload={"bonus": 1}, **off)
        assert task.assets is None or not task.assets.rows
        assert not list(tmp_path.iterdir())
        task.clear(discards=True)
        with pytest.raises(AirflowFailException, match=f"(?s)no second record.*{first}"):
            task.attempt(payload={"bonus": 2}, **off)

    def test_a_clear_soon_after_the_call_waits_for_the_report(self, task: TaskInstance, emulator: Emulator) -> None:
        """The report shows a job only after its lag: "none" of a minute later proves nothing."""
        emulator.settings(report_lag=300)
        task.attempt(payload={"bonus": 1}, second_record=False)
        task.clear(discards=True)
        for minutes in (1, 3):
            emulator.advance(minutes=minutes)
            with pytest.raises(AirflowException, match="only after its lag"):
                task.attempt(payload={"bonus": 2}, second_record=False)
        emulator.advance(minutes=10)
        with pytest.raises(AirflowFailException, match="parked"):
            task.attempt(payload={"bonus": 2}, second_record=False)
        assert len(phones(emulator)) == 1


@needs_record
class TestRows:
    def test_they_are_pruned_once_they_are_old(
        self, task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert task.assets is not None
        wall = SystemClock.wall
        for number in range(5):
            days = 50.0 * number
            monkeypatch.setattr(SystemClock, "wall", lambda self, days=days: wall(self) + days * 86400)
            TaskInstance(run_id=f"run {number}", assets=task.assets).attempt()
        (rows,) = task.assets.rows.values()
        assert sum("copy" in name for name in rows) == 2, "those of the last 90 days"

    def test_they_tell_neither_token_nor_phone(self, task: TaskInstance, emulator: Emulator, tmp_path: Path) -> None:
        from tests.conftest import TOKEN

        assert task.assets is not None
        task.attempt()
        told = json.dumps(task.assets.rows)
        assert "79123456789" not in told
        assert TOKEN not in told

    def test_one_that_can_not_be_read_stops_the_task(self, task: TaskInstance, emulator: Emulator) -> None:
        assert task.assets is not None
        task.attempt()
        (rows,) = task.assets.rows.values()
        for name in rows:
            if "copy" in name:
                rows[name] = '{"format": 99}'
        task.clear(discards=True)
        with pytest.raises(AirflowFailException, match=r"second record.*nothing was sent"):
            task.attempt()
        assert len(phones(emulator)) == 1
