"""An exit is never refused, is served in its turn at one price for all, and is paid to the last unit."""

import pytest
from web3.logs import DISCARD

from tests.contracts.chain import reverts, send
from tests.contracts.doubles import compiled
from tests.contracts.nodes import later
from tests.contracts.vault_world import SCALE, SHARE, USDC, three_holders

ALL = 10**40


@pytest.fixture(scope="module")
def w(web3):
    return three_holders(web3)


def near(amount, units=3):
    """That much, less at most what rounding down in the vault's favour takes."""
    return range(amount - units, amount + 1)


def settle(w):
    return w.do(w.eve, "settle")


def test_an_exit_is_requested_settled_and_claimed_by_whoever_comes_by(w):
    w.request(w.ann, 500 * SHARE)
    assert w.read("pendingRedeemRequest", 0, w.ann) == 500 * SHARE
    assert w.read("claimableRedeemRequest", 0, w.ann) == 0 == w.read("maxWithdraw", w.ann)
    settle(w)
    assert w.read("pendingRedeemRequest", 0, w.ann) == 0
    assert w.read("claimableRedeemRequest", 0, w.ann) == 500 * SHARE == w.read("maxRedeem", w.ann)
    assert w.read("maxWithdraw", w.ann) == 500 * USDC
    assert w.claim(w.ann) == 500 * USDC
    assert w.claim(w.ann) == 0
    assert w.read("state") == (0, 0, False)


def test_what_is_set_aside_is_no_part_of_nav_and_not_for_trading(w):
    w.request(w.ann, 2000 * SHARE)
    settle(w)
    assert w.read("totalAssets") == 3000 * USDC == w.read("idle")
    w.buy(1.0)
    assert w.cash(w.vault.address) == 2000 * USDC
    assert w.claim(w.ann) == 2000 * USDC


def test_a_trade_leaves_what_the_queue_waits_for(w):
    w.request(w.ann, 2000 * SHARE)
    w.buy(1.0)
    assert w.read("idle") == 2000 * USDC
    settle(w)
    assert w.claim(w.ann) == 2000 * USDC


def test_an_exit_is_taken_with_no_cash_and_no_price(w):
    w.buy(1.0)
    w.doubt()
    w.request(w.ann, 2000 * SHARE)
    assert w.read("state")[1] == 2000 * SHARE
    with reverts(w.guard, "StalePrice"):
        settle(w)
    w.doubt(False)
    with reverts(w.vault, "NothingToSettle"):
        settle(w)


def test_first_come_first_served_and_a_part_now(web3, w):
    w.buy(0.8)
    w.request(w.ann, 700 * SHARE)
    w.request(w.bob, 700 * SHARE)
    settle(w)
    assert w.read("maxWithdraw", w.ann) in near(700 * USDC)
    assert w.read("maxWithdraw", w.bob) in near(300 * USDC)
    assert 399 * SHARE <= w.read("pendingRedeemRequest", 0, w.bob) <= 401 * SHARE
    w.gain(50 * USDC)
    settle(w)
    assert w.read("maxRedeem", w.bob) > 340 * SHARE
    w.sell(1.0)
    settle(w)
    assert w.claim(w.ann) in near(700 * USDC)
    assert w.claim(w.bob) in near(705 * USDC)  # his last 400 had their part of the 50


def test_an_exit_takes_part_in_gain_and_loss_until_it_is_settled(w):
    """As whoever stays: a request cannot be called back, so nobody chooses between the two."""
    w.buy(0.5)
    w.request(w.ann, 1000 * SHARE)
    w.price(2400)
    settle(w)
    assert w.claim(w.ann) in near(900 * USDC)
    w.request(w.bob, 1000 * SHARE)
    w.price(3600)
    settle(w)
    assert w.claim(w.bob) in near(1150 * USDC)


def test_many_requests_cost_a_settlement_no_more(w):
    w.request(w.ann, SHARE)
    one = settle(w)["gasUsed"]
    for _ in range(5):
        w.request(w.ann, SHARE)
        w.request(w.bob, SHARE)
    assert settle(w)["gasUsed"] <= one
    assert [w.claim(who) for who in (w.ann, w.bob)] == [6 * USDC, 5 * USDC]


def test_a_claim_goes_through_32_pieces_and_the_next_goes_on(w):
    many = compiled(w.web3, "Vault.sol", "Spreader")
    w.do(w.ann, "transfer", many.address, 35 * SHARE)
    send(w.web3, many.functions.ask(w.vault.address, SHARE, 35), w.eve)
    settle(w)
    assert w.claim(many.address) == 32 * USDC
    assert w.claim(many.address) == 3 * USDC


