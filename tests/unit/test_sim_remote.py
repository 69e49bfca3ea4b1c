"""A venue behind a socket: what does not belong on it is refused in words, and nothing said on it stops the venue."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pilotfish.domain.arith import ints
from pilotfish.domain.codec import encode_commands
from pilotfish.domain.errors import ConfigError, VenueError
from pilotfish.domain.events import BookTop, Connection, Fill, Reconciled
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import PlaceBatch, Query
from pilotfish.gate.approved import _KEY, Approved
from pilotfish.venues.sim.frames import PROTOCOL, Advance, Answer, Deliver, Hello, Refused, Told, Welcome
from pilotfish.venues.sim.latency import Delay, Latency
from pilotfish.venues.sim.remote import RemoteVenue
from pilotfish.venues.sim.server import DAY_NS, VenueServer
from tests.unit.sim_world import MS, Ladder, of, order, send, venue

pack = struct.Struct(">I").pack
encode = msgspec.msgpack.encode
TOPS = 100


class Served:
    """A venue that serves from a thread; tops of one instrument are due every millisecond, `TOPS` of them."""

    def __init__(self, address, **more: int) -> None:
        late = Latency(1, Delay(MS, MS), order=Delay(10 * MS, 10 * MS), answer=Delay(10 * MS, 10 * MS))
        self.books = venue(Ladder(1000), latency=late)
        for k in range(TOPS):
            self.books.publish_top(0, k * MS)
        self.server = VenueServer(self.books, address, **more)
        self.address = self.server.address
        self._thread = threading.Thread(target=self.server.serve)
        self._thread.start()

    def down(self) -> None:
        self.server.close()
        self._thread.join()

    def raw(self, *payloads: bytes) -> list:
        """Say these frames on a connection of one's own; every answer until the server hangs up or has answered all."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(self.address))
            sock.sendall(b"".join(payloads))
            sock.shutdown(socket.SHUT_WR)
            said = bytearray()
            with contextlib.suppress(ConnectionResetError):  # a server that hangs up over what it did not read
                while part := sock.recv(65536):
                    said += part
        answers = []
        while said:
            (size,) = struct.unpack(">I", said[:4])
            answers.append(msgspec.msgpack.decode(said[4 : 4 + size], type=Answer))
            said = said[4 + size :]
        return answers


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path / "venue.sock")
    yield made
    made.down()


def frame(request: object) -> bytes:
    payload = encode(request)
    return pack(len(payload)) + payload


def query(port: RemoteVenue, now: int, until: int) -> list:
    port.submit([Approved(Query(0, ()), _KEY)], now)
    return list(port.events(until))


def lives_on(served: Served) -> bool:
    """Whether somebody else can still trade there."""
    with RemoteVenue(served.address) as port:
        now = port.now_ns
        return len(of(Fill, send(port, order(900, 1, 1, 1001), now=now, until=now + 50 * MS))) == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "2001:db8::1", "localhost", "venue.example", ""])
@pytest.mark.parametrize("what", [lambda at: VenueServer(venue(Ladder(1000)), at), RemoteVenue], ids=["bind", "dial"])
def test_only_this_machine_is_listened_to_or_called(host, what):
    with pytest.raises(ConfigError, match=r"use 127\.0\.0\.1 or ::1"):
        what((host, 0))


def test_a_port_that_is_none_is_refused():
    with pytest.raises(ConfigError, match=r"not in 0\.\.65535"):
        RemoteVenue(("127.0.0.1", 65536))


def test_it_is_reached_over_tcp_on_loopback_too():
    served = Served(("127.0.0.1", 0))
    assert served.address[1] > 0
    assert lives_on(served)
    served.down()
    with pytest.raises(VenueError, match="start its server"):
        RemoteVenue(served.address)


def test_an_address_in_use_and_a_server_that_is_not_there_are_said_so(served, tmp_path):
    with pytest.raises(VenueError, match="choose another one"):
        VenueServer(served.books, served.address)
    with pytest.raises(VenueError, match="start its server"):
        RemoteVenue(tmp_path / "nobody.sock")


def test_a_new_client_continues_where_the_venue_is_and_only_a_query_brings_back_what_the_old_one_lost(served):
    port = RemoteVenue(served.address)
    port.submit([Approved(order(1, 1, 5, 1001), _KEY)], 0)
    assert of(Fill, port.events(15 * MS)) == [], "it is under way"
    port.close()
    with RemoteVenue(served.address) as again:
        assert again.now_ns == 15 * MS
        told = list(again.events(40 * MS))
        assert of(Fill, told) == [], "what was under way to a dead client is gone"
        assert of(BookTop, told)
        answer = query(again, 40 * MS, 80 * MS)
        assert [fill.coid for fill in of(Fill, answer)] == [1]
        assert len(of(Reconciled, answer)) == 1
    assert served.books.position(OMNIBUS, 0) == 5


