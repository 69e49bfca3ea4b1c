"""The shape of report.json: what one replay or run did, in units a reader can check. docs/report.md explains it all.

Conventions. Money is `Decimal` in the report's `money_asset` and a string in JSON, never a float. Times end in `_ms`
(epoch, UTC). `slippage_bps` > 0 is worse for the follower. Attribution and P&L < 0 is a loss. A figure that does not
exist (nothing was copied) is None and null in JSON, never 0 and never NaN. Lots count in each instrument's own lot.
"""

from __future__ import annotations

from decimal import Decimal, Inexact, localcontext
from typing import Literal

import msgspec

from pilotfish.domain.errors import NumericOverflow
from pilotfish.views.report.schema_terms import Fees, ModeReport, Portfolio, Switches

Book = Literal[
    "modelled", "recorded", "seeded", "live", "paper", "twin"
]  # where an instrument's prices and depth came from


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Base of everything in a report."""


class Histogram(Part, frozen=True, kw_only=True):
    """`counts[i]` values in [edges[i], edges[i+1]), the last bin closed; `below` and `above` lie outside all bins."""

    edges: list[float]
    counts: list[int]
    below: int = 0
    above: int = 0


class Distribution(Part, frozen=True, kw_only=True):
    """Percentiles over `count` values, linear between neighbours; all None when there are none."""

    count: int = 0
    mean: float | None = None
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    min: float | None = None
    max: float | None = None
    histogram: Histogram | None = None


class Copies(Part, frozen=True, kw_only=True):
    """Each change one follow should have made is one copy; it ends filled, partly filled or missed, or is pending.

    The four sum to `intended`. `notional` is money by the same words: what was intended and what traded.
    """

    intended: int = 0
    filled: int = 0
    partly: int = 0
    missed: int = 0
    pending: int = 0  # still working when the run ended
    missed_by_reason: dict[str, int] = {}  # copies missed altogether; sums to missed
    missed_notional_by_reason: dict[str, Decimal] = {}  # what those should have traded, at the mark
    notional: dict[str, Decimal] = {}  # "intended" and "traded"


class RealCopy(Part, frozen=True, kw_only=True):
    """One recorded copy by a real account that followed the same lead: what the market itself achieved."""

    copier: str
    symbol: str
    lag_ms: float | None
    slippage_bps: float | None
    notional: Decimal | None = None
    at_ms: int | None = None


class LeadReport(Part, frozen=True, kw_only=True):
    id: str
    name: str
    venue: str
    fills: int
    position_breaks: int = 0  # fills whose stated start position was not the one we had rebuilt
    late_fills: int = 0  # fills that arrived after a later one
    final_positions: dict[str, Decimal] = {}  # symbol → signed quantity
    equity_assumed: Decimal | None = None  # the equity that copy ratios divide by
    pnl: Decimal | None = None  # the lead's own, realised and unrealised, after its fees
    follows: int = 0
    copies: Copies = Copies()
    lag_ms: Distribution = Distribution()
    slippage_bps: Distribution = Distribution()
    real_copiers: list[RealCopy] = []


class Followers(Part, frozen=True, kw_only=True):
    count: int = 0
    follows: int = 0  # one follower's allocation to one lead
    off_target: int = 0  # follows whose position differs from its target by a whole lot or more at the end
    off_target_reasons: dict[str, int] = {}  # follows by reason; sums to off_target
    carried_below_one_lot: int = 0  # follows that differ by less than one lot: carried, not off target


class TrackingError(Part, frozen=True, kw_only=True):
    """Per follower, in bps of its allocation; `how` says the computation."""

    bps: Distribution = Distribution()
    how: str = ""


PARTS = ("delay", "slippage", "fee", "funding", "rounding", "missed", "hedge", "insurance")


class Attribution(Part, frozen=True, kw_only=True):
    """Why followers did not get exactly the ideal copy's result: money, < 0 is a loss; `PARTS` sum to `total`."""

    delay: Decimal = Decimal(0)  # price moves from the lead's fill to our decision
    slippage: Decimal = Decimal(0)  # our fill against the price at the decision
    fee: Decimal = Decimal(0)  # all that was charged: `venue_fee` + `copy_fee`
    funding: Decimal = Decimal(0)
    rounding: Decimal = Decimal(0)  # positions in whole lots
    missed: Decimal = Decimal(0)  # copies not made: may be > 0, a loss avoided
    hedge: Decimal = Decimal(0)  # what hedging the copied exposure would have earned, ideally executed
    insurance: Decimal = Decimal(0)  # paid to accounts that went below zero
    total: Decimal = Decimal(0)
    venue_fee: Decimal = Decimal(0)  # of `fee`: the venue's
    copy_fee: Decimal = Decimal(0)  # of `fee`: subscriptions and performance fees
    copied_notional: Decimal | None = None  # what bps are taken of
    ideal_pnl: Decimal | None = None  # of an instant, free, unrounded copy; + total = what followers got

    @classmethod
    def of(
        cls,
        *,
        copied_notional: Decimal | None = None,
        ideal_pnl: Decimal | None = None,
        venue_fee: Decimal | None = None,
        copy_fee: Decimal = Decimal(0),
        **parts: Decimal,
    ) -> Attribution:
        """From its parts by name, with the exact total; a fee that is not split is the venue's.

        Raises TypeError for a part that does not exist.
        """
        if venue_fee is None:
            venue_fee = exact_sum([parts.get("fee", Decimal(0)), copy_fee.copy_negate()])
        return cls(
            **parts,
            total=exact_sum(list(parts.values())),
            venue_fee=venue_fee,
            copy_fee=copy_fee,
            copied_notional=copied_notional,
            ideal_pnl=ideal_pnl,
        )

    def adds_up(self) -> bool:
        return exact_sum(list(self.parts().values())) == self.total

    def parts(self) -> dict[str, Decimal]:
        return {name: getattr(self, name) for name in PARTS}


