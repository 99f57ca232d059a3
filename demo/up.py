"""``make up`` and ``make down``: Airflow with the examples, and the emulator, left running to play with.

``make up`` heals: what runs is asked for an answer, what died is started again, and it says what it did.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import msgspec

from aimylogic_provider.emulator import DEFAULT_TOKEN, EmulatorClient
from aimylogic_provider.emulator.admin_caller import EmulatorError
from aimylogic_provider.emulator.private_file import write_private
from demo.examples import (
    CONNECTIONS,
    CUSTOMERS,
    DAGS,
    TOKENS,
    connect_missing,
    live_through,
    make_examples_warehouse,
    move_connections,
    send_a_list,
)
from local_servers.airflow import AirflowError, LocalAirflow, free_port
from local_servers.emulator import LocalEmulator
from local_servers.left_running import LeftRunning

__all__ = ["Installation", "UpError", "main"]

HOME = Path(__file__).parent.parent / ".airflow"
EMULATOR = "emulator"
AIRFLOW_PORT, EMULATOR_PORT = 8080, 8089
SPACE = 200 * 2**20
"""Bytes that must be free: a database and logs that can't be written break in ways that nobody understands."""
NAMES = {
    "api-server": "Airflow's API server",
    "scheduler": "Airflow's scheduler",
    "dag-processor": "Airflow's DAG processor",
    "triggerer": "Airflow's triggerer",
    EMULATOR: "the emulator",
}
FORGOTTEN = (
    "The emulator keeps its call jobs in memory alone: those that were added before are gone, and new ones have\n"
    "other ids. Airflow's runs, lists and results tables still tell of the old ones, which no report knows any more:\n"
    "whoever waits for them, or asks about an unanswered send of theirs, fails. What it told of faults, clock and\n"
    "settings is gone, too. For a fresh start: make down, then make up."
)


class UpError(Exception):
    """Why it isn't up, and the way out."""


