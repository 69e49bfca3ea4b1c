"""The same mirror written straightforwardly on ccxt.pro: watch the lead's trades, send an order for each.

No journal, no followers, no limits, no proof. Its builder fee is off and its market is given, so that it asks nothing
else; it runs on the same loop as ours, and signs with coincurve as ours does where ccxt uses it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import ccxt.pro

from bench.live_market import ACCOUNT, COIN, LEAD, PRICE

SYMBOL = f"{COIN}/USDC:USDC"
SECRET = "0x" + bytes(range(1, 33)).hex()
SLIPPAGE = 0.005


class Peer(ccxt.pro.hyperliquid):
    """Without what it does once at the start: approving a builder, setting a referrer."""

    async def initialize_client(self) -> bool:
        return True


def peer(ws: str, http: str) -> Peer:
    exchange = Peer({"privateKey": SECRET, "walletAddress": ACCOUNT, "enableRateLimit": False, "newUpdates": True})
    exchange.options["builderFee"] = False
    exchange.urls["api"] = {"public": http, "private": http, "ws": {"public": ws}}
    market = {
        "id": "0", "symbol": SYMBOL, "base": COIN, "quote": "USDC", "settle": "USDC", "baseName": COIN, "baseId": 0,
        "type": "swap", "swap": True, "spot": False, "contract": True, "linear": True, "active": True,
        "precision": {"amount": 1e-5, "price": 0.1}, "info": {},
    }  # fmt: skip
    exchange.set_markets([exchange.safe_market_structure(market)], {})
    return exchange


async def mirror(exchange: Peer) -> None:
    """For ever: what the lead buys and sells, bought and sold at once."""
    while True:
        for trade in await exchange.watch_trades(SYMBOL):
            users: list[str] = trade["info"]["users"]
            if LEAD in users:
                side = "buy" if users[0] == LEAD else "sell"
                bound = PRICE * (1 + SLIPPAGE if side == "buy" else 1 - SLIPPAGE)
                await exchange.create_order(SYMBOL, "limit", side, trade["amount"], bound, {"timeInForce": "Ioc"})


@contextlib.asynccontextmanager
async def mirroring(ws: str, http: str) -> AsyncIterator[None]:
    """The mirror at work; raises what ended it."""
    exchange = peer(ws, http)
    task = asyncio.ensure_future(mirror(exchange))
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await exchange.close()
