"""A value in a template field after rendering: native, as XCom gave it, or as the text that a template made of it."""

from __future__ import annotations

import ast
import json
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any

__all__ = ["as_mapping", "as_parameters", "as_value", "blank_as_nothing", "check_no_none", "rendering"]

_WAY_OUT = "give one, or a template that makes one, as in {{ … | tojson }}"


def as_value(rendered: Any) -> Any:
    """Return what a text says as JSON or as Python's own notation; anything else as it is."""
    if not isinstance(rendered, str):
        return rendered
    try:
        return json.loads(rendered)
    except RecursionError:
        return rendered
    except ValueError:
        try:
            return ast.literal_eval(rendered)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return rendered


def as_mapping(name: str, rendered: Any) -> Mapping[str, Any] | None:
    """Return a dictionary that a field holds, or that its text says; None for nothing, and for blank text.

    :param name: the field's, for errors
    :raises RejectedError: if it is none
    """
    value = _something(rendered)
    if value is None or isinstance(value, Mapping):
        return value
    raise _other(name, rendered, f"a dictionary: {_WAY_OUT}")


def as_parameters(name: str, rendered: Any) -> Mapping[str, Any] | list[Any] | tuple[Any, ...] | None:
    """Return a list or dictionary that a field holds, or that its text says; None for nothing, and for blank text.

    :param name: the field's, for errors
    :raises RejectedError: if it is neither
    """
    value = _something(rendered)
    if value is None or isinstance(value, (Mapping, list, tuple)):
        return value
    raise _other(name, rendered, f"a list or dictionary: {_WAY_OUT}")


def blank_as_nothing(operator: Any, **defaults: object) -> None:
    """Have blank text in an operator's templated fields be what it is to leave them out.

    :param defaults: what that is, of those for which it isn't None
    """
    for name in operator.template_fields:
        value = getattr(operator, name)
        if isinstance(value, str) and not value.strip():
            setattr(operator, name, defaults.get(name))


def rendering(
    fields: Iterable[str],
    environment: Any,
    *,
    values: Collection[str],
    as_they_are: Collection[str],
    seen: set[str],
) -> Iterable[tuple[str, Any]]:
    """Each field, and what to render it with so that a template that gives None isn't sent as the text ``None``.

    Nor is one that gives 1500.0 sent as that in a field of values, but as 1500.

    :param values: fields of values, in which it is noted
    :param as_they_are: fields that are left to Airflow; in all others it is nothing
    :param seen: takes the names of those fields of values that held one
    """
    for field in fields:
        if field in as_they_are:
            yield field, environment
        else:
            note = seen.add if field in values else None
            yield field, environment.overlay(finalize=partial(_without_none, field, note))


def check_no_none(seen: Collection[str]) -> None:
    """Check that no field of values held a template that gave None.

    :raises RejectedError: if one did
    """
    from aimylogic_provider.calls_api.errors import RejectedError

    for name in sorted(seen):
        raise RejectedError(
            f"a template in {name} gives None, which is no text: leave the name out, or say what to send in its place, "
            "as in {{ … or '' }}"
        )


def _without_none(field: str, note: Any, value: Any) -> Any:
    if value is not None:
        # As a float in a payload without a template is sent, too.
        return int(value) if note and type(value) is float and value.is_integer() and abs(value) < 2.0**53 else value
    if note is not None:
        note(field)
    return ""


def _something(rendered: Any) -> Any:
    if isinstance(rendered, str) and not rendered.strip():
        return None
    return as_value(rendered)


def _other(name: str, rendered: Any, wanted: str) -> Exception:
    from aimylogic_provider.calls_api.errors import RejectedError

    what = "text that says something else" if isinstance(rendered, str) else f"of type {type(rendered).__name__}"
    return RejectedError(f"{name} is {what}, where it must be {wanted}")