def test_a_client_that_comes_during_an_outage_is_told_of_it(served):
    served.books.disconnect(5 * MS, 20 * MS)
    with RemoteVenue(served.address) as port:
        assert [e.up for e in of(Connection, port.events(10 * MS))] == [False]
    with RemoteVenue(served.address) as port:
        assert [e.up for e in of(Connection, port.events(20 * MS))] == [False]
        assert [e.up for e in of(Connection, port.events(30 * MS))] == [True]


def test_many_events_come_in_several_frames_and_none_is_missing(tmp_path):
    served = Served(tmp_path / "small.sock", frame_bytes_max=512)
    said = served.raw(frame(Hello(PROTOCOL)), frame(Advance(10**9)))
    told = [answer for answer in said if isinstance(answer, Told)]
    assert [answer.more for answer in told] == [True] * (len(told) - 1) + [False]
    assert max(len(encode(answer)) for answer in told) <= 512
    assert sum(len(answer.events) for answer in told) >= TOPS
    with RemoteVenue(served.address, frame_bytes_max=512) as port:
        assert query(port, port.now_ns, port.now_ns + 10**9)
    served.down()


@pytest.mark.parametrize(
    "noise",
    [
        b"", b"\x00", pack(10) + b"half", pack(2**32 - 1), pack(0), pack(3) + b"abc", b"GET / HTTP/1.1\r\n\r\n",
        frame(["hello", "one"]), frame(["submit", 1, 2]), frame(Told([], False, None)),
    ],
)  # fmt: skip
def test_noise_ends_the_connection_and_the_venue_lives_on(served, noise):
    assert all(isinstance(answer, Refused) for answer in served.raw(noise))
    assert lives_on(served)


def batch(**columns: list[int]) -> PlaceBatch:
    rows = {"accounts": [0], "lots": [1], "prices": [1001]} | columns
    return PlaceBatch(1, 0, 1, *(ints(column) for column in rows.values()))


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (Hello(PROTOCOL + 1), "this venue speaks"),
        (Advance(10 * DAY_NS), "more than a day"),
        (Advance(2**64 - 1), "more than a day"),
        (Deliver(0, b"\xff\x00 no commands"), ""),
        (Deliver(2**63, encode_commands([])), "leaves int64"),
        (Deliver(0, encode_commands([order(2**63, 1, 1, 1001)])), "leaves int64"),
        (Deliver(0, encode_commands([order(1, 1, 1, 1001, account=-(2**63))])), "leaves int64"),
        (Deliver(0, encode_commands([Query(0, (1, 2**63))])), "leaves int64"),
        (Deliver(0, encode_commands([batch(lots=[1, 2])])), "differ in length"),
        (Deliver(0, encode_commands([batch(accounts=[])])), "differ in length"),
    ],
)
def test_a_request_that_cannot_be_served_is_refused_in_words_and_nothing_of_it_happens(served, request_, why):
    (refused,) = served.raw(frame(request_))
    assert isinstance(refused, Refused)
    assert why in refused.why
    assert refused.what
    assert refused.to_do
    assert (served.books.orders_executed, served.books.now_ns) == ({}, 0)
    assert lives_on(served)


def test_a_command_too_large_for_a_frame_is_refused_before_it_leaves(tmp_path, served):
    port = RemoteVenue(served.address, frame_bytes_max=256)
    with pytest.raises(VenueError, match="at most 256"):
        port.submit([Approved(order(k, 1, 1, 1001), _KEY) for k in range(100)], 0)
    assert served.books.orders_executed == {}


class Impostor:
    """Listens where a venue should, answers each frame with the next of `answers`, and then says nothing more."""

    def __init__(self, path: Path, *answers: bytes) -> None:
        self.path, self._answers, self._done = path, answers, threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        with client:
            for answer in self._answers:
                client.recv(65536)
                if not answer:
                    return
                client.sendall(answer)
            self._done.wait()

    def down(self) -> None:
        self._done.set()
        self._thread.join()
        self._listener.close()


WELCOME = frame(Welcome(True, 0, None))


@pytest.mark.parametrize(
    ("answers", "what"),
    [
        ((WELCOME,), "no answer within"),
        ((WELCOME, b""), "hung up"),
        ((WELCOME, frame(Told([], False, None))[:3], b""), "no answer|middle of a frame"),
        ((WELCOME, pack(2**31)), "at most"),
        ((WELCOME, pack(3) + b"abc"), "no answer"),
        ((WELCOME, WELCOME), "Welcome where Told was due"),
        ((WELCOME, frame(Told([b"nonsense"], False, None))), "no event"),
        ((WELCOME, frame(Refused("it", "is ill", "call a doctor"))), "it: is ill. call a doctor"),
    ],
)
def test_an_answer_that_may_not_be_is_a_venue_error_and_ends_the_connection(tmp_path, answers, what):
    impostor = Impostor(tmp_path / "impostor.sock", *answers)
    port = RemoteVenue(impostor.path, timeout_s=0.05)
    with pytest.raises(VenueError, match=what):
        port.events(5)
    for use in (lambda: port.events(5), port.next_ns, lambda: port.submit([Approved(order(1, 1, 1, 1), _KEY)], 0)):
        with pytest.raises(VenueError, match="not connected any more"):
            use()
    impostor.down()
