"""A Merkle tree as OpenZeppelin's MerkleProof checks it: sorted pairs under keccak, an odd node carried up as it is.

Leaves come hashed twice (`figures.leaf`), so that no inner node passes for one.
"""

from __future__ import annotations

from collections.abc import Sequence

from pilotfish.venues.keys.key import keccak

EMPTY = bytes(32)
"""Root of a tree without leaves."""


def parent(one: bytes, other: bytes) -> bytes:
    """The node above two; which of them is left does not matter."""
    return keccak(one + other if one < other else other + one)


class Tree:
    """Over leaves of 32 bytes, in the order given. A tree of one leaf is that leaf."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            pairs = [parent(below[k], below[k + 1]) for k in range(0, len(below) - 1, 2)]
            self._levels.append(pairs + below[len(below) - len(below) % 2 :])

    @property
    def root(self) -> bytes:
        return self._levels[-1][0] if self._levels[-1] else EMPTY

    def proof(self, index: int) -> list[bytes]:
        """The path of the leaf at `index`, from below. Raises IndexError where there is none."""
        if not 0 <= index < len(self._levels[0]):
            raise IndexError(index)
        path = []
        for level in self._levels[:-1]:
            beside = index ^ 1
            if beside < len(level):
                path.append(level[beside])
            index //= 2
        return path


def verifies(root: bytes, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the path leads from the leaf to the root: what the contract computes."""
    node = leaf
    for beside in proof:
        node = parent(node, beside)
    return node == root
