"""A resting order leaves: inside every limit, past the rules and the gate, and with what it may use set aside."""

from __future__ import annotations

import numpy as np

from pilotfish.copying.wants import block_lots
from pilotfish.domain.arith import Ints
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import OMNIBUS, Minimum
from pilotfish.domain.orders import Command, Place, PlaceBatch, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Fact, Refused
from pilotfish.engine.mirrors.mirror import LONG_AGO, Mirror
from pilotfish.engine.orders.leg import Leg, clip, margin, touched
from pilotfish.engine.risk.ruling import Size, ruled
from pilotfish.engine.state import State
from pilotfish.gate.approved import Approved
from pilotfish.gate.gate import approve_batch, approve_block, batch_lots
from pilotfish.ledger.ledger import Reservation

Placed = tuple[Mirror | Reason, list[Approved[Command]], list[Fact]]


def place(state: State, leg: Leg, order: int, quotas: Ints, said: int = 0) -> Placed:
    """Orders that add liquidity at the leg's reference price, for `quotas` (sub-lots ≥ 0) of the lead's follows; or why
    there is none, which is told unless it was `said` already.
    """
    price, listing = leg.occasion.reference, state.listings[leg.instrument]
    quotas = clip(state, leg, quotas, max(price, listing.mark))
    lots = quotas if state.omnibus else _own_lots(state, leg, quotas, price)
    send = np.flatnonzero(lots)
    if not send.size:
        return Reason.CARRIED, [], []
    going = np.zeros(quotas.size, dtype=bool)
    going[send] = True
    whole = block_lots(quotas) if state.omnibus else int(lots.sum())
    facts: list[Fact] = []
    size = Size(whole, price, listing.instrument.notional_floor(whole, price))
    verdict, (commands, more) = ruled(state, leg, size, going, facts)
    if verdict is Reason.NONE:
        made = _mirror(state, leg, order, send, quotas[send] if state.omnibus else lots[send] * SUBLOT)
        if isinstance(made, Mirror):
            approved = _approve(state, made)
            if not isinstance(approved, Reason):
                _register(state, made, price)
                return made, [*commands, approved], [*facts, *more]
            verdict = approved
    if verdict != said:
        more = [*more, Refused(leg.lead, leg.instrument, verdict, int(send.size))]
    return verdict, commands, [*facts, *more]


def _own_lots(state: State, leg: Leg, quotas: Ints, price: int) -> Ints:
    """Whole lots of separate orders. Whoever's part is below the minimum copies the fill instead; none is raised."""
    listing, lead = state.listings[leg.instrument], state.leads[leg.lead]
    least = np.full_like(quotas, min(price, listing.mark or price))
    policy = np.full_like(quotas, int(Minimum.CARRY))
    position = state.ledger.lots[leg.instrument].rows[lead.rows]
    lots, _ = batch_lots(quotas, policy, listing.instrument, least, quotas, position, exit=False)
    fits = state.guard.room(listing.instrument.venue, state.now_ns, exit=False)
    if fits is not None:
        lots[np.flatnonzero(lots)[fits:]] = 0
    return lots


def _mirror(state: State, leg: Leg, order: int, send: Ints, quotas: Ints) -> Mirror:
    lead, price = state.leads[leg.lead], leg.occasion.reference
    index = lead.index[send] if lead.index.size else send + lead.first
    command: Place | PlaceBatch
    if state.omnibus:
        lots = np.array([block_lots(quotas)], dtype=np.int64)
        command = Place(state.issue_coids(), OMNIBUS, leg.instrument, leg.side, int(lots[0]), price, Tif.ALO)
    else:
        lots = quotas // SUBLOT
        coid, accounts, prices = state.issue_coids(send.size), state.follows.follower[index], np.full_like(lots, price)
        command = PlaceBatch(coid, leg.instrument, leg.side, accounts, lots.copy(), prices, Tif.ALO)
    zero = np.zeros_like(lots)
    return Mirror(
        command, leg.lead, order, index, quotas, lots, zero, zero - 1, zero + LONG_AGO, price,
        state.listings[leg.instrument].twice_mid, state.now_ns,
    )  # fmt: skip


def _approve(state: State, mirror: Mirror) -> Approved[Command] | Reason:
    command, market = mirror.command, state.market(mirror.command.instrument)
    if isinstance(command, Place):
        return approve_block(state.guard, market, command, exit=False, closes_all=False)
    return approve_batch(state.guard, market, command, exit=False)


def _register(state: State, mirror: Mirror, price: int) -> None:
    key, side = mirror.command.instrument, mirror.command.side
    money = margin(state, key, mirror.quotas, price)
    state.ledger.reserve(mirror.coid, Reservation(key, False, 0, 0, mirror.index, side * mirror.quotas, money))
    state.mirrors[mirror.coid] = mirror
    touched(state, key)
