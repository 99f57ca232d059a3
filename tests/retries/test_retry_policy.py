"""What the policy decides: by what an error tells of the next try, and by the task's own delay."""

from __future__ import annotations

import pickle
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from aimylogic_provider.airflow_task.airflow_imports import AirflowException, AirflowFailException
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.retries import AimylogicRetryPolicy, RetryLaterError
from aimylogic_provider.retries.task_delays import RetrySettings
from aimylogic_provider.retries.task_failures import gives_up
from tests.conftest import HAS_RECORD, HOUR

pytestmark = pytest.mark.skipif(not HAS_RECORD, reason="retry policies came with Airflow 3.3")

DEFAULT = ("default", None)
DAY = 24 * HOUR
INSIDE = 23.9 * HOUR
"""Seconds until the edge of a key that was used a few minutes ago."""


def context(**settings: Any) -> dict[str, Any]:
    own = {"retry_delay": timedelta(seconds=1), "retry_exponential_backoff": 0, "max_retry_delay": None, "retries": 3}
    return {"ti": SimpleNamespace(task=SimpleNamespace(**{**own, **settings}))}


def decided(
    error: BaseException, *, own: float = 1.0, policy: AimylogicRetryPolicy | None = None, number: int = 1, **more: Any
) -> tuple[str, float | None]:
    decision = (policy or AimylogicRetryPolicy()).evaluate(
        error, number, 3, context(retry_delay=timedelta(seconds=own), **more)
    )
    delay = decision.retry_delay
    return decision.action.value, None if delay is None else delay.total_seconds()


def later(**when: Any) -> RetryLaterError:
    return RetryLaterError("told", **when)


@pytest.mark.parametrize(
    ("when", "own", "decision"),
    [
        ({"retry_after": 90}, 1, ("retry", 90)),
        ({"retry_after": 90}, 90, DEFAULT),
        ({"retry_after": 90}, 900, DEFAULT),
        ({"retry_after": 90, "shown_after": 690}, 1, ("retry", 690)),
        ({"retry_after": 900, "shown_after": 690}, 1, ("retry", 900)),
        ({"shown_after": 690}, 1, ("retry", 690)),
        ({"shown_after": 690}, 1000, DEFAULT),
        ({"retry_after": DAY}, 1, ("retry", DAY)),
        ({"retry_after": DAY + 1}, 1, ("fail", None)),
        ({"retry_after": DAY + 1}, DAY + 1, DEFAULT),
        # a key protects
        ({"retry_within": INSIDE}, 1, DEFAULT),
        ({"retry_within": INSIDE}, INSIDE, DEFAULT),
        ({"retry_within": INSIDE}, 25 * HOUR, ("retry", INSIDE - 900)),
        ({"retry_within": INSIDE, "retry_after": 90}, 1, ("retry", 90)),
        ({"retry_within": INSIDE, "retry_after": 90}, 25 * HOUR, ("retry", INSIDE - 900)),
        ({"retry_within": 7200, "shown_after": 690}, 1, ("retry", 690)),
        # and does so no more when anything can come
        ({"retry_within": 900}, 25 * HOUR, DEFAULT),
        ({"retry_within": 600}, 1200, DEFAULT),
        ({"retry_within": -5}, 1, DEFAULT),
        ({"retry_within": 1800, "retry_after": 7200}, 1, ("retry", 7200)),
        ({"retry_within": 1000, "retry_after": 950}, 1, ("retry", 950)),
        ({"retry_within": 1000, "retry_after": 950}, 1001, DEFAULT),
    ],
)
def test_what_failed_and_when_the_next_try_comes(
    when: dict[str, float], own: float, decision: tuple[str, float | None]
) -> None:
    assert decided(later(**when), own=own) == decision


@pytest.mark.parametrize(
    "error", [AirflowException("as any"), AirflowFailException("parked"), ValueError("of the DAG's own"), later()]
)
def test_where_no_time_is_known_the_tasks_own_settings_stand(error: Exception) -> None:
    assert decided(error) == DEFAULT


