"""Time zones: every form of the contract, and no other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.gmt_zone import FORMS, canonical_gmt_zone


@pytest.mark.parametrize("prefix", ["", "UTC", "GMT", "UT"])
@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("Z", "Z"),
        ("+3", "+03:00"),
        ("+03", "+03:00"),
        ("+03:30", "+03:30"),
        ("-03:30", "-03:30"),
        ("+0330", "+03:30"),
        ("-0330", "-03:30"),
        ("+03:30:15", "+03:30:15"),
        ("-033015", "-03:30:15"),
        ("+18:00", "+18:00"),
        ("-18:00", "-18:00"),
        ("+00:00", "Z"),
        ("-00:00", "Z"),
    ],
)
def test_forms_of_the_contract(prefix: str, written: str, canonical: str) -> None:
    assert canonical_gmt_zone(prefix + written) == canonical


@pytest.mark.parametrize("zone", ["Europe/Moscow", "Asia/Kolkata", "UTC", "GMT", "America/Argentina/Buenos_Aires"])
def test_iana_ids(zone: str) -> None:
    assert canonical_gmt_zone(f" {zone} ") == zone


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_left_out(nothing: str | None) -> None:
    assert canonical_gmt_zone(nothing) is None


@pytest.mark.parametrize(
    "written",
    [
        "-5", "-05", "3", "03:00", "+3:30", "+003", "+03:3", "+03:60", "+033", "+19:00", "-18:01", "+18:00:01",
        "+03:30:60", "z", "utc+3", "UTC +3", "Europe/Nowhere", "../etc/passwd", "Factory", "localtime", "MSK", "UT",
        "+03:30Z", "\uff0b03:30",
    ],
)  # fmt: skip
def test_other_forms_are_refused_with_those_allowed(written: str) -> None:
    with pytest.raises(RejectedError) as error:
        canonical_gmt_zone(written)
    assert FORMS in str(error.value)


@pytest.mark.parametrize("value", [3, 3.0, True, ["+03:00"]])
def test_values_of_other_types_are_refused(value: object) -> None:
    with pytest.raises(RejectedError, match="give text"):
        canonical_gmt_zone(value)


@given(st.one_of(st.text(max_size=20), st.text("UTCGMZ+-:0123456789", max_size=12)))
def test_the_canonical_form_is_stable(text: str) -> None:
    try:
        zone = canonical_gmt_zone(text)
    except RejectedError:
        return
    assert canonical_gmt_zone(zone) == zone
