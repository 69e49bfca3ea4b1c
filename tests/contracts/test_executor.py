"""An instruction counts once: signed by the lead or its agent, for this book, chain and executor, in time."""

import dataclasses

import pytest
from eth_account import Account
from web3 import Web3

from pilotfish.venues.evm.wire import instructions
from tests.contracts.chain import assert_gas, deploy, gas_used, reverts, send
from tests.contracts.doubles import compiled
from tests.contracts.executor_scene import BOND, errors_of, fields, gas_at_most, next_at, scene

ORDER_OF_SECP256K1 = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
FOREVER = 2**63


@pytest.fixture(scope="module")
def s(web3):
    return scene(web3)


def appoint(s, until=FOREVER):
    s.by(s.lead, s.executor.functions.approveAgent(Web3.to_checksum_address(s.agent.address), until))


def test_anyone_may_bring_what_the_lead_signed(s):
    order = s.instruction()
    told = s.events(s.bring(order), "Mirrored")
    assert [dict(t) for t in told] == [
        {
            "digest": instructions.digest(order, s.separator),
            "lead": order.lead,
            "book": s.book.address,
            "amountIn": 10**17,
            "amountOut": 0,
        }
    ]


def test_the_digest_is_what_another_implementation_makes_of_the_typed_data(s):
    order = s.instruction()
    kinds = ["address"] * 4 + ["uint256"] * 4
    names = ["lead", "book", "tokenIn", "tokenOut", "fraction", "limit", "deadline", "nonce"]
    domain = {"name": "Pilotfish", "version": "1", "chainId": s.web3.eth.chain_id}
    signed = Account.sign_typed_data(
        s.lead.reveal(),
        {**domain, "verifyingContract": s.executor.address},
        {"Instruction": [{"name": n, "type": k} for n, k in zip(names, kinds, strict=True)]},
        dict(zip(names, fields(order), strict=True)),
    )
    assert s.executor.functions.digestOf(fields(order)).call() == signed.message_hash
    assert instructions.digest(order, s.separator) == signed.message_hash
    assert s.executor.functions.check(fields(order), signed.signature).call() == signed.message_hash


def test_our_calldata_is_the_encoders_own(s):
    order, route = s.instruction(), b"\x01\x02\x03"
    asked = s.mirror(order, route=route).build_transaction({"gas": 10**6, "from": s.owner})["data"]
    assert "0x" + instructions.mirror_calldata(order, s.signature(order), route).hex() == asked
    call = s.executor.functions.reveal(fields(order), b"\x09" * 32, route)
    asked = call.build_transaction({"gas": 10**6, "from": s.owner})["data"]
    assert "0x" + instructions.reveal_calldata(order, b"\x09" * 32, route).hex() == asked


def test_the_same_instruction_a_second_time_is_refused(s):
    order = s.instruction()
    s.bring(order)
    with reverts(s.executor, "NonceUsed"):
        s.bring(order)
    with reverts(s.executor, "NonceUsed"):
        s.executor.functions.check(fields(order), s.signature(order)).call()


NONCES = (2**256 - 1, 2**256 - 16, 3, 2, 256, 255, 0, 16, 257, 4096, 1)


def test_nonces_come_in_any_order_each_once(s):
    for nonce in NONCES:
        s.bring(s.instruction(nonce=nonce))
    for nonce in NONCES:
        with reverts(s.executor, "NonceUsed"):
            s.bring(s.instruction(nonce=nonce, fraction=1))
    s.bring(s.instruction(nonce=4))


def test_the_last_second_counts_and_the_next_does_not(s):
    deadline = s.web3.eth.get_block("latest")["timestamp"] + 100
    next_at(s.web3, deadline)
    mined = s.bring(s.instruction(deadline=deadline))
    assert s.web3.eth.get_block(mined["blockNumber"])["timestamp"] == deadline
    next_at(s.web3, deadline + 1)
    with reverts(s.executor, "Expired"):
        s.mirror(s.instruction(deadline=deadline, nonce=6)).call(block_identifier="pending")


def test_what_was_changed_after_signing_is_refused(s):
    order = s.instruction()
    signature = s.signature(order)
    changes = {
        "token_in": s.executor.address,
        "token_out": s.executor.address,
        "fraction": 1,
        "limit": 0,
        "deadline": order.deadline + 1,
        "nonce": 6,
    }
    for name, value in changes.items():
        with reverts(s.executor, "NotTheLead"):
            s.bring(s.instruction(**{name: value}), signature)
    s.bring(order, signature)


def test_a_signature_for_one_vault_is_none_for_another(s):
    other = s.with_book(0)
    with reverts(s.executor, "NotTheLead"):
        s.bring(s.instruction(book=other.book.address), s.signature(s.instruction()))


