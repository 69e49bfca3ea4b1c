"""The spreadsheet: its order is in the positions, its zone is India's, and what it lacks lay where pages turned."""

import csv
import gzip
import random
from collections import defaultdict
from datetime import datetime
from itertools import groupby
from pathlib import Path

import pytest

from pilotfish.venues.recordings import Recording, read_recordings

FILLS = "hyperliquid/trader-2025-04/fills_0x513b8629.csv.gz"
BARS = "hyperliquid/trader-2025-04/bybit_BTCUSDT_5m.csv.gz"
BAR_NS = 300 * 10**9


@pytest.fixture(scope="module")
def text(shared_data: Path) -> str:
    return gzip.decompress((shared_data / FILLS).read_bytes()).decode()


@pytest.fixture(scope="module")
def found(shared_data: Path) -> Recording:
    (one,) = read_recordings([shared_data / FILLS])
    return one


def test_the_breaks_that_remain_lie_where_the_export_turned_its_pages(found):
    assert [b.fill for b in found.breaks] == [2000, 4000, 6035]
    assert [found.instruments[b.instrument].symbol for b in found.breaks] == ["BTC", "BTC", "SOL"]
    # The last is the first SOL fill after row 6,000: a page is 2,000 rows, and fills between two pages were lost.
    since = [f for f in found.fills[6000:6036] if f.instrument == found.breaks[2].instrument]
    assert len(since) == 1


@pytest.mark.parametrize("seed", [1, 2])
def test_shuffled_minutes_are_put_back_into_an_order_that_closes(text, found, tmp_path, seed):
    head, *rows = text.splitlines()
    minute = head.split(",").index("Timestamp IST")
    chance = random.Random(seed)
    shuffled = []
    for _, group in groupby(rows, key=lambda row: row.split(",")[minute]):
        members = list(group)
        chance.shuffle(members)
        shuffled += members
    path = tmp_path / "shuffled"
    path.write_text("\n".join([head, *shuffled]) + "\n")
    (again,) = read_recordings([path])
    assert shuffled != rows
    assert len(again.fills) == len(found.fills)
    # Inside a minute of a page's end nobody can tell the two halves apart; everywhere else the chain is whole.
    assert len(again.breaks) == len(found.breaks)
    per_coin: list[dict[str, list[int | None]]] = []
    for one in (found, again):
        ends: dict[str, list[int | None]] = defaultdict(list)
        for (coin, _), group in groupby(
            sorted(one.fills, key=lambda f: (one.instruments[f.instrument].symbol, f.venue_ns)),
            key=lambda f, one=one: (one.instruments[f.instrument].symbol, f.venue_ns),
        ):
            ends[coin].append(next(group).start)
        per_coin.append(ends)
    same = sum(a == b for coin in per_coin[0] for a, b in zip(per_coin[0][coin], per_coin[1][coin], strict=True))
    assert same == sum(map(len, per_coin[0].values()))  # every minute begins where it began


def test_the_stamps_are_utc_by_the_bars_of_another_venue(shared_data, found):
    """Fills of BTC inside the 5-minute bar of their time: nearly all in UTC, few when the zone is taken for UTC."""
    bars = {}
    for row in csv.DictReader(gzip.decompress((shared_data / BARS).read_bytes()).decode().splitlines()):
        at = int(datetime.fromisoformat(row["timestamp"]).timestamp()) * 10**9
        bars[at] = (float(row["low"]), float(row["high"]))
    btc = next(i for i in found.instruments if i.symbol == "BTC")
    zone = int(5.5 * 3600) * 10**9

    def inside(shift_ns: int) -> float:
        hits = []
        for fill in found.fills:
            bar = bars.get((fill.venue_ns + shift_ns) // BAR_NS * BAR_NS)
            if fill.instrument == btc.id and bar:
                price = float(btc.show_price(fill.price))
                hits.append(bar[0] * 0.9985 <= price <= bar[1] * 1.0015)  # the two venues differ by some basis points
        assert len(hits) > 3000
        return sum(hits) / len(hits)

    assert inside(0) > 0.97
    assert inside(zone) < 0.5


def test_a_fee_in_the_token_bought_is_what_closes_the_spot_chain(found):
    spot = next(i for i in found.instruments if i.symbol == "@107")
    assert sum(f.instrument == spot.id for f in found.fills) == 979
    assert not any(b.instrument == spot.id for b in found.breaks)
