"""What a run of the proof must reach, by the names that it counts under: one that doesn't, fails."""

from __future__ import annotations

from collections.abc import Iterable

from aimylogic_provider.call_list.send.decision import UnitAction as ListAction
from aimylogic_provider.emulator.world.faults import FaultAction, Phase
from aimylogic_provider.idempotence.actions import Row
from tests.proof.network import FAULTS, IN_PART, POISONS
from tests.proof.schedules import REPORTS

__all__ = ["EXHAUSTIVE_BATCH", "EXHAUSTIVE_CALL", "EXHAUSTIVE_CALL_IN_PART", "SWARM", "missing"]


def _stops(*points: str) -> frozenset[str]:
    """That somebody was killed, and somebody stopped, at each kind of point."""
    return frozenset(f"{what} {point}" for what in ("killed", "stopped") for point in points)


def _around(*accesses: str) -> tuple[str, ...]:
    return tuple(f"{when} {access}" for access in accesses for when in ("before", "after"))


_REQUESTS = (*_around("the ask", "the add"), "in mid-ask", "in mid-add")
_STATE = _around("a read of the state", "a write of the state")
_OBJECTS = _around("an object's read", "an object's write", "an object's list")
_ENTRY = _around("a write of the entry")
_ADD_FAULTS = frozenset(f"add {phase} {action}" for phase, action in FAULTS)
_OF_THE_ANSWER = (FaultAction.TRUNCATED, FaultAction.NO_DATE)
_ASK_FAULTS = frozenset(
    f"ask {Phase.AFTER_COMMIT if action in _OF_THE_ANSWER else Phase.BEFORE_COMMIT} {action}"
    for action in {action for _, action in FAULTS}
)
_STORE_FAULTS = frozenset({"fault store read", "fault store write done", "fault store write undone"})
_OBJECT_FAULTS = frozenset({"fault objects read", "fault objects write", "fault objects list"})
# No person answers here, no Date is a day off, and with a store that remembers a run that was made again is told apart.
_NOT_HERE = (Row.LEFT, Row.SEND_AGAIN, Row.NOTED_AHEAD, Row.UNCLEAR_RUN)
_ROWS = frozenset(f"row {row.name}" for row in Row if row not in _NOT_HERE)
_LIST_ACTIONS = frozenset(f"list {action.name}" for action in ListAction)
_HAPPENINGS = frozenset({"stop", "start", "others", "change", "empty", "grow", "turn", "remake"})

_REPORTS = frozenset(f"report {report}" for report in REPORTS)

_OF_CALLS = (
    _REPORTS
    | _ADD_FAULTS
    | _ASK_FAULTS
    | _STORE_FAULTS
    | _ROWS
    | _HAPPENINGS
    | {"fenced", "clock set"}
    | _stops(*_REQUESTS, *_STATE)
)
SWARM = {
    "beneath": _OF_CALLS,
    "operators": _OF_CALLS
    | _OBJECT_FAULTS
    | _LIST_ACTIONS
    | {f"add {phase} {action}" for phase, action in IN_PART}
    | {"iterate", "gate"}
    | {"rows capped", "left to another run"}
    | {f"wait for a {what}{end}" for what in ("call", "list") for end in ("", " failed", " over")}
    | {"neighbour", "rotate", "last retry"}
    | {f"poison {how}" for how in POISONS}
    | _stops(*_OBJECTS, *_ENTRY, *_around("an object's delete"), "before the query"),
}
"""By level."""

# Whether a campaign runs is nothing that befalls a single try: no refusals, and so not those rows.
EXHAUSTIVE_CALL = (
    _ADD_FAULTS
    | _stops(*_REQUESTS, *_STATE)
    | {"fenced", "empty"}
    | {
        f"row {row.name}"
        for row in (
            Row.CREATED_SAME, Row.TIME, Row.FIRST_SURE, Row.FIRST_RUN_YOUNG, Row.FIRST_RUN_OLD, Row.UNANSWERED_YOUNG,
            Row.UNANSWERED_OLD, Row.SHARED_RUN_YOUNG, Row.SHARED_RUN_OLD,
        )
    }
)  # fmt: skip
# Kills before the send stand once, not with each fault, and a part may lack them; the swarm's have them.
EXHAUSTIVE_CALL_IN_PART = frozenset(name for name in EXHAUSTIVE_CALL if not name.startswith("killed"))
EXHAUSTIVE_BATCH = _stops(*_REQUESTS, *_STATE, *_OBJECTS, *_ENTRY, "before the query") | {
    "fenced", "empty", "list SEND", "list ASK_REPORT", "list ADOPT", "list PARK",
}  # fmt: skip


def missing(expected: Iterable[str], reached: Iterable[str]) -> list[str]:
    """What was expected, and not reached."""
    return sorted({*expected} - {*reached})