def test_never_is_a_wait_shorter_than_the_server_asks() -> None:
    for asked in (30, 90, 5000, 80_000):
        for own in (1, 60, 3600, 30 * HOUR):
            for within in (None, 50, 1000, 4000, INSIDE):
                action, delay = decided(later(retry_after=asked, retry_within=within), own=own)
                assert action == "fail" or (own if delay is None else delay) >= asked, (asked, own, within)


def test_the_hooks_own_errors_are_heeded_in_a_task_of_the_users() -> None:
    def error(**more: Any) -> ApiError:
        return ApiError("503", **{"known": Known.UNANSWERED, "retryable": True, **more})

    assert decided(error(retry_after=90.0)) == ("retry", 90)
    assert decided(error()) == DEFAULT
    assert decided(error(retryable=False, retry_after=90.0)) == DEFAULT


def test_without_a_context_the_tasks_own_delay_is_not_known_and_the_server_is_heeded() -> None:
    policy = AimylogicRetryPolicy()
    assert policy.evaluate(later(retry_after=90), 1, 3).retry_delay == timedelta(seconds=90)
    assert policy.evaluate(later(retry_within=INSIDE), 1, 3).action.value == "default"


class TestMaxDelay:
    def test_a_server_that_asks_for_more_fails_the_task(self) -> None:
        hours = AimylogicRetryPolicy(max_delay=timedelta(hours=2))
        assert decided(later(retry_after=7200), policy=hours) == ("retry", 7200)
        assert decided(later(retry_after=7201), policy=hours) == ("fail", None)
        assert decided(later(retry_after=7201), policy=hours, own=10_000) == DEFAULT

    def test_as_long_as_a_server_asks(self) -> None:
        assert decided(later(retry_after=9 * DAY), policy=AimylogicRetryPolicy(max_delay=None)) == ("retry", 9 * DAY)

    def test_but_not_for_a_time_that_cant_be_meant(self) -> None:
        """``Retry-After: Fri, 31 Dec 9999 23:59:59 GMT``: Airflow's scheduler can't count so far."""
        unbounded = AimylogicRetryPolicy(max_delay=None)
        for asked in (366 * DAY + 1, 251_606_282_399.0):
            assert decided(later(retry_after=asked), policy=unbounded) == ("fail", None)
        decision = unbounded.evaluate(later(retry_after=251_606_282_399.0), 1, 3, context())
        assert decision.reason is not None
        assert decision.reason.startswith("The server asks to wait ")
        assert decision.reason.endswith(", longer than a year. Clear the task after that")

    def test_and_no_report_is_waited_for_beyond_a_day(self) -> None:
        """As by one wrong ``Date``."""
        for policy in (AimylogicRetryPolicy(max_delay=None), AimylogicRetryPolicy(max_delay=9 * DAY)):
            assert decided(later(shown_after=DAY), policy=policy) == ("retry", DAY)
            for shown in (DAY + 1, 1.78e9):
                assert decided(later(shown_after=shown), policy=policy) == DEFAULT
                assert decided(later(shown_after=shown, retry_after=90), policy=policy) == ("retry", 90)

    def test_where_the_report_needs_longer_the_tasks_own_delay_counts(self) -> None:
        minutes = AimylogicRetryPolicy(max_delay=300)
        assert decided(later(shown_after=690), policy=minutes) == DEFAULT
        assert decided(later(shown_after=690, retry_after=60), policy=minutes) == ("retry", 60)

    @pytest.mark.parametrize("wrong", [0, -1, "2 hours", True])
    def test_what_cant_be_used_is_said_while_the_dag_is_parsed(self, wrong: Any) -> None:
        with pytest.raises(ValueError, match="max_delay"):
            AimylogicRetryPolicy(max_delay=wrong)


