"""The baseline of the fan-out: the same rules the obvious way, an object with Decimals for each follower, in a loop.

It must give the same allocations to the last unit (tests/unit/test_bench_baseline.py), or the comparison means nothing.
Sizes are in coins, money in USDC, both Decimal. Whatever is the same for all followers is computed once, as a careful
author would.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal

from bench.scene import EQUITY, INSTRUMENTS, USDC
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import Follows
from pilotfish.engine.orders.blocks import BOUND_CLASSES

ZERO = Decimal(0)
LOT = Decimal(1).scaleb(-INSTRUMENTS[0].lot_decimals)
SUB = LOT / SUBLOT
UNIT = Decimal("0.000001")
CLASSES = [int(bound) for bound in BOUND_CLASSES]


@dataclass(slots=True)
class Follower:
    capital: Decimal
    order_cap: Decimal
    position_cap: Decimal
    total_cap: Decimal
    leverage_cap: Decimal
    open_bps: int
    exit_bps: int
    cash: Decimal
    reserved_money: Decimal = ZERO
    targets: dict[int, Decimal] = field(default_factory=dict)
    positions: dict[int, Decimal] = field(default_factory=dict)
    opening: dict[int, Decimal] = field(default_factory=dict)
    leaving: dict[int, Decimal] = field(default_factory=dict)


@dataclass(slots=True)
class Block:
    """One order for many: `quotas` are exact sizes by follower index, `margins` what each has set aside."""

    instrument: int
    side: int
    exit: bool
    limit: Decimal
    quotas: dict[int, Decimal]
    margins: dict[int, Decimal]
    lots: int


@dataclass(slots=True)
class Share:
    """What one follower got of a block."""

    lots: int
    cost: Decimal
    fee: Decimal


def followers_of(follows: Follows) -> list[Follower]:
    columns = {name: column.tolist() for name, column in follows.columns().items()}
    return [
        Follower(
            Decimal(columns["allocation"][k]) / USDC, Decimal(columns["order_cap"][k]) / USDC,
            Decimal(columns["position_cap"][k]) / USDC, Decimal(columns["total_cap"][k]) / USDC,
            Decimal(columns["leverage_cap_e2"][k]) / 100, columns["open_bps"][k], columns["exit_bps"][k],
            cash=Decimal(columns["allocation"][k]) / USDC,
        )
        for k in range(len(follows))
    ]  # fmt: skip


class Copier:
    def __init__(self, followers: list[Follower]) -> None:
        self.followers = followers
        self.marks: dict[int, Decimal] = {}
        self.equity = Decimal(EQUITY) / USDC
        self.cuts: dict[str, int] = defaultdict(int)

    @classmethod
    def of(cls, follows: Follows) -> Copier:
        return cls(followers_of(follows))

    def decide(self, key: int, before: int, after: int, price_units: int) -> list[Block]:
        """The lead's position in instrument `key` went from `before` to `after` lots at a price: the orders to send."""
        old, new = before * LOT, after * LOT
        price = INSTRUMENTS[key].show_price(price_units)
        if old * new < 0:
            raise ValueError("the scene has no flips")
        kept, opened = min(abs(old), abs(new)), new - old if abs(new) > abs(old) else ZERO
        reducing = kept < abs(old)
        quotas: dict[tuple[bool, int, int], dict[int, Decimal]] = defaultdict(dict)
        for index, f in enumerate(self.followers):
            target = f.targets.get(key, ZERO)
            if reducing:
                target = (target * kept / abs(old)).quantize(SUB, ROUND_DOWN)
            if opened:
                target = self._grown(f, target, opened, price)
            f.targets[key] = target
            held = f.positions.get(key, ZERO) + f.leaving.get(key, ZERO)
            exit_ = abs(held) - _kept(target, held)
            open_ = abs(target) - _kept(target, held + f.opening.get(key, ZERO))
            if exit_ and (reducing or exit_ >= LOT):
                bound = CLASSES[bisect_right(CLASSES, f.exit_bps) - 1]
                quotas[True, -1 if held > 0 else 1, bound][index] = exit_
            if open_ and (opened or open_ >= LOT):
                bound = CLASSES[bisect_right(CLASSES, f.open_bps) - 1]
                quotas[False, 1 if target > 0 else -1, bound][index] = open_
        exits_first = sorted(quotas, key=lambda which: (not which[0], -which[1], which[2]))
        blocks = [self._block(key, *which, quotas[which], price_units) for which in exits_first]
        return [block for block in blocks if block is not None]

    def _grown(self, f: Follower, target: Decimal, opened: Decimal, price: Decimal) -> Decimal:
        """The target after an open by the copy ratio, inside the order cap and the position cap."""
        step = (f.capital * opened / self.equity).quantize(SUB, ROUND_DOWN)
        room = (f.order_cap / price).quantize(LOT, ROUND_FLOOR)
        step = max(min(step, room), -room)
        room = max((f.position_cap / price).quantize(LOT, ROUND_FLOOR), abs(target))
        return max(min(target + step, room), -room)

    def _block(
        self, key: int, exit_: bool, side: int, bound: int, wanted: dict[int, Decimal], price_units: int
    ) -> Block | None:
        """One order at the worst price the bound allows: from the mark for exits, from the lead's price for opens."""
        instrument = INSTRUMENTS[key]
        reference = int(self.marks[key].scaleb(instrument.price_decimals)) if exit_ else price_units
        limit = instrument.show_price(instrument.bound_price(reference, side, bound))
        margins: dict[int, Decimal] = {}
        if not exit_:
            dearest = max(limit, self.marks[key])  # what a seller commits to is not below the mark
            wanted = {index: self._clipped(self.followers[index], key, side, q, dearest) for index, q in wanted.items()}
        total = sum(wanted.values(), ZERO)
        lots = int(total / LOT)
        if not lots or lots * LOT * limit < Decimal(instrument.min_notional) / USDC:
            return None
        if not exit_:
            fee = Decimal(instrument.taker_fee_e6).scaleb(-6)
            rate = 1 + fee * instrument.max_leverage
            for index, quota in wanted.items():
                value = (quota * dearest).quantize(UNIT, ROUND_FLOOR) + UNIT
                margins[index] = (value * rate / instrument.max_leverage).quantize(UNIT, ROUND_FLOOR) + UNIT
        for index, quota in wanted.items():
            f = self.followers[index]
            in_flight = f.leaving if exit_ else f.opening
            in_flight[key] = in_flight.get(key, ZERO) + side * quota
            f.reserved_money += margins.get(index, ZERO)
        return Block(key, side, exit_, limit, wanted, margins, lots)

    def _clipped(self, f: Follower, key: int, side: int, quota: Decimal, limit: Decimal) -> Decimal:
        """As much of an open as order cap, total cap, leverage cap, margin and position cap leave room for."""
        instrument, marks = INSTRUMENTS[key], self.marks
        value = gross = margin = ZERO
        for held_key, position in f.positions.items():
            worth = position * marks[held_key]
            value += worth
            gross += abs(worth)
            margin += (abs(worth) / INSTRUMENTS[held_key].max_leverage).quantize(UNIT, ROUND_FLOOR)
        for held_key, opening in f.opening.items():
            gross += abs((opening * marks[held_key]).quantize(UNIT, ROUND_FLOOR))
        equity = f.cash + value
        free = max(equity - margin - f.reserved_money, ZERO)
        rate = 1 + Decimal(instrument.taker_fee_e6).scaleb(-6) * instrument.max_leverage
        room, why = min(
            (f.order_cap, "order cap"),
            (f.total_cap - gross, "total cap"),
            ((max(equity, ZERO) * f.leverage_cap).quantize(UNIT, ROUND_FLOOR) - gross, "leverage cap"),
            ((free * instrument.max_leverage / rate).quantize(UNIT, ROUND_FLOOR), "margin"),
        )
        lot_up = quota.quantize(LOT, ROUND_CEILING)
        clipped = quota
        if (lot_up * limit).quantize(UNIT, ROUND_FLOOR) + UNIT > room:
            clipped = min(quota, (max(room, ZERO) / limit).quantize(LOT, ROUND_FLOOR))
        held = f.positions.get(key, ZERO) + f.opening.get(key, ZERO)
        ceiling = max((f.position_cap / limit).quantize(LOT, ROUND_FLOOR), abs(held))
        left = max((ceiling - side * held).quantize(LOT, ROUND_FLOOR), ZERO)
        if lot_up > left and left < clipped:
            clipped, why = left, "position cap"
        if clipped != quota:
            self.cuts[why] += 1
        return clipped

    def settle(self, block: Block, lots: int, cost: int, fee: int) -> dict[int, Share]:
        """Share a fill of `lots`, `cost` and `fee` (base units) by largest remainder, and post it."""
        parts = _allocate(lots, block.quotas)
        costs = _largest_remainder(cost, parts)
        fees = _largest_remainder(fee, parts)
        shares: dict[int, Share] = {}
        for index, part in parts.items():
            share = Share(part, Decimal(costs[index]) * UNIT, Decimal(fees[index]) * UNIT)
            shares[index] = share
            f = self.followers[index]
            in_flight = f.leaving if block.exit else f.opening
            rest = in_flight.pop(block.instrument) - block.side * block.quotas[index]
            if rest:
                in_flight[block.instrument] = rest
            f.reserved_money -= block.margins.get(index, ZERO)
            f.cash += -block.side * share.cost - share.fee
            f.positions[block.instrument] = f.positions.get(block.instrument, ZERO) + block.side * part * LOT
        return shares


