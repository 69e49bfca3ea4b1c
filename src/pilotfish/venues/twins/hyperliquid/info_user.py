"""POST /info about accounts. An address nobody deposited to has nothing, and is not refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pilotfish.venues.hyperliquid.wire.answers import (
    Clearinghouse,
    KnownOrder,
    RateLimit,
    SpotBalance,
    SpotState,
    UnknownOrder,
)
from pilotfish.venues.hyperliquid.wire.messages import UserFill
from pilotfish.venues.twins.hyperliquid.account import Account
from pilotfish.venues.twins.hyperliquid.core import Core
from pilotfish.venues.twins.hyperliquid.limits import Limits
from pilotfish.venues.twins.hyperliquid.settings import MONEY
from pilotfish.venues.twins.hyperliquid.text import is_address, is_cloid, num
from pilotfish.venues.twins.hyperliquid.wallets import Wallets
from pilotfish.venues.twins.hyperliquid.wanted import UNREADABLE, Unreadable, span, want

Request = dict[str, Any]
ROWS_MAX = 2_000
FUNDINGS_MAX = 500


class UserInfo:
    def __init__(self, core: Core, wallets: Wallets, limits: Limits) -> None:
        self.core, self.wallets, self.limits = core, wallets, limits
        self.answers: dict[str, Callable[[Request], Any]] = {
            "clearinghouseState": self._clearinghouse,
            "spotClearinghouseState": lambda r: SpotState(balances(self._of(r))),
            "openOrders": lambda r: [order.basic() for order in newest(self._of(r))],
            "frontendOpenOrders": lambda r: [order.full() for order in newest(self._of(r))],
            "orderStatus": self._order_status,
            "historicalOrders": self._history,
            "userFills": lambda r: self._of(r).fills[: -ROWS_MAX - 1 : -1],
            "userFillsByTime": self._fills_by_time,
            "userFunding": self._funding,
            "userRateLimit": self._rate_limit,
            "userFees": lambda _: self._fees(),
            "userRole": self._role,
            "extraAgents": self._agents,
            "subAccounts": self._sub_accounts,
            "userAbstraction": lambda _: "disabled",
            "userNonFundingLedgerUpdates": lambda _: [],
            "userVaultEquities": lambda _: [],
            "maxBuilderFee": lambda _: 0,
        }

    def _of(self, request: Request) -> Account:
        address = want(request, "user", str)
        if not is_address(address):
            raise Unreadable(UNREADABLE)
        return self.core.accounts.get(address.lower()) or Account(address.lower(), 0)

    def _clearinghouse(self, request: Request) -> Clearinghouse:
        if request.get("dex"):
            raise Unreadable(UNREADABLE)
        return self._of(request).clearinghouse(self.core.ms)

    def _order_status(self, request: Request) -> KnownOrder | UnknownOrder:
        which = request.get("oid")
        if isinstance(which, bool) or not (isinstance(which, int) or is_cloid(which)):
            raise Unreadable(UNREADABLE)
        order = self.core.find(self._of(request), which)
        return KnownOrder(order.history()) if order else UnknownOrder()

    def _history(self, request: Request) -> Any:
        account = self._of(request)
        return [order.history() for order in [*newest(account), *list(account.closed)[::-1]][:ROWS_MAX]]

    def _fills_by_time(self, request: Request) -> list[UserFill]:
        start, end = span(request, self.core.ms)
        return [fill for fill in self._of(request).fills if start <= fill.time <= end][:ROWS_MAX]

    def _funding(self, request: Request) -> Any:
        start, end = span({"startTime": 0} | request, self.core.ms)
        return [row for row in self._of(request).fundings if start <= row.time <= end][:FUNDINGS_MAX]

    def _rate_limit(self, request: Request) -> RateLimit:
        account = self._of(request)
        return RateLimit(num(account.volume, MONEY), account.requests, self.limits.cap(account), 0)

    def _fees(self) -> Any:
        taker, maker = next((m.instrument.taker_fee_e6, m.instrument.maker_fee_e6) for m in self.core.markets.values())
        rates = {"cross": num(taker, 6), "add": num(maker, 6)}
        spot = {"spotCross": "0.0007", "spotAdd": "0.0004"}
        schedule = {**rates, **spot, "tiers": {"vip": [], "mm": []}, "referralDiscount": "0.04"}
        return {
            "dailyUserVlm": [], "feeSchedule": schedule, "userCrossRate": rates["cross"], "userAddRate": rates["add"],
            "userSpotCrossRate": spot["spotCross"], "userSpotAddRate": spot["spotAdd"], "activeReferralDiscount": "0.0",
        }  # fmt: skip

    def _role(self, request: Request) -> Any:
        account = self._of(request)
        if agent := self.wallets.agents.get(account.address):
            return {"role": "agent", "data": {"user": agent.owner}}
        if account.master:
            return {"role": "subAccount", "data": {"master": account.master}}
        return {"role": "user" if account.deposited else "missing"}

    def _agents(self, request: Request) -> Any:
        agents = self.wallets.of(self._of(request).address, self.core.ms)
        return [{"name": a.name, "address": a.address, "validUntil": a.until_ms} for a in agents if a.name]

    def _sub_accounts(self, request: Request) -> Any:
        master = self._of(request).address
        below = [account for account in self.core.accounts.values() if account.master == master]
        return [
            {
                "name": account.address[-6:], "subAccountUser": account.address, "master": master,
                "clearinghouseState": account.clearinghouse(self.core.ms), "spotState": SpotState([]),
            }
            for account in below
        ] or None  # fmt: skip


def newest(account: Account) -> list[Any]:
    """Open orders, the youngest first."""
    return [order for order in reversed(account.orders.values()) if order.open]


def balances(account: Account) -> list[SpotBalance]:
    """Spot: nothing is held there."""
    return [SpotBalance("USDC", 0, "0.0", "0.0", "0.0")] if account.deposited else []
