"""The vault told again apart from it, in exact fractions: what everybody should have, but for rounding."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

VIRTUAL_SHARES, VIRTUAL_ASSETS = 10**6, 1


@dataclass
class Exit:
    owner: str
    shares: Fraction
    mark: Fraction


@dataclass
class Model:
    """Amounts in base units of asset, token and share; `price` in base units of the asset for one of the token."""

    steps: tuple[tuple[Fraction, Fraction], ...]
    """(from this share of the mark, this rate), rising."""
    price: Fraction
    idle: Fraction = Fraction(0)
    held: Fraction = Fraction(0)
    shares: dict[str, Fraction] = field(default_factory=dict)
    marks: dict[str, Fraction] = field(default_factory=dict)
    """Mark of all an account's shares together, in base units of the asset."""
    queue: list[Exit] = field(default_factory=list)
    claims: dict[str, Fraction] = field(default_factory=dict)
    fees: Fraction = Fraction(0)
    """Shares that fees took."""
    exit_fees: Fraction = Fraction(0)

    def supply(self) -> Fraction:
        return sum(self.shares.values(), self.fees + self.waiting())

    def waiting(self) -> Fraction:
        return sum((e.shares for e in self.queue), Fraction(0))

    def nav(self) -> Fraction:
        return self.idle + self.held * self.price

    def share_price(self) -> Fraction:
        return (self.nav() + VIRTUAL_ASSETS) / (self.supply() + VIRTUAL_SHARES)

    def fee(self, value: Fraction, mark: Fraction) -> Fraction:
        gain, due = max(value - mark, Fraction(0)), Fraction(0)
        ends = [*(start for start, _ in self.steps[1:]), None]
        for (start, rate), end in zip(self.steps, ends, strict=True):
            top = gain if end is None else min(gain, end * mark)
            due += rate * max(top - start * mark, Fraction(0))
        return due

    def deposit(self, who: str, assets: int) -> None:
        bought = assets / self.share_price()
        self.shares[who] = self.shares.get(who, Fraction(0)) + bought
        self.marks[who] = self.marks.get(who, Fraction(0)) + assets
        self.idle += assets

    def transfer(self, giver: str, taker: str, shares: int) -> None:
        moved = self.marks[giver] * shares / self.shares[giver]
        for who, sign in ((giver, -1), (taker, 1)):
            self.shares[who] = self.shares.get(who, Fraction(0)) + sign * shares
            self.marks[who] = self.marks.get(who, Fraction(0)) + sign * moved

    def request(self, who: str, shares: int) -> None:
        mark = self.marks[who] / self.shares[who]
        self.queue.append(Exit(who, Fraction(shares), mark))
        self.shares[who] -= shares
        self.marks[who] -= mark * shares

    def settle(self) -> None:
        """Serve the head from idle cash at the price of now."""
        price, cash = self.share_price(), self.idle
        while self.queue and cash > 0:
            head = self.queue[0]
            served = min(head.shares, cash / price)
            cash -= served * price
            paid = served * price
            due = self.fee(paid, served * head.mark)
            self.claims[head.owner] = self.claims.get(head.owner, Fraction(0)) + paid - due
            self.exit_fees += due
            head.shares -= served
            if head.shares == 0:
                self.queue.pop(0)
        self.idle = cash

    def charge(self, who: str) -> None:
        price, held = self.share_price(), self.shares[who]
        due = self.fee(held * price, self.marks[who])
        if due == 0:
            return
        self.marks[who] = held * price
        self.shares[who] -= due / price
        self.fees += due / price

    def buy(self, fraction: Fraction) -> None:
        spent = max(self.idle - self.waiting() * self.share_price(), Fraction(0)) * fraction
        self.idle -= spent
        self.held += spent / self.price

    def sell(self, fraction: Fraction) -> None:
        sold = self.held * fraction
        self.held -= sold
        self.idle += sold * self.price
