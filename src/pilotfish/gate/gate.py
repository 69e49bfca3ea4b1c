"""The guardian in front of every venue: intent in, `Approved` command or a reason out.

Cancels and queries always pass. Reductions pass inside the protective price bound even when the kill switch is on or
data is stale. Opens need everything: switches, fresh data, the mandate's limits and margin, each counted with what is
in flight.
"""

from __future__ import annotations

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.errors import InvariantBroken
from pilotfish.domain.instrument import BPS, SUBLOT, Instrument
from pilotfish.domain.mandate import Minimum
from pilotfish.domain.orders import Amend, Cancel, CancelAll, Command, Place, PlaceBatch, Query
from pilotfish.domain.reasons import Reason
from pilotfish.gate.approved import _KEY, Approved
from pilotfish.gate.budget import Bucket, Rate, room, spend


class Guard(msgspec.Struct):
    """The gate's own state: switches, the highest client order id approved, and how often each reason was given."""

    killed: bool = False
    halted: bool = False
    connected: bool = True
    last_coid: int = -1
    refusals: dict[int, int] = {}
    broken: int = 0  # why opens are halted until the operator resumes: BREAKER, OUTAGE or RULE
    cool_ns: int = 0  # nobody opens before this …
    strikes: int = 0  # … which doubles with every further refusal of our keys
    rate: Rate | None = None
    buckets: dict[str, Bucket] = {}  # by venue

    @property
    def shut(self) -> Reason:
        """Why nothing is opened until the operator resumes; NONE when it is."""
        return Reason.KILLED if self.killed else Reason(self.broken)

    def room(self, venue: str, now_ns: int, *, exit: bool) -> int | None:
        """How many orders our own budget lets leave now; None: any number."""
        return room(self.buckets, self.rate, venue, now_ns, exit=exit)

    def refuse(self, reason: Reason, count: int = 1) -> Reason:
        self.refusals[int(reason)] = self.refusals.get(int(reason), 0) + count
        return reason


class Market(msgspec.Struct, frozen=True):
    """What the gate must know of an instrument at decision time."""

    instrument: Instrument
    mark: int
    age_ns: int
    stale_ns_max: int
    protective_bps: int
    now_ns: int = 0


def order_refusal(guard: Guard, market: Market, price: int, *, exit: bool) -> Reason:
    """Why no order at `price` may leave now; NONE when it may. What concerns single follows is not looked at here."""
    if guard.halted:
        return Reason.HALTED
    if not guard.connected:
        return Reason.DISCONNECTED
    if not exit and guard.shut:
        return guard.shut
    if not exit and market.now_ns < guard.cool_ns:
        return Reason.COOLING
    if not exit and (market.mark <= 0 or market.age_ns > market.stale_ns_max):
        return Reason.STALE
    if price <= 0:
        return Reason.BAD_INTENT
    if market.mark > 0 and abs(price - market.mark) * BPS > market.protective_bps * market.mark:
        return Reason.PRICE_BOUND
    return Reason.NONE


def approve_block(
    guard: Guard, market: Market, place: Place, *, exit: bool, closes_all: bool
) -> Approved[Place] | Reason:
    """A block order for many follows, whose quotas were clipped before. Below the venue's minimum it is carried."""
    reason = order_refusal(guard, market, place.price, exit=exit)
    if reason is Reason.NONE:
        least = min(place.price, market.mark) if market.mark > 0 else place.price  # venues measure at one or the other
        small = market.instrument.notional_floor(place.lots, least) < market.instrument.min_notional
        if place.lots <= 0:
            reason = Reason.CARRIED
        elif small and not closes_all:
            reason = Reason.BELOW_MINIMUM
        elif not market.instrument.is_valid_price(place.price):
            reason = Reason.BAD_INTENT
        elif place.coid <= guard.last_coid:
            reason = Reason.DUPLICATE
        elif guard.room(market.instrument.venue, market.now_ns, exit=exit) == 0:
            reason = Reason.BUDGET
    if reason is not Reason.NONE:
        return guard.refuse(reason)
    guard.last_coid = place.coid
    spend(guard.buckets, guard.rate, market.instrument.venue, market.now_ns, 1)
    return Approved(place, _KEY)


