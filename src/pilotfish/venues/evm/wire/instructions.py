"""A lead's instruction as the executor reads it: hashed (EIP-712), signed, committed to, and packed into calldata.

Bit for bit what `contracts/src/mirror` makes of it. Pure. Addresses are `0x` and 40 hexadecimal digits.
"""

from __future__ import annotations

import msgspec

from pilotfish.domain.errors import VenueError
from pilotfish.venues.keys.key import Key, keccak
from pilotfish.venues.keys.schemes import Scheme, SignRequest
from pilotfish.venues.keys.typed import for_contracts, separator, typed_digest

WAD = 10**18
"""A fraction of one."""
LIMIT_SCALE = 10**36
"""Of `Instruction.limit`."""
_TYPE = keccak(
    b"Instruction(address lead,address book,address tokenIn,address tokenOut,"
    b"uint256 fraction,uint256 limit,uint256 deadline,uint256 nonce)"
)
_APPOINTMENT = keccak(b"Appointment(address lead,address agent,uint64 until,uint64 changes,uint256 deadline)")
_COMMITMENT = keccak(b"Commitment(bytes32 digest,bytes32 salt,bytes32 routeHash)")
_TUPLE = "(address,address,address,address,uint256,uint256,uint256,uint256)"
_SHOWN_WORDS, _ADDRESSES = 10, range(1, 6)  # chain, executor, and the eight; which of them are addresses
_MIRROR = keccak(f"mirror({_TUPLE},bytes,bytes)".encode())[:4]
_REVEAL = keccak(f"reveal({_TUPLE},bytes32,bytes)".encode())[:4]


class InstructionRefused(VenueError):
    """An instruction, a signature or an appointment that no contract could take."""


class Instruction(msgspec.Struct, frozen=True):
    """As in `contracts/src/types/Instruction.sol`."""

    lead: str
    book: str
    token_in: str
    token_out: str
    fraction: int
    """Share of what the book may spend of `token_in`, times 1e18."""
    limit: int
    """Least `token_out` base units per `token_in` base unit, times 1e36; zero is none."""
    deadline: int
    """Last second in which it may be carried out, s since 1970."""
    nonce: int


def domain(chain_id: int, executor: str) -> bytes:
    """The executor's EIP-712 domain separator, 32 bytes: worked out once, used for every instruction."""
    address_word(executor)
    return separator("Pilotfish", "1", chain_id, executor)


def words(instruction: Instruction) -> bytes:
    """Its eight ABI words, 256 bytes. Raises InstructionRefused."""
    addresses = (instruction.lead, instruction.book, instruction.token_in, instruction.token_out)
    numbers = (instruction.fraction, instruction.limit, instruction.deadline, instruction.nonce)
    return b"".join(map(address_word, addresses)) + b"".join(map(uint_word, numbers))


def digest(instruction: Instruction, separator: bytes) -> bytes:
    """What lead or agent signs, 32 bytes. Raises InstructionRefused."""
    return typed_digest(separator, keccak(_TYPE + words(instruction)))


def sign(instruction: Instruction, separator: bytes, key: Key) -> bytes:
    """65 bytes as the executor takes them: r, s in the lower half, v as 27 or 28. Raises InstructionRefused."""
    return for_contracts(key.sign_digest(digest(instruction, separator)))


def request(instruction: Instruction, chain_id: int, executor: str, key: str) -> SignRequest:
    """For whoever holds `key`, who is shown the instruction itself. Raises InstructionRefused."""
    shown = uint_word(chain_id) + address_word(executor) + words(instruction)
    return SignRequest(key.lower(), Scheme.EVM_INSTRUCTION, shown)


def shown_digest(shown: bytes) -> bytes:
    """What is signed of a request's instruction, 32 bytes. Raises InstructionRefused."""
    if len(shown) != 32 * _SHOWN_WORDS or any(any(shown[32 * k : 32 * k + 12]) for k in _ADDRESSES):
        raise InstructionRefused(f"{len(shown)} bytes", "show no instruction", "see who asked")
    chain_id, executor = int.from_bytes(shown[:32], "big"), "0x" + shown[44:64].hex()
    return typed_digest(domain(chain_id, executor), keccak(_TYPE + shown[64:]))


def sign_appointment(separator: bytes, key: Key, agent: str, until: int, changes: int, deadline: int) -> bytes:
    """The lead's leave for `agent` to instruct through `until` (s; zero ends it), for `approveAgentBySignature`.

    `changes` is the appointment's count on the chain; `deadline` is the last second in which this counts.
    Raises InstructionRefused.
    """
    if until >= 1 << 64 or changes >= 1 << 64:
        raise InstructionRefused("an appointment", "its end or its count is beyond 64 bits", "give seconds since 1970")
    parts = (address_word(key.address), address_word(agent), uint_word(until), uint_word(changes), uint_word(deadline))
    return for_contracts(key.sign_digest(typed_digest(separator, keccak(_APPOINTMENT + b"".join(parts)))))


def commitment(digest: bytes, salt: bytes, route: bytes) -> bytes:
    """What is committed to the instruction of this digest, 32 bytes. Raises InstructionRefused."""
    return keccak(_COMMITMENT + digest + _salted(salt) + keccak(route))


def mirror_calldata(instruction: Instruction, signature: bytes, route: bytes) -> bytes:
    """`MirrorExecutor.mirror(instruction, signature, route)`. Raises InstructionRefused."""
    signed = _packed(signature)
    offsets = uint_word(320) + uint_word(320 + len(signed))
    return _MIRROR + words(instruction) + offsets + signed + _packed(route)


def reveal_calldata(instruction: Instruction, salt: bytes, route: bytes) -> bytes:
    """`MirrorExecutor.reveal(instruction, salt, route)`. Raises InstructionRefused."""
    return _REVEAL + words(instruction) + _salted(salt) + uint_word(320) + _packed(route)


def address_word(address: str) -> bytes:
    """32 bytes. Raises InstructionRefused where it is no address."""
    try:
        raw = bytes.fromhex(address[2:])
    except ValueError:
        raw = b""
    if len(raw) != 20 or len(address) != 42 or address[:2] != "0x":
        raise InstructionRefused(f"{address[:50]!r} is no address", "", "write 0x and 40 hexadecimal digits")
    return raw.rjust(32, b"\x00")


def uint_word(value: int) -> bytes:
    """32 bytes. Raises InstructionRefused where it is negative or beyond 256 bits."""
    try:
        return value.to_bytes(32, "big")
    except OverflowError:
        raise InstructionRefused("a number", "does not fit uint256", "see who made the instruction") from None


def _salted(salt: bytes) -> bytes:
    if len(salt) != 32:
        raise InstructionRefused(f"a salt of {len(salt)} bytes", "is none of 32", "draw 32 random bytes")
    return salt


def _packed(data: bytes) -> bytes:
    """Its length and itself, filled up to whole words."""
    return uint_word(len(data)) + data + bytes(-len(data) % 32)
