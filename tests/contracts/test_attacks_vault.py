"""Whoever comes with borrowed money, gifts or dust takes nothing out of a vault that others put in."""

import pytest

from tests.contracts.attack_scene import DAY, LIMITS, ROUTE, STEPS, USDC, WETH, System, open_vault, steps, system
from tests.contracts.chain import gas_used, reverts
from tests.contracts.market import fund
from tests.contracts.nodes import later

SHARE = 10**12


@pytest.fixture(scope="module")
def s(web3) -> System:
    """The lead's 100,000 USDC, and 50,000 of Ann's."""
    made = system(web3)
    made.deposit("ann", 50_000 * USDC)
    return made


def shares(s: System, who: str) -> int:
    return int(s.vault.functions.balanceOf(s.address(who)).call())


def price(s: System) -> int:
    return int(s.vault.functions.navPerShare().call())


def waiting(s: System) -> int:
    return int(s.vault.functions.state().call()[1])


def leave(s: System, who: str) -> int:
    """Everything out: requested, served, claimed. What came."""
    before = s.cash(who)
    s.wait(DAY)
    s.do(who, s.vault.functions.requestRedeem(shares(s, who), s.address(who), s.address(who)))
    while waiting(s):
        s.do("relayer", s.vault.functions.settle())
    s.do("relayer", s.vault.functions.claim(s.address(who)))
    return s.cash(who) - before


# -- borrowed for one transaction


def test_shares_bought_with_a_flash_loan_can_neither_leave_nor_move_before_it_is_due(s):
    mallory, vault, usdc = s.mallory(usdc=10_000 * USDC), s.vault, s.market.usdc
    amount = 1_000_000 * USDC
    inside = (usdc, "approve", [vault.address, amount]), (vault, "deposit", [amount, mallory.address])
    request = (vault, "requestRedeem", [SHARE, mallory.address, mallory.address])
    with reverts(vault, "Locked"):
        s.do("mallory", s.flash(mallory, amount, *inside, request))
    with reverts(vault, "Locked"):
        s.do("mallory", s.flash(mallory, amount, *inside, (vault, "transfer", [s.people["bob"], SHARE])))
    with reverts(usdc, "ERC20InsufficientBalance"):  # it cannot pay the pool back
        s.do("mallory", s.flash(mallory, amount, *inside))
    assert s.cash(mallory.address) == 10_000 * USDC
    assert shares(s, mallory.address) == 0


def test_moving_the_pool_within_a_transaction_moves_no_price_of_the_vault(s):
    s.mirror(fraction=0.5)
    mallory = s.mallory(usdc=6_000_000 * USDC)
    before = price(s)
    order = (s.market.usdc.address, s.market.weth.address, 3000, mallory.address, 2**64, 5_000_000 * USDC, 0, 0)
    done = (
        (s.market.usdc, "approve", [s.market.router.address, 2**256 - 1]),
        (s.market.router, "exactInputSingle", [order]),
        (s.market.usdc, "approve", [s.vault.address, 2**256 - 1]),
        (s.vault, "deposit", [100_000 * USDC, mallory.address]),
    )
    s.do("mallory", mallory.functions.run(steps(*done)))
    assert s.market.pool.functions.slot0().call()[0] != 0
    assert shares(s, mallory.address) * before // 10**36 <= 100_000 * USDC
    assert before <= price(s) <= before + before // 10**4  # what a deposit at the higher prices leaves to the others


# -- gifts


def test_who_inflates_the_first_share_loses_the_gift(s, monkeypatch):
    """The classic: a first deposit of next to nothing, a large gift, and the victim's deposit rounds to no share."""
    monkeypatch.setattr(s, "vault", s.vault)  # put back afterwards
    open_vault(s, STEPS, LIMITS)
    with reverts(s.vault, "SharesOutOfBounds"):
        s.deposit("lead", USDC - 1)
    s.deposit("lead", USDC)
    gift, victims = 10_000_000 * USDC, 20 * USDC
    s.do("lead", s.market.usdc.functions.mint(s.vault.address, gift))  # the attacker's own money, given away
    s.deposit("bob", victims)
    lost = victims - shares(s, "bob") * price(s) // 10**36
    assert 0 <= lost <= 20  # one part in a million, for a gift of half a million times the victim's money
    assert shares(s, "lead") * price(s) // 10**36 < gift + USDC


