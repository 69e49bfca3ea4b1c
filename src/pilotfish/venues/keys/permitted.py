"""What a signer signs for a chain: calls that trade, relay, anchor or keep, and never one that pays somebody.

No coin goes with them, no contract is made, nothing is approved or transferred; a swap must pay out to the signer
itself. So whoever reaches a signer can trade with what it may spend, and take nothing away. The one thing that is not a
call is a transaction from the signer to itself, which takes another's place under the same nonce. An instruction trades
within what its book and each mandate allow; a user operation is signed where it copies one, and for nothing else.
"""

from __future__ import annotations

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.wire import instructions, userops
from pilotfish.venues.evm.wire.transactions import GAS_MAX, Transaction, read
from pilotfish.venues.keys.key import KeyRefused, keccak

DATA_BYTES_MAX = 131_072
_SINGLE = "((address,address,uint24,address,uint256,uint256,uint256,uint160))"
_INSTRUCTION = "(address,address,address,address,uint256,uint256,uint256,uint256)"
_USER_OPERATION = "(address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)"
_CALLS: dict[str, int | None] = {
    f"exactInputSingle{_SINGLE}": 3,  # Uniswap's SwapRouter: the fourth word is who gets what was bought
    f"exactOutputSingle{_SINGLE}": 3,
    f"mirror({_INSTRUCTION},bytes,bytes)": None,
    f"reveal({_INSTRUCTION},bytes32,bytes)": None,
    f"copy({_INSTRUCTION},bytes,bytes,uint256,bytes)": None,
    "forfeit(address,bytes32)": None,
    f"handleOps({_USER_OPERATION}[],address)": None,
    "anchor(bytes32,(bytes32,bytes32,uint64))": None,
    "liquidate(address,address,bytes[])": None,
    "stop(address,address,address,bytes)": None,
    "recovered(address,address)": None,
    "closeAtLine()": None,
    "settle()": None,
    "unwind(address,uint256,bytes)": None,
    "pay(uint256)": None,
    "mark(address)": None,
    "record()": None,
}
"""By signature: the place of the word that must be the signer's own address, where there is one."""
PERMITTED = {keccak(signature.encode())[:4]: place for signature, place in _CALLS.items()}


def digest_of_transaction(unsigned: bytes, key: str) -> bytes:
    """The 32 bytes to be signed by `key`, of a transaction that may be signed. Raises KeyRefused."""
    try:
        transaction = read(unsigned)
    except MessageRefused as bad:
        raise KeyRefused("a transaction to be signed", bad.why or bad.what, "see who asked") from None
    why = _against(transaction, bytes.fromhex(key.removeprefix("0x")))
    if why:
        raise KeyRefused("a transaction to be signed", why, "see who asked; sign it with a wallet if you mean it")
    return keccak(unsigned)


def digest_of_instruction(shown: bytes) -> bytes:
    """The 32 bytes to be signed of an instruction and its domain. Raises KeyRefused."""
    try:
        return instructions.shown_digest(shown)
    except instructions.InstructionRefused as bad:
        raise KeyRefused("an instruction to be signed", bad.why or bad.what, "see who asked") from None


def digest_of_operation(shown: bytes) -> bytes:
    """The 32 bytes to be signed of a user operation and its domain. Raises KeyRefused."""
    try:
        operation, domain = userops.shown_operation(shown)
        if userops.copies(operation.call_data):
            return userops.digest(operation, domain)
        why = "it does something else than copy an instruction"
    except (MessageRefused, userops.OperationRefused, instructions.InstructionRefused) as bad:
        why = bad.why or bad.what
    raise KeyRefused("a user operation to be signed", why, "see who asked; sign it with a wallet if you mean it")


def _against(one: Transaction, own: bytes) -> str:
    """What speaks against signing it; empty where nothing does."""
    if one.value_wei:
        return "it would send coin away"
    if one.gas > GAS_MAX or len(one.data) > DATA_BYTES_MAX:
        return "it is larger than a chain takes"
    if not one.data:
        return "" if one.to == own else "it is no call"
    selector = one.data[:4]
    if selector not in PERMITTED:
        return f"it calls 0x{selector.hex()}, which is not on the list"
    place = PERMITTED[selector]
    if place is None:
        return ""
    word = one.data[4 + 32 * place : 36 + 32 * place]
    return "" if word == own.rjust(32, b"\x00") else "what it buys would go to somebody else"
