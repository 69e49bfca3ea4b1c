"""Fills as a file states them, put in order by time and by the positions they state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby, pairwise

from pilotfish.domain.instrument import Instrument
from pilotfish.venues.recordings import chain
from pilotfish.venues.recordings.types import ChainBreak, Recording


@dataclass(slots=True)
class RawFill:
    """One fill as a file states it, in decimals. `key` tells it from every other fill of the account."""

    account: str
    symbol: str
    ns: int
    side: int
    size: Decimal
    price: Decimal
    line: int
    key: tuple[object, ...]
    fee: Decimal = Decimal(0)  # USDC
    fill_id: int | None = None  # None: concluded from `key`
    order_id: int | None = None
    start: Decimal | None = None
    held_back: Decimal = Decimal(0)  # of the position change: a fee taken in the traded token
    tolerance: Decimal = Decimal(0)  # how far the stated start may be off (a spreadsheet's rounding)
    token: str = ""

    @property
    def end(self) -> Decimal | None:
        return self.leaves(None)

    def leaves(self, before: Decimal | None) -> Decimal | None:
        """The position after the fill, from its own start or else from where the account stood; None when neither
        is known.
        """
        start = before if self.start is None else self.start
        return None if start is None else start + self.side * self.size - self.held_back


def in_order(raws: list[RawFill], newest_first: bool, notes: list[str]) -> list[RawFill]:
    """In time order; inside one stamp in chain order, else as the file has it (from its oldest end)."""
    down = sum(a.ns > b.ns for a, b in pairwise(raws))
    up = sum(a.ns < b.ns for a, b in pairwise(raws))
    ascending = up > down or (up == down and not newest_first)
    wrong = down if ascending else up
    if wrong:
        notes.append(
            f"time goes {'backwards' if ascending else 'forwards'} {wrong} times in a file that is "
            f"{'oldest' if ascending else 'newest'} first: sorted by time"
        )
    in_time = sorted(raws if ascending else raws[::-1], key=lambda r: r.ns)
    out: list[RawFill] = []
    stood: dict[str, Decimal] = {}  # where the last fill left each symbol
    rebuilt = selves = 0
    for _, stamp in groupby(in_time, key=lambda r: r.ns):
        group = list(stamp)
        by_symbol: dict[str, list[RawFill]] = {}
        for raw in group:
            by_symbol.setdefault(raw.symbol, []).append(raw)
        for symbol, fills in by_symbol.items():
            moved, paired = _by_chain(fills, stood.get(symbol))
            rebuilt, selves = rebuilt + moved, selves + paired
            for fill in fills:
                if (end := fill.leaves(stood.get(symbol))) is not None:
                    stood[symbol] = end
        slots = {symbol: iter(fills) for symbol, fills in by_symbol.items()}
        out += [next(slots[raw.symbol]) for raw in group]
    if rebuilt:
        notes.append(f"order rebuilt from start positions within {rebuilt} stamps")
    if selves:
        notes.append(
            f"{selves} trades of the account with itself: both sides state the position before the first, so the "
            "second is taken as unstated"
        )
    return out


def _by_chain(fills: list[RawFill], before: Decimal | None) -> tuple[bool, int]:
    """Put one symbol's fills at one stamp into chain order, in place: whether that moved any, and how many self-trades.

    The venue states the same start for both sides of a trade of the account with itself. Such a pair is one step of the
    chain that leads nowhere; it is only looked for where the chain does not close without.
    """
    single = [[f] for f in fills]
    links = _links(single)
    if len(links) != len(fills) or (len(fills) == 1):
        return False, 0
    order = chain.ordered(links, before)
    left = chain.breaks([links[i] for i in order], before)
    if left:
        paired = _self_trades(fills)
        pair_links = _links(paired)
        pair_order = chain.ordered(pair_links, before)
        if chain.breaks([pair_links[i] for i in pair_order], before) < left:
            single, order = paired, pair_order
    was = list(fills)
    fills[:] = [fill for i in order for fill in single[i]]
    for unit in single:
        for second in unit[1:]:
            second.start = None
    return any(a is not b for a, b in zip(was, fills, strict=True)), len(fills) - len(single)


def _self_trades(fills: Sequence[RawFill]) -> list[list[RawFill]]:
    """The fills with both sides of a self-trade side by side: equal start, size and price, opposite sides."""
    units: list[list[RawFill]] = []
    waiting: dict[tuple[object, ...], list[list[RawFill]]] = {}
    for fill in fills:
        what = (fill.start, fill.size, fill.price)
        if others := waiting.get((*what, -fill.side)):
            others.pop(0).append(fill)
            continue
        units.append([fill])
        waiting.setdefault((*what, int(fill.side)), []).append(units[-1])
    return units


def _links(units: Sequence[Sequence[RawFill]]) -> list[chain.Link]:
    """Each unit as one step; a self-trade ends where it began."""
    return [
        chain.Link(u[0].start, u[0].start if len(u) > 1 else u[0].end, u[0].tolerance)
        for u in units
        if u[0].start is not None and u[0].end is not None
    ]


def check_chain(raws: Sequence[RawFill], index: dict[str, Instrument], out: Recording) -> None:
    """Every stated start against where the fill before it left the account."""
    stood: dict[str, Decimal] = {}
    for k, raw in enumerate(raws):
        before = stood.get(raw.symbol)
        if raw.start is not None and before is not None and abs(before - raw.start) > raw.tolerance:
            instrument, gap = index[raw.symbol], raw.start - before
            expected, stated = (int(p.scaleb(instrument.lot_decimals)) for p in (before, raw.start))
            moved = f"{abs(gap).normalize():f} {raw.symbol} {'bought' if gap > 0 else 'sold'}"
            why = f"{moved} before the fill of line {raw.line} is not in the file"
            out.breaks.append(ChainBreak(k, instrument.id, expected, stated, why))
        if (end := raw.leaves(before)) is not None:
            stood[raw.symbol] = end
