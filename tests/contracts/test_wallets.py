"""A wallet is its follower's: funded before it exists, opened by anybody, emptied by nobody else."""

import pytest
from web3.exceptions import ContractLogicError, Web3RPCError

from pilotfish.venues.evm.contracts.artifact import load
from tests.contracts.chain import reverts
from tests.contracts.follow_scene import USDC, WETH, person, scene

ANN, BOB = person("ann"), person("bob")


@pytest.fixture(scope="module")
def s(web3):
    return scene(web3)


@pytest.fixture(scope="module")
def wallet(s):
    s.coins(ANN.address, BOB.address, s.lead.address)
    return s.follow(ANN)


def proxy(web3, s, wallet):
    return web3.eth.contract(address=wallet, abi=load("WalletProxy").abi)


def test_a_wallet_is_funded_before_it_exists_and_opens_where_it_was_foretold(web3, s):
    foretold = s.wallet(BOB.address)
    s.do(s.usdc.functions.mint(foretold, 7))
    assert web3.eth.get_code(foretold) == b""
    mined = s.do(s.desk.functions.open([BOB.address], s.lead.address), web3.eth.accounts[5])
    assert [dict(e) for e in s.told("Opened", mined)] == [
        {"follower": BOB.address, "lead": s.lead.address, "wallet": foretold}
    ]
    assert proxy(web3, s, foretold).functions.parties().call() == [BOB.address, s.lead.address]
    assert proxy(web3, s, foretold).functions.DESK().call() == s.desk.address
    assert s.holds(foretold) == (7, 0)


def test_opening_twice_changes_nothing_and_holds_up_nobody(web3, s, wallet):
    mined = s.do(s.desk.functions.open([ANN.address, BOB.address, BOB.address], s.lead.address))
    assert [e["follower"] for e in s.told("Opened", mined)] == [BOB.address]
    assert s.holds(wallet) == (10_000 * USDC, 0)


def test_the_follower_takes_its_money_at_any_time_without_anybodys_leave(web3, s, wallet):
    s.copy(wallet)
    s.do(s.breaker.functions.halt(True))
    held = s.holds(wallet)
    for token, amount in zip((s.usdc, s.weth), held, strict=True):
        move = token.encode_abi("transfer", [BOB.address, amount])
        s.act(ANN, proxy(web3, s, wallet).functions.execute(token.address, 0, move))
    assert s.holds(BOB.address) == held
    assert s.holds(wallet) == (0, 0)


def test_the_follower_trades_with_it_anywhere(web3, s, wallet):
    call = proxy(web3, s, wallet).functions.execute
    s.act(ANN, call(s.usdc.address, 0, s.usdc.encode_abi("approve", [s.venue.address, 3_000 * USDC])))
    swap = s.venue.encode_abi("swap", [s.usdc.address, s.weth.address, 3_000 * USDC, 0, wallet, b""])
    s.act(ANN, call(s.venue.address, 0, swap))
    assert s.holds(wallet) == (7_000 * USDC, WETH - 1) or s.holds(wallet) == (7_000 * USDC, WETH)


def test_coins_of_the_chain_come_in_and_go_out(web3, s, wallet):
    to = person("somebody").address
    web3.eth.wait_for_transaction_receipt(
        web3.eth.send_transaction({"from": web3.eth.accounts[0], "to": wallet, "value": 5})
    )
    s.act(ANN, proxy(web3, s, wallet).functions.execute(to, 5, b""))
    assert web3.eth.get_balance(to) == 5


def test_what_the_follower_calls_fails_with_its_own_reason(web3, s, wallet):
    call = proxy(web3, s, wallet).functions.execute
    with reverts(s.usdc, "ERC20InsufficientBalance"):
        call(s.usdc.address, 0, s.usdc.encode_abi("transfer", [BOB.address, 10**18])).call({"from": ANN.address})
    with reverts(proxy(web3, s, wallet), "CallFailed"):
        call(s.desk.address, 0, b"\x01\x02\x03\x04").call({"from": ANN.address})


def test_nobody_else_calls_with_it(web3, s, wallet):
    w = proxy(web3, s, wallet)
    for caller in (BOB.address, s.lead.address, s.operator, web3.eth.accounts[0]):
        with reverts(w, "NotYours"):
            w.functions.execute(s.usdc.address, 0, b"").call({"from": caller})


def test_nobody_but_the_desk_pulls_not_even_the_follower(web3, s, wallet):
    w = proxy(web3, s, wallet)
    for caller in (ANN.address, s.lead.address, s.operator, web3.eth.accounts[0]):
        with reverts(w, "NotYours"):
            w.functions.pull(s.usdc.address, WETH, 1).call({"from": caller})


def nobodys():
    """It has no parties to read."""
    return pytest.raises((Web3RPCError, ContractLogicError))


def test_the_code_that_wallets_share_is_nobodys_wallet(web3, s):
    w = proxy(web3, s, s.desk.functions.WALLET_CODE().call())
    with nobodys():
        w.functions.execute(s.usdc.address, 0, b"").call({"from": ANN.address})
