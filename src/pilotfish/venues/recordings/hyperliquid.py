"""Hyperliquid fills as the venue itself writes them: `userFills` answers, WebSocket frames, exports and cassettes of
them.

Fields: https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint#retrieve-a-users-fills. `side`
is "B" or "A"; `startPosition` is signed, before the fill; `fee` includes the builder's and is in `feeToken`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import yaml

from pilotfish.domain.instrument import Kind, Side
from pilotfish.venues.recordings import instruments
from pilotfish.venues.recordings.assemble import Draft, recordings
from pilotfish.venues.recordings.fills import RawFill
from pilotfish.venues.recordings.instruments import Coin, coin_kind
from pilotfish.venues.recordings.jsonrows import Row, field_error, scan
from pilotfish.venues.recordings.rows import (
    MILLION,
    Issues,
    RowError,
    bounded,
    decimals,
    number,
    positive,
    shown,
    stamp,
    text,
    whole,
)
from pilotfish.venues.recordings.source import Source
from pilotfish.venues.recordings.types import Accounts, Recording, Settlement

SHAPE = "hyperliquid fills"
CASSETTE = "hyperliquid cassette"
ASSUMED = "leverage, maintenance and fee tier are not recorded: assumed (BTC 40x, ETH 25x, others 10x; base tier)"
_ASKS_FILLS = ("userFills", "userFillsByTime", "userTwapSliceFills")
_DUST = "Spot Dust Conversion"


def read(source: Source, issues: Issues, accounts: Accounts) -> list[Recording]:
    """A document, or frames one a line. Where the file names no account, its own name stands for it."""
    rows = list(scan(source.text, issues))
    return _recordings(
        rows, source.stem, Draft(source.path.name, SHAPE, "hyperliquid", issues, instruments.hyperliquid), accounts
    )


def read_cassette(source: Source, issues: Issues, accounts: Accounts) -> list[Recording]:
    """A recorded HTTP exchange (vcr.py): the answers to questions for an account's fills."""
    draft = Draft(source.path.name, CASSETTE, "hyperliquid", issues, instruments.hyperliquid)
    rows: list[Row] = []
    account, asked = source.stem, []
    try:
        document = yaml.load(source.text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        exchanges = [(e["request"]["body"], e["response"]["body"]["string"]) for e in document["interactions"]]
    except (yaml.YAMLError, ValueError, RecursionError) as bad:
        line = getattr(getattr(bad, "problem_mark", None), "line", -1) + 1
        issues.add(line, "", f"is no YAML ({getattr(bad, 'problem', None) or shown(str(bad))})", "record it again")
        exchanges = []
    except (KeyError, TypeError) as bad:
        issues.add(1, "interactions", f"an exchange lacks its request or response ({bad})", "record it again")
        exchanges = []
    for question, answer in exchanges:
        try:
            body = json.loads(question or "{}")
            kind, user = body["type"], body.get("user", "")
        except (ValueError, TypeError, KeyError, AttributeError):
            kind, user = "", ""
        asked.append(str(kind))
        if kind in _ASKS_FILLS:
            account = str(user) or account
            rows += scan(answer if isinstance(answer, str) else "", issues)
    if exchanges and not any(k in _ASKS_FILLS for k in asked):
        draft.notes.append(f"answers to {', '.join(asked)}: holds no account's trades")
    return _recordings(rows, account, draft, accounts)


def _recordings(rows: list[Row], account: str, draft: Draft, accounts: Accounts) -> list[Recording]:
    dust: list[tuple[str, RawFill]] = []
    liquidations = 0
    for row, user in _fills(rows, account):
        try:
            raw = _fill(row.value, user, row.line)
        except RowError as bad:
            field_error(row, draft.issues, bad)
            continue
        liquidations += bool(row.value.get("liquidation"))
        finest = 8 if coin_kind(raw.symbol) is Coin.SPOT else 6
        if row.value.get("dir") == _DUST:
            dust.append((user, raw))
        elif decimals(raw.size) > finest:
            field_error(row, draft.issues, RowError("sz", f"{raw.size} has more decimals than the venue's {finest}"))
        else:
            draft.fills.append(raw)
    draft.notes += _told(rows, liquidations)
    if draft.fills:
        draft.notes.append(ASSUMED)
    made = recordings(draft, accounts)
    for one in made:
        for user, raw in dust:
            if user == one.account:
                one.settlements.append(_settled_dust(raw, one))
    return made


def _fills(rows: Iterable[Row], account: str) -> Iterator[tuple[Row, str]]:
    """The rows that are fills, out of what wraps them, with the account they belong to."""
    for row in rows:
        value = row.value
        user = row.around.get("user")
        if isinstance(inner := value.get("fill"), dict):  # a TWAP's slice
            value = inner
        data = value.get("data")
        if isinstance(data, dict) and isinstance(data.get("fills"), list):  # a frame inside a list of frames
            for k, one in enumerate(data["fills"]):
                if isinstance(one, dict):
                    yield (
                        Row(one, row.line, f"{row.path}data.fills[{k}].", row.around),
                        str(data.get("user") or account),
                    )
        elif row.path or "coin" in value:  # plain objects beside rows are acknowledgements, pongs and other channels
            yield Row(value, row.line, row.path, row.around), user if isinstance(user, str) and user else account


def _fill(row: dict[str, Any], account: str, line: int) -> RawFill:
    coin = text(row, "coin")
    kind = coin_kind(coin)
    side_name = row.get("side")
    if side_name not in ("B", "A"):
        raise RowError("side", f"{shown(side_name)} is neither B (buy) nor A (sell)")
    side = Side.BUY if side_name == "B" else Side.SELL
    size, price = positive(row, "sz"), positive(row, "px")
    ns = stamp(whole(row, "time"), 10**6, "time")
    fee = bounded(number(row, "fee"), "fee") if row.get("fee") not in (None, "") else Decimal(0)
    start = bounded(number(row, "startPosition"), "startPosition") if row.get("startPosition") is not None else None
    order_id = whole(row, "oid") if row.get("oid") is not None else None
    trade_id = whole(row, "tid") if row.get("tid") is not None else 0
    # What stands in for an absent trade id: the same order never fills twice from the same position.
    key = (coin, trade_id, order_id) if trade_id else (coin, ns, order_id, str(start), side.name, str(size), str(price))
    in_token = row.get("feeToken") not in (None, "USDC") and kind is Coin.SPOT and side is Side.BUY
    return RawFill(
        account,
        coin,
        ns,
        side,
        size,
        price,
        line,
        key,
        fee * price if in_token else fee,
        trade_id or None,
        order_id,
        start,
        fee if in_token else Decimal(0),
    )


def _told(rows: list[Row], liquidations: int) -> list[str]:
    """What the file says about itself."""
    around = rows[0].around if rows else {}
    notes = []
    if around.get("truncated_at_2000") is True:
        notes.append("the export says it was cut at 2000 fills")
    if around.get("error"):
        notes.append(f"the export reports an error: {shown(around['error'])}")
    count = around.get("response_count")
    if isinstance(count, int) and count != len(rows):
        notes.append(f"the export announces {count} fills and holds {len(rows)}")
    if liquidations:
        notes.append(f"{liquidations} fills are part of a liquidation (of this account or of its counterparty)")
    return notes


def _settled_dust(raw: RawFill, one: Recording) -> Settlement:
    """The venue's daily sweep of spot crumbs too small to trade: money for tokens, but nothing anybody could copy."""
    held = next((i for i in one.instruments if i.symbol == raw.symbol and i.kind is Kind.SPOT), None)
    lots = int(raw.size.scaleb(held.lot_decimals if held else 6))
    price = int(raw.price.scaleb(held.price_decimals if held else 6))
    return Settlement("dust", raw.ns, held.id if held else None, lots, price, int(raw.size * raw.price * MILLION), "")
