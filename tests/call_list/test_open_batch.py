"""What is open of a batch: the moves from one value to the next, and how it stands in the task's entry."""

from __future__ import annotations

import msgspec
import pytest

from aimylogic_provider.call_list.store.open_batch import OpenBatch, OpenPart, SendNote
from aimylogic_provider.idempotence.time_limits import ClockSource

SEND: SendNote = (1.5, 2.5, ClockSource.SERVER, "c")
OTHER: SendNote = (3.5, 4.5, ClockSource.WORKER, "c")
TEN = range(10)


def test_it_stands_in_the_entry_as_earlier_versions_wrote_it() -> None:
    assert msgspec.json.encode(OpenBatch()) == b"{}"
    batch = OpenBatch().noted(SEND).unanswered("503").set_apart([0, 1, 2]).halved().noted(OTHER).key_missed()
    batch = batch.recorded("00001.0000002.ab")
    assert msgspec.json.encode(batch) == (
        b'{"sends":[[3.5,4.5,"worker","c"]],"progress":"00001.0000002.ab","parts":2,"key_lost":true,'
        b'"apart":[{"places":[[0,3]],"sends":[[1.5,2.5,"server","c"]],"silent":1,"last":"503"}]}'
    )
    assert msgspec.json.decode(msgspec.json.encode(batch), type=OpenBatch) == batch


def test_a_part_that_is_set_apart_and_taken_up_is_under_way_as_it_was() -> None:
    sent = OpenBatch().noted(SEND).unanswered("503")
    again = (apart := sent.set_apart(TEN)).taken_up(apart.apart[0])
    assert (again.sends, again.silent, again.last) == (sent.sends, 1, "503")
    assert again.under_way(10, ()) == sent.under_way(10, ()) == [*TEN]
    assert apart.under_way(10, ()) == []


def test_no_place_is_lost_and_none_is_in_two_parts() -> None:
    cut = OpenBatch().cut(TEN, 3)
    left, places = cut, []
    while part := left.under_way(10, places):
        places += part
        left = left.settled()
        if left.apart:
            left = left.taken_up(left.apart[0])
    assert sorted(places) == [*TEN]


def test_what_was_sent_whole_has_another_key_in_its_parts() -> None:
    split = OpenBatch().noted(SEND).split_off([0, 1], [2, 3])
    assert split.other_key
    assert split.apart == (OpenPart(((2, 4),), (SEND,), other_key=True),)
    assert not OpenBatch().split_off([0, 1], [2, 3]).other_key


@pytest.mark.parametrize("answered", [OpenBatch.withdrawn, OpenBatch.answered])
def test_an_answer_closes_the_last_send_alone(answered: object) -> None:
    assert callable(answered)
    assert answered(OpenBatch().noted(SEND).noted(OTHER)) == OpenBatch().noted(SEND)


def test_sent_again_it_is_whole_and_nothing_of_it_is_open() -> None:
    batch = OpenBatch().noted(SEND).key_missed().split_off([0], [1, 2]).recorded("00001.0000001.ab")
    assert batch.sent_again("question") == OpenBatch(progress="00001.0000001.ab", again="question")


def test_of_a_lost_entry_it_may_have_been_sent_and_in_parts_nobody_knows() -> None:
    batch = OpenBatch.perhaps_sent(SEND, "00001.0000001.ab", key_lost=True)
    assert (batch.sends, batch.key_lost, batch.says_anything) == ((SEND,), True, True)
    assert not OpenBatch().says_anything
    assert batch.last_place == -1
