"""Freezing rows as a call list: nothing is lost, called twice or out of order, and nobody else may read it."""

from __future__ import annotations

import csv
import json
import logging
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aimylogic_provider.call_list.freeze import list_files
from aimylogic_provider.call_list.freeze.batch_cutting import Cut
from aimylogic_provider.call_list.freeze.freeze import ListOrigin, freeze
from aimylogic_provider.call_list.freeze.rejected.rejected_limit import Limit, TooManyRejectedError
from aimylogic_provider.call_list.freeze.rows import Columns, RowReader
from aimylogic_provider.call_list.store.manifest import Batch, Manifest, Pointer, sha256
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.store.stored_call import CallLine
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.calls_api.endpoints import add_ready_phones
from aimylogic_provider.calls_api.errors import RejectedError
from tests.call_list.sync import phone

Row = Sequence[Any]
NAMES = ("id", "phone", "name")


@dataclass
class Frozen:
    """A list that was frozen."""

    folder: Path
    pointer: Pointer

    @property
    def manifest(self) -> Manifest:
        return msgspec.json.decode((self.folder / "list.json").read_bytes(), type=Manifest)

    def lines(self, batch: Batch) -> list[dict[str, Any]]:
        return read(self.folder / batch.file)

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The lines of all batches, as they are sent."""
        return [line for batch in self.manifest.batches for line in self.lines(batch)]

    def body(self, batch: Batch) -> bytes:
        """What addPhones would be sent."""
        lines = msgspec.json.Decoder(CallLine).decode_lines((self.folder / batch.file).read_bytes())
        return add_ready_phones([bytes(line.call) for line in lines], idempotence_key="k").body or b""


def read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def frozen(
    folder: Path, rows: Iterable[Row], cut: Cut | None = None, most: int | float | None = None, **columns: Any
) -> Frozen:
    cut = cut or Cut()
    chosen = {"phone": "phone", "keys": ("id",), "max_bytes": cut.max_bytes, **columns}
    pointer = freeze(
        rows, RowReader(Columns(**chosen), NAMES), Folder(str(folder)), cut=cut, limit=Limit(most),
        origin=ListOrigin("a list's id", "the task", f"file://{folder.parent}"), log=logging.getLogger(__name__),
    )  # fmt: skip
    return Frozen(folder, pointer)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "lists" / "one"


@pytest.fixture
def drafts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files are made."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def people(count: int, name: str = "Alex") -> list[Row]:
    return [(number, phone(number), name) for number in range(1, count + 1)]


# Order


@pytest.mark.parametrize("size", [1, 7, 10, 25, 1000])
def test_the_order_of_rows_is_kept(folder: Path, size: int) -> None:
    """Phones that do not come in an order of their own, so that it can only be that of the rows."""
    rows = [(number, phone(number * 7 % 25), "Alex") for number in range(1, 26)]
    made = frozen(folder, rows, Cut(batch_size=size))
    assert [(line["row"], line["keys"]["id"], line["call"]["phone"]) for line in made.calls] == [
        (number, number, one) for number, one, _ in rows
    ]


def test_the_order_of_rows_is_kept_among_doubles_and_rejected_ones(folder: Path) -> None:
    rows = [*people(5), (6, "nonsense", "Alex"), (7, phone(2), "Alex"), (8, phone(8), "Alex"), (9, phone(9), "Alex")]
    made = frozen(folder, rows, Cut(batch_size=2))
    assert [line["row"] for line in made.calls] == [1, 2, 3, 4, 5, 8, 9]
    assert [batch.calls for batch in made.manifest.batches] == [2, 2, 2, 1]


def test_a_line_is_the_row_its_keys_and_its_call(folder: Path) -> None:
    made = frozen(folder, [("a1", "+7 912 000-00-01", "Zoë\n")])
    assert made.calls == [
        {"row": 1, "keys": {"id": "a1"}, "call": {"phone": "79120000001", "payload": {"name": "Zoë\n"}}}
    ]


# Doubles and turns


def test_rows_of_the_same_phone_and_payload_are_one_call(folder: Path) -> None:
    rows = [(1, phone(1), "Alex"), (2, phone(2), "Alex"), (3, "+" + phone(1), "Alex"), (4, phone(1), "Alex")]
    made = frozen(folder, rows)
    assert [line["row"] for line in made.calls] == [1, 2]
    assert read(folder / "doubles/00001.jsonl") == [
        {"row": 3, "keys": {"id": 3}, "double_of": 1},
        {"row": 4, "keys": {"id": 4}, "double_of": 1},
    ]
    assert (made.pointer.rows, made.pointer.doubles) == (4, 2)


def test_payloads_that_look_the_same_are_the_same(folder: Path) -> None:
    """In another Unicode form, or as a whole float: the server would read the same."""
    rows = [(1, phone(1), "é"), (2, phone(1), "e\u0301"), (3, phone(2), 7), (4, phone(2), 7.0)]
    assert [line["row"] for line in frozen(folder, rows).calls] == [1, 3]


def test_text_and_a_number_are_two_payloads_and_no_payload_is_a_third(folder: Path) -> None:
    made = frozen(folder, [(1, phone(1), "7"), (2, phone(1), 7), (3, phone(1), None), (4, phone(1), None)])
    assert [(batch.turn, [line["row"] for line in made.lines(batch)]) for batch in made.manifest.batches] == [
        (0, [1]), (1, [2]), (2, [3]),
    ]  # fmt: skip
    assert made.pointer.doubles == 1


def test_a_phones_further_payloads_come_in_later_turns_in_the_order_of_rows(folder: Path) -> None:
    rows = [(1, phone(1), "a"), (2, phone(1), "b"), (3, phone(2), "a"), (4, phone(1), "a"), (5, phone(1), "c"),
            (6, phone(2), "b"), (7, phone(3), "a"), (8, phone(1), "b")]  # fmt: skip
    made = frozen(folder, rows, Cut(batch_size=2))
    assert [(batch.turn, [line["row"] for line in made.lines(batch)]) for batch in made.manifest.batches] == [
        (0, [1, 3]), (0, [7]), (1, [2, 6]), (2, [5]),
    ]  # fmt: skip
    assert [(line["row"], line["double_of"]) for line in read(folder / "doubles/00001.jsonl")] == [(4, 1), (8, 2)]


def test_all_batches_of_an_earlier_turn_come_before_those_of_a_later_one(folder: Path) -> None:
    """Also where a batch of the later turn is full before the last of the earlier one is."""
    rows = [(1, phone(1), "a"), (2, phone(1), "b"), (3, phone(2), "a"), (4, phone(2), "b")]
    made = frozen(folder, rows, Cut(batch_size=1))
    assert [(batch.turn, [line["row"] for line in made.lines(batch)]) for batch in made.manifest.batches] == [
        (0, [1]), (0, [3]), (1, [2]), (1, [4]),
    ]  # fmt: skip


ROWS = st.lists(
    st.tuples(st.integers(0, 5).map(phone) | st.just("nonsense"), st.sampled_from(["", "a", "b" * 150, None])),
    max_size=30,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(ROWS, st.integers(1, 6), st.sampled_from([300, 500, 10_000]), st.integers(1, 3))
def test_every_row_is_one_call_or_double_or_rejected_and_no_phone_is_in_a_batch_twice(
    tmp_path: Path, rows: list[tuple[str, str | None]], size: int, most_bytes: int, shards: int
) -> None:
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    made = frozen(folder, [(number, *row) for number, row in enumerate(rows, 1)], Cut(size, most_bytes, shards))
    aside = {name: [line for file in sorted(folder.glob(f"{name}/*")) for line in read(file)]
             for name in ("rejected", "doubles")}  # fmt: skip
    called = [line["row"] for line in made.calls]
    assert sorted([*called, *(line["row"] for lines in aside.values() for line in lines)]) == [*range(1, len(rows) + 1)]
    pointer, manifest = made.pointer, made.manifest
    counts = (len(rows), len(aside["doubles"]), len(aside["rejected"]))
    assert (pointer.rows, pointer.doubles, pointer.rejected) == counts
    assert (manifest.rows, manifest.doubles, manifest.rejected) == counts
    assert {rows[row - 1] for row in called} == {row for row in rows if row[0] != "nonsense"}
    for double in aside["doubles"]:
        assert rows[double["row"] - 1] == rows[double["double_of"] - 1]
        assert double["double_of"] < double["row"]
    of_phone = defaultdict(list)
    for batch in manifest.batches:
        lines = made.lines(batch)
        phones = [line["call"]["phone"] for line in lines]
        assert len(set(phones)) == len(phones) == batch.calls <= size
        assert len(made.body(batch)) <= most_bytes
        assert [line["row"] for line in lines] == sorted(line["row"] for line in lines)
        for line in lines:
            of_phone[line["call"]["phone"]].append((batch.shard, batch.turn, line["row"]))
    for calls in of_phone.values():
        assert len({shard for shard, _, _ in calls}) == 1, "two tasks would not know of each other's requests"
        assert [turn for _, turn, _ in calls] == [*range(len(calls))]
        assert [row for _, _, row in calls] == sorted(row for _, _, row in calls)


# Cuts


@pytest.mark.parametrize(
    ("rows", "size", "batches"), [(10, 10, [10]), (11, 10, [10, 1]), (9, 10, [9]), (20, 10, [10, 10]), (3, 1, [1] * 3)]
)
@pytest.mark.parametrize("again", [False, True])
def test_batches_hold_as_many_calls_as_allowed(
    folder: Path, rows: int, size: int, batches: list[int], again: bool
) -> None:
    """Lists in which a phone occurs again are cut in another way."""
    more = [(99, phone(1), "Alex")] if again else []
    made = frozen(folder, [*people(rows), *more], Cut(batch_size=size))
    assert [batch.calls for batch in made.manifest.batches] == batches
    assert [batch.name for batch in made.manifest.batches] == [f"{number:05}" for number in range(1, len(batches) + 1)]


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("most", [1000, 1500, 4000])
@pytest.mark.parametrize("letter", ["a", "€"])
def test_batches_hold_no_more_bytes_than_allowed(folder: Path, most: int, letter: str, again: bool) -> None:
    rows = [(number, phone(number), letter * (number * 37 % 250)) for number in range(1, 60)]
    more = [(99, phone(1), letter * 37)] if again else []
    made = frozen(folder, [*rows, *more], Cut(max_bytes=most))
    sizes = [len(made.body(batch)) for batch in made.manifest.batches]
    assert max(sizes) <= most
    # Not needlessly small ones either: what a line holds besides its call takes some room, and so may the next call.
    assert min(sizes[:-1]) > most - 800 - 30 * 40
    assert [line["row"] for line in made.calls] == [*range(1, 60)]


@pytest.mark.parametrize("again", [False, True])
def test_a_call_that_fills_a_request_alone_is_a_batch_and_a_larger_one_is_rejected(folder: Path, again: bool) -> None:
    fits = "a" * (1000 - len('[{"phone":"79120000002","payload":{"name":""}}]'))
    more = [(5, phone(1), "Alex")] if again else []
    rows = [(1, phone(1), "Alex"), (2, phone(2), fits), (3, phone(3), fits + "a"), (4, phone(4), "Alex"), *more]
    made = frozen(folder, rows, Cut(max_bytes=1000))
    assert [[line["row"] for line in made.lines(batch)] for batch in made.manifest.batches] == [[1], [2], [4]]
    assert len(made.body(made.manifest.batches[1])) == 1000
    (rejected,) = read(folder / "rejected/00001.jsonl")
    assert rejected["row"] == 3
    assert "more than max_batch_bytes allows" in rejected["reason"]


def test_large_keys_do_not_make_a_request_too_large_for_they_are_not_sent(folder: Path) -> None:
    rows = [("k" * 5000, phone(number), "Alex") for number in range(3)]
    made = frozen(folder, rows, Cut(max_bytes=1000))
    assert [line["row"] for line in made.calls] == [1, 2, 3]


def test_shards_are_all_of_the_list_and_share_no_phone(folder: Path) -> None:
    rows = [*people(300, "a"), *people(100, "b"), *people(50, "c"), *people(20, "a")]
    made = frozen(folder, rows, Cut(batch_size=20, shards=4))
    assert made.pointer.shards == made.manifest.shards == 4
    shards: dict[str, set[int]] = defaultdict(set)
    calls: Counter[int] = Counter()
    for batch in made.manifest.batches:
        calls[batch.shard] += batch.calls
        for line in made.lines(batch):
            shards[line["call"]["phone"]].add(batch.shard)
    assert all(len(found) == 1 for found in shards.values())
    assert len(shards) == 300
    assert calls.total() == 450
    assert set(calls) == {0, 1, 2, 3}
    assert max(calls.values()) < 2 * min(calls.values()), "each is about a fourth"


def test_a_phone_has_the_same_shard_in_every_list(tmp_path: Path) -> None:
    """Whatever else the list holds."""

    def shards(made: Frozen) -> dict[str, int]:
        return {line["call"]["phone"]: batch.shard for batch in made.manifest.batches for line in made.lines(batch)}

    one = shards(frozen(tmp_path / "one", people(40), Cut(shards=3)))
    other = shards(frozen(tmp_path / "other", reversed(people(20)), Cut(shards=3)))
    assert other == {each: one[each] for each in other}


def test_more_shards_than_calls_leave_some_without_a_batch(folder: Path) -> None:
    made = frozen(folder, people(2), Cut(shards=50))
    assert made.pointer.shards == 50
    assert sum(batch.calls for batch in made.manifest.batches) == 2


# Rejected rows


def test_a_rejected_row_is_written_with_its_keys_and_reason_and_no_whole_phone(folder: Path) -> None:
    secret = "7912345678901"
    rows = [(1, phone(1), "Alex"), (2, "+" + secret, "Alex"), (3, f"{secret} ext. 5", "Alex"), (4, None, "Alex"),
            (5, phone(5), b"bytes"), (6, phone(6), "\ud800")]  # fmt: skip
    made = frozen(folder, rows)
    lines = read(folder / "rejected/00001.jsonl")
    assert [(line["row"], line["keys"]) for line in lines] == [(number, {"id": number}) for number in range(2, 7)]
    assert all(set(line) == {"row", "keys", "reason"} for line in lines)
    for line, reason in zip(
        lines, ["not a possible number", "bears an extension", "phone is None", "payload 'name' is a bytes",
                "payload 'name' holds a lone surrogate"], strict=True,
    ):  # fmt: skip
        assert reason in line["reason"]
    content = (folder / "rejected/00001.jsonl").read_text()
    assert not any(whole in content for whole in (secret, phone(5), phone(6)))
    assert "7912***8901" in lines[0]["reason"]
    assert made.pointer.rejected == 5


@pytest.mark.parametrize("column", ["gmt_zone", "priority", "start"])
def test_a_phone_that_stands_in_another_column_is_not_told_whole(folder: Path, column: str) -> None:
    """As when two columns are swapped."""
    columns = {"gmt_zone": "name"} if column == "gmt_zone" else {"policy": {column: "name"}}
    frozen(folder, [(1, phone(1), "+79123456789")], **columns)
    content = (folder / "rejected/00001.jsonl").read_text()
    assert column in content
    assert "9123456789" not in content


def test_many_rejected_rows_go_into_several_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_files, "_LINES_PER_PART", 3)
    made = frozen(folder, [(number, "nonsense", "Alex") for number in range(1, 8)])
    files = sorted(path.name for path in (folder / "rejected").iterdir())
    assert files == ["00001.jsonl", "00002.jsonl", "00003.jsonl"]
    rows = [line["row"] for file in files for line in read(folder / "rejected" / file)]
    assert rows == [*range(1, 8)]
    assert set(made.manifest.parts) == {f"rejected/{file}" for file in files}


def test_reasons_are_counted_without_the_values_that_they_name(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [(1, "nonsense", ""), (2, "rubbish", ""), (3, None, ""), (4, phone(4), "")]
    frozen(folder, rows)
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told.startswith("3 rows can't be called and are set aside: 2 × phone holds characters that aren't part")
    assert "nonsense" not in told


# Limits


@pytest.mark.parametrize(
    ("most", "rows", "allowed"),
    [(None, 100, None), (0, 100, 0), (10, 5, 10), (0.0, 100, 0), (0.05, 100, 5), (0.05, 119, 5), (0.5, 3, 1),
     (1.0, 7, 7), (1, 7, 1), (0.05, 0, 0)],
)  # fmt: skip
def test_a_limit_is_a_count_or_a_share(most: int | float | None, rows: int, allowed: int | None) -> None:
    assert Limit(most).of(rows) == allowed


def some_rejected() -> list[Row]:
    """Twenty rows, three of which can't be called."""
    rows = people(20)
    for place in (3, 10, 19):
        rows[place] = (place + 1, "nonsense", "Alex")
    return rows


