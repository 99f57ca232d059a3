"""Operators whose templates are rendered as values of calls are written, and whose fields Airflow shows masked then."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar

from aimylogic_provider.airflow_task.airflow_imports import OperatorMixin

__all__ = ["RendersMasked", "ShownMasked"]

_RENDERED = "_fields_are_rendered"


class RendersMasked(OperatorMixin):
    """Renders its templated fields, notes what can't be, and has Airflow show phones masked from then on."""

    _rendered_as: ClassVar[Mapping[str, Collection[str]]] = {}
    """Which fields are rendered otherwise than as plain text: as :func:`.rendering` takes it."""
    _mapped_are_data: ClassVar[bool] = True
    """Whether what an earlier task returned for a mapped one is data, and never a template."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._noted: dict[str, str] = {}

    def _do_render_template_fields(
        self, parent: Any, template_fields: Iterable[str], context: Any, jinja_env: Any, seen_oids: set[int]
    ) -> None:
        """Render what is a template. Airflow renders ordinary and mapped tasks by this method."""
        from aimylogic_provider.airflow_task.mapped_templates import templates_among
        from aimylogic_provider.airflow_task.template_values import rendering

        if parent is not self:
            super()._do_render_template_fields(parent, template_fields, context, jinja_env, seen_oids)
            return
        fields = templates_among([*template_fields], self, context) if self._mapped_are_data else template_fields
        for field, environment in rendering(fields, self, jinja_env, **self._rendered_as, noted=self._noted):
            super()._do_render_template_fields(parent, [field], context, environment, seen_oids)
        self.__dict__[_RENDERED] = True


class ShownMasked:
    """A field of an operator that Airflow shows masked from when it is rendered; all other code sees what it holds.

    :param is_phone: whether the whole of it is a phone, in any writing, or a list of phones; else whatever in it could
        be one is masked
    :param of_calls: whether it is a list of calls, of which the first few are shown
    :param of_arguments: whether it holds a function's arguments: of a long list among them the first few are shown, and
        of what isn't plain, its type
    :param of_policy: whether it is a call policy, of whose addresses the hosts are shown
    """

    def __init__(
        self, *, is_phone: bool = False, of_calls: bool = False, of_arguments: bool = False, of_policy: bool = False
    ) -> None:
        self._is_phone = is_phone
        self._of_calls = of_calls
        self._of_arguments = of_arguments
        self._of_policy = of_policy
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
            of_policy=self._of_policy,
        )

    def __set__(self, operator: object, value: object) -> None:
        operator.__dict__[self._name] = value
