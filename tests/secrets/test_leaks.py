"""The search for a secret finds it in every form."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote

import pytest

from tests.airflow.campaign import TOKEN, random_token
from tests.secrets.leaks import forms_of

PLANTED = random_token()


@pytest.mark.parametrize(
    ("form", "hidden"),
    [
        ("as it is", PLANTED),
        ("as it is", PLANTED[:-3] + "…"),
        ("as it is", PLANTED[-14:]),
        ("as it is", f"'{PLANTED[:12]}'\n    '{PLANTED[12:]}'"),
        ("as it is", "\\\n".join(PLANTED)),
        ("as it is", " | ".join(re.findall(".{1,5}", PLANTED))),
        ("percent-encoded", quote(PLANTED, safe="")),
        ("percent-encoded", "".join(f"%{ord(letter):02x}" for letter in PLANTED)),
        ("percent-encoded twice", quote("".join(f"%{ord(letter):02X}" for letter in PLANTED))),
        ("escaped", "".join(f"\\u{ord(letter):04x}" for letter in PLANTED)),
        ("escaped", "".join(f"\\x{ord(letter):02x}" for letter in PLANTED)),
        ("HTML", "".join(f"&#{ord(letter)};" for letter in PLANTED)),
        ("base64", base64.b64encode(f"a:{PLANTED}".encode()).decode()),
    ],
    ids=map(str, range(13)),  # the secret is another one in each process
)
def test_the_search_finds_every_form(form: str, hidden: str) -> None:
    assert form in forms_of(f"some log line {hidden} and more".encode(), PLANTED)
    assert forms_of(f"some log line {hidden} and more".encode(), TOKEN) == []
