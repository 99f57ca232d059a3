"""Faults to order: an ordered list of rules, each with what it matches, when it strikes, what it does, how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

__all__ = ["Action", "Fault", "FaultError", "Faults", "Phase"]


E = TypeVar("E", bound=StrEnum)


class FaultError(ValueError):
    """A rule that can't be: names the field and what it may be."""


class Phase(StrEnum):
    """When a fault strikes."""

    BEFORE_COMMIT = "before_commit"
    """The request was read, and nothing was changed."""
    AFTER_COMMIT = "after_commit"
    """The request took effect (it was not refused), and its answer has not been sent."""


class Action(StrEnum):
    """What a fault does instead of the answer."""

    RESET = "reset"
    HANG = "hang"
    STATUS = "status"
    GARBAGE = "garbage"
    HTML = "html"
    REDIRECT = "redirect"


@dataclass(slots=True)
class Fault:
    """A rule.

    :param path: how the request's path must end, as in ``/addPhone``; empty for every path
    :param method: the request's method; empty for every method
    :param times: how many requests it strikes; None for all
    :param status: the status of ``status``, ``html`` and ``redirect``
    :param headers: headers of the answer, as in ``Retry-After`` and ``Location``
    :param body: JSON body of ``status``
    :param seconds: how long ``hang`` hangs before it closes the connection, in real time
    :param hits: how many requests it struck
    """

    phase: Phase
    action: Action
    path: str = ""
    method: str = ""
    times: int | None = 1
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    seconds: float = 3600.0
    hits: int = 0

    @classmethod
    def from_json(cls, content: object) -> Fault:
        """Read a rule.

        :raises FaultError: naming what is wrong
        """
        if not isinstance(content, dict):
            raise FaultError("a fault is an object with at least 'phase' and 'action'")
        unknown = content.keys() - set(_FIELDS)
        if unknown:
            raise FaultError(f"unknown fields {sorted(unknown)}: a fault has {', '.join(_FIELDS)}")
        phase = _member(Phase, content, "phase")
        action = _member(Action, content, "action")
        for name, types in _FIELDS.items():
            value = content.get(name)
            if name in content and (not isinstance(value, types) or isinstance(value, bool)):
                raise FaultError(f"{name} {value!r} is of the wrong type")
        default = {Action.STATUS: 503, Action.HTML: 200, Action.REDIRECT: 302}.get(action, 200)
        status = content.get("status", default)
        if not 200 <= status <= 599:
            raise FaultError(f"status {status} is none that a server can answer with: use 200 to 599")
        times = content.get("times", 1)
        if times is not None and times < 1:
            raise FaultError(f"times {times} would never strike: give 1 or more, or null for always")
        if not 0 <= content.get("seconds", 1) <= 86400:
            raise FaultError("seconds must lie from 0 to 86400")
        headers = content.get("headers", {})
        if not all(isinstance(value, str) and value.isprintable() for value in headers.values()):
            raise FaultError("headers are an object of printable text")
        return cls(**{**content, "phase": phase, "action": action, "status": status})

    def as_json(self) -> dict[str, object]:
        """Return the rule with its hits."""
        return {name: getattr(self, name) for name in (*_FIELDS, "hits")}

    def strikes(self, phase: Phase, method: str, path: str) -> bool:
        """Whether the rule strikes this request in this phase."""
        return (
            self.phase is phase
            and (self.times is None or self.hits < self.times)
            and (not self.method or self.method.upper() == method)
            and path.endswith(self.path)
        )


_FIELDS: dict[str, tuple[type, ...]] = {
    "phase": (str,),
    "action": (str,),
    "path": (str,),
    "method": (str,),
    "times": (int, type(None)),
    "status": (int,),
    "headers": (dict,),
    "body": (object,),
    "seconds": (int, float),
}


def _member(kind: type[E], content: Mapping[str, object], name: str) -> E:
    try:
        return kind(str(content[name]))
    except (KeyError, ValueError):
        raise FaultError(f"{name} must be one of {', '.join(kind)}, not {content.get(name)!r}") from None


class Faults:
    """The rules, in order; the first that strikes a request in a phase is the one."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []

    def strike(self, phase: Phase, method: str, path: str) -> Fault | None:
        """Return the rule that strikes, and count it."""
        for rule in self.rules:
            if rule.strikes(phase, method, path):
                rule.hits += 1
                return rule
        return None
