"""The shape of what the platform's terms did: fees, insurance, stops, rules, modes, and one portfolio day by day.

Conventions as in schema.py. Percentages and their intervals are floats; they are estimates, and never become money.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Base of everything here."""


class Fees(Part, frozen=True, kw_only=True):
    """What followers were charged, where it went, and the insurance pool. Everything >= 0."""

    subscription: Decimal = Decimal(0)
    performance: Decimal = Decimal(0)
    to_platform: Decimal = Decimal(0)
    to_leads: dict[str, Decimal] = {}
    to_insurance: Decimal = Decimal(0)
    owed: Decimal = Decimal(0)  # subscriptions that nobody had free money for
    pool: Decimal = Decimal(0)  # what insurance holds at the end
    claims_paid: Decimal = Decimal(0)
    claims_unpaid: Decimal = Decimal(0)

    @property
    def charged(self) -> Decimal:
        return self.subscription + self.performance


class Switches(Part, frozen=True, kw_only=True):
    """What stopped opens or closed positions, apart from the leads."""

    stopped: dict[str, int] = {}  # follows by reason; one that was stopped twice counts twice
    rules: dict[str, int] = {}  # times by rule
    rules_why: dict[str, str] = {}  # the last explanation of each rule
    breaker: int = 0  # how often the platform's breaker halted opens


class ModeReport(Part, frozen=True, kw_only=True):
    """Follows that copy in one way, and what they made after all that was charged."""

    sizing: str
    direction: str
    follows: int
    deposited: Decimal
    result: Decimal
    return_bps: float | None = None


class NavDay(Part, frozen=True, kw_only=True):
    """`nav` = `equity` − `accrued`. Fees and costs are sums since the start; > 0 is paid, funding > 0 received."""

    at_ms: int
    nav: Decimal
    equity: Decimal  # money and positions at the marks
    accrued: Decimal  # performance fee and subscription not charged yet
    deposited: Decimal  # net of withdrawals
    subscription: Decimal = Decimal(0)
    performance: Decimal = Decimal(0)
    venue_fee: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)
    insurance: Decimal = Decimal(0)


class TooSmall(Part, frozen=True, kw_only=True):
    """A lead's opening orders in one instrument, beside what this capital makes of them in proportion."""

    lead: str
    symbol: str
    orders: int
    below: int  # of those, how many would be smaller than the venue takes
    copied: bool  # whether the portfolio traded it at all (small wants add up until they are large enough)
    minimum: Decimal  # the venue's
    needed_any: Decimal  # the portfolio's capital with which the largest of them reaches the minimum …
    needed_half: Decimal  # … half of them …
    needed_all: Decimal  # … and all


class Annual(Part, frozen=True, kw_only=True):
    """In percent a year; the interval is None where the sample supports none."""

    percent: float | None = None
    low: float | None = None
    high: float | None = None


class Portfolio(Part, frozen=True, kw_only=True):
    capital: Decimal
    weights: dict[str, float]  # percent by lead
    days: float
    days_asked: float
    gain: Decimal  # net asset value at the end less what was deposited
    return_percent: float
    return_low: float | None = None
    return_high: float | None = None
    simple: Annual = Annual()
    compound: Annual = Annual()
    level: float = 0.95
    block_days: float | None = None  # mean length of the blocks that were drawn
    steps: int = 0  # daily returns in the sample
    drawdown_percent: float = 0.0
    nav: list[NavDay] = []
    too_small: list[TooSmall] = []
    notes: list[str] = []
