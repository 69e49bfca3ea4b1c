"""How the venue writes numbers, and the addresses and hashes of strangers."""

from __future__ import annotations

from hashlib import blake2b

from pilotfish.domain.arith import INT64_MAX
from pilotfish.venues.decimals import MessageRefused, fixed, shown

STRANGERS = 40


def num(units: int, decimals: int) -> str:
    """Units of 10^-decimals, never without a point: "31795.0"."""
    text = shown(units, decimals)
    return text if "." in text else text + ".0"


def ratio(over: int, under: int, decimals: int) -> str:
    """A quotient, rounded down."""
    return num(over * 10**decimals // under, decimals) if under else "0.0"


def exact(text: object, decimals: int) -> int | None:
    """A decimal string as units, None where it is none or finer than the unit."""
    if not isinstance(text, str):
        return None
    try:
        return fixed(text, decimals)
    except MessageRefused:
        return None


def canonical(text: object) -> object:
    """A number as the venue writes it again before it hashes: without trailing zeros. Anything else as it is."""
    units = exact(text, 8)
    return text if units is None or abs(units) > INT64_MAX else shown(units, 8)


def digest(size: int, *about: object) -> int:
    """A number of `size` bytes that depends on `about` alone."""
    return int.from_bytes(blake2b("|".join(map(str, about)).encode(), digest_size=size).digest(), "big")


def stranger(seed: int, number: int) -> str:
    """The address of one of the people who are nobody's lead and nobody's follower."""
    return f"0x{digest(20, seed, 'stranger', number % STRANGERS):040x}"


def is_address(text: object) -> bool:
    return isinstance(text, str) and len(text) == 42 and text[:2] == "0x" and _hex(text[2:])


def is_cloid(text: object) -> bool:
    return isinstance(text, str) and len(text) == 34 and text[:2] == "0x" and _hex(text[2:])


def _hex(text: str) -> bool:
    return not set(text) - set("0123456789abcdefABCDEF")
