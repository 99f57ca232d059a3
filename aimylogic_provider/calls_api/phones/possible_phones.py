"""All the phones that what is written may be, in the countries of a list: for whom mustn't be called, more is safer.

A number that is called is read strictly, by :mod:`.phone`, and one that could be two isn't. Here both count.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from numbers import Number
from typing import NamedTuple

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.masking import as_text, mask_phone
from aimylogic_provider.calls_api.phones import numbering_plans
from aimylogic_provider.calls_api.phones.former_numbers import OLD_FORMS, today
from aimylogic_provider.calls_api.phones.numbering_plans import plan_of
from aimylogic_provider.calls_api.phones.phone import possible_phone
from aimylogic_provider.calls_api.phones.phone_text import CUT_OFF, is_missing, phone_text

__all__ = ["PossiblePhones", "UnreadablePhoneError"]

_NO_MEANING = str.maketrans("", "", " ()-\u00a0")
_TELLING = 5
"""Characters at a number's start that tell how it is read, in most countries."""
_FEWEST = 7
"""Digits of what may be a phone of its own, among other text."""
_RUN = re.compile(r"\+?\(?[0-9](?:[ ().\-]{0,3}[0-9])*")
"""Digits, and what stands between those of one number."""
_MISTYPED = re.compile(r"[0-9][OoОоIlЗ](?![^\W\d_])")
"""A letter that is taken for a digit: without it, the number is somebody else's."""
_IN_BRACKETS = re.compile(r"\([ 0-9]{0,8}\) *$")
"""An extension."""
_DIGIT = re.compile("[0-9]")


class UnreadablePhoneError(RejectedError):
    """It holds something, and no phone that could be told."""


class _Country(NamedTuple):
    """How national numbers of a country are written.

    :param code: its country code
    :param prefix: what they may begin with, if it is plain digits; else empty
    :param lengths: of its numbers, the country code included
    :param parsed: matches at the start of what only libphonenumber can read; None if nothing is
    :param abroad: the first digits of what is dialled for other countries
    :param leads_abroad: matches at the start of that
    :param was_written: matches numbers in a form of former days; None if there are none
    :param is_plain: whether a number's first few digits tell all that of it
    """

    region: str
    code: str
    prefix: str
    lengths: Collection[int]
    parsed: Callable[[str], object] | None
    abroad: str
    leads_abroad: Callable[[str], re.Match[str] | None]
    was_written: Callable[[str], object] | None
    is_plain: bool


