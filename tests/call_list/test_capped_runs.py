"""The short form of ``make prove-caps``: four runs at once under one cap, their workers killed."""

from __future__ import annotations

from typing import Literal

import pytest

from local_servers.postgres import LocalPostgres
from tests.call_list.capped_runs import hunted, preload
from tests.conftest import needs_record


@needs_record
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_cap_is_exceeded_and_nobody_is_lost_whoever_is_killed(
    kind: Literal["sqlite", "postgresql"], postgres: LocalPostgres
) -> None:
    preload()
    account = hunted(7, kind, postgres, people=24, of_each=2)
    assert account.faults == []
    assert account.kills > 0
    assert account.jobs > account.people
