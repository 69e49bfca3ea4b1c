"""An independent auditor: its own books from events and commands, held against the shard's raw columns and the venue's.

It imports the vocabulary and nothing of the core, so that the core cannot excuse itself. `see` is called after each
step with the event, the commands that left and the state, of which only raw columns are read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from pilotfish.domain.codec import encode_commands
from pilotfish.domain.events import (
    BookTop,
    CashMoved,
    Configured,
    Connection,
    Event,
    FollowsOpened,
    InstrumentListed,
    LeadFill,
    LeadPosition,
    Mark,
    Operator,
    OperatorAction,
    Recovered,
    Timer,
)
from pilotfish.domain.instructions import ExecutionSet, HedgeMapped, InstrumentMapped, LeadOrder, MandateChanged
from pilotfish.domain.mandate import Route
from pilotfish.domain.orders import Command, Place, PlaceBatch
from pilotfish.worlds.fuzz.audit_before import LEFT, Before, busy
from pilotfish.worlds.fuzz.audit_books import AccountOf, OwnBooks, OwnOrder
from pilotfish.worlds.fuzz.audit_fees import FeeAudit
from pilotfish.worlds.fuzz.audit_follows import FollowAudit
from pilotfish.worlds.fuzz.audit_limits import View
from pilotfish.worlds.fuzz.audit_orders import OrderAudit
from pilotfish.worlds.fuzz.audit_pace import Pace
from pilotfish.worlds.fuzz.audit_platform import PlatformAudit
from pilotfish.worlds.fuzz.audit_refusals import Refusals
from pilotfish.worlds.fuzz.audit_stops import StopAudit

CASH_SLACK = 16  # money units: each instrument's value and margin may be rounded once
CLEARING, ROUNDING = "clearing", "rounding"  # the two system accounts whose balance is ours until it is shared


class Auditor:
    """Findings are sentences with the event they belong to. `garbage`: the positions of impossible events."""

    def __init__(self, garbage: set[int] | None = None) -> None:
        self.findings: list[str] = []
        self.garbage = garbage if garbage is not None else set()
        self.now_ns = self.events = self.refused = 0
        self.seq = -1
        self.config: Configured | None = None
        self.killed, self.connected = False, True
        self.books = OwnBooks()
        self.accounts = AccountOf(True)
        self.views: list[View] = []
        self.contents: dict[int, bytes] = {}  # client order id → what left under it
        self.commands: dict[int, Place | PlaceBatch] = {}
        self.prices: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)  # (lead, k) → (ns, price)
        self._marks: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self.order_prices: defaultdict[tuple[int, int], list[int]] = defaultdict(list)  # of leads' resting orders
        self.window_ns = 0  # how long after the lead's price an open may still leave
        self._mapped: list[tuple[int, int, int, int]] = []
        self.before = Before()
        self.refusals, self.orders, self._pace = Refusals(self.before), OrderAudit(self), Pace()
        self.follows, self.platform = FollowAudit(self), PlatformAudit(self)
        self.fees, self.stops = FeeAudit(self), StopAudit(self)

    def found(self, what: str) -> None:
        self.findings.append(f"event {self.seq}: {what}")

    def see(self, event: Event, commands: Sequence[Command], state: Any) -> None:
        """After a step. Market data moves nothing, so only its bounds are looked at."""
        self.seq, self.events = state.seq, self.events + 1
        self.now_ns = max(self.now_ns, event.ours_ns)
        kind = type(event)
        if kind is BookTop or kind is Mark:
            if self.seq not in self.garbage:
                self._market(event)
                self.stops.moved = True
        else:
            self._judge(event, commands, state)
        if commands:
            self._leave(commands, state)
        if what := self._pace.see(event, list(commands), self.now_ns, self.books.executions, state):
            self.found(what)
        if kind not in (BookTop, Mark):
            self.before.keep(state)
        if kind not in (BookTop, Mark) or self.events % 64 == 0:
            self.balances(state)

    def _judge(self, event: Event, commands: Sequence[Command], state: Any) -> None:
        """Whether it was refused and should have been; then what it means for our own books."""
        name = type(event).__name__
        refused = state.quarantined > self._set_aside(self.seq - 1)
        if state.quarantined - self._set_aside(self.seq - 1) not in (0, 1):
            self.found(f"{name} was quarantined, or garbage was not: {state.quarantined}: {str(event)[:300]}")
        if self.seq in self.garbage:
            if commands:
                self.found(f"an impossible {name} made {len(commands)} commands")
            if not refused:
                self.found(f"{name} was quarantined, or garbage was not: {state.quarantined}: {str(event)[:300]}")
            return
        must = self.refusals.due(event)
        if must is None and isinstance(event, CashMoved):
            self._withdrawal(event, refused, state)
        elif refused != bool(must):
            what = "was quarantined, but is possible" if refused else "was not refused, though it must be"
            self.found(f"{name} {what}: {str(event)[:300]}")
        self.refused += refused
        if refused:
            self.fees.see(event, True, state)
            return
        self.refusals.accepted(event)
        self._take(event, state)
        released = self.follows.see(event, refused, list(commands), state)
        for told in released:
            self._lead(told)
        if isinstance(event, Timer):
            self.stops.looked(state, not released)
        self.platform.see(event, state)
        self.fees.see(event, False, state)
        if isinstance(event, FollowsOpened | MandateChanged) and (what := self.refusals.unlike(state.follows)):
            self.found(what)

    def _set_aside(self, seq: int) -> int:
        """How many events the shard should have put aside by then."""
        return sum(1 for position in self.garbage if position <= seq) + self.refused

    def sources(self, target: int) -> list[tuple[int, int, int]]:
        """Instruments whose trades may be copied in `target`, with the price factor."""
        return [(target, 1, 1), *((source, num, den) for source, to, num, den in self._mapped if to == target)]

    def at_rest(self, state: Any) -> list[str]:
        """What must not be when nothing is in flight any more."""
        out = [what] if (what := self.refusals.unlike(state.follows)) else []
        held = busy(state)
        for row, mode in enumerate(state.standing.mode.tolist()):
            if mode == LEFT and held[row] and not any(column.reasons[row] for column in state.columns.values()):
                out.append(f"follow {row} has left, and holds something without a reason")
        return out + self.stops.at_rest(state)

    def _market(self, event: Any) -> None:
        view = self.views[event.instrument]
        if isinstance(event, Mark):
            view.stated_mark, view.marked_ns = event.price, event.ours_ns
        else:
            view.bid, view.ask = event.bid, event.ask
        view.seen_ns = event.ours_ns
        if not self._marks[event.instrument] or self._marks[event.instrument][-1][1] != view.mark:
            self._marks[event.instrument].append((self.now_ns, view.mark))

    def marks_since(self, instrument: int, ns: int) -> list[int]:
        """Every mark that stood at `ns` or later."""
        known = self._marks[instrument]
        first = next((k for k in range(len(known) - 1, -1, -1) if known[k][0] < ns), 0)
        return [mark for _, mark in known[first:]]

    def _take(self, event: Event, state: Any) -> None:
        if isinstance(event, Configured):
            self.config, self.accounts = event, AccountOf(event.route is Route.OMNIBUS)
            self.window_ns = event.retry_ns_max
        elif isinstance(event, ExecutionSet):
            worked_ns = event.terms.window_ns + event.terms.window_ns // event.terms.slices
            self.window_ns = max(self.window_ns, worked_ns)
        elif isinstance(event, HedgeMapped):
            self.stops.mapped(event)
        elif isinstance(event, InstrumentMapped):
            self._mapped.append((event.source, event.target, event.price_num, event.price_den))
        elif isinstance(event, InstrumentListed):
            self.views.append(View(event.instrument))
        elif isinstance(event, Connection):
            self.connected = event.up
        elif isinstance(event, Recovered):
            self.connected = True
        elif isinstance(event, Operator):
            self.killed = event.action is OperatorAction.KILL or (
                self.killed and event.action is not OperatorAction.RESUME
            )
        elif isinstance(event, FollowsOpened):
            for k, view in enumerate(self.views):
                for lead in range(len(state.leads)):
                    self.prices[lead, k].append((self.now_ns, view.mark))
            self.books.take(event, _Joining(self.accounts, event))
            self.accounts.followers += event.follows.follower.tolist()
            return
        self.books.take(event, self.accounts)

    def _lead(self, event: Event) -> None:
        """What a lead did, now that it may be acted on."""
        if isinstance(event, LeadFill | LeadPosition):
            self.prices[event.lead, event.instrument].append((self.now_ns, event.price))
        elif isinstance(event, LeadOrder):
            self.order_prices[event.lead, event.instrument].append(event.price)

    def _withdrawal(self, event: CashMoved, refused: bool, state: Any) -> None:
        """A withdrawal of more than is free must be refused as a whole, and nothing else."""
        least = CASH_SLACK + 1 if refused else 0
        for row, amount in zip(event.rows.tolist(), event.amounts.tolist(), strict=True):
            if amount < 0:
                # an applied one has left already; a refused one may have met more than orders need at their limits
                left = self.orders.spare(state, row) + amount if refused else self.orders.free(state, row)
                owed = self._fee_most(row, state) if refused else 0  # on the gain that is withdrawn
                least = min(least, int(left - owed))
        if refused and least > CASH_SLACK:
            self.found(f"a withdrawal of free money was refused: {event.amounts.tolist()}")
        elif not refused and least < -CASH_SLACK:
            self.found(f"a withdrawal leaves a follow {least} free: {event.amounts.tolist()}")

    def _fee_most(self, row: int, state: Any) -> Fraction:
        """The most that a performance fee of the whole gain can be, and what the follower lacks elsewhere."""
        if self.fees.terms is None:
            return Fraction(0)
        mine = [k for k, follower in enumerate(self.accounts.followers) if follower == self.accounts.followers[row]]
        equity = sum((self.orders.equity(state, k) for k in mine), Fraction(0))
        gain = max(equity - sum(int(state.standing.mark[k]) for k in mine), Fraction(0))
        lacks = -sum((min(self.orders.free(state, k), Fraction(0)) for k in mine if k != row), Fraction(0))
        return gain * 15 / 100 + lacks

    def _leave(self, commands: Sequence[Command], state: Any) -> None:
        """Every client order id has one content for ever; what leaves for the first time is inside every limit."""
        fresh: list[Place | PlaceBatch] = []
        for command in commands:
            if not isinstance(command, Place | PlaceBatch):
                continue
            raw = encode_commands([command])
            known = self.contents.get(command.coid)
            if known is None:
                size = 1 if isinstance(command, Place) else command.lots.size
                if any(command.coid + k in self.books.orders for k in range(size)):
                    self.found(f"order {command.coid} uses a client order id of another")
                self.contents[command.coid], self.commands[command.coid] = raw, command
                fresh.append(command)
            elif known != raw:
                self.found(f"order {command.coid} left twice with different contents")
            else:
                self.orders.resent(command)
        self.orders.check(fresh, state)

    def balances(self, state: Any) -> None:
        """Own summation over raw columns: every asset sums to zero, and ours is what the events say it must be."""
        ledger = state.ledger
        if wrong := sum(ledger.money.rows.tolist()) + sum(ledger.money.system.values()):
            self.found(f"money sums to {wrong}, not zero")
        system = ledger.money.system
        ours = sum(ledger.money.rows.tolist()) + system[CLEARING] + system[ROUNDING] + self.fees.charged
        if ours != (must := sum(self.books.cash.values()) - self.fees.paid_out):
            self.found(f"money of follows, clearing and rounding, fees with it, is {ours}, by the events {must}")
        for k in range(len(self.views)):
            book = ledger.lots[k]
            rows = book.rows.tolist()
            if wrong := sum(rows) + sum(book.system.values()):
                self.found(f"lots of instrument {k} sum to {wrong}, not zero")
            if sum(rows) + book.system[CLEARING] != (must := self.books.total_lots(k)):
                self.found(f"instrument {k}: follows and clearing hold {sum(rows) + book.system[CLEARING]}, not {must}")
            if not self.accounts.omnibus and len(rows) == len(self.accounts.followers):
                self._accounts_hold(k, rows)
        if system["fees"] != self.books.fees or system["funding"] != self.books.funding:
            self.found(f"fees {system['fees']} and funding {system['funding']} are not what the events say")
        self._clearing(state)

    def _accounts_hold(self, k: int, rows: list[int]) -> None:
        held: defaultdict[int, int] = defaultdict(int)
        for account, lots in zip(self.accounts.followers, rows, strict=True):
            held[account] += lots
        for account, lots in held.items():
            if lots != self.books.lots[account, k]:
                self.found(
                    f"account {account} holds {lots} of {k} by the ledger, {self.books.lots[account, k]} by events"
                )

    def _clearing(self, state: Any) -> None:
        """What lies in clearing is what open blocks filled: nothing is left over when they are shared out."""
        for k in range(len(self.views)):
            waiting = sum(
                self.books.orders[c].side * self.books.orders[c].lots
                for c in state.ledger.reservations
                if c in self.books.orders and self._shared_at_the_end(self.books.orders[c], k)
            )
            if state.ledger.lots[k].system[CLEARING] != waiting:
                self.found(
                    f"clearing of {k} holds {state.ledger.lots[k].system[CLEARING]}, open blocks filled {waiting}"
                )

    def _shared_at_the_end(self, order: OwnOrder, k: int) -> bool:
        """A block is shared out when it is over; what rests is shared as it fills."""
        return order.row < 0 and order.instrument == k and not order.rests


class _Joining:
    """Accounts of rows that are about to exist."""

    def __init__(self, known: AccountOf, event: FollowsOpened) -> None:
        self.first = known.first
        self._known, self._new = known, event.follows.follower.tolist()

    def __call__(self, row: int) -> int:
        return self._known(0) if self._known.omnibus else int(self._new[row - self.first])
