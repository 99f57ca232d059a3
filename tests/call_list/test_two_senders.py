"""Two tasks send lists of one task that freezes them: nobody is called twice, and they leave nobody to each other."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.call_list.persons.lists_in_force import ListsLook
from aimylogic_provider.emulator import Emulator
from tests.call_list.test_only_new_by_lists import PHONES, MakeRun, Run, called, run
from tests.conftest import needs_record

__all__ = ["run"]


def by_another_task(one: Run) -> Run:
    one.calls.task_id = "call_too"
    return one


def until_settled(emulator: Emulator, *runs: Run) -> Counter[str]:
    """Try by turns, until each run has ended well; who was called by then, and how often."""
    left = [*runs]
    for _ in range(6):
        for one in [*left]:
            with suppress(AirflowException):
                one.call()
                left.remove(one)
        emulator.advance(minutes=25)
    assert not left
    return called(emulator)


def test_one_list_is_sent_by_one_task_alone(run: MakeRun, emulator: Emulator) -> None:
    """Of one prepared list: whoever claimed it sends it, and nobody else."""
    one = run("a")
    one.read()
    assert one.call()["created"] == 6
    other = by_another_task(run("a"))
    other.frozen = one.frozen
    with pytest.raises(AirflowException, match="task call of DAG call_a_list"):
        other.call()
    assert called(emulator) == Counter(PHONES)


@needs_record
def test_a_list_of_another_sender_that_is_not_over_is_waited_for(run: MakeRun, emulator: Emulator) -> None:
    first, second = run("a", PHONES[:4]), by_another_task(run("b"))
    first.read()
    second.read()
    emulator.fault("before_commit", "reset", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        first.call()
    emulator.clear_faults()
    emulator.advance(seconds=2)  # which of two began later can be told by a server whose clock tells seconds
    with pytest.raises(
        AirflowException, match=r"task call of DAG call_a_list sends it, whereas .* Have one task"
    ) as told:
        second.call()
    assert not isinstance(told.value, AirflowFailException), "another try can help"
    assert emulator.jobs() == []
    assert until_settled(emulator, first, second) == Counter(PHONES)


@needs_record
def test_two_at_once_leave_nobody_to_each_other(
    run: MakeRun, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each claims before the other looks: without a rule each would leave to the other whoever is on both lists."""
    first, second = run("a"), by_another_task(run("b"))
    first.read()
    second.read()
    look, looked, claimed = ListsLook._look, list[ListsLook](), Barrier(2, timeout=30)

    def looks(one: ListsLook) -> Any:
        if one not in looked and len(looked) < 2:
            looked.append(one)
            claimed.wait()
        return look(one)

    monkeypatch.setattr(ListsLook, "_look", looks)
    with ThreadPoolExecutor(2) as both:
        ends = [both.submit(one.call) for one in (first, second)]
        assert sum(one.exception() is not None for one in ends) >= 1, "one of them waits, at least"
    assert until_settled(emulator, first, second) == Counter(PHONES)


def test_the_same_task_of_another_run_is_not_another_sender(run: MakeRun, emulator: Emulator) -> None:
    first, second = run("a", PHONES[:4]), run("b")
    first.read()
    second.read()
    emulator.fault("before_commit", "reset", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        first.call()
    emulator.clear_faults()
    assert second.call()["created"] == 2, "whom the first list doesn't hold"
