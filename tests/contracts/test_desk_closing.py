"""A wallet whose account reaches its line is closed by the liquidator, within its mandate and its slippage."""

import pytest

from tests.contracts.chain import deploy, reverts
from tests.contracts.follow_scene import PRICE, USDC, WETH, desk_among, person, scene, stand_ins

ANN, BOB = person("ann"), person("bob")


@pytest.fixture(scope="module")
def s(web3):
    return scene(web3)


@pytest.fixture(scope="module")
def wallet(s):
    """10,000 behind the lead, to be closed at 8,500; half of it in the market at 3,000."""
    made = s.follow(ANN, stopBps=8_500)
    s.copy(made, fraction=WETH // 2)
    return made


def liquidator(s):
    return {"from": s.web3.eth.accounts[2]}


def standing(s, wallet):
    return s.desk.functions.standing(wallet).call()


def close(s, wallet, token=None):
    return s.desk.functions.close(wallet, (token or s.weth).address, b"")


def test_an_account_is_the_allocation_less_what_was_lost(s, wallet):
    held = s.holds(wallet)[1]
    assert standing(s, wallet) == [5_000 * USDC + held * PRICE // 10**36, 8_500 * USDC]
    s.do(s.guard.functions.set(s.weth.address, PRICE // 2, PRICE))
    assert standing(s, wallet) == [5_000 * USDC + held * (PRICE // 2) // 10**36, 8_500 * USDC]
    s.set_price(1500)
    s.copy(wallet, opens=False)
    equity, line = standing(s, wallet)
    assert (abs(equity - 7_500 * USDC) <= 2, line) == (True, 8_500 * USDC)


def test_money_moved_by_its_owner_brings_nobody_to_the_line(s, wallet):
    before = standing(s, wallet)
    s.do(s.usdc.functions.mint(wallet, 10**12))
    assert standing(s, wallet) == before


def test_without_a_stop_there_is_no_line(s):
    assert standing(s, s.follow(BOB)) == [10_000 * USDC, 0]


def test_a_doubtful_price_closes_nobody(s, wallet):
    s.do(s.guard.functions.doubt(True))
    with reverts(s.guard, "StalePrice"):
        standing(s, wallet)
    with reverts(s.guard, "StalePrice"):
        close(s, wallet).call(liquidator(s))


def test_what_is_closed_is_sold_whole_into_the_wallet(s, wallet):
    s.set_price(1500)
    held = s.holds(wallet)[1]
    mined = s.do(close(s, wallet), s.web3.eth.accounts[2])
    assert s.holds(wallet) == (5_000 * USDC + held * (PRICE // 2) // 10**36, 0)
    (told,) = s.told("Closed", mined)
    assert (told["wallet"], told["token"], told["amountIn"]) == (wallet, s.weth.address, held)
    assert s.desk.functions.holdings(wallet).call() == []


def test_what_was_closed_is_not_opened_again_until_the_follower_signs_again(s, wallet):
    s.do(close(s, wallet), s.web3.eth.accounts[2])
    assert s.skipped(s.copy(wallet)) == {wallet: "Token"}
    with reverts(s.desk, "NotListed"):
        close(s, wallet).call(liquidator(s))
    mandate = s.mandate(ANN.address)
    s.do(s.desk.functions.follow(mandate, s.sign(ANN, mandate)))
    with reverts(s.desk, "NothingHeld"):
        close(s, wallet).call(liquidator(s))
    assert s.skipped(s.copy(wallet)) == {}


def test_the_liquidator_closes_at_the_line_and_at_the_stop_and_not_before(web3):
    usdc, weth = (deploy(web3, "LocalToken", name, name, d) for name, d in (("USDC", 6), ("WETH", 18)))
    parts = stand_ins(web3, usdc)
    closer = deploy(web3, "Liquidator", web3.eth.accounts[0], *(parts[p].address for p in ("breaker", "pool", "guard")))
    s = desk_among(web3, usdc, weth, parts, liquidator=closer.address)
    s.do(closer.functions.setBook(s.desk.address, True, False, 0))
    s.set_price(3000)
    ann, bob = s.follow(ANN, stopBps=8_500), s.follow(BOB)
    s.copy(ann, bob, fraction=WETH // 2)
    s.act(BOB, s.desk.functions.setPriceStop(s.lead.address, weth.address, PRICE * 2 // 3))
    liquidate = closer.functions.liquidate(s.desk.address, ann, [b"any"])
    stop = closer.functions.stop(s.desk.address, bob, weth.address, b"any")
    s.set_price(2101)
    for early, error in ((liquidate, "AboveItsLine"), (stop, "AboveItsStop")):
        with reverts(closer, error):
            early.call({"from": web3.eth.accounts[7]})
    s.set_price(2000)
    for due in (liquidate, stop):
        s.do(due, web3.eth.accounts[7])
    assert [s.holds(w)[1] for w in (ann, bob)] == [0, 0]
    assert s.breaker.functions.count().call() == 1


def test_closing_keeps_to_the_mandates_stop_slippage(s, wallet):
    for bps, good in ((501, False), (500, True)):
        s.do(s.venue.functions.set(s.weth.address, s.usdc.address, PRICE * (10_000 - bps) // 10_000 + good))
        if good:
            s.do(close(s, wallet), s.web3.eth.accounts[2])
            continue
        with reverts(s.venue, "TooLittle"):
            close(s, wallet).call(liquidator(s))


def test_a_closing_with_a_gain_pays_its_fee(s, wallet):
    s.set_price(6000)
    s.do(close(s, wallet), s.web3.eth.accounts[2])
    assert abs(s.holds(wallet)[0] - 14_500 * USDC) <= 2
    assert abs(s.desk.functions.earned(s.lead.address).call() - 500 * USDC) <= 2


def test_a_halt_holds_up_no_closing(s, wallet):
    s.do(s.breaker.functions.halt(True))
    s.do(close(s, wallet), s.web3.eth.accounts[2])
    assert s.holds(wallet)[1] == 0


def test_nobody_but_the_liquidator_closes(s, wallet):
    for somebody in (0, 1, 3, 5):
        with reverts(s.desk, "NotTheLiquidator"):
            close(s, wallet).call({"from": s.web3.eth.accounts[somebody]})


def test_what_the_follower_revoked_or_never_allowed_is_out_of_reach(s, wallet):
    other = deploy(s.web3, "LocalToken", "Other", "OTH", 18)
    s.do(s.desk.functions.list(other.address))
    s.do(other.functions.mint(wallet, 5))
    for token in (other, s.usdc):
        with reverts(s.desk, "NotListed"):
            close(s, wallet, token).call(liquidator(s))
    assert s.desk.functions.holdings(wallet).call() == [s.weth.address]
    s.act(ANN, s.desk.functions.revoke(s.lead.address))
    for question in (close(s, wallet), s.desk.functions.standing(wallet), s.desk.functions.holdings(wallet)):
        with reverts(s.desk, "NoMandate"):
            question.call(liquidator(s))


def test_what_is_no_wallet_of_the_desk_has_no_standing(s, wallet):
    foreign = scene(s.web3, (s.usdc, s.weth)).follow(ANN)  # a true clone, of another desk
    for stranger in (foreign, s.operator, s.usdc.address, s.desk.address):
        with reverts(s.desk, "NoMandate"):
            standing(s, stranger)


def test_each_follower_sets_the_price_stops_of_its_own_wallet(s, wallet):
    stop = s.desk.functions.setPriceStop(s.lead.address, s.weth.address, PRICE // 2)
    s.do(stop, s.web3.eth.accounts[5])
    assert s.desk.functions.priceStop(wallet, s.weth.address).call() == 0
    s.act(ANN, stop)
    assert s.desk.functions.priceStop(wallet, s.weth.address).call() == PRICE // 2
