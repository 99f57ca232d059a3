"""Calls that a function gives, one by one, as it is asked for them: what it may return, and what a call of it may be.

Beyond that a call is what ``given_calls`` reads. What can't be a call by its type is a mistake of the function, and not
in one person's data: it ends the freezing, for a page of people that counted as one rejected call would be missed.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, Awaitable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from numbers import Number
from typing import Any, Protocol, TypeGuard

from aimylogic_provider.call_list.freeze.call_rules import CallRules
from aimylogic_provider.call_list.freeze.given_calls import (
    CALL_FIELDS,
    GivenCallReader,
    is_page,
    own_policies,
    page_within,
)
from aimylogic_provider.calls_api.errors import RejectedError

__all__ = ["WAIT_WITHIN", "YieldedCallReader"]


class _NamedTuple(Protocol):
    def _asdict(self) -> dict[str, Any]: ...


_EVEN_OF_ONE = (
    f"return a list, even of one, or yield one by one: dictionaries of {', '.join(CALL_FIELDS)}, or phones alone"
)
WAIT_WITHIN = "give a function without `async`, which may have asyncio.run(…) wait for what is awaited"
"""What to do about an async function."""


class YieldedCallReader(GivenCallReader):
    """Makes calls of what a function gives, without having seen them all.

    :param function: its name, for errors
    :param one_finish: whether the finish that the rules have is that of all calls, so that none may have one of its own
    :raises RejectedError: if what holds for all can't be used
    """

    way_out = (
        "Correct what the function gives, or this task's arguments (phone_region, say), and clear the task: the "
        "function is called anew then"
    )

    def __init__(self, rules: CallRules, function: str, *, one_finish: bool) -> None:
        super().__init__(rules, ())
        self.key_names = ("key",)  # written down before it is known whether a call has one
        self._function = function
        self._one_finish = one_finish

    @property
    def of_all(self) -> bytes:
        """As of any reader; empty, too, as long as a call with a finish of its own may come."""
        return super().of_all if self._one_finish else b""

    def calls(self, returned: object) -> Generator[object]:
        """Return what a function returned or yields, call by call, to be read once and closed.

        :raises RejectedError: if it is nothing, or nothing that calls can be taken from; and once it is read, if
            something among it can't be a call, or has what the task's arguments leave no room for
        """
        return self._each(_iterated(returned, self._function))

    def _each(self, returned: Iterator[object]) -> Generator[object]:
        number = 0
        try:
            while True:
                try:
                    given = next(returned)
                except StopIteration as end:
                    self._check_ended(end.value)
                    return
                number += 1
                call = self._as_call(given, number)
                if isinstance(call, Mapping) and isinstance(call.get("policy"), Mapping):
                    self._check_policy(call, number)
                yield call
        finally:
            if isinstance(returned, Generator):
                returned.close()

    def _check_ended(self, value: object) -> None:
        if value is not None:
            raise RejectedError(
                f"{self._function} yields, and returned something of type {type(value).__name__} besides, which Python "
                "gives to nobody: whoever is in it would be missed. Yield these too, as by `yield from`, and return "
                "nothing"
            )

    def _check_policy(self, call: Mapping[str, object], number: int) -> None:
        own = own_policies((call,))
        if not own:
            return
        if self.method == "addPhone":
            raise RejectedError(
                f"call {number:,} has a policy: that of a call needs method='addPhones', for addPhone has no call "
                "policies"
            )
        if self._one_finish and "finish" in own:
            raise RejectedError(f"call {number:,} has a finish, and call_before is the finish of all: give one of both")
        self.policy_by_row = True

    def _as_call(self, given: object, number: int) -> object:
        """What can be read as a call; raise RejectedError if that can't be one."""
        call = _by_names(given)
        page = page_within(call) if isinstance(call, Mapping) else ""
        if not page and (call is None or isinstance(call, (Mapping, Number)) or _is_phone_text(call)):
            return call
        _discard(given)
        what = f"call {number:,} that {self._function} gives is of type {type(given).__name__}, "
        raise RejectedError(what + (page or f"and nobody is called: {_way_out(given)}"))


def _is_phone_text(call: object) -> bool:
    return isinstance(call, str) and not is_page(call)


def _by_names(given: object) -> object:
    """A named tuple, or a dataclass, as a dictionary; anything else as it is."""
    if _is_named_tuple(given):
        return given._asdict()
    if is_dataclass(given) and not isinstance(given, type):
        return {one.name: getattr(given, one.name) for one in fields(given)}
    return given


def _iterated(returned: object, function: str) -> Iterator[object]:
    """What calls can be taken from, one by one."""
    if returned is None:
        raise RejectedError(
            f"{function} returned None, and nobody is called: was `return` or `yield` forgotten? Where nobody is to be "
            "called, return an empty list, []"
        )
    what = f"{function} returned something of type {type(returned).__name__}, and nobody is called"
    if _is_async(returned):
        _discard(returned)
        raise RejectedError(f"{what}: {WAIT_WITHIN}")
    if hasattr(returned, "to_dict") or hasattr(returned, "to_pylist"):
        raise RejectedError(f"{what}: give a list of dictionaries, as by .to_dict('records') of a frame")
    no_list = isinstance(returned, (Mapping, str, bytes, bytearray, memoryview, range)) or _is_named_tuple(returned)
    if no_list or not isinstance(returned, Iterable):
        raise RejectedError(f"{what}: {_EVEN_OF_ONE}")
    return iter(returned)


def _is_named_tuple(value: object) -> TypeGuard[_NamedTuple]:
    """Whether it is one, or a row that is like one, as SQLAlchemy's are."""
    return isinstance(value, Sequence) and hasattr(value, "_fields") and hasattr(value, "_asdict")


def _is_async(value: object) -> bool:
    return isinstance(value, (Awaitable, AsyncIterable))


def _discard(value: object) -> None:
    """Have Python not warn of a coroutine that nobody awaits."""
    if inspect.iscoroutine(value):
        value.close()


def _way_out(given: object) -> str:
    """How to make calls of what is none."""
    if _is_async(given):
        return WAIT_WITHIN
    if hasattr(given, "model_dump"):
        return "give a dictionary, as by call.model_dump()"
    if hasattr(given, "keys"):
        return "give a dictionary, as by dict(row)"
    if isinstance(given, tuple):
        return "give a dictionary, as in {'phone': …, 'payload': {…}}"
    if isinstance(given, Iterable):  # a text of JSON, too
        return "give its calls one by one, as by `yield from`"
    return f"give a dictionary of {', '.join(CALL_FIELDS)}, or a phone alone"
