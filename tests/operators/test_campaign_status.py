"""A campaign whose status is written as no source has it: calls need its answer's time, and not its word."""

from __future__ import annotations

import pytest

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.emulator.http import calls_routes
from aimylogic_provider.hooks import AimylogicHook
from tests.conftest import TaskInstance


@pytest.mark.parametrize("answer", ["in_progress", '"IN_PROGRESS"', '"In progress"', "runs-2"])
def test_a_call_is_added_whatever_the_word(
    task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(calls_routes.reports, "campaign_status", lambda campaign: answer)
    job = task.attempt()
    assert [one.id for one in emulator.jobs()] == [job]
    assert AimylogicHook().get_campaign_status() == answer.strip('"')


def test_a_page_of_something_between_is_no_status(
    task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its Date would be taken for the server's."""
    monkeypatch.setattr(calls_routes.reports, "campaign_status", lambda campaign: "<html>Please log in</html>")
    with pytest.raises(Exception, match="isn't a campaign status"):
        task.attempt()
    assert emulator.count("addPhone") == 0
