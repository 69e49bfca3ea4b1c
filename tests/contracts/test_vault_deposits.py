"""Who comes in, at what price, for how long, and who may not."""

import pytest

from tests.contracts.chain import deploy, reverts, send
from tests.contracts.doubles import compiled
from tests.contracts.market import fund
from tests.contracts.nodes import later
from tests.contracts.vault_world import DAY, LIMITS, SCALE, SHARE, USDC, WETH, config, world


@pytest.fixture(scope="module")
def w(web3):
    return world(web3)


@pytest.fixture(scope="module")
def led(w):
    """The lead has put in 1,000."""
    w.deposit(w.lead, 1000 * USDC)
    return w


def test_a_first_deposit_buys_a_share_for_a_unit(led):
    assert led.shares(led.lead) == 1000 * SHARE == led.read("totalSupply")
    assert led.read("decimals") == 12
    assert led.read("navPerShare") == SCALE // 10**6
    assert led.deposit(led.ann, 3 * USDC) == 3 * SHARE


def test_what_a_preview_says_is_what_a_deposit_gets(web3, led):
    led.gain(37 * USDC)
    expected = led.read("previewDeposit", 100 * USDC)
    assert led.deposit(led.ann, 100 * USDC) == expected
    cost = led.read("previewMint", 50 * SHARE)
    fund(web3, led.market.usdc, led.bob, cost, led.vault.address)
    led.do(led.bob, "mint", 50 * SHARE, led.bob)
    assert (led.shares(led.bob), led.cash(led.bob)) == (50 * SHARE, 0)


def test_an_entry_is_priced_high_and_an_exit_low(led):
    led.buy(0.5)
    led.price(2990, 3010)
    held = led.market.weth.functions.balanceOf(led.vault.address).call()
    idle = led.read("idle")
    low, high = idle + held * 2990 * USDC // WETH, idle + -(-held * 3010 * USDC // WETH)
    supply = led.read("totalSupply") + 10**6
    assert led.read("totalAssets") == low
    assert led.read("previewDeposit", 100 * USDC) == 100 * USDC * supply // (high + 1)
    assert led.read("navPerShare") == (low + 1) * SCALE // supply
    assert led.read("convertToAssets", SHARE) == SHARE * led.read("navPerShare") // SCALE < USDC


