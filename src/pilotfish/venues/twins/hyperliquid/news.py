"""What happened and has not been told yet, by whom it concerns."""

from __future__ import annotations

from pilotfish.venues.hyperliquid.wire.answers import FundingRow
from pilotfish.venues.hyperliquid.wire.messages import AccountLiquidation, NonUserCancel, OrderState, Trade, UserFill


class News:
    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.trades: dict[str, list[Trade]] = {}  # by coin; the rest by address
        self.orders: dict[str, list[OrderState]] = {}
        self.fills: dict[str, list[UserFill]] = {}
        self.fundings: dict[str, list[FundingRow]] = {}
        self.cancels: dict[str, list[NonUserCancel]] = {}
        self.liquidations: dict[str, list[AccountLiquidation]] = {}
        self.anything = False
