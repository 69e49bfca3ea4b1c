"""Why something was not done. One byte a row, and a sentence for people."""

from __future__ import annotations

from enum import IntEnum


class Reason(IntEnum):
    """Why a copy was reduced, refused or missed. 0 is "nothing to explain"."""

    NONE = 0
    KILLED = 1
    STALE = 2
    DISCONNECTED = 3
    DUPLICATE = 4
    DENIED = 5
    ORDER_CAP = 6
    POSITION_CAP = 7
    TOTAL_CAP = 8
    LEVERAGE_CAP = 9
    MARGIN = 10
    BELOW_MINIMUM = 11
    SLIPPAGE = 12
    NO_DEPTH = 13
    REJECTED = 14
    RATE_LIMIT = 15
    UNKNOWN = 16
    CARRIED = 17
    IN_FLIGHT = 18
    LIQUIDATED = 19
    HALTED = 20
    PRICE_BOUND = 21
    BAD_INTENT = 22

    @property
    def text(self) -> str:
        return _TEXT[self]


_TEXT = {
    Reason.NONE: "on target",
    Reason.KILLED: "the kill switch is on: no opens",
    Reason.STALE: "market data too old to decide on",
    Reason.DISCONNECTED: "the venue is not connected",
    Reason.DUPLICATE: "this intent was already approved once",
    Reason.DENIED: "the mandate does not allow this instrument",
    Reason.ORDER_CAP: "the mandate's order cap",
    Reason.POSITION_CAP: "the mandate's position cap",
    Reason.TOTAL_CAP: "the mandate's total cap",
    Reason.LEVERAGE_CAP: "the mandate's leverage cap",
    Reason.MARGIN: "not enough free margin",
    Reason.BELOW_MINIMUM: "below the venue's minimum order",
    Reason.SLIPPAGE: "the price moved beyond the slippage bound",
    Reason.NO_DEPTH: "not enough depth inside the slippage bound",
    Reason.REJECTED: "the venue rejected the order",
    Reason.RATE_LIMIT: "the venue's rate limit",
    Reason.UNKNOWN: "the order's outcome is not known yet",
    Reason.CARRIED: "less than one lot, carried to the next fill",
    Reason.IN_FLIGHT: "an order is still in flight",
    Reason.LIQUIDATED: "the venue liquidated this account",
    Reason.HALTED: "the shard has halted",
    Reason.PRICE_BOUND: "the limit price lies outside the protective bound",
    Reason.BAD_INTENT: "the intent contradicts itself",
}