def test_shares_stay_where_they_are_for_a_day_after_a_deposit(web3, led):
    led.deposit(led.ann, 100 * USDC)
    for name, args in (("transfer", (led.bob, 1)), ("requestRedeem", (SHARE, led.ann, led.ann))):
        with reverts(led.vault, "Locked"):
            led.do(led.ann, name, *args)
    later(web3, DAY // 2)
    led.deposit(led.ann, USDC)
    later(web3, DAY // 2 + 60)
    with reverts(led.vault, "Locked"):
        led.do(led.ann, "transfer", led.bob, 1)
    later(web3, DAY)
    led.do(led.ann, "transfer", led.bob, 60 * SHARE)
    led.do(led.bob, "transfer", led.eve, 10 * SHARE)
    led.request(led.ann, 41 * SHARE)


def test_nobody_extends_anothers_lock_by_a_gift_of_dust(web3, led):
    fund(web3, led.market.usdc, led.eve, 10 * USDC, led.vault.address)
    with reverts(led.vault, "NotAllowed"):
        led.do(led.eve, "deposit", USDC, led.ann)
    led.do(led.ann, "setOperator", led.eve, True)
    led.do(led.eve, "deposit", USDC, led.ann)
    assert led.shares(led.ann) == SHARE
    later(web3, DAY + 1)
    led.do(led.ann, "transfer", led.bob, SHARE // 2)
    until = led.read("account", led.bob)[2]
    assert until == 0


def test_followers_come_in_only_behind_a_lead_with_five_per_cent(web3, led):
    assert led.read("maxMint", led.ann) == 19_000 * SHARE
    assert led.read("maxDeposit", led.ann) == 19_000 * USDC
    led.deposit(led.ann, 19_000 * USDC)
    with reverts(led.vault, "StakeTooSmall"):
        led.deposit(led.bob, USDC)
    assert led.read("maxDeposit", led.bob) == 0 < led.read("maxDeposit", led.lead)
    led.deposit(led.lead, 10 * USDC)
    led.deposit(led.bob, 190 * USDC)


def test_without_the_lead_nobody_comes_in(web3):
    empty = world(web3)
    with reverts(empty.vault, "StakeTooSmall"):
        empty.deposit(empty.ann, 100 * USDC)


def test_the_lead_does_not_leave_its_followers(web3, led):
    led.deposit(led.ann, 9_000 * USDC)
    later(web3, DAY + 1)
    with reverts(led.vault, "StakeTooSmall"):
        led.do(led.lead, "transfer", led.bob, 600 * SHARE)
    with reverts(led.vault, "StakeTooSmall"):
        led.request(led.lead, 600 * SHARE)
    led.request(led.lead, 500 * SHARE)
    led.request(led.ann, 9_000 * SHARE)
    led.request(led.lead, 500 * SHARE)
    led.do(led.eve, "settle")
    assert led.read("totalSupply") == 0


def test_a_halt_stops_deposits_and_no_exit(web3, led):
    led.deposit(led.ann, 100 * USDC)
    later(web3, DAY + 1)
    send(web3, led.breaker.functions.halt(True), led.eve)
    assert led.read("maxDeposit", led.ann) == 0 == led.read("maxMint", led.lead)
    with reverts(led.breaker, "Halted"):
        led.deposit(led.ann, USDC)
    assert led.exit(led.ann, 100 * SHARE) == 100 * USDC


def test_nothing_comes_in_at_a_doubtful_price(web3, led):
    led.buy(0.1)
    led.doubt()
    assert led.read("maxDeposit", led.ann) == 0
    with reverts(led.guard, "StalePrice"):
        led.deposit(led.ann, 100 * USDC)


def test_a_deposit_too_small_for_a_share_is_refused(web3, led):
    with reverts(led.vault, "SharesOutOfBounds"):
        led.deposit(led.ann, 0)


def test_first_shares_cannot_be_inflated_away(web3, led):
    """The lead itself attacks: the least there can be of shares, then a gift, so that the next deposit rounds away."""
    attacked = world(web3)
    with reverts(attacked.vault, "SharesOutOfBounds"):
        attacked.deposit(attacked.lead, USDC - 1)
    attacked.deposit(attacked.lead, USDC)
    gift = 10_000 * USDC
    attacked.gain(gift)
    attacked.deposit(attacked.ann, 1_000 * USDC)
    worth = attacked.read("convertToAssets", attacked.shares(attacked.ann))
    assert 0 < 1_000 * USDC - worth <= 2
    assert attacked.read("convertToAssets", attacked.shares(attacked.lead)) <= gift + USDC


def test_a_token_that_keeps_a_part_of_a_transfer_is_refused(web3, led):
    toll = compiled(web3, "Vault.sol", "TollToken")
    parts = {
        "asset": toll.address,
        "guard": compiled(web3, "Vault.sol", "SetPrices", toll.address).address,
        "pool": compiled(web3, "Vault.sol", "TillPool", toll.address).address,
    }
    vault = deploy(web3, "StrategyVault", config(led, LIMITS, **parts))
    fund(web3, toll, led.lead, 100 * USDC, vault.address)
    send(web3, vault.functions.deposit(10 * USDC, led.lead), led.lead)
    send(web3, toll.functions.toll(1), led.lead)
    with reverts(vault, "NotTheWhole"):
        send(web3, vault.functions.deposit(10 * USDC, led.lead), led.lead)


def test_a_token_that_calls_back_finds_the_door_closed(web3, led):
    hook = compiled(web3, "Vault.sol", "HookToken")
    parts = {
        "asset": hook.address,
        "guard": compiled(web3, "Vault.sol", "SetPrices", hook.address).address,
        "pool": compiled(web3, "Vault.sol", "TillPool", hook.address).address,
    }
    vault = deploy(web3, "StrategyVault", config(led, LIMITS, **parts))
    fund(web3, hook, led.lead, 100 * USDC, vault.address)
    for call in ("settle", "record"):
        send(web3, hook.functions.arm(vault.address, vault.encode_abi(call, [])), led.lead)
        send(web3, vault.functions.deposit(USDC, led.lead), led.lead)
    claim = vault.encode_abi("claim", [led.lead])
    send(web3, hook.functions.arm(vault.address, claim), led.lead)
    send(web3, vault.functions.deposit(USDC, led.lead), led.lead)
    assert not hook.functions.passed().call()
    send(web3, vault.functions.claim(led.lead), led.lead)


@pytest.mark.parametrize(
    "changed",
    [
        {"lead": "0x" + "00" * 20},
        {"limits": (3599, 100, 100, 10_000, 5_000, 300)},
        {"limits": (DAY, 501, 100, 10_000, 5_000, 300)},
        {"limits": (DAY, 100, 501, 10_000, 5_000, 300)},
        {"limits": (DAY, 100, 100, 10_001, 5_000, 300)},
        {"limits": (DAY, 100, 100, 10_000, 10_000, 300)},
        {"limits": (DAY, 100, 100, 10_000, 5_000, 0)},
        {"limits": (DAY, 100, 100, 10_000, 5_000, 1_001)},
    ],
)
def test_a_vault_that_does_not_fit_together_is_not_deployed(web3, w, changed):
    with reverts(w.vault, "Misconfigured"):
        deploy(web3, "StrategyVault", config(w, **{"limits": LIMITS, **changed}))


def test_a_vault_of_other_tokens_than_its_guards_is_not_deployed(web3, w):
    usdc, weth = w.market.usdc.address, w.market.weth.address
    for changed in ({"asset": weth}, {"tokens": [usdc]}, {"tokens": [weth, weth]}, {"tokens": [w.eve] * 9}):
        with reverts(w.vault, "Misconfigured"):
            deploy(web3, "StrategyVault", config(w, **changed))


def test_shares_are_not_given_to_the_vault_itself(web3, led):
    later(web3, DAY + 1)
    with reverts(led.vault, "NotAHolder"):
        led.do(led.lead, "transfer", led.vault.address, SHARE)
