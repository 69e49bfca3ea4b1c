"""Liquidity for replays without a recorded book: levels drawn from a class's figures around the price the lead's own
fills reveal, less what we took ourselves. docs/market-model.md states every assumption."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pilotfish.domain.errors import RecordingError
from pilotfish.domain.instrument import Instrument
from pilotfish.venues.sim.figures import MarketFigures
from pilotfish.venues.sim.path import EfficientPath
from pilotfish.venues.sim.recorded import AnonymousBook, Level
from pilotfish.venues.sim.shape import Scale, Shape, uniforms

BUCKET_NS = 50_000_000


class ReadableBook(AnonymousBook, Protocol):
    """A book that also tells what is left of everybody else's orders."""

    def anonymous(self, side: int) -> list[Level]: ...


class Anchor(NamedTuple):
    """A price the market is known to have had. `side` +1: it was the ask (somebody bought there as taker), -1: the bid,
    0: not known, taken as the efficient price."""

    venue_ns: int
    price: int
    side: int = 0


class ModelledBook:
    """Stationary liquidity around a price path, redrawn every 50 ms and at every anchor; the same for the same seed.

    What we take stays missing from the touch outwards and grows back with `resilience_s`; a `permanent_share` of the
    move of the mid that taking a whole side up to `reach_bps` would cause stays for good, linear in what was taken (any
    other law could be milked: Huberman & Stanzl, Econometrica 72, 2004). So at an anchor the lead's price is the touch,
    moved by nothing but our own impact.
    """

    def __init__(
        self, instrument: Instrument, figures: MarketFigures, seed: int, path: Sequence[Anchor | tuple[int, ...]]
    ) -> None:
        """`path`: (venue_ns, price[, side]) in any order; of several at one time the last stands.

        Raises RecordingError, with the row, for a price outside the instrument's world, and when there are no rows.
        """
        self.instrument, self.figures = instrument, figures
        self._scale = Scale(instrument)
        self._shape = Shape(self._scale, figures)
        self._key = (seed, instrument.venue, instrument.symbol)
        self._life_ns = max(round(figures.shape_life_s.value * 1e9), BUCKET_NS)
        self._epoch: int | None = None
        self._shape_now: tuple[float, float, list[float], list[float]] = (0.0, 0.0, [], [])
        anchors = sorted((self._anchor(row, i) for i, row in enumerate(path, 1)), key=lambda anchor: anchor.venue_ns)
        if not anchors:
            raise RecordingError(instrument.symbol, 0, "path", "has no anchors", "give at least one price")
        self._anchors = {anchor.venue_ns: anchor for anchor in anchors}
        self._times = list(self._anchors)
        nodes = [(ns, self._efficient(anchor)) for ns, anchor in self._anchors.items()]
        self._path = EfficientPath(nodes, figures.vol_bps.value, *self._key)
        reach = figures.reach_bps.value
        depth = figures.touch_usd.mean + figures.extra_usd(reach)
        self._shift_per_usd = figures.permanent_share.value * reach / 2 / depth
        self._shift = 0.0  # bps, our permanent impact
        self._eaten = {1: 0.0, -1: 0.0}  # USD missing from each side, as of _now
        self._put = {1: 0, -1: 0}
        self._now: int | None = None
        self._knot: int | None = None

    def advance(self, book: ReadableBook, until_ns: int) -> None:
        """Make `book` what it is at `until_ns`; going back in time does nothing.

        Call it before every order that may meet the book: what is missing by the next call was traded at this one.
        """
        if self._now is not None and until_ns < self._now:
            return
        if self._now is not None:
            self._absorb(book, until_ns)
        self._now = until_ns
        knot = self._knot_at(until_ns)
        if knot != self._knot:
            self._knot = knot
            book.replace_anonymous(*self._levels(knot))
            # Lots that met resting orders of ours while the book moved were brought to us, not taken by us.
            self._put = {side: sum(lots for _, lots in book.anonymous(side)) for side in (1, -1)}

    def mark(self, instrument_id: int, ns: int) -> int:
        """The efficient price at `ns` with our permanent impact so far, in price units, at least 1."""
        return max(round(self._scale.price(self._path.at(ns) + self._shift)), 1)

    def _absorb(self, book: ReadableBook, until_ns: int) -> None:
        for side in (1, -1):
            left = sum(lots for _, lots in book.anonymous(side))
            taken, self._put[side] = self._put[side] - left, left
            if taken > 0 and self._now is not None:
                price = self._scale.price(self._path.at(self._now) + self._shift)
                usd = self._scale.usd(taken, price)
                self._eaten[side] += usd
                self._shift -= side * self._scale.shift(usd * self._shift_per_usd, price)
        decay = math.pow(0.5, (until_ns - (self._now or 0)) / (self.figures.resilience_s.value * 1e9))
        self._eaten = {side: usd * decay for side, usd in self._eaten.items()}

    def _levels(self, knot: int) -> tuple[list[Level], list[Level]]:
        anchor = self._anchors.get(knot)
        spread_bps, u, bids_usd, asks_usd = self._drawn(knot)
        pin = anchor.side if anchor else 0
        if anchor and pin:
            price = anchor.price if not self._shift else self._scale.price(self._scale.x(anchor.price) + self._shift)
        else:
            price = self._scale.price(self._path.at(knot) + self._shift)
        bid, ask = self._scale.touch(price, spread_bps, u, pin)
        bids = self._shape.levels(1, bid, bids_usd, self._eaten[1])
        return bids, self._shape.levels(-1, ask, asks_usd, self._eaten[-1])

    def _drawn(self, knot: int) -> tuple[float, float, list[float], list[float]]:
        """Spread (bps), its rounding, and the sizes of both sides (USD) around `knot`.

        The shape lives longer than a bucket: prices move every 50 ms, sizes and the spread every `shape_life_s`.
        """
        epoch, shape = knot // self._life_ns, self._shape
        if epoch != self._epoch:
            us = uniforms(2 + 2 * shape.draws, *self._key, "shape", epoch)
            middle = 2 + shape.draws
            self._shape_now = (
                self.figures.spread_bps.at(us[0]), us[1], shape.sizes(us[2:middle]), shape.sizes(us[middle:]),
            )  # fmt: skip
            self._epoch = epoch
        return self._shape_now

    def _knot_at(self, ns: int) -> int:
        bucket = ns // BUCKET_NS * BUCKET_NS
        i = bisect_right(self._times, ns) - 1
        return max(bucket, self._times[i]) if i >= 0 else bucket

    def _efficient(self, anchor: Anchor) -> float:
        if not anchor.side:
            return self._scale.x(anchor.price)
        spread_bps, u, _, _ = self._drawn(anchor.venue_ns)
        bid, ask = self._scale.touch(anchor.price, spread_bps, u, anchor.side)
        return self._scale.x((bid + ask) / 2 if bid and ask else anchor.price)

    def _anchor(self, row: Anchor | tuple[int, ...], number: int) -> Anchor:
        if len(row) not in (2, 3):
            raise RecordingError(self.instrument.symbol, number, "path", f"{row!r} is not (ns, price[, side])")
        anchor = Anchor(*row)
        top = self._scale.one if self._scale.outcome else 2**62
        if not 0 < anchor.price < top or anchor.side not in (-1, 0, 1) or not 0 <= anchor.venue_ns < 2**62:
            raise RecordingError(self.instrument.symbol, number, "path", f"{anchor} cannot be", "leave the fill out")
        return anchor
