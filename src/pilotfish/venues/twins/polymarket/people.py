"""What the data API knows of wallets: what they did, once it is on chain and indexed; and leads that are played."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.recordings.types import Recording
from pilotfish.venues.twins.polymarket.markets import ONE, SHARE, TwinMarket
from pilotfish.venues.twins.polymarket.records import Trade
from pilotfish.venues.twins.polymarket.wallets import keccak


class LeadTrade(msgspec.Struct, frozen=True):
    """A trade of a lead. `lots`, `price`: 10^-6 (recorded prices may be averages); `ns` by the recording's clock."""

    ns: int
    token: str
    side: int
    lots: int
    price: int


class What(NamedTuple):
    """Of a deed: amounts in 10^-6; `outcome` −1 where it concerns both tokens."""

    kind: str  # TRADE, REDEEM, SPLIT, MERGE
    market: TwinMarket
    outcome: int
    side: int
    lots: int
    price: int
    taker: bool = True


class Deed(msgspec.Struct, frozen=True):
    """A line of a wallet's activity. `kind`: TRADE, REDEEM, SPLIT, MERGE; amounts: 10^-6; `ns`: when it was done."""

    seen_ns: int  # when the data API shows it
    ns: int
    wallet: str  # lower case
    kind: str
    market: TwinMarket
    outcome: int  # −1 where it concerns both
    side: int
    lots: int
    price: int
    money: int
    hash: str
    taker: bool


class Holding(msgspec.Struct):
    """What a wallet holds of a token, in 10^-6."""

    lots: int = 0
    cost: int = 0
    bought: int = 0
    realized: int = 0


class People:
    """All wallets' deeds, in the order they are shown."""

    def __init__(self, delay_ns: int) -> None:
        self.delay_ns = delay_ns
        self._deeds: defaultdict[str, list[Deed]] = defaultdict(list)

    def did(self, ns: int, wallet: str, what: What, transaction: str = "") -> None:
        """Note a deed; the data API shows it `delay_ns` later."""
        deeds, lots, price = self._deeds[wallet.lower()], what.lots, what.price
        digest = transaction or "0x" + keccak(f"{wallet.lower()} {len(deeds)}".encode()).hex()
        money = (lots * price + SHARE // 2) // SHARE
        where = (what.kind, what.market, what.outcome, what.side)
        deeds.append(Deed(ns + self.delay_ns, ns, wallet.lower(), *where, lots, price, money, digest, what.taker))

    def settled(self, trade: Trade, ns: int) -> None:
        """A trade that has been mined."""
        for part in trade.parts:
            if part.account:
                price = (2 * part.money * SHARE + part.lots) // (2 * part.lots)
                what = What("TRADE", trade.market, part.outcome, part.side, part.lots, price, part is trade.taker)
                self.did(ns, part.account.wallet, what, trade.hash)

    def deeds(self, wallet: str, now_ns: int) -> list[Deed]:
        """What is shown of a wallet, newest first."""
        shown = [deed for deed in self._deeds.get(wallet.lower(), ()) if deed.seen_ns <= now_ns]
        return sorted(shown, key=lambda deed: deed.ns, reverse=True)

    def everybody(self, now_ns: int) -> list[Deed]:
        """What is shown of all wallets, newest first."""
        shown = [deed for wallet in list(self._deeds) for deed in self.deeds(wallet, now_ns)]
        return sorted(shown, key=lambda deed: deed.ns, reverse=True)

    def everything(self) -> list[Deed]:
        """All trades, shown or not, in the order they were done: what is on chain."""
        return sorted((d for deeds in self._deeds.values() for d in deeds if d.kind == "TRADE"), key=lambda d: d.ns)

    def holdings(self, wallet: str, now_ns: int) -> dict[tuple[int, int], tuple[TwinMarket, Holding]]:
        """(market, outcome) → what the wallet's shown deeds have left it with."""
        found: dict[tuple[int, int], tuple[TwinMarket, Holding]] = {}
        for deed in reversed(self.deeds(wallet, now_ns)):
            outcomes = (deed.outcome,) if deed.outcome >= 0 else (0, 1)
            for outcome in outcomes:
                _, holding = found.setdefault((deed.market.number, outcome), (deed.market, Holding()))
                if deed.kind == "TRADE":
                    _trade(holding, deed)
                elif deed.kind == "REDEEM":
                    holding.realized += holding.lots * (deed.market.price(outcome) == ONE) - holding.cost
                    holding.lots = holding.cost = 0
                else:
                    _trade(holding, deed)  # a pair costs 1, each half of it 1/2
        return found


def _trade(holding: Holding, deed: Deed) -> None:
    if deed.side > 0:
        holding.lots += deed.lots
        holding.cost += deed.money
        holding.bought += deed.lots
        return
    gone = holding.cost * min(deed.lots, holding.lots) // holding.lots if holding.lots else 0
    holding.realized += deed.money - gone
    holding.cost -= gone
    holding.lots -= deed.lots


def lead_trades(recording: Recording) -> list[LeadTrade]:
    """A recorded account's fills as they can be played. Raises ConfigError where the recording names no tokens."""
    found = []
    for fill in recording.fills:
        token = recording.tokens.get(fill.instrument)
        if token is None:
            raise ConfigError(f"instrument {fill.instrument} of {recording.file}", "has no token", "play another file")
        one = recording.instruments[fill.instrument]
        lots = fill.lots * 10 ** (6 - one.lot_decimals)
        found.append(LeadTrade(fill.venue_ns, token, fill.side, lots, fill.price * 10 ** (6 - one.price_decimals)))
    return found


def timed(trades: Sequence[LeadTrade], start_ns: int, speed: float) -> list[tuple[int, LeadTrade]]:
    """When each is played: the first at `start_ns`, the others as far apart as recorded, divided by `speed`."""
    if not speed > 0:
        raise ConfigError(f"speed {speed}", "is not positive", "1 is as recorded")
    ordered = sorted(trades, key=lambda trade: trade.ns)
    return [(start_ns + int((trade.ns - ordered[0].ns) / speed), trade) for trade in ordered]
