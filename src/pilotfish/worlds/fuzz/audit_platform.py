"""The platform's own brakes, judged from events: breaker, outage, rate budget, and rules that Python can also read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pilotfish.domain.events import Connection, Event, Liquidation, Operator, OperatorAction, Reconciled
from pilotfish.domain.instructions import RiskSet, RulesSet
from pilotfish.domain.orders import Place, PlaceBatch
from pilotfish.domain.reasons import Reason
from pilotfish.domain.terms import RiskTerms
from pilotfish.worlds.fuzz.audit_limits import View

if TYPE_CHECKING:
    from pilotfish.worlds.fuzz.auditor import Auditor

SECOND = 1_000_000_000
Order = Place | PlaceBatch


def _lots(order: Order) -> int:
    return order.lots if isinstance(order, Place) else int(order.lots.sum())


READABLE: dict[str, Callable[[Order, View], bool]] = {
    "order.lots > 500": lambda order, view: _lots(order) > 500,
    "order.side > 0": lambda order, view: order.side > 0,
    "market.spread_bps > 40.0": lambda order, view: (
        not (view.bid and view.ask) or 20_000 * (view.ask - view.bid) > 40 * (view.ask + view.bid)
    ),
}


class PlatformAudit:
    def __init__(self, auditor: Auditor) -> None:
        self._auditor = auditor
        self.risk = RiskTerms()
        self.rules: tuple[str, ...] = ()
        self._forced: list[int] = []  # when accounts were closed by force
        self._stamps: dict[int, int] = {}
        self._resumed_ns = -1
        self._down_ns: int | None = None
        self._level_e9 = self._since_ns = 0  # of the budget: what has left and is not made good by time

    def see(self, event: Event, state: Any) -> None:
        now, found = self._auditor.now_ns, self._auditor.found
        if isinstance(event, Operator) and event.action is OperatorAction.RESUME:
            self._resumed_ns = now
        elif isinstance(event, RiskSet):
            if (event.terms.rate_tokens, event.terms.rate_per_s) != (self.risk.rate_tokens, self.risk.rate_per_s):
                self._level_e9 = 0
            self.risk = event.terms
        elif isinstance(event, RulesSet):
            self.rules = tuple(rule.expression for rule in event.rules)
        elif isinstance(event, Connection):
            long = self._down_ns is not None and 0 < self.risk.outage_ns < now - self._down_ns
            if event.up and long and not state.guard.broken:
                found("the venue was out of reach for too long, but opens are not halted")
            self._down_ns = None if event.up else now if self._down_ns is None else self._down_ns
        elif isinstance(event, Reconciled):  # a restart asks at once, and an answer means that it is over
            self._down_ns = None
        if isinstance(event, Liquidation) and self._stamps.get(event.account) != event.venue_ns:
            self._stamps[event.account] = event.venue_ns
            self._forced.append(now)
        self._forced += [now] * len(self._liquidated(state))
        since = max(now - self.risk.breaker_ns, self._resumed_ns)
        count = sum(1 for ns in self._forced if ns > since)
        counted = isinstance(event, Liquidation) or bool(self._forced and self._forced[-1] == now)
        if counted and 0 < self.risk.breaker_count < count and not state.guard.broken:
            found(f"{count} liquidations within {self.risk.breaker_ns / 1e9:g} s, but opens are not halted")

    def _liquidated(self, state: Any) -> set[int]:
        """Followers that our own liquidator closed in this step."""
        why, before = state.standing.why.tolist(), self._auditor.before.why
        followers = self._auditor.accounts.followers
        new = (k for k in range(len(why)) if why[k] == Reason.LIQUIDATOR and (k >= len(before) or before[k] != why[k]))
        return {followers[k] for k in new}

    def left(self, orders: list[Order], opens: list[bool]) -> None:
        """Orders that left for the first time, and which of them are opens."""
        now, risk = self._auditor.now_ns, self.risk
        for order, is_open in zip(orders, opens, strict=True):
            view = self._auditor.views[order.instrument]
            for rule in self.rules if is_open else ():
                if rule in READABLE and READABLE[rule](order, view):
                    self._auditor.found(f"order {order.coid}, an open, left against the rule {rule!r}")
        if not risk.rate_tokens or not orders:
            return
        self._level_e9 = max(self._level_e9 - max(now - self._since_ns, 0) * risk.rate_per_s, 0)
        self._since_ns = now
        self._level_e9 += SECOND * sum(1 if isinstance(order, Place) else order.lots.size for order in orders)
        if self._level_e9 > risk.rate_tokens * SECOND:
            self._auditor.found(f"{self._level_e9 / SECOND:.2f} orders beyond the budget of {risk.rate_tokens}")
            self._level_e9 = risk.rate_tokens * SECOND
