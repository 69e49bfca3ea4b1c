"""One private key of secp256k1: it signs digests and is never shown."""

from __future__ import annotations

from typing import NoReturn

from coincurve import PrivateKey
from Crypto.Hash import keccak as _keccak

from pilotfish.domain.errors import VenueError


class KeyRefused(VenueError):
    """A private key, a keystore or a request to sign that cannot be used. The message never holds a secret."""


def keccak(data: bytes) -> bytes:
    return _keccak.new(digest_bits=256, data=data).digest()


class Key:
    """Not shown by repr, not by pickle, not in an error."""

    __slots__ = ("_key", "address")

    def __init__(self, secret: bytes) -> None:
        """From the 32 bytes of a key. Raises KeyRefused."""
        self.address = "no key"
        key = _private_key(secret)
        del secret  # a traceback that shows locals must not show it
        if key is None:
            raise KeyRefused("this is no private key", "", "expected 32 bytes, not zero and below the curve's order")
        self._key = key
        self.address = "0x" + keccak(key.public_key.format(compressed=False)[1:])[12:].hex()

    @classmethod
    def from_hex(cls, text: str) -> Key:
        """From 64 hexadecimal digits, with or without 0x. Raises KeyRefused."""
        once = [secret_of(text)]
        del text
        return cls(once.pop())

    def sign_digest(self, digest: bytes) -> bytes:
        """65 bytes: r, s, and v as 0 or 1."""
        return self._key.sign_recoverable(digest, hasher=None)

    def derive(self, label: bytes) -> Key:
        """Another key that this one and the label determine: one secret to keep, a key for each account."""
        raw = b"pilotfish agent key\x00" + self._key.secret + label
        return Key(keccak(raw))

    def reveal(self) -> bytes:
        """The secret itself: for a signer's own process and for the keystore, nothing else."""
        return self._key.secret

    def __repr__(self) -> str:
        return f"Key({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key does not leave its process: load it where it signs")


def secret_of(text: str) -> bytes:
    """The bytes of a key written in hexadecimal; empty where it is not."""
    try:
        return bytes.fromhex(text.strip().removeprefix("0x"))
    except ValueError:
        return b""


def _private_key(secret: bytes) -> PrivateKey | None:
    try:
        return PrivateKey(secret) if len(secret) == 32 else None
    except (ValueError, TypeError):
        return None
