"""A call without an idempotence key: nobody is called with the same words twice within a day, whoever asks for it.

Without a key the server itself refuses a phone that was added with the same payload in the last 24 hours: by another
run, another DAG or another system: so a second click on *Trigger* rings nobody, and its task is skipped. That is what
this DAG is for. A retry within the day is safe by the same rule; one that comes later, or a clear a day later, calls
the person again, and which job was the first is not told. Where each run is to call exactly once, take
AddPhoneOperator.

Needs the connection ``aimylogic_default``.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, Param, get_current_context, task

with DAG(
    dag_id="add_phone_keyless",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    tags=["aimylogic", "example"],
    # All retries together must end within the day.
    default_args={"retries": 3, "retry_delay": timedelta(minutes=15)},
    doc_md=__doc__,
    params={
        "phone": Param("", type="string", title="Phone", description="With a plus and the country code."),
        "name": Param("Alex", type="string", title="Name"),
    },
):

    @task
    def add_phone() -> str:
        """Add the number; skip if it was added today."""
        from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

        from aimylogic_provider.calls_api import ApiError, Known, RejectedError
        from aimylogic_provider.hooks import AimylogicHook

        params = get_current_context()["params"]
        try:
            return AimylogicHook().add_phone(params["phone"], {"name": params["name"]})
        except RejectedError as error:
            raise AirflowFailException(str(error)) from None
        except ApiError as error:
            if error.type == "phone.duplicated":
                raise AirflowSkipException("added within the last 24 hours, perhaps by an earlier try") from None
            if error.known is Known.REFUSED or not error.retryable:
                raise AirflowFailException(str(error)) from None
            raise

    add_phone()
