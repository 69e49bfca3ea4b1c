"""What Python says of a contract is what its artifact says."""

from typing import get_origin, get_type_hints

import pytest
from eth_abi import encode

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.contracts import system as bindings_system
from pilotfish.venues.evm.contracts.artifact import load
from pilotfish.venues.evm.contracts.bindings import AbiRefused, Contract, Function, Tuple
from pilotfish.venues.evm.contracts.events import Event, reason
from pilotfish.venues.evm.deploy import market as deploy_market
from pilotfish.venues.evm.deploy.code import is_made_by
from pilotfish.venues.evm.deploy.packages import installed
from pilotfish.venues.keys.key import keccak
from tests.unit.chain_scene import REVERTS, creation

WHO = "0x" + "ab" * 20


class Batch(Tuple, frozen=True):
    journal_root: bytes
    figures_root: bytes
    records: int


class Anchor(Contract):
    artifact = "Anchor"
    head: Function[[str], bytes]
    anchor: Function[[bytes, Batch], bytes]
    anchored: Function[[str, bytes, Batch, list[bytes]], bool]


class Anchored(Event, frozen=True):
    contract = "Anchor"
    publisher: str
    journal_root: bytes
    before: bytes
    figures_root: bytes
    records: int


BATCH = Batch(b"\1" * 32, b"\2" * 32, 3)


def every(kind: type) -> list[type]:
    return [one for sub in kind.__subclasses__() for one in (sub, *every(sub))]


# Importing a module is what declares its contracts.
DECLARING = (bindings_system, deploy_market)
OURS = [kind for kind in every(Contract) if kind.__module__.startswith("pilotfish.")]


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_contract_is_declared_as_its_artifact_has_it(kind):
    if kind.package and not installed():
        pytest.skip("the npm packages are not installed")
    declared = {name for name, hint in get_type_hints(kind).items() if get_origin(hint) is Function}
    assert set(kind.codecs()) == declared


def test_a_call_is_the_bytes_that_solidity_expects():
    call = Anchor(WHO).anchor(b"\7" * 32, BATCH)
    selector = keccak(b"anchor(bytes32,(bytes32,bytes32,uint64))")[:4]
    assert call.data == selector + encode(
        ["bytes32", "(bytes32,bytes32,uint64)"], [b"\7" * 32, (b"\1" * 32, b"\2" * 32, 3)]
    )
    assert (call.to, call.read(b"\5" * 32)) == (WHO, b"\5" * 32)
    assert Anchor(WHO).anchored(WHO, bytes(32), BATCH, [b"\1" * 32]).read(b"\0" * 31 + b"\1") is True


@pytest.mark.parametrize(
    "batch", [BATCH.__class__(b"\1" * 32, b"\2" * 32, 2**64), BATCH.__class__(b"\1" * 33, b"", -1), None]
)
def test_arguments_that_the_types_cannot_hold_are_refused(batch):
    with pytest.raises(AbiRefused, match=r"arguments of Anchor\.anchor"):
        Anchor(WHO).anchor(bytes(32), batch)


def test_an_answer_that_is_none_of_the_functions_is_refused():
    with pytest.raises(AbiRefused, match="31 bytes are no answer"):
        Anchor(WHO).head(WHO).read(bytes(31))


def test_a_log_is_read_by_its_event_and_by_no_other():
    topics = [Anchored.topic(), bytes(12) + bytes.fromhex(WHO[2:]), b"\1" * 32]
    data = encode(["bytes32", "bytes32", "uint64"], [b"\7" * 32, b"\2" * 32, 3])
    assert Anchored.read(topics, data) == Anchored(WHO, b"\1" * 32, b"\7" * 32, b"\2" * 32, 3)
    assert Anchored.read([b"\0" * 32, *topics[1:]], data) is None
    assert Anchored.read([], data) is None
    for wrong in ((topics[:2], data), (topics, data[:-1]), ([topics[0], b"\xff" * 32, topics[2]], data)):
        with pytest.raises(AbiRefused, match="a log of Anchored"):
            Anchored.read(*wrong)


def test_a_declaration_that_is_not_the_artifacts_is_refused():
    class Wrong(Contract):
        artifact = "Anchor"
        head: Function[[int], bytes]

    class Absent(Contract):
        artifact = "Anchor"
        tail: Function[[str], bytes]

    with pytest.raises(ConfigError, match=r"the artifact has head\(address\)"):
        Wrong.codecs()
    with pytest.raises(ConfigError, match="no function of that name"):
        Absent.codecs()
    with pytest.raises(AttributeError, match="declares no nonsense"):
        Anchor(WHO).nonsense  # noqa: B018


def test_what_a_contract_reverted_with_is_said_in_its_words():
    moved = keccak(b"HeadMoved(bytes32)")[:4] + b"\1" * 32
    assert reason(moved).startswith("HeadMoved(actual ")
    assert reason(keccak(b"Error(string)")[:4] + encode(["string"], ["no"])) == "Error(reason no)"
    assert reason(b"") == "no reason was given"
    assert reason(b"\1\2\3\4") == "the error 0x01020304, which no contract of ours has"
    assert reason(moved[:9]) == "HeadMoved"


def test_code_is_known_by_what_makes_it_whatever_its_immutables():
    blank, filled = b"\x7f" + bytes(32), b"\x7f" + b"\5" * 32
    runtime = REVERTS + blank + b"\x50" + REVERTS
    made = creation(runtime)
    assert is_made_by(runtime, made)
    assert is_made_by(REVERTS + filled + b"\x50" + REVERTS, made)
    assert not is_made_by(REVERTS + filled + b"\x51" + REVERTS, made)
    assert not is_made_by(runtime[:-1] + b"\0", made)
    assert not is_made_by(b"", made)
    assert not is_made_by(runtime + b"\0", made)


def test_what_the_artifact_leaves_behind_is_told_from_another_contract():
    anchor, token = (bytes.fromhex(load(name).bytecode[2:]) for name in ("Anchor", "LocalToken"))
    start = anchor.index(bytes.fromhex("6080"), 2)
    assert is_made_by(anchor[start:], anchor)
    assert not is_made_by(anchor[start:], token)
