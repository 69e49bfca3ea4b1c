"""A session and a twin joined in virtual time: whatever the seed, what is said arrives as the way lets it."""

import pytest

from pilotfish.domain.errors import VenueError
from pilotfish.domain.events import Connection, OrderUpdate, Timer
from pilotfish.domain.orders import OrderSignal
from pilotfish.venues.session import SECOND, Ask, Open, Send
from pilotfish.venues.sim.latency import MS, Delay
from pilotfish.venues.twins.faults import ON_THE_WAY, Fault, TwinFaults
from pilotfish.venues.twins.port import Push
from pilotfish.venues.twins.virtual import LATE_NS, Delays, VirtualVenue
from pilotfish.venues.twins.way import target_of
from tests.unit.toy_protocol import PATIENCE_NS, PING_NS, ToySession, ToyTwin, place

AT_ONCE = Delays(Delay(0, 0), Delay(0, 0), 0, 0)
FIXED = Delays(Delay(10 * MS, 10 * MS), Delay(30 * MS, 30 * MS), 50 * MS, MS)


class Scene:
    """A toy venue, and everything it told so far."""

    def __init__(self, faults: TwinFaults | None = None, delays: Delays = FIXED, every_ns=SECOND, **more) -> None:
        venue = {name: more.pop(name) for name in ("signer", "asks") if name in more}
        self.faults = faults or TwinFaults()
        self.session, self.twin = ToySession(**more), ToyTwin(every_ns=every_ns)
        self.venue = VirtualVenue(self.session, self.twin, self.faults, delays, **venue)
        self.got: list = []

    def to(self, ns: int) -> "Scene":
        self.got += self.venue.events(ns)
        return self

    def of(self, kind: type) -> list:
        return [event for event in self.got if isinstance(event, kind)]

    @property
    def numbers(self) -> list[int]:
        return [event.venue_ns for event in self.of(Timer)]

    @property
    def ups(self) -> list[tuple[bool, int]]:
        return [(event.up, event.ours_ns) for event in self.of(Connection)]

    @property
    def signals(self) -> list[tuple[int, OrderSignal, int]]:
        return [(event.coid, event.signal, event.ours_ns) for event in self.of(OrderUpdate)]


def test_everything_takes_the_time_that_its_delays_say():
    scene = Scene()
    scene.to(SECOND + 29 * MS)
    assert scene.ups == [(True, 50 * MS)]
    assert scene.numbers == []
    scene.to(SECOND + 30 * MS)
    assert scene.numbers == [1], "number 0 was said before the subscription arrived"
    scene.venue.submit([place(5)], SECOND + 40 * MS)
    scene.to(SECOND + 49 * MS)
    assert scene.twin.orders == []
    scene.to(SECOND + 50 * MS)
    assert scene.twin.orders == [5]
    scene.to(SECOND + 80 * MS)
    assert scene.signals == [(5, OrderSignal.FILLED, SECOND + 80 * MS)]
    assert scene.twin.requests == [("POST", "/order?coid=5", {"x-toy": "yes"}, b"buy")]
    assert scene.session.answers == [(5, 200, {"x-coid": "5"}, b'{"status":"ok"}')]
    assert scene.twin.paths == ["/ws?toy=1"]


def test_next_ns_leads_from_one_moment_to_the_next_and_events_come_at_theirs():
    scene, moments = Scene(), []
    while (due := scene.venue.next_ns()) is not None and due <= 5 * SECOND:
        moments.append(due)
        told = scene.venue.events(due)
        assert all(event.ours_ns == due for event in told)
        scene.got += told
    assert moments == sorted(moments)
    assert scene.numbers == [1, 2, 3, 4]
    assert scene.got == Scene().to(5 * SECOND).got, "step by step or in one: the same"


def test_what_submit_itself_tells_is_due_at_once():
    scene = Scene().to(SECOND)
    scene.session.submit = lambda commands, now_ns: scene.session.told.append(Timer(77, now_ns))
    scene.venue.submit([place(1)], SECOND + 7)
    assert scene.venue.next_ns() == SECOND + 7
    assert scene.to(SECOND + 7).numbers == [77]


