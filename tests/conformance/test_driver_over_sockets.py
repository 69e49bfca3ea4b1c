"""The driver over real sockets on loopback, against a served twin: what is said arrives, and what fails is known."""

import pytest

from pilotfish.domain.events import OrderUpdate, Timer
from pilotfish.domain.orders import OrderSignal
from pilotfish.venues.net.driver import Driver
from pilotfish.venues.net.terms import WireTerms
from pilotfish.venues.session import SECOND, Ask, Send
from pilotfish.venues.twins.faults import ON_THE_WAY, Fault, TwinFaults
from pilotfish.venues.twins.port import Answer
from pilotfish.venues.twins.server import TwinServer
from tests.conformance.live_driver import LOOPS, START_NS, Live, play, until
from tests.unit.toy_protocol import PATIENCE_NS, PING_NS, ToySession, ToyTwin, place

MEGABYTE = 2**20


@pytest.fixture(params=LOOPS)
def run(request):
    return lambda scene: play(scene, request.param)


def test_frames_are_told_in_order_and_an_order_goes_out_in_the_callback_that_decided_it(run):
    async def scene():
        sent: list[tuple[int, int]] = []

        def decide(live: Live) -> None:
            for event in live.driver.events(live.now_ns):
                live.got.append(event)
                if isinstance(event, Timer) and event.venue_ns % 2:
                    live.driver.submit([place(event.venue_ns)], live.now_ns)
                    sent.append((event.venue_ns, len(live.session.out)))

        async with Live(by_stream=True, on_ready=decide) as live:
            live.say(*(b"n %d" % k for k in range(100)))
            await live.until(lambda: len(live.of(OrderUpdate)) == 50)
            assert live.numbers == list(range(100))
            assert live.twin.orders == list(range(1, 100, 2))
            assert sent == [(k, 0) for k in range(1, 100, 2)], "nothing waited in the session when submit returned"
            assert live.signals == [(k, OrderSignal.FILLED) for k in range(1, 100, 2)]

    run(scene)


def test_a_request_arrives_as_the_session_wrote_it_and_so_does_the_answer(run):
    async def scene():
        async with Live() as live:
            live.driver.submit([place(7)], live.now_ns)
            odd = Ask(8, "DELETE", live.server.url + "/a%2Fb?x=%20+1&y=%C3%A9", headers={"X-Sign": "0xabc"})
            live.session.out.append(odd)
            live.driver.turn()
            await live.until(lambda: len(live.session.answers) == 2)
            seen = {url: (method, headers, body) for method, url, headers, body in live.twin.requests}
            method, headers, body = seen["/order?coid=7"]
            assert (method, headers["x-toy"], body) == ("POST", "yes", b"buy")
            method, headers, body = seen["/a%2Fb?x=%20+1&y=%C3%A9"]
            assert (method, headers["x-sign"], body) == ("DELETE", "0xabc", b"")
            answers = {ask: (status, headers, body) for ask, status, headers, body in live.session.answers}
            status, headers, body = answers[7]
            assert (status, headers["x-coid"], body) == (200, "7", b'{"status":"ok"}')
            assert answers[8][0] == 404

    run(scene)


def test_a_redirect_is_told_and_not_followed_and_an_answer_without_end_is_no_answer(run):
    async def scene():
        async with Live(wire=WireTerms(body_bytes_max=2 * MEGABYTE)) as live:
            live.twin.request = lambda *_: Answer(307, b"", {"Location": f"{live.server.url}/elsewhere"})
            live.driver.submit([place(1)], live.now_ns)
            await live.until(lambda: live.session.answers)
            assert live.session.answers[0][1] == 307
            live.twin.request = lambda *_: Answer(200, b"x" * (3 * MEGABYTE))
            live.driver.submit([place(2)], live.now_ns)
            await live.until(lambda: live.session.counts["failed"])
            assert live.signals == [(1, OrderSignal.REJECT), (2, OrderSignal.LOST)]

    run(scene)


