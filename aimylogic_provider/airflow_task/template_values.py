"""A value in a template field after rendering: native, as XCom gave it, or as the text that a template made of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any

from aimylogic_provider.calls_api.calls.text_values import as_value

__all__ = ["as_mapping", "as_parameters", "as_value", "blank_as_nothing", "check_rendered", "rendering"]

ONE = ("phone", "gmt_zone")
"""Fields in which it is noted if a template gives several values."""
_NONE = "None, which isn't text"
_WAY_OUT = "give one, or a template that makes one, as in {{ … | tojson }}"


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
    """Have blank text, or None, in an operator's templated fields be what it is to leave them out.

    :param defaults: what that is, of those for which it isn't None
    """
    for name in operator.template_fields:
        value = getattr(operator, name)
        if value is None or (isinstance(value, str) and not value.strip()):
            setattr(operator, name, defaults.get(name))


def rendering(
    fields: Iterable[str],
    operator: Any,
    environment: Any,
    *,
    sent: Collection[str] = (),
    values: Collection[str] = (),
    as_they_are: Collection[str] = (),
    nested: Collection[str] = (),
    noted: dict[str, str],
) -> Iterable[tuple[str, Any]]:
    """Each field, and what to render it with so that what is no text isn't sent as one: not ``None``, nor ``1500.0``.

    :param sent: fields that are sent, whose templates write values as those of a payload are written
    :param values: fields in which it is noted if a template gives None; elsewhere that is nothing
    :param as_they_are: fields that are left to Airflow
    :param nested: those of the fields that are sent in which a template may give several values, where it is native
    :param noted: takes what can't be, by the field's name; see :func:`check_rendered`
    """
    native = any(kind.__name__ == "NativeEnvironment" for kind in type(environment).__mro__)
    for field in fields:
        if field in as_they_are:
            yield field, environment
            continue
        # A text that says a whole payload has a notation of its own, in which its author writes values.
        is_sent = field in sent and not isinstance(getattr(operator, field), str)
        finalize = partial(
            _finalized,
            note=partial(noted.setdefault, field),
            none=_NONE if field in values or field in sent else None,
            several=(is_sent and not (native and field in nested)) or field in ONE,
            whole=field in sent,
            write=is_sent and not native,
        )
        yield field, environment.overlay(finalize=finalize)


def check_rendered(noted: Mapping[str, str]) -> None:
    """Check that no template gave what can't be.

    :raises RejectedError: if one did
    """
    from aimylogic_provider.calls_api.errors import RejectedError

    for name, what in sorted(noted.items()):
        if name in ONE:
            way_out = "give one. For each of several, map the task over them"
        elif what == _NONE:
            way_out = "leave the name out, or say what to send in its place, as in {{ … or '' }}"
        else:
            way_out = "make it text, as by {{ … | join(', ') }}, or leave the name out"
        raise RejectedError(f"a template in {name} gives {what}: {way_out}")


def _finalized(
    value: Any, *, note: Callable[[str], object], none: str | None, several: bool, whole: bool, write: bool
) -> Any:
    """What a template's expression gives, as it is to be written."""
    if isinstance(value, str):
        return value
    if value is None or type(value).__name__ in ("NAType", "NaTType"):  # as pandas has it
        if none:
            note(none)
        return ""
    if type(value).__name__.endswith("Undefined"):
        return str(value)  # raises, unless the DAG allows that names are unknown
    if several and isinstance(value, (Mapping, list, tuple, set, frozenset, bytes)):
        note(f"a {type(value).__name__}")
    elif write:
        return _as_sent(value, note)
    elif whole and isinstance(value, float) and value.is_integer() and abs(value) < 2.0**53:
        return int(value)
    return value


def _as_sent(value: Any, note: Callable[[str], object]) -> Any:
    from aimylogic_provider.calls_api.calls.payload import flat_payload
    from aimylogic_provider.calls_api.errors import RejectedError, RejectedTypeError

    try:
        return flat_payload({"it": value})["it"]
    except RejectedTypeError:
        return value  # Airflow's own things, and what else has a text of its own
    except RejectedError:
        note("a number that is not finite")
        return ""


def _something(rendered: Any) -> Any:
    value = as_value(rendered)
    return None if isinstance(value, str) and not value.strip() else value


def _other(name: str, rendered: Any, wanted: str) -> Exception:
    from aimylogic_provider.calls_api.errors import RejectedError

    what = "text that says something else" if isinstance(rendered, str) else f"of type {type(rendered).__name__}"
    return RejectedError(f"{name} is {what}, where it must be {wanted}")
