"""@task.aimylogic_calls: the calls that a function returns or yields, added exactly once per DAG run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, ParamSpec, Protocol, TypeVar, Unpack, overload

from aimylogic_provider.airflow_task.airflow_imports import (
    AirflowFailException,
    BaseOperator,
    DecoratedOperator,
    determine_kwargs,
    task_decorator_factory,
)
from aimylogic_provider.airflow_task.masked_rendering import ShownMasked
from aimylogic_provider.operators.add_phones import AddPhonesOperator
from aimylogic_provider.retries.retry_policy import AIRFLOW_HAS_POLICIES, DEFAULT_RETRY_POLICY

if TYPE_CHECKING:
    from contextlib import ExitStack

    from airflow.sdk.bases.decorator import Task
    from airflow.sdk.definitions.retry_policy import RetryPolicy

    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.airflow_task.base_operator_arguments import DecoratorArguments
    from aimylogic_provider.call_list.freeze.rows_read import Reader
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list_task.freezing.row_source import RowSource

__all__ = ["aimylogic_calls"]


_SIGNALS = ("DownstreamTasksSkipped", "DagRunTriggerException", "TaskDeferred", "TaskAwaitingInput")
"""What operators raise that isn't an error. By name, for each stands elsewhere in another Airflow, or not at all."""


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


_Parameters = ParamSpec("_Parameters")
_Calls = TypeVar("_Calls", bound=Iterable[Mapping[str, Any] | str | int | tuple[Any, ...] | _Dataclass | None])


class CallsDecoratedOperator(DecoratedOperator, AddPhonesOperator):
    """A task that asks a function for calls, once, and sends the list that they became: what ``aimylogic_calls`` makes.

    :param python_callable: the function
    :param op_args: its arguments by position. (templated)
    :param op_kwargs: its arguments by name. (templated)
    """

    template_fields: Sequence[str] = (
        "op_args", "op_kwargs", *(name for name in AddPhonesOperator.template_fields if name != "calls"),
    )  # fmt: skip
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "op_args": "py", "op_kwargs": "py", "policy": "json", "exclude_sql": "sql",
    }  # fmt: skip
    custom_operator_name: str = "@task.aimylogic_calls"
    op_args = ShownMasked(of_arguments=True)
    op_kwargs = ShownMasked(of_arguments=True)
    _rendered_as: ClassVar[dict[str, tuple[str, ...]]] = {
        "values": ("policy",), "as_they_are": ("op_args", "op_kwargs", "exclude_sql"),
    }  # fmt: skip
    _nobody: ClassVar[str] = "The function gave no calls"
    _not_again: ClassVar[str] = "the function is not asked again"

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(python_callable=python_callable, op_args=op_args, op_kwargs=op_kwargs, calls=(), **kwargs)
        self._same_for_all: Collection[str] = ()
        if not self._is_of_mapped():  # a mapped task's run tells it, as an error that no retry mends
            self._check_read_again()

    def _is_of_mapped(self) -> bool:
        """Whether it is one of a mapped task's instances."""
        return bool(getattr(self, "_BaseOperator__from_mapped", False))

    def _has_index(self) -> bool:
        """Whether its people must be told from another index's."""
        from aimylogic_provider.airflow_task.task_loops import is_in_mapped_group

        return self._is_of_mapped() or is_in_mapped_group(self)

    def _check_read_again(self) -> None:
        """Check that the next try's function finds what this one's does."""
        for name, value in self._arguments():
            from aimylogic_provider.decorators.told_arguments import read_only_once, type_of

            if (found := read_only_once(value)) is not None:
                from aimylogic_provider.calls_api.errors import RejectedError

                raise RejectedError(
                    f"{name} of {_name_of(self.python_callable)} is, or holds, something of type {type_of(found)}: it "
                    "can be read only once, and a retry must find what the first try did: give list(…) of it, or have "
                    "the function make it"
                )

    def _arguments(self) -> Iterator[tuple[str, object]]:
        """The function's arguments, and what each is called in messages."""
        yield from ((f"argument {place}", value) for place, value in enumerate(self.op_args, 1))
        yield from ((f"argument {name!r}", value) for name, value in self.op_kwargs.items())

    def _do_render_template_fields(
        self, parent: Any, template_fields: Iterable[str], context: Any, jinja_env: Any, seen_oids: set[int]
    ) -> None:
        from aimylogic_provider.airflow_task.mapped_templates import arguments_of_all, given_arguments

        if parent is not self:
            super()._do_render_template_fields(parent, template_fields, context, jinja_env, seen_oids)
            return
        arguments = dict(self.op_kwargs)
        self._same_for_all = arguments_of_all(self)
        data = given_arguments(self, context)
        self.op_kwargs = {name: value for name, value in arguments.items() if name not in data}
        super()._do_render_template_fields(parent, template_fields, context, jinja_env, seen_oids)
        self.op_kwargs = {**arguments, **self.op_kwargs}

    def _freeze(self, context: Context, *arguments: Any, **more: Any) -> Pointer:
        self._context = context
        try:
            return super()._freeze(context, *arguments, **more)
        except BaseException as error:
            if signal := next((one.__name__ for one in type(error).__mro__ if one.__name__ in _SIGNALS), None):
                raise AirflowFailException(
                    f"{_name_of(self.python_callable)} raised {signal}, by which an operator tells Airflow that a task "
                    "is done, or waits, and nobody is called: an operator can't be run within the function. Make a "
                    "task of it, and give the function what that returns; to skip this one, raise AirflowSkipException"
                ) from None
            raise

    def _row_source(self) -> RowSource:
        from aimylogic_provider.call_list.freeze.yielded_calls import YieldedCallReader
        from aimylogic_provider.call_list_task.freezing.row_source import RowSource

        name = _name_of(self.python_callable)
        reader = YieldedCallReader(self._call_rules(), name, one_finish=self.call_before is not None)

        def opened(stack: ExitStack) -> tuple[Reader, Iterable[Any]]:
            self.log.info("Freezing the call list: asking %s for calls.", name)
            calls = reader.calls(self._returned())
            stack.callback(calls.close)
            return reader, calls

        # Any call may have a finish. And a function isn't asked in vain while the server can't be reached.
        return RowSource(has_finish=True, opened=opened)

    def _returned(self) -> object:
        """What the function returns, given its arguments, and what it takes of Airflow's context."""
        self._check_read_again()
        given = {**self._context, **self.op_kwargs}
        return self.python_callable(*self.op_args, **determine_kwargs(self.python_callable, self.op_args, given))

    def _told(self) -> list[object]:
        from aimylogic_provider.call_list.store.manifest import sha256

        # What is given to all indexes alike tells none from another, and may differ after a clear, as a report does.
        same = {f"argument {name!r}" for name in self._same_for_all}
        told = sorted(self._told_of(one) for one in self._arguments() if one[0] not in same)
        return [sha256("; ".join(told).encode(errors="backslashreplace")), self.aimylogic_conn_id]

    def _told_of(self, argument: tuple[str, object]) -> str:
        """What an argument says; of an ordinary task, whose people are its own anyway, its type where that can't be.

        :raises RejectedError: if it can't be told, and the task is mapped
        """
        from aimylogic_provider.calls_api.errors import RejectedError
        from aimylogic_provider.decorators.told_arguments import UntoldError, type_of, what_is_told

        name, value = argument
        try:
            return f"{name}: {what_is_told(value, whole=self._has_index())}"
        except UntoldError as error:
            if not self._has_index():
                return f"{name}: {type_of(value)}"
            raise RejectedError(
                f"{name} of {_name_of(self.python_callable)} is, or holds, something of type {error}, of which can't "
                "be told whether it is that of another map index: its people might be called twice, or missed. Map "
                "over plain values, as ids and dictionaries, and have the function make the rest"
            ) from None


