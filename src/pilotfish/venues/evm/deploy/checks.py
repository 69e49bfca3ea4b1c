"""What can be seen to be wrong with settings before anything is deployed by them."""

from __future__ import annotations

from pilotfish.venues.evm.contracts.types import AbiRefused
from pilotfish.venues.evm.deploy.client import TIP_WEI, ChainClient, TransactionRefused
from pilotfish.venues.evm.deploy.market import Factory, LocalFeed, LocalToken, Pool
from pilotfish.venues.evm.deploy.settings import Settings, TokenSettings
from pilotfish.venues.evm.eyes import fields, quantity

GAS = 60_000_000
"""What all of a deployment uses at most."""


async def cost_wei(client: ChainClient) -> int:
    """What it costs at most at the prices of now."""
    block = fields(await client.node.ask("eth_getBlockByNumber", ["latest", False]), "latest block")
    return GAS * (2 * quantity(block.get("baseFeePerGas"), "base fee") + TIP_WEI)


async def findings(client: ChainClient, settings: Settings, deployer: str) -> list[str]:
    """Each a sentence; none is well. Raises NoAnswer."""
    chain = await client.chain_id()
    if chain != settings.chain_id:
        return [f"the node is of chain {chain}, the settings are for {settings.chain_id}"]
    found = []
    for what, address in _contracts(settings).items():
        if not await client.code(address):
            found.append(f"{what}: nothing stands at {address}")
    if found:
        return found
    for token in settings.tokens:
        found += await _of_token(client, settings, token)
    has, needs = await client.balance(deployer), await cost_wei(client)
    if has < needs:
        found.append(f"{deployer} has {has / 1e18:.6f} of the chain's coin; it may cost {needs / 1e18:.6f}")
    return found


def _contracts(settings: Settings) -> dict[str, str]:
    """What must stand already."""
    given = {
        "the asset": settings.asset.address, "the asset's feed": settings.asset.feed,
        "Uniswap's factory": settings.uniswap_factory, "the entry point": settings.entry_point,
        "the sequencer's feed": settings.sequencer, "the Safe's factory": settings.safe.factory,
        "the Safe's singleton": settings.safe.singleton, "the Safe's fallback": settings.safe.fallback,
    }  # fmt: skip
    for token in settings.tokens:
        given |= {token.name: token.address, f"feed of {token.name}": token.feed, f"pool of {token.name}": token.pool}
    return {what: address for what, address in given.items() if address}


async def _of_token(client: ChainClient, settings: Settings, token: TokenSettings) -> list[str]:
    """Whether its pool is Uniswap's own and trades it for the asset, and its feed speaks."""
    asset, pool = settings.asset.address.lower(), Pool(token.pool)
    try:
        pair = {await client.read(pool.token0()), await client.read(pool.token1())}
        fee = await client.read(pool.fee())
        own = await client.read(Factory(settings.uniswap_factory).get_pool(token.address, settings.asset.address, fee))
        answer, told_s = (await client.read(LocalFeed(token.feed).latest_round_data()))[1:4:2]
        await client.read(LocalToken(token.address).decimals())
    except (TransactionRefused, AbiRefused) as bad:
        return [f"{token.name}: {bad.what} does not answer as a token, feed or pool does ({bad.why})"]
    found = []
    if pair != {asset, token.address.lower()} or own != token.pool.lower():
        found.append(f"{token.name}: {token.pool} is no pool of Uniswap's factory for it and the asset")
    age_s = await client.now() - told_s
    if answer <= 0 or age_s > token.heartbeat_s:
        found.append(
            f"{token.name}: the feed's answer is {answer}, {age_s:,} s old; the heartbeat is {token.heartbeat_s:,}"
        )
    return found
