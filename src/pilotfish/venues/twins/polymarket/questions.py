"""What anybody may ask, path by path; what is said is made in `public`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pilotfish.venues.twins.polymarket import public
from pilotfish.venues.twins.polymarket.accounts import Refused
from pilotfish.venues.twins.polymarket.markets import ONE, TwinMarket
from pilotfish.venues.twins.polymarket.records import priced

if TYPE_CHECKING:
    from pilotfish.venues.twins.polymarket.twin import PolymarketTwin

SECOND = 1_000_000_000
PAGE = 100
PAGE_MAX = 500


class Question:
    """One question. `pairs` is the query, in which gamma's names may be repeated."""

    def __init__(self, twin: PolymarketTwin, pairs: list[tuple[str, str]]) -> None:
        query = dict(pairs)
        self._twin, self._pairs, self._query = twin, pairs, query
        self._token, self._user = query.get("token_id", ""), query.get("user", "")
        self.plain: dict[str, Callable[[], Any]] = {**self._clob(), **self._data()}
        self.named: dict[str, Callable[[str], Any]] = {
            "/markets": self._long,
            "/markets/slug": lambda slug: self._found([m for m in self._gamma_all() if m["slug"] == slug]),
            "/clob-markets": lambda name: public.clob_market(public.by_condition(twin.streams.markets, name)),
            "/markets-by-token": self._by_token,
        }

    def _clob(self) -> dict[str, Callable[[], Any]]:
        twin, query = self._twin, self._query
        return {
            "/": lambda: "OK",
            "/ok": lambda: "OK",
            "/time": lambda: twin.clock_ns() // SECOND,
            "/book": lambda: self._book(self._token),
            "/tick-size": lambda: {"minimum_tick_size": self._market().tick / ONE},
            "/neg-risk": lambda: {"neg_risk": self._market().listed.neg_risk},
            "/fee-rate": lambda: {"base_fee": self._market().listed.fee_rate // 100},
            "/midpoint": lambda: {"mid": public.middle(twin.streams, self._token)},
            "/price": lambda: {"price": priced(public.quote(twin.streams, self._token, query.get("side", "")))},
            "/spread": lambda: {"spread": self._spread(self._token)},
            "/last-trade-price": lambda: self._last(self._token),
        }

    def _data(self) -> dict[str, Callable[[], Any]]:
        """Of gamma, the data API and the relayer."""
        people, now, query, user = self._twin.people, self._twin.agenda.now_ns, self._query, self._user
        wallet = self._twin.accounts.wallet
        return {
            "/markets": self._gamma,
            "/markets/keyset": lambda: {"markets": self._gamma(), "next_cursor": None},
            "/trades": lambda: self._slice(public.trades(people, query, now, snake=False)),
            "/activity": lambda: self._slice(public.activity(people, query, now, snake=False)),
            "/positions": lambda: self._slice(public.positions(people, user, now, snake=False)),
            "/value": lambda: [{"user": user, "value": public.value(people, user, now)}],
            "/v2/trades": lambda: self._envelope(public.trades(people, query, now, snake=True)),
            "/v2/activity": lambda: self._envelope(public.activity(people, query, now, snake=True)),
            "/v2/positions": lambda: self._envelope(public.positions(people, user, now, snake=True)),
            "/v2/value": lambda: {"data": {"proxy_wallet": user, "value": public.value(people, user, now)}},
            "/deployed": lambda: {"deployed": wallet(query.get("address", "")) is not None},
        }

    def many(self, path: str, asked: list[dict[str, str]]) -> Any:
        """The same of several tokens."""
        streams, tokens = self._twin.streams, [each.get("token_id", "") for each in asked]
        if path == "/books":
            return [self._book(token) for token in tokens]
        if path == "/midpoints":
            return {token: public.middle(streams, token) for token in tokens}
        if path == "/spreads":
            return {token: self._spread(token) for token in tokens}
        if path == "/last-trades-prices":
            return [{"token_id": token, **self._last(token)} for token in tokens]
        if path == "/prices":
            said: dict[str, dict[str, str]] = {}
            for each, token in zip(asked, tokens, strict=True):
                side = each.get("side", "")
                said.setdefault(token, {})[side] = priced(public.quote(streams, token, side))
            return said
        raise Refused(404, "not found")

    def _market(self) -> TwinMarket:
        return public.market_of(self._twin.streams.markets, self._token)[0]

    def _book(self, token: str) -> dict[str, Any]:
        public.market_of(self._twin.streams.markets, token)
        return {name: value for name, value in self._twin.streams.book(token).items() if name != "event_type"}

    def _spread(self, token: str) -> str:
        streams = self._twin.streams
        return priced(public.quote(streams, token, "SELL") - public.quote(streams, token, "BUY"))

    def _last(self, token: str) -> dict[str, str]:
        market, outcome = public.market_of(self._twin.streams.markets, token)
        if not market.last_price:
            return {"price": "0.5", "side": ""}
        side = -market.last_side if outcome else market.last_side
        return {"price": priced(market.price(outcome)), "side": "BUY" if side > 0 else "SELL"}

    def _gamma_all(self) -> list[dict[str, Any]]:
        return [public.gamma_market(market) for market in self._twin.markets]

    def _gamma(self) -> list[dict[str, Any]]:
        asked, rows = self._pairs, self._gamma_all()
        for name, column in (("condition_ids", "conditionId"), ("slug", "slug"), ("id", "id")):
            if wanted := {value for key, value in asked if key == name}:
                rows = [row for row in rows if row[column] in wanted]
        if tokens := {value for key, value in asked if key == "clob_token_ids"}:
            rows = [row for row in rows if any(token in row["clobTokenIds"] for token in tokens)]
        if closed := self._query.get("closed"):
            rows = [row for row in rows if row["closed"] is (closed.lower() == "true")]
        return self._slice(rows)

    def _long(self, name: str) -> Any:
        if name.startswith("0x"):
            return public.long_market(public.by_condition(self._twin.streams.markets, name))
        return self._found([market for market in self._gamma_all() if market["id"] == name])

    def _found(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        if not rows:
            raise Refused(404, "market not found")
        return rows[0]

    def _by_token(self, token: str) -> dict[str, Any]:
        market = self._twin.streams.markets.get(token)
        if market is None:
            raise Refused(404, "market not found")
        yes, no = market.listed.tokens
        return {"condition_id": market.listed.condition, "primary_token_id": yes, "secondary_token_id": no}

    def _slice(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        first = int(self._query.get("offset") or 0)
        return rows[first : first + min(int(self._query.get("limit") or PAGE), PAGE_MAX)]

    def _envelope(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        first, size = int(self._query.get("cursor") or 0), int(self._query.get("limit") or PAGE)
        more = first + size < len(rows)
        return {
            "data": rows[first : first + size],
            "pagination": {"has_more": more, "next_cursor": str(first + size) if more else None},
        }
