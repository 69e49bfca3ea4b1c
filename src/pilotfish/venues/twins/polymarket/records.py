"""Orders and trades of record, and how the venue writes them (recorded messages; models of polymarket-client 0.14)."""

from __future__ import annotations

from typing import Any

from pilotfish.venues.twins.polymarket.accounts import Account
from pilotfish.venues.twins.polymarket.markets import ONE, SHARE, TwinMarket

SECOND = 1_000_000_000
MS = 1_000_000


def shares(lots: int) -> str:
    """10^-6 as a decimal without trailing zeros."""
    whole, part = divmod(lots, SHARE)
    return f"{whole}.{part:06d}".rstrip("0").rstrip(".")


def priced(price: int) -> str:
    """10^-4 as a decimal without trailing zeros."""
    whole, part = divmod(price, ONE)
    return f"{whole}.{part:04d}".rstrip("0").rstrip(".")


def worth(side: int, lots: int, price: int) -> int:
    """Money of a token's trade: a buyer's rounded up, a seller's down."""
    return -(-lots * price // ONE) if side > 0 else lots * price // ONE


def side_name(side: int) -> str:
    return "BUY" if side > 0 else "SELL"


class Order:
    """An order of record. Prices and sides are the token's own; `lots` of a FAK or FOK purchase is what it asks for at
    least, `making` what it spends at most."""

    def __init__(self, order_id: str, account: Account, market: TwinMarket, outcome: int, side: int) -> None:
        self.id, self.account, self.market, self.outcome, self.side = order_id, account, market, outcome, side
        self.owner = ""  # the API key
        self.price = self.lots = self.making = self.matched = self.salt = 0
        self.type = "GTC"
        self.post_only = False
        self.expiration = 0  # s
        self.created_ns = 0  # by the venue's clock
        self.status = "LIVE"
        self.book_id = 0  # in the book; 0 when it does not rest
        self.trades: list[str] = []

    @property
    def token(self) -> str:
        return self.market.listed.tokens[self.outcome]

    @property
    def live(self) -> bool:
        return self.status in ("LIVE", "DELAYED")

    @property
    def left(self) -> int:
        return max(self.lots - self.matched, 0)

    @property
    def spends(self) -> bool:
        """Whether it is an amount of money to spend: a FAK or FOK purchase."""
        return self.side > 0 and self.type in ("FAK", "FOK")

    def needs(self) -> int:
        """What is kept for it while it is open: money (buy) or tokens (sell)."""
        return worth(1, self.left, self.price) if self.side > 0 else self.left

    def shown(self) -> dict[str, Any]:
        """As `/data/orders` shows it."""
        return {
            "id": self.id,
            "status": self.status,
            "owner": self.owner,
            "maker_address": self.account.wallet,
            "market": self.market.listed.condition,
            "asset_id": self.token,
            "side": side_name(self.side),
            "original_size": shares(self.lots),
            "size_matched": shares(self.matched),
            "price": priced(self.price),
            "outcome": self.market.listed.outcomes[self.outcome],
            "expiration": str(self.expiration),
            "order_type": self.type,
            "associate_trades": list(self.trades),
            "created_at": self.created_ns // SECOND,
        }

    def told(self, kind: str, stamp_ns: int, status: str = "") -> dict[str, Any]:
        """As the user stream tells it; `kind`: PLACEMENT, UPDATE, CANCELLATION."""
        said = self.shown() | {
            "event_type": "order",
            "type": kind,
            "order_owner": self.owner,
            "created_at": str(self.created_ns // SECOND),
            "timestamp": str(stamp_ns // MS),
        }
        if status:  # a killed order is told with holes
            said |= {"status": status, "size_matched": "", "created_at": "", "outcome": ""}
        return said


class Part:
    """What one order has in a trade. A stranger's has no account."""

    def __init__(self, order_id: str, outcome: int, side: int, lots: int, price: int, order: Order | None) -> None:
        self.order_id, self.outcome, self.side, self.lots, self.price = order_id, outcome, side, lots, price
        self.order = order
        self.account = order.account if order else None
        self.money = worth(side, lots, price)
        self.fee = 0

    @property
    def total(self) -> int:
        """Money paid (buy) or received (sell), the fee in it."""
        return self.money + self.side * self.fee


STRANGER = "00000000-0000-0000-0000-0000000000ff"


class Trade:
    """One taker order against one or more makers, and its life on chain."""

    def __init__(self, trade_id: str, market: TwinMarket, taker: Part, makers: list[Part], stamp_ns: int) -> None:
        self.id, self.market, self.taker, self.makers = trade_id, market, taker, makers
        self.status = "MATCHED"
        self.matched_ns = self.updated_ns = stamp_ns
        self.hash = "0x" + (trade_id.replace("-", "") * 2)[:64]
        self.stranger = "0x" + self.hash[-40:]

    @property
    def parts(self) -> list[Part]:
        return [self.taker, *self.makers]

    @property
    def accounts(self) -> list[Account]:
        return list({part.account.number: part.account for part in self.parts if part.account}.values())

    def side_of(self, account: Account) -> str:
        return "TAKER" if self.taker.account is account else "MAKER"

    def _made(self, part: Part) -> dict[str, Any]:
        listed = self.market.listed
        return {
            "order_id": part.order_id,
            "owner": part.order.owner if part.order else STRANGER,
            "maker_address": part.account.wallet if part.account else self.stranger,
            "matched_amount": shares(part.lots),
            "price": priced(part.price),
            "fee_rate_bps": "0",
            "asset_id": listed.tokens[part.outcome],
            "outcome": listed.outcomes[part.outcome],
            "outcome_index": part.outcome,
            "side": side_name(part.side),
        }

    def shown(self, account: Account) -> dict[str, Any]:
        """As `/data/trades` shows it to one who has a part in it: the outer fields are the taker's."""
        listed, taker = self.market.listed, self.taker
        return {
            "id": self.id,
            "taker_order_id": taker.order_id,
            "market": listed.condition,
            "asset_id": listed.tokens[taker.outcome],
            "side": side_name(taker.side),
            "size": shares(taker.lots),
            "price": shares(taker.money * SHARE // taker.lots),  # the average
            "fee_rate_bps": str(listed.fee_rate // 100),
            "status": "TRADE_STATUS_" + self.status,
            "match_time": str(self.matched_ns // SECOND),
            "last_update": str(self.updated_ns // SECOND),
            "outcome": listed.outcomes[taker.outcome],
            "bucket_index": 0,
            "owner": taker.order.owner if taker.order else STRANGER,
            "maker_address": taker.account.wallet if taker.account else self.stranger,
            "transaction_hash": self.hash,
            "trader_side": self.side_of(account),
            "maker_orders": [self._made(part) for part in self.makers],
        }

    def told(self, account: Account, owner: str) -> dict[str, Any]:
        """As the user stream tells it to the key `owner`."""
        shown = self.shown(account)
        return shown | {
            "event_type": "trade",
            "type": "TRADE",
            "status": self.status,
            "trade_owner": shown["owner"],
            "owner": owner,
            "timestamp": str(self.updated_ns // MS),
        }
