"""Transactions: bit for bit what eth-account makes, read back as they were, and only those signed that may be."""

import pytest
from eth_account import Account
from eth_account.typed_transactions import TypedTransaction
from hypothesis import given, settings
from hypothesis import strategies as st

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.contracts.artifact import load, names
from pilotfish.venues.evm.wire import rlp
from pilotfish.venues.evm.wire.transactions import GAS_MAX, Transaction, hash_of, read, read_signed
from pilotfish.venues.keys.digests import digest_of
from pilotfish.venues.keys.key import Key, KeyRefused, keccak
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.keys.permitted import PERMITTED
from pilotfish.venues.keys.schemes import Scheme, SignRequest

SECRET = bytes(range(1, 33))
KEY = Key(SECRET)
OWN = bytes.fromhex(KEY.address[2:])
ROUTER = b"\x11" * 20
SWAP = next(selector for selector, place in PERMITTED.items() if place is not None)
RELAYED = next(selector for selector, place in PERMITTED.items() if place is None)

amounts = st.one_of(st.sampled_from([0, 1, 127, 128, 255, 256]), st.integers(0, 2**96))
transactions = st.builds(
    Transaction, chain=st.integers(1, 2**40), nonce=amounts.map(lambda n: n % 2**63), tip_wei=amounts,
    fee_wei_max=amounts, gas=st.integers(21_000, GAS_MAX), to=st.binary(min_size=20, max_size=20), value_wei=amounts,
    data=st.one_of(st.sampled_from([b"", b"\x00", b"\x7f", b"\x80", bytes(55), bytes(56), bytes(300)]), st.binary()),
)  # fmt: skip


def theirs(one: Transaction) -> dict[str, object]:
    return {
        "type": 2, "chainId": one.chain, "nonce": one.nonce, "maxPriorityFeePerGas": one.tip_wei,
        "maxFeePerGas": one.fee_wei_max, "gas": one.gas, "to": one.to, "value": one.value_wei, "data": one.data,
        "accessList": [],
    }  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(transactions)
def test_a_transaction_is_signed_bit_for_bit_as_eth_account_does(one):
    expected = Account.sign_transaction(theirs(one), SECRET)
    raw = one.raw(KEY.sign_digest(one.digest()))
    assert one.digest() == bytes(TypedTransaction.from_dict(theirs(one)).hash())
    assert raw == bytes(expected.raw_transaction)
    assert hash_of(raw) == "0x" + expected.hash.hex()


@settings(max_examples=100, deadline=None)
@given(transactions)
def test_a_transaction_is_read_back_as_it_was_written(one):
    signature = KEY.sign_digest(one.digest())
    assert read(one.unsigned()) == one
    assert read_signed(one.raw(signature)) == (one, signature)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda raw: b"\x02" + raw)))
def test_bytes_that_are_no_transaction_are_refused_and_what_is_read_is_written_the_same(raw):
    for reader in (read, lambda data: read_signed(data)[0]):
        try:
            one = reader(raw)
        except MessageRefused:
            continue
        assert one.unsigned() == raw or reader is not read


@settings(max_examples=200, deadline=None)
@given(transactions, st.data())
def test_a_damaged_transaction_is_refused_or_is_another_one(one, data):
    raw = bytearray(one.unsigned())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    try:
        found = read(bytes(raw))
    except MessageRefused:
        return
    assert found != one
    assert found.unsigned() == bytes(raw), "one transaction has one form"


@settings(max_examples=150, deadline=None)
@given(st.recursive(st.binary(max_size=80), lambda inner: st.lists(inner, max_size=5), max_leaves=12))
def test_rlp_is_read_back_as_it_was_written_unless_it_nests_without_end(item):
    assert rlp.decode(rlp.encode(item)) == item


def test_rlp_that_nests_without_end_is_refused_and_does_not_overflow_the_stack():
    item: rlp.Item = []
    for _ in range(60):
        item = [item]
    with pytest.raises(MessageRefused, match="nests"):
        rlp.decode(rlp.encode(item))


@pytest.mark.parametrize("raw", ["8100", "b80100", "b90001aa", "f800", "c3820001", "bf" + "ff" * 8, ""])
def test_rlp_has_one_form_and_others_are_refused(raw):
    if raw == "c3820001":
        assert rlp.decode(bytes.fromhex(raw)) == [b"\x00\x01"]
        return
    with pytest.raises(MessageRefused):
        rlp.decode(bytes.fromhex(raw))


