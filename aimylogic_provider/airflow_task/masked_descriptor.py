"""Fields of an operator that Airflow shows masked, while the DAG's own code sees what they hold."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["ShownMasked", "fields_are_rendered"]


class ShownMasked:
    """A field of an operator that Airflow shows masked from when it is rendered; all other code sees what it holds.

    :param is_phone: whether the whole of it is a phone, in any writing, or a list of phones; else whatever in it could
        be one is masked
    :param of_calls: whether it is a list of calls, of which the first few are shown
    :param of_arguments: whether it holds a function's arguments: of a long list among them the first few are shown, and
        of what isn't plain, its type
    """

    def __init__(self, *, is_phone: bool = False, of_calls: bool = False, of_arguments: bool = False) -> None:
        self._is_phone = is_phone
        self._of_calls = of_calls
        self._of_arguments = of_arguments
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, operator: object | None, owner: type) -> Any:
        if operator is None:
            return self
        fields = operator.__dict__
        if self._name not in fields:
            raise AttributeError(f"{owner.__name__!r} object has no attribute {self._name!r}")
        if _RENDERED not in fields:
            return fields[self._name]
        from aimylogic_provider.airflow_task.masked_fields import as_shown

        reader = sys._getframe(1)
        return as_shown(
            fields[self._name],
            reader,
            is_phone=self._is_phone,
            of_calls=self._of_calls,
            of_arguments=self._of_arguments,
        )

    def __set__(self, operator: object, value: object) -> None:
        operator.__dict__[self._name] = value


_RENDERED = "_fields_are_rendered"


def fields_are_rendered(operator: object) -> None:
    """Have an operator's fields be shown masked from now on."""
    operator.__dict__[_RENDERED] = True
