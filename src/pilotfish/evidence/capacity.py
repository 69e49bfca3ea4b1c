"""How much money can copy a lead before its own impact eats the edge."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Rung(msgspec.Struct, frozen=True):
    """All copiers together brought `capital` USDC, and it returned so much; `filled`: share of their copies."""

    capital: float
    copier_return: float
    filled: float


class Capacity(msgspec.Struct, frozen=True):
    """`usdc`: the largest total that keeps the edge, None without one. `at_least`: the ladder ended before the edge."""

    usdc: float | None
    at_least: bool
    why: str


def capacity(ladder: Sequence[Rung], keep: float = 0.5) -> Capacity:
    """The largest rung up to which every rung earns at least `keep` of what the smallest earns.

    Rungs in any order; the truth lies between the rung named and the next one.
    """
    rungs = sorted(ladder, key=lambda rung: rung.capital)
    if not rungs:
        return Capacity(None, False, "no ladder was replayed")
    edge = rungs[0].copier_return
    if edge <= 0:
        return Capacity(None, False, f"no edge to eat: {edge:+.1%} with {rungs[0].capital:,.0f} USDC already")
    best = rungs[0]
    for rung in rungs[1:]:
        if rung.copier_return < keep * edge:
            why = f"{edge:+.1%} becomes {rung.copier_return:+.1%} with {rung.capital:,.0f} USDC"
            return Capacity(best.capital, False, why)
        best = rung
    return Capacity(best.capital, True, f"the ladder ended at {best.capital:,.0f} USDC with {best.copier_return:+.1%}")
