"""A header's filter of its logs: what it says is not there is not there. Yellow paper, section 4.3.1."""

from __future__ import annotations

from pilotfish.venues.keys.key import keccak

_BITS = 2048


def bits(value: bytes) -> int:
    """The three bits that an address or a topic sets."""
    digest, found = keccak(value), 0
    for k in (0, 2, 4):
        found |= 1 << (int.from_bytes(digest[k : k + 2], "big") % _BITS)
    return found


def may_hold(filter_: bytes, wanted: list[int]) -> bool:
    """Whether any of these may be in the block; a filter that was not told excludes nothing."""
    if not filter_:
        return True
    whole = int.from_bytes(filter_, "big")
    return any(whole & one == one for one in wanted)
