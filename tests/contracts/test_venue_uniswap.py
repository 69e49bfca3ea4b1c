"""Trades go to Uniswap's own pools with no router in between, for no less than was asked, and nothing stays behind."""

import pytest

from tests.contracts.chain import assert_gas, deploy, gas_used, reverts, send
from tests.contracts.doubles import compiled
from tests.contracts.market import FEE, fund, market, swap
from tests.contracts.nodes import later

ZERO = "0x" + "00" * 20
USDC, WETH = 10**6, 10**18


def route(*parts):
    """Fees as numbers, tokens as contracts, packed."""
    return b"".join(p.to_bytes(3, "big") if isinstance(p, int) else bytes.fromhex(p.address[2:]) for p in parts)


@pytest.fixture(scope="module")
def m(web3):
    return market(web3)


@pytest.fixture(scope="module")
def coin(web3, m):
    """A third token, with a pool against WETH only: 10 of it buy one WETH."""
    maker = web3.eth.accounts[0]
    token = deploy(web3, "LocalToken", "Coin", "COIN", 18)
    provide(web3, m, token, m.weth, FEE, 1_000 * WETH)
    assert token.functions.balanceOf(maker).call() < 1000
    return token


@pytest.fixture(scope="module")
def venue(web3, m, coin):
    """Laid out after the coin, so that every address is the same whichever test is run."""
    made = deploy(web3, "UniswapV3Venue", web3.eth.accounts[9], m.factory.address)
    enlist(web3, made, m.usdc, m.weth, FEE)
    enlist(web3, made, coin, m.weth, FEE)
    return made


def enlist(web3, venue, one, other, fee):
    send(web3, venue.functions.list(one.address, other.address, fee), web3.eth.accounts[9])


@pytest.fixture(scope="module")
def trader(web3, m, venue):
    who = web3.eth.accounts[1]
    fund(web3, m.usdc, who, 100_000 * USDC, venue.address)
    fund(web3, m.weth, who, 100 * WETH, venue.address)
    return who


def provide(web3, m, one, other, fee, amount, ticks=(-887220, 887220)):
    """A pool of the two at par with `amount` of each (within `ticks` of a spacing that the fee has)."""
    maker = web3.eth.accounts[0]
    token0, token1 = sorted((one.address, other.address), key=lambda a: int(a, 16))
    send(web3, m.manager.functions.createAndInitializePoolIfNecessary(token0, token1, fee, 1 << 96), maker)
    for token in (one, other):
        fund(web3, token, maker, amount, m.manager.address)
    send(web3, m.manager.functions.mint((token0, token1, fee, *ticks, amount, amount, 0, 0, maker, 2**64)), maker)


def balances(m, who):
    return [token.functions.balanceOf(who).call() for token in (m.usdc, m.weth)]


def test_a_swap_gives_what_uniswaps_own_router_gives(web3, m, venue, trader):
    picture = web3.provider.make_request("evm_snapshot", [])["result"]
    fund(web3, m.usdc, trader, 0, m.router.address)
    expected = swap(web3, m, trader, m.usdc, m.weth, 3_000 * USDC)
    web3.provider.make_request("evm_revert", [picture])
    before = balances(m, trader)
    order = (m.usdc.address, m.weth.address, 3_000 * USDC, expected, trader, route(FEE))
    assert venue.functions.swap(*order).call({"from": trader}) == expected
    send(web3, venue.functions.swap(*order), trader)
    assert balances(m, trader) == [before[0] - 3_000 * USDC, before[1] + expected]
    assert balances(m, venue.address) == [0, 0]


def test_both_ways_and_to_whom_the_caller_says(web3, m, venue, trader):
    other = web3.eth.accounts[5]
    send(web3, venue.functions.swap(m.weth.address, m.usdc.address, WETH, 2_900 * USDC, other, route(FEE)), trader)
    got, rest = balances(m, other)
    assert 2_980 * USDC < got < 3_000 * USDC
    assert rest == 0


def test_less_than_asked_for_is_refused(web3, m, venue, trader):
    order = [m.usdc.address, m.weth.address, 3_000 * USDC, 0, trader, route(FEE)]
    got = venue.functions.swap(*order).call({"from": trader})
    order[3] = got + 1
    with reverts(venue, "TooLittle"):
        venue.functions.swap(*order).call({"from": trader})


