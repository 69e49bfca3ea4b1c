"""What befalls frames and requests on their way: each fault does what it says, from its seed, and nothing more."""

import pytest

from pilotfish.venues.session import SECOND
from pilotfish.venues.twins.faults import ON_THE_WAY, Fault, TwinFaults
from pilotfish.venues.twins.way import Fate, Leg, Way

FRAME = b'{"channel":"trades","data":[1,2,3]}'


def way(*planned: Fault, streams: int = 1, asks=None, **more) -> Way:
    made = Way(TwinFaults(**more), asks)
    for stream in range(1, streams + 1):
        made.opened(stream)
    for fault in planned:
        made.faults.plan(fault)
    return made


def datas(legs: list[Leg]) -> list[bytes | None]:
    return [leg.data for leg in legs]


def test_without_faults_everything_passes_and_nothing_is_counted():
    plain = way()
    assert plain.legs(1, FRAME) == [Leg(FRAME)]
    assert plain.legs(1, None) == [Leg(None)]
    assert plain.arrives(1, b"order")
    assert plain.request() is Fate.ANSWERED
    assert plain.breaks(SECOND) == []
    assert not plain.refuses(SECOND)
    assert not plain.faults.injected


def test_one_frame_is_lost_doubled_or_overtaken():
    assert way(Fault.DROP).legs(1, FRAME) == []
    assert datas(way(Fault.DOUBLE).legs(1, FRAME)) == [FRAME, FRAME]
    assert way(Fault.REORDER).legs(1, FRAME) == [Leg(FRAME, late=True)]


def test_garbage_comes_besides_the_frame_and_is_never_the_frame():
    broken = way(rates={Fault.GARBAGE: 1.0}, seed=3)
    seen = set()
    for _ in range(300):
        garbage, frame = datas(broken.legs(1, FRAME))
        assert frame == FRAME
        assert garbage != FRAME
        seen.add(garbage)
    assert len(seen) > 50
    assert any(FRAME.startswith(one) for one in seen if one), "cut short"
    assert any(len(one) == len(FRAME) for one in seen), "one byte changed"
    assert b"" in seen


def test_garbage_of_an_empty_frame_is_made_up():
    assert len(way(Fault.GARBAGE).legs(1, b"")) == 2


def test_a_request_is_lost_before_or_after_the_venue_acts():
    assert way(Fault.LOST_REQUEST).request() is Fate.LOST
    assert way(Fault.LOST_ANSWER).request() is Fate.UNANSWERED


def test_only_frames_that_ask_are_lost_like_requests():
    asks = way(Fault.LOST_REQUEST, asks=lambda data: b"post" in data)
    assert asks.arrives(1, b"ping")
    assert not asks.arrives(1, b"post 1")
    assert asks.arrives(1, b"post 2")


def test_of_a_frame_that_asks_only_the_answer_vanishes():
    asks = way(Fault.LOST_ANSWER, asks=lambda data: b"post" in data)
    assert asks.arrives(1, b"post 1")
    assert datas(asks.legs(1, FRAME)) == [FRAME]
    assert asks.legs(1, b"post 1 done") == []
    assert datas(asks.legs(1, b"post 2 done")) == [b"post 2 done"]


def test_a_silence_withholds_until_it_is_over_and_what_we_send_arrives():
    silent = way(Fault.SILENT, lasting_ns=4 * SECOND)
    assert silent.breaks(10 * SECOND) == []
    assert silent.legs(1, FRAME) == [Leg(FRAME, ready_ns=14 * SECOND)]
    assert silent.legs(1, None) == [Leg(None, ready_ns=14 * SECOND)]
    assert silent.arrives(1, b"order")


def test_a_half_open_stream_is_dead_both_ways_until_it_is_closed():
    half = way(Fault.HALF_OPEN)
    half.breaks(10 * SECOND)
    assert half.half_open(1)
    assert half.legs(1, FRAME) == []
    assert half.legs(1, None) == [], "not even the end of it is told"
    assert not half.arrives(1, b"order")
    half.closed(1)
    half.opened(2)
    assert half.legs(2, FRAME) == [Leg(FRAME)]
    assert not half.half_open(1)


def test_a_disconnect_ends_a_stream_and_refuses_new_ones_for_a_while():
    cut = way(Fault.DISCONNECT, lasting_ns=4 * SECOND)
    assert cut.breaks(10 * SECOND) == [1]
    assert cut.refuses(14 * SECOND - 1)
    assert not cut.refuses(14 * SECOND)


def test_a_disconnect_takes_one_stream_or_all_of_them():
    taken = set()
    for seed in range(40):
        taken.add(tuple(way(Fault.DISCONNECT, streams=3, seed=seed).breaks(SECOND)))
    assert taken == {(1,), (2,), (3,), (1, 2, 3)}


def test_what_lasts_has_one_opportunity_a_second_and_none_without_a_stream():
    both = way(Fault.DISCONNECT, Fault.DISCONNECT)
    assert both.breaks(10 * SECOND) == [1]
    assert both.breaks(10 * SECOND + 5) == []
    assert both.breaks(11 * SECOND) == [1]
    alone = way(Fault.DISCONNECT, streams=0)
    assert alone.breaks(SECOND) == []
    assert not alone.faults.injected
    alone.opened(1)
    assert alone.breaks(SECOND) == [1], "the opportunity was not taken yet"


@pytest.mark.parametrize("seed", [1, 2])
def test_a_seed_gives_the_same_way_twice(seed):
    def walk():
        walked = way(streams=2, rates=dict.fromkeys(ON_THE_WAY, 0.2), seed=seed, asks=lambda data: data == b"a")
        for second in range(200):
            yield (ended := walked.breaks(second * SECOND)), walked.legs(1, FRAME), walked.arrives(2, b"a")
            for stream in ended:
                walked.closed(stream)
                walked.opened(stream)

    first = list(walk())
    assert first == list(walk())
    assert len({repr(step) for step in first}) > 50
