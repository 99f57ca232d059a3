"""What waits for a person, as it stands in Airflow's database: questions of ours that nobody has answered yet."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import select
from sqlalchemy.orm import Session

from aimylogic_provider.airflow_task.index_labels import in_one_line
from aimylogic_provider.airflow_task.masked_fields import masked_phones
from aimylogic_provider.airflow_task.required_actions import candidate_of, kind_of_question
from aimylogic_provider.pages.rendering import task_path

__all__ = [
    "KINDS", "MOST", "WAITS", "Subject", "WaitingQuestion", "body_of", "chosen_of", "read_questions", "read_subject",
]  # fmt: skip

KINDS = {
    "call": ("Parked calls", "parked call"),
    "list": ("Parked lists", "parked list"),
    "approval": ("Lists to approve", "list to approve"),
    "go_ahead": ("Brakes and first calls", "brake or first calls"),
    "withdrawal": ("Withdrawals", "withdrawal"),
}
"""What questions are about, in the order in which they are shown: in words for several, and for one."""

MOST = 5_000
"""Questions that are read at most."""

WAITS = ("awaiting_input", "deferred")
"""The states of a task instance that an answer wakes: those of Airflow 3.3 and newer, and of older ones."""
_SETTLING = timedelta(seconds=2)
"""So long after a task began to wait, Airflow may not have seen its worker's end, and would take an answer for one."""
_NO_REGION = "00000000-0000-0000-0000-000000000000"
_SUBJECT = re.compile(r"(?P<asked>.*?)(?: \((?P<told>[^()]*(?:\([^()]*\)[^()]*)*)\))?(?: \[[^\[\]\s]+\])?")
_LONGEST = 500
"""Characters that are shown of a subject, or a label."""


class Subject(NamedTuple):
    """The parts of a question's one line.

    :param asked: what is asked
    :param name: what tells this task instance apart from others of its task
    :param campaign: the connection's id
    """

    asked: str
    name: str
    campaign: str


def read_subject(subject: str, *, mapped: bool) -> Subject:
    """Take a subject apart as :func:`.where_and_which` put it together; phones in it are masked, whoever wrote it."""
    line = masked_phones(in_one_line(subject, _LONGEST))
    found = _SUBJECT.fullmatch(line)
    if found is None or not found["told"]:
        return Subject(line if found is None else found["asked"], "", "")
    name, comma, campaign = found["told"].rpartition(", ")
    if not comma:
        return Subject(found["asked"], campaign, "") if mapped else Subject(found["asked"], "", campaign)
    return Subject(found["asked"], name, campaign)


