"""When the next try can help, by what is left of each batch: over all combinations, nothing waits that needn't."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from aimylogic_provider.call_list.send.sending import Sending
from aimylogic_provider.call_list.send.unanswered_sends import UnansweredSends
from aimylogic_provider.call_list.store.open_batch import OpenBatch, OpenPart, SendNote
from aimylogic_provider.idempotence.server_time import SystemClock
from aimylogic_provider.idempotence.time_limits import SLACK, ClockSource, Limits

NOW = 1_800_000_000.0
LAG = 600.0
LIMITS = Limits(report_lag=LAG, send_timeout=60.0, sends_left=3, pause=20.0)
SEND: SendNote = (NOW - 60, NOW, ClockSource.SERVER, "here")
SHOWN = NOW + LAG + SLACK
TWICE = SHOWN + LAG


class Left(NamedTuple):
    """What is left of a part of two calls, which is *places* of its batch.

    :param time: when something can be done about it; None for never by itself, 0 for now
    :param wait: until when the try knows that it waits
    :param is_left: whether anything is to be done about it at all
    """

    part: OpenPart
    time: float | None
    wait: float | None = None
    is_left: bool = True


PLACES = ((0, 2),)
STATES = {
    "never sent": Left(OpenPart(PLACES), 0.0),
    "its key protects it": Left(OpenPart(PLACES, (SEND,), 1), 0.0),
    "never answered": Left(OpenPart(PLACES, (SEND,), 2), TWICE),
    "its key is another one": Left(OpenPart(PLACES, (SEND,), other_key=True), TWICE),
    "refused, and an earlier request open": Left(OpenPart(PLACES, (SEND,)), SHOWN, SHOWN),
    "parked": Left(OpenPart(PLACES, (SEND,)), None, is_left=False),
    "sent elsewhere": Left(OpenPart(PLACES, ((*SEND[:3], "there"),)), None),
}


def told(
    batches: dict[str, OpenBatch],
    gone_on_with: dict[str, set[float]],
    *,
    knows_time: bool = True,
    time_is_servers: bool = True,
) -> Any:
    sending = object.__new__(Sending)
    every = [SimpleNamespace(name=name, calls=4) for name in batches]
    opened = {name: batch for name, batch in batches.items() if batch.says_anything}
    seen: dict[str, Any] = {
        "call_list": SimpleNamespace(manifest=SimpleNamespace(method="addPhones")),
        "_shard": SimpleNamespace(left=every),
        "_keeper": SimpleNamespace(entry=SimpleNamespace(open=opened)),
        "_unsettled": SimpleNamespace(parked=[]),
        "_questions": SimpleNamespace(knows_time=knows_time, time_is_servers=time_is_servers, last_time=lambda: NOW),
        "_settings": SimpleNamespace(campaign="here", limits=LIMITS),
        "_clock": SystemClock(),
        "_gone_on_with": gone_on_with,
    }
    for name, value in seen.items():
        setattr(sending, name, value)
    return sending._next_try()


def batch_of(first: Left, second: Left) -> tuple[OpenBatch, set[float]]:
    """A batch of two parts, set apart, and when it can be gone on with, as the try that ended it says."""
    batch = OpenBatch(apart=(first.part, replace(second.part, places=((2, 4),))))
    of = {0: first, 1: first, 2: second, 3: second}
    left = [place for place, one in of.items() if one.is_left]
    waits = {place: one.wait for place, one in of.items() if one.wait is not None}
    known = UnansweredSends("addPhones", "here", LIMITS, time_is_known=True).gone_on_with(batch, left, waits)
    return batch, known


def test_nothing_that_can_be_done_now_waits_for_what_others_need() -> None:
    pairs = list(product(STATES.values(), repeat=2))
    for one, other in product(pairs, repeat=2):
        batches = {"1": batch_of(*one), "2": batch_of(*other)}
        when = told(
            {name: batch for name, (batch, _) in batches.items()}, {name: at for name, (_, at) in batches.items()}
        )
        times = sorted(left.time for left in (*one, *other) if left.time is not None)
        waits = (times[0] - NOW + 1, times[-1] - NOW + 1) if times and times[0] else (0, 0)
        assert (when.shown, when.all_shown) == waits, (one, other)


@pytest.mark.parametrize("state", STATES)
def test_nor_does_a_batch_that_the_try_never_came_to(state: str) -> None:
    waiting = batch_of(STATES["refused, and an earlier request open"], STATES["parked"])
    assert told({"1": waiting[0]}, {"1": waiting[1]}).shown == LAG + SLACK + 1
    assert told({"1": waiting[0], "2": OpenBatch()}, {"1": waiting[1]}).shown == 0
    of_earlier = batch_of(STATES[state], STATES[state])[0]
    waits = STATES[state].time != 0 and STATES[state].wait is None and STATES[state].is_left
    assert bool(told({"1": waiting[0], "2": of_earlier}, {"1": waiting[1]}).shown) is waits


def test_what_comes_after_the_part_under_way_was_never_sent() -> None:
    sends = UnansweredSends("addPhones", "here", LIMITS, time_is_known=True)
    for parts, times in ((1, {TWICE}), (2, {0.0, TWICE})):
        silent = OpenBatch(sends=(SEND,), silent=2, parts=parts, part=() if parts == 1 else ((0, 2),))
        assert sends.gone_on_with(silent, range(4), {}) == times
    assert 0.0 in sends.gone_on_with(OpenBatch(sends=(SEND,), silent=2, parts=2), range(4), {})
    assert sends.gone_on_with(OpenBatch(sends=(SEND,)), range(4), dict.fromkeys(range(4), SHOWN)) == {SHOWN}
    assert sends.gone_on_with(OpenBatch(), (), {}) == set()


def test_waits_that_end_within_a_minute_are_one() -> None:
    at = {"1": {SHOWN}, "2": {SHOWN + 59}, "3": {SHOWN + 61}}
    when = told(dict.fromkeys(at, OpenBatch()), at)
    assert (when.shown, when.all_shown) == (SHOWN + 59 - NOW + 1, SHOWN + 61 - NOW + 1)


def test_while_the_server_tells_no_time_nothing_is_waited_for() -> None:
    when = told({"1": OpenBatch()}, {"1": {SHOWN}}, knows_time=False)
    assert (when.shown, when.all_shown) == (0, 0)


def test_where_an_answer_lacked_its_time_only_the_last_try_waits_for_whom_a_key_protects() -> None:
    """By the worker's clock nothing is repeated; the next answer may tell the server's time again."""
    later = SHOWN + 3600
    by_worker: SendNote = (NOW - 60, NOW, ClockSource.WORKER, "here")
    for sends, silent, other_key, waits in (
        ((SEND,), 1, False, 1),
        ((by_worker,), 1, False, later - NOW + 1),
        ((SEND, by_worker), 1, False, later - NOW + 1),
        ((SEND,), 2, False, later - NOW + 1),
        ((SEND,), 1, True, later - NOW + 1),
        (((NOW - 23.5 * 3600, NOW, ClockSource.SERVER, "here"),), 1, False, later - NOW + 1),
    ):
        batch = OpenBatch(apart=(OpenPart(PLACES, sends, silent, other_key=other_key),))
        when = told({"1": batch}, {"1": {later}}, time_is_servers=False)
        assert (when.shown, when.all_shown) == (waits, later - NOW + 1), (sends, silent, other_key)
        assert told({"1": batch}, {"1": {later}}).shown == later - NOW + 1
