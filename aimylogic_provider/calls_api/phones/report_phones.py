"""Which phones a report may mean by what it writes: a server may write a phone otherwise than it was sent.

A Russian number may come back with the national prefix 8, without any prefix, or masked. What can be read in one way
alone is that phone. What can be read in several ways, or not at all, may be each phone that it could be.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phones.phone import canonical_phone

__all__ = ["Meant", "WrittenPhones"]

_ABROAD = ("00", "011", "810")
"""What is dialled before a country code, in most countries."""
_SEPARATORS = re.compile(r"[\s()./\-\u2010-\u2015\u2212]+")
_DOTS = re.compile(r"\u2026|\.{2,}")
_MASK = re.compile(r"[*xX\u0445\u0425#?_\u2022\u25cf\u00b7\u2219\u00d7]+")
_EXTENSION = re.compile(
    r"(?P<number>\+?[0-9][0-9 ()./\-]{6,}?)\s*"
    r"(?:;\s*ext\s*=|ext\.?|extension|\u0434\u043e\u0431\.?|[xw#p]|[,;]+)\s*[0-9]{1,7}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Meant:
    """Which of some phones is meant.

    :param surely: the one that it is, if that is sure
    :param maybe: those that it could be, if it isn't; none if it is surely none of them
    """

    surely: str | None = None
    maybe: Collection[str] = ()

    def could_be(self, phone: str) -> bool:
        """Whether it is, or could be, a phone."""
        return phone == self.surely or phone in self.maybe


_NONE = Meant()


class WrittenPhones:
    """Reads phones as reports write them.

    :param phones: canonical; those that are looked for
    """

    def __init__(self, phones: Collection[str]) -> None:
        self._phones = frozenset(phones)
        self._meanings: dict[str, Meant] = {}
        self._writings: dict[str, frozenset[str]] | None = None
        self._regions: tuple[str, ...] = ()
        self._ends: dict[tuple[int, int], dict[tuple[str, str], set[str]]] = {}

    def meant(self, written: str) -> Meant:
        """Which of the phones *written* means."""
        if written in self._phones:
            return Meant(written)
        if written not in self._meanings:
            if len(self._meanings) >= _REMEMBERED:
                self._meanings.clear()
            self._meanings[written] = self._read(written)
        return self._meanings[written]

    def _read(self, written: str) -> Meant:
        text = _SEPARATORS.sub("", unicodedata.normalize("NFKC", _DOTS.sub("*", written)))
        digits = text.removeprefix("+")
        if digits.isascii() and digits.isdigit():
            # As people write phones, or else a digit of it may be none: a raised one, say, or what follows a point.
            plain = _is_plain(written)
            return self._digits(digits, plus=text != digits) if plain else Meant(maybe=self._phones)
        if extended := _EXTENSION.fullmatch(unicodedata.normalize("NFKC", written).strip()):
            number = self.meant(extended["number"])
            return number if number.surely is None else Meant(maybe=(number.surely,))
        runs = _MASK.split(digits)
        if len(runs) > 1 and any(runs) and all(not run or (run.isascii() and run.isdigit()) for run in runs):
            return Meant(maybe=frozenset(self._masked(runs, plus=text != digits)))
        return Meant(maybe=self._phones)

    def _digits(self, digits: str, *, plus: bool) -> Meant:
        if digits in self._phones:
            return Meant(digits)
        in_use, possible = _international(digits)
        if in_use in self._phones or (plus and possible in self._phones):
            return Meant(in_use or possible)
        if plus:
            return Meant(maybe=self._phones if possible is None else self._alike(possible))
        ours = self._all_writings().get(digits)
        if ours is not None:
            (one, *more) = ours
            # A number without the prefix that its country dials before it may as well be one with digits missing.
            whole = digits not in _bare(one)
            alone = possible is None or (in_use is None and _is_in_use(one))
            return Meant(one) if whole and alone and not more else Meant(maybe=ours)
        read = self._read_nationally(digits)
        if known := read & self._phones:
            # As a country's own rules have it: with a prefix of two digits, say, or that of a mobile phone.
            (one, *more) = known
            return Meant(one) if possible is None and not more and read == known else Meant(maybe=known)
        if possible is not None or read:
            # Somebody else's, but for what is written differently of one number in some countries.
            alike = {phone for one in {*read, possible} if one is not None for phone in self._alike(one)}
            return Meant(maybe=frozenset(alike))
        return Meant(maybe=self._phones)

    def _read_nationally(self, digits: str) -> set[str]:
        """The numbers that it can be read as, in the countries of the phones."""
        import phonenumbers

        found = set()
        for region in self._regions:
            try:
                number = phonenumbers.parse(digits, region)
            except phonenumbers.NumberParseException:
                continue
            if phonenumbers.is_possible_number(number):
                found.add(f"{number.country_code}{phonenumbers.national_significant_number(number)}")
        return found

    def _alike(self, number: str) -> frozenset[str]:
        """Those of the phones that a number with country code may mean all the same.

        Argentina has a 9 before mobile numbers that are dialled from abroad, Mexico had a 1, and leading zeros get
        lost. So they are of one country, and one of them ends with the other.
        """
        code = _country_code(number)
        return frozenset(
            phone
            for phone in self._with_ends(0, _ALIKE).get(("", number[-_ALIKE:]), ())
            if phone != number and _country_code(phone) == code and _end_alike(number[len(code) :], phone[len(code) :])
        )

    def _masked(self, runs: list[str], *, plus: bool) -> Iterator[str]:
        """The phones that show the same digits where any are shown."""
        pattern = re.compile("[0-9]*".join(runs))
        first, last = runs[0], runs[-1]
        for phone in self._with_ends(len(first), len(last)).get((first, last), ()):
            writings = (phone,) if plus else _writings(phone)
            if any(pattern.fullmatch(writing) for writing in writings):
                yield phone

    def _with_ends(self, first: int, last: int) -> dict[tuple[str, str], set[str]]:
        """The phones by so many digits at the beginning and the end of their writings."""
        if (first, last) not in self._ends:
            found = self._ends[first, last] = {}
            for writing, phones in self._all_writings().items():
                if len(writing) >= first + last:
                    found.setdefault((writing[:first], writing[len(writing) - last :]), set()).update(phones)
        return self._ends[first, last]

    def _all_writings(self) -> dict[str, frozenset[str]]:
        """All writings of the phones in digits alone, and which phones each could mean."""
        if self._writings is None:
            found: dict[str, set[str]] = {}
            for phone in self._phones:
                for writing in _writings(phone):
                    found.setdefault(writing, set()).add(phone)
            self._writings = {writing: frozenset(phones) for writing, phones in found.items()}
            self._regions = tuple(sorted({region for phone in self._phones if (region := _region(phone))}))
        return self._writings


_REMEMBERED = 10_000
_ALIKE = 7
"""Digits at the end that two writings of one number have in common, at least."""
_PLAIN = re.compile(r"\s*\+?[\s()./\-\u2010-\u2015\u2212]*[0-9][0-9\s()./\-\u2010-\u2015\u2212]*")
_POINT = re.compile(r"\.0+\s*$")
"""What is left of a number that went through a float."""


def _is_plain(written: str) -> bool:
    text = unicodedata.normalize("NFKC", written)
    raised = not written.isascii() and any(c.isnumeric() and not c.isdecimal() for c in written)
    return not raised and not _POINT.search(text) and _PLAIN.fullmatch(text) is not None


def _writings(phone: str) -> Iterator[str]:
    """The ways in which a phone may be written in digits alone."""
    yield phone
    for abroad in _ABROAD:
        yield abroad + phone
    prefix, national = _national(phone)
    yield from {national, prefix + national} - {phone, ""}


def _bare(phone: str) -> tuple[str, ...]:
    """The national number of a phone without its country's prefix, where there is one."""
    prefix, national = _national(phone)
    return (national,) if prefix else ()


