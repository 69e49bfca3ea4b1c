"""From targets to orders: what every follow of a lead lacks in one instrument, clipped, approved, reserved and sent."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from pilotfish.copying.wants import Wants, block_lots, joining, wants
from pilotfish.domain.arith import Ints, muldiv_floor
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import OMNIBUS, Minimum
from pilotfish.domain.orders import Command, OrderState, Place, PlaceBatch, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.engine.exposure import Exposures
from pilotfish.engine.facts import Fact, Intended, Refused
from pilotfish.engine.state import BatchOrder, BlockOrder, Lead, State, Watch
from pilotfish.gate.approved import Approved
from pilotfish.gate.gate import approve_batch, approve_block, batch_lots, minimum_lots
from pilotfish.gate.limits import Mandates, clip_opens, value_floor
from pilotfish.ledger.ledger import Reservation

# Slippage bounds fall into classes, so that a block stays one order: a follow's bound is rounded down to one of these.
BOUND_CLASSES = np.array([0, 1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 2000, 5000])

Out = tuple[list[Approved[Command]], list[Fact]]


class Occasion(msgspec.Struct, frozen=True):
    """Why a fan-out happens: the lead's price and stamp, and which way the lead moved (dust joins only then)."""

    reference: int
    lead_ns: int
    reduced: bool = False
    opened: bool = False
    first: bool = True
    opens: bool = True  # False once the window for opens has passed: only exits are still tried


class Leg(msgspec.Struct, frozen=True):
    """One direction of a fan-out: exits or opens, on one side."""

    lead: int
    instrument: int
    side: int
    exit: bool
    occasion: Occasion


def lacking(state: State, lead: Lead, instrument: int) -> Wants:
    """What the follows of a lead lack in an instrument, with their orders in flight counted."""
    rows, ledger = lead.rows, state.ledger
    positions = ledger.lots[instrument].rows[rows] * SUBLOT
    return wants(
        state.columns[instrument].targets[rows],
        positions,
        ledger.opening[instrument][rows],
        ledger.leaving[instrument][rows],
    )


def fan_out(state: State, lead_id: int, instrument: int, occasion: Occasion) -> Out:
    """Send what is lacking: exits first, then opens; buys and sells apart."""
    commands: list[Approved[Command]] = []
    facts: list[Fact] = []
    lead = state.leads[lead_id]
    lack = lacking(state, lead, instrument)
    for exit, want, moved in ((True, lack.exits, occasion.reduced), (False, lack.opens, occasion.opened)):
        if not exit and not occasion.opens:
            continue
        for side in (1, -1):
            quotas = joining(want, side, moved)
            if not quotas.any():
                continue
            if occasion.first and moved:
                _intend(state, lead_id, instrument, quotas, facts)
            send = _send_blocks if state.omnibus else _send_batch
            more = send(state, Leg(lead_id, instrument, side, exit, occasion), quotas)
            commands += more[0]
            facts += more[1]
            watch(state, lead_id, instrument, occasion)
    flipping = bool(lack.later.any())
    if occasion.first and occasion.opened and flipping:
        _intend(state, lead_id, instrument, np.abs(lack.later), facts)
        watch(state, lead_id, instrument, occasion)
    watched = state.watches.get(watch_key(lead_id, instrument))
    if watched is not None:
        watched.flipping = flipping
    return commands, facts


