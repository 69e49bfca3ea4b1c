"""Words of 32 bytes, by hand: the few calls and answers that the hot path knows. https://docs.soliditylang.org/en/latest/abi-spec.html"""

from __future__ import annotations

import re

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.keys.key import keccak

WORD = 32
_HEX_MAX = 2 * 2**20
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_HASH = re.compile(r"0x[0-9a-f]{64}")


def selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]


def topic(signature: str) -> str:
    """The first topic of an event's logs."""
    return "0x" + keccak(signature.encode()).hex()


def word(value: int) -> bytes:
    """Of an unsigned integer. Raises OverflowError."""
    return value.to_bytes(WORD, "big")


def place(address: str) -> bytes:
    """An address as a word."""
    return bytes.fromhex(address.removeprefix("0x")).rjust(WORD, b"\x00")


def unhex(text: str) -> bytes:
    """Bytes as JSON-RPC writes them. Raises MessageRefused."""
    if text[:2] != "0x" or len(text) % 2 or len(text) > _HEX_MAX or not text.isascii():
        raise MessageRefused(f"{text[:70]!r} is not bytes in hexadecimal", "", "see what sent it")
    try:
        return bytes.fromhex(text[2:])
    except ValueError:
        raise MessageRefused(f"{text[:70]!r} is not bytes in hexadecimal", "", "see what sent it") from None


def quantity(text: str) -> int:
    """A number as JSON-RPC writes it, 0 … 2^256-1. Raises MessageRefused."""
    digits = text[2:]
    if text[:2] != "0x" or not digits or len(digits) > 2 * WORD or not digits.isalnum() or not digits.isascii():
        raise MessageRefused(f"{text[:70]!r} is no number", "", "see what sent it")
    try:
        return int(digits, 16)
    except ValueError:
        raise MessageRefused(f"{text[:70]!r} is no number", "", "see what sent it") from None


def height(text: str) -> int:
    """A block's number, a stamp, a place: within 62 bits. Raises MessageRefused."""
    value = quantity(text)
    if value >= 2**62:
        raise MessageRefused(f"{text[:70]} is too large", "", "see what sent it")
    return value


def address(text: str) -> str:
    """In lower case. Raises MessageRefused."""
    lower = text.lower()
    if not _ADDRESS.fullmatch(lower):
        raise MessageRefused(f"{text[:50]!r} is no address", "", "see what sent it")
    return lower


def hash32(text: str) -> str:
    """32 bytes in lower case. Raises MessageRefused."""
    lower = text.lower()
    if not _HASH.fullmatch(lower):
        raise MessageRefused(f"{text[:70]!r} is no hash", "", "see what sent it")
    return lower


def address_in(topic_: str) -> str:
    """An address that is an indexed topic, in lower case. Raises MessageRefused."""
    lower = hash32(topic_)
    if lower[2:26] != "0" * 24:
        raise MessageRefused(f"the topic {lower} is no address", "", "see what sent it")
    return "0x" + lower[26:]


def words(data: bytes, count: int) -> list[int]:
    """The first `count` words. Raises MessageRefused where there are not so many."""
    if len(data) < WORD * count:
        raise MessageRefused(f"{len(data)} bytes are not {count} words", "", "see what sent it")
    return [int.from_bytes(data[WORD * k : WORD * (k + 1)], "big") for k in range(count)]


def signed(value: int) -> int:
    """A word as a signed integer."""
    return value - 2**256 if value >> 255 else value
