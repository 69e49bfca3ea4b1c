"""What `pilotfish leads` found, as leads.json holds it. Returns and shares are fractions, money is USDC."""

from __future__ import annotations

from typing import Literal

import msgspec

from pilotfish.evidence.capacity import Capacity, Rung
from pilotfish.evidence.clones import CloneLink


class Copying(msgspec.Struct, frozen=True):
    """What copiers of a lead really got in the replay, net, open positions at the mark."""

    money_weighted: float  # modified Dietz over all copiers' deposits
    replays: list[float]  # the same of each replay, which differ by the draws of the market model alone
    time_weighted: float  # the steps compounded
    low: float | None  # of `money_weighted`, 95%, stationary bootstrap over the steps
    high: float | None
    in_profit: int  # copiers that ended above what they brought
    copiers: int
    drawdown: float  # of the copiers together, floating losses included
    sharpe: float | None  # a year
    sharpe_low: float | None
    sharpe_high: float | None
    lead_return: float  # the lead's own, on the same deposits
    loss_of_return: float | None  # replication loss: lead_return less money_weighted
    loss_bps: float | None  # … and of what the copiers traded
    traded: float
    fees: float
    copies: int
    filled: float  # share of the copies
    missed: float
    missed_why: dict[str, int]


class LeadEvidence(msgspec.Struct, frozen=True):
    """One lead, ranked."""

    rank: int
    name: str
    venue: str
    first_ms: int
    last_ms: int
    days: float  # from its first trade to the end of the window
    active_days: int
    fills: int
    round_trips: int
    open_trips: int
    wins: int
    win_low: float
    win_high: float
    equity: float
    equity_given: bool
    lead_drawdown: float
    copying: Copying
    per_step: float | None  # Sharpe ratio of one step
    alone: float | None  # probability that the Sharpe ratio is above zero, had we looked at this lead alone
    deflated: float | None  # probability that the Sharpe ratio is more than the luckiest of so many leads would show
    capacity: Capacity
    ladder: list[Rung]
    dead: str
    clones: list[str]
    capital_needed: list[float]  # USDC with which 10, 20, … 90% of its orders reach the venue's minimum when copied
    notes: list[str]


class Unjudged(msgspec.Struct, frozen=True):
    name: str
    fills: int
    why: str


class Later(msgspec.Struct, frozen=True):
    """A lead ranked on one period and what its copiers got in the next."""

    name: str
    rank: int
    first: float
    second: float | None  # None: it did not trade and held nothing
    second_rank: int | None
    why: str


class LeadsReport(msgspec.Struct, frozen=True, tag_field="kind", tag="pilotfish leads"):
    """`leads` by rank. `step_hours`: the step of returns, Sharpe ratios and intervals."""

    version: str
    seed: int
    files: list[str]
    start_ms: int
    end_ms: int
    step_hours: float
    accounts_seen: int
    copiers: int
    copier_capital: float
    replays: int
    luckiest_per_step: float
    leads: list[LeadEvidence]
    unjudged: list[Unjudged]
    clones: list[CloneLink]
    assumptions: list[str]
    issues: list[str]
    split_ms: int | None = None
    later: list[Later] = []
    rank_correlation: float | None = None  # Spearman's
    rank_low: float | None = None  # 95%
    rank_high: float | None = None


class Choice(msgspec.Struct, frozen=True):
    """`weight` of the capital; what a cap leaves over stays cash."""

    name: str
    weight: float
    amount: float
    why: list[str]
    warnings: list[str]


class Rejection(msgspec.Struct, frozen=True):
    name: str
    why: list[str]


class Recommendation(msgspec.Struct, frozen=True):
    """`proven`: every lead chosen passed the bar. Otherwise the choices are what comes closest, and says so."""

    capital: float
    proven: bool
    headline: str
    choices: list[Choice]
    rejections: list[Rejection]
    cash: float
    stands: Literal["evidence", "luck", "nothing"] = "evidence"
