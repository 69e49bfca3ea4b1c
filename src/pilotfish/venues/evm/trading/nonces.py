"""One sender's nonces: which transaction stands under which, and what has become of each. Pure.

A nonce is given to one order, and not again before it is known that nothing of that order can be mined under it. An
order that is sent anew while its first transaction may live takes the same nonce; so of all that was ever sent under a
nonce one at most is mined. The chain's own count says which are used up; after a crash it, and what waits in the node's
pool, are all that is known, and what is not ours to explain is left alone, or cleared away when it blocks the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

import msgspec

from pilotfish.venues.evm.trading.fees import Fees

UNCOUNTED = -1


class Attempt(msgspec.Struct, frozen=True):
    """A transaction that went out, or may have."""

    hash: str
    raw: bytes
    fees: Fees
    voids: bool = False  # to the sender itself: it only uses the nonce up


class Use(IntEnum):
    ORDER = 0
    FILLER = 1  # ours, to close a gap
    STRANGE = 2  # in the node's pool, and not sent by this process


class Slot(msgspec.Struct):
    """One nonce. `coid` of an order; `to`, `data`, `gas` of what is wanted; `mined`: the attempt that the chain has."""

    nonce: int
    use: Use
    coid: int = 0
    to: bytes = b""
    data: bytes = b""
    gas: int = 0
    attempts: list[Attempt] = []
    mined: Attempt | None = None
    block: int = -1
    since_ns: int = 0
    posted_ns: int = 0  # when one of its transactions last left
    pooled: bool = False  # a node has said that it has one
    passed: int = -1  # the block as of which the chain had used the nonce up, and none of ours was known to be mined

    @property
    def fees(self) -> Fees | None:
        """The highest that were offered."""
        return self.attempts[-1].fees if self.attempts else None

    @property
    def voiding(self) -> bool:
        return any(one.voids for one in self.attempts)


class Nonces:
    """`latest`: the first nonce that the chain has not used up."""

    def __init__(self) -> None:
        self.latest = UNCOUNTED
        self.slots: dict[int, Slot] = {}
        self._by_hash: dict[str, Slot] = {}

    @property
    def counted(self) -> bool:
        return self.latest != UNCOUNTED

    def count(self, latest: int, pending: int, block: int, now_ns: int) -> None:
        """What the node says as of `block`: `latest` of the chain, `pending` with its pool. After a reorganisation
        `latest` may be less than before.

        Receipts come with the count, and a node may have looked for them first: that a used nonce is not by one of ours
        is believed when it was used in the count before, too.
        """
        before, self.latest = self.latest, latest
        for nonce in range(latest, pending):
            if nonce not in self.slots:
                self.slots[nonce] = Slot(nonce, Use.STRANGE, since_ns=now_ns)
        for nonce, slot in list(self.slots.items()):
            if nonce >= latest:
                slot.passed = -1
                if slot.use is Use.STRANGE and nonce >= pending:
                    self.free(slot)  # it left the pool
            elif slot.use is Use.STRANGE:
                self.free(slot)
            elif slot.mined is None and slot.passed < 0 and nonce < before:
                slot.passed = block

    def take(self, use: Use, coid: int, now_ns: int) -> Slot:
        """The lowest nonce that is free, for an order or a filler."""
        nonce = self.latest
        while nonce in self.slots:
            nonce += 1
        slot = self.slots[nonce] = Slot(nonce, use, coid, since_ns=now_ns)
        return slot

    def sent(self, slot: Slot, attempt: Attempt) -> None:
        slot.attempts = [*slot.attempts, attempt]
        self._by_hash[attempt.hash] = slot

    def of(self, hash_: str) -> Slot | None:
        return self._by_hash.get(hash_)

    def mined(self, hash_: str, block: int) -> Slot | None:
        """A block has this transaction; None where it is not one of ours."""
        slot = self._by_hash.get(hash_)
        if slot is not None:
            slot.mined = next(one for one in slot.attempts if one.hash == hash_)
            slot.block, slot.passed = block, -1
        return slot

    def unmined(self, slot: Slot) -> None:
        """Its block was replaced: it waits again."""
        slot.mined, slot.block = None, -1
        self.latest = min(self.latest, slot.nonce)

    def free(self, slot: Slot) -> None:
        """Nothing that was sent under it can be mined any more, or nothing was; or it is long past."""
        self.slots.pop(slot.nonce, None)
        for one in slot.attempts:
            self._by_hash.pop(one.hash, None)

    def gaps(self) -> Iterator[int]:
        """Free nonces below one that is in use: nothing above is mined before they are filled."""
        top = max(self.slots, default=-1)
        return (nonce for nonce in range(self.latest, top) if nonce not in self.slots)

    def waiting(self) -> Iterator[Slot]:
        """What is not mined yet, lowest first."""
        return (slot for _, slot in sorted(self.slots.items()) if slot.mined is None)

    def forget(self, block: int) -> None:
        """What was mined at `block` or before is final."""
        for slot in [slot for slot in self.slots.values() if 0 <= slot.block <= block]:
            self.free(slot)