@dataclass(frozen=True, slots=True)
class WaitingQuestion:
    """A question that waits.

    :param id: of its task instance
    :param kind: one of ``KINDS``
    :param subject: as Airflow keeps it
    :param label: of the map index, as Airflow shows it; empty if there is none
    :param region: of Airflow 3.4; empty if there is none
    :param settling: whether Airflow would take an answer for the end of the try that asked
    """

    id: str
    kind: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    options: tuple[str, ...]
    subject: str
    asked_at: datetime
    label: str = ""
    region: str = ""
    settling: bool = False
    told: Subject = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "told", read_subject(self.subject, mapped=self.map_index >= 0))

    @property
    def candidates(self) -> list[str]:
        """The jobs that could be the call, by the answers that name them."""
        return [job for option in self.options if (job := candidate_of(option)) is not None]

    @property
    def mark(self) -> str:
        """What tells this question from any other that Airflow may ask in its place: all its words are in it."""
        words = json.dumps([self.id, self.subject, self.options, self.asked_at.isoformat()])
        return hashlib.sha256(words.encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """What people tell it by from others of its task."""
        if self.label:
            return str(masked_phones(in_one_line(self.label, _LONGEST)))
        return self.told.name or (f"#{self.map_index}" if self.map_index >= 0 else "")

    @property
    def task_path(self) -> str:
        """Of Airflow's page of the task instance, beneath Airflow's address."""
        return task_path(self.dag_id, self.run_id, self.task_id, self.map_index)

    @property
    def answer_path(self) -> str:
        """Where Airflow's REST API takes an answer."""
        dag, run, task = (quote(name, safe="") for name in (self.dag_id, self.run_id, self.task_id))
        path = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/{self.map_index}/hitlDetails"
        if not self.region:
            return path
        return f"{path}?{urlencode({'region_id': self.region, 'region_index': self.map_index})}"

    @property
    def seconds(self) -> float:
        """For how long it waits."""
        return max(0.0, (datetime.now(UTC) - self.asked_at).total_seconds())

    def says(self, text: str) -> bool:
        """Whether a text stands in what is shown of it."""
        shown = (self.told.asked, self.told.campaign, self.name, self.dag_id, self.run_id, self.task_id)
        return any(text.casefold() in one.casefold() for one in shown)


def read_questions(session: Session, dags: Collection[str]) -> list[WaitingQuestion]:
    """Return the questions of ours that wait, of some DAGs: by kind and DAG, and the run that waits longest first.

    One query; at most ``MOST`` are returned.
    """
    region: Any = getattr(TaskInstance, "region_id", None)  # Airflow 3.4
    columns: list[Any] = [
        TaskInstance.id, TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.map_index,
        TaskInstance.operator, TaskInstance._rendered_map_index, TaskInstance.updated_at,
        HITLDetail.options, HITLDetail.subject, HITLDetail.created_at,
    ]  # fmt: skip
    statement = (
        select(*columns, *([] if region is None else [region]))
        .join(HITLDetail, HITLDetail.ti_id == TaskInstance.id)
        .where(HITLDetail.responded_at.is_(None), TaskInstance.state.in_(WAITS))
        .order_by(HITLDetail.created_at)
    )
    now = datetime.now(UTC)
    found: list[WaitingQuestion] = []
    for row in session.execute(statement):
        question = _question(row, now) if row.dag_id in dags else None
        if question is not None:
            found.append(question)
            if len(found) == MOST:
                break
    order = list(KINDS)
    first: dict[tuple[str, str], datetime] = {}
    for one in found:
        first.setdefault((one.dag_id, one.run_id), one.asked_at)
    return sorted(
        found,
        key=lambda one: (
            order.index(one.kind), one.dag_id, first[one.dag_id, one.run_id], one.run_id, one.task_id, one.map_index,
        ),
    )  # fmt: skip


def _question(row: Any, now: datetime) -> WaitingQuestion | None:
    """The question of a row; None if it is none of this provider's."""
    options = row.options if isinstance(row.options, list) else []
    kind = kind_of_question([str(one) for one in options], str(row.operator or ""))
    if kind is None:
        return None
    region = str(getattr(row, "region_id", "") or "")
    return WaitingQuestion(
        id=str(row.id),
        kind=kind,
        dag_id=row.dag_id,
        run_id=row.run_id,
        task_id=row.task_id,
        map_index=row.map_index,
        options=tuple(str(one) for one in options),
        subject=str(row.subject),
        asked_at=row.created_at,
        label=row._rendered_map_index or "",
        region="" if region == _NO_REGION else region,
        settling=row.updated_at is not None and now - row.updated_at < _SETTLING,
    )


def body_of(session: Session, question: WaitingQuestion) -> str:
    """Return what is known, and what each answer does, in Markdown."""
    statement = (
        select(TaskInstance.id, HITLDetail.body)
        .join(HITLDetail, HITLDetail.ti_id == TaskInstance.id)
        .where(
            TaskInstance.dag_id == question.dag_id,
            TaskInstance.run_id == question.run_id,
            TaskInstance.task_id == question.task_id,
            TaskInstance.map_index == question.map_index,
        )
    )
    return next((row.body or "" for row in session.execute(statement) if str(row.id) == question.id), "")


def chosen_of(
    questions: Sequence[WaitingQuestion], *, kind: str = "", dag: str = "", campaign: str = "", text: str = ""
) -> list[WaitingQuestion]:
    """Return those that a person's filter leaves; an empty word leaves all."""
    return [
        one
        for one in questions
        if (not kind or one.kind == kind)
        and (not dag or one.dag_id == dag)
        and (not campaign or one.told.campaign == campaign)
        and (not text.strip() or one.says(text.strip()))
    ]