def test_a_stream_is_first_in_first_out_both_ways_however_delays_fall():
    wild = Delays(Delay(10 * MS, 100 * MS), Delay(10 * MS, 100 * MS), seed=5)
    scene = Scene(delays=wild, every_ns=MS, by_stream=True)
    for k in range(1, 300):
        scene.venue.submit([place(k)], SECOND + k * MS)
    scene.to(3 * SECOND)
    assert len(scene.numbers) > 1000
    assert scene.numbers == list(range(scene.numbers[0], scene.numbers[-1] + 1))
    assert scene.twin.orders == list(range(1, 300))


def test_requests_may_overtake_each_other():
    scene = Scene(delays=Delays(Delay(10 * MS, 400 * MS), Delay(10 * MS, 10 * MS), seed=5))
    for k in range(100):
        scene.venue.submit([place(k)], SECOND + k * MS)
    scene.to(5 * SECOND)
    assert sorted(scene.twin.orders) == list(range(100)) != scene.twin.orders


@pytest.mark.parametrize(("fault", "executed"), [(Fault.LOST_REQUEST, []), (Fault.LOST_ANSWER, [5])])
def test_a_lost_request_or_answer_fails_once_at_its_timeout(fault, executed):
    scene = Scene().to(SECOND)
    scene.faults.plan(fault)
    scene.venue.submit([place(5)], SECOND)
    scene.to(9 * SECOND)
    assert scene.signals == [(5, OrderSignal.LOST, 2 * SECOND)]
    assert scene.twin.orders == executed


def test_an_answer_after_the_timeout_is_no_answer():
    scene = Scene(timeout_ns=20 * MS)
    scene.venue.submit([place(5)], SECOND)
    scene.to(9 * SECOND)
    assert scene.signals == [(5, OrderSignal.LOST, SECOND + 20 * MS)]
    assert scene.twin.orders == [5]


def test_a_hang_up_is_noticed_after_what_was_said_before_it():
    scene = Scene().to(SECOND)
    scene.twin.say(b"n 70")
    scene.twin.hang_up(1)
    scene.twin.pushes.append(Push(1, b"n 71"))
    scene.venue.touch()
    scene.to(4 * SECOND)
    assert scene.numbers[:2] == [1, 70]
    assert 71 not in scene.numbers
    assert scene.session.why == ["the venue hung up"]
    assert scene.ups == [(True, 50 * MS), (False, SECOND + 30 * MS), (True, 2 * SECOND + 80 * MS)]
    assert scene.twin.open == {2}
    assert scene.twin.ended == []


def test_a_disconnect_loses_what_is_under_way_and_refuses_until_it_is_over():
    scene = Scene(by_stream=True)
    scene.venue.disconnect(2 * SECOND + 15 * MS, 3 * SECOND)  # number 2 is under way, and so is the order
    scene.to(2 * SECOND + 10 * MS)
    scene.venue.submit([place(5)], 2 * SECOND + 10 * MS)
    scene.to(8 * SECOND)
    assert 2 not in scene.numbers
    assert scene.twin.orders == []
    assert scene.session.why[0] == "connection reset"
    assert set(scene.session.why[1:]) == {"connection refused"}
    assert [up for up, _ in scene.ups] == [True, False, True]
    assert scene.ups[1][1] == 2 * SECOND + 15 * MS
    assert scene.ups[2][1] > 5 * SECOND
    assert scene.twin.ended == [1]


def test_a_half_open_stream_is_found_out_by_its_pings_and_replaced():
    scene = Scene(by_stream=True)
    scene.faults.plan(Fault.HALF_OPEN)
    scene.to(2 * SECOND)
    scene.venue.submit([place(5)], 2 * SECOND)
    scene.to(20 * SECOND)
    assert scene.session.counters()["silent"] == 1
    assert scene.ups[1] == (False, 50 * MS + PING_NS + PATIENCE_NS)
    assert [up for up, _ in scene.ups] == [True, False, True]
    assert scene.twin.orders == []
    assert scene.twin.ended == [1]
    assert scene.numbers[-1] == 19


def test_a_silence_delays_and_loses_nothing():
    scene = Scene(TwinFaults(lasting_ns=2500 * MS))
    scene.faults.plan(Fault.SILENT)
    scene.to(20 * SECOND)
    assert scene.numbers == list(range(1, 20))
    times = [event.ours_ns for event in scene.of(Timer)]
    assert times[:3] == [SECOND + 30 * MS, 3500 * MS, 3500 * MS] or times[:3] == [3500 * MS] * 3


