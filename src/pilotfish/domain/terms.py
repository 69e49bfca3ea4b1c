"""What the platform itself sets: fees, risk, rules, execution. Told by events, so that the journal explains itself."""

from __future__ import annotations

from enum import IntEnum

import msgspec

DAY_NS = 86_400_000_000_000


class FeeTerms(msgspec.Struct, frozen=True, array_like=True):
    """Money in base units. `steps` are brackets: from this gain over the mark, this rate, both in bps."""

    subscription: int = 0  # a follow and month; 0 or 2–5 USDC
    month_ns: int = 30 * DAY_NS
    steps: tuple[tuple[int, int], ...] = ((0, 500), (1_000, 1_000), (3_000, 1_500))
    coupon_bps: int = 1_000
    insurance_bps: int = 2_000
    period_ns: int = 30 * DAY_NS  # a performance fee is charged this often, and when money leaves


class Outage(IntEnum):
    """What happens to positions after the venue was out of reach for longer than `outage_ns`. Opens wait for RESUME."""

    HOLD = 0
    REDUCE = 1  # close half of each
    CLOSE = 2


class RiskTerms(msgspec.Struct, frozen=True, array_like=True):
    """0 = off, wherever a number could be one."""

    breaker_count: int = 0  # more liquidations than this …
    breaker_ns: int = 300_000_000_000  # … inside this time halt opens everywhere
    liquidate_e2: int = 0  # a follow is closed when equity falls to so many hundredths of its maintenance margin
    deviation_bps: int = 200  # a mark this far from the book's mid closes nobody
    auth_cool_ns: int = 60_000_000_000  # no opens so long after the venue refused our keys …
    balance_cool_ns: int = 30_000_000_000  # … or an account's balance
    rate_tokens: int = 0  # orders that may leave at once …
    rate_per_s: int = 0  # … and how fast that budget refills
    rate_reserve: int = 0  # kept for exits
    outage: Outage = Outage.HOLD
    outage_ns: int = 60_000_000_000


class Execution(IntEnum):
    AT_ONCE = 0
    TWAP = 1
    ICEBERG = 2


class ExecutionTerms(msgspec.Struct, frozen=True, array_like=True):
    """How the opens of a lead's follows are worked; exits always go at once, unless a close-all is staged."""

    kind: Execution = Execution.AT_ONCE
    window_ns: int = 0  # a TWAP is done after this long …
    slices: int = 1  # … in so many parts
    display_lots: int = 0  # an iceberg shows so many at a time
    participation_bps: int = 0  # of the lots displayed at the touch; 0 = no limit
    stage_ns: int = 2_000_000_000  # between the stages of a close-all
    holding_hours: int = 0  # how long a position is expected to pay funding, when venues are compared; 0 = not at all
