"""Whoever stands between an order and its trade gains nothing, and no order is carried out that was not given."""

import pytest

from tests.contracts.attack_scene import DAY, ROUTE, USDC, WETH, System, steps, system
from tests.contracts.chain import reverts
from tests.contracts.market import CORE, at_package, fund
from tests.contracts.nodes import later

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order of secp256k1."""


@pytest.fixture(scope="module")
def s(web3) -> System:
    made = system(web3)
    made.deposit("ann", 400_000 * USDC)
    return made


def router(s: System, buy: bool, who: str, amount: int):
    """Mallory's own trade through Uniswap's router."""
    pair = (s.market.usdc.address, s.market.weth.address)
    order = (*(pair if buy else pair[::-1]), 3000, who, 2**64, amount, 0, 0)
    return s.market.router, "exactInputSingle", [order]


def sandwich(s: System, stake: int, fraction: float) -> int:
    """Buy before a mirror of `fraction` of the vault's cash and sell after it; what Mallory gains."""
    mallory = s.mallory(usdc=stake)
    told, signature = s.order(s.vault, fraction=fraction)
    approve = [(token, "approve", [s.market.router.address, 2**256 - 1]) for token in (s.market.usdc, s.market.weth)]
    s.do("mallory", mallory.functions.run(steps(*approve, router(s, True, mallory.address, stake))))
    s.do("mallory", s.executor.functions.mirror(told, signature, ROUTE))
    s.do("mallory", mallory.functions.run(steps(router(s, False, mallory.address, s.weth(mallory.address)))))
    return s.cash(mallory.address) - stake


# -- between order and trade


@pytest.mark.parametrize("stake", [10_000 * USDC, 50_000 * USDC, 80_000 * USDC])
def test_a_sandwich_around_an_order_of_a_thousandth_of_the_pool_loses_money(s, stake):
    """30,000 USDC against 30 million: two fees of 0.3% are more than the order moves."""
    assert sandwich(s, stake, fraction=0.06) < 0


def test_a_sandwich_that_would_cost_the_vault_more_than_its_slippage_stops_the_trade(s):
    """A lead's order waits or fails; it is never filled worse than 1% below the checked price."""
    with reverts(s.venue, "TooLittle"):
        sandwich(s, 400_000 * USDC, fraction=0.2)


def test_the_leads_own_limit_leaves_a_sandwich_nothing(s):
    limit = 10**36 * WETH // (3020 * USDC)  # at most 3,020 USDC for one WETH, fee included
    mallory = s.mallory(usdc=100_000 * USDC)
    approve = [(token, "approve", [s.market.router.address, 2**256 - 1]) for token in (s.market.usdc, s.market.weth)]
    s.do("mallory", mallory.functions.run(steps(*approve, router(s, True, mallory.address, 100_000 * USDC))))
    told, signature = s.order(s.vault, fraction=0.2, limit=limit)
    with reverts(s.venue, "TooLittle"):
        s.do("mallory", s.executor.functions.mirror(told, signature, ROUTE))


def own_pool(s: System, fee: int, usd: float) -> None:
    """Mallory opens a pool of another fee, with 500 WETH and 1.5 million USDC close around this price."""
    usdc, weth = s.market.usdc, s.market.weth
    token0, token1 = sorted((usdc.address, weth.address), key=lambda a: int(a, 16))
    price = usd * USDC / WETH if token0 == weth.address else WETH / (usd * USDC)
    s.do("mallory", s.market.manager.functions.createAndInitializePoolIfNecessary(token0, token1, fee, root(price)))
    for token, amount in ((usdc, 1_500_000 * USDC), (weth, 500 * WETH)):
        fund(s.web3, token, s.people["mallory"], amount, s.market.manager.address)
    spacing = {500: 10, 10_000: 200}[fee]
    pool = s.market.factory.functions.getPool(token0, token1, fee).call()
    tick = at_package(s.web3, f"{CORE}/UniswapV3Pool.sol/UniswapV3Pool.json", pool).functions.slot0().call()[1]
    low = tick // spacing * spacing - spacing
    amounts = (1_500_000 * USDC, 500 * WETH) if token0 == usdc.address else (500 * WETH, 1_500_000 * USDC)
    position = (token0, token1, fee, low, low + 3 * spacing, *amounts, 0, 0, s.people["mallory"], 2**64)
    s.do("mallory", s.market.manager.functions.mint(position))


def root(price: float) -> int:
    return int(price**0.5 * 2**96)


def test_whoever_brings_an_order_cannot_lead_it_through_a_pool_of_its_own(s):
    """A signature is public once it is sent. Mallory sends it first, by a pool where WETH is 0.9% dearer."""
    own_pool(s, 500, 3_027)
    with reverts(s.venue, "PoolNotListed"):
        s.mirror("mallory", route=(500).to_bytes(3, "big"), fraction=0.2)


def test_an_unwinding_cannot_be_led_through_a_pool_of_anybodys_own(s):
    for _ in range(3):
        s.mirror(fraction=0.25)
        s.wait(3600)
    s.wait(DAY)
    ann = s.people["ann"]
    s.do("ann", s.vault.functions.requestRedeem(s.vault.functions.balanceOf(ann).call(), ann, ann))
    own_pool(s, 500, 2_974)
    with reverts(s.venue, "PoolNotListed"):
        s.do("mallory", s.vault.functions.unwind(s.market.weth.address, 2**255, (500).to_bytes(3, "big")))
    s.do("mallory", s.vault.functions.unwind(s.market.weth.address, 2**255, ROUTE))


