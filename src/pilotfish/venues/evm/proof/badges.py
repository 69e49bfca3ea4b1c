"""What `VolumeBadge` is credited with: the hash of fills, the chain of credits, and how many badges a volume makes.

Anyone who has a holder's fills can make the badge's hash again, and so hold its metadata against them.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import msgspec

from pilotfish.domain.errors import VenueError
from pilotfish.venues.evm.wire.instructions import uint_word
from pilotfish.venues.keys.key import keccak

UNIT = 100 * 10**6
"""Volume of one badge, 1e-6 USDT."""
NO_CREDITS = bytes(32)
"""A holder's chain before its first credit."""


class FillsRefused(VenueError):
    """Fills that no badge can come from."""


class CountedFill(msgspec.Struct, frozen=True, order=True):
    """One fill of the holder's: `id` is the venue's own for it (on a chain: transaction hash and log index)."""

    venue: str
    id: str
    volume: int
    """1e-6 USDT, above zero."""


class Credit(msgspec.Struct, frozen=True):
    """Arguments of `VolumeBadge.credit` besides the holder."""

    before: bytes
    volume: int
    fills_hash: bytes

    @property
    def trail(self) -> bytes:
        """The holder's chain after it, 32 bytes."""
        return keccak(self.before + uint_word(self.volume) + self.fills_hash)


def credit(fills: Iterable[CountedFill], before: bytes = NO_CREDITS) -> Credit:
    """The credit for these fills, in any order. Raises FillsRefused: none, one twice, or one without volume."""
    ordered = sorted(fills)
    if not ordered:
        raise FillsRefused("a credit for no fills", "", "wait for the first")
    for one, following in pairwise(ordered):
        if (one.venue, one.id) == (following.venue, following.id):
            raise FillsRefused(f"fill {one.id[:80]!r} of {one.venue[:40]!r}", "is there twice", "count it once")
    if any(fill.volume <= 0 for fill in ordered):
        raise FillsRefused("a fill", "has no volume", "give its notional, 1e-6 USDT")
    leaves = (_name(fill.venue) + _name(fill.id) + uint_word(fill.volume) for fill in ordered)
    return Credit(before, sum(fill.volume for fill in ordered), keccak(b"".join(leaves)))


def _name(text: str) -> bytes:
    return keccak(text.encode(errors="surrogatepass"))  # a venue's own id, whatever it is


def issued(volume_before: int, volume: int) -> int:
    """Badges that `volume` more completes, 1e-6 USDT."""
    return (volume_before + volume) // UNIT - volume_before // UNIT
