"""One replay of `pilotfish modes`: the same tape and the same market for every mode, looked at often enough for all."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator

import msgspec

from pilotfish.copying.targets import Change
from pilotfish.domain.arith import total_of
from pilotfish.domain.events import Event, LeadFill
from pilotfish.domain.instructions import LeadStop
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.domain.mandate import BPS
from pilotfish.venues.sim.market import MarketSource
from pilotfish.venues.sim.modelled import ModelledBook
from pilotfish.views.equity import position_value
from pilotfish.worlds.platform import Hedge, Settings
from pilotfish.worlds.replay import AFTER_NS, BEFORE_NS, SAMPLES, SECOND, TOP_EVERY_NS, Tape
from pilotfish.worlds.world import SimWorld, held

WORKED_NS = 75 * SECOND  # opens that wait or are worked in parts need a market for so long after a fill …
WORKED_EVERY_NS = 5 * TOP_EVERY_NS  # … which is told less often
WATCH_NS = 60 * SECOND  # what is held is looked at so often, for stops
WATCHES_MAX = 3_000  # … or as often as gives so many looks in all


class Played(msgspec.Struct, frozen=True):
    """`results`: what all follows together had gained at each look, money units."""

    results: list[int]

    @property
    def drawdown(self) -> int:
        """The largest fall from a result to a later one, money units."""
        peak = deepest = 0
        for result in self.results:
            peak = max(peak, result)
            deepest = max(deepest, peak - result)
        return deepest


def play(
    world: SimWorld, tape: Tape, stop_bps: int, twins: dict[int, int], progress: Callable[[int, int], None]
) -> Played:
    """Run the tape. `twins`: the second listing of each instrument, told whenever the first is. With `stop_bps`, the
    lead is said to have a stop so far from each opening fill.
    """
    every, watch = max((tape.end_ns - tape.start_ns) // SAMPLES, 1), watch_ns(tape)
    results, deposited, stops = list[int](), int(world.shard.state.follows.allocation.sum()), lead_stops(tape, stop_bps)
    moments: Iterable[tuple[int, int, int]] = heapq.merge(
        ((ns, 0, -1) for ns in range(tape.start_ns, tape.end_ns, every)),
        ((ns, 1, -1) for ns in range(tape.start_ns + watch, tape.end_ns, watch)),
        ((ns, 2, key) for ns, key in tops(tape)),
        ((fill.venue_ns, 3, number) for number, fill in enumerate(tape.fills)),
    )

    def look(ns: int, keys: Iterable[int]) -> None:
        for key in dict.fromkeys(k for own in keys for k in (own, twins.get(own, own))):
            world.venue.publish_top(key, ns)

    for ns, kind, which in moments:
        world.advance(ns)
        if kind == 3:
            if stop := stops.get(which):
                world.shard.handle([stop], ns)
            world.venue.publish(ns, tape.fills[which])
            progress(which + 1, len(tape.fills))
        elif kind == 2:
            look(ns, [which])
        else:
            look(ns, held(world.shard.state))
            results.append(
                total_of(world.shard.state.ledger.money.rows + position_value(world.shard.state)) - deposited
            )
            if kind == 0:
                world.equity.sample(world.shard.state, ns)
    world.settle_down(tape.end_ns)
    world.equity.sample(world.shard.state, world.now_ns)
    results.append(total_of(world.shard.state.ledger.money.rows + position_value(world.shard.state)) - deposited)
    return Played(results)


def given_time(tape: Tape) -> Tape:
    """The tape ends late enough for whatever waits, or is worked in parts, after its last fill."""
    ends = max(tape.end_ns, tape.fills[-1].venue_ns + WORKED_NS)
    return msgspec.structs.replace(tape, window=(tape.start_ns, ends))


def watch_ns(tape: Tape) -> int:
    return max(WATCH_NS, (tape.end_ns - tape.start_ns) // WATCHES_MAX)


def tops(tape: Tape) -> Iterator[tuple[int, int]]:
    """When which instrument's top of book is told: often around the start and every fill, then for a while less so."""
    wanted: set[tuple[int, int]] = set()
    taken_over = [(tape.start_ns, key) for key in {k for lead in tape.leads for k in lead.positions}]
    for ns, key in [*taken_over, *((fill.venue_ns, fill.instrument) for fill in tape.fills)]:
        first, last = (ns - BEFORE_NS) // TOP_EVERY_NS, (ns + AFTER_NS) // TOP_EVERY_NS
        wanted.update((tick * TOP_EVERY_NS, key) for tick in range(first, last + 1))
        first, last = (ns + AFTER_NS) // WORKED_EVERY_NS + 1, (ns + WORKED_NS) // WORKED_EVERY_NS
        wanted.update((tick * WORKED_EVERY_NS, key) for tick in range(first, last + 1))
    return iter(sorted(entry for entry in wanted if tape.start_ns <= entry[0] <= tape.end_ns))


