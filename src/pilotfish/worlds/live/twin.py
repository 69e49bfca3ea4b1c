"""A twin in a process of its own: real sockets between two programs that share nothing.

`python -m pilotfish.worlds.live.twin` reads what is wanted from its standard input, says where it listens, and ends
when its input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec

from pilotfish.domain.errors import PilotfishError, RecordingError, VenueError
from pilotfish.domain.events import LeadFill
from pilotfish.venues.keys.key import keccak
from pilotfish.venues.recordings import Recording, read_recordings
from pilotfish.venues.twins.hyperliquid.settings import Coin, HyperliquidSettings
from pilotfish.venues.twins.hyperliquid.twin import HyperliquidTwin
from pilotfish.venues.twins.server import TwinServer

SECOND = 1_000_000_000
USDC = 10_000_000
LEAD_USDC = 250_000
COINS_MAX = 12  # of a recording: those it trades most often
LEVERAGE = 20
SPEED = 10.0  # a recording is played so many times as fast
STYLES = ("momentum", "reversion", "rebalancer")
LEAD_IN_NS = 8 * SECOND  # so that whoever mirrors is there before the first fill


class TwinWanted(msgspec.Struct, frozen=True):
    """`minutes`: how much is played of recordings, the busiest part of them. Without any, three bots lead."""

    seed: int
    minutes: float
    account: str
    agent: str
    recordings: list[str] = []


class TwinLead(msgspec.Struct, frozen=True):
    address: str
    name: str


class TwinUp(msgspec.Struct, frozen=True):
    """Where it listens, and who can be followed there. Without a `url`: why there is none."""

    url: str
    leads: list[TwinLead]
    notes: list[str] = []


def make_twin(wanted: TwinWanted, now_ns: int) -> tuple[HyperliquidTwin, list[TwinLead], list[str]]:
    """The twin, funded and with somebody who leads."""
    read = read_recordings([Path(path) for path in wanted.recordings])
    for one in read:
        if not one.fills:
            why = "holds no account's trades"
            to_do = "give recordings of lead traders (pilotfish inspect)"
            raise one.issues[0] if one.issues else RecordingError(one.file, 0, "fills", why, to_do)
    recordings = [one for one in read if one.venue == "hyperliquid"]
    coins = _coins(recordings)
    settings = HyperliquidSettings(seed=wanted.seed)
    if coins:
        settings = msgspec.structs.replace(settings, coins=tuple(coins))
    twin = HyperliquidTwin(now_ns, settings)
    twin.open_account(wanted.account, USDC)
    twin.approve_agent(wanted.account, wanted.agent)
    if recordings:
        leads, notes = _play(twin, recordings, wanted, now_ns)
        return twin, leads, notes
    leads = [TwinLead(_address(style), style) for style in STYLES]
    for lead, coin in zip(leads, twin.settings.coins, strict=True):
        twin.open_account(lead.address, LEAD_USDC)
        twin.trade_by_itself(lead.address, coin.name, lead.name)
    return twin, leads, ["No recording was given: three bots lead. --recording FILE plays recorded traders."]


def _play(
    twin: HyperliquidTwin, recordings: Sequence[Recording], wanted: TwinWanted, now_ns: int
) -> tuple[list[TwinLead], list[str]]:
    places = {one.symbol: one.id for one in twin.instruments}
    leads, notes = [], []
    for recording in recordings:
        name = Path(recording.file).name.split(".")[0]
        lead = TwinLead(_address(f"{recording.account} {name}"), name)
        symbols = [one.symbol for one in recording.instruments]
        listed = [fill for fill in recording.fills if symbols[fill.instrument] in places]
        part = _busiest(listed, int(wanted.minutes * 60 * SPEED * SECOND))
        fills = [msgspec.structs.replace(fill, instrument=places[symbols[fill.instrument]]) for fill in part]
        twin.play(lead.address, fills, now_ns + LEAD_IN_NS, SPEED, LEAD_USDC)
        leads.append(lead)
        notes.append(f"{name}: {len(fills):,} of {len(recording.fills):,} recorded fills, {SPEED:g} times as fast")
    return leads, notes


def _coins(recordings: Sequence[Recording]) -> list[Coin]:
    """What the recordings trade most often, in the recording's own units, from its first price on."""
    count: dict[str, int] = {}
    first: dict[str, tuple[Recording, LeadFill]] = {}
    for recording in recordings:
        for fill in recording.fills:
            symbol = recording.instruments[fill.instrument].symbol
            count[symbol] = count.get(symbol, 0) + 1
            first.setdefault(symbol, (recording, fill))
    coins = []
    for symbol in sorted(count, key=lambda one: -count[one])[:COINS_MAX]:
        recording, fill = first[symbol]
        instrument = recording.instruments[fill.instrument]
        coins.append(Coin(symbol, instrument.lot_decimals, LEVERAGE, f"{instrument.show_price(fill.price):f}"))
    return coins


def _busiest(fills: Sequence[LeadFill], span_ns: int) -> list[LeadFill]:
    """The part of so long in which most happens."""
    best, last = (0, 0), 0
    for first in range(len(fills)):
        while last < len(fills) and fills[last].venue_ns - fills[first].venue_ns < span_ns:
            last += 1
        if last - first > best[1] - best[0]:
            best = (first, last)
    return list(fills[best[0] : best[1]])


def _address(name: str) -> str:
    return "0x" + keccak(name.encode())[12:].hex()


@contextlib.asynccontextmanager
async def twin_process(wanted: TwinWanted) -> AsyncIterator[TwinUp]:
    """A running twin, for as long as it is needed. Raises VenueError when it does not come up."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pilotfish.worlds.live.twin", stdin=pipe, stdout=pipe
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(msgspec.json.encode(wanted) + b"\n")
        await process.stdin.drain()
        line = await process.stdout.readline()
        if not line:
            raise VenueError("the twin", "did not start", "see its message above")
        up = msgspec.json.decode(line, type=TwinUp)
        if not up.url:
            raise VenueError("the twin", *up.notes)
        yield up
    finally:
        process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            try:
                await asyncio.wait_for(process.wait(), 5.0)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _serve() -> None:
    wanted = msgspec.json.decode(sys.stdin.buffer.readline(), type=TwinWanted)
    try:
        twin, leads, notes = await asyncio.to_thread(make_twin, wanted, time.time_ns())
    except PilotfishError as bad:
        print(msgspec.json.encode(TwinUp("", [], [str(bad)])).decode(), flush=True)
        return
    async with TwinServer(twin) as server:
        print(msgspec.json.encode(TwinUp(server.url, leads, notes)).decode(), flush=True)
        await asyncio.to_thread(sys.stdin.buffer.read)  # until whoever started it is gone


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve())
