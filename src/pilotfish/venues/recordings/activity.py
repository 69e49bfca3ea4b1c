"""Polymarket's data-api: `/activity` (trades, redemptions, rebates, merges, splits) and `/trades` of one or more
wallets.

https://docs.polymarket.com/developers/misc-endpoints/data-api-activity. Stamps are seconds, newest first. A redemption
names the market, not the outcome: the outcome is concluded from what the account holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pilotfish.domain.instrument import Side
from pilotfish.venues.recordings import polymarket
from pilotfish.venues.recordings.assemble import Draft, recordings
from pilotfish.venues.recordings.fills import RawFill
from pilotfish.venues.recordings.jsonrows import field_error, scan
from pilotfish.venues.recordings.rows import (
    MILLION,
    Issues,
    RowError,
    address,
    bounded,
    number,
    positive,
    shown,
    stamp,
    text,
    whole,
)
from pilotfish.venues.recordings.source import Source
from pilotfish.venues.recordings.types import Accounts, Recording, Settlement

SHAPE = "polymarket activity"
_KINDS = {
    "REDEEM": "redeem",
    "MERGE": "merge",
    "SPLIT": "split",
    "CONVERSION": "conversion",
    "REWARD": "reward",
    "MAKER_REBATE": "rebate",
}
_CLOSE = Decimal("0.01")  # a redemption may differ this far from what the file shows as held: dust, earlier trades
_PAYS_IN = ("redeem", "merge", "rebate", "reward")


@dataclass(frozen=True, slots=True)
class _Event:
    """A row that is not a trade."""

    account: str
    kind: str
    ns: int
    market: str
    shares: Decimal
    money: Decimal
    line: int


def read(source: Source, issues: Issues, accounts: Accounts) -> list[Recording]:
    draft = Draft(source.path.name, SHAPE, "polymarket", issues, polymarket.outcome, newest_first=True)
    names, events, markets = polymarket.Names(), [], dict[str, str]()
    seen: dict[tuple[object, ...], int] = {}
    for row in scan(source.text, issues):
        try:
            kind = row.value.get("type", "TRADE")
            if kind == "TRADE":
                raw, market = _trade(row.value, row.line, names)
                markets[raw.symbol] = market
                draft.fills.append(raw)
                continue
            event = _event(row.value, row.line)
            key = (event.account, event.kind, event.market, event.shares, event.money, row.value.get("transactionHash"))
            if key in seen:
                issues.add(
                    row.line, row.path + "transactionHash", f"repeats the row of line {seen[key]}", "it is left out"
                )
                continue
            seen[key] = row.line
            events.append(event)
        except RowError as bad:
            field_error(row, issues, bad)
    made = polymarket.noted(recordings(draft, accounts))
    for one in made:
        mine = sorted((e for e in events if e.account == one.account), key=lambda e: e.ns)
        _settle(one, mine, markets)
    return made


def _trade(row: dict[str, Any], line: int, names: polymarket.Names) -> tuple[RawFill, str]:
    account, token = address(row, "proxyWallet"), text(row, "asset")
    if row.get("side") not in ("BUY", "SELL"):
        raise RowError("side", f"{shown(row.get('side'))} is neither BUY nor SELL")
    side = Side.BUY if row["side"] == "BUY" else Side.SELL
    size = polymarket.clean_size(positive(row, "size"))
    money = positive(row, "usdcSize") if row.get("usdcSize") is not None else None
    price = polymarket.clean_price(positive(row, "price"), size, money)
    ns = stamp(whole(row, "timestamp"), 10**9, "timestamp")
    market, tx = text(row, "conditionId", required=False), text(row, "transactionHash", required=False)
    slug = text(row, "slug", required=False) or market[:12] or "market"
    symbol = names.of(token, f"{slug}:{text(row, 'outcome', required=False) or token[:8]}")
    key = (tx, token, side.name, str(size), str(price), ns)
    return RawFill(account, symbol, ns, side, size, price, line, key, token=token), market


def _event(row: dict[str, Any], line: int) -> _Event:
    kind = _KINDS.get(str(row.get("type")))
    if kind is None:
        raise RowError("type", f"{shown(row.get('type'))} is not known", f"known are TRADE, {', '.join(_KINDS)}")
    shares, money = bounded(number(row, "size"), "size"), bounded(number(row, "usdcSize"), "usdcSize")
    if shares < 0 or money < 0:
        raise RowError("size", f"{shares} shares for {money} USDC: neither can be below zero")
    ns = stamp(whole(row, "timestamp"), 10**9, "timestamp")
    return _Event(address(row, "proxyWallet"), kind, ns, text(row, "conditionId", required=False), shares, money, line)


def _settle(one: Recording, events: Sequence[_Event], markets: dict[str, str]) -> None:
    """Settlements in time order against holdings rebuilt from the fills."""
    held: dict[int, int] = {}
    of_market: dict[str, list[int]] = {}
    for i in one.instruments:
        of_market.setdefault(markets.get(i.symbol, ""), []).append(i.id)
    done = 0
    for event in events:
        while done < len(one.fills) and one.fills[done].venue_ns <= event.ns:
            fill = one.fills[done]
            held[fill.instrument] = held.get(fill.instrument, 0) + fill.side * fill.lots
            done += 1
        outcomes = of_market.get(event.market, []) if event.market else []
        rows = _redeemed(one, event, outcomes, held) if event.kind == "redeem" else []
        for row in rows:
            held[row.instrument or 0] = 0
        one.settlements += rows or [_unassigned(event)]
        if event.kind in ("merge", "split"):
            for k in outcomes:
                change = int(event.shares.scaleb(one.instruments[k].lot_decimals))
                held[k] = held.get(k, 0) + (change if event.kind == "split" else -change)
    if unclear := sum(s.kind == "redeem" and s.instrument is None for s in one.settlements):
        one.notes.append(
            f"{unclear} redemptions of outcomes whose trades are not in the file, or not told apart by size"
        )


def _redeemed(one: Recording, event: _Event, outcomes: Sequence[int], held: dict[int, int]) -> list[Settlement]:
    """What a redemption did to each outcome held; [] when the holdings do not tell.

    The winner is the outcome whose holding was paid for. Where two are held alike it is either: each is then settled at
    half the payout, which is the same money. The rest, and all of it when nothing was paid, is worth nothing.
    """
    mine = [k for k in outcomes if held.get(k, 0) > 0]
    size = {k: Decimal(held[k]).scaleb(-one.instruments[k].lot_decimals) for k in mine}
    if event.shares <= 0:  # a loser redeemed; holding every outcome one cannot lose, so something else happened
        return [_row(one, event, k, held[k], Decimal(0), "worthless", True) for k in mine] if len(mine) == 1 else []
    near = [k for k in mine if abs(size[k] - event.shares) <= event.shares * _CLOSE]
    best = min((abs(size[k] - event.shares) for k in near), default=None)
    winners = [k for k in near if abs(size[k] - event.shares) == best]
    if not winners or len(winners) > 2:
        return []
    pays = event.money / event.shares / len(winners)
    rows = [_row(one, event, k, held[k], pays, "redeem", len(winners) == 1) for k in winners]
    if event.money == event.shares:
        rows += [_row(one, event, k, held[k], Decimal(0), "worthless", False) for k in mine if k not in winners]
    return rows


def _row(
    one: Recording, event: _Event, instrument: int, lots: int, pays: Decimal, kind: str, stated: bool
) -> Settlement:
    unit = one.instruments[instrument]
    money = int(pays * event.shares * MILLION)
    return Settlement(
        kind, event.ns, instrument, lots, int(pays.scaleb(unit.price_decimals)), money, event.market, stated
    )


def _unassigned(event: _Event) -> Settlement:
    price = int(event.money / event.shares * MILLION) if event.shares else None
    money = int(event.money * MILLION) * (1 if event.kind in _PAYS_IN else -1)
    return Settlement(event.kind, event.ns, None, int(event.shares * MILLION), price, money, event.market)
