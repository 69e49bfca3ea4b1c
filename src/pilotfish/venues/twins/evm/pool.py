"""A pool of concentrated liquidity: what a swap takes and gives, by the formulas of the Uniswap v3 white paper (6.2).

Exact integers, rounded as the paper asks: what goes in up, what comes out down.
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

import msgspec

from pilotfish.venues.evm.wire.swaps import MILLION, Q96, SQRT_MAX, SQRT_MIN, root_at


class Step(NamedTuple):
    root: int
    taken: int
    given: int
    fee: int


class PoolState(msgspec.Struct):
    """`net`: by tick, what the liquidity gains there on the way up."""

    root: int
    liquidity: int
    net: dict[int, int] = {}

    @property
    def tick(self) -> int:
        """The greatest tick at or below the price."""
        tick = int(2 * log(self.root / Q96) / log(1.0001))
        while root_at(tick) > self.root:
            tick -= 1
        while root_at(tick + 1) <= self.root:
            tick += 1
        return tick

    def lay(self, root: int, ranges: dict[tuple[int, int], int]) -> None:
        """Take all liquidity away, and put so much into each range of ticks."""
        self.root, self.net = root, {}
        for (low, high), liquidity in ranges.items():
            self.net[low] = self.net.get(low, 0) + liquidity
            self.net[high] = self.net.get(high, 0) - liquidity
        self.net = {tick: net for tick, net in self.net.items() if net}
        now = self.tick
        self.liquidity = sum(net for tick, net in self.net.items() if tick <= now)

    def swap(self, down: bool, amount: int, limit: int, fee_e6: int) -> tuple[int, int]:
        """Sell token0 (`down`) or token1, exactly `amount` in, or exactly -`amount` out; what the pool got of both.

        Raises ValueError("SPL") where the price is beyond the limit already.
        """
        if (limit >= self.root or limit <= SQRT_MIN) if down else (limit <= self.root or limit >= SQRT_MAX):
            raise ValueError("SPL")
        left, taken, given = amount, 0, 0
        edges = sorted(self.net, reverse=down)
        now = self.tick
        ahead = [tick for tick in edges if (tick <= now if down else tick > now)]
        while left and self.root != limit:
            edge = ahead[0] if ahead else None
            stop = root_at(edge) if edge is not None else limit
            target = max(stop, limit) if down else min(stop, limit)
            step = _step(self.root, target, self.liquidity, left, fee_e6)
            self.root, taken, given = step.root, taken + step.taken + step.fee, given + step.given
            left = left - step.taken - step.fee if amount > 0 else left + step.given
            if edge is None or self.root != stop:
                break
            ahead.pop(0)
            self.liquidity += -self.net[edge] if down else self.net[edge]
        return (taken, -given) if down else (-given, taken)


def _step(root: int, target: int, liquidity: int, left: int, fee_e6: int) -> Step:
    """As far as the target, or until nothing is left."""
    if liquidity <= 0:
        return Step(target, 0, 0, 0)
    down = target <= root
    exact_in = left > 0
    most = left * (MILLION - fee_e6) // MILLION if exact_in else -left
    reached = most >= _amount(root, target, liquidity, down is exact_in, up=exact_in)
    by = _by_input if exact_in else _by_output
    end = target if reached else by(root, liquidity, most, down)
    taken = _amount(root, end, liquidity, down, up=True)
    given = _amount(root, end, liquidity, not down, up=False)
    if left < 0:
        given = min(given, most)
    fee = left - taken if left > 0 and end != target else -(-taken * fee_e6 // (MILLION - fee_e6))
    return Step(end, taken, given, fee)


def _amount(one: int, other: int, liquidity: int, zero: bool, *, up: bool) -> int:
    """Of token0 (`zero`) or token1 between two roots."""
    low, high = sorted((one, other))
    over, under = ((liquidity << 96) * (high - low), high * low) if zero else (liquidity * (high - low), Q96)
    return -(-over // under) if up else over // under


def _by_input(root: int, liquidity: int, amount: int, down: bool) -> int:
    if not down:
        return root + (amount << 96) // liquidity
    whole = liquidity << 96
    return -(-whole * root // (whole + amount * root))


def _by_output(root: int, liquidity: int, amount: int, down: bool) -> int:
    if down:
        return root - -(-(amount << 96) // liquidity)
    whole = liquidity << 96
    return -(-whole * root // (whole - amount * root))


def liquidity_for(amount0: int, low: int, high: int) -> int:
    """So much that at least `amount0` of token0 lies between two ticks."""
    a, b = root_at(low), root_at(high)
    return -(-amount0 * a * b // ((b - a) << 96)) + 1
