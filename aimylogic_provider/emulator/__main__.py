"""The command ``aimylogic-emulator``: options in, a server until it is interrupted. No behaviour here."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aimylogic_provider import __version__
from aimylogic_provider.emulator import DEFAULT_TOKEN, EmulatorClient

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
        "--token",
        action="append",
        metavar="TOKEN[=NAME]",
        help=f"a campaign's token, and its name; repeatable (default: {DEFAULT_TOKEN})",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="what the lives of call jobs are drawn from (default: 0)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="settings",
        help="a setting, its value as JSON, as in report_lag=300; repeatable (docs/emulator.md lists them)",
    )  # fmt: skip
    parser.add_argument(
        "--snapshot",
        type=Path,
        metavar="FILE",
        help="save to it at the end; if it exists, first take up what it holds: jobs, campaigns, settings, clock …",
    )
    parser.add_argument("--version", action="version", version=__version__)
    arguments = parser.parse_args(argv)
    if not 0 <= arguments.port < 65536:
        parser.error(f"--port {arguments.port} isn't a port: give 0 to 65535")
    snapshot: Path | None = arguments.snapshot
    is_told = bool(arguments.token or arguments.settings or arguments.seed is not None)
    if snapshot is not None and snapshot.exists() and is_told:
        parser.error(
            f"--snapshot {snapshot} exists, and holds campaigns and settings of its own: leave --token, --set and "
            "--seed out, or name a new file"
        )
    if snapshot is not None and not os.access(snapshot.absolute().parent, os.W_OK):
        parser.error(f"--snapshot {snapshot}: its folder can't be written to")
    written = [text.partition("=")[::2] for text in arguments.token or [DEFAULT_TOKEN]]
    if len({token for token, _ in written}) != len(written):
        parser.error("--token is given twice: each campaign has a token of its own")
    try:
        settings = _settings(arguments.settings, arguments.seed)
        asyncio.run(_serve(arguments.host, arguments.port, dict(written), settings, snapshot))
    except ValueError as error:
        parser.exit(2, f"aimylogic-emulator: {error}\n")
    except OSError as error:
        where = error.filename or f"{arguments.host}:{arguments.port}"
        parser.exit(1, f"aimylogic-emulator: {where}: {error.strerror or error}\n")


def _settings(written: Sequence[str], seed: int | None) -> dict[str, Any]:
    import msgspec

    settings: dict[str, Any] = {} if seed is None else {"seed": seed}
    for text in written:
        name, found, value = text.partition("=")
        if not found:
            raise ValueError(f"--set {text}: write NAME=VALUE")
        try:
            settings[name] = msgspec.json.decode(value)
        except msgspec.DecodeError:
            settings[name] = value
    return settings


async def _serve(host: str, port: int, tokens: dict[str, str], settings: dict[str, Any], snapshot: Path | None) -> None:
    import msgspec

    from aimylogic_provider.calls_api.address import is_loopback
    from aimylogic_provider.emulator.http.admin_types import explained
    from aimylogic_provider.emulator.http.server import EmulatorServer
    from aimylogic_provider.emulator.private_file import write_private
    from aimylogic_provider.emulator.world.job_register import unused_first_job
    from aimylogic_provider.emulator.world.settings import Settings
    from aimylogic_provider.emulator.world.state import EmulatorState

    try:
        state = EmulatorState(tokens, msgspec.convert(settings, Settings), first_job=unused_first_job())
    except msgspec.ValidationError as error:
        raise ValueError(f"--set: {explained(error)}") from None
    taken = ""
    if snapshot is not None and snapshot.exists():
        state.restore(snapshot.read_bytes())
        taken = f"Taken up from {snapshot}: {len(state.campaigns.all_jobs()):,} call jobs."
    server = EmulatorServer(state)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    port = await server.start(host, port)
    print(f"The emulator serves {len(state.campaigns)} campaign(s) at http://{host}:{port}", flush=True)
    print("A page at that address shows what it does. Ctrl-C ends it.", flush=True)
    if list(tokens) == [DEFAULT_TOKEN]:
        client = EmulatorClient(f"http://{host}:{port}")
        print(f"For Airflow: export AIRFLOW_CONN_AIMYLOGIC_DEFAULT='{client.connection()}'", flush=True)
    if not is_loopback(host):
        print("Others can reach it: it asks nobody for a password, and shows what it was sent.", flush=True)
    if taken:
        print(taken, flush=True)
    await stopped.wait()
    await server.stop()
    if snapshot is not None:
        write_private(snapshot, state.snapshot())
        print(f"Saved to {snapshot}: {len(state.campaigns.all_jobs()):,} call jobs.", flush=True)


if __name__ == "__main__":
    main()
