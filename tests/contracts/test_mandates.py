"""A follower signs once what the desk may do; nothing else is allowed, and the follower takes it back at once."""

import pytest

from tests.contracts.chain import reverts
from tests.contracts.doubles import compiled
from tests.contracts.follow_scene import REVOCATION, USDC, person, scene, sign
from tests.contracts.nodes import later

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
ANN, BOB = person("ann"), person("bob")
WELL, BURNS_GAS, SAYS_TOO_MUCH, SAYS_TOO_LITTLE = range(4)


@pytest.fixture(scope="module")
def s(web3):
    return scene(web3)


def signed(s, key=ANN, **changed):
    mandate = s.mandate(key.address, **changed)
    return mandate, s.sign(key, mandate)


def test_a_signed_mandate_is_kept_as_it_was_signed(s):
    mandate, signature = signed(
        s, allocation=5_000 * USDC, orderMax=700 * USDC, leverageBps=8_000, ratioBps=15_000, openSlippageBps=30,
        exitSlippageBps=60, stopSlippageBps=90, stopBps=7_000,
    )  # fmt: skip
    mined = s.do(s.desk.functions.follow(mandate, signature))
    kept = s.rule(s.wallet(ANN.address))
    assert kept | {"paid": 0} == {
        "expiry": mandate["expiry"], "exitSlippageBps": 60, "tokenBits": 1, "paid": 0, "outlay": 0, "nonce": 0,
        "allocation": 5_000 * USDC, "orderMax": 700 * USDC, "leverageBps": 8_000, "ratioBps": 15_000,
        "openSlippageBps": 30, "stopSlippageBps": 90, "stopBps": 7_000, "issued": mandate["issued"],
    }  # fmt: skip
    (told,) = s.told("Followed", mined)
    assert (told["follower"], told["lead"], told["wallet"]) == (ANN.address, s.lead.address, s.wallet(ANN.address))
    assert dict(told["mandate"]) == mandate
    assert told["digest"] == s.desk.functions.digestOf(mandate).call()


def test_a_contract_signs_by_erc_1271(web3, s):
    safe = compiled(web3, "Desk.sol", "SignsFor", ANN.address, WELL)
    mandate = s.mandate(safe.address)
    assert s.refusals((mandate, s.sign(BOB, mandate)), (mandate, s.sign(ANN, mandate))) == ["Signature"]
    assert s.rule(s.wallet(safe.address))["issued"] == mandate["issued"]


def test_each_flaw_of_a_mandate_has_its_reason_and_takes_nobody_else_along(s):
    flaws = {
        "Expired": {"expiry": s.now},
        "NotYet": {"issued": s.now + 1_000},
        "TokenNotListed": {"tokens": [s.weth.address, s.usdc.address]},
        "Fee": {"feeBpsMax": 999},
    }
    wrong = [signed(s, **changed) for changed in flaws.values()]
    assert s.refusals(*wrong, signed(s, BOB)) == list(flaws)
    assert s.rule(s.wallet(ANN.address))["issued"] == 0
    assert s.rule(s.wallet(BOB.address))["issued"] != 0
    for changed in wrong:
        with reverts(s.desk, "Refused"):
            s.desk.functions.follow(*changed).call()


@pytest.mark.parametrize(
    "changed",
    [
        {"allocation": 0}, {"allocation": 2**48}, {"allocation": 2**200}, {"orderMax": 0}, {"leverageBps": 0},
        {"ratioBps": 0}, {"openSlippageBps": 1_001}, {"exitSlippageBps": 1_001}, {"stopSlippageBps": 1_001},
        {"stopBps": 10_000},
    ],
)  # fmt: skip
def test_limits_that_bound_nothing_or_cannot_be_kept_are_refused(s, changed):
    assert s.refusals(signed(s, **changed)) == ["Limits"]


def test_a_mandate_without_tokens_is_refused(s):
    assert s.refusals(signed(s, tokens=[])) == ["TokenNotListed"]


def test_what_spot_cannot_do_ends_at_what_is_paid_in_full(s):
    wallet = s.follow(ANN, leverageBps=30_000, orderMax=2**255)
    assert (s.rule(wallet)["leverageBps"], s.rule(wallet)["orderMax"]) == (10_000, 10_000 * USDC)


