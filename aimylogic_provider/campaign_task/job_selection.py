"""Which call jobs a task means: ids, phones and call lists, as templates and earlier tasks give them. Asks nobody.

A value that can't be used keeps no other one from being acted on: it is told with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aimylogic_provider.call_list.runs.list_of_result import pointer_of
from aimylogic_provider.call_list.store.manifest import CallListError, Pointer
from aimylogic_provider.calls_api.calls.text_values import as_value
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phones.phone import PhoneRules
from aimylogic_provider.calls_api.request_fields import checked_id

__all__ = ["JobSelection", "selected"]


@dataclass(frozen=True, slots=True)
class JobSelection:
    """Which jobs are meant.

    :param ids: of jobs, each once
    :param phones: in canonical form, each once
    :param lists: call lists, each once
    :param unusable: why values that were given can't be used, without phones in full
    """

    ids: tuple[str, ...]
    phones: tuple[str, ...]
    lists: tuple[Pointer, ...]
    unusable: tuple[str, ...]


def selected(ids: Any, phones: Any, call_list: Any, rules: PhoneRules) -> JobSelection:
    """Read what a task is given, as it was rendered.

    :param ids: a list, or one; None, or blank text, for none given; the others alike
    :param call_list: see :func:`pointer_of`; or a list of such
    :raises RejectedError: if nothing is given at all, or something that is no list
    :raises CallListError: if a call list can't be read now; another try can help
    """
    given = {"ids": _values("ids", ids), "phones": _values("phones", phones), "call_list": _lists(call_list)}
    if all(values is None for values in given.values()):
        raise RejectedError(
            "ids, phones and call_list are all None, or blank: an earlier task may have returned nothing. Give at "
            "least one; an empty list, [], is one, and has nothing done"
        )
    unusable: list[str] = []
    found_ids = _usable(_id, given["ids"] or (), unusable)
    found_phones = _usable(lambda place, one: _phone(place, one, rules), given["phones"] or (), unusable)
    pointers = _pointers(given["call_list"] or (), unusable)
    return JobSelection(found_ids, found_phones, pointers, tuple(unusable))


def _id(place: int, value: object) -> str:
    return checked_id(f"ids[{place}]", value.strip() if isinstance(value, str) else value)


def _phone(place: int, value: object, rules: PhoneRules) -> str:
    try:
        return rules.canonical(value)
    except RejectedError as error:
        raise RejectedError(f"phones[{place}]: {error}") from None


def _pointers(values: Iterable[object], unusable: list[str]) -> tuple[Pointer, ...]:
    """The call lists that can be told by values, each once; of the others the reasons are noted."""
    found: dict[str, Pointer] = {}
    for place, value in enumerate(values):
        try:
            pointer = pointer_of(value)
        except CallListError as error:
            if error.retryable:
                raise
            unusable.append(f"call_list[{place}]: {error}")
        else:
            found[pointer.path] = pointer
    return tuple(found.values())


def _usable(read: Any, values: Iterable[object], unusable: list[str]) -> tuple[str, ...]:
    """The values that can be read, each once; of the others the reasons are noted."""
    found: dict[str, None] = {}
    for place, value in enumerate(values):
        try:
            found[read(place, value)] = None
        except RejectedError as error:
            unusable.append(str(error))
    return tuple(found)


def _values(name: str, given: Any) -> list[object] | None:
    """The values of a list, or of one value; None if nothing is given."""
    value = as_value(given)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        # Of a text that is one number it is the text that counts, with its plus and its zeros.
        return [given if isinstance(given, str) and not given.lstrip().startswith(('"', "'")) else value]
    if isinstance(value, (bytes, Mapping)) or not isinstance(value, Iterable):
        raise RejectedError(f"{name} is of type {type(value).__name__}: give a list, as in ['5665334669']")
    return list(value)


def _lists(given: Any) -> list[object] | None:
    value = as_value(given)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return [value] if isinstance(value, (Mapping, str)) or not isinstance(value, Iterable) else list(value)
