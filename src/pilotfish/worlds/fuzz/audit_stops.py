"""Stops and hedges, recomputed at the auditor's own marks."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pilotfish.domain.instructions import HedgeMapped
from pilotfish.domain.instrument import SUBLOT
from pilotfish.worlds.fuzz.audit_before import ACTIVE, HEDGE, PAUSED

if TYPE_CHECKING:
    from pilotfish.worlds.fuzz.auditor import Auditor

BPS = 10_000
SLACK = 64
ADRIFT_BPS = 300  # how far a mark may go between the last look and the end of a world
STOPS = ("take_profit_bps", "stop_loss_bps", "trailing_bps", "price_stop_bps", "equity_stop", "margin_stop_bps")


class StopAudit:
    def __init__(self, auditor: Auditor) -> None:
        self._auditor = auditor
        self.moved = False  # market data came since follows were looked after
        self.hedges: dict[int, int] = {}
        self.hedging: set[int] = set()  # whatever has hedged so far

    def looked(self, state: Any, judge: bool) -> None:
        """Time has come to look after follows; not to `judge` where what leads did before was done after that look."""
        if self.moved and judge and not state.guard.halted:
            self._stopped(state)
        self.moved = False

    def mapped(self, event: HedgeMapped) -> None:
        self.hedges[event.instrument] = event.hedge
        self.hedging.add(event.hedge)

    # -- stops -------------------------------------------------------------------------------------------------------

    def _stopped(self, state: Any) -> None:
        """After a look at the market nobody who is copying stands beyond a stop."""
        follows, modes = state.follows, state.standing.mode.tolist()
        stops = {name: getattr(follows, name).tolist() for name in STOPS}
        for row, mode in enumerate(modes):
            if mode == ACTIVE and any(column[row] for column in stops.values()):
                mine = {name: column[row] for name, column in stops.items()}
                if why := self._beyond(row, mine, state):
                    self._auditor.found(f"follow {row} is beyond its {why}, and goes on")

    def _beyond(self, row: int, stop: dict[str, int], state: Any) -> str:
        auditor, ledger = self._auditor, state.ledger
        lots = [int(book.rows[row]) for book in ledger.lots.values()]
        views = auditor.views
        if any(n and not self._fresh(k) for k, n in enumerate(lots)):
            return ""
        equity = auditor.orders.equity(state, row)
        base, peak = int(state.standing.deposited[row]), int(state.standing.peak[row])
        margin = sum(
            (
                abs(v.value(n * SUBLOT, v.mark)) / v.instrument.max_leverage
                for v, n in zip(views, lots, strict=True)
                if n
            ),
            Fraction(0),
        )
        if stop["equity_stop"] and equity + SLACK < stop["equity_stop"]:
            return "equity stop"
        room = max(equity + SLACK, Fraction(0))
        if stop["margin_stop_bps"] and (margin - SLACK) * BPS > room * stop["margin_stop_bps"]:
            return "margin stop"
        if stop["stop_loss_bps"] and (base - equity - SLACK) * BPS > base * stop["stop_loss_bps"]:
            return "stop loss"
        if stop["trailing_bps"] and (peak - equity - SLACK) * BPS > peak * stop["trailing_bps"]:
            return "trailing stop"
        if stop["take_profit_bps"] and base > 0 and (equity - base - SLACK) * BPS > base * stop["take_profit_bps"]:
            return "take profit"
        if stop["price_stop_bps"]:
            return self._price_stop(row, lots, stop["price_stop_bps"], state)
        return ""

    def _price_stop(self, row: int, lots: list[int], bps: int, state: Any) -> str:
        for k, n in enumerate(lots):
            column, view = state.columns[k], self._auditor.views[k]
            fired = row in self._auditor.before.barred.get(k, ()) or (column.barred.size and column.barred[row])
            if not n or not column.entry.size or fired:
                continue
            entry, value = int(column.entry[row]), view.value(n * SUBLOT, view.mark)
            hedge = row in self._auditor.before.hedges.get(k, ())  # what is hedged here as well is no price stop's
            if entry and not hedge and (entry - value - SLACK) * BPS > abs(entry) * bps:
                return f"price stop in {k}"
        return ""

    def _fresh(self, k: int) -> bool:
        view, config = self._auditor.views[k], self._auditor.config
        return config is not None and view.mark > 0 and self._auditor.now_ns - view.told_ns <= config.stale_ns_max

    # -- hedges ------------------------------------------------------------------------------------------------------

    def at_rest(self, state: Any) -> list[str]:
        """Hedges that are out of their band without a reason."""
        out = []
        for row, bps in enumerate(state.follows.hedge_bps.tolist()):
            if bps and state.standing.mode[row] in (ACTIVE, PAUSED):
                out += [what for key in sorted(self.hedging) if (what := self._unhedged(row, key, bps, state))]
        return out

    def _unhedged(self, row: int, key: int, bps: int, state: Any) -> str:
        views, column = self._auditor.views, state.columns[key]
        sources = [k for k, hedge in self.hedges.items() if hedge == key]
        if not views[key].mark or any(self._hedges_too(k, state) or not views[k].mark for k in sources):
            return ""  # an instrument that hedges and is hedged: which part is which only the shard knows
        held = {k: int(state.ledger.lots[k].rows[row]) for k in sources}
        exposure = sum((views[k].value(n * SUBLOT, views[k].mark) for k, n in held.items()), Fraction(0))
        part = int(column.parts[HEDGE][row]) if HEDGE in column.parts else 0
        hedge = views[key].value(part, views[key].mark)
        room = abs(exposure) * (int(state.follows.hedge_band_bps[row]) + ADRIFT_BPS) / BPS
        room += 2 * abs(views[key].value(SUBLOT, views[key].mark)) + views[key].instrument.min_notional * 2
        off = abs(hedge + exposure * bps / BPS)
        idle = state.standing.mode[row] == PAUSED or state.leads[int(state.follows.lead[row])].gone
        idle = idle or bool(self._auditor.fees.in_arrears(row))  # who opens nothing only reduces
        if off <= room or column.reasons[row] or (idle and abs(hedge) < abs(exposure)):
            return ""
        sizes = f"{float(exposure):.0f} with {float(hedge):.0f} in {key}, {float(off):.0f} off"
        return f"follow {row} is to hedge {bps} bps: it hedges {sizes}"

    def _hedges_too(self, k: int, state: Any) -> bool:
        return k in self.hedging
