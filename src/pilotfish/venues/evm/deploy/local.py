"""A local chain's own market and settings: what a public chain has already, and keys that everybody knows."""

from __future__ import annotations

from collections.abc import Sequence

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.deploy.market import Market, deploy_market
from pilotfish.venues.evm.deploy.settings import (
    AssetSettings,
    DeskSettings,
    SafeSettings,
    Settings,
    TokenSettings,
    VaultSettings,
)
from pilotfish.venues.evm.deploy.steps import Deployer
from pilotfish.venues.evm.deploy.system import deploy_system
from pilotfish.venues.evm.node.accounts import CHAIN_ID, local_keys

DEPLOYER, LEAD, OPERATOR, RECIPIENT, GUARDIAN = range(5)
"""Which of the local accounts is who."""
SIGNERS = (5, 6, 7)
"""Of the Safe."""


async def deploy_locally(deployer: Deployer, coupons: Sequence[str] = ()) -> Market:
    """A market and the whole system on it. Raises ConfigError on a chain that is not local."""
    if deployer.record.chain_id != CHAIN_ID:
        raise ConfigError("this chain", "is a public one", "give settings: stand-ins for tokens are for local chains")
    market = await deploy_market(deployer)
    await deploy_system(deployer, local_settings(market, coupons))
    return market


def local_settings(market: Market, coupons: Sequence[str] = ()) -> Settings:
    """One vault, one desk, a Safe of two out of three. `coupons`: who gets one."""
    who = [key.address for key in local_keys()]
    weth = TokenSettings(name="WETH", address=market.weth.address, feed=market.feed.address, pool=market.pool.address)
    paid = who[RECIPIENT]
    vault = VaultSettings(name="Pilotfish One", symbol="PF1", lead=who[LEAD], fee_recipient=paid, lock_s=3_600)
    return Settings(
        name="local",
        chain_id=CHAIN_ID,
        asset=AssetSettings(address=market.usdc.address),
        tokens=[weth],
        uniswap_factory=market.factory.address,
        safe=SafeSettings(owners=[who[n] for n in SIGNERS]),
        vaults=[vault],
        desk=DeskSettings(fee_recipient=paid),
        guardians=[who[GUARDIAN]],
        operator=who[OPERATOR],
        batchers=[who[OPERATOR]],
        sponsor_deposit_wei=10**18,
        recorders=[who[OPERATOR]],
        publisher=who[OPERATOR],
        coupons=list(coupons),
    )
