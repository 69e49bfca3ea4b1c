"""Cells to values, strictly: what a row may hold, and the issues of the rows that hold something else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from pilotfish.domain.errors import RecordingError

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_DECIMALS_MAX = 40  # floats print up to 20; more is damage
_SIZE_MAX = Decimal(10) ** 15
_NS_MIN, _NS_MAX = 946_684_800 * 10**9, 4_102_444_800 * 10**9  # years 2000 to 2100
MILLION = Decimal(1_000_000)


class RowError(Exception):
    """One cell is wrong; the reader of the file adds the file and the line."""

    def __init__(self, column: str, why: str, to_do: str = "check the export") -> None:
        self.column, self.why, self.to_do = column, why, to_do
        super().__init__(column, why)


@dataclass(slots=True)
class Issues:
    """Collects what was wrong with a file; in strict mode the first issue is raised."""

    file: str
    strict: bool = False
    found: list[RecordingError] = field(default_factory=list)

    def add(self, line: int, column: str, why: str, to_do: str = "check the export") -> None:
        error = RecordingError(self.file, line, column, why, to_do)
        if self.strict:
            raise error
        self.found.append(error)

    def row(self, line: int, bad: RowError, prefix: str = "") -> None:
        self.add(line, prefix + bad.column, bad.why, bad.to_do)


def number(row: Mapping[str, Any], column: str) -> Decimal:
    """A finite decimal number. JSON's own numbers, their text and spreadsheet notation (1.00E-05) all pass."""
    value = row.get(column)
    if value is None or value == "":
        raise RowError(column, "is empty" if column in row else "is missing", "drop the row, or export it again")
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise RowError(column, f"{shown(value)} is not a number")
    text = str(value).strip()
    if len(text) > 80 or not _NUMBER.fullmatch(text):
        raise RowError(column, f"{shown(text)} is not a finite number")
    return Decimal(text)


def positive(row: Mapping[str, Any], column: str) -> Decimal:
    """A size or a price: above zero, below 10^15, at most 40 decimals."""
    value = number(row, column)
    if value <= 0:
        raise RowError(column, f"{value} is not above zero", "a fill has a positive size at a positive price")
    return bounded(value, column)


def bounded(value: Decimal, column: str) -> Decimal:
    """A quantity that fits: below 10^15 in magnitude, at most 40 decimals."""
    if abs(value) >= _SIZE_MAX:
        raise RowError(column, f"{value} is too large for int64", "no account trades that much: check the export")
    if decimals(value) > _DECIMALS_MAX:
        raise RowError(column, f"{value} has more than {_DECIMALS_MAX} decimals")
    return value


def decimals(value: Decimal) -> int:
    """How many decimals a value needs."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def whole(row: Mapping[str, Any], column: str) -> int:
    """An integer that fits into int64."""
    value = number(row, column)
    if value.adjusted() > 18 or value != value.to_integral_value() or abs(int(value)) >= 2**63:
        raise RowError(column, f"{shown(value)} is not a whole number")
    return int(value)


def stamp(value: int, unit: int, column: str) -> int:
    """A time in ns from `value` in units of `unit` ns. What does not fall into 2000 to 2100 is in some other unit."""
    ns = value * unit
    if not _NS_MIN <= ns < _NS_MAX:
        name = {10**6: "milliseconds", 10**9: "seconds"}.get(unit, "units")
        raise RowError(column, f"{shown(value)} is no time between 2000 and 2100 in {name}", "check the unit")
    return ns


def text(row: Mapping[str, Any], column: str, *, required: bool = True) -> str:
    value = row.get(column)
    if isinstance(value, str) and (value.strip() or not required):
        return clean(value.strip())
    if value is None and not required:
        return ""
    raise RowError(column, "is missing" if column not in row else f"{shown(value)} is no text")


def address(row: Mapping[str, Any], column: str) -> str:
    """An account's address, lower case."""
    value = text(row, column)
    if not _ADDRESS.fullmatch(value):
        raise RowError(column, f"{shown(value)} is not an address (0x and 40 hex digits)")
    return value.lower()


def clean(value: str) -> str:
    """Without the lone surrogates that would break whoever prints or stores it."""
    return _SURROGATE.sub("\ufffd", value)


def damaged(value: str) -> bool:
    """Whether bytes of this text were not UTF-8."""
    return _SURROGATE.search(value) is not None


def shown(value: object) -> str:
    shortened = repr(value)
    return clean(shortened if len(shortened) <= 60 else shortened[:57] + "...")


def stable_id(*parts: object) -> int:
    """63 bits that depend on the parts alone: the same fill has the same id in every export that holds it."""
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=8).digest()) >> 1
