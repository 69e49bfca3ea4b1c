"""A small report that is sound in every figure, for the tests of the report; `changed` alters parts of it."""

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from pilotfish.views.report.metrics import WeightedSample
from pilotfish.views.report.schema import (
    Attribution,
    Band,
    Copies,
    Distribution,
    Equity,
    Followers,
    InputIssue,
    InputReport,
    InstrumentReport,
    JournalReport,
    LeadCurve,
    LeadReport,
    LedgerReport,
    ModelFigure,
    RealCopy,
    Report,
    RunFigures,
    TrackingError,
)
from pilotfish.views.report.schema_terms import (
    Annual,
    Fees,
    ModeReport,
    NavDay,
    Portfolio,
    Switches,
    TooSmall,
)

ROOT = "9f2c4e7ab01d" + "3b" * 26
HOURS = 30
_TIMES = [1_784_419_200_000 + 3_600_000 * i for i in range(HOURS)]


def changed(report: Report, **fields: Any) -> Report:
    return msgspec.structs.replace(report, **fields)


def sample(scale: str, centre: float, spread: float, n: int = 400) -> Distribution:
    rng = np.random.default_rng(5)
    values = centre * np.exp(rng.normal(0, spread, n)) if scale == "log" else rng.normal(centre, spread, n)
    made = WeightedSample()
    made.add(values, rng.integers(1, 900, n))
    return made.distribution("log" if scale == "log" else "linear")


def _band(shift: float) -> Band:
    middle = [10.0 * i + shift for i in range(HOURS)]
    low, high = [x - 25 for x in middle], [x + 25 for x in middle]
    return Band(mean=[x - 1 for x in middle], p5=low, p50=middle, p95=high)  # type: ignore[arg-type]


def lead(name: str, shift: float) -> LeadReport:
    copies = Copies(
        intended=1_000, filled=950, partly=20, missed=30,
        missed_by_reason={"not enough free margin": 10, "the price moved beyond the slippage bound": 20},
        missed_notional_by_reason={"the price moved beyond the slippage bound": Decimal("4247.40")},
    )  # fmt: skip
    real = [
        RealCopy(copier="0xfeed", symbol="BTC", lag_ms=900.0 + 50 * i, slippage_bps=i - 3.5, notional=Decimal("1234.5"))
        for i in range(12)
    ]
    return LeadReport(
        id=f"0x{name}", name=name, venue="hyperliquid", fills=412, final_positions={"BTC": Decimal("-1.25")},
        equity_assumed=Decimal(250_000), pnl=Decimal("-310.5") + Decimal(str(shift)), follows=16_000, copies=copies,
        lag_ms=sample("log", 160.0, 0.4), slippage_bps=sample("linear", 1.0, 2.0), real_copiers=real,
    )  # fmt: skip


def portfolio() -> Portfolio:
    days = [
        NavDay(
            at_ms=_TIMES[0] + 86_400_000 * k, nav=Decimal(500 + 2 * k), equity=Decimal(501 + 2 * k), accrued=Decimal(1),
            deposited=Decimal(500), subscription=Decimal(k) / 10, venue_fee=Decimal(k) / 100,
        )
        for k in range(46)
    ]  # fmt: skip
    small = TooSmall(
        lead="0xacc2", symbol="BTC", orders=10, below=4, copied=False, minimum=Decimal(10),
        needed_any=Decimal("180.19"), needed_half=Decimal(900), needed_all=Decimal(2_000),
    )  # fmt: skip
    return Portfolio(
        capital=Decimal(500), weights={"acc2": 60.0, "acc3": 40.0}, days=45.0, days_asked=45.0, gain=Decimal(90),
        return_percent=18.0, return_low=-3.5, return_high=40.0, simple=Annual(percent=146.0, low=-28.4, high=324.4),
        compound=Annual(percent=282.9, low=-25.1, high=1432.0), block_days=3.56, steps=45, drawdown_percent=4.2,
        nav=days, too_small=[small], notes=["the leads were chosen by how much they traded"],
    )  # fmt: skip


def terms() -> dict[str, Any]:
    """What the platform's terms did, for `changed`."""
    return {
        "fees": Fees(
            subscription=Decimal("13.5"), performance=Decimal("6.3"), to_platform=Decimal("10.8"),
            to_leads={"acc2": Decimal("5.04")}, to_insurance=Decimal("3.96"), pool=Decimal("2.46"),
            claims_paid=Decimal("1.5"), owed=Decimal("0.7"),
        ),
        "switches": Switches(
            stopped={"the follow's stop loss": 12}, rules={"storm": 3}, rules_why={"storm": "rule 'storm' fired"},
            breaker=1,
        ),
        "modes": [
            ModeReport(
                sizing="fixed_ratio", direction="reverse", follows=120, deposited=Decimal(9_000),
                result=Decimal("-45.5"), return_bps=-50.6,
            )
        ],
    }  # fmt: skip


def example() -> Report:
    leads = [lead("acc2", 0.0), lead("acc3", 40.0)]
    curves = [
        LeadCurve(
            id=x.id,
            pnl=[Decimal(25 * i) for i in range(HOURS)],
            return_bps=[11.0 * i for i in range(HOURS)],
            followers=_band(3.0),
        )
        for x in leads
    ]
    return Report(
        version="0.1.0",
        seed=42,
        route="omnibus",
        title="Replay of 2 leads",
        run=RunFigures(wall_s=61.2, events_per_s=148_233.4, peak_rss_bytes=412_000_000),
        journal=JournalReport(path="out/journal.db", records=5_122, root=ROOT, events=10_234, commands=8_120),
        leads=leads,
        followers=Followers(
            count=32_000, follows=32_000, off_target=312, carried_below_one_lot=8_123,
            off_target_reasons={"not enough free margin": 200, "the mandate's leverage cap": 112},
        ),
        copies=Copies(
            intended=2_000, filled=1_900, partly=40, missed=60,
            missed_by_reason={"not enough free margin": 60},
        ),
        lag_ms=sample("log", 200.0, 0.5),
        slippage_bps=sample("linear", 1.2, 2.5),
        bound_bps=50,
        tracking_error=TrackingError(bps=sample("linear", 12.0, 3.0), how="root mean square of hourly differences"),
        attribution=Attribution.of(
            delay=Decimal("-18322.12"), slippage=Decimal("-9021.5533"), fee=Decimal(-41233), funding=Decimal("1230.42"),
            rounding=Decimal("-12.000001"), missed=Decimal("6021.9"), copied_notional=Decimal(212_000_000),
            ideal_pnl=Decimal("180233.12"),
        ),
        equity=Equity(times_ms=_TIMES, leads=curves, followers=_band(0.0)),
        ledger=LedgerReport(sum_by_asset={"USDC": 0, "BTC": 0}, postings=1_231_233, fees_paid=Decimal(41233)),
        refusals={"not enough free margin": 1_233},
        orders={"filled": 8_012, "cancelled": 101},
        instruments=[
            InstrumentReport(symbol="BTC", book="modelled", venue="hyperliquid", note="mid walks between the fills"),
            InstrumentReport(symbol="ETH", book="recorded", venue="hyperliquid"),
        ],
        model={"taker_fee": ModelFigure(value=4.5, unit="bps", source="the venue's fee schedule, tier 0")},
        inputs=[InputReport(file="leader.json.gz", shape="Hyperliquid userFills", fills=412, issues=1)],
        issues=[InputIssue(file="leader.json.gz", line=17, column="px", why="the price is not a number")],
    )  # fmt: skip
