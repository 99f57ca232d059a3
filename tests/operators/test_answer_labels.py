"""What the labels of answers mean, and by them, what a question is about."""

from __future__ import annotations

import pytest

from aimylogic_provider.airflow_task import required_actions
from aimylogic_provider.airflow_task.required_actions import candidate_of, kind_of_question
from aimylogic_provider.airflow_task.shown.answer_labels import (
    LabelMeaning,
    go_ahead_options,
    list_options,
    read_go_ahead,
    read_list_answer,
    read_withdrawal,
    withdrawal_options,
)
from aimylogic_provider.idempotence.human_answer import Question

CALL = required_actions.options_of(Question("ref", 0.0, ("5665339999", "5665334669")))


@pytest.mark.parametrize(
    ("options", "operator", "kind"),
    [
        (CALL, "AddPhoneOperator", "call"),
        (CALL, "A subclass of a user's", "call"),
        (["Adopt the job", "Send again", "Leave it"], "AddPhoneOperator", "call"),
        (list_options(13, 12), "SendCallListOperator", "list"),
        (list_options(1, 0), "SendCallListOperator", "list"),
        (list_options(12, 0), "SendCallListOperator", "list"),
        (["Send those without a job", "Leave it"], "SqlToAimylogicOperator", "list"),
        (go_ahead_options(297), "SqlToAimylogicOperator", "go_ahead"),
        (go_ahead_options(60_000, others=True), "SendCallListOperator", "go_ahead"),
        (["Send", "Leave it"], "SendCallListOperator", "go_ahead"),
        (withdrawal_options(1_234), "WithdrawCallsOperator", "withdrawal"),
        (["Withdraw them", "Leave them"], "WithdrawCallsOperator", "withdrawal"),
        (["Approve", "Reject"], "ApproveCallListOperator", "approval"),
        (["Approve", "Reject"], "ApprovalOperator", None),
        (["Leave it", "Send"], "SendCallListOperator", None),
        (["Send", "Leave it", "Perhaps"], "SendCallListOperator", None),
        (["Send 297 calls", "Leave all 297"], "SendCallListOperator", None),
        (["Yes", "No"], "HITLOperator", None),
        (["Send"], "HITLOperator", None),
        ([], "HITLOperator", None),
    ],
)
def test_the_kind_of_a_question(options: list[str], operator: str, kind: str | None) -> None:
    assert kind_of_question(options, operator) == kind


@pytest.mark.parametrize(
    ("option", "job"),
    [
        ("Adopt job 5665334669", "5665334669"),
        ("Adopt job 5665334669 (created at 2026-01-01 10:00:00 UTC, finished)", "5665334669"),
        ("Adopt the job", None),
        ("Adopt job ", None),
        ("Adopt job 1 2", None),
        ("Send again", None),
        ("adopt job 5665334669", None),
        ("", None),
    ],
)
def test_the_candidate_of_an_answer(option: str, job: str | None) -> None:
    assert candidate_of(option) == job


@pytest.mark.parametrize("count", [1, 2, 12, 1_234, 250_000])
def test_a_label_says_of_how_many_calls_it_is(count: int) -> None:
    assert [read_go_ahead(one) for one in go_ahead_options(count)] == [
        LabelMeaning(yes=True, calls=count),
        LabelMeaning(yes=False),
    ]
    others = go_ahead_options(count, others=True)
    assert [read_go_ahead(one) for one in others] == [LabelMeaning(yes=True, calls=count), LabelMeaning(yes=False)]
    assert [read_withdrawal(one) for one in withdrawal_options(count)] == [
        LabelMeaning(yes=True, calls=count),
        LabelMeaning(yes=False),
    ]
    assert [read_list_answer(one) for one in list_options(1, 0)] == [
        LabelMeaning(yes=True, calls=0),
        LabelMeaning(yes=False),
    ]
    yes, no = (read_list_answer(one) for one in list_options(count + 1, count))
    assert (yes, no) == (LabelMeaning(yes=True, calls=count), LabelMeaning(yes=False, calls=count + 1))


@pytest.mark.parametrize(
    "label", ["Send  297 calls", "send 297 calls", "Send -1 calls", "Send ٢ calls", "Send 1 call\n", "Send , calls", ""]
)
def test_what_was_not_offered_is_no_answer(label: str) -> None:
    assert [read(label) for read in (read_go_ahead, read_list_answer, read_withdrawal)] == [None, None, None]
