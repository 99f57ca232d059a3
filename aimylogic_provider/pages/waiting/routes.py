"""The routes of the page *Waiting for a person*: what waits, what an answer would do, and what nobody is asked about.

An answer itself is given by the page's script, through Airflow's own REST API, in the user's session: so Airflow's
rights, assigned users and audit log hold. Before that, what is to be answered is planned here, by what waits then.
"""

from __future__ import annotations

from itertools import groupby
from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.common.db.common import SessionDep
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from aimylogic_provider.airflow_task.required_actions import ADOPT
from aimylogic_provider.pages.access import Right, User, asked_dags, has_right, needs
from aimylogic_provider.pages.rendering import page
from aimylogic_provider.pages.waiting.answers import AnswerPlan, GivenAnswer, Way, fault_of, planned, planned_one
from aimylogic_provider.pages.waiting.bodies import shown_body
from aimylogic_provider.pages.waiting.left_now import left_now
from aimylogic_provider.pages.waiting.questions import (
    KINDS,
    MOST,
    WaitingQuestion,
    body_of,
    chosen_of,
    read_questions,
)
from aimylogic_provider.pages.waiting.unasked import LOOKED_AT, read_unasked

__all__ = ["router"]

router = APIRouter()
_PER_PAGE = 50


class QuestionFilter(BaseModel):
    """Which questions are shown. An empty word leaves all."""

    kind: str = Field("", max_length=20)
    dag: str = Field("", max_length=250)
    campaign: str = Field("", max_length=250)
    text: str = Field("", max_length=200)
    page: int = Field(1, ge=1, le=10_000)


class ShownQuestion(BaseModel):
    """A question on a page, and perhaps its answer.

    :param mark: by which it is known whether the question still is the one that the page shows
    """

    id: str = Field(max_length=40)
    mark: str = Field(max_length=40)
    option: str = Field("", max_length=500)
    job: str = Field("", max_length=100)


class AnswersWanted(BaseModel):
    """What is to be answered: one way for many questions, or an answer for each of some.

    :param all_of: instead of *chosen*, whatever a filter leaves now
    """

    way: Way | None = None
    chosen: list[ShownQuestion] = Field(default_factory=list, max_length=MOST)
    all_of: QuestionFilter | None = None


@router.get("/waiting")
@needs(Right.SIGNED_IN)
def waiting(request: Request, user: User, session: SessionDep, wanted: Annotated[QuestionFilter, Query()]) -> Response:
    """All that waits for a person, of DAGs that the user may read."""
    return page(
        request, user, "waiting.html", title="Waiting for a person", **_shown(session, user, wanted, _query(request))
    )


@router.get("/waiting/questions")
@needs(Right.SIGNED_IN)
def questions(
    request: Request, user: User, session: SessionDep, wanted: Annotated[QuestionFilter, Query()]
) -> Response:
    """The questions alone, for a page that is open."""
    shown = _shown(session, user, wanted, _query(request))
    return page(request, user, "waiting_questions.html", title="Waiting for a person", **shown)


@router.get("/waiting/unasked")
@needs(Right.SIGNED_IN)
def unasked(request: Request, user: User, session: SessionDep) -> Response:
    """Failed tasks whose calls may have been added, and about which nobody is asked."""
    found = read_unasked(session, asked_dags(user))
    return page(request, user, "waiting_unasked.html", title="Not asked about", found=found, looked_at=LOOKED_AT)


@router.get("/waiting/count")
@needs(Right.SIGNED_IN)
def count(user: User, session: SessionDep) -> dict[str, int]:
    """How many questions wait: for the badge of the page's tab."""
    return {"count": len(read_questions(session, asked_dags(user)))}


@router.get("/waiting/question/{question_id}")
@needs(Right.SIGNED_IN)
def question(request: Request, user: User, session: SessionDep, question_id: str) -> Response:
    """What is known of one question, and its answers."""
    found = next((one for one in read_questions(session, asked_dags(user)) if one.id == question_id), None)
    if found is None:
        raise HTTPException(404, "This question waits no longer: it was answered, or its task was cleared or ended")
    whole = has_right(user, Right.CHANGE_RUN, dag_id=found.dag_id)
    words = body_of(session, found)
    body = shown_body(words, masked=not whole)
    may = has_right(user, Right.ANSWER, dag_id=found.dag_id)
    now = left_now(found.dag_id, words) if found.kind == "approval" else ""
    return page(
        request,
        user,
        "waiting_question.html",
        title=found.told.asked,
        one=found,
        body=body,
        may=may,
        any_job=ADOPT,
        now=now,
    )


