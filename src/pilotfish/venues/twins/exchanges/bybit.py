"""Bybit v5 for linear perpetuals on a unified account, as https://bybit-exchange.github.io/docs/v5/intro has it.

Placing, amending and cancelling are acknowledged by ids alone: what becomes of an order comes on the private stream. A
post-only order that would trade is taken, and cancelled. A client order id is never used twice.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import Tif
from pilotfish.venues.twins.exchanges import standing as cex_standing
from pilotfish.venues.twins.exchanges.bybit_words import NO, market_row, markets
from pilotfish.venues.twins.exchanges.records import (
    CexAccount,
    CexOrder,
    CexTrade,
    Refusal,
    money_text,
    rate_text,
)
from pilotfish.venues.twins.exchanges.wire import CexWire, Params, Signed, digest, levels, same
from pilotfish.venues.twins.faults import Fault, TwinFaults, TwinSettings
from pilotfish.venues.twins.port import Answer

SIDES = {Side.BUY: "Buy", Side.SELL: "Sell"}
TIFS = {"GTC": Tif.GTC, "IOC": Tif.IOC, "PostOnly": Tif.ALO}
_FORCE = {tif: word for word, tif in TIFS.items()}


class BybitTwin(CexWire):
    def __init__(
        self, faults: TwinFaults | None = None, settings: TwinSettings | None = None, start_ns: int = 0,
        *, walks: bool = False,
    ) -> None:  # fmt: skip
        self.streams, self._update = {}, 0
        self.public = {
            ("GET", "/v5/market/time"): lambda _: {"timeSecond": str(self.stamp_ms(self.now_ns) // 1_000)},
            ("GET", "/v5/market/instruments-info"): self._instruments,
            ("GET", "/v5/market/orderbook"): self._depth,
            ("GET", "/v5/market/funding/history"): self._rates,
        }
        self.private = {
            ("POST", "/v5/order/create"): lambda account, params: _ids(
                self.place(account, self._wanted(account, params))
            ),
            ("POST", "/v5/order/create-batch"): self._batch,
            ("POST", "/v5/order/amend"): self._amend,
            ("POST", "/v5/order/cancel"): lambda account, params: _ids(self.cancel(self._asked(account, params))),
            ("GET", "/v5/order/realtime"): self._realtime,
            ("GET", "/v5/order/history"): self._history,
            ("GET", "/v5/execution/list"): self._executions,
            ("GET", "/v5/position/list"): self._positions,
            ("GET", "/v5/account/wallet-balance"): self._wallet,
        }
        super().__init__(markets(), [600_000, 300_000], faults, settings, start_ns, walks=walks)
        self.add_routes(cex_standing.bybit(self))

    # HTTP.

    def authentic(self, request: Signed) -> CexAccount:
        headers = request.headers
        account = self.known(headers.get("x-bapi-api-key"))
        stamp, window = headers["x-bapi-timestamp"], headers.get("x-bapi-recv-window", "5000")
        text = request.body if request.method == "POST" else request.query
        if not same(
            digest(account.secret, f"{stamp}{account.key}{window}{text}").hex(), headers.get("x-bapi-sign", "")
        ):
            raise Refusal("signature")
        self.timely(int(stamp), int(window))
        return account

    def yes(self, result: object) -> Answer:
        more = result.pop("retExtInfo", {}) if isinstance(result, dict) else {}
        return self._say(200, 0, "OK", result, more)

    def no(self, kind: str) -> Answer:
        status, code, text = NO[kind]
        return self._say(status, code, text, {}, {})

    def _say(self, status: int, code: int, text: str, result: object, more: object) -> Answer:
        whole = {
            "retCode": code, "retMsg": text, "result": result, "retExtInfo": more, "time": self.stamp_ms(self.now_ns)
        }  # fmt: skip
        return Answer(status, msgspec.json.encode(whole))

    def _wanted(self, account: CexAccount, params: Params) -> CexOrder:
        market = self.markets[params["symbol"]]
        if params["orderType"] != "Limit":
            raise Refusal("malformed")
        side = Side.BUY if params["side"] == "Buy" else Side.SELL
        return CexOrder(
            0, params.get("orderLinkId", ""), account.number, market, side, market.lots(params["qty"]),
            market.instrument.price(params["price"]), TIFS[params.get("timeInForce", "GTC")],
            bool(params.get("reduceOnly")),
            self.now_ns, self.now_ns,
        )  # fmt: skip

    def _asked(self, account: CexAccount, params: Params) -> CexOrder:
        order = self.find(account, params.get("orderId"), params.get("orderLinkId"))
        if order is None or order.status != "open" or order.market.name != params["symbol"]:
            raise Refusal("unknown_cancel")
        return order

    def _amend(self, account: CexAccount, params: Params) -> object:
        order = self._asked(account, params)
        lots, price = order.market.lots(params["qty"]), order.market.instrument.price(params["price"])
        if (lots, price) == (order.lots, order.price):
            raise Refusal("no_change")
        return _ids(self.amend(order, lots, price))

    def _batch(self, account: CexAccount, params: Params) -> object:
        rows: list[Params] = []
        codes: list[Params] = []
        if len(params["request"]) > 10:
            raise Refusal("malformed")
        for one in params["request"]:
            named = {"category": "linear", "symbol": one["symbol"], "orderLinkId": one.get("orderLinkId", "")}
            try:
                if self.faults.hit(Fault.PARTIAL_BATCH):
                    raise Refusal("balance")
                order = self.place(account, self._wanted(account, one))
                rows.append(named | {"orderId": str(order.id), "createAt": str(self.stamp_ms(self.now_ns))})
                codes.append({"code": 0, "msg": "OK"})
            except Refusal as refusal:
                rows.append(named | {"orderId": "", "createAt": ""})
                codes.append({"code": NO[refusal.kind][1], "msg": NO[refusal.kind][2]})
        return {"list": rows, "retExtInfo": {"list": codes}}

    def _realtime(self, account: CexAccount, params: Params) -> object:
        """Open orders; by an id also what has ended lately."""
        if "orderId" in params or "orderLinkId" in params:
            return self._history(account, params)
        return {"list": [self._order(one) for one in self.open_orders(account, params.get("symbol"))]}

    def _history(self, account: CexAccount, params: Params) -> object:
        order = self.find(account, params.get("orderId"), params.get("orderLinkId"))
        return {"list": [self._order(order)] if order else [], "nextPageCursor": "", "category": "linear"}

    def _executions(self, account: CexAccount, params: Params) -> object:
        """The newest first."""
        if params.get("execType") == "Funding":
            return {"list": self._fundings(account, params), "nextPageCursor": "", "category": "linear"}
        trades = self.trades_of(
            account, params.get("symbol"), int(params.get("startTime", 0)), int(params.get("endTime", 2**62))
        )
        some = [one for one in reversed(trades) if params.get("orderId", str(one.order.id)) == str(one.order.id)]
        rows = [self._execution(one) for one in some[: int(params.get("limit", 50))]]
        return {"list": rows, "nextPageCursor": "", "category": "linear"}

    def _fundings(self, account: CexAccount, params: Params) -> list[Params]:
        """A fee that is positive when paid."""
        return [
            {
                "symbol": one.name, "orderId": f"funding{one.id}", "execId": f"f{one.id}", "execType": "Funding",
                "execFee": money_text(one.money), "feeRate": rate_text(one.rate_e6), "side": "Buy",
                "execPrice": self.markets[one.name].price_text(one.price), "execTime": str(self.stamp_ms(one.ns)),
                "markPrice": self.markets[one.name].price_text(one.price), "execQty": "0", "execValue": "0",
            }
            for one in reversed(self.fundings_of(account, params.get("symbol")))
        ]  # fmt: skip

    def _rates(self, params: Params) -> object:
        rows = [
            {
                "symbol": one.name,
                "fundingRate": rate_text(one.rate_e6),
                "fundingRateTimestamp": str(self.stamp_ms(one.ns)),
            }
            for one in reversed(self.fundings)
            if one.name == params["symbol"]
        ]
        return {"category": "linear", "list": rows}

    def _positions(self, account: CexAccount, params: Params) -> object:
        rows = [
            {
                "positionIdx": int(account.rights.hedged), "symbol": name,
                "side": "Buy" if lots > 0 else "Sell" if lots else "",
                "size": self.markets[name].amount(abs(lots)),
                "avgPrice": self.markets[name].price_text(self.marks[name]),
                "positionValue": "0", "tradeMode": 0, "leverage": "10", "markPrice": "0", "liqPrice": "",
                "unrealisedPnl": "0", "updatedTime": str(self.stamp_ms(self.now_ns)),
            }
            for name in self.markets
            if (lots := account.positions.get(name, 0)) or params.get("symbol") == name
        ]  # fmt: skip
        return {"list": rows, "nextPageCursor": "", "category": "linear"}

    def _wallet(self, account: CexAccount, params: Params) -> object:
        money = money_text(account.money)
        coin = {"coin": "USDT", "walletBalance": money, "equity": money, "locked": "0", "availableToWithdraw": money}
        return {"list": [{"accountType": "UNIFIED", "totalEquity": money, "coin": [coin]}]}

    def _instruments(self, params: Params) -> object:
        if params.get("status") == "PreLaunch":
            return {"category": "linear", "list": [], "nextPageCursor": ""}
        return {"category": "linear", "list": [market_row(one) for one in self.markets.values()], "nextPageCursor": ""}

    def _depth(self, params: Params) -> object:
        market, limit = self.markets[params["symbol"]], int(params["limit"])
        sides = {name: levels(market, self.books[market.name], side)[:limit] for name, side in _BOOK.items()}
        return {"s": market.name, **sides, "ts": self.stamp_ms(self.now_ns), "u": self._update, "seq": self._update}

    # Streams.

    def frame(self, stream: int, raw: bytes, now_ns: int) -> None:
        self.advance(now_ns)
        try:
            message: Any = msgspec.json.decode(raw)
            op, args, number = message["op"], list(message.get("args", [])), message.get("req_id", "")
        except (msgspec.DecodeError, KeyError, TypeError):
            return self.push(stream, {"success": False, "ret_msg": "Invalid JSON", "op": ""})
        state = self.streams[stream]
        said = {"success": True, "ret_msg": "", "conn_id": f"c{stream}", "req_id": number, "op": op}
        if op == "ping":
            return self.push(stream, said | {"ret_msg": "pong"})
        if op == "auth":
            account = self.accounts.get(str(args[0]))
            ok = account is not None and same(digest(account.secret, f"GET/realtime{args[1]}").hex(), str(args[2]))
            ok = ok and int(args[1]) > self.stamp_ms(self.now_ns) and not self.strikes(Fault.AUTH)
            state["account"] = account if ok else None
            return self.push(stream, said if ok else said | {"success": False, "ret_msg": "Params Error"})
        private = "private" in state["path"]
        if private and state["account"] is None:
            return self.push(stream, said | {"success": False, "ret_msg": "Request not authorized"})
        state["topics"] |= set(args)
        self.push(stream, said)
        for topic in args if not private else ():
            kind, _, name = topic.rpartition(".")
            if name in self.markets:
                self.push(stream, self._top(name) if kind == "orderbook.1" else self._ticker(name))
        return None

    def showed(self, name: str) -> None:
        if not self.lasts(Fault.FROZEN):
            self._update += 1
            self.publish(f"orderbook.1.{name}", self._top(name))

    def marked(self, name: str) -> None:
        if not self.lasts(Fault.FROZEN):
            self.publish(f"tickers.{name}", self._ticker(name))

    def said(self, order: CexOrder, trade: CexTrade | None) -> None:
        if trade is not None:
            self.tell(order.owner, self._topic("execution", self._execution(trade)), "execution")
        self.tell(order.owner, self._topic("order", self._order(order)), "order")

    def _topic(self, topic: str, row: Params) -> Params:
        return {
            "topic": topic,
            "id": f"{topic}{row['orderId']}",
            "creationTime": self.stamp_ms(self.now_ns),
            "data": [row],
        }

    def _top(self, name: str) -> Params:
        market, (bid, bid_lots, ask, ask_lots) = self.markets[name], self.top(name)
        data = {
            "s": name, "u": self._update, "seq": self._update,
            "b": [[market.price_text(bid), market.amount(bid_lots)]] if bid else [],
            "a": [[market.price_text(ask), market.amount(ask_lots)]] if ask else [],
        }  # fmt: skip
        return {"topic": f"orderbook.1.{name}", "type": "snapshot", "ts": self.stamp_ms(self.now_ns), "data": data}

    def _ticker(self, name: str) -> Params:
        price = self.markets[name].price_text(self.marks[name])
        data = {"symbol": name, "lastPrice": price, "markPrice": price, "indexPrice": price, "fundingRate": "0.0001"}
        return {"topic": f"tickers.{name}", "type": "snapshot", "data": data, "ts": self.stamp_ms(self.now_ns)}

    def _order(self, order: CexOrder) -> Params:
        market, part = order.market, order.filled > 0
        status = {
            "open": "PartiallyFilled" if part else "New", "filled": "Filled",
            "cancelled": "PartiallyFilledCanceled" if part else "Cancelled",
            "expired": "PartiallyFilledCanceled" if part else "Cancelled",
        }[order.status]  # fmt: skip
        left = order.lots - order.filled if order.status == "open" else 0
        return {
            "category": "linear", "symbol": market.name, "orderId": str(order.id), "orderLinkId": order.client,
            "side": SIDES[Side(order.side)], "orderType": "Limit", "cancelType": "UNKNOWN", "positionIdx": 0,
            "price": market.price_text(order.price), "qty": market.amount(order.lots), "timeInForce": _FORCE[order.tif],
            "orderStatus": status, "reduceOnly": order.reduce_only, "leavesQty": market.amount(left),
            "cumExecQty": market.amount(order.filled), "avgPrice": order.average if part else "",
            "cumExecValue": money_text(order.market.instrument.notional_floor(1, order.raw)),
            "cumExecFee": money_text(order.fee), "rejectReason": "EC_NoError", "tpslMode": "UNKNOWN",
            "createdTime": str(self.stamp_ms(order.created_ns)), "updatedTime": str(self.stamp_ms(order.updated_ns)),
        }  # fmt: skip

    def _execution(self, trade: CexTrade) -> Params:
        order, market = trade.order, trade.order.market
        return {
            "category": "linear", "symbol": market.name, "orderId": str(order.id), "orderLinkId": order.client,
            "side": SIDES[Side(order.side)], "execId": f"0ab1bdf7-4219-438b-b30a-{trade.id:012x}",
            "execPrice": market.price_text(trade.price), "execQty": market.amount(trade.lots), "execType": "Trade",
            "execValue": money_text(market.instrument.notional_floor(trade.lots, trade.price)),
            "execFee": money_text(trade.fee), "execTime": str(self.stamp_ms(trade.ns)), "isMaker": trade.maker,
            "orderPrice": market.price_text(order.price), "orderQty": market.amount(order.lots), "feeRate": "0.00055",
            "orderType": "Limit", "createType": "CreateByUser", "seq": trade.id,
        }  # fmt: skip


_BOOK = {"b": Side.BUY, "a": Side.SELL}


def _ids(order: CexOrder) -> Params:
    return {"orderId": str(order.id), "orderLinkId": order.client}
