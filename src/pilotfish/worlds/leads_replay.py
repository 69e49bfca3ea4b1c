"""One lead replayed in front of copiers who join one after the other, sampled at equal steps."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints
from pilotfish.domain.events import FollowsOpened
from pilotfish.domain.mandate import OMNIBUS, Follows, Route, Start
from pilotfish.domain.reasons import Reason
from pilotfish.journal.memory import MemoryJournal
from pilotfish.ledger.book import Account
from pilotfish.venues.sim.config import SimConfig
from pilotfish.venues.sim.faults import Faults
from pilotfish.venues.sim.latency import Latency
from pilotfish.venues.sim.market import MarketSource
from pilotfish.venues.sim.modelled import ModelledBook
from pilotfish.venues.sim.venue import SimVenue
from pilotfish.worlds.leads_window import USDC, Window
from pilotfish.worlds.replay import AFTER_NS, SECOND, TOP_EVERY_NS
from pilotfish.worlds.world import LeadSetup, SimWorld, opening_events

Floats = NDArray[np.float64]
COPIERS = 10  # they join at 0, 1/10, … 9/10 of the lead's life: money does not all come on the best day
OPEN_BPS, EXIT_BPS = 100, 300
TOPS_S = (-1, 0, 1, 2, 4, 8, 12)  # tops of book are told so long after a fill; never staler than the gate allows


class Copied(msgspec.Struct):
    """What the copiers of one lead got. `values` and `flows` in USDC at `times_ns`; per copier: `paid`, `ended`."""

    times_ns: list[int]
    values: Floats
    flows: Floats  # deposits right after each sample
    joined: list[int]  # index of the sample at which each copier came
    paid: Floats
    ended: Floats
    traded: float
    fees: float
    copies: int
    filled: int
    missed: int
    missed_why: dict[str, int]

    @property
    def deposits(self) -> list[tuple[int, float]]:
        return [(self.times_ns[k], float(amount)) for k, amount in enumerate(self.flows) if amount]


def copy_lead(
    window: Window, capital: int, seed: int, step_ns: int, progress: Callable[[int], None] = lambda fills: None
) -> Copied:
    """Replay `window` before COPIERS copiers with `capital` money units together.

    Each takes over what the lead holds when it joins, in proportion, and has an ordinary mandate. `progress` is told
    the number of fills since it was told last.
    """
    times = sample_times(window, step_ns)
    joins = [round(c * (len(times) - 1) / COPIERS) for c in range(COPIERS)]
    each = max(capital // COPIERS, 1)
    world = _open(window, seed, _copier(0, each))
    values, flows = np.zeros(len(times)), np.zeros(len(times))
    moments = [(times[k], copier) for copier, k in enumerate(joins)]
    told = 0
    for ns, _, kind, which in heapq.merge(
        ((ns, 0, "sample", k) for k, ns in enumerate(times)),
        ((ns, 2, "join", copier) for ns, copier in moments if copier),
        ((ns, 1, "top", k) for ns, k in _tops(window, [ns for ns, _ in moments])),
        ((fill.venue_ns, 3, "fill", n) for n, fill in enumerate(window.fills)),
    ):
        world.advance(ns)
        if kind == "sample":
            values[which] = float(_worth(world, window, ns).sum()) / USDC if ns > window.start_ns else 0.0
        elif kind == "join":
            _join(world, _copier(which, each), ns)
        elif kind == "top":
            world.venue.publish_top(which, ns)
        else:
            world.venue.publish(ns, window.fills[which])
            told += 1
            if told % 20 == 0 or told == len(window.fills):
                progress(told % 20 or 20)
    world.settle_down(times[-1] + AFTER_NS)
    ended = _worth(world, window, times[-1])
    values[-1] = float(ended.sum()) / USDC
    for k in joins:
        flows[k] += each / USDC
    score = world.copies.all
    return Copied(
        times, values, flows, joins,
        np.full(COPIERS, each / USDC), ended / USDC, float(score.traded),
        world.shard.state.ledger.money.system[Account.FEES] / USDC, score.intended, score.filled + score.carried,
        score.missed_count, {Reason(r).text: n for r, n in sorted(score.missed.items(), key=lambda e: -e[1])},
    )  # fmt: skip


def pooled(worlds: Sequence[Copied]) -> Copied:
    """The same money spread evenly over several replays of one lead: one draw of the market model says too little."""
    share, first = 1.0 / len(worlds), worlds[0]
    why: dict[str, int] = {}
    for world in worlds:
        for reason, count in world.missed_why.items():
            why[reason] = why.get(reason, 0) + count
    return msgspec.structs.replace(
        first,
        values=np.mean([world.values for world in worlds], axis=0),
        joined=[k for world in worlds for k in world.joined],
        paid=np.concatenate([world.paid for world in worlds]) * share,
        ended=np.concatenate([world.ended for world in worlds]) * share,
        traded=sum(world.traded for world in worlds) * share,
        fees=sum(world.fees for world in worlds) * share,
        copies=sum(world.copies for world in worlds),
        filled=sum(world.filled for world in worlds),
        missed=sum(world.missed for world in worlds),
        missed_why=why,
    )


def sample_times(window: Window, step_ns: int) -> list[int]:
    """From the window's start in equal steps; the last one ends a little after the window, when copies have ended."""
    count = max(-(-(window.end_ns - window.start_ns) // step_ns), COPIERS + 1)
    return [window.start_ns + k * step_ns for k in range(count)] + [window.start_ns + count * step_ns + AFTER_NS]


def _copier(number: int, each: int) -> Follows:
    return Follows.of([number], [0], [each], open_bps=OPEN_BPS, exit_bps=EXIT_BPS, start=int(Start.EXISTING))


def _open(window: Window, seed: int, first: Follows) -> SimWorld:
    sources: dict[int, MarketSource] = {
        i.id: ModelledBook(i, figures, seed, window.prints[i.id])
        for i, figures in zip(window.instruments, window.figures, strict=True)
    }
    latency = Latency(seed, account_medians=np.full(COPIERS, 250_000_000, dtype=np.int64))
    config = SimConfig(start_ns=window.start_ns)
    world = SimWorld(MemoryJournal(), SimVenue(window.instruments, sources, latency, Faults(seed), config=config))
    world.shard.observers = [world.copies]
    marks = [window.mark(i.id, window.start_ns) for i in window.instruments]
    leads = [LeadSetup(window.name, window.equity, window.before)]
    opening = opening_events(Route.OMNIBUS, window.instruments, marks, leads, first, window.start_ns)
    world.open(opening, first, Route.OMNIBUS, window.start_ns)
    return world


def _join(world: SimWorld, follows: Follows, ns: int) -> None:
    """Copiers bring their money while the lead is trading."""
    world.venue.deposit(OMNIBUS, int(follows.allocation.sum()))
    world.shard.handle([FollowsOpened(ns, ns, follows)], ns)


def _worth(world: SimWorld, window: Window, ns: int) -> Ints:
    """Each copier's money and positions at the last prices anybody traded at, money units."""
    state = world.shard.state
    total = state.ledger.money.rows.copy()
    for instrument in window.instruments:
        rows = state.ledger.lots[instrument.id].rows
        if rows.any():
            total += instrument.notionals_floor(rows, window.mark(instrument.id, ns))
    return total


def _tops(window: Window, joins: list[int]) -> Iterator[tuple[int, int]]:
    """The top of book around every fill, and of everything the lead holds when somebody joins."""
    moments = [(fill.venue_ns, fill.instrument) for fill in window.fills]
    held, at = dict(window.before), 0
    for ns in joins:
        while at < len(window.fills) and window.fills[at].venue_ns <= ns:
            fill = window.fills[at]
            start = held.get(fill.instrument, 0) if fill.start is None else fill.start
            held[fill.instrument] = start + fill.change
            at += 1
        moments += [(ns, k) for k, lots in held.items() if lots]
    wanted = {((ns + s * SECOND) // TOP_EVERY_NS * TOP_EVERY_NS, k) for ns, k in moments for s in TOPS_S}
    wanted |= {(ns, k) for ns, k in moments if ns in set(joins)}
    return iter(sorted(entry for entry in wanted if entry[0] >= window.start_ns))
