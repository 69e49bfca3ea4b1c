"""Our orders as they stand: what was asked for, what went out, what traded."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from pilotfish.domain.orders import Amend, Place, PlaceBatch, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.polymarket.wire.orders import Body, Drawn, may_rest

_REMEMBERED = 65_536
NEVER = 2**62


class Stage(IntEnum):
    SIGNING = 0  # its signature is made elsewhere
    POSTED = 1  # on its way
    UNKNOWN = 2  # sent, and nobody knows
    OPEN = 3  # the venue has it
    DONE = 4


class Order(msgspec.Struct):
    """One client order id. Sizes with `6` are in millionths of a share, of all that it ever was; `base6` of what it was
    before an amendment. `drawn` is what went out, and what is sent again as it is.
    """

    place: Place
    stage: Stage = Stage.SIGNING
    drawn: Drawn | None = None
    body: Body | None = None  # signed: what is sent again
    batch: Batch | None = None
    index: int = 0
    filled6: int = 0
    told: int = 0  # lots told in fills
    cost: int = 0
    fee: int = 0
    held: int = 0  # cost of what traded and is less than a lot so far
    reversed6: int = 0  # of matches that failed; the venue may still count them as matched
    base6: int = 0
    drawn_ns: int = 0
    first_ns: int = 0
    sent_ns: int = 0
    times: int = 0  # sent
    had: bool = False  # the venue has certainly had it
    acked: bool = False
    expects: tuple[int, Reason] | None = None  # it has ended with so much traded (6), and the trades are still to come
    refused: Reason = Reason.NONE  # what a later sending of it was answered
    cancelling: bool = False
    cancel_ns: int = 0
    amend: Amend | None = None
    ask_ns: int = NEVER
    asks: int = 0
    asking: bool = False
    gone: tuple[int, int] | None = None  # it was not among the open orders, with `filled6` then, and since when
    absent: bool = False
    earlier: list[str] = []  # ids before amendments
    guesses: set[str] = set()  # ids it may have, where it went out before a restart …
    found: str = ""  # … and the one it has

    @property
    def id(self) -> str:
        """By which the venue knows it; empty where that is not known."""
        return self.drawn.id if self.drawn is not None else self.found

    @property
    def over(self) -> bool:
        return self.stage is Stage.DONE

    def want_answer(self, at_ns: int) -> None:
        """Ask for it at `at_ns` at the latest."""
        self.ask_ns = min(self.ask_ns, at_ns)


class Batch(msgspec.Struct):
    """A PlaceBatch that trades at once: results are told together. `ready`: indices with a result not told yet."""

    command: PlaceBatch
    orders: list[Order] = []
    ready: list[Result] = []
    ready_ns: int = NEVER

    @property
    def over(self) -> bool:
        return all(order.over for order in self.orders)


class Result(msgspec.Struct, frozen=True):
    index: int
    signal: int
    lots: int
    cost: int
    fee: int
    reason: int
    done_ns: int


class Working:
    """All of them, by client order id and by the venue's id; those that are over are forgotten one day."""

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.live: dict[int, Order] = {}
        self.batches: dict[int, Batch] = {}
        self.by_id: dict[str, Order] = {}

    def add(self, order: Order) -> Order:
        """What is to trade at once and may rest is cancelled as soon as the venue has it, or might."""
        order.cancelling = order.place.tif is Tif.IOC and may_rest(order.place)
        self.orders[order.place.coid] = self.live[order.place.coid] = order
        if len(self.orders) > _REMEMBERED:
            self._forget()
        return order

    def name(self, order: Order, drawn: Drawn) -> None:
        """What goes out for it now; what went out before is still its."""
        if order.id not in ("", drawn.id):
            order.earlier = [*order.earlier, order.id]
        order.drawn = drawn
        self.by_id[drawn.id] = order

    def finish(self, order: Order) -> None:
        order.stage, order.ask_ns, order.cancelling = Stage.DONE, NEVER, False
        self.live.pop(order.place.coid, None)

    def open_of(self, account: int, instrument: int = -1) -> list[Order]:
        """Orders of an account that may be open at the venue."""
        return [
            order
            for order in self.live.values()
            if order.place.account == account and instrument in (-1, order.place.instrument)
        ]

    def accounts(self) -> set[int]:
        """Those that have an order which may rest at the venue."""
        resting = (o for o in self.live.values() if o.stage is not Stage.SIGNING and o.place.tif is not Tif.IOC)
        return {order.place.account for order in resting}

    def _forget(self) -> None:
        for coid, order in list(self.orders.items())[: _REMEMBERED // 8]:
            if order.over and (order.batch is None or order.batch.over):
                del self.orders[coid]
                for name in (order.id, *order.earlier, *order.guesses):
                    self.by_id.pop(name, None)
                self.batches.pop(coid, None)
