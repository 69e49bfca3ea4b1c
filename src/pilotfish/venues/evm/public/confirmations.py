"""What the chain says now, and what it has said: blocks by number, and the logs that were acted on. Pure.

A block is known by its hash; one that stands on a block we do not have replaces what we had, or comes after a gap: then
so many blocks are read again. What was acted on and is not there any more is handed back to be undone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from pilotfish.venues.evm.wire.rpc import Head

T = TypeVar("T")
Key = tuple[str, int]  # block hash, place of the log in the block


class Blocks:
    """The last `kept` blocks of the branch that is the chain as far as we know."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._heads: dict[int, Head] = {}
        self.tip: Head | None = None

    def get(self, number: int) -> Head | None:
        return self._heads.get(number)

    def has(self, number: int, hash_: str) -> bool:
        known = self._heads.get(number)
        return known is not None and known.hash == hash_

    def offer(self, head: Head, read_to: int) -> int | None:
        """A head has come. The first block to be read because of it; None where it is old news."""
        if self.has(head.number, head.hash):
            return None
        before, after = self._heads.get(head.number - 1), self._heads.get(head.number + 1)
        if after is not None and after.parent == head.hash and self.tip is not None and self.tip.number > head.number:
            self._heads[head.number] = head  # it was overtaken on its way
            return None
        linked = before is not None and before.hash == head.parent
        replaces = any(number >= head.number for number in self._heads)
        self.set(head)
        if linked and not replaces:
            return head.number
        return max(0, min(read_to + 1, head.number) - self._kept)

    def set(self, head: Head) -> None:
        """It is the chain's newest block. What we had of its number and above, and what it does not stand on, goes."""
        for number in [number for number in self._heads if number >= head.number or number <= head.number - self._kept]:
            del self._heads[number]
        self._heads[head.number] = self.tip = head
        above = head
        while (below := self._heads.get(above.number - 1)) is not None:
            if below.hash != above.parent:
                for number in [number for number in self._heads if number < above.number]:
                    del self._heads[number]
                return
            above = below


class Acted(Generic[T]):
    """Logs that were acted on, and what undoes it."""

    def __init__(self) -> None:
        self._acts: dict[Key, tuple[int, T]] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._acts

    def note(self, key: Key, block: int, act: T) -> None:
        self._acts[key] = block, act

    def gone(self, key: Key) -> T | None:
        """The node takes this log back."""
        found = self._acts.pop(key, None)
        return found[1] if found is not None else None

    def missing(self, first: int, last: int, present: set[Key], blocks: Blocks) -> Iterator[T]:
        """What was acted on and is not there: of blocks `first` … `last`, read whole, what is not among those present;
        and of later ones what is not on the branch that we know now.
        """
        for key, (block, _) in list(self._acts.items()):
            gone = key not in present if first <= block <= last else block > last and not blocks.has(block, key[0])
            if gone:
                yield self._acts.pop(key)[1]

    def forget(self, below: int) -> None:
        """What is so deep is final."""
        for key in [key for key, (block, _) in self._acts.items() if block < below]:
            del self._acts[key]
