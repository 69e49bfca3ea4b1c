"""Twins as a demonstration needs them: funded, and with somebody who leads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec

from pilotfish.domain.errors import ConfigError, RecordingError
from pilotfish.domain.events import LeadFill
from pilotfish.venues.keys.key import keccak
from pilotfish.venues.recordings import Recording, read_recordings
from pilotfish.venues.twins.exchanges.binance import BinanceTwin
from pilotfish.venues.twins.exchanges.bybit import BybitTwin
from pilotfish.venues.twins.exchanges.okx import OkxTwin
from pilotfish.venues.twins.faults import TwinSettings
from pilotfish.venues.twins.hyperliquid.settings import Coin, HyperliquidSettings
from pilotfish.venues.twins.hyperliquid.twin import HyperliquidTwin
from pilotfish.venues.twins.polymarket.markets import listing
from pilotfish.venues.twins.polymarket.twin import PolymarketTwin, flow
from pilotfish.venues.twins.port import Twin

SECOND = 1_000_000_000
USDC = 10_000_000
LEAD_USDC = 250_000
COINS_MAX = 12  # of a recording: those it trades most often
LEVERAGE = 20
SPEED = 10.0  # a recording is played so many times as fast
STYLES = ("momentum", "reversion", "rebalancer")
LEAD_IN_NS = 8 * SECOND  # so that whoever mirrors is there before the first fill
MARKETS = (("Will it rain tomorrow?", 100, 5_000), ("Will the bill pass?", 10, 3_000), ("Will they win?", 100, 6_500))
BOTS = ["No recording was given: three bots lead. --recording FILE plays recorded traders."]


class TwinWanted(msgspec.Struct, frozen=True):
    """`minutes`: how much is played of recordings, the busiest part of them. `key`: address of the key that trades.

    `secret`: of an API key called `key`, on exchanges; their passphrase too.
    """

    venue: str
    seed: int
    minutes: float
    key: str
    recordings: list[str] = []
    secret: str = ""


class TwinLead(msgspec.Struct, frozen=True):
    address: str
    name: str
    equity_usdc: int = 0  # 0: what the venue says


class Made(msgspec.Struct):
    """`account`: whose money the key trades."""

    twin: Twin
    account: str
    leads: list[TwinLead]
    notes: list[str]


def make_twin(wanted: TwinWanted, now_ns: int) -> Made:
    """Raises ConfigError, RecordingError."""
    return _MAKERS[wanted.venue](wanted, now_ns)


def _polymarket(wanted: TwinWanted, now_ns: int) -> Made:
    if wanted.recordings:
        raise ConfigError("--recording", "is not played on polymarket-twin", "leave it out: bots lead there")
    listed = [listing(question, tick=tick) for question, tick, _ in MARKETS]
    sources = {k: flow(k, one, wanted.seed, MARKETS[k][2], now_ns) for k, one in enumerate(listed)}
    twin = PolymarketTwin(listed, now_ns, sources, settings=TwinSettings(seed=wanted.seed))
    account = twin.open_account(wanted.key, 3, USDC * 10**6)
    leads = [TwinLead(_address(f"lead {k}"), f"lead {k + 1}", LEAD_USDC) for k in range(len(listed))]
    for k, lead in enumerate(leads):
        twin.trade_by_itself(lead.address, k)
    return Made(twin, account.wallet.lower(), leads, ["Three bots lead, each in a market of its own."])


def _hyperliquid(wanted: TwinWanted, now_ns: int) -> Made:
    account = _address(f"account of {wanted.key}")
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
    twin.open_account(account, USDC)
    twin.approve_agent(account, wanted.key)
    if recordings:
        leads, notes = _play(twin, recordings, wanted, now_ns)
        return Made(twin, account, leads, notes)
    leads = [TwinLead(_address(style), style) for style in STYLES]
    for lead, coin in zip(leads, twin.settings.coins, strict=True):
        twin.open_account(lead.address, LEAD_USDC)
        twin.trade_by_itself(lead.address, coin.name, lead.name)
    return Made(twin, account, leads, BOTS)


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


def _exchange(kind: type[BinanceTwin | BybitTwin | OkxTwin], wanted: TwinWanted, now_ns: int) -> Made:
    if wanted.recordings:
        raise ConfigError("--recording", f"is not played on {wanted.venue}", "leave it out: nobody leads there")
    twin = kind(settings=TwinSettings(seed=wanted.seed), start_ns=now_ns, walks=True)
    twin.open_account(wanted.key, wanted.secret, wanted.secret, USDC * 10**6)
    return Made(twin, wanted.key, [], ["Nobody leads on an exchange: its prices walk by themselves."])


_MAKERS: dict[str, Callable[[TwinWanted, int], Made]] = {
    "hyperliquid-twin": _hyperliquid,
    "polymarket-twin": _polymarket,
    "binance-twin": partial(_exchange, BinanceTwin),
    "bybit-twin": partial(_exchange, BybitTwin),
    "okx-twin": partial(_exchange, OkxTwin),
}
