"""What opens is stopped at once, by a guardian or by too many liquidations; only the owner lets it go on."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from web3 import Web3

from tests.contracts.chain import assert_gas, deploy, gas_used, reverts, send
from tests.contracts.doubles import compiled
from tests.contracts.nodes import later

ZERO = "0x" + "00" * 20
BOOK, OTHER = ("0x" + f"{n:02x}" * 20 for n in (0xB1, 0xB2))
REASON = b"feed of WETH".ljust(32, b"\0")
LIMIT, WINDOW = 5, 300


@pytest.fixture(scope="module")
def breaker(web3):
    owner, guardian, reporter, *_ = web3.eth.accounts
    made = deploy(web3, "Breaker", owner)
    send(web3, made.functions.setGuardian(guardian, True), owner)
    send(web3, made.functions.setReporter(reporter, True), owner)
    return made


def opens(breaker, book=BOOK):
    breaker.functions.requireOpen(Web3.to_checksum_address(book)).call()
    return True


def liquidate(web3, breaker, book=BOOK):
    """Told by the reporter; when."""
    mined = send(web3, breaker.functions.liquidated(Web3.to_checksum_address(book)), web3.eth.accounts[2])
    return web3.eth.get_block(mined["blockNumber"])["timestamp"]


def test_a_guardian_halts_everything_at_once(web3, breaker):
    assert opens(breaker)
    send(web3, breaker.functions.halt(REASON), web3.eth.accounts[1])
    for book in (BOOK, OTHER):
        with reverts(breaker, "Halted"):
            opens(breaker, book)
    told = breaker.events.HaltedBy().get_logs(from_block=0)[-1]["args"]
    assert (told["book"], told["by"], told["reason"]) == (ZERO, web3.eth.accounts[1], REASON)


def test_a_guardian_halts_one_book_and_the_others_go_on(web3, breaker):
    owner, guardian = web3.eth.accounts[:2]
    book = Web3.to_checksum_address(BOOK)
    for _ in range(2):
        send(web3, breaker.functions.haltBook(book, REASON), guardian)
    with reverts(breaker, "Halted"):
        opens(breaker)
    assert opens(breaker, OTHER)
    send(web3, breaker.functions.haltBook(Web3.to_checksum_address(OTHER), REASON), guardian)
    for _ in range(2):
        send(web3, breaker.functions.resumeBook(book), owner)
    assert opens(breaker)
    with reverts(breaker, "Halted"):
        opens(breaker, OTHER)


def test_a_book_halted_on_its_own_stays_so_when_the_platform_goes_on(web3, breaker):
    owner, guardian = web3.eth.accounts[:2]
    send(web3, breaker.functions.haltBook(Web3.to_checksum_address(BOOK), REASON), guardian)
    send(web3, breaker.functions.halt(REASON), guardian)
    send(web3, breaker.functions.resume(), owner)
    assert opens(breaker, OTHER)
    with reverts(breaker, "Halted"):
        opens(breaker)


def test_only_the_owner_resumes_and_only_those_listed_halt_or_report(web3, breaker):
    owner, guardian, reporter, stranger, *_ = web3.eth.accounts
    book = Web3.to_checksum_address(BOOK)
    send(web3, breaker.functions.halt(REASON), owner)
    for who in (guardian, reporter, stranger):
        for call in (
            breaker.functions.resume(),
            breaker.functions.resumeBook(book),
            breaker.functions.setLimit(1, 60),
            breaker.functions.setGuardian(who, True),
            breaker.functions.setReporter(who, True),
        ):
            with reverts(breaker, "OwnableUnauthorizedAccount"):
                call.call({"from": who})
    for who in (reporter, stranger):
        for call in (breaker.functions.halt(REASON), breaker.functions.haltBook(book, REASON)):
            with reverts(breaker, "NotAGuardian"):
                call.call({"from": who})
    for who in (owner, guardian, stranger):
        with reverts(breaker, "NotAReporter"):
            breaker.functions.liquidated(book).call({"from": who})
    send(web3, breaker.functions.setGuardian(guardian, False), owner)
    with reverts(breaker, "NotAGuardian"):
        breaker.functions.halt(REASON).call({"from": guardian})


def test_the_liquidation_after_the_limit_halts_in_the_same_call(web3, breaker):
    for _ in range(LIMIT):
        liquidate(web3, breaker)
        assert opens(breaker)
    liquidate(web3, breaker, OTHER)
    with reverts(breaker, "Halted"):
        opens(breaker)
    told = breaker.events.HaltedBy().get_logs(from_block=0)[-1]["args"]
    assert (told["book"], told["reason"].rstrip(b"\0")) == (ZERO, b"liquidations")
    liquidate(web3, breaker)


def test_as_many_liquidations_spread_over_more_than_the_window_halt_nothing(web3, breaker):
    for _ in range(3 * LIMIT):
        liquidate(web3, breaker)
        later(web3, WINDOW // LIMIT)
    assert opens(breaker)


def test_only_sound_limits_are_taken(web3, breaker):
    for limit, window in ((0, 300), (33, 300), (2**256 - 1, 300), (5, 59), (5, 86_401)):
        with reverts(breaker, "OutOfBounds"):
            breaker.functions.setLimit(limit, window).call({"from": web3.eth.accounts[0]})


@settings(max_examples=6, deadline=None)
@given(
    limit=st.integers(1, 4),
    gaps=st.lists(st.sampled_from([0, 1, 20, 55, 59, 60, 61, 100]), min_size=1, max_size=8),
)
@example(limit=32, gaps=[0] * 33)
def test_the_window_slides_as_the_model_says(web3, limit, gaps):
    owner, _, reporter, *_ = web3.eth.accounts
    breaker = deploy(web3, "Breaker", owner)
    send(web3, breaker.functions.setReporter(reporter, True), owner)
    send(web3, breaker.functions.setLimit(limit, 60), owner)
    times: list[int] = []
    for gap in gaps:
        if gap:
            later(web3, gap)
        times.append(liquidate(web3, breaker))
        expected = any(sum(t - 60 < earlier <= t for earlier in times) > limit for t in times)
        assert breaker.functions.state().call()[0] == expected
        if expected:
            break


def test_a_changed_limit_counts_what_happened_before(web3, breaker):
    for _ in range(3):
        liquidate(web3, breaker)
    send(web3, breaker.functions.setLimit(3, WINDOW), web3.eth.accounts[0])
    assert opens(breaker)
    liquidate(web3, breaker)
    with reverts(breaker, "Halted"):
        opens(breaker)


def test_asking_costs_one_slot_where_nothing_is_halted(web3, breaker):
    asker = compiled(web3, "Prices.sol", "Asker")
    question = breaker.encode_abi("requireOpen", [Web3.to_checksum_address(BOOK)])
    send(web3, asker.functions.ask(breaker.address, question), web3.eth.accounts[0])
    assert asker.functions.used().call() < 2_600 + 2 * 2_100
    assert_gas("guard", "breaker asked", asker.functions.used().call())
    for _ in range(9):
        used = gas_used(web3, breaker.functions.liquidated(Web3.to_checksum_address(BOOK)), web3.eth.accounts[2])
    assert_gas("guard", "breaker told of a liquidation", used)
