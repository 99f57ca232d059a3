"""The public faces as users write them: checked by mypy in ``make lint``, never run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import assert_type

from airflow.sdk import DAG, XComArg

from aimylogic_provider.assets import campaign
from aimylogic_provider.calls_api import CallAttempt, CallJob, CallPolicy, Campaign, ListedCall
from aimylogic_provider.decorators import aimylogic_calls
from aimylogic_provider.emulator import Emulator, EmulatorClient, OrderedFault
from aimylogic_provider.emulator.http.admin_types import JobView
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.notifications import AimylogicNotifier
from aimylogic_provider.operators import (
    AddPhoneOperator,
    AddPhonesOperator,
    ApproveCallListOperator,
    CancelCallsOperator,
    GetCampaignOperator,
    PauseCampaignOperator,
    PrepareCallListOperator,
    PrepareCallsOperator,
    ResumeCampaignOperator,
    SendCallListOperator,
    StopCampaignOperator,
    SumReportsOperator,
    UpdateResultsOperator,
    WithdrawCallsOperator,
)
from aimylogic_provider.transfers import AimylogicToSqlOperator, SqlToAimylogicOperator


def a_dag() -> None:
    with DAG("remind", schedule="0 9 * * *", start_date=datetime(2026, 1, 1)):
        AddPhoneOperator(task_id="call", phone="+7 912 345-67-89", payload={"name": "Alex"}, retries=3)
        AddPhoneOperator.partial(task_id="map").expand(phone=["79120000001", "79120000002"])
        AddPhoneOperator(
            task_id="once", phone="79123456789", only_new=timedelta(hours=1), call_again="{{ params.again }}"
        )


def after_a_sync() -> None:
    with DAG("after", schedule=[campaign("aimylogic_default")], start_date=datetime(2026, 1, 1)):
        AddPhonesOperator.partial(task_id="map", outlets=[campaign("other")]).expand(calls=[["79120000001"]])


def a_sync() -> None:
    with DAG("sync", schedule="0 9 * * *", start_date=datetime(2026, 1, 1)):
        SqlToAimylogicOperator(
            task_id="sync",
            sql="select * from customer where city = %(city)s",
            sql_conn_id="warehouse",
            parameters={"city": "Perm"},
            key_columns=["id"],
            policy={"max_attempts": 3},
            call_before="{{ data_interval_end }}",
            max_rejected=0.05,
            max_calls=10_000,
            max_change=0.5,
            on_excess="ask",
            first=100,
            min_reached=0.2,
            max_refused=None,
            test_phone="+7 999 000-00-01",
            after_test="ask",
            exclude_sql="select phone from said_no",
            exclude_unreadable="skip",
            consent_column="agreed_at",
            holdout=0.05,
            holdout_salt="spring",
            results_table="calls",
            max_calls_per_person={"calls": 1, "days": 7},
            only_new=timedelta(days=30),
        )
        prepared = PrepareCallListOperator(
            task_id="prepare", sql="select 1", sql_conn_id="warehouse", shards=4, max_change=3.0
        )
        approved = ApproveCallListOperator(task_id="ask_whether_to_call", call_list=prepared.output, defaults="Reject")
        SendCallListOperator(task_id="send_approved", call_list=approved.output, first=100, test_phone="+79990000001")
        sent = SendCallListOperator.partial(task_id="send", call_list=prepared.output).expand(shard=[0, 1, 2, 3])
        SumReportsOperator(task_id="report", reports=sent.output)
        UpdateResultsOperator(task_id="home", results_table="calls", results_conn_id="warehouse", dag_ids=["a", "b"])
        UpdateResultsOperator(task_id="of", results_table="c", results_conn_id="w", call_list=sent.output, task_ids="a")


def what_acts_on_a_campaign() -> None:
    with DAG("campaign", schedule=None, start_date=datetime(2026, 1, 1)):
        added = AddPhoneOperator(task_id="call", phone="+7 912 345-67-89")
        CancelCallsOperator(task_id="cancel", ids=added.output, phones=["+79123456789", 79123456780], retries=3)
        CancelCallsOperator(task_id="by_list", call_list="{{ ti.xcom_pull('sync') }}", on_not_found="skip")
        CancelCallsOperator.partial(task_id="map").expand(ids=[["5665334669"], [5665334670]])
        WithdrawCallsOperator(
            task_id="paid",
            results_table="sales.calls",
            results_conn_id="warehouse",
            sql="select id from debts where not paid",
            sql_conn_id="warehouse",
            key_columns=["id"],
            aimylogic_conn_id="winter",
            max_withdrawn=0.1,
        )
        WithdrawCallsOperator(
            task_id="by_phone",
            sql="select phone from debts",
            sql_conn_id="w",
            phone_column="phone",
            call_list=added.output,
        )
        ResumeCampaignOperator(task_id="resume") >> PauseCampaignOperator(task_id="pause")
        GetCampaignOperator(task_id="look") >> StopCampaignOperator(task_id="stop", aimylogic_conn_id="winter")


def what_comes_home() -> None:
    with DAG("home", schedule="@daily", start_date=datetime(2026, 1, 1)):
        prepared = PrepareCallListOperator(task_id="prepare", sql="select 1", sql_conn_id="warehouse")
        AimylogicToSqlOperator(task_id="new", sql_conn_id="warehouse", first_from=datetime(2026, 1, 1, tzinfo=UTC))
        AimylogicToSqlOperator(
            task_id="day", sql_conn_id="warehouse", incremental_by="data_interval", attempts_table=None
        )
        AimylogicToSqlOperator(task_id="list", sql_conn_id="warehouse", call_list=prepared.output, retries=3)
        AimylogicToSqlOperator(task_id="range", sql_conn_id="warehouse", start="{{ ts }}", phones="full")


def given_calls() -> None:
    with DAG("given", schedule=None, start_date=datetime(2026, 1, 1)):
        made = AddPhoneOperator(task_id="made", phone="79123456789")
        AddPhonesOperator(task_id="a", calls=made.output, policy={"max_attempts": 3}, retries=3)
        AddPhonesOperator(task_id="b", calls=[{"phone": "79123456789", "policy": {"priority": 1}}, "79123456780"])
        AddPhonesOperator(task_id="c", calls="{{ ti.xcom_pull(task_ids='made') | tojson }}", dry_run=True)
        AddPhonesOperator.partial(task_id="d").expand(calls=[["79123456789"], ["79123456780"]])


@dataclass
class Reminder:
    phone: str
    payload: dict[str, object]


def a_functions_calls() -> None:
    with DAG("asked", schedule=None, start_date=datetime(2026, 1, 1)):

        @aimylogic_calls
        def bare(city: str) -> list[str]:
            return ["79123456789"]

        @aimylogic_calls(policy={"max_attempts": 3}, retries=3, task_id="b", multiple_outputs=True)
        def told(city: str = "Perm") -> Iterator[dict[str, object]]:
            yield {"phone": "79123456789", "payload": {"name": "Alex"}}

        @aimylogic_calls()
        def classes() -> Iterator[Reminder]:
            yield Reminder("79123456789", {"name": "Alex"})

        assert_type(bare("Perm"), XComArg)
        told.override(task_id="c")()
        told.partial().expand(city=["Perm", "Omsk"])
        classes()


def the_hook() -> None:
    hook = AimylogicHook("aimylogic_default")
    assert_type(hook.add_phone(79123456789, {"n": 1}, "+03:00", idempotence_key="a"), str)
    policy = CallPolicy.of(
        finish=datetime(2026, 1, 2, tzinfo=UTC), allowed_time={"default": [("09:00", "18:00")]}, max_attempts=3
    )
    calls = [ListedCall.of("+7 912 345-67-89", {"items": [1, 2]}, policy=policy)]
    assert_type(hook.add_phones(calls, idempotence_key="b"), tuple[str, ...])
    assert_type(hook.cancel_call_jobs(ids=["5665334669"]), tuple[str, ...])
    hook.pause_campaign()
    hook.resume_campaign()
    hook.stop_campaign(idempotence_key="c")
    assert_type(hook.get_campaign(), Campaign)
    assert_type(hook.get_call_jobs(phones=["+79123456789"]), tuple[CallJob, ...])
    assert_type(hook.get_unfinished_call_jobs(page=1), tuple[CallJob, ...])
    assert_type(hook.get_call_attempts(ids=["5665334669"]), tuple[CallAttempt, ...])


def the_fixture(aimylogic_emulator: Emulator, tmp_path: Path) -> None:
    fault = aimylogic_emulator.fault("after_commit", "reset", path="addPhone", times=3)
    assert_type(fault, OrderedFault)
    assert_type(fault.hits, int)
    aimylogic_emulator.advance(hours=25)
    assert_type(aimylogic_emulator.rings("79123456789", {"name": "Alex"}), int)
    assert_type(aimylogic_emulator.jobs(), list[JobView])
    aimylogic_emulator.save(tmp_path / "saved.json")


def the_client() -> None:
    with Emulator(tokens=("1.2.three",), report_lag=300) as emulator:
        client = EmulatorClient(emulator.url, "1.2.three")
        assert_type(client.now(), datetime)
        assert_type(client.connection(read_timeout=5), str)


def mistakes(emulator: Emulator) -> None:
    """What a type checker must find: each line would else be an unused ignore, and so an error."""
    emulator.fault("after_comit", "reset")  # type: ignore[arg-type]
    emulator.fault("after_commit", "rest")  # type: ignore[arg-type]
    emulator.fault("after_commit", "reset", pth="addPhone")  # type: ignore[call-arg]
    emulator.settings(reportlag=1)  # type: ignore[call-arg]
    emulator.settings(page_order="newest")  # type: ignore[arg-type]
    emulator.campaign(1, sttus="paused")  # type: ignore[call-arg]
    Emulator(report_lg=3)  # type: ignore[call-arg]


def notifiers() -> None:
    """As callbacks of a DAG; and its arguments, misspelt and mistyped."""
    ring = AimylogicNotifier(phone=["+7 912 345-67-89", 79123456780], payload={"words": "{{ ds }}"}, once_per="task")
    DAG("a", on_failure_callback=ring, on_success_callback=[ring])
    AimylogicNotifier(phones="+7 912 345-67-89")  # type: ignore[call-arg]
    AimylogicNotifier(phone="+7 912 345-67-89", once_per="run")  # type: ignore[arg-type]


def mistakes_in_a_dag(call_list: dict[str, object]) -> None:
    """A misspelt and a mistyped argument of each operator."""
    AddPhoneOperator(task_id="a", phone="79123456789", payloads={})  # type: ignore[call-arg]
    AddPhoneOperator(task_id="a", phone="79123456789", test_call="yes")  # type: ignore[arg-type]
    AddPhoneOperator(task_id="a", phone="79123456789", retrys=3)  # type: ignore[call-arg]
    AddPhoneOperator(task_id="a", phone="79123456789", only_new=True)  # type: ignore[arg-type]
    AddPhonesOperator(task_id="a", call=[])  # type: ignore[call-arg]
    AddPhonesOperator(task_id="a", calls={"79123456789"})  # type: ignore[arg-type]
    AddPhonesOperator(task_id="a", calls=[], results_table="calls")  # type: ignore[call-arg]
    aimylogic_calls(calls=[])  # type: ignore[call-overload]
    aimylogic_calls(on_unkown="ask")  # type: ignore[call-overload]
    aimylogic_calls(on_unknown="asks")  # type: ignore[call-overload]
    aimylogic_calls(first="100")  # type: ignore[call-overload]
    aimylogic_calls(first=100, min_reached=None, test_phone="+79990000001", after_test="go on")
    aimylogic_calls(retries="3")  # type: ignore[call-overload]
    SqlToAimylogicOperator(task_id="a", sql="", sql_conn_id="b", max_rejectd=3)  # type: ignore[call-arg]
    SqlToAimylogicOperator(task_id="a", sql="", sql_conn_id="b", method="addphone")  # type: ignore[arg-type]
    SqlToAimylogicOperator(task_id="a", sql="", sql_conn_id="b", retries="3")  # type: ignore[arg-type]
    SqlToAimylogicOperator(task_id="a", sql="")  # type: ignore[call-arg]
    PrepareCallsOperator(task_id="a", pasted="{{ params.people }}", columns=["phone", "name"], max_calls=10)
    PrepareCallsOperator(task_id="a", pasted="", only_new=timedelta(days=1), call_again="{{ params.again }}")
    PrepareCallsOperator(task_id="a", pasted="", only_new=7)  # type: ignore[arg-type]
    PrepareCallsOperator(task_id="a", pasted=5)  # type: ignore[arg-type]
    PrepareCallsOperator(task_id="a", calls=["79123456789"], test_phone="79123456789")  # type: ignore[call-arg]
    ApproveCallListOperator(task_id="a", call_list="", aimylogic_conn_id="other")
    PrepareCallListOperator(task_id="a", sql="", sql_conn_id="b", shard=4)  # type: ignore[call-arg]
    PrepareCallListOperator(task_id="a", sql="", sql_conn_id="b", key_columns=3)  # type: ignore[arg-type]
    SendCallListOperator(task_id="a", call_list=call_list, on_unkown="ask")  # type: ignore[call-arg]
    SendCallListOperator(task_id="a", call_list=call_list, keep_call_list=30)  # type: ignore[arg-type]
    ApproveCallListOperator(task_id="a", call_list=call_list, assigned_user="b")  # type: ignore[call-arg]
    ApproveCallListOperator(task_id="a", call_list=call_list, fail_on_reject="no")  # type: ignore[arg-type]
    SumReportsOperator(task_id="a", report=[])  # type: ignore[call-arg]
    SumReportsOperator(task_id="a", reports=3)  # type: ignore[arg-type]
    UpdateResultsOperator(task_id="a", results_table="b")  # type: ignore[call-arg]
    UpdateResultsOperator(task_id="a", results_table="b", results_conn_id="c", dag_ids=3)  # type: ignore[arg-type]
    CancelCallsOperator(task_id="a", id=["5665334669"])  # type: ignore[call-arg]
    CancelCallsOperator(task_id="a", ids=5665334669.0)  # type: ignore[arg-type]
    CancelCallsOperator(task_id="a", ids=[], on_not_found="ignore")  # type: ignore[arg-type]
    WithdrawCallsOperator(task_id="a", sql="select 1")  # type: ignore[call-arg]
    WithdrawCallsOperator(task_id="a", sql="select 1", sql_conn_id="b", max_withdraw=1)  # type: ignore[call-arg]
    WithdrawCallsOperator(task_id="a", sql="select 1", sql_conn_id="b", max_withdrawn="1")  # type: ignore[arg-type]
    WithdrawCallsOperator(task_id="a", sql="select 1", sql_conn_id="b", on_excess="warn")  # type: ignore[arg-type]
    GetCampaignOperator(task_id="a", conn_id="b")  # type: ignore[call-arg]
    GetCampaignOperator(task_id="a", aimylogic_conn_id=3)  # type: ignore[arg-type]
    PauseCampaignOperator(task_id="a", conn_id="b")  # type: ignore[call-arg]
    PauseCampaignOperator(task_id="a", aimylogic_conn_id=3)  # type: ignore[arg-type]
    ResumeCampaignOperator(task_id="a", conn_id="b")  # type: ignore[call-arg]
    ResumeCampaignOperator(task_id="a", aimylogic_conn_id=3)  # type: ignore[arg-type]
    StopCampaignOperator(task_id="a", conn_id="b")  # type: ignore[call-arg]
    StopCampaignOperator(task_id="a", aimylogic_conn_id=3)  # type: ignore[arg-type]


def mistakes_in_a_function() -> None:
    """What it gives, and its own arguments."""

    @aimylogic_calls  # type: ignore[type-var]
    def forgets_to_return(city: str) -> None: ...

    @aimylogic_calls(retries=3)  # type: ignore[type-var]
    async def is_async() -> list[str]:
        return []

    @aimylogic_calls()  # type: ignore[type-var]
    def gives_pages() -> Iterator[list[str]]:
        yield []

    @aimylogic_calls()
    def takes_a_city(city: str) -> list[str]:
        return []

    takes_a_city(7)  # type: ignore[arg-type]
    takes_a_city(town="Perm")  # type: ignore[call-arg]
