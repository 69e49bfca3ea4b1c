"""Client order ids as text within every exchange's rules, and fill ids as int64.

Binance: `^[.A-Z:/a-z0-9_-]{1,36}$`, Bybit: at most 36 of `A-Za-z0-9-_`, OKX: at most 32 letters and digits. One form
satisfies all three: a namespace of letters and digits, `z`, and the order's number as 16 hexadecimal digits.
"""

from __future__ import annotations

import hashlib
import re

from pilotfish.domain.errors import ConfigError

_NAMESPACE = re.compile(r"[A-Za-z][A-Za-z0-9]{0,13}")
_TAIL = re.compile(r"z([0-9a-f]{16})")
_NUMBER = re.compile(r"[0-9]{1,14}")
_FILL_BITS = 62


class ClientIds:
    """`namespace` tells journals that share an account apart; it must never change while orders of it are open."""

    def __init__(self, namespace: str = "pf") -> None:
        if not _NAMESPACE.fullmatch(namespace):
            raise ConfigError(
                f"namespace {namespace!r}", "must be a letter and up to 13 letters or digits", "choose another"
            )
        self.namespace = namespace

    def text(self, coid: int) -> str | None:
        """The id on the wire; None for a number that has none (negative, or 2^63 and more)."""
        return f"{self.namespace}z{coid:016x}" if 0 <= coid < 2**63 else None

    def coid(self, text: object) -> int | None:
        """Our order's number; None when the text is not of this namespace."""
        if not isinstance(text, str) or not text.startswith(self.namespace):
            return None
        tail = _TAIL.fullmatch(text, len(self.namespace))
        return int(tail[1], 16) if tail else None


def fill_id(trade: str, instrument: int) -> int:
    """An int64 for an exchange's trade id, which is unique per instrument alone (Binance, OKX) or no number (Bybit).

    Numbers of up to 14 digits are kept as they are, above the instrument's 16 bits; anything else is hashed.
    """
    if _NUMBER.fullmatch(trade) and 0 <= instrument < 2**16 and int(trade) < 2 ** (_FILL_BITS - 16):
        return int(trade) << 16 | instrument
    digest = hashlib.blake2b(f"{instrument}:{trade}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - _FILL_BITS)
