"""What a relayer mirrors, from the file of a deployment: its vaults, its desk's wallets, their pools and fees."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.deploy.record import Record
from pilotfish.venues.evm.eyes import NoAnswer, Node, call, quantity
from pilotfish.venues.evm.relay.settings import Book, Bundling, RelaySettings
from pilotfish.venues.evm.settings import Settings
from pilotfish.venues.evm.watch.reading import opened
from pilotfish.venues.evm.wire.abi import WORD, place, selector
from pilotfish.worlds.onchain.places import check_address
from pilotfish.worlds.onchain.relay_cursor import AGAIN_BLOCKS

_FEE, _SPEAKS_FOR = selector("fee()"), selector("speaksFor(address,address)")


class RelayJob(msgspec.Struct, frozen=True, kw_only=True):
    """`key` pays; `agent` signs for leads that have appointed it (left out: `key` does). `desk_leads`: whose
    followers' wallets of the desk are copied for. `routers`: leads' swaps count through these; left out: the
    deployment's own. `slippage_bps`: how much worse than the lead's own price a book's may be. `since`: the first block
    to look at; -1: where the last run ended, or from now on. `send_url`: where transactions go, a private node for
    instance.
    """

    deployment: Path
    url: str
    key: str
    ws_url: str = ""
    agent: str = ""
    desk_leads: tuple[str, ...] = ()
    routers: tuple[str, ...] = ()
    bundler_url: str = ""
    depth: int = 0
    slippage_bps: int = 50
    since: int = -1
    send_url: str = ""

    def check(self) -> None:
        """Raises ConfigError."""
        leads, routers = (("--desk-lead", one) for one in self.desk_leads), (("--router", one) for one in self.routers)
        for option, text in (("--key", self.key), *([("--agent", self.agent)] if self.agent else []), *leads, *routers):
            check_address(option, text)
        if not 0 <= self.depth < 64:
            raise ConfigError(f"--depth {self.depth}", "is not from 0 to 63", "blocks on a lead's own swap")
        if not 0 <= self.slippage_bps < 10_000:
            raise ConfigError(f"--slippage-bps {self.slippage_bps}", "is not from 0 to 9999", "50 is half a percent")

    @property
    def signs(self) -> str:
        """Address of the key that signs instructions."""
        return (self.agent or self.key).lower()


async def settings_of(job: RelayJob, record: Record, node: Node) -> RelaySettings:
    """Without the desk's wallets: there are more each day. Raises ConfigError for what is not there; NoAnswer."""
    of = record.settings
    if of is None or not record.complete:
        raise ConfigError(f"{job.deployment}", "is not whole yet", "pilotfish chain deploy goes on with it")
    routes = {token.address.lower(): await _route(node, token.pool) for token in of.tokens}
    route = next(iter(routes.values()))
    books = [
        Book(
            _at(record, f"StrategyVault{f' {n}' if n > 1 else ''}"),
            vault.lead.lower(),
            route,
            job.slippage_bps,
            routes=routes,
        )
        for n, vault in enumerate(of.vaults, 1)
    ]
    bundling = None
    if job.desk_leads:
        desk = _at(record, "CopyDesk")
        leads = dict.fromkeys(lead.lower() for lead in job.desk_leads)
        books += [Book(desk, lead, route, job.slippage_bps, routes=routes, desk=True) for lead in leads]
        account, sponsor = _at(record, "OperatorAccount"), _at(record, "Sponsor")
        bundling = Bundling(_at(record, "entry point"), account, job.bundler_url, sponsor=sponsor)
    routers = job.routers or (_router(record),)
    settings = Settings(
        journal=0, chain=record.chain_id, router=routers[0].lower(), http_url=job.url,
        ws_url=job.ws_url or re.sub("^http", "ws", job.url), depth=job.depth,
        send_url=job.send_url,
    )  # fmt: skip
    asset = of.asset.address.lower()
    return RelaySettings(
        node=settings, executor=_at(record, "MirrorExecutor"), sender=job.key.lower(), books=books, depth=job.depth,
        pools={token.pool.lower(): (asset, token.address.lower()) for token in of.tokens},
        routers=frozenset(one.lower() for one in routers), bundling=bundling,
    )  # fmt: skip


class Wallets:
    """Those that the desk has opened: each look reads what is new. One of a block that was replaced stays listed: where
    it is not opened again, the desk leaves it out.
    """

    def __init__(self, node: Node, record: Record) -> None:
        """Raises ConfigError."""
        desk = record.steps.get("CopyDesk")
        if desk is None or not desk.done:
            raise ConfigError("the deployment has no CopyDesk", "it is not deployed yet", "pilotfish chain deploy")
        self._node, self._desk, self._first, self._next = node, desk.address, desk.block, desk.block
        self._found: dict[str, dict[str, None]] = {}

    async def look(self) -> dict[str, tuple[str, ...]]:
        """By lead, the oldest first. Raises NoAnswer."""
        head = quantity(await self._node.ask("eth_blockNumber", []), "block number")
        for lead, wallet in await opened(self._node, self._desk, self._next, head):
            self._found.setdefault(lead, {})[wallet] = None
        self._next = max(self._first, head + 1 - AGAIN_BLOCKS)
        return {lead: tuple(wallets) for lead, wallets in self._found.items()}


async def appointed(node: Node, executor: str, lead: str, agent: str) -> bool:
    """Whether the agent may instruct in the lead's name now. Raises NoAnswer."""
    raw = await call(node, executor, _SPEAKS_FOR + place(agent) + place(lead))
    return int.from_bytes(raw, "big") == 1


async def _route(node: Node, pool: str) -> bytes:
    """A pool's fee, as the venue takes it."""
    raw = await call(node, pool, _FEE)
    if len(raw) != WORD or int.from_bytes(raw, "big") >= 10**6:
        raise NoAnswer(f"pool {pool}", "is no Uniswap v3 pool", "check the deployment and the chain")
    return raw[-3:]


def _at(record: Record, name: str) -> str:
    return record.address(name).lower()


def _router(record: Record) -> str:
    try:
        return _at(record, "SwapRouter")
    except ConfigError:
        raise ConfigError("--router", "is not said", "the address of the router that leads trade through") from None
