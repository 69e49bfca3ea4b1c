"""Followers from a CSV file, one row a mandate; docs/followers.md is the user's page. Or a seeded population.

A row that cannot be used is refused with its line and column and what would do; the rows around it still count. A file
that as a whole cannot be trusted (no header, an unknown column: perhaps a misspelt limit) is refused outright.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pilotfish.domain.errors import FollowersError
from pilotfish.domain.mandate import BPS, Follows, SymbolRule
from pilotfish.domain.mandate_checks import check_follows
from pilotfish.worlds import follower_cells as cells
from pilotfish.worlds.follower_mandate import CAPITAL_MAX, CELLS, Refused, cell, mandate_of, rule_of
from pilotfish.worlds.population import MONEY_DECIMALS, MS, Population, assumptions, random_population, split

__all__ = ["COLUMNS", "Population", "assumptions", "random_population", "read_followers"]

COLUMNS = ("follower", "capital", "lead", "sizing", "value", *CELLS, "allow", "deny", "rebalance", "delay_ms")
REQUIRED = ("follower", "capital")
OLD_NAMES = {"mode": "sizing"}
TOTAL_MAX = 2**61  # of the file: the columns of money must sum inside int64
DELAY_MAX_NS = 60_000 * MS
DELAY_MS = "250"


class _Table:
    """What the rows so far add up to."""

    def __init__(self, leads: Sequence[str], symbols: Sequence[str] | None) -> None:
        self.leads, self.symbols = leads, symbols
        self.names: dict[str, int] = {}
        self.delays: list[tuple[int, bool]] = []  # ns, and whether the file said so
        self.pairs: set[tuple[int, int]] = set()
        self.rules: dict[SymbolRule, int] = {SymbolRule(): 0}
        self.rows: list[dict[str, int]] = []
        self.sizers: dict[str, int] = {}
        self.balanced: dict[int, bool] = {}
        self.total = 0

    def add(self, row: dict[str, str]) -> None:
        """Take a row whole or, by raising Refused, not at all."""
        who = cell(row, "follower", cells.name)
        capital = cell(row, "capital", lambda t: cells.units(cells.present(t), MONEY_DECIMALS, CAPITAL_MAX))
        shares = cell(row, "lead", lambda t: cells.weights(t, self.leads))
        sizers = dict(self.sizers)
        mandate, rule = mandate_of(row, sizers), rule_of(row, self.symbols)
        parts = split(capital, [(share.numerator, share.denominator) for _, share in shares])
        follower = self.names.get(who, len(self.names))
        for lead, _ in shares:
            if (follower, lead) in self.pairs:
                why = f"{cells.shown(who)} follows {self.leads[lead]} already"
                raise Refused("lead", why, "give a follower one row a lead")
        if min(parts) <= 0:
            raise Refused("capital", f"{row['capital']} leaves nothing for a lead", "raise it, or name fewer leads")
        if mandate["equity_stop"] >= min(parts):
            why = f"{row['equity_stop']} is not below what each lead gets"
            raise Refused("equity_stop", why, "lower it: it counts for each lead apart")
        if self.total + capital > TOTAL_MAX:
            raise Refused("capital", "the file's capital leaves int64", "split the file over several shards")
        weights = self._weights(row, who, shares)
        self._delay(row, who, follower)
        self.sizers = sizers
        self.total += capital
        number = self.rules.setdefault(rule, len(self.rules))
        for (lead, _), part, weight in zip(shares, parts, weights, strict=True):
            self.pairs.add((follower, lead))
            ids = {"follower": follower, "lead": lead, "allocation": part, "rule": number, "weight_bps": weight}
            self.rows.append({**ids, **mandate})
            self.balanced[follower] = weight > 0

    def _weights(self, row: dict[str, str], who: str, shares: cells.Weights) -> list[int]:
        """Weights in bps to rebalance to, which sum to the whole; or none."""
        wanted = cell(row, "rebalance", lambda t: cells.choice(t, {"yes": 1, "no": 0}), "no")
        known = self.names.get(who)
        if known is not None and (wanted or self.balanced[known]):
            to_do = "name all leads of a follower who rebalances in one row, lead:weight;lead:weight"
            raise Refused("rebalance", f"{cells.shown(who)} has a row already", to_do)
        if not wanted:
            return [0] * len(shares)
        weights = split(BPS, [(share.numerator, share.denominator) for _, share in shares])
        if min(weights) <= 0:
            raise Refused("rebalance", "a weight is below 0.01%", "raise it, or leave rebalance empty")
        return weights

    def _delay(self, row: dict[str, str], who: str, follower: int) -> None:
        """A follower has one delay; the first row that states it decides."""
        delay = cell(row, "delay_ms", lambda t: cells.units(t, 6, DELAY_MAX_NS, low=0), DELAY_MS)
        stated = bool(row.get("delay_ms"))
        if follower == len(self.delays):
            self.names[who] = follower
            self.delays.append((delay, stated))
        elif stated:
            known, known_stated = self.delays[follower]
            if known_stated and known != delay:
                why = f"{row['delay_ms']} contradicts an earlier row of {cells.shown(who)}"
                raise Refused("delay_ms", why, "a follower has one delay")
            self.delays[follower] = (delay, True)

    def population(self, issues: list[FollowersError]) -> Population:
        rows = sorted(self.rows, key=lambda row: row["lead"])  # stable: followers stay in the file's order
        columns = {name: np.array([row[name] for row in rows], dtype=np.int64) for name in (rows[0] if rows else ())}
        delays = np.array([delay for delay, _ in self.delays], dtype=np.int64)
        if not rows:
            return Population(Follows.of([], [], []), delays, [], issues)
        follows = Follows.of(
            columns.pop("follower"), columns.pop("lead"), columns.pop("allocation"), rules=list(self.rules),
            sizers=list(self.sizers), **columns,
        )  # fmt: skip
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
    spelled = {new: old for old, new in OLD_NAMES.items() if old in header}
    header = [OLD_NAMES.get(name, name) for name in header]
    table, issues = _Table(leads, symbols), list[FollowersError]()
    for number, line in lines[1:]:
        try:
            table.add(_row(line, header))
        except Refused as bad:
            issue = FollowersError(file, number, spelled.get(bad.column, bad.column), bad.why, bad.to_do)
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
    except Refused as bad:
        raise FollowersError(file, number, bad.column, bad.why, bad.to_do) from bad
    for k, name in enumerate(names):
        if name not in COLUMNS and name not in OLD_NAMES:
            raise FollowersError(
                file, number, cells.shown(name), "is not a column of a followers file",
                f"use {', '.join(COLUMNS)}, between commas",
            )  # fmt: skip
        if name in names[:k] or OLD_NAMES.get(name) in names:
            raise FollowersError(file, number, name, "appears twice", "keep one")
    for name in REQUIRED:
        if name not in names:
            raise FollowersError(file, number, name, "the column is missing", "add it")
    return names


def _row(line: str, header: list[str]) -> dict[str, str]:
    found = _split(line)
    if len(found) != len(header):
        raise Refused("", f"has {len(found)} cells, the header {len(header)}", "look for a stray or missing comma")
    row = dict(zip(header, found, strict=True))
    for column, text in row.items():
        if re.search("[\udc80-\udcff]", text):
            raise Refused(column, "holds bytes that are not UTF-8", "save the file as UTF-8")
    return row


def _split(line: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], strict=True))]
    except csv.Error as bad:
        raise Refused("", f"is no CSV ({bad})", "look for a quote that is never closed") from bad
