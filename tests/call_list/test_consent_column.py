"""A column of consent, and a holdout: who didn't agree is rejected, what proves it is kept, a share isn't called."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowFailException
from cryptography.fernet import Fernet

from aimylogic_provider.call_list.exclusion.holdout import Holdout
from aimylogic_provider.operators import AddPhonesOperator, PrepareCallListOperator
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance, needs_record, told

PHONES = [phone(number) for number in range(6)]
AGREED = {
    "sql": "select id, phone, name, agreed from person order by id", "consent_column": "agreed",
    "results_table": "calls",
}  # fmt: skip
EVIDENCE = ["2024-05-12", "contract 17/2", "", None, "no", "нет"]


@pytest.fixture
def agreed(sync: Sync) -> Sync:
    with closing(sqlite3.connect(sync.database)) as database, database:
        database.execute("create table person(id integer, phone text, name text, agreed)")
        rows = [(number, PHONES[number - 1], "Alex", EVIDENCE[number - 1]) for number in range(1, 7)]
        database.executemany("insert into person values (?, ?, ?, ?)", rows)
    return sync


@pytest.fixture
def engine(sync: Sync) -> sa.Engine:
    return sa.create_engine(f"sqlite:///{sync.database}")


def prepare(sync: Sync, run: str, **arguments: Any) -> dict[str, Any]:
    operator = PrepareCallListOperator(
        task_id="sync", **{"sql_conn_id": "warehouse", "key_columns": ["id"], "call_list_path": str(sync.lists),
        **AGREED, **arguments},
    )  # fmt: skip
    task = TaskInstance(task_id="sync", run_id=run, current_try=1)
    prepared: dict[str, Any] = operator.execute(task.context())
    return prepared


def test_who_did_not_agree_is_rejected_and_the_evidence_of_the_others_is_kept(
    agreed: Sync, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    report = agreed.attempt(**AGREED)
    assert (report["created"], report["rejected"]) == (2, 4)
    agreed.assert_once(PHONES[:2])
    assert [(id, agreed) for id, agreed in told(engine, "id", "agreed")] == [
        ("1", "2024-05-12"), ("2", "contract 17/2"), ("3", ""), ("4", None), ("5", "no"), ("6", "нет"),
    ]  # fmt: skip
    reasons = [reason for outcome, reason in told(engine, "outcome", "reason") if outcome == "rejected"]
    assert all(reason.startswith("no consent: 'agreed' ") for reason in reasons)
    assert "4 × no consent" in capsys.readouterr().out


def test_it_is_not_sent_unless_it_is_named_as_payload(agreed: Sync) -> None:
    agreed.attempt(**AGREED)
    assert [str(job.payload) for job in agreed.emulator.jobs()] == ["{'name': 'Alex'}"] * 2


def test_it_may_be_sent(agreed: Sync) -> None:
    agreed.attempt(**AGREED, payload_columns=["agreed"])
    assert {str(job.payload) for job in agreed.emulator.jobs()} == {
        "{'agreed': '2024-05-12'}", "{'agreed': 'contract 17/2'}",
    }  # fmt: skip


def test_nobody_who_agreed_is_nobody_to_call(agreed: Sync) -> None:
    agreed.execute("update person set agreed = 0")
    with pytest.raises(AirflowFailException, match="6 × no consent"):
        agreed.attempt(**AGREED)
    assert agreed.sends() == 0


def test_a_column_that_is_not_there_is_told(agreed: Sync) -> None:
    with pytest.raises(AirflowFailException, match="consent_column 'signed': the query has no such column"):
        agreed.attempt(**{**AGREED, "consent_column": "signed"})


@needs_record
def test_a_consent_that_is_renewed_makes_no_other_person(agreed: Sync) -> None:
    """Another run's list holds him by his key, whatever the date of his consent."""
    assert prepare(agreed, "first")["calls"] == 2
    agreed.execute("update person set agreed = '2026-01-01' where id = 1")
    assert prepare(agreed, "second")["claimed"] == 2


@needs_record
def test_without_key_columns_too(agreed: Sync) -> None:
    assert prepare(agreed, "first", key_columns=[])["calls"] == 2
    agreed.execute("update person set agreed = '2026-01-01' where id = 1")
    assert prepare(agreed, "second", key_columns=[])["claimed"] == 2


