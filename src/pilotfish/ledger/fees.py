"""Fees as arithmetic on columns, exact: brackets over a mark, proration with a carried remainder, shares inside groups.

Money is int64 base units. A *group* is one follower: `group[i]` is the group of row i, numbered from 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints, muldiv_floor, peak
from pilotfish.domain.errors import NumericOverflow

BPS = 10_000
Steps = tuple[tuple[int, int], ...]  # (from this gain in bps of the mark, rate in bps), both rising


def totals_within(values: Ints, group: Ints, groups: int) -> Ints:
    """The sum of each group, exact. Raises NumericOverflow beyond 2^62."""
    high, low = np.zeros(groups, dtype=np.int64), np.zeros(groups, dtype=np.int64)
    np.add.at(high, group, values >> 32)
    np.add.at(low, group, values & 0xFFFFFFFF)
    high += low >> 32
    if peak(high) > 1 << 30:
        raise NumericOverflow("the money of one follower", "leaves int64", "use a coarser unit for this asset")
    return (high << 32) + (low & 0xFFFFFFFF)


def apportion_within(totals: Ints, weights: Ints, group: Ints) -> Ints:
    """Share each group's total >= 0 among its rows by `weights` >= 0, by largest remainder; ties go to the earlier row.

    Parts sum to the total, or to nothing where a group has no weight. No part exceeds its weight if no total exceeds
    the sum of its weights.
    """
    whole = totals_within(weights, group, totals.size)
    amount = np.where(whole > 0, totals, 0)
    factor, den = amount[group], np.maximum(whole, 1)[group]
    parts = muldiv_floor(weights, factor, den)
    left = amount - totals_within(parts, group, totals.size)
    if left.any():
        with np.errstate(over="ignore"):
            remainder = weights * factor - parts * den  # wraps, and is exact because it lies in [0, whole)
        order = np.lexsort((-remainder, group))
        sorted_group = group[order]
        rank = np.arange(order.size) - np.searchsorted(sorted_group, np.arange(totals.size))[sorted_group]
        parts[order[rank < left[sorted_group]]] += 1
    return parts


def performance_fees_floor(gains: Ints, marks: Ints, steps: Steps) -> Ints:
    """The fee on `gains` above `marks` >= 0: each bracket's rate on the part of the gain inside it, marginal as in a
    progressive tax, so that more gain never leaves less. Brackets begin at a share of the mark, rounded up.
    """
    fees, odd = np.zeros_like(gains), np.zeros_like(gains)
    starts = [-muldiv_floor(-marks, start, BPS) for start, _ in steps]
    for k, (_, rate) in enumerate(steps):
        part = np.maximum((np.minimum(gains, starts[k + 1]) if k + 1 < len(steps) else gains) - starts[k], 0)
        whole, rest = np.divmod(part, BPS)  # apart, so that no product leaves int64
        fees += whole * rate
        odd += rest * rate
    return fees + odd // BPS


def gains_charged_ceil(paid: Ints, gains: Ints, marks: Ints, steps: Steps) -> Ints:
    """The largest part of each gain whose fee is not above `paid`: what a fee that was cut short has paid for."""
    low, high = np.zeros_like(gains), np.maximum(gains, 0)
    while (low < high).any():
        middle = high - (high - low) // 2
        enough = performance_fees_floor(middle, marks, steps) <= paid
        low, high = np.where(enough, middle, low), np.where(enough, high, middle - 1)
    return low


def prorated_floor(elapsed_ns: Ints, price: Ints, month_ns: int, carried: Ints) -> tuple[Ints, Ints]:
    """price·elapsed/month and its remainder in money·ns, to be `carried` on: the parts of a month sum to its price."""
    whole = muldiv_floor(elapsed_ns, price, month_ns)
    with np.errstate(over="ignore"):
        rest = elapsed_ns * price - whole * month_ns + carried  # wraps, and is exact: less than two months
    over = rest >= month_ns
    return whole + over, rest - over * month_ns


def discounted_floor(amounts: Ints, bps: int, where: NDArray[np.bool_]) -> Ints:
    """Less `bps` of itself, where asked."""
    return np.where(where, muldiv_floor(amounts, BPS - bps, BPS), amounts)


def marks_left_ceil(marks: Ints, equity: Ints, withdrawn: Ints) -> Ints:
    """A mark once `withdrawn` >= 0 has gone: in proportion to what stays, so that neither gain nor loss is diluted.

    Where there is no equity to measure by, the mark falls by the amount, not below zero.
    """
    stays = np.maximum(equity - withdrawn, 0)
    scaled = -muldiv_floor(-marks, stays, np.maximum(equity, 1))
    return np.where(equity > 0, scaled, np.maximum(marks - withdrawn, 0))
