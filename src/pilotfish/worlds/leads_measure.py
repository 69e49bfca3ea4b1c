"""From one replayed lead to its evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.instrument import Instrument
from pilotfish.evidence.capacity import Rung, capacity
from pilotfish.evidence.clones import Orders
from pilotfish.evidence.life import DAY_NS, death
from pilotfish.evidence.luck import intervals, probabilistic_sharpe, sharpe, wilson
from pilotfish.evidence.minimum import capital_needed
from pilotfish.evidence.returns import drawdown, linked, loss_to_copying, modified_dietz, step_returns
from pilotfish.evidence.schema import Copying, LeadEvidence
from pilotfish.evidence.trips import RoundTrip, round_trips
from pilotfish.worlds.leads_replay import Copied, pooled
from pilotfish.worlds.leads_window import USDC, Window

YEAR_NS = 365 * DAY_NS
STEPS_MIN = 30  # a Sharpe ratio of fewer steps says nothing, of a lead or of luck


class Measured(msgspec.Struct):
    """One lead before it is compared with the others. `steps`: the copiers' returns, one a step."""

    window: Window
    copied: Copied
    copying: Copying
    trips: list[RoundTrip]
    steps: NDArray[np.float64]
    per_step: float | None
    lead_drawdown: float
    dead: str
    ladder: list[Rung]


def rung(capital: float, copied: Copied) -> Rung:
    return Rung(capital, money_weighted(copied), copied.filled / max(copied.copies, 1))


def money_weighted(copied: Copied) -> float:
    return modified_dietz(copied.times_ns[0], copied.times_ns[-1], copied.deposits, float(copied.values[-1])) or 0.0


def measure(window: Window, worlds: Sequence[Copied], capital: float, step_ns: int, seed: int) -> Measured:
    """What replays of `window` say of copying this lead, and what its own record says of the lead."""
    copied = pooled(worlds)
    times, start = copied.times_ns, copied.times_ns[0]
    pnl = [value / USDC for value in window.pnl(times)]
    equity = window.equity / USDC
    steps = step_returns(copied.values, copied.flows)
    per_step = sharpe(steps)
    ideal = sum(paid / equity * (pnl[-1] - pnl[k]) for paid, k in zip(copied.paid.tolist(), copied.joined, strict=True))
    invested = sum(amount * (times[-1] - at) / (times[-1] - start) for at, amount in copied.deposits)
    ends = intervals(steps, copied.flows, invested, seed)
    loss, loss_bps = loss_to_copying(ideal, float((copied.ended - copied.paid).sum()), invested, copied.traded)
    yearly = math.sqrt(YEAR_NS / step_ns)
    copying = Copying(
        money_weighted=money_weighted(copied),
        replays=[money_weighted(world) for world in worlds],
        time_weighted=linked(steps),
        low=ends[1].low if ends else None,
        high=ends[1].high if ends else None,
        in_profit=int((copied.ended > copied.paid).sum()),
        copiers=copied.paid.size,
        drawdown=drawdown(steps),
        sharpe=None if per_step is None else per_step * yearly,
        sharpe_low=ends[0].low * yearly if ends and per_step is not None else None,
        sharpe_high=ends[0].high * yearly if ends and per_step is not None else None,
        lead_return=ideal / invested,
        loss_of_return=loss,
        loss_bps=loss_bps,
        traded=copied.traded,
        fees=copied.fees,
        copies=copied.copies,
        filled=copied.filled / max(copied.copies, 1),
        missed=copied.missed / max(copied.copies, 1),
        missed_why=copied.missed_why,
    )
    own = [equity + value for value in pnl]
    lead_steps = np.diff(own) / np.maximum(np.array(own[:-1]), 1e-9)
    last_fill = window.fills[-1].venue_ns if window.fills else window.start_ns
    instruments = window.instruments
    trips = round_trips(
        window.fills, window.fees, instruments, {i.id: window.mark(i.id, window.end_ns) for i in instruments},
        window.before, {i.id: window.mark(i.id, window.start_ns) for i in instruments}, window.start_ns, window.end_ns,
    )  # fmt: skip
    dead = death(times, own, last_fill, window.end_ns)
    return Measured(
        window, copied, copying, trips, steps, per_step, drawdown(lead_steps), dead, [rung(capital, copied)]
    )


