"""The shape of a modelled book: seeded draws, prices in the class's coordinates, the touch, and the levels behind."""

from __future__ import annotations

import math
import struct
from hashlib import shake_128
from itertools import pairwise

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instrument import Instrument, Kind, Side
from pilotfish.venues.sim.figures import MarketFigures
from pilotfish.venues.sim.recorded import Level

BPS = 1e4
GROWTH = 1.3  # from level to level, beyond the recorded number of levels
LOTS_MAX = 2.0**53
FAR = 10.0  # a ladder ends this many times beyond the fitted reach


def uniforms(count: int, *key: object) -> list[float]:
    """`count` draws in (0, 1) that depend on `key` alone: no state, so neither the order nor the number of questions
    matters, and the same on every machine and numpy."""
    raw = shake_128("|".join(map(str, key)).encode()).digest(8 * count)
    return [((word >> 12) + 0.5) * 2.0**-52 for word in struct.unpack(f"<{count}Q", raw)]


class Scale:
    """Between an instrument's units and the class's: price ↔ x (bps of ln price, or of logit price for an outcome
    token), bps → price units, USD ↔ lots."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.one: int = 10**instrument.price_decimals
        self.outcome = instrument.kind is Kind.OUTCOME
        self._usd = 10.0 ** -(instrument.price_decimals + instrument.lot_decimals)

    def x(self, price: float) -> float:
        """Raises ConfigError for a price outside the instrument's world."""
        if price <= 0 or (self.outcome and price >= self.one):
            raise ConfigError(f"{self.instrument.symbol} at {price} price units", "no such price", "check the anchors")
        return BPS * (math.log(price / (self.one - price)) if self.outcome else math.log(price))

    def price(self, x: float) -> float:
        """Exact price units, at least one."""
        if self.outcome:
            return self.one / (1.0 + math.exp(-max(min(x / BPS, 30.0), -30.0)))
        return max(math.exp(min(x / BPS, 43.0)), 1.0)  # e^43 is just below 2^63

    def reference(self, price: float) -> float:
        """What a distance in bps and a size in USD are measured by: the price, or the payout."""
        return float(self.one) if self.outcome else price

    def units(self, bps: float, price: float) -> float:
        return bps * self.reference(price) / BPS

    def shift(self, bps: float, price: float) -> float:
        """How far a move of the price by `bps` moves x."""
        return bps / (price / self.one * (1 - price / self.one)) if self.outcome else bps

    def lots(self, usd: float, price: float) -> int:
        """Rounded down, and never more than a sum of levels can carry in int64."""
        return int(min(usd / (self.reference(price) * self._usd), LOTS_MAX))

    def usd(self, lots: int, price: float) -> float:
        return lots * self.reference(price) * self._usd

    def touch(self, price: float, spread_bps: float, u: float, pin: int = 0) -> tuple[int, int]:
        """Best bid and ask, on the tick and at least one apart, 0 where the tick rule leaves no room for a side.

        `price` is the efficient price, or the ask (pin +1) or the bid (pin -1) itself. The spread is rounded to ticks
        by chance `u`, so that its mean is the one asked for.
        """
        it = self.instrument
        here = it.round_price(math.ceil(price) if pin > 0 else math.floor(price), Side.SELL if pin > 0 else Side.BUY)
        tick = here - it.round_price(here - 1, Side.BUY) if pin > 0 else it.round_price(here + 1, Side.SELL) - here
        tick = max(tick, 1)
        spread = max(1, math.floor(self.units(spread_bps, price) / tick + u)) * tick
        if pin > 0:
            bid = it.round_price(here - spread, Side.BUY)
            return (bid if bid < here else 0), here
        if pin == 0:
            here = it.round_price(math.floor(price - spread / 2 + tick / 2), Side.BUY)
        ask = it.round_price(here + spread, Side.SELL)
        if ask <= here and not pin:  # at the edge of the grid the bid gives way
            lower = it.round_price(ask - 1, Side.BUY)
            here = lower if lower < ask else 0
        return here, (ask if ask > here else 0)


class Shape:
    """How the levels of a book are spaced and filled, from the figures."""

    def __init__(self, scale: Scale, figures: MarketFigures) -> None:
        self.scale, self.figures = scale, figures
        gap, far = figures.gap_bps.value, FAR * figures.reach_bps.value
        self.offsets = [gap * (i + 1) for i in range(round(figures.levels.value) - 1)]
        while self.offsets[-1] < far:
            gap *= GROWTH
            self.offsets.append(self.offsets[-1] + gap)
        self.steps_usd = [figures.extra_usd(b) - figures.extra_usd(a) for a, b in pairwise([0.0, *self.offsets])]
        self.draws = len(self.offsets) + 1
        # A Weibull of the fitted log dispersion: a lognormal would put the mean into one level of a thousand.
        self._inverse = figures.size_sigma.value * math.sqrt(6.0) / math.pi
        self._norm = math.gamma(1.0 + self._inverse)

    def noise(self, u: float) -> float:
        """A positive factor of mean one with the fitted dispersion of level sizes."""
        return math.pow(-math.log(u), self._inverse) / self._norm

    def sizes(self, us: list[float]) -> list[float]:
        """USD at the touch and in each step behind it, from `draws` draws."""
        behind = (usd * self.noise(u) for usd, u in zip(self.steps_usd, us[1:], strict=True))
        return [self.figures.touch_usd.at(us[0]), *behind]

    def levels(self, side: int, touch: int, sizes: list[float], eaten_usd: float = 0.0) -> list[Level]:
        """One side, best first: strictly outwards, on the tick, positive; `sizes` as `sizes` draws them.

        `eaten_usd` is taken off from the touch outwards; a touch of 0 is a side that does not exist.
        """
        if not touch:
            return []
        it, scale, out = self.scale.instrument, self.scale, list[Level]()
        last, left = touch, max(scale.lots(sizes[0], touch), 1)
        eaten = scale.lots(eaten_usd, touch)
        unit = scale.units(1.0, touch)
        for offset, usd in zip(self.offsets, sizes[1:], strict=True):
            raw = touch - side * offset * unit
            price = it.round_price(math.floor(raw) if side > 0 else math.ceil(raw), side)
            if (price - raw) * side > 0 or (price - last) * side > 0:  # held back by the edge of the price grid
                break
            lots = scale.lots(usd, touch)
            if price == last:
                left += lots
                continue
            taken = min(eaten, left)
            eaten -= taken
            if left > taken:
                out.append((last, left - taken))
            last, left = price, lots
        if left > eaten:
            out.append((last, left - eaten))
        return out
