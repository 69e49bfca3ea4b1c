"""Follows, cash, funding and forced closes: whatever changes columns without being a copy."""

from __future__ import annotations

import numpy as np

from pilotfish.copying.targets import SizingLimits, grown, increments
from pilotfish.domain.arith import Ints, apportion, muldiv_floor
from pilotfish.domain.events import CashMoved, FollowsOpened, Funding, InstrumentListed, LeadListed, Liquidation
from pilotfish.domain.instrument import SUBLOT, Instrument
from pilotfish.domain.mandate import OMNIBUS, RATIO_UNIT, Follows, Sizing, Start
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Fact, Quarantined, Refused, Targeted
from pilotfish.engine.fanout import fan_out
from pilotfish.engine.leg import Occasion, Out, refresh
from pilotfish.engine.state import Column, Lead, Listing, State, remember

_REMEMBERED = 4_096


def on_instrument(state: State, event: InstrumentListed) -> Out:
    state.listings.append(Listing(event.instrument))
    state.ledger.list_instrument(event.instrument.id)
    n = state.ledger.follows
    targets, reasons, waiting, partly = (np.zeros(n, dtype=np.int64) for _ in range(4))
    state.columns[event.instrument.id] = Column(
        targets, reasons, waiting, partly, _allowed(state.follows, event.instrument)
    )
    return [], []


def on_lead(state: State, event: LeadListed) -> Out:
    state.leads.append(Lead(event.name, event.equity))
    return [], []


def on_follows(state: State, event: FollowsOpened) -> Out:
    """New rows at the end of every column; a proportional follow freezes the lead's equity here, for good."""
    new, old = event.follows, state.follows
    first, count = len(old), len(new)
    rules = list(old.rules)
    shift = len(rules) if len(old) else 0
    columns = {name: np.concatenate([getattr(old, name), column]) for name, column in new.columns().items()}
    columns["rule"][first:] += shift
    state.follows = Follows(rules=(rules if len(old) else []) + list(new.rules), **columns)
    ratio = new.sizing == Sizing.FIXED_RATIO
    equity = np.array([lead.equity for lead in state.leads], dtype=np.int64)[new.lead]
    state.num = np.concatenate([state.num, np.where(ratio, new.value, new.allocation)])
    state.den = np.concatenate([state.den, np.where(ratio, RATIO_UNIT, equity)])
    total = first + count
    state.ledger.grow(total)
    for key, column in state.columns.items():
        more = np.zeros(count, dtype=np.int64)
        column.targets = np.concatenate([column.targets, more])
        column.reasons = np.concatenate([column.reasons, more])
        column.waiting = np.concatenate([column.waiting, more])
        column.partly = np.concatenate([column.partly, more])
        column.allowed = _allowed(state.follows, state.listings[key].instrument)
    state.exposures = None
    _index_leads(state)
    state.ledger.post_cash(slice(first, total), new.allocation)
    return _take_over(state, first, total)


def _index_leads(state: State) -> None:
    for number, lead in enumerate(state.leads):
        rows = np.flatnonzero(state.follows.lead == number)
        together = rows.size and rows[-1] - rows[0] + 1 == rows.size
        lead.first, lead.last = (int(rows[0]), int(rows[-1]) + 1) if together else (0, 0)
        lead.index = np.zeros(0, dtype=np.int64) if together or not rows.size else rows


def _take_over(state: State, first: int, last: int) -> Out:
    """Follows that want the lead's existing positions get targets for them now."""
    commands, facts = [], list[Fact]()
    fresh = np.arange(first, last)
    fresh = fresh[state.follows.start[fresh] == Start.EXISTING]
    for number, lead in enumerate(state.leads):
        rows = fresh[state.follows.lead[fresh] == number]
        if not rows.size:
            continue
        for key, position in lead.positions.items():
            listing, column, follows = state.listings[key], state.columns[key], state.follows
            price = listing.mark
            if not position:
                continue
            if price <= 0:  # nothing to measure the caps by: said, and left to the lead's next move
                column.reasons[rows] = Reason.STALE
                facts.append(Refused(number, key, state.guard.refuse(Reason.STALE, rows.size), rows.size))
                continue
            step = increments(state.num[rows], state.den[rows], position)
            limits = SizingLimits(follows.order_cap[rows], follows.position_cap[rows], column.allowed[rows])
            targets, reasons = grown(column.targets[rows], step, limits, listing.instrument, price)
            facts.append(Targeted(number, key, price, rows, targets - column.targets[rows], state.now_ns))
            column.targets[rows], column.reasons[rows] = targets, reasons
            occasion = Occasion(price, state.now_ns, opened=True)
            more = fan_out(state, number, key, occasion)
            commands += more[0]
            facts += more[1]
    return commands, facts


