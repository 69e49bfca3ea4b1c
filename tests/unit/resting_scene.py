"""A lead whose orders rest, three follows that mirror them, and a venue played by hand. For tests of resting orders."""

import msgspec

from pilotfish.domain.instructions import LeadOrder
from pilotfish.domain.mandate import Route
from pilotfish.domain.orders import Cancel, PlaceBatch
from pilotfish.domain.orders import OrderSignal as On
from pilotfish.domain.reasons import Reason
from tests.unit.driver import USDC, Desk, batched, free_follows, placed

BID = 995_000
ALLOCATIONS = [1_000 * USDC, 2_000 * USDC, 3_000 * USDC]  # of a lead with 10,000: a tenth, a fifth, three tenths


def scene(route=Route.OMNIBUS, *, instruments=None, **columns) -> Desk:
    desk = Desk(route, instruments=instruments)
    desk.follow(free_follows([0, 1, 2], allocation=ALLOCATIONS, **({"depth": 1} | columns)))
    desk.lead_holds(0)
    return desk


def rests(desk: Desk, lots: int, price: int = BID, *, order: int = 7, side: int = 1, k: int = 0, at: int | None = None):
    """The venue says that so much is left of the lead's order; 0: it is gone."""
    ours = desk.stamp()[1]
    return desk.go(LeadOrder(at or ours, ours, 0, k, order, side, lots, price))


def cancels(outcome) -> list[int]:
    return [a.command.coid for a in outcome.commands if isinstance(a.command, Cancel)]


def took(desk: Desk, outcome):
    """The venue takes the order: it rests."""
    (order,) = [*placed(outcome), *batched(outcome)]
    for k in range(order.lots.size if isinstance(order, PlaceBatch) else 1):
        tell(desk, order, On.ACK, k, left=lots_of(order, k))
    return order


def lots_of(order, k: int = 0) -> int:
    return int(order.lots[k]) if isinstance(order, PlaceBatch) else order.lots


def tell(desk: Desk, order, signal: On, k: int = 0, left: int = 0, reason=Reason.NONE):
    """A word about one order of ours, as venues give it: orders of a batch that rest are orders of their own."""
    return desk.update(_one(order, k), signal, left, reason)


def fills(desk: Desk, order, lots: int, k: int = 0, **more):
    return desk.fill(_one(order, k), lots, price=BID, **more)


def _one(order, k: int):
    return msgspec.structs.replace(order, coid=order.coid + k)


def nothing_rests(desk: Desk) -> None:
    assert desk.state.mirrors == {}
    assert desk.state.ledger.reservations == {}
    assert not desk.state.ledger.opening[0].any()
    assert not desk.state.ledger.reserved_money.any()


def fill_all(desk: Desk, order):
    count = order.lots.size if isinstance(order, PlaceBatch) else 1
    for k in range(count):
        outcome = fills(desk, order, lots_of(order, k), k)
    return outcome
