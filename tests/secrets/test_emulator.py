"""The token, and whole phones, in nothing that the emulator writes or shows to people."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import requests
from playwright.sync_api import Browser

from aimylogic_provider.emulator import EmulatorClient
from local_servers.airflow import wait_for
from tests.airflow.campaign import TOKEN, random_token
from tests.secrets.echo import PHONE
from tests.secrets.leaks import leaks

PLANTED = random_token()


def test_no_token_in_what_the_emulator_writes(chromium: Browser, tmp_path: Path) -> None:
    log = tmp_path / "emulator.log"
    with log.open("wb") as out:
        command = [str(Path(sys.executable).parent / "aimylogic-emulator"), "--port", "0", "--token", TOKEN]
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_for("the emulator", lambda: b"serves" in log.read_bytes())
        found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
        assert found is not None
        url = found[0]
        campaign = f"{url}/api/crmCalls/campaign/{quote(TOKEN, safe='')}"
        headers = {"Idempotence-Key": PLANTED}
        for path in ("addPhone", "test/addPhone", "nowhere", "addPhone/../addPhone", f"addPhone?x={quote(TOKEN)}"):
            requests.post(f"{campaign}/{path}", params={"phone": PHONE, "name": "Alex"}, headers=headers, timeout=5)
        requests.get(f"{campaign}/addPhone", params={"phone": "1"}, timeout=5)
        requests.get(f"{url}/api/calls/campaign/{TOKEN[:-1]}/status", timeout=5)
        emulator = EmulatorClient(url, TOKEN)
        context = chromium.new_context()
        page = context.new_page()
        page.goto(url)
        page.locator("#jobs tr").first.wait_for()
        own = {
            "journal": repr(emulator.requests()).encode(),
            "campaigns": requests.get(f"{url}/_emulator/campaigns", timeout=5).content,
            "page": (page.content() + page.inner_text("body")).encode(),
            "log": log.read_bytes(),
        }
        context.close()
    finally:
        process.terminate()
        process.wait(10)
    assert leaks(own, TOKEN) == {}
    for name, content in own.items():
        assert PHONE.encode() not in content, f"a phone in full in the emulator's {name}"
    assert {"journal", "page"} <= leaks(own, PLANTED).keys(), "the planted key stands in both"
    assert leaks({"log": own["log"] + f"\n{PLANTED}".encode()}, PLANTED)
