"""Which numbers are taken and which aren't: good ones of all regions, and ones with a digit lost, won, or from abroad.

Run it with ``python -m benchmarks.phones``. The samples are made from libphonenumber's own example numbers, by other
last digits, as long as they stay in use.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import phonenumbers as lib

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phones.phone import canonical_phone

REGIONS = ("RU", "KZ", "US", "DE")
SAMPLES = 5_000
KINDS = (lib.PhoneNumberType.MOBILE, lib.PhoneNumberType.FIXED_LINE)


def main() -> None:
    """Print both tables."""
    print(f"Accepted of {SAMPLES:,} numbers each, with phone_region; in brackets: as another country's number\n")
    print("| numbers | " + " | ".join(REGIONS) + " |\n|---|" + "---|" * len(REGIONS))
    for name, spoil in (("good", _as_is), ("a digit lost", _lost), ("a digit won", _won), ("another country's", None)):
        cells = [_share(region, spoil) for region in REGIONS]
        print(f"| {name} | " + " | ".join(cells) + " |")
    print("\nGood numbers that are accepted: the example mobile and fixed line of all regions\n")
    for name, write, with_region in (
        ("with plus", _with_plus, False),
        ("with plus, and a region", _with_plus, True),
        ("national, with region", _as_national, True),
        ("as digits", _e164, False),
    ):
        examples = list(_examples())
        taken = sum(
            _read(write(number), region if with_region else None) == _e164(number) for region, number in examples
        )
        print(f"| {name} | {taken} of {len(examples)} |")


def _share(region: str, spoil: Callable[[str, random.Random], str] | None) -> str:
    chance = random.Random(f"{region}{spoil}"[:8])
    taken = abroad = 0
    for _ in range(SAMPLES):
        if spoil is None:
            other = chance.choice([one for one in ("FR", "GB", "PL", "UA", "IN", "BR", "TR", "CN") if one != region])
            text = _national(_drawn(other, chance))
        else:
            text = spoil(_national(_drawn(region, chance)), chance)
        if (phone := _read(text, region)) is not None:
            taken += 1
            abroad += lib.region_code_for_number(lib.parse("+" + phone)) != region
    return f"{taken / SAMPLES:.1%} ({abroad / SAMPLES:.1%})"


def _as_is(digits: str, chance: random.Random) -> str:
    return digits


def _lost(digits: str, chance: random.Random) -> str:
    at = chance.randrange(len(digits))
    return digits[:at] + digits[at + 1 :]


def _won(digits: str, chance: random.Random) -> str:
    at = chance.randrange(len(digits) + 1)
    return digits[:at] + chance.choice("0123456789") + digits[at:]


def _drawn(region: str, chance: random.Random) -> lib.PhoneNumber:
    while True:
        example = lib.example_number_for_type(region, chance.choice(KINDS))
        assert example is not None
        digits = _e164(example)
        kept = len(str(example.country_code)) + 1 if chance.random() < 0.5 else len(digits) - 7
        number = lib.parse("+" + digits[:kept] + "".join(chance.choice("0123456789") for _ in digits[kept:]))
        if lib.is_valid_number_for_region(number, region):
            return number


def _national(number: lib.PhoneNumber) -> str:
    return "".join(c for c in lib.format_number(number, lib.PhoneNumberFormat.NATIONAL) if c.isdigit())


def _with_plus(number: lib.PhoneNumber) -> str:
    return str(lib.format_number(number, lib.PhoneNumberFormat.INTERNATIONAL))


def _as_national(number: lib.PhoneNumber) -> str:
    return str(lib.format_number(number, lib.PhoneNumberFormat.NATIONAL))


def _e164(number: lib.PhoneNumber) -> str:
    return str(lib.format_number(number, lib.PhoneNumberFormat.E164))[1:]


def _examples() -> Iterator[tuple[str, lib.PhoneNumber]]:
    for region in sorted(lib.SUPPORTED_REGIONS):
        for kind in KINDS:
            if (number := lib.example_number_for_type(region, kind)) is not None:
                yield region, number


def _read(text: str, region: str | None) -> str | None:
    try:
        return canonical_phone(text, region)
    except RejectedError:
        return None


if __name__ == "__main__":
    main()
