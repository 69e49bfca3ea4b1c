"""How much of an open each follow's mandate and margin allow, counting positions and everything in flight."""

from __future__ import annotations

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints, muldiv_floor, within
from pilotfish.domain.instrument import SUBLOT, Instrument
from pilotfish.domain.reasons import Reason

_MONEY_MAX = 2**53  # nine billion USDC: beyond it a cap is no cap
_LEVERAGE_MAX_E2 = 100_000  # a thousandfold: times the above it still fits int64
_LOTS_MAX = 2**61 // SUBLOT
_ROOMS = np.array([Reason.ORDER_CAP, Reason.TOTAL_CAP, Reason.LEVERAGE_CAP, Reason.MARGIN], dtype=np.int64)


class Mandates(msgspec.Struct, frozen=True):
    """The limit columns of the follows under review; money in base units."""

    order_cap: Ints
    position_cap: Ints
    total_cap: Ints
    leverage_cap_e2: Ints


class Exposure(msgspec.Struct, frozen=True):
    """Where those follows stand at today's marks, orders in flight included. Money, and signed sub-lots for `held`."""

    equity: Ints
    gross: Ints  # Σ |position|·mark over all instruments
    free: Ints  # equity less initial margins and reservations
    held: Ints  # position and opens in flight in this instrument


def value_floor(sublots: Ints, instrument: Instrument, price: int) -> Ints:
    """Money value of signed sub-lots at `price`, rounded down."""
    e = instrument.money_exponent
    return muldiv_floor(sublots, price * 10**e, SUBLOT) if e >= 0 else muldiv_floor(sublots, price, SUBLOT * 10**-e)


def sublots_floor(money: Ints, instrument: Instrument, price: int) -> Ints:
    """Whole lots, as sub-lots, that `money` (negative counts as nothing) covers at `price`."""
    lots = instrument.lots_floor(within(money, 0, _MONEY_MAX), price)
    return np.minimum(lots, _LOTS_MAX) * SUBLOT


def clip_opens(
    quotas: Ints, side: int, mandates: Mandates, exposure: Exposure, instrument: Instrument, price: int
) -> tuple[Ints, Ints]:
    """Quotas (sub-lots ≥ 0) that stay inside every limit at the limit price, and the binding reason where one was cut.

    Quotas that are cut become whole lots, so that rounding up in the allocation cannot break the limit.
    """
    equity, free = within(exposure.equity, 0, _MONEY_MAX), within(exposure.free, 0, _MONEY_MAX)
    per_fee = 1_000_000 + instrument.taker_fee_e6 * instrument.max_leverage
    leverage = np.minimum(mandates.leverage_cap_e2, _LEVERAGE_MAX_E2)  # so that no mandate can overflow, and halt all
    rooms = (
        mandates.order_cap,
        mandates.total_cap - exposure.gross,
        muldiv_floor(equity, leverage, 100) - exposure.gross,
        muldiv_floor(free, instrument.max_leverage * 1_000_000, per_fee),
    )
    lot_up = -(-quotas // SUBLOT) * SUBLOT  # an allocation may round up to here
    room = np.minimum(np.minimum(rooms[0], rooms[1]), np.minimum(rooms[2], rooms[3]))
    cut = np.flatnonzero(value_floor(lot_up, instrument, price) + 1 > room)
    clipped = quotas
    if cut.size:
        clipped = quotas.copy()
        clipped[cut] = np.minimum(quotas[cut], sublots_floor(room[cut], instrument, price))
    ceiling = np.maximum(sublots_floor(mandates.position_cap, instrument, price), np.abs(exposure.held))
    room_lots = np.maximum((ceiling - side * exposure.held) // SUBLOT * SUBLOT, 0)
    beyond = (lot_up > room_lots) & (room_lots < clipped)
    clipped = np.where(beyond, room_lots, clipped)
    reasons = np.zeros(quotas.size, dtype=np.int64)
    changed = np.flatnonzero(clipped != quotas)
    if changed.size:
        tightest = _ROOMS[np.stack([each[changed] for each in rooms]).argmin(axis=0)]
        reasons[changed] = np.where(beyond[changed], int(Reason.POSITION_CAP), tightest)
    return clipped, reasons
