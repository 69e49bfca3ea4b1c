"""A lead's position moved: new targets for its follows, wherever they copy it, and orders for what they lack."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from pilotfish.copying.sizing import Copy, Order, steps, usual_notionals
from pilotfish.copying.targets import Change, SizingLimits, grown, reduced
from pilotfish.domain.arith import Ints, muldiv_floor, total_of
from pilotfish.domain.instrument import SUBLOT, Kind
from pilotfish.domain.mandate import BPS, Direction, Sides
from pilotfish.domain.mandate_checks import LOOKBACK_MAX
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Fact, Refused, Targeted
from pilotfish.engine.follows.closing import set_own
from pilotfish.engine.follows.column import AT_A_PRICE, HEDGE, Column
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.leads.lead import Counterpart, LeadTrade
from pilotfish.engine.leads.routes import shares
from pilotfish.engine.mirrors.depth import catch_up, note_filled
from pilotfish.engine.money.arrears import in_arrears
from pilotfish.engine.orders.fanout import fan_out
from pilotfish.engine.orders.leg import Occasion, Out
from pilotfish.engine.state import State, remember
from pilotfish.ledger.book import Rows

_REMEMBERED_TRADES = 64


class Move(msgspec.Struct, frozen=True):
    """A lead's position in `source` went from `old` to `new` lots at `price`, by its order `order` (0: not known)."""

    lead: int
    source: int
    old: int
    new: int
    price: int
    lead_ns: int
    order: int = 0


def move(state: State, moved: Move) -> Out:
    """Move the targets wherever `source` is copied, then send what is lacking."""
    lead, change = state.leads[moved.lead], Change.between(moved.old, moved.new)
    order = _opening(state, moved, change) if change.opened else None
    if not lead.count or moved.old == moved.new:
        return [], []
    paths = counterparts(state, moved.source)
    if order is not None and sum(path.open for path, _ in paths) > 1:
        paths = _by_cost(state, lead.rows, order, moved.price, paths)
    if not paths:
        return [], [Refused(moved.lead, moved.source, state.guard.refuse(Reason.UNMAPPED, lead.count), lead.count)]
    commands, facts = [], list[Fact]()
    note_filled(lead, moved.order, abs(moved.new - moved.old), moved.lead_ns)
    for path, share in paths:
        facts.append(targeted := _retarget(state, moved, change, order, path, share))
        catch_up(state, moved.source, moved.order, targeted)
        opened = change.opened != 0 and share > 0
        price = moved.price * path.price_num // path.price_den
        occasion = Occasion(price, moved.lead_ns, reduced=change.left < change.before, opened=opened)
        more = fan_out(state, moved.lead, path.target, occasion)
        commands += more[0]
        facts += more[1]
    return commands, facts


def counterparts(state: State, source: int) -> list[tuple[Counterpart, int]]:
    """Where copies of `source` are made, and the share of opens, in bps, that goes there. Empty: nowhere."""
    routes = state.routes.get(source)
    if routes is None:
        return [(Counterpart(source), BPS)] if state.listings[source].instrument.quote == state.quote else []
    first = next((route for route in routes if route.open), None)
    return [(route, BPS if route is first else 0) for route in routes]


