"""The whole core on a chain: a lead swaps, followers' orders trade in the same pool, and both books agree."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from web3 import HTTPProvider, Web3

from pilotfish.domain.mandate import OMNIBUS
from pilotfish.venues.evm.bootstrap import Wanted
from pilotfish.venues.evm.gateway import EvmGateway
from pilotfish.venues.evm.node.accounts import CHAIN_ID, local_keys
from pilotfish.venues.evm.node.nodes import LocalNode, best_kind, local_node
from pilotfish.venues.evm.settings import Settings
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.worlds.live.doctor import passed
from pilotfish.worlds.live.holdings import positions_of
from pilotfish.worlds.live.run import LiveRun
from pilotfish.worlds.live.settings import parse_settings
from pilotfish.worlds.live.start import look
from pilotfish.worlds.world import World
from tests.contracts.market import Market, fund, market, swap

OURS, LEAD = (local_keys()[k] for k in (5, 6))
LOT = 10**12  # base units of WETH


@pytest.fixture(scope="module")
def node() -> Iterator[LocalNode]:
    with local_node(best_kind()) as one:
        yield one


@pytest.fixture(scope="module")
def web3(node: LocalNode) -> Web3:
    return Web3(HTTPProvider(node.url))


@pytest.fixture(scope="module")
def laid(web3: Web3) -> Market:
    made = market(web3)
    for who in (OURS, LEAD):
        address = Web3.to_checksum_address(who.address)
        for token, amount in ((made.usdc, 10**6 * 10**6), (made.weth, 0)):
            fund(web3, token, address, amount, made.router.address)
    return made


def gateway_on(node: LocalNode, m: Market) -> EvmGateway:
    settings = Settings(
        journal=0, chain=CHAIN_ID, router=m.router.address.lower(), ws_url=node.socket_url, http_url=node.url, depth=0
    )
    return EvmGateway(settings, [Wanted(m.pool.address.lower(), m.weth.address.lower())], real_money=False)


def test_followers_copy_a_leads_swaps_and_the_journal_holds_what_the_chain_does(node, web3, laid, tmp_path):
    text = f"""
[run]
mode = "live"
followers = "20"
capital_usdc = 1000
out = "{tmp_path}/out"
[venue]
name = "evm"
[keys]
may_withdraw = true
[limits]
capital_usdc = 10000000
order_usdc = 10000000
gross_usdc = 100000000
loss_usdc = 1000000
leverage = 20
[[leads]]
address = "{LEAD.address}"
[[accounts]]
address = "{OURS.address}"
key = "{OURS.address}"
"""
    lead = Web3.to_checksum_address(LEAD.address)

    def held() -> int:
        return int(laid.weth.functions.balanceOf(Web3.to_checksum_address(OURS.address)).call()) // LOT

    async def until(true: Callable[[], object]) -> None:
        async with asyncio.timeout(40):
            while not await asyncio.to_thread(true):
                await asyncio.sleep(0.05)

    async def whole() -> tuple[int, int, LiveRun]:
        ready = await look(parse_settings(text, "test"), gateway_on(node, laid), Keyring([OURS]))
        assert passed(ready.findings), [f for f in ready.findings if not passed([f])]
        seen: list[World] = []
        run = LiveRun(ready, lambda world, *_: seen.append(world))
        playing = asyncio.create_task(run.play(Path(tmp_path) / "out" / "journal.db"))
        await until(lambda: seen and seen[-1].shard.state.follows.follower.size)
        await asyncio.to_thread(swap, web3, laid, lead, laid.usdc, laid.weth, 200_000 * 10**6)
        await until(lambda: held() > 0)
        most = held()
        await asyncio.to_thread(
            swap, web3, laid, lead, laid.weth, laid.usdc, laid.weth.functions.balanceOf(lead).call()
        )
        await until(lambda: held() < most // 10)
        run.stop()
        world = await playing
        mine = positions_of(world.shard.state).get(OMNIBUS, {}).get(0, 0)
        quarantined = world.shard.state.quarantined
        world.shard.journal.close()
        assert quarantined == 0
        return most, mine, run

    most, mine, run = asyncio.run(whole())
    assert most > 0
    assert mine == held(), "the books and the chain hold the same, to the lot"
    assert run.audit is not None
    assert not run.audit.differences
