"""``make screenshots``: the pictures of the documentation, taken again from a real Airflow and the emulator.

To add one: a row of ``PICTURES``, and, where something has to happen before, a function that lets it, and tells what
its path needs. Then name the picture in a page of ``docs/``.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from demo.examples import DAGS, TOKENS, connect_missing, live_through, make_examples_warehouse, send_a_list
from demo.small_png import smaller
from local_servers.airflow import LocalAirflow
from local_servers.emulator import LocalEmulator

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["PICTURES", "Picture", "World", "main"]

PLACE = Path(__file__).parent.parent / "docs" / "pictures"
MOST = 120 * 1024
"""Bytes of a picture."""
WIDTH, HEIGHT = 1280, 900
PHONE = "+1 202 555 0123"
"""Of a range that is kept for fiction."""
PARKED = {"alex": "12025550131", "maria": "12025550132", "sam": "12025550133", "kim": "12025550134"}
"""Runs, and whom they call."""
PASTED = (
    f"phone;name;city\n{PHONE};Alex;Boston\n+1 202 555 0145;Maria;Chicago\n12345;Sam;Dallas\n+1 202 555 0167;Kim;Reno"
)
"""A list as it is copied from a spreadsheet, with a bad number in it."""
PAGES = "/plugin/aimylogic"
"""Where Airflow shows the provider's pages."""
CHROMIUM_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--font-render-hinting=none",
)  # fmt: skip


@dataclass
class World:
    """What runs while pictures are taken."""

    airflow: LocalAirflow
    emulator: LocalEmulator
    _done: dict[str, dict[str, str]] = field(default_factory=dict)

    def once(self, first: Callable[[World], dict[str, str]]) -> dict[str, str]:
        """Let something happen, unless it has; return what it told."""
        if first.__name__ not in self._done:
            self._done[first.__name__] = first(self)
        return self._done[first.__name__]


@dataclass(frozen=True)
class Picture:
    """One picture.

    :param name: of its file, without ``.png``
    :param path: of the page, behind Airflow's address or the emulator's; ``{run}`` and the like are told by *first*
    :param ready: text that stands on the page once it is complete; empty for a page of the provider's
    :param first: what has to happen before
    :param act: what is done on the page before the picture
    :param scheme: the theme
    :param height: of the window, in pixels
    :param at: whose page it is
    """

    name: str
    path: str
    ready: str
    first: Callable[[World], dict[str, str]] | None = None
    act: Callable[[Page], None] | None = None
    scheme: Literal["light", "dark"] = "light"
    height: int = HEIGHT
    at: Literal["airflow", "emulator"] = "airflow"


# What has to happen before


def one_call(world: World) -> dict[str, str]:
    """A person is added by hand."""
    world.airflow.wait_for_dag("add_phone_by_hand")
    world.airflow.trigger("add_phone_by_hand", "example", {"phone": PHONE, "name": "Alex"})
    world.airflow.wait_for_task("add_phone_by_hand", "example", "add_phone", ("success",), seconds=120)
    return {"run": "example"}


def a_list_is_sent(world: World) -> dict[str, str]:
    """The warehouse's customers are called."""
    return {"state": send_a_list(world.airflow)}


def an_approval_waits(world: World) -> dict[str, str]:
    """A call list waits for its approval, of people whom no list has called yet, as far as the warehouse knows."""
    with closing(sqlite3.connect(world.airflow.home / "warehouse.db")) as warehouse:
        warehouse.execute("drop table if exists aimylogic_calls")
    world.airflow.wait_for_dag("approved_campaign")
    world.airflow.trigger("approved_campaign", "example")
    states = ("deferred", "awaiting_input")  # before, there is no question yet
    world.airflow.wait_for_task("approved_campaign", "example", "ask_whether_to_call", states, seconds=120)
    return {"run": "example"}


def faults_strike(world: World) -> dict[str, str]:
    """Some faults are ordered."""
    world.once(one_call)
    world.emulator.fault("after_commit", "reset", path="addPhone", times=3)
    world.emulator.fault("before_commit", "status", path="addPhones", every=5, status=503)
    return {}


def calls_are_parked(world: World) -> dict[str, str]:
    """Of people whom others added, too, nobody can tell a day later whose job is whose; a list waits, too."""
    world.once(an_approval_waits)
    dag = "add_phone_by_hand"
    world.airflow.wait_for_dag(dag)
    world.emulator.fault("after_commit", "reset", path="addPhone", times=None)
    for run, phone in PARKED.items():
        world.airflow.trigger(dag, run, {"phone": f"+{phone}", "name": run.title()})
    for run, phone in PARKED.items():
        world.airflow.wait_for_task(dag, run, "add_phone", ("up_for_retry",), seconds=120)
        _added_by_others(world, phone)
    world.emulator.advance(hours=25)
    world.emulator.clear_faults()
    for run in PARKED:
        world.airflow.wait_for_task(dag, run, "add_phone", ("deferred", "awaiting_input"), seconds=120)
    return {}


def _added_by_others(world: World, phone: str) -> None:
    """Another system adds a phone; its answer is lost, too."""
    import requests

    add = f"{world.emulator.url}/api/crmCalls/campaign/{next(iter(TOKENS))}/addPhone"
    with suppress(requests.ConnectionError):
        requests.post(add, params={"phone": phone}, headers={"Idempotence-Key": f"theirs-{phone}"}, timeout=5)


# What is done on a page


def add_connection(page: Page) -> None:
    """Open the form, as for a new connection."""
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.locator("input[name='connection_id']").fill("aimylogic_default")
    form.get_by_role("combobox").first.click()
    page.keyboard.type("Aimylogic")
    page.keyboard.press("Enter")
    form.get_by_text("Campaign token", exact=True).wait_for()
    form.locator("input[name='password']").scroll_into_view_if_needed()