def test_a_frame_that_is_overtaken_comes_all_the_same():
    scene = Scene(every_ns=10 * MS).to(SECOND)
    scene.faults.plan(Fault.REORDER)
    before = len(scene.numbers)
    scene.to(SECOND + LATE_NS + 100 * MS)
    late = scene.numbers[before:]
    assert late != sorted(late)
    assert sorted(late) == list(range(min(late), max(late) + 1))


def test_whoever_closes_hears_nothing_more_and_the_venue_hears_of_it():
    scene = Scene(every_ns=10 * MS).to(SECOND)
    scene.venue.stop()
    heard = len(scene.to(SECOND).got)
    scene.to(3 * SECOND)
    assert len(scene.got) == heard
    assert scene.session.stopped
    assert scene.session.why == []
    assert scene.twin.ended == [1]


def test_a_stream_opened_again_replaces_the_old_one_even_while_it_is_being_opened():
    scene = Scene().to(SECOND)
    scene.session.out += [Open("feed", "ws://toy/a"), Open("feed", "ws://toy/b")]
    scene.venue.touch()
    scene.to(2 * SECOND)
    assert scene.twin.paths == ["/ws?toy=1", "/b"]
    assert len(scene.twin.open) == 1
    assert scene.session.why == []


def test_a_frame_without_a_stream_goes_nowhere_and_is_counted():
    scene = Scene()
    scene.session.out.append(Send("nowhere", b"hello"))
    scene.venue.touch()
    scene.to(SECOND)
    assert scene.venue.astray == 1


def test_batches_are_signed_in_parts_that_take_their_time():
    scene = Scene(signer=lambda request: request.hash + bytes(33)).to(SECOND)
    scene.session.sign(100)
    scene.venue.touch()
    scene.to(SECOND + 64 * MS)
    assert len(scene.session.signatures) == 64
    scene.to(SECOND + 100 * MS)
    assert [sig[0] for _, sig in sorted(scene.session.signatures.items())] == list(range(100))
    assert scene.session.parts == 2


def test_nobody_to_sign_is_said_and_not_ignored():
    scene = Scene()
    scene.session.sign(1)
    scene.venue.touch()
    with pytest.raises(VenueError, match="give VirtualVenue a signer"):
        scene.to(SECOND)


def test_a_tick_that_never_has_enough_does_not_stop_time():
    scene = Scene()
    scene.session.next_ns = lambda: 0
    assert scene.to(SECOND + 30 * MS).numbers == [1]


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://venue.example", "/"),
        ("wss://venue.example/ws", "/ws"),
        ("https://venue.example/a%2Fb?x=%20+1", "/a%2Fb?x=%20+1"),
        ("http://127.0.0.1:80?x=1", "/?x=1"),
    ],
)
def test_the_target_of_a_url_is_its_path_and_query(url, target):
    assert target_of(url) == target


@pytest.mark.parametrize("seed", range(8))
def test_a_storm_repeats_from_its_seed_and_every_request_has_one_outcome(seed):
    def storm() -> Scene:
        scene = Scene(TwinFaults(seed, dict.fromkeys(ON_THE_WAY, 0.1), 2 * SECOND), Delays(seed=seed), SECOND // 20)
        for k in range(200):
            scene.to(k * SECOND // 4)
            scene.venue.submit([place(k)], k * SECOND // 4)
        scene.faults.rates.clear()
        return scene.to(100 * SECOND)

    first, second = storm(), storm()
    assert first.got == second.got
    assert first.faults.injected == second.faults.injected
    assert set(first.faults.injected) == set(ON_THE_WAY)
    assert sorted(coid for coid, _, _ in first.signals) == list(range(200))
    lost = {coid for coid, signal, _ in first.signals if signal is OrderSignal.LOST}
    assert set(range(200)) - lost <= set(first.twin.orders)
    assert first.ups[-1][0], "it is up again when the storm is over"
    assert first.numbers[-1] > first.twin.said - 5


def test_without_any_delay_it_still_goes_round():
    scene = Scene(delays=AT_ONCE)
    scene.session.out.append(Ask(9, "GET", "http://toy/none"))
    scene.to(SECOND)
    assert scene.ups == [(True, 0)]
    assert scene.numbers == [0, 1]
    assert scene.signals == [(9, OrderSignal.REJECT, 0)]
