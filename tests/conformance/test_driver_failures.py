"""What goes wrong in the driver itself: sessions that raise, signers that fail, venues that are none, and the end."""

import asyncio
import contextlib
import ssl

import pytest
from aiohttp import web
from picows import WSListener, WSMsgType, ws_create_server

from pilotfish.domain.errors import JournalError, VenueError
from pilotfish.domain.events import Timer
from pilotfish.domain.orders import OrderSignal
from pilotfish.venues.net.driver import Driver, new_loop
from pilotfish.venues.net.terms import WireTerms
from pilotfish.venues.session import SECOND, Ask, Close, Open
from tests.conformance.live_driver import LOOPS, START_NS, Live, certificate, play, until
from tests.unit.toy_protocol import ToySession, place


@pytest.fixture(params=LOOPS)
def run(request):
    return lambda scene: play(scene, request.param)


def test_a_session_that_raises_ends_its_streams_and_is_told_as_a_lost_connection(run):
    async def scene():
        async with Live() as live:

            def fail(*_: object) -> None:
                raise KeyError("a secret that was in the frame")

            live.session.frame = fail
            live.say(b"n 1")
            await live.until(lambda: live.ups == [True, False])
            await live.until(lambda: live.twin.ended == [1])
            with pytest.raises(
                VenueError, match=r"the session of toy: KeyError in test_driver_failures\.py:\d+"
            ) as bad:
                await live.driver.join()
            assert "secret" not in str(bad.value)
            live.driver.submit([place(1)], live.now_ns)
            assert live.driver.counters()["submitted_while_down"] == 1
            assert live.twin.requests == []

    run(scene)


def test_a_shard_that_halts_is_not_called_again_and_its_last_orders_still_leave(run):
    async def scene():
        def halt(live: Live) -> None:
            for event in live.driver.events(live.now_ns):
                live.got.append(event)
                if isinstance(event, Timer):
                    live.driver.submit([place(9)], live.now_ns)
                    raise JournalError("the disk is full")

        async with Live(on_ready=halt) as live:
            live.say(b"n 1", b"n 2")
            await live.until(lambda: live.twin.orders == [9])
            with pytest.raises(JournalError, match="disk is full"):
                await live.driver.join()
            assert live.numbers == [1]
            await live.driver.stop()
            assert live.session.stopped

    run(scene)


def test_what_submit_itself_tells_comes_after_it_returned(run):
    async def scene():
        async with Live() as live:
            live.session.submit = lambda commands, now_ns: live.session.told.append(Timer(77, now_ns))
            live.driver.submit([place(1)], live.now_ns)
            assert live.numbers == []
            assert live.driver.next_ns() == live.now_ns
            await live.until(lambda: live.numbers == [77])
            assert live.driver.next_ns() is None

    run(scene)


def test_a_clock_that_steps_back_is_never_seen(run):
    async def scene():
        async with Live() as live:
            live.now_ns -= 3600 * SECOND
            live.say(b"n 1")
            await live.until(lambda: live.numbers)
            assert live.got[-1].ours_ns == START_NS

    run(scene)


def test_batches_are_signed_here_in_parts_or_by_a_pool(run):
    async def scene():
        async with Live(sign_here=lambda request: request.hash + bytes(33)) as live:
            live.session.sign(40)
            live.driver.turn()
            await live.until(lambda: len(live.session.signatures) == 40)
            assert live.session.parts == 3
            assert [sig[0] for _, sig in sorted(live.session.signatures.items())] == list(range(40))

        async def pool(requests) -> list[bytes]:
            sizes.append(len(requests))
            await asyncio.sleep(0)
            return [request.hash + bytes(33) for request in requests]

        sizes: list[int] = []
        async with Live(signer=pool) as live:
            live.session.sign(600)
            live.driver.turn()
            await live.until(lambda: len(live.session.signatures) == 600)
            assert sizes == [256, 256, 88]
            assert all(sig[0] == k % 256 for k, sig in live.session.signatures.items())

    run(scene)


@pytest.mark.parametrize("kind", ["none", "short", "raises"])
def test_a_signer_that_fails_ends_the_driver_and_says_so(run, kind):
    async def short(requests) -> list[bytes]:
        return [bytes(65)]

    async def raises(requests) -> list[bytes]:
        raise VenueError("the signer", "is gone", "restart it")

    async def scene():
        signer = {"none": None, "short": short, "raises": raises}[kind]
        async with Live(signer=signer) as live:
            live.session.sign(2)
            live.driver.turn()
            with pytest.raises(VenueError, match="the signer"):
                await live.driver.join()
            await live.until(lambda: live.ups == [True, False])
            assert live.session.signatures == {}

    run(scene)


def test_stopping_waits_for_the_session_and_says_goodbye(run):
    async def scene():
        async with Live() as live:
            live.driver.submit([place(3)], live.now_ns)
            shut, waiting = live.session.stop, {3, 99}  # two requests at once: nobody says which is served first

            def stop(now_ns: int) -> None:
                live.session.out.append(Ask(99, "POST", f"{live.server.url}/order?coid=99"))

            def answered(ask: int, *rest: object) -> None:
                waiting.discard(ask)
                if not waiting:
                    shut(live.now_ns)

            live.session.stop, live.session.answered = stop, answered
            await live.driver.stop()
            assert live.session.stopped
            assert sorted(live.twin.orders) == [3, 99]
            await live.until(lambda: live.twin.ended == [1])
            live.driver.submit([place(4)], live.now_ns)
            assert sorted(live.twin.orders) == [3, 99]
            await live.driver.join()
            with pytest.raises(VenueError, match="was started before"):
                await live.driver.start()

    run(scene)


