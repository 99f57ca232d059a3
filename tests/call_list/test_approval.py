"""A person's yes between preparing a list and sending it, where a task speaks to its supervisor."""

from __future__ import annotations

import json
import logging
import re
import shutil
import sqlite3
from contextlib import closing, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    TaskDeferred,
)
from airflow.sdk import Param, exceptions
from cryptography.fernet import Fernet

from aimylogic_provider.call_list.freeze.preview import masked_value
from aimylogic_provider.call_list.freeze.rejected.rejection_reasons import kind_of
from aimylogic_provider.call_list.runs import old_lists
from aimylogic_provider.call_list.runs.old_lists import delete_old
from aimylogic_provider.call_list.store.manifest import CallListError, Claim, Pointer
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.call_list_task.questions.approval_question import as_code
from aimylogic_provider.operators import (
    ApproveCallListOperator,
    PrepareCallListOperator,
    PrepareCallsOperator,
    SendCallListOperator,
)
from tests.answers import said
from tests.call_list.sync import CrashError, Sync, phone
from tests.conftest import TaskInstance, needs_record
from tests.operators.test_required_action import Questions, questions

__all__ = ["questions"]

TaskAwaitingInput: Any = getattr(exceptions, "TaskAwaitingInput", TaskDeferred)
PHONES = [phone(number) for number in range(25)]
YES, NO = "Approve", "Reject"
MARKUP = "{{ 1/0 }} <script>alert(1)</script> **x** [y](http://z) `w` | ~~v~~"


