"""Called again on purpose: it lifts what the person can have known of who triggered the run, and no second click."""

from __future__ import annotations

import re
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.call_list.freeze.preview import Preview
from aimylogic_provider.call_list.store.caps import Cap
from aimylogic_provider.call_list_task.questions.approval_question import question
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.idempotence.time_limits import CALL_AGAIN_AFTER
from tests.call_list.test_only_new_by_lists import PHONES, MakeRun, Run, Wait, called, run, wait
from tests.conftest import needs_record

__all__ = ["run", "wait"]

FROM = re.compile(r"from (\d{4}-\d\d-\d\d \d\d:\d\d) UTC on")


def with_the_box(one: Run) -> dict[str, Any]:
    return one.triggered_now().read(call_again="True")


def test_two_clicks_with_the_box_call_each_person_once(run: MakeRun, emulator: Emulator) -> None:
    first, second = run("a"), run("b")
    with_the_box(first)
    with_the_box(second)
    assert second.frozen["calls"] == 6, "neither was begun: both are asked about whole"
    assert first.call()["created"] == 6
    assert (second.call()["created"], called(emulator)) == (0, Counter(PHONES))
    (reason,) = second.reasons()
    assert reason.startswith("called by the list of ")
    assert "only_new allows 1 call in 1 day" in reason
    assert FROM.search(reason)


