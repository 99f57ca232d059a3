"""What people tell mapped task instances apart by, in Airflow's lists and in questions: nobody's phone in full.

Airflow keeps the label of a map index in its database, and shows it to whoever may see the DAG. So by default it is
made of what those see anyway: the index, and the masked phone, or the shard. What else a call is to be known by, as a
name or a customer's number, is for the DAG to say: its ``map_index_template`` stands in questions, too.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.airflow_imports import OperatorMixin

if TYPE_CHECKING:
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

    from aimylogic_provider.airflow_task.airflow_imports import Context

__all__ = ["INDEX_LABEL", "HasIndexLabel", "in_one_line", "name_of_instance"]

INDEX_LABEL = "{{ task.index_label(ti) }}"
_LONGEST = 60
"""Characters. Airflow's database takes 250."""


class HasIndexLabel(OperatorMixin):
    """Has a label for each index it is mapped over, unless the DAG has one: ``map_index_template``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if self.map_index_template is None and "map_index_template" not in kwargs and _is_in_mapped_group(self):
            self.map_index_template = INDEX_LABEL

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """As any operator's; the label is the mapped task's, for it is shown before an instance is made."""
        partial: OperatorPartial = super().partial(**kwargs)
        if "map_index_template" not in kwargs and partial.kwargs.get("map_index_template") is None:
            partial.kwargs["map_index_template"] = INDEX_LABEL
        return partial

    def index_label(self, ti: Any) -> str:
        """Return how this task instance is shown among its like. Airflow renders it into a template.

        It fails no task: nothing is raised, and it is no number, nor anything else that Airflow takes for a value where
        templates are rendered as such (``render_template_as_native_obj``).

        :param ti: the task instance
        """
        index = getattr(ti, "map_index", None)
        try:
            what = in_one_line(self._told_by_label())
        except Exception:  # noqa: BLE001 - it only shows
            what = ""
        if what.startswith("shard "):
            return what
        return f"{index}: {what}" if what else f"map index {index}"

    def _told_by_label(self) -> str:
        """What this task instance is about, of which nobody is known."""
        return ""


def in_one_line(text: object, most: int = _LONGEST) -> str:
    """Return a text as it can stand in a line that people read: without line breaks and hidden marks, and not long."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)[: 10 * most]).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def name_of_instance(context: Context, otherwise: str = "") -> str:
    """Return what people tell a task instance by from others of its task; empty if it has none.

    That is the label that the DAG gave it, phones in it masked.

    :param otherwise: what to tell it by if the DAG gave none
    """
    from aimylogic_provider.airflow_task.masked_fields import masked_phones

    index = getattr(context["ti"], "map_index", None)
    if index is None or index < 0:
        return ""
    label = None if context.get("map_index_template") in (None, INDEX_LABEL) else _label_of(context)
    return in_one_line(masked_phones(str(label))) if label else otherwise or f"#{index}"


def _label_of(context: Context) -> str | None:
    """The label that the DAG gave, as Airflow renders it; None if it can't be told yet."""
    ti: Any = context["ti"]
    if label := getattr(ti, "rendered_map_index", None):
        return str(label)
    try:  # before Airflow 3.2 it is rendered once the task has ended
        from airflow.sdk.execution_time import task_runner

        # By Airflow's own function: what it reads for a label, it gets masked.
        silent: Any = SimpleNamespace(debug=_say_nothing, info=_say_nothing)
        return task_runner._render_map_index(context, ti=ti, log=silent)
    except Exception:  # noqa: BLE001 - it only shows
        return None


def _is_in_mapped_group(task: Any) -> bool:
    group = getattr(task, "task_group", None)
    if getattr(group, "parent_group", None) is None:
        return False  # the DAG's own; nothing more is loaded for most tasks
    from aimylogic_provider.airflow_task.task_loops import is_in_mapped_group

    return is_in_mapped_group(task)


def _say_nothing(*_: object, **__: object) -> None: ...
