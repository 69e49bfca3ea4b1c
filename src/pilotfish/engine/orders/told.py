"""What the venue says of our orders: fills into clearing, the block shared out when all of it is accounted for."""

from __future__ import annotations

import msgspec
import numpy as np

from pilotfish.copying.wants import share
from pilotfish.domain.arith import Ints
from pilotfish.domain.events import BatchUpdate, Fill, OrderUpdate, Reconciled
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.orders import OrderSignal, OrderState
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Copied, Fact, Quarantined, Settled
from pilotfish.engine.follows.entries import traded
from pilotfish.engine.orders.cooling import note_answer, note_results
from pilotfish.engine.orders.fanout import lacking, look_soon, watch, watch_key
from pilotfish.engine.orders.leg import Occasion, Out
from pilotfish.engine.orders.reversal import note_settling, on_mined_again
from pilotfish.engine.state import BatchOrder, BlockOrder, State, remember
from pilotfish.execution.lifecycle import after, after_all, illegal

FILLED_PART = 1_000  # a copy counts as filled within one lot, or a thousandth of the target where that is more
_REMEMBERED_ORDERS = 65_536
_REMEMBERED_REJECTS = 16  # each keeps its quotas: half a megabyte at 32,000 follows
_REMEMBERED_BATCHES = 4
_DONE = int(OrderState.FILLED)


def on_fill(state: State, event: Fill) -> Out:
    """A fill counts once, however often it is told, and even when the order was thought dead."""
    order = state.blocks.get(event.coid)
    revived = order is None and event.coid in state.rejected
    if revived:
        order = state.rejected[event.coid]
    if order is None:
        again = on_mined_again(state, event)
        if again is not None:
            return again
        if event.coid in state.closed and event.fill_id not in state.closed_fills.get(event.coid, []):
            return [], [_quarantine(state, f"fill {event.fill_id} of order {event.coid}", "the order was over")]
        return _stray(state, event.coid, "fill")
    if event.fill_id in order.fill_ids:
        state.duplicates += 1
        return [], []
    place = order.place
    if order.filled + event.lots > place.lots:
        return [], [_quarantine(state, f"fill {event.fill_id}", f"order {event.coid} would be filled beyond its size")]
    order.fill_ids.append(event.fill_id)
    order.filled += event.lots
    order.cost += event.cost
    order.fee += event.fee
    order.filled_ns = max(order.filled_ns, event.venue_ns)
    whole = order.filled == place.lots
    note_answer(state, order, OrderSignal.FILL, Reason.NONE)
    order.state = after(order.state, OrderSignal.FILLED if whole else OrderSignal.FILL)
    state.ledger.clear_fill(place.instrument, place.side, event.lots, event.cost, event.fee)
    if revived:
        return _share_revived(state, order)
    if whole or order.filled == order.expected:
        return _close(state, order, Reason.NONE)
    return [], []


def on_order_update(state: State, event: OrderUpdate) -> Out:
    order = state.blocks.get(event.coid)
    if order is None:
        return (
            _batch_word(state, event) if event.coid in state.batches else _stray(state, event.coid, event.signal.name)
        )
    if event.signal in (OrderSignal.CANCEL, OrderSignal.FILLED):
        total = order.place.lots - event.lots_left
        if not order.filled <= total <= order.place.lots:
            return [], [
                _quarantine(state, f"order {event.coid}", f"the venue says {total} lots, its fills {order.filled}")
            ]
        order.expected = total
        if order.filled < total:  # its fills are still to come, or lost: then a query brings them
            if event.signal is OrderSignal.CANCEL:
                order.state = after(order.state, OrderSignal.CANCEL_SENT)
            return [], []
    note_answer(state, order, event.signal, event.reason)
    order.state = after(order.state, event.signal)
    if order.state is OrderState.REJECTED:
        state.rejected[event.coid] = order
        while len(state.rejected) > _REMEMBERED_REJECTS:
            del state.rejected[next(iter(state.rejected))]
    out = _close(state, order, event.reason) if order.state.done else ([], list[Fact]())
    if order.state is OrderState.REJECTED:
        _only_what_is_left(order)
    return out


