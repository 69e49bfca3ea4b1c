"""One seed, one world: instruments, leads, followers, mandates, faults and latencies of a fuzzed run."""

from __future__ import annotations

import msgspec
import numpy as np

from pilotfish.domain.events import Configured
from pilotfish.domain.instrument import Instrument, Kind, TickRule
from pilotfish.domain.mandate import Follows, Route
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
from pilotfish.worlds.fuzz.draws import MS, SECOND, START_NS, USDC, Chance, log, some
from pilotfish.worlds.fuzz.extensions import register
from pilotfish.worlds.fuzz.mandates import Traits, draw_follows, enriched
from pilotfish.worlds.fuzz.platform import EURO, Mapped, Platform, draw_platform, draw_traits, draw_twin

AFTER_NS = 100 * SECOND  # the longest a world may take to come to rest
PLAIN = 0.15  # of all worlds, without fees, stops, hedges and the like

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
    platform: Platform
    traits: Traits
    extras: Chance  # draws what the modes do, apart from `chance`

    @property
    def plain(self) -> bool:
        """Without fees, risk terms, stops and whatever else the platform or a mandate may add."""
        return self.platform == Platform() and self.traits == Traits()

    @property
    def calm_ns(self) -> int:
        """From here on nothing goes wrong any more, and no lead trades."""
        return START_NS + self.seconds * SECOND


def draw(seed: int) -> Scenario:
    """The world of a seed, the same on every machine."""
    chance, extras = named(seed, "scenario"), named(seed, "modes")
    register()
    seconds = int(chance.integers(30, 101))
    instruments, prices = _instruments(chance)
    leads = [int(log(chance, 2_000, 300_000)) * USDC for _ in range(int(chance.integers(1, 5)))]
    retry_ns = int(chance.choice([250, 500, 1_000])) * MS
    config = Configured(
        START_NS, START_NS, 0, Route(int(chance.integers(2))), int(chance.choice([2, 5])) * SECOND, retry_ns,
        int(chance.choice([2, 5, 10])) * SECOND, int(chance.choice([300, 1_000, 3_000])),
    )  # fmt: skip
    follows = draw_follows(chance, len(leads), int(log(chance, 1, 61)), [i.symbol for i in instruments])
    sources = {i.id: _source(chance, i, seed, prices[i.id], seconds) for i in instruments}
    platform, traits = Platform(), Traits()
    if extras.random() >= PLAIN:
        mapped = _twins(extras, seed, seconds, instruments, prices, sources)
        platform, traits = draw_platform(extras, len(leads), instruments), draw_traits(extras)
        platform.mapped = mapped
        follows = enriched(extras, follows, traits, 0)
    return Scenario(
        seed, chance, config, instruments, prices, sources, leads, follows, _latency(chance, seed), _rates(chance),
        _venue(chance), seconds,
        restarts_per_s=some(chance, 0.6, 0.08), garbage_per_s=some(chance, 0.7, 0.5),
        cash_per_s=some(chance, 0.7, 0.3), operator_per_s=some(chance, 0.4, 0.06),
        joins_per_s=some(chance, 0.4, 0.05), orders_per_s=0.3 + float(chance.random()),
        reject_then_fill=some(chance, 0.5, 0.3), platform=platform, traits=traits, extras=extras,
    )  # fmt: skip


def _twins(
    chance: Chance, seed: int, seconds: int, instruments: list[Instrument], prices: list[int],
    sources: dict[int, MarketSource],
) -> list[Mapped]:  # fmt: skip
    """A second market of one instrument, whose prices go with it; returns the mappings between the two."""
    found = draw_twin(chance, instruments)
    if found is None:
        return []
    twin, of, mapped = found
    num, den = EURO if twin.quote != instruments[of].quote else (1, 1)
    path = _path(chance, instruments[of], prices[of], seconds)
    figures = (MID, THIN)[int(chance.integers(2))]
    sources[of] = ModelledBook(instruments[of], figures, seed, path)
    there = [Anchor(anchor.venue_ns, anchor.price * num // den) for anchor in path]
    sources[twin.id] = ModelledBook(twin, figures, seed, there)
    instruments.append(twin)
    prices.append(prices[of] * num // den)
    return mapped


def _instruments(chance: Chance) -> tuple[list[Instrument], list[int]]:
    chosen = chance.choice(len(LISTINGS), int(chance.integers(1, 4)), replace=False).tolist()
    instruments = [msgspec.structs.replace(LISTINGS[which][0], id=k) for k, which in enumerate(chosen)]
    return instruments, [i.price(LISTINGS[which][1]) for i, which in zip(instruments, chosen, strict=True)]


def _source(chance: Chance, instrument: Instrument, seed: int, price: int, seconds: int) -> MarketSource:
    figures = OUTCOME if instrument.kind is Kind.OUTCOME else (MID, THIN)[int(chance.integers(2))]
    if chance.random() < 0.4:
        return OrderFlow(instrument, figures, seed, price, START_NS)
    return ModelledBook(instrument, figures, seed, _path(chance, instrument, price, seconds))


def _path(chance: Chance, instrument: Instrument, price: int, seconds: int) -> list[Anchor]:
    path, now = [Anchor(START_NS, price)], float(price)
    jump = float(chance.choice([0.0005, 0.005, 0.05, 0.25], p=[0.3, 0.3, 0.3, 0.1]))  # the last ones empty accounts
    for second in range(5, seconds + AFTER_NS // SECOND, 5):
        now *= float(np.exp(chance.normal() * (jump if second <= seconds else min(jump, 0.005))))
        top = 0.9 * 10**instrument.price_decimals if instrument.kind is Kind.OUTCOME else np.inf
        now = min(max(now, price / 5), top)
        path.append(Anchor(START_NS + second * SECOND, round(now)))
    return path


def _latency(chance: Chance, seed: int) -> Latency:
    which = int(chance.integers(3))
    order = (NO_DELAY, COLOCATED_ORDER, PUBLIC_ORDER)[which]
    return Latency(seed, MARKET if which else NO_DELAY, order, MARKET if which else NO_DELAY)


def _rates(chance: Chance) -> FaultRates:
    return FaultRates(
        duplicate=some(chance, 0.5, 0.2), drop=some(chance, 0.5, 0.2), delay=some(chance, 0.4, 0.1),
        reorder=some(chance, 0.4, 0.2), partial=some(chance, 0.5, 0.5), lost_ack=some(chance, 0.4, 0.2),
        lost_then_filled=some(chance, 0.4, 0.2), disconnects_per_hour=some(chance, 0.5, 120),
        stale_books_per_hour=some(chance, 0.3, 120), stale_marks_per_hour=some(chance, 0.3, 120),
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
