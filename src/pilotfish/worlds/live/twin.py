"""A twin in a process of its own: real sockets between two programs that share nothing.

`python -m pilotfish.worlds.live.twin` reads what is wanted from its standard input, says where it listens, and ends
when its input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator

import msgspec

from pilotfish.domain.errors import PilotfishError, VenueError
from pilotfish.venues.twins.server import TwinServer
from pilotfish.worlds.live.twin_venues import TwinLead, TwinWanted, make_twin


class TwinUp(msgspec.Struct, frozen=True):
    """Where it listens, whose money is traded, and who can be followed there. Without a `url`: why there is none."""

    url: str
    account: str
    leads: list[TwinLead]
    notes: list[str] = []


@contextlib.asynccontextmanager
async def twin_process(wanted: TwinWanted) -> AsyncIterator[TwinUp]:
    """A running twin, for as long as it is needed. Raises VenueError when it does not come up."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pilotfish.worlds.live.twin", stdin=pipe, stdout=pipe
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(msgspec.json.encode(wanted) + b"\n")
        await process.stdin.drain()
        line = await process.stdout.readline()
        if not line:
            raise VenueError("the twin", "did not start", "see its message above")
        up = msgspec.json.decode(line, type=TwinUp)
        if not up.url:
            raise VenueError("the twin", *up.notes)
        yield up
    finally:
        process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            try:
                await asyncio.wait_for(process.wait(), 5.0)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _serve() -> None:
    wanted = msgspec.json.decode(sys.stdin.buffer.readline(), type=TwinWanted)
    try:
        made = await asyncio.to_thread(make_twin, wanted, time.time_ns())
    except PilotfishError as bad:
        print(msgspec.json.encode(TwinUp("", "", [], [str(bad)])).decode(), flush=True)
        return
    async with TwinServer(made.twin) as server:
        up = TwinUp(server.url, made.account, made.leads, made.notes)
        print(msgspec.json.encode(up).decode(), flush=True)
        await asyncio.to_thread(sys.stdin.buffer.read)  # until whoever started it is gone


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve())
