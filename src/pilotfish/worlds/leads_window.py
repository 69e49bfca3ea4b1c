"""One lead in one period: its fills, what it held before, and what its own result was."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import msgspec

from pilotfish.domain.events import LeadFill
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.venues.sim.figures import MarketFigures
from pilotfish.worlds.leads_tape import Account, LeadsTape, Print
from pilotfish.worlds.movement import figures_of
from pilotfish.worlds.replay import ASSUMED_LEVERAGE

USDC = 10**6
EQUITY_MIN = 100 * USDC


class Window(msgspec.Struct):
    """Instruments are renumbered 0..k−1; `prints` end with the window, so that no mark knows what comes after."""

    name: str
    instruments: list[Instrument]
    figures: list[MarketFigures]
    fills: list[LeadFill]
    fees: list[int]
    before: dict[int, int]  # lots held when the window begins
    prints: dict[int, list[Print]]
    marks: dict[int, tuple[list[int], list[int]]]  # (ns, price)
    start_ns: int
    end_ns: int
    equity: int = 0
    equity_given: bool = False

    def mark(self, instrument: int, ns: int) -> int:
        """The last price anybody traded at; before the first trade, the first."""
        times, prices = self.marks[instrument]
        return prices[max(bisect_right(times, ns) - 1, 0)] if times else 0

    def pnl(self, times: Sequence[int]) -> list[int]:
        """The lead's own result at each of `times` (ascending), money units, net of its fees, at the last prices."""
        held, cash, at, out = dict(self.before), 0, 0, list[int]()
        for k, lots in held.items():
            cash -= self._worth(k, lots, self.start_ns)
        for ns in times:
            while at < len(self.fills) and self.fills[at].venue_ns <= ns:
                fill, fee = self.fills[at], self.fees[at]
                k, before = fill.instrument, held.get(fill.instrument, 0)
                start = before if fill.start is None else fill.start
                moved = start + fill.change - before
                value = self.instruments[k].notional_floor(moved, fill.price)
                cash -= (value if moved > 0 else -value) + fee
                held[k] = before + moved
                at += 1
            out.append(cash + sum(self._worth(k, lots, ns) for k, lots in held.items() if lots))
        return out

    def _worth(self, k: int, lots: int, ns: int) -> int:
        value = self.instruments[k].notional_floor(lots, self.mark(k, ns))
        return value if lots > 0 else -value


def window_of(tape: LeadsTape, account: Account, start_ns: int, end_ns: int, equity: int = 0) -> Window | None:
    """What `account` did in (start, end]; None where it neither traded nor held anything.

    It begins with the account's first fill where nothing was held before.
    """
    held = dict(account.first)
    inside: list[tuple[LeadFill, int]] = []
    for fill, fee in zip(account.fills, account.fees, strict=True):
        if fill.venue_ns > end_ns:
            break
        if fill.venue_ns > start_ns:
            inside.append((fill, fee))
        else:
            before = held.get(fill.instrument, 0) if fill.start is None else fill.start
            held[fill.instrument] = before + fill.change
    held = {k: lots for k, lots in held.items() if lots}
    if not inside and not held:
        return None
    used = sorted({fill.instrument for fill, _ in inside} | set(held))
    local = {key: k for k, key in enumerate(used)}
    instruments = [msgspec.structs.replace(tape.instruments[key], id=k) for key, k in local.items()]
    prints = {k: [p for p in tape.prints.rows[key] if p[0] <= end_ns] for key, k in local.items()}
    window = Window(
        name=account.name,
        instruments=instruments,
        figures=[figures for figures, _ in figures_of(instruments, prints)],
        fills=[msgspec.structs.replace(fill, instrument=local[fill.instrument]) for fill, _ in inside],
        fees=[fee for _, fee in inside],
        before={local[key]: lots for key, lots in held.items()},
        prints=prints,
        marks={k: ([p[0] for p in rows], [p[1] for p in rows]) for k, rows in prints.items()},
        start_ns=start_ns if held else inside[0][0].venue_ns - 10 * 10**9,
        end_ns=end_ns,
    )
    window.equity, window.equity_given = equity or assumed_equity(window), equity > 0
    return window


def assumed_equity(window: Window) -> int:
    """What the account needed: the most cash that its fully paid positions ever bound, and the peak gross exposure
    of its perpetuals over an assumed leverage. At least 100 USDC.
    """
    held, prices = dict(window.before), {k: window.mark(k, window.start_ns) for k in window.before}
    paid = spent = gross = 0
    for k, lots in held.items():
        if window.instruments[k].kind != Kind.PERP:
            spent += window.instruments[k].notional_floor(lots, prices[k])
    paid = spent
    for fill in window.fills:
        k, instrument = fill.instrument, window.instruments[fill.instrument]
        held[k] = (held.get(k, 0) if fill.start is None else fill.start) + fill.change
        prices[k] = fill.price
        if instrument.kind != Kind.PERP:
            spent += fill.side * instrument.notional_floor(fill.lots, fill.price)
            paid = max(paid, spent)
            continue
        perps = (j for j in held if window.instruments[j].kind == Kind.PERP)
        gross = max(gross, sum(window.instruments[j].notional_floor(held[j], prices.get(j, 0)) for j in perps))
    return max(paid + gross // ASSUMED_LEVERAGE, EQUITY_MIN)
