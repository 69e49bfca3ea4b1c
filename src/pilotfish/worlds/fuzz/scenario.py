"""One seed, one world: instruments, leads, followers, mandates, faults and latencies of a fuzzed run."""

from __future__ import annotations

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.events import Configured
from pilotfish.domain.instrument import Instrument, Kind, TickRule
from pilotfish.domain.mandate import NO_LIMIT, RATIO_UNIT, Direction, Follows, Minimum, Route, Sizing, Start, SymbolRule
from pilotfish.venues.sim.chance import named
from pilotfish.venues.sim.config import SimConfig
from pilotfish.venues.sim.faults import FaultRates
from pilotfish.venues.sim.figures import MID, OUTCOME, THIN
from pilotfish.venues.sim.flow import OrderFlow
from pilotfish.venues.sim.latency import COLOCATED_ORDER, MARKET, NO_DELAY, PUBLIC_ORDER, Latency
from pilotfish.venues.sim.limits import RateLimit
from pilotfish.venues.sim.market import MarketSource
from pilotfish.venues.sim.modelled import Anchor, ModelledBook
from pilotfish.venues.sim.risk import FundingRule

Chance = np.random.Generator
USDC = 10**6
SECOND = 1_000_000_000
MS = 1_000_000
MODES = (Sizing.PROPORTIONAL, Sizing.FIXED_RATIO, Sizing.FIXED_AMOUNT, Sizing.RISK)
START_NS = 1_790_000_000 * SECOND
AFTER_NS = 60 * SECOND  # the longest a world may take to come to rest

# Every kind, every tick rule, exact and inexact notionals; the id and the symbol are set when an instrument is drawn.
LISTINGS = (
    (Instrument(0, "WHALE", "simulated", Kind.PERP, 5, 1, tick_rule=TickRule.SIGNIFICANT, tick=5,
                min_notional=10 * USDC, max_leverage=40, maintenance_bps=125, taker_fee_e6=450, maker_fee_e6=150),
     "66400"),
    (Instrument(0, "SHARK", "simulated", Kind.PERP, 2, 4, tick_rule=TickRule.FIXED, tick=10,
                min_notional=10 * USDC, max_leverage=10, maintenance_bps=500, taker_fee_e6=450, maker_fee_e6=-20),
     "60.9"),
    (Instrument(0, "KRILL", "simulated", Kind.PERP, 0, 6, tick_rule=TickRule.SIGNIFICANT, tick=5,
                max_leverage=3, maintenance_bps=1_600, taker_fee_e6=1_000, maker_fee_e6=0),
     "0.0471"),
    (Instrument(0, "CORAL", "simulated", Kind.SPOT, 4, 5, tick_rule=TickRule.FIXED, tick=5,
                min_notional=5 * USDC, taker_fee_e6=700, maker_fee_e6=400),
     "21.5"),
    (Instrument(0, "YES", "simulated", Kind.OUTCOME, 2, 4, tick_rule=TickRule.GRID, tick=100, min_notional=USDC),
     "0.46"),
    (Instrument(0, "NO", "simulated", Kind.OUTCOME, 2, 4, tick_rule=TickRule.GRID, tick=10, taker_fee_e6=200),
     "0.08"),
)  # fmt: skip


class Scenario(msgspec.Struct):
    """What one seed asks for. Times in ns, money in base units; `chance` goes on drawing what happens in the run."""

    seed: int
    chance: Chance
    config: Configured
    instruments: list[Instrument]
    prices: list[int]
    sources: dict[int, MarketSource]
    leads: list[int]  # equity of each
    follows: Follows
    latency: Latency
    rates: FaultRates
    venue: SimConfig
    seconds: int
    restarts_per_s: float
    garbage_per_s: float
    cash_per_s: float
    operator_per_s: float
    joins_per_s: float
    orders_per_s: float
    reject_then_fill: float

    @property
    def calm_ns(self) -> int:
        """From here on nothing goes wrong any more, and no lead trades."""
        return START_NS + self.seconds * SECOND


def draw(seed: int) -> Scenario:
    """The world of a seed, the same on every machine."""
    chance = named(seed, "scenario")
    seconds = int(chance.integers(30, 101))
    instruments, prices = _instruments(chance)
    leads = [int(_log(chance, 2_000, 300_000)) * USDC for _ in range(int(chance.integers(1, 5)))]
    retry_ns = int(chance.choice([250, 500, 1_000])) * MS
    config = Configured(
        START_NS, START_NS, 0, Route(int(chance.integers(2))), int(chance.choice([2, 5])) * SECOND, retry_ns,
        int(chance.choice([2, 5, 10])) * SECOND, int(chance.choice([300, 1_000, 3_000])),
    )  # fmt: skip
    follows = draw_follows(chance, len(leads), int(_log(chance, 1, 61)), [i.symbol for i in instruments])
    return Scenario(
        seed, chance, config, instruments, prices,
        {i.id: _source(chance, i, seed, prices[i.id], seconds) for i in instruments},
        leads, follows, _latency(chance, seed), _rates(chance), _venue(chance), seconds,
        restarts_per_s=_some(chance, 0.6, 0.08), garbage_per_s=_some(chance, 0.7, 0.5),
        cash_per_s=_some(chance, 0.7, 0.3), operator_per_s=_some(chance, 0.4, 0.06),
        joins_per_s=_some(chance, 0.4, 0.05), orders_per_s=0.3 + float(chance.random()),
        reject_then_fill=_some(chance, 0.5, 0.3),
    )  # fmt: skip


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
        **_modes(chance, n, order_cap),
    )  # fmt: skip


