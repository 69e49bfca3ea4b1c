"""The cheapest way to gather a quantity from sources that sell in lots of different sizes, each ever dearer. Exact.

With lots of one size, taking the cheapest first is optimal (Gross 1956; Ibaraki & Katoh, "Resource Allocation
Problems", 1988). With sizes that divide each other it still is, from the smallest up: what the next size cannot make up
is taken from the small lots first, and the small lots beyond it are tied into bundles of the next size, cheapest first,
which grow ever dearer as well. Costs are integers without limit, so nothing is rounded and nothing overflows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

UNMET = -1  # the source of what no other source can provide; first among equals, but dearer than anything
BUNDLE = -2  # a source of the next larger size: small lots tied together


class Tranche(NamedTuple):
    """`lots` at one `cost` each, from one source; a source's tranches come cheapest first."""

    cost: int
    lots: int
    source: int


def divide(sizes: Sequence[int]) -> bool:
    """Whether each lot size divides the next larger one."""
    return all(large % small == 0 for small, large in pairwise(sorted(sizes)))


def gather(target: int, offers: Mapping[int, Sequence[Tranche]], dearest: int) -> dict[int, int]:
    """Lots per source that gather as much of `target` as there is, and that at the least cost.

    `offers` maps a lot size (in units of `target`) to tranches; sizes divide each other. What cannot be had is UNMET;
    a unit of it costs `dearest`, which must exceed whatever all offers together could cost or save. Among equals the
    earlier source is taken, and single lots before bundles.
    """
    offered = {1: [Tranche(dearest, 2 * target + max(offers, default=1), UNMET)]}
    for size, tranches in offers.items():
        offered.setdefault(size, []).extend(tranches)
    sizes = sorted(offered)
    ladder: list[tuple[list[Tranche], int]] = []  # per size: what is on offer, cheapest first, and what it must give
    bundles: list[Tranche] = []
    left = target
    for size, larger in zip(sizes, [*sizes[1:], 0], strict=True):
        merged = sorted((*offered[size], *bundles), key=_order)
        fixed = (left % larger if larger else left) // size
        left -= fixed * size
        ladder.append((merged, fixed))
        if larger:
            bundles = _tie(merged, fixed, larger // size)
    taken: dict[int, int] = {}
    tied = 0
    for index in range(len(sizes) - 1, -1, -1):
        merged, fixed = ladder[index]
        count = fixed + (tied * (sizes[index + 1] // sizes[index]) if index + 1 < len(sizes) else 0)
        tied = 0
        for tranche in merged:
            part = min(tranche.lots, count)
            count -= part
            if part and tranche.source == BUNDLE:
                tied += part
            elif part:
                taken[tranche.source] = taken.get(tranche.source, 0) + part
    return taken


def _order(tranche: Tranche) -> tuple[int, bool, int]:
    return tranche.cost, tranche.source == BUNDLE, tranche.source


def _tie(merged: list[Tranche], skip: int, size: int) -> list[Tranche]:
    """Bundles of `size` lots out of `merged` beyond the first `skip`; what is too few for a bundle is left out."""
    bundles: list[Tranche] = []
    cost = held = 0  # the bundle begun
    for tranche in merged:
        count = tranche.lots - min(skip, tranche.lots)
        skip -= tranche.lots - count
        if held:
            part = min(size - held, count)
            cost, held, count = cost + part * tranche.cost, held + part, count - part
            if held == size:
                bundles.append(Tranche(cost, 1, BUNDLE))
                cost = held = 0
        if count >= size:
            bundles.append(Tranche(size * tranche.cost, count // size, BUNDLE))
            count %= size
        if count:
            cost, held = cost + count * tranche.cost, held + count
    return bundles
