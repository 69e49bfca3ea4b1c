"""Signatures for a batch, in parts: by a pool that works while we go on, or here with breaths between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from pilotfish.domain.errors import VenueError
from pilotfish.venues.keys.schemes import SignRequest

POOL_PART, HERE_PART = 256, 16  # asked for at once, of a pool and of ourselves
Signer = Callable[[Sequence[SignRequest]], Awaitable[list[bytes]]]
SignHere = Callable[[SignRequest], bytes]


async def sign_in_parts(
    requests: Sequence[SignRequest],
    signer: Signer | None,
    sign_here: SignHere | None,
    give: Callable[[int, list[bytes]], None],
) -> None:
    """`give(first, signatures)` for each part as it is made. Raises what the signer raises, and VenueError."""
    if signer is not None:
        starts = range(0, len(requests), POOL_PART)
        await asyncio.gather(
            *(_elsewhere(signer, first, requests[first : first + POOL_PART], give) for first in starts)
        )
        return
    if sign_here is None:
        raise VenueError("a batch to be signed", "nobody here signs", "give the driver a signer")
    for first in range(0, len(requests), HERE_PART):
        give(first, [sign_here(request) for request in requests[first : first + HERE_PART]])
        await asyncio.sleep(0)  # frames come between


async def _elsewhere(
    signer: Signer, first: int, requests: Sequence[SignRequest], give: Callable[[int, list[bytes]], None]
) -> None:
    signatures = await signer(requests)
    if len(signatures) != len(requests):
        raise VenueError("the signer", f"made {len(signatures)} of {len(requests)} signatures", "restart it")
    give(first, signatures)
