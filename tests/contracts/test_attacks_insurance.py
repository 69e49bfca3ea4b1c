"""Nobody is paid by the insurance pool, or halts the platform, for a loss that it made itself."""

import pytest

from pilotfish.venues.evm.artifact import load
from tests.contracts.attack_scene import ROUTE, USDC, WETH, System, system


@pytest.fixture(scope="module")
def s(web3) -> System:
    made = system(web3)
    made.insure(made.desk, 10_000 * USDC)
    return made


def empty_a_wallet(s: System, name: str) -> str:
    """A mandate over money that is not there; WETH brought in and taken out again, all but a grain of it."""
    key, wallet = s.follow(name, funded=0, allocation=10**7 * USDC, stopBps=9_999)
    weth = s.market.weth
    s.do("relayer", weth.functions.mint(key.address, WETH))
    s.by(key, weth.functions.approve(s.desk.address, WETH))
    s.by(key, s.desk.functions.bringIn(s.people["lead"], weth.address, WETH))
    proxy = s.web3.eth.contract(address=wallet, abi=load("WalletProxy").abi)
    taken = weth.encode_abi("transfer", [key.address, WETH - 10**15])
    s.by(key, proxy.functions.execute(weth.address, 0, taken))
    return wallet


EMPTIED = "a wallet that its follower can empty is insured and counted"


@pytest.mark.xfail(strict=True, reason=EMPTIED)
def test_a_follower_that_empties_its_own_wallet_is_paid_nothing(s):
    wallet = empty_a_wallet(s, "mallory")
    before = s.pool.functions.queue().call()
    s.do("mallory", s.liquidator.functions.liquidate(s.desk.address, wallet, [ROUTE]))
    s.do("mallory", s.pool.functions.pay(10))
    paid = s.cash(wallet)
    assert paid < 3 * USDC, f"{paid / USDC} USDC for a wallet that held 3 USDC of WETH"
    assert s.pool.functions.queue().call()[1] == before[1]


@pytest.mark.xfail(strict=True, reason=EMPTIED)
def test_wallets_that_their_owners_emptied_do_not_halt_the_platform(s):
    for n in range(6):
        wallet = empty_a_wallet(s, f"mallory {n}")
        s.do("mallory", s.liquidator.functions.liquidate(s.desk.address, wallet, [ROUTE]))
    s.breaker.functions.requireOpen(s.vault.address).call()
