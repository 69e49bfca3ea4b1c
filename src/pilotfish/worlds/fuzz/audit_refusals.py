"""Which instructions must be refused, by the auditor's own copy of what followers authorised and leads committed."""

from __future__ import annotations

import hashlib
import struct
from typing import Any

from pilotfish.domain.events import CashMoved, Event, FollowsOpened
from pilotfish.domain.instructions import (
    Committed,
    DisclosureSet,
    FollowAction,
    FollowControl,
    MandateChanged,
    Revealed,
)
from pilotfish.domain.mandate import Follows, Minimum, Sizing, SymbolRule
from pilotfish.worlds.fuzz.audit_before import CLOSING, LEAVING, LEFT, Before

AT_MOST = (
    "order_cap", "position_cap", "total_cap", "leverage_cap_e2", "open_bps", "exit_bps", "hedge_band_bps",
)  # fmt: skip
AT_LEAST = ("equity_stop", "lead_notional_min", "lead_leverage_min_e2", "hold_ns_min", "stage_bps", "lead_gone")
STOPS = ("take_profit_bps", "stop_loss_bps", "trailing_bps", "price_stop_bps", "margin_stop_bps", "multiplier_cap_e2")
SAME = ("sizing", "value", "direction", "hedge_bps", "depth", "sides")
COMMITMENT = b"pilotfish order commitment 1\0\0\0\0"
Mandate = dict[str, Any]


class Refusals:
    """`due(event)` after the step: whether it had to be refused; None where it is nobody's to say here."""

    def __init__(self, before: Before) -> None:
        self._before = before
        self.mandates: list[Mandate] = []
        self._delays: dict[int, int] = {}
        self._last: dict[int, int] = {}
        self._committed: dict[tuple[int, int], tuple[bytes, int]] = {}

    def due(self, event: Event) -> bool | None:
        if isinstance(event, FollowControl):
            return self._control(event)
        if isinstance(event, MandateChanged):
            return any(self._before.is_busy(row) and bool(widens(self.mandates[row], new))
                       for row, new in zip(event.rows.tolist(), rows_of(event.follows), strict=True))  # fmt: skip
        if isinstance(event, CashMoved):
            pairs = zip(event.rows.tolist(), event.amounts.tolist(), strict=True)
            return True if any(n > 0 and self._before.mode_of(row) == LEFT for row, n in pairs) else None
        if isinstance(event, Committed):
            return len(event.commitment) != 32 or event.number <= self._last.get(event.lead, -1)
        if isinstance(event, Revealed):
            return not self._opens(event)
        return False

    def accepted(self, event: Event) -> None:
        """It was not refused: remember what it changes."""
        if isinstance(event, FollowsOpened):
            self.mandates += rows_of(event.follows)
        elif isinstance(event, MandateChanged):
            for row, new in zip(event.rows.tolist(), rows_of(event.follows), strict=True):
                self.mandates[row] = new
        elif isinstance(event, DisclosureSet):
            self._delays[event.lead] = event.delay_ns
        elif isinstance(event, Committed):
            self._last[event.lead] = event.number
            due = event.ours_ns + self._delays.get(event.lead, 0)
            self._committed[event.lead, event.number] = (event.commitment, due)
        elif isinstance(event, Revealed):
            del self._committed[event.lead, event.number]

    def unlike(self, follows: Any) -> str:
        """Where the shard's mandates are not those that were authorised; empty when they are."""
        ours = rows_of(follows)
        if len(ours) != len(self.mandates):
            return f"{len(ours)} mandates, {len(self.mandates)} by the events"
        for row, (held, told) in enumerate(zip(ours, self.mandates, strict=True)):
            for name, value in told.items():
                if held[name] != value:
                    return f"follow {row}: {name} is {held[name]}, authorised was {value}"
        return ""

    def _control(self, event: FollowControl) -> bool:
        if event.action is FollowAction.LEAVE:
            return False
        bad = {LEFT, LEAVING} | ({CLOSING} if event.action is FollowAction.RESUME else set())
        return any(self._before.mode_of(row) in bad for row in event.rows.tolist())

    def _opens(self, event: Revealed) -> bool:
        known = self._committed.get((event.lead, event.number))
        if known is None or event.ours_ns < known[1] or event.lots <= 0 or event.side not in (1, -1):
            return False
        fields = (event.lead, event.number, event.instrument, event.side, event.lots, event.price)
        return hashlib.sha256(COMMITMENT + struct.pack(">6q", *fields) + event.salt).digest() == known[0]


def rows_of(follows: Follows) -> list[Mandate]:
    """Mandates one by one, with symbol rules and sizers by what they are and not by where they stand."""
    names, columns = list(follows.columns()), [column.tolist() for column in follows.columns().values()]
    out = []
    for values in zip(*columns, strict=True):
        row: Mandate = dict(zip(names, values, strict=True))
        row["rule"] = follows.rules[row["rule"]]
        if row["sizing"] == Sizing.EXTENSION:
            row["value"] = follows.sizers[row["value"]]
        out.append(row)
    return out


def widens(old: Mandate, new: Mandate) -> str:
    """The limit that `new` widens, of a follow that has something open; empty when it only tightens."""
    wider = [name for name in AT_MOST if new[name] > old[name]] + [name for name in AT_LEAST if new[name] < old[name]]
    wider += [name for name in STOPS if old[name] and (new[name] == 0 or new[name] > old[name])]
    wider += [name for name in SAME if new[name] != old[name]]
    if new["minimum"] == Minimum.RAISE and old["minimum"] != Minimum.RAISE:
        wider.append("minimum")
    if new["lookback"] != old["lookback"] and (old["lookback"] or old["sizing"] > Sizing.FIXED_RATIO):
        wider.append("lookback")
    return wider[0] if wider else "" if _within(new["rule"], old["rule"]) else "rule"


def _within(new: SymbolRule, old: SymbolRule) -> bool:
    """The fuzzer never changes rules; any change that is not the same is taken for wider."""
    return new == old
