"""A phone in a template field after rendering: whoever prints it, Airflow's pages too, shows it masked."""

from __future__ import annotations

from dataclasses import dataclass

from aimylogic_provider.calls_api.phone import mask_phone

__all__ = ["RenderedPhone"]


@dataclass(frozen=True, slots=True)
class RenderedPhone:
    """A phone that shows itself masked.

    :param value: as the DAG gave it
    """

    value: object

    @classmethod
    def of(cls, value: object) -> RenderedPhone:
        """Take what the DAG gave, or what was taken before."""
        return value if isinstance(value, cls) else cls(value)

    def __str__(self) -> str:
        return mask_phone(self.value)

    __repr__ = __str__
