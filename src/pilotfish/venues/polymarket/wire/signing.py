"""Polymarket's signatures: of orders (EIP-712, four kinds of wallet) and of the log-in that makes an API key.

An order's id is the EIP-712 digest of its struct under its exchange's domain, so it is known before the order is sent.
A deposit wallet (POLY_1271) signs a `TypedDataSign` around the same struct under the same domain (ERC-7739), and the
signature carries what the wallet needs to check it. `expiration` is sent and not signed.
https://docs.polymarket.com/trading/overview; the oracle is the official client (polymarket-client 0.14).
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

import msgspec

from pilotfish.domain.errors import VenueError
from pilotfish.venues.keys.digests import DOMAINS, POLYGON
from pilotfish.venues.keys.key import keccak
from pilotfish.venues.keys.schemes import Scheme, SignRequest
from pilotfish.venues.keys.typed import for_contracts, typed_digest

_ORDER = (
    b"Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,uint256 takerAmount,"
    b"uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,bytes32 builder)"
)
_NESTED = (
    b"TypedDataSign(Order contents,string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
)
_AUTH = b"ClobAuth(address address,string timestamp,uint256 nonce,string message)"
_AUTH_MESSAGE = keccak(b"This message attests that I control the given wallet")
_SESSION_MAGIC = bytes.fromhex("6492" * 16)
_UINT256 = 2**256


class OrderUnsignable(VenueError):
    """A number or an address of an order that the exchange's contract cannot hold."""


class SignatureType(IntEnum):
    EOA = 0  # the key's own address trades
    PROXY = 1
    SAFE = 2
    POLY_1271 = 3  # a deposit wallet


def word(number: int) -> bytes:
    """uint256. Raises OrderUnsignable."""
    if not 0 <= number < _UINT256:
        raise OrderUnsignable(f"{str(number)[:40]} is no uint256", "", "see what made the order")
    return number.to_bytes(32, "big")


def bytes32(text: str) -> bytes:
    """0x and 64 hexadecimal digits. Raises OrderUnsignable."""
    return _hexadecimal(text, 32, "bytes32")


def address_word(address: str) -> bytes:
    """An address as uint256. Raises OrderUnsignable."""
    return _hexadecimal(address, 20, "address").rjust(32, b"\x00")


@lru_cache(maxsize=4096)
def checksummed(address: str) -> str:
    """As EIP-55 writes it: the official client sends addresses so. Raises OrderUnsignable."""
    digits = _hexadecimal(address, 20, "address").hex()
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(d.upper() if mark > "7" else d for d, mark in zip(digits, marks, strict=False))


def _hexadecimal(text: str, size: int, what: str) -> bytes:
    try:
        raw = bytes.fromhex(text[2:]) if text[:2] in ("0x", "0X") and len(text) == 2 + 2 * size else b""
    except ValueError:
        raw = b""
    if len(raw) != size:
        raise OrderUnsignable(f"{text[:80]!r} is no {what}", "", f"expected 0x and {2 * size} hexadecimal digits")
    return raw


_ORDER_TYPE, _NESTED_TYPE, _AUTH_TYPE = keccak(_ORDER), keccak(_NESTED + _ORDER), keccak(_AUTH)
_WALLET_NAME, _WALLET_VERSION = keccak(b"DepositWallet"), keccak(b"1")
_TRAILER = _ORDER + len(_ORDER).to_bytes(2, "big")


class Maker(NamedTuple):
    """Whose order it is. `address` holds the money; `key` signs (for all but EOA another address).

    A `session` key is one that a deposit wallet has authorised beside its owner's.
    """

    address: str
    key: str
    signature_type: SignatureType = SignatureType.POLY_1271
    session: bool = False


class OrderWords(msgspec.Struct, frozen=True):
    """The signed fields of an order. Amounts are base units (10^-6): what the maker gives, and gets at least."""

    scheme: Scheme
    maker: Maker
    token: str  # token id, decimal
    side: int  # Side
    maker_amount: int
    taker_amount: int
    salt: int
    timestamp_ms: int
    metadata: bytes = bytes(32)
    builder: bytes = bytes(32)

    @property
    def signer(self) -> str:
        """The `signer` of the struct: a deposit wallet signs for itself."""
        return self.maker.address if self.maker.signature_type is SignatureType.POLY_1271 else self.maker.key


