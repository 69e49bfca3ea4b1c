"""Mandates, recomputed row by row with exact numbers: what one order may ask of one follow. No code of the core."""

from __future__ import annotations

from fractions import Fraction

import msgspec

from pilotfish.domain.instrument import BPS, SUBLOT, Instrument

Exact = int | Fraction
SLACK = 8  # money units: an honest implementation rounds each instrument's value, gross and margin once


class View(msgspec.Struct):
    """One instrument as the auditor saw it last: statements of the market, and our clock."""

    instrument: Instrument
    bid: int = 0
    ask: int = 0
    stated_mark: int = 0
    seen_ns: int = 0
    marked_ns: int = 0

    @property
    def told_ns(self) -> int:
        """When the mark that counts was told last."""
        return self.marked_ns if self.stated_mark else self.seen_ns

    @property
    def mark(self) -> int:
        if self.stated_mark:
            return self.stated_mark
        return (self.bid + self.ask) // 2 if self.bid and self.ask else 0

    @property
    def unit(self) -> Exact:
        """Money per lot and price unit."""
        e = self.instrument.money_exponent
        return 10**e if e >= 0 else Fraction(1, 10**-e)

    def value(self, sublots: int, price: int) -> Fraction:
        """Money of so many sub-lots."""
        return Fraction(sublots * price, SUBLOT) * self.unit

    def cost_rate(self) -> Fraction:
        """Initial margin and taker fee, of notional."""
        return Fraction(1, self.instrument.max_leverage) + Fraction(self.instrument.taker_fee_e6, 1_000_000)


class Standing(msgspec.Struct):
    """One follow before an order: money; by instrument lots, and sub-lots with opens or with exits in flight."""

    row: int
    money: int
    lots: list[int]
    held: list[int]
    leaves: list[int]
    reserved: Fraction  # money that opens in flight may still use


def broken_limits(
    mandate: dict[str, int], at: Standing, views: list[View], key: int, sublots: int, price: int
) -> list[str]:
    """Which limits an open of `sublots` (signed) at limit `price` would break, worst case: it fills, rounded up."""
    view, whole = views[key], -(-abs(sublots) // SUBLOT) * SUBLOT
    asked = view.value(whole, price)
    out = []
    if asked > mandate["order_cap"]:
        out.append(f"order cap {mandate['order_cap']} < {float(asked):.2f}")
    position = view.value(abs(at.held[key]) + whole, price)
    if position > mandate["position_cap"]:
        out.append(f"position cap {mandate['position_cap']} < {float(position):.2f}")
    gross = sum((v.value(abs(h), v.mark) for v, h in zip(views, at.held, strict=True)), Fraction(0)) + asked
    if gross > mandate["total_cap"] + SLACK:
        out.append(f"total cap {mandate['total_cap']} < {float(gross):.2f}")
    equity = at.money + sum((v.value(n * SUBLOT, v.mark) for v, n in zip(views, at.lots, strict=True)), Fraction(0))
    most = equity * mandate["leverage_cap_e2"] / 100
    if gross > most + SLACK * max(1, mandate["leverage_cap_e2"] // 100):
        out.append(f"leverage cap: {float(gross):.2f} of gross on {float(equity):.2f} of equity")
    margins = Fraction(0)
    for v, n in zip(views, at.lots, strict=True):
        margins += v.value(abs(n) * SUBLOT, v.mark) / v.instrument.max_leverage
    free = equity - margins - at.reserved
    need = asked * view.cost_rate()
    if need > free + SLACK:
        out.append(f"free margin {float(free):.2f} < {float(need):.2f}")
    return out


def beyond_bound(reference: int, price: int, side: int, bps: int) -> bool:
    """Whether a limit price is worse than `bps` from the reference."""
    return side * (price - reference) * BPS > reference * bps