def _close(state: State, order: BlockOrder, reason: Reason) -> Out:
    """The order is over: void what it reserved, share what it got, and say so."""
    place = order.place
    del state.blocks[place.coid]
    remember(state.closed, place.coid, int(order.state), _REMEMBERED_ORDERS)
    remember(state.closed_fills, place.coid, list(order.fill_ids), _REMEMBERED_ORDERS)
    state.ledger.void(place.coid)
    if state.exposures is not None:
        state.exposures.moved[place.instrument] = 1
    if order.state is not OrderState.FILLED:
        reason = _why_unfilled(state, order, reason)
        state.guard.refuse(reason, int(np.count_nonzero(order.quotas)))
    facts = _share(state, order, reason)
    if order.filled:  # an order that found nothing frees nothing: looking at once would ask again without end
        look_soon(state, order.lead, place.instrument, exit=order.exit)
    return [], facts


def _share(state: State, order: BlockOrder, reason: Reason) -> list[Fact]:
    place, column = order.place, state.columns[order.place.instrument]
    lots = (
        share(order.filled, order.quotas, _lacking_now(state, order)) if order.filled else np.zeros_like(order.quotas)
    )
    costs, fees = np.zeros_like(lots), np.zeros_like(lots)
    if order.filled:
        note_settling(state, place, order.sent_ns)
        costs, fees = state.ledger.share_block(place.instrument, place.side, order.rows, lots, order.cost, order.fee)
        traded(state, place.instrument, order.rows, place.side * lots, place.side * costs)
    copied = Copied(
        place.coid, order.lead, place.instrument, place.side, order.exit, order.rows, order.quotas, lots, costs, fees,
        order.reference, order.decision, order.lead_ns, np.array([order.filled_ns], dtype=np.int64), order.retry,
        hedges(state, place.coid),
    )  # fmt: skip
    if reason is not Reason.NONE:
        noted = column.reasons[order.rows]
        noted[(order.quotas > 0) & (lots * SUBLOT + SUBLOT <= order.quotas)] = reason
        column.reasons[order.rows] = noted
        watched = state.watches.get(watch_key(order.lead, place.instrument))
        if watched:
            watched.last_reason = int(reason)
    got = np.zeros(state.ledger.follows, dtype=np.int64)  # the lead may have more follows now than when it was sent
    got[order.rows] = lots
    return [copied, settle(state, order.lead, place.instrument, got[state.leads[order.lead].rows])]


def hedges(state: State, coid: int) -> bool:
    """Whether the order is a hedge's."""
    return any(coid in note.orders for note in state.hedging.values())


def _lacking_now(state: State, order: BlockOrder) -> Ints:
    """What each follow lacks on the order's side, other orders in flight counted; this one's reservation is void."""
    lack = lacking(state, state.leads[order.lead], order.place.instrument)
    return order.place.side * (lack.exits if order.exit else lack.opens)


