"""A committed order is settled only after its reveal, in the same call; who does not reveal pays."""

import dataclasses

import pytest
from web3 import Web3

from pilotfish.venues.evm.wire import instructions
from tests.contracts.chain import assert_gas, deploy, reverts, send
from tests.contracts.doubles import compiled
from tests.contracts.executor_scene import BOND, fields, gas_at_most, next_at, scene

SALT, ROUTE, GAS = b"\x05" * 32, b"\0\x0b\xb8", 500_000
DELAY, WINDOW = 120, 600


@pytest.fixture(scope="module")
def s(web3):
    made = scene(web3)
    for key in (made.lead, made.agent, made.stranger):
        fund(made, key)
    return made


def address(key):
    return Web3.to_checksum_address(key.address)


def fund(s, key):
    send(s.web3, s.usdc.functions.mint(address(key), 10 * BOND[1]), s.owner)
    s.by(key, s.usdc.functions.approve(s.executor.address, 2**256 - 1))


def balance(s, who):
    return s.usdc.functions.balanceOf(who if isinstance(who, str) else address(who)).call()


def committed(s, order, salt=SALT, route=ROUTE):
    return instructions.commitment(instructions.digest(order, s.separator), salt, route)


def commit(s, order, key=None, commitment=None):
    """Second in which it was committed."""
    call = s.executor.functions.commit(order.book, commitment or committed(s, order))
    mined = s.by(key or s.lead, call)
    return s.web3.eth.get_block(mined["blockNumber"])["timestamp"]


def revealing(s, order, salt=SALT, route=ROUTE):
    return s.executor.functions.reveal(fields(order), salt, route)


def forfeiting(s, order):
    return s.executor.functions.forfeit(order.lead, committed(s, order))


def contributed(s, book):
    """What the insurance pool has on the account of `book`, base units."""
    (event,) = s.pool.events.Contributed().get_logs(from_block=0)
    assert event["args"]["book"] == book.address
    return event["args"]["amount"]


def refused(s, call, error, key=None):
    with reverts(s.executor, error):
        call.call({"from": address(key or s.lead)}, "pending")


def test_the_commitment_is_what_the_contract_says(s):
    order = s.instruction()
    assert s.executor.functions.commitmentOf(fields(order), SALT, ROUTE).call() == committed(s, order)


def test_a_reveal_counts_from_120_seconds_and_not_before(s):
    order = s.instruction()
    since = commit(s, order)
    next_at(s.web3, since + DELAY - 1)
    refused(s, revealing(s, order), "RevealTooEarly")
    next_at(s.web3, since + DELAY)
    mined = s.by(s.lead, revealing(s, order), GAS)
    assert s.web3.eth.get_block(mined["blockNumber"])["timestamp"] == since + DELAY
    assert [e["amountIn"] for e in s.events(mined, "Mirrored")] == [order.fraction]
    assert [e["digest"] for e in s.events(mined, "Revealed")] == [instructions.digest(order, s.separator)]


def test_the_bond_is_taken_at_the_commitment_and_comes_back_with_the_reveal(s):
    before = balance(s, s.lead)
    order = s.instruction()
    since = commit(s, order)
    assert balance(s, s.lead) == before - BOND[0]
    assert balance(s, s.executor.address) == BOND[0]
    next_at(s.web3, since + DELAY)
    s.by(s.lead, revealing(s, order), GAS)
    assert balance(s, s.lead) == before
    assert balance(s, s.executor.address) == 0


def test_the_windows_last_second_counts_and_the_next_forfeits(s):
    orders = [s.instruction(nonce=n) for n in (1, 2)]
    since = commit(s, orders[0])
    next_at(s.web3, since + 1)
    assert commit(s, orders[1]) == since + 1
    next_at(s.web3, since + DELAY + WINDOW)
    refused(s, forfeiting(s, orders[0]), "ForfeitTooEarly")
    s.by(s.lead, revealing(s, orders[0]), GAS)
    next_at(s.web3, since + 1 + DELAY + WINDOW)
    refused(s, forfeiting(s, orders[1]), "ForfeitTooEarly", s.stranger)
    next_at(s.web3, since + 1 + DELAY + WINDOW + 1)
    refused(s, revealing(s, orders[1]), "RevealTooLate")
    mined = s.by(s.stranger, forfeiting(s, orders[1]), GAS)
    assert [e["bond"] for e in s.events(mined, "Forfeited")] == [BOND[0]]
    assert contributed(s, s.book) == BOND[0] == balance(s, s.pool.address)
    refused(s, forfeiting(s, orders[1]), "NotCommitted")


def test_a_bond_of_a_book_that_the_pool_does_not_know_counts_for_the_executor(s):
    order = s.instruction()
    send(s.web3, s.pool.functions.setBook(s.book.address, False), s.owner)
    next_at(s.web3, commit(s, order) + DELAY + WINDOW + 1)
    s.by(s.stranger, forfeiting(s, order), GAS)
    assert contributed(s, s.executor) == BOND[0] == balance(s, s.pool.address)


