"""The two stamps of every event."""

from __future__ import annotations

import msgspec


class Stamped(msgspec.Struct, frozen=True, array_like=True):
    """The venue's clock and ours, ns since epoch."""

    venue_ns: int
    ours_ns: int
