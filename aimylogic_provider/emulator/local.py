"""The emulator in a thread of its own, as a context manager. What it can be told to do stands in ``client``."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Unpack

import msgspec

from aimylogic_provider.emulator import DEFAULT_TOKEN
from aimylogic_provider.emulator.admin_caller import EmulatorError
from aimylogic_provider.emulator.client import EmulatorClient
from aimylogic_provider.emulator.http.admin_types import explained
from aimylogic_provider.emulator.http.server import EmulatorServer
from aimylogic_provider.emulator.world.job_register import FIRST_JOB, unused_first_job
from aimylogic_provider.emulator.world.settings import Chosen, Settings
from aimylogic_provider.emulator.world.state import EmulatorState

__all__ = ["Emulator"]


class Emulator(EmulatorClient):
    """The emulator, served while the context lasts.

    ::

        with Emulator() as emulator:
            requests.post(f"{emulator.url}/api/crmCalls/campaign/{emulator.token}/addPhone?phone=79123456789")
            assert emulator.rings("79123456789") == 1

    :param host: where it listens: this machine alone, unless told otherwise
    :param port: 0 for any free one
    :param tokens: one campaign each; their names by token, if they are to have any
    :param settings: see :class:`~aimylogic_provider.emulator.world.settings.Settings`
    :raises EmulatorError: if a token or a setting can't be so
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tokens: Sequence[str] | Mapping[str, str] = (DEFAULT_TOKEN,),
        **settings: Unpack[Chosen],
    ) -> None:
        self.host = host
        self.port = port
        try:
            first_job = unused_first_job() if port else FIRST_JOB
            self._state = EmulatorState(tokens, msgspec.convert(settings, Settings), first_job=first_job)
        except ValueError as error:
            raise EmulatorError(f"the emulator can't be so: {explained(error)}") from None
        super().__init__(self.url, next(iter(tokens)))
        self.tokens = tuple(tokens)
        self._server = EmulatorServer(self._state)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="aimylogic-emulator", daemon=True)

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> Emulator:
        if self._loop.is_closed():
            raise EmulatorError("an emulator serves once: make another one, or use reset() to begin anew")
        self._thread.start()
        try:
            started = asyncio.run_coroutine_threadsafe(self._server.start(self.host, self.port), self._loop)
            self.port = started.result(30)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(30)
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()
