"""Exact integer arithmetic on columns: the rounding direction is in the name, overflow is checked.

`muldiv_*` compute a·num/den elementwise as if with unlimited integers. A float64 only *estimates* the quotient; the
remainder is then taken in wrapping int64, where it is exact, and corrects the estimate. So the result does not depend
on floating-point rounding, and costs a few vector operations instead of a Python loop.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.errors import NumericOverflow

Ints = NDArray[np.int64]
INT64_MAX = 2**63 - 1
_SAFE = float(2**62)


def ints(values: object) -> Ints:
    """A column of int64 from anything array-like."""
    return np.asarray(values, dtype=np.int64)


def peak(a: Ints | int) -> int:
    """The largest magnitude in a column, as an unlimited integer; 0 for an empty one."""
    if isinstance(a, int | np.integer):
        return abs(int(a))
    return max(abs(int(np.minimum.reduce(a, axis=None))), abs(int(np.maximum.reduce(a, axis=None)))) if a.size else 0


def within(a: Ints, least: Ints | int, most: Ints | int) -> Ints:
    """Each element, or the bound it is beyond: `np.clip` at a third of its cost on short columns."""
    return np.minimum(np.maximum(a, least), most)


def total_of(a: Ints) -> int:
    """The sum of a column as an unlimited integer: high and low halves apart, since their sums cannot wrap."""
    return (int((a >> 32).sum()) << 32) + int((a & 0xFFFFFFFF).sum())


def mul(a: Ints, b: Ints | int) -> Ints:
    """a·b, refused when any product could leave int64."""
    one, other = peak(a), peak(b)
    if one * other > INT64_MAX:
        raise NumericOverflow(f"product of {one} and {other}", "leaves int64", "use a coarser unit")
    return a * b if other <= INT64_MAX else np.zeros_like(a)  # numpy takes no such factor, even times nothing


def muldiv_floor(a: Ints, num: Ints | int, den: Ints | int) -> Ints:
    """floor(a·num / den), exact. `den` > 0; all three broadcast."""
    biggest_den = peak(den)
    smallest_den = int(den) if isinstance(den, int | np.integer) else int(den.min()) if den.size else 1
    if smallest_den <= 0:
        raise NumericOverflow("division", f"denominator {smallest_den} is not positive", "check the lead's equity")
    biggest_num = peak(num)
    bound = peak(a) * biggest_num
    if max(bound, biggest_num, biggest_den) <= INT64_MAX:  # it fits: plain integer division is exact and fastest
        return np.asarray(np.floor_divide(a * num, den), dtype=np.int64)
    estimate = a.astype(np.float64) * num / den
    quotient_peak = float(np.abs(estimate).max()) if estimate.size else 0.0
    # Off by at most 3 ulp: that error times den must stay inside int64 for the wrapped remainder to be exact.
    if biggest_num > INT64_MAX or quotient_peak >= _SAFE or (quotient_peak * 2.0**-50 + 2.0) * biggest_den >= _SAFE:
        return _muldiv_floor_slow(a, num, den)
    q = np.floor(estimate).astype(np.int64)
    with np.errstate(over="ignore"):
        remainder = a * np.asarray(num, dtype=np.int64) - q * den  # wraps, and is exact modulo 2^64
    return np.asarray(q + np.floor_divide(remainder, den), dtype=np.int64)


def _muldiv_floor_slow(a: Ints, num: Ints | int, den: Ints | int) -> Ints:
    """The same with Python integers, for magnitudes where the estimate is not good enough."""
    aa, nn, dd = np.broadcast_arrays(a, num, den)
    out = [int(x) * int(n) // int(d) for x, n, d in zip(aa.flat, nn.flat, dd.flat, strict=True)]
    if out and max(map(abs, out)) > INT64_MAX:
        raise NumericOverflow("a scaled quantity", "leaves int64", "use a coarser lot or a smaller allocation")
    return np.array(out, dtype=np.int64).reshape(aa.shape)


def muldiv_trunc(a: Ints, num: Ints | int, den: Ints | int) -> Ints:
    """a·num / den rounded toward zero, exact. `num` >= 0, `den` > 0."""
    return np.sign(a) * muldiv_floor(np.abs(a), num, den)


def apportion(total: int, quotas: Ints, quota_total: int | None = None) -> Ints:
    """Share `total` in proportion to `quotas` >= 0 by largest remainder (Hamilton); the parts sum to `total` exactly.

    Ties go to the earlier row, so the result is deterministic.
    """
    whole = total_of(quotas) if quota_total is None else quota_total
    if whole == 0 or total == 0:
        return np.zeros_like(quotas)
    magnitude = abs(total)
    parts = muldiv_floor(quotas, magnitude, whole)
    left = magnitude - int(parts.sum())
    if left:
        # remainder of quota·total mod whole, exact in wrapped arithmetic because it lies in [0, whole)
        with np.errstate(over="ignore"):
            remainder = quotas * np.int64(magnitude) - parts * np.int64(whole)
        parts[largest(remainder, left)] += 1
    return parts if total > 0 else -parts


def largest(values: Ints, count: int) -> NDArray[np.intp]:
    """Indices of the `count` largest of values >= 0; among equals the earlier index wins."""
    n = values.size
    if count >= n:
        return np.arange(n)
    if count < n // 2:  # a zero can only win where too few others are left: most columns are mostly zeros
        some = np.flatnonzero(values)
        if count <= some.size < n:
            return np.asarray(some[largest(values[some], count)], dtype=np.intp)
    cut = np.partition(values, n - count)[n - count]
    above = np.flatnonzero(values > cut)
    ties = np.flatnonzero(values == cut)[: count - above.size]
    return np.concatenate([above, ties])