@needs_record
def test_only_new_goes_by_the_keys_and_not_by_the_consent(agreed: Sync) -> None:
    """Neither does a renewed consent have anybody called again, nor does it hide who was called."""
    assert agreed.attempt(**AGREED, only_new=True)["created"] == 2
    agreed.execute("update person set agreed = '2025-01-01', phone = '79129999999' where id = 1")
    agreed.task = TaskInstance(task_id="sync", run_id="next")
    report = agreed.attempt(**AGREED, only_new=True)
    assert (report["created"], report["capped"]) == (0, 2)


@needs_record
def test_only_new_without_keys_goes_by_the_phone_and_not_by_the_consent(
    agreed: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    by_phone = {**AGREED, "only_new": True, "key_columns": []}
    assert agreed.attempt(**by_phone)["created"] == 2
    agreed.execute("update person set agreed = '2024-05-12' where id >= 4")
    agreed.task = TaskInstance(task_id="sync", run_id="next")
    report = agreed.attempt(**by_phone)
    assert (report["created"], report["capped"]) == (3, 2), "many people agreed on one day"


def test_a_results_table_of_before_is_given_the_column(agreed: Sync, engine: sa.Engine) -> None:
    agreed.add(PHONES[4:])
    agreed.attempt(results_table="calls")
    agreed.task = TaskInstance(task_id="sync", run_id="next")
    assert agreed.attempt(**AGREED)["created"] == 2
    assert told(engine, "agreed", run="next")[0] == ("2024-05-12",)
    assert {one for (one,) in told(engine, "agreed")} >= {None, "contract 17/2"}


def test_times_and_numbers_are_evidence_that_a_results_table_keeps_as_text(agreed: Sync, engine: sa.Engine) -> None:
    agreed.execute("update person set agreed = 1.5")
    assert agreed.attempt(**AGREED)["created"] == 6
    assert told(engine, "agreed")[0] == ("1.5",)


def test_a_consent_column_among_the_keys_stays_a_key(agreed: Sync, engine: sa.Engine) -> None:
    assert agreed.attempt(**AGREED, key_columns=["id", "agreed"])["created"] == 2
    assert told(engine, "agreed")[0] == ("2024-05-12",)


@pytest.mark.parametrize("column", ["", "  ", 5])
def test_a_name_that_is_none(column: Any) -> None:
    with pytest.raises(ValueError, match="consent_column"):
        PrepareCallListOperator(task_id="a", sql="select 1", sql_conn_id="w", consent_column=column)


# A holdout

MANY = [phone(number) for number in range(200)]
HELD_OUT = [one for one in MANY if Holdout(0.1, "spring").holds_out(one)]


def test_a_share_of_the_people_is_not_called_and_told(sync: Sync, engine: sa.Engine) -> None:
    sync.add(MANY)
    sync.add(HELD_OUT[:1], "Boris")
    report = sync.attempt(holdout=0.1, holdout_salt="spring", results_table="calls")
    assert (report["created"], report["held_out"]) == (200 - len(HELD_OUT), len(HELD_OUT) + 1)
    assert sync.calls_by_phone().keys().isdisjoint(HELD_OUT)
    held_out = [reason for outcome, reason in told(engine, "outcome", "reason") if outcome == "held_out"]
    assert {*held_out} == {"held out, to measure what calling does: holdout=0.1"}


def test_who_is_excluded_is_not_held_out(sync: Sync) -> None:
    sync.add(MANY)
    sync.execute(f"create table stop as select '{HELD_OUT[0]}' as phone")
    report = sync.attempt(holdout=0.1, holdout_salt="spring", exclude_sql="select phone from stop")
    assert (report["excluded"], report["held_out"]) == (1, len(HELD_OUT) - 1)


def test_given_calls_are_held_out_too(sync: Sync) -> None:
    operator = AddPhonesOperator(
        task_id="a", calls=MANY, holdout=0.1, holdout_salt="spring", call_list_path=str(sync.lists)
    )
    report = operator.execute(TaskInstance(task_id="a", current_try=1).context())
    assert report["held_out"] == len(HELD_OUT)


@pytest.mark.parametrize(
    "arguments",
    [
        {"holdout": 0}, {"holdout": 1}, {"holdout": 1.5}, {"holdout": True}, {"holdout": "5%"}, {"holdout_salt": "a"},
        {"holdout": 0.1, "holdout_salt": 5},
    ],
)  # fmt: skip
def test_holdouts_that_can_not_be_used(arguments: Any) -> None:
    with pytest.raises(ValueError, match="holdout"):
        PrepareCallListOperator(task_id="a", sql="select 1", sql_conn_id="w", **arguments)
