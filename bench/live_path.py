"""From the lead's trade on the wire to our order on the wire, over loopback sockets, with everything a live run does.

The span is taken at the venue's socket, in the venue's process: from the write of the `trades` frame in which the lead
trades to the read of the order frame (of the last one). It includes both ways through the kernel, waking up, reading
the WebSocket, decoding, the step for all followers, the gate, the journal's commit to the file, signing, and writing.
No matching is in it. Beside it, in the same run: a bare echo on the same sockets, and the same mirror on ccxt.pro.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter_ns
from typing import Any, NamedTuple
from unittest import mock

from bench.live_peer import mirroring
from bench.live_server import Series
from bench.live_stage import Bench, platform, venue, whole
from bench.measure import Row, row
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.net.driver import Driver, new_loop
from pilotfish.venues.net.sockets import Socket
from pilotfish.venues.net.terms import WireTerms
from pilotfish.venues.reading import Reading
from pilotfish.worlds import shard

ROUNDS = 400
PEER_ROUNDS = 100
MANY_ROUNDS = 60
WARM = 40
FOLLOWERS, MANY = 100, 32_000
GAP_S, MANY_GAP_S = 0.01, 0.1
ORDER = b'{"method":"post","id":1,"request":{"type":"action","payload":{' + b" " * 430 + b"}}}"
SPAN = "from the venue's write of the lead's trade to its read of the order, loopback, journal committed in between"


class Sizes(NamedTuple):
    """How much is measured: a test measures little."""

    rounds: int = ROUNDS
    peer_rounds: int = PEER_ROUNDS
    many_rounds: int = MANY_ROUNDS
    warm: int = WARM
    many: int = MANY


def run() -> list[Row]:
    """One omnibus account: the median and the 99th percentile, where the time goes, and 32,000 followers."""
    return measured(Sizes())


def measured(sizes: Sizes) -> list[Row]:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(_measured(sizes))


async def _measured(sizes: Sizes) -> list[Row]:
    async with venue() as bench:
        echo = await _echo(bench, sizes)
        ours = await _ours(bench, FOLLOWERS, sizes, sizes.rounds, GAP_S)
        with dissected() as parts:
            await _ours(bench, FOLLOWERS, sizes, sizes.rounds, GAP_S)
        many = await _ours(bench, sizes.many, sizes, sizes.many_rounds, MANY_GAP_S)
        theirs = await _theirs(bench, sizes)
    peer = {"against": "the same mirror on ccxt.pro: watch_trades and create_order, no journal, no limits"}
    split = parts.medians_us()
    points = {
        "echo p50 µs": _us(echo, 50), "echo p99 µs": _us(echo, 99), "p50 µs": _us(ours, 50), "p90 µs": _us(ours, 90),
        "p99 µs": _us(ours, 99), "worst µs": _us(ours, 100), "ccxt p50 µs": _us(theirs, 50),
        "ccxt p99 µs": _us(theirs, 99),
    } | {f"{name} µs": value for name, value in split.items()}  # fmt: skip
    within = ", ".join(f"{name} {value:g}" for name, value in split.items())
    note = f"{SPAN}; echo of the bare sockets {_us(echo, 50):g} µs; {FOLLOWERS} followers; µs inside: {within}"
    name = "live: lead's trade in, order out"
    return [
        row(f"{name}, p50", _us(ours, 50) / 1e3, "ms", _us(theirs, 50) / 1e3, target="≤ 1 ms", note=note, **peer)
        | {"points": points},
        row(f"{name}, p99", _us(ours, 99) / 1e3, "ms", _us(theirs, 99) / 1e3, target="≤ 5 ms", note=SPAN, **peer),
        row(
            f"{name}, {sizes.many:,} followers", _us(many, 50) / 1e3, "ms", _us(theirs, 50) / 1e3, target="≤ 25 ms",
            against="ccxt.pro for one follower", note=f"{SPAN}; p99 {_us(many, 99) / 1e3:g} ms",
        ),
    ]  # fmt: skip


async def _ours(bench: Bench, count: int, sizes: Sizes, rounds: int, gap_s: float) -> list[int]:
    async with platform(bench, count) as one:
        await one.play(bench, sizes.warm, 1, gap_s)
        return await one.play(bench, rounds, 1, gap_s)


async def _theirs(bench: Bench, sizes: Sizes) -> list[int]:
    async with mirroring(bench.ws, bench.http):
        await bench.play(Series(sizes.warm // 4 + 1, gap_s=GAP_S))
        return whole(await bench.play(Series(sizes.peer_rounds, gap_s=GAP_S)))


async def _echo(bench: Bench, sizes: Sizes) -> list[int]:
    """What the sockets alone take: the frame in, an order's length of bytes out."""
    opened = asyncio.Event()

    def answer(socket: Socket, _: bytes) -> None:
        socket.send(ORDER)

    socket = Socket("echo", lambda _: opened.set(), answer, WireTerms())
    task = asyncio.ensure_future(socket.live(f"{bench.ws}/echo"))
    await opened.wait()
    await bench.play(Series(sizes.warm, gap_s=GAP_S, echo=True))
    times = await bench.play(Series(sizes.rounds, gap_s=GAP_S, echo=True))
    socket.close()
    await task
    return whole(times)


