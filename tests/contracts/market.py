"""A market as a real chain has it: two tokens, Uniswap's own v3 contracts, a deep pool, a feed that agrees with it."""

from dataclasses import dataclass
from math import isqrt

from web3 import Web3
from web3.contract import Contract

from pilotfish.venues.evm.deploy.packages import artifact as package
from tests.contracts.chain import deploy, deploy_package, send

CORE, PERIPHERY = "@uniswap/v3-core/artifacts/contracts", "@uniswap/v3-periphery/artifacts/contracts"
FEE = 3000
TICKS = (-887220, 887220)
"""The widest position of a pool with the fee 0.3%."""


@dataclass(frozen=True)
class Market:
    """`price` whole USDC buy one whole WETH. `usdc` has 6 decimals, `weth` 18; everybody mints."""

    usdc: Contract
    weth: Contract
    factory: Contract
    router: Contract
    manager: Contract
    pool: Contract
    feed: Contract
    """8 decimals, USD for one WETH, as Chainlink's."""


def market(web3: Web3, price: int = 3000, depth_usdc: int = 30_000_000) -> Market:
    """Deploy it all; account 0 provides the liquidity. The pool keeps 200 observations, so that it has an average."""
    maker = web3.eth.accounts[0]
    usdc = deploy(web3, "LocalToken", "USD Coin", "USDC", 6)
    weth = deploy(web3, "LocalToken", "Wrapped Ether", "WETH", 18)
    factory = deploy_package(web3, f"{CORE}/UniswapV3Factory.sol/UniswapV3Factory.json")
    router = deploy_package(web3, f"{PERIPHERY}/SwapRouter.sol/SwapRouter.json", factory.address, weth.address)
    path = f"{PERIPHERY}/NonfungiblePositionManager.sol/NonfungiblePositionManager.json"
    manager = deploy_package(web3, path, factory.address, weth.address, maker)
    amounts = {usdc.address: depth_usdc * 10**6, weth.address: depth_usdc * 10**18 // price}
    token0, token1 = sorted(amounts, key=lambda a: int(a, 16))
    for token in (usdc, weth):
        send(web3, token.functions.mint(maker, amounts[token.address]), maker)
        send(web3, token.functions.approve(manager.address, 2**256 - 1), maker)
    root = isqrt((amounts[token1] << 192) // amounts[token0])
    create = manager.functions.createAndInitializePoolIfNecessary(token0, token1, FEE, root)
    send(web3, create, maker)
    pool_json = f"{CORE}/UniswapV3Pool.sol/UniswapV3Pool.json"
    pool = at_package(web3, pool_json, factory.functions.getPool(token0, token1, FEE).call())
    send(web3, pool.functions.increaseObservationCardinalityNext(200), maker)
    position = (token0, token1, FEE, *TICKS, amounts[token0], amounts[token1], 0, 0, maker, 2**64)
    send(web3, manager.functions.mint(position), maker)
    feed = deploy(web3, "LocalFeed", 8, price * 10**8)
    return Market(usdc, weth, factory, router, manager, pool, feed)


def at_package(web3: Web3, path: str, address: str) -> Contract:
    """A contract that stands already, by the ABI of an npm package."""
    return web3.eth.contract(address=address, abi=package(path)["abi"])


def fund(web3: Web3, token: Contract, who: str, amount: int, spender: str | None = None) -> None:
    """Mint `amount` base units to `who`, who lets `spender` take any amount."""
    send(web3, token.functions.mint(who, amount), web3.eth.accounts[0])
    if spender:
        send(web3, token.functions.approve(spender, 2**256 - 1), who)


def swap(web3: Web3, m: Market, who: str, token_in: Contract, token_out: Contract, amount: int) -> int:
    """Sell `amount` of `token_in` through Uniswap's own router, which the seller has let take it; what came out."""
    before = token_out.functions.balanceOf(who).call()
    order = (token_in.address, token_out.address, FEE, who, 2**64, amount, 0, 0)
    send(web3, m.router.functions.exactInputSingle(order), who)
    return int(token_out.functions.balanceOf(who).call() - before)