@overload
def aimylogic_calls(python_callable: Callable[_Parameters, _Calls]) -> Task[_Parameters, _Calls]: ...
@overload
def aimylogic_calls(
    python_callable: None = None,
    *,
    aimylogic_conn_id: str = "aimylogic_default",
    phone_region: str | None = None,
    phone_reading: Literal["either", "international", "national"] = "either",
    phone_check: Literal["in use", "possible"] = "in use",
    countries: Sequence[str] | None = None,
    policy: Mapping[str, Any] | str | None = None,
    call_before: datetime | str | None = None,
    method: Literal["addPhones", "addPhone"] = "addPhones",
    batch_size: int | None = None,
    max_batch_bytes: int = 1_000_000,
    max_calls_per_phone: int | None = 1,
    only_new: timedelta | bool = False,
    call_again: bool | str = False,
    exclude_sql: str | None = None,
    exclude_conn_id: str | None = None,
    exclude_unreadable: Literal["fail", "skip"] = "fail",
    holdout: float | None = None,
    holdout_salt: str = "",
    on_rejected: Literal["skip", "fail"] = "skip",
    max_rejected: float | None = None,
    max_calls: int | None = None,
    max_change: float | None = None,
    on_excess: Literal["fail", "ask"] = "fail",
    call_list_path: str | None = None,
    concurrency: int | None = None,
    requests_per_second: float | None = None,
    report_lag: timedelta | float = timedelta(minutes=10),
    keep_call_list: timedelta | None = timedelta(days=30),
    on_unknown: Literal["fail", "ask"] = "fail",
    dry_run: bool = False,
    wait_for_completion: bool = False,
    completed_share: float = 1.0,
    deferrable: bool | None = None,
    poll_interval: timedelta | float = timedelta(minutes=1),
    wait_timeout: timedelta | float = timedelta(days=7),
    fail_on: Collection[str] = (),
    on_paused: Literal["wait", "fail"] = "wait",
    cancel_on_kill: bool = False,
    first: int | None = None,
    min_reached: float | None = 0.1,
    max_refused: float | None = 0.1,
    test_phone: str | None = None,
    after_test: Literal["go on", "ask"] = "go on",
    retry_policy: RetryPolicy | None = DEFAULT_RETRY_POLICY,
    **kwargs: Unpack[DecoratorArguments],
) -> Callable[[Callable[_Parameters, _Calls]], Task[_Parameters, _Calls]]: ...
def aimylogic_calls(python_callable: Callable[..., Any] | None = None, **arguments: Any) -> Any:
    """Make of a function a task that adds the calls which it returns or yields, each exactly once per DAG run.

    The function is asked once: what it gives becomes a frozen call list, and the list alone is sent, however often the
    task is retried or cleared. If it raises, or the worker dies, before all calls are read, then nothing was frozen,
    nobody was called, and the next try asks it anew. A generator's calls are never all in memory.

    It may return a list, or whatever calls can be taken from one by one, or yield them. Each is what
    :class:`~aimylogic_provider.operators.AddPhonesOperator` takes for a call: a dictionary of ``phone``, ``payload``,
    ``gmt_zone``, ``policy`` and ``key``, or a phone alone; or a dataclass or named tuple that has these. Nothing to
    call is an empty list, and None an error.

    The task returns the report of that operator. As ``@task``, it hands the function Airflow's context by name, renders
    templates in arguments, and can be mapped by ``expand``, or changed by ``override``.

    :param python_callable: the function; not an async one
    :param arguments: those of :class:`~aimylogic_provider.operators.AddPhonesOperator`, but for ``calls``, and
        Airflow's own; ``task_id`` is the function's name if left out
    :raises TypeError: if there is no such argument
    :raises ValueError: if the function is an async one
    """
    _check_names(arguments)
    if python_callable is None:
        return partial(_decorated, arguments)
    return _decorated(arguments, python_callable)


