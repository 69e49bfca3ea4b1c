"""A signer is shown a lead's instruction, or the operator's user operation, and signs nothing that is not one."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pilotfish.venues.evm.wire import instructions, rlp, userops
from pilotfish.venues.evm.wire.instructions import Instruction
from pilotfish.venues.evm.wire.userops import Sponsorship, UserOperation
from pilotfish.venues.keys.digests import digest_of
from pilotfish.venues.keys.key import Key, KeyRefused
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.keys.schemes import Scheme, SignRequest
from pilotfish.venues.keys.typed import for_contracts

KEY = Key(bytes(range(1, 33)))
CHAIN, EXECUTOR, ENTRY, DESK, WALLET = 8453, *(f"0x{digit * 40}" for digit in "1234")
ORDER = Instruction(KEY.address, DESK, f"0x{'5' * 40}", f"0x{'6' * 40}", 10**17, 3 * 10**32, 2_000_000_000, 77)
COPY = userops.copy_calldata(ORDER, bytes(65), [WALLET] * 3, 50, b"\x00\x0b\xb8")
OP = UserOperation(DESK, 5 << 64, userops.execute_calldata(DESK, COPY), 150_000, 900_000, 60_000, 10**9, 3 * 10**9)

words = st.integers(0, 2**256 - 1)
halves = st.integers(0, 2**128 - 1)
addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
orders = st.builds(
    Instruction, lead=addresses, book=addresses, token_in=addresses, token_out=addresses, fraction=words, limit=words,
    deadline=words, nonce=words,
)  # fmt: skip
sponsorships = st.none() | st.builds(
    Sponsorship, paymaster=addresses, verification_gas=halves, post_operation_gas=halves, data=st.binary(max_size=40)
)
operations = st.builds(
    UserOperation, sender=addresses, nonce=words, call_data=st.just(OP.call_data), verification_gas=halves,
    call_gas=halves, pre_verification_gas=words, tip_wei=halves, fee_wei_max=halves, sponsorship=sponsorships,
)  # fmt: skip


def signature(request: SignRequest) -> bytes:
    made = Keyring([KEY]).sign(request)
    assert made is not None
    return made


@settings(max_examples=100, deadline=None)
@given(orders, st.integers(1, 2**64), addresses)
def test_an_instruction_that_is_shown_is_signed_as_the_executor_takes_it(order, chain, executor):
    made = for_contracts(signature(instructions.request(order, chain, executor, KEY.address)))
    assert made == instructions.sign(order, instructions.domain(chain, executor), KEY)


@settings(max_examples=100, deadline=None)
@given(operations, st.integers(1, 2**64), addresses)
def test_an_operation_that_is_shown_is_read_as_it_was_and_signed_as_the_entry_point_takes_it(op, chain, entry_point):
    request, domain = userops.request(op, chain, entry_point, KEY.address), userops.domain(chain, entry_point)
    assert userops.shown_operation(request.hash) == (op, domain)
    assert userops.signed(op, signature(request)) == userops.sign(op, domain, KEY)


def calling(data: bytes) -> SignRequest:
    return userops.request(replace(OP, call_data=data), CHAIN, ENTRY, KEY.address)


TRANSFER = bytes.fromhex("a9059cbb") + bytes(64)
ELSEWHERE = {
    "nothing": b"",
    "no execute": COPY,
    "a transfer": userops.execute_calldata(DESK, TRANSFER),
    "a call with coin": bytes.fromhex("b61d27f6") + OP.call_data[4:],
    "a copy and something behind it": OP.call_data + bytes(32),
    "a copy cut short": OP.call_data[:-32],
    "a copy that says it is longer": OP.call_data[:68] + (2**255).to_bytes(32) + OP.call_data[100:],
    "a copy that lies elsewhere": OP.call_data[:36] + (96).to_bytes(32) + OP.call_data[68:],
    "a target with something before it": OP.call_data[:4] + b"\x01" + OP.call_data[5:],
}


@pytest.mark.parametrize("what", ELSEWHERE)
def test_an_operation_that_does_something_else_than_copy_is_not_signed(what):
    with pytest.raises(KeyRefused, match="something else than copy"):
        signature(calling(ELSEWHERE[what]))


def test_an_instruction_of_another_size_or_with_a_longer_address_is_not_signed():
    shown = instructions.request(ORDER, CHAIN, EXECUTOR, KEY.address).hash
    for wrong in (b"", shown[:-1], shown + b"\x00", *(damaged(shown, 32 * word) for word in range(1, 6))):
        with pytest.raises(KeyRefused, match="no instruction"):
            signature(SignRequest(KEY.address, Scheme.EVM_INSTRUCTION, wrong))


def damaged(shown: bytes, at: int) -> bytes:
    return shown[:at] + bytes([shown[at] ^ 1]) + shown[at + 1 :]


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from([Scheme.EVM_INSTRUCTION, Scheme.EVM_USER_OPERATION]),
    st.binary(max_size=400)
    | st.tuples(st.integers(0, 700), st.integers(0, 255)).map(
        lambda change: (
            calling(OP.call_data).hash[: change[0]] + bytes([change[1]]) + calling(OP.call_data).hash[change[0] + 1 :]
        )
    )
    | st.lists(st.binary(max_size=60), max_size=13).map(rlp.encode),
)
def test_whatever_is_shown_is_signed_or_refused(scheme, shown):
    with contextlib.suppress(KeyRefused):
        assert len(digest_of(SignRequest(KEY.address, scheme, shown))) == 32


@pytest.mark.parametrize(
    "asked", [instructions.request(ORDER, CHAIN, EXECUTOR, KEY.address), calling(OP.call_data)], ids=["order", "copy"]
)
def test_every_byte_that_is_shown_is_signed(asked):
    digests = [digest_of(asked)]
    for at in range(len(asked.hash)):
        with contextlib.suppress(KeyRefused):
            digests.append(digest_of(SignRequest(asked.key, asked.scheme, damaged(asked.hash, at))))
    assert len(set(digests)) == len(digests) > 100