class PossiblePhones:
    """Reads what is written for a phone, as all the phones that it may be.

    A number behind a plus is itself. Any other may be one with its country code, and a national one of each of the
    countries.

    :param starts: the first three digits of each of the phones that are looked for: those tell the countries
    :param region: two-letter code of one country more
    """

    def __init__(self, starts: Iterable[str], region: str | None = None) -> None:
        plans = (plan_of(start) for start in sorted(starts))
        regions = dict.fromkeys([*([region] if region else []), *(plan.region for plan in plans if plan is not None)])
        self._countries = [one for one in map(_country, regions) if one is not None]
        self._recipes: dict[tuple[str, int], tuple[tuple[int, int], ...]] = {}
        """By a number's first characters and its length, for numbers of which those tell all: how many digits to leave
        out, and what to add to the rest, for each phone that it may be."""

    def of(self, value: object) -> Collection[int]:
        """Return all the phones that a value may be; none if nothing stands there.

        :param value: a number as people, programs and databases write it, or several of them
        :raises UnreadablePhoneError: if something stands there that is no phone; it bears the value masked
        """
        kind = type(value)
        if kind is str:
            text: str = value.translate(_NO_MEANING)  # type: ignore[attr-defined]
            recipe = self._recipes.get((text[:_TELLING], len(text)))
            if recipe is not None and value[-1] != ")":  # type: ignore[index]
                digits = text[1:] if text[0] == "+" else text
                if digits.isdecimal():
                    return [int(digits[left_out:]) + added for left_out, added in recipe]
            if text.isdigit() and text.isascii() and value[-1] != ")":  # type: ignore[index]
                found = self._of_digits(text)
            elif text[:1] == "+" and text[1:].isdigit() and text.isascii() and value[-1] != ")":  # type: ignore[index]
                found = self._of_international(text)
            else:
                found = None
        elif kind is int and value > 0:  # type: ignore[operator]
            found = self._of_digits(str(value))
        else:
            found = None
        return self._of_anything(value) if found is None else found

    def _of_digits(self, digits: str) -> list[int] | None:
        """The phones that plain digits may be, if that can be told without parsing; else None."""
        recipe = []
        plan, length, telling = plan_of(digits), len(digits), True
        if plan is not None and length in plan.lengths:
            doubtful = plan.doubtful(digits, plan.code_length)
            if doubtful and not plan.in_use(digits):
                return None
            telling = not doubtful and 0 < plan.told_by <= _TELLING
            recipe.append((0, 0))
        first = digits[0]
        for _, code, prefix, lengths, parsed, abroad, leads_abroad, was_written, is_plain in self._countries:
            telling = telling and is_plain
            if (first in abroad and leads_abroad(digits)) or (parsed and parsed(digits)):
                return None
            if prefix and digits.startswith(prefix):
                left = length - len(prefix)
                if len(code) + left in lengths:
                    recipe.append((len(prefix), int(code) * 10**left))
            if len(code) + length in lengths:
                if was_written and was_written(code + digits):
                    return None
                recipe.append((0, int(code) * 10**length))
        if not recipe or digits in CUT_OFF:
            return None
        if telling and not any(one.startswith(digits[:_TELLING]) for one in CUT_OFF):
            self._recipes[digits[:_TELLING], length] = tuple(recipe)
        return [int(digits[left_out:]) + added for left_out, added in recipe]

    def _of_international(self, text: str) -> list[int] | None:
        """The phone that digits behind a plus are, if that can be told without parsing; else None."""
        phone, plan = numbering_plans.international(text), plan_of(text[1:])
        if phone is None or plan is None:
            return None
        if 0 < plan.told_by < _TELLING and len(phone) in plan.lengths and not plan.doubtful(phone, plan.code_length):
            self._recipes[text[:_TELLING], len(text)] = ((0, 0),)
        return [int(phone)]

    def _of_anything(self, value: object) -> Collection[int]:
        if isinstance(value, (list, tuple, set, frozenset)):
            return {phone for one in value for phone in self.of(one)}
        if isinstance(value, (bytes, bytearray, memoryview)):
            value = bytes(value).decode("utf-8", "replace")
        if is_missing(value):
            return ()
        if not isinstance(value, (str, Number)) or isinstance(value, bool):
            raise UnreadablePhoneError(f"a value of type {type(value).__name__}")
        try:
            texts = [phone_text(value)]
        except RejectedError:
            texts = _within(as_text(value)) if isinstance(value, str) else []
            if not texts and isinstance(value, str) and _DIGIT.search(_plain(value)) is None:
                return ()
        found = {int(phone) for text in texts for phone in self._parsed(text) if not _is_former(phone)}
        if not found:
            raise UnreadablePhoneError(mask_phone(value))
        return found

    def _parsed(self, text: str) -> Iterable[str]:
        """The phones that digits may be, with or without a plus, as libphonenumber reads them."""
        if text[:1] == "+":
            if phone := possible_phone(text):
                yield phone
                return
            text = text[1:]  # as people write a national number behind one: +8 912
            if any(len(text) < min(one.lengths) and text.startswith(one.code) for one in self._countries):
                return  # one with its country code that lost a digit, and no other one's national number
        if text in CUT_OFF:
            return
        for digits in (text, text.removeprefix("00")):
            if phone := possible_phone("+" + digits):
                yield phone
        for country in self._countries:
            if phone := possible_phone(text, country.region):
                yield phone
            if (abroad := country.leads_abroad(text)) and (phone := possible_phone("+" + text[abroad.end() :])):
                yield phone  # whatever is dialled before it
        yield from map(str, self._of_digits(text) or ())


def _country(region: str) -> _Country | None:
    import phonenumbers

    national = numbering_plans.national_plan(region)
    plan = None if national is None else plan_of(national.code)
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    if national is None or plan is None or metadata is None:
        return None
    abroad = metadata.international_prefix or ""
    old_form, _ = OLD_FORMS.get(national.code, ("", ""))
    return _Country(
        region=region,
        code=national.code,
        prefix=national.prefix,
        lengths=plan.lengths,
        parsed=None if national.prefix or not metadata.national_prefix_for_parsing else national.doubtful,
        abroad=_first_digits(abroad),
        leads_abroad=national.leads_abroad,
        was_written=re.compile(national.code + old_form).fullmatch if old_form else None,
        is_plain=not old_form
        and (national.prefix or not metadata.national_prefix_for_parsing)
        and all(len(one) < _TELLING and (not one or one.isdigit()) for one in (national.prefix, abroad)),
    )


def _first_digits(pattern: str) -> str:
    """What a pattern of digits may begin with."""
    return pattern[0] if pattern[:1].isdigit() and "|" not in pattern else "0123456789"


def _is_former(phone: str) -> bool:
    return today(phone) is not None and not numbering_plans.in_use(phone)


def _within(text: str) -> list[str]:
    """The numbers within a text: two of them, or one with words around it, or with an extension."""
    plain = _IN_BRACKETS.sub("", _plain(text)[:1000])
    if _MISTYPED.search(plain):
        return []
    runs = (re.sub(r"[^0-9+]", "", run) for run in _RUN.findall(plain))
    return [run for run in runs if len(run.lstrip("+")) >= _FEWEST]


def _plain(text: str) -> str:
    """A text in characters of one kind each: digits as 0 to 9, dashes, spaces."""
    return "".join(
        "-" if unicodedata.category(one) == "Pd" else " " if one.isspace() else str(unicodedata.decimal(one, one))
        for one in unicodedata.normalize("NFKC", text)
        if unicodedata.category(one) != "Cf"
    )
