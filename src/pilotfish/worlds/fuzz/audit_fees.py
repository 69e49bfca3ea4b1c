"""Fees and insurance, recomputed: subscriptions to the unit, performance fees by their ceiling, claims in order."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from pilotfish.domain.events import CashMoved, Event, FollowsOpened, Timer
from pilotfish.domain.instructions import FeesDue, FeesSet, FollowControl
from pilotfish.domain.terms import FeeTerms
from pilotfish.worlds.fuzz.audit_before import LEFT

if TYPE_CHECKING:
    from pilotfish.worlds.fuzz.auditor import Auditor

BPS = 10_000
RATE_MAX = 1_500
SLACK = 64  # money units: what several instruments' values and margins may be rounded by


class Bill:
    """What one follow subscribes to."""

    def __init__(self, since_ns: int) -> None:
        self.since_ns, self.rest, self.owed = since_ns, 0, 0

    def accrue(self, price: int, month_ns: int, now_ns: int) -> None:
        whole, self.rest = divmod(max(now_ns - self.since_ns, 0) * price + self.rest, month_ns)
        self.owed, self.since_ns = self.owed + whole, max(now_ns, self.since_ns)


class FeeAudit:
    def __init__(self, auditor: Auditor) -> None:
        self._auditor = auditor
        self.terms: FeeTerms | None = None
        self.bills: list[Bill] = []
        self.paid_out = self.charged = 0

    def see(self, event: Event, refused: bool, state: Any) -> None:
        before, system = self._auditor.before, state.ledger.money.system
        gained = {name: system[name] - before.system.get(name, 0) for name in system if _is_fee(name)}
        again = set(event.rows.tolist()) if isinstance(event, FollowControl) and not refused else set()
        modes = state.standing.mode.tolist()
        left = [k for k, mode in enumerate(modes) if mode == LEFT and (before.mode_of(k) != LEFT or k in again)]
        self._pay_outs(event, left, state)
        if isinstance(event, FeesDue | FeesSet) and not refused:
            self._settled(event, gained, state)
        else:
            self._bill(left, state)
            self._elsewhere(event, bool(left), gained, state)
        if isinstance(event, FollowsOpened):
            self.bills += [Bill(self._auditor.now_ns) for _ in range(len(event.follows))]
        if isinstance(event, FeesSet) and not refused:
            self._new_terms(event.terms)
        self._compare(state)
        self._pool(event, state)

    def in_arrears(self, row: int) -> str:
        if self.terms is None or row >= len(self.bills):
            return ""
        price = self._price(row)
        return "an open of a follow that owes more than a month" if 0 < price < self.bills[row].owed else ""

    def _price(self, row: int) -> int:
        assert self.terms is not None
        price = self.terms.subscription
        coupon = self._auditor.refusals.mandates[row]["coupon"]
        return price * (BPS - self.terms.coupon_bps) // BPS if coupon else price

    def _new_terms(self, terms: FeeTerms) -> None:
        first, other = self.terms is None, self.terms is None or self.terms.month_ns != terms.month_ns
        self.terms = terms
        for bill in self.bills:
            bill.since_ns = self._auditor.now_ns if first else bill.since_ns
            bill.rest = 0 if other else bill.rest

    # -- settlements -------------------------------------------------------------------------------------------------

    def _settled(self, event: Event, gained: dict[str, int], state: Any) -> None:
        """Nothing but fees and claims moves money here, so every row tells what it paid or got."""
        moved = [
            now - was for now, was in zip(state.ledger.money.rows.tolist(), self._auditor.before.money, strict=True)
        ]
        if self.terms is None:
            if any(moved) and any(n < 0 for n in moved):
                self._auditor.found("fees were taken though no terms are set")
            return
        modes = state.standing.mode.tolist()
        subscribed = []
        for row, bill in enumerate(self.bills):
            if modes[row] != LEFT:
                bill.accrue(self._price(row), self.terms.month_ns, self._auditor.now_ns)
            subscribed.append(self._paid(row, state))
        insured = [paid * self.terms.insurance_bps // BPS for paid in subscribed]
        if gained["subscription"] != sum(subscribed) - sum(insured):
            self._auditor.found(
                f"subscriptions of {sum(subscribed)} brought {gained['subscription']}, {sum(insured)} is insurance"
            )
        claims = sum(max(n, 0) for n in moved)
        if sum(max(-n, 0) for n in moved) != sum(gained.values()) + claims:
            self._auditor.found(f"rows paid {sum(max(-n, 0) for n in moved)}, fee accounts got {gained} before claims")
        self._performance(moved, subscribed, state)
        self._in_order(moved)

    def _performance(self, moved: list[int], subscribed: list[int], state: Any) -> None:
        fees: defaultdict[int, int] = defaultdict(int)
        rows: defaultdict[int, list[int]] = defaultdict(list)
        for row, follower in enumerate(self._auditor.accounts.followers):
            fee = max(-moved[row], 0) - subscribed[row]
            fees[follower] += fee
            rows[follower].append(row)
            if moved[row] < 0 and self._auditor.orders.free(state, row) < -SLACK:
                self._auditor.found(f"follow {row} was charged {-moved[row]}, beyond its free money")
        for follower, fee in fees.items():
            if fee < 0:
                self._auditor.found(f"follower {follower} paid {-fee} less than its subscriptions")
            if fee > 0:
                self._ceiling(follower, rows[follower], fee, state)

    def _ceiling(self, follower: int, rows: list[int], fee: int, state: Any) -> None:
        """At most 15% of what the follower's equity was above its mark before the fee."""
        equity = fee + sum(int(self._auditor.orders.equity(state, row)) for row in rows)
        gain = equity - sum(self._auditor.before.mark[row] for row in rows)
        if fee * BPS > (gain + SLACK) * RATE_MAX:
            self._auditor.found(f"follower {follower} paid {fee} on a gain of {gain}")

    def _in_order(self, moved: list[int]) -> None:
        """First come, first served: whoever got less than it claimed is followed by nobody who got anything."""
        got: defaultdict[int, int] = defaultdict(int)
        for row, amount in enumerate(moved):
            if amount > 0:
                got[self._auditor.accounts.followers[row]] += amount
        short = None
        for follower, claim in self._auditor.before.claims.items():
            if short is not None and got[follower]:
                self._auditor.found(f"follower {follower} was paid before {short}, who claimed first")
            if got[follower] < claim:
                short = follower

    # -- at any other time -------------------------------------------------------------------------------------------

    def _bill(self, left: list[int], state: Any) -> None:
        for row in left if self.terms else ():
            assert self.terms is not None
            self.bills[row].accrue(self._price(row), self.terms.month_ns, self._auditor.now_ns)
            self._paid(row, state)

    def _paid(self, row: int, state: Any) -> int:
        """What of its subscription a follow has paid: what it owes no more."""
        bill = self.bills[row]
        paid = bill.owed - int(state.standing.owed[row])
        if not 0 <= paid <= bill.owed:
            self._auditor.found(f"follow {row} owes {int(state.standing.owed[row])}, by its months {bill.owed}")
        elif paid < bill.owed and self._auditor.orders.spare(state, row) > SLACK + self._short(row, state):
            self._auditor.found(f"follow {row} still owes {bill.owed - paid}, and has free money")
        bill.owed -= paid
        return paid

    def _short(self, row: int, state: Any) -> int:
        """What the follower's other follows lack, which its money is kept for."""
        followers = self._auditor.accounts.followers
        mine = (k for k, follower in enumerate(followers) if follower == followers[row])
        return -sum(min(int(self._auditor.orders.spare(state, k)), 0) for k in mine)

    def _elsewhere(self, event: Event, left: bool, gained: dict[str, int], state: Any) -> None:
        """Fees are taken of withdrawals and of those who leave, and at no other time."""
        fees = sum(n for name, n in gained.items() if name != "insurance")
        withdrawn = isinstance(event, CashMoved) and bool((event.amounts < 0).any())
        if fees and (self.terms is None or not (left or withdrawn)):
            self._auditor.found(f"fees of {fees} were taken in {type(event).__name__}: {gained}")
        if fees < 0 or any(n < 0 for name, n in gained.items() if name != "insurance"):
            self._auditor.found(f"a fee account lost money in {type(event).__name__}: {gained}")

    def _pay_outs(self, event: Event, leaving: list[int], state: Any) -> None:
        """What leaves for the world outside without a withdrawal: only the money of those who leave."""
        before = self._auditor.before
        out = state.ledger.money.system["external"] + self._auditor.books.deposits
        most = sum(max(before.money[k], 0) for k in leaving if k < len(before.money))
        now = out - self.paid_out
        if now < 0 or (now > 0 and not leaving):
            self._auditor.found(f"{now} money units went out, and {leaving} left")
        elif leaving and now > most and isinstance(event, FollowControl | Timer | FeesDue):
            self._auditor.found(f"{now} money units were paid to {leaving}, who had {most}")
        self.paid_out = out
        system = state.ledger.money.system
        self.charged = sum(amount for name, amount in system.items() if _is_fee(name))

    def _compare(self, state: Any) -> None:
        for row, bill in enumerate(self.bills):
            if bill.owed != int(state.standing.owed[row]):
                self._auditor.found(f"follow {row} owes {int(state.standing.owed[row])}, by its months {bill.owed}")
                bill.owed = int(state.standing.owed[row])

    def _pool(self, event: Event, state: Any) -> None:
        pool = state.ledger.money.system["insurance"]
        if pool < 0:
            self._auditor.found(f"the insurance pool holds {pool}")
        if pool > 0 and state.claims and isinstance(event, FeesDue | CashMoved):
            self._auditor.found(f"the pool holds {pool}, and {dict(state.claims)} wait for it")
        old = [name for name in self._auditor.before.claims if name in state.claims]
        if list(state.claims)[: len(old)] != old:
            self._auditor.found(f"claims changed their order: {old} became {list(state.claims)}")


def _is_fee(name: str) -> bool:
    return name in ("subscription", "insurance") or name.startswith("lead:")
