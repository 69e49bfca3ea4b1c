"""A driver on a served toy venue, over loopback sockets, for its tests."""

import asyncio
import datetime
import ipaddress
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pilotfish.domain.events import Connection, Event, OrderUpdate, Timer
from pilotfish.domain.orders import OrderSignal
from pilotfish.venues.net.driver import Driver, new_loop
from pilotfish.venues.session import SECOND
from pilotfish.venues.twins.faults import TwinFaults
from pilotfish.venues.twins.server import TwinServer
from tests.unit.toy_protocol import ToySession, ToyTwin

START_NS = 1_800_000_000 * SECOND
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": new_loop}


def play(scene: Callable, loop: str) -> None:
    """Run a scene to its end on one kind of loop, and hold that it left nothing behind."""

    async def whole() -> None:
        await scene()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(whole())


async def until(true: Callable[[], object]) -> None:
    """Let the sockets work until it is true."""
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0)


class Live:
    """A toy venue, served, with a driver connected to it, on a clock that only the test moves."""

    def __init__(
        self, faults: TwinFaults | None = None, on_ready: Callable[["Live"], None] | None = None, **more
    ) -> None:
        self.now_ns = START_NS
        self.faults = faults or TwinFaults()
        self.twin = ToyTwin(START_NS + 3600 * SECOND)  # counts nothing by itself
        self.server = TwinServer(self.twin, self.faults, lambda: self.now_ns)
        self.got: list[Event] = []
        self._session = {name: more.pop(name) for name in ("by_stream", "timeout_ns") if name in more}
        self._driver, self._on_ready = more, on_ready

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        self.session = ToySession(self.server.url, retry_ns=0, **self._session)
        ready = self.take if self._on_ready is None else partial(self._on_ready, self)
        self.driver = Driver(self.session, lambda: self.now_ns, on_ready=ready, **self._driver)
        await self.driver.start()
        await self.until(lambda: self.twin.subscribed)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.driver.stop()
        await self.server.__aexit__()

    def take(self) -> None:
        self.got += self.driver.events(self.now_ns)

    async def until(self, true: Callable[[], object]) -> None:
        await until(true)

    def say(self, *frames: bytes) -> None:
        self.server.call(lambda: [self.twin.say(frame) for frame in frames])

    def of(self, kind: type) -> list:
        return [event for event in self.got if isinstance(event, kind)]

    @property
    def numbers(self) -> list[int]:
        return [event.venue_ns for event in self.of(Timer)]

    @property
    def signals(self) -> list[tuple[int, OrderSignal]]:
        return [(event.coid, event.signal) for event in self.of(OrderUpdate)]

    @property
    def ups(self) -> list[bool]:
        return [event.up for event in self.of(Connection)]


def certificate(folder: Path) -> str:
    """A file with a certificate of 127.0.0.1 that signed itself, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    day = datetime.datetime(2020, 1, 1), datetime.datetime(2120, 1, 1)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, *day).add_extension(address, critical=True)
    made = builder.sign(key, hashes.SHA256())
    file = folder / "venue.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(private + made.public_bytes(pem))
    return str(file)
