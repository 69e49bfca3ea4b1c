"""POST /info about markets. Accounts are in `info_user`.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pilotfish.venues.twins.hyperliquid.core import Core
from pilotfish.venues.twins.hyperliquid.info_user import UserInfo
from pilotfish.venues.twins.hyperliquid.limits import Limits
from pilotfish.venues.twins.hyperliquid.market import INTERVALS, Market
from pilotfish.venues.twins.hyperliquid.text import num, ratio
from pilotfish.venues.twins.hyperliquid.wallets import Wallets
from pilotfish.venues.twins.hyperliquid.wanted import UNREADABLE, Unreadable, span, want

Request = dict[str, Any]
CANDLES_MAX = 5_000
_FIGURES = (None, 2, 3, 4, 5)


class Info:
    """`answer` gives what encodes to the body. Raises Unreadable, which is HTTP 422."""

    def __init__(self, core: Core, wallets: Wallets, limits: Limits) -> None:
        self.core = core
        users = UserInfo(core, wallets, limits)
        self._answers: dict[str, Callable[[Request], Any]] = {
            "meta": self._own(lambda: core.settings.meta),
            "allPerpMetas": lambda _: [core.settings.meta],
            "perpDexs": lambda _: [None],
            "metaAndAssetCtxs": self._own(self._contexts),
            "spotMeta": lambda _: core.settings.spot_meta,
            "spotMetaAndAssetCtxs": lambda _: [core.settings.spot_meta, []],
            "allMids": self._own(self.mids),
            "exchangeStatus": lambda _: {"time": core.ms, "specialStatuses": None},
            "l2Book": self._book,
            "recentTrades": lambda r: list(self.market(r).recent),
            "candleSnapshot": self._candles,
            "fundingHistory": self._fundings,
            "predictedFundings": lambda _: [],
            **users.answers,
        }

    def answer(self, request: Any) -> Any:
        kind = want(request, "type", str)
        if kind not in self._answers:
            raise Unreadable(UNREADABLE)
        return self._answers[kind](request)

    def market(self, request: Any) -> Market:
        market = self.core.by_coin.get(want(request, "coin", str))
        if market is None:
            raise Unreadable(UNREADABLE)
        return market

    def mids(self) -> dict[str, str]:
        mids: dict[str, str] = {}
        for market in self.core.by_coin.values():
            bid, _, ask, _ = market.book.best()
            decimals = market.instrument.price_decimals
            total = bid + ask if bid and ask else 2 * market.mark
            mids[market.coin] = ratio(total, 2 * 10**decimals, decimals + 1)
        return mids

    def figures(self, request: Request) -> tuple[int | None, int | None]:
        """How a book is to be grouped: significant figures, and with five of them a mantissa."""
        figures, mantissa = request.get("nSigFigs"), request.get("mantissa")
        if figures not in _FIGURES or mantissa not in (None, 1, 2, 5) or (mantissa and figures != 5):
            raise Unreadable(UNREADABLE)
        return figures, mantissa

    def _own(self, answer: Callable[[], Any]) -> Callable[[Request], Any]:
        """Only of the venue's own exchange: builders' there are none."""

        def checked(request: Request) -> Any:
            if request.get("dex"):
                raise Unreadable(UNREADABLE)
            return answer()

        return checked

    def _contexts(self) -> list[Any]:
        rate = self.core.settings.funding_rate_e9
        return [self.core.settings.meta, [market.context(rate) for market in self.core.markets.values()]]

    def _book(self, request: Request) -> Any:
        return self.market(request).snapshot(self.core.ms, *self.figures(request))

    def _candles(self, request: Request) -> Any:
        asked = want(request, "req", dict)
        market, interval = self.market(asked), want(asked, "interval", str)
        start, end = span(asked, self.core.ms)
        if interval not in INTERVALS:
            raise Unreadable(UNREADABLE)
        return market.candles(interval, start, end)[-CANDLES_MAX:]

    def _fundings(self, request: Request) -> Any:
        market, rate = self.market(request), num(self.core.settings.funding_rate_e9, 9)
        start, end = span(request, self.core.ms)
        return [
            {"coin": market.coin, "fundingRate": rate, "premium": "0.0", "time": ms}
            for ms in self.core.funded_ms
            if start <= ms <= end
        ]
