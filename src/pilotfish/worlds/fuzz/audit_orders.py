"""What leaves: inside every mandate, on the tick, within the slippage bound, and never when opens are forbidden."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import Place, PlaceBatch
from pilotfish.worlds.fuzz.audit_limits import Standing, beyond_bound, broken_limits

if TYPE_CHECKING:
    from pilotfish.worlds.fuzz.auditor import Auditor

LONG, SHORT = 1, 2  # the sides a mandate may open
CAPS = ("order_cap", "position_cap", "total_cap", "leverage_cap_e2")
Held = dict[tuple[int, int, bool], int]  # (follow, instrument, exit) → sub-lots in flight


class OrderAudit:
    """Reads what an order set aside from the shard's reservations, follow by follow, and judges it."""

    def __init__(self, auditor: Auditor) -> None:
        self._auditor = auditor
        self._opens: dict[int, tuple[int, list[int]]] = {}  # client order id → instrument, limit price of each follow

    def resent(self, command: Place | PlaceBatch) -> None:
        """The same again is no new order, but an open must not leave when opens are forbidden."""
        if command.coid in self._opens and self._auditor.killed:
            self._auditor.found(f"order {command.coid}, an open, left again while the kill switch is on")
        if not self._auditor.connected:
            self._auditor.found(f"order {command.coid} left again without a connection")

    def check(self, fresh: list[Place | PlaceBatch], state: Any) -> None:
        """Orders of one step, in their order: each sees those before it as if they were filled."""
        held: Held = {}
        asked: list[tuple[Place | PlaceBatch, list[tuple[int, int]], list[int]]] = []
        for command in fresh:
            reservation = state.ledger.reservations.get(command.coid)
            if reservation is None:
                self._auditor.found(f"order {command.coid} left without a reservation")
                continue
            rows = list(_rows(reservation))
            self._auditor.books.place(command, rows)
            each = list(zip(rows, reservation.sublots.tolist(), strict=True))
            prices = [command.price] * len(rows) if isinstance(command, Place) else command.prices.tolist()
            asked.append((command, each, prices))
            for row, sublots in each:
                slot = (row, command.instrument, bool(reservation.exit))
                held[slot] = held.get(slot, 0) - sublots
        opening = [not state.ledger.reservations[command.coid].exit for command, _, _ in asked]
        self._auditor.platform.left([command for command, _, _ in asked], opening)
        for command, each, prices in asked:
            self._size(command, each)
            opens = [price if self._one(command, row, n, price, state, held) else 0
                     for (row, n), price in zip(each, prices, strict=True)]  # fmt: skip
            exit = bool(state.ledger.reservations[command.coid].exit)
            for row, n in each:
                held[row, command.instrument, exit] += n
            if any(opens):
                self._opens[command.coid] = (command.instrument, opens)

    def _size(self, command: Place | PlaceBatch, each: list[tuple[int, int]]) -> None:
        """A block is no larger than what it was reserved for; a separate order is exactly that."""
        found, side = self._auditor.found, command.side
        if any(side * n < 0 for _, n in each):
            found(f"order {command.coid} reserves against its own side")
        if isinstance(command, Place):
            total = sum(side * n for _, n in each)
            if command.account != OMNIBUS or not 0 < command.lots * SUBLOT <= total:
                found(f"block {command.coid} of {command.lots} lots for {total} sub-lots of account {command.account}")
        elif [side * n for _, n in each] != (command.lots * SUBLOT).tolist():
            found(f"batch {command.coid} orders other lots than it reserved")

    def _one(self, command: Place | PlaceBatch, row: int, n: int, price: int, state: Any, extra: Held) -> bool:
        """Judge one follow's part; True when it is an open."""
        if not n:
            return False
        auditor, key = self._auditor, command.instrument
        view = auditor.views[key]
        if auditor.config is None or not auditor.connected:
            auditor.found(f"order {command.coid} left without a connection")
            return False
        at = self.standing(state, row, extra)
        opens = not state.ledger.reservations[command.coid].exit
        name = f"order {command.coid}, follow {row}, instrument {key}, {n} sub-lots at {price}"
        if not view.instrument.is_valid_price(price):
            auditor.found(f"{name}: the price is off the tick")
        if view.mark and abs(price - view.mark) * 10_000 > auditor.config.protective_bps * view.mark:
            auditor.found(f"{name}: beyond the protective bound of mark {view.mark}")
        if not opens:
            if at.leaves[key] * n >= 0 or abs(n) > abs(at.leaves[key]):
                auditor.found(f"{name}: a reduction of more than is held, {at.leaves[key]}")
            if view.mark and beyond_bound(view.mark, price, command.side, int(state.follows.exit_bps[row])):
                auditor.found(f"{name}: beyond the follow's exit bound from mark {view.mark}")
            return False
        self._open(command, name, n, price, at, state)
        return True

    def _open(self, command: Place | PlaceBatch, name: str, n: int, price: int, at: Standing, state: Any) -> None:
        """What an open must be besides: allowed to this follow at this time, and inside its limits."""
        auditor, key, row, follows = self._auditor, command.instrument, at.row, state.follows
        view, config = auditor.views[key], auditor.config
        assert config is not None
        if at.held[key] * n < 0:
            auditor.found(f"{name}: an open against {at.held[key]} sub-lots on the other side")
        if auditor.killed:
            auditor.found(f"{name}: an open while the kill switch is on")
        hedged = bool(follows.hedge_bps[row]) and key in auditor.stops.hedging
        if not hedged and int(follows.sides[row]) == (SHORT if n > 0 else LONG):
            auditor.found(f"{name}: an open on the side that the mandate does not open")
        if why := auditor.follows.may_not_open(row, state):
            auditor.found(f"{name}: {why}")
        if not view.mark or auditor.now_ns - view.seen_ns > config.stale_ns_max:
            auditor.found(f"{name}: an open on data of {(auditor.now_ns - view.seen_ns) / 1e9:.1f} s ago")
        if not follows.rules[int(follows.rule[row])].allows(view.instrument.symbol):
            auditor.found(f"{name}: the mandate does not allow {view.instrument.symbol}")
        late = hedged or bool(follows.hold_ns_min[row] or follows.start[row])
        lead = (int(follows.lead[row]), key)
        self._open_bound(name, lead, price, command.side, int(follows.open_bps[row]), late)
        mandate = {cap: int(getattr(follows, cap)[row]) for cap in CAPS}
        for what in broken_limits(mandate, at, auditor.views, key, n, price):
            auditor.found(f"{name}: {what}")

    def _open_bound(self, name: str, lead: tuple[int, int], price: int, side: int, bps: int, late: bool) -> None:
        """Some price the lead traded at inside the retry window must justify the limit; of an open that had to wait,
        the mark when it need not wait any more.
        """
        auditor = self._auditor
        since = auditor.now_ns - auditor.window_ns
        recent: list[int] = []
        for source, num, den in auditor.sources(lead[1]):
            known = auditor.prices[lead[0], source]
            some = [p for ns, p in known if late or ns >= since] or [p for _, p in known[-1:]]
            recent += [p * num // den for p in some]
            resting = [p * num // den for p in auditor.order_prices[lead[0], source]]
            recent += [auditor.views[lead[1]].instrument.round_price(p, way) for p in resting for way in (1, -1)]
        if late:  # for a lasting position, a price no worse than the lead once paid, or a hedge
            recent += auditor.marks_since(lead[1], since)
        if all(beyond_bound(p, price, side, bps) for p in recent):
            auditor.found(f"{name}: beyond {bps} bps from any price of the lead, {recent[-3:]}")

    def standing(self, state: Any, row: int, extra: Held) -> Standing:
        """Where a follow stands before an order; `extra` takes out what later orders of the step reserved."""
        ledger, n = state.ledger, len(self._auditor.views)
        lots = [int(ledger.lots[k].rows[row]) for k in range(n)]
        held, leaves = (
            [lots[k] * SUBLOT + int(flight[k][row]) + extra.get((row, k, exit), 0) for k in range(n)]
            for flight, exit in ((ledger.opening, False), (ledger.leaving, True))
        )
        return Standing(row, int(ledger.money.rows[row]), lots, held, leaves, self._reserved(state, row))

    def equity(self, state: Any, row: int) -> Fraction:
        """Money and positions at the marks."""
        lots = [int(state.ledger.lots[k].rows[row]) for k in range(len(self._auditor.views))]
        values = (v.value(n * SUBLOT, v.mark) for v, n in zip(self._auditor.views, lots, strict=True))
        return sum(values, Fraction(int(state.ledger.money.rows[row])))

    def spare(self, state: Any, row: int) -> Fraction:
        """The same by what the shard says it set aside, which may be more than an order needs at its limit."""
        reserved = Fraction(int(state.ledger.reserved_money[row]))
        return self.free(state, row) + self._reserved(state, row) - reserved

    def free(self, state: Any, row: int) -> Fraction:
        """Money of a follow that neither margin nor an order in flight needs."""
        at = self.standing(state, row, {})
        free = at.money - at.reserved
        for view, lots in zip(self._auditor.views, at.lots, strict=True):
            value = view.value(lots * SUBLOT, view.mark)
            free += value - abs(value) / view.instrument.max_leverage
        return free

    def _reserved(self, state: Any, row: int) -> Fraction:
        """Margin and fees of the row's opens in flight, from their own limit prices."""
        total = Fraction(0)
        for coid in list(self._opens):
            reservation = state.ledger.reservations.get(coid)
            if reservation is None:
                del self._opens[coid]
                continue
            key, prices = self._opens[coid]
            for (at, n), price in zip(
                zip(_rows(reservation), reservation.sublots.tolist(), strict=True), prices, strict=True
            ):
                if at == row and price:
                    view = self._auditor.views[key]
                    total += view.value(abs(n), price) * view.cost_rate()
        return total


def _rows(reservation: Any) -> range | list[int]:
    if reservation.index.size:
        rows: list[int] = reservation.index.tolist()
        return rows
    return range(reservation.first, reservation.last)
