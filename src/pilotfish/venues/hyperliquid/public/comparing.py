"""Now and then a watched book is asked for by HTTP and held against what the stream says."""

from __future__ import annotations

from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.instrument import Instrument
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.hyperliquid.budget import info_weight
from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.hyperliquid.public.compared import WAIT_NS, Clock, Top, Tops
from pilotfish.venues.hyperliquid.public.subscriptions import Subscriptions
from pilotfish.venues.hyperliquid.wire.books import book_top
from pilotfish.venues.hyperliquid.wire.codec import L2_BOOK
from pilotfish.venues.session import SECOND
from pilotfish.venues.trust import Trust

COMPARE_NS = 30 * SECOND  # between two questions …
DOUBTED_NS = 2 * SECOND  # … and while the two ways disagree
STRIKES = 2  # so often in a row before a disagreement is believed …
HOPELESS = 4  # … and before the stream is given up


class Comparison:
    """Of one instrument. A question without an answer proves nothing and doubts nothing."""

    def __init__(
        self, link: Link, instrument: Instrument, trust: Trust, subscriptions: Subscriptions, clock: Clock
    ) -> None:
        self._link, self._instrument, self._trust = link, instrument, trust
        self._subscriptions, self._clock = subscriptions, clock
        self.tops = Tops()
        self.strikes = 0
        self._next_ns = 0
        self._asking = False
        self._answer: Top | None = None  # until the stream has come as far
        self._decide_ns = 0

    def opened(self, now_ns: int) -> None:
        """A new stream, or a new instrument."""
        self.tops.clear()
        self.strikes, self._answer = 0, None
        self._next_ns = now_ns + COMPARE_NS

    def tick(self, now_ns: int) -> None:
        if self._answer is not None:
            if self.tops.reaches(self._answer.venue_ns) or now_ns >= self._decide_ns:
                self._judge(self._answer, now_ns)
        elif self._next_ns <= now_ns and not self._asking:
            self._ask(now_ns)

    def next_ns(self) -> int | None:
        if self._answer is not None:
            return self._decide_ns
        return None if self._asking else self._next_ns

    def _ask(self, now_ns: int) -> None:
        self._asking = True
        self._link.counts["comparisons"] += 1
        body = {"type": "l2Book", "coin": self._instrument.symbol}
        self._link.info(body, info_weight(body), now_ns, self._answered, spare=self.strikes == 0)

    def _answered(self, raw: bytes | None, now_ns: int) -> None:
        self._asking = False
        self._next_ns = now_ns + (DOUBTED_NS if self.strikes else COMPARE_NS)
        if raw is None:
            return
        try:
            top = book_top(L2_BOOK.decode(raw), self._instrument, now_ns)
        except (MessageRefused, NumericOverflow):
            return self._link.set_aside("a book that cannot be")
        self._clock.stamp(top.venue_ns, now_ns)
        self._answer, self._decide_ns = Top(top.venue_ns, top.bid, top.ask), now_ns + WAIT_NS
        self.tick(now_ns)

    def _judge(self, answer: Top, now_ns: int) -> None:
        self._answer = None
        agrees = self.tops.agrees(answer)
        if agrees is None:
            return
        self.strikes = 0 if agrees else self.strikes + 1
        self._next_ns = now_ns + (COMPARE_NS if agrees else DOUBTED_NS)
        if agrees:
            self._trust.compared(self._instrument.id, agrees=True)
        elif self.strikes >= STRIKES:
            self._link.counts["disagreements"] += 1
            self._trust.compared(self._instrument.id, agrees=False)
            self._subscriptions.again({"type": "l2Book", "coin": self._instrument.symbol}, now_ns)
