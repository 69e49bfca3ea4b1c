"""A desk whose orders are answered on either route, and the instructions of people, for tests of control and stops."""

import msgspec
import numpy as np

from pilotfish.domain.arith import ints
from pilotfish.domain.instructions import FollowAction, FollowControl, LeadNews, LeadStatus, MandateChanged, Rebalance
from pilotfish.domain.mandate import Route, Sizing
from pilotfish.domain.orders import OrderSignal, Place, PlaceBatch
from pilotfish.engine.snapshot import decode_state, encode_state
from pilotfish.engine.step import Outcome
from tests.unit.driver import PX, SECOND, Desk, free_follows

ONE = 10**9  # a fixed ratio of one to one
PAUSE, RESUME, CLOSE, LEAVE = FollowAction


class Scene(Desk):
    """Each follow copies its lead lot for lot. `orders` are those that nobody has answered yet."""

    def __init__(
        self, route: Route = Route.OMNIBUS, n: int = 2, *, leads: int = 1, lead=0, desk=None, **columns
    ) -> None:
        super().__init__(route, leads=leads, **(desk or {}))
        self.orders: list[Place | PlaceBatch] = []
        mandate = {"sizing": int(Sizing.FIXED_RATIO), "value": ONE} | columns
        self.follow(free_follows(mandate.pop("followers", np.arange(n)), lead=lead, **mandate))

    def go(self, event) -> Outcome:
        outcome = super().go(event)
        fresh = [a.command for a in outcome.commands if isinstance(a.command, Place | PlaceBatch)]
        self.orders = [*getattr(self, "orders", []), *fresh]
        return outcome

    def tell(self, action: FollowAction, *rows: int) -> Outcome:
        return self.go(FollowControl(*self.stamp(), ints(rows), action))

    def news(self, news: LeadNews, lead: int = 0) -> Outcome:
        return self.go(LeadStatus(*self.stamp(), lead, news))

    def rebalance(self, *followers: int, band_bps: int = 0) -> Outcome:
        return self.go(Rebalance(*self.stamp(), ints(followers), band_bps))

    def change(self, *rows: int, **columns) -> Outcome:
        """New mandates: as they are, but for `columns`."""
        follows = self.state.follows.take(ints(rows))
        for name, value in columns.items():
            if name in ("rules", "sizers"):
                setattr(follows, name, value)
            else:
                setattr(follows, name, np.broadcast_to(ints(value), (len(rows),)).copy())
        return self.go(MandateChanged(*self.stamp(), ints(rows), follows))

    def answer(self, part: int = 1, of: int = 1, price: int = PX, rounds: int = 60) -> None:
        """Every open order fills in `part / of` of each of its lots, at `price`; what that causes is answered too."""
        while self.orders and rounds:
            rounds -= 1
            waiting, self.orders = self.orders, []
            for order in waiting:
                self._answer(order, part, of, price)

    def _answer(self, order: Place | PlaceBatch, part: int, of: int, price: int) -> None:
        if isinstance(order, PlaceBatch):
            told = self.result_event(order, order.lots * part // of)
            self.go(msgspec.structs.replace(told, cost=told.lots * price))
            return
        lots = order.lots * part // of
        if lots:
            self.fill(order, lots, price=price)
        if lots < order.lots:
            self.update(order, OrderSignal.CANCEL, order.lots - lots)

    def let(self, seconds: float = 1, price: int = PX, k: int = 0) -> Outcome:
        """Time passes and the market is at `price`."""
        self.now += int(seconds * SECOND)
        self.top(price, k=k)
        return self.wait(1)

    def rest(self, price: int = PX, seconds: float = 1, rounds: int = 40) -> None:
        """Let everything come to an end at `price`."""
        for _ in range(rounds):
            self.answer(price=price)
            self.let(seconds, price)

    def restart(self) -> None:
        self.state = decode_state(encode_state(self.state))

    @property
    def modes(self) -> list[int]:
        return self.state.standing.mode.tolist()

    @property
    def why(self) -> list[int]:
        return self.state.standing.why.tolist()

    @property
    def money(self) -> list[int]:
        return self.state.ledger.money.rows.tolist()


def sold(outcome: Outcome) -> dict[int, int]:
    """Lots of the orders in an outcome, by side."""
    lots: dict[int, int] = {}
    for command in (a.command for a in outcome.commands):
        if isinstance(command, Place | PlaceBatch):
            lots[command.side] = lots.get(command.side, 0) + int(np.sum(command.lots))
    return lots


def holding(route: Route = Route.OMNIBUS, lots: int = 100, **columns) -> Scene:
    scene = Scene(route, **columns)
    scene.lead(lots)
    scene.answer()
    return scene


def opened(scene: Scene, lots: int = 100) -> Place | PlaceBatch:
    """The lead opens; the one order that causes is left to the test to answer."""
    scene.lead(lots)
    (order,) = scene.orders
    scene.orders = []
    return order
