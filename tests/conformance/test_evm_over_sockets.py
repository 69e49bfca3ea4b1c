"""A chain's session by the driver, over sockets, on real nodes with Uniswap's contracts: the way a live run takes."""

import asyncio
import time
from collections.abc import Callable, Iterator

import pytest
from web3 import HTTPProvider, Web3

from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.domain.orders import Cancel, Command, OrderSignal, Place, Query
from pilotfish.gate.approved import _KEY, Approved
from pilotfish.venues.evm.deploy.packages import anvil_path
from pilotfish.venues.evm.node.accounts import CHAIN_ID, local_keys
from pilotfish.venues.evm.node.nodes import LocalNode, local_node
from pilotfish.venues.evm.session import EvmSession
from pilotfish.venues.evm.settings import SECOND, Account, Settings
from pilotfish.venues.evm.wire.swaps import Pool, Token
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.net.driver import Driver
from pilotfish.venues.session import Unfinished
from pilotfish.venues.twins.evm.pool import PoolState
from tests.conformance.venues.heard import Heard
from tests.contracts.market import FEE, Market, fund, market, swap

PATIENCE_S, YEAR_NS = 30, 365 * 86_400 * SECOND
OURS, LEAD, SOMEBODY = (local_keys()[k] for k in (5, 6, 7))
FILLED, CANCEL, REJECT = OrderSignal.FILLED, OrderSignal.CANCEL, OrderSignal.REJECT
MICRO = 10_000  # lots of a whole WETH


@pytest.fixture(scope="module", params=["embedded", "anvil"])
def node(request: pytest.FixtureRequest) -> Iterator[LocalNode]:
    if request.param == "anvil" and anvil_path() is None:
        pytest.skip("anvil has no package for this machine: the chain in a process of its own alone is tried")
    with local_node(request.param) as one:
        yield one


@pytest.fixture(scope="module")
def web3(node: LocalNode) -> Web3:
    return Web3(HTTPProvider(node.url))


@pytest.fixture(scope="module")
def laid(web3: Web3) -> Market:
    """Three thousand USDC for a WETH; we and the lead have money, and let the router take it."""
    made = market(web3)
    for who in (OURS, LEAD, SOMEBODY):
        address = Web3.to_checksum_address(who.address)
        for token, amount in ((made.usdc, 10**6 * 10**6), (made.weth, 100 * 10**18)):
            fund(web3, token, address, amount, made.router.address)
    return made