def _by_cost(
    state: State, rows: Rows, order: Order, price: int, paths: list[tuple[Counterpart, int]]
) -> list[tuple[Counterpart, int]]:
    """The open split over its routes by what it costs there, within the widest bound of the follows."""
    routes = [path for path, _ in paths if path.open]
    step, _ = wanted(state, rows, order, routes[0], BPS)
    side = 1 if total_of(step) >= 0 else -1
    sized = np.maximum(side * step, 0)
    bps = int(state.follows.open_bps[rows].max(initial=0))
    limits = [
        state.listings[path.target].instrument.bound_price(price * path.price_num // path.price_den, side, bps)
        for path in routes
    ]
    parts = shares(state, routes, side, total_of(sized) // SUBLOT, limits, int(np.count_nonzero(sized)))
    by_target = {path.target: part for path, part in zip(routes, parts, strict=True)}
    return [(path, by_target.get(path.target, 0)) for path, _ in paths]


def _opening(state: State, moved: Move, change: Change) -> Order:
    """The lead's opening order with this fill added. Fills of one order count as one trade, in however many parts."""
    lead, instrument = state.leads[moved.lead], state.listings[moved.source].instrument
    side, lots = (1 if change.opened > 0 else -1), abs(change.opened)
    held = lead.entries.get(moved.source, moved.price)
    lead.entries[moved.source] = (change.left * held + lots * moved.price) // (change.left + lots)
    key = moved.order if moved.order > 0 else -1 - moved.source
    trade = lead.trades.get(key)
    if (
        trade is None
        or (trade.instrument, trade.side) != (moved.source, side)
        or (key < 0 and trade.venue_ns != moved.lead_ns)
    ):
        if trade is not None:
            lead.finished = [*lead.finished[1 - LOOKBACK_MAX :], lead.trades.pop(key).notional]
        trade = LeadTrade(moved.source, moved.lead_ns, side, moved.price, change.left, lead.equity)
        remember(lead.trades, key, trade, _REMEMBERED_TRADES)
    recent = lead.finished + [other.notional for other in lead.trades.values() if other is not trade]
    old, trade.lots = trade.lots, trade.lots + lots
    trade.notional = instrument.notional_floor(trade.lots, trade.price)
    stop = lead.stops.get(moved.source, 0)
    usual = usual_notionals(recent)
    return Order(instrument, side, trade.price, trade.before, trade.equity, usual, old, trade.lots, stop)


def _retarget(
    state: State, moved: Move, change: Change, order: Order | None, path: Counterpart, share: int
) -> Targeted:
    lead, key, column = state.leads[moved.lead], path.target, state.columns[path.target]
    rows, price = lead.rows, moved.price * path.price_num // path.price_den
    before, own = column.targets[rows].copy(), column.part(moved.source, key, rows)
    kept = reduced(own, change)
    targets = before + (kept - own)
    column.reasons[rows] = 0
    if column.barred.size and change.left == 0:  # it has been flat: what a price stop closed may be opened again
        column.barred[rows] = 0
    if column.pending.size:
        column.pending[rows] = reduced(column.pending[rows], change)
    if order is not None and share:
        base = targets
        step, reasons = wanted(state, rows, order, path, share)
        step, why = _postponed(state, column, rows, *may_open(state, moved.lead, rows, step, reasons))
        targets, reasons = grow(state, key, rows, base, step, price)
        column.reasons[rows] = np.where(reasons > 0, reasons, why)
        kept = kept + (targets - base)
    column.ask(moved.source, key, rows, targets, kept)
    keep_sides(state, key, rows)
    return Targeted(moved.lead, key, price, rows, column.targets[rows] - before, moved.lead_ns)


def wanted(state: State, rows: Rows, order: Order, path: Counterpart, share: int) -> tuple[Ints, Ints]:
    """Signed sub-lots that the follows of `rows` want of an order in the instrument they copy it in, and reasons."""
    follows = state.follows.take(rows)
    price, stop = (p * path.price_num // path.price_den for p in (order.price, order.stop))
    copy = Copy(state.listings[path.target].instrument, price, stop, path.lots_num, path.lots_den)
    step, reasons = steps(follows, state.num[rows], state.den[rows], order, copy)
    state.failures.update(copy.failures)
    if share < BPS:
        step = muldiv_floor(step, share, BPS)
    return order.side * np.where(follows.direction == Direction.REVERSE, -step, step), reasons


def may_open(state: State, lead: int, rows: Rows, step: Ints, reasons: Ints) -> tuple[Ints, Ints]:
    """Nothing for follows that open nothing at present; what they miss is not caught up later."""
    shut = state.standing.mode[rows] != Mode.ACTIVE
    if shut.any():
        reasons = np.where(shut, state.standing.why[rows], reasons)
    if state.leads[lead].gone:
        shut, reasons = np.ones_like(shut), np.full_like(reasons, Reason.LEAD_GONE)
    if state.standing.owed.any():
        late = in_arrears(state)[rows] & ~shut
        shut, reasons = shut | late, np.where(late, int(Reason.OWED), reasons)
    if not shut.any():
        return step, reasons
    return np.where(shut, 0, step), reasons


def grow(state: State, key: int, rows: Rows, targets: Ints, step: Ints, price: int) -> tuple[Ints, Ints]:
    """Targets after an open inside the mandates' caps, and reasons where one was cut."""
    follows, column, instrument = state.follows, state.columns[key], state.listings[key].instrument
    barred = column.barred[rows] > 0 if column.barred.size else np.zeros(targets.size, dtype=bool)
    if barred.any():
        step = np.where(barred, 0, step)
    limits = SizingLimits(follows.order_cap[rows], follows.position_cap[rows], column.allowed[rows])
    other = wrong_side(follows.sides[rows], step) & (targets * step >= 0)
    grown_to, reasons = grown(targets, np.where(other, 0, step), limits, instrument, price)
    reasons = np.where(other, int(Reason.ONE_SIDE), reasons)
    reasons[barred] = Reason.PRICE_STOP
    if instrument.kind is Kind.PERP or not grown_to.size or int(grown_to.min()) >= 0:
        return grown_to, reasons
    short = (grown_to < 0) & (step < 0)  # only a perpetual can be sold without being held
    return np.where(short, np.maximum(targets, 0), grown_to), np.where(short, int(Reason.NO_SHORT), reasons)


def wrong_side(sides: Ints, step: Ints | int) -> NDArray[np.bool_]:
    """Who opens on the other side only."""
    side = np.sign(step)
    return np.asarray(((sides == Sides.LONG) & (side < 0)) | ((sides == Sides.SHORT) & (side > 0)), dtype=bool)


def keep_sides(state: State, key: int, rows: Rows) -> None:
    """What several sources ask for in one instrument may end on a side that a mandate does not open: then nothing."""
    sides = state.follows.sides[rows]
    if not sides.any():
        return
    column = state.columns[key]
    hedge = column.part(HEDGE, key, rows)
    bad = np.flatnonzero(wrong_side(sides, column.targets[rows] - hedge))
    if bad.size:
        at = np.arange(len(state.follows))[rows][bad]
        set_own(column, at, np.zeros_like(bad), hedge[bad])
        column.reasons[at] = Reason.ONE_SIDE


def _postponed(state: State, column: Column, rows: Rows, step: Ints, reasons: Ints) -> tuple[Ints, Ints]:
    """Opens of follows that first see whether the lead keeps the position wait in the pending column."""
    hold = state.follows.hold_ns_min[rows]
    late = (hold > 0) & (step != 0)
    if not late.any():
        return step, reasons
    postpone(state, column, rows, np.where(late, step, 0), state.now_ns + hold)
    return np.where(late, 0, step), np.where(late, int(Reason.SHORT_LIVED), reasons)


def postpone(state: State, column: Column, rows: Rows, step: Ints, due_ns: Ints) -> None:
    """Put opens off until `due_ns` (AT_A_PRICE: until they cost no more than the lead paid)."""
    if not column.pending.size:
        column.pending, column.due_ns = np.zeros_like(column.targets), np.zeros_like(column.targets)
    column.pending[rows] += step
    column.due_ns[rows] = np.where(step != 0, np.maximum(due_ns, column.due_ns[rows]), column.due_ns[rows])
    state.tended = True
    state.wake(int(np.min(due_ns[step != 0], initial=AT_A_PRICE)))