def exact_sum(amounts: list[Decimal]) -> Decimal:
    """The sum, never rounded; NaN where an amount is. Raises NumericOverflow where 1,000 digits do not hold it."""
    if not all(amount.is_finite() for amount in amounts):
        return Decimal("NaN")
    with localcontext(prec=1_000) as context:
        context.traps[Inexact] = True
        try:
            return sum(amounts, Decimal(0))
        except Inexact as bad:
            raise NumericOverflow("a sum of money", "has more than 1,000 digits", "check the amounts") from bad


class Band(Part, frozen=True, kw_only=True):
    """Return of followers on their allocations in bps, one value a time: mean and percentiles across followers."""

    mean: list[float | None] = []
    p5: list[float | None] = []
    p50: list[float | None] = []
    p95: list[float | None] = []


class LeadCurve(Part, frozen=True, kw_only=True):
    """A lead's own P&L since the start, in money and in bps of the equity assumed; its followers' band where known."""

    id: str
    pnl: list[Decimal | None] = []
    return_bps: list[float | None] = []
    followers: Band | None = None


class Equity(Part, frozen=True, kw_only=True):
    """Every list has one value for each of `times_ms`."""

    times_ms: list[int] = []
    leads: list[LeadCurve] = []
    followers: Band = Band()


class LedgerReport(Part, frozen=True, kw_only=True):
    sum_by_asset: dict[str, int] = {}  # base units over all accounts: anything but 0 is a fault
    postings: int = 0
    fees_paid: Decimal = Decimal(0)  # > 0: paid to the venue
    funding_paid: Decimal = Decimal(0)  # > 0: paid by followers


class JournalReport(Part, frozen=True, kw_only=True):
    path: str
    records: int
    root: str  # hex; the hash over everything in the journal
    events: int
    commands: int


class InstrumentReport(Part, frozen=True, kw_only=True):
    """Where prices and depth came from: recorded from the venue, modelled between leads' fills, or seeded chance."""

    symbol: str
    book: Book
    venue: str = ""
    note: str = ""


class ModelFigure(Part, frozen=True, kw_only=True):
    """A figure that was assumed, not measured in this run, and where it is from."""

    value: int | float | str
    unit: str
    source: str


class InputReport(Part, frozen=True, kw_only=True):
    file: str
    shape: str  # the format it was recognised as
    fills: int
    issues: int = 0


class InputIssue(Part, frozen=True, kw_only=True):
    """One row of an input that was not used; `why` and `to_do` are for the person who has the file."""

    file: str
    line: int
    column: str
    why: str
    to_do: str = ""


class RunFigures(Part, frozen=True, kw_only=True):
    wall_s: float
    events_per_s: float | None = None
    peak_rss_bytes: int | None = None


class Report(Part, frozen=True, kw_only=True):
    """All of report.json. `money_asset` names what every money figure is in; `bound_bps` the follows' usual bound."""

    version: str
    seed: int | None
    route: str
    run: RunFigures
    journal: JournalReport
    title: str = "Copy report"
    money_asset: str = "USDC"
    leads: list[LeadReport] = []
    followers: Followers = Followers()
    copies: Copies = Copies()
    lag_ms: Distribution = Distribution()
    slippage_bps: Distribution = Distribution()
    bound_bps: int | None = None  # the slippage bound on opens that most follows signed
    tracking_error: TrackingError = TrackingError()
    attribution: Attribution = Attribution()
    equity: Equity = Equity()
    modes: list[ModeReport] = []
    portfolio: Portfolio | None = None  # only of `pilotfish portfolio`
    fees: Fees = Fees()
    switches: Switches = Switches()
    ledger: LedgerReport = LedgerReport()
    refusals: dict[str, int] = {}  # intents the gate refused, by reason
    orders: dict[str, int] = {}  # orders by the state they ended in
    instruments: list[InstrumentReport] = []
    model: dict[str, ModelFigure] = {}
    inputs: list[InputReport] = []
    issues: list[InputIssue] = []
