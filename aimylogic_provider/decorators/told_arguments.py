"""What a function's arguments say, alike in each process: by that a mapped task tells its people from another index's.

An object's own text may leave out what tells it from another (a long array's does), or bear its address: so content is
what counts. Arguments that hold what can be read only once are found here, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from types import FunctionType, ModuleType
from typing import Any
from uuid import UUID

__all__ = ["UntoldError", "read_only_once", "type_of", "what_is_told"]

_DEEPEST = 50
_BY_THEIR_TEXT = (
    str, bytes, bytearray, range, int, float, complex, Decimal, Fraction, date, time, timedelta, tzinfo, UUID, PurePath,
    type, ModuleType, type(None), type(Ellipsis),
)  # fmt: skip


class UntoldError(Exception):
    """Of something it can't be told what it says: the message is its type."""


def type_of(value: object) -> str:
    """The name of a value's type."""
    return type(value).__name__


def what_is_told(value: object, *, whole: bool) -> str:
    """Return what an argument says.

    :param whole: whether a list is to be read that is read one by one, as Airflow's of a mapped task is
    :raises UntoldError: if that can't be told
    """
    try:
        return _Teller(whole).told(value)
    except UntoldError:
        raise
    except Exception as error:
        raise UntoldError(type_of(value)) from error


class _Teller:
    def __init__(self, whole: bool) -> None:
        self._whole = whole
        self._above: list[int] = []

    def told(self, value: object) -> str:
        if isinstance(value, Enum):
            return f"{type_of(value)}.{value.name}"
        if isinstance(value, _BY_THEIR_TEXT):
            return repr(value)
        if id(value) in self._above:
            return f"what is {self._above[::-1].index(id(value))} above"
        if len(self._above) >= _DEEPEST:
            raise UntoldError(type_of(value))
        self._above.append(id(value))
        try:
            return self._within(value)
        finally:
            self._above.pop()

    def _within(self, value: Any) -> str:
        if isinstance(value, Mapping):
            return self._names(value)
        if isinstance(value, (list, tuple)):
            return self._each(value)
        if isinstance(value, (set, frozenset)):
            return f"[{', '.join(sorted(map(self.told, value)))}]"
        if isinstance(value, Iterator):
            raise UntoldError(type_of(value))
        if (content := _content(value)) is not None:
            return f"{type_of(value)} {self.told(content)}"
        if isinstance(value, Sequence):
            return self._each(value) if self._whole else f"{type_of(value)} of {len(value)}"
        return self._object(value)

    def _names(self, values: Mapping[Any, Any]) -> str:
        told = sorted(f"{self.told(name)}: {self.told(one)}" for name, one in values.items())
        return f"{{{', '.join(told)}}}"

    def _each(self, values: Iterable[Any]) -> str:
        return f"[{', '.join(map(self.told, values))}]"

    def _object(self, value: object) -> str:
        if isinstance(value, FunctionType) and "<" not in value.__qualname__:  # no lambda, nor made by another one
            return f"{value.__module__}.{value.__qualname__}"
        attributes = _attributes(value)
        if attributes:
            return f"{type(value).__qualname__} {self._names(attributes)}"
        if type(value).__repr__ is not object.__repr__ and " at 0x" not in (text := repr(value)):
            return text
        if attributes is not None and type(value).__repr__ is object.__repr__:
            return f"{type(value).__qualname__} {{}}"
        raise UntoldError(type_of(value))


def _content(value: Any) -> object:
    """The content of a frame, or of an array, in plain lists; None of what is neither."""
    if hasattr(value, "to_pylist"):
        return value.to_pylist()
    if hasattr(value, "columns") and hasattr(value, "to_numpy"):
        index = getattr(value, "index", None)
        return [[*value.columns], None if index is None else [*index], value.to_numpy().tolist()]
    if hasattr(value, "tolist"):
        return [str(getattr(value, "dtype", "")), value.tolist(), _list_or_none(getattr(value, "index", None))]
    return None


def _list_or_none(index: Any) -> object:
    """A series' index; what a list has by that name is a method."""
    return None if index is None or callable(index) else [*index]


def _attributes(value: object) -> dict[str, object] | None:
    """What an object holds by name; None if it has no room for anything, as far as Python tells."""
    if callable(value) and not hasattr(type(value), "__dataclass_fields__") and not _is_of_own_class(value):
        return None
    names = {name for base in type(value).__mro__ for name in _slots(base)}
    room = hasattr(value, "__dict__") or bool(names)
    if not room:
        return None
    held = {name: getattr(value, name) for name in names if hasattr(value, name)}
    return {**held, **getattr(value, "__dict__", {})}


def _is_of_own_class(value: object) -> bool:
    """Whether something callable is an object of a class, and not a function, whose code nobody can tell."""
    return type(value).__module__ not in ("builtins", "functools")


def _slots(kind: type) -> Iterable[str]:
    slots = vars(kind).get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    private = f"_{kind.__name__.lstrip('_')}"
    return [
        f"{private}{name}" if name.startswith("__") and not name.endswith("__") else name
        for name in names
        if name not in ("__dict__", "__weakref__")
    ]


def read_only_once(value: object, depth: int = 0) -> Iterator[Any] | None:
    """Return what can be read only once in an argument, if there is something: a generator, a map, an open file."""
    if isinstance(value, Iterator):
        return value
    within: Iterable[object] = ()
    if isinstance(value, dict):
        within = value.values()
    elif isinstance(value, (list, tuple)):
        within = value
    if depth >= _DEEPEST:
        return None
    return next((found for one in within if (found := read_only_once(one, depth + 1)) is not None), None)