def test_no_other_signature_will_do(s):
    mandate, signature = signed(s)
    r, low, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    malleated = r + (ORDER - low).to_bytes(32, "big") + bytes([55 - v])
    compact = r + (low | (v - 27) << 255).to_bytes(32, "big")
    forged = [
        s.sign(BOB, mandate), malleated, compact, signature[:64], signature + b"\0", b"", bytes(65),
        s.sign(ANN, mandate, chainId=s.web3.eth.chain_id + 1),
        s.sign(ANN, mandate, verifyingContract=s.executor.address),
        s.sign(ANN, mandate, version="2"),
        s.sign(ANN, mandate | {"allocation": 9_999 * USDC}),
    ]  # fmt: skip
    assert s.refusals(*[(mandate, f) for f in forged]) == ["Signature"] * len(forged)
    assert s.refusals((mandate, signature), (mandate, signature)) == ["Superseded"]


def test_nobody_follows_in_the_name_of_the_zero_address(s):
    mandate = s.mandate("0x" + "00" * 20)
    assert s.refusals((mandate, bytes(65)), (mandate, b"")) == ["Signature"] * 2


def test_a_newer_mandate_replaces_an_older_one_and_an_older_one_never_comes_back(s):
    older, newer = signed(s), signed(s, allocation=4_000 * USDC)
    assert s.refusals(newer, older) == ["Superseded"]
    assert s.rule(s.wallet(ANN.address))["allocation"] == 4_000 * USDC


def test_what_happened_under_the_old_mandate_stays(s):
    wallet = s.follow(ANN)
    s.copy(wallet)
    before = s.rule(wallet)
    assert before["outlay"] == 1_000 * USDC
    s.do(s.desk.functions.follow(*signed(s, allocation=500 * USDC)))
    after = s.rule(wallet)
    assert [after[k] for k in ("outlay", "nonce", "paid")] == [before[k] for k in ("outlay", "nonce", "paid")]
    assert s.skipped(s.copy(wallet)) == {wallet: "NothingLeft"}


def test_a_revocation_holds_at_once_and_burns_all_that_was_signed_before(s):
    wallet, outstanding = s.follow(ANN), signed(s, issued=s.now)
    s.act(ANN, s.desk.functions.revoke(s.lead.address))
    assert s.skipped(s.copy(wallet)) == {wallet: "NoMandate"}
    assert s.refusals(outstanding) == ["Superseded"]
    later(s.web3, 10)
    assert s.refusals(signed(s, issued=s.now)) == []
    assert s.skipped(s.copy(wallet)) == {}


def test_a_signed_revocation_does_the_same_for_who_has_no_coins_for_gas(s):
    wallet, stamp = s.follow(ANN), s.issued + 5
    revoke = s.desk.functions.revokeBySignature
    signature = revocation(s, ANN, stamp)
    for wrong in (revocation(s, BOB, stamp), revocation(s, ANN, stamp - 1)):
        with reverts(s.desk, "Refused"):
            revoke(ANN.address, s.lead.address, stamp, wrong).call()
    s.do(revoke(ANN.address, s.lead.address, stamp, signature))
    assert s.skipped(s.copy(wallet)) == {wallet: "NoMandate"}
    assert s.refusals(signed(s, issued=stamp), signed(s, issued=stamp + 1)) == ["Superseded"]
    with reverts(s.desk, "Refused"):  # the old revocation ends no newer mandate
        revoke(ANN.address, s.lead.address, stamp, signature).call()
    assert s.skipped(s.copy(wallet)) == {}


def test_a_revocation_of_the_future_is_refused(s):
    stamp = s.now + 1_000
    with reverts(s.desk, "Refused"):
        s.desk.functions.revokeBySignature(ANN.address, s.lead.address, stamp, revocation(s, ANN, stamp)).call()


def revocation(s, key, stamp):
    values = {"follower": ANN.address, "lead": s.lead.address, "issued": stamp}
    return sign(key, s.domain(), "Revocation", REVOCATION, values)


