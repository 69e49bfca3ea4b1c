"""Which accounts have reached their line, and what is to be done about each: one thing at a time. Pure.

The contract decides; this only asks it in time. Everything follows from what the chain says now, so nothing has to be
kept over a crash. An account whose price is doubtful, or whose closing did not go through, rests for ever more blocks.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

import msgspec

REST_BLOCKS_MAX = 32


class Account(NamedTuple):
    """One account of a book; a vault's is the vault itself. Addresses in lower case."""

    book: str
    account: str


class Holding(NamedTuple):
    """A token that is held, its price, and the price at or below which it is to be sold (zero: none); times 1e36."""

    token: str
    price: int
    stop: int


class Seen(NamedTuple):
    """An account as of a block. Money in base units of the book's asset; a line of zero is none.

    `closed`: it was liquidated, and counts as such until it is told that it recovered.
    """

    equity: int
    line: int
    closed: bool
    holdings: tuple[Holding, ...]


class Doubt(NamedTuple):
    """It cannot be said how the account stands: a doubtful price, or an account that is over."""

    why: str


class Kind(Enum):
    LIQUIDATE = "at its line"
    CLOSE = "at its line, which ends it"
    STOP = "at its price stop"
    RECOVER = "above its line again"


class Duty(NamedTuple):
    """What the contract is to be asked for; `tokens` are to be sold, in the order in which the book holds them."""

    kind: Kind
    account: Account
    tokens: tuple[str, ...]


def duty_of(account: Account, seen: Seen) -> Duty | None:
    """The first thing to do about an account, if any. A vault that holds nothing is closed and insured all the same."""
    if 0 < seen.line >= seen.equity:
        tokens = tuple(holding.token for holding in seen.holdings)
        bare_vault = account.book == account.account and not seen.closed
        return Duty(Kind.LIQUIDATE, account, tokens) if tokens or bare_vault else None
    for holding in seen.holdings:
        if 0 < holding.price <= holding.stop:
            return Duty(Kind.STOP, account, (holding.token,))
    if seen.closed and seen.equity > seen.line:
        return Duty(Kind.RECOVER, account, ())
    return None


class _Place(msgspec.Struct):
    failures: int = 0
    until: int = -1  # not looked at before this block
    number: int | None = None  # of the transaction under way


class Watch:
    """The accounts that are watched."""

    def __init__(self) -> None:
        self._places: dict[Account, _Place] = {}
        self._under_way: dict[int, Account] = {}

    def __len__(self) -> int:
        return len(self._places)

    def add(self, accounts: Iterable[Account]) -> None:
        """Those that are known already go on as they are."""
        for account in accounts:
            self._places.setdefault(account, _Place())

    def due(self, block: int) -> list[Account]:
        """Whom to look at as of `block`: all but those that rest, and those something is being done about."""
        return [one for one, place in self._places.items() if place.number is None and place.until <= block]

    def saw(self, account: Account, block: int, look: Seen | Doubt) -> Duty | None:
        """What is to be done now. In doubt the account rests; where there is nothing to do, past failures are over."""
        if isinstance(look, Doubt):
            self.failed(account, block)
            return None
        duty = duty_of(account, look)
        if duty is None:
            self._places[account] = _Place()
        return duty

    def failed(self, account: Account, block: int) -> None:
        """It could not be looked at, or nothing could be done: 1, 2, 4 … blocks of rest."""
        place = self._places[account]
        place.until = block + min(1 << place.failures, REST_BLOCKS_MAX)
        place.failures = min(place.failures + 1, 16)

    def submitted(self, account: Account, number: int) -> None:
        """A transaction is under way; nothing else is done about the account until it has ended."""
        self._places[account].number = number
        self._under_way[number] = account

    def ended(self, number: int, block: int, *, ok: bool) -> Account | None:
        """Whose transaction that was. Where it did what it should, the account is looked at again as of `block`."""
        account = self._under_way.pop(number, None)
        if account is not None:
            self._places[account].number = None
            self._places[account].until = block
            if not ok:
                self.failed(account, block)
        return account
