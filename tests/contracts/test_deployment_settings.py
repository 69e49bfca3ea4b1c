"""Settings in a file: what they deploy beside what stands, and what is seen to be wrong before anything is sent."""

import asyncio
import re

import msgspec
import pytest

from pilotfish.venues.evm.deploy.checks import findings
from pilotfish.venues.evm.deploy.record import Record
from pilotfish.venues.evm.deploy.settings import Settings
from pilotfish.venues.evm.deploy.steps import Deployer
from pilotfish.venues.evm.deploy.system import deploy_system
from tests.contracts.deployment_scene import KEYS, told


def by_hand(record: Record) -> Settings:
    """Settings that name what stands already, as a public chain's do."""
    held = record.settings
    safe = msgspec.structs.replace(
        held.safe, factory=record.address("Safe factory"), singleton=record.address("Safe singleton"),
        fallback=record.address("Safe fallback"),
    )  # fmt: skip
    vault = held.vaults[0]
    second = msgspec.structs.replace(vault, name="Pilotfish Two", symbol="PF2", tokens=["WETH"])
    return msgspec.structs.replace(
        held, name="by hand", safe=safe, entry_point=record.address("entry point"), vaults=[vault, second]
    )


def test_a_file_of_settings_deploys_beside_what_stands(system, tmp_path):
    """Two vaults, another key, Safe's and the entry point's contracts as they are."""
    _, client, record, _ = system
    settings, path = by_hand(record), tmp_path / "deployment.json"

    async def deploy():
        assert await findings(client, settings, KEYS[8].address) == []
        deployer = await Deployer.begin(client, KEYS[8], path, lambda _: None)
        await deploy_system(deployer, settings)
        return deployer.record

    made = asyncio.run(deploy())
    assert told(client, made).faults == []
    assert "EntryPoint" not in made.steps
    assert {"StrategyVault", "StrategyVault 2"} <= set(made.steps)
    assert made.address("Safe") != record.address("Safe")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"chain_id": 5}, "the node is of chain 31337"),
        ({"entry_point": "0x" + "77" * 20}, "the entry point: nothing stands"),
        ({"uniswap_factory": None}, "is no pool of Uniswap's factory|does not answer"),
    ],
)
def test_settings_that_do_not_fit_the_chain_are_told_before_anything_is_sent(system, change, why):
    _, client, record, _ = system
    other = {"uniswap_factory": record.address("SwapRouter")} if change == {"uniswap_factory": None} else change
    found = asyncio.run(findings(client, msgspec.structs.replace(by_hand(record), **other), KEYS[8].address))
    assert re.search(why, found[0])


def test_a_deployer_without_coins_or_a_silent_feed_is_told(system):
    node, client, record, _ = system
    node.chain.ahead(3 * 86_400)
    node.chain.mine()
    found = asyncio.run(findings(client, by_hand(record), "0x" + "99" * 20))
    assert any("WETH: the feed's answer" in one for one in found)
    assert any("of the chain's coin; it may cost" in one for one in found)
