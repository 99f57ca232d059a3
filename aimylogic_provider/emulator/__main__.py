"""The command ``aimylogic-emulator``."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Sequence

from aimylogic_provider.emulator import DEFAULT_TOKEN

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Serve the emulator until it is interrupted."""
    parser = argparse.ArgumentParser(
        prog="aimylogic-emulator",
        description="The Calls API as a local server: real state, a clock that can be moved, faults to order.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8089, help="port, 0 for any free one (default: %(default)s)")
    parser.add_argument(
        "--token", action="append", metavar="TOKEN", help=f"a campaign's token; repeatable (default: {DEFAULT_TOKEN})"
    )
    arguments = parser.parse_args(argv)
    try:
        asyncio.run(_serve(arguments.host, arguments.port, arguments.token or [DEFAULT_TOKEN]))
    except OSError as error:
        parser.exit(1, f"aimylogic-emulator: can't listen at {arguments.host}:{arguments.port}: {error.strerror}\n")


async def _serve(host: str, port: int, tokens: Sequence[str]) -> None:
    from aimylogic_provider.emulator.server import start
    from aimylogic_provider.emulator.state import State

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    runner, port = await start(State(tokens), host, port)
    print(f"The emulator serves {len(tokens)} campaign(s) at http://{host}:{port}", flush=True)
    await stopped.wait()
    await runner.cleanup()


if __name__ == "__main__":
    main()
