"""What a shard would believe from the events alone, and what no venue may ever say."""

from collections import defaultdict

from msgspec.structs import replace

from pilotfish.domain.doubt import Doubt
from pilotfish.domain.events import (
    BatchUpdate,
    BookTop,
    Connection,
    DataTrust,
    Event,
    Fill,
    FillReversed,
    LeadFill,
    LeadPosition,
    OrderUpdate,
    Reconciled,
)
from pilotfish.domain.orders import OrderSignal, Place

ENDS = (OrderSignal.FILLED, OrderSignal.CANCEL, OrderSignal.REJECT)


class Heard:
    """`wrong` collects breaches of the contract as they are heard; `sent` is what was handed over, by id."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.sent: dict[int, Place] = {}
        self.fills: dict[int, Fill] = {}
        self.taken_back: set[int] = set()
        self.words: defaultdict[int, list[OrderUpdate]] = defaultdict(list)
        self.results: dict[int, tuple[OrderSignal, int, int]] = {}  # of batches: signal, lots, reason
        self.connections: list[bool] = []
        self.answers: list[Reconciled] = []
        self.tops: dict[int, BookTop] = {}
        self.doubts: dict[int, list[Doubt]] = defaultdict(list)
        self.lead_lots: dict[int, int] = {}  # instrument → lots of the one lead there is
        self.lead_fills: dict[int, LeadFill] = {}
        self.wrong: list[str] = []

    @property
    def up(self) -> bool:
        return bool(self.connections) and self.connections[-1]

    def hear(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Fill):
            self._fill(event)
        elif isinstance(event, FillReversed):
            self.taken_back.add(event.fill_id)
        elif isinstance(event, OrderUpdate):
            self._word(event)
        elif isinstance(event, BatchUpdate):
            self._batch(event)
        elif isinstance(event, Connection):
            if self.connections and self.connections[-1] is event.up:
                self.wrong.append(f"the connection was told {event.up} twice in a row")
            self.connections.append(event.up)
        elif isinstance(event, Reconciled):
            self._answer(event)
        elif isinstance(event, BookTop):
            self.tops[event.instrument] = event
        elif isinstance(event, DataTrust):
            self._verdict(event)
        elif isinstance(event, LeadPosition | LeadFill) and event.lead:
            pass  # somebody else
        elif isinstance(event, LeadPosition):
            self.lead_lots[event.instrument] = event.lots
        elif isinstance(event, LeadFill) and event.fill_id not in self.lead_fills:
            self.lead_fills[event.fill_id] = event
            self.lead_lots[event.instrument] = self.lead_lots.get(event.instrument, 0) + event.change

    # -- what is known of an order -------------------------------------------------------------------------------------

    def fills_of(self, coid: int) -> list[Fill]:
        return [one for one in self.fills.values() if one.coid == coid and one.fill_id not in self.taken_back]

    def lots(self, coid: int) -> int:
        """Traded, by its fills or by its batch's result."""
        return self.results[coid][1] if coid in self.results else sum(one.lots for one in self.fills_of(coid))

    def signals(self, coid: int) -> list[OrderSignal]:
        return [word.signal for word in self.words[coid]]

    def said(self, coid: int, *signals: OrderSignal) -> OrderUpdate | None:
        """The last word of one of these kinds."""
        return next((word for word in reversed(self.words[coid]) if word.signal in signals), None)

    def end(self, coid: int) -> OrderUpdate | None:
        return self.said(coid, *ENDS)

    def whole(self, coid: int) -> bool:
        """It is over, and its fills add up to how it ended."""
        if coid in self.results:
            return self.results[coid][0] is not OrderSignal.LOST
        end = self.end(coid)
        if end is None:
            return False
        traded = 0 if end.signal is OrderSignal.REJECT else self.sent[coid].lots - end.lots_left
        return traded == self.lots(coid)

    def position(self, account: int, instrument: int) -> int:
        return sum(
            one.side * self.lots(coid)
            for coid, one in self.sent.items()
            if (one.account, one.instrument) == (account, instrument)
        )

    # -- what may not be -----------------------------------------------------------------------------------------------

    def _fill(self, event: Fill) -> None:
        known = self.fills.get(event.fill_id)
        if known is not None and replace(known, venue_ns=0, ours_ns=0) != replace(event, venue_ns=0, ours_ns=0):
            self.wrong.append(f"fill {event.fill_id} is two different fills: {known}, {event}")
        if event.coid not in self.sent:
            self.wrong.append(f"a fill of order {event.coid}, which nobody sent")
        self.fills[event.fill_id] = event
        if event.coid in self.sent and self.lots(event.coid) > self.sent[event.coid].lots:
            self.wrong.append(f"order {event.coid} traded more than its size")
        if min(event.lots, event.price, event.cost) <= 0:
            self.wrong.append(f"a fill of nothing: {event}")

    def _word(self, event: OrderUpdate) -> None:
        ended = self.end(event.coid)
        if (
            ended is not None
            and event.signal in ENDS
            and (ended.signal, ended.lots_left)
            != (
                event.signal,
                event.lots_left,
            )
        ):
            self.wrong.append(f"order {event.coid} ended as {ended}, and then as {event}")
        self.words[event.coid].append(event)

    def _batch(self, event: BatchUpdate) -> None:
        columns = (event.index, event.signal, event.lots, event.reason)
        for index, signal, lots, reason in zip(*(column.tolist() for column in columns), strict=True):
            coid, told = event.coid + index, (OrderSignal(signal), lots, reason)
            known = self.results.get(coid)
            if known is not None and known[0] is not OrderSignal.LOST and known[:2] != told[:2]:
                self.wrong.append(f"order {coid} of a batch ended as {known}, and then as {told}")
            self.results[coid] = told

    def _answer(self, event: Reconciled) -> None:
        strange = (set(event.open) | set(event.done)) - set(event.asked)
        if strange or set(event.open) & set(event.done):
            self.wrong.append(f"an answer that contradicts itself: {event}")
        self.answers.append(event)

    def _verdict(self, event: DataTrust) -> None:
        if not event.doubt and event.instrument not in self.tops:
            self.wrong.append(f"instrument {event.instrument} was trusted before its first book")
        self.doubts[event.instrument].append(event.doubt)
