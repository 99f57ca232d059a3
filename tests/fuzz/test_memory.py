"""Refused requests leave nothing behind: the memory of an emulator that refuses ever new ones stays flat.

``AIMYLOGIC_REFUSED`` is how many requests are measured, after those that fill the journal.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.wire import ADD, ADD_ONE, CALLS, CRM, FORM, HOST, STATUS, ask, get, post

REFUSED = int(os.environ.get("AIMYLOGIC_REFUSED", "20000"))
WARM_UP = 15_000
STEP = 20_000
CONNECTIONS = 4
PIPELINED = 20
MIB = 2**20
GROWTH = 2 * MIB
"""What the allocator may take more of, whatever the number of requests: 20 bytes of each of 100,000 would be seen."""
TIMEOUT = 30.0

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux tells, in /proc, how much memory a process holds"
)


class Served:
    """An emulator as a process of its own."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self.port = port

    def memory(self) -> int:
        """Bytes that it holds."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)[1]) * 1024

    def peak(self) -> int:
        """Bytes that it has held at most."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)[1]) * 1024


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    command = [sys.executable, "-m", "aimylogic_provider.emulator", "--port", "0"]
    errors = tmp_path / "stderr"
    with (
        errors.open("w") as file,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            yield Served(process, int(process.stdout.readline().rpartition(":")[2]))
            process.terminate()
            assert process.wait(10) == 0
            assert errors.read_text() == "", "it had no trouble"
        finally:
            process.kill()


def refused(number: int) -> bytes:
    """The next request to be refused: each kind in its turn, each with something that never came before."""
    new = b"%d" % number
    common = HOST + b"Idempotence-Key: " + new.ljust(70, b"k") + b"\r\n"
    kinds = (
        lambda: get(ADD + b"?phone=12&name=" + new, common=common),
        lambda: get(ADD + b"?phone=x" + new, common=common),
        lambda: get(ADD + b"?phone=12", b"Idempotence-Key: " + new.ljust(8_000, b"k"), common=HOST),
        lambda: get(ADD_ONE + b"&gmtZone=x" + new, common=common),
        lambda: get(ADD_ONE + b"&name=%FF" + new, common=common),
        lambda: post(ADD, b"phone=12&name=" + new * 50, kind=FORM, common=common),
        lambda: get(b"/nowhere/" + new, common=common),
        lambda: get(b"/" + new.rjust(4_000, b"p"), common=common),
        lambda: get(CALLS + b"/x" + new, common=common),
        lambda: get(b"/_emulator/x" + new, common=common),
        lambda: get(b"/_emulator/jobs?campaign=" + new, common=common),
        lambda: get(b"/api/calls/campaign/1.2.x" + new + b"/status", common=common),
        lambda: get(b"/api/crmCalls/campaign/" + new.rjust(4_000, b"t") + b"/addPhone?phone=1", common=common),
        lambda: get(STATUS, method=b"DELETE", common=common),
        lambda: post(CALLS + b"/addPhones", b"[" + new, common=common),
        lambda: post(CALLS + b"/addPhones", b'[{"phone":"x%s","payload":{"n":"%s"}}]' % (new, new * 50), common=common),
        lambda: post(CALLS + b"/addPhones", b'[{"phone":"79123456789","allowedDays":["%s"]}]' % new, common=common),
        lambda: post(CALLS + b"/callJob/cancel", b'{"ids":["%s"]}' % new, common=common),
        lambda: post(CALLS + b"/callJob/getReport", b'{"phones":["%s"]}' % new, common=common),
        lambda: post(CALLS + b"/callJob/getReportByDate", b'{"filter":{"createdAtTo":"x%s"}}' % new, common=common),
        lambda: post(b"/_emulator/faults", b'{"phase":"in_body","action":"reset","path":"%s"}' % new, common=common),
        lambda: post(b"/_emulator/settings", b'{"x%s":1}' % new, method=b"PATCH", common=common),
        lambda: get(CRM + b"/addPhone?phone=12", b"X-New-" + new + b": " + new, common=common),
    )
    return kinds[number % len(kinds)]()


async def refuse(port: int, numbers: range) -> Counter[int]:
    """Send requests over a connection, some at a time, and count the answers' statuses."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    statuses: Counter[int] = Counter()
    for first in range(numbers.start, numbers.stop, numbers.step * PIPELINED):
        chosen = range(first, min(first + numbers.step * PIPELINED, numbers.stop), numbers.step)
        writer.write(b"".join(refused(number) for number in chosen))
        for _ in chosen:
            head = await reader.readuntil(b"\r\n\r\n")
            statuses[int(head.split(b" ", 2)[1])] += 1
            await reader.readexactly(int(re.search(rb"Content-Length: (\d+)", head)[1]))
    writer.close()
    await writer.wait_closed()
    return statuses


def refuse_all(port: int, begin: int, end: int) -> Counter[int]:
    async def run() -> Counter[int]:
        ranges = [range(begin + lane, end, CONNECTIONS) for lane in range(CONNECTIONS)]
        async with asyncio.timeout(TIMEOUT + (end - begin) / 500):
            return sum(await asyncio.gather(*(refuse(port, one) for one in ranges)), Counter())

    return asyncio.run(run())


@pytest.mark.long
def test_memory_stays_flat_over_refused_requests(served: Served) -> None:
    statuses = refuse_all(served.port, 0, WARM_UP)
    start = served.memory()
    held = []
    for begin in range(WARM_UP, WARM_UP + REFUSED, STEP):
        statuses += refuse_all(served.port, begin, min(begin + STEP, WARM_UP + REFUSED))
        held.append(served.memory())
    told = f"{start / MIB:.1f} MiB after {WARM_UP:,}, then {[f'{one / MIB:.1f}' for one in held]} each {STEP:,}"
    print(told, dict(statuses))
    assert statuses.total() == WARM_UP + REFUSED
    assert set(statuses) == {400, 404, 405}
    assert held[-1] - start < GROWTH, told


def test_memory_stays_flat_over_connections_that_are_broken(served: Served) -> None:
    def break_some(number: int) -> None:
        for _ in range(number):
            assert ask(served.port, get(STATUS, b"no colon")).status == 400

    break_some(1_000)
    start = served.memory()
    break_some(2_000)
    assert served.memory() - start < 2 * MIB


def test_a_bomb_takes_no_more_memory_than_the_limit_says(served: Served) -> None:
    """256 MiB in 1 MB, where 16 MiB are the limit."""
    start = served.memory()
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)  # 31: gzip
    bomb = b"".join(packer.compress(bytes(MIB)) for _ in range(256)) + packer.flush()
    for _ in range(2):
        assert ask(served.port, post(CALLS + b"/addPhones", bomb, b"Content-Encoding: gzip")).status == 413
    assert served.peak() - start < 80 * MIB
