"""A short list of people, one mapped task each: paste it when you trigger the DAG, a line for each, or use the default.

Needs the connection ``aimylogic_default``. The list may come back in another order: each person, with the same
payload, is called once in a run. Each run calls everybody, so that a second click on *Trigger* rings them again. For
lists of thousands, mapping is the wrong tool, for every person costs a task: ``call_a_list`` takes them, and there a
second click rings nobody.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, Param, get_current_context, task

from aimylogic_provider.operators import AddPhoneOperator

# Numbers that ring nobody: +1 202 555 01.. is kept for fiction.
PEOPLE = """phone, name, city
+1 202 555 0123, Alex, Moscow
+1 202 555 0145, Maria, Perm"""

with DAG(
    dag_id="add_phone_mapped",
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
            description="A line for each, or cells copied from a spreadsheet. The first line says what they are: "
            "phone, and whatever else the campaign's script reads. It is kept with the run, unmasked. Each run calls "
            "all of them: a second click on Trigger rings them again.",
        )
    },
):

    @task(show_return_value_in_logs=False)  # or Airflow would write whole phones into the log
    def calls() -> list[dict[str, object]]:
        """Turn lines into the arguments of one mapped task each."""
        from airflow.providers.common.compat.sdk import AirflowFailException

        from aimylogic_provider.call_list.pasted.pasted_text import calls_of_text
        from aimylogic_provider.calls_api import RejectedError

        try:
            found = calls_of_text(get_current_context()["params"]["people"], most=100)
        except RejectedError as error:
            raise AirflowFailException(str(error)) from None  # no retry mends it
        return [{"phone": call["phone"], "payload": call["payload"]} for call in found]

    AddPhoneOperator.partial(task_id="add_phone").expand_kwargs(calls())
