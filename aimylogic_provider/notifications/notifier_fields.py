"""A notifier's fields: checked where the DAG is parsed, rendered where something happened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.argument_checks import is_template

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.notifications.aimylogic import AimylogicNotifier

__all__ = ["NO_PHONE", "check_fields", "listed", "mask_phones", "tell_unusable", "unrendered"]

NO_PHONE = "phone is empty: give a number with country code, or several"


def check_fields(notifier: AimylogicNotifier) -> None:
    """Check what is no template, where the DAG is parsed: in the middle of the night it is too late.

    :raises ValueError: if it can't be used
    """
    conn_id = notifier.aimylogic_conn_id
    if not isinstance(conn_id, str) or not conn_id.strip():
        raise ValueError(f"aimylogic_conn_id {conn_id!r} can't be used: name a connection")
    phones = listed(notifier.phone)
    if not phones:
        raise ValueError(NO_PHONE)
    for phone in phones:
        if not is_template(phone):
            from aimylogic_provider.calls_api.phones.phone import canonical_phone

            canonical_phone(phone, notifier.phone_region, reading=notifier.phone_reading, check=notifier.phone_check)
    if notifier.gmt_zone is not None and not is_template(notifier.gmt_zone):
        from aimylogic_provider.calls_api.calls.gmt_zone import canonical_gmt_zone

        canonical_gmt_zone(notifier.gmt_zone)
    if notifier.payload is not None and not is_template(notifier.payload):
        from aimylogic_provider.airflow_task.template_values import as_mapping
        from aimylogic_provider.calls_api.calls.payload import flat_payload

        payload = as_mapping("payload", notifier.payload) or {}
        flat_payload({name: "" if is_template(value) else value for name, value in payload.items()})


def unrendered(notifier: AimylogicNotifier, context: Context, jinja_env: Any = None) -> Iterator[tuple[str, str]]:
    """Render the fields, one by one, and yield those that can't be, each with the reason."""
    from aimylogic_provider.airflow_task.masked_fields import masked_phones
    from aimylogic_provider.airflow_task.template_values import check_rendered, rendering

    known = _with_accessors(context)
    dag = known.get("dag")
    # ``dag.test()`` has a DAG that was serialised, which makes no environment.
    environment = jinja_env or notifier.get_template_env(dag=dag if hasattr(dag, "get_template_env") else None)
    noted: dict[str, str] = {}
    for field, prepared in rendering(notifier.template_fields, notifier, environment, sent=("payload",), noted=noted):
        try:
            notifier._do_render_template_fields(notifier, [field], known, prepared, set())
            check_rendered({name: what for name, what in noted.items() if name == field and name != "phone"})
        except Exception as error:  # noqa: BLE001 - whatever a template may raise
            yield field, f"{type(error).__name__}: {masked_phones(str(error))}"


def mask_phones(phone: Any) -> None:
    """Have Airflow mask phones that are written out: it logs all arguments of a deadline's callback that fails."""
    from airflow.sdk.log import mask_secret

    for one in listed(phone):
        if not is_template(one) and len(str(one)) >= 7:
            mask_secret(str(one))


def tell_unusable(log: Any, field: str, reason: str) -> None:
    """Log why a field can't be used: who is on call is rung all the same, and with the usual one."""
    log.error("The %s can't be used, and the usual one is taken in its place: %s", field, reason)


def listed(phone: Any) -> list[Any]:
    """Phones that a field holds, or that a text that is a list says."""
    from aimylogic_provider.calls_api.calls.text_values import as_value

    if isinstance(phone, str) and phone.lstrip()[:1] == "[":
        phone = as_value(phone)
    if isinstance(phone, (list, tuple, set, frozenset)):
        return list(phone)
    return [phone]


def _with_accessors(context: Context) -> Any:
    """The context with ``var`` and ``conn``, which callbacks of deadlines lack."""
    from airflow.sdk.execution_time.context import ConnectionAccessor, VariableAccessor

    var = {"json": VariableAccessor(deserialize_json=True), "value": VariableAccessor(deserialize_json=False)}
    return {"var": var, "conn": ConnectionAccessor(), **context}
