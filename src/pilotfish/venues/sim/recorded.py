"""Books as venues recorded them: loaders for two recording formats, and the world that plays a recording back.

Sources: Hyperliquid WebSocket `l2Book` (https://hyperliquid.gitbook.io, "Subscriptions"), one JSON message a line, with
our receive stamp inside or in front of it; Polymarket CLOB `book` and `price_change` messages, as CSV, a row a level.
"""

from __future__ import annotations

import csv
import gzip
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple, Protocol, TextIO, cast

import msgspec

from pilotfish.domain.arith import INT64_MAX
from pilotfish.domain.errors import NumericOverflow, RecordingError
from pilotfish.domain.instrument import Instrument

Level = tuple[int, int]  # price in price units, lots
NS_PER_MS = 1_000_000


class AnonymousBook(Protocol):
    """What a source of liquidity needs of a book: to replace everybody's orders but ours."""

    def replace_anonymous(self, bids: Sequence[Level], asks: Sequence[Level]) -> None: ...


class BookSnapshot(NamedTuple):
    """One state of a book, best level first, by the venue's clock."""

    venue_ns: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Recording(NamedTuple):
    """What could be read, and a RecordingError for each row that could not; the good rows still count."""

    snapshots: tuple[BookSnapshot, ...]
    errors: tuple[RecordingError, ...]


class _Level(msgspec.Struct):
    px: str
    sz: str


class _Book(msgspec.Struct):
    coin: str
    time: int  # ms
    levels: tuple[list[_Level], list[_Level]]


class _Message(msgspec.Struct):
    channel: str
    data: msgspec.Raw


_messages = msgspec.json.Decoder(_Message)
_books = msgspec.json.Decoder(_Book)


def _open(path: Path) -> TextIO:
    try:
        # newline="" leaves the line ends to csv; a byte that is no UTF-8 becomes a bad row, not the end of the file.
        if path.suffix == ".gz":
            return cast(TextIO, gzip.open(path, "rt", encoding="utf-8", errors="replace", newline=""))
        return path.open(encoding="utf-8", errors="replace", newline="")
    except OSError as bad:
        raise RecordingError(path.name, 0, "file", str(bad), "check the path and the permissions") from bad


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines. Raises RecordingError where a compressed file is cut short or is none."""
    number = 0
    with _open(path) as file:
        try:
            for number, line in enumerate(file, 1):
                yield number, line
        except (OSError, EOFError) as bad:
            raise RecordingError(path.name, number + 1, "file", str(bad), "fetch the recording again") from bad


def _side(levels: Sequence[tuple[str, str]], instrument: Instrument, best_first: int) -> tuple[Level, ...]:
    """Levels in units. Raises ValueError when a price is outside the book's world, repeated, or out of order."""
    out = tuple((instrument.price(px), instrument.lots(sz)) for px, sz in levels)
    for price, lots in out:
        if price <= 0 or lots <= 0:
            raise ValueError(f"level {instrument.show_price(price)} × {instrument.show_lots(lots)} is not positive")
        if not instrument.is_valid_price(price):
            raise ValueError(f"price {instrument.show_price(price)} is not on the tick")
    if any((b[0] - a[0]) * best_first >= 0 for a, b in pairwise(out)):
        raise ValueError("levels are not sorted from the best outwards")
    return out


class _Collector:
    """Keeps snapshots that are sane and in order; anything else becomes a RecordingError with its line."""

    def __init__(self, file: str) -> None:
        self.file, self.errors = file, list[RecordingError]()
        self.snapshots: list[BookSnapshot] = []

    def bad(self, line: int, column: str, why: str, to_do: str = "the row was skipped") -> None:
        self.errors.append(RecordingError(self.file, line, column, why, to_do))

    def keep(self, line: int, snapshot: BookSnapshot) -> None:
        last = self.snapshots[-1] if self.snapshots else None
        if not 0 < snapshot.venue_ns <= INT64_MAX:
            self.bad(line, "time", f"{snapshot.venue_ns // NS_PER_MS} ms is no time a venue can have")
        elif snapshot.bids and snapshot.asks and snapshot.bids[0][0] >= snapshot.asks[0][0]:
            self.bad(line, "price", f"crossed: bid {snapshot.bids[0][0]} >= ask {snapshot.asks[0][0]} (price units)")
        elif last and snapshot.venue_ns < last.venue_ns:
            self.bad(line, "time", f"{(last.venue_ns - snapshot.venue_ns) // NS_PER_MS} ms before an earlier row")
        elif last and snapshot.venue_ns == last.venue_ns:
            self.snapshots[-1] = snapshot  # the venue's clock has ms: the last state of each is the one that held
        else:
            self.snapshots.append(snapshot)


def _read(path: Path, each: Callable[[_Collector], None]) -> Recording:
    found = _Collector(path.name)
    try:
        each(found)
    except RecordingError as end:  # the file breaks off: what was read before still counts
        if not found.snapshots and end.line == 0:
            raise
        found.errors.append(end)
    return Recording(tuple(found.snapshots), tuple(found.errors))


