"""Markets that are decided: the winner's token pays one unit of the quote, the other nothing. Told once for each.

The market stream says so when it happens. What it said while we did not hear is asked for: after every reconnection,
now and then anyway, and when a lead redeems; one market after the other. A market that was decided without a winner
(both halves paid) is counted and left to the operator: what it pays is not said here.
https://docs.polymarket.com/market-data/websocket/market-channel and …/api-reference (GET /markets/{condition id})
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pilotfish.domain.events import InstrumentSettled
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.polymarket.link import Answer, Kind, Link, Request
from pilotfish.venues.polymarket.public.listing import Listing
from pilotfish.venues.polymarket.settings import MINUTE
from pilotfish.venues.polymarket.wire.assets import ONE
from pilotfish.venues.polymarket.wire.codec import CLOB_MARKET

_SWEEP_NS = 10 * MINUTE
_AGAIN_NS = MINUTE  # after an answer that did not come


class Resolutions:
    """`watched()`: the instruments whose markets matter. `over(instrument, now_ns)`: it was told as settled."""

    def __init__(self, link: Link, listing: Listing, watched: Callable[[], Iterable[int]]) -> None:
        self._link, self._listing, self._watched = link, listing, watched
        self.over: Callable[[int, int], None] = lambda instrument, now_ns: None
        self.winners: dict[str, str] = {}  # condition → token
        self.settled: set[int] = set()
        self._line: dict[str, None] = {}  # conditions to be asked for
        self._asking = ""
        self._sweep_ns = 0

    def sweep(self, now_ns: int) -> None:
        """Something may have been missed: ask for every market that is not decided."""
        self._sweep_ns = now_ns + _SWEEP_NS
        listed = [one for key in self._watched() if (one := self._listing.get(key)) is not None]
        for condition in dict.fromkeys(one.condition for one in listed):
            self.want(condition, now_ns)

    def want(self, condition: str, now_ns: int) -> None:
        known = any(one.condition == condition for one in self._listing)
        if known and condition not in self.winners and condition != self._asking:
            self._line[condition] = None
            self._ask(now_ns)

    def told(self, condition: str, winner: str, venue_ns: int, now_ns: int) -> None:
        """By the stream, which may leave out the winner."""
        if winner:
            self.decided(condition, winner, venue_ns, now_ns)
        else:
            self.want(condition, now_ns)

    def tick(self, now_ns: int) -> None:
        if now_ns >= self._sweep_ns:
            self.sweep(now_ns)

    def next_ns(self) -> int | None:
        return self._sweep_ns

    def decided(self, condition: str, winner: str, venue_ns: int, now_ns: int) -> None:
        """Tell both tokens of the market, unless they were told before."""
        if self.winners.setdefault(condition, winner) != winner:
            return self._link.set_aside("another winner")
        for one in [one for one in self._listing if one.condition == condition]:
            key = one.instrument.id
            if key in self.settled:
                continue
            if winner not in (one.token, one.opposite):
                self._link.set_aside("winner of another market")
                continue
            self.settled.add(key)
            price = ONE if one.token == winner else 0
            self._link.told.append(InstrumentSettled(venue_ns, now_ns, key, price))
            self.over(key, now_ns)

    def _ask(self, now_ns: int) -> None:
        if self._asking or not self._line:
            return
        self._asking = condition = next(iter(self._line))
        del self._line[condition]
        request = Request("GET", self._link.settings.clob_url, f"/markets/{condition}", Kind.OTHER)

        def answered(answer: Answer | None, then_ns: int) -> None:
            self._asking = ""
            if answer is None or not answer.ok:
                self._sweep_ns = min(self._sweep_ns, then_ns + _AGAIN_NS)
            else:
                self._read(condition, answer.body, then_ns)
            self._ask(then_ns)

        self._link.ask(request, now_ns, answered)

    def _read(self, condition: str, body: bytes, now_ns: int) -> None:
        try:
            market = CLOB_MARKET.decode(body)
        except MessageRefused:
            return self._link.set_aside("market by REST")
        if market.condition_id != condition or not market.closed:
            return
        winners = [token.token_id for token in market.tokens or () if token.winner is True]
        if len(winners) == 1:
            self.decided(condition, winners[0], self._link.venue_ns(now_ns), now_ns)
        else:
            self._link.counts["closed markets without a winner"] += 1
