"""Which venue gets how much of one order, so that all of it together costs the least: price, fee, funding and gas.

A venue's levels only get dearer, so without fixed costs and minimum orders the cheapest next lot is always right. Both
of these make a venue all or nothing: then every set of venues is tried, and each set is solved exactly. (The case of
market orders in Cont & Kukanov, "Optimal order placement in limit order markets", arXiv 1210.1625, where filling all
is a constraint and depth is what is displayed.)
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from itertools import combinations
from math import lcm

import msgspec

from pilotfish.domain.arith import INT64_MAX, Ints
from pilotfish.domain.errors import InvariantBroken, NumericOverflow
from pilotfish.domain.instrument import Instrument
from pilotfish.execution.tranches import UNMET, Tranche, divide, gather

VENUES_MAX = 6  # 2^6 sets of venues at most
_E6, _E9 = 10**6, 10**9


class Why(IntEnum):
    """Why a venue gets nothing."""

    ROUTED = 0  # it gets something
    STALE = 1
    BAD_QUOTE = 2
    NO_DEPTH = 3
    BELOW_MINIMUM = 4
    DEARER = 5
    UNFIT = 6

    @property
    def text(self) -> str:
        return _TEXT[self]


_TEXT = {
    Why.ROUTED: "takes a part of the order",
    Why.STALE: "its quote is too old to decide on",
    Why.BAD_QUOTE: "its quote contradicts itself",
    Why.NO_DEPTH: "it shows nothing within the price bound",
    Why.BELOW_MINIMUM: "the order, or the depth within the bound, is below its minimum order",
    Why.DEARER: "with its price, fee, funding and fixed cost the order costs less elsewhere",
    Why.UNFIT: "what the other venues leave does not fit its lot or its minimum order",
}


class Quote(msgspec.Struct, frozen=True):
    """What one venue shows on the side we would take, best first, and what trading there costs.

    Common lots and common money are those of the order: a venue lot is `lot_num / lot_den` common lots, and one price
    unit on one venue lot is `value_num / value_den` of common money (the quote currency's rate included).
    """

    instrument: int
    prices: Ints
    lots: Ints
    limit: int  # the worst price we would take, in this venue's units
    seen_ns: int
    taker_fee_e6: int = 0
    funding_e9: int = 0  # per hour of the touch's notional; above zero longs pay shorts
    holding_hours: int = 0  # how long the position is expected to be held; 0 for an exit
    min_notional: int = 0  # common money
    fixed_cost: int = 0  # common money for each order there: gas, a bridge
    lot_num: int = 1
    lot_den: int = 1
    value_num: int = 1
    value_den: int = 1


def value_of(instrument: Instrument, rate_num: int = 1, rate_den: int = 1) -> tuple[int, int]:
    """`value_num, value_den` of an instrument whose quote currency is worth `rate_num / rate_den` of common money."""
    e = instrument.money_exponent
    return (rate_num * 10**e, rate_den) if e >= 0 else (rate_num, rate_den * 10**-e)


class Part(msgspec.Struct, frozen=True):
    """What one venue gets. Money is common; each figure is rounded against us, and `cost` is their exact sum.

    A buy's notional leaves us (above zero), a sell's comes in (below zero).
    """

    instrument: int
    why: Why
    lots: int = 0  # the venue's own
    worst_price: int = 0  # the last level needed: the order's limit price
    average_price: int = 0
    notional: int = 0
    fee: int = 0
    funding: int = 0
    fixed_cost: int = 0

    @property
    def cost(self) -> int:
        return self.notional + self.fee + self.funding + self.fixed_cost


class Routed(msgspec.Struct, frozen=True):
    """A part per quote, in their order, and the common lots that nobody takes, rounded up."""

    side: int
    parts: tuple[Part, ...]
    unrouted_lots: int
    average_e6: int  # notional of one common lot in millionths of money, rounded against us; 0 when nothing is routed

    @property
    def cost(self) -> int:
        return sum(part.cost for part in self.parts)


class _Venue(msgspec.Struct, frozen=True):
    """A quote made ready: whole-number costs in a unit that all venues share, and the least it takes."""

    size: int  # units of the target in one lot
    least: int  # lots
    fixed: int
    tranches: list[Tranche]  # within the bound, and no more than the order could need


def route(side: int, lots: int, quotes: Sequence[Quote], now_ns: int, stale_ns: int) -> Routed:
    """Send as many of `lots` (common, > 0) as the venues can take, and that at the least all-in cost.

    A quote older than `stale_ns`, one that contradicts itself, or one without depth within its limit gets nothing,
    and says why. Ties go to the earlier quote, and among lots of different sizes to the larger. Two venues are used
    together only where one's lot divides the other's. Raises InvariantBroken for an order that is none, quotes that
    are doubled or more than VENUES_MAX, and NumericOverflow when a figure leaves int64.
    """
    once = len({quote.instrument for quote in quotes}) == len(quotes)
    if side not in (1, -1) or lots <= 0 or len(quotes) > VENUES_MAX or not once:
        raise InvariantBroken(
            f"routing side {side}, {lots} lots over {len(quotes)} quotes",
            f"takes side 1 or -1, a lot or more, and at most {VENUES_MAX} quotes of different instruments",
            "check the order, or leave out the dearest venues",
        )
    refusals = [_refusal(quote, side, now_ns, stale_ns) for quote in quotes]
    good = [index for index, why in enumerate(refusals) if why is Why.ROUTED]
    unit = lcm(*(quotes[index].lot_den for index in good))  # of the target, per common lot
    scale = lcm(*(quotes[index].value_den * _E9 for index in good))  # of costs, per unit of money
    venues = {index: _ready(quotes[index], index, side, lots * unit, unit, scale) for index in good}
    for index in good:
        if venues[index].least > sum(tranche.lots for tranche in venues[index].tranches):
            refusals[index] = Why.BELOW_MINIMUM
            del venues[index]
    taken = _cheapest(lots * unit, venues)
    unrouted = taken.get(UNMET, 0)
    other = Why.UNFIT if unrouted else Why.DEARER
    parts = tuple(
        _part(quote, side, taken[index]) if taken.get(index) else Part(quote.instrument, refusals[index] or other)
        for index, quote in enumerate(quotes)
    )
    routed, notional = lots * unit - unrouted, sum(part.notional for part in parts)
    average = abs(-(-notional * unit * _E6 // routed)) if routed else 0
    return Routed(side, parts, -(-unrouted // unit), average)


def _refusal(quote: Quote, side: int, now_ns: int, stale_ns: int) -> Why:
    prices, lots = quote.prices.tolist(), quote.lots.tolist()
    positive = (quote.lot_num, quote.lot_den, quote.value_num, quote.value_den, quote.limit)
    if (
        len(prices) != len(lots)
        or any(price <= 0 for price in prices)
        or any(count < 0 for count in lots)
        or prices != sorted(prices, reverse=side < 0)
        or min(positive) <= 0
        or min(quote.min_notional, quote.fixed_cost, quote.holding_hours) < 0
        or abs(quote.taker_fee_e6) >= _E6  # a sell would then cost more, the better its price
    ):
        return Why.BAD_QUOTE
    if now_ns - quote.seen_ns > stale_ns:
        return Why.STALE
    within = (count > 0 and side * price <= side * quote.limit for price, count in zip(prices, lots, strict=True))
    return Why.ROUTED if any(within) else Why.NO_DEPTH


def _levels(quote: Quote, side: int, most: int) -> list[tuple[int, int]]:
    """Price and lots of the levels within the bound, `most` lots in all."""
    levels: list[tuple[int, int]] = []
    for price, shown in zip(quote.prices.tolist(), quote.lots.tolist(), strict=True):
        count = min(shown, most)
        if side * price > side * quote.limit or most == 0:
            break
        if count:
            levels.append((price, count))
            most -= count
    return levels


def _ready(quote: Quote, index: int, side: int, target: int, unit: int, scale: int) -> _Venue:
    size = quote.lot_num * unit // quote.lot_den
    levels = _levels(quote, side, target // size)
    value = quote.value_num * scale // (quote.value_den * _E9)  # of a billionth of a price unit on a lot
    funding = side * quote.funding_e9 * quote.holding_hours * int(quote.prices[0])
    per_price = side * _E9 + quote.taker_fee_e6 * (_E9 // _E6)
    tranches = [Tranche(value * (price * per_price + funding), count, index) for price, count in levels]
    lowest = min((price for price, _ in levels), default=1)
    least = max(-(-quote.min_notional * quote.value_den // (quote.value_num * lowest)), 1)
    return _Venue(size, least, quote.fixed_cost * scale, tranches)


def _cheapest(target: int, venues: dict[int, _Venue]) -> dict[int, int]:
    """Lots per venue, and UNMET: the best over all sets of venues that are used."""
    dearest = 2 * sum(v.fixed + sum(abs(t.cost) * t.lots for t in v.tranches) for v in venues.values()) + 1
    floor: int | None = None
    if divide([venue.size for venue in venues.values()]):
        taken = _gather(target, venues, dict.fromkeys(venues, 0), dearest)
        used = [index for index in venues if taken.get(index)]
        if all(venues[index].fixed == 0 and taken[index] >= venues[index].least for index in used):
            return taken  # the best without these conditions, and it fulfils them
        floor = _cost(venues, taken, dearest) - sum(venue.fixed for venue in venues.values())
    best, best_key = {UNMET: target}, (target * dearest, [0] * len(venues))
    for count in range(1, len(venues) + 1):
        for chosen in combinations(venues, count):
            some = {index: venues[index] for index in chosen}
            least = {index: venue.least for index, venue in some.items()}
            rest = target - sum(venue.least * venue.size for venue in some.values())
            if rest < 0 or not divide([venue.size for venue in some.values()]):
                continue
            if floor is not None and floor + sum(venue.fixed for venue in some.values()) > best_key[0]:
                continue  # even at the best prices of all
            taken = _gather(rest, some, least, dearest)
            key = (_cost(some, taken, dearest), [-taken.get(index, 0) for index in venues])
            if key < best_key:
                best, best_key = taken, key
    return best


def _gather(rest: int, venues: dict[int, _Venue], first: dict[int, int], dearest: int) -> dict[int, int]:
    """Each venue's `first` lots, and the `rest` of the target as cheaply as it can be had."""
    offers: dict[int, list[Tranche]] = {}
    for index, venue in venues.items():
        skip, offer = first[index], offers.setdefault(venue.size, [])
        for tranche in venue.tranches:
            part = min(skip, tranche.lots)
            skip -= part
            if tranche.lots > part:
                offer.append(tranche._replace(lots=tranche.lots - part))
    taken = gather(rest, offers, dearest)
    return taken | {index: lots + taken.get(index, 0) for index, lots in first.items()}


def _cost(venues: dict[int, _Venue], taken: dict[int, int], dearest: int) -> int:
    cost = taken.get(UNMET, 0) * dearest
    for index, venue in venues.items():
        left = taken[index]
        cost += venue.fixed
        for tranche in venue.tranches:
            part = min(left, tranche.lots)
            left -= part
            cost += part * tranche.cost
    return cost


def _part(quote: Quote, side: int, lots: int) -> Part:
    levels = _levels(quote, side, lots)
    paid = sum(price * count for price, count in levels)  # price units on lots
    num, den = quote.value_num, quote.value_den
    funding = side * quote.funding_e9 * quote.holding_hours * int(quote.prices[0]) * lots
    money = (
        -(-side * paid * num // den),
        -(-paid * quote.taker_fee_e6 * num // (den * _E6)),
        -(-funding * num // (den * _E9)),
    )
    if max(map(abs, money)) > INT64_MAX:
        raise NumericOverflow(f"an order of {lots} lots", "its cost leaves int64", "check the quote's prices and units")
    average = abs(-(-side * paid // lots))
    return Part(quote.instrument, Why.ROUTED, lots, levels[-1][0], average, *money, quote.fixed_cost)
