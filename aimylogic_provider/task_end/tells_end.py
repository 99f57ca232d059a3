"""TellsEnd: operators whose log ends with a summary, and, if they fail, with one short line of why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar

from aimylogic_provider.airflow_task.airflow_imports import OperatorMixin

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context

__all__ = ["TellsEnd"]


class TellsEnd(OperatorMixin):
    """A task that tells its end: in its log, and if it fails, its counts as the XCom ``report``.

    However it ends it is told once, by the outermost of the methods that Airflow, or a subclass, calls.
    """

    _adds_calls: ClassVar[bool] = False
    _to_correct: str = ""
    """What to do about what the task was given and can't use, where a clear would give it the same again."""
    _tells_now: bool = False
    """Whether one of those methods runs."""
    _counted: Callable[[], Mapping[str, Any]] | None = None
    """Tells how far the try has come, once it is known."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "execute" in vars(cls):
            cls.execute = _telling(vars(cls)["execute"])  # type: ignore[method-assign]

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """As any operator's: Airflow calls it in the place of ``execute`` once the task was deferred."""
        from aimylogic_provider.task_end.task_end import told

        def resumed() -> Any:
            return super(TellsEnd, self).resume_execution(next_method, next_kwargs, context)

        return told(self, context, resumed, is_resumed=True)

    def _result_in_words(self, result: Any) -> str:
        """What the task returns, in a few words."""
        raise NotImplementedError

    def _counts_so_far(self, error: BaseException | None) -> Mapping[str, Any]:
        """Counts of a try that isn't done, by the names that its result has for them; none if nothing is known.

        :param error: by which it failed, as it was before it was put for Airflow; None if it didn't
        """
        return {} if self._counted is None else self._counted()

    def _counts_in_words(self, counts: Mapping[str, Any]) -> str:
        """The same in a few words."""
        return self._result_in_words(counts)


def _telling(execute: Callable[..., Any]) -> Callable[..., Any]:
    """An operator's ``execute`` that tells its end."""

    @wraps(execute)
    def telling(self: TellsEnd, context: Context, **kwargs: Any) -> Any:
        from aimylogic_provider.task_end.task_end import told

        return told(self, context, lambda: execute(self, context, **kwargs))

    return telling
