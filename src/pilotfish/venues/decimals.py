"""The venue's decimal strings to integers and back, exactly. No float on the way."""

from __future__ import annotations

from pilotfish.domain.arith import INT64_MAX
from pilotfish.domain.errors import VenueError

_LENGTH_MAX = 40
_TEN: list[int] = [10**k for k in range(19)]


class MessageRefused(VenueError):
    """What the venue said cannot be used. It is set aside and counted; nothing was changed by it."""


def fixed(text: str, decimals: int) -> int:
    """A decimal string in units of 10^-decimals. Raises MessageRefused unless it is exactly such a number in int64."""
    whole, _, part = text.partition(".")
    lacks = decimals - len(part)
    if lacks < 0 and not part[decimals:].strip("0"):
        part, lacks = part[:decimals], 0
    digits = whole + part
    # int() alone would take "1_0", " 1" and the digits of other scripts.
    if digits.isdigit() and digits.isascii() and whole and 0 <= lacks <= 18 - len(digits):
        return int(digits) * _TEN[lacks]
    return _seldom(text, whole, part, lacks)


def _seldom(text: str, whole: str, part: str, lacks: int) -> int:
    """The negative, the very long and what is refused."""
    bare = whole.removeprefix("-")
    if not (len(text) <= _LENGTH_MAX and bare and (bare + part).isdigit() and (bare + part).isascii()):
        raise MessageRefused(f"{text[:_LENGTH_MAX]!r} is no number", "", "see what sent it")
    if lacks < 0:
        raise MessageRefused(f"{text} has too many decimals", "", "see whether the listing has changed")
    value: int = int(whole + part) * 10**lacks
    return within(value, text)


def fixed_floor(text: str, decimals: int) -> int:
    """The same, rounded down where the string is finer: for marks, rates and money."""
    kept, finer = _towards_zero(text, decimals)
    return within(kept - 1, text) if finer and text[:1] == "-" else kept


def fixed_ceil(text: str, decimals: int) -> int:
    """The same, rounded up."""
    kept, finer = _towards_zero(text, decimals)
    return within(kept + 1, text) if finer and text[:1] != "-" else kept


def within(units: int, what: str) -> int:
    """The same number. Raises MessageRefused when it leaves int64: no event could carry it."""
    if abs(units) > INT64_MAX:
        raise MessageRefused(f"{what[:_LENGTH_MAX]} leaves int64", "", "see what sent it")
    return units


def _towards_zero(text: str, decimals: int) -> tuple[int, bool]:
    whole, point, part = text.partition(".")
    rest = part[decimals:]
    if rest and not (rest.isascii() and rest.isdigit() and len(text) <= _LENGTH_MAX):
        raise MessageRefused(f"{text[:_LENGTH_MAX]!r} is no number", "", "see what sent it")
    return fixed(whole + point + part[:decimals], decimals), bool(rest.strip("0"))


class Numbers(dict[str, int]):
    """`fixed` as a look-up, of `least` and more: a book says most of its prices and sizes again in its next snapshot.

    So what has to hold of every level is looked at once for each number, not for each level.
    """

    KEPT = 16_384

    def __init__(self, decimals: int, least: int = 1) -> None:
        self.decimals, self.least = decimals, least

    def __missing__(self, text: str) -> int:
        """Raises MessageRefused; what is refused is not kept."""
        value = fixed(text, self.decimals)
        if value < self.least:
            raise MessageRefused(f"{text[:_LENGTH_MAX]!r} is below {self.least}", "", "ask for it again")
        if len(self) >= self.KEPT:
            self.clear()
        self[text] = value
        return value


def shown(units: int, decimals: int) -> str:
    """`units` of 10^-decimals as the venue hashes numbers: no exponent, no trailing zero, no bare point."""
    if decimals == 0:
        return str(units)
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).zfill(decimals + 1)
    part = digits[-decimals:].rstrip("0")
    whole = sign + digits[:-decimals] if units else "0"
    return f"{whole}.{part}" if part else whole
