"""Binance USDⓈ-M futures, as https://developers.binance.com/docs/derivatives/usds-margined-futures has it.

What ccxt asks of it; the streams bookTicker, markPrice and the user's. A client order id is unique among open orders.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import Tif
from pilotfish.venues.twins.exchanges import standing as cex_standing
from pilotfish.venues.twins.exchanges.binance_words import NO, market_row, markets
from pilotfish.venues.twins.exchanges.records import (
    CexAccount,
    CexMarket,
    CexOrder,
    CexTrade,
    Refusal,
    money_text,
    rate_text,
)
from pilotfish.venues.twins.exchanges.wire import CexWire, Params, Signed, digest, levels, same
from pilotfish.venues.twins.faults import Fault, TwinFaults, TwinSettings
from pilotfish.venues.twins.port import Answer

SIDES = {Side.BUY: "BUY", Side.SELL: "SELL"}
MS = 1_000_000
STATUS = {"open": "NEW", "filled": "FILLED", "cancelled": "CANCELED", "expired": "EXPIRED"}
TIFS = {"GTC": Tif.GTC, "IOC": Tif.IOC, "GTX": Tif.ALO}
_FORCE = {tif: word for word, tif in TIFS.items()}


class BinanceTwin(CexWire):
    unique_among_open = True
    takes_crossing_posts = False

    def __init__(
        self, faults: TwinFaults | None = None, settings: TwinSettings | None = None, start_ns: int = 0,
        *, walks: bool = False,
    ) -> None:  # fmt: skip
        self.streams, self._update = {}, 0
        self._keys: dict[str, CexAccount] = {}
        self.public = {
            ("GET", "/fapi/v1/time"): lambda _: {"serverTime": self.stamp_ms(self.now_ns)},
            ("GET", "/fapi/v1/exchangeInfo"): lambda _: self._information(),
            ("GET", "/fapi/v1/depth"): self._depth,
            ("GET", "/fapi/v1/fundingRate"): self._rates,
        }
        self.private = {
            ("POST", "/fapi/v1/order"): lambda account, params: _order(
                self.place(account, self._wanted(account, params))
            ),
            ("GET", "/fapi/v1/order"): lambda account, params: _order(self._asked(account, params, "unknown_order")),
            ("DELETE", "/fapi/v1/order"): lambda account, params: _order(
                self.cancel(self._asked(account, params, "unknown_cancel"))
            ),
            ("PUT", "/fapi/v1/order"): self._modify,
            ("POST", "/fapi/v1/batchOrders"): self._batch,
            ("GET", "/fapi/v1/openOrders"): lambda account, params: [
                _order(one) for one in self.open_orders(account, params.get("symbol"))
            ],
            ("GET", "/fapi/v1/userTrades"): self._user_trades,
            ("GET", "/fapi/v3/positionRisk"): self._positions,
            ("GET", "/fapi/v3/account"): self._account,
            ("GET", "/fapi/v1/income"): self._income,
            ("GET", "/fapi/v1/leverageBracket"): self._brackets,
            ("POST", "/fapi/v1/countdownCancelAll"): self._countdown,
            ("POST", "/fapi/v1/listenKey"): self._listen_key,
            ("PUT", "/fapi/v1/listenKey"): self._listen_key,
        }
        super().__init__(markets(), [600_000, 300_000], faults, settings, start_ns, walks=walks)
        self.add_routes(cex_standing.binance(self))

    def expire_listen_keys(self) -> None:
        """The user's streams end without being closed."""
        for state in self.streams.values():
            if state["account"] is not None:
                self.tell(state["account"].number, {"e": "listenKeyExpired", "E": self.stamp_ms(self.now_ns)})
                state["account"] = None
        self._keys.clear()

    # HTTP.

    def authentic(self, request: Signed) -> CexAccount:
        account = self.known(request.headers.get("x-mbx-apikey"))
        if request.path.endswith("/listenKey"):
            return account
        text = request.query if request.method in ("GET", "DELETE") else request.body
        payload, _, signature = text.rpartition("&signature=")
        if not same(digest(account.secret, payload).hex(), signature):
            raise Refusal("signature")
        self.timely(int(request.params["timestamp"]), int(request.params.get("recvWindow", 5_000)))
        return account

    def yes(self, result: object) -> Answer:
        return Answer(200, msgspec.json.encode(result), {"x-mbx-used-weight-1m": str(self.weight)})

    def no(self, kind: str) -> Answer:
        status, code, text = NO[kind]
        return Answer(status, msgspec.json.encode({"code": code, "msg": text}))

    def _wanted(self, account: CexAccount, params: Params) -> CexOrder:
        if params["type"] != "LIMIT":
            raise Refusal("malformed")
        market = self.markets[params["symbol"]]
        side = Side.BUY if params["side"] == "BUY" else Side.SELL
        return CexOrder(
            0, params.get("newClientOrderId", ""), account.number, market, side, market.lots(params["quantity"]),
            market.instrument.price(params["price"]), TIFS[params["timeInForce"]],
            str(params.get("reduceOnly", "")).lower() == "true", self.now_ns, self.now_ns,
        )  # fmt: skip

    def _place(self, account: CexAccount, params: Params) -> object:
        return _order(self.place(account, self._wanted(account, params)))

    def _asked(self, account: CexAccount, params: Params, missing: str) -> CexOrder:
        order = self.find(account, params.get("orderId"), params.get("origClientOrderId"))
        if (
            order is None
            or order.market.name != params["symbol"]
            or (missing == "unknown_cancel" and order.status != "open")
        ):
            raise Refusal(missing)
        return order

    def _modify(self, account: CexAccount, params: Params) -> object:
        order = self._asked(account, params, "unknown_order")
        if order.status != "open":
            raise Refusal("unknown_order")
        lots, price = order.market.lots(params["quantity"]), order.market.instrument.price(params["price"])
        if (lots, price) == (order.lots, order.price):
            raise Refusal("no_change")
        return _order(self.amend(order, lots, price))

    def _batch(self, account: CexAccount, params: Params) -> object:
        results: list[object] = []
        orders = msgspec.json.decode(params["batchOrders"])
        if len(orders) > 5:
            raise Refusal("malformed")
        for one in orders:
            try:
                if self.faults.hit(Fault.PARTIAL_BATCH):
                    raise Refusal("balance")
                results.append(_order(self.place(account, self._wanted(account, one))))
            except Refusal as refusal:
                _, code, text = NO[refusal.kind]
                results.append({"code": code, "msg": text})
        return results

    def _user_trades(self, account: CexAccount, params: Params) -> object:
        start, end = int(params.get("startTime", 0)), int(params.get("endTime", 2**62))
        trades = self.trades_of(account, params["symbol"], start, end)
        if "orderId" in params:
            trades = [one for one in trades if str(one.order.id) == params["orderId"]]
        return [
            {
                "symbol": one.order.market.name, "id": one.id, "orderId": one.order.id,
                "side": SIDES[Side(one.order.side)], "price": one.order.market.price_text(one.price),
                "qty": one.order.market.amount(one.lots),
                "realizedPnl": "0", "quoteQty": "0", "commission": money_text(one.fee), "commissionAsset": "USDT",
                "time": self.stamp_ms(one.ns), "positionSide": "BOTH", "buyer": one.order.side > 0, "maker": one.maker,
            }
            for one in trades[: int(params.get("limit", 500))]
        ]  # fmt: skip

    def _positions(self, account: CexAccount, params: Params) -> object:
        return [
            {
                "symbol": name, "positionSide": "BOTH", "positionAmt": self.markets[name].amount(lots),
                "entryPrice": self.markets[name].price_text(self.marks[name]), "breakEvenPrice": "0",
                "markPrice": self.markets[name].price_text(self.marks[name]),
                "unRealizedProfit": "0", "liquidationPrice": "0",
                "marginAsset": "USDT",
                "notional": money_text(self.markets[name].instrument.notional_floor(1, lots * self.marks[name])),
                "isolatedMargin": "0", "isolatedWallet": "0", "initialMargin": "0", "maintMargin": "0",
                "updateTime": self.stamp_ms(self.now_ns),
            }
            for name, lots in account.positions.items()
            if lots
        ]  # fmt: skip

    def _brackets(self, account: CexAccount, params: Params) -> object:
        bracket = {
            "bracket": 1, "initialLeverage": 10, "notionalCap": 10_000_000, "notionalFloor": 0, "cum": 0,
            "maintMarginRatio": 0.05,
        }  # fmt: skip
        return [{"symbol": name, "brackets": [bracket]} for name in self.markets]

    def _account(self, account: CexAccount, params: Params) -> object:
        money = money_text(account.money)
        asset = {
            "asset": "USDT", "walletBalance": money, "marginBalance": money, "availableBalance": money,
            "initialMargin": "0", "maintMargin": "0", "unrealizedProfit": "0", "crossWalletBalance": money,
        }  # fmt: skip
        return {"totalWalletBalance": money, "assets": [asset], "positions": []}

    def _income(self, account: CexAccount, params: Params) -> object:
        return [
            {
                "symbol": one.name, "incomeType": "FUNDING_FEE", "income": money_text(-one.money), "asset": "USDT",
                "info": "FUNDING_FEE", "time": self.stamp_ms(one.ns), "tranId": one.id, "tradeId": "",
            }
            for one in self.fundings_of(account, params.get("symbol"))
            if self.stamp_ms(one.ns) >= int(params.get("startTime", 0))
        ]  # fmt: skip

    def _rates(self, params: Params) -> object:
        return [
            {
                "symbol": one.name, "fundingRate": rate_text(one.rate_e6), "fundingTime": self.stamp_ms(one.ns),
                "markPrice": self.markets[one.name].price_text(one.price),
            }
            for one in self.fundings
            if one.name == params["symbol"]
        ]  # fmt: skip

    def _countdown(self, account: CexAccount, params: Params) -> object:
        self.keep_alive(account, int(params["countdownTime"]) * MS)
        return {"symbol": params["symbol"], "countdownTime": params["countdownTime"]}

    def _listen_key(self, account: CexAccount, params: Params) -> object:
        key = f"listen{account.number}x{len(self._keys)}"
        known = next((one for one, owner in self._keys.items() if owner is account), key)
        self._keys[known] = account
        return {"listenKey": known}

    def _information(self) -> object:
        return {"timezone": "UTC", "symbols": [market_row(one) for one in self.markets.values()]}

    def _depth(self, params: Params) -> object:
        market, book, stamp = self.markets[params["symbol"]], self.books[params["symbol"]], self.stamp_ms(self.now_ns)
        limit = int(params["limit"])
        rows = {name: levels(market, book, side)[:limit] for name, side in (("bids", Side.BUY), ("asks", Side.SELL))}
        return {"lastUpdateId": self._update, "E": stamp, "T": stamp, **rows}

    # Streams.

    def opened(self, stream: int, path: str, now_ns: int) -> None:
        super().opened(stream, path, now_ns)
        key = parse_qs(urlsplit(path).query).get("listenKey", [""])[0]
        self.streams[stream]["account"] = self._keys.get(key)

    def frame(self, stream: int, raw: bytes, now_ns: int) -> None:
        self.advance(now_ns)
        try:
            message: Any = msgspec.json.decode(raw)
            method, topics, number = message["method"], set(message["params"]), message["id"]
        except (msgspec.DecodeError, KeyError, TypeError):
            return self.push(stream, {"error": {"code": 3, "msg": "Invalid JSON"}})
        state = self.streams[stream]
        state["topics"] = state["topics"] | topics if method == "SUBSCRIBE" else state["topics"] - topics
        self.push(stream, {"result": None, "id": number})
        for market in self.markets.values():
            if f"{market.name.lower()}@bookTicker" in topics and method == "SUBSCRIBE":
                self.push(stream, self._ticker(market))
        return None

    def showed(self, name: str) -> None:
        if not self.lasts(Fault.FROZEN):
            self._update += 1
            self.publish(f"{name.lower()}@bookTicker", self._ticker(self.markets[name]))

    def marked(self, name: str) -> None:
        if not self.lasts(Fault.FROZEN):
            stamp, price = self.stamp_ms(self.now_ns), self.markets[name].price_text(self.marks[name])
            self.publish(
                f"{name.lower()}@markPrice@1s",
                {"e": "markPriceUpdate", "E": stamp, "s": name, "p": price, "i": price, "P": price, "r": "0.0001",
                 "T": stamp // 28_800_000 * 28_800_000 + 28_800_000},
            )  # fmt: skip

    def said(self, order: CexOrder, trade: CexTrade | None) -> None:
        row, stamp, market = _order(order), self.stamp_ms(self.now_ns), order.market
        kind = "TRADE" if trade else {"NEW": "NEW", "PARTIALLY_FILLED": "AMENDMENT"}.get(row["status"], row["status"])
        message: Params = {
            "s": market.name, "c": order.client, "S": row["side"], "o": "LIMIT", "f": row["timeInForce"],
            "q": row["origQty"], "p": row["price"], "ap": row["avgPrice"], "sp": "0", "x": kind, "X": row["status"],
            "i": order.id, "l": market.amount(trade.lots) if trade else "0", "z": row["executedQty"],
            "L": market.price_text(trade.price) if trade else "0", "T": stamp, "t": trade.id if trade else 0,
            "b": "0", "a": "0", "m": bool(trade and trade.maker), "R": order.reduce_only, "wt": "CONTRACT_PRICE",
            "ot": "LIMIT", "ps": "BOTH", "cp": False, "rp": "0",
        }  # fmt: skip
        if trade:
            message |= {"N": "USDT", "n": money_text(trade.fee)}
        self.tell(order.owner, {"e": "ORDER_TRADE_UPDATE", "T": stamp, "E": stamp, "o": message})

    def _ticker(self, market: CexMarket) -> Params:
        bid, bid_lots, ask, ask_lots = self.top(market.name)
        stamp = self.stamp_ms(self.now_ns)
        return {
            "e": "bookTicker", "u": self._update, "E": stamp, "T": stamp, "s": market.name,
            "b": market.price_text(bid), "B": market.amount(bid_lots),
            "a": market.price_text(ask), "A": market.amount(ask_lots),
        }  # fmt: skip


def _order(order: CexOrder) -> Params:
    market = order.market
    partly = order.status == "open" and order.filled
    return {
        "orderId": order.id, "symbol": market.name, "status": "PARTIALLY_FILLED" if partly else STATUS[order.status],
        "clientOrderId": order.client, "price": market.price_text(order.price), "avgPrice": order.average,
        "origQty": market.amount(order.lots), "executedQty": market.amount(order.filled), "cumQuote": "0",
        "timeInForce": _FORCE[order.tif], "type": "LIMIT", "reduceOnly": order.reduce_only, "closePosition": False,
        "side": SIDES[Side(order.side)], "positionSide": "BOTH", "stopPrice": "0", "workingType": "CONTRACT_PRICE",
        "priceProtect": False, "origType": "LIMIT",
        "time": order.created_ns // MS, "updateTime": order.updated_ns // MS,
    }  # fmt: skip
