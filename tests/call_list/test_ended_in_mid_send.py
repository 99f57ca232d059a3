"""A sync that is ended while a request is under way: the results table tells what was known by then."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowTaskTimeout
from airflow.sdk.execution_time.timeout import timeout

from aimylogic_provider.emulator import OrderedFault
from local_servers.airflow import wait_for
from tests.call_list.sync import Sync, phone
from tests.conftest import told

PHONES = [phone(number) for number in range(25)]


@pytest.fixture
def restored() -> Iterator[None]:
    numbers = (signal.SIGALRM, signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def exits(number: int, frame: Any) -> None:
    raise SystemExit(1)


def signalled_in(fault: OrderedFault, number: int) -> threading.Thread:
    """A signal comes once a request is held by the fault."""

    def wait() -> None:
        wait_for("the request that is held", lambda: fault.hits, 60)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
@pytest.mark.parametrize(
    ("number", "error"),
    [(signal.SIGALRM, AirflowTaskTimeout), (signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)],
    ids=["execution_timeout", "interrupted", "told to exit"],
)
def test_what_is_known_by_then_is_in_the_results_table_and_the_rest_is_told_to_be_pending(
    sync: Sync, capsys: pytest.CaptureFixture[str], number: int, error: type[BaseException], method: str
) -> None:
    sync.add([*PHONES, "none"])
    held = sync.emulator.fault("before_commit", "delay", path=method, phone=PHONES[22], seconds=600, times=1)
    arguments = {"results_table": "calls", "method": method, "concurrency": 1, "batch_size": 10}
    thread = signalled_in(held, number)
    signal.signal(signal.SIGTERM, exits)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in a shell's background ignores it
    with pytest.raises(error), timeout(600):
        sync.attempt(**arguments)
    thread.join()
    engine = sa.create_engine(f"sqlite:///{sync.database}")
    outcomes = Counter(outcome for (outcome,) in told(engine, "outcome"))
    assert outcomes["rejected"] == 1
    assert outcomes["created"] >= 10, "a batch begins once one before it is done"
    assert outcomes["pending"] == 25 - outcomes["created"]
    assert f"{outcomes['pending']} rows stand as pending in calls" in capsys.readouterr().out
    assert sync.attempt(**arguments)["created"] == 25
    assert Counter(outcome for (outcome,) in told(engine, "outcome")) == {"created": 25, "rejected": 1}
    sync.assert_once(PHONES)
