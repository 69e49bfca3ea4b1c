"""`pilotfish chain relay`: a relayer over real sockets, told of in lines, until it is stopped.

Where it was is written down as it goes on. What it does twice all the same, the contracts carry out once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec

from pilotfish.venues.evm.deploy.record import Record
from pilotfish.venues.evm.eyes import NoAnswer, Node
from pilotfish.venues.evm.relay.relayer import Relayer
from pilotfish.venues.evm.relay.sending import Relayed, State, all_over
from pilotfish.venues.evm.relay.settings import RelaySettings
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.net.driver import Driver
from pilotfish.venues.net.signing import Signer
from pilotfish.views.report.figures import counted
from pilotfish.worlds.onchain.places import present
from pilotfish.worlds.onchain.relay_cursor import Cursor, cursor_path, write_cursor
from pilotfish.worlds.onchain.relay_places import RelayJob, Wallets, appointed

Tell = Callable[[str], None]
LOOK_S = 0.1
WALLETS_S = 15.0  # how often the desk is asked for wallets that were opened since
STOP_S = 40.0
MS = 1_000_000
_ENDS = {
    State.DONE: "mirrored", State.ALREADY: "nothing to do", State.REFUSED: "refused", State.REVERTED: "reverted",
    State.LATE: "too late",
}  # fmt: skip


class Relaying:
    """One run. `keys`: all that sign, the agent's among them, and the operator's where there is one. `sign`: those of
    them that are elsewhere."""

    def __init__(
        self, job: RelayJob, record: Record, settings: RelaySettings, keys: Keyring, cursor: Cursor, tell: Tell,
        sign: Signer | None = None,
    ) -> None:  # fmt: skip
        self._job, self._record, self._settings, self._cursor, self._tell = job, record, settings, cursor, tell
        operator = record.settings.operator.lower() if record.settings else ""
        if job.since >= 0:
            cursor.first, cursor.block, cursor.over = max(1, job.since), max(1, job.since) - 1, {}
        self.relayer = Relayer(settings, job.signs, keys, operator if operator in keys.addresses else "", cursor.since)
        cursor.remind(self.relayer)
        self._said = set(self.relayer.relayed)
        self._driver = Driver(self.relayer, signer=sign)
        self._path = cursor_path(job.deployment, job.key)
        self.stopping = asyncio.Event()

    async def run(self, node: Node) -> None:
        """Until `stopping` is set or it is cancelled. Raises what broke it."""
        await self._doubts(node)
        wallets = Wallets(node, self._record) if self._job.desk_leads else None
        if wallets is not None:
            self._follow(await wallets.look())
        desks = len(self.relayer.desks)
        vaults = len(self._settings.books) - desks
        at_desk = f" and {counted(desks, 'lead')} at the desk" if desks else ""
        self._tell(f"relaying for {counted(vaults, 'vault')}{at_desk}; Ctrl-C ends it")
        await self._driver.start()
        looking = asyncio.create_task(self._watch(wallets))
        try:
            while not self.stopping.is_set() and self._driver.failure is None:
                self.look()
                await asyncio.sleep(LOOK_S)
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            await self._driver.stop(STOP_S)
            self.look()
        if self._driver.failure is not None:
            raise self._driver.failure

    def look(self) -> None:
        """Tell what has ended since, and write down how far it is."""
        relayed = self.relayer.relayed
        self._said &= set(relayed)
        for name, batches in relayed.items():
            if all_over(batches) and name not in self._said:
                self._said.add(name)
                for one in batches:
                    self._tell(line_of(one))
        if self._cursor.advance(self.relayer):
            write_cursor(self._path, self._cursor)

    async def _doubts(self, node: Node) -> None:
        """What will be refused is said before it is: an agent that nobody has appointed."""
        for lead in sorted({book.lead for book in self._settings.books}):
            if not await appointed(node, self._settings.executor, lead, self._job.signs):
                self._tell(f"{lead} has not appointed {self._job.signs} (approveAgent): nothing of it will be mirrored")

    async def _watch(self, wallets: Wallets | None) -> None:
        """Followers come while it runs."""
        while wallets is not None:
            await asyncio.sleep(WALLETS_S)
            try:
                self._follow(await wallets.look())
            except NoAnswer as silent:
                self._tell(str(silent))

    def _follow(self, wallets: Mapping[str, Sequence[str]]) -> None:
        for desk in self.relayer.desks:
            now = wallets.get(desk.lead, ())
            if now != desk.wallets:
                self.relayer.follow(msgspec.structs.replace(desk, wallets=now))
                self._tell(f"the desk has {counted(len(now), 'wallet')} of {desk.lead}")


def line_of(one: Relayed) -> str:
    """What became of an instruction."""
    took = f", {(one.taken_ns - one.seen_ns) / MS:,.0f} ms to a node's word" if one.taken_ns else ""
    book = f"{len(one.wallets)} of the desk's wallets" if one.wallets else one.book
    whose = f"lead {one.lead}" + (f" for {book}" if book else "")
    why = f" ({one.why})" if one.why else ""
    return f"{whose}, {one.transaction or 'instruction'}: {_ENDS[one.state]}{why}{took}"


def keys_of(job: RelayJob, record: Record, addresses: Sequence[str]) -> list[str]:
    """Which of the keys there are is needed. Raises ConfigError where one that must be there is not."""
    needed = present((job.key, job.signs), addresses)
    operator = record.settings.operator.lower() if record.settings else ""
    return [*needed, operator] if operator in addresses and operator not in needed else needed
