"""Mandates of a fuzzed world: every mode that a follow can have, drawn row by row."""

from __future__ import annotations

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.mandate import (
    BPS,
    NO_LIMIT,
    RATIO_UNIT,
    Direction,
    Follows,
    LeadGone,
    Minimum,
    Sides,
    Sizing,
    Start,
    SymbolRule,
)
from pilotfish.worlds.fuzz.draws import MS, SECOND, USDC, Chance, sprinkled
from pilotfish.worlds.fuzz.extensions import MOODY, STEADY

MODES = (Sizing.PROPORTIONAL, Sizing.FIXED_RATIO, Sizing.FIXED_AMOUNT, Sizing.RISK)
CAP_MIN = 11 * USDC  # above every listed instrument's minimum order


class Traits(msgspec.Struct):
    """Which share of follows has what; zero where a world does without."""

    hedged: float = 0.0
    stopped: float = 0.0
    staged: float = 0.0
    depth: float = 0.0
    coupon: float = 0.0
    extended: float = 0.0
    weighted: bool = False
    sided: float = 0.0


def draw_follows(chance: Chance, leads: int, count: int, symbols: list[str], first: int = 0) -> Follows:
    """`count` rows with random mandates; a follower may follow several leads. `first` is the lowest follower id."""
    n = max(count, 1)
    pairs = {(first + int(chance.integers(max(n * 2 // 3, 1))), int(chance.integers(leads))) for _ in range(n)}
    rows = sorted(pairs) if chance.random() < 0.5 else sorted(pairs, key=lambda pair: pair[1])
    n = len(rows)

    def cap(low: float, high: float, share: float) -> Ints:
        capped = chance.random(n) < share
        drawn = np.exp(chance.uniform(np.log(low), np.log(high), n)) * USDC
        return np.where(capped, drawn.astype(np.int64), NO_LIMIT)

    rules = [SymbolRule(), SymbolRule(deny=(symbols[0],)), SymbolRule(allow=(symbols[-1],))]
    plain = chance.random() < 0.3  # one class of bounds, so that a block is a single order
    order_cap = cap(11, 5_000, 0.4)
    return Follows.of(
        [f for f, _ in rows], [lead for _, lead in rows],
        (np.exp(chance.uniform(np.log(200), np.log(100_000), n)) * USDC).astype(np.int64),
        open_bps=50 if plain else chance.choice([0, 5, 20, 50, 100, 300, 999], n),
        exit_bps=300 if plain else chance.choice([20, 50, 300, 1_000, 3_000], n),
        order_cap=order_cap, position_cap=cap(11, 20_000, 0.4), total_cap=cap(20, 50_000, 0.4),
        leverage_cap_e2=chance.choice([50, 100, 300, 1_000, 2_000, 4_000], n),
        minimum=chance.choice([int(Minimum.SKIP), int(Minimum.RAISE), int(Minimum.CARRY)], n),
        rule=chance.choice([0, 1, 2], n, p=[0.8, 0.1, 0.1]), rules=rules,
        **_sized(chance, n, order_cap),
    )  # fmt: skip


def _sized(chance: Chance, n: int, order_cap: Ints) -> dict[str, object]:
    """How each follow sizes, turns, filters and starts its copies."""
    sizing = chance.choice([int(mode) for mode in MODES], n, p=[0.4, 0.2, 0.25, 0.15])
    ratio = (np.exp(chance.uniform(np.log(0.001), np.log(2), n)) * RATIO_UNIT).astype(np.int64)
    amount = (np.exp(chance.uniform(np.log(12), np.log(2_000), n)) * USDC).astype(np.int64)
    lookback = sprinkled(chance, [1, 2, 5, 32], n, 0.3)
    value = np.select(
        [sizing == Sizing.FIXED_RATIO, sizing == Sizing.FIXED_AMOUNT, sizing == Sizing.RISK],
        [ratio, np.minimum(amount, order_cap), chance.choice([10, 100, 500], n)],
    )
    return {
        "sizing": sizing, "value": value, "start": chance.choice([int(start) for start in Start], n),
        "direction": chance.choice([int(Direction.SAME), int(Direction.REVERSE)], n, p=[0.8, 0.2]),
        "lookback": lookback, "multiplier_cap_e2": np.where(lookback > 0, chance.choice([0, 50, 100, 300], n), 0),
        "lead_notional_min": sprinkled(chance, [50 * USDC, 5_000 * USDC], n, 0.2),
        "lead_leverage_min_e2": sprinkled(chance, [10, 100], n, 0.1),
        "hold_ns_min": sprinkled(chance, [MS, 2 * SECOND, 20 * SECOND], n, 0.15),
    }  # fmt: skip


def enriched(chance: Chance, follows: Follows, traits: Traits, first: int) -> Follows:
    """The same rows with what the world's traits add: hedges, stops, stages, depth, weights, sizers of packages."""
    n, columns = len(follows), follows.columns()
    stops = {
        "take_profit_bps": [1, 50, 1_000], "stop_loss_bps": [20, 300, 3_000], "trailing_bps": [20, 300, 3_000],
        "price_stop_bps": [10, 100, 1_000], "margin_stop_bps": [200, 3_000, 9_000],
    }  # fmt: skip
    for name, values in stops.items():
        columns[name] = sprinkled(chance, values, n, traits.stopped)
    share = sprinkled(chance, [500, 900, 980], n, traits.stopped / 2)
    columns["equity_stop"] = follows.allocation * share // 1_000
    columns["hedge_bps"] = sprinkled(chance, [3_000, 5_000, 7_000], n, traits.hedged)
    columns["hedge_band_bps"] = chance.choice([100, 500, 2_000], n)
    staged = sprinkled(chance, [1_000, 2_500, 6_000], n, traits.staged)
    columns["stage_bps"] = np.where(staged > 0, staged, BPS)
    columns["lead_gone"] = chance.choice([int(policy) for policy in LeadGone], n)
    columns["depth"] = (chance.random(n) < traits.depth).astype(np.int64)
    columns["coupon"] = (chance.random(n) < traits.coupon).astype(np.int64)
    columns["sides"] = sprinkled(chance, [int(Sides.LONG), int(Sides.SHORT)], n, traits.sided)
    extended = chance.random(n) < traits.extended
    columns["sizing"] = np.where(extended, int(Sizing.EXTENSION), columns["sizing"])
    columns["value"] = np.where(extended, chance.choice([0, 1], n), columns["value"])
    if traits.weighted and not first:  # later rows may belong to followers whose weights make 100% already
        columns["weight_bps"] = _weights(chance, follows)
    return Follows.of(
        columns.pop("follower"), columns.pop("lead"), columns.pop("allocation"), **columns, rules=follows.rules,
        sizers=[STEADY, MOODY],
    )  # fmt: skip


def _weights(chance: Chance, follows: Follows) -> Ints:
    """Weights that make 100% for half of the followers, none for the others."""
    weights = np.zeros(len(follows), dtype=np.int64)
    for follower in np.unique(follows.follower).tolist():
        rows = np.flatnonzero(follows.follower == follower)
        if chance.random() < 0.5:
            cuts = np.sort(chance.integers(1, BPS, rows.size - 1))
            weights[rows] = np.diff([0, *cuts.tolist(), BPS])
    return weights


def tightened(chance: Chance, follows: Follows) -> dict[str, Ints]:
    """Columns of mandates that allow no more than these do."""
    n = len(follows)
    value = np.where(follows.sizing == Sizing.FIXED_AMOUNT, follows.value, 0)
    out: dict[str, Ints] = {}
    for name in ("order_cap", "position_cap", "total_cap"):
        cap = np.minimum(getattr(follows, name), 10_000 * USDC)
        least = np.maximum(CAP_MIN, value)
        out[name] = np.minimum(np.maximum((cap * chance.uniform(0.3, 1.0, n)).astype(np.int64), least), cap)
        out[name] = np.where(value > out[name], getattr(follows, name), out[name])
    out["leverage_cap_e2"] = np.maximum(follows.leverage_cap_e2 // 2, 20)
    out["open_bps"] = follows.open_bps // 2
    for name in ("stop_loss_bps", "trailing_bps"):
        old = getattr(follows, name)
        out[name] = np.where(old > 0, np.maximum(old // 2, 1), 500)
    return out


def widened(chance: Chance, follows: Follows) -> dict[str, Ints]:
    """Columns of mandates one limit of which is wider than these have it."""
    name = str(
        chance.choice(["order_cap", "position_cap", "total_cap", "leverage_cap_e2", "open_bps", "stop_loss_bps"])
    )
    old = getattr(follows, name)
    if name == "stop_loss_bps":
        return {name: np.where(old > 0, 0, old)}
    if name == "open_bps":
        return {name: np.minimum(old * 2 + 10, 999)}
    return {name: np.where(old < NO_LIMIT // 4, old * 2, old)}
