"""The bot against the contracts: who is at the line is closed once, and a doubtful price closes nobody."""

import asyncio

import pytest

from pilotfish.venues.evm.eyes import NoAnswer
from pilotfish.worlds.onchain.watching import watch
from tests.contracts.chain import send
from tests.contracts.liquidator_scene import NO_MARKET, SCALE, USDC, WETH, Bot, Scene
from tests.contracts.nodes import later


@pytest.fixture(scope="module")
def scene(web3):
    return Scene(web3)


def test_nobody_is_touched_above_the_line_and_everybody_at_it_is_closed_in_one_pass(scene):
    well, one, two = scene.open(1, line=2_000), scene.open(2, line=2_700), scene.open(3, line=2_800)
    bot = Bot(scene, well, one, two)
    assert bot.block() == 0
    scene.price(2_700)
    assert bot.block() == 2
    assert (scene.held(well), scene.held(one), scene.held(two)) == (WETH, 0, 0)
    assert bot.block() == 0
    assert [("at its line: done, 0x" in line) for line in bot.told] == [True, True]
    assert scene.breaker.functions.state().call()[4] == 2


def test_a_price_stop_sells_that_holding_alone(scene):
    who = scene.open(1, line=1_000)
    stop = 2_600 * USDC * SCALE // WETH
    send(scene.web3, scene.book.functions.setStop(who, scene.market.weth.address, stop), scene.owner)
    bot = Bot(scene, who)
    scene.price(2_601)
    assert bot.block() == 0
    scene.price(2_600)
    assert bot.block() == 1
    bot.block()
    assert scene.held(who) == 0
    assert "at its price stop: done" in bot.told[-1]
    assert scene.breaker.functions.state().call()[4] == 0


def test_on_a_doubtful_price_nobody_is_closed_until_it_is_good_again(scene):
    who = scene.open(1, line=2_900)
    bot = Bot(scene, who)
    scene.price(2_800, age_s=3_700)
    assert [bot.block() for _ in range(3)] == [0, 0, 0]
    assert bot.told == [f"{who}: nothing can be said (StalePrice)"]
    scene.price(2_800)
    for _ in range(8):
        later(scene.web3, 12)
        if bot.block():
            break
    bot.block()
    assert scene.held(who) == 0
    assert f"{who}: it can be told again" in bot.told


def test_what_cannot_be_sold_one_way_is_sold_another_and_the_rest_is_left_for_later(scene):
    weth = scene.market.weth.address
    who = scene.open(1, line=2_900)
    good = b"\x00\x0b\xb8"
    bot = Bot(scene, who, routes={weth.lower(): [NO_MARKET, good]})
    scene.price(2_800)
    assert bot.block() == 1
    assert scene.held(who) == 0
    stuck = scene.open(2, line=2_900)
    bot = Bot(scene, stuck, routes={weth.lower(): [NO_MARKET]})
    assert bot.block() == 0
    assert scene.held(stuck) == WETH
    assert f"{stuck} at its line, but not closed" in bot.told[0]
    assert bot.block() == 0, "it rests"
    later(scene.web3, 12)
    assert bot.block() == 0
    assert len(bot.told) == 2


def test_a_bot_that_was_restarted_neither_repeats_nor_forgets(scene):
    one, two = scene.open(1, line=2_900), scene.open(2, line=2_850)
    scene.price(2_900)
    assert Bot(scene, one, two).block() == 1
    scene.price(2_850)
    assert Bot(scene, one, two).block() == 1
    assert Bot(scene, one, two).block() == 0
    assert scene.breaker.functions.state().call()[4] == 2


def test_two_bots_close_an_account_once(scene):
    who = scene.open(1, line=2_900)
    scene.price(2_800)
    assert [Bot(scene, who).block(), Bot(scene, who).block()] == [1, 0]
    assert scene.breaker.functions.state().call()[4] == 1


def test_an_account_that_is_above_its_line_again_is_insured_again(scene):
    who = scene.open(1, line=2_900)
    scene.price(2_800)
    bot = Bot(scene, who)
    bot.block()
    scene.open(1, line=2_900, cash=5_000)
    assert scene.liquidator.functions.closed(scene.book.address, who).call()
    assert bot.block() == 1
    assert not scene.liquidator.functions.closed(scene.book.address, who).call()
    assert bot.block() == 0


def test_a_silent_node_loses_nothing(scene):
    who = scene.open(1, line=2_900)
    scene.price(2_800)
    silent = True

    def tamper(method, params, result):
        if silent and method == "eth_sendRawTransaction":
            raise NoAnswer("node here", "silence")
        return result

    bot = Bot(scene, who, tamper=tamper)
    bot.block()
    silent = False
    bot.block()
    assert scene.held(who) == 0
    assert scene.breaker.functions.state().call()[4] == 1

    def deaf(method, params, result):
        raise NoAnswer("node here", "silence")

    with pytest.raises(NoAnswer):
        Bot(scene, who, tamper=deaf).block()


def test_the_loop_looks_at_each_new_block_once_and_outlives_a_silent_node(scene):
    who = scene.open(1, line=2_900)
    scene.price(2_800)
    calls = 0

    def at_first(method, params, result):
        nonlocal calls
        calls += 1
        if calls == 1:
            raise NoAnswer("node here", "silence")
        return result

    bot, looks = Bot(scene, who, tamper=at_first), 0

    async def pause():
        nonlocal looks
        looks += 1
        if looks == 5:
            raise asyncio.CancelledError

    async def run():
        await watch(bot.watcher, bot.node, pause, bot.told.append)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())
    assert bot.told[0] == "node here: silence"
    assert scene.held(who) == 0
    assert bot.node.asked.count("eth_getLogs") == 0, "no desk is watched"


def test_a_look_at_a_block_before_the_closing_closes_nobody_again(scene):
    """A node can have mined the transaction already and still be asked about the block before it."""
    who = scene.open(1, line=2_900)
    scene.price(2_800)
    bot, before = Bot(scene, who), scene.web3.eth.block_number
    assert bot.block() == 1
    assert asyncio.run(bot.watcher.block(before)) == 0
    assert bot.block() == 0
    assert len(bot.told) == 1
