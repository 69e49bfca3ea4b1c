"""Omnibus: one block order for all follows of a lead that want the same, at one average price."""

from __future__ import annotations

import numpy as np

from pilotfish.copying.wants import block_lots
from pilotfish.domain.arith import Ints
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import Command, OrderState, Place, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Fact
from pilotfish.engine.orders.leg import Leg, Out, bounds, clip, limit_price, margin, refused, touched
from pilotfish.engine.risk.ruling import Size, ruled
from pilotfish.engine.state import BlockOrder, State
from pilotfish.gate.approved import Approved
from pilotfish.gate.gate import approve_block
from pilotfish.ledger.ledger import Reservation

# Slippage bounds fall into classes, so that a block stays one order: a follow's bound is rounded down to one of these.
BOUND_CLASSES = np.array([0, 1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 2000, 5000])


def send_blocks(state: State, leg: Leg, quotas: Ints) -> Out:
    """Omnibus: one block order for each class of slippage bound among the follows, normally a single one.

    A class too small for the venue's minimum goes with the next tighter one, whose bound suits it as well.
    """
    commands: list[Approved[Command]] = []
    facts: list[Fact] = []
    listing = state.listings[leg.instrument]
    instrument = listing.instrument
    classes = np.searchsorted(BOUND_CLASSES, bounds(state, leg), side="right") - 1
    present = np.flatnonzero(np.bincount(classes[quotas > 0]))
    waiting = np.zeros_like(quotas)
    for number in present[::-1]:
        chosen = quotas if present.size == 1 else np.where(classes == number, quotas, 0) + waiting
        price = limit_price(state, leg, int(BOUND_CLASSES[number]))
        least = min(price, listing.mark or price)
        if number != present[0] and instrument.notional_floor(block_lots(chosen), least) < instrument.min_notional:
            waiting = chosen
            continue
        waiting = np.zeros_like(quotas)
        if not leg.exit:
            chosen = clip(state, leg, chosen, max(price, listing.mark))
            if not chosen.any():
                continue
        lots = block_lots(chosen)
        held, more = ruled(state, leg, Size(lots, price, instrument.notional_floor(lots, price)), chosen > 0, facts)
        commands += more[0]
        facts += more[1]
        verdict = held or _place_block(state, leg, price, chosen)
        if isinstance(verdict, Reason):
            facts.append(refused(state, leg, chosen > 0, verdict))
        else:
            commands.append(verdict)
    return commands, facts


def _place_block(state: State, leg: Leg, price: int, quotas: Ints) -> Approved[Command] | Reason:
    lead, ledger, lots = state.leads[leg.lead], state.ledger, block_lots(quotas)
    account = int(ledger.lots[leg.instrument].rows.sum())  # our position on the omnibus account
    closing = leg.exit and lots == -leg.side * account  # the whole account: exempt from the venue's minimum
    place = Place(state.issue_coids(), OMNIBUS, leg.instrument, leg.side, lots, price, Tif.IOC, closing)
    market = state.market(leg.instrument)
    verdict = approve_block(state.guard, market, place, exit=leg.exit, closes_all=closing)
    if isinstance(verdict, Reason):
        return verdict
    money = np.zeros_like(quotas) if leg.exit else margin(state, leg.instrument, quotas, price)
    first, last = (0, 0) if lead.index.size else (lead.first, lead.last)
    ledger.reserve(place.coid, Reservation(leg.instrument, leg.exit, first, last, lead.index, leg.side * quotas, money))
    state.blocks[place.coid] = BlockOrder(
        place, leg.lead, leg.exit, first, last, lead.index, quotas, OrderState.SENT, leg.occasion.reference,
        state.listings[leg.instrument].twice_mid, leg.occasion.lead_ns, state.now_ns, not leg.occasion.first,
    )  # fmt: skip
    touched(state, leg.instrument)
    return verdict