def test_another_may_not_reveal_and_an_agent_may(s):
    order = s.instruction()
    next_at(s.web3, commit(s, order) + DELAY)
    refused(s, revealing(s, order), "NotTheLead", s.stranger)
    s.by(s.lead, s.executor.functions.approveAgent(address(s.agent), 2**63))
    before = balance(s, s.lead)
    s.by(s.agent, revealing(s, order), GAS)
    assert balance(s, s.lead) == before + BOND[0]


def test_an_agent_commits_with_its_own_bond_and_not_after_it_was_revoked(s):
    order = s.instruction()
    call = s.executor.functions.commit(order.book, committed(s, order))
    refused(s, call, "NotTheLead", s.agent)
    s.by(s.lead, s.executor.functions.approveAgent(address(s.agent), 2**63))
    before = balance(s, s.agent), balance(s, s.lead)
    since = commit(s, order, s.agent)
    assert (balance(s, s.agent), balance(s, s.lead)) == (before[0] - BOND[0], before[1])
    s.by(s.lead, s.executor.functions.revokeAgent(address(s.agent)))
    next_at(s.web3, since + DELAY)
    refused(s, revealing(s, order), "NotTheLead", s.agent)
    s.by(s.lead, revealing(s, order), GAS)
    assert balance(s, s.agent) == before[0]


def test_a_copied_commitment_is_worth_nothing_to_the_copier_and_stops_nobody(s):
    """The copier leads a book of its own, and is first."""
    order = s.instruction()
    copiers = compiled(s.web3, "Executor.sol", "PlainBook", address(s.stranger), 0)
    first = s.executor.functions.commit(copiers.address, committed(s, order))
    s.by(s.stranger, first)
    since = commit(s, order)
    next_at(s.web3, since + DELAY)
    refused(s, revealing(s, order), "NotTheLead", s.stranger)
    mine = s.instruction(lead=address(s.stranger), book=copiers.address)
    refused(s, revealing(s, mine), "NotCommitted", s.stranger)
    mined = s.by(s.lead, revealing(s, order), GAS)
    assert len(s.events(mined, "Mirrored")) == 1
    assert balance(s, s.executor.address) == BOND[0]  # the copier's, until it is forfeited


def test_a_commitment_counts_for_its_book_order_salt_and_route_alone(s):
    order = s.instruction()
    other = s.with_book(0).book.address
    since = commit(s, s.instruction(), commitment=committed(s, order))
    commit(s, s.instruction(book=other), commitment=committed(s, s.instruction(nonce=9)))
    next_at(s.web3, since + DELAY + 1)
    wrong = [
        revealing(s, order, salt=b"\x06" * 32),
        revealing(s, order, route=b""),
        revealing(s, s.instruction(fraction=order.fraction + 1)),
        revealing(s, s.instruction(book=other)),
        revealing(s, s.instruction(nonce=9)),  # committed for the other book
    ]
    for call in wrong:
        refused(s, call, "NotCommitted")
    s.by(s.lead, revealing(s, order), GAS)


def test_a_commitment_for_another_chain_or_executor_is_none(s):
    order = s.instruction()
    for domain in (
        instructions.domain(s.web3.eth.chain_id + 1, s.executor.address),
        instructions.domain(s.web3.eth.chain_id, s.pool.address),
    ):
        elsewhere = instructions.commitment(instructions.digest(order, domain), SALT, ROUTE)
        since = commit(s, order, commitment=elsewhere)
    next_at(s.web3, since + DELAY)
    refused(s, revealing(s, order), "NotCommitted")


def test_no_commitment_counts_twice(s):
    order = s.instruction()
    since = commit(s, order)
    again = s.executor.functions.commit(order.book, committed(s, order))
    refused(s, again, "CommittedAlready")
    next_at(s.web3, since + DELAY)
    s.by(s.lead, revealing(s, order), GAS)
    refused(s, revealing(s, order), "NotCommitted")
    refused(s, forfeiting(s, order), "NotCommitted")
    refused(s, again, "CommittedAlready")


def test_what_the_book_refuses_counts_as_revealed_and_says_why(s):
    at = s.with_book(1)
    order, before = at.instruction(), balance(s, s.lead)
    next_at(s.web3, commit(at, order) + DELAY)
    mined = s.by(s.lead, revealing(at, order), GAS)
    (told,) = s.events(mined, "NotSettled")
    assert told["reason"] == Web3.keccak(text="TooDear(uint256)")[:4] + order.limit.to_bytes(32)  # unaltered
    assert balance(s, s.lead) == before
    with reverts(s.executor, "NonceUsed"):
        at.bring(order)


