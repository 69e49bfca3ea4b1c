"""Many followers with wallets of their own on everything real: Uniswap's pool, price guard, entry point."""

from __future__ import annotations

from dataclasses import dataclass, field

from web3 import Web3
from web3.contract import Contract

from tests.contracts.chain import deploy, send
from tests.contracts.doubles import compiled
from tests.contracts.follow_ops import Operator, operator
from tests.contracts.follow_scene import USDC, Scene, desk_among, person
from tests.contracts.market import Market, market
from tests.contracts.nodes import InnerProvider, later

ZERO = "0x" + "00" * 20
DOLLARS = 3000
AT_ONCE = 50
"""Mandates in one batch."""


@dataclass
class Crowd:
    """`used` is the gas of laying it out, for one follower."""

    scene: Scene
    operator: Operator
    market: Market
    wallets: list[str]
    used: dict[str, int] = field(default_factory=dict)

    @property
    def web3(self) -> Web3:
        return self.scene.web3

    def wait(self, seconds: int) -> None:
        """Let time pass; the feed says the same again, the pool's average becomes its price."""
        later(self.web3, seconds)
        self.scene.do(self.market.feed.functions.set(DOLLARS * 10**8, self.scene.now))

    def scatter(self, token: Contract, amount: int) -> None:
        many = compiled(self.web3, "Desk.sol", "Scatter")
        self.scene.do(many.functions.mint(token.address, self.wallets, amount))


def crowd(web3: Web3, subscription: int = 3 * USDC) -> Crowd:
    """200 of them; 20 on the chain in the process, which is slow. Each has 10,000 USDC and allots all of it."""
    count = 20 if isinstance(web3.provider, InnerProvider) else 200
    m, owner = market(web3, price=DOLLARS), web3.eth.accounts[0]
    guard = deploy(web3, "PriceGuard", owner, m.usdc.address, ZERO, 0)
    pool = deploy(web3, "InsurancePool", owner, m.usdc.address)
    parts = {
        "guard": guard,
        "breaker": deploy(web3, "Breaker", owner),
        "coupons": deploy(web3, "FeeCoupon", owner),
        "pool": pool,
        "executor": deploy(web3, "MirrorExecutor", owner, pool.address, 10 * USDC, 1_000 * USDC),
        "venue": deploy(web3, "UniswapV3Venue", owner, m.factory.address),
    }
    scene = desk_among(web3, m.usdc, m.weth, parts, subscription=subscription)
    scene.route = (3000).to_bytes(3, "big")
    send(web3, parts["venue"].functions.list(m.usdc.address, m.weth.address, 3000), owner)
    send(web3, guard.functions.setFeed(m.weth.address, m.feed.address, 3600, m.pool.address, 1800, 200), owner)
    send(web3, pool.functions.setBook(scene.desk.address, True), owner)
    made = Crowd(scene, operator(scene), m, [])
    keys = [person(f"follower {n}") for n in range(count)]
    for first in range(0, count, AT_ONCE):
        some = keys[first : first + AT_ONCE]
        mandates = [scene.mandate(key.address) for key in some]
        signatures = [scene.sign(key, mandate) for key, mandate in zip(some, mandates, strict=True)]
        followed = scene.do(scene.desk.functions.followMany(mandates, signatures))
        opened = scene.do(scene.desk.functions.open([key.address for key in some], scene.lead.address))
        made.wallets += [told["wallet"] for told in scene.told("Opened", opened)]
        made.used = {"follow": followed["gasUsed"] // len(some), "open": opened["gasUsed"] // len(some)}
    made.scatter(m.usdc, 10_000 * USDC)
    made.wait(7_200)
    return made
