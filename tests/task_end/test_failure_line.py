"""Why a task failed, in one short line for each kind of end: what happened, what to do, and nobody's phone or token."""

from __future__ import annotations

import re
import sqlite3
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowSensorTimeout,
    AirflowTaskTimeout,
)

from aimylogic_provider.call_list.freeze.rejected.rejected_limit import TooManyRejectedError
from aimylogic_provider.call_list.freeze.rejected.rejections import NobodyToCallError
from aimylogic_provider.call_list.send.nobody_reached import NobodyReachedError
from aimylogic_provider.call_list.send.unsettled_calls import UnknownCallsError
from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.store.sync_entry import ListQuestion
from aimylogic_provider.calls_api.errors import ApiError, ConnectionRejectedError, Known, RejectedError
from aimylogic_provider.campaign_task.action_errors import ActionError
from aimylogic_provider.idempotence.actions import Row
from aimylogic_provider.idempotence.errors import NotAddedError, ParkedError, RefusedCallError
from aimylogic_provider.idempotence.human_answer import Question
from aimylogic_provider.operators import AddPhoneOperator, AddPhonesOperator, GetCampaignOperator
from aimylogic_provider.retries.retry_policy import DEFAULT_RETRY_POLICY
from aimylogic_provider.task_end.failure_line import Failure, failure_of, first_words

if TYPE_CHECKING:
    from aimylogic_provider.call_list.store.manifest import Pointer

SYNC = AddPhonesOperator(task_id="sync", calls=[])
PHONE, TOKEN = "+7 912 345-67-89", "1234.5678.averysecrettoken"
LONG = ", and so on and so forth" * 20

OURS: dict[str, tuple[Any, str, str]] = {
    "refused": (
        RefusedCallError(f"The call to 7912***6789 was refused, and no job came of it{LONG}", row=Row.REFUSED_OPEN),
        "refused", "Mend what that names, and clear the task.",
    ),
    "rejected phone": (
        RejectedError(f"phone '8***2' is no number{LONG}"), "rejected", "Correct it, and clear the task.",
    ),
    "bad connection": (
        ConnectionRejectedError(f"the connection has no token{LONG}"),
        "connection", "Correct the connection sales, and clear the task.",
    ),
    "parked call": (
        ParkedError(f"The call is parked:\na request went unanswered{LONG}", row=Row.UNANSWERED_OLD,
                    question=Question("r", 0.0, ()), known=""),
        "parked", "A person must decide: the ways out stand below.",
    ),
    "parked list": (
        UnknownCallsError(f"Of 12 calls it can't be known whether their jobs exist{LONG}",
                          question=ListQuestion("r", 0.0, (), ""), calls=12, without_job=12, can_be_asked=True,
                          list_id="x"),
        "parked", "A person must decide: the ways out stand below.",
    ),
    "too late": (
        NobodyReachedError(f"Nobody is called: of 9 rows 0 are rejected, 0 refused and 9 expired{LONG}"),
        "nobody", "Correct what the reasons name, and start a new run.",
    ),
    "too many rejected": (
        TooManyRejectedError(f"9 of 10 rows are rejected{LONG}", 9),
        "no_row", "Correct the rows or the query, and clear the task.",
    ),
    "every row rejected": (
        NobodyToCallError(f"Nobody can be called: all 3 rows are rejected{LONG}", cast("Pointer", None)),
        "no_row", "Correct the rows or the query, and clear the task.",
    ),
    "deleted list": (
        CallListError(f"the call list was deleted{LONG}"), "failed", "What to do stands below.",
    ),
    "API down at the last try": (
        NotAddedError(f"status: the server could not be reached{LONG}", retryable=True),
        "unanswered", "No further try comes by itself: clear the task, which calls nobody twice.",
    ),
    "action": (
        ActionError(f"3 jobs go on, though the server took the request{LONG}", retryable=False),
        "failed", "What to do stands below.",
    ),
}  # fmt: skip


def context(try_number: int = 1, max_tries: int = 0, **of_task: Any) -> Any:
    task = SimpleNamespace(retries=max_tries, retry_policy=DEFAULT_RETRY_POLICY, **of_task)
    return {"ti": SimpleNamespace(try_number=try_number, max_tries=max_tries, task=task), "dag_run": SimpleNamespace()}


def operator(kind: Any = AddPhoneOperator, **arguments: Any) -> Any:
    given = {"phone": PHONE} if kind is AddPhoneOperator else {}
    return kind(task_id="call", aimylogic_conn_id="sales", **given, **arguments)


def put_for_airflow(error: Any) -> BaseException:
    """As the operators do."""
    by = GetCampaignOperator(task_id="look") if isinstance(error, ActionError) else SYNC
    with pytest.raises(AirflowException) as put, by._ending():
        raise error
    return put.value


def told(error: BaseException, at: Any = None, of: Any = None) -> Failure:
    failure = failure_of(error, at or context(), of or operator())
    assert len(failure.line) <= 200
    assert PHONE not in failure.line
    assert TOKEN not in failure.line
    return failure


@pytest.mark.parametrize("end", OURS)
def test_each_kind_of_end_is_told_with_what_to_do(end: str) -> None:
    error, kind, to_do = OURS[end]
    failure = told(put_for_airflow(error))
    assert failure.kind == kind
    assert failure.line.startswith("Failed: ")
    assert " ".join(str(error).split())[:40].casefold() in " ".join(failure.line.split()).casefold()
    assert failure.line.endswith(f"\n{to_do}")
    assert not failure.tried_again