def lead_stops(tape: Tape, stop_bps: int) -> dict[int, Event]:
    """By fill that opens: the stop the lead is assumed to have from then on."""
    known = {(number, key): lots for number, lead in enumerate(tape.leads) for key, lots in lead.positions.items()}
    stops: dict[int, Event] = {}
    for number, fill in enumerate(tape.fills if stop_bps else ()):
        here = (fill.lead, fill.instrument)
        before = known.get(here, 0) if fill.start is None else fill.start
        known[here] = before + fill.change
        if Change.between(before, known[here]).opened:
            stops[number] = _stop(fill, stop_bps)
    return stops


def _stop(fill: LeadFill, stop_bps: int) -> LeadStop:
    price = max(fill.price * (BPS - fill.side * stop_bps) // BPS, 1)
    return LeadStop(fill.venue_ns, fill.venue_ns, fill.lead, fill.instrument, price)


def listed_twice(tape: Tape, seed: int) -> tuple[Tape, dict[int, int], Settings]:
    """The tape with a second listing of every perpetual, which listing is whose, and the hedges it serves.

    A second listing has the first one's price whenever anybody looks, before our own impact, and a book of its own.
    """
    n, first = len(tape.instruments), [i for i in tape.instruments if i.kind is Kind.PERP]
    looks = [range(tape.start_ns, tape.end_ns, watch_ns(tape)), range(tape.start_ns, tape.end_ns, _sample_ns(tape))]
    often = {ns for times in looks for ns in times} | {tape.start_ns, tape.end_ns}
    times: dict[int, set[int]] = {instrument.id: set(often) for instrument in tape.instruments}
    for ns, key in tops(tape):
        times[key].add(ns)
    anchors, seconds = dict(tape.anchors), list[Instrument]()
    for number, instrument in enumerate(first):
        figures = tape.figures[instrument.id]
        source: MarketSource = tape.recorded.get(instrument.id) or ModelledBook(
            instrument, figures, seed, tape.anchors[instrument.id]
        )
        second = msgspec.structs.replace(instrument, id=n + number, symbol=f"{instrument.symbol} hedge")
        anchors[second.id] = [(ns, source.mark(instrument.id, ns), 0) for ns in sorted(times[instrument.id])]
        seconds.append(second)
    hedges = [
        Hedge(instrument=f"{a.venue}:{a.symbol}", hedge=f"{b.venue}:{b.symbol}")
        for a, b in zip(first, seconds, strict=True)
    ]
    both = msgspec.structs.replace(
        tape, instruments=[*tape.instruments, *seconds], anchors=anchors,
        figures=[*tape.figures, *(tape.figures[a.id] for a in first)],
        notes=[*tape.notes, *(f"a second listing, assumed, at the price of {a.symbol}" for a in first)],
    )  # fmt: skip
    return both, {a.id: b.id for a, b in zip(first, seconds, strict=True)}, Settings(file="this mode", hedges=hedges)


def _sample_ns(tape: Tape) -> int:
    return max((tape.end_ns - tape.start_ns) // SAMPLES, 1)
