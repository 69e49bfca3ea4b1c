"""From a finished world to report.json, report.html and the positions file."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np

from pilotfish import __version__
from pilotfish.domain.errors import RecordingError
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.reasons import Reason
from pilotfish.engine.orders.told import settle
from pilotfish.engine.snapshot import decode_state, encode_state
from pilotfish.engine.state import State
from pilotfish.ledger.book import Account
from pilotfish.venues.recordings import Recording, real_copies
from pilotfish.views.report.schema import (
    Book,
    InputIssue,
    InputReport,
    InstrumentReport,
    JournalReport,
    LeadReport,
    LedgerReport,
    ModelFigure,
    RealCopy,
    Report,
    RunFigures,
)
from pilotfish.views.report.schema_terms import Portfolio
from pilotfish.views.targets import standing
from pilotfish.views.terms import modes
from pilotfish.worlds.followers import Population
from pilotfish.worlds.world import World

MONEY_DECIMALS = 6


class Inputs(msgspec.Struct):
    """What a report must say about where things came from."""

    title: str
    seed: int
    route: str
    books: Sequence[Book]  # one per instrument
    notes: Sequence[str]  # one per instrument
    model: dict[str, ModelFigure]
    recordings: Sequence[Recording] = ()
    copiers: Sequence[Recording] = ()
    venue: str = "simulated"
    lead_fees: Sequence[int] = ()  # money units per lead
    book_errors: Sequence[RecordingError] = ()
    set_aside: Sequence[str] = ()  # rows of recordings that are not in `recordings`: file:line:column: why
    portfolio: Portfolio | None = None


def make_report(world: World, population: Population, journal_path: str, inputs: Inputs, wall_s: float) -> Report:
    state, head = world.shard.state, world.shard.journal.head
    settle_open(world)
    lag, slippage = world.copies.all.lag_ms, world.copies.all.slippage_bps
    names = [lead.name for lead in state.leads]
    return Report(
        version=__version__,
        seed=inputs.seed,
        title=inputs.title,
        route=inputs.route,
        run=RunFigures(
            wall_s=round(wall_s, 3),
            events_per_s=round(world.shard.events / wall_s, 1) if wall_s > 0 else None,
            peak_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        ),
        journal=JournalReport(
            path=journal_path, records=head.position, root=head.root.hex(), events=world.shard.events,
            commands=world.shard.commands,
        ),
        leads=[_lead(world, state, number, inputs) for number in range(len(state.leads))],
        followers=standing(state),
        copies=world.copies.all.copies(),
        lag_ms=lag.distribution("log"),
        slippage_bps=slippage.distribution(),
        bound_bps=_usual(population),
        tracking_error=world.equity.tracking_error(state),
        attribution=world.attribution.result(state),
        equity=world.equity.curves(names),
        modes=modes(state, -world.attribution.columns["flows"]),
        portfolio=inputs.portfolio,
        fees=world.terms.fees(state),
        switches=world.terms.switches(),
        ledger=_ledger(state),
        refusals={Reason(r).text: n for r, n in sorted(state.guard.refusals.items())},
        orders=dict(world.copies.orders),
        instruments=[
            InstrumentReport(symbol=listing.instrument.symbol, book=book, venue=inputs.venue, note=note)
            for listing, book, note in zip(state.listings, inputs.books, inputs.notes, strict=True)
        ],
        model=inputs.model,
        inputs=[
            InputReport(file=Path(r.file).name, shape=r.shape, fills=len(r.fills), issues=len(r.issues))
            for r in inputs.recordings
        ],
        issues=_issues(inputs, population, world),
    )  # fmt: skip


def settle_open(world: World) -> None:
    """Copies that were filled to within a lot but not counted yet (the run ended first) are counted now."""
    state = decode_state(encode_state(world.shard.state))  # counting clears what waits: not in the shard's own state
    for number in range(len(state.leads)):
        for key in state.columns:
            if state.leads[number].count and state.columns[key].waiting[state.leads[number].rows].any():
                fact = settle(state, number, key, None)
                world.copies.count(fact, state)


def _lead(world: World, state: State, number: int, inputs: Inputs) -> LeadReport:
    lead, score = state.leads[number], world.copies.leads[number]
    recording = [r for r in inputs.recordings if r.fills][number] if inputs.recordings else None
    fees = inputs.lead_fees[number] if inputs.lead_fees else 0
    final = {
        state.listings[key].instrument.symbol: state.listings[key].instrument.show_lots(lots)
        for key, lots in sorted(lead.positions.items())
    }
    return LeadReport(
        id=lead.name,
        name=lead.name,
        venue=recording.venue if recording else inputs.venue,
        fills=lead.fills,
        position_breaks=lead.breaks,
        late_fills=lead.late,
        final_positions=final,
        equity_assumed=_money(lead.equity),
        pnl=_money(world.equity.pnl(state, number) - fees),
        follows=lead.count,
        copies=score.copies(),
        lag_ms=score.lag_ms.distribution("log"),
        slippage_bps=score.slippage_bps.distribution(),
        real_copiers=_real(recording, inputs.copiers) if recording else [],
    )


def _real(lead: Recording, copiers: Sequence[Recording]) -> list[RealCopy]:
    """What real accounts did that copied this lead: those of whose orders at least one follows a fill of it."""
    found: list[RealCopy] = []
    for copier in copiers:
        found += [
            RealCopy(
                copier=Path(copier.file).name.split(".")[0],
                symbol=copy.symbol,
                lag_ms=float(copy.lag_ms),
                slippage_bps=copy.slippage_bps,
                notional=_money(copy.notional),
                at_ms=copy.ns // 1_000_000,
            )
            for copy in real_copies(lead, copier)
            if copy.lag_ms is not None
        ]
    return found


def _ledger(state: State) -> LedgerReport:
    sums = state.ledger.sums()
    named = {"USDC": sums.pop("money")} if "money" in sums else {}
    for key, listing in enumerate(state.listings):
        named[f"{listing.instrument.symbol} ({_kind(listing.instrument)})"] = sums[f"lots:{key}"]
    return LedgerReport(
        sum_by_asset=named,
        postings=state.ledger.postings,
        fees_paid=_money(state.ledger.money.system[Account.FEES]),
        funding_paid=_money(state.ledger.money.system[Account.FUNDING]),
    )


def _kind(instrument: Instrument) -> str:
    return instrument.kind.name.lower()


def _money(base: int) -> Decimal:
    return Decimal(base).scaleb(-MONEY_DECIMALS)


def _usual(population: Population) -> int | None:
    bounds, counts = np.unique(population.follows.open_bps, return_counts=True)
    return int(bounds[counts.argmax()]) if bounds.size else None


def _issues(inputs: Inputs, population: Population, world: World) -> list[InputIssue]:
    rows = [*(issue for recording in inputs.recordings for issue in recording.issues), *inputs.book_errors]
    issues = [
        InputIssue(file=Path(i.file).name, line=i.line, column=i.column, why=i.why, to_do=i.to_do)
        for i in [*rows, *population.issues]
    ]
    for text in inputs.set_aside:
        where, _, why = text.partition(": ")
        file, line, column = [*where.split(":"), "", ""][:3]
        issues.append(InputIssue(file=file, line=int(line) if line.isdigit() else 0, column=column, why=why))
    issues += [
        InputIssue(file="(an event)", line=0, column=q.event, why=q.why, to_do="the event was set aside, not applied")
        for q in world.copies.quarantined
    ]
    return issues