class Approval:
    """A DAG run in three tasks: one prepares, one asks, one sends."""

    def __init__(self, sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sync = sync
        self.tasks = {name: TaskInstance(task_id=name, run=sync.task.run) for name in ("prepare", "approve", "send")}
        self.skipped: list[Any] = []
        monkeypatch.setattr(ApproveCallListOperator, "skip", lambda _, ti, tasks: self.skipped.append(ti))

    def _next(self, task: str) -> dict[str, Any]:
        self.tasks[task].current_try += 1
        return {**self.tasks[task].context(), "task_instance": self.tasks[task].context()["ti"]}

    def prepare(self, **arguments: Any) -> dict[str, Any]:
        operator = PrepareCallListOperator(
            task_id="prepare",
            **{
                "sql": "select id, phone, name from customer order by id",
                "sql_conn_id": "warehouse",
                "key_columns": ["id"],
                "call_list_path": str(self.sync.lists),
                "batch_size": 10,
                **arguments,
            },
        )
        call_list: dict[str, Any] = operator.execute(self._next("prepare"))
        return call_list

    def _approve(self, call_list: Any, **arguments: Any) -> ApproveCallListOperator:
        operator = ApproveCallListOperator(task_id="approve", call_list=call_list, **arguments)
        operator.downstream_task_ids = {"send"}
        return operator

    def execute(self, call_list: Any, **arguments: Any) -> Any:
        return self._approve(call_list, **arguments).execute(self._next("approve"))

    def ask(self, call_list: Any, **arguments: Any) -> dict[str, Any]:
        """What Airflow keeps for the answer."""
        with pytest.raises(TaskAwaitingInput) as waiting:
            self.execute(call_list, **arguments)
        assert waiting.value.method_name == "execute_complete"
        kwargs: dict[str, Any] = json.loads(json.dumps(waiting.value.kwargs))
        return kwargs

    def answer(
        self, kwargs: dict[str, Any], option: str, call_list: Any = None, form: Any = None, **arguments: Any
    ) -> Any:
        event = said(option, form)
        context = self.tasks["approve"].context()
        operator = self._approve(call_list or kwargs["call_list"], **arguments)
        context["task"] = operator
        return operator.execute_complete(context, event, **kwargs)

    def send(self, call_list: Any, **arguments: Any) -> dict[str, Any]:
        operator = SendCallListOperator(
            task_id="send", call_list=call_list, call_list_path=str(self.sync.lists), **arguments
        )
        report: dict[str, Any] = operator.execute(self._next("send"))
        return report

    def files(self) -> list[str]:
        """All files of all lists."""
        names = (path.relative_to(self.sync.lists).parts for path in self.sync.lists.rglob("*") if path.is_file())
        return sorted("/".join(parts[4:]) for parts in names if parts[-1] != "entry.json")


@pytest.fixture
def approval(sync: Sync, questions: Questions, monkeypatch: pytest.MonkeyPatch) -> Approval:
    return Approval(sync, monkeypatch)


def test_the_question_names_the_campaign_among_others(approval: Approval, questions: Questions) -> None:
    approval.sync.add(PHONES)
    call_list = approval.prepare()
    approval.ask(call_list, aimylogic_conn_id="aimylogic_default", subject="Call (Perm)?")
    assert asked(questions).subject == f"Call (Perm)? (aimylogic_default) [{call_list['sha256'][:8]}]"


def asked(questions: Questions) -> Any:
    (question,) = questions.asked.values()
    return question


# What the person sees


def test_the_question_tells_counts_reasons_cost_and_a_masked_sample(approval: Approval, questions: Questions) -> None:
    approval.sync.add([*PHONES, PHONES[0], "", "none", "8 912", "8 912"], name="Alexandra Petrova")
    call_list = approval.prepare()
    approval.ask(call_list, body="For **Perm**.")
    question = asked(questions)
    assert question.subject == f"Make 25 calls? [{call_list['sha256'][:8]}]"
    assert question.options == [YES, NO]
    assert question.body.startswith("For **Perm**.\n\n")
    for text in (
        "- **Calls**: 25 of 30 rows, each added to the campaign once; how often each is rung, the campaign says",
        "- **Hours**: as the campaign says",
        "- **By country**: RU 25",
        "- **Brakes**: none are set",
        "- **Not called**: 4 rejected; 1 double of a call. Why rejected",
        "2 × ` phone is not a possible number with a country code `",
        "1 × ` phone is empty `",
        f"- The list: ` {call_list['path']} `",
        "- **5 of the calls**, masked",
        f"  - row 1: ` 7912***{PHONES[0][-4:]} `, ` name ` ` A… `",
        "  - row 25: ",
    ):
        assert text in question.body
    assert [*re.findall("- row ([0-9]+): ", question.body)] == ["1", "7", "13", "19", "25"], "spread over the list"
    assert not [one for one in PHONES if one in question.body]
    for hidden in ("Alexandra", "lex", "Petrova", "8 912"):
        assert hidden not in question.body


def test_a_subject_of_ones_own_bears_the_reference_too(approval: Approval, questions: Questions) -> None:
    approval.sync.add(PHONES[:1])
    call_list = approval.prepare()
    approval.ask(call_list, subject="Call them?")
    assert asked(questions).subject == f"Call them? [{call_list['sha256'][:8]}]"
    assert "**The call**" in asked(questions).body
    assert "1 of 1 row, each" in asked(questions).body


def test_what_rows_hold_is_neither_a_template_nor_markup(approval: Approval, questions: Questions) -> None:
    """Values are masked to a character; names of columns, which a wide query may take from data, stand as code."""
    name = MARKUP.replace("`", "``")
    approval.sync.execute("drop table customer")
    with closing(sqlite3.connect(approval.sync.database)) as database, database:
        database.execute(f'create table customer(id integer, phone text, "{name}" text, zone text)')
        rows = [(number, one, MARKUP, None) for number, one in enumerate(PHONES)]
        database.executemany("insert into customer values (?, ?, ?, ?)", [*rows, (99, PHONES[0], "x", MARKUP)])
    approval.ask(approval.prepare(sql="select * from customer order by id", gmt_zone_column="zone"))
    body = asked(questions).body
    assert f"``` {name[:59]}… ```" in body
    outside = "".join(body.split("``` " + name[:59] + "… ```"))
    assert "script" not in outside
    assert "1/0" not in outside
    assert "` {… `" in outside
    assert "1 × ` gmt_zone is none of the allowed forms `" in outside


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("plain", "` plain `"),
        ("a`b", "`` a`b ``"),
        ("``", "``` `` ```"),
        ("two\nlines\u202e", "` two lines  `"),
        ("x" * 100, f"` {'x' * 59}… `"),
        ("<b>*{{ x }}", "` <b>*{{ x }} `"),
    ],
)
def test_code_shows_text_letter_by_letter(text: str, code: str) -> None:
    assert as_code(text) == code


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Alexandra Petrova", "A…"),
        ("+79123456789", "+…"),
        (79123456789, "7…"),
        ("7912-34-56", "7…"),
        (1500.5, "1…"),
        ("2026-12-01", "2026-12-01"),
        ("2026-12-01T10:00:00+03:00", "2026-12-01…"),
        ("2026-12-01 Petrova", "2026-12-01…"),
        ("2026-12-0112345", "2…"),
        (True, "true"),
        (None, "null"),
        ("", "…"),
        ({"name": "Alex"}, "{…}"),
        (["Alex"], "[…]"),
    ],
)
def test_values_are_masked(value: object, shown: str) -> None:
    assert masked_value(value) == shown


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("phone 'Iv***ov' is not a possible number: give '+79123456789'", "phone is not a possible number"),
        ("gmt_zone 'Ivan Petrov Sidorov' is none: use +03:00", "gmt_zone is none"),
        ("gmt_zone 'a: b c' is none: use +03:00", "gmt_zone is none"),
        ("gmt_zone \"it's Petrov's\" is none: use +03:00", "gmt_zone is none"),
        ("gmt_zone 'it\\'s \"Petrov\" x' is none: use +03:00", "gmt_zone is none"),
        ("gmt_zone 'Ivan Petrov", "gmt_zone …"),
        ("the row can't be sent, 5 times: correct it", "the row can't be sent, … times"),
        ("priority 9 isn't a whole number from 1 to 5: give one", "priority isn't a whole number from … to …"),
        ("the call has an unknown name 'payloads': there are phone, key", "the call has an unknown name …"),
        (
            "allowed_time of mon has '9', which isn't a time: write HH:MM",
            "allowed_time of mon has …, which isn't a time",
        ),
        ("it takes 2,000,044 bytes, more than (1,000,000): leave names out", "it takes … bytes, more than (…)"),
    ],
)
def test_reasons_are_counted_without_the_values_that_they_name(reason: str, kind: str) -> None:
    assert kind_of(reason) == kind


