"""Numbers as people read them: thousand separators, a true minus, fitting units, a dash for what does not exist."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal

NONE = "–"
_MINUS = "\u2212"


def integer(n: int | None) -> str:
    return NONE if n is None else f"{n:,}".replace("-", _MINUS)


def counted(n: int, one: str, many: str = "") -> str:
    """`many`: where it is not `one` with an s."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def number(x: float | Decimal | None, decimals: int = 2, signed: bool = False) -> str:
    """Fixed decimals: more where the figure would otherwise read 0, fewer where it is long."""
    if x is None or not _finite(x):
        return NONE
    magnitude = abs(float(x))
    if magnitude >= 100_000:
        decimals = min(decimals, 0 if magnitude >= 10_000_000 else 2)
    elif 0 < magnitude < 0.5 * 10**-decimals:
        decimals = min(12, 1 - math.floor(math.log10(magnitude)))
    text = f"{abs(x):,.{decimals}f}"
    if not text.strip("0.,"):  # no sign before a zero
        return text
    return (_MINUS if x < 0 else "+" if signed else "") + text


def _finite(x: float | Decimal) -> bool:
    return x.is_finite() and math.isfinite(float(x)) if isinstance(x, Decimal) else math.isfinite(x)


def quantity(x: Decimal | None) -> str:
    """Every digit there is, thousands separated, trailing zeros left out."""
    if x is None or not x.is_finite():
        return NONE
    text = f"{x:,f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", _MINUS)


def decimals_of(x: Decimal) -> int:
    """How many decimals show every digit of x."""
    return len(f"{x:f}".partition(".")[2].rstrip("0")) if x.is_finite() else 0


def digits(x: Decimal, decimals: int) -> str:
    """Signed, with that many decimals, for a column whose points stand below each other."""
    return f"{x:+,.{decimals}f}".replace("-", _MINUS) if x.is_finite() else NONE


def money(x: Decimal | None, asset: str = "", signed: bool = False) -> str:
    text = number(x, 2, signed)
    return text if text == NONE or not asset else f"{text} {asset}"


def bps(x: float | None, signed: bool = False) -> str:
    text = number(x, 1 if x is not None and abs(x) >= 10 else 2, signed)
    return text if text == NONE else f"{text} bps"


def percent(part: int, whole: int) -> str:
    """A share that reads 100% only when it is all, and 0% only when it is nothing."""
    if whole <= 0:
        return NONE
    share = min(max(100 * part / whole, 0.01 if part else 0.0), 99.99 if part < whole else math.inf)
    return f"{share:.2f}%" if part not in (0, whole) else f"{share:.0f}%"


def duration(ms: float | None) -> str:
    """A time span in the unit that fits: µs, ms, s, min or h."""
    if ms is None or not math.isfinite(ms):
        return NONE
    for limit, unit_ms, unit in ((1, 1e-3, "µs"), (1e3, 1, "ms"), (6e4, 1e3, "s"), (3.6e6, 6e4, "min")):
        if abs(ms) < limit:
            return f"{three_digits(ms / unit_ms)} {unit}" if ms else "0 ms"
    return f"{three_digits(ms / 3.6e6)} h"


def three_digits(x: float) -> str:
    """At least three significant digits: 1.23, 12.3, 123, 1,234."""
    magnitude = abs(x)
    return number(x, 2 if magnitude < 9.995 else 1 if magnitude < 99.95 else 0)


def memory(n: int | None) -> str:
    """Bytes in MiB or GiB."""
    if n is None:
        return NONE
    return f"{n / 2**30:,.2f} GiB" if n >= 2**30 else f"{n / 2**20:,.1f} MiB"


def moment(ms: int | None) -> str:
    """Epoch ms as UTC; a dash beyond the calendar."""
    try:
        return NONE if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return NONE


def shorten(text: str, ends: int = 8) -> str:
    return text if len(text) <= 2 * ends + 1 else f"{text[:ends]}…{text[-ends:]}"


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text.strip()
    return text and text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")
