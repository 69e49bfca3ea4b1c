"""The seeded market: three leads trade books that an order-flow generator keeps alive; followers copy them in paper."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from pilotfish.domain.instrument import Instrument, Kind, TickRule
from pilotfish.domain.mandate import Route
from pilotfish.journal.port import Journal
from pilotfish.venues.sim.config import SimConfig
from pilotfish.venues.sim.faults import Faults
from pilotfish.venues.sim.figures import MarketFigures, figures_for
from pilotfish.venues.sim.flow import OrderFlow
from pilotfish.venues.sim.latency import Latency
from pilotfish.venues.sim.venue import SimVenue
from pilotfish.views.report.table import LiveRow, LiveTotals
from pilotfish.worlds.calendar import Calendar
from pilotfish.worlds.followers import Population
from pilotfish.worlds.lead_table import LeadTable, totals
from pilotfish.worlds.platform import Settings
from pilotfish.worlds.platform_events import platform_events
from pilotfish.worlds.traders import STYLES, Trader
from pilotfish.worlds.world import LeadSetup, SimWorld, opening_events

START_NS = 1_790_000_000_000_000_000  # a fixed moment, so that a seed names one world
SECOND = 1_000_000_000
LEAD_ACCOUNT = 1 << 40  # far above every follower id
LEAD_EQUITY = 250_000 * 10**6
TOP_EVERY_NS = SECOND // 2
SETTLE_NS = 20 * SECOND


def listing(number: int, symbol: str, lot_decimals: int, leverage: int) -> Instrument:
    """Hyperliquid's rules for perpetuals: five significant figures, 10 USDC minimum, base-tier fees."""
    return Instrument(
        number, symbol, "simulated", Kind.PERP, lot_decimals, 6 - lot_decimals, tick_rule=TickRule.SIGNIFICANT, tick=5,
        min_notional=10_000_000, max_leverage=leverage, maintenance_bps=10_000 // (2 * leverage), taker_fee_e6=450,
        maker_fee_e6=150,
    )  # fmt: skip


# symbol, lot decimals, leverage, start price: three liquidity classes of the fitted figures (docs/market-model.md)
INSTRUMENTS = (("BTC", 5, 40, "66400"), ("HYPE", 2, 10, "60.9"), ("KAITO", 0, 5, "0.95"))


class SeededOptions(msgspec.Struct, frozen=True):
    seed: int = 1
    minutes: float = 60.0
    route: Route = Route.OMNIBUS
    platform: Settings = Settings()


class SeededMarket:
    """A world with leads that act. `refresh(rows, totals)` is called now and then for a terminal."""

    def __init__(self, options: SeededOptions, population: Population, journal: Journal) -> None:
        self.options = options
        self.instruments = [listing(i, s, d, lev) for i, (s, d, lev, _) in enumerate(INSTRUMENTS)]
        found = [figures_for(instrument.symbol, instrument.kind) for instrument in self.instruments]
        self.figures: list[MarketFigures] = [f for f, _ in found]
        self.notes = [note for _, note in found]
        prices = [self.instruments[i].price(text) for i, (_, _, _, text) in enumerate(INSTRUMENTS)]
        self.sources = {
            i.id: OrderFlow(i, self.figures[i.id], options.seed, prices[i.id], START_NS) for i in self.instruments
        }
        accounts = {LEAD_ACCOUNT + k: k for k in range(len(STYLES))}
        config = SimConfig(start_ns=START_NS, top_every_ns=TOP_EVERY_NS)
        latency = Latency(options.seed, account_medians=population.delays_ns)
        faults = Faults(options.seed)
        self.venue = SimVenue(self.instruments, self.sources, latency, faults, accounts, config)
        self.world = SimWorld(journal, self.venue)
        self.traders = [
            Trader(account, STYLES[k], self.instruments[k], LEAD_EQUITY, options.seed)
            for account, k in accounts.items()
        ]
        for account in accounts:
            self.venue.open_account(account, LEAD_EQUITY)
        leads = [LeadSetup(style, LEAD_EQUITY) for style in STYLES]
        follows, terms = population.follows, platform_events(options.platform, self.instruments, list(STYLES), START_NS)
        opening = opening_events(options.route, self.instruments, prices, leads, follows, START_NS, terms)
        self.world.open(opening, follows, options.route, START_NS, Calendar.of(options.platform, follows, START_NS))
        self.table = LeadTable(self.world)

    def run(self, refresh: Callable[[list[LiveRow], LiveTotals], None], every_s: float = 0.5) -> float:
        """Play all of it; returns the wall seconds. Traders look once a second of market time."""
        began = shown = time.monotonic()
        seconds = int(self.options.minutes * 60)
        for second in range(1, seconds + 1):
            now = START_NS + second * SECOND
            self.world.advance(now)
            for trader in self.traders:
                bid, _, ask, _ = self.venue.exchange.markets[trader.instrument.id].book.best()
                order = trader.act(bid, ask, self.venue.position(trader.account, trader.instrument.id))
                if order is not None:
                    self.venue.submit_for(trader.account, order, now)
            if second % max(seconds // 160, 1) == 0:
                self.world.equity.sample(self.world.shard.state, now)
            wall = time.monotonic()
            if wall - shown >= every_s or second == seconds:
                shown = wall
                refresh(self.table.rows(), totals(self.world, wall - began, second / seconds))
        self.world.settle_down(START_NS + seconds * SECOND + SETTLE_NS)
        self.world.equity.sample(self.world.shard.state, self.world.now_ns)
        return time.monotonic() - began
