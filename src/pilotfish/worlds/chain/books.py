"""The engine beside the chain: the lead's swaps go in, what each wallet shall copy comes out; all of it journalled."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pilotfish.domain.events import BookTop, Event, LeadFill, Mark
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.domain.mandate import Follows, Route
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.venues.evm.wire.metatag import LeadSwap
from pilotfish.venues.session import SECOND
from pilotfish.views.report.write import write_report
from pilotfish.worlds.chain.desk_venue import TOKEN_DECIMALS, DeskVenue
from pilotfish.worlds.chain.people import EXIT_BPS, OPEN_BPS, Follower
from pilotfish.worlds.population import Population
from pilotfish.worlds.reporting import Inputs, make_report
from pilotfish.worlds.world import LeadSetup, World, opening_events

LEAD = "lead"
LOT_DECIMALS, PRICE_DECIMALS, MONEY_DECIMALS = 6, 4, 6
PRICE_UNIT: int = 10 ** (PRICE_DECIMALS + TOKEN_DECIMALS - MONEY_DECIMALS)
"""Base units of USDC for one of WETH, times this, is the engine's price."""
MIN_NOTIONAL = 5_000_000
SPREAD_E6 = 3_000
"""The pool's fee, on either side of its price."""
DEPTH_LOTS = 10**9
"""What the pool gives within one percent, far more than anybody here trades."""


def listing() -> Instrument:
    """WETH for USDC, as the pool trades it: fully paid, in millionths of a WETH."""
    return Instrument(
        0, "WETH", "evm", Kind.SPOT, LOT_DECIMALS, PRICE_DECIMALS, MONEY_DECIMALS, min_notional=MIN_NOTIONAL
    )


class LeadTrade(NamedTuple):
    """`swap` in base units; `number` is unique among the lead's; `heard_ns`: when it was heard of, by our own clock."""

    swap: LeadSwap
    buys: bool
    number: int
    heard_ns: int


class Books:
    """One shard and its journal. A lead's fill has the chain's stamp, in whole seconds; what follows it is stamped as
    much later as our own clock has gone on since the fill was heard of: a lag is what really passed.
    """

    def __init__(self, journal: Path, venue: DeskVenue) -> None:
        self.instrument, self.venue = venue.instrument, venue
        self.world = World(SqliteJournal(journal), venue)
        self.root, self._began_s = b"", time.monotonic()

    def open(self, followers: list[Follower], lead_equity: int, price: int, now_s: int) -> None:
        """Followers begin with what is in their wallets. Raises ConfigError where the engine sets one aside."""
        now_ns = now_s * SECOND
        follows = Follows.of(
            list(range(len(followers))), 0, [one.allocation for one in followers], open_bps=OPEN_BPS,
            exit_bps=EXIT_BPS,
        )  # fmt: skip
        nobody = np.zeros(len(followers), dtype=np.int64)
        self._population = Population(follows, nobody, [one.key.address for one in followers], [])
        leads = [LeadSetup(LEAD, lead_equity)]
        self.world.tell(opening_events(Route.SEGREGATED, [self.instrument], [price], leads, follows, now_ns), now_ns)

    def price_of(self, swap: LeadSwap, buys: bool) -> int:
        """Of a swap, in price units, rounded down."""
        token, money = (swap.amount_out, swap.amount_in) if buys else (swap.amount_in, swap.amount_out)
        return money * PRICE_UNIT // token

    async def lead_traded(self, trade: LeadTrade, pool_price: int, now_s: int) -> None:
        """Tell the engine, and carry out what it decides."""
        now_ns, instrument = max(now_s * SECOND, self.world.now_ns), self.instrument.id
        token = trade.swap.amount_out if trade.buys else trade.swap.amount_in
        lots, paid = token // 10 ** (TOKEN_DECIMALS - LOT_DECIMALS), self.price_of(trade.swap, trade.buys)
        side = 1 if trade.buys else -1
        ask, bid = (pool_price * (10**6 + sign * SPREAD_E6) // 10**6 for sign in (1, -1))
        events: list[Event] = [
            BookTop(now_ns, now_ns, instrument, bid, DEPTH_LOTS, ask, DEPTH_LOTS),
            Mark(now_ns, now_ns, instrument, pool_price),
            LeadFill(now_ns, now_ns, 0, instrument, side, lots, paid, trade.number),
        ]
        self.world.shard.handle(events, now_ns)
        number = trade.number

        def stamp() -> int:
            return now_ns + time.monotonic_ns() - trade.heard_ns

        while self.venue.waits:
            number += 1
            await self.venue.carry_out(number, paid, stamp)
            told_ns = stamp()
            self.world.shard.handle(self.venue.events(told_ns), told_ns)

    def close(self, journal: Path, seed: int) -> None:
        """Write the report beside the journal, and leave the journal to whoever anchors it."""
        self.world.equity.sample(self.world.shard.state, self.world.now_ns)
        self.world.shard.checkpoint()
        self.root = self.world.shard.journal.head.root
        wall_s = time.monotonic() - self._began_s
        report = make_report(self.world, self._population, str(journal), _inputs(seed), wall_s)
        self.world.shard.journal.close()
        write_report(report, journal.parent)


def _inputs(seed: int) -> Inputs:
    note = "the pool's own prices; fees of the desk are the venue's fees here"
    return Inputs("A lead on a chain", seed, Route.SEGREGATED.name.lower(), ["live"], [note], {}, venue="a local chain")