def test_pieces_of_many_settlements_are_found_again(w):
    w.buy(1.0)
    w.request(w.bob, 10 * SHARE)
    w.request(w.ann, 10 * SHARE)
    due = {w.bob: 0, w.ann: 0}
    for gain in [11 * USDC // 10] * 14 + [10 * USDC]:
        w.gain(gain)
        told = w.vault.events.Settled().process_receipt(settle(w), DISCARD)[0]["args"]
        end = told["upTo"]
        bobs = min(max(10 * SHARE - (end - told["shares"]), 0), told["shares"])
        due[w.bob] += bobs * told["price"] // SCALE
        due[w.ann] += (told["shares"] - bobs) * told["price"] // SCALE
    assert end == 20 * SHARE
    assert w.claim(w.ann) == due[w.ann]
    assert w.claim(w.bob) == due[w.bob]


def test_dust_is_not_requested_but_a_rest_is(w):
    with reverts(w.vault, "TooFewShares"):
        w.request(w.ann, SHARE - 1)
    with reverts(w.vault, "TooFewShares"):
        w.request(w.eve, 0)
    w.do(w.ann, "transfer", w.eve, SHARE // 2)
    w.request(w.eve, SHARE // 2)
    with reverts(w.vault, "ERC20InsufficientBalance"):
        w.request(w.bob, ALL)


def test_dust_of_cash_makes_no_settlement(w):
    w.buy(1.0)
    w.gain(USDC // 2)
    w.request(w.ann, 10 * SHARE)
    with reverts(w.vault, "NothingToSettle"):
        settle(w)


def test_a_claim_in_parts_by_shares_or_by_assets_comes_to_the_same(w):
    w.request(w.ann, 100 * SHARE)
    settle(w)
    w.do(w.ann, "redeem", 30 * SHARE, w.ann, w.ann)
    w.do(w.ann, "withdraw", 20 * USDC, w.eve, w.ann)
    assert (w.cash(w.ann), w.cash(w.eve)) == (30 * USDC, 20 * USDC)
    with reverts(w.vault, "MoreThanClaimable"):
        w.do(w.ann, "withdraw", 50 * USDC + 1, w.ann, w.ann)
    with reverts(w.vault, "MoreThanClaimable"):
        w.do(w.ann, "redeem", 50 * SHARE + 1, w.ann, w.ann)
    w.do(w.ann, "withdraw", 50 * USDC, w.ann, w.ann)
    assert w.read("maxRedeem", w.ann) == 0 == w.read("maxWithdraw", w.ann)


def test_only_owner_operator_or_spender_requests_and_only_controller_or_operator_redeems(w):
    with reverts(w.vault, "ERC20InsufficientAllowance"):
        w.do(w.eve, "requestRedeem", SHARE, w.ann, w.ann)
    with reverts(w.vault, "NotAllowed"):
        w.do(w.ann, "requestRedeem", SHARE, w.bob, w.ann)
    with reverts(w.vault, "NotAllowed"):
        w.do(w.ann, "requestRedeem", SHARE, "0x" + "00" * 20, w.ann)
    w.do(w.ann, "approve", w.eve, SHARE)
    w.do(w.eve, "requestRedeem", SHARE, w.ann, w.ann)
    w.do(w.ann, "setOperator", w.eve, True)
    w.do(w.eve, "requestRedeem", SHARE, w.eve, w.ann)
    settle(w)
    with reverts(w.vault, "NotAllowed"):
        w.do(w.bob, "redeem", SHARE, w.bob, w.ann)
    w.do(w.eve, "redeem", SHARE, w.bob, w.ann)
    assert (w.claim(w.eve), w.cash(w.bob)) == (USDC, USDC)
    w.do(w.ann, "setOperator", w.eve, False)
    with reverts(w.vault, "NotAllowed"):
        w.do(w.eve, "withdraw", 0, w.eve, w.ann)


def test_the_interfaces_are_those_of_the_standard(w):
    for told in ("01ffc9a7", "e3bc4e65", "620ee8e4", "2f0a18c5"):
        assert w.read("supportsInterface", bytes.fromhex(told)), told
    assert not w.read("supportsInterface", bytes.fromhex("ffffffff"))
    assert w.read("share") == w.vault.address
    for name in ("previewRedeem", "previewWithdraw"):
        with reverts(w.vault, "Asynchronous"):
            w.read(name, 1)


def test_a_request_is_told_as_the_standard_says(w):
    mined = w.request(w.ann, 7 * SHARE)
    told = w.vault.events.RedeemRequest().process_receipt(mined, DISCARD)
    assert dict(told[0]["args"]) == {
        "controller": w.ann,
        "owner": w.ann,
        "requestId": 0,
        "sender": w.ann,
        "shares": 7 * SHARE,
    }


def test_an_empty_vault_begins_anew(web3, w):
    w.gain(5000 * USDC)
    w.do(w.eve, "record")
    for who in (w.ann, w.bob, w.lead):
        w.exit(who, w.shares(who))
    later(web3, 3601)
    w.deposit(w.lead, 1000 * USDC)
    last, peak = w.read("recorded")
    assert last == peak == w.read("navPerShare")
    assert SCALE // 10**6 <= last < 2 * SCALE // 10**6 + SCALE // 10**7
