"""The arguments that every task of Airflow takes, for type checkers: so that one of ours that is misspelt is found.

Nothing imports this while it runs. What an older Airflow lacks of them, it refuses itself.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Required, TypedDict

from airflow.sdk import DAG, TaskGroup

__all__ = ["ApprovalArguments", "DecoratorArguments", "RetriedTaskArguments", "SensorArguments", "TaskArguments"]

_Callbacks = Callable[[Any], None] | list[Callable[[Any], None]] | None


class _AllButTaskId(TypedDict, total=False):
    """Those of Airflow's ``BaseOperator``, but for ``task_id`` and ``retry_policy``."""

    owner: str
    email: str | Sequence[str] | None
    email_on_retry: bool
    email_on_failure: bool
    retries: int | None
    retry_delay: timedelta | float
    retry_exponential_backoff: float
    max_retry_delay: timedelta | float | None
    start_date: datetime | None
    end_date: datetime | None
    depends_on_past: bool
    ignore_first_depends_on_past: bool
    wait_for_past_depends_before_skipping: bool
    wait_for_downstream: bool
    dag: DAG | None
    params: MutableMapping[str, Any] | None
    default_args: dict[str, Any] | None
    priority_weight: int
    weight_rule: Any
    queue: str
    pool: str | None
    pool_slots: int
    sla: timedelta | None
    execution_timeout: timedelta | None
    on_execute_callback: _Callbacks
    on_failure_callback: _Callbacks
    on_success_callback: _Callbacks
    on_retry_callback: _Callbacks
    on_skipped_callback: _Callbacks
    pre_execute: Callable[[Any], None] | None
    post_execute: Callable[[Any, Any], None] | None
    trigger_rule: str
    resources: dict[str, Any] | None
    run_as_user: str | None
    map_index_template: str | None
    max_active_tis_per_dag: int | None
    max_active_tis_per_dagrun: int | None
    executor: str | None
    executor_config: dict[str, Any] | None
    do_xcom_push: bool
    multiple_outputs: bool
    inlets: Any
    outlets: Any
    task_group: TaskGroup | None
    doc: str | None
    doc_md: str | None
    doc_json: str | None
    doc_yaml: str | None
    doc_rst: str | None
    task_display_name: str | None
    logger_name: str | None
    allow_nested_operators: bool
    render_template_as_native_obj: bool | None


class RetriedTaskArguments(_AllButTaskId, total=False):
    """Those of Airflow's ``BaseOperator``, but for ``retry_policy``: for operators that name it, with a default."""

    task_id: Required[str]


class DecoratorArguments(_AllButTaskId, total=False):
    """The same, as a decorator takes them: TaskFlow takes ``task_id`` from a function's name."""

    task_id: str


class TaskArguments(RetriedTaskArguments, total=False):
    """Those of Airflow's ``BaseOperator``."""

    retry_policy: Any


class ApprovalArguments(TaskArguments, total=False):
    """Those of Airflow's ``ApprovalOperator`` besides, but for the options, which are its own."""

    defaults: str | list[str] | None
    notifiers: Any
    assigned_users: Any
    response_timeout: timedelta | None
    ignore_downstream_trigger_rules: bool
    fail_on_reject: bool


class SensorArguments(TaskArguments, total=False):
    """Those of Airflow's ``BaseSensorOperator`` besides."""

    poke_interval: timedelta | float
    timeout: timedelta | float
    soft_fail: bool
    mode: str
    exponential_backoff: bool
    max_wait: timedelta | float | None
    silent_fail: bool
    never_fail: bool