# Yes


def test_a_yes_sends_each_number_once_and_a_clear_of_anything_changes_nothing(
    approval: Approval, questions: Questions
) -> None:
    approval.sync.add(PHONES)
    call_list = approval.prepare()
    assert set(call_list) == {"path", "sha256", "rows", "calls", "doubles", "rejected", "shards"}
    approved = approval.answer(approval.ask(call_list), YES)
    assert approved == call_list
    assert approval.skipped == []
    report = approval.send(approved)
    assert report["created"] == 25
    approval.sync.task.clear()
    approval.sync.emulator.advance(hours=25)
    again = approval.answer(approval.ask(call_list), YES)
    assert approval.send(again)["created"] == 25
    approval.sync.assert_once(PHONES)


def test_the_question_has_no_form_though_the_task_or_on_airflow_3_1_its_dag_has_one(
    approval: Approval, questions: Questions
) -> None:
    """A field that was left empty comes back from the page of 3.1 as something else, which fails the answer."""
    approval.sync.add(PHONES)
    call_list = approval.prepare()
    form = {"params": {"phone_region": Param(None, type=["null", "string"])}}
    kwargs = approval.ask(call_list, **form)
    assert asked(questions).params == {}
    assert approval.answer(kwargs, YES, form={"phone_region": "", "of an earlier version": {}}, **form) == call_list


def test_what_was_approved_is_sent_though_another_list_was_frozen_meanwhile(approval: Approval) -> None:
    approval.sync.add(PHONES[:5])
    kwargs = approval.ask(approval.prepare())
    approval.sync.add(PHONES[5:])
    other = approval.prepare()
    approved = approval.answer(kwargs, YES, other)
    assert approved["calls"] == 5
    approval.send(approved)
    approval.sync.assert_once(PHONES[:5])


