"""The whole system deployed once, on the chain in this process, for who then looks at it."""

import asyncio
from pathlib import Path
from typing import NamedTuple

from pilotfish.venues.evm.deploy.client import ChainClient
from pilotfish.venues.evm.deploy.local import DEPLOYER, deploy_locally
from pilotfish.venues.evm.deploy.market import Market
from pilotfish.venues.evm.deploy.record import Record
from pilotfish.venues.evm.deploy.steps import Deployer
from pilotfish.venues.evm.node.accounts import local_keys
from pilotfish.worlds.chain.standing import Standing, standing
from tests.contracts.inner_node import InnerNode, inner

KEYS = local_keys()


class System(NamedTuple):
    node: InnerNode
    client: ChainClient
    record: Record
    market: Market


async def deployed(client: ChainClient, path: Path) -> tuple[Record, Market]:
    deployer = await Deployer.begin(client, KEYS[DEPLOYER], path, lambda _: None)
    market = await deploy_locally(deployer)
    return deployer.record, market


def whole_system(folder: Path) -> System:
    node, client = inner()
    return System(node, client, *asyncio.run(deployed(client, folder / "deployment.json")))


def told(client: ChainClient, record: Record) -> Standing:
    return asyncio.run(standing(client, record))
