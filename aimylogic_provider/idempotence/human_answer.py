"""Rulings: what a person says of a parked call. Values only; what follows from them stands in records and decision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Choice", "Question", "Ruling"]


class Choice(StrEnum):
    """What a person can say of a parked call."""

    ADOPT = "adopt"
    """A job that exists is this call: it is taken for ours, and nothing is sent."""

    SEND_AGAIN = "send again"
    """The call is added with a new key, whatever became of earlier requests."""

    LEAVE = "leave"
    """Nothing is sent, and the call stays unknown."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a person was told when asked.

    :param reference: of the call, its campaign, and test or real
    :param at: when, at the earliest, by the server's clock (Unix time)
    :param candidates: the jobs that could be the call
    """

    reference: str
    at: float
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ruling:
    """One answer of one person, given once.

    :param by: who gave it: name and id, as Airflow knows them
    :param at: when it was given, in Unix seconds by Airflow's clock
    :param question: what it answers
    :param job: the call job to adopt
    """

    choice: Choice
    by: str
    at: float
    question: Question
    job: str | None = None
