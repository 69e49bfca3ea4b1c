"""What every event must be, whatever bytes it came of: it fits the journal, and its book or trade is possible."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np

from pilotfish.domain.arith import INT64_MAX
from pilotfish.domain.codec import decode_event, encode_event
from pilotfish.domain.events import BatchUpdate, BookTop, Event, Fill, LeadFill, LeadPosition, Liquidation, Mark


class Unsound(AssertionError):
    """An event that nobody may be told."""


def check(events: Iterable[Event], *, lots_floored: bool = False) -> None:
    """Raises Unsound for the first that is not. `lots_floored`: a level may be smaller than a lot."""
    for event in events:
        wrong = "".join(_wrong(event, lots_floored))
        if wrong:
            raise Unsound(f"{event} {wrong}")
        raw = encode_event(event)
        if encode_event(decode_event(raw)) != raw:
            raise Unsound(f"{event} comes back from the journal as another")


def _wrong(event: Event, lots_floored: bool) -> Iterator[str]:
    if any(abs(number) > INT64_MAX for number in _numbers(event)):
        yield "leaves int64"
    if isinstance(event, BookTop):
        if min(event.bid, event.bid_lots, event.ask, event.ask_lots) < 0:
            yield "has a negative level"
        halves = [(event.bid > 0) != (event.bid_lots > 0), (event.ask > 0) != (event.ask_lots > 0)]
        if any(halves) and not lots_floored:
            yield "has half a level"
        if event.bid >= event.ask > 0:
            yield "is crossed"
    elif isinstance(event, Mark | LeadPosition) and event.price <= 0:
        yield "has no price"
    elif isinstance(event, Fill | LeadFill) and not (event.lots > 0 and event.price > 0):
        yield "is a trade of nothing"
    elif isinstance(event, Liquidation) and not (event.lots and event.price > 0):
        yield "closes nothing"
    elif isinstance(event, BatchUpdate) and int(event.lots.min(initial=0)) < 0:
        yield "traded less than nothing"


def _numbers(value: Any) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    elif isinstance(value, np.ndarray):
        yield from value.tolist()
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _numbers(getattr(value, name))
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _numbers(one)
