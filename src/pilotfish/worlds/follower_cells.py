"""Cells of a followers file to values. Each parser says why a cell cannot be used, and what would do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_NAME_MAX = 64
_DIGITS_MAX = 40
_WHOLE = 100  # weights are percentages

Weights = list[tuple[int, Fraction]]  # lead index, share of the capital; shares sum to 1


class BadCell(Exception):
    """Why a cell cannot be used and the remedy; the reader adds file, line and column."""

    def __init__(self, why: str, to_do: str) -> None:
        self.why, self.to_do = why, to_do
        super().__init__(f"{why}. {to_do}")


def number(text: str) -> Fraction:
    """An exact number; digits, one decimal point, at most a two-digit exponent."""
    if text.lower().lstrip("+-") in ("nan", "inf", "infinity", "snan"):
        raise BadCell(f"{text} is not a finite number", "write a number")
    if len(text) > _DIGITS_MAX or not _NUMBER.fullmatch(text):
        raise BadCell(f"{shown(text)} is not a number", "write digits and a decimal point, no thousands separators")
    return Fraction(text)


def units(text: str, decimals: int, high: int, low: int = 1) -> int:
    """A number in units of 10^-decimals, `low` <= it <= `high` (units)."""
    scaled = number(text) * 10**decimals
    if scaled < 0:
        raise BadCell(f"{text} is negative", "write a number above zero")
    if scaled < low:
        why = "is zero" if scaled == 0 else "is too small"
        raise BadCell(f"{text} {why}", f"write at least {plain(Fraction(low, 10**decimals))}")
    if scaled > high:
        raise BadCell(f"{text} is too large", f"write at most {plain(Fraction(high, 10**decimals))}")
    if scaled.denominator != 1:
        raise BadCell(f"{text} has more than {decimals} decimals", "round it")
    return int(scaled)


def plain(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.10f}".rstrip("0")


def present(text: str) -> str:
    if not text:
        raise BadCell("is missing", "fill it in")
    return text


def choice(text: str, options: dict[str, int]) -> int:
    if text.lower() not in options:
        raise BadCell(f"{shown(text)} is unknown", f"use one of {', '.join(options)}")
    return options[text.lower()]


def name(text: str) -> str:
    if not text:
        raise BadCell("the name is missing", "give every follower a name")
    if len(text) > _NAME_MAX or not text.isprintable():
        raise BadCell(f"{shown(text)} is no name", f"use at most {_NAME_MAX} printable characters")
    return text


def symbols(text: str, known: Sequence[str] | None) -> tuple[str, ...]:
    """Symbols between semicolons, sorted, each once; `known` are all there are, when that is known."""
    found = sorted({part.strip() for part in text.split(";")} - {""})
    for symbol in found:
        if known is not None and symbol not in known:
            raise BadCell(f"{shown(symbol)} is not traded here", f"use {shortlist(known)}")
    return tuple(found)


def weights(text: str, leads: Sequence[str]) -> Weights:
    """Leads and shares: empty or `*` is all equally, a lead alone gets everything, `a:60;b:40` must sum to 100."""
    if not leads:
        raise BadCell("there is no lead to follow", "name the leads of this run")
    if text in ("", "*"):
        return [(k, Fraction(1, len(leads))) for k in range(len(leads))]
    if text in leads or ":" not in text:
        return [(_lead(text, leads), Fraction(1))]
    out: Weights = []
    for part in text.split(";"):
        who, colon, weight = part.strip().rpartition(":")
        if not colon:
            raise BadCell(f"{shown(part)} has no weight", "write lead:weight;lead:weight, weights in percent")
        lead, share = _lead(who.strip(), leads), number(weight.strip()) / _WHOLE
        if share <= 0:
            raise BadCell(f"the weight of {who} is not above zero", "leave that lead out")
        if any(lead == other for other, _ in out):
            raise BadCell(f"{who} appears twice", "give each lead one weight")
        out.append((lead, share))
    total = sum(share for _, share in out)
    if total != 1:
        raise BadCell(f"the weights sum to {plain(Fraction(total * _WHOLE))}, not 100", "mend a weight")
    return out


def _lead(text: str, leads: Sequence[str]) -> int:
    """A lead by its name, or else by its index from 0."""
    if text in leads:
        return list(leads).index(text)
    if re.fullmatch(r"\d{1,6}", text, re.ASCII) and int(text) < len(leads):
        return int(text)
    raise BadCell(f"{shown(text)} is not a lead of this run", f"use {shortlist(leads)}, or *")


def shortlist(options: Sequence[str]) -> str:
    few = ", ".join(options[:8])
    return few + (f" or one of {len(options) - 8} more" if len(options) > 8 else "")


def shown(text: str) -> str:
    """A cell as an error may quote it: short, and nothing a terminal would obey."""
    cut = text if len(text) <= _NAME_MAX else text[:_NAME_MAX] + "…"
    return ascii(cut) if not cut.isprintable() else f"'{cut}'"
