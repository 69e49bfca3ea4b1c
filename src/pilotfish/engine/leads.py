"""What a lead does: its fills and positions become changes, changes move targets, targets make orders."""

from __future__ import annotations

from pilotfish.copying.targets import Change, SizingLimits, grown, increments, reduced
from pilotfish.domain.events import LeadFill, LeadPosition
from pilotfish.engine.facts import Fact, PositionBreak, Targeted
from pilotfish.engine.fanout import fan_out
from pilotfish.engine.leg import Occasion, Out
from pilotfish.engine.state import Lead, State, remember

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
    signed = event.side * event.lots
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
        known = start  # what it held before we looked is not a new trade
    lead.positions[key] = start + signed
    lead.as_of_ns[key] = (
        max(event.venue_ns, lead.as_of_ns.get(key, 0)) if event.start is not None else lead.as_of_ns.get(key, 0)
    )
    out = move(state, event.lead, key, known, start + signed, event.price, event.venue_ns)
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
    if known is None or known == event.lots:
        return [], []
    lead.breaks += 1
    commands, facts = move(state, event.lead, key, known, event.lots, event.price, event.venue_ns)
    return commands, [PositionBreak(event.lead, key, known, event.lots), *facts]


def move(state: State, lead_id: int, instrument: int, old: int, new: int, price: int, lead_ns: int) -> Out:
    """The lead's position went from `old` to `new`: move the targets, then send what is lacking."""
    lead, column = state.leads[lead_id], state.columns[instrument]
    if not lead.count or old == new:
        return [], []
    change, rows, follows = Change.between(old, new), lead.rows, state.follows
    before = column.targets[rows]
    targets = reduced(before, change)
    column.reasons[rows] = 0
    if change.opened:
        limits = SizingLimits(follows.order_cap[rows], follows.position_cap[rows], column.allowed[rows])
        step = increments(state.num[rows], state.den[rows], change.opened)
        targets, reasons = grown(targets, step, limits, state.listings[instrument].instrument, price)
        column.reasons[rows] = reasons
    delta = targets - before
    column.targets[rows] = targets
    occasion = Occasion(price, lead_ns, reduced=change.left < change.before, opened=change.opened != 0)
    commands, facts = fan_out(state, lead_id, instrument, occasion)
    return commands, [Targeted(lead_id, instrument, price, rows, delta, lead_ns), *facts]


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