def _decorated(arguments: Mapping[str, Any], function: Callable[..., Any]) -> Any:
    if not callable(function):
        raise TypeError(f"aimylogic_calls makes a task of a function, and {function!r} is none: give arguments by name")
    _check_not_async(function)
    # What the task returns is its report, whatever the function's annotation says.
    given = {"multiple_outputs": False, **arguments}
    decorated: Any = task_decorator_factory(function, decorated_operator_class=CallsDecoratedOperator, **given)
    made_by: Any = type(decorated)
    decorated.__class__ = _checking(made_by)  # Airflow makes it of its own class
    return decorated


@cache
def _checking(decorator: Any) -> Any:
    """Airflow's decorator, which looks at arguments, and gives mapped tasks the operator's own retry policy."""

    class CallsDecorator(decorator):  # type: ignore[misc]
        def override(self, **arguments: Any) -> Any:
            _check_names(arguments)
            return super().override(**arguments)

        def expand(self, **arguments: Any) -> Any:
            return _checked(super().expand(**arguments))

        def expand_kwargs(self, *arguments: Any, **more: Any) -> Any:
            return _checked(super().expand_kwargs(*arguments, **more))

    return CallsDecorator


def _checked(output: Any) -> Any:
    """A mapped task's output, once it has a retry policy: what default_args say, or the DAG does, it has already.

    :raises ValueError: if its ``only_new`` can't be used
    """
    from aimylogic_provider.call_list_task.rules.cap_arguments import check_shared_only_new

    check_shared_only_new(output.operator.partial_kwargs)
    if AIRFLOW_HAS_POLICIES:
        output.operator.partial_kwargs.setdefault("retry_policy", DEFAULT_RETRY_POLICY)
    return output


def _check_names(arguments: Mapping[str, Any]) -> None:
    """Check the arguments' names, for Airflow doesn't look at a mapped task's until it runs."""
    if "calls" in arguments:
        raise TypeError("aimylogic_calls takes no argument 'calls': the function returns them, or yields them")
    taken = (inspect.signature(one).parameters for one in (AddPhonesOperator, BaseOperator)) if arguments else ()
    unknown = {*arguments}.difference(*taken)
    if unknown:
        raise TypeError(f"aimylogic_calls has no argument {', '.join(map(repr, sorted(unknown)))}")


def _check_not_async(function: Callable[..., Any]) -> None:
    plain = inspect.unwrap(function)
    if inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain):
        from aimylogic_provider.call_list.freeze.yielded_calls import WAIT_WITHIN

        raise ValueError(f"{_name_of(plain)} is async, as aimylogic_calls takes no function: {WAIT_WITHIN}")


def _name_of(function: object) -> str:
    return str(getattr(function, "__name__", None) or type(function).__name__)