def _modes(chance: Chance, n: int, order_cap: Ints) -> dict[str, object]:
    """How each follow sizes, turns, filters and starts its copies."""

    def some(values: list[int], share: float) -> Ints:
        return np.where(chance.random(n) < share, chance.choice(values, n), 0)

    sizing = chance.choice([int(mode) for mode in MODES], n, p=[0.4, 0.2, 0.25, 0.15])
    ratio = (np.exp(chance.uniform(np.log(0.001), np.log(2), n)) * RATIO_UNIT).astype(np.int64)
    amount = (np.exp(chance.uniform(np.log(12), np.log(2_000), n)) * USDC).astype(np.int64)
    lookback = some([1, 2, 5, 32], 0.3)
    value = np.select(
        [sizing == Sizing.FIXED_RATIO, sizing == Sizing.FIXED_AMOUNT, sizing == Sizing.RISK],
        [ratio, np.minimum(amount, order_cap), chance.choice([10, 100, 500], n)],
    )
    return {
        "sizing": sizing, "value": value, "start": chance.choice([int(start) for start in Start], n),
        "direction": chance.choice([int(Direction.SAME), int(Direction.REVERSE)], n, p=[0.8, 0.2]),
        "lookback": lookback, "multiplier_cap_e2": np.where(lookback > 0, chance.choice([0, 50, 100, 300], n), 0),
        "lead_notional_min": some([50 * USDC, 5_000 * USDC], 0.2), "lead_leverage_min_e2": some([10, 100], 0.1),
        "hold_ns_min": some([MS, 2 * SECOND, 20 * SECOND], 0.15),
    }  # fmt: skip


def _instruments(chance: Chance) -> tuple[list[Instrument], list[int]]:
    chosen = chance.choice(len(LISTINGS), int(chance.integers(1, 4)), replace=False).tolist()
    instruments = [msgspec.structs.replace(LISTINGS[which][0], id=k) for k, which in enumerate(chosen)]
    return instruments, [i.price(LISTINGS[which][1]) for i, which in zip(instruments, chosen, strict=True)]


def _source(chance: Chance, instrument: Instrument, seed: int, price: int, seconds: int) -> MarketSource:
    figures = OUTCOME if instrument.kind is Kind.OUTCOME else (MID, THIN)[int(chance.integers(2))]
    if chance.random() < 0.4:
        return OrderFlow(instrument, figures, seed, price, START_NS)
    path, now = [Anchor(START_NS, price)], float(price)
    jump = float(chance.choice([0.0005, 0.005, 0.05]))  # the last one empties margin accounts
    for second in range(5, seconds + AFTER_NS // SECOND, 5):
        now *= float(np.exp(chance.normal() * jump))
        top = 0.9 * 10**instrument.price_decimals if instrument.kind is Kind.OUTCOME else np.inf
        now = min(max(now, price / 5), top)
        path.append(Anchor(START_NS + second * SECOND, round(now)))
    return ModelledBook(instrument, figures, seed, path)


def _latency(chance: Chance, seed: int) -> Latency:
    which = int(chance.integers(3))
    order = (NO_DELAY, COLOCATED_ORDER, PUBLIC_ORDER)[which]
    return Latency(seed, MARKET if which else NO_DELAY, order, MARKET if which else NO_DELAY)


def _rates(chance: Chance) -> FaultRates:
    return FaultRates(
        duplicate=_some(chance, 0.5, 0.2), drop=_some(chance, 0.5, 0.2), delay=_some(chance, 0.4, 0.1),
        reorder=_some(chance, 0.4, 0.2), partial=_some(chance, 0.5, 0.5), lost_ack=_some(chance, 0.4, 0.2),
        lost_then_filled=_some(chance, 0.4, 0.2), disconnects_per_hour=_some(chance, 0.5, 120),
        stale_books_per_hour=_some(chance, 0.3, 120), stale_marks_per_hour=_some(chance, 0.3, 120),
    )  # fmt: skip


def _venue(chance: Chance) -> SimConfig:
    limit = RateLimit(int(chance.integers(2, 20)), int(chance.integers(1, 6))) if chance.random() < 0.3 else None
    funding = FundingRule(int(chance.integers(7, 25)) * SECOND, _rate) if chance.random() < 0.5 else None
    return SimConfig(
        START_NS, top_every_ns=int(chance.choice([100, 500, 1_000])) * MS, reports=int(chance.integers(1, 5)),
        rate_limit=limit, funding=funding,
    )  # fmt: skip


def _rate(instrument: int, ns: int) -> int:
    """Funding of up to ±0.2%, in billionths, that changes its sign."""
    return (ns // SECOND * 7_919 + instrument * 104_729) % 4_000_001 - 2_000_000


def _some(chance: Chance, share: float, most: float) -> float:
    """A rate up to `most` in this share of worlds, zero in the others."""
    rate = float(chance.random()) * most
    return rate if chance.random() < share else 0.0


def _log(chance: Chance, low: float, high: float) -> float:
    return float(np.exp(chance.uniform(np.log(low), np.log(high))))
