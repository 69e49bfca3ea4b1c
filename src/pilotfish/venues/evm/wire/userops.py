"""User operations of ERC-4337, entry point v0.8: packed, hashed (EIP-712), signed, and sent by either of two ways.

By ourselves, as calldata of `EntryPoint.handleOps` in a transaction that anybody may send; or by a bundler, as the
parameters of its JSON-RPC. Pure: no socket here. Functions that write raise OperationRefused or InstructionRefused.
https://eips.ethereum.org/EIPS/eip-4337, https://eips.ethereum.org/EIPS/eip-7769
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pilotfish.domain.errors import VenueError
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.wire import rlp
from pilotfish.venues.evm.wire.abi import WORD, selector, topic, words
from pilotfish.venues.evm.wire.instructions import Instruction, address_word, uint_word
from pilotfish.venues.evm.wire.instructions import words as instruction_words
from pilotfish.venues.keys.key import Key, keccak
from pilotfish.venues.keys.schemes import Scheme, SignRequest
from pilotfish.venues.keys.typed import for_contracts, separator, typed_digest

DAY_S = 86_400
_TYPE = keccak(
    b"PackedUserOperation(address sender,uint256 nonce,bytes initCode,bytes callData,bytes32 accountGasLimits,"
    b"uint256 preVerificationGas,bytes32 gasFees,bytes paymasterAndData)"
)
_HANDLE_OPS = selector("handleOps((address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)[],address)")
_EXECUTE = selector("execute(address,bytes)")
_COPY = selector("copy((address,address,address,address,uint256,uint256,uint256,uint256),bytes,bytes,uint256,bytes)")
_SHOWN_FIELDS, _SPONSORED_BYTES_MIN = 11, 20 + 2 * 16
OPERATION_TOPIC = topic("UserOperationEvent(bytes32,address,address,uint256,bool,uint256,uint256)")
"""First topic of the log in which the entry point tells how an operation ended; `outcome` reads its data."""


class OperationRefused(VenueError):
    """A user operation that no entry point could take."""


class Sponsorship(msgspec.Struct, frozen=True):
    """That a paymaster pays. `data` is the paymaster's own: our Sponsor's is the day (`sponsor_day`)."""

    paymaster: str
    verification_gas: int
    post_operation_gas: int
    data: bytes


class UserOperation(msgspec.Struct, frozen=True):
    """Of an account that stands already. Fees in wei for one gas; `nonce` is a key (192 bits), then a sequence (64)."""

    sender: str
    nonce: int
    call_data: bytes
    verification_gas: int
    call_gas: int
    pre_verification_gas: int
    tip_wei: int
    fee_wei_max: int
    sponsorship: Sponsorship | None = None
    signature: bytes = b""


class Outcome(msgspec.Struct, frozen=True):
    """How an operation ended: whether its call was done, and what it cost."""

    nonce: int
    done: bool
    cost_wei: int
    gas: int


def domain(chain: int, entry_point: str) -> bytes:
    """The entry point's EIP-712 domain separator, 32 bytes."""
    address_word(entry_point)
    return separator("ERC4337", "1", chain, entry_point)


def digest(op: UserOperation, separator: bytes) -> bytes:
    """The user operation's hash, 32 bytes: what the account's key signs."""
    fields = (
        _TYPE,
        address_word(op.sender),
        uint_word(op.nonce),
        keccak(b""),
        keccak(op.call_data),
        _pair(op.verification_gas, op.call_gas),
        uint_word(op.pre_verification_gas),
        _pair(op.tip_wei, op.fee_wei_max),
        keccak(_paymaster_and_data(op)),
    )
    return typed_digest(separator, keccak(b"".join(fields)))


def sign(op: UserOperation, separator: bytes, key: Key) -> UserOperation:
    """The same with its signature."""
    return signed(op, key.sign_digest(digest(op, separator)))


def signed(op: UserOperation, signature: bytes) -> UserOperation:
    """With a signature of 65 bytes, v as 0 or 1: the account takes r, s in the lower half, v as 27 or 28."""
    return msgspec.structs.replace(op, signature=for_contracts(signature))


def request(op: UserOperation, chain: int, entry_point: str, key: str) -> SignRequest:
    """For whoever holds `key`, who is shown the operation itself."""
    _packed(op)  # refuses what no entry point could take
    shown = [
        rlp.number(chain), address_word(entry_point)[12:], address_word(op.sender)[12:], rlp.number(op.nonce),
        op.call_data, *map(rlp.number, (op.verification_gas, op.call_gas, op.pre_verification_gas)),
        *map(rlp.number, (op.tip_wei, op.fee_wei_max)), _paymaster_and_data(op),
    ]  # fmt: skip
    return SignRequest(key.lower(), Scheme.EVM_USER_OPERATION, rlp.encode(shown))


def shown_operation(shown: bytes) -> tuple[UserOperation, bytes]:
    """What a request shows: the operation, and the domain it is for. Raises MessageRefused, OperationRefused."""
    fields = rlp.decode(shown)
    if isinstance(fields, bytes) or len(fields) != _SHOWN_FIELDS:
        raise OperationRefused(f"{len(shown)} bytes", "show no user operation", "see who asked")
    chain, entry_point, sender, nonce, call_data, *numbers, paid = fields
    if not isinstance(call_data, bytes):
        raise OperationRefused("a user operation", "has no call", "see who asked")
    verifying, calling, before, tip, fee = map(rlp.integer, numbers)
    op = UserOperation(
        _address(sender), rlp.integer(nonce), call_data, verifying, calling, before, tip, fee, _sponsorship(paid)
    )
    return op, domain(rlp.integer(chain), _address(entry_point))


