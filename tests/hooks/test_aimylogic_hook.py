"""AimylogicHook against the emulator."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from aimylogic_provider.calls_api.errors import ApiError, Known, RejectedError
from aimylogic_provider.calls_api.http_messages import NoResponse, NoResponseKind
from aimylogic_provider.calls_api.transports.content_coding import Body
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicHook
from tests.conftest import TOKEN, connection_json


@pytest.fixture
def hook(connections: None) -> AimylogicHook:
    return AimylogicHook()


def jobs(emulator: Emulator) -> int:
    return len(emulator.jobs(campaign=1))


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_add_phone_sends_the_key_as_given(hook: AimylogicHook, emulator: Emulator, method: str) -> None:
    first = hook.add_phone("+7 912 345-67-89", {"n": 1}, "+03:30", idempotence_key="my key/1", method=method)
    assert hook.add_phone("79123456789", idempotence_key="my key/1") == first
    (line, _) = emulator.requests()
    assert (line.method, line.key, line.job) == (method, "my key/1", first)


def test_without_a_key_the_server_refuses_the_duplicate(hook: AimylogicHook, emulator: Emulator) -> None:
    hook.add_phone("79123456789")
    with pytest.raises(ApiError, match=r"phone\.duplicated") as error:
        hook.add_phone("79123456789")
    assert error.value.known is Known.REFUSED


def test_test_calls(hook: AimylogicHook, emulator: Emulator) -> None:
    assert hook.add_phone("79123456789", test_call=True) != hook.add_phone("79123456789", test_call=True)


@pytest.mark.parametrize("key", ["", " a", "a\r\nX: y", "ключ"])
def test_a_key_that_no_header_can_bear(hook: AimylogicHook, key: str) -> None:
    with pytest.raises(RejectedError, match="idempotence_key"):
        hook.add_phone("79123456789", idempotence_key=key)


def test_add_phone_never_repeats(hook: AimylogicHook, emulator: Emulator) -> None:
    emulator.fault(phase="after_commit", action="reset")
    with pytest.raises(ApiError) as error:
        hook.add_phone("79123456789")
    assert (error.value.known, error.value.retryable) == (Known.UNANSWERED, True)
    assert emulator.count("addPhone") == 1


def test_an_answer_that_is_too_large_is_not_asked_for_again(
    hook: AimylogicHook, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be as large again."""

    def too_large(body: Body, part: bytes) -> None:
        raise NoResponse(NoResponseKind.TOO_LARGE, "over 1 bytes")

    monkeypatch.setattr(Body, "_take", too_large)
    with pytest.raises(ApiError, match="larger than any") as error:
        hook.get_campaign_status()
    assert error.value.is_too_large
    assert emulator.count("status") == 1


def test_reads_are_repeated(hook: AimylogicHook, emulator: Emulator) -> None:
    emulator.fault(phase="before_commit", action="reset", times=2)
    assert hook.get_campaign_status() == "inProgress"
    assert emulator.count("status") == 3


def test_reports_and_campaign(hook: AimylogicHook, emulator: Emulator) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    job = hook.add_phone("79123456789")
    assert [found.id for found in hook.get_call_jobs(phones=["+7 912 345-67-89"])] == [job]
    assert [found.id for found in hook.get_call_jobs(ids=[job])] == [job]
    assert [found.id for found in hook.get_call_jobs_by_date(created_from=before)] == [job]
    assert hook.get_campaign().total_numbers == 1
    with pytest.raises(ApiError, match=r"phone\.not\.found"):
        hook.get_call_jobs(phones=["79120000001"])


def test_test_connection_in_words(hook: AimylogicHook, emulator: Emulator) -> None:
    hook.add_phone("79123456789")
    assert hook.test_connection() == (True, "Campaign 'Emulated campaign 1' is running: 0 of 1 numbers done")
    emulator.campaign(status="finished")
    assert "takes no numbers" in hook.test_connection()[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"password": "1.2.wrong"}, "copy the token again"),
        ({"password": None}, "no campaign token"),
        ({"host": "http://example.com"}, "use https"),
        ({"port": 1}, "could not be reached"),
        ({"extra": {"connect_timeout": -1}}, "at most 600"),
        ({"extra": {"connect_timeout": 10**400}}, "at most 600"),
        ({"extra": {"verify": 5}}, "true or false"),
        ({"extra": {"proxies": "http://user:pa55word@proxy"}}, "proxy URL by scheme"),
    ],
)
def test_test_connection_says_how_to_mend_it(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], message: str
) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    content = {**json.loads(connection_json(emulator)), **change}
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", json.dumps(content))
    good, words = AimylogicHook().test_connection()
    assert not good
    assert message in words
    assert TOKEN not in words
    assert "pa55word" not in words
    assert "1.2.wrong" not in words


def test_fields_that_the_form_saved_as_null_are_unset(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    content = connection_json(emulator, connect_timeout=None, verify="", allow_plain_http=None, read_timeout=None)
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", content)
    hook = AimylogicHook()
    assert hook.send_timeout == 50.0
    assert hook.test_connection()[0]


def test_a_connection_as_a_uri(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"aimylogic://:{TOKEN}@127.0.0.1:{emulator.port}/http?read_timeout=5"
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", uri)
    hook = AimylogicHook()
    assert hook.test_connection()[0]
    assert hook.send_timeout == 25.0
