"""The venue's words for what became of an order, a cancel or a trade.

https://docs.polymarket.com/resources/error-codes and …/trading/orders/overview; where these are silent, the official
client (polymarket-client 0.14). What is not known for certain is LOST: the order is then asked for by its id.
"""

from __future__ import annotations

from enum import IntEnum

from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.polymarket.wire.answers import Posted
from pilotfish.venues.polymarket.wire.codec import failure_of

Meaning = tuple[OrderSignal, Reason]
_ACK: Meaning = (OrderSignal.ACK, Reason.NONE)
_LOST: Meaning = (OrderSignal.LOST, Reason.UNKNOWN)
_REJECT = OrderSignal.REJECT
_NO_MATCH: Meaning = (OrderSignal.CANCEL, Reason.NO_DEPTH)

_ERRORS: tuple[tuple[str, Meaning], ...] = (
    # The very same order is there already: an earlier sending of it arrived.
    ("duplicated", _LOST),
    ("couldn't be fully filled", _NO_MATCH),
    ("no orders found to match", _NO_MATCH),
    ("delayed due to market conditions", _ACK),
    ("could not insert", _LOST),
    ("could not run", _LOST),
    ("internal server error", _LOST),
    ("timeout", _LOST),
    ("not enough balance", (_REJECT, Reason.BALANCE)),
    ("insufficient balance", (_REJECT, Reason.BALANCE)),
    ("lower than the minimum", (_REJECT, Reason.BELOW_MINIMUM)),
    ("min size", (_REJECT, Reason.BELOW_MINIMUM)),
    ("too many requests", (_REJECT, Reason.RATE_LIMIT)),
    ("rate limit", (_REJECT, Reason.RATE_LIMIT)),
    ("unauthorized", (_REJECT, Reason.AUTHENTICATION)),
    ("invalid api key", (_REJECT, Reason.AUTHENTICATION)),
    ("invalid l1 request", (_REJECT, Reason.AUTHENTICATION)),
    ("invalid signature", (_REJECT, Reason.AUTHENTICATION)),
    ("has to be the owner of the api key", (_REJECT, Reason.AUTHENTICATION)),
    ("has to be the address of the api key", (_REJECT, Reason.AUTHENTICATION)),
    ("address banned", (_REJECT, Reason.AUTHENTICATION)),
    ("restricted in your region", (_REJECT, Reason.AUTHENTICATION)),
)

_ORDER: dict[str, Meaning] = {
    "LIVE": _ACK,
    "DELAYED": _ACK,
    "MATCHED": (OrderSignal.FILLED, Reason.NONE),
    "UNMATCHED": _LOST,
    "INVALID": (OrderSignal.CANCEL, Reason.REJECTED),
    "CANCELED": (OrderSignal.CANCEL, Reason.NONE),
    "CANCELED_EXPIRED_ORDER": (OrderSignal.CANCEL, Reason.NONE),
    "CANCELED_NOT_ENOUGH_BALANCE": (OrderSignal.CANCEL, Reason.BALANCE),
}

_CLOSED = ("currently disabled", "cancel-only", "post-only mode", "post_only_mode")  # 503: nothing was taken


class Settlement(IntEnum):
    """How far a trade has come on the chain. Until CONFIRMED it is provisional: a match can fail."""

    MATCHED = 0
    MINED = 1
    RETRYING = 2
    CONFIRMED = 3
    FAILED = 4

    @property
    def final(self) -> bool:
        return self >= Settlement.CONFIRMED


def placed(answer: Posted) -> Meaning:
    """Of an order that was posted, alone or in a batch. ACK: the venue has it, and may have matched it at once."""
    error = next((one for one in (answer.errorMsg, answer.error) if isinstance(one, str) and one), "")
    taken = answer.success is True and bool(answer.orderID)
    if error:
        return _known(error) or (_LOST if taken else (_REJECT, Reason.REJECTED))
    status = answer.status.lower() if isinstance(answer.status, str) else ""
    return _ACK if taken and status in ("live", "matched", "delayed", "") else _LOST


def refused(status: int, body: bytes) -> Meaning:
    """Of a request that was answered with an HTTP error, for each of its orders."""
    said = failure_of(body)
    if status >= 500 or status == 408:
        closed = status == 503 and any(part in said.lower() for part in _CLOSED)
        return (_REJECT, Reason.REJECTED) if closed else _LOST
    if status in (401, 403):
        return _REJECT, Reason.AUTHENTICATION
    if status == 429:
        return _REJECT, Reason.RATE_LIMIT
    return blame(said)


def blame(error: str) -> Meaning:
    """Signal and reason of an error's text; an unknown text is a reject."""
    return _known(error) or (_REJECT, Reason.REJECTED)


def _known(error: str) -> Meaning | None:
    text = error.lower()
    return next((meaning for part, meaning in _ERRORS if part in text), None)


def order_status(status: str) -> Meaning:
    """Of an order's status by REST or on the user channel; `size_matched` says how much of it traded.

    Raises MessageRefused for one that means nothing to us.
    """
    bare = status.removeprefix("ORDER_STATUS_")
    if known := _ORDER.get(bare.upper()):
        return known
    if bare.upper().startswith("CANCELED"):
        signal, reason = blame(bare)
        return OrderSignal.CANCEL, reason if signal is OrderSignal.CANCEL else Reason.REJECTED
    raise MessageRefused(f"order status {status[:60]!r}", "is not known", "ask for the order again")


def settlement(status: str) -> Settlement:
    """Of a trade. Raises MessageRefused for one that means nothing to us."""
    bare = status.removeprefix("TRADE_STATUS_")
    if bare == "MATCHED_NOT_BROADCASTED":
        return Settlement.MATCHED
    try:
        return Settlement[bare]
    except KeyError:
        raise MessageRefused(f"trade status {status[:60]!r}", "is not known", "ask for the trade again") from None


def is_over(why_not_cancelled: str) -> bool:
    """Whether an order could not be cancelled because it has ended; the order itself says how."""
    text = why_not_cancelled.lower()
    return any(
        part in text for part in ("already canceled", "already cancelled", "matched", "not found", "can't be found")
    )
