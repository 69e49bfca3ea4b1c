"""A batch copies one instruction for many wallets in one swap: each within its mandate, none at another's cost."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.chain import deploy, reverts
from tests.contracts.doubles import compiled
from tests.contracts.follow_scene import USDC, WETH, person, rows, scene
from tests.contracts.nodes import later

PEOPLE = [person(name) for name in ("ann", "bob", "cleo")]
ANN, BOB, CLEO = PEOPLE
TENTH = WETH // 10


@pytest.fixture(scope="module")
def s(web3):
    return scene(web3)


@pytest.fixture(scope="module")
def three(s):
    s.coins(s.lead.address, ANN.address)
    return [s.follow(key) for key in PEOPLE]


def test_each_wallet_spends_the_leads_fraction_of_its_own_allocation(s):
    ann = s.follow(ANN)
    bob = s.follow(BOB, allocation=4_000 * USDC, ratioBps=5_000)
    mined = s.copy(ann, bob, fraction=TENTH)
    assert [s.holds(w)[0] for w in (ann, bob)] == [9_000 * USDC, 9_800 * USDC]
    (told,) = s.told("Copied", mined)
    assert told["amountIn"] == 1_200 * USDC
    assert told["amountOut"] == sum(s.holds(w)[1] for w in (ann, bob))
    assert s.holds(s.desk.address) == (0, 0)
    assert told["rows"] == b"".join(
        bytes.fromhex(w[2:]) + (a * USDC).to_bytes(16, "big") + bytes(24) for w, a in ((ann, 1_000), (bob, 200))
    )


@pytest.mark.parametrize(
    ("limits", "spent"),
    [
        ({"orderMax": 300 * USDC}, 300), ({"leverageBps": 500}, 500), ({"ratioBps": 60_000}, 6_000),
        ({"leverageBps": 40_000, "ratioBps": 60_000, "allocation": 1_000 * USDC, "orderMax": 2**200}, 600),
    ],
)  # fmt: skip
def test_no_limit_of_the_mandate_is_exceeded(s, limits, spent):
    wallet = s.follow(ANN, **limits)
    s.copy(wallet)
    assert s.holds(wallet)[0] == (10_000 - spent) * USDC


def test_what_is_out_in_the_market_counts_until_it_is_back(s):
    wallet = s.follow(ANN, funded=50_000 * USDC, leverageBps=2_500)
    for _ in range(4):
        s.copy(wallet)
    assert s.holds(wallet)[0] == 47_500 * USDC
    assert s.skipped(s.copy(wallet)) == {wallet: "NothingLeft"}
    s.copy(wallet, opens=False, fraction=TENTH * 4)
    s.copy(wallet)
    assert s.rule(wallet)["outlay"] == 2_500 * USDC


def test_a_wallet_never_spends_more_than_it_holds(s):
    wallet = s.follow(ANN, funded=5)
    s.copy(wallet, fraction=WETH)
    assert s.holds(wallet)[0] == 0
    assert s.rule(wallet)["outlay"] == 5


def test_an_exit_sells_the_fraction_of_what_is_held(s, three):
    s.copy(*three)
    held = [s.holds(w)[1] for w in three]
    s.copy(*three, opens=False, fraction=WETH // 4)
    assert [s.holds(w)[1] for w in three] == [h - h // 4 for h in held]
    s.copy(*three, opens=False)
    assert [s.holds(w)[1] for w in three] == [0, 0, 0]
    assert s.holds(s.desk.address) == (0, 0)


def test_a_wallet_that_cannot_take_part_is_told_and_left_out(s, three):
    ann, bob, cleo = three
    closed = person("closed")
    mandate = s.mandate(closed.address)
    s.do(s.desk.functions.follow(mandate, s.sign(closed, mandate)))
    tight, poor = s.follow(person("tight"), openSlippageBps=49), s.follow(person("poor"), funded=0)
    full, dust = s.follow(person("full"), leverageBps=1), s.follow(person("dust"), allocation=9, orderMax=9)
    elsewhere = s.follow(person("elsewhere"), lead=person("other lead").address)
    other = deploy(s.web3, "LocalToken", "Other", "OTH", 18)
    s.do(s.desk.functions.list(other.address))
    narrow = s.follow(person("narrow"), tokens=[other.address])
    void, over = s.wallet(closed.address), s.follow(person("over"))
    s.act(person("over"), s.desk.functions.revoke(s.lead.address))
    s.copy(full)
    mined = s.copy(void, tight, ann, poor, full, dust, ann, elsewhere, narrow, over, s.operator, bob)
    assert s.skipped(mined) == {
        void: "NotOpen", tight: "Slippage", poor: "Empty", full: "NothingLeft", dust: "NothingLeft", ann: "Done",
        elsewhere: "NoMandate", narrow: "Token", over: "NoMandate", s.operator: "NoMandate",
    }  # fmt: skip
    assert [s.holds(w)[0] for w in (ann, bob, cleo)] == [9_000 * USDC, 9_000 * USDC, 10_000 * USDC]


def test_an_expired_mandate_carries_nothing_out(s):
    wallet = s.follow(ANN, expiry=s.now + 3)
    later(s.web3, 3)
    for opens in (True, False):
        assert s.skipped(s.copy(wallet, opens=opens)) == {wallet: "NoMandate"}


def test_an_exit_within_its_own_slippage_only(s):
    wallet = s.follow(ANN, exitSlippageBps=40)
    s.copy(wallet)
    assert s.skipped(s.copy(wallet, opens=False, slippage=41)) == {wallet: "Slippage"}
    assert s.skipped(s.copy(wallet, opens=False, slippage=40)) == {}


def test_a_batch_of_nobody_trades_nothing(s):
    mined = s.copy()
    assert s.told("Copied", mined) == []


def test_an_instruction_is_carried_out_once_for_a_wallet_however_often_it_is_sent(s, three):
    order = s.order(three[:2])
    s.do(order, s.operator)
    assert s.skipped(s.do(order, s.operator)) == dict.fromkeys(three[:2], "Done")
    same = {"nonce": s.nonce, "fraction": TENTH * 2}
    assert s.skipped(s.copy(*three, **same)) == dict.fromkeys(three[:2], "Done")
    assert s.skipped(s.copy(three[0], nonce=s.nonce - 1)) == {three[0]: "Done"}
    assert [s.holds(w)[0] for w in three] == [9_000 * USDC, 9_000 * USDC, 8_000 * USDC]


def test_only_operators_send_batches(s, three):
    for somebody in (s.web3.eth.accounts[0], s.web3.eth.accounts[2], s.lead.address, ANN.address):
        with reverts(s.desk, "NotAnOperator"):
            s.order(three).call({"from": somebody})
    s.do(s.desk.functions.setOperator(s.operator, False))
    with reverts(s.desk, "NotAnOperator"):
        s.order(three).call({"from": s.operator})


def test_what_the_lead_did_not_sign_is_not_copied(s, three):
    told = s.instruction()
    digest = s.executor.functions.digestOf(told).call()
    for key, order in ((ANN, told), (s.lead, told | {"fraction": TENTH * 2})):
        call = s.desk.functions.copy(order, key.unsafe_sign_hash(digest).signature, rows(three), 50, b"")
        with reverts(s.executor, "NotTheLead"):
            call.call({"from": s.operator})


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"book": person("ann").address}, "OtherBook"), ({"fraction": 0}, "BadFraction"),
        ({"fraction": WETH + 1}, "BadFraction"), ({"nonce": 0}, "BadNonce"), ({"nonce": 2**64}, "BadNonce"),
        ({"slippage": 10_000}, "BadSlippage"), ({"tokenOut": person("ann").address}, "NotAPair"),
        ({"tokenIn": person("ann").address}, "NotAPair"),
    ],
)  # fmt: skip
def test_an_order_that_makes_no_sense_is_refused_whole(s, three, changed, error):
    with reverts(s.desk, error):
        s.order(three, **changed).call({"from": s.operator})


def test_the_asset_against_itself_or_two_tokens_are_no_pair(s, three):
    for a, b in ((s.usdc, s.usdc), (s.weth, s.weth)):
        with reverts(s.desk, "NotAPair"):
            s.order(three, tokenIn=a.address, tokenOut=b.address).call({"from": s.operator})


def test_rows_that_are_no_addresses_are_refused(s):
    told = s.instruction()
    signature = s.lead.unsafe_sign_hash(s.executor.functions.digestOf(told).call()).signature
    with reverts(s.desk, "BadRows"):
        s.desk.functions.copy(told, signature, b"\x01" * 21, 50, b"").call({"from": s.operator})


def test_a_market_worse_than_the_oracle_less_the_slippage_is_not_taken(s, three):
    for opens, pair in ((True, (s.usdc, s.weth)), (False, (s.weth, s.usdc))):
        fair = s.venue.functions.prices(*(t.address for t in pair)).call()
        s.do(s.venue.functions.set(*(t.address for t in pair), fair * 9_949 // 10_000))
        with reverts(s.venue, "TooLittle"):
            s.order(three, opens=opens).call({"from": s.operator})
        s.do(s.venue.functions.set(*(t.address for t in pair), fair * 9_951 // 10_000))
        s.copy(*three, opens=opens)


def test_the_leads_own_limit_binds_too(s, three):
    fair = s.venue.functions.prices(s.usdc.address, s.weth.address).call()
    with reverts(s.venue, "TooLittle"):
        s.order(three, limit=fair * 1_001 // 1_000).call({"from": s.operator})
    s.copy(*three, limit=fair * 999 // 1_000)


def test_a_market_that_takes_only_a_part_is_refused_so_that_nothing_is_left_behind(s, three):
    s.do(s.venue.functions.keepBack(1))
    with reverts(s.desk, "NotAllSold"):
        s.order(three).call({"from": s.operator})


def test_a_doubtful_price_stops_everything(s, three):
    s.copy(*three)
    s.do(s.guard.functions.doubt(True))
    for opens in (True, False):
        with reverts(s.guard, "StalePrice"):
            s.order(three, opens=opens).call({"from": s.operator})


def test_a_halt_stops_what_opens_and_nothing_else(s, three):
    s.copy(*three)
    s.do(s.breaker.functions.halt(True))
    with reverts(s.breaker, "Halted"):
        s.order(three).call({"from": s.operator})
    s.copy(*three, opens=False)
    assert [s.holds(w)[1] for w in three] == [0, 0, 0]
    assert s.refusals((m := s.mandate(ANN.address), s.sign(ANN, m))) == []


def test_a_batch_that_is_given_too_little_gas_fails_whole_and_skips_nobody(s, three):
    with reverts(s.desk, "TooLittleGas"):
        s.order(three).call({"from": s.operator, "gas": 300_000})


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(st.integers(1, 10**13), min_size=3, max_size=3), price=st.integers(1, 10_000_000))
def test_the_shares_are_fair_to_a_unit_and_add_up_to_everything(s, three, amounts, price):
    taken = s.web3.provider.make_request("evm_snapshot", [])["result"]
    for wallet, amount in zip(three, amounts, strict=True):
        s.do(s.weth.functions.mint(wallet, amount))
    s.do(s.guard.functions.set(s.weth.address, price * 10**30, price * 10**30))
    s.do(s.venue.functions.set(s.weth.address, s.usdc.address, price * 10**30))
    before = [s.holds(w)[0] for w in three]
    mined = s.copy(*three, opens=False)
    got = [s.holds(w)[0] - b for w, b in zip(three, before, strict=True)]
    fees = s.desk.functions.earned(s.lead.address).call()
    (told,) = s.told("Copied", mined)
    assert told["amountIn"] == sum(amounts)
    assert sum(got) + fees == told["amountOut"]
    assert s.holds(s.desk.address) == (fees, 0)
    for amount, mine in zip(amounts, got, strict=True):
        whole = told["amountOut"] * amount / sum(amounts)
        assert whole * 0.9 - 2 <= mine <= whole * 0.9 + 2  # a tenth of the gain is the fee: these coins cost nothing
    s.web3.provider.make_request("evm_revert", [taken])


def test_the_owner_lists_tokens_and_nobody_unlists_them(s):
    other = deploy(s.web3, "LocalToken", "Other", "OTH", 18)
    with reverts(s.desk, "OwnableUnauthorizedAccount"):
        s.desk.functions.list(other.address).call({"from": s.operator})
    with reverts(s.desk, "OwnableUnauthorizedAccount"):
        s.desk.functions.setOperator(s.operator, True).call({"from": s.operator})
    s.do(s.desk.functions.list(other.address))
    for wrong in (other.address, s.usdc.address):
        with reverts(s.desk, "NotListed"):
            s.desk.functions.list(wrong).call({"from": s.web3.eth.accounts[0]})
    assert s.desk.functions.place(other.address).call() == 2


def test_a_fee_outside_the_steps_or_a_pool_of_another_asset_makes_no_desk(web3, s):
    for fee in (499, 1_501):
        with reverts(s.desk, "FeeOutOfSteps"):
            scene(web3, (s.usdc, s.weth), feeBps=fee)
    other = compiled(web3, "Vault.sol", "TillPool", s.weth.address)
    with reverts(s.desk, "OtherAsset"):
        scene(web3, (s.usdc, s.weth), pool=other.address)