def settle(state: State, lead_id: int, instrument: int, got: Ints | None, missed: int = 0) -> Settled:
    """Count the copies that are within one lot now; with `missed` (a lapsed window) all that still wait are over."""
    rows, column = state.leads[lead_id].rows, state.columns[instrument]
    waiting, partly = column.waiting[rows], column.partly[rows]
    targets = column.targets[rows]
    gap = np.abs(targets - state.ledger.lots[instrument].rows[rows] * SUBLOT)
    off = gap >= np.maximum(SUBLOT, np.abs(targets) // FILLED_PART)
    if got is not None:
        partly = partly | (got > 0)
    on = (waiting > 0) & ~off
    filled, carried = int(waiting[on & (partly > 0)].sum()), int(waiting[on & (partly == 0)].sum())
    over, short, reasons, lots = on, 0, dict[int, int](), dict[int, int]()
    if missed:
        noted = column.reasons[rows]  # an open that had to wait for its exit was never tried, and has no reason yet
        column.reasons[rows] = np.where((gap >= SUBLOT) & (noted == 0), missed, noted)
        late = (waiting > 0) & off
        short = int(waiting[late & (partly > 0)].sum())
        never = late & (partly == 0)
        why = np.where(column.reasons[rows][never] > 0, column.reasons[rows][never], missed)
        for reason in np.unique(why).tolist():
            reasons[reason] = int(waiting[never][why == reason].sum())
            lots[reason] = int(gap[never][why == reason].sum()) // SUBLOT
        over = waiting > 0
    column.waiting[rows] = np.where(over, 0, waiting)
    column.partly[rows] = np.where(over, 0, partly)
    return Settled(lead_id, instrument, filled, carried, short, reasons, lots)


def _why_unfilled(state: State, order: BlockOrder, stated: Reason) -> Reason:
    """A venue says that an IOC found nothing; the book we see says whether price ran or depth was short."""
    if stated not in (Reason.NONE, Reason.NO_DEPTH):
        return stated
    listing = state.listings[order.place.instrument]
    best = listing.ask if order.place.side > 0 else listing.bid
    beyond = best > 0 and (best - order.place.price) * order.place.side > 0
    return Reason.SLIPPAGE if beyond else Reason.NO_DEPTH


def _share_revived(state: State, order: BlockOrder) -> Out:
    """The venue filled what it had rejected: shared by the old quotas at once; targets then say what is too much."""
    facts = _share(state, order, Reason.NONE)
    place = order.place
    remember(state.closed_fills, place.coid, list(order.fill_ids), _REMEMBERED_ORDERS)
    _only_what_is_left(order)
    if state.exposures is not None:
        state.exposures.moved[place.instrument] = 1
    watch(state, order.lead, place.instrument, Occasion(order.reference, order.lead_ns, first=False))
    return [], facts


def _only_what_is_left(order: BlockOrder) -> None:
    """What was shared out is done with; what remains is all that a rejected order may still surprise us with."""
    order.place = msgspec.structs.replace(order.place, lots=order.place.lots - order.filled)
    order.filled = order.cost = order.fee = 0


def on_batch_update(state: State, event: BatchUpdate) -> Out:
    """Per-order results of a batch; each order's result counts once."""
    alive = event.coid in state.batches
    order = state.batches.get(event.coid) or state.rejected_batches.get(event.coid)
    if order is None:
        return _stray(state, event.coid, "batch result")
    told = order.states[event.index]
    revived = (told == OrderState.REJECTED) & (event.lots > 0)  # filled after all: a fill is a fact
    fresh = (told < _DONE) | revived
    if not fresh.all():
        state.duplicates += int((~fresh).sum())
    part, signal = event.index[fresh], event.signal[fresh]
    lots, cost, fee, reason = event.lots[fresh], event.cost[fresh], event.fee[fresh], event.reason[fresh]
    if illegal(order.states[part], signal).size or _contradicts(order.batch.lots[part], signal, lots, cost):
        return [], [_quarantine(state, f"batch {event.coid}", "a result contradicts its order")]
    note_results(state, order, part, signal, reason)
    following = after_all(order.states[part], signal)
    order.states[part] = np.where(revived[fresh] & (signal == OrderSignal.CANCEL), int(OrderState.CANCELLED), following)
    over = order.states[part] >= _DONE
    ended = part[over]
    if alive:
        state.ledger.void_part(event.coid, ended)
    facts = _post_batch(
        state, order, ended, lots[over], cost[over], fee[over], reason[over], event.done_ns[fresh][over]
    )
    if lots.any():
        note_settling(state, order.batch, order.sent_ns)
        look_soon(state, order.lead, order.batch.instrument, exit=order.exit)
    if revived.any():  # what came unasked for may be too much
        watch(state, order.lead, order.batch.instrument, Occasion(order.reference, order.lead_ns, first=False))
    if alive and (order.states >= _DONE).all():
        del state.batches[event.coid]
        state.ledger.reservations.pop(event.coid)
        remember(state.closed, event.coid, _DONE, _REMEMBERED_ORDERS)
        if (order.states == OrderState.REJECTED).any():
            state.rejected_batches[event.coid] = order
            while len(state.rejected_batches) > _REMEMBERED_BATCHES:
                del state.rejected_batches[next(iter(state.rejected_batches))]
    return [], facts


def _contradicts(asked: Ints, signal: Ints, lots: Ints, cost: Ints) -> bool:
    """A result is FILLED with all its lots, CANCEL with some, REJECT or LOST with none; and nothing costs nothing."""
    most = np.select([signal == OrderSignal.FILLED, signal == OrderSignal.CANCEL], [asked, asked], 0)
    least = np.where(signal == OrderSignal.FILLED, asked, 0)
    known = np.isin(signal, [OrderSignal.FILLED, OrderSignal.CANCEL, OrderSignal.REJECT, OrderSignal.LOST])
    return bool(((lots > most) | (lots < least) | ~known | ((lots == 0) & (cost != 0))).any())


def end_batch(state: State, event: Reconciled | OrderUpdate, order: BatchOrder, reason: Reason) -> list[Fact]:
    """All results were told and the venue has no more to say: what is still without one traded nothing."""
    rest = np.flatnonzero(order.states < _DONE)
    zero = np.zeros(rest.size, dtype=np.int64)
    refused = isinstance(event, OrderUpdate)
    update = BatchUpdate(
        event.venue_ns, event.ours_ns, order.batch.coid, rest,
        zero + (OrderSignal.REJECT if refused else OrderSignal.CANCEL), zero, zero, zero,
        zero + int(reason), zero + event.venue_ns,
    )  # fmt: skip
    return on_batch_update(state, update)[1]


def _post_batch(
    state: State, order: BatchOrder, part: Ints, lots: Ints, cost: Ints, fee: Ints, reason: Ints, done_ns: Ints
) -> list[Fact]:
    batch, key, side = order.batch, order.batch.instrument, order.batch.side
    rows = order.index[part]
    state.ledger.post_trades(key, rows, side * lots, side * cost, fee)
    traded(state, key, rows, side * lots, side * cost)
    if state.exposures is not None:
        state.exposures.moved[key] = 1
    column = state.columns[key]
    short = lots < batch.lots[part]
    why = np.where(reason[short] > 0, reason[short], int(Reason.NO_DEPTH))
    column.reasons[rows[short]] = why
    for one, count in zip(*np.unique(why, return_counts=True), strict=True):
        state.guard.refuse(Reason(int(one)), int(count))
    lead = state.leads[order.lead]
    got = np.zeros(state.follows.follower.size, dtype=np.int64)
    got[rows] = lots
    copied = Copied(
        batch.coid, order.lead, key, side, order.exit, rows, order.quotas[part], lots, cost, fee, order.reference,
        order.decision, order.lead_ns, done_ns, order.retry, hedges(state, batch.coid),
    )  # fmt: skip
    return [copied, settle(state, order.lead, key, got[lead.rows])]


def _batch_word(state: State, event: OrderUpdate) -> Out:
    """A word about a whole batch: acknowledged, lost, or refused outright."""
    order = state.batches[event.coid]
    if event.signal is OrderSignal.REJECT:
        return [], end_batch(state, event, order, event.reason or Reason.REJECTED)
    if event.signal not in (OrderSignal.ACK, OrderSignal.LOST, OrderSignal.CANCEL_SENT):
        return [], [_quarantine(state, f"batch {event.coid}", f"{event.signal.name} without the result of each order")]
    open_ = np.flatnonzero(order.states < _DONE)
    signals = np.full(open_.size, int(event.signal), dtype=np.int64)
    order.states[open_] = after_all(order.states[open_], signals)
    return [], []


def _stray(state: State, coid: int, what: str) -> Out:
    """About an order that is over, or that was never ours."""
    if coid in state.closed:
        state.duplicates += 1
        return [], []
    return [], [_quarantine(state, f"{what} of order {coid}", "it is not an order of this shard")]


def _quarantine(state: State, what: str, why: str) -> Quarantined:
    state.quarantined += 1
    return Quarantined(what, why)
