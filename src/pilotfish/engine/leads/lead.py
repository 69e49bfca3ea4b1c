"""A lead trader as the shard knows it."""

from __future__ import annotations

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.ledger.book import Rows


class LeadTrade(msgspec.Struct):
    """A lead's opening order, as its fills tell it. All but the last two are those of its first fill."""

    instrument: int
    venue_ns: int
    side: int
    price: int
    before: int  # |position| before it
    equity: int
    lots: int = 0
    notional: int = 0  # money units


class Counterpart(msgspec.Struct, frozen=True, array_like=True):
    """Where copies of a source instrument are made: target lots per source lot, and the price factor."""

    target: int
    lots_num: int = 1
    lots_den: int = 1
    price_num: int = 1
    price_den: int = 1
    open: bool = True


class Commitment(msgspec.Struct, frozen=True):
    """The hash of an order that is not shown yet, and when it may be."""

    commitment: bytes
    due_ns: int


class LeadResting(msgspec.Struct):
    """A resting order of a lead, and the client order id of ours that mirrors it (-1: none).

    `balance` (sub-lots, over `rows`) is what ours has filled less what the lead's fills have asked for since.
    """

    instrument: int
    side: int
    lots: int  # what is left of it, as the venue last said; 0 = gone
    price: int
    coid: int = -1
    as_of_ns: int = 0
    target: int = -1  # the instrument it is mirrored in
    mirrored: int = 0  # what was left of it when ours was placed …
    filled: int = 0  # … and what has filled since, as its fills tell
    filled_ns: int = 0  # the last of these
    unsaid: int = 0  # … and what has filled since the venue last said what is left
    amended: bool = False  # it is not any more what ours was placed for
    grace_ns: int = 0  # it shrank: until then its fills may still be under way
    next_ns: int = 0  # not to be mirrored (again) before
    refused: int = 0  # why it was not, as was said
    rows: Ints = msgspec.field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    balance: Ints = msgspec.field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @property
    def left(self) -> int:
        """What is left of it by all we know."""
        return max(self.lots - self.unsaid, 0)


class Lead(msgspec.Struct):
    """A lead trader: positions by instrument as the venue states them, and what was odd about its feed."""

    name: str
    equity: int
    positions: dict[int, int] = {}
    as_of_ns: dict[int, int] = {}
    starts: dict[int, list[int]] = {}  # starts already seen at `as_of_ns`, to order fills of one instant
    seen: dict[int, int] = {}  # recent fill ids (a dict keeps their order)
    fills: int = 0
    breaks: int = 0
    late: int = 0
    duplicates: int = 0
    first: int = 0  # its follows: rows [first, last), or `index` when they are scattered
    last: int = 0
    index: Ints = msgspec.field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    trades: dict[int, LeadTrade] = {}  # recent opening orders, by id, or by −1 − instrument where it has none …
    finished: list[int] = []  # … and the notionals of those without an id that are over
    entries: dict[int, int] = {}  # average price of each position
    stops: dict[int, int] = {}
    resting: dict[int, LeadResting] = {}  # by the lead's order id
    account: int = -1  # its own follower id, where it follows others
    gone: bool = False
    delay_ns: int = 0  # disclosure; see DisclosureSet
    mirrored_at_once: bool = True
    committed: dict[int, Commitment] = {}  # by number
    last_committed: int = -1

    @property
    def rows(self) -> Rows:
        return self.index if self.index.size else slice(self.first, self.last)

    @property
    def count(self) -> int:
        return self.index.size or self.last - self.first
