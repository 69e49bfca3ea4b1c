"""From the quotes we want to the commands that get there: replace everything, or only the difference.

The difference keeps queue position and costs fewer rate tokens, so it is the steady state; cancel-all-and-replace is
the simple mode and the emergency.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from pilotfish.domain.errors import InvariantBroken
from pilotfish.domain.orders import Amend, Cancel, CancelAll, Command, Place, Tif


class Desired(msgspec.Struct, frozen=True):
    """One order we want resting."""

    side: int
    price: int
    lots: int
    tif: Tif = Tif.ALO
    reduce_only: bool = False


class Resting(msgspec.Struct, frozen=True):
    """One order we have. `settled` is False while it is in flight, cancelling or unknown: then it is left alone."""

    coid: int
    side: int
    price: int
    lots_left: int
    settled: bool = True
    filled: int = 0


def replace_all(account: int, instrument: int, desired: Sequence[Desired], ids: Iterator[int]) -> list[Command]:
    """Cancel everything in the instrument, then place all of `desired`."""
    return [CancelAll(account, instrument), *(_place(account, instrument, want, ids) for want in desired)]


def difference(
    account: int, instrument: int, resting: Sequence[Resting], desired: Sequence[Desired], ids: Iterator[int],
    *, amend: bool = True,
) -> list[Command]:  # fmt: skip
    """The least that turns `resting` into `desired`; cancels first, so that reduced risk never waits for new risk.

    An order at a wanted price stays; a smaller wanted size amends it where the venue can `amend` (it keeps its place in
    the queue); a larger one is a new order, which the gate has to see. While an unsettled order occupies a side and
    price, no second one goes there. Raises InvariantBroken when two are wanted at one side and price.
    """
    wanted = {(want.side, want.price): want for want in desired}
    if len(wanted) != len(desired):
        raise InvariantBroken("two quotes at one side and price", "one of them would be lost", "add their sizes up")
    cancels: list[Command] = []
    amends: list[Command] = []
    covered: set[tuple[int, int]] = set()
    for order in resting:
        key = (order.side, order.price)
        want = wanted.get(key)
        if not order.settled:
            covered.add(key)
        elif want is None or key in covered:
            cancels.append(Cancel(order.coid))
        elif order.lots_left == want.lots:
            covered.add(key)
        elif amend and want.lots < order.lots_left:
            covered.add(key)
            amends.append(Amend(order.coid, order.filled + want.lots, want.price))
        else:
            cancels.append(Cancel(order.coid))
    places = [_place(account, instrument, want, ids) for key, want in wanted.items() if key not in covered]
    return [*cancels, *amends, *places]


def _place(account: int, instrument: int, want: Desired, ids: Iterator[int]) -> Place:
    return Place(next(ids), account, instrument, want.side, want.lots, want.price, want.tif, want.reduce_only)
