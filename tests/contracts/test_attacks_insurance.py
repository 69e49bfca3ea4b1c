"""Nobody is paid by the insurance pool, or halts the platform, for a loss that it made itself."""

import pytest

from pilotfish.venues.evm.contracts.artifact import load
from tests.contracts.attack_scene import ROUTE, USDC, WETH, System, system


@pytest.fixture(scope="module")
def s(web3) -> System:
    made = system(web3)
    made.insure(made.desk, 10_000 * USDC)
    return made


def empty_a_wallet(
    s: System, name: str, allocation: int = 10**7 * USDC, put: int = WETH, left: int = WETH // 1000
) -> str:
    """A mandate over money that is not there; WETH brought in and taken out again, all but what is left."""
    key, wallet = s.follow(name, funded=0, allocation=allocation, stopBps=9_000 if put < WETH else 9_999)
    weth = s.market.weth
    s.do("relayer", weth.functions.mint(key.address, put))
    s.by(key, weth.functions.approve(s.desk.address, put))
    s.by(key, s.desk.functions.bringIn(s.people["lead"], weth.address, put))
    proxy = s.web3.eth.contract(address=wallet, abi=load("WalletProxy").abi)
    taken = weth.encode_abi("transfer", [key.address, put - left])
    s.by(key, proxy.functions.execute(weth.address, 0, taken))
    return wallet


def test_a_follower_that_empties_its_own_wallet_is_paid_nothing(s):
    wallet = empty_a_wallet(s, "mallory")
    before = s.pool.functions.queue().call()
    s.do("mallory", s.liquidator.functions.liquidate(s.desk.address, wallet, [ROUTE]))
    s.do("mallory", s.pool.functions.pay(10))
    paid = s.cash(wallet)
    assert paid < 3 * USDC, f"{paid / USDC} USDC for a wallet that held 3 USDC of WETH"
    assert s.pool.functions.queue().call()[1] == before[1]


def test_wallets_that_their_owners_emptied_do_not_halt_the_platform(s):
    for n in range(6):
        wallet = empty_a_wallet(s, f"mallory {n}")
        s.do("mallory", s.liquidator.functions.liquidate(s.desk.address, wallet, [ROUTE]))
    s.breaker.functions.requireOpen(s.vault.address).call()


def test_nor_do_wallets_that_were_emptied_by_half(s):
    """2,000 USDC of WETH brought in, half taken out again, half closed: real money, and it all comes back.

    A line of so much sold would not keep them apart from true liquidations, so the deployment counts no wallet at all.
    """
    spent = 0
    for n in range(6):
        wallet = empty_a_wallet(s, f"mallory {n}", allocation=2_000 * USDC, put=WETH * 2 // 3, left=WETH // 3)
        s.do("mallory", s.liquidator.functions.liquidate(s.desk.address, wallet, [ROUTE]))
        spent += 1_000 * USDC - s.cash(wallet)
    assert spent < 25 * USDC  # all that six liquidations of 1,000 USDC cost Mallory
    s.breaker.functions.requireOpen(s.vault.address).call()