def _kept(target: Decimal, held: Decimal) -> Decimal:
    """How much of what is held the target keeps: nothing of a position on the other side."""
    return min(abs(target), abs(held)) if target * held > 0 else ZERO


def _allocate(lots: int, quotas: dict[int, Decimal]) -> dict[int, int]:
    """Whole lots first, then one more to those who lack the most; pro rata where less was filled than that."""
    parts = {index: int(quota / LOT) for index, quota in quotas.items()}
    left = lots - sum(parts.values())
    if left < 0:
        return _largest_remainder(lots, {index: int(quota / SUB) for index, quota in quotas.items()})
    lacking = sorted(quotas, key=lambda index: (parts[index] * LOT - quotas[index], index))
    for index in lacking[:left]:
        parts[index] += 1
    return parts


def _largest_remainder(total: int, quotas: dict[int, int]) -> dict[int, int]:
    """Hamilton's method; among equal remainders the earlier follower wins."""
    whole = sum(quotas.values())
    if not whole or not total:
        return dict.fromkeys(quotas, 0)
    parts = {index: total * quota // whole for index, quota in quotas.items()}
    left = total - sum(parts.values())
    for index in sorted(quotas, key=lambda index: (-(total * quotas[index] % whole), index))[:left]:
        parts[index] += 1
    return parts
