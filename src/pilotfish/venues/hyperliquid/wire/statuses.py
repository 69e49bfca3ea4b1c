"""The venue's words for what became of an order.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint#query-order-status-by-oid-or-cloid
and …/error-responses
"""

from __future__ import annotations

from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.venues.decimals import MessageRefused

_ACK, _CANCEL, _REJECT = OrderSignal.ACK, OrderSignal.CANCEL, OrderSignal.REJECT

_STATUS: dict[str, tuple[OrderSignal, Reason]] = {
    "open": (_ACK, Reason.NONE),
    "accepted": (_ACK, Reason.NONE),
    "triggered": (_ACK, Reason.NONE),
    "filled": (OrderSignal.FILLED, Reason.NONE),
    "canceled": (_CANCEL, Reason.NONE),
    "scheduledCancel": (_CANCEL, Reason.NONE),
    "marginCanceled": (_CANCEL, Reason.BALANCE),
    "liquidatedCanceled": (_CANCEL, Reason.LIQUIDATED),
    # An IOC that found nothing was taken and ended: no fault of the order.
    "iocCancelRejected": (_CANCEL, Reason.NO_DEPTH),
    "marketOrderNoLiquidityRejected": (_CANCEL, Reason.NO_DEPTH),
    "rejected": (_REJECT, Reason.REJECTED),
    "minTradeNtlRejected": (_REJECT, Reason.BELOW_MINIMUM),
    "minTradeSpotNtlRejected": (_REJECT, Reason.BELOW_MINIMUM),
    "perpMarginRejected": (_REJECT, Reason.BALANCE),
    "insufficientSpotBalanceRejected": (_REJECT, Reason.BALANCE),
}

_ERRORS: tuple[tuple[str, OrderSignal, Reason], ...] = (
    ("could not immediately match", _CANCEL, Reason.NO_DEPTH),
    ("no liquidity available", _CANCEL, Reason.NO_DEPTH),
    ("insufficient", _REJECT, Reason.BALANCE),
    ("minimum value", _REJECT, Reason.BELOW_MINIMUM),
    ("too many cumulative requests", _REJECT, Reason.RATE_LIMIT),
    ("rate limit", _REJECT, Reason.RATE_LIMIT),
    # The nonce was used before: an earlier sending of this very order may have arrived.
    ("duplicate nonce", OrderSignal.LOST, Reason.UNKNOWN),
    ("unable to recover signer", _REJECT, Reason.AUTHENTICATION),
    ("user or api wallet", _REJECT, Reason.AUTHENTICATION),
    ("must deposit", _REJECT, Reason.BALANCE),
)


def meaning(status: str) -> tuple[OrderSignal, Reason]:
    """Signal and reason of an order's status. Raises MessageRefused for one that means nothing to us."""
    if known := _STATUS.get(status):
        return known
    if status.endswith("Canceled"):
        return _CANCEL, Reason.REJECTED
    if status.endswith("Rejected"):
        return _REJECT, Reason.REJECTED
    raise MessageRefused(f"order status {status[:60]!r}", "is not known", "ask for the order again")


def blame(error: str) -> tuple[OrderSignal, Reason]:
    """Signal and reason of an error's text; an unknown text is a reject."""
    text = error.lower()
    for part, signal, reason in _ERRORS:
        if part in text:
            return signal, reason
    return _REJECT, Reason.REJECTED
