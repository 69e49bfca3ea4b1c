"""A direction of a fan-out, and what both routes need for it: bounds, limits, margins, reasons."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints, muldiv_floor
from pilotfish.domain.orders import Command
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Fact, Refused
from pilotfish.engine.follows.shut import opens_nothing
from pilotfish.engine.money.exposure import Exposures
from pilotfish.engine.state import State
from pilotfish.gate.approved import Approved
from pilotfish.gate.limits import Mandates, clip_opens, value_floor

Out = tuple[list[Approved[Command]], list[Fact]]


class Occasion(msgspec.Struct, frozen=True):
    """Why a fan-out happens: the lead's price and stamp, and which way the lead moved (dust joins only then)."""

    reference: int
    lead_ns: int
    reduced: bool = False
    opened: bool = False
    first: bool = True
    opens: bool = True  # False once the window for opens has passed: only exits are still tried
    worst: int = 0  # opens never cost more than this (sales never bring less), whatever the bound says
    only: Ints = msgspec.field(default_factory=lambda: np.zeros(0, dtype=np.int64))  # these follows open; empty: all


class Leg(msgspec.Struct, frozen=True):
    """One direction of a fan-out: exits or opens, on one side."""

    lead: int
    instrument: int
    side: int
    exit: bool
    occasion: Occasion


def clip(state: State, leg: Leg, quotas: Ints, price: int) -> Ints:
    """Opens inside every limit; the reason is noted where one was cut. A follow without room gets zero."""
    rows, follows = state.leads[leg.lead].rows, state.follows
    exposure = refresh(state).of(state.ledger, rows, leg.instrument)
    mandates = Mandates(
        follows.order_cap[rows], follows.position_cap[rows], follows.total_cap[rows], follows.leverage_cap_e2[rows]
    )
    instrument = state.listings[leg.instrument].instrument
    quotas = _rested(state, leg, quotas)
    clipped, reasons = clip_opens(quotas, leg.side, mandates, exposure, instrument, price)
    cut = reasons > 0
    if cut.any():
        note_reasons(state, leg, cut, reasons[cut])
        for reason, count in enumerate(np.bincount(reasons[cut]).tolist()):
            if count:
                state.guard.refuse(Reason(reason), count)
    return clipped


def _rested(state: State, leg: Leg, quotas: Ints) -> Ints:
    """Nothing for follows that open nothing at present, nor for those whose opens rest after a failure."""
    found = opens_nothing(state, state.leads[leg.lead].rows)
    if found is not None and (shut := found[0] & (quotas > 0)).any():
        note_reasons(state, leg, shut, found[1][shut])
        state.guard.refuse(Reason.PAUSED, int(np.count_nonzero(shut)))
        quotas = np.where(shut, 0, quotas)
    cooling = (state.standing.cool_ns[state.leads[leg.lead].rows] > state.now_ns) & (quotas > 0)
    if not cooling.any():
        return quotas
    note_reasons(state, leg, cooling, int(Reason.COOLING))
    state.guard.refuse(Reason.COOLING, int(np.count_nonzero(cooling)))
    return np.where(cooling, 0, quotas)


def note_reasons(state: State, leg: Leg, which: NDArray[np.bool_], reasons: Ints | int) -> None:
    """Remember why follows are off target; `which` selects among the lead's follows."""
    column, rows = state.columns[leg.instrument], state.leads[leg.lead].rows
    noted = column.reasons[rows]
    noted[which] = reasons
    column.reasons[rows] = noted


def refresh(state: State) -> Exposures:
    """Exposures at today's marks."""
    if state.exposures is None:
        state.exposures = Exposures.empty(state.ledger.follows)
        state.exposures.moved = dict.fromkeys(state.ledger.lots, 1)
    for listing in state.listings:
        listing.valued = listing.mark or listing.valued
    marks = {key: (listing.instrument, listing.valued) for key, listing in enumerate(state.listings)}
    state.exposures.refresh(state.ledger, marks)
    return state.exposures


def limit_price(state: State, leg: Leg, bps: int) -> int:
    """Opens are bounded from the lead's price, exits from the mark; neither goes beyond the protective bound."""
    listing, protective = state.listings[leg.instrument], state.settings.protective_bps
    bound, mark = listing.instrument.bound_price, listing.mark or leg.occasion.reference
    if leg.exit:
        return bound(mark, leg.side, min(bps, protective))
    bounds = [bound(leg.occasion.reference, leg.side, bps), bound(mark, leg.side, protective)]
    if leg.occasion.worst:
        bounds.append(bound(leg.occasion.worst, leg.side, 0))
    return min(bounds) if leg.side > 0 else max(bounds)


def bounds(state: State, leg: Leg) -> Ints:
    rows = state.leads[leg.lead].rows
    return (state.follows.exit_bps if leg.exit else state.follows.open_bps)[rows]


def margin(state: State, instrument: int, quotas: Ints, price: int) -> Ints:
    """Initial margin and fee that an open sets aside, per follow, rounded up; a seller commits to the mark at least."""
    listing = state.listings[instrument].instrument
    value = value_floor(quotas, listing, max(price, state.listings[instrument].mark)) + 1
    per = 1_000_000 + listing.taker_fee_e6 * listing.max_leverage
    return muldiv_floor(value, per, 1_000_000 * listing.max_leverage) + 1


def refused(state: State, leg: Leg, which: NDArray[np.bool_], reason: Reason) -> Refused:
    note_reasons(state, leg, which, int(reason))
    return Refused(leg.lead, leg.instrument, reason, int(np.count_nonzero(which)))


def touched(state: State, instrument: int) -> None:
    if state.exposures is not None:
        state.exposures.moved[instrument] = 1
