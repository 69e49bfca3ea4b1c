"""Opens of a lead's follows sent in parts: over time (TWAP), in clips (iceberg), within our part of the market.

Exits are never slowed. What a part leaves is simply still lacking, so nothing is kept but when it all began and how
much it was: what is filled or in flight is the difference to what is lacking now.
"""

from __future__ import annotations

import numpy as np

from pilotfish.copying.wants import block_lots
from pilotfish.domain.arith import Ints
from pilotfish.domain.instructions import ExecutionSet
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import BPS
from pilotfish.domain.reasons import Reason
from pilotfish.domain.terms import Execution
from pilotfish.engine.orders.leg import Leg, Out, bounds, limit_price, note_reasons
from pilotfish.engine.state import State, Working
from pilotfish.execution.slicing import Held, Schedule, ScheduleKind, due, next_slice_ns, room, sendable, slice_quotas
from pilotfish.gate.gate import minimum_lots

SLICES_MAX = 1_000
WINDOW_NS_MAX = 24 * 3_600 * 1_000_000_000


def on_execution(state: State, event: ExecutionSet) -> Out:
    """From the next look on; what is under way is worked by the new terms."""
    state.execution = event.terms
    return [], []


def execution_refused(state: State, event: ExecutionSet) -> str:
    """Why these terms could not be kept."""
    terms = event.terms
    if terms.kind not in list(Execution):
        return f"execution {terms.kind} is not known"
    if not 0 <= terms.participation_bps <= BPS:
        return f"a participation of {terms.participation_bps} bps is not between 0 (no limit) and 10000"
    if not 0 <= terms.window_ns <= WINDOW_NS_MAX or not 1 <= terms.slices <= SLICES_MAX:
        return f"{terms.slices} slices in {terms.window_ns} ns: take 1 to {SLICES_MAX} slices within a day"
    if terms.kind == Execution.TWAP and terms.window_ns < terms.slices:
        return f"{terms.slices} slices do not fit into {terms.window_ns} ns: give the TWAP a longer window"
    if terms.kind == Execution.ICEBERG and terms.display_lots < 1:
        return "an iceberg has to show a lot or more"
    if terms.stage_ns < 0 or terms.holding_hours < 0:
        return "a time below zero"
    return ""


def worked(state: State, leg: Leg, quotas: Ints) -> Ints:
    """What of the opens of a lead's follows (sub-lots ≥ 0) may leave now; who has to wait is told so."""
    terms = state.execution
    if leg.exit or (terms.kind == Execution.AT_ONCE and not terms.participation_bps):
        return quotas
    listing, left = state.listings[leg.instrument], block_lots(quotas)
    worst = limit_price(state, leg, int(bounds(state, leg)[quotas > 0].max(initial=0)))
    least = minimum_lots(listing.instrument, max(min(worst, listing.mark or worst), 1))
    depth = listing.ask_lots if leg.side > 0 else listing.bid_lots
    if terms.kind == Execution.TWAP:
        lots = _scheduled(state, leg, left, least, depth)
    else:
        clip = max(terms.display_lots, 2 * least - 1) if terms.kind == Execution.ICEBERG else left
        allowed = room(terms.participation_bps or BPS, 0, None, depth)
        showing = terms.kind == Execution.ICEBERG and _in_flight(state, leg)
        lots = 0 if showing else sendable(left, clip, Held.SHOWING, allowed, least).lots
    if lots >= left:
        return quotas
    sent = slice_quotas(quotas, lots) if state.omnibus else _some(quotas, lots, least, leg.occasion.lead_ns)
    note_reasons(state, leg, quotas - sent >= SUBLOT, int(Reason.SLICED))
    return sent


def _scheduled(state: State, leg: Leg, left: int, least: int, depth: int) -> int:
    """A move of the lead starts a new schedule for all that is left, though no slice comes sooner for it."""
    key = _key(leg.lead, leg.instrument, leg.side)
    known = state.working.get(key)
    if known is None or (leg.occasion.first and leg.occasion.opened):
        start = (known and next_slice_ns(_schedule(state, known), state.now_ns)) or state.now_ns
        known = state.working[key] = Working(start, left)
    return due(_schedule(state, known, least), state.now_ns, known.whole, known.whole - left, None, depth).lots


def _schedule(state: State, known: Working, least: int = 1) -> Schedule:
    terms = state.execution
    end = known.start_ns + max(terms.window_ns, terms.slices)
    return Schedule(ScheduleKind.TWAP, known.start_ns, end, terms.slices, terms.participation_bps or BPS, least)


def _some(quotas: Ints, lots: int, least: int, start: int) -> Ints:
    """Whole quotas of some follows, `lots` in all, so that no account's order becomes too small for its venue. Who is
    first goes round with the lead's trades; the last may get a part.
    """
    order = (np.arange(quotas.size) + start % quotas.size) % quotas.size
    whole = quotas[order] // SUBLOT
    upto = np.cumsum(whole)
    sent = np.zeros_like(quotas)
    fits = upto <= lots
    sent[order[fits]] = quotas[order[fits]]
    if not fits.all():
        last = int(np.argmin(fits))
        part = lots - int(upto[last] - whole[last])
        if min(part, int(whole[last]) - part) >= least:
            sent[order[last]] = part * SUBLOT
    return sent


def _in_flight(state: State, leg: Leg) -> bool:
    """Whether a clip is in the market already."""
    blocks = [(o.lead, o.place.instrument, o.place.side, o.exit) for o in state.blocks.values()]
    batches = [(o.lead, o.batch.instrument, o.batch.side, o.exit) for o in state.batches.values()]
    return (leg.lead, leg.instrument, leg.side, False) in blocks + batches


def opens_until(state: State, lead: int, instrument: int, since_ns: int) -> int:
    """When opens that began at `since_ns` are given up."""
    terms, ends = state.execution, [since_ns + state.settings.retry_ns_max]
    if terms.kind == Execution.TWAP:
        last = since_ns + terms.window_ns + terms.window_ns // terms.slices  # what others began later is not for these
        ends += [min(schedule.end_ns, last) for schedule in _schedules(state, lead, instrument)]
    elif terms.kind == Execution.ICEBERG:
        ends.append(since_ns + terms.window_ns)
    return max(ends)


def next_look_ns(state: State, lead: int, instrument: int, latest_ns: int) -> int:
    """`latest_ns`, or when a slice falls due before."""
    if state.execution.kind != Execution.TWAP:
        return latest_ns
    slices = (next_slice_ns(schedule, state.now_ns) for schedule in _schedules(state, lead, instrument))
    return min([latest_ns, *(ns for ns in slices if ns is not None)])


def _schedules(state: State, lead: int, instrument: int) -> list[Schedule]:
    found = (state.working.get(_key(lead, instrument, side)) for side in (1, -1))
    return [_schedule(state, known) for known in found if known is not None]


def _key(lead: int, instrument: int, side: int) -> int:
    return (lead << 32 | instrument) << 1 | (side > 0)