def test_a_way_over_several_pools_leaves_nothing_in_between(web3, m, venue, trader, coin):
    way = route(FEE, m.weth, FEE)
    order = (m.usdc.address, coin.address, 3_000 * USDC, 0, trader, way)
    expected = venue.functions.swap(*order).call({"from": trader})
    assert 0.98 * WETH < expected < WETH
    send(web3, venue.functions.swap(*order), trader)
    assert coin.functions.balanceOf(trader).call() == expected
    assert [*balances(m, venue.address), coin.functions.balanceOf(venue.address).call()] == [0, 0, 0]


def test_listed_pools_are_those_of_the_factory(web3, m, venue, coin):
    assert venue.functions.poolOf(m.usdc.address, m.weth.address, FEE).call() == m.pool.address
    assert venue.functions.poolOf(m.weth.address, m.usdc.address, FEE).call() == m.pool.address
    expected = m.factory.functions.getPool(coin.address, m.weth.address, FEE).call()
    assert venue.functions.poolOf(coin.address, m.weth.address, FEE).call() == expected
    for pair in ((m.usdc, m.weth, 500), (coin, m.usdc, FEE), (m.usdc, m.usdc, FEE)):
        with reverts(venue, "NoPool"):
            one, other, fee = pair
            venue.functions.list(one.address, other.address, fee).call({"from": web3.eth.accounts[9]})


def test_only_the_owner_lists_and_unlists_and_what_is_not_listed_is_not_traded(web3, m, venue, trader):
    pair = (m.weth.address, m.usdc.address, FEE)
    order = (m.usdc.address, m.weth.address, USDC, 0, trader, route(FEE))
    for call in (venue.functions.list(*pair), venue.functions.unlist(*pair)):
        with reverts(venue, "OwnableUnauthorizedAccount"):
            call.call({"from": trader})
    unlisted = send(web3, venue.functions.unlist(*pair), web3.eth.accounts[9])
    assert [e["args"]["pool"] for e in venue.events.Unlisted().process_receipt(unlisted)] == [m.pool.address]
    assert venue.functions.poolOf(*pair).call() == ZERO
    with reverts(venue, "PoolNotListed"):
        venue.functions.swap(*order).call({"from": trader})
    with reverts(venue, "PoolNotListed"):
        venue.functions.unlist(*pair).call({"from": web3.eth.accounts[9]})
    listed = send(web3, venue.functions.list(*pair), web3.eth.accounts[9])
    assert [e["args"]["pool"] for e in venue.events.Listed().process_receipt(listed)] == [m.pool.address]
    assert venue.functions.swap(*order).call({"from": trader}) > 0


def test_no_hop_of_a_way_goes_through_a_pool_that_is_not_listed(web3, m, venue, trader, coin):
    provide(web3, m, coin, m.usdc, 500, WETH, ticks=(-887_270, 887_270))
    for way in (route(FEE, coin, 500), route(500, coin, FEE)):
        pair = (m.weth, m.usdc) if way.endswith(route(500)) else (m.usdc, m.weth)
        with reverts(venue, "PoolNotListed"):
            order = (pair[0].address, pair[1].address, USDC, 0, trader, way)
            venue.functions.swap(*order).call({"from": trader})


def test_what_is_no_route_or_no_listed_pool_is_refused(m, venue, trader, coin):
    for length in (0, 1, 2, 4, 6, 23, 25, 27):
        with reverts(venue, "BadRoute"):
            order = (m.usdc.address, m.weth.address, USDC, 0, trader, b"\0" * length)
            venue.functions.swap(*order).call({"from": trader})
    with reverts(venue, "BadRoute"):
        order = (m.usdc.address, m.usdc.address, USDC, 0, trader, route(FEE, m.weth, FEE))
        venue.functions.swap(*order).call({"from": trader})
    for token_out, way in ((m.weth, route(500)), (coin, route(FEE)), (coin, route(FEE, m.weth, 100))):
        with reverts(venue, "PoolNotListed"):
            order = (m.usdc.address, token_out.address, USDC, 0, trader, way)
            venue.functions.swap(*order).call({"from": trader})


def test_nothing_and_too_much_and_lost_recipients_are_refused(m, venue, trader):
    for amount in (0, 2**255, 2**256 - 1):
        with reverts(venue, "BadAmount"):
            order = (m.usdc.address, m.weth.address, amount, 0, trader, route(FEE))
            venue.functions.swap(*order).call({"from": trader})
    for recipient in (ZERO, venue.address):
        with reverts(venue, "BadRecipient"):
            order = (m.usdc.address, m.weth.address, USDC, 0, recipient, route(FEE))
            venue.functions.swap(*order).call({"from": trader})