def test_stopping_does_not_wait_for_ever_for_a_session_that_will_not(run):
    async def scene():
        async with Live() as live:
            live.session.stop = lambda now_ns: None
            await live.driver.stop(timeout_s=0.01)
            assert not live.session.stopped
            await live.until(lambda: live.twin.ended == [1])

    run(scene)


class Fragments(WSListener):
    """A venue that sends one message in parts with a ping between, then what the protocol forbids."""

    last = WSMsgType.CONTINUATION

    def on_ws_frame(self, transport, frame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            return
        transport.send(WSMsgType.TEXT, b"n ", fin=False)
        transport.send_ping(b"there?")
        transport.send(WSMsgType.CONTINUATION, b"4", fin=False)
        transport.send(WSMsgType.CONTINUATION, b"2", fin=True)
        transport.send(WSMsgType.TEXT, b"n 43")
        transport.send(self.last, b"n 44", rsv1=self.last == WSMsgType.TEXT)


@pytest.mark.parametrize("last", [WSMsgType.CONTINUATION, WSMsgType.TEXT], ids=["orphan", "compressed"])
def test_a_message_in_parts_is_put_together_and_a_frame_out_of_order_ends_the_stream(run, last):
    async def scene():
        listener = type("Last", (Fragments,), {"last": last})
        server = await ws_create_server(lambda _: listener(), "127.0.0.1", 0)
        session = ToySession(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        driver = Driver(session)
        await driver.start()
        await until(lambda: session.why)
        await driver.stop()
        server.close()
        await server.wait_closed()
        assert [event.venue_ns for event in driver.events(0) if isinstance(event, Timer)] == [42, 43]
        assert session.why == ["a frame out of order, or compressed"]

    run(scene)


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (b"", "no connection in time"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "the venue refused the stream (200)"),
        (b"not HTTP at all\r\n\r\n", "the venue refused the stream (no HTTP)"),
    ],
)
def test_whoever_does_not_speak_websocket_is_no_venue(run, says, why):
    async def scene():
        async def talk(reader, writer) -> None:
            writer.write(says)
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        session = ToySession(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        driver = Driver(session, wire=WireTerms(connect_s=5.0 if says else 0.05))
        await driver.start()
        await until(lambda: session.why)
        await driver.stop()
        server.close()
        await server.wait_closed()
        assert session.why == [why]

    run(scene)


@pytest.mark.parametrize("trusted", [False, True])
def test_a_venue_whose_certificate_is_not_trusted_is_told_nothing(run, tmp_path, trusted):
    async def scene():
        file, seen = certificate(tmp_path), []

        async def handle(request: web.Request) -> web.StreamResponse:
            seen.append(request.path)
            if request.path == "/order":
                return web.json_response({"status": "ok"})
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.receive()
            await socket.send_str("n 5")
            await socket.close()
            return socket

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        session = ToySession(f"https://127.0.0.1:{runner.addresses[0][1]}")
        driver = Driver(session, wire=WireTerms(ssl.create_default_context(cafile=file) if trusted else None))
        await driver.start()
        driver.submit([place(1)], 0)
        await until(lambda: session.why and (session.answers or session.counts["failed"]))
        await driver.stop()
        await runner.cleanup()
        told = list(driver.events(0))
        assert [event.venue_ns for event in told if isinstance(event, Timer)] == [5] * trusted
        signals = [event.signal for event in told if hasattr(event, "signal")]
        assert signals == [OrderSignal.FILLED if trusted else OrderSignal.LOST]
        assert sorted(seen) == (["/order", "/ws"] if trusted else [])
        if not trusted:
            assert session.why[0].startswith("TLS: CERTIFICATE_VERIFY_FAILED")

    run(scene)


def test_the_fast_loop_is_the_one_that_is_used():
    loop = new_loop()
    assert type(loop).__module__ == "uvloop"
    loop.close()


def test_a_stream_closed_while_it_is_being_opened_or_waited_for_is_never_heard_of(run):
    async def scene():
        async with Live() as live:
            url = "ws" + live.server.url.removeprefix("http")
            live.session.out += [Open("other", f"{url}/a"), Open("late", f"{url}/b", 3600 * SECOND)]
            live.driver.turn()
            live.session.out += [Close("other"), Close("late"), Open("feed", f"{url}/c"), Open("feed", f"{url}/d")]
            live.driver.turn()
            await live.until(lambda: "/d" in live.twin.paths and live.twin.open == live.twin.subscribed)
            live.say(b"n 1")
            await live.until(lambda: live.numbers)
            assert live.numbers == [1]
            assert len(live.twin.open) == 1
            assert "/b" not in live.twin.paths
            assert live.session.why == []
            assert live.ups == [True, True]

    run(scene)
