"""Several campaigns, a connection each: people are called in the campaign of their city.

Needs a connection for every city, ``aimylogic_moscow`` and ``aimylogic_perm``. Or as environment variables:

    export AIRFLOW_CONN_AIMYLOGIC_MOSCOW='{"conn_type": "aimylogic", "password": "<token of one campaign>"}'
    export AIRFLOW_CONN_AIMYLOGIC_PERM='{"conn_type": "aimylogic", "password": "<token of the other>"}'
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, Param, get_current_context, task

from aimylogic_provider.operators import AddPhoneOperator

CAMPAIGNS = {"Moscow": "aimylogic_moscow", "Perm": "aimylogic_perm"}
# Numbers that ring nobody: +1 202 555 01.. is kept for fiction.
PEOPLE = """phone, name, city
+1 202 555 0123, Alex, Moscow
+1 202 555 0145, Maria, Perm"""

with DAG(
    dag_id="add_phone_campaigns",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    tags=["aimylogic", "example"],
    default_args={"retries": 3, "retry_delay": timedelta(minutes=15)},
    doc_md=__doc__,
    params={
        "people": Param(
            PEOPLE,
            type="string",
            format="multiline",
            title="People",
            description="A line for each, or cells copied from a spreadsheet: phone, name, and city, Moscow or Perm. "
            "It is kept with the run, unmasked. Within an hour each is called once, however often you click Trigger.",
        ),
        "again": Param(
            False,
            type="boolean",
            title="Call again",
            description="On purpose alone: rings them though another run called them within the last hour. Not if that "
            "was in the last ten minutes, as by a second click. (Logs call this call_again.)",
        ),
    },
):

    @task(show_return_value_in_logs=False)  # or Airflow would write whole phones into the log
    def calls() -> list[dict[str, object]]:
        """Turn lines into the arguments of one mapped task each."""
        from airflow.providers.common.compat.sdk import AirflowFailException

        from aimylogic_provider.call_list.pasted.pasted_text import calls_of_text
        from aimylogic_provider.calls_api import RejectedError

        try:
            found = calls_of_text(get_current_context()["params"]["people"], ("phone", "name", "city"), most=100)
        except RejectedError as error:
            raise AirflowFailException(str(error)) from None  # no retry mends it
        arguments = []
        for call in found:
            city = call["payload"].pop("city", "")
            if city not in CAMPAIGNS:
                raise AirflowFailException(
                    f"line {call['key']} has the city {city!r}, and there are {', '.join(CAMPAIGNS)}: nobody is called"
                )
            arguments.append({"phone": call["phone"], "payload": call["payload"], "aimylogic_conn_id": CAMPAIGNS[city]})
        return arguments

    AddPhoneOperator.partial(
        task_id="add_phone", only_new=timedelta(hours=1), call_again="{{ params.again }}"
    ).expand_kwargs(calls())
