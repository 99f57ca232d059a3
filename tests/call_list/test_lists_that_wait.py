"""Two lists with the same people wait for their yes: whoever is asked about the second one learns of the first."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from aimylogic_provider.call_list.freeze.preview import Preview
from aimylogic_provider.call_list.runs.waiting_lists import waiting_lists
from aimylogic_provider.call_list_task.questions.approval_question import question
from aimylogic_provider.call_list_task.questions.surroundings import Surroundings, surroundings
from aimylogic_provider.emulator import Emulator
from tests.call_list.test_only_new_by_lists import PHONES, MakeRun, Run, run

__all__ = ["run"]


def asked(one: Run) -> str:
    """The question about a run's list."""
    told = Surroundings(waiting=waiting_lists(one.call_list, time.time()))
    return question(Preview.of(one.call_list), "s3://lists", None, time.time(), told)


def test_the_second_question_tells_whom_the_first_list_is_for_and_what_is_left_of_this_one(
    run: MakeRun, emulator: Emulator
) -> None:
    first, second = run("a", PHONES[:4]), run("b")
    first.read()
    assert "Not sent yet, either" not in asked(first)
    second.read()
    told = asked(second)
    assert "**Not sent yet, either**: 4 of these 6 calls are for people of the list of" in told
    assert "of run ` manual__a `. Whichever is sent first calls them" in told
    assert "once that one is sent, this list makes 2 calls" in told
    assert first.call()["created"] == 4
    assert second.call()["created"] == 2, "as it was told"


def test_of_the_same_list_pasted_twice_the_second_makes_no_call(run: MakeRun) -> None:
    first, second = run("a"), run("b")
    first.read()
    second.read()
    assert "this list makes 0 calls" in asked(second)


def test_lists_without_only_new_are_told_to_call_twice(run: MakeRun, emulator: Emulator) -> None:
    first, second = run("a", only_new=False), run("b", only_new=False)
    first.read()
    second.read()
    assert "**A yes to both calls them twice**" in asked(second)


def test_what_was_sent_or_deleted_or_is_of_others_waits_no_more(run: MakeRun, emulator: Emulator) -> None:
    sent, no, others, one = run("a", PHONES[:1]), run("b", PHONES[1:2]), run("c", ["79120009999"]), run("d", PHONES[2:])
    for other in (sent, no, others, one):
        other.read()
    sent.call()
    no.call_list.delete("for a person said no to it")
    assert waiting_lists(one.call_list, time.time()) == []
    assert "Not sent yet, either" not in asked(one)


def test_two_that_wait_are_told_by_how_many_they_share_and_others_are_counted(run: MakeRun) -> None:
    lists = [run(f"{number}", PHONES[:number]) for number in range(1, 5)]
    for one in lists:
        one.read()
    whole = run("z")
    whole.read()
    assert [one.shared for one in waiting_lists(whole.call_list, time.time())] == [4, 3, 2, 1]
    told = asked(whole)
    assert told.index("manual__4") < told.index("manual__3")
    assert "2 more lists share people with it, too" in told


def test_a_list_that_cannot_be_read_fails_no_question(run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = run("a"), run("b")
    first.read()
    second.read()
    for path in first.folder.glob("batches/*"):
        path.write_bytes(b"{]")
    assert waiting_lists(second.call_list, time.time()) == []

    def fails(*_: Any) -> None:
        raise OSError

    monkeypatch.setattr("aimylogic_provider.call_list.runs.waiting_lists.lists_in", fails)
    told: list[Any] = []
    operator: Any = SimpleNamespace(log=SimpleNamespace(info=lambda *words: told.append(words)), aimylogic_conn_id="no")
    around = surroundings(operator, {}, Preview.of(second.call_list), None, None, second.call_list)  # type: ignore[arg-type]
    assert (around.waiting, len(told)) == ((), 1)