def _national(phone: str) -> tuple[str, str]:
    """The prefix that is dialled before national numbers in a phone's country, and its national number, if it has."""
    import phonenumbers

    try:
        number = phonenumbers.parse(f"+{phone}", None)
    except phonenumbers.NumberParseException:
        return "", ""
    code = number.country_code or 0
    region = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code][0]
    metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    prefix = "" if metadata is None else metadata.national_prefix or ""
    return prefix, phonenumbers.national_significant_number(number)


def _country_code(phone: str) -> str:
    import phonenumbers

    try:
        return str(phonenumbers.parse(f"+{phone}", None).country_code or "")
    except phonenumbers.NumberParseException:
        return ""


def _end_alike(one: str, other: str) -> bool:
    return one.endswith(other) or other.endswith(one)


def _region(phone: str) -> str | None:
    """The main country of a phone's country code."""
    import phonenumbers

    try:
        code = phonenumbers.parse(f"+{phone}", None).country_code or 0
    except phonenumbers.NumberParseException:
        return None
    region: str = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code][0]
    return None if region == "001" else region


def _international(digits: str) -> tuple[str | None, str | None]:
    """The number that digits are with their country code: if it is in use, and if it is a possible one."""
    try:
        in_use = canonical_phone(digits)
        return in_use, in_use
    except RejectedError:
        pass
    try:
        return None, canonical_phone(f"+{digits}")
    except RejectedError:
        return None, None


def _is_in_use(phone: str) -> bool:
    return _international(phone)[0] is not None
