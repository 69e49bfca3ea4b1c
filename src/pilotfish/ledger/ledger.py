"""The ledger of a shard: one money book, one book of lots per instrument, and what orders in flight have reserved.

`money.rows` is settled money *less the cost of open positions*, for spot and perpetuals alike, so that
equity = money + Σ lots·mark needs no second set of accounts for unrealised profit. Negative for a leveraged long.
"""

from __future__ import annotations

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints, apportion, total_of
from pilotfish.domain.errors import LedgerError
from pilotfish.ledger.book import Account, Book, Rows


class Reservation(msgspec.Struct):
    """What one order in flight may still use: signed sub-lots and money per follow; an `exit` only reduces."""

    instrument: int
    exit: bool
    first: int
    last: int  # follows [first, last) when `index` is empty
    index: Ints
    sublots: Ints
    money: Ints

    @property
    def rows(self) -> Rows:
        return self.index if self.index.size else slice(self.first, self.last)


class Ledger(msgspec.Struct):
    follows: int
    money: Book
    lots: dict[int, Book]
    reserved_money: Ints
    opening: dict[int, Ints]  # instrument → signed sub-lots of opens in flight per follow …
    leaving: dict[int, Ints]  # … and of exits
    reservations: dict[int, Reservation]  # by client order id
    postings: int = 0

    @classmethod
    def empty(cls) -> Ledger:
        return cls(0, Book.empty(0), {}, np.zeros(0, dtype=np.int64), {}, {}, {})

    def grow(self, follows: int) -> None:
        """Make room for more follows."""
        self.money.grow(follows)
        for book in self.lots.values():
            book.grow(follows)
        more = np.zeros(follows - self.follows, dtype=np.int64)
        self.reserved_money = np.concatenate([self.reserved_money, more])
        self.opening = {key: np.concatenate([column, more]) for key, column in self.opening.items()}
        self.leaving = {key: np.concatenate([column, more]) for key, column in self.leaving.items()}
        self.follows = follows

    def list_instrument(self, instrument: int) -> None:
        self.lots[instrument] = Book.empty(self.follows)
        self.opening[instrument] = np.zeros(self.follows, dtype=np.int64)
        self.leaving[instrument] = np.zeros(self.follows, dtype=np.int64)

    # -- phase one and its end -------------------------------------------------------------------------------------

    def reserve(self, coid: int, reservation: Reservation) -> None:
        """An order leaves: what it may use is set aside."""
        if coid in self.reservations:
            raise LedgerError(f"order {coid}", "has a reservation already", "client order ids must not repeat")
        self._in_flight(reservation)[reservation.rows] += reservation.sublots
        self.reserved_money[reservation.rows] += reservation.money
        self.reservations[coid] = reservation
        self.postings += reservation.sublots.size

    def void(self, coid: int) -> None:
        """The order is over: whatever it did not use is free again."""
        reservation = self.reservations.pop(coid, None)
        if reservation is None:
            raise LedgerError(f"order {coid}", "has no reservation", "an order ends once")
        self._in_flight(reservation)[reservation.rows] -= reservation.sublots
        self.reserved_money[reservation.rows] -= reservation.money

    def void_part(self, coid: int, part: Ints) -> None:
        """Some orders of a batch are over; `part` indexes the batch."""
        reservation = self.reservations[coid]
        rows = reservation.index[part]
        self._in_flight(reservation)[rows] -= reservation.sublots[part]
        self.reserved_money[rows] -= reservation.money[part]
        reservation.sublots[part] = 0
        reservation.money[part] = 0

    def keep(self, coid: int, part: Ints, sublots: Ints, money: Ints) -> None:
        """What orders that have filled in part may still use; `part` indexes the reservation."""
        reservation = self.reservations[coid]
        rows = reservation.index[part]
        self._in_flight(reservation)[rows] += sublots - reservation.sublots[part]
        self.reserved_money[rows] += money - reservation.money[part]
        reservation.sublots[part] = sublots
        reservation.money[part] = money

    def _in_flight(self, reservation: Reservation) -> Ints:
        return (self.leaving if reservation.exit else self.opening)[reservation.instrument]

    # -- phase two --------------------------------------------------------------------------------------------------

    def clear_fill(self, instrument: int, side: int, lots: int, cost: int, fee: int) -> None:
        """A fill of a block order: into clearing, until the block is shared out."""
        self.lots[instrument].between(Account.VENUE, Account.CLEARING, side * lots)
        self.money.between(Account.CLEARING, Account.VENUE, side * cost)
        self.money.between(Account.CLEARING, Account.FEES, fee)
        self.postings += 3

    def share_block(
        self, instrument: int, side: int, rows: Rows, parts: Ints, cost: int, fee: int
    ) -> tuple[Ints, Ints]:
        """Share a cleared block at one average price. Returns each follow's cost and fee; both sum exactly."""
        total = int(parts.sum())
        costs = apportion(cost, parts, total)
        fees = apportion(fee, parts, total)
        self.lots[instrument].to_rows(Account.CLEARING, rows, side * parts)
        self.money.to_rows(Account.CLEARING, rows, -side * costs - fees)
        self.postings += 3 * parts.size
        return costs, fees

    def post_trades(self, instrument: int, rows: Rows, lots: Ints, costs: Ints, fees: Ints) -> None:
        """Trades of separate accounts: `lots` signed, `costs` signed money paid, `fees` paid."""
        self.lots[instrument].to_rows(Account.VENUE, rows, lots)
        self.money.to_rows(Account.VENUE, rows, -costs)
        self.money.to_rows(Account.FEES, rows, -fees)
        self.postings += 3 * lots.size

    def post_funding(self, rows: Rows, paid: Ints, total: int) -> None:
        """Funding: each follow pays its part; what the venue's total differs by goes to the rounding account."""
        self.money.to_rows(Account.FUNDING, rows, -paid)
        self.money.between(Account.ROUNDING, Account.FUNDING, total - int(paid.sum()))
        self.postings += paid.size

    def post_cash(self, rows: Rows, amounts: Ints) -> None:
        """Deposits (> 0) and withdrawals (< 0)."""
        self.money.to_rows(Account.EXTERNAL, rows, amounts)
        self.postings += amounts.size

    def post_fees(self, rows: Rows, amounts: Ints, earned: dict[str, int]) -> None:
        """Fees that follows pay to system accounts. Raises LedgerError unless what is paid is what is earned."""
        if total_of(amounts) != sum(earned.values()):
            raise LedgerError("a fee", f"{total_of(amounts)} is paid and {sum(earned.values())} earned", "a defect")
        self.money.to_rows(Account.CLEARING, rows, -amounts)
        for account, amount in earned.items():
            self.money.between(Account.CLEARING, account, amount)
        self.postings += amounts.size + len(earned)

    def post_claims(self, rows: Rows, amounts: Ints) -> None:
        """The insurance pool pays. Raises LedgerError when it does not hold as much."""
        if total_of(amounts) > self.insurance:
            raise LedgerError(f"claims of {total_of(amounts)}", f"the pool holds {self.insurance}", "a defect")
        self.money.to_rows(Account.INSURANCE, rows, amounts)
        self.postings += amounts.size

    @property
    def insurance(self) -> int:
        """What the insurance pool holds."""
        return self.money.system.get(Account.INSURANCE, 0)

    def sums(self) -> dict[str, int]:
        """What each asset sums to; all zero unless something is broken. Lots are keyed by `lots:<instrument id>`."""
        return {"money": self.money.imbalance()} | {f"lots:{key}": book.imbalance() for key, book in self.lots.items()}
