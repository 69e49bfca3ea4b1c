"""What traded, and how far it has come on the chain.

A match is a fill to the engine: the venue will settle it, seconds later, and until CONFIRMED it is provisional: counted
here by instrument. Sales of provisional tokens are not refused here: the venue knows what it will take, and refuses
with its balance. A match that FAILED never happened: `FillReversed` takes it back.

One trade has one taker and many makers. An order of ours keeps its own token and side, whichever it was: where YES was
bought from somebody who bought NO, that maker's price is of NO, and the taker paid what is left of 1.
https://docs.polymarket.com/market-data/websocket/user-channel
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.events import FillReversed
from pilotfish.venues.decimals import MessageRefused, fixed, fixed_floor
from pilotfish.venues.polymarket.link import Answer, Kind, Link, Request
from pilotfish.venues.polymarket.public.books import SIZE_DECIMALS
from pilotfish.venues.polymarket.trading.working import Order
from pilotfish.venues.polymarket.wire.answers import TradeRow
from pilotfish.venues.polymarket.wire.assets import LOT_DECIMALS, ONE, Listed
from pilotfish.venues.polymarket.wire.codec import TRADES
from pilotfish.venues.polymarket.wire.messages import MakerOrder, UserTrade
from pilotfish.venues.polymarket.wire.stamps import moment_ns_or
from pilotfish.venues.polymarket.wire.statuses import Settlement as Status
from pilotfish.venues.polymarket.wire.statuses import settlement as status_of

UNIT: int = 10 ** (SIZE_DECIMALS - LOT_DECIMALS)  # millionths of a share in a lot
_REMEMBERED = 65_536
_DOUBLINGS_MAX = 5

Trade = UserTrade | TradeRow


class Match(msgspec.Struct, frozen=True):
    """One order's part in one trade. `size6` in millionths of a share; `cost`, exact, in money units."""

    fill_id: int
    trade: str
    size6: int
    cost: int
    maker: bool
    venue_ns: int

    @property
    def price(self) -> int:
        """Rounded to the nearest price unit; the cost is what counts."""
        nearest: int = max(1, min(ONE - 1, (2 * self.cost * ONE + self.size6) // (2 * self.size6)))
        return nearest


def matches(
    trade: Trade, ours: Mapping[str, Order], tokens: Callable[[int], Listed | None]
) -> list[tuple[Order, Match]]:
    """Our orders' parts in a trade, taker or makers, found by their ids. Raises MessageRefused."""
    found: list[tuple[Order, Match]] = []
    makers = trade.maker_orders if isinstance(trade.maker_orders, list) else []
    ns = moment_ns_or(trade.match_time, moment_ns_or(trade.timestamp, 0) if isinstance(trade, UserTrade) else 0)
    if (order := ours.get(trade.taker_order_id)) is not None:
        _same_token(order, trade.asset_id, tokens)
        size6 = _size6(trade.size)
        cost = _taker_cost(order, trade, makers, size6)
        found.append((order, _match(trade, trade.taker_order_id, size6, cost, ns, maker=False)))
    for one in makers:
        if (order := ours.get(one.order_id)) is not None:
            _same_token(order, one.asset_id, tokens)
            size6 = _size6(one.matched_amount)
            cost = _money(order.place.side, size6 * _price(one.price))
            found.append((order, _match(trade, one.order_id, size6, cost, ns, maker=True)))
    return found


def fill_id(trade: str, order: str) -> int:
    """62 bits of the trade's and the order's ids: the same however the trade is heard of."""
    return int.from_bytes(blake2b(f"{trade} {order}".encode(), digest_size=8).digest(), "big") >> 2


def size6_of(text: object) -> int:
    """A size in millionths of a share; 0 where nothing or an empty text is said. Raises MessageRefused."""
    return fixed_floor(text, SIZE_DECIMALS) if isinstance(text, str) and text else 0


class Part(NamedTuple):
    """What of a match was told as a fill."""

    lots: int
    cost: int
    fee: int


class _Settling(msgspec.Struct):
    order: Order
    match: Match
    part: Part
    status: Status
    ask_ns: int
    asks: int = 0


class Settlements:
    """Every part of ours in a trade until it is final."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._open: dict[int, _Settling] = {}
        self._final: dict[int, Status] = {}
        self._asking: set[str] = set()
        self.on_trade: Callable[[Trade, int], None] = lambda trade, now_ns: None

    @property
    def provisional(self) -> dict[int, int]:
        """Instrument → lots bought less lots sold that are matched and not confirmed."""
        lots: Counter[int] = Counter()
        for one in self._open.values():
            lots[one.order.place.instrument] += one.order.place.side * one.part.lots
        return dict(lots)

    @property
    def idle(self) -> bool:
        """Whether everything is final."""
        return not self._open

    def status(self, number: int) -> Status | None:
        """How far a fill has come, None where it is new."""
        one = self._open.get(number)
        return one.status if one is not None else self._final.get(number)

    def begin(self, order: Order, match: Match, part: Part, status: Status, now_ns: int) -> None:
        """A fill was told."""
        due_ns = now_ns + self._link.settings.settle_ask_ns
        self._open[match.fill_id] = _Settling(order, match, part, Status.MATCHED, due_ns)
        self.goes_on(match.fill_id, status, now_ns)

    def goes_on(self, number: int, status: Status, now_ns: int) -> None:
        """A later word about a fill; CONFIRMED and FAILED are the last ones, the first of them counts."""
        one = self._open.get(number)
        if one is None:
            return
        one.status = max(one.status, status) if not status.final else status
        if not status.final:
            return
        del self._open[number]
        self._keep(number, status)
        if status is Status.FAILED:
            order, part = one.order, one.part
            order.filled6, order.reversed6 = order.filled6 - one.match.size6, order.reversed6 + one.match.size6
            order.told, order.cost, order.fee = order.told - part.lots, order.cost - part.cost, order.fee - part.fee
            if order.batch is None or order.over:  # else its result was not told yet, and will not count it
                self._reverse(order, one.match, part, now_ns)

    def failed(self, order: Order, match: Match, fee: int, now_ns: int) -> None:
        """A trade that had failed before we heard of it; it may have been told in an earlier life of ours."""
        self._keep(match.fill_id, Status.FAILED)
        order.reversed6 += match.size6
        self._reverse(order, match, Part(match.size6 // UNIT, match.cost, fee), now_ns)

    def _reverse(self, order: Order, match: Match, part: Part, now_ns: int) -> None:
        """The only place that takes a fill back."""
        if part.lots <= 0:
            return
        self._link.counts["fills reversed"] += 1
        place = order.place
        self._link.told.append(
            FillReversed(
                match.venue_ns or now_ns, now_ns, place.coid, match.fill_id, place.account, place.instrument,
                place.side, part.lots, match.price, part.cost, part.fee,
            )
        )  # fmt: skip

    def _keep(self, number: int, status: Status) -> None:
        self._final[number] = status
        if len(self._final) > _REMEMBERED:
            del self._final[next(iter(self._final))]

    def tick(self, now_ns: int) -> None:
        """Ask for what has been silent: the stream may have lost the end of it."""
        for one in list(self._open.values()):
            if one.ask_ns <= now_ns:
                one.asks += 1
                one.ask_ns = now_ns + (self._link.settings.settle_ask_ns << min(one.asks, _DOUBLINGS_MAX))
                self.ask(one.match.trade, one.order.place.account, now_ns)

    def next_ns(self) -> int | None:
        return min((one.ask_ns for one in self._open.values()), default=None)

    def ask(self, trade: str, account: int, now_ns: int) -> None:
        """How a trade stands, by REST."""
        if trade in self._asking:
            return
        self._asking.add(trade)
        request = Request(
            "GET", self._link.settings.clob_url, "/data/trades", Kind.LEDGER, {"id": trade}, account=account
        )

        def answered(answer: Answer | None, then_ns: int) -> None:
            self._asking.discard(trade)
            if answer is None or not answer.ok:
                return
            try:
                for row in TRADES.decode(answer.body).data or ():
                    self.on_trade(row, then_ns)
            except MessageRefused:
                self._link.set_aside("trades")

        self._link.ask(request, now_ns, answered)


def status(trade: Trade) -> Status:
    """Raises MessageRefused."""
    return status_of(trade.status)


def _same_token(order: Order, token: str, tokens: Callable[[int], Listed | None]) -> None:
    listed = tokens(order.place.instrument)
    if listed is None or listed.token != token:
        raise MessageRefused(f"a trade of order {order.place.coid}", "is of another token", "reconcile positions")


def _taker_cost(order: Order, trade: Trade, makers: list[MakerOrder], size6: int) -> int:
    """The sum over the makers where they add up; else what the trade says."""
    if sum(_size6(one.matched_amount) for one in makers) != size6:
        return _money(order.place.side, size6 * _price(trade.price))
    prices = [_price(one.price) if one.asset_id == trade.asset_id else ONE - _price(one.price) for one in makers]
    raw = sum(_size6(one.matched_amount) * price for one, price in zip(makers, prices, strict=True))
    return _money(order.place.side, raw)


def _money(side: int, raw: int) -> int:
    """A buyer's rounded up, a seller's down."""
    money: int = -(-raw // ONE) if side > 0 else raw // ONE
    return money


def _match(trade: Trade, order: str, size6: int, cost: int, ns: int, *, maker: bool) -> Match:
    return Match(fill_id(trade.id, order), trade.id, size6, cost, maker, ns)


def _size6(text: str) -> int:
    size = fixed(text, SIZE_DECIMALS)
    if size <= 0:
        raise MessageRefused(f"a trade of {text[:20]} shares", "", "ask for the trade again")
    return size


def _price(text: str) -> int:
    """Makers' prices lie on the grid; a taker's average is rounded down to it."""
    try:
        price = fixed_floor(text, 4)
    except NumericOverflow as bad:
        raise MessageRefused(f"a trade at {text[:20]}") from bad
    if not 0 < price < ONE:
        raise MessageRefused(f"a trade at {text[:20]}", "lies outside (0, 1)", "ask for the trade again")
    return price
