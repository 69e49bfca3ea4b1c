"""Whoever holds up a batch holds up itself: tokens that misbehave for one wallet cost the others nothing."""

import pytest

from tests.contracts.chain import deploy, reverts
from tests.contracts.doubles import compiled
from tests.contracts.follow_scene import USDC, person, scene

ANN, BOB = person("ann"), person("bob")
WELL, REVERTS, SAYS_NO, BURNS_GAS, SAYS_NOTHING, REVOKES = range(6)
HARMFUL = [REVERTS, SAYS_NO, BURNS_GAS]


@pytest.fixture(scope="module")
def s(web3):
    """The asset is the moody one; the price divides evenly."""
    made = scene(web3, (compiled(web3, "Desk.sol", "MoodyToken"), deploy(web3, "LocalToken", "Ether", "WETH", 18)))
    made.set_price(2500)
    return made


@pytest.fixture(scope="module")
def two(s):
    return [s.follow(key) for key in (ANN, BOB)]


@pytest.mark.parametrize("mood", HARMFUL)
def test_a_token_that_would_not_leave_a_wallet_is_skipped_at_a_bounded_price(s, two, mood):
    alone = s.copy(two[1])["gasUsed"]
    s.do(s.usdc.functions.set(two[0], mood))
    mined = s.copy(*two)
    assert s.skipped(mined) == {two[0]: "TokenFailed"}
    assert s.holds(two[0]) == (10_000 * USDC, 0)
    assert s.holds(two[1])[0] == 8_000 * USDC
    assert mined["gasUsed"] < alone + 220_000
    assert s.rule(two[0])["outlay"] == 0


@pytest.mark.parametrize("mood", HARMFUL)
def test_what_a_token_will_not_pay_out_is_owed_and_paid_when_it_will(s, two, mood):
    s.copy(*two)
    s.do(s.usdc.functions.set(two[0], mood))
    mined = s.copy(*two, opens=False)
    (told,) = s.told("Owed", mined)
    owed = s.desk.functions.owed(two[0], s.usdc.address).call()
    assert (told["wallet"], told["amount"]) == (two[0], owed)
    assert s.holds(two[1])[0] == 10_000 * USDC
    assert (s.holds(two[0])[0], s.holds(s.desk.address)[0]) == (9_000 * USDC, owed)
    s.do(s.usdc.functions.set(two[0], WELL))
    s.do(s.desk.functions.payOwed(two[0], s.usdc.address), s.web3.eth.accounts[7])
    assert s.holds(two[0])[0] == 10_000 * USDC
    with reverts(s.desk, "NothingOwed"):
        s.desk.functions.payOwed(two[0], s.usdc.address).call()


def test_what_is_owed_is_nobody_elses(s, two):
    s.copy(*two)
    s.do(s.usdc.functions.set(two[0], REVERTS))
    s.copy(*two, opens=False)
    owed = s.holds(s.desk.address)[0]
    s.copy(two[1])
    s.copy(two[1], opens=False)
    s.do(s.desk.functions.distributeFees(s.lead.address))
    assert s.holds(s.desk.address)[0] == owed == s.desk.functions.owed(two[0], s.usdc.address).call()


def test_a_token_without_answers_is_a_token_like_any_other(s, two):
    s.do(s.usdc.functions.set(two[0], SAYS_NOTHING))
    s.copy(*two)
    s.copy(*two, opens=False)
    assert [s.holds(w) for w in two] == [(10_000 * USDC, 0)] * 2


def test_a_token_that_calls_back_into_the_desk_gets_nowhere(s, two):
    s.do(s.usdc.functions.hook(s.desk.address, s.lead.address))
    s.do(s.usdc.functions.set(two[0], REVOKES))
    assert s.skipped(s.copy(*two)) == {two[0]: "TokenFailed"}


def test_a_token_that_keeps_a_part_of_each_transfer_is_refused_whole(web3):
    s = scene(web3, (compiled(web3, "Vault.sol", "TollToken"), deploy(web3, "LocalToken", "Ether", "WETH", 18)))
    wallet = s.follow(ANN)
    s.copy(wallet)
    s.do(s.usdc.functions.toll(1))
    with reverts(s.desk, "TakesFee"):
        s.order([wallet]).call({"from": s.operator})


def test_a_row_of_anything_at_all_harms_nobody(s, two):
    odd = [s.desk.address, s.usdc.address, "0x" + "00" * 20, "0x" + "ff" * 20, "0x" + "00" * 19 + "01", two[1]]
    mined = s.copy(*odd, two[0])
    assert set(s.skipped(mined).values()) == {"NoMandate"}
    assert [s.holds(w)[0] for w in two] == [9_000 * USDC] * 2