# -- what a signer signs -----------------------------------------------------------------------------------------------


def swap(recipient: bytes) -> bytes:
    return SWAP + b"".join(one.rjust(32, b"\x00") for one in (b"\x0a", b"\x0b", b"\x0c", recipient)) + bytes(128)


def signed_by_us(one: Transaction) -> bytes | None:
    return Keyring([KEY]).sign(one.request(KEY.address))


@pytest.mark.parametrize("data", [swap(OWN), swap(OWN) + b"with a tag", RELAYED + bytes(64)])
def test_a_swap_to_ourselves_and_a_call_that_anybody_may_relay_are_signed(data):
    one = Transaction(1, 0, 1, 2, 100_000, ROUTER, data=data)
    assert signed_by_us(one) == KEY.sign_digest(one.digest())


@pytest.mark.parametrize("called", ["pay(uint256)", "mark(address)", "record()"])
def test_what_a_keeper_calls_is_signed_and_takes_no_coin_along(called):
    data = keccak(called.encode())[:4] + bytes(32)
    one = Transaction(1, 0, 1, 2, 100_000, ROUTER, data=data)
    assert signed_by_us(one) == KEY.sign_digest(one.digest())
    with pytest.raises(KeyRefused, match="coin"):
        signed_by_us(Transaction(1, 0, 1, 2, 100_000, ROUTER, value_wei=1, data=data))


def test_a_transaction_to_the_signer_itself_is_signed_so_that_a_nonce_can_be_used_up():
    assert signed_by_us(Transaction(1, 7, 1, 2, 21_000, OWN)) is not None


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (Transaction(1, 0, 1, 2, 100_000, ROUTER, data=swap(b"\x66" * 20)), "somebody else"),
        (Transaction(1, 0, 1, 2, 100_000, ROUTER, data=SWAP), "somebody else"),
        (Transaction(1, 0, 1, 2, 100_000, ROUTER, value_wei=1, data=swap(OWN)), "coin"),
        (Transaction(1, 0, 1, 2, 100_000, OWN, value_wei=1), "coin"),
        (Transaction(1, 0, 1, 2, 21_000, ROUTER), "no call"),
        (Transaction(1, 0, 1, 2, 21_000, ROUTER, data=b"\xa9\x05\x9c\xbb" + bytes(64)), "0xa9059cbb"),  # transfer
        (Transaction(1, 0, 1, 2, 21_000, ROUTER, data=b"\x09\x5e\xa7\xb3" + bytes(64)), "0x095ea7b3"),  # approve
        (Transaction(1, 0, 1, 2, GAS_MAX + 1, ROUTER, data=swap(OWN)), "larger"),
        (Transaction(1, 0, 1, 2, 21_000, ROUTER, data=swap(OWN) + bytes(200_000)), "larger"),
    ],
)
def test_what_would_pay_somebody_is_not_signed(one, why):
    with pytest.raises(KeyRefused, match=why):
        signed_by_us(one)


def test_a_signer_signs_no_hash_and_no_garbage_as_a_transaction():
    for hash_ in (bytes(32), b"\x02" + bytes(31), b"", Transaction(1, 0, 1, 2, 3, OWN).digest()):
        with pytest.raises(KeyRefused):
            digest_of(SignRequest(KEY.address, Scheme.EVM_TRANSACTION, hash_))


def test_every_call_on_the_list_is_one_that_a_contract_has():
    """So that a contract that changes does not leave a name on the list that means something else one day."""
    ours = {
        keccak(f"{entry['name']}({','.join(kind(one) for one in entry['inputs'])})".encode())[:4]
        for name in names()
        for entry in load(name).abi
        if entry["type"] == "function"
    }
    elsewhere = {
        keccak(f"{name}{fields}".encode())[:4]
        for name, fields in (
            ("exactInputSingle", "((address,address,uint24,address,uint256,uint256,uint256,uint160))"),
            ("exactOutputSingle", "((address,address,uint24,address,uint256,uint256,uint256,uint160))"),
            ("handleOps", "((address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)[],address)"),
        )
    }
    assert set(PERMITTED) <= ours | elsewhere
    assert elsewhere <= set(PERMITTED)


def kind(field: dict[str, object]) -> str:
    """An ABI type as signatures write it: a struct by its fields."""
    name = str(field["type"])
    if not name.startswith("tuple"):
        return name
    return f"({','.join(kind(one) for one in field['components'])}){name.removeprefix('tuple')}"