def open_trigger_form(page: Page) -> None:
    """Open the form by which a run is started."""
    page.get_by_role("button", name="Trigger").first.click()
    form = page.get_by_role("dialog")
    form.locator("input[name='element_phone']").fill(PHONE)
    form.locator("input[name='element_name']").click()


def paste_a_list(page: Page) -> None:
    """Open the form by which a list is called, and paste one."""
    page.get_by_role("button", name="Trigger").first.click()
    page.get_by_role("dialog").locator("textarea").first.fill(PASTED)


def open_tab(label: str) -> Callable[[Page], None]:
    """Return what opens one of the provider's pages within Airflow's frame."""

    def opened(page: Page) -> None:
        page.frame_locator("iframe").get_by_role("link", name=label).click()
        page.wait_for_timeout(2_500)

    return opened


def open_a_list(page: Page) -> None:
    """Open the page of the newest call list."""
    page.frame_locator("iframe").locator("table.lists").get_by_role("link").first.click()
    page.wait_for_timeout(2_500)


def show_faults(page: Page) -> None:
    """Scroll to where faults are ordered."""
    page.locator("#order").evaluate("form => form.scrollIntoView({block: 'end'})")
    page.locator("#faults-title").evaluate("title => scrollTo(0, document.body.scrollHeight)")


PICTURES = (
    # The pages of the provider lie in a frame. First, while the day that the campaigns have lived through is over.
    Picture("campaigns", PAGES, "", act=open_tab("Campaigns"), height=860),
    Picture("campaigns-dark", PAGES, "", act=open_tab("Campaigns"), scheme="dark", height=860),
    Picture("call-lists", PAGES, "", first=a_list_is_sent, height=480),
    Picture("call-list", PAGES, "", first=a_list_is_sent, act=open_a_list, height=1_120),
    Picture("paste-a-list", "/dags/call_a_list", "Columns, if", act=paste_a_list, height=1_080),
    Picture("connection-form", "/connections", "Campaign token", act=add_connection),
    Picture("trigger-form", "/dags/add_phone_by_hand", "Time zone", first=one_call, act=open_trigger_form),
    Picture("task-log", "/dags/add_phone_by_hand/runs/{run}/tasks/add_phone", "Call job", first=one_call, height=700),
    Picture("required-actions", "/required_actions", "ask_whether_to_call", first=an_approval_waits, height=500),
    Picture(
        "approval", "/dags/approved_campaign/runs/{run}/tasks/ask_whether_to_call/required_actions",
        "Customers whose payment",
        first=an_approval_waits,
    ),
    Picture("emulator", "/", "onRetry", first=faults_strike, at="emulator"),
    Picture("emulator-dark", "/", "onRetry", first=faults_strike, at="emulator", scheme="dark", act=show_faults),
    # Last, for a day passes.
    Picture("waiting", PAGES, "", first=calls_are_parked, act=open_tab("Waiting for a person"), height=640),
)  # fmt: skip


def take(picture: Picture, world: World, browser: Browser, place: Path) -> Path:
    """Take a picture; return its file.

    :raises RuntimeError: if it is larger than it may be
    """
    told = {} if picture.first is None else world.once(picture.first)
    address = world.emulator.url if picture.at == "emulator" else world.airflow.url
    context = browser.new_context(
        viewport={"width": WIDTH, "height": picture.height},
        color_scheme=picture.scheme,
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
    )
    try:
        context.set_default_timeout(60_000)
        # Airflow keeps its own choice of theme.
        context.add_init_script(f"try {{ localStorage.setItem('theme', '{picture.scheme}') }} catch {{}}")
        page = context.new_page()
        page.goto(address + re.sub(r"{(\w+)}", lambda found: told[found[1]], picture.path))
        if picture.act is not None:
            picture.act(page)
        if picture.ready:
            page.get_by_text(picture.ready).first.wait_for()
        else:
            page.frame_locator("iframe").get_by_role("heading", level=1).wait_for()
        page.wait_for_timeout(1_500)  # for what comes after the words: icons, the grid, the log
        content = smaller(page.screenshot(animations="disabled", caret="hide"))
    finally:
        context.close()
    if len(content) > MOST:
        raise RuntimeError(
            f"{picture.name}.png has {len(content) // 1024} KB, and may have {MOST // 1024}: make it lower"
        )
    place.mkdir(parents=True, exist_ok=True)
    file = place / f"{picture.name}.png"
    file.write_bytes(content)
    return file


def main(names: Sequence[str] = ()) -> int:
    """Take all pictures, or those that are named; return the exit status."""
    from playwright.sync_api import sync_playwright

    chosen = [picture for picture in PICTURES if not names or picture.name in names]
    if unknown := set(names) - {picture.name for picture in PICTURES}:
        print(f"There is no picture {', '.join(sorted(unknown))}: take {', '.join(one.name for one in PICTURES)}")
        return 2
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        print("Chromium is absent: make chromium installs Debian's")
        return 1
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aimylogic-screenshots-")))
        print("Starting Airflow and the emulator …", flush=True)
        emulator = stack.enter_context(LocalEmulator(0, TOKENS, home))
        live_through(emulator)
        make_examples_warehouse(home / "warehouse.db")
        airflow = LocalAirflow(home, DAGS)
        stack.callback(airflow.stop)
        airflow.start(LocalAirflow.COMPONENTS)
        connect_missing(airflow, emulator.url, home / "warehouse.db")
        world = World(airflow, emulator)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        for picture in chosen:
            began = time.monotonic()
            file = take(picture, world, browser, PLACE)
            print(f"{file.stat().st_size / 1024:6.1f} KB  {time.monotonic() - began:4.1f} s  {file}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
