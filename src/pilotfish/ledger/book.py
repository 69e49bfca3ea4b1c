"""One asset: a balance for every follow (a column) and for every system account. A transfer moves, never creates."""

from __future__ import annotations

from enum import StrEnum

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints, total_of
from pilotfish.domain.errors import LedgerError, NumericOverflow

Rows = slice | Ints  # which follows: a contiguous range, or indices without repetition
_LIMIT = 2**62


class Account(StrEnum):
    """Accounts that belong to no follow."""

    EXTERNAL = "external"  # the world outside: deposits come from here, withdrawals go there
    VENUE = "venue"  # the other side of every trade
    CLEARING = "clearing"  # fills of a block order before they are shared out; empty when no block is open
    FEES = "fees"  # what venues took
    FUNDING = "funding"  # what funding took (gave, where negative)
    ROUNDING = "rounding"  # differences of less than one unit a row between a venue's total and our shares
    SUBSCRIPTION = "subscription"  # the platform's part of subscriptions
    INSURANCE = "insurance"  # the pool that pays for accounts below zero; never below zero itself


def lead_account(lead: int) -> str:
    """The account that a lead's performance fees go to; it exists from the first one on."""
    return f"lead:{lead}"


class Book(msgspec.Struct):
    """`rows[i]` is follow i's balance; `system` the rest. The sum of all is zero, always."""

    rows: Ints
    system: dict[str, int]

    @classmethod
    def empty(cls, follows: int) -> Book:
        return cls(np.zeros(follows, dtype=np.int64), {account.value: 0 for account in Account})

    def grow(self, follows: int) -> None:
        self.rows = np.concatenate([self.rows, np.zeros(follows - self.rows.size, dtype=np.int64)])

    def to_rows(self, source: Account, rows: Rows, amounts: Ints) -> None:
        """Move `amounts` (signed) from a system account to follows. Raises NumericOverflow before anything moves."""
        after = self.rows[rows] + amounts
        if after.size and (int(after.max()) > _LIMIT or int(after.min()) < -_LIMIT):
            raise NumericOverflow("a balance", "leaves int64", "use a coarser unit for this asset")
        self.rows[rows] = after
        self.system[source] -= total_of(amounts)

    def between(self, source: str, target: str, amount: int) -> None:
        """Move `amount` (signed) from one system account to another."""
        self.system[source] = self.system.get(source, 0) - amount
        self.system[target] = self.system.get(target, 0) + amount

    def imbalance(self) -> int:
        """The sum over all accounts; anything but zero is a defect."""
        return total_of(self.rows) + sum(self.system.values())

    def check(self, asset: str) -> None:
        if wrong := self.imbalance():
            raise LedgerError(
                f"asset {asset} sums to {wrong}", "a posting was one-sided", "halt and verify the journal"
            )