class TestSeveralWaits:
    """Of what waits for the report, some is shown sooner."""

    @pytest.mark.parametrize(("number", "wait"), [(1, 690), (2, 690), (3, 1290)])
    def test_the_first_comes_first_and_all_have_a_last_try(self, number: int, wait: float) -> None:
        assert decided(later(shown_after=690, all_shown_after=1290), number=number) == ("retry", wait)

    def test_nothing_is_waited_for_while_something_can_be_done(self) -> None:
        for number in (1, 3):
            assert decided(later(retry_after=90, all_shown_after=1290), number=number) == ("retry", 90)

    def test_the_last_try_waits_no_longer_than_it_may(self) -> None:
        shown = later(shown_after=690, all_shown_after=1290)
        assert decided(shown, number=3, policy=AimylogicRetryPolicy(max_delay=1000)) == ("retry", 690)
        assert decided(shown, number=3, policy=AimylogicRetryPolicy(max_delay=600)) == DEFAULT
        assert decided(later(shown_after=690, all_shown_after=1.78e9), number=3) == ("retry", 690)


class TestGivesUp:
    def test_a_mistake_in_a_subclass_hides_no_error_of_the_task(self, caplog: pytest.LogCaptureFixture) -> None:
        class Mistaken(AimylogicRetryPolicy):
            def evaluate(self, *given: Any, **named: Any) -> Any:
                raise KeyError("a mistake")

        of_task = SimpleNamespace(task=SimpleNamespace(retry_policy=Mistaken()), try_number=1, max_tries=3)
        assert gives_up({"ti": of_task}, later(retry_after=2 * DAY)) is False  # type: ignore[arg-type,typeddict-item]
        assert "Mistaken can't say whether another try comes" in caplog.text

    def test_as_the_policy_says(self) -> None:
        of_task = SimpleNamespace(task=SimpleNamespace(retry_policy=AimylogicRetryPolicy()), try_number=1, max_tries=3)
        for asked, gives in ((DAY, False), (2 * DAY, True)):
            assert gives_up({"ti": of_task}, later(retry_after=asked)) is gives  # type: ignore[arg-type,typeddict-item]


class TestReasons:
    @pytest.mark.parametrize(
        ("when", "own", "reason"),
        [
            ({"retry_after": 90}, 1, "The server asks to wait 0:01:30"),
            (
                {"shown_after": 691},
                1,
                "Only after 0:11:31 the campaign's report shows what came of the requests so far",
            ),
            (
                {"retry_within": INSIDE},
                25 * HOUR,
                "A request went unanswered: trying again after 23:39:00, while its idempotence key protects it, rather "
                "than after 1 day, 1:00:00",
            ),
            (
                {"retry_after": 2 * DAY},
                1,
                "The server asks to wait 2 days, 0:00:00, longer than max_delay (1 day, 0:00:00). Clear the task after "
                "that",
            ),
        ],
    )
    def test_they_are_short_and_for_people(self, when: dict[str, float], own: float, reason: str) -> None:
        decision = AimylogicRetryPolicy().evaluate(later(**when), 1, 3, context(retry_delay=timedelta(seconds=own)))
        assert decision.reason == reason
        assert len(reason) < 200  # Airflow keeps 500


