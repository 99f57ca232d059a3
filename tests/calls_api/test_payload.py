"""Payloads: flat, of strings, made in one way."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.address import CampaignAddress
from aimylogic_provider.calls_api.calls.call import Call
from aimylogic_provider.calls_api.calls.payload import flat_payload, nested_payload
from aimylogic_provider.calls_api.errors import RejectedError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Alex", "Alex"),
        ("", ""),
        ("a&b=c +%\r\n", "a&b=c +%\r\n"),
        ("e\u0301", "\u00e9"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-7, "-7"),
        (10**30, "1" + "0" * 30),
        (0.1, "0.1"),
        (1e22, "1e+22"),
        (Decimal("10.50"), "10.50"),
        (Decimal("1E+3"), "1000"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(9, 30), "09:30:00"),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02T03:04:00+00:00"),
    ],
)
def test_values_become_strings_in_one_way(value: object, text: str) -> None:
    assert flat_payload({"name": value}) == {"name": text}


class NumPyFloat(float):
    """Writes itself as NumPy's float64 does."""

    def __repr__(self) -> str:
        return f"np.float64({float(self)!r})"


def test_a_subclass_of_float_is_written_as_a_number() -> None:
    assert flat_payload({"a": NumPyFloat(0.5)}) == {"a": "0.5"}


class DriversText(str):
    """A driver's own kind of text, which shows itself otherwise, as members of enumerations do."""

    __slots__ = ()

    def __str__(self) -> str:
        return "something else"


def test_text_of_a_kind_of_its_own_is_sent_as_what_it_is() -> None:
    for payload in (flat_payload({"name": DriversText("Alex")}), nested_payload({"name": DriversText("Alex")})):
        assert payload == {"name": "Alex"}
        assert type(payload["name"]) is str
    call = Call.of("+79123456789", {"name": DriversText("Alex")})
    address = CampaignAddress.of("https://app.aimylogic.com", "1.2.token")
    assert address.url(endpoints.add_phone(call)).endswith("name=Alex")


def test_a_duration_of_numpy_is_no_whole_number() -> None:
    numpy = pytest.importorskip("numpy")
    with pytest.raises(RejectedError, match="timedelta"):
        flat_payload({"wait": numpy.timedelta64(5, "s")})


def test_names_are_sorted_and_composed() -> None:
    assert list(flat_payload({"b": 1, "a": 2, "e\u0301": 3})) == ["a", "b", "\u00e9"]
    assert flat_payload(None) == {}


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"a": {"b": 1}}, "addPhones takes nested"),
        ({"a": [1]}, "addPhones takes nested"),
        ({"a": None}, "leave the name out"),
        ({"a": b"x"}, "is a bytes"),
        ({"a": float("nan")}, "finite"),
        ({"a": Decimal("Infinity")}, "finite"),
        ({"phone": "1"}, "rename it"),
        ({"gmtZone": "1"}, "rename it"),
        ({"Idempotence-Key": "1"}, "addPhones"),
        ({"idempotence-key": "1"}, "rename it"),
        ({"": "1"}, "not empty"),
        ({1: "1"}, "names are text"),
        ({"a": "\ud800"}, "lone surrogate"),
        ({"a": "x\0"}, "payload 'a' holds a null character"),
        ({"\0": "x"}, "holds a null character"),
        ({"\u00e9": 1, "e\u0301": 2}, "twice"),
        ("name=Alex", "give a dictionary"),
        ([("name", "Alex")], "give a dictionary"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_the_way_out(payload: object, message: str) -> None:
    with pytest.raises(RejectedError, match=message):
        flat_payload(payload)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["1E+999999999", "-1E+999999999", "1E-999999999"])
def test_a_decimal_that_would_take_a_gigabyte_is_refused(value: str) -> None:
    with pytest.raises(RejectedError, match="payload 'x' is too long a number to be written: send it as text"):
        flat_payload({"x": Decimal(value)})
