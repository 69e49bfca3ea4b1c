"""A market for a local chain, as a real one has it: two tokens, Uniswap's own v3 contracts, a deep pool, a feed.

Never for a public chain: there the tokens, feeds and pools are those that stand.
"""

from __future__ import annotations

from math import isqrt
from typing import NamedTuple

from pilotfish.venues.evm.contracts.bindings import Contract, Function, Tuple
from pilotfish.venues.evm.deploy.steps import Deployer

_CORE = "@uniswap/v3-core/artifacts/contracts"
_PERIPHERY = "@uniswap/v3-periphery/artifacts/contracts"
POOL_JSON = f"{_CORE}/UniswapV3Pool.sol/UniswapV3Pool.json"
FEE = 3000
"""Of the pool, in hundredths of a basis point."""
TICKS = (-887_220, 887_220)
"""The widest position of a pool with that fee."""
OBSERVATIONS = 200
REACH_BACK_S = 3_600
FEED = "feed of WETH"
PRICE, DEPTH_USDC = 3000, 30_000_000
UNLIMITED = 2**256 - 1
FOREVER = 2**40


class LocalToken(Contract):
    artifact = "LocalToken"
    mint: Function[[str, int], None]
    approve: Function[[str, int], bool]
    balance_of: Function[[str], int]
    decimals: Function[[], int]
    symbol: Function[[], str]
    transfer: Function[[str, int], bool]


class LocalFeed(Contract):
    artifact = "LocalFeed"
    set: Function[[int, int], None]
    latest_round_data: Function[[], tuple[int, int, int, int, int]]
    decimals: Function[[], int]


class Factory(Contract):
    package = f"{_CORE}/UniswapV3Factory.sol/UniswapV3Factory.json"
    get_pool: Function[[str, str, int], str]


class Pool(Contract):
    package = POOL_JSON
    increase_observation_cardinality_next: Function[[int], None]
    token0: Function[[], str]
    token1: Function[[], str]
    fee: Function[[], int]
    slot0: Function[[], tuple[int, int, int, int, int, int, bool]]


class Position(Tuple, frozen=True):
    token0: str
    token1: str
    fee: int
    tick_lower: int
    tick_upper: int
    amount0_desired: int
    amount1_desired: int
    amount0_min: int
    amount1_min: int
    recipient: str
    deadline: int


class Positions(Contract):
    package = f"{_PERIPHERY}/NonfungiblePositionManager.sol/NonfungiblePositionManager.json"
    create_and_initialize_pool_if_necessary: Function[[str, str, int, int], str]
    mint: Function[[Position], tuple[int, int, int, int]]


class SwapOrder(Tuple, frozen=True):
    token_in: str
    token_out: str
    fee: int
    recipient: str
    deadline: int
    amount_in: int
    amount_out_minimum: int
    sqrt_price_limit_x96: int


class Router(Contract):
    package = f"{_PERIPHERY}/SwapRouter.sol/SwapRouter.json"
    exact_input_single: Function[[SwapOrder], int]


class Market(NamedTuple):
    """`usdc` has 6 decimals, `weth` 18; on this chain everybody mints. `feed`: 8 decimals, USD for one WETH."""

    usdc: LocalToken
    weth: LocalToken
    factory: Factory
    router: Router
    pool: Pool
    feed: LocalFeed


async def deploy_market(deployer: Deployer) -> Market:
    """All of it; the deployer gives the liquidity."""
    me = deployer.key.address
    usdc = await deployer.create(LocalToken, "USD Coin", "USDC", 6, name="USDC")
    weth = await deployer.create(LocalToken, "Wrapped Ether", "WETH", 18, name="WETH")
    factory = Factory(await deployer.create_package("UniswapV3Factory", Factory.package))
    router = await deployer.create_package("SwapRouter", Router.package, factory.address, weth.address)
    manager = await deployer.create_package("Positions", Positions.package, factory.address, weth.address, me)
    amounts = {usdc.address: DEPTH_USDC * 10**6, weth.address: DEPTH_USDC * 10**18 // PRICE}
    token0, token1 = sorted(amounts)
    for name, token in (("USDC", usdc), ("WETH", weth)):
        await deployer.act(f"{name} minted for the pool", token.mint(me, amounts[token.address]))
        await deployer.act(f"{name} approved for the pool", token.approve(manager, UNLIMITED))
    positions, root = Positions(manager), isqrt((amounts[token1] << 192) // amounts[token0])
    await deployer.act("pool", positions.create_and_initialize_pool_if_necessary(token0, token1, FEE, root))
    pool = Pool(await deployer.client.read(factory.get_pool(token0, token1, FEE)))
    deployer.given("pool", pool.address)
    await deployer.act("pool remembers prices", pool.increase_observation_cardinality_next(OBSERVATIONS))
    position = Position(token0, token1, FEE, *TICKS, amounts[token0], amounts[token1], 0, 0, me, FOREVER)
    await deployer.act("pool has liquidity", positions.mint(position))
    if FEED not in deployer.record.steps:  # the pool must remember prices for a while before any is trusted
        await deployer.client.node.ask("evm_increaseTime", [REACH_BACK_S])
        await deployer.client.node.ask("evm_mine", [])
    feed = await deployer.create(LocalFeed, 8, PRICE * 10**8, name=FEED)
    return Market(usdc, weth, factory, Router(router), pool, feed)
