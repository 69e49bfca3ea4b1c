"""Tokens that call back, keep a part, say nothing, or bar people: what they may cost, and whom."""

import pytest

from tests.contracts.attack_scene import DAY, USDC
from tests.contracts.attack_tokens import set_vault
from tests.contracts.chain import reverts
from tests.contracts.doubles import compiled

SHARE = 10**12


@pytest.fixture(scope="module")
def s(web3):
    """A vault whose asset calls whoever it was armed with while it moves. The lead holds 100,000 of it, Ann 10,000."""
    token = compiled(web3, "Mallory.sol", "CallingToken")
    return set_vault(web3, token)


ENTRANCES = {
    "deposit": lambda v, who: ("deposit", [USDC, who]),
    "mint": lambda v, who: ("mint", [SHARE, who]),
    "request": lambda v, who: ("requestRedeem", [SHARE, who, who]),
    "settle": lambda v, who: ("settle", []),
    "claim": lambda v, who: ("claim", [who]),
    "redeem": lambda v, who: ("redeem", [0, who, who]),
    "withdraw": lambda v, who: ("withdraw", [0, who, who]),
    "crystallise": lambda v, who: ("crystallise", [who]),
    "distribute": lambda v, who: ("distributeFees", []),
    "record": lambda v, who: ("record", []),
    "unwind": lambda v, who: ("unwind", [who, 1, b""]),
    "end": lambda v, who: ("closeAtLine", []),
}


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_nothing_of_a_vault_can_be_entered_while_its_asset_moves(s, entrance):
    name, args = ENTRANCES[entrance](s.vault, s.token.address)
    s.do("owner", s.token.functions.arm(s.vault.address, s.vault.encode_abi(name, args)))
    s.deposit("ann", 1_000 * USDC)
    assert s.token.functions.times().call() == 1
    assert not s.token.functions.succeeded().call()
    assert bytes(s.token.functions.answer().call()) == bytes(
        s.vault.w3.keccak(text="ReentrancyGuardReentrantCall()")[:4]
    )


def test_shares_are_worth_no_less_to_whoever_looks_during_a_payment(s):
    """Read-only reentrancy: on the way out the price is read in the middle of a transfer."""
    s.wait(DAY)
    ann = s.people["ann"]
    before = s.vault.functions.navPerShare().call()
    s.do("ann", s.vault.functions.requestRedeem(5_000 * SHARE, ann, ann))
    s.do("ann", s.vault.functions.settle())
    s.do("owner", s.token.functions.arm(s.vault.address, s.vault.encode_abi("navPerShare", [])))
    s.do("ann", s.vault.functions.claim(ann))
    assert s.token.functions.times().call() == 1
    assert int.from_bytes(s.token.functions.answer().call(), "big") >= before
    assert s.vault.functions.navPerShare().call() >= before


def test_a_token_that_keeps_a_part_is_refused_before_it_buys_a_share(web3):
    token = compiled(web3, "Vault.sol", "TollToken")
    made = set_vault(web3, token)
    made.do("owner", token.functions.toll(1))
    shares = made.vault.functions.totalSupply().call()
    with reverts(made.vault, "NotTheWhole"):
        made.deposit("ann", 1_000 * USDC)
    assert made.vault.functions.totalSupply().call() == shares


def test_whoever_an_issuer_bars_waits_alone(web3):
    """Ann is barred; Bob is paid in full, and Ann sends her claim elsewhere."""
    token = compiled(web3, "Mallory.sol", "BarringToken")
    made = set_vault(web3, token)
    made.deposit("bob", 10_000 * USDC)
    made.wait(DAY)
    ann, bob, there = (made.people[who] for who in ("ann", "bob", "relayer"))
    for who in (ann, bob):
        made.do(who, made.vault.functions.requestRedeem(10_000 * SHARE, who, who))
    made.do("owner", token.functions.bar(ann, True))
    made.do("relayer", made.vault.functions.settle())
    with reverts(token, "Barred"):
        made.do("relayer", made.vault.functions.claim(ann))
    made.do("relayer", made.vault.functions.claim(bob))
    assert token.functions.balanceOf(bob).call() == 10_000 * USDC
    made.do("ann", made.vault.functions.redeem(10_000 * SHARE, there, ann))
    assert token.functions.balanceOf(there).call() == 10_000 * USDC


def test_while_an_issuer_has_stopped_everybody_nothing_is_lost(web3):
    token = compiled(web3, "Mallory.sol", "BarringToken")
    made = set_vault(web3, token)
    made.wait(DAY)
    ann = made.people["ann"]
    made.do("owner", token.functions.bar(made.vault.address, True))
    made.do("ann", made.vault.functions.requestRedeem(10_000 * SHARE, ann, ann))
    made.do("ann", made.vault.functions.settle())
    with reverts(token, "Barred"):
        made.do("ann", made.vault.functions.claim(ann))
    made.do("owner", token.functions.bar(made.vault.address, False))
    made.do("ann", made.vault.functions.claim(ann))
    assert token.functions.balanceOf(ann).call() == 10_000 * USDC
