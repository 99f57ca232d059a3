"""Keys: what makes them the same, and what makes them differ."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimylogic_provider.calls_api.address import CampaignAddress
from aimylogic_provider.calls_api.calls.call import Call
from aimylogic_provider.idempotence.keys import Intent, campaign_digest, digest

CALL = Call.of("79123456789", {"name": "Alex"}, "+03:30")
INTENT = Intent("dag", "run", "task", "campaign", CALL)


def test_the_key_never_changes_from_version_to_version() -> None:
    """A change of the recipe must be meant: raise KEY_SCHEME, and say so in the changelog."""
    assert INTENT.key == "ece1b2ef-0aaf-8d65-aa2f-2dc495080275"


def test_the_key_is_a_uuid_that_says_that_it_is_custom() -> None:
    key = uuid.UUID(INTENT.key)
    assert (key.version, key.variant, len(INTENT.key)) == (8, uuid.RFC_4122, 36)


@pytest.mark.parametrize(
    "changed",
    [
        {"dag_id": "other"}, {"run_id": "other"}, {"task_id": "other"}, {"campaign": "other"}, {"test_call": True},
        {"call_again": "1"}, {"call": Call.of("79123456780", {"name": "Alex"}, "+03:30")},
        {"call": Call.of("79123456789", {"name": "Maria"}, "+03:30")},
        {"call": Call.of("79123456789", {"name": "Alex"}, "+04:30")}, {"call": Call.of("79123456789", {}, "+03:30")},
        {"dag_id": "da", "run_id": "grun"}, {"iteration": 0},
    ],
    ids=str,
)  # fmt: skip
def test_every_field_counts(changed: dict[str, object]) -> None:
    assert replace(INTENT, **changed).key != INTENT.key


def test_each_iteration_of_a_loop_has_a_key_that_no_payload_can_imitate() -> None:
    keys = {replace(INTENT, iteration=index).key for index in (None, 0, 1, 10)}
    assert len(keys) == 4
    assert replace(INTENT, iteration=1).key == "67593dcc-dd7e-81f0-b200-90d43758bbd9", (
        "as it never changes outside of loops"
    )
    imitated = replace(INTENT, call=Call.of("79123456789", {"name": "Alex", "loop": "1"}, "+03:30"))
    assert imitated.key not in keys


def test_what_is_the_same_call_has_the_same_key() -> None:
    written = Call.of("+7 (912) 345-67-89", {"name": "Alex"}, "UTC+03:30")
    assert replace(INTENT, call=written).key == INTENT.key
    assert replace(INTENT, mapped=True).key == INTENT.key, "a list that turns must find its jobs"
    two = [Call.of("79123456789", payload) for payload in ({"a": 1, "b": 2}, {"b": "2", "a": "1"})]
    assert replace(INTENT, call=two[0]).key == replace(INTENT, call=two[1]).key


def test_records_are_per_person_and_in_a_mapped_task_per_call() -> None:
    other = replace(INTENT, call=Call.of("79123456789", {"name": "Maria"}))
    assert INTENT.record_name == other.record_name
    assert replace(INTENT, mapped=True).record_name != replace(other, mapped=True).record_name
    assert INTENT.record_name != replace(INTENT, call_again="1").record_name
    assert INTENT.phone_digest == replace(INTENT, call_again="1").phone_digest


def test_campaigns_differ_by_host_and_token() -> None:
    one = campaign_digest(CampaignAddress.of(None, "1.2.abc"))
    assert one == campaign_digest(CampaignAddress.of("HTTPS://app.aimylogic.com:443/", " 1.2.abc "))
    assert one != campaign_digest(CampaignAddress.of("app.jaicp.com", "1.2.abc"))
    assert one != campaign_digest(CampaignAddress.of(None, "1.2.abd"))
    assert "abc" not in one


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_no_two_lists_of_fields_have_the_same_digest(one: list[str], other: list[str]) -> None:
    assert (digest(*one) == digest(*other)) == (one == other)