def test_a_signature_for_another_chain_is_refused(s):
    order = s.instruction()
    elsewhere = instructions.domain(s.web3.eth.chain_id + 1, s.executor.address)
    with reverts(s.executor, "NotTheLead"):
        s.bring(order, instructions.sign(order, elsewhere, s.lead))


def test_a_signature_for_another_executor_is_refused(s):
    order = s.instruction()
    other = deploy(s.web3, "MirrorExecutor", s.owner, s.pool.address, *BOND)
    with reverts(other, "NotTheLead"):
        send(s.web3, other.functions.mirror(fields(order), s.signature(order), b""), s.owner)


def test_a_stranger_and_an_impostor_lead_are_refused(s):
    with reverts(s.executor, "NotTheLead"):
        s.bring(s.instruction(), s.signature(s.instruction(), s.stranger))
    impostor = s.instruction(lead=Web3.to_checksum_address(s.stranger.address))
    with reverts(s.executor, "NotTheBooksLead"):
        s.bring(impostor, s.signature(impostor, s.stranger))
    s.bring(s.instruction())


def test_no_second_form_of_a_signature_is_taken(s):
    order = s.instruction()
    good = s.signature(order)
    high = (ORDER_OF_SECP256K1 - int.from_bytes(good[32:64])).to_bytes(32)
    compact = good[:32] + (int.from_bytes(good[32:64]) | (good[64] - 27) << 255).to_bytes(32)
    malformed = [good[:32] + high + bytes([55 - good[64]]), good[:64] + bytes([good[64] - 27]), compact, good + b"\0"]
    for signature in [*malformed, good[:-1], b"", bytes(65), b"\xff" * 65]:
        call = s.executor.functions.mirror(fields(order), signature, b"")
        with reverts(s.executor, "NotTheLead"):
            send(s.web3, call, s.owner)


def test_what_the_book_refuses_leaves_the_nonce_unused(s):
    refusing = s.with_book(1)
    order = refusing.instruction()
    with reverts(errors_of(s.executor, "PlainBook"), "TooDear"):
        refusing.bring(order)
    word, bit = s.executor.functions.placeOf(order.nonce).call()
    assert s.executor.functions.nonceBits(order.lead, word).call() & bit == 0
    s.bring(s.instruction())


def test_a_book_that_comes_back_finds_the_nonce_used(s):
    again = s.with_book(3)
    order = again.instruction()
    signature = again.signature(order)
    inner = instructions.mirror_calldata(order, signature, b"")
    with reverts(s.executor, "NonceUsed"):
        send(s.web3, again.mirror(order, signature, inner), s.owner)


def test_the_lead_takes_back_what_it_signed_by_the_word(s):
    s.by(s.lead, s.executor.functions.invalidate(0, 0b110000))
    for nonce in (4, 5):
        with reverts(s.executor, "NonceUsed"):
            s.bring(s.instruction(nonce=nonce))
    s.bring(s.instruction(nonce=6))


def test_numbers_of_tagged_swaps_share_a_word_and_all_others_share_theirs(s):
    place = s.executor.functions.placeOf
    swaps = [place(16 * n).call() for n in range(256)]
    assert {word for word, _ in swaps} == {2**255}
    assert sum(bit for _, bit in swaps) == 2**256 - 1
    others = [place(n).call() for n in range(256) if n % 16]
    assert {word for word, _ in others} == {0}
    assert sum(bit for _, bit in others) == sum(1 << n for n in range(256) if n % 16)
    assert place(16 * 256).call() == [2**255 + 1, 1]
    assert place(2**256 - 16).call() == [2**255 + 2**244 - 1, 1 << 255]


def test_the_lead_takes_back_its_swaps_by_the_word(s):
    word, bit = s.executor.functions.placeOf(32).call()
    s.by(s.lead, s.executor.functions.invalidate(word, bit))
    with reverts(s.executor, "NonceUsed"):
        s.bring(s.instruction(nonce=32))
    s.bring(s.instruction(nonce=16))


def test_nobody_takes_back_for_another(s):
    s.by(s.stranger, s.executor.functions.invalidate(0, 2**256 - 1))
    s.bring(s.instruction())


def test_an_agent_instructs_while_it_is_appointed(s):
    order = s.instruction()
    by_agent = s.signature(order, s.agent)
    with reverts(s.executor, "NotTheLead"):
        s.bring(order, by_agent)
    appoint(s)
    s.bring(order, by_agent)
    s.by(s.lead, s.executor.functions.revokeAgent(Web3.to_checksum_address(s.agent.address)))
    order = s.instruction(nonce=6)
    with reverts(s.executor, "NotTheLead"):
        s.bring(order, s.signature(order, s.agent))
    s.bring(order)


