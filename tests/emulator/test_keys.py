"""Keys as the emulator remembers them: what settings make of them is decided when they are used again."""

from __future__ import annotations

from typing import Any

import pytest

from aimylogic_provider.emulator import Emulator
from tests.conftest import OTHER_TOKEN
from tests.emulator.asking import add, add_many, ask


@pytest.mark.parametrize("change", [{"same_key_other_parameters": "new_job"}, {"keys_shared_by_campaigns": True}])
def test_a_changed_setting_forgets_no_key(emulator: Emulator, change: dict[str, Any]) -> None:
    first = add(emulator, "a").json()
    emulator.settings(**change)
    assert add(emulator, "a").json() == first


def test_keys_shared_from_now_on_are_known_to_the_other_campaign(emulator: Emulator) -> None:
    first = add(emulator, "a").json()
    emulator.settings(keys_shared_by_campaigns=True)
    assert add(emulator, "a", token=OTHER_TOKEN).json() == first


def test_an_expired_key_with_other_parameters_does_not_hide_a_living_one(emulator: Emulator) -> None:
    emulator.settings(same_key_other_parameters="new_job")
    add(emulator, "a", name="Alex")
    emulator.advance(hours=23)
    second = add(emulator, "a", name="Maria").json()
    emulator.advance(hours=2)
    emulator.settings(same_key_other_parameters="first_job")
    assert add(emulator, "a", name="Olga").json() == second


@pytest.mark.parametrize(
    "item", [{"dialerPriority": 9}, {"allowedDays": ["someday"]}, {"maxAttempts": 0}, {"phone": "12"}], ids=str
)
def test_a_refused_policy_uses_up_a_key_as_any_error_does(emulator: Emulator, item: dict[str, Any]) -> None:
    emulator.settings(error_uses_up_key=True)
    refused = add_many(emulator, [{"phone": "79123456789", **item}], "a")
    repeat = add_many(emulator, [{"phone": "79123456789"}], "a")
    assert (repeat.status_code, repeat.json()) == (400, refused.json())


def test_a_refused_control_uses_up_a_key(emulator: Emulator) -> None:
    emulator.settings(error_uses_up_key=True)
    assert ask(emulator, "POST", "control/resume", key="a").status_code == 400
    emulator.campaign(status="paused")
    assert ask(emulator, "POST", "control/resume", key="a").status_code == 400


def test_a_known_key_is_looked_up_before_the_list_is_judged(emulator: Emulator) -> None:
    first = add_many(emulator, [{"phone": "79123456789"}], "a").json()
    assert add_many(emulator, [{"phone": "79123456789", "dialerPriority": 9}], "a").json() == first
