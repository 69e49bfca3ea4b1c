"""Followers from a CSV file, one row a mandate; docs/followers.md is the user's page. Or a seeded population.

A row that cannot be used is refused with its line and column and what would do; the rows around it still count. A file
that as a whole cannot be trusted (no header, an unknown column: perhaps a misspelt limit) is refused outright.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import TypeVar

import numpy as np

from pilotfish.domain.errors import FollowersError
from pilotfish.domain.mandate import NO_LIMIT, Follows, Minimum, Sizing, Start, SymbolRule
from pilotfish.domain.mandate_checks import check_follows
from pilotfish.worlds import follower_cells as cells
from pilotfish.worlds.follower_cells import BadCell
from pilotfish.worlds.population import MONEY_DECIMALS, MS, USDC, Population, assumptions, random_population, split

__all__ = ["COLUMNS", "Population", "assumptions", "random_population", "read_followers"]

COLUMNS = (
    "follower", "capital", "lead", "mode", "value", "start", "max_order", "max_position", "max_total", "max_leverage",
    "allow", "deny", "slippage_open_bps", "slippage_exit_bps", "minimum", "delay_ms",
)  # fmt: skip
REQUIRED = ("follower", "capital")
DEFAULTS = {
    "mode": "proportional", "start": "new", "max_leverage": "20", "slippage_open_bps": "50",
    "slippage_exit_bps": "300", "minimum": "carry", "delay_ms": "250",
}  # fmt: skip
CAPS = {"order_cap": "max_order", "position_cap": "max_position", "total_cap": "max_total"}
MODES = {"proportional": int(Sizing.PROPORTIONAL), "fixed_ratio": int(Sizing.FIXED_RATIO)}
STARTS = {"new": int(Start.NEW_TRADES), "existing": int(Start.EXISTING)}
MINIMUMS = {"skip": int(Minimum.SKIP), "raise": int(Minimum.RAISE), "carry": int(Minimum.CARRY)}
CAPITAL_MAX = 10**9 * USDC  # of one row, a billion
TOTAL_MAX = 2**61  # of the file: the columns of money must sum inside int64
RATIO_MAX = 1_000 * 10**9  # billionths
LEVERAGE_MAX_E2 = 100_000
DELAY_MAX_NS = 60_000 * MS


T = TypeVar("T")


class _Refused(Exception):
    def __init__(self, column: str, why: str, to_do: str) -> None:
        self.column, self.why, self.to_do = column, why, to_do
        super().__init__(why)


class _Table:
    """What the rows so far add up to."""

    def __init__(self, leads: Sequence[str], symbols: Sequence[str] | None) -> None:
        self.leads, self.symbols = leads, symbols
        self.names: dict[str, int] = {}
        self.delays: list[tuple[int, bool]] = []  # ns, and whether the file said so
        self.pairs: set[tuple[int, int]] = set()
        self.rules: dict[SymbolRule, int] = {SymbolRule(): 0}
        self.rows: list[dict[str, int]] = []
        self.total = 0

    def add(self, row: dict[str, str]) -> None:
        """Take a row whole or, by raising _Refused, not at all."""
        who = _cell(row, "follower", cells.name)
        capital = _cell(row, "capital", lambda t: cells.units(_present(t), MONEY_DECIMALS, CAPITAL_MAX))
        shares = _cell(row, "lead", lambda t: cells.weights(t, self.leads))
        mandate, rule = self._mandate(row)
        delay = _cell(row, "delay_ms", lambda t: cells.units(t, 6, DELAY_MAX_NS, low=0))
        parts = split(capital, [(share.numerator, share.denominator) for _, share in shares])
        follower = self.names.get(who, len(self.names))
        stated = bool(row.get("delay_ms"))
        for lead, _ in shares:
            if (follower, lead) in self.pairs:
                why = f"{cells.shown(who)} follows {self.leads[lead]} already"
                raise _Refused("lead", why, "give a follower one row a lead")
        if min(parts) <= 0:
            raise _Refused("capital", f"{row['capital']} leaves nothing for a lead", "raise it, or name fewer leads")
        if self.total + capital > TOTAL_MAX:
            raise _Refused("capital", "the file's capital leaves int64", "split the file over several shards")
        if follower < len(self.delays):
            known, known_stated = self.delays[follower]
            if stated and known_stated and known != delay:
                why = f"{row['delay_ms']} contradicts an earlier row of {cells.shown(who)}"
                raise _Refused("delay_ms", why, "a follower has one delay")
            if stated:
                self.delays[follower] = (delay, True)
        else:
            self.names[who] = follower
            self.delays.append((delay, stated))
        self.total += capital
        number = self.rules.setdefault(rule, len(self.rules))
        for (lead, _), part in zip(shares, parts, strict=True):
            self.pairs.add((follower, lead))
            self.rows.append({"follower": follower, "lead": lead, "allocation": part, "rule": number, **mandate})

    def _mandate(self, row: dict[str, str]) -> tuple[dict[str, int], SymbolRule]:
        sizing = _cell(row, "mode", lambda t: cells.choice(t, MODES))
        fixed = sizing == Sizing.FIXED_RATIO
        if not fixed and row.get("value"):
            raise _Refused("value", "is only for fixed_ratio", "leave it empty, or set mode to fixed_ratio")
        caps = {
            column: _cell(row, name, lambda t: cells.units(t, MONEY_DECIMALS, NO_LIMIT - 1) if t else NO_LIMIT)
            for column, name in (
                ("order_cap", "max_order"),
                ("position_cap", "max_position"),
                ("total_cap", "max_total"),
            )
        }
        for (small, a), (large, b) in combinations(CAPS.items(), 2):
            if NO_LIMIT > caps[small] > caps[large]:
                raise _Refused(a, f"{row[a]} is above {b} {row[b]}", f"raise {b}, or lower {a}")
        allow = _cell(row, "allow", lambda t: cells.symbols(t, self.symbols))
        deny = _cell(row, "deny", lambda t: cells.symbols(t, self.symbols))
        if both := sorted(set(allow) & set(deny)):
            raise _Refused("deny", f"{', '.join(both)} is allowed and denied", "name it once")
        mandate = {
            "sizing": sizing,
            "value": _cell(row, "value", lambda t: cells.units(_present(t), 9, RATIO_MAX)) if fixed else 0,
            "start": _cell(row, "start", lambda t: cells.choice(t, STARTS)),
            "open_bps": _cell(row, "slippage_open_bps", lambda t: cells.units(t, 0, 9_999, low=0)),
            "exit_bps": _cell(row, "slippage_exit_bps", lambda t: cells.units(t, 0, 9_999, low=0)),
            "leverage_cap_e2": _cell(row, "max_leverage", lambda t: cells.units(t, 2, LEVERAGE_MAX_E2)),
            "minimum": _cell(row, "minimum", lambda t: cells.choice(t, MINIMUMS)),
            **caps,
        }
        return mandate, SymbolRule(allow, deny)

    def population(self, issues: list[FollowersError]) -> Population:
        rows = sorted(self.rows, key=lambda row: row["lead"])  # stable: followers stay in the file's order
        columns = {name: np.array([row[name] for row in rows], dtype=np.int64) for name in (rows[0] if rows else ())}
        delays = np.array([delay for delay, _ in self.delays], dtype=np.int64)
        if not rows:
            return Population(Follows.of([], [], []), delays, [], issues)
        follows = Follows.of(
            columns.pop("follower"), columns.pop("lead"), columns.pop("allocation"), rules=list(self.rules), **columns
        )
        check_follows(follows)
        return Population(follows, delays, list(self.names), issues)


def read_followers(
    path: str | os.PathLike[str], leads: Sequence[str], *, strict: bool = False, symbols: Sequence[str] | None = None
) -> Population:
    """Followers of `leads` (names, in the order of their indices) from a CSV file in UTF-8.

    `symbols`, when given, are all that may be allowed or denied. With `strict` the first bad row raises; otherwise it
    becomes an issue. Raises FollowersError when the file as a whole cannot be used.
    """
    file = Path(path).name
    lines = _lines(Path(path), file)
    header = _header(lines[0][1] if lines else "", file, lines[0][0] if lines else 1)
    table, issues = _Table(leads, symbols), list[FollowersError]()
    for number, line in lines[1:]:
        try:
            table.add(_row(line, header))
        except _Refused as bad:
            issue = FollowersError(file, number, bad.column, bad.why, bad.to_do)
            if strict:
                raise issue from bad
            issues.append(issue)
    return table.population(issues)


def _lines(path: Path, file: str) -> list[tuple[int, str]]:
    """Lines that are not blank, numbered from 1; a byte that is not UTF-8 spoils only its line."""
    try:
        raw = path.read_bytes()
    except OSError as bad:
        raise FollowersError(file, 0, "", f"cannot be read ({bad.strerror})", "check the path") from bad
    if b"\0" in raw or raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise FollowersError(file, 1, "", "is not UTF-8 text", "save it as CSV in UTF-8")
    text = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    lines = [(k, line) for k, line in enumerate(re.split(r"\r\n|\n|\r", text), 1) if line.strip(", \t")]
    if not lines:
        raise FollowersError(file, 1, "", "is empty", f"begin with a header: {','.join(REQUIRED)},…")
    return lines


def _header(line: str, file: str, number: int) -> list[str]:
    try:
        names = [name.lower() for name in _split(line)]
    except _Refused as bad:
        raise FollowersError(file, number, bad.column, bad.why, bad.to_do) from bad
    for k, name in enumerate(names):
        if name not in COLUMNS:
            raise FollowersError(
                file, number, cells.shown(name), "is not a column of a followers file",
                f"use {', '.join(COLUMNS)}, between commas",
            )  # fmt: skip
        if name in names[:k]:
            raise FollowersError(file, number, name, "appears twice", "keep one")
    for name in REQUIRED:
        if name not in names:
            raise FollowersError(file, number, name, "the column is missing", "add it")
    return names


def _row(line: str, header: list[str]) -> dict[str, str]:
    found = _split(line)
    if len(found) != len(header):
        raise _Refused("", f"has {len(found)} cells, the header {len(header)}", "look for a stray or missing comma")
    row = dict(zip(header, found, strict=True))
    for column, text in row.items():
        if re.search("[\udc80-\udcff]", text):
            raise _Refused(column, "holds bytes that are not UTF-8", "save the file as UTF-8")
    return row


def _split(line: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], strict=True))]
    except csv.Error as bad:
        raise _Refused("", f"is no CSV ({bad})", "look for a quote that is never closed") from bad


def _cell(row: dict[str, str], column: str, parse: Callable[[str], T]) -> T:
    """The parsed cell, or its default's value when it is empty or has no column."""
    try:
        return parse(row.get(column) or DEFAULTS.get(column, ""))
    except BadCell as bad:
        raise _Refused(column, bad.why, bad.to_do) from bad


def _present(text: str) -> str:
    if not text:
        raise BadCell("is missing", "fill it in")
    return text
