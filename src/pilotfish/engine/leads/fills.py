"""What a lead does: its fills and positions become changes, changes move targets, targets make orders."""

from __future__ import annotations

from pilotfish.domain.events import LeadFill, LeadPosition
from pilotfish.domain.instructions import InstrumentMapped, LeadStop
from pilotfish.engine.facts import Fact, PositionBreak
from pilotfish.engine.leads.lead import Counterpart, Lead
from pilotfish.engine.leads.moves import Move, move
from pilotfish.engine.orders.leg import Out
from pilotfish.engine.state import State, remember

_REMEMBERED_FILLS = 65_536


def on_lead_fill(state: State, event: LeadFill) -> Out:
    """A doubled fill changes nothing; a late one neither, since a later statement of the position already counts it."""
    lead, key = state.leads[event.lead], event.instrument
    if event.fill_id in lead.seen:
        lead.duplicates += 1
        return [], []
    remember(lead.seen, event.fill_id, 1, _REMEMBERED_FILLS)
    lead.fills += 1
    facts: list[Fact] = []
    known = lead.positions.get(key)
    signed = event.change
    if event.start is None:
        if event.venue_ns < lead.as_of_ns.get(key, 0) and _stated_since(lead, key):
            lead.late += 1
            return [], []
        start = known or 0
    else:
        start = event.start
        if _is_late(lead, key, event.venue_ns, start, start + signed):
            lead.late += 1
            return [], []
        if known is not None and known != start:
            lead.breaks += 1
            facts.append(PositionBreak(event.lead, key, known, start))
        _note_start(lead, key, event.venue_ns, start)
    if known is None:
        lead.entries.setdefault(key, event.price)
        known = start  # what it held before we looked is not a new trade
    lead.positions[key] = start + signed
    lead.as_of_ns[key] = (
        max(event.venue_ns, lead.as_of_ns.get(key, 0)) if event.start is not None else lead.as_of_ns.get(key, 0)
    )
    out = move(state, Move(event.lead, key, known, start + signed, event.price, event.venue_ns, event.order))
    return out[0], facts + out[1]


def on_lead_position(state: State, event: LeadPosition) -> Out:
    """The venue states a position outright, which heals whatever was missed. An older statement is ignored."""
    lead, key = state.leads[event.lead], event.instrument
    if event.venue_ns < lead.as_of_ns.get(key, 0):
        lead.late += 1
        return [], []
    known = lead.positions.get(key)
    lead.positions[key] = event.lots
    lead.as_of_ns[key] = event.venue_ns
    lead.starts[key] = []
    if known is None:
        lead.entries[key] = event.price
    if known is None or known == event.lots:
        return [], []
    lead.breaks += 1
    commands, facts = move(state, Move(event.lead, key, known, event.lots, event.price, event.venue_ns))
    return commands, [PositionBreak(event.lead, key, known, event.lots), *facts]


def on_lead_stop(state: State, event: LeadStop) -> Out:
    """Where the lead would take its loss: sizes what it opens from now on."""
    state.leads[event.lead].stops[event.instrument] = event.price
    return [], []


def on_mapped(state: State, event: InstrumentMapped) -> Out:
    """A counterpart to copy into; the same target again replaces what was said of it."""
    fields = (event.target, event.lots_num, event.lots_den, event.price_num, event.price_den, event.open)
    routes = [route for route in state.routes.get(event.source, []) if route.target != event.target]
    state.routes[event.source] = [*routes, Counterpart(*fields)]
    return [], []


def _is_late(lead: Lead, key: int, venue_ns: int, start: int, end: int) -> bool:
    """Older than the position we have, or of the same instant and followed by a fill we already counted."""
    as_of = lead.as_of_ns.get(key, 0)
    if venue_ns != as_of:
        return venue_ns < as_of
    return lead.positions.get(key) != start and end in lead.starts.get(key, [])


def _stated_since(lead: Lead, key: int) -> bool:
    return key in lead.as_of_ns


def _note_start(lead: Lead, key: int, venue_ns: int, start: int) -> None:
    if venue_ns > lead.as_of_ns.get(key, 0):
        lead.starts[key] = []
    lead.starts.setdefault(key, []).append(start)