def test_an_answer_is_never_taken_for_a_list_that_nobody_saw(approval: Approval) -> None:
    """After a clear of the whole run Airflow would show the first list's words, and ask about the second."""
    approval.sync.add(PHONES[:5])
    approval.ask(approval.prepare())
    approval.sync.task.clear()
    approval.sync.add(PHONES[5:])
    with pytest.raises(AirflowFailException, match="this one's is about another list: “Make 5 calls"):
        approval.execute(approval.prepare())


def test_nobody_is_asked_about_no_calls_nor_about_a_list_that_was_sent_and_deleted(
    approval: Approval, questions: Questions
) -> None:
    empty = approval.prepare()
    assert approval.execute(empty) == empty
    approval.sync.add(PHONES)
    call_list = approval.prepare()
    approval.send(call_list, keep_call_list=timedelta(0))
    assert approval.execute(call_list) == call_list
    assert questions.asked == {}
    assert approval.send(call_list)["created"] == 25
    approval.sync.assert_once(PHONES)


# Until when it is of use


@pytest.mark.parametrize(
    ("ahead", "told"), [(timedelta(days=1), None), (-timedelta(days=1), r"\*\*That has passed\*\*: a yes calls nobody")]
)
def test_the_person_is_told_until_when_an_answer_is_of_use(
    approval: Approval, questions: Questions, ahead: timedelta, told: str | None
) -> None:
    approval.sync.add(PHONES)
    finish = datetime.now(UTC).replace(microsecond=0) + ahead
    call_list = approval.prepare(call_before=finish)
    approval.ask(call_list)
    body = asked(questions).body
    until = f"{finish - timedelta(minutes=1):%Y-%m-%d %H:%M} UTC"
    assert f"**Answer before {until}**: who is too late isn't added" in body
    assert (re.search("has passed", body) is None) if told is None else re.search(told, body)


# No


@pytest.mark.parametrize("fails", [False, True])
def test_a_no_deletes_the_list_skips_the_rest_or_fails_and_can_be_repeated(
    approval: Approval, questions: Questions, fails: bool
) -> None:
    approval.sync.add([*PHONES, PHONES[0], "none"])
    call_list = approval.prepare()
    kwargs = approval.ask(call_list)
    for _ in range(2):
        with pytest.raises(Exception, match="Reject") if fails else nullcontext():
            assert approval.answer(kwargs, NO, fail_on_reject=fails) == {**call_list, "said_no": "Maria (7)"}
    assert len(approval.skipped) == (0 if fails else 2)
    assert approval.files() == ["deleted.json"]
    (left,) = approval.sync.lists.rglob("deleted.json")
    assert not [one for one in PHONES if one in left.read_text()]
    # Cleared: nobody is asked once more, and the half that sends says why it doesn't.
    approval.sync.task.clear()
    with pytest.raises(AirflowSkipException, match=r"deleted, for a person said no to it \(Maria \(7\)\)"):
        approval.execute(call_list)
    with pytest.raises(AirflowFailException, match="deleted, for a person said no to it"):
        approval.execute(call_list, fail_on_reject=True)
    with pytest.raises(AirflowSkipException, match=r"person said no to it: nobody was called\. Maria \(7\) said so"):
        approval.send(call_list)
    assert len(questions.asked) == 1
    assert approval.sync.sends() == 0


