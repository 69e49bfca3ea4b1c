"""Orders leave: drawn once, signed here or elsewhere, posted alone or up to fifteen together, each result its own.

An order's id is the hash of what is signed, so it is known before anything is sent, and sending it again is the same
order. It is stamped in steps of half a minute, so that after a restart the id can be found again from the order and
about when it was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from pilotfish.domain.errors import NumericOverflow, PilotfishError
from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.polymarket.link import Answer, Kind, Link, Request
from pilotfish.venues.polymarket.public.listing import Listing
from pilotfish.venues.polymarket.settings import NS_PER_MS, SECOND, Account
from pilotfish.venues.polymarket.trading.results import Results
from pilotfish.venues.polymarket.trading.settlement import UNIT, size6_of
from pilotfish.venues.polymarket.trading.working import Order, Stage, Working
from pilotfish.venues.polymarket.wire.answers import Posted
from pilotfish.venues.polymarket.wire.codec import POSTED, POSTED_BATCH, encode, failure_of
from pilotfish.venues.polymarket.wire.orders import Drawn, How, OrderRefused, Salts, body, chunks, drawn, may_rest
from pilotfish.venues.polymarket.wire.signing import Maker, SignatureType
from pilotfish.venues.polymarket.wire.statuses import Meaning, placed, refused
from pilotfish.venues.session import Sign

DELAYED_NS = 4 * SECOND  # some markets hold orders back for seconds before they are matched


class Guards:
    """What is asked before an order leaves: the dead man's switch, and whether its market is over."""

    def __init__(self, alive: Callable[[int, int], bool], over: Callable[[str], bool]) -> None:
        self.alive, self.over = alive, over


