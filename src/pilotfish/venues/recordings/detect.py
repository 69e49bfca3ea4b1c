"""What a file is, from its content alone. Names and extensions are never asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pilotfish.venues.recordings import activity, exports, hyperliquid, spreadsheet, tape, vault
from pilotfish.venues.recordings.rows import Issues
from pilotfish.venues.recordings.source import Source, is_database
from pilotfish.venues.recordings.tables import header
from pilotfish.venues.recordings.types import Accounts, Recording

Reader = Callable[[Source, Issues, Accounts], list[Recording]]

MARKET = "market recording"
UNKNOWN = "unknown"
_HEAD = 1 << 16
_KEY = re.compile(r'"(\w{1,40})"\s*:')
_NO_FILLS = re.compile(r'"fills"\s*:\s*\[\s*\]')
_TABLES = (
    (spreadsheet.SHAPE, spreadsheet.read, spreadsheet.REQUIRED),
    (exports.SHAPE, exports.read, exports.REQUIRED),
    (tape.SHAPE, tape.read, tape.REQUIRED),
)
# Column or field names that only data about a market, and no account's trades, have together.
_MARKET_TABLES = (
    ({"market_slug", "asset_id", "event_type"}, "a Polymarket order book"),
    ({"market_slug", "asset_id", "outcome_name"}, "Polymarket market metadata"),
    ({"open", "high", "low", "close"}, "price bars"),
    ({"feed_ts_ms", "value"}, "price ticks"),
)
_MARKET_JSON = (
    ({"coin", "levels"}, "order books"),
    ({"condition_id", "token_ids"}, "Polymarket market metadata"),
    ({"bids", "asks"}, "order books"),
    ({"event_type", "asset_id"}, "a Polymarket market stream"),
    ({"lastUpdateId"}, "order books"),
    ({"universe"}, "market metadata"),
    ({"coin", "px", "sz", "users"}, "public trades"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`read` is None for files that hold no account's trades; `why` then says what they are."""

    shape: str
    read: Reader | None
    why: str = ""


def known_shapes() -> list[str]:
    return [
        hyperliquid.SHAPE,
        hyperliquid.CASSETTE,
        spreadsheet.SHAPE,
        vault.SHAPE,
        activity.SHAPE,
        exports.SHAPE,
        tape.SHAPE,
    ]


def detect(source: Source) -> Verdict:
    """The importer for this content."""
    if is_database(source.raw):
        return Verdict(vault.SHAPE, vault.read)
    text = source.text.lstrip()
    head = text[:_HEAD]
    if re.search(r"^interactions:\s*$", head[:2000], re.M):
        return Verdict(hyperliquid.CASSETTE, hyperliquid.read_cassette)
    if head.startswith(("{", "[")) or re.match(r"\d{1,20}[ \t]+[\[{]", head):
        return _json(text, head)
    return _table(text)


def _json(text: str, head: str) -> Verdict:
    keys = set(_KEY.findall(head))
    if "proxyWallet" in keys and keys & {"transactionHash", "timestamp"}:
        return Verdict(activity.SHAPE, activity.read)
    if '"userFills"' in text or _NO_FILLS.search(head) or keys >= {"fills", "coin"}:
        return Verdict(hyperliquid.SHAPE, hyperliquid.read)
    if len(keys & {"coin", "px", "sz", "side", "time", "oid", "startPosition", "dir", "tid"}) >= 7:
        return Verdict(hyperliquid.SHAPE, hyperliquid.read)
    for wanted, what in _MARKET_JSON:
        if keys >= wanted:
            return _market(what)
    return Verdict(UNKNOWN, None, "its JSON has the fields of no recording")


def _table(text: str) -> Verdict:
    names = set(header(text))
    if exports.is_literals(text):
        return Verdict(exports.SHAPE, exports.read)
    for wanted, what in _MARKET_TABLES:
        if names >= wanted:
            return _market(what)
    # The nearest shape: a column that is missing is then named, instead of the file being called unknown.
    shape, read, required = max(_TABLES, key=lambda known: len(names & set(known[2])) / len(known[2]))
    if len(names & set(required)) * 3 >= len(required) * 2:
        return Verdict(shape, read)
    return Verdict(UNKNOWN, None, "it is neither JSON, YAML, DuckDB nor a table with the columns of a recording")


def _market(what: str) -> Verdict:
    return Verdict(MARKET, None, f"a market recording ({what}), holds no account's trades")
