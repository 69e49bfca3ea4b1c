"""Tokens that leads trade and we do not know: looked up, listed under the next ids, and told.

Gamma tells a market by one of its tokens: https://docs.polymarket.com/api-reference/markets/list-markets
"""

from __future__ import annotations

from collections.abc import Callable

from pilotfish.domain.events import InstrumentListed
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.polymarket.link import Answer, Kind, Link, Request
from pilotfish.venues.polymarket.public.listing import Listing
from pilotfish.venues.polymarket.settings import MINUTE, SECOND
from pilotfish.venues.polymarket.wire.assets import of_gamma
from pilotfish.venues.polymarket.wire.codec import GAMMA_MARKETS

_AGAIN_NS = 10 * SECOND
_NEVER_MIND_NS = 10 * MINUTE  # for a token that Gamma does not know, or that has no order book


class Discovery:
    """`found(token, now_ns)`: it is listed from now on."""

    def __init__(self, link: Link, listing: Listing, found: Callable[[str, int], None]) -> None:
        self._link, self._listing, self._found = link, listing, found
        self._asked: dict[str, int] = {}  # token → not before

    def want(self, token: str, now_ns: int) -> None:
        if self._listing.of_token(token) is None and self._asked.get(token, 0) <= now_ns:
            self._asked[token] = now_ns + _AGAIN_NS
            query: dict[str, str | int] = {"clob_token_ids": token}
            request = Request("GET", self._link.settings.gamma_url, "/markets", Kind.OTHER, query)
            self._link.ask(request, now_ns, lambda answer, then_ns: self._answered(token, answer, then_ns))

    def tick(self, now_ns: int) -> None:
        """What could not be looked up is looked up again."""
        for token, due_ns in list(self._asked.items()):
            if self._listing.of_token(token) is not None:
                del self._asked[token]
            elif due_ns <= now_ns:
                self.want(token, now_ns)

    def next_ns(self) -> int | None:
        return min(self._asked.values(), default=None)

    def _answered(self, token: str, answer: Answer | None, now_ns: int) -> None:
        if answer is None or not answer.ok:
            return
        try:
            markets = [of_gamma(one) for one in GAMMA_MARKETS.decode(answer.body)]
        except MessageRefused:
            self._asked[token] = now_ns + _NEVER_MIND_NS
            return self._link.set_aside("market")
        market = next((one for one in markets if token in dict(one.tokens)), None)
        if market is None or self._listing.of_token(token) is not None:
            self._asked[token] = now_ns + _NEVER_MIND_NS
            return
        for one in self._listing.add(market):
            self._link.counts["instruments listed"] += 1
            self._link.told.append(InstrumentListed(now_ns, now_ns, one.instrument))
            self._found(one.token, now_ns)