class Posting:
    def __init__(
        self, link: Link, listing: Listing, working: Working, results: Results, keys: Keyring | None, guards: Guards
    ) -> None:
        self._link, self._listing, self._working, self._results = link, listing, working, results
        self._keys, self._guards = keys, guards
        self._salts = Salts(link.settings.journal)
        self._signing: dict[int, tuple[Sequence[Order], int]] = {}
        self._signs = 0
        self.on_taken: Callable[[Order, bool, int], None] = lambda order, delayed, now_ns: None

    def send(self, orders: Iterable[Order], now_ns: int, *, elsewhere: bool = False) -> None:
        """Those that may leave do; the others are told refused. `elsewhere`: many, to be signed beside the loop."""
        ready: list[Order] = []
        unsigned: list[Order] = []
        for order in orders:
            if not self._may_leave(order, now_ns) or not self._draw(order, now_ns):
                continue
            if order.body is not None or (not elsewhere and self._sign(order, now_ns)):
                ready.append(order)
            elif not order.over:
                order.stage = Stage.SIGNING
                unsigned.append(order)
        self._post(ready, now_ns)
        if unsigned:
            self._signs += 1
            self._signing[self._signs] = (unsigned, now_ns + self._link.settings.sign_timeout_ns)
            requests = [order.drawn.request for order in unsigned if order.drawn is not None]
            self._link.out.append(Sign(self._signs, requests))

    def signed(self, sign: int, first: int, signatures: Sequence[bytes], now_ns: int) -> None:
        """Some of what was to be signed elsewhere."""
        orders, _ = self._signing.get(sign, ((), 0))
        ready = []
        for order, signature in zip(orders[first : first + len(signatures)], signatures, strict=False):
            if order.stage is Stage.SIGNING and order.body is None and self._embody(order, signature, now_ns):
                ready.append(order)
        if all(order.body is not None or order.over for order in orders):
            self._signing.pop(sign, None)
        self._post(ready, now_ns)

    def tick(self, now_ns: int) -> None:
        """Signatures that do not come: nothing was sent."""
        for sign, (orders, due_ns) in list(self._signing.items()):
            if due_ns <= now_ns:
                del self._signing[sign]
                for order in orders:
                    if order.stage is Stage.SIGNING:
                        self._results.refused(order, Reason.AUTHENTICATION, now_ns)

    def next_ns(self) -> int | None:
        return min((due_ns for _, due_ns in self._signing.values()), default=None)

    def draw(self, order: Order, stamp: int) -> Drawn:
        """What is signed for it; `stamp` counts steps of `stamp_ns`. Raises OrderRefused, OrderUnsignable."""
        place = order.place
        listed = self._listing.get(place.instrument)
        if listed is None or place.account not in self._link.accounts:
            raise OrderRefused(Reason.REJECTED, f"order {place.coid}", "its instrument or its account is not known")
        left = place.lots - order.base6 // UNIT
        price = listed.instrument.round_price(place.price, place.side)
        account = self._link.accounts[place.account][0]
        place = msgspec.structs.replace(place, lots=left, price=price)
        how = How(stamp * self._link.settings.stamp_ns // NS_PER_MS)
        return drawn(place, listed, maker(account), self._salts, how)

    # -- before it leaves ----------------------------------------------------------------------------------------------

    def _may_leave(self, order: Order, now_ns: int) -> bool:
        place = order.place
        reason = Reason.NONE
        listed = self._listing.get(place.instrument)
        known = place.account in self._link.accounts and self._keys is not None
        if not known or listed is None or self._guards.over(listed.condition):
            reason = Reason.REJECTED
        elif not self._guards.alive(place.account, now_ns):
            reason = Reason.DISCONNECTED
        else:
            reserve = 0 if place.reduce_only else self._link.settings.exit_reserve
            if not self._link.allows(Kind.ORDER, place.account, 1, now_ns, reserve):
                reason = Reason.RATE_LIMIT
        if reason is Reason.NONE:
            return True
        self._link.counts[f"orders refused here: {reason.name.lower()}"] += 1
        if order.times:
            self._results.lost(order, now_ns)  # what was sent before is still not known
        else:
            self._results.refused(order, reason, now_ns)
        return False

    def _draw(self, order: Order, now_ns: int) -> bool:
        if order.body is not None and now_ns - order.drawn_ns < self._link.settings.same_ns:
            return True
        order.body, order.drawn_ns = None, now_ns
        try:
            stamp = self._link.venue_ns(now_ns) // self._link.settings.stamp_ns
            self._working.name(order, self.draw(order, stamp))
        except OrderRefused as bad:
            self._results.refused(order, bad.reason, now_ns)
            return False
        except PilotfishError:
            self._results.refused(order, Reason.BAD_INTENT, now_ns)
            return False
        return True

    def _sign(self, order: Order, now_ns: int) -> bool:
        if self._keys is None or order.drawn is None:
            return False
        try:
            signature = self._keys.sign(order.drawn.request)
        except PilotfishError:
            self._results.refused(order, Reason.AUTHENTICATION, now_ns)
            return False
        return signature is not None and self._embody(order, signature, now_ns)

    def _embody(self, order: Order, signature: bytes, now_ns: int) -> bool:
        if order.drawn is None:
            return False
        try:
            order.body = body(order.drawn, signature, self._link.accounts[order.place.account][1].key)
        except PilotfishError:
            self._results.refused(order, Reason.AUTHENTICATION, now_ns)
            return False
        return True

    # -- on its way ----------------------------------------------------------------------------------------------------

    def _post(self, orders: Sequence[Order], now_ns: int) -> None:
        by_account: dict[int, list[Order]] = {}
        for order in orders:
            by_account.setdefault(order.place.account, []).append(order)
        for account, own in by_account.items():
            for some in chunks(own):
                self._post_some(account, some, now_ns)

    def _post_some(self, account: int, orders: Sequence[Order], now_ns: int) -> None:
        for order in orders:
            order.stage, order.sent_ns, order.times = Stage.POSTED, now_ns, order.times + 1
            order.first_ns = order.first_ns or now_ns
        bodies = [order.body for order in orders]
        alone = len(bodies) == 1
        request = Request(
            "POST", self._link.settings.clob_url, "/order" if alone else "/orders", Kind.ORDER,
            body=encode(bodies[0] if alone else bodies), account=account,
            timeout_ns=self._link.settings.post_timeout_ns, cost=len(bodies),
        )  # fmt: skip
        self._link.ask(request, now_ns, lambda answer, then_ns: self._posted(orders, answer, then_ns))

    def _posted(self, orders: Sequence[Order], answer: Answer | None, now_ns: int) -> None:
        if answer is None:
            for order in orders:
                self._results.lost(order, now_ns)
        elif not answer.ok:
            meaning, said = refused(answer.status, answer.body), failure_of(answer.body)
            for order in orders:
                self._means(order, meaning, said, None, now_ns)
        else:
            rows = self._rows(answer, len(orders))
            for order, row in zip(orders, rows, strict=True):
                if row is None:
                    self._results.lost(order, now_ns)
                else:
                    said = next((one for one in (row.errorMsg, row.error) if isinstance(one, str) and one), "")
                    self._means(order, placed(row), said, row, now_ns)

    def _rows(self, answer: Answer, count: int) -> Sequence[Posted | None]:
        """One for each order; where they cannot be told apart nothing is known of any."""
        try:
            rows = [POSTED.decode(answer.body)] if count == 1 else POSTED_BATCH.decode(answer.body)
            if len(rows) == count:
                return rows
        except MessageRefused:
            pass
        self._link.set_aside("answer to an order")
        return [None] * count

    def _means(self, order: Order, meaning: Meaning, said: str, row: Posted | None, now_ns: int) -> None:
        signal, reason = meaning
        if order.over:
            return
        if signal is OrderSignal.ACK and row is not None:
            try:
                return self._accepted(order, row, now_ns)
            except (MessageRefused, NumericOverflow):
                self._link.set_aside("answer to an order")
        if "duplicated" in said.lower():
            order.had = True
        if signal in (OrderSignal.ACK, OrderSignal.LOST):
            self._results.lost(order, now_ns)
        elif order.times > 1:  # this sending was refused; an earlier one may have arrived
            order.refused = reason
            self._results.lost(order, now_ns)
        elif signal is OrderSignal.CANCEL:
            order.had = True
            self._results.ended(order, order.base6, reason, now_ns)
        elif order.base6:  # what an amendment put in its place was refused: the order is over
            self._results.ended(order, order.base6, reason, now_ns)
        else:
            self._results.refused(order, reason, now_ns)

    def _accepted(self, order: Order, row: Posted, now_ns: int) -> None:
        if isinstance(row.orderID, str) and row.orderID and row.orderID.lower() != order.id:
            self._link.counts["order ids that differed"] += 1
            self._working.by_id[row.orderID.lower()] = order
        making, taking = size6_of(row.makingAmount), size6_of(row.takingAmount)
        shares, money = (taking, making) if order.place.side > 0 else (making, taking)
        order.had = True
        if not may_rest(order.place):
            if row.status == "matched" and shares > 0:
                return self._results.ended(order, shares, Reason.NO_DEPTH, now_ns, money)
            self._results.taken(order, now_ns)
            settings = self._link.settings
            order.want_answer(now_ns + (DELAYED_NS if row.status == "delayed" else settings.unknown_ask_ns))
            return
        self._results.taken(order, now_ns)
        if row.status == "matched" and order.base6 + shares >= order.place.lots * UNIT:
            self._results.ended(order, order.base6 + shares, Reason.NONE, now_ns, money)
        elif row.status == "delayed":
            order.want_answer(now_ns + DELAYED_NS)
        self.on_taken(order, row.status == "delayed", now_ns)


def maker(account: Account) -> Maker:
    return Maker(account.address, account.key, SignatureType(account.signature_type))
