"""Owners' signatures go to a Safe by address, each once."""

import pytest

from pilotfish.venues.evm.wire.instructions import InstructionRefused
from pilotfish.venues.evm.wire.safes import SafeTransaction, SignaturesRefused, packed, signature
from pilotfish.venues.keys.key import Key

SAFE = "0x" + "5a" * 20


def test_signatures_are_put_in_the_order_of_their_owners():
    made = [signature(b"\x01" * 32, Key(bytes([n]) * 32)) for n in range(1, 6)]
    assert packed(made) == packed(made[::-1]) == b"".join(raw for _, raw in sorted(made))
    assert all(raw[64] in (27, 28) for _, raw in made)


def test_an_owner_twice_or_half_a_signature_is_refused():
    address, raw = signature(b"\x01" * 32, Key(b"\x01" * 32))
    for bad in ([(address, raw), (address.upper().replace("X", "x"), raw)], [(address, raw[:64])]):
        with pytest.raises(SignaturesRefused):
            packed(bad)


def test_a_transaction_is_of_its_chain_safe_and_each_of_its_parts():
    tx = SafeTransaction(SAFE, b"", 0)
    others = [SafeTransaction("0x" + "5b" * 20, b"", 0), SafeTransaction(SAFE, b"\0", 0)]
    others += [SafeTransaction(SAFE, b"", 1), SafeTransaction(SAFE, b"", 0, 1)]
    hashes = {t.digest(1, SAFE) for t in [tx, *others]} | {tx.digest(2, SAFE), tx.digest(1, "0x" + "5b" * 20)}
    assert len(hashes) == 7
    for bad in (SafeTransaction("0x", b"", 0), SafeTransaction(SAFE, b"", -1)):
        with pytest.raises(InstructionRefused):
            bad.digest(1, SAFE)
