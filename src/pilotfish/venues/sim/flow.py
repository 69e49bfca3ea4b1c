"""A seeded market of strangers, event by event: zero-intelligence flow whose quotes follow an efficient price.

Limit, market and cancel orders arrive as Poisson processes (Daniels, Farmer, Gillemot, Iori & Smith, Physical Review
Letters 90, 2003). A zero-intelligence book alone has a spread and a depth of its own making; here each order keeps a
distance behind the touch, drawn from the fitted depth law, and its maker requotes when the efficient price has left it
behind. So spread and depth stay at the figures for any length of time, and whoever rests in the way of a requote is
filled: adverse selection is part of the model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.orders import Tif
from pilotfish.venues.sim.chance import named
from pilotfish.venues.sim.figures import MarketFigures
from pilotfish.venues.sim.matching import Placed
from pilotfish.venues.sim.shape import Scale, Shape

REQUOTE_NS = 250_000_000  # makers look at the efficient price this often
AT_TOUCH = 4  # orders of a side that stand at the touch on average; behind it, one for each level of the shape
SLACK = 0.25  # a quote is left alone while it is off by less than this share of its distance
LARGEST_SIGMA = 3.0  # market orders are cut here: one in 700
OUTCOME_X_MAX = 40_000.0  # logit(price) of an outcome token turns back here, at 1.8 and 98.2 cents
_cdf = NormalDist().cdf


class TradingBook(Protocol):
    """What the flow does to a book (`matching.OrderBook`)."""

    now_ns: int

    def add(self, side: int, lots: int, price: int, tif: Tif = ...) -> Placed: ...
    def cancel(self, order_id: int) -> int: ...
    def best(self) -> tuple[int, int, int, int]: ...


class _Quote:
    """An anonymous order: where it stands, and how far behind the touch its maker wants it (bps)."""

    __slots__ = ("behind", "order_id", "price", "side")

    def __init__(self, order_id: int, side: int, price: int, behind: float) -> None:
        self.order_id, self.side, self.price, self.behind = order_id, side, price, behind


class OrderFlow:
    """Everybody else's orders in one instrument, from one seed.

    State moves only at the flow's own event times, so the book does not depend on how often it is advanced. What we
    trade does not move the efficient price: our impact is what we take, until it has been quoted anew.
    """

    def __init__(
        self, instrument: Instrument, figures: MarketFigures, seed: int, start_price: int, start_ns: int
    ) -> None:
        """`start_price`: the efficient price at `start_ns`, price units. Raises ConfigError for an impossible one."""
        self.instrument, self.figures = instrument, figures
        self.events = 0  # orders placed, moved, cancelled and sent to trade, all by strangers
        self._scale = Scale(instrument)
        self._shape = Shape(self._scale, figures)
        self._x = self._scale.x(start_price)
        self._x_max = max(OUTCOME_X_MAX, abs(self._x)) if self._scale.outcome else math.inf
        names = (instrument.venue, instrument.symbol)
        self._uniform = _drawn(named(seed % 2**64, *names, "flow").random).__next__
        self._normal = _drawn(named(seed % 2**64, *names, "normals").standard_normal).__next__
        self._quotes: list[_Quote] = []
        self._dead = 0  # quotes known to be gone and still in the list
        self._set_rates()
        self._spread_z, self._round_u = self._normal(), self._uniform()
        self._requote_ns, self._event_ns, self._started = start_ns, start_ns, False
        self._price = 0.0
        self._touches = {1: 0, -1: 0}
        self._retouch()

    def _set_rates(self) -> None:
        """Rates per ns, and order sizes in USD such that what arrives at each distance equals what leaves it."""
        f, offsets = self.figures, self._shape.offsets
        if f.limit_per_s.value <= 0:
            raise ConfigError(f"figures {f.name}", "no limit orders arrive", "fit them to a recording that has some")
        per_side = AT_TOUCH + len(offsets)
        self._limit, self._market = f.limit_per_s.value / 1e9, f.market_per_s.value / 1e9
        self._cancel = self._limit / (2 * per_side)  # per order: the book then holds 2 · per_side on average
        self._touch_share = AT_TOUCH / per_side
        self._touch_usd = f.touch_usd.mean / AT_TOUCH
        # Market orders eat at the touch on top of cancels, so what arrives there is larger than what stands there.
        eaten = sum(_expected_least(f, f.touch_usd.at((i + 0.5) / 64)) for i in range(64)) / 64
        self._refill_usd = self._touch_usd + eaten * f.market_per_s.value * per_side / f.limit_per_s.value / AT_TOUCH

    def advance(self, book: TradingBook, until_ns: int) -> None:
        """Play everything that strangers do up to and including `until_ns`; going back in time does nothing."""
        if not self._started and self._event_ns <= until_ns:
            self._started = True
            book.now_ns = self._event_ns
            self._populate(book)
        while min(self._requote_ns, self._event_ns) <= until_ns:
            if self._requote_ns <= self._event_ns:
                book.now_ns = self._requote_ns
                self._requote(book)
                self._requote_ns += REQUOTE_NS
            else:
                book.now_ns = self._event_ns
                self._act(book)
                self._draw_next()

    def mark(self, instrument_id: int, ns: int) -> int:
        """The efficient price as of the last requote before the time advanced to, in price units, at least 1."""
        return max(round(self._price), 1)

    def _populate(self, book: TradingBook) -> None:
        """The stationary book: at the touch and on every level what stands there on average."""
        for side in (1, -1):
            for _ in range(AT_TOUCH):
                self._place(book, side, 0.0, self._touch_usd)
            for level in range(len(self._shape.offsets)):
                self._place_behind(book, side, level)
        self._draw_next()

    def _draw_next(self) -> None:
        self._total = self._limit + self._market + self._cancel * len(self._quotes)
        self._event_ns += 1 + int(-math.log(1.0 - self._uniform()) / self._total)

    def _act(self, book: TradingBook) -> None:
        """One Poisson event: a limit order, a market order or a cancel, in proportion to their rates."""
        which = self._uniform() * self._total
        if which < self._limit:
            side = 1 if self._uniform() < 0.5 else -1
            bid, _, ask, _ = book.best()
            best, touch = (bid, self._touches[1]) if side > 0 else (ask, self._touches[-1])
            u = self._uniform()
            if not best or (best - touch) * side < 0:  # an empty touch is somebody's chance
                self._place(book, side, 0.0, self._touch_usd)
            elif u < self._touch_share:
                self._place(book, side, 0.0, self._refill_usd)
            else:
                level = int((u - self._touch_share) / (1 - self._touch_share) * len(self._shape.offsets))
                self._place_behind(book, side, level)
        elif which < self._limit + self._market:
            side = 1 if self._uniform() < 0.5 else -1
            f = self.figures
            usd = math.exp(f.market_mu.value + f.market_sigma.value * min(self._normal(), LARGEST_SIGMA))
            far = self._price + side * self._scale.units(self._shape.offsets[-1], self._price)
            bound = self.instrument.round_price(max(int(far), 1), side)
            book.add(side, max(self._scale.lots(usd, self._price), 1), bound, Tif.IOC)
            self.events += 1
        elif self._quotes:
            i = int(self._uniform() * len(self._quotes))
            quote, self._quotes[i] = self._quotes[i], self._quotes[-1]
            self._quotes.pop()
            book.cancel(quote.order_id)
            self.events += 1

    def _place_behind(self, book: TradingBook, side: int, level: int) -> None:
        offsets = self._shape.offsets
        near = offsets[level - 1] if level else 0.0
        self._place(book, side, near + (offsets[level] - near) * self._uniform(), self._shape.steps_usd[level])

    def _place(self, book: TradingBook, side: int, behind: float, usd: float) -> None:
        touch = self._touches[side]
        price = self._where(side, touch, behind) if touch else 0
        lots = self._scale.lots(usd * self._shape.noise(1.0 - self._uniform() or 0.5), self._price)
        if price and lots:
            placed = book.add(side, lots, price)
            self.events += 1
            if placed.rests:
                self._quotes.append(_Quote(placed.order_id, side, price, behind))

    def _where(self, side: int, touch: int, behind: float) -> int:
        """The tick `behind` bps outside the touch, rounded outwards; 0 beyond the edge of the price grid."""
        raw = touch - side * self._scale.units(behind, self._price)
        price = self.instrument.round_price(math.floor(raw) if side > 0 else math.ceil(raw), side)
        return price if (price - raw) * side <= 0 else 0

    def _requote(self, book: TradingBook) -> None:
        """Move the efficient price and the spread, then every quote that they left behind."""
        f, step_s = self.figures, REQUOTE_NS / 1e9
        self._x += f.vol_bps.value * math.sqrt(step_s) * self._normal()
        if abs(self._x) > self._x_max:
            self._x = math.copysign(2 * self._x_max, self._x) - self._x
        kept = math.exp(-step_s / f.shape_life_s.value)
        self._spread_z = kept * self._spread_z + math.sqrt(1 - kept * kept) * self._normal()
        if self._uniform() > kept:
            self._round_u = self._uniform()
        before = dict(self._touches)
        self._retouch()
        # The side that makes room goes first, so that strangers never cross each other.
        for side in (-1, 1) if self._touches[-1] >= before[-1] else (1, -1):
            if self._touches[side] != before[side] and self._touches[side]:
                self._follow(book, side, self._touches[side])
        if self._dead:
            self._quotes = [quote for quote in self._quotes if quote.order_id]
            self._dead = 0

    def _retouch(self) -> None:
        self._price = self._scale.price(self._x)
        spread = self.figures.spread_bps.at(_cdf(self._spread_z))
        self._touches[1], self._touches[-1] = self._scale.touch(self._price, spread, self._round_u)

    def _follow(self, book: TradingBook, side: int, touch: int) -> None:
        """Requote one side: what stands inside the touch, and what is off by more than the slack."""
        unit = self._scale.units(1.0, self._price)
        tick = abs(self.instrument.round_price(touch + 1, -1) - touch)
        for quote in self._quotes:
            if quote.side != side:
                continue
            outside = (touch - quote.price) * side - quote.behind * unit
            slack = quote.behind * unit * SLACK
            if (quote.price - touch) * side <= 0 and -slack <= outside <= slack + (tick if quote.behind else 0):
                continue
            price = self._where(side, touch, quote.behind)
            if price == quote.price:
                continue
            lots = book.cancel(quote.order_id)
            self.events += 1
            placed = book.add(side, lots, price) if lots and price else None
            if placed and placed.rests:
                quote.order_id, quote.price = placed.order_id, price
            else:  # traded meanwhile, or beyond the edge
                quote.order_id = 0
                self._dead += 1


def _expected_least(figures: MarketFigures, usd: float) -> float:
    """E[min(market order, usd)] of a lognormal market order."""
    mu, sigma = figures.market_mu.value, figures.market_sigma.value
    below = (math.log(usd) - mu) / sigma
    return math.exp(mu + sigma * sigma / 2) * _cdf(below - sigma) + usd * (1 - _cdf(below))


def _drawn(draw: Callable[[int], NDArray[np.float64]]) -> Iterator[float]:
    """Single draws, made in blocks."""
    while True:
        yield from draw(1024).tolist()