def test_an_operators_batch_never_costs_a_wallet_more_than_its_mandate_allows(s):
    """The operator's key stolen: the thief picks the pool and the moment. Here one where WETH is 0.9% dearer."""
    _, wallet = s.follow("carol")
    own_pool(s, 500, 3_027)
    told, signature = s.order(s.desk, fraction=1.0)
    wallets, route = bytes.fromhex(wallet[2:]), (500).to_bytes(3, "big")
    with reverts(s.venue, "PoolNotListed"):
        s.do("operator", s.desk.functions.copy(told, signature, wallets, 100, route))
    s.do("owner", s.venue.functions.list(s.market.usdc.address, s.market.weth.address, 500))
    with reverts(s.venue, "TooLittle"):
        s.do("operator", s.desk.functions.copy(told, signature, wallets, 50, route))
    s.do("operator", s.desk.functions.copy(told, signature, wallets, 100, route))
    assert s.cash(wallet) == 0
    assert s.worth(wallet) >= 9_900 * USDC


# -- signatures


def test_a_malleated_signature_is_nobodys(s):
    told, signature = s.order(s.vault, fraction=0.01)
    r, s_value, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    flipped = r + (N - s_value).to_bytes(32, "big") + bytes([55 - v])
    with reverts(s.executor, "NotTheLead"):
        s.do("mallory", s.executor.functions.mirror(told, flipped, ROUTE))
    s.do("mallory", s.executor.functions.mirror(told, signature, ROUTE))


@pytest.mark.parametrize("damage", [b"", b"\0" * 65, b"\xff" * 65, b"\0" * 64, b"\1" * 66])
def test_what_is_no_signature_is_nobodys(s, damage):
    told, _ = s.order(s.vault, fraction=0.01)
    with reverts(s.executor, "NotTheLead"):
        s.do("mallory", s.executor.functions.mirror(told, damage, ROUTE))


def test_an_order_is_carried_out_once_for_one_vault_and_as_it_was_signed(s):
    told, signature = s.order(s.vault, fraction=0.01)
    s.do("mallory", s.executor.functions.mirror(told, signature, ROUTE))
    with reverts(s.executor, "NonceUsed"):
        s.do("mallory", s.executor.functions.mirror(told, signature, ROUTE))
    fresh, signature = s.order(s.vault, fraction=0.01)
    for place, other in ((1, s.desk.address), (4, 10**18), (5, 1), (6, 2**40), (7, 999)):
        forged = (*fresh[:place], other, *fresh[place + 1 :])
        with reverts(s.executor, "NotTheLead"):
            s.do("mallory", s.executor.functions.mirror(forged, signature, ROUTE))


def test_an_order_for_the_desk_is_carried_out_once_for_each_wallet(s):
    _, wallet = s.follow("carol")
    told, signature = s.order(s.desk, fraction=0.1)
    rows = bytes.fromhex(wallet[2:])
    for _ in range(2):
        s.do("operator", s.desk.functions.copy(told, signature, rows + rows, 50, ROUTE))
    assert s.cash(wallet) == 9_000 * USDC


# -- the chain itself


def test_after_a_reorganisation_the_same_order_is_carried_out_once_again(s, web3):
    told, signature = s.order(s.vault, fraction=0.1)
    before = s.cash(s.vault.address)
    taken = web3.provider.make_request("evm_snapshot", [])["result"]
    s.do("mallory", s.executor.functions.mirror(told, signature, ROUTE))
    once = s.cash(s.vault.address)
    web3.provider.make_request("evm_revert", [taken])
    assert s.cash(s.vault.address) == before
    s.do("mallory", s.executor.functions.mirror(told, signature, ROUTE))
    assert s.cash(s.vault.address) == once
    with reverts(s.executor, "NonceUsed"):
        s.do("mallory", s.executor.functions.mirror(told, signature, ROUTE))


def test_while_the_oracle_is_silent_nothing_is_traded_closed_or_let_in_and_exits_wait(s):
    ann = s.people["ann"]
    s.mirror(fraction=0.2)
    later(s.web3, 2 * DAY)  # past the heartbeat, and nobody tells a price
    with reverts(s.guard, "StalePrice"):
        s.mirror(fraction=0.1)
    with reverts(s.guard, "StalePrice"):
        s.mirror(opens=False, fraction=0.1)
    with reverts(s.guard, "StalePrice"):
        s.deposit("bob", 1_000 * USDC)
    with reverts(s.guard, "StalePrice"):
        s.do("mallory", s.liquidator.functions.liquidate(s.vault.address, s.vault.address, [ROUTE]))
    s.do("ann", s.vault.functions.requestRedeem(10**12, ann, ann))
    with reverts(s.guard, "StalePrice"):
        s.do("ann", s.vault.functions.settle())
    s.tell()
    s.do("ann", s.vault.functions.settle())
    assert s.vault.functions.maxWithdraw(ann).call() > 0


def test_an_oracle_that_market_does_not_agree_with_trades_nothing(s):
    for usd in (2_900, 3_100):
        s.tell(usd)
        with reverts(s.guard, "DeviatingPrice"):
            s.mirror(fraction=0.1)
