"""Refuses tables of follows that contradict themselves, by row and column, in words a follower understands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.mandate import BPS, Direction, Follows, LeadGone, Minimum, Sides, Sizing, Start

LOOKBACK_MAX = 32
HEDGE_BPS = (3_000, 7_000)
HOLD_NS_MAX = 7 * 24 * 3_600 * 1_000_000_000
_ENUMS = {
    "sizing": Sizing,
    "start": Start,
    "minimum": Minimum,
    "direction": Direction,
    "lead_gone": LeadGone,
    "sides": Sides,
}
_POSITIVE = ("allocation", "order_cap", "position_cap", "total_cap", "leverage_cap_e2")
_BOUNDS = ("open_bps", "exit_bps", "stop_loss_bps", "trailing_bps", "price_stop_bps", "hedge_band_bps")
_AT_LEAST_ZERO = (
    "follower", "lead", "value", "rule", "lookback", "multiplier_cap_e2", "lead_notional_min", "lead_leverage_min_e2",
    "hold_ns_min", "take_profit_bps", "equity_stop", "margin_stop_bps", "weight_bps",
)  # fmt: skip


def check_follows(follows: Follows) -> None:
    """Raises ConfigError that names the first bad row, its column, why, and what to do."""
    n = len(follows)
    for name, column in follows.columns().items():
        if column.dtype != np.int64 or column.shape != (n,):
            raise ConfigError(f"follow column {name}", f"is {column.dtype}{column.shape}, not int64({n},)")
    for name in _AT_LEAST_ZERO:
        _refuse(follows, getattr(follows, name) < 0, name, "is negative")
    for name in _POSITIVE:
        _refuse(follows, getattr(follows, name) <= 0, name, "is not positive")
    for name in _BOUNDS:
        _refuse(follows, (getattr(follows, name) < 0) | (getattr(follows, name) >= BPS), name, "is not in 0..9999")
    for name, kind in _ENUMS.items():
        _refuse(follows, ~np.isin(getattr(follows, name), list(kind)), name, f"is not a {kind.__name__} mode")
    _refuse(follows, follows.rule >= len(follows.rules), "rule", "names no symbol rule")
    for name in ("coupon", "depth"):
        _refuse(follows, ~np.isin(getattr(follows, name), (0, 1)), name, "is neither 0 nor 1")
    _refuse(follows, (follows.stage_bps <= 0) | (follows.stage_bps > BPS), "stage_bps", "is not in 1..10000")
    _refuse(follows, follows.weight_bps > BPS, "weight_bps", "is more than 10000")
    _sizing(follows)
    _contradictions(follows)


def _sizing(follows: Follows) -> None:
    sizing, value = follows.sizing, follows.value
    _refuse(follows, (sizing == Sizing.FIXED_RATIO) & (value <= 0), "value", "is not a positive ratio")
    _refuse(follows, (sizing == Sizing.FIXED_AMOUNT) & (value <= 0), "value", "is not a positive amount")
    risk = (sizing == Sizing.RISK) & ((value <= 0) | (value > BPS))
    _refuse(follows, risk, "value", "is not a risk of 1 to 10000 bps of the allocation")
    _refuse(follows, (sizing == Sizing.EXTENSION) & (value >= len(follows.sizers)), "value", "names no sizer")
    off = (follows.hedge_bps != 0) & ((follows.hedge_bps < HEDGE_BPS[0]) | (follows.hedge_bps > HEDGE_BPS[1]))
    _refuse(follows, off, "hedge_bps", "is not 0 or 3000 to 7000")
    wide = (follows.hedge_bps > 0) & (follows.hedge_band_bps >= follows.hedge_bps)
    _refuse(follows, wide, "hedge_band_bps", "is as wide as the hedge: it would never be hedged")
    _refuse(follows, follows.lookback > LOOKBACK_MAX, "lookback", f"is more than {LOOKBACK_MAX} orders")
    _refuse(follows, follows.hold_ns_min > HOLD_NS_MAX, "hold_ns_min", "is longer than a week")
    alone = (follows.multiplier_cap_e2 > 0) & (follows.lookback == 0)
    _refuse(follows, alone, "multiplier_cap_e2", "is a multiple of nothing: it needs a lookback")


def _contradictions(follows: Follows) -> None:
    """Limits that leave no room for one another."""
    above = (follows.sizing == Sizing.FIXED_AMOUNT) & (follows.value > follows.order_cap)
    _refuse(follows, above, "value", "is a fixed amount above the order cap")
    _refuse(follows, follows.equity_stop >= follows.allocation, "equity_stop", "is at or above the allocation")


def _refuse(follows: Follows, bad: NDArray[np.bool_], column: str, why: str) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise ConfigError(f"follow row {row}, column {column}", f"{getattr(follows, column)[row]} {why}", "mend it")
