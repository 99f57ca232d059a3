"""The ways of adding numbers to a campaign that ``make compare`` compares, and what is the same for all of them.

Each is set up as a careful user of that way would: a timeout for each request, Airflow's retries, and a look at what
was answered. None of the peers keeps a record of its own: whoever writes one begins to write what this provider is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from local_servers.warehouse import warehouse_phone

__all__ = ["FEW", "LIST", "MANY", "RETRIES", "RETRY_SECONDS", "TIMEOUT", "WAREHOUSE", "WAYS", "Person", "Way", "people"]

FEW = 5
"""Rows of the warehouse, all of them good, that are sent under faults."""
MANY = 16
"""Rows that a task for each number is timed with."""
LIST = 10_000
"""Rows that a task for the whole list is timed with; one of a hundred is bad, and left out by the peers."""
RETRIES = 3
RETRY_SECONDS = 20.0
"""From a failed try to the next one."""
TIMEOUT = 12.0
"""Seconds that each way waits for an answer."""
WAREHOUSE = "warehouse"
"""Airflow's connection to the rows."""


@dataclass(frozen=True, slots=True)
class Person:
    """A number to be called, and the payload's only value.

    :param phone: digits, with country code
    """

    phone: str
    name: str


def people(rows: int) -> list[Person]:
    """The people of so many rows of :func:`local_servers.warehouse.make_warehouse` whose phones are good."""
    return [Person(warehouse_phone(row), f"Customer {row + 1}") for row in range(rows) if row % 100 != 99]


@dataclass(frozen=True, slots=True)
class Way:
    """A way of adding numbers.

    :param id: of its DAGs, before the count of rows, and of its connection
    :param title: as tables show it
    :param tasks: one ``mapped`` task for each number, in their order; one task ``each``, named by the number's place;
        or one for the whole ``list``
    :param about: how it is set up, in a sentence
    :param timed: the rows that it is timed with; None if another way stands for it
    :param is_ours: whether it is this provider's
    """

    id: str
    title: str
    tasks: Literal["mapped", "each", "list"]
    about: str
    timed: int | None = None
    is_ours: bool = False

    @property
    def conn_id(self) -> str:
        """Airflow's connection to its campaign."""
        return f"campaign_{self.id}"

    @property
    def sizes(self) -> tuple[int, ...]:
        """The rows that it has a DAG for."""
        return (FEW,) if self.timed is None else (FEW, self.timed)

    def dag_id(self, rows: int) -> str:
        """The DAG that adds so many rows."""
        return f"{self.id}_{rows}"

    def members(self, task_id: str, map_index: int, everybody: Sequence[Person]) -> tuple[Person, ...]:
        """Those whom a task instance adds; nobody if it stands for a mapped task as a whole."""
        if self.tasks == "list":
            return tuple(everybody)
        place = map_index if self.tasks == "mapped" else int(task_id.rpartition("_")[2])
        return () if place < 0 else (everybody[place],)


WAYS = (
    Way(
        "http",
        "`HttpOperator`",
        "mapped",
        "As its documentation shows it: a POST, no key, and a `response_check` that the answer is a job's id. "
        "Any status of 400 and more fails the try.",
        timed=MANY,
    ),
    Way(
        "http_duplicate",
        "`HttpOperator`, a duplicate is done",
        "mapped",
        "The same, but a 400 `phone.duplicated` is taken for success: the call was added before.",
    ),
    Way(
        "http_uuid",
        "`HttpOperator`, a fresh UUID as key",
        "mapped",
        "`Idempotence-Key: {{ macros.uuid.uuid4() }}`, rendered for each try.",
    ),
    Way(
        "http_run_id",
        "`HttpOperator`, `{{ run_id }}` as key",
        "mapped",
        "`Idempotence-Key: {{ run_id }}`: all numbers of a run share one key, and the server answers each with "
        "the first one's job.",
    ),
    Way(
        "http_run_id_phone",
        "`HttpOperator`, `{{ run_id }}` and phone as key",
        "mapped",
        "`Idempotence-Key: {{ run_id }}-{{ task.data.phone }}`: a key for each number, the same in each try.",
    ),
    Way(
        "loop",
        "`@task`, a loop of `requests`",
        "list",
        "One task posts number after number, without a key; a 400 `phone.duplicated` is taken for done, so that "
        "a retry gets past what an earlier try added.",
        timed=LIST,
    ),
    Way("mapped", "`AddPhoneOperator`, mapped", "mapped", "A mapped task for each number.", timed=MANY, is_ours=True),
    Way("each", "`AddPhoneOperator`, a task each", "each", "A task for each number, not mapped.", is_ours=True),
    Way(
        "sync",
        "`SqlToAimylogicOperator`",
        "list",
        "One task for a query's rows, by `addPhones`: a request for 1,000 numbers.",
        timed=LIST,
        is_ours=True,
    ),
)