class Live:
    """A session on a node, and what a shard would hear of it."""

    def __init__(self, node: LocalNode, m: Market, before: "Live | None" = None, **more: object) -> None:
        base = Token(m.weth.address.lower(), "WETH", 18)
        quote = Token(m.usdc.address.lower(), "USDC", 6)
        self.eth = Instrument(
            0, "WETH/USDC", "evm", Kind.SPOT, lot_decimals=4, price_decimals=2, money_decimals=6, quote="USDC"
        )
        self.pool = Pool(self.eth, m.pool.address.lower(), base, quote, FEE, 60)
        self.runner, self.dead = asyncio.Runner(), False
        self.heard = before.heard if before else Heard()
        ring = Keyring([OURS])
        wanted = {"depth": 0, "unknown_ask_ns": SECOND // 50, "again_ns": SECOND // 10, "gap_ns": SECOND // 10, **more}
        settings = Settings(
            journal=9, chain=CHAIN_ID, router=m.router.address.lower(), ws_url=node.socket_url, http_url=node.url,
            **{"send_timeout_ns": SECOND, "order_ns": YEAR_NS, **wanted},
        )  # fmt: skip
        self.session = EvmSession(settings, [self.pool], [LEAD.address], [Account(-1, OURS.address)], ring)
        left = [(one, time.time_ns()) for coid, one in self.heard.sent.items() if not self.heard.whole(coid)]
        self.session.recall(Unfinished(0, left), 0)
        self.driver = Driver(self.session, sign_here=lambda one: ring.sign_all([one])[0])
        self.run(self.driver.start())
        self.until(lambda: self.heard.up and 0 in self.heard.tops)

    def run(self, work):
        async def whole():
            return await work

        return self.runner.run(whole())

    def until(self, true: Callable[[], object]) -> None:
        async def wait() -> None:
            async with asyncio.timeout(PATIENCE_S):
                while not true():
                    await asyncio.sleep(0.001)
                    self.take()

        self.take()
        if not true():
            self.runner.run(wait())

    def take(self) -> None:
        for event in self.driver.events(0):
            self.heard.hear(event)

    def submit(self, *commands: Command) -> None:
        for one in commands:
            if isinstance(one, Place):
                self.heard.sent.setdefault(one.coid, one)

        async def there() -> None:
            self.driver.submit([Approved(one, _KEY) for one in commands], 0)

        self.run(there())

    def order(self, coid: int, side: int, lots: int, slack: int = 2_000) -> Place:
        top = self.heard.tops[0]
        return Place(coid, -1, 0, side, lots, top.ask + slack if side > 0 else top.bid - slack)

    def trades(self, coid: int, side: int, lots: int) -> None:
        self.submit(self.order(coid, side, lots))
        self.until(lambda: self.heard.whole(coid))

    def asked(self, *coids: int):
        seen = len(self.heard.answers)
        self.submit(Query(0, coids))
        self.until(lambda: len(self.heard.answers) > seen)
        return self.heard.answers[-1]

    def die(self) -> None:
        """No word to anybody: the process is gone."""
        self.dead = True
        self.run(self.driver._close())
        self.runner.close()
        assert self.driver.failure is None
        self.heard.connections.clear()


@pytest.fixture
def live(web3: Web3, node: LocalNode, laid: Market) -> Iterator[Callable[..., Live]]:
    """`live()`; what it does to the chain is taken back."""
    taken = web3.provider.make_request("evm_snapshot", [])["result"]
    made: list[Live] = []

    def making(**more) -> Live:
        made.append(Live(node, laid, **more))
        return made[-1]

    yield making
    for one in made:
        if not one.dead:
            one.die()
        assert not one.heard.wrong, one.heard.wrong
    web3.provider.make_request("evm_revert", [taken])
    auto(web3, node, on=True)


def auto(web3: Web3, node: LocalNode, *, on: bool) -> None:
    web3.provider.make_request("evm_setAutomine", [on])


def held(token, who) -> int:
    return token.functions.balanceOf(Web3.to_checksum_address(who.address)).call()


def test_what_is_told_of_a_trade_is_what_the_tokens_say(live, laid):
    before = held(laid.weth, OURS), held(laid.usdc, OURS)
    one = live()
    one.trades(1, 1, 3 * MICRO)
    assert one.heard.end(1).signal is FILLED
    (fill,) = one.heard.fills_of(1)
    assert held(laid.weth, OURS) - before[0] == 3 * 10**18
    assert before[1] - held(laid.usdc, OURS) == fill.cost
    one.trades(2, -1, 3 * MICRO)
    (sale,) = one.heard.fills_of(2)
    assert held(laid.weth, OURS) == before[0]
    assert before[1] - held(laid.usdc, OURS) == fill.cost - sale.cost > 0


def test_the_book_that_is_told_is_what_the_pool_gives(live, laid):
    one = live()
    _, asks, _ = one.session.depth(0)
    price, lots = asks[3][0], sum(size for _, size in asks[:4])
    one.submit(Place(1, -1, 0, 1, lots, price))
    one.until(lambda: one.heard.whole(1))
    assert one.heard.end(1).signal is FILLED, "every level trades at its price or a better one"
    one.until(lambda: one.heard.tops[0].ask > asks[2][0])
    one.submit(Place(2, -1, 0, 1, 1_000 * MICRO, asks[5][0]), Place(3, -1, 0, 1, 30 * MICRO, asks[5][0]))
    one.until(lambda: one.heard.whole(3))
    assert one.heard.end(2).signal is REJECT, "there is not so much money"
    assert one.heard.end(3).signal is CANCEL
    assert 0 < one.heard.lots(3) < 30 * MICRO, "it stops at its limit"


def test_the_small_chains_pool_gives_to_the_unit_what_uniswaps_does(live, laid):
    """So that what is tried in virtual time is tried against the same market."""
    one = live()
    one.until(lambda: one.session.market._books[0].whole_ns >= 0)
    book, pool = one.session.market._books[0], one.pool
    who = Web3.to_checksum_address(SOMEBODY.address)
    base, quote = pool.base.address, pool.quote.address
    for side, lots, slack in ((1, 7, 500), (1, 33_333, 900), (-1, 12_345, -700), (-1, 1, -5), (1, 400_000, 40)):
        top = one.heard.tops[0]
        order = Place(1, -1, 0, side, lots, (top.ask if side > 0 else top.bid) + slack)
        data = pool.calldata(order, SOMEBODY.address, 2**40, 0)
        call = {"from": who, "to": laid.router.address, "data": data}
        said = int.from_bytes(laid.router.w3.eth.call(call), "big")  # what goes in for a purchase, comes out of a sale
        copy = PoolState(book.state.root, book.state.liquidity, dict(book.ticks.net))
        exact = -lots * pool.unit if side > 0 else lots * pool.unit
        taken = copy.swap((side < 0) is pool.base_first, exact, pool.limit(side, order.price), pool.fee_e6)
        amounts = dict(zip(sorted((base, quote)), taken, strict=True))
        assert abs(amounts[quote]) == said, order


def test_what_a_lead_trades_is_heard_and_where_it_stands(live, web3, laid):
    one = live()
    swap(web3, laid, Web3.to_checksum_address(LEAD.address), laid.usdc, laid.weth, 6_000 * 10**6)
    one.until(lambda: one.heard.lead_fills)
    (fill,) = one.heard.lead_fills.values()
    assert (fill.side, fill.lots) == (1, (held(laid.weth, LEAD) - 100 * 10**18) // 10**14)
    one.asked()
    assert one.heard.lead_lots[0] == held(laid.weth, LEAD) // 10**14
    swap(web3, laid, Web3.to_checksum_address(SOMEBODY.address), laid.weth, laid.usdc, 10**18)
    one.trades(1, 1, MICRO)
    assert len(one.heard.lead_fills) == 1, "what others trade is nobody's"


def test_an_order_that_cannot_trade_any_more_when_it_is_mined_ends_without_a_fill(live, web3, node, laid):
    one = live()
    tight = Place(1, -1, 0, 1, MICRO, one.heard.tops[0].ask + 1)
    auto(web3, node, on=False)
    laid.router.functions.exactInputSingle(
        (laid.usdc.address, laid.weth.address, FEE, web3.eth.accounts[7], 2**64, 500_000 * 10**6, 0, 0)
    ).transact({"from": web3.eth.accounts[7], "maxPriorityFeePerGas": 50 * 10**9, "maxFeePerGas": 100 * 10**9})
    one.submit(tight)
    one.until(lambda: one.heard.words[1])
    web3.provider.make_request("evm_mine", [])
    one.until(lambda: one.heard.end(1))
    assert (one.heard.end(1).signal, one.heard.end(1).lots_left) == (CANCEL, MICRO)
    assert one.heard.fills_of(1) == []
    assert one.session.counters()["gas spent, wei"] > 0


def test_a_cancel_uses_the_nonce_up_before_the_order_is_mined(live, web3, node, laid):
    one = live()
    before = held(laid.weth, OURS)
    auto(web3, node, on=False)
    one.submit(one.order(1, 1, MICRO))
    one.until(lambda: one.heard.words[1])
    one.submit(Cancel(1))
    one.until(lambda: web3.eth.get_block("pending")["transactions"] and one.session.desk.lanes[-1].idle is False)
    one.until(lambda: not one.driver._tasks)
    web3.provider.make_request("evm_mine", [])
    one.until(lambda: one.heard.end(1))
    assert (one.heard.end(1).signal, one.heard.end(1).lots_left) == (CANCEL, MICRO)
    assert held(laid.weth, OURS) == before
    auto(web3, node, on=True)
    one.trades(2, 1, MICRO)


def test_an_order_that_waits_too_long_is_replaced_by_one_that_offers_more_and_trades_once(live, web3, node, laid):
    one = live(raise_ns=SECOND // 20)
    before = held(laid.weth, OURS)
    auto(web3, node, on=False)
    one.submit(one.order(1, 1, MICRO))
    one.until(lambda: one.session.counters().get("replaced by a higher fee", 0) >= 2)
    auto(web3, node, on=True)
    web3.provider.make_request("evm_mine", [])
    one.until(lambda: one.heard.whole(1))
    assert one.heard.end(1).signal is FILLED
    assert held(laid.weth, OURS) - before == 10**18


def test_a_new_process_finds_the_order_that_the_last_one_sent(live, web3, node, laid):
    first = live()
    first.trades(1, 1, MICRO)
    auto(web3, node, on=False)
    first.submit(first.order(2, 1, MICRO))
    first.until(lambda: first.heard.words[2])
    first.die()
    second = live(before=first)
    assert second.asked(2).open == (2,), "it waits in the pool"
    web3.provider.make_request("evm_mine", [])
    second.until(lambda: second.heard.whole(2))
    assert second.asked(1, 2).done[-1] == 2
    auto(web3, node, on=True)
    second.trades(3, 1, MICRO)
    assert held(laid.weth, OURS) == 100 * 10**18 + 3 * 10**18


def replace_last_block(web3: Web3, node: LocalNode, before: str) -> None:
    """Another block without transactions takes its place; `before`: a picture of the chain without it."""
    if node.kind == "anvil":
        web3.provider.make_request("anvil_reorg", [1, []])
    else:
        web3.provider.make_request("evm_revert", [before])
        web3.provider.make_request("evm_mine", [])


def test_a_replaced_block_takes_the_fill_back_and_the_next_one_brings_it_again(live, web3, node, laid):
    one = live(depth=1)
    before = web3.provider.make_request("evm_snapshot", [])["result"]
    one.submit(one.order(1, 1, MICRO))
    one.until(lambda: one.heard.fills_of(1))
    (gone,) = one.heard.fills_of(1)
    assert one.heard.end(1) is None
    replace_last_block(web3, node, before)
    one.until(lambda: gone.fill_id in one.heard.taken_back)
    one.until(lambda: one.heard.fills_of(1))
    web3.provider.make_request("evm_mine", [])
    one.until(lambda: one.heard.whole(1))
    assert held(laid.weth, OURS) == 101 * 10**18