def test_neither_owner_nor_operator_revokes_for_a_follower(s):
    wallet = s.follow(ANN)
    for somebody in s.web3.eth.accounts[:4]:
        s.do(s.desk.functions.revoke(s.lead.address), somebody)
    assert s.skipped(s.copy(wallet)) == {}


def test_a_key_signs_for_its_account_though_the_account_has_code(web3, s):
    """EIP-7702: a delegated account that answers no ERC-1271 question is still its key's."""
    s.coins(ANN.address)
    nonce, chain = web3.eth.get_transaction_count(ANN.address), web3.eth.chain_id
    leave = ANN.sign_authorization({"chainId": chain, "address": s.usdc.address, "nonce": nonce + 1})
    sent = {
        "chainId": chain, "nonce": nonce, "to": ANN.address, "value": 0, "gas": 200_000, "data": b"",
        "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9, "authorizationList": [leave],
    }  # fmt: skip
    web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(ANN.sign_transaction(sent).raw_transaction))
    assert web3.eth.get_code(ANN.address).hex().removeprefix("0x").startswith("ef0100")
    mandate, signature = signed(s)
    assert s.refusals((mandate, s.sign(BOB, mandate)), (mandate, signature)) == ["Signature"]


@pytest.mark.parametrize("mood", [BURNS_GAS, SAYS_TOO_MUCH, SAYS_TOO_LITTLE])
def test_a_contract_that_misbehaves_when_asked_harms_itself_alone(web3, s, mood):
    bad = compiled(web3, "Desk.sol", "SignsFor", ANN.address, mood)
    mandate = s.mandate(bad.address)
    good = [signed(s, person(f"good {n}")) for n in range(3)]
    assert s.refusals((mandate, s.sign(ANN, mandate)), *good) == ["Signature"]
    assert all(s.rule(s.wallet(m["follower"]))["issued"] for m, _ in good)


PERMIT = (
    ("address", "owner"), ("address", "spender"), ("uint256", "value"), ("uint256", "nonce"), ("uint256", "deadline"),
)  # fmt: skip


def permit(s, key, amount):
    domain = {"name": "USD Coin", "version": "1", "chainId": s.web3.eth.chain_id, "verifyingContract": s.usdc.address}
    nonce = s.usdc.functions.nonces(key.address).call()
    values = {"owner": key.address, "spender": s.desk.address, "value": amount, "nonce": nonce, "deadline": 2**40}
    signature = sign(key, domain, "Permit", PERMIT, values)
    return 2**40, signature[64], signature[:32], signature[32:64]


def test_one_step_follows_and_funds_by_permit(s):
    s.do(s.usdc.functions.mint(ANN.address, 3_000 * USDC))
    s.do(s.desk.functions.followAndFund(*signed(s), 2_000 * USDC, *permit(s, ANN, 2_000 * USDC)))
    assert s.holds(s.wallet(ANN.address)) == (2_000 * USDC, 0)
    assert s.holds(ANN.address) == (1_000 * USDC, 0)
    assert s.holds(s.desk.address) == (0, 0)


def test_a_permit_that_somebody_sent_ahead_has_done_its_work(s):
    s.do(s.usdc.functions.mint(ANN.address, 3_000 * USDC))
    told = permit(s, ANN, 2_000 * USDC)
    s.do(s.usdc.functions.permit(ANN.address, s.desk.address, 2_000 * USDC, *told))
    s.do(s.desk.functions.followAndFund(*signed(s), 2_000 * USDC, *told))
    assert s.holds(s.wallet(ANN.address)) == (2_000 * USDC, 0)


def test_no_more_than_the_allocation_is_taken_to_fund(s):
    with reverts(s.desk, "Refused"):
        s.desk.functions.followAndFund(*signed(s), 10_001 * USDC, *permit(s, ANN, 10_001 * USDC)).call()


def test_the_wallets_address_is_the_same_whoever_asks_and_other_for_each_lead(s):
    leads = (s.lead.address, person("other lead").address)
    wallets = {s.desk.functions.walletOf(a, b).call() for a in (ANN.address, BOB.address) for b in leads}
    assert len(wallets) == 4