class Running(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What ``running.json`` tells. The secrets are those by which Airflow's components trust each other.

    :param airflow: its version
    :param is_whole: whether all was made; False while it is being made
    :param processes: their ids by component
    """

    format: Literal["aimylogic-up/1"] = "aimylogic-up/1"
    airflow: str
    airflow_port: int
    emulator_port: int
    secrets: dict[str, str]
    is_whole: bool = False
    processes: dict[str, int] = {}


class Installation:
    """Airflow and the emulator in a folder, of which this program may be the second, or the tenth, to take care.

    :param home: the folder
    :param ports: of Airflow and of the emulator, if they are free
    :param patience: seconds within which a part that lives has to answer
    """

    def __init__(
        self, home: Path = HOME, ports: tuple[int, int] = (AIRFLOW_PORT, EMULATOR_PORT), patience: float = 20
    ) -> None:
        self.home = home
        self._ports = ports
        self._patience = patience
        self._left = LeftRunning(home)
        self._file = home / "running.json"

    # What is done

    def up(self) -> None:
        """Have all of it running, and answering.

        :raises UpError: if that can't be
        """
        free = shutil.disk_usage(self.home.parent).free
        if free < SPACE:
            raise UpError(
                f"Only {free // 2**20} MB are free on the disk of {self.home.parent}: Airflow's database and logs need "
                f"{SPACE // 2**20}. Free some, and run it again; nothing was changed."
            )
        running, reason = self._known()
        if running is None:
            self._begin(reason)
        else:
            self._heal(running)

    def down(self) -> None:
        """End all of it."""
        leaders = self._leaders()
        self._left.end(leaders)
        with suppress(FileNotFoundError):
            self._file.unlink()
        say("Stopped." if leaders else "Nothing is up.")

    def _begin(self, reason: str) -> None:
        """Make it afresh: with the emulator's memory, what Airflow's runs tell of would be gone anyway."""
        if leaders := self._leaders():
            say(f"{reason}: {counted(len(leaders), 'process')} of it still ran, and are ended.")
            self._left.end(leaders)
        elif self.home.exists() and reason:
            say(f"{reason}: it is made afresh.")
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(mode=0o700, exist_ok=True)
        running = Running(
            airflow=version("apache-airflow-core"),
            airflow_port=self._port("Airflow", self._ports[0]),
            emulator_port=self._port("the emulator", self._ports[1]),
            secrets={
                "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
                "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            },
        )
        self._save(running)
        say("Starting Airflow and the emulator, in half a minute or so …")
        try:
            emulator = self._start_emulator(running)
            make_examples_warehouse(self.home / "warehouse.db")
            airflow = self._airflow(running)
            airflow.run("db", "migrate")
            self._launch(airflow, running, LocalAirflow.COMPONENTS)
            connect_missing(airflow, emulator.url, self.home / "warehouse.db")
            for dag in ("add_phone_by_hand", "add_phone_mapped"):
                airflow.wait_for_dag(dag)
            sent = send_a_list(airflow)
        except BaseException:
            self._left.end(self._leaders())
            raise
        running.is_whole = True
        self._save(running)
        if sent != "success":
            say(f"The example warehouse_to_campaign is {sent}: its task's log in Airflow tells why.")
        self._tell(running)

    def _heal(self, running: Running) -> None:
        """Start again what died, or doesn't answer; leave the rest alone, and all that people made."""
        emulator_url = self._url(running.emulator_port)
        has_emulator = self._is_well(EMULATOR, running, lambda: self._answers(f"{emulator_url}/_emulator/clock"))
        if not has_emulator:
            self._replace(EMULATOR, running)
            running.emulator_port = self._port("the emulator", running.emulator_port)
            self._start_emulator(running)
            say(FORGOTTEN)
        airflow = self._airflow(running)
        restarted = self._heal_airflow(airflow, running)
        if self._url(running.airflow_port) != airflow.url:
            airflow = self._airflow(running)
        if self._url(running.emulator_port) != emulator_url:
            move_connections(airflow, emulator_url, self._url(running.emulator_port))
        if made := connect_missing(airflow, self._url(running.emulator_port), self.home / "warehouse.db"):
            say(f"Made again, for the examples need them: {', '.join(made)}.")
        if has_emulator and not restarted and not made:
            say("All is up, and answers: nothing was to be done.")
        self._tell(running)

    def _heal_airflow(self, airflow: LocalAirflow, running: Running) -> list[str]:
        """Start components of Airflow again; return which."""
        dead = [one for one in LocalAirflow.COMPONENTS if not self._left.is_well(running.processes.get(one))]
        for component in dead:
            self._replace(component, running)
        if "api-server" not in dead and not self._soon(lambda: "api-server" not in airflow.unwell()):
            self._replace("api-server", running)
            dead.append("api-server")
        if "api-server" in dead and self._is_taken(running.airflow_port):
            # All others have been told its address: whoever asks the old one now would ask a stranger.
            running.airflow_port = self._port("Airflow", running.airflow_port)
            for component in set(LocalAirflow.COMPONENTS) - set(dead):
                self._replace(component, running, why="asks at the old address of the API server")
            dead = list(LocalAirflow.COMPONENTS)
            airflow = self._airflow(running)
        if dead:
            self._launch(airflow, running, dead)
        # What was started a moment ago has just told that it lives, or will; of the others, that tells who is stuck.
        if stuck := self._stuck(airflow):
            for component in stuck:
                self._replace(component, running)
            self._launch(airflow, running, stuck)
            if still := self._stuck(airflow, 3 * self._patience):
                logs = ", ".join(str(self.home / f"{component}.log") for component in still)
                raise UpError(
                    f"{told(still)} {'does' if len(still) == 1 else 'do'} not answer, though started again: see {logs}"
                )
        return [*dead, *stuck]

    def _stuck(self, airflow: LocalAirflow, seconds: float | None = None) -> list[str]:
        """Who is not heard of, though waited for: a machine that slept tells of nobody at first."""
        self._soon(lambda: not airflow.unwell(), seconds)
        return airflow.unwell()

    def _is_well(self, component: str, running: Running, answers: Any) -> bool:
        return self._left.is_well(running.processes.get(component)) and self._soon(answers)

    def _replace(self, component: str, running: Running, why: str = "") -> None:
        """End what is left of a component that is to be started again, and say so."""
        pid = running.processes.pop(component, None)
        why = why or ("did not answer" if self._left.leads(pid) else "had died")
        say(f"{NAMES[component][0].upper()}{NAMES[component][1:]} {why}: it is started again.")
        if pid is not None:
            self._left.end([pid])

    def _launch(self, airflow: LocalAirflow, running: Running, components: Sequence[str]) -> None:
        airflow.launch(components)
        running.processes.update(airflow.pids)
        self._save(running)
        airflow.wait_until_up()

    def _start_emulator(self, running: Running) -> EmulatorClient:
        emulator = LocalEmulator(running.emulator_port, TOKENS, self.home)
        running.processes[EMULATOR] = emulator.process.pid
        self._save(running)
        live_through(emulator)
        return emulator

    # What is known

    def _known(self) -> tuple[Running | None, str]:
        """What was left running, or why that can't be gone on with."""
        try:
            running = msgspec.json.decode(self._file.read_bytes(), type=Running)
        except FileNotFoundError:
            return None, f"{self.home.name} was stopped, or deleted"
        except (msgspec.DecodeError, OSError):
            return None, f"{self._file.name} can't be read, or is of an older version"
        if not running.is_whole:
            return None, "An earlier make up was broken off"
        if running.airflow != version("apache-airflow-core"):
            return None, f"{self.home.name} is of Airflow {running.airflow}"
        return running, ""

    def _leaders(self) -> list[int]:
        """All that runs for this folder, also what no record tells of."""
        return [*self._left.leaders(), *self._of_older_version()]

    def _of_older_version(self) -> list[int]:
        """What an earlier version started, its emulator in another folder: by number and time of start."""
        import psutil

        found = []
        with suppress(OSError, ValueError, TypeError, AttributeError):
            for pid, started in msgspec.json.decode(self._file.read_bytes())["processes"].items():
                if (
                    str(pid).isdigit()
                    and psutil.pid_exists(int(pid))
                    and psutil.Process(int(pid)).create_time() == started
                ):
                    found.append(int(pid))
        return found

    def _save(self, running: Running) -> None:
        write_private(self._file, msgspec.json.encode(running))

    def _airflow(self, running: Running) -> LocalAirflow:
        return LocalAirflow(self.home, DAGS, port=running.airflow_port, settings=running.secrets)

    @staticmethod
    def _url(port: int) -> str:
        return f"http://127.0.0.1:{port}"

    @staticmethod
    def _is_taken(port: int) -> bool:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return True
        return False

    def _port(self, whose: str, wanted: int) -> int:
        """The port that is wanted, or another one, if that is a stranger's."""
        if not self._is_taken(wanted):
            return wanted
        port = free_port()
        say(f"Port {wanted} is taken by another program: {whose} is at {port}.")
        return port

    def _soon(self, is_so: Any, seconds: float | None = None) -> bool:
        """Whether something is so, now or in a while."""
        end = time.monotonic() + (self._patience if seconds is None else seconds)
        while not is_so():
            if time.monotonic() > end:
                return False
            time.sleep(0.5)
        return True

    @staticmethod
    def _answers(url: str) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _tell(self, running: Running) -> None:
        say(
            f"Airflow:    {self._url(running.airflow_port)}  (no login needed: everybody on this machine is an admin)\n"
            "            the examples in dags/: add_phone_by_hand and add_phone_mapped are on, the others are paused;\n"
            "            warehouse_to_campaign has run once\n"
            f"            connections {', '.join(CONNECTIONS)}: the emulator's campaigns,\n"
            f"            and a warehouse of {CUSTOMERS:,} customers\n"
            f"Emulator:   {self._url(running.emulator_port)}  (a page: its calls, its clock, its faults)\n"
            f"            campaign token {DEFAULT_TOKEN}; its calls of the last day are made up, so that there is\n"
            "            something to see\n"
            "Stop both:  make down"
        )


def say(text: str) -> None:
    """Print a line, or some."""
    print(text, flush=True)


def told(components: Sequence[str]) -> str:
    """Their names."""
    return ", ".join(NAMES[component] for component in components)


def counted(number: int, one: str) -> str:
    """So many of something."""
    return f"{number} {one}{'' if number == 1 else 'es'}"


@contextmanager
def alone() -> Iterator[None]:
    """One at a time: two would start everything twice.

    :raises UpError: if another one is at work
    """
    with open(__file__, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UpError("Another make up, or make down, is at work: wait until it is done.") from None
        yield


def main(arguments: Sequence[str]) -> int:
    """Do what is asked; return the exit status."""
    installation = Installation()
    try:
        with alone():
            installation.down() if "down" in arguments else installation.up()
    except KeyboardInterrupt:
        say("Broken off. make up begins again, make down stops what is left.")
        return 130
    except (UpError, AirflowError, EmulatorError, RuntimeError, OSError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            error = UpError(f"The disk of {HOME} is full: free some space, and run it again.")
        print(f"It is not up. {error}", file=sys.stderr)
        if not isinstance(error, UpError):
            print(f"Logs are in {HOME}. For a fresh start: make down, then make up.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(sys.argv[1:]))
