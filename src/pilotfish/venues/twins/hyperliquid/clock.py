"""What the venue does by itself: triggers, funding, liquidations, the dead man's switch."""

from __future__ import annotations

from pilotfish.domain.orders import Tif
from pilotfish.venues.hyperliquid.wire.answers import FundingDelta, FundingRow
from pilotfish.venues.hyperliquid.wire.messages import AccountLiquidation, FillLiquidation
from pilotfish.venues.twins.hyperliquid.account import Account, Holding
from pilotfish.venues.twins.hyperliquid.core import Core
from pilotfish.venues.twins.hyperliquid.market import Market
from pilotfish.venues.twins.hyperliquid.order import Order, Wanted
from pilotfish.venues.twins.hyperliquid.settings import MONEY
from pilotfish.venues.twins.hyperliquid.text import num, stranger

LIQUIDATION_BPS = 500
LIQUIDATOR = 0
SWITCHES_A_DAY = 10


def move(core: Core, market: Market) -> None:
    """Bring a market up to the core's time, with what rests in it and what waits for its mark."""
    market.advance(core.now_ns)
    core.settle(market, None)
    market.looked(core.ms)
    for order in [o for o in market.triggers if o.trigger and o.trigger.reached(o.side, market.mark)]:
        _fire(core, market, order)


def _fire(core: Core, market: Market, order: Order) -> None:
    if order not in market.triggers:
        return
    market.triggers.remove(order)
    account = core.accounts[order.owner]
    room = max(0, -order.side * account.holding(market).lots)
    if order.reduce_only and not room:
        return core.take_out(order, "reduceOnlyCanceled")
    for other in order.parent.children if order.parent else []:
        if other is not order and other.open:
            core.take_out(other, "siblingFilledCanceled")
    order.status, order.status_ms = "triggered", core.ms
    at_once = order.trigger is not None and order.trigger.is_market
    core.tell(order)
    core.enter(market, order, tif=Tif.IOC if at_once else Tif.GTC)


def pay_funding(core: Core) -> None:
    """Longs pay shorts at the mark; what an account pays is rounded up."""
    rate = core.settings.funding_rate_e9
    core.funded_ms.append(core.ms)
    for account in core.accounts.values():
        for held in account.holdings.values():
            if not held.lots:
                continue
            way = 1 if held.lots > 0 else -1
            paid = -(-way * held.value * rate // 10**9)
            account.cash -= paid
            held.funding += paid
            market = held.market
            delta = FundingDelta(market.coin, num(-paid, MONEY), market.size(held.lots), num(rate, 9), nSamples=None)
            row = FundingRow(core.ms, f"0x{0:064x}", delta)
            account.fundings.append(row)
            core.news.fundings.setdefault(account.address, []).append(row)
            core.news.anything = True


def switch_off(core: Core) -> None:
    """Cancel everything of accounts whose scheduled time has come."""
    for account in core.accounts.values():
        if account.cancel_ms is not None and account.cancel_ms <= core.ms:
            account.cancel_ms = None
            account.switches += 1
            cancel_all(core, account)


def new_day(core: Core) -> None:
    """The dead man's switch may go off as often again."""
    for account in core.accounts.values():
        account.switches = 0


def cancel_all(core: Core, account: Account, status: str = "scheduledCancel") -> None:
    for order in list(account.orders.values()):
        if order.open:
            core.take_out(order, status)


def liquidate(core: Core) -> None:
    """Close positions of accounts below maintenance margin, the largest first, until they are above."""
    for account in list(core.accounts.values()):
        if account.played or not account.maintenance or account.equity >= account.maintenance:
            continue
        cancel_all(core, account, "liquidatedCanceled")
        before = account.equity
        for held in sorted(account.holdings.values(), key=lambda one: one.value, reverse=True):
            if held.lots and account.equity < account.maintenance:
                _close(core, account, held)
        notice = AccountLiquidation(
            core.stamp()[0], stranger(core.settings.seed, LIQUIDATOR), account.address,
            num(sum(held.value for held in account.holdings.values()), MONEY), num(before, MONEY),
        )  # fmt: skip
        core.news.liquidations.setdefault(account.address, []).append(notice)
        core.news.anything = True


def _close(core: Core, account: Account, held: Holding) -> None:
    market, side = held.market, -1 if held.lots > 0 else 1
    price = market.instrument.bound_price(market.mark, side, LIQUIDATION_BPS)
    order = core.number(account, market, Wanted(market.asset, side, abs(held.lots), price, "Ioc", True, None))
    forced = FillLiquidation(market.text(market.mark), "market", account.address)
    market.book.now_ns = core.now_ns
    market.book.add(side, abs(held.lots), price, Tif.IOC, account.number)
    core.settle(market, order, forced)
    core.end(order, "filled" if not order.left else "canceled")
