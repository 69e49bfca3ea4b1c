"""The relayer of a run: it watches the chain by itself, and mirrors the lead's tagged swaps into the vault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple, cast

from pilotfish.domain.errors import VenueError
from pilotfish.venues.evm.contracts.events import Event
from pilotfish.venues.evm.node.accounts import CHAIN_ID
from pilotfish.venues.evm.node.nodes import LocalNode
from pilotfish.venues.evm.relay.relayer import Relayer
from pilotfish.venues.evm.relay.sending import State
from pilotfish.venues.evm.relay.settings import Book, RelaySettings
from pilotfish.venues.evm.settings import SECOND, Settings
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.net.driver import Driver
from pilotfish.venues.session import Session
from pilotfish.worlds.chain.stage import ROUTE, Stage

SLIPPAGE_BPS = 100
DEADLINE_NS = 600 * SECOND
PATIENCE_S = 60.0
LOOK_S = 0.002


class Mirrored(Event, frozen=True):
    contract = "MirrorExecutor"
    digest: bytes
    lead: str
    book: str
    amount_in: int
    amount_out: int


class VaultMirror(NamedTuple):
    amount_in: int
    amount_out: int
    gas_used: int
    taken_ms: float
    """From hearing of the lead's transaction to a node's having the mirror's."""


class Mirroring:
    """Use `mirroring`."""

    def __init__(self, stage: Stage, relayer: Relayer, driver: Driver) -> None:
        self._stage, self._relayer, self._driver = stage, relayer, driver

    async def of(self, transaction: str) -> VaultMirror:
        """The vault's mirror of the lead's transaction. Raises VenueError where there is none."""
        await self.until(lambda: self._relayer.ended(transaction))
        (relayed,) = self._relayer.ended(transaction)
        if relayed.state is not State.DONE:
            raise VenueError("the vault's mirror", f"{relayed.state.name.lower()}: {relayed.why}", "see the relayer")
        receipt, told = await self._mined(relayed.block)
        return VaultMirror(told.amount_in, told.amount_out, receipt, (relayed.taken_ns - relayed.seen_ns) / 1e6)

    async def until(self, true: Callable[[], object]) -> None:
        """Raises what went wrong meanwhile, and VenueError where it takes too long."""
        for _ in range(int(PATIENCE_S / LOOK_S)):
            if self._driver.failure is not None:
                raise self._driver.failure
            if true():
                return
            await asyncio.sleep(LOOK_S)
        raise VenueError("the relayer", f"has done nothing for {PATIENCE_S:g} s", "see whether the node still answers")

    async def _mined(self, since: int) -> tuple[int, Mirrored]:
        """Gas and log of the executor's last mirror since the lead's block."""
        stage = self._stage
        wanted = {"address": stage.executor.address, "fromBlock": hex(since), "topics": ["0x" + Mirrored.topic().hex()]}
        logs = await stage.client.node.ask("eth_getLogs", [wanted])
        receipt = await stage.client.wait(str(logs[-1]["transactionHash"]), "the vault's mirror")
        return receipt.gas_used, receipt.events(Mirrored, stage.executor.address)[-1]


@asynccontextmanager
async def mirroring(stage: Stage, node: LocalNode) -> AsyncIterator[Mirroring]:
    """A relayer that runs, and is ready."""
    market, keys = stage.market, Keyring([stage.relayer, stage.agent])
    reached = Settings(
        journal=0, chain=CHAIN_ID, router=market.router.address, ws_url=node.socket_url, http_url=node.url, depth=0
    )
    settings = RelaySettings(
        node=reached, executor=stage.executor.address, sender=stage.relayer.address,
        books=[Book(stage.vault.address, stage.lead.address, ROUTE, SLIPPAGE_BPS)],
        pools={market.pool.address: (market.usdc.address, market.weth.address)},
        routers=frozenset({market.router.address}), deadline_ns=DEADLINE_NS,
    )  # fmt: skip
    relayer = Relayer(settings, stage.agent.address, keys)
    driver = Driver(cast(Session, relayer))
    await driver.start()
    running = Mirroring(stage, relayer, driver)
    try:
        await running.until(lambda: relayer.ready)
        yield running
    finally:
        await driver.stop()
