"""Cancelling call jobs: by ids, phones and call lists, unknown ones among them, and as often as one likes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jinja2
import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.calls_api import ListedCall
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.operators import CancelCallsOperator
from tests.call_list.conftest import make_sync, sync
from tests.call_list.sync import Sync, phone
from tests.conftest import TOKEN, TaskInstance
from tests.operators.test_template_values import environment, rendered

__all__ = ["environment", "make_sync", "sync"]

PHONES = [phone(number) for number in range(25)]
UNKNOWN = "990000000000001"

Cancel = Callable[..., dict[str, Any]]


@pytest.fixture
def cancel(task: TaskInstance) -> Cancel:
    def cancel(**arguments: Any) -> dict[str, Any]:
        result: dict[str, Any] = CancelCallsOperator(task_id="cancel", **arguments).execute(task.context())
        assert json.loads(json.dumps(result)) == result
        return result

    return cancel


@pytest.fixture
def add(cancel: Cancel, emulator: Emulator) -> Callable[..., list[str]]:
    """Adds numbers that nobody rings yet, and returns the ids of their jobs."""
    emulator.campaign(lines=0)
    return lambda phones, conn_id="aimylogic_default": list(
        AimylogicHook(conn_id).add_phones([ListedCall.of(one) for one in phones])
    )


def cancelled(emulator: Emulator) -> list[str]:
    return [job.id for job in emulator.jobs() if job.status == "cancelledByUser"]


def requests(emulator: Emulator) -> tuple[int, int]:
    """How many there were that cancel, and that ask for a report."""
    return emulator.count("callJob/cancel"), emulator.count("callJob/getReport")


def test_jobs_are_cancelled_by_their_ids(cancel: Cancel, add: Any, emulator: Emulator) -> None:
    ids = add(PHONES)
    assert cancel(ids=ids[:20]) == {
        "cancelled": 20, "cancelled_ids": ids[:20], "finished": 0, "finished_ids": [], "not_found": 0,
        "not_found_ids": [], "not_found_phones": [], "unsettled_calls": 0,
    }  # fmt: skip
    assert (cancelled(emulator), requests(emulator)) == (ids[:20], (1, 0))


def test_a_repeat_tells_the_same_and_cancels_no_more(cancel: Cancel, add: Any, emulator: Emulator) -> None:
    ids = add(PHONES)
    first = cancel(ids=ids[:20])
    assert cancel(ids=ids[:20]) == first
    assert cancelled(emulator) == ids[:20]


@pytest.mark.parametrize("word", ["cancelledByUser", "canceled"])
def test_either_word_for_cancelled_is_one(cancel: Cancel, add: Any, emulator: Emulator, word: Any) -> None:
    emulator.settings(cancelled_status=word)
    ids = add(PHONES)
    assert cancel(ids=ids) == cancel(ids=ids)


def test_jobs_that_had_ended_are_told_apart(cancel: Cancel, add: Any, emulator: Emulator) -> None:
    done = add(PHONES[:3])
    emulator.campaign(lines=10)
    emulator.advance(hours=1)
    emulator.campaign(lines=0)
    ids = add(PHONES[3:6])
    told = cancel(ids=[*done, *ids])
    assert (told["finished_ids"], sorted(told["cancelled_ids"])) == (done, sorted(ids))


@pytest.mark.parametrize(
    "given",
    [
        lambda ids: ids,
        lambda ids: tuple(ids),
        lambda ids: {*ids},
        lambda ids: [int(one) for one in ids],
        lambda ids: json.dumps(ids),
        lambda ids: str(ids),
        lambda ids: [f" {one}\n" for one in ids],
        lambda ids: ids * 2,
    ],
    ids=["list", "tuple", "set", "numbers", "JSON", "Python's notation", "blanks", "twice"],
)
def test_ids_come_in_many_forms(cancel: Cancel, add: Any, emulator: Emulator, given: Any) -> None:
    ids = add(PHONES)
    assert cancel(ids=given(ids))["cancelled"] == 25
    assert requests(emulator) == (1, 0)


@pytest.mark.parametrize("given", [str, int, json.dumps])
def test_one_id_is_a_list_of_one(cancel: Cancel, add: Any, given: Any) -> None:
    """As AddPhoneOperator returns one."""
    (only,) = add(PHONES[:1])
    assert cancel(ids=given(only))["cancelled_ids"] == [only]


def test_ten_thousand_ids_take_fifty_requests(cancel: Cancel, add: Any, emulator: Emulator) -> None:
    ids = add([phone(number) for number in range(10_000)])
    told = cancel(ids=ids)
    assert (told["cancelled"], len(told["cancelled_ids"])) == (10_000, 100)
    assert requests(emulator) == (50, 0)


@pytest.mark.parametrize("given", [[], (), "[]"])
def test_an_empty_list_is_a_success_that_asks_nothing(
    cancel: Cancel, emulator: Emulator, capsys: pytest.CaptureFixture[str], given: Any
) -> None:
    assert cancel(ids=given)["cancelled"] == 0
    assert "Nothing to cancel" in capsys.readouterr().out
    assert emulator.count() == 0


def test_nothing_given_is_an_error_when_the_dag_is_parsed() -> None:
    with pytest.raises(ValueError, match="all left out: give at least one"):
        CancelCallsOperator(task_id="cancel")
    with pytest.raises(ValueError, match="on_not_found 'ignore' can't be used"):
        CancelCallsOperator(task_id="cancel", ids=[], on_not_found="ignore")  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["", " ", "None", "null"])
def test_what_an_earlier_task_did_not_return_is_no_empty_list(cancel: Cancel, emulator: Emulator, given: Any) -> None:
    with pytest.raises(AirflowFailException, match="all None, or blank: an earlier task may have returned nothing"):
        cancel(ids=given, phones=given)
    assert emulator.count() == 0


def test_templates_make_lists_and_blank_ones_are_left_out(task: TaskInstance, environment: jinja2.Environment) -> None:
    blank = "{{ blank }}"
    templates: dict[str, Any] = {
        "ids": "{{ ids }}",
        "phones": "{{ none }}",
        "call_list": blank,
        "aimylogic_conn_id": blank,
    }
    operator = rendered(CancelCallsOperator(task_id="cancel", on_not_found="skip", **templates), environment)
    assert operator.execute(task.context())["not_found_ids"] == ["1", "2"]


@pytest.mark.parametrize("given", [{"ids": ["1"]}, True, b"1"])
def test_what_is_no_list_is_rejected(cancel: Cancel, emulator: Emulator, given: Any) -> None:
    with pytest.raises(AirflowFailException, match="Rejected before any request: ids is of type"):
        cancel(ids=given)
    assert emulator.count() == 0


class TestWhatIsUnknown:
    def test_the_others_are_cancelled_and_then_the_task_fails(
        self, cancel: Cancel, add: Any, emulator: Emulator
    ) -> None:
        ids = add(PHONES)
        given = [*ids[:7], UNKNOWN, *ids[7:], UNKNOWN + "1"]
        with pytest.raises(AirflowException, match=f"25 call jobs are cancelled.*2 are unknown.*{UNKNOWN}") as failure:
            cancel(ids=given)
        assert not isinstance(failure.value, AirflowFailException), "a job may show later"
        assert cancelled(emulator) == ids

    def test_or_it_ends_well_if_that_is_said(self, cancel: Cancel, add: Any, emulator: Emulator) -> None:
        ids = add(PHONES)
        told = cancel(ids=[UNKNOWN, *ids], on_not_found="skip")
        assert (told["cancelled"], told["not_found"], told["not_found_ids"]) == (25, 1, [UNKNOWN])
        assert cancelled(emulator) == ids

    def test_one_among_two_hundred_takes_few_requests(self, cancel: Cancel, add: Any, emulator: Emulator) -> None:
        ids = add([phone(number) for number in range(199)])
        cancel(ids=[*ids[:120], UNKNOWN, *ids[120:]], on_not_found="skip")
        assert requests(emulator)[0] <= 17

    def test_phones_are_named_masked(
        self, cancel: Cancel, add: Any, emulator: Emulator, capsys: pytest.CaptureFixture[str]
    ) -> None:
        ids = add(PHONES[:3])
        stranger = phone(777)
        masked = f"{stranger[:4]}***{stranger[-4:]}"
        with pytest.raises(AirflowException) as failure:
            cancel(phones=[*PHONES[:3], stranger])
        assert masked in str(failure.value)
        assert stranger not in str(failure.value) + capsys.readouterr().out
        told = cancel(phones=[*PHONES[:3], stranger], on_not_found="skip")
        assert told["not_found_phones"] == [masked]
        assert cancelled(emulator) == ids

    def test_a_job_that_does_not_show_yet_is_cancelled_by_the_next_try(
        self, cancel: Cancel, add: Any, emulator: Emulator
    ) -> None:
        emulator.settings(report_lag=300)
        ids = add(PHONES)
        with pytest.raises(AirflowException, match="may not be known yet: the next try asks again"):
            cancel(ids=ids)
        emulator.advance(minutes=6)
        assert cancel(ids=ids)["cancelled"] == 25

    def test_in_another_campaign_not_all_are_asked_for(self, cancel: Cancel, add: Any, emulator: Emulator) -> None:
        ids = add([phone(number) for number in range(1000)])
        with pytest.raises(AirflowException, match=r"knows none of the first 200 .* is aimylogic_conn_id the campaign"):
            cancel(ids=ids, aimylogic_conn_id="aimylogic_other")
        assert emulator.count("callJob/cancel") < 400
        assert cancelled(emulator) == []

    def test_what_can_be_no_id_keeps_no_other_job_ringing(self, cancel: Cancel, add: Any, emulator: Emulator) -> None:
        ids = add(PHONES[:3])
        given = [*ids[:2], 5665334669.0, "79123456789x", None, True, ids[2]]
        with pytest.raises(AirflowFailException) as failure:
            cancel(ids=given)
        told = str(failure.value)
        assert "3 call jobs are cancelled" in told
        assert "4 can't be used: ids[2]" in told
        assert "ids[3]" in told
        assert "lost its digits" in told
        assert "79123456789x" not in told
        assert cancelled(emulator) == ids

    def test_what_can_be_no_phone_keeps_no_other_one_ringing(
        self, cancel: Cancel, add: Any, emulator: Emulator
    ) -> None:
        ids = add(PHONES[:2])
        with pytest.raises(AirflowFailException, match=r"2 call jobs are cancelled.*1 can't be used: phones\[1\]"):
            cancel(phones=[PHONES[0], "nonsense", PHONES[1]])
        assert cancelled(emulator) == ids


class TestPhones:
    @pytest.mark.parametrize("written", ["+7 912 345-67-89", 79123456789, "79123456789", 79123456789.0])
    def test_all_open_jobs_of_a_phone_are_cancelled_in_any_writing(
        self, cancel: Cancel, add: Any, emulator: Emulator, written: Any
    ) -> None:
        ids = [*add(["79123456789"]), *add(["79123456789"])]
        add(PHONES[:2])
        assert cancel(phones=[written])["cancelled_ids"] == ids
        assert cancelled(emulator) == ids

    def test_one_phone_is_a_list_of_one(self, cancel: Cancel, add: Any) -> None:
        ids = add(["79123456789"])
        assert cancel(phones="+79123456789")["cancelled_ids"] == ids

    def test_national_numbers_need_their_region(self, cancel: Cancel, add: Any) -> None:
        add(["79123456789"])
        assert cancel(phones=["8 (912) 345-67-89"], phone_region="RU")["cancelled"] == 1

    def test_ids_and_phones_may_be_given_together(self, cancel: Cancel, add: Any, emulator: Emulator) -> None:
        ids = add(PHONES)
        told = cancel(ids=ids[:5], phones=PHONES[3:8])
        assert told["cancelled"] == 8
        assert cancelled(emulator) == ids[:8]

    def test_phones_are_shown_masked(self, task: TaskInstance) -> None:
        operator = CancelCallsOperator(task_id="cancel", phones=["+79123456789", "1234567"], ids=["5665334669"])
        context = {"ti": task.context()["ti"]}
        operator._do_render_template_fields(
            operator, operator.template_fields, context, operator.get_template_env(), set()
        )
        shown = eval("operator.phones", {"operator": operator, "__name__": "airflow.sdk.execution_time.task_runner"})
        assert shown == ["7912***6789", "12***67"]
        assert operator.phones == ["+79123456789", "1234567"]


class TestWhatGoesWrongOnTheWay:
    def test_after_a_lost_answer_the_repeat_tells_what_the_first_one_cancelled(
        self, cancel: Cancel, add: Any, emulator: Emulator
    ) -> None:
        ids = add(PHONES)
        lost = emulator.fault("after_commit", "reset", path="callJob/cancel", times=2)
        assert cancel(phones=PHONES)["cancelled_ids"] == ids
        assert (lost.hits, requests(emulator)) == (2, (3, 1))

    def test_no_later_try_repeats_a_key(self, cancel: Cancel, add: Any, emulator: Emulator) -> None:
        """Its answer would be that of before, and the job that was added since would ring."""
        add(PHONES[:1])
        cancel(phones=PHONES[:1])
        later = add(PHONES[:1])
        assert cancel(phones=PHONES[:1])["cancelled_ids"] == later
        keys = [line.key for line in emulator.requests() if line.endpoint == "callJob/cancel"]
        assert len({*keys}) == len(keys) == 2

    def test_without_an_answer_the_next_try_does_it_all_again(
        self, cancel: Cancel, add: Any, emulator: Emulator
    ) -> None:
        ids = add([phone(number) for number in range(450)])
        for nth in (2, 3, 4):
            emulator.fault("after_commit", "reset", path="callJob/cancel", nth=nth)
        with pytest.raises(AirflowException, match="200 call jobs are cancelled, and a repeat does no harm") as failure:
            cancel(ids=ids)
        assert not isinstance(failure.value, AirflowFailException)
        emulator.clear_faults()
        assert cancel(ids=ids)["cancelled"] == 450
        assert cancelled(emulator) == ids

    def test_a_request_of_a_killed_try_does_no_harm(self, cancel: Cancel, add: Any, emulator: Emulator) -> None:
        ids = add(PHONES)
        emulator.fault("committed_late", "close", path="callJob/cancel", times=3, commit_after=0.1)
        with pytest.raises(AirflowException):
            cancel(ids=ids)
        emulator.settle()
        assert cancel(ids=ids)["cancelled_ids"] == ids

    def test_a_job_that_goes_on_all_the_same_is_no_success(
        self, cancel: Cancel, add: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As one that was not added by the Calls API."""
        from aimylogic_provider.emulator.world.dialling.dialler import Dialler

        ids = add(PHONES[:3])
        monkeypatch.setattr(Dialler, "cancel", lambda self, job, now: False)
        for which in ({"ids": ids}, {"phones": PHONES[:3]}):
            with pytest.raises(AirflowException, match=f"3 jobs go on, though the server took.*{ids[0]}"):
                cancel(**which)

    def test_what_another_try_can_not_help_fails_for_good_without_the_token(
        self, cancel: Cancel, add: Any, emulator: Emulator, capsys: pytest.CaptureFixture[str]
    ) -> None:
        ids = add(PHONES)
        emulator.campaign(token="9.9.another")
        with pytest.raises(AirflowFailException, match="no campaign has this token") as failure:
            cancel(ids=ids)
        assert TOKEN not in str(failure.value) + capsys.readouterr().out


