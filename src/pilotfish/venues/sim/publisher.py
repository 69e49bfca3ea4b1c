"""Market data of the simulated venue: sources stepped, tops and marks published, funding paid, freezes kept."""

from __future__ import annotations

from pilotfish.domain.events import BookTop, Event, Mark
from pilotfish.domain.instrument import Kind
from pilotfish.venues.sim.agenda import Agenda
from pilotfish.venues.sim.config import SimConfig
from pilotfish.venues.sim.exchange import Exchange
from pilotfish.venues.sim.market import Market
from pilotfish.venues.sim.risk import FundingRule, liquidate, pay_funding, premium_rate_e9
from pilotfish.venues.sim.wire import Wire


class Publisher:
    """Steps every market's source and says what changed. While books (or marks) are frozen, none of them changes."""

    def __init__(self, exchange: Exchange, wire: Wire, agenda: Agenda, config: SimConfig) -> None:
        self._exchange, self._wire, self._agenda, self._config = exchange, wire, agenda, config
        self.frozen_books = self.frozen_marks = 0  # outages that overlap now
        self._told: dict[int, tuple[int, tuple[int, int, int, int]]] = {}
        self._told_mark: dict[int, tuple[int, int]] = {}
        self._premiums: dict[int, list[int]] = {}
        self._funding_id = 0
        if config.top_every_ns:
            agenda.at(config.start_ns, self._tick)
        if config.funding:
            self._next_funding(config.funding, config.start_ns)

    def step(self, market: Market, ns: int) -> None:
        """Bring a market up to `ns`; a mark that moved may liquidate."""
        self._exchange.advance(market, ns)
        if market.source is not None and not self.frozen_marks:
            self.set_mark(market, market.source.mark(market.instrument.id, ns), ns)

    def set_mark(self, market: Market, price: int, ns: int) -> None:
        marks = self._exchange.margin.marks
        if price > 0 and price != marks[market.column]:
            marks[market.column] = price
            liquidate(self._exchange, ns, self._config.liquidation_bps)

    def publish(self, market: Market, ns: int, always: bool) -> None:
        """Tell top and mark where they changed, or `always`, or after the heartbeat."""
        self.step(market, ns)
        key = market.instrument.id
        best, mark = market.book.best(), self._exchange.mark(key)
        if self._config.funding and mark and best[0] and best[2]:
            self._premiums.setdefault(key, []).append((best[0] + best[2] - 2 * mark) * 500_000_000 // mark)
        since, told = self._told.get(key, (-1, (-1, 0, 0, 0)))
        if not self.frozen_books and (always or best != told or ns - since >= self._config.heartbeat_ns):
            self._told[key] = (ns, best)
            self._wire.tell(BookTop(ns, ns, key, *best))
        since, price = self._told_mark.get(key, (-1, 0))
        stale = always or mark != price or ns - since >= self._config.heartbeat_ns
        if mark and not self.frozen_marks and stale:
            self._told_mark[key] = (ns, mark)
            self._wire.tell(Mark(ns, ns, key, mark))

    def publish_all(self, ns: int) -> None:
        """Tell every sourced market, as a venue does when somebody subscribes."""
        for market in self._exchange.markets.values():
            if market.source is not None:
                self.publish(market, ns, always=True)

    def withholds(self, event: Event) -> bool:
        """Whether a freeze keeps this event back."""
        return bool(
            (self.frozen_books and isinstance(event, BookTop)) or (self.frozen_marks and isinstance(event, Mark))
        )

    def thaw_books(self) -> None:
        self.frozen_books -= 1

    def thaw_marks(self) -> None:
        self.frozen_marks -= 1

    def _tick(self) -> None:
        now = self._agenda.now_ns
        for market in self._exchange.markets.values():
            self.publish(market, now, always=False)
        self._agenda.at(now + self._config.top_every_ns, self._tick)

    def _next_funding(self, rule: FundingRule, after_ns: int) -> None:
        due = (after_ns // rule.every_ns + 1) * rule.every_ns
        self._agenda.at(due, lambda: self._fund(rule))

    def _fund(self, rule: FundingRule) -> None:
        now = self._agenda.now_ns
        for key, market in self._exchange.markets.items():
            if market.instrument.kind != Kind.PERP:
                continue
            self.step(market, now)
            samples = self._premiums.pop(key, None) or [0]
            rate = rule.rate_e9(key, now) if rule.rate_e9 else None
            if rate is None:
                rate = premium_rate_e9(sum(samples) // len(samples), rule.every_ns)
            self._funding_id += 1
            pay_funding(self._exchange, market, rate, self._funding_id, now)
        liquidate(self._exchange, now, self._config.liquidation_bps)
        self._next_funding(rule, now)
