"""What followers authorised, as columns: one row a follow (one follower's allocation to one lead)."""

from __future__ import annotations

from enum import IntEnum

import msgspec
import numpy as np

from pilotfish.domain.arith import INT64_MAX, Ints
from pilotfish.domain.errors import ConfigError

NO_LIMIT = INT64_MAX
BPS = 10_000
RATIO_UNIT = 1_000_000_000  # fixed ratios are kept in billionths
OMNIBUS = -1  # the account that trades for everybody on the omnibus route


class Sizing(IntEnum):
    PROPORTIONAL = 0  # allocation / the lead's equity at the start of the follow
    FIXED_RATIO = 1  # `value` follower lots per lead lot
    FIXED_AMOUNT = 2  # `value` money for each opening order of the lead, however many fills it takes
    RISK = 3  # what loses `value` bps of the allocation if the lead's stop is hit; without a stop nothing
    EXTENSION = 4  # `sizers[value]`, from another package


class Direction(IntEnum):
    SAME = 0
    REVERSE = 1  # short where the lead is long


class Sides(IntEnum):
    """Which positions are opened, by the side they end on here."""

    BOTH = 0
    LONG = 1
    SHORT = 2


class Start(IntEnum):
    NEW_TRADES = 0
    EXISTING = 1  # take over the lead's open positions at once
    BETTER_PRICE = 2  # … each as soon as it costs no more than the lead paid for it


class LeadGone(IntEnum):
    """What becomes of copies when nobody hears of the lead any more; opens end in any case."""

    HOLD = 0
    REDUCE = 1  # close half
    CLOSE = 2


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
    """Columns of int64, one row a follow. Money in base units of the quote asset; bounds in basis points; 0 = none for
    whatever stops or filters. `value` depends on `sizing`; `rule` indexes `rules`.
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
    direction: Ints
    hedge_bps: Ints  # this share of the copied exposure is hedged …
    hedge_band_bps: Ints  # … and re-hedged when it is off by this much of the exposure
    lookback: Ints  # opening orders of the lead that make its usual volume …
    multiplier_cap_e2: Ints  # … of which an order counts at most so many times
    lead_notional_min: Ints  # smaller opening orders of the lead are skipped
    lead_leverage_min_e2: Ints  # … and those that leave its position below this share of its equity
    hold_ns_min: Ints  # a position of the lead is copied once it has lasted this long
    take_profit_bps: Ints  # of what was deposited, net
    stop_loss_bps: Ints
    trailing_bps: Ints  # of the highest equity so far
    price_stop_bps: Ints  # a position that has moved so far against its entry is closed
    equity_stop: Ints  # everything is closed at this equity
    margin_stop_bps: Ints  # … or when initial margins reach this share of equity
    stage_bps: Ints  # a close-all closes this share of what is left at a time
    lead_gone: Ints
    weight_bps: Ints  # of the follower's capital, when it is rebalanced over its leads
    coupon: Ints  # 1: fees are a tenth lower
    depth: Ints  # 1: the lead's resting orders are mirrored as well
    sides: Ints
    rules: list[SymbolRule]
    sizers: list[str]

    @classmethod
    def of(cls, follower: object, lead: object, allocation: object, **columns: object) -> Follows:
        """Columns from sequences or scalars; what is not named gets a copier's ordinary defaults (no caps)."""
        who = np.atleast_1d(np.asarray(follower, dtype=np.int64))
        n = who.size
        rules = columns.pop("rules", None) or [SymbolRule()]
        sizers = columns.pop("sizers", None) or []
        if unknown := set(columns) - set(DEFAULTS):
            raise ConfigError(f"follow columns {sorted(unknown)}", "are not known", f"use {sorted(DEFAULTS)}")
        merged = {**DEFAULTS, **columns, "lead": lead, "allocation": allocation}
        out = {k: np.broadcast_to(np.asarray(v, dtype=np.int64), (n,)).copy() for k, v in merged.items()}
        return cls(follower=who, rules=rules, sizers=sizers, **out)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return int(self.follower.size)

    def columns(self) -> dict[str, Ints]:
        return {name: getattr(self, name) for name in self.__struct_fields__ if name not in ("rules", "sizers")}

    def take(self, rows: slice | Ints) -> Follows:
        """Only these rows."""
        return Follows(rules=self.rules, sizers=self.sizers, **{k: v[rows] for k, v in self.columns().items()})

    def joined(self, new: Follows) -> Follows:
        """These rows, then those of `new`, whose rules and sizers are added to ours."""
        columns = {name: np.concatenate([getattr(self, name), column]) for name, column in new.columns().items()}
        first = len(self)
        rules = list(self.rules) if first else []
        columns["rule"][first:] += len(rules)
        columns["value"][first:] += np.where(new.sizing == Sizing.EXTENSION, len(self.sizers), 0)
        return Follows(rules=rules + list(new.rules), sizers=[*self.sizers, *new.sizers], **columns)


DEFAULTS: dict[str, int] = {
    "sizing": int(Sizing.PROPORTIONAL), "value": 0, "start": int(Start.NEW_TRADES), "open_bps": 50, "exit_bps": 300,
    "order_cap": NO_LIMIT, "position_cap": NO_LIMIT, "total_cap": NO_LIMIT, "leverage_cap_e2": 2_000,
    "minimum": int(Minimum.CARRY), "rule": 0, "direction": int(Direction.SAME), "hedge_bps": 0, "hedge_band_bps": 500,
    "lookback": 0, "multiplier_cap_e2": 0, "lead_notional_min": 0, "lead_leverage_min_e2": 0, "hold_ns_min": 0,
    "take_profit_bps": 0, "stop_loss_bps": 0, "trailing_bps": 0, "price_stop_bps": 0, "equity_stop": 0,
    "margin_stop_bps": 0, "stage_bps": BPS, "lead_gone": int(LeadGone.HOLD), "weight_bps": 0, "coupon": 0,
    "depth": 0, "sides": int(Sides.BOTH),
}  # fmt: skip
