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
    PAUSED = 23
    SMALL_TRADE = 24
    LOW_LEVERAGE = 25
    SHORT_LIVED = 26
    BETTER_PRICE = 27
    NO_STOP = 28
    UNMAPPED = 29
    TAKE_PROFIT = 30
    STOP_LOSS = 31
    TRAILING_STOP = 32
    PRICE_STOP = 33
    ACCOUNT_STOP = 34
    LEAD_LIQUIDATED = 35
    LEAD_GONE = 36
    BREAKER = 37
    LIQUIDATOR = 38
    OUTAGE = 39
    COOLING = 40
    AUTHENTICATION = 41
    BALANCE = 42
    BUDGET = 43
    RULE = 44
    CLOSED = 45
    LEFT = 46
    OWED = 47
    SLICED = 48
    VOLUME_CAP = 49
    NO_SHORT = 50
    DEVIATING = 51
    EXTENSION = 52
    LEAD_CANCELLED = 53
    ONE_SIDE = 54

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
    Reason.PAUSED: "the follow is paused",
    Reason.SMALL_TRADE: "the lead's trade is smaller than the mandate copies",
    Reason.LOW_LEVERAGE: "the lead's leverage is lower than the mandate copies",
    Reason.SHORT_LIVED: "waiting to see whether the lead keeps the position",
    Reason.BETTER_PRICE: "waiting for a price no worse than the lead's",
    Reason.NO_STOP: "the lead has no stop to size the risk by",
    Reason.UNMAPPED: "the lead's instrument has no counterpart here",
    Reason.TAKE_PROFIT: "the follow's take profit",
    Reason.STOP_LOSS: "the follow's stop loss",
    Reason.TRAILING_STOP: "the follow's trailing drawdown stop",
    Reason.PRICE_STOP: "the follow's price stop",
    Reason.ACCOUNT_STOP: "the follow's account stop",
    Reason.LEAD_LIQUIDATED: "the lead was liquidated",
    Reason.LEAD_GONE: "nobody hears of the lead any more",
    Reason.BREAKER: "too many liquidations: opens are halted everywhere",
    Reason.LIQUIDATOR: "closed before the venue would have liquidated it",
    Reason.OUTAGE: "the venue was out of reach: opens wait for the operator",
    Reason.COOLING: "opens rest after a failure",
    Reason.AUTHENTICATION: "the venue refused our keys",
    Reason.BALANCE: "the venue says the balance is too small",
    Reason.BUDGET: "our own rate budget for this venue",
    Reason.RULE: "a risk rule",
    Reason.CLOSED: "the follower closed everything",
    Reason.LEFT: "the follower has left",
    Reason.OWED: "a subscription is owed",
    Reason.SLICED: "the order is worked in parts",
    Reason.LEAD_CANCELLED: "the lead took its order back after ours had filled",
    Reason.ONE_SIDE: "the mandate opens positions on the other side only",
    Reason.NO_SHORT: "what is paid in full cannot be sold short",
    Reason.DEVIATING: "the mark is too far from the book to act on",
    Reason.EXTENSION: "the sizing mode of another package failed",
    Reason.VOLUME_CAP: "the lead's order is larger than its usual times the mandate's multiple",
}