@pytest.mark.parametrize("most", [3, 0.15, 1.0, 20, None])
def test_as_many_rejected_rows_as_allowed_are_set_aside(folder: Path, most: int | float | None) -> None:
    assert frozen(folder, some_rejected(), most=most).pointer.calls == 17


@pytest.mark.parametrize("most", [2, 0, 0.14, 0.0])
def test_more_rejected_rows_than_allowed_leave_no_list_but_all_of_them_with_reasons(
    folder: Path, most: int | float
) -> None:
    with pytest.raises(TooManyRejectedError, match=r"3 of 20 rows can't be called, more than the \d ") as error:
        frozen(folder, some_rejected(), most=most)
    assert f"{folder}/rejected.csv" in str(error.value)
    assert "Most frequent: 3 × phone holds characters" in str(error.value)
    assert not error.value.retryable
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
    assert written == {"rejected/00001.jsonl", "rejected.csv"}
    assert [line["row"] for line in read(folder / "rejected/00001.jsonl")] == [4, 11, 20]
    told = (folder / "rejected.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in told] == ["row", "4", "11", "20"]


def test_the_limit_counts_rejected_rows_and_no_doubles(folder: Path) -> None:
    assert frozen(folder, [*people(5), *people(5)], most=0).pointer.doubles == 5


# What is written


def test_the_digests_are_those_of_the_files(folder: Path) -> None:
    rows = [*people(25), *people(3), (1, phone(1), "Zoë"), (2, "nonsense", "Alex")]
    made = frozen(folder, rows, Cut(batch_size=10))
    manifest = made.manifest
    told = {batch.file: batch.sha256 for batch in manifest.batches} | manifest.parts
    assert told == {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("list.json", "rejected.csv")
    }
    assert made.pointer.sha256 == sha256((folder / "list.json").read_bytes())
    assert {name.split("/")[0] for name in told} == {"batches", "rejected", "doubles"}


def test_the_list_opens_by_its_pointer(folder: Path) -> None:
    made = frozen(folder, people(5), Cut(batch_size=2), method="addPhone")
    opened = CallList.open(Pointer.of(json.loads(json.dumps(made.pointer.as_json()))))
    assert [line.row for batch in opened.batches(0) for line in opened.lines(batch)] == [1, 2, 3, 4, 5]
    manifest = opened.manifest
    assert (manifest.id, manifest.task, manifest.method) == ("a list's id", "the task", "addPhone")
    assert manifest.task_folder == f"file://{folder.parent}"
    assert made.pointer.path == f"file://{folder}"


def test_list_json_is_written_last(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the rest: who finds it finds all of it."""
    written: list[str] = []
    write = Folder.write

    def watched(place: Folder, name: str, content: bytes) -> None:
        assert "list.json" not in written
        if name == "list.json":
            assert sorted(place.names()) == sorted([*written, "rejected.csv"])
        write(place, name, content)
        written.append(name)

    monkeypatch.setattr(Folder, "write", watched)
    frozen(folder, [*people(30), *people(2), (1, "nonsense", "")], Cut(batch_size=4))
    assert written[-1] == "list.json"
    assert len(written) == 8 + 2 + 1


@pytest.mark.parametrize("broken", ["batches/00002.jsonl", "rejected/00001.jsonl", "doubles/00001.jsonl"])
def test_a_file_that_can_not_be_written_leaves_no_list(
    folder: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    write = Folder.write

    def breaking(place: Folder, name: str, content: bytes) -> None:
        if name == broken:
            raise OSError("No space left on device")
        write(place, name, content)

    monkeypatch.setattr(Folder, "write", breaking)
    with pytest.raises(OSError, match="No space left"):
        frozen(folder, [*people(30), *people(2), (1, "nonsense", "")], Cut(batch_size=4))
    assert not (folder / "list.json").exists()


def test_folders_and_files_are_the_owners_alone(folder: Path) -> None:
    before = os.umask(0)
    try:
        frozen(folder, [*people(5), *people(1), (1, "nonsense", "")], Cut(batch_size=2))
    finally:
        os.umask(before)
    made = [folder.parent, folder, *folder.rglob("*")]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in made}
    assert {modes[path] for path in made if path.is_dir()} == {0o700}
    assert {modes[path] for path in made if path.is_file()} == {0o600}


def test_an_empty_query_gives_a_list_without_batches(folder: Path) -> None:
    made = frozen(folder, [])
    pointer = made.pointer
    assert (pointer.rows, pointer.calls, pointer.doubles, pointer.rejected) == (0, 0, 0, 0)
    assert made.manifest.batches == ()
    assert [path.name for path in folder.iterdir()] == ["list.json"]
    assert CallList.open(pointer).batches(0) == []


def test_a_query_of_which_no_row_can_be_called_gives_a_list_without_batches(folder: Path) -> None:
    made = frozen(folder, [(1, "nonsense", "")], Cut(shards=3))
    assert (made.pointer.rows, made.pointer.rejected) == (1, 1)
    assert made.manifest.batches == ()


def test_a_query_without_the_columns_leaves_nothing(folder: Path) -> None:
    with pytest.raises(RejectedError, match="no such column"):
        frozen(folder, people(3), phone="mobile")
    assert not folder.exists()


# Temporary files


def watched(drafts: Path, rows: Iterable[Row], seen: list[Path]) -> Iterator[Row]:
    for row in rows:
        seen += drafts.iterdir()
        yield row


linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells so simply which files are open")


@linux
@pytest.mark.parametrize("again", [False, True])
def test_calls_wait_in_files_without_names_for_the_owner_alone(
    folder: Path, drafts: Path, again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[Path] = []
    modes: list[int] = []
    write = Folder.write

    def looking(place: Folder, name: str, content: bytes) -> None:
        named.extend(drafts.iterdir())
        modes.extend(open_files(drafts))
        write(place, name, content)

    monkeypatch.setattr(Folder, "write", looking)
    frozen(folder, watched(drafts, [*people(5), *people(3 * again)], named))
    assert named == [*drafts.iterdir()] == []
    assert set(modes) == {0o600}
    assert list(folder.rglob(".*")) == []


def open_files(folder: Path) -> list[int]:
    """The modes of those that this process has open in a folder."""
    modes = []
    for one in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # it was closed meanwhile, as that of the listing itself
            if one.readlink().parent == folder:
                modes.append(stat.S_IMODE(os.stat(int(one.name)).st_mode))
    return modes


KILLED = """
import logging, os, signal, sys
from aimylogic_provider.call_list.freeze.batch_cutting import Cut
from aimylogic_provider.call_list.freeze.freeze import ListOrigin, freeze
from aimylogic_provider.call_list.freeze.rejected.rejected_limit import Limit
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.freeze.rows import Columns, RowReader

def killed(folder, name, content):
    print(*(os.readlink(f"/proc/self/fd/{one}") for one in os.listdir("/proc/self/fd") if one not in "012"
            and os.path.exists(f"/proc/self/fd/{one}")), sep="\\n", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

Folder.write = killed
rows = ((number, f"7912{number // 2:07}", number) for number in range(60_000))
reader = RowReader(Columns(phone="phone", keys=("id",)), ["id", "phone", "name"])
freeze(rows, reader, Folder(sys.argv[1]), cut=Cut(),
       limit=Limit(None), origin=ListOrigin("id", "task", "file:///"), log=logging.getLogger())
"""


@linux
def test_a_worker_that_is_killed_leaves_no_call_in_its_temporary_folder(folder: Path, drafts: Path) -> None:
    """While calls are compared, too: so many that a file is needed."""
    process = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder)], env={**os.environ, "TMPDIR": str(drafts)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert len([one for one in process.stdout.splitlines() if one.startswith(f"{drafts}/")]) >= 3
    assert list(drafts.iterdir()) == []


@linux
def test_no_temporary_file_is_left_by_a_query_that_breaks_off(folder: Path, drafts: Path) -> None:
    def broken() -> Iterator[Row]:
        yield from people(5)
        raise ConnectionError("the warehouse is gone")

    with pytest.raises(ConnectionError):
        frozen(folder, broken())
    assert open_files(drafts) == []
    assert not (folder / "list.json").exists()


@linux
def test_no_temporary_file_is_left_when_too_many_are_rejected(folder: Path, drafts: Path) -> None:
    with pytest.raises(TooManyRejectedError):
        frozen(folder, some_rejected(), most=0)
    assert open_files(drafts) == []


def test_no_value_of_rejected_csv_is_taken_for_a_formula(folder: Path) -> None:
    rows = [(key, "nonsense", "Alex") for key in ("=1+1", "+7", "-1", "@x", "\tx", 'a"b,c\nd', "Ключ", -5)]
    frozen(folder, rows)
    with (folder / "rejected.csv").open(encoding="utf-8-sig", newline="") as file:
        keys = [line["id"] for line in csv.DictReader(file)]
    assert keys == ["'=1+1", "'+7", "'-1", "'@x", "'\tx", 'a"b,c\nd', "Ключ", "-5"]
    assert (folder / "rejected.csv").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "value", ["a;=1+1;b", "a;+7;", "a\n=1+1", "a\r\n@x", "a\t=1+1", "；＝1+1", "＝1+1", '";=1+1', ";;-1"]
)
def test_no_value_of_rejected_csv_is_taken_for_a_formula_by_a_program_that_separates_otherwise(
    folder: Path, delimiter: str, value: str
) -> None:
    """As spreadsheet programs do by the country: by semicolons where the comma stands in decimal fractions."""
    frozen(folder, [(value, "nonsense", "Alex")])
    text = (folder / "rejected.csv").read_text(encoding="utf-8-sig")
    # As a program reads it that takes quotes for quotes at a cell's beginning alone, and every line for a row.
    cells = [cell for quotes in (True, False) for line in csv.reader(
        text.splitlines(), delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    ) for cell in line]  # fmt: skip
    assert not [cell for cell in cells if cell.lstrip(' "').startswith(("=", "+", "-", "@", "＝", "＋"))]
