"""Pauses between repetitions: jittered, never shorter than the server asks for, and none that is longer than a try."""

from __future__ import annotations

import pytest

from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.retry import MAX_PAUSE, pause_after


def error(retry_after: float | None = None, *, retryable: bool = True) -> ApiError:
    return ApiError("Broken", known=Known.UNANSWERED, retryable=retryable, retry_after=retry_after)


def test_pauses_are_jittered_and_may_be_longer_before_later_repetitions() -> None:
    first, second = ([pause_after(error(), left) for _ in range(300)] for left in (2, 1))
    assert 0.0 <= min(first) < 0.1
    assert 0.9 < max(first) <= 1.0 < max(second) <= 2.0


def test_a_pause_is_never_shorter_than_the_server_asks_for() -> None:
    assert {pause_after(error(asked), 1) for asked in (5.0, MAX_PAUSE)} == {5.0, MAX_PAUSE}


@pytest.mark.parametrize(
    ("asked", "retryable", "left", "told"),
    [
        (MAX_PAUSE + 1.0, True, 2, r"Broken\. The server asks to wait 21 seconds\."),
        (5.0, True, 0, r"Broken\. The server asks to wait 5 seconds\."),
        (None, True, 0, r"Broken\."),
        (5.0, False, 2, r"Broken\."),
    ],
)
def test_what_a_try_repeats_no_more_ends_it(asked: float | None, retryable: bool, left: int, told: str) -> None:
    with pytest.raises(NotAddedError, match=f"{told}$") as ended:
        pause_after(error(asked, retryable=retryable), left)
    assert ended.value.retryable is retryable
