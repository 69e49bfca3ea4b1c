"""What copies for segregated wallets cost, measured with 200 of them on Uniswap's own pool."""

import pytest

from tests.contracts.chain import assert_gas
from tests.contracts.doubles import compiled
from tests.contracts.follow_scene import GAS, USDC, person, scene
from tests.contracts.market import market

N = 200


@pytest.fixture(scope="module")
def crowd(web3):
    m = market(web3)
    s = scene(web3, (m.usdc, m.weth), compiled(web3, "Desk.sol", "RouterVenue", m.router.address), subscription=3 * USDC)
    keys = [person(f"follower {n}") for n in range(N)]
    followed = []
    for at in range(0, N, 50):
        mandates = [s.mandate(key.address) for key in keys[at : at + 50]]
        signatures = [s.sign(key, mandate) for key, mandate in zip(keys[at : at + 50], mandates, strict=True)]
        followed.append(s.do(s.desk.functions.followMany(mandates, signatures))["gasUsed"])
    opened = [s.do(s.desk.functions.open([k.address for k in keys[at : at + 100]], s.lead.address))["gasUsed"] for at in (0, 100)]
    wallets = [s.wallet(key.address) for key in keys]
    scatter = compiled(web3, "Desk.sol", "Scatter")
    s.do(scatter.functions.mint(s.usdc.address, wallets, 10_000 * USDC))
    return s, wallets, followed, opened


def test_measure(web3, crowd):
    s, wallets, followed, opened = crowd
    print("follow", followed[0] / 50, "open", opened[0] / 100)
    from tests.contracts.nodes import later
    for name, opens in (("first open", True), ("warm open", True), ("part exit", False), ("exit2", False)):
        later(web3, 86400*15)
        mined = s.copy(*wallets, opens=opens, slippage=100 if opens else 200, fraction=10**18 // 1000 if opens else 10**18//4)
        assert not s.skipped(mined)
        print(name, mined["gasUsed"], mined["gasUsed"] / N)
    s.do(s.guard.functions.set(s.weth.address, 1, 1))
