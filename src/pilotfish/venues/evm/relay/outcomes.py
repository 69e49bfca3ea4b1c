"""How a user operation ended: by the entry point's log in our own bundle, or by what its bundler says."""

from __future__ import annotations

import msgspec

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.wire.abi import unhex
from pilotfish.venues.evm.wire.rpc import Call
from pilotfish.venues.evm.wire.userops import OPERATION_TOPIC, outcome
from pilotfish.venues.reading import Reading


class _Log(msgspec.Struct, frozen=True):
    topics: list[str]
    data: str = "0x"


class _Bundle(msgspec.Struct, frozen=True):
    logs: list[_Log] = []


class _Ended(msgspec.Struct, frozen=True):
    success: bool


_BUNDLE: Reading[_Bundle | None] = Reading("receipt of a bundle", _Bundle | None)
_ENDED: Reading[_Ended | None] = Reading("receipt of a user operation", _Ended | None)
_HASH: Reading[str] = Reading("hash of a user operation", str)


def bundle_question(transaction: str) -> Call:
    return Call("eth_getTransactionReceipt", [transaction])


def operation_question(operation: str) -> Call:
    """Of a bundler. https://eips.ethereum.org/EIPS/eip-7769"""
    return Call("eth_getUserOperationReceipt", [operation])


def of_bundle(raw: msgspec.Raw) -> bool | None:
    """Whether the one operation in it was carried out; None where there is no such receipt. Raises MessageRefused."""
    bundle = _BUNDLE.decode(bytes(raw))
    if bundle is None:
        return None
    told = [log for log in bundle.logs if log.topics and log.topics[0].lower() == OPERATION_TOPIC]
    if len(told) != 1:
        raise MessageRefused("a bundle of ours", f"tells of {len(told)} operations", "see what the entry point is")
    return outcome(unhex(told[0].data)).done


def of_operation(raw: msgspec.Raw) -> bool | None:
    """None where the bundler has not seen it mined. Raises MessageRefused."""
    ended = _ENDED.decode(bytes(raw))
    return ended.success if ended is not None else None


def hash_told(raw: msgspec.Raw) -> str:
    """What a bundler calls the operation. Raises MessageRefused."""
    return _HASH.decode(bytes(raw))
