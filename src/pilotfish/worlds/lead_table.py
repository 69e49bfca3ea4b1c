"""What a running world shows of its leads: one row each, as of now."""

from __future__ import annotations

from decimal import Decimal

from pilotfish.domain.events import Event, LeadFill
from pilotfish.domain.instrument import SUBLOT
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome
from pilotfish.views.report.table import LiveRow, LiveTotals
from pilotfish.worlds.world import World


class LeadTable:
    """Watches a world from its making on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._last: dict[int, str] = {}
        world.shard.observers.append(self._note)

    def rows(self) -> list[LiveRow]:
        state, rows = self._world.shard.state, []
        for number, lead in enumerate(state.leads):
            score = self._world.copies.leads[number]
            target = sum(int(abs(column.targets[lead.rows]).sum()) for column in state.columns.values()) // SUBLOT
            held = sum(int(abs(book.rows[lead.rows]).sum()) for book in state.ledger.lots.values())
            position = ", ".join(
                f"{state.listings[k].instrument.show_lots(lots):+f} {state.listings[k].instrument.symbol}"
                for k, lots in lead.positions.items()
                if lots
            )
            rows.append(
                LiveRow(
                    name=lead.name,
                    position=position,
                    last_fill=self._last.get(number, ""),
                    followers=lead.count,
                    target_lots=target,
                    held_lots=held,
                    filled=score.filled + score.carried,
                    missed=score.missed_count,
                    lag_p50_ms=score.lag_ms.percentile(50),
                    lag_p99_ms=score.lag_ms.percentile(99),
                    slippage_p50_bps=score.slippage_bps.percentile(50),
                    pnl=Decimal(self._world.equity.pnl(state, number)).scaleb(-6),
                )
            )
        return rows

    def _note(self, event: Event, outcome: Outcome, state: State) -> None:
        if isinstance(event, LeadFill) and 0 <= event.instrument < len(state.listings):
            instrument = state.listings[event.instrument].instrument
            verb = "buys" if event.side > 0 else "sells"
            size, price = instrument.show_lots(event.lots), instrument.show_price(event.price)
            self._last[event.lead] = f"{verb} {size:f} {instrument.symbol} at {price:f}"


def totals(world: World, wall_s: float, done: float | None = None) -> LiveTotals:
    """`done`: which part of the run is over, where it has an end."""
    shard = world.shard
    return LiveTotals(
        ledger_sum=sum(map(abs, shard.state.ledger.sums().values())),
        records=shard.journal.head.position,
        events_per_s=shard.events / wall_s if wall_s > 0 else None,
        elapsed_s=wall_s,
        remaining_s=wall_s / done * (1 - done) if done else None,
    )
