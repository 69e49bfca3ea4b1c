"""What real copiers achieved: each of their orders beside the lead's fill it followed. Our own copies are compared
with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pilotfish.venues.recordings.types import Recording

_MS = 10**6
BPS = 10_000


@dataclass(frozen=True, slots=True)
class Trade:
    """Fills of one order, or of one stamp where the file has no orders."""

    symbol: str
    side: int
    order: tuple[object, ...]  # tells trades of one recording apart
    ns: tuple[int, ...]  # per fill
    sizes: tuple[Decimal, ...]
    prices: tuple[Decimal, ...]

    def average(self, until_ns: int | None = None) -> Decimal:
        """Size-weighted price of the fills up to a time."""
        rows = [
            (s, p)
            for t, s, p in zip(self.ns, self.sizes, self.prices, strict=True)
            if until_ns is None or t <= until_ns
        ]
        return sum((s * p for s, p in rows), Decimal(0)) / sum((s for s, _ in rows), Decimal(0))


@dataclass(frozen=True, slots=True)
class CopyObservation:
    """One order of a real copier. `lag_ms` is None where no fill of the lead preceded it in time: the copier's own
    decision.
    """

    symbol: str
    side: int
    ns: int  # the copier's first fill
    lots: Decimal  # size, in units of the base
    price: Decimal  # average
    notional: int  # money units
    lag_ms: int | None = None  # since the lead's latest fill before it
    order_lag_ms: int | None = None  # since the first fill of that order of the lead
    lead_price: Decimal | None = None  # average of that order up to the copier's fill
    slippage_bps: float | None = None  # against `lead_price`; positive is worse for the copier
    lead_order: tuple[object, ...] | None = None


def lead_orders(recording: Recording) -> list[Trade]:
    """The account's fills grouped by order, in the order of their first fill."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for k, fill in enumerate(recording.fills):
        order = recording.order_ids[k]
        key: tuple[object, ...] = (
            (fill.instrument, fill.side, order)
            if order is not None
            else (fill.instrument, fill.side, None, fill.venue_ns)
        )
        groups.setdefault(key, []).append(k)
    return [_trade(recording, key, members) for key, members in groups.items()]


def real_copies(leader: Recording, follower: Recording, *, lag_ms_max: int = 60_000) -> list[CopyObservation]:
    """Each of the copier's orders against the lead's latest fill in the same instrument and direction before it.

    A fill older than `lag_ms_max` is taken as unrelated: the copier then acted on its own (a stop, a manual close).
    """
    theirs = lead_orders(leader)
    return [_observe(order, theirs, lag_ms_max) for order in lead_orders(follower)]


def never_copied(leader: Recording, copies: Sequence[CopyObservation]) -> int:
    """How many of the lead's orders no observation follows."""
    followed = {c.lead_order for c in copies}
    return sum(order.order not in followed for order in lead_orders(leader))


def _trade(recording: Recording, key: tuple[object, ...], members: Sequence[int]) -> Trade:
    fills = [recording.fills[k] for k in members]
    instrument = recording.instruments[fills[0].instrument]
    return Trade(
        instrument.symbol,
        fills[0].side,
        key,
        tuple(f.venue_ns for f in fills),
        tuple(instrument.show_lots(f.lots) for f in fills),
        tuple(instrument.show_price(f.price) for f in fills),
    )


def _observe(copy: Trade, leads: Sequence[Trade], lag_ms_max: int) -> CopyObservation:
    size, price, at = sum(copy.sizes, Decimal(0)), copy.average(), copy.ns[0]
    plain = CopyObservation(copy.symbol, copy.side, at, size, price, int(size * price * 10**6))
    latest = max(_before(copy, leads), default=None, key=lambda found: found[0])
    if latest is None or at - latest[0] > lag_ms_max * _MS:
        return plain
    ns, lead = latest
    reference = lead.average(until_ns=at)
    slippage = float(copy.side * (price - reference) / reference * BPS)
    return CopyObservation(
        copy.symbol,
        copy.side,
        at,
        size,
        price,
        plain.notional,
        (at - ns) // _MS,
        (at - lead.ns[0]) // _MS,
        reference,
        slippage,
        lead.order,
    )


def _before(copy: Trade, leads: Sequence[Trade]) -> Iterator[tuple[int, Trade]]:
    """The lead's latest fill of each order before the copier's first, with the order."""
    for lead in leads:
        if (lead.symbol, lead.side) == (copy.symbol, copy.side):
            earlier = [t for t in lead.ns if t <= copy.ns[0]]
            if earlier:
                yield max(earlier), lead
