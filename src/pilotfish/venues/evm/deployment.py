"""The whole system of contracts onto a chain."""

from __future__ import annotations

from pilotfish.venues.evm.bindings import Contract
from pilotfish.venues.evm.deploy_market import deploy_market
from pilotfish.venues.evm.deploy_steps import Deployer


class Anchor(Contract):
    artifact = "Anchor"


async def deploy_system(deployer: Deployer) -> None:
    """On a local chain with a market of its own."""
    await deploy_market(deployer)
    await deployer.create(Anchor)
    await deployer.finish()
