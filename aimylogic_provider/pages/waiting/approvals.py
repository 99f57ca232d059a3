"""Which call lists wait for their approval, which another task asks for than those that freeze and send."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from aimylogic_provider.airflow_task.required_actions import kind_of_question
from aimylogic_provider.pages.call_lists.shown_lists import ShownList
from aimylogic_provider.pages.waiting.questions import WAITS

__all__ = ["note_approvals"]

_MOST = 500
"""Questions that are looked at, of all runs together."""


def note_approvals(session: Session, lists: Iterable[ShownList]) -> None:
    """Have lists say that a person is asked to approve them: by one query, and none if nothing is left to send.

    Of several lists of a run it is the one that the question names.
    """
    left: dict[tuple[str, str], list[ShownList]] = {}
    for one in lists:
        if one.path is not None and not one.is_over:
            left.setdefault((one.first.dag_id, one.first.run_id), []).append(one)
    if not left:
        return
    query: Any = (
        select(TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.operator, HITLDetail.options, HITLDetail.body)
        .join(HITLDetail, HITLDetail.ti_id == TaskInstance.id)
        .where(
            tuple_(TaskInstance.dag_id, TaskInstance.run_id).in_(left),
            TaskInstance.state.in_(WAITS),
            HITLDetail.responded_at.is_(None),
        )
        .limit(_MOST)
    )
    for row in session.execute(query):
        options = [str(one) for one in row.options] if isinstance(row.options, list) else []
        if kind_of_question(options, str(row.operator or "")) == "approval":
            of_run = left[row.dag_id, row.run_id]
            for one in of_run:
                one.asked |= len(of_run) == 1 or (one.path or "") in (row.body or "")