def test_a_list_that_somebody_began_to_send_is_kept(approval: Approval) -> None:
    approval.sync.add(PHONES)
    call_list = approval.prepare()
    kwargs = approval.ask(call_list)
    approval.sync.emulator.fault("before_commit", "status", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        approval.send(call_list)
    before = approval.files()
    assert approval.answer(kwargs, NO) == {**call_list, "said_no": "Maria (7)"}
    assert approval.files() == before
    assert len(approval.skipped) == 1
    approval.sync.emulator.clear_faults()
    assert approval.send(call_list)["created"] == 25
    approval.sync.assert_once(PHONES)


def test_a_list_that_was_sent_meanwhile_is_kept_whole(approval: Approval) -> None:
    approval.sync.add(PHONES)
    call_list = approval.prepare()
    kwargs = approval.ask(call_list)
    approval.send(call_list)
    before = approval.files()
    assert approval.answer(kwargs, NO) == {**call_list, "said_no": "Maria (7)"}
    assert approval.files() == before


def test_a_list_whose_sending_begins_at_the_very_moment_of_a_no_is_kept(
    approval: Approval, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval.sync.add(PHONES)
    call_list = approval.prepare()
    kwargs = approval.ask(call_list)
    write = Folder.write

    def beginning(folder: Folder, name: str, content: bytes) -> None:
        write(folder, name, content)
        if name == "deleted.json":
            claim = Claim("task send of DAG winter_sale", 0, 0.0, "server", "campaign")
            write(folder, "claimed/0.other.json", msgspec.json.encode(claim))

    before = approval.files()
    with monkeypatch.context() as patched:
        patched.setattr(Folder, "write", beginning)
        assert approval.answer(kwargs, NO) == {**call_list, "said_no": "Maria (7)"}
    assert approval.files() == sorted([*before, "claimed/0.other.json"])


def test_whoever_dies_while_deleting_is_finished_by_the_next_try(
    approval: Approval, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval.sync.add(PHONES)
    call_list = approval.prepare()
    kwargs = approval.ask(call_list)
    delete = Folder.delete

    def dying(folder: Folder, name: str) -> None:
        if name == "batches/00002.jsonl":
            raise CrashError
        delete(folder, name)

    monkeypatch.setattr(Folder, "delete", dying)
    with pytest.raises(CrashError):
        approval.answer(kwargs, NO)
    monkeypatch.setattr(Folder, "delete", delete)
    assert "batches/00003.jsonl" in approval.files()
    with pytest.raises(AirflowSkipException):
        approval.execute(call_list)
    assert approval.files() == ["deleted.json"]


def test_a_store_that_can_not_be_reached_has_the_task_retried_and_a_list_that_is_gone_has_it_fail(
    approval: Approval, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval.sync.add(PHONES)
    call_list = approval.prepare()
    kwargs = approval.ask(call_list)

    def failing(folder: Folder, name: str) -> bytes:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "read", failing)
        with pytest.raises(AirflowException, match="nothing is sent; but the call list can't be deleted") as told:
            approval.answer(kwargs, NO)
        assert not isinstance(told.value, AirflowFailException)
        with pytest.raises(AirflowException, match="can't be reached"):
            approval.execute(call_list)
    shutil.rmtree(approval.sync.lists)
    with pytest.raises(AirflowFailException, match=r"can't be deleted: the call list has no list\.json"):
        approval.answer(kwargs, NO)
    with pytest.raises(AirflowFailException, match=r"has no list\.json"):
        approval.execute(call_list)


@needs_record
@pytest.mark.parametrize("died", [False, True])
def test_a_no_is_not_asked_for_again_if_the_list_could_not_be_deleted(
    approval: Approval, questions: Questions, monkeypatch: pytest.MonkeyPatch, died: bool
) -> None:
    approval.sync.add(PHONES)
    call_list = approval.prepare()
    kwargs = approval.ask(call_list)

    def failing(folder: Folder, name: str) -> bytes:
        raise CrashError if died else OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "read", failing)
        with pytest.raises(CrashError if died else AirflowException):
            approval.answer(kwargs, NO)
        if not died:
            with pytest.raises(AirflowException, match="nothing is sent; but the call list can't be deleted") as told:
                approval.execute(call_list)
            assert not isinstance(told.value, AirflowFailException)
    with pytest.raises(AirflowSkipException, match="a person said no to it"):
        approval.execute(call_list)
    assert approval.files() == ["deleted.json"]
    assert len(questions.asked) == 1
    # Of another list nobody has said anything.
    approval.tasks["approve"].id = uuid4()
    approval.ask(approval.prepare())


@pytest.mark.parametrize("name", ["rejected/00001.jsonl", "batches/00001.jsonl", "list.json"])
def test_a_list_that_was_changed_is_not_shown(approval: Approval, questions: Questions, name: str) -> None:
    approval.sync.add([*PHONES, "none"])
    call_list = approval.prepare()
    file = Path(call_list["path"].removeprefix("file://"), name)
    file.write_bytes(file.read_bytes() + b"\n")
    with pytest.raises(AirflowFailException, match="not what was frozen"):
        approval.execute(call_list)
    assert questions.asked == {}


def test_what_is_no_call_list_is_told_so(approval: Approval) -> None:
    with pytest.raises(AirflowFailException, match="this isn't a call list"):
        approval.execute("None")


def test_whoever_begins_to_send_a_list_that_is_just_deleted_is_told_why(approval: Approval) -> None:
    approval.sync.add(PHONES)
    call_list = approval.prepare()
    sending = CallList.open(Pointer.of(call_list))
    assert CallList.discard(Pointer.of(call_list), "for a person said no to it")
    with pytest.raises(CallListError, match="for a person said no to it"):
        sending.claim(Claim("task send", 0, 0.0, "server", "campaign"))


# A clear of the whole run


@needs_record
@pytest.mark.parametrize("whole", [False, True], ids=["half sent", "sent whole"])
@pytest.mark.parametrize("kept", [timedelta(days=30), timedelta(0)])
def test_a_list_that_was_approved_and_begun_is_finished_though_another_one_was_frozen(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, questions: Questions, whole: bool, kept: timedelta
) -> None:
    """Nobody can be asked about the other one, so that the rest of the first one was called by nobody."""
    sync.add(PHONES)
    approval = Approval(sync, monkeypatch)
    approved = approval.answer(approval.ask(approval.prepare()), YES)
    if whole:
        approval.send(approved, keep_call_list=kept)
    else:
        sync.emulator.fault("after_commit", "reset", path="addPhones", phone=PHONES[12], times=3)
        with pytest.raises(AirflowException):
            approval.send(approved, concurrency=1)
    sync.task.clear()
    sync.add([phone(500)])
    other = approval.prepare()
    assert approval.execute(other) == approved
    assert approval.send(approved)["created"] == len(PHONES)
    assert [file.name for file in Path(other["path"].removeprefix("file://")).rglob("*")] == ["deleted.json"]
    sync.assert_once(PHONES)


@needs_record
@pytest.mark.parametrize("discards", [False, True], ids=["state kept", "state discarded"])
def test_an_approval_whose_list_was_deleted_for_another_one_skips_nothing_of_that(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, questions: Questions, discards: bool
) -> None:
    """The half that sends followed the first list; the approval then skipped it, and the rest was called by nobody."""
    sync.add(PHONES)
    approval = Approval(sync, monkeypatch)
    approved = approval.answer(approval.ask(approval.prepare()), YES)
    sync.emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[12], times=None)
    with pytest.raises(AirflowException):
        approval.send(approved, concurrency=1)
    sync.task.clear()
    for task in approval.tasks.values():
        task.clear(discards=True, counted=False)
    other = approval.prepare()
    with pytest.raises(AirflowException):  # a person said yes to the other one, too; the first one is followed
        approval.send(other, concurrency=1)
    sync.emulator.clear_faults()
    for name in ("approve", "send"):
        approval.tasks[name].clear(discards=discards)
    assert approval.execute(other) == other
    assert approval.send(other)["call_list"] == approved["path"]
    assert approval.skipped == []
    sync.assert_once(PHONES)


@pytest.mark.parametrize("begun", [False, True], ids=["none begun", "another one begun"])
def test_a_list_that_was_deleted_for_its_age_before_it_was_sent_is_no_green_skip(
    approval: Approval, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    monkeypatch.setattr(old_lists, "_UNUSED", timedelta(0))
    approval.sync.add(PHONES)
    call_list = approval.prepare()
    if begun:
        approval.send(approval.prepare())
    assert delete_old(f"{approval.sync.lists}/winter_sale/prepare", timedelta(0), logging.getLogger())
    if begun:
        assert approval.execute(call_list) == call_list
        return
    with pytest.raises(AirflowFailException, match=r"deleted, for its age.* Start a new DAG run"):
        approval.execute(call_list)


@needs_record
def test_a_list_that_was_approved_and_not_begun_is_no_answer_for_another_one(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, questions: Questions
) -> None:
    sync.add(PHONES)
    approval = Approval(sync, monkeypatch)
    approval.answer(approval.ask(approval.prepare()), YES)
    sync.task.clear()
    with pytest.raises(AirflowFailException, match="Start a new DAG run"):
        approval.execute(approval.prepare())
    assert sync.sends() == 0


# Beside the list


class Dag:
    """As much of a DAG as an approval sees: what follows it."""

    def __init__(self, *following: Any) -> None:
        self.following = following


def following(monkeypatch: pytest.MonkeyPatch, *tasks: Any) -> None:
    monkeypatch.setattr(ApproveCallListOperator, "get_dag", lambda _: Dag())
    monkeypatch.setattr(ApproveCallListOperator, "get_flat_relatives", lambda _, upstream: tasks)


def sends(conn_id: str, task: str = "send") -> SendCallListOperator:
    return SendCallListOperator(task_id=task, call_list="", aimylogic_conn_id=conn_id)


def test_the_campaign_to_which_the_list_goes_is_told_as_it_stands(
    approval: Approval, questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval.sync.add(PHONES)
    following(monkeypatch, sends("aimylogic_default"))
    approval.sync.emulator.campaign(name="**Winter** [x](http://z)", status="paused")
    approval.ask(approval.prepare())
    body = asked(questions).body
    assert "**Campaign** (` aimylogic_default `): ` '**Winter** [x](http://z)' ` is paused: 0 of 0 numbers done" in body
    assert "**Nobody is rung until it is resumed**" in body


def test_what_can_not_be_told_of_a_campaign_is_said_and_fails_nothing(
    approval: Approval, questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval.sync.add(PHONES)
    call_list = approval.prepare()
    approval.ask(call_list)
    assert "**Campaign**: how it stands can't be told: ` no task behind this one" in asked(questions).body
    for tasks, arguments, told in (
        ([sends("a", "one"), sends("b", "other")], {}, "it goes to several, by the connections a, b"),
        ([sends("absent")], {}, "` absent `): how it stands can't be told: ` its connection can't be used"),
        ([sends("absent")], {"aimylogic_conn_id": "aimylogic_default"}, "is running: 0 of 0 numbers done"),
    ):
        questions.asked.clear()
        following(monkeypatch, *tasks)
        approval.ask(call_list, **arguments)
        assert told in asked(questions).body
    questions.asked.clear()
    approval.sync.emulator.fault("before_commit", "reset", path="campaign")
    approval.ask(call_list, aimylogic_conn_id="aimylogic_default")
    assert "how it stands can't be told" in asked(questions).body


def test_hours_rings_and_brakes_are_told_and_each_country_has_its_call(
    approval: Approval, questions: Questions
) -> None:
    approval.sync.add([*PHONES, "+1 202 555 0123"])
    policy = {"allowed_time": "RU 230-FZ", "max_attempts": 3}
    approval.ask(approval.prepare(policy=policy, max_calls=100))
    body = asked(questions).body
    for told in (
        "attempts at each: 3, so **78** rings at most",
        "**Hours**: mon–fri 08:00–22:00; sat, sun 09:00–20:00, by the clock of whoever is called",
        "**By country**: RU 25, US 1",
        "**Brakes**: none holds it: max_calls allows 100; no earlier run of this task is known",
        "row 26: ` 1202***0123 `",
    ):
        assert told in body


def test_who_was_called_lately_is_counted_where_caps_count_it(
    approval: Approval, questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    approval.sync.add(PHONES)
    results = {"results_table": "calls", "results_conn_id": "warehouse"}
    approval.ask(approval.prepare(), **results)
    assert "Called within" not in asked(questions).body, "nothing ever counted there"
    capped = approval.prepare(**results, max_calls_per_person={"calls": 1, "days": 7})
    approval.send(capped, **results)
    approval.sync.add(["+1 202 555 0123"])
    questions.asked.clear()
    approval.ask(approval.prepare(), **results)
    assert "**Called within the last 7 days**: 25 of 26 people looked up" in asked(questions).body
    questions.asked.clear()
    approval.ask(approval.prepare(), results_table="calls", results_conn_id="absent")
    assert "**Called within the last 7 days**: can't be told (" in asked(questions).body


# Pasted lists


def test_of_a_blank_paste_it_is_told_that_nothing_was_pasted(approval: Approval) -> None:
    operator = PrepareCallsOperator(task_id="prepare", pasted=" \n\n", call_list_path=str(approval.sync.lists))
    with pytest.raises(AirflowFailException, match="the list is empty: paste a line for each person"):
        operator.execute(approval._next("prepare"))


def test_bad_lines_of_a_pasted_list_stand_in_the_question_and_the_good_ones_are_sent(
    approval: Approval, questions: Questions, capsys: pytest.CaptureFixture[str]
) -> None:
    pasted = (
        "phone;name\n+79161234567;Alexandra\n8 912;Boris\n\n7.91E+10;x\n+79161234567;Alexandra\n+1 202 555 0123;y;z"
    )
    operator = PrepareCallsOperator(task_id="prepare", pasted=pasted, call_list_path=str(approval.sync.lists))
    call_list = operator.execute(approval._next("prepare"))
    assert (call_list["rows"], call_list["calls"], call_list["doubles"], call_list["rejected"]) == (5, 1, 1, 3)
    told = capsys.readouterr().out
    assert "3 of 5 lines can't be called; the others can" in told
    assert "Line 5: phone '7.***10' is a number as a spreadsheet shortens it" in told
    assert "put a cell that holds the separator in quotes" in told
    approved = approval.answer(approval.ask(call_list), YES)
    body = asked(questions).body
    for line in (
        "**Calls**: 1 of 5 lines",
        "- **3 bad lines, which aren't called**",
        "  - line 3: ` phone '***' is not a possible number with a country code `",
        "  - line 7: ` phone '1202***0123' stands on a line with 3 cells, and there are 2 columns `",
        "  - line 2: ` 7916***4567 `, ` name ` ` A… `",
    ):
        assert line in body
    assert "3 rejected" not in body, "bad lines are told once"
    assert "Alexandra" not in body + told
    assert "9161234567" not in body + told
    assert approval.send(approved)["created"] == 1
    approval.sync.assert_once(["79161234567"])


@pytest.mark.parametrize(("region", "calls"), [(" ru ", 2), ("", 1), (None, 1)])
def test_whoever_pastes_says_which_country_numbers_without_a_plus_are_of(
    approval: Approval, region: str | None, calls: int
) -> None:
    operator = PrepareCallsOperator(
        task_id="prepare",
        pasted="+79161234567\n8 916 123-45-60",
        phone_region=region,
        call_list_path=str(approval.sync.lists),
    )
    assert operator.execute(approval._next("prepare"))["calls"] == calls


@pytest.mark.parametrize("pasted", ["phone;mobile\n1;2", "phone\n1\n2", "+79161234567\n" * 5_001])
def test_what_a_pasted_list_has_wrong_is_corrected_in_a_new_run(
    approval: Approval, pasted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    operator = PrepareCallsOperator(
        task_id="prepare", pasted=pasted, max_rejected=0, call_list_path=str(approval.sync.lists)
    )
    with pytest.raises(AirflowFailException):
        operator.execute(approval._next("prepare"))
    told = capsys.readouterr().out
    assert "Correct the list, and start a new run with it." in told
    assert "clear the task" not in told


def test_given_calls_wait_for_a_person_as_rows_of_a_query_do(approval: Approval) -> None:
    calls = [{"phone": one, "key": number} for number, one in enumerate(PHONES)]
    operator = PrepareCallsOperator(task_id="prepare", calls=calls, call_list_path=str(approval.sync.lists))
    call_list = operator.execute(approval._next("prepare"))
    assert approval.send(approval.answer(approval.ask(call_list), YES))["created"] == 25
    approval.sync.assert_once(PHONES)


@pytest.mark.parametrize("arguments", [{}, {"calls": [PHONES[0]], "pasted": PHONES[0]}])
def test_either_calls_or_a_pasted_list_is_given(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give calls, or pasted"):
        PrepareCallsOperator(task_id="prepare", **arguments)


def test_a_pasted_list_that_is_not_clear_fails_the_task(approval: Approval) -> None:
    operator = PrepareCallsOperator(
        task_id="prepare", pasted="phone;mobile\n1;2", call_list_path=str(approval.sync.lists)
    )
    with pytest.raises(AirflowFailException, match=r"Rejected before any request: the columns 'phone' and 'mobile'"):
        operator.execute(approval._next("prepare"))
