"""From targets to orders: what every follow of a lead lacks in one instrument, exits first, and when to look again."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from pilotfish.copying.wants import Wants, joining, wants
from pilotfish.domain.arith import Ints
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.orders import Command
from pilotfish.domain.terms import Execution
from pilotfish.engine.facts import Fact, Intended
from pilotfish.engine.follows.shut import trim
from pilotfish.engine.leads.lead import Lead
from pilotfish.engine.mirrors.depth import beside_resting
from pilotfish.engine.orders.batches import send_batch
from pilotfish.engine.orders.blocks import send_blocks
from pilotfish.engine.orders.leg import Leg, Occasion, Out
from pilotfish.engine.orders.working import next_look_ns, opens_until, worked
from pilotfish.engine.state import State, Watch
from pilotfish.gate.approved import Approved


def lacking(state: State, lead: Lead, instrument: int) -> Wants:
    """What the follows of a lead lack in an instrument, with their orders in flight counted."""
    rows, ledger = lead.rows, state.ledger
    targets, positions = state.columns[instrument].targets[rows], ledger.lots[instrument].rows[rows] * SUBLOT
    opening, leaving = ledger.opening[instrument][rows], ledger.leaving[instrument][rows]
    found = wants(targets, positions, opening, leaving)
    if lead.resting and (beside := beside_resting(state, lead, instrument)) is not None:
        exits = wants(targets + beside[0], positions, opening, leaving).exits
        opens = np.where(beside[1] & (np.abs(found.opens) < SUBLOT), 0, found.opens)
        return msgspec.structs.replace(found, exits=exits, opens=opens)
    return found


def fan_out(state: State, lead_id: int, instrument: int, occasion: Occasion) -> Out:
    """Send what is lacking: exits first, then opens; buys and sells apart."""
    commands: list[Approved[Command]] = []
    facts = trim(state, lead_id, instrument)
    lead = state.leads[lead_id]
    lack = lacking(state, lead, instrument)
    if occasion.only.size:
        lack = msgspec.structs.replace(lack, opens=np.where(_among(lead, occasion.only), lack.opens, 0))
    for exit, want, moved in ((True, lack.exits, occasion.reduced), (False, lack.opens, occasion.opened)):
        if not exit and not occasion.opens:
            continue
        for side in (1, -1):
            quotas = joining(want, side, moved)
            if not quotas.any():
                continue
            if occasion.first and moved:
                _intend(state, lead_id, instrument, quotas, facts)
            send = send_blocks if state.omnibus else send_batch
            leg = Leg(lead_id, instrument, side, exit, occasion)
            part = worked(state, leg, quotas)
            more = send(state, leg, part) if part.any() else ([], [])
            commands += more[0]
            facts += more[1]
            watch(state, lead_id, instrument, occasion)
    flipping = bool(lack.later.any())
    if occasion.first and occasion.opened and flipping:
        _intend(state, lead_id, instrument, np.abs(lack.later), facts)
        watch(state, lead_id, instrument, occasion)
    watched = state.watches.get(watch_key(lead_id, instrument))
    if watched is not None:
        watched.flipping = flipping
    return commands, facts


def _among(lead: Lead, only: Ints) -> NDArray[np.bool_]:
    """Which of the lead's follows are named."""
    named = np.zeros(lead.count, dtype=bool)
    named[np.searchsorted(lead.index, only) if lead.index.size else only - lead.first] = True
    return named


def _intend(state: State, lead: int, instrument: int, quotas: Ints, facts: list[Fact]) -> None:
    """A copy is intended for these follows; it waits until it is filled, partly filled or given up."""
    state.columns[instrument].waiting[state.leads[lead].rows] += quotas > 0
    facts.append(Intended(lead, instrument, int(np.count_nonzero(quotas)), int(quotas.sum()) // SUBLOT))


def watch(state: State, lead: int, instrument: int, occasion: Occasion) -> None:
    """Look again later; a new move of the lead restarts the window for opens."""
    key, retry = watch_key(lead, instrument), state.settings.retry_ns
    due, known = next_look_ns(state, lead, instrument, state.now_ns + retry), state.watches.get(key)
    only = occasion.only
    lapsed = known is not None and state.now_ns > opens_until(state, lead, instrument, known.since_ns)
    if known is not None and (not occasion.first or (only.size and not known.only.size and not lapsed)):
        known.next_ns = due  # what all of them wait for goes before what a few want at another price
        return
    if known is not None and only.size and not lapsed:
        only = np.union1d(known.only, only)
    state.watches[key] = Watch(occasion.reference, occasion.lead_ns, state.now_ns, due, worst=occasion.worst, only=only)


def look_soon(state: State, lead: int, instrument: int, *, exit: bool) -> None:
    """An order has ended, and may have been waited for: an exit by the open after it (a flip), an open by an exit, a
    clip of an iceberg by the next.
    """
    found = state.watches.get(watch_key(lead, instrument))
    if found is None or (exit and not found.flipping):
        return
    lack = lacking(state, state.leads[lead], instrument)
    opens = exit or state.execution.kind == Execution.ICEBERG
    if (opens and (np.abs(lack.opens) >= SUBLOT).any()) or (not exit and (np.abs(lack.exits) >= SUBLOT).any()):
        found.next_ns = state.now_ns


def watch_key(lead: int, instrument: int) -> int:
    return lead << 32 | instrument
