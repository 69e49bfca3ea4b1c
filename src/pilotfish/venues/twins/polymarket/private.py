"""What only the holder of an API key may ask: orders, cancels, what they became, balances, heartbeats."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pilotfish.venues.twins.faults import Fault
from pilotfish.venues.twins.polymarket.accounts import ApiKey, Refused
from pilotfish.venues.twins.polymarket.wallets import EXCHANGES

if TYPE_CHECKING:
    from pilotfish.venues.twins.polymarket.twin import PolymarketTwin

SECOND = 1_000_000_000
END = "LTE="
BATCH = 15
CANCELS = 3000
Query = dict[str, str]
_ORDER_ID = re.compile(r"0x[0-9a-fA-F]{64}")


class Private:
    """`paths`: (method, path) → what answers it. A tuple is a status and a body."""

    def __init__(self, twin: PolymarketTwin) -> None:
        self._twin = twin
        self.paths: dict[tuple[str, str], Callable[[ApiKey, Query, bytes], Any]] = {
            ("GET", "/auth/api-keys"): lambda key, q, b: {"apiKeys": twin.accounts.keys_of(key.owner)},
            ("DELETE", "/auth/api-key"): self._forget,
            ("GET", "/auth/ban-status/closed-only"): lambda key, q, b: {"closed_only": False},
            ("POST", "/order"): self._post_order,
            ("POST", "/orders"): self._post_orders,
            ("DELETE", "/order"): self._cancel_order,
            ("DELETE", "/orders"): self._cancel_orders,
            ("DELETE", "/cancel-all"): lambda key, q, b: self._cancel(key, None),
            ("DELETE", "/cancel-market-orders"): self._cancel_market,
            ("GET", "/data/orders"): self._orders,
            ("GET", "/data/trades"): self._trades,
            ("GET", "/balance-allowance"): self._balance,
            ("GET", "/balance-allowance/update"): lambda key, q, b: "",
            ("GET", "/notifications"): lambda key, q, b: [],
            ("POST", "/v1/heartbeats"): self._heartbeat,
        }

    def cost(self, path: str, key: ApiKey, body: bytes) -> int:
        """Order tokens."""
        if path == "/cancel-all":
            return 1 + len(self._twin.desk.live_of(key.owner))
        said = msgspec.json.decode(body) if body else None
        return max(1, len(said)) if isinstance(said, list) else 1

    def _forget(self, key: ApiKey, query: Query, body: bytes) -> Any:
        self._twin.accounts.delete(key)
        return "OK"

    def _heartbeat(self, key: ApiKey, query: Query, body: bytes) -> Any:
        twin, said = self._twin, msgspec.json.decode(body, type=dict[str, str])
        if twin.faults.hit(Fault.HEARTBEAT):
            twin.heartbeat_missed(key)
        return twin.heartbeats.beat(key, said.get("heartbeat_id", ""), twin.agenda.now_ns)

    def _post_order(self, key: ApiKey, query: Query, body: bytes) -> Any:
        return self._twin.desk.place(msgspec.json.decode(body), key)

    def _post_orders(self, key: ApiKey, query: Query, body: bytes) -> Any:
        bodies = msgspec.json.decode(body, type=list[Any])
        if len(bodies) > BATCH:
            raise Refused(400, f"Too many orders in payload: {len(bodies)}, max allowed: {BATCH}")
        return [self._one_of(each, key) for each in bodies]

    def _one_of(self, body: Any, key: ApiKey) -> dict[str, Any]:
        """In a batch a refusal is a success with words and without an id."""
        try:
            if self._twin.faults.hit(Fault.PARTIAL_BATCH):
                raise Refused(400, "the market is not yet ready to process new orders")
            return self._twin.desk.place(body, key)
        except Refused as no:
            none = {"orderID": "", "takingAmount": "", "makingAmount": "", "status": "", "success": True}
            return {"errorMsg": no.words, **none, "transactionsHashes": [], "tradeIDs": []}

    def _cancel_order(self, key: ApiKey, query: Query, body: bytes) -> Any:
        return self._cancel(key, [msgspec.json.decode(body, type=dict[str, str]).get("orderID", "")])

    def _cancel_orders(self, key: ApiKey, query: Query, body: bytes) -> Any:
        ids = msgspec.json.decode(body, type=list[str])
        if len(ids) > CANCELS:
            raise Refused(400, f"Too many orders in payload, max allowed: {CANCELS}")
        return self._cancel(key, ids)

    def _cancel_market(self, key: ApiKey, query: Query, body: bytes) -> Any:
        said = msgspec.json.decode(body, type=dict[str, str])
        market, token = said.get("market", ""), said.get("asset_id", "")
        if not market and not token:
            raise Refused(400, "Invalid order payload")
        live = self._twin.desk.live_of(key.owner)
        fits = [o for o in live if market in ("", o.market.listed.condition) and token in ("", o.token)]
        return self._cancel(key, [order.id for order in fits])

    def _cancel(self, key: ApiKey, ids: Sequence[str] | None) -> Any:
        desk = self._twin.desk
        if ids is None:
            ids = [order.id for order in desk.live_of(key.owner)]
        if any(_ORDER_ID.fullmatch(order_id) is None for order_id in ids):
            raise Refused(400, "Invalid orderID")
        return desk.cancel_ids(ids, key)

    def order(self, key: ApiKey, order_id: str) -> Any:
        if _ORDER_ID.fullmatch(order_id) is None:
            raise Refused(400, "Invalid orderID")
        order = self._twin.desk.orders.get(order_id)
        if order is None or order.account.owner != key.owner:
            raise Refused(404, "order not found")
        return order.shown()

    def _orders(self, key: ApiKey, query: Query, body: bytes) -> Any:
        rows = [
            order.shown() for order in self._twin.desk.live_of(key.owner)
            if query.get("id", order.id) == order.id
            and query.get("market", order.market.listed.condition) == order.market.listed.condition
            and query.get("asset_id", order.token) == order.token
        ]  # fmt: skip
        return self._paged(rows, query)

    def _trades(self, key: ApiKey, query: Query, body: bytes) -> Any:
        after, before = int(query.get("after") or 0), int(query.get("before") or 2**62)
        rows = []
        for trade in reversed(self._twin.settlements.trades.values()):
            mine = [a for a in trade.accounts if a.owner == key.owner]
            rows += [
                trade.shown(account) for account in mine
                if query.get("id", trade.id) == trade.id
                and query.get("market", trade.market.listed.condition) == trade.market.listed.condition
                and query.get("asset_id", "") in ("", *(trade.market.listed.tokens[p.outcome] for p in trade.parts))
                and query.get("maker_address", account.wallet).lower() == account.wallet.lower()
                and after <= trade.matched_ns // SECOND <= before
            ]  # fmt: skip
        return self._paged(rows, query)

    def _paged(self, rows: list[dict[str, Any]], query: Query) -> dict[str, Any]:
        cursor, size = query.get("next_cursor", ""), self._twin.terms.page
        first = int(base64.b64decode(cursor)) if cursor and cursor != END else 0
        page = rows[first : first + size] if cursor != END else []
        more = first + size < len(rows)
        following = base64.b64encode(str(first + size).encode()).decode() if more else END
        return {"data": page, "next_cursor": following, "limit": size, "count": len(page)}

    def _balance(self, key: ApiKey, query: Query, body: bytes) -> Any:
        kind, token = query.get("asset_type", ""), query.get("token_id", "")
        if kind not in ("COLLATERAL", "CONDITIONAL", "CONDITIONAL-V2"):
            raise Refused(400, "Invalid asset type")
        account = self._twin.accounts.of_owner(key.owner, int(query.get("signature_type", "0")))
        if account is None:
            raise Refused(400, "Invalid signature_type")
        balance = account.money if kind == "COLLATERAL" else account.tokens[token]
        most = 2**256 - 1
        allowed = {spender: str(most if account.allowances.get(spender, True) else 0) for spender in EXCHANGES}
        return {"balance": str(balance), "allowances": allowed}
