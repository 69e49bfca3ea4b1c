"""Chains as a run names them: a node, the chain's id, Uniswap's router, and the pools that are traded."""

from __future__ import annotations

import re

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.bootstrap import Wanted
from pilotfish.venues.evm.gateway import EvmGateway
from pilotfish.venues.evm.node.accounts import CHAIN_ID
from pilotfish.venues.evm.settings import Settings
from pilotfish.venues.evm.trading.fees import GWEI, FeeTerms
from pilotfish.worlds.live.settings import LiveSettings

CHAIN = "evm"
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_URL = re.compile(r"(http|ws)s?://[^\s/]+\S*")
_PAGE = "docs/evm.md has a whole file"


def chain_of(settings: LiveSettings) -> EvmGateway:
    """Raises ConfigError, with the line, for what is missing or cannot be. No address of a node is in any error."""
    venue = settings.venue
    if venue.instruments:
        raise ConfigError(settings.where("venue.instruments"), "are pools on a chain", "name them in [[venue.pools]]")
    if venue.chain <= 0:
        raise ConfigError(settings.where("venue.chain"), "is not said", "the chain's id, such as 1, 10, 8453 or 42161")
    if venue.depth < 0 or not venue.gas_gwei_max.is_finite() or venue.gas_gwei_max <= 0:
        raise ConfigError(settings.where("venue.depth"), "depth is 0 or more, gas_gwei_max above 0", "mend them")
    fees = FeeTerms()
    most = int(venue.gas_gwei_max * GWEI)
    node = Settings(
        journal=0,
        chain=venue.chain,
        router=_address(settings, "venue.router", venue.router),
        http_url=_url(settings, "rpc_url", venue.rpc_url, "http"),
        ws_url=_url(settings, "ws_url", venue.ws_url or re.sub(r"^http", "ws", venue.rpc_url), "ws"),
        send_url=_url(settings, "send_url", venue.send_url, "http") if venue.send_url else "",
        depth=venue.depth,
        fees=FeeTerms(min(fees.tip_wei, most), fees.headroom, most),
    )
    if node.depth >= node.reorg_blocks:
        raise ConfigError(settings.where("venue.depth"), f"is not below {node.reorg_blocks}", "choose less")
    return EvmGateway(node, _pools(settings), real_money=venue.chain != CHAIN_ID)


def _pools(settings: LiveSettings) -> list[Wanted]:
    pools = settings.venue.pools
    if not pools:
        raise ConfigError(settings.where("venue.pools"), "none is named: there is nothing to trade", _PAGE)
    found: dict[str, Wanted] = {}
    for number, one in enumerate(pools):
        path = f"venue.pools[{number}]"
        wanted = Wanted(_address(settings, f"{path}.pool", one.pool), _address(settings, f"{path}.base", one.base))
        if wanted.pool in found:
            raise ConfigError(settings.where(f"{path}.pool"), f"{wanted.pool} is named twice", "take one of them out")
        found[wanted.pool] = wanted
    return list(found.values())


def _address(settings: LiveSettings, path: str, text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        why = f"{text[:60]!r} is no address" if text else "is not said"
        raise ConfigError(settings.where(path), why, f"write 0x and 40 hexadecimal digits; {_PAGE}")
    return text.lower()


def _url(settings: LiveSettings, name: str, text: str, kind: str) -> str:
    """Of a node. What it is may hold a key, and is not repeated."""
    if not _URL.fullmatch(text) or not text.startswith(kind):
        why = f"is no {kind}:// or {kind}s:// address" if text else "is not said"
        to_do = f"write the node's, or set PILOTFISH_VENUE__{name.upper()} where it holds a key"
        raise ConfigError(settings.where(f"venue.{name}"), why, to_do)
    return text
