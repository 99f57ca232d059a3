"""Downloads of a list: whole, safe for spreadsheets, by right, in the audit log, and without filling the memory."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import time
import tracemalloc
from pathlib import Path
from threading import Event

import pytest

from aimylogic_provider.pages.call_lists import csv_files, download_routes
from aimylogic_provider.pages.slow_readings import read_within
from tests.call_list.sync import phone
from tests.conftest import needs_record
from tests.pages.conftest import Client
from tests.pages.sent_list import RUN, SentList


def table(content: bytes) -> list[list[str]]:
    assert content.startswith(b"\xef\xbb\xbf"), "spreadsheet programs take a file without the mark for another encoding"
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_rejected_rows_are_those_of_the_query_with_their_reasons(sent: SentList, client: Client) -> None:
    sent.sync.add([phone(1), "", "8 912"])
    sent.sync.execute("insert into customer values (4, '=cmd|calc', '@SUM(A1)')")
    sent.send(key_columns=["id", "name"])
    answer = client("uma").get(f"{sent.address}/rejected.csv")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith('attachment; filename="winter_sale.manual__')
    head, *rows = table(answer.content)
    assert head == ["row", "id", "name", "reason"]
    assert [row[:2] for row in rows] == [["2", "2"], ["3", "3"], ["4", "4"]]
    assert rows[2][2] == "'@SUM(A1)", "no cell is a formula"


def test_results_have_a_line_for_each_row_of_the_query(sent: SentList, client: Client) -> None:
    sent.sync.add([*(phone(number) for number in range(12)), phone(3), ""])
    sent.sync.emulator.settings(bad_numbers=[phone(5)])
    sent.send()
    head, *rows = table(client("uma").get(f"{sent.address}/results.csv").content)
    assert head == ["row", "id", "phone", "outcome", "call_job_id", "reason"]
    jobs = {job.phone: job.id for job in sent.sync.emulator.jobs()}
    by_row = {int(row[0]): row for row in rows}
    assert sorted(by_row) == list(range(1, 15))
    assert by_row[1][2:5] == [phone(0), "created", jobs[phone(0)]]
    assert by_row[6][3:] == ["refused", "", "phone.bad.format"]
    assert by_row[13][3:] == ["double", "", "the same call as row 4"]
    assert by_row[14][3] == "rejected"


@needs_record
def test_unknown_rows_are_told_with_whole_phones(sent: SentList, client: Client) -> None:
    sent.sync.add(phone(number) for number in range(20))
    sent.sync.attempt()
    next(sent.folder.glob("done/00001.*")).unlink()
    (sent.folder / "unknown").mkdir()
    line = '{"row": 2, "keys": {"id": 2}, "phone": "7912***0001", "batch": "00001", "sends": [], "jobs": ["77"]}\n'
    (sent.folder / "unknown" / "ab.jsonl").write_text(line + "half a li")
    (sent.folder / "unknown" / "cd.jsonl").write_text(
        line + line.replace("00001", "00002").replace('"row": 2', '"row": 12')
    )
    sent.tell(None, state="failed")
    head, *rows = table(client("uma").get(f"{sent.address}/unknown.csv").content)
    assert head == ["row", "id", "phone", "jobs_of_this_phone"]
    assert rows == [["2", "2", phone(1), "77"]], "each once, and none of a batch that is done since"


@pytest.mark.parametrize("name", ["rejected", "unknown", "results"])
def test_a_viewer_gets_no_file_and_a_download_is_in_the_audit_log(name: str, sent: SentList, client: Client) -> None:
    from airflow.models.log import Log
    from sqlalchemy import select

    sent.sync.add([phone(1)])
    sent.send()
    assert client("vera").get(f"{sent.address}/{name}.csv").status_code == 403
    assert ".csv" not in client("vera").get(sent.address).text
    assert f"{name}.csv" in client("uma").get(sent.address).text
    assert client("uma").get(f"{sent.address}/{name}.csv").status_code == 200
    sent.rows._session.rollback()
    (noted,) = sent.rows._session.scalars(select(Log).where(Log.event == f"aimylogic.download_{name}"))
    assert (noted.owner, noted.dag_id, noted.run_id, noted.task_id) == ("uma", "winter_sale", RUN, "sync")


def test_a_download_gives_other_routes_their_turns_every_few_rows(
    sent: SentList, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(csv_files.time, "sleep", pauses.append)
    sent.sync.add(phone(number) for number in range(200))
    sent.send()
    assert len(table(client("uma").get(f"{sent.address}/results.csv").content)) == 201
    assert len(pauses) >= 200 // 50
    assert all(0 < pause < 0.005 for pause in pauses)


def test_there_is_no_other_file(sent: SentList, client: Client) -> None:
    sent.sync.add([phone(1)])
    sent.send()
    assert client("uma").get(f"{sent.address}/list.csv").status_code == 404


def test_downloads_that_hang_leave_pages_be() -> None:
    going_on, begun = Event(), []

    def hung() -> None:
        begun.append(1)
        going_on.wait(20)

    async def while_they_hang() -> str:
        downloads = [asyncio.create_task(download_routes.read_piece(20, hung)) for _ in range(6)]
        async with asyncio.timeout(10):
            while len(begun) < 2:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # in which a third one could begin
        try:
            return await read_within(5, lambda: "shown")
        finally:
            assert len(begun) == 2, "of many, two are read at once"
            going_on.set()
            await asyncio.gather(*downloads)

    assert asyncio.run(while_they_hang()) == "shown"


def test_any_number_of_rows_takes_the_memory_of_one_batch(tmp_path: Path) -> None:
    """What the response streams is read piece by piece. ``AIMYLOGIC_BATCHES`` says of how many thousand rows."""
    batches_of_list = int(os.environ.get("AIMYLOGIC_BATCHES", "20"))
    import msgspec

    from aimylogic_provider.call_list.store.manifest import Batch, Manifest, sha256
    from aimylogic_provider.call_list.store.objects import Folder
    from aimylogic_provider.pages.call_lists.csv_files import FILES

    id = "0b5f9a60-3e1c-4d5a-9d5e-1c0f6f0b8a11"
    place = f"{tmp_path}/winter_sale/sync/run/{id}"
    folder, batches = Folder(place), []
    for number in range(batches_of_list):
        lines = b"".join(
            b'{"row":%d,"keys":{"id":%d},"call":{"phone":"79%09d"}}\n' % (row, row, row)
            for row in range(number * 1000 + 1, number * 1000 + 1001)
        )
        Path(place, "batches").mkdir(parents=True, exist_ok=True)
        Path(place, f"batches/{number:05}.jsonl").write_bytes(lines)
        batches.append(Batch(f"{number:05}", 1000, 0, 0, sha256(lines)))
    manifest = Manifest(
        format=1, id=id, made_at="2026-01-01T00:00:00+00:00", task="sync", method="addPhones",
        rows=1000 * batches_of_list, calls=1000 * batches_of_list, doubles=0, rejected=0, shards=1,
        policy_by_row=False, keys=("id",), batches=tuple(batches),
        task_folder=f"file://{tmp_path}/winter_sale/sync",
    )  # fmt: skip
    content = msgspec.json.encode(manifest)
    folder.write("list.json", content)
    pointer = manifest.pointer(folder.address, sha256(content))
    tracemalloc.start()
    began, rows, longest = time.monotonic(), 0, 0.0
    pieces = FILES["results"](("winter_sale", pointer))
    while (at := time.monotonic()) and (piece := next(pieces, None)) is not None:
        rows += piece.count(b"\n")
        longest = max(longest, time.monotonic() - at)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 1000 * batches_of_list + 1
    assert most < 6 * 2**20, most
    print(f"{time.monotonic() - began:.1f} s in all, {longest:.2f} s for a piece at most, {most / 2**20:.1f} MiB")
