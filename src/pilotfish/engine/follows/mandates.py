"""New mandates for follows that run: anything while they are flat, only tighter limits while something is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints
from pilotfish.domain.instructions import MandateChanged
from pilotfish.domain.mandate import RATIO_UNIT, Follows, Minimum, Sizing, SymbolRule
from pilotfish.engine.facts import Fact
from pilotfish.engine.follows.joining import allowed
from pilotfish.engine.follows.shut import cut, drop_pending
from pilotfish.engine.follows.stops import guard
from pilotfish.engine.orders.leg import Out, refresh
from pilotfish.engine.state import State

T = TypeVar("T")
Flags = NDArray[np.bool_]
Wider = Callable[[Ints, Ints], Flags]
_HOW = {"at most": lambda old, new: new > old, "at least": lambda old, new: new < old}
_CLOSER = "at most, and not 0,"


def _further(old: Ints, new: Ints) -> Flags:
    """A stop that is taken away (0) or put further off."""
    return np.asarray((old > 0) & ((new == 0) | (new > old)), dtype=bool)


def _other(old: Ints, new: Ints) -> Flags:
    return np.asarray(new != old, dtype=bool)


def _raising(old: Ints, new: Ints) -> Flags:
    """Only the raise policy orders more than was asked for."""
    return np.asarray((new == Minimum.RAISE) & (old != Minimum.RAISE), dtype=bool)


_TIGHTER: dict[str, tuple[str, Wider]] = {
    **dict.fromkeys(
        ("order_cap", "position_cap", "total_cap", "leverage_cap_e2", "open_bps", "exit_bps", "hedge_band_bps"),
        ("at most", _HOW["at most"]),
    ),
    **dict.fromkeys(
        ("equity_stop", "lead_notional_min", "lead_leverage_min_e2", "hold_ns_min", "stage_bps", "lead_gone"),
        ("at least", _HOW["at least"]),
    ),
    **dict.fromkeys(
        ("take_profit_bps", "stop_loss_bps", "trailing_bps", "price_stop_bps", "margin_stop_bps", "multiplier_cap_e2"),
        (_CLOSER, _further),
    ),
    "minimum": ("no RAISE unless it was", _raising),
}
_FREE = ("start", "weight_bps", "coupon", "rule")  # no limits; `rule` is compared by what it allows
_FIXED = ("follower", "lead", "allocation")  # checked before


def widened(state: State, event: MandateChanged) -> str:
    """Which limit of an open follow the new mandates would widen, in words; empty where none."""
    at = np.flatnonzero(_open(state, event.rows))
    rows = event.rows[at]
    if not rows.size:
        return ""
    old, new = state.follows.take(rows), event.follows.take(at)
    for name, column in new.columns().items():
        if name in _FREE or name in _FIXED:
            continue
        was = getattr(old, name)
        bound, wider = _TIGHTER.get(name, ("exactly", _other))
        bad = wider(was, column)
        if name == "value":
            bad = _sized_otherwise(old, new)
        elif name == "lookback":  # without a cap on multiples, ratios do not look back
            bad &= (was != 0) | (old.sizing > Sizing.FIXED_RATIO)
        if bad.any():
            k = int(np.flatnonzero(bad)[0])
            return _sentence(int(rows[k]), name, int(was[k]), int(column[k]), f"{bound} {int(was[k])}")
    for k, (before, after) in enumerate(zip(old.rule.tolist(), new.rule.tolist(), strict=True)):
        if not within(new.rules[after], old.rules[before]):
            return _sentence(int(rows[k]), "rule", before, after, "to instruments that it allowed before")
    return ""


def _sentence(row: int, column: str, old: int, new: int, keep: str) -> str:
    return (
        f"follow {row} has something open, and {column} {old} → {new} would widen its mandate: "
        f"close the position first, or keep it {keep}"
    )


def _open(state: State, rows: Ints) -> Flags:
    """Which of `rows` hold something or have an order in flight."""
    busy, ledger = np.zeros(rows.size, dtype=bool), state.ledger
    for key, book in ledger.lots.items():
        busy |= (book.rows[rows] != 0) | (ledger.opening[key][rows] != 0) | (ledger.leaving[key][rows] != 0)
    return busy


def _sized_otherwise(old: Follows, new: Follows) -> Flags:
    """Another value; extensions are compared by name."""
    bad = _other(old.value, new.value)
    for k in np.flatnonzero((old.sizing == Sizing.EXTENSION) & (new.sizing == Sizing.EXTENSION)).tolist():
        bad[k] = old.sizers[int(old.value[k])] != new.sizers[int(new.value[k])]
    return bad


def within(new: SymbolRule, old: SymbolRule) -> bool:
    """Whether `new` allows nothing that `old` does not, of all the symbols there could be."""
    if old.allow:
        return bool(new.allow) and set(new.allow) - set(new.deny) <= set(old.allow) - set(old.deny)
    if new.allow:
        return not (set(new.allow) - set(new.deny)) & set(old.deny)
    return set(old.deny) <= set(new.deny)


def on_mandate(state: State, event: MandateChanged) -> Out:
    """Replace the mandates of `rows`. What was sized in another way and is not held yet is wanted no more."""
    rows, follows, new = event.rows, state.follows, event.follows
    old = follows.take(rows)
    rule = _joined(follows.rules, new.rules)[new.rule]
    value = new.value.copy()
    extended = new.sizing == Sizing.EXTENSION
    if extended.any():
        value[extended] = _joined(follows.sizers, new.sizers)[new.value[extended]]
    for name, column in new.columns().items():
        getattr(follows, name)[rows] = {"rule": rule, "value": value}.get(name, column)
    for key, each in state.columns.items():
        each.allowed = allowed(follows, state.listings[key].instrument)
    other = _other(old.sizing, new.sizing) | _other(old.value, value) | _other(old.direction, new.direction)
    facts = _size_anew(state, rows[other])
    watched = rows[(new.trailing_bps > 0) & (old.trailing_bps == 0)]
    if watched.size:  # nobody may have looked at its equity so far
        equity = state.ledger.money.rows[watched] + refresh(state).value[watched]
        state.standing.peak[watched] = np.maximum(state.standing.peak[watched], equity)
    guard(state)
    return [], facts


def _size_anew(state: State, rows: Ints) -> list[Fact]:
    """The ratios of follows that are sized in another way from now on."""
    if not rows.size:
        return []
    drop_pending(state, rows)
    facts = [fact for key in state.columns for fact in cut(state, key, rows)]
    fixed = state.follows.sizing[rows] == Sizing.FIXED_RATIO
    equity = np.array([lead.equity for lead in state.leads], dtype=np.int64)[state.follows.lead[rows]]
    state.num[rows] = np.where(fixed, state.follows.value[rows], state.follows.allocation[rows])
    state.den[rows] = np.where(fixed, RATIO_UNIT, equity)
    return facts


def _joined(known: list[T], new: list[T]) -> Ints:
    """Where each of `new` stands among the `known`, which what they lack is added to."""
    for each in new:
        if each not in known:
            known.append(each)
    return np.array([known.index(each) for each in new], dtype=np.int64)
