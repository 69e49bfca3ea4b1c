"""Fits the simulated market to recordings and prints the literals of `pilotfish.venues.sim.figures`.

    python -m bench.fit_figures <folder of recordings>

Distances are bps of the reference price: the mid of a perpetual, the payout of an outcome token. Nothing is tuned by
hand here; what the recordings cannot say is written as assumed, with the reason.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench import book_statistics as stats
from bench.book_statistics import Floats
from pilotfish.domain.instrument import Instrument, Kind, TickRule
from pilotfish.venues.sim.recorded import load_hyperliquid, load_polymarket

LIVE, WS = "hyperliquid/leaders-2026-07/live_books_5m.jsonl.gz", "hyperliquid/ws_btcusd_20250126.gz"
BINANCE, CLOB = "binance/usdm_btcusdt_20240808.gz", "polymarket/clob-mlb-2025"
DECIMALS = {"BTC": (5, 1), "xyz:CL": (3, 3), "xyz:KR200": (4, 3), "CASHCAT": (0, 6), "xyz:CXMT": (2, 4)}
CLASSES = {"MAJOR": ["BTC"], "MID": ["xyz:CL", "xyz:KR200"], "THIN": ["CASHCAT", "xyz:CXMT"]}
TOKEN = Instrument(0, "outcome", "polymarket", Kind.OUTCOME, 2, 3, tick_rule=TickRule.GRID, tick=1)
IN_PLAY = (0.05, 0.95)
STATES_MIN = 1000  # pre-game and settled markets: days of nothing would drown the play
QUIET_S_MAX = 10.0  # a state of an outcome book counts for no longer than this: a halted game is not a market
HIT_MS = 15_000.0  # a loss at the touch is followed this long


class Fit(NamedTuple):
    """One number (or the quantiles of one), how it was found, and how good it is."""

    value: float | Floats
    how: str
    quality: str = ""


def perp(symbol: str) -> Instrument:
    lot, price = DECIMALS[symbol]
    return Instrument(0, symbol, "hyperliquid", Kind.PERP, lot, price, tick_rule=TickRule.SIGNIFICANT, tick=5)


def market_orders(root: Path, coin: str, from_ms: int) -> Floats:
    """USD of each Hyperliquid market order: prints of one coin, millisecond and side together."""
    orders: dict[tuple[int, str], float] = {}
    with gzip.open(root / LIVE, "rt") as file:
        for message in map(json.loads, file):
            for trade in message["data"] if message["channel"] == "trades" else ():
                if trade["coin"] == coin and trade["time"] >= from_ms:
                    key = (trade["time"], trade["side"])
                    orders[key] = orders.get(key, 0.0) + float(trade["px"]) * float(trade["sz"])
    return np.array(list(orders.values()))


def missed(root: Path) -> tuple[float, str]:
    """How many level changes a 5-second sampling misses: changes seen at 0.5 s over changes seen at 5 s."""
    books = load_hyperliquid(root / WS, perp("BTC")).snapshots
    coarse = [books[0]]
    for book in books:
        if book.venue_ns - coarse[-1].venue_ns >= 5_000_000_000:
            coarse.append(book)
    rates = [sum(stats.changes(b)) / (b[-1].venue_ns - b[0].venue_ns) for b in (books, coarse)]
    ratio = rates[0] / rates[1]
    return ratio, f"×{ratio:.1f} for what 5 s sampling misses ({len(books)} against {len(coarse)} of ws_btcusd)"


def binance_check(root: Path) -> str:
    """Whether ln 2 · persistence predicts the half-life that sweeps of at least half a touch measure directly."""
    tops, orders = [], dict[tuple[int, bool], float]()
    with gzip.open(root / BINANCE, "rt") as file:
        for line in file:
            message = json.loads(line.partition(" ")[2]).get("data", {"e": "answer"})
            if message["e"] == "bookTicker":
                tops.append((message["T"], float(message["B"]), float(message["A"])))
            elif message["e"] == "trade":
                key = (message["T"], message["m"])
                orders[key] = orders.get(key, 0.0) + float(message["q"])
    top = np.array(tops)
    times, measured, predicted, count = top[:, 0], [], [], 0
    for column, buyer_is_maker in ((1, True), (2, False)):
        touch = top[:, column]
        hits = [
            at for (at, maker), size in orders.items()
            if maker is buyer_is_maker and times[0] < at < times[-1] - HIT_MS
            and size >= touch[np.searchsorted(times, at) - 1] / 2
        ]  # fmt: skip
        normal = float(np.median(stats.standing(times, touch, np.arange(times[0], times[-1], 50))))
        measured.append(stats.recovery_s(times, touch, np.array(hits, dtype=np.float64), normal))
        predicted.append(np.log(2) * stats.persistence_s(times / 1e3, touch, 0.5))
        count += len(hits)
    return (
        f"assumed: ln 2 · shape_life_s; on Binance BTCUSDT that gives {np.mean(predicted):.2f} s, and {count} sweeps of"
        f" half a touch or more measure {np.mean(measured):.2f} s"
    )


def ladder_fits(shape: stats.Ladders, seen: str) -> dict[str, Fit]:
    law = stats.power_law(shape)
    quality = f"RMS error {law.error:.0%} up to {law.reach:.3g} bps"
    sides = np.repeat(shape.weights, 2)
    means = (np.average(shape.spread, weights=shape.weights), np.average(shape.touch, weights=sides))
    return {
        "spread_bps": Fit(stats.quantiles(shape.spread, shape.weights), seen, f"sample mean {means[0]:.3g}"),
        "touch_usd": Fit(stats.quantiles(shape.touch, sides), seen, f"sample mean {means[1]:.0f}"),
        "depth_a_usd": Fit(law.a, seen, quality),
        "depth_k": Fit(law.k, seen, quality),
        "reach_bps": Fit(law.reach, f"{seen}: {stats.COVERED:.0%} of the recorded sides reach this far"),
        "gap_bps": Fit(law.gap, f"{seen}, levels within the reach"),
        "size_sigma": Fit(law.sigma, f"{seen}, levels within the reach"),
        "levels": Fit(shape.levels, seen),
    }


def coin_fits(root: Path, coin: str, thinned: tuple[float, str], resilience: str) -> dict[str, Fit]:
    books = load_hyperliquid(root / LIVE, perp(coin)).snapshots
    times = np.array([book.venue_ns for book in books]) / 1e9
    span = float(times[-1] - times[0])
    seen = f"live_books_5m, {len(books)} books of 20 levels a side in {span:.0f} s"
    shape = stats.ladders(books, perp(coin), np.ones(len(books)))
    mids = np.log([(book.bids[0][0] + book.asks[0][0]) / 2 for book in books]) * 1e4
    usd = market_orders(root, coin, books[0].venue_ns // 1_000_000)
    prints, quality = f"live_books_5m, prints of one ms and side together, {span:.0f} s", f"{len(usd)} orders"
    up, down = (count * thinned[0] / span for count in stats.changes(books))
    step = float(np.median(np.diff(times)))
    life = float(np.mean([stats.persistence_s(times, shape.touch[side::2], step) for side in (0, 1)]))
    return ladder_fits(shape, seen) | {
        "market_per_s": Fit(len(usd) / span, prints, quality),
        "market_mu": Fit(float(np.log(usd).mean()), prints, quality),
        "market_sigma": Fit(float(np.log(usd).std()), prints, quality),
        "vol_bps": Fit(stats.volatility(times, mids, step), f"{seen}, mids {step:.1f} s apart"),
        "limit_per_s": Fit(up, f"{seen}: levels that grew, {thinned[1]}"),
        "cancel_per_s": Fit(max(down - len(usd) / span, 0.0), f"{seen}: levels that shrank less orders, {thinned[1]}"),
        "resilience_s": Fit(np.log(2) * life, resilience),
        "shape_life_s": Fit(life, f"{seen}: ln(touch) at a lag of {step:.1f} s"),
    }


def outcome_fits(root: Path) -> dict[str, Fit]:
    shapes, squares, grew, shrank, drops, lives, touch_lives, hits = [], [], 0, 0, [], [], [], 0
    low, high = (share * 10**TOKEN.price_decimals for share in IN_PLAY)
    for file in sorted((root / CLOB).glob("*events.csv.gz")):
        with gzip.open(file, "rt") as text:
            asset = min(row["asset_id"] for row in csv.DictReader(text))
        books = [b for b in load_polymarket(file, TOKEN, asset).snapshots if b.bids and b.asks]
        books = [b for b in books if low <= (b.bids[0][0] + b.asks[0][0]) / 2 <= high]
        if len(books) < STATES_MIN:
            continue
        times = np.array([b.venue_ns for b in books]) / 1e9
        shapes.append(stats.ladders(books, TOKEN, np.append(np.minimum(np.diff(times), QUIET_S_MAX), 0.0)))
        p = np.array([(b.bids[0][0] + b.asks[0][0]) / 2 for b in books]) / 10**TOKEN.price_decimals
        squares.append(stats.volatility(times, np.log(p / (1 - p)) * 1e4, 30.0) ** 2)
        up, down = stats.changes(books)
        grew, shrank = grew + up, shrank + down
        for side, outwards in ((1, -1), (2, 1)):
            price, lots = np.array([b[side][0] for b in books], dtype=np.float64).T
            touch, moved = lots / 10**TOKEN.lot_decimals, np.diff(price) * outwards
            lost = np.where(moved > 0, touch[:-1], np.where(moved == 0, touch[:-1] - touch[1:], 0.0))
            drops.append(lost[lost > 0])
            at = times[1:][lost >= touch[:-1] / 2] * 1e3
            at = at[at < times[-1] * 1e3 - HIT_MS]
            left = np.where(np.append(False, moved > 0), 0.0, touch)  # a touch that moved away has nothing left
            lives.append(stats.recovery_s(times * 1e3, left, at, float(np.median(touch))))
            touch_lives.append(stats.persistence_s(times, touch, 1.0))
            hits += len(at)
    shape, lost = stats.joined(shapes), np.concatenate(drops)
    span = float(shape.weights.sum())
    seen = f"clob-mlb-2025 in play, {len(shapes)} games, {len(shape.spread)} states by time, {span:.0f} s"
    trades = "assumed: one loss at the touch in two is a trade, the recording has no prints"
    return ladder_fits(shape, seen) | {
        "market_per_s": Fit(len(lost) / 2 / span, trades, f"{len(lost)} losses"),
        "market_mu": Fit(float(np.log(lost).mean()), trades, f"{len(lost)} losses"),
        "market_sigma": Fit(float(np.log(lost).std()), trades, f"{len(lost)} losses"),
        "vol_bps": Fit(float(np.sqrt(np.mean(squares))), f"{seen}: 1e-4 of logit(price) per √s, mids 30 s apart"),
        "limit_per_s": Fit(grew / span, f"{seen}: {grew} levels grew"),
        "cancel_per_s": Fit((shrank - len(lost) / 2) / span, f"{seen}: {shrank} levels shrank, less orders"),
        "resilience_s": Fit(float(np.median(lives)), f"{seen}: {hits} losses of half a touch or more"),
        "shape_life_s": Fit(float(np.median(touch_lives)), f"{seen}: ln(touch) at a lag of 1 s"),
    }


def pooled(fits: dict[str, dict[str, Fit]]) -> dict[str, Fit]:
    """Geometric means over a class (arithmetic for exponents and logs); the source names each coin's own value."""
    out = {}
    for name, first in next(iter(fits.values())).items():
        values = np.array([fit[name].value for fit in fits.values()])
        plain = name in {"depth_k", "market_mu"} or bool((values <= 0).any())
        value = values.mean(axis=0) if plain else np.exp(np.log(values).mean(axis=0))
        middle = values if values.ndim == 1 else values[:, values.shape[1] // 2]
        each = (
            f"{coin} {own:.3g}{f' ({fit[name].quality})' if fit[name].quality else ''}"
            for (coin, fit), own in zip(fits.items(), middle, strict=True)
        )
        mean = "" if len(fits) == 1 else ", mean" if plain else ", geometric mean"
        out[name] = Fit(value, f"{first.how}{mean}: {'; '.join(each)}")
    return out


def literal(name: str, fits: dict[str, Fit], constants: dict[str, str]) -> str:
    """The MarketFigures of a class as Python source, lines within 120 characters; `constants` name → repeated text."""
    lines = [f"{name} = MarketFigures(", f'    name="{name.lower()}",']
    for field, (value, how, quality) in fits.items():
        source, head = how + (f"; {quality}" if quality else ""), ""
        for constant, text in constants.items():
            if source.startswith(text):
                head, source = f"{constant} + ", source.removeprefix(text)
        many = not isinstance(value, float)
        shown = f"({', '.join(f'{v:.4g}' for v in value)})" if many else f"{value:.4g}"
        kind = "Quantiles" if many else "Figure"
        pieces = [json.dumps(p, ensure_ascii=False) for p in textwrap.wrap(source, 95, drop_whitespace=False)]
        head = head if pieces else head.removesuffix(" + ")
        one_line = f"    {field}={kind}({shown}, {head}{' '.join(pieces)}),"
        if len(pieces) <= 1 and len(one_line) <= 120:
            lines.append(one_line)
        else:
            lines += [f"    {field}={kind}(", f"        {shown},", f"        {head}{''.join(pieces[:1])}"]
            lines += [f"        {piece}" for piece in pieces[1:]]
            lines[-1] += ","
            lines.append("    ),")
    return "\n".join([*lines, "    permanent_share=PERMANENT_SHARE,", ")"])


def main(root: Path) -> None:
    thinned, resilience = missed(root), binance_check(root)
    classes = {
        name: pooled({coin: coin_fits(root, coin, thinned, resilience) for coin in coins})
        for name, coins in CLASSES.items()
    } | {"OUTCOME": outcome_fits(root)}
    constants = {
        "LIVE": classes["MAJOR"]["levels"].how.partition(":")[0],
        "PRINTS": classes["MAJOR"]["market_per_s"].how.partition(":")[0],
        "RELAXED": resilience,
        "CLOB": classes["OUTCOME"]["levels"].how,
        "LOSSES": classes["OUTCOME"]["market_per_s"].how,
    }
    for constant, text in constants.items():
        pieces = [json.dumps(p, ensure_ascii=False) for p in textwrap.wrap(text, 105, drop_whitespace=False)]
        alone = f"{constant} = {pieces[0]}"
        print(*([alone] if len(pieces) == 1 else [f"{constant} = (", *(f"    {p}" for p in pieces), ")"]), sep="\n")
    for name, fits in classes.items():
        print("\n", literal(name, fits, constants), sep="")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
