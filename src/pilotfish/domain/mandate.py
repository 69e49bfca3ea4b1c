"""What followers authorised, as columns: one row a follow (one follower's allocation to one lead)."""

from __future__ import annotations

from enum import IntEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import INT64_MAX, Ints
from pilotfish.domain.errors import ConfigError

NO_LIMIT = INT64_MAX
RATIO_UNIT = 1_000_000_000  # fixed ratios are kept in billionths
OMNIBUS = -1  # the account that trades for everybody on the omnibus route


class Sizing(IntEnum):
    PROPORTIONAL = 0  # allocation / the lead's equity at the start of the follow
    FIXED_RATIO = 1  # `value` follower lots per lead lot


class Start(IntEnum):
    NEW_TRADES = 0
    EXISTING = 1  # take over the lead's open positions at once


class Minimum(IntEnum):
    """What to do with an order below the venue's minimum (segregated route; a block counts as a whole)."""

    SKIP = 0  # forget this change
    RAISE = 1  # order the minimum instead, if the caps allow it
    CARRY = 2  # keep it until it has grown large enough


class Route(IntEnum):
    OMNIBUS = 0  # one block order for all, shared at one average price
    SEGREGATED = 1  # one order per follower account


class SymbolRule(msgspec.Struct, frozen=True, array_like=True):
    """Which instruments a mandate allows; an empty `allow` means all. A denied symbol wins."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    def allows(self, symbol: str) -> bool:
        return symbol not in self.deny and (not self.allow or symbol in self.allow)


class Follows(msgspec.Struct, array_like=True):
    """Columns of int64, one row a follow. Money in base units of the quote asset; bounds in basis points.

    `value` is a ratio in billionths where `sizing` is FIXED_RATIO and unused otherwise. `rule` indexes `rules`.
    """

    follower: Ints
    lead: Ints
    allocation: Ints
    sizing: Ints
    value: Ints
    start: Ints
    open_bps: Ints
    exit_bps: Ints
    order_cap: Ints
    position_cap: Ints
    total_cap: Ints
    leverage_cap_e2: Ints  # hundredths: 300 = 3x
    minimum: Ints
    rule: Ints
    rules: list[SymbolRule]

    @classmethod
    def of(cls, follower: object, lead: object, allocation: object, **columns: object) -> Follows:
        """Columns from sequences or scalars; what is not named gets a copier's ordinary defaults (no caps)."""
        who = np.atleast_1d(np.asarray(follower, dtype=np.int64))
        n = who.size
        defaults: dict[str, object] = {
            "sizing": int(Sizing.PROPORTIONAL), "value": 0, "start": int(Start.NEW_TRADES), "open_bps": 50,
            "exit_bps": 300, "order_cap": NO_LIMIT, "position_cap": NO_LIMIT, "total_cap": NO_LIMIT,
            "leverage_cap_e2": 2_000, "minimum": int(Minimum.CARRY), "rule": 0,
        }  # fmt: skip
        rules = columns.pop("rules", None) or [SymbolRule()]
        if unknown := set(columns) - set(defaults):
            raise ConfigError(f"follow columns {sorted(unknown)}", "are not known", f"use {sorted(defaults)}")
        merged = {**defaults, **columns, "lead": lead, "allocation": allocation}
        out = {k: np.broadcast_to(np.asarray(v, dtype=np.int64), (n,)).copy() for k, v in merged.items()}
        return cls(follower=who, rules=rules, **out)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return int(self.follower.size)

    def columns(self) -> dict[str, Ints]:
        return {name: getattr(self, name) for name in self.__struct_fields__ if name != "rules"}

    def check(self) -> None:
        """Refuse a table that contradicts itself. Raises ConfigError that names the first bad row."""
        n = len(self)
        for name, column in self.columns().items():
            if column.dtype != np.int64 or column.shape != (n,):
                raise ConfigError(f"follow column {name}", f"is {column.dtype}{column.shape}, not int64({n},)")
        self._refuse(self.follower < 0, "follower", "is negative")
        self._refuse(self.allocation <= 0, "allocation", "is not positive")
        self._refuse((self.sizing == Sizing.FIXED_RATIO) & (self.value <= 0), "value", "is not a positive ratio")
        self._refuse((self.open_bps < 0) | (self.open_bps >= 10_000), "open_bps", "is not in 0..9999")
        self._refuse((self.exit_bps < 0) | (self.exit_bps >= 10_000), "exit_bps", "is not in 0..9999")
        for name in ("order_cap", "position_cap", "total_cap", "leverage_cap_e2"):
            self._refuse(getattr(self, name) <= 0, name, "is not positive")
        self._refuse((self.rule < 0) | (self.rule >= len(self.rules)), "rule", "names no symbol rule")
        self._refuse(~np.isin(self.sizing, list(Sizing)), "sizing", "is not a sizing mode")
        self._refuse(~np.isin(self.start, list(Start)), "start", "is not a start mode")
        self._refuse(~np.isin(self.minimum, list(Minimum)), "minimum", "is not a minimum-notional policy")

    def _refuse(self, bad: NDArray[np.bool_], column: str, why: str) -> None:
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise ConfigError(f"follow row {row}, column {column}", f"{getattr(self, column)[row]} {why}", "mend it")
