"""Whether what is seen of a market may be acted on, as the venue's side proves it."""

from __future__ import annotations

from pilotfish.domain.events import DataTrust
from pilotfish.engine.facts import Doubted
from pilotfish.engine.orders.leg import Out
from pilotfish.engine.orders.recovery import look_at_due
from pilotfish.engine.state import State


def on_trust(state: State, event: DataTrust) -> Out:
    """Data that is not trusted counts as stale, however young it is. Once it is, what waits is looked at now."""
    listing = state.listings[event.instrument]
    if listing.doubt == event.doubt:
        return [], []
    before, listing.doubt = listing.doubt, event.doubt
    state.moved = state.tended
    said = Doubted(event.instrument, event.doubt)
    if event.doubt or not before:
        return [], [said]
    for watch in state.watches.values():
        watch.next_ns = min(watch.next_ns, state.now_ns)
    commands, facts = look_at_due(state)
    return commands, [said, *facts]