def copies(call_data: bytes) -> bool:
    """Whether an operation's call is an account's `execute` of a desk's `copy`, and nothing besides."""
    target, size = call_data[16:36], int.from_bytes(call_data[68:100], "big")
    data = call_data[100 : 100 + min(size, len(call_data))]
    return len(target) == 20 and data[:4] == _COPY and call_data == execute_calldata("0x" + target.hex(), data)


def handle_ops_calldata(ops: Sequence[UserOperation], beneficiary: str) -> bytes:
    """For the entry point, from any account; `beneficiary` is paid for the gas."""
    packed = [_packed(op) for op in ops]
    offsets, at = [], WORD * len(packed)
    for one in packed:
        offsets.append(uint_word(at))
        at += len(one)
    array = uint_word(len(packed)) + b"".join(offsets) + b"".join(packed)
    return _HANDLE_OPS + uint_word(2 * WORD) + address_word(beneficiary) + array


def bundler_params(op: UserOperation, entry_point: str) -> list[dict[str, str] | str]:
    """Of `eth_sendUserOperation`."""
    _packed(op)  # refuses what no entry point could take
    address_word(entry_point)
    told: dict[str, str] = {
        "sender": op.sender,
        "nonce": hex(op.nonce),
        "callData": _hexed(op.call_data),
        "callGasLimit": hex(op.call_gas),
        "verificationGasLimit": hex(op.verification_gas),
        "preVerificationGas": hex(op.pre_verification_gas),
        "maxFeePerGas": hex(op.fee_wei_max),
        "maxPriorityFeePerGas": hex(op.tip_wei),
        "signature": _hexed(op.signature),
    }
    if (by := op.sponsorship) is not None:
        told |= {
            "paymaster": by.paymaster,
            "paymasterVerificationGasLimit": hex(by.verification_gas),
            "paymasterPostOpGasLimit": hex(by.post_operation_gas),
            "paymasterData": _hexed(by.data),
        }
    return [told, entry_point]


def execute_calldata(target: str, data: bytes) -> bytes:
    """`OperatorAccount.execute(target, data)`: what an operation of ours calls."""
    return _EXECUTE + address_word(target) + uint_word(2 * WORD) + _tail(data)


def copy_calldata(
    instruction: Instruction, signature: bytes, wallets: Sequence[str], slippage_bps: int, route: bytes
) -> bytes:
    """`CopyDesk.copy`: one instruction for these wallets."""
    rows = b"".join(address_word(wallet)[12:] for wallet in wallets)
    head = 12 * WORD
    signed, packed = _tail(signature), _tail(rows)
    first, second, third = head, head + len(signed), head + len(signed) + len(packed)
    offsets = uint_word(first) + uint_word(second) + uint_word(slippage_bps) + uint_word(third)
    return _COPY + instruction_words(instruction) + offsets + signed + packed + _tail(route)


def sponsor_day(now_s: int) -> bytes:
    """What our Sponsor wants to be told: the day that the operation is good for, days since 1970, 4 bytes."""
    return (now_s // DAY_S).to_bytes(4, "big")


def outcome(data: bytes) -> Outcome:
    """The data of a log with OPERATION_TOPIC. Raises MessageRefused."""
    nonce, done, cost, gas = words(data, 4)
    if done > 1:
        raise MessageRefused(f"{done} is neither true nor false", "", "see what sent it")
    return Outcome(nonce, done == 1, cost, gas)


def _packed(op: UserOperation) -> bytes:
    """As PackedUserOperation of the ABI: nine words, then the four fields without a fixed length."""
    tails = [_tail(b""), _tail(op.call_data), _tail(_paymaster_and_data(op)), _tail(op.signature)]
    ats = [9 * WORD + sum(map(len, tails[:k])) for k in range(4)]
    head = (
        address_word(op.sender),
        uint_word(op.nonce),
        uint_word(ats[0]),
        uint_word(ats[1]),
        _pair(op.verification_gas, op.call_gas),
        uint_word(op.pre_verification_gas),
        _pair(op.tip_wei, op.fee_wei_max),
        uint_word(ats[2]),
        uint_word(ats[3]),
    )
    return b"".join(head) + b"".join(tails)


def _paymaster_and_data(op: UserOperation) -> bytes:
    by = op.sponsorship
    if by is None:
        return b""
    return address_word(by.paymaster)[12:] + _pair(by.verification_gas, by.post_operation_gas) + by.data


def _sponsorship(item: rlp.Item) -> Sponsorship | None:
    if item == b"":
        return None
    if not isinstance(item, bytes) or len(item) < _SPONSORED_BYTES_MIN:
        raise OperationRefused("a user operation", "has no paymaster that it could name", "see who asked")
    verifying, after = (int.from_bytes(item[k : k + 16], "big") for k in (20, 36))
    return Sponsorship(_address(item[:20]), verifying, after, item[_SPONSORED_BYTES_MIN:])


def _address(item: rlp.Item) -> str:
    if not isinstance(item, bytes) or len(item) != 20:
        raise OperationRefused("a user operation", "names somebody by what is no address", "see who asked")
    return "0x" + item.hex()


def _pair(high: int, low: int) -> bytes:
    """Two numbers of 128 bits in one word."""
    if not (0 <= high < 2**128 and 0 <= low < 2**128):
        raise OperationRefused("a limit of gas or a fee", "does not fit 128 bits", "see who made the operation")
    return high.to_bytes(16, "big") + low.to_bytes(16, "big")


def _tail(data: bytes) -> bytes:
    """Its length and itself, filled up to whole words."""
    return uint_word(len(data)) + data + bytes(-len(data) % WORD)


def _hexed(data: bytes) -> str:
    return "0x" + data.hex()
