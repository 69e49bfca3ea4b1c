"""Which follower goes to which shard: the placement whose root `VaultRouter` holds, and each follower's proof.

A newcomer takes the first free seat, newcomers among themselves by address, so the order of the input changes nothing;
whoever had a seat keeps it. The tree is laid out as OpenZeppelin's StandardMerkleTree: leaves are hashed twice and
sorted, pairs are sorted.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import msgspec

from pilotfish.domain.errors import VenueError
from pilotfish.venues.evm.wire.instructions import address_word
from pilotfish.venues.keys.key import keccak

SHARD_SIZE = 32_000
"""Followers of one vault."""


class PlacementRefused(VenueError):
    """Followers that cannot be placed, or one that was not."""


class Seat(msgspec.Struct, frozen=True):
    index: int
    follower: str
    """0x and 40 lower-case hexadecimal digits."""
    allocation: int
    """Base units of the asset."""

    @property
    def shard(self) -> int:
        return self.index // SHARD_SIZE


class Placement:
    """An epoch: every follower's seat, the root over them, and the proofs."""

    def __init__(self, seats: Mapping[str, Seat]) -> None:
        self.seats = dict(seats)

    @cached_property
    def _tree(self) -> tuple[list[bytes], dict[str, int]]:
        """The nodes from the root down, and where each follower's leaf is among them."""
        leaves = {leaf(seat): follower for follower, seat in self.seats.items()}
        ordered = sorted(leaves)
        inner = len(ordered) - 1
        nodes = [b""] * inner + ordered[::-1]
        for at in range(inner - 1, -1, -1):
            nodes[at] = parent(nodes[2 * at + 1], nodes[2 * at + 2])
        return nodes, {leaves[node]: at for at, node in enumerate(nodes[inner:], inner)}

    @property
    def root(self) -> bytes:
        return self._tree[0][0]

    def seat(self, follower: str) -> Seat:
        """Raises PlacementRefused for one that has none."""
        found = self.seats.get(follower.lower())
        if found is None:
            raise PlacementRefused(f"follower {follower[:42]!r}", "has no seat in this epoch", "place it in the next")
        return found

    def proof(self, follower: str) -> list[bytes]:
        """The path from the follower's leaf to the root, lowest first. Raises PlacementRefused."""
        nodes, places = self._tree
        at = places[self.seat(follower).follower]
        path = []
        while at > 0:
            path.append(nodes[at + 1 if at % 2 else at - 1])
            at = (at - 1) // 2
        return path


def place(allocations: Mapping[str, int], before: Placement | None = None) -> Placement:
    """A seat for every follower with its allocation in base units; those of the epoch `before` keep theirs.

    Raises PlacementRefused: nobody, no address, the same address twice, no allocation.
    """
    wanted: dict[str, int] = {}
    for follower, allocation in allocations.items():
        address_word(follower)
        if follower.lower() in wanted:
            raise PlacementRefused(f"follower {follower}", "is there twice", "add its allocations up")
        if not 0 < allocation < 1 << 256:
            raise PlacementRefused(f"follower {follower}", "has no allocation", "leave it out, or give base units")
        wanted[follower.lower()] = allocation
    if not wanted:
        raise PlacementRefused("a placement of nobody", "", "give at least one follower")
    old = before.seats if before else {}
    index = {follower: old[follower].index for follower in wanted.keys() & old.keys()}
    taken = set(index.values())
    free = (n for n in range(len(wanted) + len(taken)) if n not in taken)
    index.update(zip(sorted(wanted.keys() - index.keys()), free, strict=False))
    return Placement({follower: Seat(index[follower], follower, wanted[follower]) for follower in sorted(wanted)})


def leaf(seat: Seat) -> bytes:
    """As `VaultRouter.leaf`, 32 bytes."""
    raw = seat.index.to_bytes(32, "big") + address_word(seat.follower) + seat.allocation.to_bytes(32, "big")
    return keccak(keccak(raw))


def parent(one: bytes, other: bytes) -> bytes:
    return keccak(one + other if one < other else other + one)