def _us(ns: list[int], percentile: int) -> float:
    ordered = sorted(ns)
    return round(ordered[min(len(ordered) - 1, len(ordered) * percentile // 100)] / 1e3, 1)


# -- where the time goes -----------------------------------------------------------------------------------------------

PARTS = ("decode", "step", "journal", "sign", "write")


class Parts:
    """From a `trades` frame to the first order after it, in our own process: ns by part, a row a round."""

    def __init__(self) -> None:
        self.rounds: list[dict[str, int]] = []
        self._now: dict[str, int] | None = None
        self._began = 0

    def medians_us(self) -> dict[str, float]:
        """Raises RuntimeError when nothing was seen."""
        if not self.rounds:
            raise RuntimeError("no order was seen to leave")
        names = (*PARTS, "rest")
        return {name: round(median(one[name] for one in self.rounds) / 1e3, 1) for name in names}

    def timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*given: Any) -> Any:
            if self._now is None:
                return work(*given)
            began = perf_counter_ns()
            done = work(*given)
            if self._now is not None:
                self._now[name] += perf_counter_ns() - began
            return done

        return wrapped

    def begins(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(driver: Driver, socket: Socket, raw: bytes) -> None:
            if raw.startswith(b'{"channel":"trades"'):
                self._began, self._now = perf_counter_ns(), dict.fromkeys(PARTS, 0)
            work(driver, socket, raw)
            self._now = None

        return wrapped

    def ends(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(socket: Socket, data: bytes) -> bool:
            began = perf_counter_ns()
            done: bool = work(socket, data)
            if self._now is not None:
                ended = perf_counter_ns()
                self._now["write"] = ended - began
                self._now["rest"] = ended - self._began - sum(self._now.values())
                self.rounds.append(self._now)
                self._now = None
            return done

        return wrapped


@contextlib.contextmanager
def dissected() -> Iterator[Parts]:
    """Everything that is built within is timed by part. The timing itself costs a little: it is no headline."""
    parts = Parts()
    with contextlib.ExitStack() as stack:
        for owner, name, part in (
            (Reading, "decode", "decode"), (shard, "step", "step"), (SqliteJournal, "commit", "journal"),
            (SqliteJournal, "append", "journal"), (Keyring, "sign", "sign"),
        ):  # fmt: skip
            stack.enter_context(mock.patch.object(owner, name, parts.timed(part, getattr(owner, name))))
        stack.enter_context(mock.patch.object(Driver, "_message", parts.begins(Driver._message)))
        stack.enter_context(mock.patch.object(Socket, "send", parts.ends(Socket.send)))
        yield parts
