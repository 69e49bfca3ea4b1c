"""Our hash and signature of an instruction are those of eth-account; what no contract could hold is refused by name."""

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pilotfish.domain.errors import PilotfishError
from pilotfish.venues.evm.wire.instructions import (
    Instruction,
    InstructionRefused,
    commitment,
    digest,
    domain,
    mirror_calldata,
    reveal_calldata,
    sign,
    sign_appointment,
)
from pilotfish.venues.keys.key import Key

HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
ADDRESS = "0x" + "aB" * 20
GOOD = Instruction(ADDRESS, ADDRESS, ADDRESS, ADDRESS, 10**18, 0, 2**40, 1)
HERE = domain(1, ADDRESS)

addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
numbers = st.integers(0, 2**256 - 1)
orders = st.builds(Instruction, addresses, addresses, addresses, addresses, numbers, numbers, numbers, numbers)
keys = st.integers(1, 2**255).map(lambda n: n.to_bytes(32, "big"))


def typed(name, pairs, chain, executor):
    return {
        "domain": {"name": "Pilotfish", "version": "1", "chainId": chain, "verifyingContract": executor},
        "types": {
            "EIP712Domain": [
                {"name": n, "type": t}
                for n, t in (
                    ("name", "string"),
                    ("version", "string"),
                    ("chainId", "uint256"),
                    ("verifyingContract", "address"),
                )
            ],
            name: [{"name": n, "type": t} for n, t, _ in pairs],
        },
        "primaryType": name,
        "message": {n: v for n, _, v in pairs},
    }


@settings(max_examples=40, deadline=None)
@given(orders, keys, st.integers(1, 2**64), addresses)
def test_hash_and_signature_are_those_of_another_implementation(order, secret, chain, executor):
    names = ("lead", "book", "tokenIn", "tokenOut", "fraction", "limit", "deadline", "nonce")
    values = [getattr(order, field) for field in order.__struct_fields__]
    pairs = [(n, "address" if k < 4 else "uint256", v) for k, (n, v) in enumerate(zip(names, values, strict=True))]
    signed = Account.sign_typed_data(secret, full_message=typed("Instruction", pairs, chain, executor))
    here = domain(chain, executor)
    assert digest(order, here) == signed.message_hash
    ours = sign(order, here, Key(secret))
    assert ours == signed.signature
    assert int.from_bytes(ours[32:64]) <= HALF_ORDER


@settings(max_examples=15, deadline=None)
@given(keys, addresses, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), numbers)
def test_an_appointments_signature_is_that_of_another_implementation(secret, agent, until, changes, deadline):
    key = Key(secret)
    pairs = [
        ("lead", "address", key.address),
        ("agent", "address", agent),
        ("until", "uint64", until),
        ("changes", "uint64", changes),
        ("deadline", "uint256", deadline),
    ]
    signed = Account.sign_typed_data(secret, full_message=typed("Appointment", pairs, 1, ADDRESS))
    assert sign_appointment(HERE, key, agent, until, changes, deadline) == signed.signature


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("lead", "0x" + "ab" * 19),
        ("book", "ab" * 20),
        ("token_in", "0x" + "zz" * 20),
        ("token_out", "0x" + " " * 40),
        ("lead", ""),
        ("book", "1x" + "ab" * 20),
        ("fraction", -1),
        ("limit", 2**256),
        ("deadline", 10**5000),
        ("nonce", -(10**5000)),
    ],
    ids=lambda part: part if isinstance(part, str) and part.isidentifier() else "bad",
)
def test_what_no_contract_could_hold_is_refused(field, bad):
    with pytest.raises(InstructionRefused) as told:
        digest(replace(GOOD, **{field: bad}), HERE)
    assert isinstance(told.value, PilotfishError)
    assert told.value.to_do


def test_a_case_of_letters_changes_nothing():
    assert digest(GOOD, HERE) == digest(replace(GOOD, lead=ADDRESS.lower()), domain(1, ADDRESS.lower()))


def test_a_domain_is_of_its_chain_and_executor_alone():
    others = [domain(2, ADDRESS), domain(1, "0x" + "ac" * 20)]
    assert len({digest(GOOD, where) for where in [HERE, *others]}) == 3
    with pytest.raises(InstructionRefused):
        domain(1, "0x12")


def test_a_commitment_needs_its_whole_salt_and_differs_with_each_part():
    for length in (0, 31, 33):
        with pytest.raises(InstructionRefused, match="salt"):
            commitment(bytes(32), bytes(length), b"")
        with pytest.raises(InstructionRefused, match="salt"):
            reveal_calldata(GOOD, bytes(length), b"")
    one, other = bytes(32), b"\x01" * 32
    made = {commitment(a, b, c) for a in (one, other) for b in (one, other) for c in (b"", b"\0")}
    assert len(made) == 8


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_calldata_is_whole_words_after_its_selector(signature, route):
    for data in (mirror_calldata(GOOD, signature, route), reveal_calldata(GOOD, bytes(32), route)):
        assert len(data) % 32 == 4


def test_an_appointment_beyond_64_bits_is_refused():
    for until, changes in ((2**64, 0), (0, 2**64), (-1, 0)):
        with pytest.raises(InstructionRefused):
            sign_appointment(HERE, Key(b"\x01" * 32), ADDRESS, until, changes, 1)
