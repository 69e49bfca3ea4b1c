"""How much the markets of a record move: figures of their class, but for outcome tokens what their own trades show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.venues.sim.figures import Figure, MarketFigures, figures_for
from pilotfish.venues.sim.shape import Scale

PRINTS_MIN = 30  # trades that say how much an outcome token moves
MEASURED = "measured from the trades of the record"
VOL_MIN = 0.01  # bps per √s
SECOND = 1_000_000_000


def figures_of(
    instruments: Sequence[Instrument], prints: Mapping[int, Sequence[tuple[int, int, int]]]
) -> list[tuple[MarketFigures, str]]:
    """The class's figures; an outcome token moves as much as trades of the record did, not as the class was fitted."""
    outcomes = [i for i in instruments if i.kind is Kind.OUTCOME]
    vols = {i.id: vol for i in outcomes if (vol := volatility(i, prints.get(i.id, ()))) is not None}
    usual = sorted(vols.values())[len(vols) // 2] if vols else None
    found = list[tuple[MarketFigures, str]]()
    for one in instruments:
        figures, note = figures_for(one.symbol, one.kind)
        vol = vols.get(one.id, usual) if one.kind is Kind.OUTCOME else None
        if vol is not None and vol < figures.vol_bps.value:
            figures = msgspec.structs.replace(figures, vol_bps=Figure(vol, MEASURED))
            note += ", but moving only as trades of the record did"
        found.append((figures, note))
    return found


def volatility(instrument: Instrument, prints: Sequence[tuple[int, int, int]]) -> float | None:
    """Root of the squared moves of trade prices per second, in the class's bps per √s; None for few trades.

    Moves between bid and ask are in it, so it is rather too high than too low.
    """
    if len(prints) < PRINTS_MIN or prints[-1][0] <= prints[0][0]:
        return None
    xs = [Scale(instrument).x(price) for _, price, _ in prints]
    seconds = (prints[-1][0] - prints[0][0]) / SECOND
    return max(math.sqrt(sum((b - a) ** 2 for a, b in pairwise(xs)) / seconds), VOL_MIN)
