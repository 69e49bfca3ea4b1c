"""Markets of two complementary tokens, and their one book.

A YES at p and a NO at 1 − p are the same bargain: buying one is selling the other (the exchange mints or merges a
pair). So a market has one book, in YES terms; a NO order stands in it mirrored. Lots in the book are 10^-6 shares,
prices 10^-4 USDC, money 10^-6 USDC.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instrument import Instrument, Kind, TickRule
from pilotfish.domain.orders import Tif
from pilotfish.venues.sim.matching import OrderBook, Placed
from pilotfish.venues.sim.recorded import Level
from pilotfish.venues.twins.polymarket.wallets import keccak

ONE = 10_000  # a payout of 1 USDC, in price units
SHARE = 1_000_000
CENT = 10_000  # of a share: what strangers' sizes are multiples of


class Source(Protocol):
    """Where strangers' orders come from: `sim.flow.OrderFlow`, `sim.recorded.RecordedBook`, `sim.modelled`."""

    def advance(self, book: Crowd, until_ns: int) -> None: ...
    def mark(self, instrument_id: int, ns: int) -> int: ...


class Listing(msgspec.Struct, frozen=True):
    """What the venue says of a market. `tick`: price units; `fee_rate`: of C·rate·p(1 − p), in 10^-6."""

    condition: str
    tokens: tuple[str, str]
    outcomes: tuple[str, str] = ("Yes", "No")
    question: str = "Will it happen?"
    slug: str = "will-it-happen"
    tick: int = 100
    min_shares: int = 5
    fee_rate: int = 0
    neg_risk: bool = False
    delay_s: int = 0  # orders that would take wait so long before they do (sports)
    end: str = "2027-01-01T00:00:00Z"


def listing(question: str, tick: int = 100, fee_rate: int = 0, neg_risk: bool = False, min_shares: int = 5) -> Listing:
    """A market whose condition and tokens follow from its question."""
    condition, yes, no = (keccak(f"{question} {part}".encode()) for part in ("condition", "yes", "no"))
    slug = "-".join("".join(c if c.isalnum() else " " for c in question.lower()).split())
    return Listing(
        condition="0x" + condition.hex(),
        tokens=(str(int.from_bytes(yes, "big")), str(int.from_bytes(no, "big"))),
        question=question,
        slug=slug,
        tick=tick,
        min_shares=min_shares,
        fee_rate=fee_rate,
        neg_risk=neg_risk,
    )


class Crowd:
    """Strangers' hands on the book, in lots of 0.01 shares. `prints`: (side, lots, lots·price) of what they took."""

    def __init__(self, book: OrderBook) -> None:
        self._book = book
        self.prints: list[tuple[int, int, int]] = []

    @property
    def now_ns(self) -> int:
        return self._book.now_ns

    @now_ns.setter
    def now_ns(self, ns: int) -> None:
        self._book.now_ns = ns

    def add(self, side: int, lots: int, price: int, tif: Tif = Tif.GTC) -> Placed:
        placed = self._book.add(side, lots * CENT, price, tif)
        if placed.filled:
            self.prints.append((side, placed.filled, placed.raw))
        return Placed(placed.order_id, placed.filled // CENT, placed.raw // CENT, -(-placed.left // CENT), placed.rests)

    def cancel(self, order_id: int) -> int:
        return self._book.cancel(order_id) // CENT

    def best(self) -> tuple[int, int, int, int]:
        bid, bid_lots, ask, ask_lots = self._book.best()
        return bid, bid_lots // CENT, ask, ask_lots // CENT

    def anonymous(self, side: int) -> list[Level]:
        return [(price, lots // CENT) for price, lots in self._book.anonymous(side)]

    def replace_anonymous(self, bids: list[Level] | tuple[Level, ...], asks: list[Level] | tuple[Level, ...]) -> None:
        self._book.replace_anonymous([(p, n * CENT) for p, n in bids], [(p, n * CENT) for p, n in asks])


class TwinMarket:
    """One market: what is listed, its book, and what strangers do to it."""

    def __init__(self, number: int, listed: Listing, source: Source | None = None) -> None:
        self.number, self.listed, self.source = number, listed, source
        self.tick = listed.tick
        if ONE % self.tick or not 1 <= self.tick <= 1000:
            raise ConfigError(f"tick {self.tick} of {listed.slug}", "is not of the venue's", "give 1 … 1000")
        self.book = OrderBook(instrument(number, listed))
        self.crowd = Crowd(self.book)
        self.last_price = 0  # of the last trade, in YES terms
        self.last_side = 0
        self.winner: int | None = None  # 0 or 1, once resolved

    @property
    def open(self) -> bool:
        return self.winner is None

    def advance(self, ns: int) -> None:
        """Bring strangers' orders up to `ns`."""
        self.book.now_ns = ns
        if self.source is not None and self.open:
            self.source.advance(self.crowd, ns)

    def seen(self, outcome: int) -> tuple[dict[int, int], dict[int, int]]:
        """Bids and asks of a token, price → lots, best first."""
        bids, asks = (levels(self.book, side) for side in (1, -1))
        if outcome == 0:
            return bids, asks
        return {ONE - p: n for p, n in asks.items()}, {ONE - p: n for p, n in bids.items()}

    def price(self, outcome: int) -> int:
        """The last trade's price, else the mid, else one half; the payout when resolved."""
        if self.winner is not None:
            return ONE if self.winner == outcome else 0
        bid, _, ask, _ = self.book.best()
        yes = self.last_price or ((bid + ask) // 2 if bid and ask else ONE // 2)
        return ONE - yes if outcome else yes


def levels(book: OrderBook, side: int) -> dict[int, int]:
    """Price → lots of one side, best first."""
    prices, cumulative = book.depth(side)
    before = [0, *cumulative]
    return {price: cumulative[i] - before[i] for i, price in enumerate(prices)}


def instrument(number: int, listed: Listing) -> Instrument:
    """The market's YES token as the project sees it: lots of 0.01, prices of 10^-4 on the market's tick."""
    return Instrument(
        id=number, symbol=listed.slug, venue="polymarket", kind=Kind.OUTCOME, lot_decimals=2, price_decimals=4,
        tick_rule=TickRule.GRID, tick=listed.tick,
    )  # fmt: skip


def mirrored(outcome: int, side: int, price: int) -> tuple[int, int]:
    """An order for a token, as side and price in YES terms; its own inverse."""
    return (-side, ONE - price) if outcome else (side, price)


def fee(listed: Listing, lots: int, price: int) -> int:
    """A taker's fee C·rate·p(1 − p), money units, to five decimals."""
    unit = 10 * SHARE * ONE * ONE
    return (lots * listed.fee_rate * price * (ONE - price) + unit // 2) // unit * 10
