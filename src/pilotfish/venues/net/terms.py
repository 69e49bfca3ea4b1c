"""How the driver connects."""

from __future__ import annotations

import ssl

import msgspec

MEGABYTE = 2**20


class WireTerms(msgspec.Struct, frozen=True):
    """`context`: what certificates are checked against, the system's when None. `connect_s`: to connect, and to agree.

    A stream whose message is larger than `message_bytes_max` is closed; an answer larger than `body_bytes_max` is none.
    """

    context: ssl.SSLContext | None = None
    connect_s: float = 5.0
    message_bytes_max: int = 32 * MEGABYTE
    body_bytes_max: int = 64 * MEGABYTE
