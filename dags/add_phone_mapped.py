"""A short list of people, one mapped task each: paste it when you trigger the DAG, a line for each, or use the default.

Needs the connection ``aimylogic_default``. The list may come back in another order: each person, with the same
payload, is called once in a run. Within an hour, no other run calls them: a second click on *Trigger* rings nobody. For
lists of thousands, mapping is the wrong tool, for every person costs a task: ``call_a_list`` takes them.
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
            "phone, and whatever else the campaign's script reads. It is kept with the run, unmasked. Within "
            "an hour each is called once, however often you click Trigger: a second run fails, and says so.",
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
            found = calls_of_text(get_current_context()["params"]["people"], most=100)
        except RejectedError as error:
            raise AirflowFailException(str(error)) from None  # no retry mends it
        return [{"phone": call["phone"], "payload": call["payload"]} for call in found]

    AddPhoneOperator.partial(
        task_id="add_phone", only_new=timedelta(hours=1), call_again="{{ params.again }}"
    ).expand_kwargs(calls())