def test_a_pool_that_cannot_take_all_of_it_is_refused(web3, m, venue, trader, coin):
    """Liquidity in one narrow band: beyond it the pool would take a part and call it a trade."""
    provide(web3, m, coin, m.usdc, 500, 10**6, ticks=(-10, 10))
    enlist(web3, venue, coin, m.usdc, 500)
    send(web3, venue.functions.swap(m.usdc.address, coin.address, 10**5, 0, trader, route(500)), trader)
    with reverts(venue, "PartialFill"):
        order = (m.usdc.address, coin.address, 10**8, 0, trader, route(500))
        venue.functions.swap(*order).call({"from": trader})


def test_only_the_pool_under_way_is_paid(web3, m, venue, trader):
    data = (
        bytes(12) + bytes.fromhex(trader[2:]) + bytes(12) + bytes.fromhex(m.usdc.address[2:]) + (5).to_bytes(32, "big")
    )
    with reverts(venue, "NotThePool"):
        venue.functions.uniswapV3SwapCallback(5, 0, data).call({"from": web3.eth.accounts[3]})
    thief = compiled(web3, "Thief.sol", "Thief")
    with reverts(venue, "NotThePool"):
        thief.functions.swapAs(m.pool.address, venue.address, data).call({"from": web3.eth.accounts[3]})


def test_only_who_let_it_is_taken_from(m, venue, web3):
    stranger = web3.eth.accounts[4]
    with reverts(m.usdc, "ERC20InsufficientAllowance"):
        order = (m.usdc.address, m.weth.address, USDC, 0, stranger, route(FEE))
        venue.functions.swap(*order).call({"from": stranger})


def test_a_token_that_calls_back_cannot_trade_inside_a_trade(web3, m, venue, trader):
    hooked = compiled(web3, "Thief.sol", "HookedToken")
    provide(web3, m, hooked, m.weth, FEE, 10 * WETH)
    enlist(web3, venue, hooked, m.weth, FEE)
    fund(web3, hooked, trader, WETH, venue.address)
    order = (hooked.address, m.weth.address, WETH // 10, 0, trader, route(FEE))
    send(web3, venue.functions.swap(*order), trader)
    inner = venue.encode_abi("swap", [m.usdc.address, m.weth.address, 1, 0, trader, route(FEE)])
    send(web3, hooked.functions.arm(venue.address, inner), trader)
    with reverts(venue, "ReentrancyGuardReentrantCall"):
        venue.functions.swap(*order).call({"from": trader})


def test_a_token_that_keeps_a_fee_is_counted_as_it_arrives_or_refused(web3, m, venue, trader):
    taxed = compiled(web3, "Thief.sol", "TaxedToken")
    provide(web3, m, taxed, m.weth, FEE, 10 * WETH)
    enlist(web3, venue, taxed, m.weth, FEE)
    send(web3, taxed.functions.tax(100), trader)
    fund(web3, taxed, trader, WETH, venue.address)
    order = (m.weth.address, taxed.address, WETH // 100, 0, trader, route(FEE))
    had = taxed.functions.balanceOf(trader).call()
    told = venue.functions.swap(*order).call({"from": trader})
    send(web3, venue.functions.swap(*order), trader)
    assert taxed.functions.balanceOf(trader).call() - had == told > 0
    with pytest.raises(Exception, match="IIA"):
        venue.functions.swap(taxed.address, m.weth.address, WETH // 100, 0, trader, route(FEE)).call({"from": trader})


def test_a_swap_costs_what_is_written_down(web3, m, venue, trader, coin):
    orders = {
        "swap, one pool": (m.usdc.address, m.weth.address, 3_000 * USDC, 0, trader, route(FEE)),
        "swap, two pools": (m.usdc.address, coin.address, 3_000 * USDC, 0, trader, route(FEE, m.weth, FEE)),
    }
    later(web3, 60)  # a second's first trade writes the pool's observation, the first of all makes room
    send(web3, venue.functions.swap(*orders["swap, two pools"]), trader)
    for what, order in orders.items():
        later(web3, 60)
        way = "up" if int(m.usdc.address, 16) > int(m.weth.address, 16) else "down"
        assert_gas("guard", f"{what}, {way}", gas_used(web3, venue.functions.swap(*order), trader))
