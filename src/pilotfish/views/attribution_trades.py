"""What the attribution keeps for every trade of a lead: sums over all follows, as unlimited integers."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What a row of the table of trades is about."""

    TRADE = "trade"  # a change of a lead's position, and the copies made for it
    OWN = "own"  # targets or positions of follows moved without a trade of their lead: stops, minimums, closes
    LIQUIDATION = "liquidation"
    FUNDING = "funding"
    HEDGE = "hedge"
    SUBSCRIPTION = "subscription"
    PERFORMANCE = "performance"
    CHARGE = "charge"  # charged without saying what for
    INSURANCE = "insurance"


class Quantity(msgspec.Struct):
    """Signed sub-lots and what they were bought for, in sub-lots · p2."""

    sublots: int = 0
    bought: int = 0

    def buy(self, sublots: int, price2: int) -> None:
        self.sublots += sublots
        self.bought += sublots * price2

    def worth(self, mark2: int) -> int:
        return self.sublots * mark2 - self.bought


class Trade(msgspec.Struct):
    """One row. `delay` and `fills` in lots · p2; `paid` (for fills), `fee`, `funding`, `insurance` in money."""

    kind: Kind
    lead: int = -1
    instrument: int = -1
    at_ns: int = 0
    copies: int = 0  # how many times a follow got something
    ideal: Quantity = msgspec.field(default_factory=Quantity)
    hedge: Quantity = msgspec.field(default_factory=Quantity)
    rounding: Quantity = msgspec.field(default_factory=Quantity)
    missed: Quantity = msgspec.field(default_factory=Quantity)
    delay: int = 0
    fills: int = 0
    paid: int = 0
    venue_fee: int = 0
    copy_fee: int = 0
    funding: int = 0
    insurance: int = 0