def _intend(state: State, lead: int, instrument: int, quotas: Ints, facts: list[Fact]) -> None:
    """A copy is intended for these follows; it waits until it is filled, partly filled or given up."""
    state.columns[instrument].waiting[state.leads[lead].rows] += quotas > 0
    facts.append(Intended(lead, instrument, int(np.count_nonzero(quotas)), int(quotas.sum()) // SUBLOT))


def watch(state: State, lead: int, instrument: int, occasion: Occasion) -> None:
    """Look again later; a new move of the lead restarts the window for opens."""
    key, retry = watch_key(lead, instrument), state.settings.retry_ns
    if occasion.first or key not in state.watches:
        state.watches[key] = Watch(occasion.reference, occasion.lead_ns, state.now_ns, state.now_ns + retry)
    else:
        state.watches[key].next_ns = state.now_ns + retry


def look_soon(state: State, lead: int, instrument: int, *, exit: bool) -> None:
    """An order has ended, and may have been waited for: an exit by the open after it (a flip), an open by an exit."""
    found = state.watches.get(watch_key(lead, instrument))
    if found is None or (exit and not found.flipping):
        return
    lack = lacking(state, state.leads[lead], instrument)
    if (np.abs(lack.opens if exit else lack.exits) >= SUBLOT).any():
        found.next_ns = state.now_ns


def watch_key(lead: int, instrument: int) -> int:
    return lead << 32 | instrument


def _clip(state: State, leg: Leg, quotas: Ints, price: int) -> Ints:
    """Opens inside every limit; the reason is noted where one was cut. A follow without room gets zero."""
    rows, follows = state.leads[leg.lead].rows, state.follows
    exposure = refresh(state).of(state.ledger, rows, leg.instrument)
    mandates = Mandates(
        follows.order_cap[rows], follows.position_cap[rows], follows.total_cap[rows], follows.leverage_cap_e2[rows]
    )
    instrument = state.listings[leg.instrument].instrument
    clipped, reasons = clip_opens(quotas, leg.side, mandates, exposure, instrument, price)
    cut = reasons > 0
    if cut.any():
        note_reasons(state, leg, cut, reasons[cut])
        for reason, count in enumerate(np.bincount(reasons[cut]).tolist()):
            if count:
                state.guard.refuse(Reason(reason), count)
    return clipped


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
    """Opens are bounded from the lead's own price, exits from today's mark and never beyond the protective bound."""
    listing = state.listings[leg.instrument]
    if not leg.exit:
        return listing.instrument.bound_price(leg.occasion.reference, leg.side, bps)
    bps = min(bps, state.settings.protective_bps)
    return listing.instrument.bound_price(listing.mark or leg.occasion.reference, leg.side, bps)


def _bounds(state: State, leg: Leg) -> Ints:
    rows = state.leads[leg.lead].rows
    return (state.follows.exit_bps if leg.exit else state.follows.open_bps)[rows]


def _send_blocks(state: State, leg: Leg, quotas: Ints) -> Out:
    """Omnibus: one block order for each class of slippage bound among the follows, normally a single one.

    A class too small for the venue's minimum goes with the next tighter one, whose bound suits it as well.
    """
    commands: list[Approved[Command]] = []
    facts: list[Fact] = []
    listing = state.listings[leg.instrument]
    instrument = listing.instrument
    classes = np.searchsorted(BOUND_CLASSES, _bounds(state, leg), side="right") - 1
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
            chosen = _clip(state, leg, chosen, max(price, listing.mark))
        verdict = _place_block(state, leg, price, chosen)
        if isinstance(verdict, Reason):
            facts.append(_refused(state, leg, chosen > 0, verdict))
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
    money = np.zeros_like(quotas) if leg.exit else _margin(state, leg.instrument, quotas, price)
    first, last = (0, 0) if lead.index.size else (lead.first, lead.last)
    ledger.reserve(place.coid, Reservation(leg.instrument, leg.exit, first, last, lead.index, leg.side * quotas, money))
    state.blocks[place.coid] = BlockOrder(
        place, leg.lead, leg.exit, first, last, lead.index, quotas, OrderState.SENT, leg.occasion.reference,
        state.listings[leg.instrument].twice_mid, leg.occasion.lead_ns, state.now_ns, not leg.occasion.first,
    )  # fmt: skip
    _touched(state, leg.instrument)
    return verdict


def _send_batch(state: State, leg: Leg, quotas: Ints) -> Out:
    """Segregated: one order for every follow, each with its own bound, all in one columnar command."""
    lead, listing = state.leads[leg.lead], state.listings[leg.instrument]
    policy, position = state.follows.minimum[lead.rows], state.ledger.lots[leg.instrument].rows[lead.rows]
    distinct, where = np.unique(_bounds(state, leg), return_inverse=True)
    prices = np.array([limit_price(state, leg, int(bps)) for bps in distinct], dtype=np.int64)[where]
    dearest = int(prices.max())  # a seller whose bound is tight commits to more than one whose bound is wide
    least = np.minimum(prices, listing.mark or prices)  # venues measure their minimum at the one or the other
    room = quotas
    if not leg.exit:
        need = minimum_lots(listing.instrument, int(least.min())) * SUBLOT
        raising = (policy == Minimum.RAISE) & (quotas > 0)
        room = _clip(state, leg, np.where(raising, np.maximum(quotas, need), quotas), max(dearest, listing.mark))
        quotas = np.minimum(quotas, room)
    lots, reasons = batch_lots(quotas, policy, listing.instrument, least, room, position, exit=leg.exit)
    small = (quotas > 0) & (reasons > 0)
    below = int(np.count_nonzero(reasons[small] == Reason.BELOW_MINIMUM))
    note_reasons(state, leg, small, reasons[small])
    if not leg.exit:
        _forget_skipped(state, leg, quotas, (reasons == Reason.BELOW_MINIMUM) & (policy == Minimum.SKIP))
        _keep_raised(state, leg, np.maximum(lots * SUBLOT - quotas, 0))
    send = np.flatnonzero(lots > 0)
    facts: list[Fact] = []
    if below:
        facts.append(Refused(leg.lead, leg.instrument, state.guard.refuse(Reason.BELOW_MINIMUM, below), below))
    if not send.size:
        return [], facts
    verdict = _place_batch(state, leg, send, lots[send], prices[send], quotas[send])
    if isinstance(verdict, Reason):
        return [], [*facts, _refused(state, leg, lots > 0, verdict)]
    return [verdict], facts


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
    money = np.zeros_like(sublots) if leg.exit else _margin(state, leg.instrument, sublots, widest)
    state.ledger.reserve(coid, Reservation(leg.instrument, leg.exit, 0, 0, index, leg.side * sublots, money))
    state.batches[coid] = BatchOrder(
        batch, leg.lead, leg.exit, index, quotas, np.zeros(send.size, dtype=np.int64), leg.occasion.reference,
        state.listings[leg.instrument].twice_mid, leg.occasion.lead_ns, state.now_ns, not leg.occasion.first,
    )  # fmt: skip
    _touched(state, leg.instrument)
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
        targets[skipped] -= leg.side * quotas[skipped]
        column.targets[rows] = targets


def _keep_raised(state: State, leg: Leg, extra: Ints) -> None:
    """The raise policy: what an order was raised by is wanted from now on, or the next look would sell it again."""
    if extra.any():
        state.columns[leg.instrument].targets[state.leads[leg.lead].rows] += leg.side * extra


def _margin(state: State, instrument: int, quotas: Ints, price: int) -> Ints:
    """Initial margin and fee that an open sets aside, per follow, rounded up; a seller commits to the mark at least."""
    listing = state.listings[instrument].instrument
    value = value_floor(quotas, listing, max(price, state.listings[instrument].mark)) + 1
    per = 1_000_000 + listing.taker_fee_e6 * listing.max_leverage
    return muldiv_floor(value, per, 1_000_000 * listing.max_leverage) + 1


def _refused(state: State, leg: Leg, which: NDArray[np.bool_], reason: Reason) -> Refused:
    note_reasons(state, leg, which, int(reason))
    return Refused(leg.lead, leg.instrument, reason, int(np.count_nonzero(which)))


def _touched(state: State, instrument: int) -> None:
    if state.exposures is not None:
        state.exposures.moved[instrument] = 1