class TestACallList:
    @pytest.fixture(autouse=True)
    def nobody_is_rung_yet(self, emulator: Emulator) -> None:
        emulator.campaign(lines=0)

    def test_the_report_of_a_sync_is_enough(self, cancel: Cancel, sync: Sync, emulator: Emulator) -> None:
        others = AimylogicHook().add_phone("79123456789")
        sync.add(PHONES)
        told = cancel(call_list=sync.attempt())
        assert (told["cancelled"], told["unsettled_calls"]) == (25, 0)
        assert others not in cancelled(emulator)
        assert cancel(call_list=json.dumps(sync.attempt()))["cancelled"] == 25

    def test_so_is_a_pointer_to_it_or_its_address_or_several(self, cancel: Cancel, sync: Sync) -> None:
        sync.add(PHONES)
        report = sync.attempt()
        pointer = sync.entry["call_list"] if sync.task.has_store else report
        for given in (pointer, report["call_list"], [pointer, report]):
            assert cancel(call_list=given)["cancelled"] == 25

    def test_of_a_list_that_is_not_sent_there_is_nothing_to_cancel(
        self, cancel: Cancel, sync: Sync, emulator: Emulator, capsys: pytest.CaptureFixture[str]
    ) -> None:
        sync.add(PHONES)
        rehearsed = sync.operator(dry_run=True).execute(sync.task.context())
        with pytest.raises(AirflowException, match="25 calls of the list have no known job yet") as failure:
            cancel(call_list=rehearsed)
        assert not isinstance(failure.value, AirflowFailException), "they may be settled by the next try"
        told = cancel(call_list=rehearsed, on_unsettled="skip")
        assert (told["cancelled"], told["unsettled_calls"]) == (0, 25)
        assert "25 calls of the list have no known job yet" in capsys.readouterr().out
        assert emulator.count("callJob/cancel") == 0

    def test_a_deleted_list_tells_what_to_do(self, cancel: Cancel, sync: Sync) -> None:
        sync.add(PHONES)
        report = sync.attempt(keep_call_list=timedelta(0))
        with pytest.raises(AirflowFailException, match="was deleted, but for its counts"):
            cancel(call_list=report)

    def test_one_that_is_no_list_keeps_no_other_from_being_cancelled(
        self, cancel: Cancel, sync: Sync, emulator: Emulator
    ) -> None:
        sync.add(PHONES)
        other = AimylogicHook().add_phone("79123456789")
        with pytest.raises(AirflowFailException, match=r"call_list\[0\].*give what PrepareCallListOperator returned"):
            cancel(call_list=[{"rows": 3}, sync.attempt()], ids=[other])
        assert len(cancelled(emulator)) == 26

    @pytest.mark.parametrize("given", [{"rows": 3}, {"call_list": None}, 7, ["x\0"], {"path": "x", "sha256": "y"}])
    def test_what_is_no_list_says_what_to_give(self, cancel: Cancel, emulator: Emulator, given: Any) -> None:
        with pytest.raises(AirflowFailException, match=r"give what PrepareCallListOperator returned"):
            cancel(call_list=given)
        assert emulator.count() == 0

    def test_a_list_that_is_gone_is_no_empty_one(self, cancel: Cancel, sync: Sync) -> None:
        sync.add(PHONES)
        report = sync.attempt()
        (sync.folder / "list.json").unlink()
        with pytest.raises(AirflowException, match=r"list\.json"):
            cancel(call_list=report)