def evidence(found: Measured, rank: int, luck: float, clones: Sequence[str]) -> LeadEvidence:
    """The lead among the others; `luck`: the Sharpe ratio of one step that the luckiest of them would show."""
    window, trips = found.window, found.trips
    wins, (low, high) = sum(trip.pnl > 0 for trip in trips), wilson(sum(trip.pnl > 0 for trip in trips), len(trips))
    first, last = (window.fills[0], window.fills[-1]) if window.fills else (None, None)
    opening, enough = openings(window), found.steps.size >= STEPS_MIN
    return LeadEvidence(
        rank=rank,
        name=window.name,
        venue=window.instruments[0].venue,
        first_ms=(first.venue_ns if first else window.start_ns) // 10**6,
        last_ms=(last.venue_ns if last else window.start_ns) // 10**6,
        days=(window.end_ns - window.start_ns) / DAY_NS,
        active_days=len({fill.venue_ns // DAY_NS for fill in window.fills}),
        fills=len(window.fills),
        round_trips=len(trips),
        open_trips=sum(trip.open for trip in trips),
        wins=wins,
        win_low=low,
        win_high=high,
        equity=window.equity / USDC,
        equity_given=window.equity_given,
        lead_drawdown=found.lead_drawdown,
        copying=found.copying,
        per_step=found.per_step,
        deflated=probabilistic_sharpe(found.steps, luck) if enough else None,
        alone=probabilistic_sharpe(found.steps) if enough else None,
        capacity=capacity(found.ladder),
        ladder=sorted(found.ladder, key=lambda one: one.capital),
        dead=found.dead,
        clones=list(clones),
        capital_needed=capital_needed([n for n, _ in opening], [i.min_notional for _, i in opening], window.equity),
        notes=_notes(found),
    )


def openings(window: Window) -> list[tuple[int, Instrument]]:
    """Notional and instrument of every order that opened or added; fills of one stamp and side are one order."""
    held, out = dict(window.before), dict[tuple[int, int, int], int]()
    for fill in window.fills:
        k = fill.instrument
        start = held.get(k, 0) if fill.start is None else fill.start
        held[k] = start + fill.change
        if abs(held[k]) > abs(start):
            key = (k, fill.side, fill.venue_ns)
            out[key] = out.get(key, 0) + window.instruments[k].notional_floor(fill.lots, fill.price)
    return [(money, window.instruments[k]) for (k, _, _), money in out.items()]


def orders_of(window: Window, ids: dict[tuple[str, str], int]) -> Orders:
    """The lead's orders as columns for the search of clones; `ids` number instruments across leads."""
    sizes: dict[tuple[int, int, int], float] = {}
    for fill in window.fills:
        instrument = window.instruments[fill.instrument]
        key = (fill.venue_ns, ids[instrument.venue, instrument.symbol], int(fill.side))
        sizes[key] = sizes.get(key, 0.0) + float(instrument.show_lots(fill.lots))
    rows = sorted(sizes)
    ns, keys, sides = (np.array([row[c] for row in rows], dtype=np.int64) for c in range(3))
    return Orders(window.name, keys, sides, ns, np.array([sizes[row] for row in rows]))


def _notes(found: Measured) -> list[str]:
    window, notes = found.window, list[str]()
    if not window.equity_given:
        notes.append(f"its equity of {window.equity / USDC:,.0f} USDC is assumed")
    if window.before:
        notes.append(f"held {len(window.before)} positions when the period began")
    held = {trip.instrument for trip in found.trips if trip.open}
    old = [window.end_ns - window.prints[k][-1][0] for k in held if window.prints[k]]
    if held:
        notes.append(f"{len(held)} positions open at the end, valued at prices up to {max(old) / DAY_NS:.1f} days old")
    if found.copying.missed > 0.5:
        notes.append(f"{found.copying.missed:.0%} of the copies were missed: this is little of what the lead did")
    return notes