def test_an_appointment_ends_by_itself(s):
    until = s.web3.eth.get_block("latest")["timestamp"] + 50
    appoint(s, until)
    next_at(s.web3, until)
    order = s.instruction()
    s.bring(order, s.signature(order, s.agent))
    next_at(s.web3, until + 1)
    order = s.instruction(nonce=6)
    with reverts(s.executor, "NotTheLead"):
        s.mirror(order, s.signature(order, s.agent)).call(block_identifier="pending")


def test_an_agent_appoints_nobody(s):
    appoint(s)
    stranger, order = Web3.to_checksum_address(s.stranger.address), s.instruction()
    s.by(s.agent, s.executor.functions.approveAgent(stranger, FOREVER))  # its own agent, not the lead's
    with reverts(s.executor, "NotTheLead"):
        s.bring(order, s.signature(order, s.stranger))
    signature = instructions.sign_appointment(s.separator, s.agent, stranger, FOREVER, 0, FOREVER)
    call = s.executor.functions.approveAgentBySignature(order.lead, stranger, FOREVER, FOREVER, signature)
    with reverts(s.executor, "NotTheLead"):
        send(s.web3, call, s.owner)


def appointing(s, changes, until=FOREVER, deadline=FOREVER, key=None):
    agent = Web3.to_checksum_address(s.agent.address)
    signature = instructions.sign_appointment(s.separator, key or s.lead, agent, until, changes, deadline)
    lead = Web3.to_checksum_address(s.lead.address)
    return s.executor.functions.approveAgentBySignature(lead, agent, until, deadline, signature)


def test_a_signature_appoints_once_and_dies_with_the_leads_next_word(s):
    first = appointing(s, 0)
    send(s.web3, first, s.owner)
    s.bring(s.instruction(), s.signature(s.instruction(), s.agent))
    with reverts(s.executor, "NotTheLead"):
        send(s.web3, first, s.owner)
    outstanding = appointing(s, 1)
    s.by(s.lead, s.executor.functions.revokeAgent(Web3.to_checksum_address(s.agent.address)))
    with reverts(s.executor, "NotTheLead"):
        send(s.web3, outstanding, s.owner)
    with reverts(s.executor, "Expired"):
        send(s.web3, appointing(s, 2, deadline=1), s.owner)
    send(s.web3, appointing(s, 2), s.owner)
    send(s.web3, appointing(s, 3, until=0), s.owner)
    order = s.instruction(nonce=6)
    with reverts(s.executor, "NotTheLead"):
        s.bring(order, s.signature(order, s.agent))


def test_a_lead_that_is_a_contract_signs_by_its_own_rule(s):
    wallet = compiled(s.web3, "Executor.sol", "PlainWallet", Web3.to_checksum_address(s.stranger.address))
    book = compiled(s.web3, "Executor.sol", "PlainBook", wallet.address, 0)
    at = dataclasses.replace(s, book=book)
    order = at.instruction(lead=wallet.address)
    with reverts(s.executor, "NotTheLead"):
        at.bring(order, at.signature(order, s.lead))
    at.bring(order, at.signature(order, s.stranger))


def test_the_executor_costs_at_most_30_000_gas_beyond_the_books_own_work(s):
    """The whole transaction with its calldata, less 21,000 and less the work of the book when an account calls it."""
    route = b"\0\x0b\xb8"
    never = 2**32 - 1  # no byte of it is zero: calldata has a price of its own where a call does little (EIP-7623)
    call = s.book.functions.mirror(fields(s.instruction(deadline=never)), route)
    calldata = bytes.fromhex(call.build_transaction({"gas": 10**6, "from": s.owner})["data"][2:])
    book = gas_used(s.web3, call, s.owner) - 21_000 - sum(16 if byte else 4 for byte in calldata)
    orders = [s.mirror(s.instruction(nonce=n, deadline=never), route=route) for n in (0, 16)]
    used = [gas_at_most(s.web3, send(s.web3, order, s.owner)) - 21_000 - book for order in orders]
    assert used[1] <= 30_000
    assert_gas("mirror", "instruction, beyond the book's own work", used[1])
    assert_gas("mirror", "instruction, a lead's first of 256 nonces", used[0])


def test_the_owner_sets_the_bond_within_bounds_and_nobody_else_does(s):
    for bad in (BOND[0] - 1, BOND[1] + 1, 0):
        with reverts(s.executor, "BondOutOfBounds"):
            send(s.web3, s.executor.functions.setBond(bad), s.owner)
    send(s.web3, s.executor.functions.setBond(BOND[1]), s.owner)
    assert s.executor.functions.bond().call() == BOND[1]
    with reverts(s.executor, "OwnableUnauthorizedAccount"):
        send(s.web3, s.executor.functions.setBond(BOND[0]), s.web3.eth.accounts[1])


def test_an_executor_without_a_bond_is_not_made(s):
    for low, high in ((0, 5), (6, 5)):
        with reverts(s.executor, "BondOutOfBounds"):
            deploy(s.web3, "MirrorExecutor", s.owner, s.pool.address, low, high)