def test_too_little_gas_uses_no_order_up(s):
    at = s.with_book(2)
    order = at.instruction()
    next_at(s.web3, commit(at, order) + DELAY)
    with reverts(s.executor, "TooLittleGas"):
        revealing(at, order).call({"from": address(s.lead), "gas": GAS}, "pending")


def test_an_order_that_is_overdue_cannot_be_revealed(s):
    order = s.instruction()
    order = s.instruction(deadline=order.deadline - 10_000 + DELAY)
    since = commit(s, order)
    next_at(s.web3, max(since + DELAY, order.deadline + 1))
    refused(s, revealing(s, order), "Expired")


def test_a_nonce_used_meanwhile_cannot_be_revealed(s):
    order = s.instruction()
    since = commit(s, order)
    s.bring(order)
    next_at(s.web3, since + DELAY)
    refused(s, revealing(s, order), "NonceUsed")


def test_a_book_that_comes_back_into_a_reveal_is_stopped(s):
    at = s.with_book(3)
    order = at.instruction()
    inner = instructions.reveal_calldata(order, SALT, b"")
    next_at(s.web3, commit(at, order, commitment=committed(s, order, route=inner)) + DELAY)
    mined = s.by(s.lead, revealing(at, order, route=inner), GAS)
    (told,) = s.events(mined, "NotSettled")
    assert told["reason"][:4] in (
        Web3.keccak(text="NotTheLead(address)")[:4],
        Web3.keccak(text="ReentrancyGuardReentrantCall()")[:4],
    )


def test_nobody_calls_the_settlement_by_itself(s):
    call = s.executor.functions.settleRevealed(SALT, fields(s.instruction()), ROUTE)
    refused(s, call, "NotTheLead")


def test_a_book_by_reveal_only_refuses_what_is_merely_signed(s):
    order = s.instruction()
    s.by(s.stranger, s.executor.functions.setRevealOnly(order.book, True))  # another's word changes nothing
    s.bring(s.instruction(nonce=1))
    s.by(s.lead, s.executor.functions.setRevealOnly(order.book, True))
    with reverts(s.executor, "MustBeRevealed"):
        s.bring(order)
    with reverts(s.executor, "MustBeRevealed"):
        s.executor.functions.check(fields(order), s.signature(order)).call()
    next_at(s.web3, commit(s, order) + DELAY)
    s.by(s.lead, revealing(s, order), GAS)
    s.with_book(0).bring(s.with_book(0).instruction(nonce=2))  # its other books go on


def test_going_back_waits_until_what_is_committed_is_revealed_or_lost(s):
    order = s.instruction()
    book = order.book
    s.by(s.lead, s.executor.functions.setRevealOnly(book, True))
    mined = s.by(s.lead, s.executor.functions.setRevealOnly(book, False))
    until = s.web3.eth.get_block(mined["blockNumber"])["timestamp"] + DELAY + WINDOW
    s.by(s.lead, s.executor.functions.setRevealOnly(book, False))
    assert s.executor.functions.revealOnlyUntil(order.lead, book).call() == until  # asking again delays nothing
    next_at(s.web3, until)
    refused(s, s.mirror(order), "MustBeRevealed")
    next_at(s.web3, until + 1)
    send(s.web3, s.mirror(order), s.owner, gas=GAS)


def test_a_bond_that_takes_a_toll_is_refused(s):
    toll = compiled(s.web3, "Executor.sol", "TollToken")
    pool = deploy(s.web3, "InsurancePool", s.owner, toll.address)
    executor = deploy(s.web3, "MirrorExecutor", s.owner, pool.address, *BOND)
    at = dataclasses.replace(s, executor=executor, usdc=toll)
    fund(at, at.lead)
    with reverts(executor, "BondShort"):
        executor.functions.commit(at.book.address, SALT).call({"from": address(at.lead)})


def test_a_new_bond_is_for_new_commitments(s):
    order = s.instruction()
    before = balance(s, s.lead)
    since = commit(s, order)
    send(s.web3, s.executor.functions.setBond(BOND[1]), s.owner)
    next_at(s.web3, since + DELAY)
    s.by(s.lead, revealing(s, order), GAS)
    assert balance(s, s.lead) == before
    commit(s, s.instruction(nonce=7))
    assert balance(s, s.lead) == before - BOND[1]


def test_gas_of_commitment_and_reveal(s):
    """Not a lead's first."""
    orders = [s.instruction(nonce=n) for n in (1, 2)]
    commit(s, orders[0])
    mined = s.by(s.lead, s.executor.functions.commit(s.book.address, committed(s, orders[1])))
    assert_gas("mirror", "commitment", gas_at_most(s.web3, mined))
    next_at(s.web3, s.web3.eth.get_block(mined["blockNumber"])["timestamp"] + DELAY)
    used = [gas_at_most(s.web3, s.by(s.lead, revealing(s, order), GAS)) for order in orders]
    assert_gas("mirror", "reveal and settlement, a book without work", used[1])