@pytest.mark.parametrize(("fault", "executed"), [(Fault.LOST_REQUEST, []), (Fault.LOST_ANSWER, [5])])
def test_a_request_without_an_answer_fails_once_whether_or_not_it_arrived(run, fault, executed):
    async def scene():
        async with Live(timeout_ns=SECOND * 3 // 10) as live:
            live.faults.plan(fault)
            live.driver.submit([place(5)], live.now_ns)
            await live.until(lambda: live.session.counts["failed"])
            assert live.twin.orders == executed
            live.session.timeout_ns = 30 * SECOND
            live.driver.submit([place(6)], live.now_ns)
            await live.until(lambda: live.session.answers)
            assert live.signals == [(5, OrderSignal.LOST), (6, OrderSignal.FILLED)]

    run(scene)


def test_after_the_venue_hung_up_the_stream_is_opened_again(run):
    async def scene():
        async with Live() as live:
            live.say(b"n 1")
            live.server.call(lambda: live.twin.hang_up(1))
            await live.until(lambda: live.twin.subscribed == {2})
            live.say(b"n 2")
            await live.until(lambda: 2 in live.numbers)
            assert live.numbers == [1, 2]
            assert live.ups == [True, False, True]
            assert live.session.why == ["the venue closed the connection (1000)"]
            assert live.twin.ended == [], "it hung up itself"

    run(scene)


def test_a_reset_stream_is_lost_and_refused_for_as_long_as_the_outage_lasts(run):
    async def scene():
        async with Live(TwinFaults(lasting_ns=5 * SECOND)) as live:
            live.faults.plan(Fault.DISCONNECT)
            live.now_ns += SECOND
            live.server.turn()
            await live.until(lambda: len(live.session.why) > 3)
            assert set(live.session.why[1:]) == {"the venue refused the stream (503)"}
            assert live.ups == [True, False]
            live.now_ns += 5 * SECOND
            await live.until(lambda: live.ups[-1])
            assert live.twin.ended == [1]

    run(scene)


def test_a_half_open_stream_is_found_out_by_its_pings_and_replaced(run):
    async def scene():
        async with Live(by_stream=True) as live:
            live.faults.plan(Fault.HALF_OPEN)
            live.now_ns += SECOND
            live.server.turn()
            live.say(b"n 1")
            live.driver.submit([place(1)], live.now_ns)
            live.now_ns += PING_NS
            live.driver.turn()
            live.now_ns += PATIENCE_NS
            live.driver.turn()
            await live.until(lambda: live.twin.subscribed == {2})
            live.say(b"n 2")
            await live.until(lambda: live.numbers)
            assert live.numbers == [2]
            assert live.twin.orders == []
            assert live.ups == [True, False, True]
            assert live.session.counters()["silent"] == 1

    run(scene)


def test_a_silence_withholds_and_garbage_is_set_aside(run):
    async def scene():
        async with Live(TwinFaults(lasting_ns=2 * SECOND)) as live:
            live.faults.plan(Fault.SILENT)
            live.now_ns += SECOND
            live.server.turn()
            live.say(b"n 1", b"n 2")
            live.driver.submit([place(1)], live.now_ns)
            await live.until(lambda: live.session.answers)
            assert live.numbers == []
            live.now_ns += 2 * SECOND
            live.server.turn()
            await live.until(lambda: live.numbers == [1, 2])
            live.faults.plan(Fault.GARBAGE, 20)
            live.say(*(b"n %d" % k for k in range(3, 23)))
            await live.until(lambda: 22 in live.numbers)
            assert set(range(3, 23)) <= set(live.numbers)
            assert live.session.counters()["set_aside"] > 0

    run(scene)


def test_drops_doubles_and_overtaking_frames_come_as_planned(run):
    async def scene():
        async with Live() as live:
            live.faults.plan(Fault.DROP)
            live.say(b"n 1", b"n 2")
            live.faults.plan(Fault.DOUBLE)
            live.say(b"n 3", b"n 4")
            live.faults.plan(Fault.REORDER)
            live.say(b"n 5", b"n 6", b"n 7")
            await live.until(lambda: {5, 7} <= set(live.numbers))
            assert sorted(live.numbers) == [2, 3, 3, 4, 5, 6, 7]
            assert live.numbers.index(6) < live.numbers.index(5)

    run(scene)


def test_a_message_of_a_megabyte_passes_both_ways(run):
    async def scene():
        async with Live() as live:
            large = bytes(97 + k % 26 for k in range(MEGABYTE))
            heard = []
            live.session.frame = lambda name, raw, now_ns: heard.append(raw)
            live.session.out.append(Send("feed", large))
            live.driver.turn()
            await live.until(lambda: heard)
            assert heard == [b"echo " + large]

    run(scene)


def test_a_message_that_is_too_large_ends_the_stream_and_not_the_venue(run):
    async def scene():
        async with Live(wire=WireTerms(message_bytes_max=1000)) as live:
            live.say(b"n 1", b"x" * 1001)
            await live.until(lambda: live.twin.subscribed == {2})
            live.say(b"n 2")
            await live.until(lambda: 2 in live.numbers)
            assert "max allowed size" in live.session.why[0]

    run(scene)


def test_what_cannot_be_reached_is_lost_with_the_reason_and_tried_again(run):
    async def scene():
        server = TwinServer(ToyTwin(START_NS), clock=lambda: START_NS)
        async with server:
            url = server.url
        session = ToySession(url, retry_ns=0)
        driver = Driver(session)
        await driver.start()
        await until(lambda: len(session.why) >= 3)
        await driver.stop()
        assert set(session.why) == {"Connection refused"}
        assert not list(driver.events(0)), "it never was up"

    run(scene)


@pytest.mark.parametrize("seed", range(4))
def test_in_a_storm_over_sockets_every_request_has_one_outcome_and_the_stream_comes_back(run, seed):
    async def scene():
        faults = TwinFaults(seed, dict.fromkeys(ON_THE_WAY, 0.1), SECOND)
        async with Live(faults, timeout_ns=SECOND // 10) as live:
            for k in range(60):
                live.now_ns += SECOND // 2
                live.server.turn()
                live.driver.turn()
                live.say(b"n %d" % k)
                live.driver.submit([place(k)], live.now_ns)
                await live.until(lambda asked=k: len(live.twin.requests) + faults.injected[Fault.LOST_REQUEST] > asked)
            faults.rates.clear()
            await live.until(lambda: len(live.signals) == 60)
            live.now_ns += 2 * SECOND  # the last outage is over; a stream that is half open is found out
            live.driver.turn()
            live.now_ns += PATIENCE_NS
            live.driver.turn()
            await live.until(lambda: live.session.up and live.twin.subscribed)
            live.say(b"n 99")
            await live.until(lambda: 99 in live.numbers)
            assert sorted(coid for coid, _ in live.signals) == list(range(60))
            lost = {coid for coid, signal in live.signals if signal is OrderSignal.LOST}
            assert set(range(60)) - lost <= set(live.twin.orders)
            assert len(lost) >= faults.injected[Fault.LOST_REQUEST] + faults.injected[Fault.LOST_ANSWER] > 0
            assert live.ups[-1]

    run(scene)
