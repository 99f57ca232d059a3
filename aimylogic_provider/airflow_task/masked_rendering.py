"""Operators whose templates are rendered as values of calls are written, and whose fields Airflow shows masked then."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar

from aimylogic_provider.airflow_task.airflow_imports import BaseOperator
from aimylogic_provider.airflow_task.masked_descriptor import fields_are_rendered

__all__ = ["RendersMasked"]


class RendersMasked(BaseOperator):
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
        fields_are_rendered(self)