def batch_lots(
    quotas: Ints, policy: Ints, instrument: Instrument, prices: Ints, room: Ints, position: Ints, *, exit: bool
) -> tuple[Ints, Ints]:
    """Whole lots per follow for separate orders, and a reason where none is sent (or, for RAISE, none).

    `room` (sub-lots) is the most the limits allow, so a raised order never breaks one; `position` lots are exempt from
    the minimum when an exit closes them.
    """
    lots = quotas // SUBLOT
    reasons = np.where(lots == 0, int(Reason.CARRIED), 0)
    price = int(prices.max()) if prices.size else 1
    need = int(minimum_lots(instrument, int(prices.min()) if prices.size else 1))
    small = (lots > 0) & (lots < need)
    if exit:
        small &= lots < np.abs(position)
    reasons[small] = Reason.BELOW_MINIMUM
    raised = (quotas > 0) & (lots < need) & (policy == Minimum.RAISE) & (room >= need * SUBLOT) & (price > 0)
    if exit:
        raised &= np.abs(position) >= need
    lots = np.where(raised, need, np.where(small, 0, lots))
    reasons[raised] = Reason.NONE
    return lots, reasons


def minimum_lots(instrument: Instrument, price: int) -> int:
    """The fewest lots whose notional at `price` reaches the venue's minimum."""
    if instrument.min_notional <= 0:
        return 1
    e = instrument.money_exponent
    up, down = pow(10, max(e, 0)), pow(10, max(-e, 0))
    return int(-(-instrument.min_notional * down // (price * up)))


def approve_batch(guard: Guard, market: Market, batch: PlaceBatch, *, exit: bool) -> Approved[PlaceBatch] | Reason:
    """Separate orders of many follows, clipped row by row and cut to the rate budget. All or none passes here."""
    low, high = (int(batch.prices.min()), int(batch.prices.max())) if batch.prices.size else (0, 0)
    reason = order_refusal(guard, market, low, exit=exit) or order_refusal(guard, market, high, exit=exit)
    if reason is Reason.NONE and int(batch.lots.min()) <= 0:
        reason = Reason.BAD_INTENT
    prices = [low] if low == high else np.unique(batch.prices).tolist()
    if reason is Reason.NONE and not all(map(market.instrument.is_valid_price, prices)):
        reason = Reason.BAD_INTENT
    if reason is Reason.NONE and batch.coid <= guard.last_coid:
        reason = Reason.DUPLICATE
    fits = guard.room(market.instrument.venue, market.now_ns, exit=exit)
    if reason is Reason.NONE and fits is not None and fits < batch.lots.size:
        reason = Reason.BUDGET
    if reason is not Reason.NONE:
        return guard.refuse(reason, batch.lots.size)
    guard.last_coid = batch.coid + batch.lots.size - 1
    spend(guard.buckets, guard.rate, market.instrument.venue, market.now_ns, batch.lots.size)
    return Approved(batch, _KEY)


def approve_always(command: Cancel | CancelAll | Query | Amend, guard: Guard, lots: int = 0) -> Approved[Command]:
    """Cancels and queries pass whatever the state; so does an amendment that makes an order of `lots` no larger."""
    if isinstance(command, Amend) and command.lots > lots:
        raise InvariantBroken(
            f"amend of order {command.coid}", "would enlarge it unreviewed", "cancel it and place anew"
        )
    return Approved(command, _KEY)


def approve_resend(guard: Guard, command: Place | PlaceBatch, *, exit: bool) -> Approved[Command] | Reason:
    """The same order under the same id, after the venue said it never had it. Exactly what was approved before.

    It is not held up by the rate budget, which its first sending has paid.
    """
    if guard.halted or not guard.connected:
        return guard.refuse(Reason.HALTED if guard.halted else Reason.DISCONNECTED)
    if not exit and guard.shut:
        return guard.refuse(guard.shut)
    if command.coid > guard.last_coid:
        raise InvariantBroken(f"resend of order {command.coid}", "it was never approved", "send it through review")
    return Approved(command, _KEY)
