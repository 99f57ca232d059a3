"""By addPhone: which batches are under way together, and which of them is being sent."""

from __future__ import annotations

import gc
import time
from typing import Any

import pytest

from aimylogic_provider.call_list.garbage_collection import seldom_collected
from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.store.manifest import Batch
from aimylogic_provider.call_list.store.open_batch import OpenBatch
from aimylogic_provider.call_list.store.sync_entry import EntryKeeper
from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport
from tests.call_list.sync import Sync, phone
from tests.conftest import needs_record

PHONES = [phone(number) for number in range(40)]


@needs_record
@pytest.mark.parametrize(("most", "batches"), [(20, 2), (19, 1)])
def test_no_more_numbers_are_noted_than_may_be(
    sync: Sync, most: int, batches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aimylogic_provider.call_list.send.by_endpoint.by_add_phone.MOST_NOTED", most)
    noted = []
    save = EntryKeeper.save

    async def saved(keeper: EntryKeeper) -> None:
        await save(keeper)
        done = {path.name.split(".")[0] for path in sync.files("done/*")}
        noted.append(len({*sync.entry["open"]} - done))

    monkeypatch.setattr(EntryKeeper, "save", saved)
    sync.add(PHONES)
    assert sync.attempt(method="addPhone")["created"] == 40
    assert max(noted) == batches


def test_at_a_rate_one_batch_is_under_way(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    sync.add(PHONES[:25])
    opened = []
    load = BatchUnderWay.load
    monkeypatch.setattr(BatchUnderWay, "load", lambda *given: opened.append(len(sync.files("done/*"))) or load(*given))  # type: ignore[func-returns-value]
    sync.attempt(method="addPhone", requests_per_second=1000)
    assert opened == [0, 1, 2]


def test_the_next_batch_does_not_leave_while_the_server_asks_for_patience(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.add(PHONES)
    sync.emulator.fault("before_commit", "status", path="addPhone", times=10, status=429,
                        headers={"Retry-After": "1"}, body={})  # fmt: skip
    left = []
    send = AiohttpTransport.send

    async def watched(transport: AiohttpTransport, request: Any, url: str) -> Any:
        left.append(time.monotonic())
        return await send(transport, request, url)

    monkeypatch.setattr(AiohttpTransport, "send", watched)
    assert sync.attempt(method="addPhone")["created"] == 40
    assert left[10] - left[9] >= 1.0
    sync.assert_once(PHONES)


def test_keys_stay_what_they_were() -> None:
    """A list that is under way when the package is upgraded goes on with the keys that it began with."""
    work = BatchUnderWay(Batch("00007", 3, 0, 0, ""), [], OpenBatch(), "a list", "a campaign")
    assert work.key([2]) == "06cb2cec-5696-8030-b721-24abbe049753"
    assert work.key([0, 1]) == "afd54542-f0bb-8f02-9113-1a9e80328900"
    work.state = work.state.sent_again("x")
    assert work.key([2]) == "ef622b9a-f166-8de5-9f57-f0cb45e13932"


def test_garbage_is_looked_for_as_before_afterwards() -> None:
    before = gc.get_threshold(), gc.get_freeze_count()
    with seldom_collected():
        assert gc.get_freeze_count()
    assert (gc.get_threshold(), gc.get_freeze_count()) == before
    gc.disable()
    try:
        gc.set_threshold(0)
        with seldom_collected():
            assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*before[0])
        gc.enable()
