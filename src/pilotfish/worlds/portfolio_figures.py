"""What a replayed portfolio came to: returns by the day, yearly figures, and what was too small to copy."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instrument import Instrument
from pilotfish.evidence.annual import annualise, support
from pilotfish.evidence.returns import drawdown
from pilotfish.views.nav import NavView
from pilotfish.views.report.schema_terms import Annual, NavDay, Portfolio, TooSmall
from pilotfish.worlds.leads_measure import openings
from pilotfish.worlds.leads_window import Window
from pilotfish.worlds.replay import Tape

DAY_MS = 86_400_000
USDC = 10**6
LEVEL = 0.95
COLUMNS = [name for name in NavDay.__struct_fields__ if name != "at_ms"]


def daily_returns(days: Sequence[NavDay]) -> NDArray[np.float64]:
    """Return of each step between points, deposits and withdrawals left out: money that comes works from then on."""
    nav = np.array([float(day.nav) for day in days])
    flows = np.diff([float(day.deposited) for day in days])
    base = nav[:-1] + flows
    return np.where(base > 0, (nav[1:] - base) / np.where(base > 0, base, 1.0), 0.0)


def portfolio_report(
    nav: NavView, capital: int, weights: dict[str, float], days_asked: float, seed: int, too_small: list[TooSmall],
    notes: list[str],
) -> Portfolio:  # fmt: skip
    """All figures of a portfolio with `capital` money units. Percentages are 100 times shares."""
    first, last = nav.days[0], nav.days[-1]
    days, returns = (last.at_ms - first.at_ms) / DAY_MS, daily_returns(nav.days)
    gain = last.nav - last.deposited
    yearly = annualise(float(gain), capital / USDC, days)
    found = support(returns, days, seed, LEVEL)
    return Portfolio(
        capital=Decimal(capital) / USDC,
        weights=weights,
        days=days,
        days_asked=days_asked,
        gain=gain,
        return_percent=100 * float(gain) / (capital / USDC),
        return_low=100 * found.total.low if found else None,
        return_high=100 * found.total.high if found else None,
        simple=_annual(yearly.simple, found.simple if found else None),
        compound=_annual(yearly.compound, found.compound if found else None),
        level=LEVEL,
        block_days=found.block if found else None,
        steps=returns.size,
        drawdown_percent=100 * drawdown(returns),
        nav=nav.days,
        too_small=too_small,
        notes=notes,
    )


def _annual(value: float, ends: tuple[float, float] | None) -> Annual:
    low, high = (100 * end for end in ends) if ends else (None, None)
    return Annual(percent=100 * value, low=low, high=high)


def too_small(tape: Tape, windows: Sequence[Window], allocations: Sequence[int], nav: NavView) -> list[TooSmall]:
    """Opening orders that this capital makes smaller than the venue takes, by lead and instrument; money in USDC."""
    ids = {(i.venue, i.symbol): i.id for i in tape.instruments}
    capital, out = sum(allocations), list[TooSmall]()
    for number, (window, allocation) in enumerate(zip(windows, allocations, strict=True)):
        orders: dict[int, tuple[Instrument, list[float]]] = {}
        for notional, instrument in openings(window):
            if notional > 0:
                need = instrument.min_notional * window.equity / notional / allocation * capital
                orders.setdefault(instrument.id, (instrument, []))[1].append(need)
        for instrument, needs in orders.values():
            below = sum(need > capital for need in needs)
            if below:
                out.append(
                    TooSmall(
                        lead=window.name,
                        symbol=instrument.symbol,
                        orders=len(needs),
                        below=below,
                        copied=(number, ids[instrument.venue, instrument.symbol]) in nav.traded,
                        minimum=Decimal(instrument.min_notional) / USDC,
                        needed_any=_up(min(needs)),
                        needed_half=_up(float(np.median(needs))),
                        needed_all=_up(max(needs)),
                    )
                )
    return sorted(out, key=lambda one: (one.copied, -one.below, one.lead, one.symbol))


def _up(units: float) -> Decimal:
    """Money units as USDC, rounded up to a cent."""
    return Decimal(-int(-units // (USDC // 100))) / 100


def write_nav(path: Path, days: Sequence[NavDay]) -> None:
    """One row a point, amounts in USDC. Raises ConfigError where the file cannot be written."""
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["at", *COLUMNS])
            for day in days:
                at = datetime.fromtimestamp(day.at_ms / 1000, UTC).isoformat(timespec="seconds")
                rows.writerow([at.replace("+00:00", "Z"), *(f"{getattr(day, name):f}" for name in COLUMNS)])
    except OSError as bad:
        raise ConfigError(f"{path}", f"cannot be written ({bad.strerror})", "name another folder") from bad
