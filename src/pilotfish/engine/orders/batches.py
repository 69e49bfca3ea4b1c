"""Segregated: one order for every follow that lacks something, all of them in one columnar command."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import Minimum
from pilotfish.domain.orders import Command, PlaceBatch, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Fact, Refused
from pilotfish.engine.orders.leg import Leg, Out, bounds, clip, limit_price, margin, note_reasons, refused, touched
from pilotfish.engine.risk.ruling import Size, ruled
from pilotfish.engine.state import BatchOrder, State
from pilotfish.gate.approved import Approved
from pilotfish.gate.gate import approve_batch, batch_lots, minimum_lots
from pilotfish.ledger.ledger import Reservation


def send_batch(state: State, leg: Leg, quotas: Ints) -> Out:
    """Segregated: one order for every follow, each with its own bound, all in one columnar command."""
    lead, listing = state.leads[leg.lead], state.listings[leg.instrument]
    policy, position = state.follows.minimum[lead.rows], state.ledger.lots[leg.instrument].rows[lead.rows]
    distinct, where = np.unique(bounds(state, leg), return_inverse=True)
    prices = np.array([limit_price(state, leg, int(bps)) for bps in distinct], dtype=np.int64)[where]
    dearest = int(prices.max())  # a seller whose bound is tight commits to more than one whose bound is wide
    least = np.minimum(prices, listing.mark or prices)  # venues measure their minimum at the one or the other
    room = quotas
    if not leg.exit:
        need = minimum_lots(listing.instrument, int(least.min())) * SUBLOT
        raising = (policy == Minimum.RAISE) & (quotas > 0)
        room = clip(state, leg, np.where(raising, np.maximum(quotas, need), quotas), max(dearest, listing.mark))
        quotas = np.minimum(quotas, room)
    lots, reasons = batch_lots(quotas, policy, listing.instrument, least, room, position, exit=leg.exit)
    small = (quotas > 0) & (reasons > 0)
    below = int(np.count_nonzero(reasons[small] == Reason.BELOW_MINIMUM))
    note_reasons(state, leg, small, reasons[small])
    if not leg.exit:
        _forget_skipped(state, leg, quotas, (reasons == Reason.BELOW_MINIMUM) & (policy == Minimum.SKIP))
        _keep_raised(state, leg, np.maximum(lots * SUBLOT - quotas, 0))
    facts: list[Fact] = []
    send = _within_budget(state, leg, np.flatnonzero(lots > 0), facts)
    if below:
        facts.append(Refused(leg.lead, leg.instrument, state.guard.refuse(Reason.BELOW_MINIMUM, below), below))
    if not send.size:
        return [], facts
    going = np.zeros(lots.size, dtype=bool)
    going[send] = True
    size = Size.of(listing.instrument, leg.side, lots[send], prices[send])
    held, (commands, more) = ruled(state, leg, size, going, facts)
    facts += more
    verdict = held or _place_batch(state, leg, send, lots[send], prices[send], quotas[send])
    if isinstance(verdict, Reason):
        return commands, [*facts, refused(state, leg, going, verdict)]
    return [*commands, verdict], facts


def _within_budget(state: State, leg: Leg, send: Ints, facts: list[Fact]) -> Ints:
    """As many orders as our rate budget lets leave now; the others wait for the next look. Who is first goes round."""
    venue = state.listings[leg.instrument].instrument.venue
    fits = state.guard.room(venue, state.now_ns, exit=leg.exit)
    if fits is None or fits >= send.size:
        return send
    chosen = np.zeros(send.size, dtype=bool)
    chosen[(np.arange(fits) + state.seq) % send.size] = True
    late = np.zeros(state.leads[leg.lead].count, dtype=bool)
    late[send[~chosen]] = True
    state.guard.refuse(Reason.BUDGET, int(np.count_nonzero(late)))
    facts.append(refused(state, leg, late, Reason.BUDGET))
    return send[chosen]


def _place_batch(
    state: State, leg: Leg, send: Ints, lots: Ints, prices: Ints, quotas: Ints
) -> Approved[Command] | Reason:
    lead = state.leads[leg.lead]
    index = lead.index[send] if lead.index.size else send + lead.first
    accounts = state.follows.follower[index]
    coid = state.issue_coids(send.size)
    reduces = leg.exit and _only_reduces(state, leg, index, lots)
    batch = PlaceBatch(coid, leg.instrument, leg.side, accounts, lots, prices, Tif.IOC, reduces)
    verdict = approve_batch(state.guard, state.market(leg.instrument), batch, exit=leg.exit)
    if isinstance(verdict, Reason):
        return verdict
    sublots, widest = lots * SUBLOT, int(prices.max())
    money = np.zeros_like(sublots) if leg.exit else margin(state, leg.instrument, sublots, widest)
    state.ledger.reserve(coid, Reservation(leg.instrument, leg.exit, 0, 0, index, leg.side * sublots, money))
    state.batches[coid] = BatchOrder(
        batch, leg.lead, leg.exit, index, quotas, np.zeros(send.size, dtype=np.int64), leg.occasion.reference,
        state.listings[leg.instrument].twice_mid, leg.occasion.lead_ns, state.now_ns, not leg.occasion.first,
    )  # fmt: skip
    touched(state, leg.instrument)
    return verdict


def _only_reduces(state: State, leg: Leg, index: Ints, lots: Ints) -> bool:
    """Whether the exit reduces every account, all leads together: a venue refuses a reduce-only order that does not."""
    if len(state.leads) == 1:
        return True
    _, account = np.unique(state.follows.follower, return_inverse=True)
    net = np.zeros(account.size, dtype=np.int64)
    np.add.at(net, account, state.ledger.lots[leg.instrument].rows)
    return bool((-leg.side * net[account[index]] >= lots).all())


def _forget_skipped(state: State, leg: Leg, quotas: Ints, skipped: NDArray[np.bool_]) -> None:
    """The skip policy: a change below the minimum is dropped from the target, so that it does not pile up."""
    if skipped.any():
        column, rows = state.columns[leg.instrument], state.leads[leg.lead].rows
        targets = column.targets[rows]
        column.override(rows, np.where(skipped, targets - leg.side * quotas, targets))


def _keep_raised(state: State, leg: Leg, extra: Ints) -> None:
    """The raise policy: what an order was raised by is wanted from now on, or the next look would sell it again."""
    if extra.any():
        column, rows = state.columns[leg.instrument], state.leads[leg.lead].rows
        column.override(rows, column.targets[rows] + leg.side * extra)
