"""``make bench``: how fast the emulator is, and what a stored job costs. Server on one core, client on the other.

Faults and journal are on: a rule that never strikes is asked at every request. Each figure is the median of several
runs; beside each stands a bare aiohttp server that answers the same bytes and remembers nothing, in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from statistics import median

from aimylogic_provider.emulator import DEFAULT_TOKEN as TOKEN
from aimylogic_provider.emulator import EmulatorClient

CRM = f"/api/crmCalls/campaign/{TOKEN}"
CALLS = f"/api/calls/campaign/{TOKEN}"
BARE = """
import asyncio
from aiohttp import web

async def answer(request):
    await request.read()
    return web.Response(text='"5665334669"', content_type="application/json")

async def main():
    app = web.Application(client_max_size=2**30)
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@contextlib.contextmanager
def served(*command: str) -> Iterator[tuple[str, int]]:
    """A server as a process of its own, on the first core; its address and process id."""
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
    try:
        pin(process.pid, 0)
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1], process.pid
    finally:
        process.terminate()
        process.wait(20)


def pin(pid: int, core: int) -> None:
    """Keep a process to one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0) | os.sched_getaffinity(pid))
        os.sched_setaffinity(pid, {cores[core % len(cores)]})


def memory(pid: int) -> int:
    """Resident bytes of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmRSS")


class Connection(asyncio.Protocol):
    """Sends the next request when the last one was answered."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self.requests, self.done, self.got = requests, done, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.next()

    def next(self) -> None:
        request = next(self.requests, None)
        if request is None:
            self.transport.close()
            self.done.set_result(None)
        else:
            self.transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.got += data
        head, found, body = self.got.partition(b"\r\n\r\n")
        if found:
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            if len(body) >= length:
                assert head.startswith(b"HTTP/1.1 200"), (head, body)
                self.got = b""
                self.next()


async def requests_per_second(url: str, requests: list[bytes], connections: int = 8) -> float:
    """How many small requests a second are answered."""
    loop, todo = asyncio.get_running_loop(), iter(requests)
    host, _, port = url.removeprefix("http://").partition(":")
    done = [loop.create_future() for _ in range(connections)]
    started = time.perf_counter()
    for future in done:
        await loop.create_connection(lambda future=future: Connection(todo, future), host, int(port))  # type: ignore[misc]
    await asyncio.gather(*done)
    return len(requests) / (time.perf_counter() - started)


def post(url: str, path: str, body: bytes) -> tuple[float, bytes]:
    """Post JSON; the seconds that it took, and the answer."""
    connection = HTTPConnection(url.removeprefix("http://"), timeout=120)
    connection.connect()
    started = time.perf_counter()
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    seconds = time.perf_counter() - started
    connection.close()
    assert answer.status == 200, content[:200]
    return seconds, content


def adds(first: int, count: int) -> list[bytes]:
    """Requests of addPhone, each with a phone, a payload and a key of its own."""
    return [
        (
            f"POST {CRM}/addPhone?phone=7912{number:07}&name=Alex&order={number} HTTP/1.1\r\nHost: x\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n"
            f"Idempotence-Key: d5f41bd4-0000-4000-8000-{number:012}\r\n\r\n"
        ).encode()
        for number in range(first, first + count)
    ]


def batch(first: int, count: int) -> bytes:
    """A list for addPhones."""
    return json.dumps(
        [
            {"phone": f"{79000000000 + number}", "payload": {"name": "Alex", "order": str(number)}}
            for number in range(first, first + count)
        ]
    ).encode()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=1_000_000, help="jobs to store for the report")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    pin(os.getpid(), 1)
    with server() as (emulator, _), served("-c", BARE) as (bare, _):
        measure_speed(emulator.url, bare, options.runs)
    with server() as (emulator, pid):
        measure_memory(emulator.url, pid, 100_000)
    with server() as (emulator, pid):
        measure_reports(emulator, pid, options.jobs, 3 * options.runs)


@contextlib.contextmanager
def server() -> Iterator[tuple[EmulatorClient, int]]:
    """The emulator, with rules that are asked at every request and never strike."""
    with served("-m", "aimylogic_provider.emulator", "--port", "0", "--set", "max_body=1000000000") as (url, pid):
        emulator = EmulatorClient(url)
        emulator.fault("after_commit", "reset", path="addPhone", key="never")
        emulator.fault("before_commit", "reset", path="addPhones", key="never")
        yield emulator, pid


def measure_speed(url: str, bare: str, runs: int) -> None:
    """Of addPhone and addPhones."""
    rates, raw, size = [], [], 6_000
    for run in range(runs):
        rates.append(asyncio.run(requests_per_second(url, adds(run * size, size))))
        raw.append(asyncio.run(requests_per_second(bare, adds(run * size, size))))
    print(f"addPhone          {median(rates):10,.0f} requests/s   (bare aiohttp: {median(raw):,.0f})")

    numbers, raw, size = [], [], 50_000
    for run in range(runs):
        body = batch(run * size, size)
        numbers.append(size / post(url, f"{CALLS}/addPhones", body)[0])
        raw.append(size / post(bare, f"{CALLS}/addPhones", body)[0])
    print(f"addPhones         {median(numbers):10,.0f} numbers/s    (bare aiohttp, reading alone: {median(raw):,.0f})")


def measure_memory(url: str, pid: int, jobs: int) -> None:
    """Of a job that was added alone, with payload and key."""
    asyncio.run(requests_per_second(url, adds(0, 20_000)))  # the journal is full from here on
    before = memory(pid)
    asyncio.run(requests_per_second(url, adds(20_000, jobs)))
    held = (memory(pid) - before) / jobs
    print(f"memory            {held:10,.0f} bytes a job of addPhone, with payload and key, among {jobs:,}")


def measure_reports(emulator: EmulatorClient, pid: int, jobs: int, runs: int) -> None:
    """Of 200 jobs among many."""
    post(emulator.url, f"{CALLS}/addPhones", batch(0, 1000))
    before, ids = memory(pid), []
    for first in range(1000, jobs, 50_000):
        _, content = post(emulator.url, f"{CALLS}/addPhones", batch(first, min(50_000, jobs - first)))
        ids += json.loads(content)[:: max(1, jobs // 4000)]
    held = (memory(pid) - before) / jobs
    print(f"memory            {held:10,.0f} bytes a job of addPhones, with payload, among {jobs:,}")

    now = emulator.now().timestamp() * 1000
    recent = {"createdAtFrom": now - 3_600_000, "createdAtTo": now}
    first_page, last_page = {"page": 0, "pageSize": 200}, {"page": 199, "pageSize": 200}
    for name, path, asked in (
        ("getReport, by id", "callJob/getReport", {"ids": ids[:200]}),
        ("getReportByDate", "callJob/getReportByDate", {"filter": recent, "pagination": first_page}),
        ("  its last page", "callJob/getReportByDate", {"filter": recent, "pagination": last_page}),
        ("getUnfinished", "callJob/getUnfinished", {"pagination": last_page}),
    ):
        seconds = []
        for _ in range(runs):
            took, content = post(emulator.url, f"{CALLS}/{path}", json.dumps(asked).encode())
            rows = json.loads(content)
            assert len(rows if isinstance(rows, list) else rows["items"]) == 200
            seconds.append(took)
        print(f"{name:18}{median(seconds) * 1000:10.1f} ms for 200 jobs of {jobs:,}")


if __name__ == "__main__":
    main()
