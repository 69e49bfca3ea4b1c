"""Round trips, from flat to flat. What is open at the end counts as one, at its mark: floating losses are losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from pilotfish.domain.events import LeadFill
from pilotfish.domain.instrument import Instrument


class RoundTrip(msgspec.Struct, frozen=True):
    """One position from its first fill to its last. `pnl` in money units, net of fees; `open`: valued at a mark."""

    instrument: int
    opened_ns: int
    closed_ns: int
    pnl: int
    open: bool


def round_trips(
    fills: Sequence[LeadFill],
    fees: Sequence[int],
    instruments: Sequence[Instrument],
    marks: Mapping[int, int],
    held_before: Mapping[int, int],
    marks_before: Mapping[int, int],
    start_ns: int,
    end_ns: int,
) -> list[RoundTrip]:
    """Round trips of one account in time order of their end. A flip ends one and begins another.

    What was held before counts from its mark at the start. A stated position (`LeadFill.start`) overrules our sum: the
    difference is taken to have moved at the fill's own price.
    """
    held = dict(held_before)
    cash = {k: -_signed(instruments[k], lots, marks_before.get(k, 0)) for k, lots in held.items()}
    since = dict.fromkeys(held, start_ns)
    trips: list[RoundTrip] = []
    for fill, fee in zip(fills, fees, strict=True):
        k, instrument = fill.instrument, instruments[fill.instrument]
        before = held.get(k, 0)
        if fill.start is not None and fill.start != before:
            cash[k] = cash.get(k, 0) - _signed(instrument, fill.start - before, fill.price)
            before = fill.start
        after = before + fill.side * fill.lots
        if before == 0:
            since[k], cash[k] = fill.venue_ns, 0
        closing = -before if before * after < 0 else after - before
        cash[k] = cash.get(k, 0) - _signed(instrument, closing, fill.price) - fee
        if before and (after == 0 or before * after < 0):
            trips.append(RoundTrip(k, since.get(k, start_ns), fill.venue_ns, cash[k], False))
            since[k], cash[k] = fill.venue_ns, 0
        if before * after < 0:
            cash[k] -= _signed(instrument, after, fill.price)
        held[k] = after
    for k, lots in held.items():
        if lots:
            worth = _signed(instruments[k], lots, marks.get(k, 0))
            trips.append(RoundTrip(k, since.get(k, start_ns), end_ns, cash[k] + worth, True))
    return trips


def _signed(instrument: Instrument, lots: int, price: int) -> int:
    value = instrument.notional_floor(lots, price)
    return value if lots > 0 else -value
