"""The connection's form as Airflow 3.1 asks the hook for it: made of the provider info, where newer ones read it."""

from __future__ import annotations

from typing import Any

__all__ = ["field_behaviour", "widgets"]


def field_behaviour() -> dict[str, Any]:
    """Return how the form looks: which fields it hides, renames and explains."""
    behaviour = _connection_type()["ui-field-behaviour"]
    return {name.replace("-", "_"): value for name, value in behaviour.items()}


def widgets() -> dict[str, Any]:
    """Return the form's further fields.

    Airflow brings stand-ins for wtforms, and knows no numbers but whole ones.
    """
    from wtforms import BooleanField, IntegerField, StringField
    from wtforms.validators import Optional

    fields = {"number": IntegerField, "string": StringField, "boolean": BooleanField}
    return {
        name: fields[shown["schema"]["type"][0]](shown["label"], [Optional()], description=shown["description"])
        for name, shown in _connection_type()["conn-fields"].items()
    }


def _connection_type() -> dict[str, Any]:
    from aimylogic_provider.get_provider_info import get_provider_info

    ours: dict[str, Any]
    (ours,) = get_provider_info()["connection-types"]
    return ours