def load_hyperliquid(path: Path, instrument: Instrument) -> Recording:
    """`l2Book` snapshots of the coin `instrument.symbol`; messages of other channels and coins are passed over.

    A line is `{"received_wall_ns":…,"channel":…,"data":…}` or `<receive ns> {"channel":…,"data":…}`; `.gz` or plain.
    Raises RecordingError only when the file cannot be opened at all.
    """

    def each(found: _Collector) -> None:
        for number, line in _lines(path):
            text = line if line.startswith("{") else line.partition(" ")[2]
            column = "message"
            try:
                message = _messages.decode(text.encode())
                if message.channel != "l2Book":
                    continue
                column = "data"
                book = _books.decode(message.data)
                if book.coin != instrument.symbol:
                    continue
                column = "levels"
                bids, asks = ([(level.px, level.sz) for level in side] for side in book.levels)
                snapshot = BookSnapshot(book.time * NS_PER_MS, _side(bids, instrument, 1), _side(asks, instrument, -1))
            except (msgspec.MsgspecError, NumericOverflow, ValueError) as bad:
                found.bad(number, column, str(bad))
            else:
                found.keep(number, snapshot)

    return _read(path, each)


class _Row(NamedTuple):
    line: int
    key: tuple[str, int, str]  # event, venue ms, hash: rows that share it are one message
    side: int  # +1 bid, -1 ask
    price: int
    lots: int


_POLYMARKET_SIDE = {"bid": 1, "buy": 1, "ask": -1, "sell": -1}


def load_polymarket(path: Path, instrument: Instrument, asset_id: str) -> Recording:
    """The book of outcome token `asset_id` after every message: a `book` starts it anew, a `price_change` amends it.

    Columns used: asset_id, event_type, price, side (bid/ask or BUY/SELL), size, hash, timestamp (ms). Crossed states
    are reported and skipped; the deltas that led to them are kept. Raises RecordingError when the file cannot be opened
    or lacks these columns.
    """

    def each(found: _Collector) -> None:
        sides: dict[int, dict[int, int]] = {1: {}, -1: {}}
        rows = _polymarket_rows(path, instrument, asset_id, found)
        for (event, at_ms, _), group in groupby(rows, key=lambda row: row.key):
            if event == "book":
                sides[1].clear()
                sides[-1].clear()
            line = 0
            for row in group:
                line = row.line
                if row.lots:
                    sides[row.side][row.price] = row.lots
                else:
                    sides[row.side].pop(row.price, None)
            bids, asks = tuple(sorted(sides[1].items(), reverse=True)), tuple(sorted(sides[-1].items()))
            found.keep(line, BookSnapshot(at_ms * NS_PER_MS, bids, asks))

    return _read(path, each)


def _polymarket_rows(path: Path, instrument: Instrument, asset_id: str, found: _Collector) -> Iterator[_Row]:
    reader = csv.DictReader(text for _, text in _lines(path))
    missing = {"asset_id", "event_type", "price", "side", "size", "hash", "timestamp"} - set(reader.fieldnames or ())
    if missing:
        raise RecordingError(path.name, 0, "header", f"lacks {sorted(missing)}", "give a CLOB market-events file")
    while True:
        column = "row"
        try:
            cells = next(reader, None)
            if cells is None:
                return
            if cells["timestamp"] is None:
                raise ValueError("the row is short of columns")
            if cells["asset_id"] != asset_id:
                continue
            column = "price"
            price = instrument.price(cells["price"])
            if not instrument.is_valid_price(price):
                raise ValueError(f"{cells['price']} is not a price of this instrument")
            column = "size"
            lots = instrument.lots(cells["size"])
            if lots < 0:
                raise ValueError(f"{cells['size']} is negative")
            column = "side"
            side = _POLYMARKET_SIDE[str(cells["side"]).lower()]
            column = "timestamp"
            key = (cells["event_type"], int(cells["timestamp"]), cells["hash"])
            column = "event_type"
            if key[0] not in ("book", "price_change"):
                raise ValueError(f"{key[0]!r} is neither book nor price_change")
        except (NumericOverflow, ValueError, KeyError, csv.Error) as bad:
            found.bad(reader.line_num, column, str(bad))
        else:
            yield _Row(reader.line_num, key, side, price, lots)


class RecordedBook:
    """A world's liquidity played back from snapshots; between two of them the earlier one stands."""

    def __init__(self, instrument: Instrument, snapshots: Sequence[BookSnapshot]) -> None:
        """`snapshots` in the order of their time, uncrossed, as the loaders give them."""
        self.instrument = instrument
        self._snapshots = tuple(snapshots)
        self._times = [snapshot.venue_ns for snapshot in self._snapshots]
        if not self._snapshots:
            raise RecordingError(instrument.symbol, 0, "snapshots", "there are none", "use the modelled book instead")
        if any(b < a for a, b in pairwise(self._times)):
            raise RecordingError(instrument.symbol, 0, "time", "snapshots are not in order", "sort them by venue time")
        self._shown = -1

    def advance(self, book: AnonymousBook, until_ns: int) -> None:
        """Put the newest snapshot up to `until_ns` into `book`, once; before the first one the book stays empty."""
        newest = bisect_right(self._times, until_ns) - 1
        if newest != self._shown:
            self._shown = newest
            snapshot = self._snapshots[newest] if newest >= 0 else BookSnapshot(until_ns, (), ())
            book.replace_anonymous(snapshot.bids, snapshot.asks)

    def covers(self, ns: int) -> bool:
        """Whether the recording has started by `ns` and has not ended."""
        return self._times[0] <= ns <= self._times[-1]

    def mark(self, instrument_id: int, ns: int) -> int:
        """The mid of the newest two-sided snapshot up to `ns`, rounded down to the price unit; 0 before the first."""
        for index in range(bisect_right(self._times, ns) - 1, -1, -1):
            snapshot = self._snapshots[index]
            if snapshot.bids and snapshot.asks:
                return (snapshot.bids[0][0] + snapshot.asks[0][0]) // 2
        return 0