class TestOwnDelay:
    @pytest.mark.parametrize(
        ("settings", "number", "delay"),
        [
            ({}, 5, (300, 300)),
            ({"retry_exponential_backoff": 1.0}, 5, (300, 300)),
            ({"retry_exponential_backoff": 2.0}, 1, (300, 599)),
            ({"retry_exponential_backoff": True}, 3, (1200, 2399)),
            ({"retry_exponential_backoff": 2.0, "max_retry_delay": timedelta(seconds=500)}, 1, (300, 500)),
            ({"retry_exponential_backoff": 2.0, "max_retry_delay": timedelta(seconds=500)}, 9, (500, 500)),
            ({"retry_exponential_backoff": 2.0}, 2000, (DAY, DAY)),
            ({"retry_delay": 300.0, "retry_exponential_backoff": 0}, 1, (300, 300)),
            ({"retry_delay": timedelta(0), "retry_exponential_backoff": 2.0}, 1, (1, 1)),
        ],
    )
    def test_as_airflow_counts_it(self, settings: dict[str, Any], number: int, delay: tuple[float, float]) -> None:
        own = RetrySettings.of(SimpleNamespace(**{"retry_delay": timedelta(seconds=300), "retries": 1, **settings}))
        assert own is not None
        assert own.after(number) == delay

    def test_airflows_own_count_lies_within(self) -> None:
        from datetime import UTC, datetime

        from airflow.models.taskinstance import TaskInstance as Row

        end = datetime(2026, 1, 1, tzinfo=UTC)
        for backoff in (0, 1.0, 1.5, 2.0, 10.0):
            for number in range(1, 12):
                task = SimpleNamespace(
                    retry_delay=timedelta(seconds=7), retry_exponential_backoff=backoff, max_retry_delay=None
                )
                row = SimpleNamespace(
                    retry_delay_override=None, task=task, try_number=number, dag_id="a", task_id="b",
                    logical_date=end, end_date=end, log=None, state="failed",
                )  # fmt: skip
                waited = (Row.next_retry_datetime(row) - end).total_seconds()  # type: ignore[arg-type]
                own = RetrySettings.of(task)
                assert own is not None
                assert own.after(number).least <= waited <= own.after(number).most, (backoff, number)

    def test_a_backoff_that_may_go_past_the_edge_is_taken_for_one_that_does(self) -> None:
        """Airflow takes any time from 20 to 40 hours here."""
        error = later(retry_within=INSIDE)
        day = {"retry_exponential_backoff": 2.0}
        assert decided(error, own=20 * HOUR, **day) == ("retry", INSIDE - 900)
        assert decided(error, own=10 * HOUR, **day) == DEFAULT


class TestTogetherWithOthers:
    def test_a_chain_asks_it_where_others_decide_nothing(self) -> None:
        from airflow.providers.common.compat.sdk import ChainRetryPolicy
        from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryAction, RetryRule

        rules = ExceptionRetryPolicy([RetryRule(exception=PermissionError, action=RetryAction.FAIL)])
        chain = ChainRetryPolicy([rules, AimylogicRetryPolicy()])
        assert chain.evaluate(later(retry_after=90), 1, 3, context()).retry_delay == timedelta(seconds=90)
        assert chain.evaluate(PermissionError(), 1, 3, context()).action is RetryAction.FAIL
        assert chain.evaluate(ValueError(), 1, 3, context()).action is RetryAction.DEFAULT

    def test_a_rule_of_the_users_can_name_the_error(self) -> None:
        from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryRule

        rule = RetryRule(exception="aimylogic_provider.retries.RetryLaterError", retry_delay=timedelta(minutes=5))
        decision = ExceptionRetryPolicy([rule]).evaluate(later(retry_after=90), 1, 3)
        assert decision.retry_delay == timedelta(minutes=5)


def test_the_error_is_plain_and_can_be_carried() -> None:
    error = later(retry_after=90.0, shown_after=690.0, retry_within=80_000.0)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), vars(again)) == ("told", vars(error))
    assert isinstance(again, AirflowException)


@pytest.mark.parametrize("policy", [{}, {"max_delay": None}, {"max_delay": 60}, {"max_delay": timedelta(hours=2)}])
def test_it_is_serialised_alike_each_time(policy: dict[str, Any]) -> None:
    one = AimylogicRetryPolicy(**policy)
    assert one.serialize() == AimylogicRetryPolicy(**policy).serialize()
    assert AimylogicRetryPolicy.deserialize(one.serialize()).serialize() == one.serialize()
    assert one == AimylogicRetryPolicy(**policy)