def test_a_second_click_with_the_box_after_the_first_was_sent_is_told_from_when_on_it_helps(
    run: MakeRun, emulator: Emulator, wait: Wait, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = run("a"), run("b"), run("c")
    with_the_box(first)
    first.call()
    wait(minutes=8)
    assert with_the_box(second)["calls"] == 0
    told = capsys.readouterr().out
    assert "To call them again, start a run that says call_again, from then on" in " ".join(told.split())
    (moment,) = {found[1] for found in FROM.finditer(told)}
    left = datetime.strptime(moment, "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp() - time.time() - 8 * 60
    assert 100 < left <= 230, "ten minutes after the request can last have come, and a whole minute"
    wait(seconds=left)
    assert with_the_box(third)["calls"] == 6
    assert third.call()["created"] == 6


def test_whom_another_run_called_just_now_is_spared_beside_whom_one_called_before(
    run: MakeRun, emulator: Emulator, wait: Wait
) -> None:
    before, now, again = run("a", PHONES[:4]), run("b", PHONES[4:]), run("c")
    before.read()
    before.call()
    wait(minutes=15)
    now.read()
    now.call()
    assert (with_the_box(again)["calls"], again.frozen["capped"]) == (4, 2)
    assert again.call()["created"] == 4
    assert called(emulator) == Counter([*PHONES, *PHONES[:4]])


def test_what_was_sent_between_the_yes_and_the_sending_is_seen(run: MakeRun, emulator: Emulator, wait: Wait) -> None:
    """A list with the box may wait for its yes for a day: what others call meanwhile nobody meant to be repeated."""
    again, meanwhile = run("a"), run("b")
    with_the_box(again)
    wait(hours=5)
    meanwhile.read()
    assert meanwhile.call()["created"] == 6
    wait(hours=5)
    assert (again.call()["created"], again.call_list.outcomes(again.call_list.batches(0)[0])[0].outcome) == (
        0,
        "capped",
    )
    assert called(emulator) == Counter(PHONES)


def test_a_clear_a_day_later_rings_nobody_whom_a_later_run_called(run: MakeRun, emulator: Emulator, wait: Wait) -> None:
    again, later = run("a", PHONES[:3]), run("b")
    with_the_box(again)
    wait(hours=20)
    later.read()
    later.call()
    again.reads.clear()
    assert again.read(call_again="True")["calls"] == 0, "its click is as old as it was"


@needs_record
def test_a_list_that_is_not_over_is_lifted_only_once_nobody_sent_of_it_for_ten_minutes(
    run: MakeRun, emulator: Emulator, wait: Wait
) -> None:
    stuck, second, third = run("a"), run("b"), run("c")
    stuck.read()
    emulator.fault("before_commit", "reset", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        stuck.call()
    wait(minutes=9)
    with pytest.raises(AirflowException, match="which isn't over; call_again lifts that from "):
        with_the_box(second)
    wait(minutes=3)
    emulator.clear_faults()
    assert with_the_box(third)["calls"] == 6
    assert third.call()["created"] == 6
    wait(minutes=30)
    assert stuck.call()["capped"] == 6, "what was left of it, the run with the box has called"
    assert called(emulator) == Counter(PHONES)


def test_the_question_says_until_when_calls_are_repeated(run: MakeRun) -> None:
    one = run("a")
    with_the_box(one)
    told = question(Preview.of(one.call_list), "s3://lists", None, time.time())
    assert re.search(r"whom other runs called until \d{4}-\d\d-\d\d \d\d:\d\d UTC is rung once more", told)
    assert "Whom they called later, as after a second click, isn't" in told


def test_its_sender_must_run_one_at_a_time_like_any_other(run: MakeRun, emulator: Emulator) -> None:
    one = run("a")
    with_the_box(one)
    with pytest.raises(AirflowFailException, match="Give that task max_active_tis_per_dag=1"):
        one.call(max_active_tis_per_dag=None)
    assert emulator.jobs() == []


# By which clock


@pytest.mark.parametrize(("triggered", "now", "here", "since"), [
    (5000.0, 6000.0, 6000.0, 4400.0),  # all clocks are one
    (5000.0, 5400.0, 6000.0, 3800.0),  # the server's is 10 minutes behind: the click was 10 minutes before, by it
    (5000.0, 6600.0, 6000.0, 4400.0),  # ahead: a click that is taken for an earlier one lifts less
    (9000.0, 6000.0, 6000.0, 5400.0),  # Airflow's is ahead of both: no run was triggered after now
])  # fmt: skip
def test_by_whichever_clock_it_lifts_less(triggered: float, now: float, here: float, since: float) -> None:
    assert Cap(1, None, "only_new", by="lists", triggered=triggered).since(now, here) == since


def test_what_is_gone_by_without_it_stays_gone_by() -> None:
    cap = Cap(1, 100.0, "only_new", by="lists", triggered=5000.0)
    assert (cap.since(6000.0, 6000.0), cap.again_until) == (5900.0, 5000.0 - CALL_AGAIN_AFTER)
    assert Cap(1, 100.0, "only_new", by="lists").since(6000.0, 9000.0) == 5900.0


def test_two_clicks_with_the_box_call_once_though_the_servers_clock_is_behind(
    run: MakeRun, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aimylogic_provider.idempotence.server_time import SystemClock

    monkeypatch.setattr(SystemClock, "wall", lambda clock: time.time() + 3000.0)
    first, second = run("a"), run("b")
    with_the_box(first)
    with_the_box(second)
    first.call()
    assert (second.call()["created"], called(emulator)) == (0, Counter(PHONES))


# What a list says of itself


def test_a_list_of_an_earlier_version_calls_again_whomever_others_called(run: MakeRun, emulator: Emulator) -> None:
    old = b'{"calls":1,"seconds":86400.0,"rule":"only_new","by":"nobody"}'
    cap = msgspec.json.decode(old, type=Cap)
    assert (cap.by, cap.again_until) == ("nobody", None)
    assert b"triggered" not in msgspec.json.encode(Cap(1, 86400.0, "only_new", by="lists"))


def test_a_version_that_knows_no_such_rule_sends_nothing_of_its_list(run: MakeRun) -> None:
    class OldCap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        calls: int
        seconds: float | None
        rule: str
        keyless: bool = False
        by: str = "table"

    with pytest.raises(msgspec.ValidationError, match="triggered"):
        msgspec.json.decode(msgspec.json.encode(Cap(1, 86400.0, "only_new", by="lists", triggered=1.0)), type=OldCap)
