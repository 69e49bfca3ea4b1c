"""Delayed disclosure: what a lead does waits where it is not mirrored at once; commitments are made and opened."""

from __future__ import annotations

import hashlib

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.events import Event, LeadEquity, LeadFill, LeadPosition
from pilotfish.domain.instructions import Committed, DisclosureSet, LeadOrder, LeadStatus, LeadStop, Revealed
from pilotfish.engine.facts import Disclosed
from pilotfish.engine.leads.lead import Commitment
from pilotfish.engine.orders.leg import Out
from pilotfish.engine.state import State, Withheld

DOMAIN = b"pilotfish order commitment 1\0\0\0\0"  # 32 bytes that begin no other hash of ours
SALT_BYTES = (16, 64)
DELAY_NS_MAX = 24 * 3_600 * 1_000_000_000
OUTSTANDING_MAX = 4_096  # commitments of a lead that are not revealed yet
WITHHELD = (LeadFill, LeadPosition, LeadEquity, LeadStop, LeadOrder, LeadStatus)


def commit(fields: tuple[int, int, int, int, int, int], salt: bytes) -> bytes:
    """SHA-256, 32 bytes, of an order (lead, number, instrument, side, lots, price) that stays secret until revealed.

    Hashed are `DOMAIN`, each field as 8 bytes (big-endian, signed), then the salt: all of fixed width but the last, so
    no two orders share an encoding. With lead and number inside, nobody can commit another's hash as his own. Raises
    ConfigError for a salt that is not 16 to 64 bytes (an order is guessed easily, its salt must not be), or a field
    that leaves int64.
    """
    if not SALT_BYTES[0] <= len(salt) <= SALT_BYTES[1]:
        raise ConfigError(f"a salt of {len(salt)} bytes", "hides nothing", "draw 16 to 64 random bytes for each order")
    try:
        encoded = b"".join(field.to_bytes(8, "big", signed=True) for field in fields)
    except OverflowError as bad:
        raise ConfigError("a field of an order", "leaves int64", "check size and price") from bad
    return hashlib.sha256(DOMAIN + encoded + salt).digest()


def on_disclosure(state: State, event: DisclosureSet) -> Out:
    lead = state.leads[event.lead]
    lead.delay_ns, lead.mirrored_at_once = event.delay_ns, event.mirrored_at_once
    return [], []


def withhold(state: State, event: Event) -> bool:
    """Keep what a lead does until its delay has passed; True where it was kept. Nothing of it overtakes what was kept
    before, whatever the delay is by now.
    """
    if not isinstance(event, WITHHELD):
        return False
    lead = state.leads[event.lead]
    last = max((kept.due_ns for kept in state.withheld if kept.event.lead == event.lead), default=0)
    if lead.mirrored_at_once and not last:
        return False
    due = max(last, state.now_ns + (0 if lead.mirrored_at_once else lead.delay_ns))
    state.withheld.append(Withheld(due, event))
    state.wake(due)
    return True


def released(state: State) -> list[Event]:
    """What is due by now, in the order it is due, then in which it came; it is not kept any longer."""
    due = sorted((kept for kept in state.withheld if kept.due_ns <= state.now_ns), key=lambda kept: kept.due_ns)
    state.withheld = [kept for kept in state.withheld if kept.due_ns > state.now_ns]
    return [kept.event for kept in due]


def keep_withheld(state: State) -> Out:
    """The duty: come back when the next is due."""
    for kept in state.withheld:
        state.wake(kept.due_ns)
    return [], []


def on_committed(state: State, event: Committed) -> Out:
    lead = state.leads[event.lead]
    lead.committed[event.number] = Commitment(event.commitment, event.ours_ns + lead.delay_ns)
    lead.last_committed = event.number
    return [], []


def on_revealed(state: State, event: Revealed) -> Out:
    """A commitment is opened once."""
    del state.leads[event.lead].committed[event.number]
    return [], [Disclosed(event.lead, event.number)]


def disclosure_refused(state: State, event: DisclosureSet) -> str:
    if not 0 <= event.lead < len(state.leads):
        return f"lead {event.lead} is not listed"
    return "" if 0 <= event.delay_ns <= DELAY_NS_MAX else f"a delay of {event.delay_ns} ns is not between 0 and a day"


def commitment_refused(state: State, event: Committed) -> str:
    if not 0 <= event.lead < len(state.leads):
        return f"lead {event.lead} is not listed"
    lead = state.leads[event.lead]
    if len(event.commitment) != hashlib.sha256().digest_size:
        return f"a commitment of {len(event.commitment)} bytes is no SHA-256"
    if event.number <= lead.last_committed:
        return f"commitment {event.number} does not come after {lead.last_committed}: numbers must grow"
    full = len(lead.committed) >= OUTSTANDING_MAX
    return f"{OUTSTANDING_MAX} commitments are not revealed: do so first" if full else ""


def reveal_refused(state: State, event: Revealed) -> str:
    if not (0 <= event.lead < len(state.leads) and 0 <= event.instrument < len(state.listings)):
        return f"lead {event.lead} or instrument {event.instrument} is not listed"
    made = state.leads[event.lead].committed.get(event.number)
    if made is None:
        return f"order {event.number} was not committed, or is revealed already"
    if event.ours_ns < made.due_ns:
        return f"order {event.number} is revealed {made.due_ns - event.ours_ns} ns before its time"
    if event.side not in (1, -1) or event.lots <= 0 or event.price < 0:
        return f"order {event.number} cannot be: side {event.side}, {event.lots} lots at {event.price}"
    fields = (event.lead, event.number, event.instrument, event.side, event.lots, event.price)
    try:
        same = commit(fields, event.salt) == made.commitment
    except ConfigError as bad:
        return str(bad)
    return "" if same else f"order {event.number} is not what was committed"