def test_a_gift_to_the_vault_is_lost_to_who_gives_it(s):
    """Even to the lead, who holds two thirds and gets four fifths of the fees that the gift brings."""
    gift = 30_000 * USDC
    held = {who: shares(s, who) * price(s) // 10**36 for who in ("lead", "ann")}
    s.do("lead", s.market.usdc.functions.mint(s.vault.address, gift))
    s.wait(31 * DAY)
    for who in ("ann", "lead"):
        s.do("relayer", s.vault.functions.crystallise(s.people[who]))
    s.do("relayer", s.vault.functions.distributeFees())
    fees = s.cash("recipient")
    lead_has = shares(s, "lead") * price(s) // 10**36 + fees
    assert fees > 0
    assert lead_has - held["lead"] - gift < -8_000 * USDC
    assert shares(s, "ann") * price(s) // 10**36 > held["ann"]


def test_a_grain_of_a_token_that_is_not_held_makes_nobody_wait_for_its_price(s):
    """The oracle has fallen silent: a vault that holds nothing of it goes on as before."""
    s.wait(DAY)
    s.do("relayer", s.market.weth.functions.mint(s.vault.address, 1))
    later(s.web3, 2 * DAY)
    assert s.vault.functions.holdings(s.vault.address).call() == []
    s.deposit("bob", 1_000 * USDC)
    ann = s.people["ann"]
    s.do("ann", s.vault.functions.requestRedeem(shares(s, "ann"), ann, ann))
    s.do("relayer", s.vault.functions.settle())
    assert waiting(s) == 0
    s.tell()
    s.mirror(fraction=0.5)
    later(s.web3, 2 * DAY)
    with reverts(s.guard, "StalePrice"):  # a price of what it holds it does need
        s.deposit("bob", 1_000 * USDC)


# -- in and out again


@pytest.mark.parametrize("usd", [2_800, 3_000, 3_200])
def test_in_before_the_price_is_told_and_out_after_gains_nothing_beyond_the_move(s, usd):
    """The oracle lags; entries are priced at the higher and exits at the lower of oracle and market's average."""
    s.mirror(fraction=0.9)
    s.wait(3600)
    s.deposit("mallory", 100_000 * USDC)
    mine = shares(s, "mallory") / s.vault.functions.totalSupply().call()
    exposed = s.weth(s.vault.address) * (usd - 3000) * USDC // WETH
    gain = shares(s, "mallory") * price(s) // 10**36 - 100_000 * USDC
    assert gain <= 0
    assert mine * exposed < 100_000 * USDC


def test_a_deposit_and_an_exit_at_one_price_never_gain(s):
    for amount in (1, 999_999, 7 * USDC, 12_345_678_901):
        s.deposit("mallory", amount)
    put_in = 1 + 999_999 + 7 * USDC + 12_345_678_901
    assert leave(s, "mallory") <= put_in


# -- the queue


def test_dust_cannot_be_queued_and_the_head_is_served_at_one_price_however_many_wait(s):
    s.wait(DAY)
    with reverts(s.vault, "TooFewShares"):
        s.do("ann", s.vault.functions.requestRedeem(SHARE - 1, s.people["ann"], s.people["ann"]))
    s.do("ann", s.vault.functions.requestRedeem(SHARE, s.people["ann"], s.people["ann"]))
    one = gas_used(s.web3, s.vault.functions.settle(), s.people["relayer"])
    for _ in range(40):
        s.do("ann", s.vault.functions.requestRedeem(SHARE, s.people["ann"], s.people["ann"]))
    forty = gas_used(s.web3, s.vault.functions.settle(), s.people["relayer"])
    assert forty <= one + 1000
    assert waiting(s) == 0


def test_nobody_queues_at_anothers_expense(s):
    """A request for another controller needs its leave, so nobody's claims grow long by others' dust."""
    s.wait(DAY)
    with reverts(s.vault, "NotAllowed"):
        s.do("ann", s.vault.functions.requestRedeem(SHARE, s.people["bob"], s.people["ann"]))


def test_a_deposit_for_another_does_not_lock_what_it_has(s):
    s.wait(DAY)
    fund(s.web3, s.market.usdc, s.people["mallory"], USDC, s.vault.address)
    with reverts(s.vault, "NotAllowed"):
        s.do("mallory", s.vault.functions.deposit(USDC, s.people["ann"]))
    s.do("ann", s.vault.functions.transfer(s.people["bob"], SHARE))
    s.do("bob", s.vault.functions.transfer(s.people["ann"], SHARE))


def test_a_gain_while_an_exit_waits_is_for_those_who_were_there(s):
    """Ann waits; the market rises; whoever comes then has no part in it, and she has hers."""
    s.wait(DAY)
    s.mirror(fraction=1.0)
    ann = shares(s, "ann")
    s.do("ann", s.vault.functions.requestRedeem(ann, s.people["ann"], s.people["ann"]))
    s.do("relayer", s.market.usdc.functions.mint(s.vault.address, 60_000 * USDC))  # a gain, in cash
    hers, before = ann * price(s) // 10**36, s.cash("ann")
    put_in = 1_000_000 * USDC
    s.deposit("mallory", put_in)
    s.do("mallory", s.vault.functions.settle())
    s.do("mallory", s.vault.functions.claim(s.people["ann"]))
    gain = shares(s, "mallory") * price(s) // 10**36 - put_in
    assert gain <= 0, f"{gain / USDC:,.0f} USDC of a gain made before the deposit"
    assert hers - 2_500 * USDC < s.cash("ann") - before <= hers + 200 * USDC  # less the fee on some 20,000


def test_an_exit_goes_on_by_smaller_pieces_when_the_pool_has_become_shallow(s):
    """Nineteen twentieths of the liquidity leave: a fifth of the holding is too much for one trade now."""
    for _ in range(2):
        s.mirror(fraction=0.8)
        s.wait(3600)
    s.wait(DAY)
    s.do("ann", s.vault.functions.requestRedeem(shares(s, "ann"), s.people["ann"], s.people["ann"]))
    s.do("relayer", s.vault.functions.settle())
    liquidity = s.market.pool.functions.liquidity().call()
    s.do("owner", s.market.manager.functions.decreaseLiquidity((1, liquidity * 19 // 20, 0, 0, 2**64)))
    stage = s.weth(s.vault.address) // 5
    with reverts(s.venue, "TooLittle"):
        s.do("relayer", s.vault.functions.unwind(s.market.weth.address, 2**255, ROUTE))
    s.do("mallory", s.vault.functions.unwind(s.market.weth.address, 1, ROUTE))  # and nobody holds it up
    s.do("relayer", s.vault.functions.unwind(s.market.weth.address, stage // 8, ROUTE))
    before = waiting(s)
    s.do("relayer", s.vault.functions.settle())
    assert waiting(s) < before