@lru_cache(maxsize=65_536)
def _token_word(token: str) -> bytes:
    if not (token.isascii() and token.isdigit() and len(token) <= 78):
        raise OrderUnsignable(f"{token[:80]!r} is no token id", "", "expected decimal digits")
    return word(int(token))


@lru_cache(maxsize=65_536)
def _maker_words(maker: str, signer: str) -> bytes:
    return address_word(maker) + address_word(signer)


def order_hash(order: OrderWords) -> bytes:
    """The EIP-712 struct hash, 32 bytes. Raises OrderUnsignable."""
    return keccak(
        b"".join(
            (
                _ORDER_TYPE,
                word(order.salt),
                _maker_words(order.maker.address, order.signer),
                _token_word(order.token),
                word(order.maker_amount),
                word(order.taker_amount),
                word(0 if order.side > 0 else 1),
                word(order.maker.signature_type),
                word(order.timestamp_ms),
                order.metadata.rjust(32, b"\x00"),
                order.builder.rjust(32, b"\x00"),
            )
        )
    )


def order_id(order: OrderWords, struct_hash: bytes) -> str:
    """The id under which the venue will know the order: 0x and 64 lower-case hexadecimal digits."""
    return "0x" + typed_digest(DOMAINS[order.scheme], struct_hash).hex()


def sign_request(order: OrderWords, struct_hash: bytes) -> SignRequest:
    """What the key of `order.maker` is asked to sign; answered with 65 bytes for `order_signature`."""
    if order.maker.signature_type is SignatureType.POLY_1271:
        struct_hash = keccak(_NESTED_TYPE + struct_hash + _wallet_words(order.maker.address))
    return SignRequest(order.maker.key.lower(), order.scheme, struct_hash)


def order_signature(order: OrderWords, struct_hash: bytes, signed: bytes) -> str:
    """The `signature` on the wire, from `signed`: r, s, and v as 0 or 1."""
    raw = _recoverable(signed)
    if order.maker.signature_type is SignatureType.POLY_1271:
        raw += DOMAINS[order.scheme] + struct_hash + _TRAILER
        if order.maker.session:
            raw = _by_session_key(order.maker.key, raw)
    return "0x" + raw.hex()


def auth_request(key: str, timestamp_s: int, nonce: int = 0) -> SignRequest:
    """ClobAuth: the log-in by which an API key is made (`auth.l1_headers`). Signed by the key for itself."""
    stamp = keccak(str(timestamp_s).encode())
    return SignRequest(
        key.lower(),
        Scheme.POLYMARKET_AUTH,
        keccak(_AUTH_TYPE + address_word(key) + stamp + word(nonce) + _AUTH_MESSAGE),
    )


def plain_signature(signed: bytes) -> str:
    """65 bytes as 0x… with v 27 or 28."""
    return "0x" + _recoverable(signed).hex()


def _recoverable(signed: bytes) -> bytes:
    if len(signed) != 65 or signed[64] > 1:
        raise OrderUnsignable(f"a signature of {len(signed)} bytes", "is not r, s, and v as 0 or 1", "see the signer")
    return for_contracts(signed)


@lru_cache(maxsize=65_536)
def _wallet_words(wallet: str) -> bytes:
    return _WALLET_NAME + _WALLET_VERSION + word(POLYGON) + address_word(wallet) + bytes(32)


def _by_session_key(key: str, raw: bytes) -> bytes:
    """ABI (bytes32 signer, bytes32 zero, bytes signature), and the mark by which the wallet knows a session key."""
    padded = raw.ljust(-(-len(raw) // 32) * 32, b"\x00")
    return address_word(key) + bytes(32) + word(96) + word(len(raw)) + padded + _SESSION_MAGIC
