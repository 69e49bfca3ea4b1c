"""How follows stand: who may open, who leaves and how, and what nobody may act on yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pilotfish.domain.events import Event, LeadEquity, LeadFill, LeadPosition, Timer
from pilotfish.domain.instructions import (
    DisclosureSet,
    FollowAction,
    FollowControl,
    LeadOrder,
    LeadStatus,
    LeadStop,
)
from pilotfish.domain.orders import Command, Place, PlaceBatch
from pilotfish.worlds.fuzz.audit_before import ACTIVE, LEAVING, LEFT, busy

if TYPE_CHECKING:
    from pilotfish.worlds.fuzz.auditor import Auditor

LEADS_DO = (LeadFill, LeadPosition, LeadEquity, LeadStop, LeadOrder, LeadStatus)


class FollowAudit:
    def __init__(self, auditor: Auditor) -> None:
        self._auditor = auditor
        self._leaving: set[int] = set()
        self._terms: dict[int, tuple[int, bool]] = {}  # lead → delay, mirrored at once
        self._withheld: list[tuple[int, int, Event]] = []  # due, lead

    def see(self, event: Event, refused: bool, commands: list[Command], state: Any) -> list[Event]:
        """Judge one step. Returns what leads did that may be acted on from now on."""
        if isinstance(event, FollowControl) and event.action is FollowAction.LEAVE and not refused:
            self._leaving |= set(event.rows.tolist())
        if isinstance(event, DisclosureSet) and not refused:
            self._terms[event.lead] = (event.delay_ns, event.mirrored_at_once)
        self._modes(event, state)
        return self._withholding(event, commands, state)

    def withheld_position(self, lead: int, instrument: int) -> int | None:
        """What the lead was last said to hold in what is withheld still; None where nothing is."""
        kept = [event for _, of, event in self._withheld if of == lead]
        for event in reversed(kept):
            if isinstance(event, LeadPosition) and event.instrument == instrument:
                return event.lots
            if isinstance(event, LeadFill) and event.instrument == instrument and event.start is not None:
                return event.start + event.side * event.lots
        return None

    def may_not_open(self, row: int, state: Any) -> str:
        """Why this follow opens nothing now, or an empty string."""
        standing, before = state.standing, self._auditor.before
        if (mode := int(standing.mode[row])) != ACTIVE:
            return f"an open of a follow in mode {mode}"
        if state.leads[int(state.follows.lead[row])].gone:
            return "an open after a lead that is gone"
        if max(int(standing.cool_ns[row]), int(state.guard.cool_ns)) > self._auditor.now_ns:
            return "an open while it rests after a failure"
        if before.broken and state.guard.broken:
            return f"an open while opens are halted for reason {before.broken}"
        return self._auditor.fees.in_arrears(row)

    def _modes(self, event: Event, state: Any) -> None:
        before, after = self._auditor.before, state.standing.mode.tolist()
        resumed = set(event.rows.tolist()) if isinstance(event, FollowControl) else set()
        for row in (k for k in range(len(after)) if after[k] != before.mode_of(k)):
            was, now = before.mode_of(row), after[row]
            name = f"follow {row} went from mode {was} to {now}"
            if now == ACTIVE and row not in resumed:
                self._auditor.found(f"{name}, and nobody resumed it")
            if was == LEFT and now != LEAVING:
                self._auditor.found(f"{name}, but it had left")
            if now == LEFT:
                self._left(row, name, state)

    def _left(self, row: int, name: str, state: Any) -> None:
        """Nothing held or in flight, and its money is gone but for what its follower lacks elsewhere."""
        if row not in self._leaving:
            self._auditor.found(f"{name}, and was never told to leave")
        self._leaving.discard(row)
        if busy(state)[row]:
            self._auditor.found(f"{name} with something held or in flight")
        money = int(state.ledger.money.rows[row])
        mine = [k for k, f in enumerate(self._auditor.accounts.followers) if f == self._auditor.accounts.followers[row]]
        lacks = -sum(min(int(self._auditor.orders.spare(state, k)), 0) for k in mine)
        if money > lacks + 64:
            self._auditor.found(
                f"{name} with {money} money units that were not paid out; {lacks} are lacking elsewhere"
            )

    def _withholding(self, event: Event, commands: list[Command], state: Any) -> list[Event]:
        now, released = self._auditor.now_ns, list[Event]()
        if isinstance(event, LEADS_DO):
            delay, at_once = self._terms.get(event.lead, (0, True))
            last = max((due for due, lead, _ in self._withheld if lead == event.lead), default=0)
            if at_once and not last:
                return [event]
            self._withheld.append((max(last, now + (0 if at_once else delay)), event.lead, event))
            if any(isinstance(command, Place | PlaceBatch) for command in commands):
                self._auditor.found(f"{type(event).__name__} of lead {event.lead} is withheld, but made orders")
        elif isinstance(event, Timer):
            released = [kept for due, _, kept in self._withheld if due <= now]
            self._withheld = [kept for kept in self._withheld if kept[0] > now]
        free = {kept.lead for kept in released if isinstance(kept, LEADS_DO)}
        for lead in {lead for _, lead, _ in self._withheld} - free:
            if self._auditor.before.positions[lead] != state.leads[lead].positions:
                self._auditor.found(f"lead {lead}'s position moved in {type(event).__name__}, though all is withheld")
        return released