@router.post("/waiting/plan")
@needs(Right.SIGNED_IN)
def plan(user: User, session: SessionDep, wanted: AnswersWanted) -> dict[str, Any]:
    """What would be answered now, in numbers: those questions that still are as the page shows them.

    Answers nothing: what it returns is what the page sends to Airflow, each answer by itself.
    """
    waiting = read_questions(session, asked_dags(user))
    now = _answerable(user, waiting)
    chosen = {(one.id, one.mark): one for one in wanted.chosen}  # each once, however often it is named
    if wanted.all_of is not None:
        picked = _filtered(now, wanted.all_of)
        gone = 0
    else:
        known = {(one.id, one.mark): one for one in now}
        picked = [known[key] for key in chosen if key in known]
        gone = len(chosen) - len(picked)
    made = _made(wanted, picked, waiting)
    text = f"{made.text if picked or not gone else ''} {_of_gone(gone, len(chosen))}"
    return {
        "title": made.title, "text": text.strip(), "yes": made.yes, "gone": gone,
        "answers": [
            {"id": one.question.id, "mark": one.question.mark, "option": one.option, "job": one.job,
             "path": one.question.answer_path, "content": one.content}
            for one in made.answers
        ],
    }  # fmt: skip


def _made(wanted: AnswersWanted, picked: list[WaitingQuestion], waiting: list[WaitingQuestion]) -> AnswerPlan:
    """The plan for what still waits of what was chosen."""
    if wanted.way is not None:
        return planned(picked, wanted.way, waiting)
    said = {one.id: one for one in wanted.chosen}
    if len(said) == 1 and picked:
        (one,) = said.values()
        return planned_one(picked[0], one.option, one.job)
    answers = [
        GivenAnswer(one, said[one.id].option, said[one.id].job)
        for one in picked
        if not fault_of(one, said[one.id].option, said[one.id].job)
    ]
    return AnswerPlan("Nothing to answer", "", "", answers)


def _of_gone(gone: int, chosen: int) -> str:
    """What is told of questions that were chosen and can't be answered any more."""
    if not gone:
        return ""
    if chosen == 1:
        return "This question waits no longer as the page shows it, or is not yours to answer: nothing was done."
    waits, are = ("waits", "is") if gone == 1 else ("wait", "are")
    return f"{gone:,} of those chosen {waits} no longer, or {are} not yours to answer."


def _answerable(user: BaseUser, found: list[WaitingQuestion]) -> list[WaitingQuestion]:
    """Those that a user may answer."""
    may = _may_answer(user, {one.dag_id for one in found})
    return [one for one in found if one.dag_id in may]


def _may_answer(user: BaseUser, dags: set[str]) -> set[str]:
    return {dag for dag in dags if has_right(user, Right.ANSWER, dag_id=dag)}


def _query(request: Request) -> str:
    return str(request.scope["query_string"], "latin-1")


def _filtered(found: list[WaitingQuestion], wanted: QuestionFilter) -> list[WaitingQuestion]:
    return chosen_of(found, kind=wanted.kind, dag=wanted.dag, campaign=wanted.campaign, text=wanted.text)


def _shown(session: Session, user: BaseUser, wanted: QuestionFilter, query: str) -> dict[str, Any]:
    """What the template shows: one page of the questions, by kind and DAG, each group with the counts of all of it."""
    found = read_questions(session, asked_dags(user))
    left = _filtered(found, wanted)
    pages = max(1, -(-len(left) // _PER_PAGE))
    number = min(wanted.page, pages)
    here = left[(number - 1) * _PER_PAGE : number * _PER_PAGE]
    may = _may_answer(user, {one.dag_id for one in here})
    groups = [
        _group(kind, dag, list(rows), [one for one in left if (one.kind, one.dag_id) == (kind, dag)], dag in may)
        for (kind, dag), rows in groupby(here, key=lambda one: (one.kind, one.dag_id))
    ]
    return {
        "groups": groups, "wanted": wanted, "query": query, "found": len(found), "left": len(left), "most": MOST,
        "number": number, "pages": pages, "kinds": KINDS,
        "counts": _counts(left),
        "dags": sorted({one.dag_id for one in found}),
        "campaigns": sorted({one.told.campaign for one in found} - {""}),
    }  # fmt: skip


def _counts(found: list[WaitingQuestion]) -> list[str]:
    """How many of each kind there are, in words."""
    numbers = {kind: sum(one.kind == kind for one in found) for kind in KINDS}
    return [
        f"{number:,} {KINDS[kind][1] if number == 1 else KINDS[kind][0].lower()}"
        for kind, number in numbers.items()
        if number
    ]


def _group(kind: str, dag: str, rows: list[WaitingQuestion], whole: list[WaitingQuestion], may: bool) -> dict[str, Any]:
    jobs = [len(one.candidates) for one in whole]
    return {
        "kind": kind, "label": KINDS[kind][0], "dag": dag, "rows": rows, "total": len(whole), "may": may,
        "one": jobs.count(1), "none": jobs.count(0), "several": sum(number > 1 for number in jobs),
    }  # fmt: skip