def _allowed(follows: Follows, instrument: Instrument) -> np.ndarray:
    by_rule = np.array([rule.allows(instrument.symbol) for rule in follows.rules], dtype=bool)
    return by_rule[follows.rule] if len(follows) else np.zeros(0, dtype=bool)


def on_cash(state: State, event: CashMoved) -> Out:
    """Deposits count at once; a withdrawal of more than is free is not applied at all."""
    exposures = refresh(state)
    free = state.ledger.money.rows + exposures.value - exposures.margin - state.ledger.reserved_money
    short = np.flatnonzero((event.amounts < 0) & (free[event.rows] + event.amounts < 0))
    if short.size:
        state.quarantined += 1
        return [], [Quarantined(f"withdrawal of follow {int(event.rows[short[0]])}", "more than its free margin")]
    state.ledger.post_cash(event.rows, event.amounts)
    return [], []


def on_funding(state: State, event: Funding) -> Out:
    """Funding by the venue's formula, row by row. Its word rules: a separate account pays what the venue took from it,
    and on the omnibus account the odd units go to rounding.
    """
    if event.funding_id in state.funding_seen:
        state.duplicates += 1
        return [], []
    remember(state.funding_seen, event.funding_id, 1, _REMEMBERED)
    positions = state.ledger.lots[event.instrument].rows
    value = state.listings[event.instrument].instrument.notionals_floor(positions, event.price)
    paid = (
        muldiv_floor(value, event.rate_e9, 1_000_000_000)
        if event.rate_e9 >= 0
        else -muldiv_floor(value, -event.rate_e9, 1_000_000_000)
    )
    if not state.omnibus:
        _as_billed(state, event, positions, paid)
    state.ledger.post_funding(slice(0, positions.size), paid, int(event.amounts.sum()))
    return [], []


def _as_billed(state: State, event: Funding, positions: Ints, paid: Ints) -> None:
    """Where the venue's bill of an account is not what its rows add up to (a fill under way), its first row pays it."""
    accounts, of_row = np.unique(state.follows.follower, return_inverse=True)
    difference = np.zeros(accounts.size, dtype=np.int64)
    np.add.at(difference, of_row, -paid)
    at = np.minimum(np.searchsorted(accounts, event.accounts), max(accounts.size - 1, 0))
    known = accounts[at] == event.accounts if accounts.size else np.zeros(0, dtype=bool)
    np.add.at(difference, at[known], event.amounts[known])
    rows = np.flatnonzero(positions)
    _, first = np.unique(of_row[rows], return_index=True)
    paid[rows[first]] += difference[of_row[rows[first]]]


def on_liquidation(state: State, event: Liquidation) -> Out:
    """The venue closed an account by force: shared by position; those follows stop wanting what they lost."""
    if event.fill_id in state.liquidations_seen:
        state.duplicates += 1
        return [], []
    book = state.ledger.lots[event.instrument]
    side = 1 if event.lots > 0 else -1
    mine = np.ones(book.rows.size, dtype=bool) if event.account == OMNIBUS else state.follows.follower == event.account
    quotas = np.where(mine & (book.rows * side < 0), np.abs(book.rows), 0)
    if abs(event.lots) > int(quotas.sum()):
        state.quarantined += 1
        return [], [Quarantined(f"liquidation {event.fill_id}", "it closes more than the account holds by our books")]
    remember(state.liquidations_seen, event.fill_id, 1, _REMEMBERED)
    parts = apportion(abs(event.lots), quotas)
    rows = np.flatnonzero(parts)
    lots = parts[rows]
    costs = apportion(event.cost, lots, abs(event.lots))
    fees = apportion(event.fee, lots, abs(event.lots))
    state.ledger.post_trades(event.instrument, rows, side * lots, side * costs, fees)
    column = state.columns[event.instrument]
    column.targets[rows] = book.rows[rows] * SUBLOT
    column.reasons[rows] = Reason.LIQUIDATED
    if state.exposures is not None:
        state.exposures.moved[event.instrument] = 1
    return [], []
