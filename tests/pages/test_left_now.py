"""What a yes to a list that waits would do by now stands above its question: another list may have been sent since."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from aimylogic_provider.call_list.freeze.preview import Preview
from aimylogic_provider.call_list_task.questions.approval_question import question
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.pages.waiting import left_now
from tests.call_list.test_only_new_by_lists import PHONES, MakeRun, Run, run
from tests.pages.conftest import Client
from tests.pages.waiting_rows import Rows

__all__ = ["run"]


@pytest.fixture
def rows(session: Any) -> Rows:
    return Rows(session)


def asked(rows: Rows, one: Run, dag_id: str = "call_a_list") -> str:
    """A question about a run's list; its address on *Waiting*."""
    body = question(Preview.of(one.call_list), one.frozen["path"], None, time.time())
    task = {"operator": "ApproveCallListOperator", "dag_id": dag_id, "run_id": one.reads.run_id}
    id = rows.ask("Make 6 calls? (winter) [1]", ["Approve", "Reject"], body=body, task_id="approve", **task)
    rows.session.commit()
    return f"waiting/question/{id}"


def test_after_a_yes_to_one_of_two_the_others_yes_is_told_to_make_no_call(
    client: Client, rows: Rows, run: MakeRun, emulator: Emulator
) -> None:
    first, second = run("a", PHONES[:4]), run("b")
    first.read()
    second.read()
    page = asked(rows, second)
    assert "By now other lists" not in client("uma").get(page).text
    first.call()
    told = client("uma").get(page).text
    assert "By now other lists have called, or hold, the people of 4 of its 6 calls" in told
    assert "a yes makes 2 calls." in told
    third = run("c", PHONES)
    third.read(only_new=False)
    assert "By now" not in client("uma").get(asked(rows, third)).text, "of a list that spares nobody"
    assert second.call()["created"] == 2, "as it was told"


def test_another_dags_list_is_not_looked_into(client: Client, rows: Rows, run: MakeRun, emulator: Emulator) -> None:
    first, second = run("a"), run("b")
    first.read()
    second.read()
    first.call()
    assert "a yes makes 0 calls" in client("uma").get(asked(rows, second)).text
    assert "a yes makes" not in client("uma").get(asked(rows, second, dag_id="another")).text


def test_a_storage_that_hangs_or_fails_shows_the_question_as_it_was_put(
    client: Client, rows: Rows, run: MakeRun, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = run("b")
    second.read()
    page, go_on = asked(rows, second), threading.Event()
    monkeypatch.setattr(left_now, "_SECONDS", 0.2)
    monkeypatch.setattr(left_now, "_read", lambda *_: go_on.wait(20))
    began = time.monotonic()
    told = client("uma").get(page)
    go_on.set()
    assert (told.status_code, time.monotonic() - began < 15) == (200, True)
    assert "Make 6 calls" in told.text or "6 of 6 lines" in told.text
