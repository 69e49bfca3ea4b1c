"""OKX v5 for linear perpetual swaps, as https://www.okx.com/docs-v5/en/ has it. Amounts are in contracts.

Fills come inside the orders channel; a fee is negative when charged. A post-only order that would trade is taken, and
cancelled. Each order of a batch has its own `sCode`; the whole is "0", "1" (all refused) or "2" (some).
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

import msgspec

from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import Tif
from pilotfish.venues.twins.exchanges import standing as cex_standing
from pilotfish.venues.twins.exchanges.okx_words import NO, NO_ORDER, market_row, markets
from pilotfish.venues.twins.exchanges.records import (
    CexAccount,
    CexOrder,
    CexTrade,
    Refusal,
    money_text,
    rate_text,
)
from pilotfish.venues.twins.exchanges.wire import CexWire, Params, Signed, digest, levels, same
from pilotfish.venues.twins.faults import SECOND, Fault, TwinFaults, TwinSettings
from pilotfish.venues.twins.port import Answer

SIDES = {Side.BUY: "buy", Side.SELL: "sell"}
TIFS = {"limit": Tif.GTC, "ioc": Tif.IOC, "post_only": Tif.ALO}
_KINDS = {tif: word for word, tif in TIFS.items()}


class OkxTwin(CexWire):
    def __init__(
        self, faults: TwinFaults | None = None, settings: TwinSettings | None = None, start_ns: int = 0,
        *, walks: bool = False,
    ) -> None:  # fmt: skip
        self.streams = {}
        self.public = {
            ("GET", "/api/v5/public/time"): lambda _: [{"ts": str(self.stamp_ms(self.now_ns))}],
            ("GET", "/api/v5/public/instruments"): lambda _: [market_row(one) for one in self.markets.values()],
            ("GET", "/api/v5/market/books"): self._depth,
            ("GET", "/api/v5/public/funding-rate-history"): self._rates,
        }
        self.private = {
            ("POST", "/api/v5/trade/order"): lambda account, params: self._each([params], account, self._place),
            ("POST", "/api/v5/trade/batch-orders"): self._batch,
            ("POST", "/api/v5/trade/cancel-order"): lambda account, params: self._each([params], account, self._cancel),
            ("POST", "/api/v5/trade/amend-order"): lambda account, params: self._each([params], account, self._amend),
            ("GET", "/api/v5/trade/order"): self._asked,
            ("GET", "/api/v5/trade/orders-pending"): lambda account, params: [
                self._order(one) for one in self.open_orders(account, params.get("instId"))
            ],
            ("GET", "/api/v5/trade/fills-history"): self._fills,
            ("GET", "/api/v5/account/positions"): self._positions,
            ("GET", "/api/v5/account/balance"): self._balance,
            ("GET", "/api/v5/account/bills-archive"): self._bills,
            ("POST", "/api/v5/trade/cancel-all-after"): self._after,
        }
        super().__init__(markets(), [600_000, 300_000], faults, settings, start_ns, walks=walks)
        self.add_routes(cex_standing.okx(self))

    # HTTP.

    def authentic(self, request: Signed) -> CexAccount:
        headers = request.headers
        account = self.known(headers.get("ok-access-key"))
        stamp = headers["ok-access-timestamp"]
        path = f"{request.path}?{request.query}" if request.query else request.path
        wanted = base64.b64encode(digest(account.secret, f"{stamp}{request.method}{path}{request.body}"))
        if not same(wanted, headers.get("ok-access-sign", "")):
            raise Refusal("signature")
        if headers.get("ok-access-passphrase") != account.password:
            raise Refusal("passphrase")
        self.timely(int(datetime.fromisoformat(stamp).timestamp() * 1_000), 30_000, 30_000)
        return account

    def yes(self, result: object) -> Answer:
        rows = result if isinstance(result, list) else [result]
        failed = sum(isinstance(one, dict) and one.get("sCode", "0") != "0" for one in rows)
        code = "0" if not failed else "1" if failed == len(rows) else "2"
        return Answer(200, msgspec.json.encode({"code": code, "msg": "", "data": rows}))

    def no(self, kind: str) -> Answer:
        status, code, text = NO[kind]
        return Answer(status, msgspec.json.encode({"code": code, "msg": text, "data": []}))

    def _batch(self, account: CexAccount, params: Params) -> object:
        if len(params["list"]) > 20:
            raise Refusal("malformed")
        return self._each(params["list"], account, self._place, partly=True)

    def _each(self, rows: list[Params], account: CexAccount, act: Any, *, partly: bool = False) -> list[Params]:
        said: list[Params] = []
        for one in rows:
            named = {
                "clOrdId": one.get("clOrdId", ""),
                "tag": one.get("tag", ""),
                "ts": str(self.stamp_ms(self.now_ns)),
            }
            try:
                if partly and self.faults.hit(Fault.PARTIAL_BATCH):
                    raise Refusal("balance")
                order = act(account, one)
                said.append(named | {"ordId": str(order.id), "clOrdId": order.client, "sCode": "0", "sMsg": ""})
            except Refusal as refusal:
                code, text = NO_ORDER[refusal.kind]
                said.append(named | {"ordId": "", "sCode": code, "sMsg": text})
        return said

    def _place(self, account: CexAccount, params: Params) -> CexOrder:
        market = self.markets[params["instId"]]
        if params["tdMode"] != "cross":
            raise Refusal("malformed")
        side = Side.BUY if params["side"] == "buy" else Side.SELL
        wanted = CexOrder(
            0, params.get("clOrdId", ""), account.number, market, side, market.lots(str(params["sz"])),
            market.instrument.price(str(params["px"])), TIFS[params["ordType"]],
            str(params.get("reduceOnly", "")).lower() == "true", self.now_ns, self.now_ns,
        )  # fmt: skip
        return self.place(account, wanted)

    def _mine(self, account: CexAccount, params: Params) -> CexOrder | None:
        order = self.find(account, params.get("ordId"), params.get("clOrdId"))
        return order if order is not None and order.market.name == params["instId"] else None

    def _cancel(self, account: CexAccount, params: Params) -> CexOrder:
        return self.cancel(self._mine(account, params))

    def _amend(self, account: CexAccount, params: Params) -> CexOrder:
        order = self._mine(account, params)
        if order is None:
            raise Refusal("unknown")
        lots = order.market.lots(str(params["newSz"]))
        return self.amend(order, lots, order.market.instrument.price(str(params["newPx"])))

    def _asked(self, account: CexAccount, params: Params) -> object:
        order = self._mine(account, params)
        if order is None:
            raise Refusal("missing")
        return [self._order(order)]

    def _fills(self, account: CexAccount, params: Params) -> object:
        """The newest first."""
        trades = self.trades_of(
            account, params.get("instId"), int(params.get("begin", 0)), int(params.get("end", 2**62))
        )
        some = [one for one in reversed(trades) if params.get("ordId", str(one.order.id)) == str(one.order.id)]
        return [self._fill(one) for one in some[: int(params.get("limit", 100))]]

    def _bills(self, account: CexAccount, params: Params) -> object:
        return [
            {
                "billId": str(one.id), "instId": one.name, "instType": "SWAP", "ccy": "USDT", "type": "8",
                "subType": "173" if one.money > 0 else "174", "balChg": money_text(-one.money), "posBalChg": "0",
                "ts": str(self.stamp_ms(one.ns)), "pnl": money_text(-one.money),
            }
            for one in reversed(self.fundings_of(account, None))
        ]  # fmt: skip

    def _rates(self, params: Params) -> object:
        return [
            {
                "instType": "SWAP", "instId": one.name, "fundingRate": rate_text(one.rate_e6),
                "realizedRate": rate_text(one.rate_e6), "fundingTime": str(self.stamp_ms(one.ns)),
            }
            for one in reversed(self.fundings)
            if one.name == params["instId"]
        ]  # fmt: skip

    def _positions(self, account: CexAccount, params: Params) -> object:
        return [
            {
                "instType": "SWAP", "mgnMode": "cross", "posSide": "net", "instId": name, "ccy": "USDT",
                "pos": self.markets[name].amount(abs(lots)) if lots > 0 else f"-{self.markets[name].amount(-lots)}",
                "avgPx": self.markets[name].price_text(self.marks[name]), "lever": "10", "markPx": "0", "upl": "0",
                "notionalUsd": "0", "imr": "0", "mmr": "0", "mgnRatio": "", "liqPx": "", "uplRatio": "0", "margin": "",
                "uTime": str(self.stamp_ms(self.now_ns)), "cTime": str(self.stamp_ms(self.now_ns)),
            }
            for name, lots in account.positions.items()
            if lots
        ]  # fmt: skip

    def _balance(self, account: CexAccount, params: Params) -> object:
        money = money_text(account.money)
        detail = {"ccy": "USDT", "eq": money, "cashBal": money, "availEq": money, "availBal": money, "frozenBal": "0"}
        return [{"totalEq": money, "uTime": str(self.stamp_ms(self.now_ns)), "details": [detail]}]

    def _after(self, account: CexAccount, params: Params) -> object:
        after_ns = int(params["timeOut"]) * SECOND
        if after_ns and not 10 * SECOND <= after_ns <= 120 * SECOND:
            raise Refusal("malformed")
        self.keep_alive(account, after_ns)
        return [{"triggerTime": str(self.stamp_ms(self.now_ns + after_ns)), "ts": str(self.stamp_ms(self.now_ns))}]

    def _depth(self, params: Params) -> object:
        market, limit = self.markets[params["instId"]], int(params.get("sz", 1))
        sides = {name: levels(market, self.books[market.name], side)[:limit] for name, side in _BOOK.items()}
        rows = {name: [[*row, "0", "1"] for row in some] for name, some in sides.items()}
        return [{**rows, "ts": str(self.stamp_ms(self.now_ns)), "seqId": 1}]

    # Streams.

    def frame(self, stream: int, raw: bytes, now_ns: int) -> None:
        self.advance(now_ns)
        if raw == b"ping":
            return self.push(stream, b"pong")
        try:
            message: Any = msgspec.json.decode(raw)
            op, args = message["op"], list(message["args"])
        except (msgspec.DecodeError, KeyError, TypeError):
            return self.push(stream, {"event": "error", "code": "60012", "msg": "Invalid request"})
        state = self.streams[stream]
        if op == "login":
            return self._login(stream, state, args[0])
        private = "private" in state["path"]
        if private and state["account"] is None:
            return self.push(stream, {"event": "error", "code": "60011", "msg": "Please log in"})
        for arg in args:
            self.push(stream, {"event": op, "arg": arg, "connId": f"c{stream}"})
            topic = arg["channel"] if private else f"{arg['channel']}:{arg['instId']}"
            state["topics"].add(topic)
            if arg["channel"] == "bbo-tbt":
                self.push(stream, self._top(arg["instId"]))
        return None

    def showed(self, name: str) -> None:
        if not self.lasts(Fault.FROZEN):
            self.publish(f"bbo-tbt:{name}", self._top(name))

    def marked(self, name: str) -> None:
        if not self.lasts(Fault.FROZEN):
            row = {"instType": "SWAP", "instId": name, "markPx": self.markets[name].price_text(self.marks[name])}
            row |= {"ts": str(self.stamp_ms(self.now_ns))}
            self.publish(f"mark-price:{name}", {"arg": {"channel": "mark-price", "instId": name}, "data": [row]})

    def said(self, order: CexOrder, trade: CexTrade | None) -> None:
        row = self._order(order)
        if trade is not None:
            row |= {
                "tradeId": str(trade.id), "fillPx": order.market.price_text(trade.price),
                "fillSz": order.market.amount(trade.lots), "fillTime": str(self.stamp_ms(trade.ns)),
                "fillFee": money_text(-trade.fee), "fillFeeCcy": "USDT", "execType": "M" if trade.maker else "T",
            }  # fmt: skip
        arg = {"channel": "orders", "instType": "SWAP", "uid": str(order.owner)}
        self.tell(order.owner, {"arg": arg, "data": [row]}, "orders")

    def _login(self, stream: int, state: Params, args: Params) -> None:
        account = self.accounts.get(str(args.get("apiKey")))
        stamp = str(args.get("timestamp", "0"))
        ok = account is not None and args.get("passphrase") == account.password
        if ok and account is not None:
            wanted = base64.b64encode(digest(account.secret, f"{stamp}GET/users/self/verify"))
            ok = same(wanted, str(args.get("sign"))) and not self.strikes(Fault.AUTH)
            ok = ok and abs(int(float(stamp)) * 1_000 - self.stamp_ms(self.now_ns)) <= 30_000
        if not ok:
            return self.push(stream, {"event": "error", "code": "60009", "msg": "Login failed."})
        state["account"] = account
        return self.push(stream, {"event": "login", "code": "0", "msg": "", "connId": f"c{stream}"})

    def _top(self, name: str) -> Params:
        market, (bid, bid_lots, ask, ask_lots) = self.markets[name], self.top(name)
        row = {
            "asks": [[market.price_text(ask), market.amount(ask_lots), "0", "1"]] if ask else [],
            "bids": [[market.price_text(bid), market.amount(bid_lots), "0", "1"]] if bid else [],
            "ts": str(self.stamp_ms(self.now_ns)), "seqId": 1,
        }  # fmt: skip
        return {"arg": {"channel": "bbo-tbt", "instId": name}, "data": [row]}

    def _order(self, order: CexOrder) -> Params:
        market = order.market
        state = {
            "open": "partially_filled" if order.filled else "live", "filled": "filled",
            "cancelled": "canceled", "expired": "canceled",
        }[order.status]  # fmt: skip
        return {
            "instType": "SWAP", "instId": market.name, "ordId": str(order.id), "clOrdId": order.client, "tag": "",
            "px": market.price_text(order.price), "sz": market.amount(order.lots), "ordType": _KINDS[order.tif],
            "side": SIDES[Side(order.side)], "posSide": "net", "tdMode": "cross", "state": state, "lever": "10",
            "accFillSz": market.amount(order.filled), "avgPx": order.average if order.filled else "",
            "fillPx": "", "tradeId": "", "fillSz": "", "fillTime": "", "fee": money_text(-order.fee), "feeCcy": "USDT",
            "rebate": "0", "rebateCcy": "USDT", "pnl": "0", "category": "normal",
            "reduceOnly": str(order.reduce_only).lower(), "cancelSource": "",
            "cTime": str(self.stamp_ms(order.created_ns)), "uTime": str(self.stamp_ms(order.updated_ns)),
        }  # fmt: skip

    def _fill(self, trade: CexTrade) -> Params:
        order, market, stamp = trade.order, trade.order.market, str(self.stamp_ms(trade.ns))
        return {
            "instType": "SWAP", "instId": market.name, "tradeId": str(trade.id), "ordId": str(order.id),
            "clOrdId": order.client, "billId": str(trade.id), "tag": "", "fillPx": market.price_text(trade.price),
            "fillSz": market.amount(trade.lots), "side": SIDES[Side(order.side)], "posSide": "net",
            "execType": "M" if trade.maker else "T", "feeCcy": "USDT", "fee": money_text(-trade.fee), "ts": stamp,
            "fillTime": stamp,
        }  # fmt: skip


_BOOK = {"bids": Side.BUY, "asks": Side.SELL}