@pytest.mark.parametrize("end", OURS)
def test_a_page_of_1280_pixels_has_all_of_it_in_sight(end: str) -> None:
    assert max(map(len, told(put_for_airflow(OURS[end][0])).line.splitlines())) <= 88


def test_a_wrong_token_is_told_by_whatever_it_was_wrapped_into() -> None:
    def raised() -> None:
        try:
            raise ApiError("status was answered with 404 invalid.token", known=Known.REFUSED, retryable=False)
        except ApiError as error:
            raise NotAddedError(f"Adding 7912***6789 did not succeed: {error}", retryable=False) from None

    with pytest.raises(NotAddedError) as caught:
        raised()
    failure = told(put_for_airflow(caught.value))
    assert failure.line == (
        "Failed: Adding 7912***6789 did not succeed: status was answered with 404 invalid.token.\n"
        "Correct the connection sales, and clear the task."
    )


def test_a_short_message_that_names_its_way_out_is_told_alone() -> None:
    failure = told(put_for_airflow(CallListError("the list is gone. Start a new DAG run")))
    assert failure.line == "Failed: the list is gone. Start a new DAG run."


class TestTheNextTry:
    def test_its_time_is_told_and_that_there_is_nothing_to_do(self) -> None:
        error = put_for_airflow(NotAddedError("the server could not be reached", retryable=True))
        failure = told(error, context(max_tries=2, retry_delay=timedelta(minutes=15)))
        assert re.fullmatch(
            r"Failed for now: the server could not be reached\.\n"
            r"Nothing to do: the next try comes at \d\d:\d\d UTC\.",
            failure.line,
        )
        assert failure.tried_again

    def test_a_backoff_is_told_as_a_span(self) -> None:
        error = put_for_airflow(NotAddedError("the server could not be reached", retryable=True))
        at = context(max_tries=2, retry_delay=timedelta(minutes=15), retry_exponential_backoff=2)
        assert re.search(r"comes from \d\d:\d\d to \d\d:\d\d UTC\.$", told(error, at).line)

    def test_none_comes_where_none_can_help(self) -> None:
        failure = told(put_for_airflow(RejectedError("no number")), context(max_tries=2))
        assert (failure.line, failure.tried_again) == (
            "Failed: Rejected before any request: no number.\nCorrect it, and clear the task.", False,
        )  # fmt: skip

    @pytest.mark.skipif(DEFAULT_RETRY_POLICY is None, reason="retry policies came with Airflow 3.3")
    def test_none_comes_where_the_server_asks_to_wait_longer_than_allowed(self) -> None:
        error = put_for_airflow(ActionError("The server asks to wait", retryable=True, retry_after=90_000 * 3.0))
        assert not told(error, context(max_tries=2, retry_delay=timedelta(minutes=1))).tried_again

    @pytest.mark.skipif(DEFAULT_RETRY_POLICY is None, reason="retry policies came with Airflow 3.3")
    def test_it_comes_when_the_server_asks_it_to(self) -> None:
        error = put_for_airflow(ActionError("busy", retryable=True, retry_after=30.0))
        at = context(max_tries=2, retry_delay=timedelta(seconds=1))
        assert told(error, at).line == "Failed for now: busy.\nNothing to do: the next try comes within a minute."


def test_a_task_that_took_too_long_says_so() -> None:
    failure = told(AirflowTaskTimeout("Timeout, PID: 1"))
    assert "execution_timeout is over" in failure.line
    assert failure.kind == "timeout"


def test_a_sensor_that_waited_in_vain_says_so() -> None:
    failure = told(AirflowSensorTimeout("Sensor has timed out"), context(max_tries=3), operator(GetCampaignOperator))
    assert "what was waited for didn't come in time" in failure.line
    assert not failure.tried_again


def raised_by_a_driver() -> BaseException:
    try:
        sqlite3.connect(":memory:").execute(f"select '{PHONE}' from nowhere where '{TOKEN}'")
    except sqlite3.Error as error:
        return error
    raise AssertionError("no error")


@pytest.mark.parametrize("error", [ValueError(f"{PHONE} {TOKEN}"), AirflowException(f"{PHONE} {TOKEN}")])
def test_of_others_errors_no_text_is_told(error: Exception) -> None:
    """It may hold whatever rows and requests hold."""
    assert type(error).__name__ in told(error).line


def test_nor_of_those_of_a_driver_that_this_package_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(raised_by_a_driver.__globals__, "__name__", "aimylogic_provider.call_list.freeze.warehouse")
    assert told(raised_by_a_driver()).line.startswith("Failed: OperationalError of sqlite3, which says below what")


def test_what_airflow_refused_a_try_that_may_be_replaced_leaves_no_counts() -> None:
    error = type("AirflowRuntimeError", (Exception,), {})("refused")
    assert not told(error).is_of_try


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It is so.", "It is so"),
        ("One thing is so and so. Another thing is quite otherwise than that", "One thing is so and so"),
        ("One thing is so and so, another is quite otherwise than that", "One thing is so and so…"),
        ("Onethingissoandsoanotherisquiteotherwise", "Onethingissoandsoanotherisquit…"),
        ("One\nthing\n\nis so", "One thing is so"),
    ],
)
def test_a_text_is_cut_where_a_sentence_or_a_part_of_one_ends(text: str, words: str) -> None:
    assert first_words(text, 31) == words
    assert len(words) <= 31
