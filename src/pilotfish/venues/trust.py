"""The composite proof that an instrument's market data may be acted on, the same for every live venue.

Age alone halts quiet books falsely; a live connection alone misses a frozen feed. So: connected, subscribed, a whole
book since the gap, and either a fresh stamp of the venue or a probe that was answered since, no crossed book, no
second source that disagrees, and clocks that can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilotfish.domain.doubt import Doubt

SECOND = 1_000_000_000
NEVER = -(2**62)


class TrustTerms(msgspec.Struct, frozen=True):
    """ns. A book whose last message is older than `quiet_ns` needs an answered probe younger than `probe_ns`."""

    quiet_ns: int = 3 * SECOND
    probe_ns: int = 10 * SECOND
    skew_ns: int = 2 * SECOND


class _Feed(msgspec.Struct):
    subscribed: bool = False
    whole: bool = False
    crossed: bool = False
    disagrees: bool = False
    seen_ns: int = NEVER
    said: Doubt | None = None


class Trust:
    """One venue's instruments. What happened is told by the methods; `changes(now)` says whose verdict is new."""

    def __init__(self, terms: TrustTerms | None = None) -> None:
        self.terms = terms or TrustTerms()
        self._feeds: dict[int, _Feed] = {}
        self._connected = False
        self._probed_ns = NEVER
        self._skewed = False

    def watch(self, instrument: int) -> None:
        """Begin to judge an instrument; until its first book it is not trusted."""
        self._feeds.setdefault(instrument, _Feed())

    def watched(self, instrument: int) -> bool:
        return instrument in self._feeds

    def connected(self) -> None:
        """A new stream: nothing that was known before the gap holds any more."""
        self._connected = True
        self._forget()

    def lost(self) -> None:
        self._connected = False
        self._forget()

    def subscribed(self, instrument: int) -> None:
        self._feed(instrument).subscribed = True

    def unsubscribed(self, instrument: int) -> None:
        """The venue refused or ended the subscription."""
        feed = self._feed(instrument)
        feed.subscribed = feed.whole = False

    def book(self, instrument: int, bid: int, ask: int, venue_ns: int, now_ns: int, *, whole: bool) -> None:
        """A book, or with `whole` False a change of one, as it stands now; a side without orders is 0."""
        feed = self._feed(instrument)
        feed.whole = feed.whole or whole
        feed.crossed = bid >= ask > 0
        feed.seen_ns = max(feed.seen_ns, min(venue_ns, now_ns))

    def probed(self, now_ns: int) -> None:
        """The venue answered on the same stream: what it has not told has not changed."""
        self._probed_ns = max(self._probed_ns, now_ns)

    def compared(self, instrument: int, *, agrees: bool) -> None:
        """A second source was asked: the book's hash, or its top by REST. A new whole book ends the doubt."""
        feed = self._feed(instrument)
        feed.disagrees = not agrees
        feed.whole = feed.whole and agrees

    def clock(self, offset_ns: int) -> None:
        """The venue's clock less ours, as measured."""
        self._skewed = abs(offset_ns) > self.terms.skew_ns

    def doubt(self, instrument: int, now_ns: int) -> Doubt:
        """What speaks against acting on this instrument now; NONE where the proof holds."""
        feed = self._feeds.get(instrument)
        if feed is None:
            return Doubt.UNSUBSCRIBED
        doubt = Doubt.NONE if self._connected else Doubt.DISCONNECTED
        if not feed.subscribed:
            doubt |= Doubt.UNSUBSCRIBED
        if not feed.whole:
            doubt |= Doubt.NO_SNAPSHOT
        if feed.crossed:
            doubt |= Doubt.CROSSED
        if feed.disagrees:
            doubt |= Doubt.DISAGREES
        if now_ns - feed.seen_ns > self.terms.quiet_ns and now_ns - self._probed_ns > self.terms.probe_ns:
            doubt |= Doubt.SILENT
        return doubt | Doubt.SKEWED if self._skewed else doubt

    def changes(self, now_ns: int) -> Iterator[tuple[int, Doubt]]:
        """Instruments whose verdict is not the one that was handed out last."""
        for instrument, feed in self._feeds.items():
            doubt = self.doubt(instrument, now_ns)
            if doubt is not feed.said and doubt != feed.said:
                feed.said = doubt
                yield instrument, doubt

    def needs_probe(self, now_ns: int) -> bool:
        """Whether a quiet book hangs on a probe that is about to be too old."""
        if not self._connected or now_ns - self._probed_ns <= self.terms.probe_ns // 2:
            return False
        return any(now_ns - feed.seen_ns > self.terms.quiet_ns // 2 for feed in self._feeds.values())

    def _feed(self, instrument: int) -> _Feed:
        return self._feeds.setdefault(instrument, _Feed())

    def _forget(self) -> None:
        self._probed_ns = NEVER
        for feed in self._feeds.values():
            feed.subscribed = feed.whole = feed.crossed = feed.disagrees = False
            feed.seen_ns = NEVER
