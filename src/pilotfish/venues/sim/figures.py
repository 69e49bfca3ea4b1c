"""The figures of the simulated market: what kinds of markets look like, and where every number comes from.

The literals are printed by `bench/fit_figures.py` from recordings; docs/market-model.md explains them. Distances are
bps of the reference price (the mid; of the payout, 1, for an outcome token) and sizes USD at that price, so one class
serves every price. Behind the touch, the mean USD within d bps is extra(d) = depth_a_usd · d^depth_k.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instrument import Kind

LEVELS = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)


class Figure(msgspec.Struct, frozen=True):
    """One number and its source: recording and samples, or "assumed: why"."""

    value: float
    source: str


class Quantiles(msgspec.Struct, frozen=True):
    """A distribution as its quantiles at LEVELS, log-linear between them and flat outside: no tail is invented."""

    values: tuple[float, ...]
    source: str

    def at(self, u: float) -> float:
        """The value at probability `u`."""
        i = bisect_right(LEVELS, u)
        if i == 0 or i == len(LEVELS):
            return self.values[min(i, len(LEVELS) - 1)]
        share = (u - LEVELS[i - 1]) / (LEVELS[i] - LEVELS[i - 1])
        return self.values[i - 1] * math.exp(share * math.log(self.values[i] / self.values[i - 1]))

    @property
    def mean(self) -> float:
        """The exact mean of this distribution; below the sample's where the sample has a long tail."""
        total = LEVELS[0] * self.values[0] + (1 - LEVELS[-1]) * self.values[-1]
        for (u, low), (v, high) in pairwise(zip(LEVELS, self.values, strict=True)):
            total += (v - u) * (low if low == high else (high - low) / math.log(high / low))
        return total


class MarketFigures(msgspec.Struct, frozen=True):
    """One class of market."""

    name: str
    spread_bps: Quantiles
    touch_usd: Quantiles  # at the best price of one side
    depth_a_usd: Figure
    depth_k: Figure
    reach_bps: Figure  # the depth law was fitted up to here behind the touch; beyond, it is extrapolated
    gap_bps: Figure  # mean distance between levels
    size_sigma: Figure  # standard deviation of ln(level / what the depth law puts there)
    levels: Figure  # recorded per side
    market_per_s: Figure  # market orders, both sides
    market_mu: Figure  # ln(USD) of a market order: mean and standard deviation
    market_sigma: Figure
    vol_bps: Figure  # per √s, of ln(price); of logit(price) for an outcome token
    limit_per_s: Figure  # arrivals, both sides
    cancel_per_s: Figure
    resilience_s: Figure  # half-life of depth that was taken
    shape_life_s: Figure  # 1/e time of ln(touch)
    permanent_share: Figure  # of a sweep's move of the mid, what never comes back

    def extra_usd(self, bps: float) -> float:
        """Mean USD within `bps` behind the touch of one side, the touch left out.

        Beyond the fitted reach it grows at most linearly: an exponent above one, fitted near the touch, must not be
        carried on to depth that nobody has seen.
        """
        if bps <= 0:
            return 0.0
        k, reach = self.depth_k.value, self.reach_bps.value
        near = self.depth_a_usd.value * math.pow(min(bps, reach), k)
        return near * math.pow(max(bps / reach, 1.0), min(k, 1.0))


PERMANENT_SHARE = Figure(
    2 / 3,
    "assumed: the fair-pricing value of Farmer, Gerig, Lillo & Waelbroeck, Quantitative Finance 13 (2013); measuring it"
    " takes orders of our own",
)

LIVE = "live_books_5m, 57 books of 20 levels a side in 295 s"
PRINTS = "live_books_5m, prints of one ms and side together, 295 s"
RELAXED = (
    "assumed: ln 2 · shape_life_s; on Binance BTCUSDT that gives 0.32 s, and 1034 sweeps of half a touch or "
    "more measure 0.36 s"
)
CLOB = "clob-mlb-2025 in play, 12 games, 26554 states by time, 25147 s"
LOSSES = "assumed: one loss at the touch in two is a trade, the recording has no prints"

MAJOR = MarketFigures(
    name="major",
    spread_bps=Quantiles(
        (0.1506, 0.1506, 0.1507, 0.1507, 0.1507, 0.1508, 0.1508),
        LIVE + ": BTC 0.151 (sample mean 0.153)",
    ),
    touch_usd=Quantiles(
        (112.8, 8124, 8.034e04, 3.657e05, 7.391e05, 1.212e06, 2.138e06),
        LIVE + ": BTC 3.66e+05 (sample mean 504198)",
    ),
    depth_a_usd=Figure(6.263e05, LIVE + ": BTC 6.26e+05 (RMS error 15% up to 2.86 bps)"),
    depth_k=Figure(1.629, LIVE + ": BTC 1.63 (RMS error 15% up to 2.86 bps)"),
    reach_bps=Figure(2.862, LIVE + ": 90% of the recorded sides reach this far: BTC 2.86"),
    gap_bps=Figure(0.1561, LIVE + ", levels within the reach: BTC 0.156"),
    size_sigma=Figure(1.936, LIVE + ", levels within the reach: BTC 1.94"),
    levels=Figure(20, LIVE + ": BTC 20"),
    market_per_s=Figure(1.826, PRINTS + ": BTC 1.83 (539 orders)"),
    market_mu=Figure(5.679, PRINTS + ": BTC 5.68 (539 orders)"),
    market_sigma=Figure(2.04, PRINTS + ": BTC 2.04 (539 orders)"),
    vol_bps=Figure(0.5186, LIVE + ", mids 5.4 s apart: BTC 0.519"),
    limit_per_s=Figure(
        10.29,
        LIVE + ": levels that grew, ×3.6 for what 5 s sampling misses (45 against 5 of ws_btcusd): BTC 10.3",
    ),
    cancel_per_s=Figure(
        8.609,
        LIVE + ": levels that shrank less orders, ×3.6 for what 5 s sampling misses (45 against 5 of "
        "ws_btcusd): BTC 8.61",
    ),
    resilience_s=Figure(3.762, RELAXED + ": BTC 3.76"),
    shape_life_s=Figure(5.427, LIVE + ": ln(touch) at a lag of 5.4 s: BTC 5.43"),
    permanent_share=PERMANENT_SHARE,
)

MID = MarketFigures(
    name="mid",
    spread_bps=Quantiles(
        (0.3209, 0.5559, 1.636, 2.489, 3.43, 5.004, 9.191),
        LIVE + ", geometric mean: xyz:CL 0.468 (sample mean 0.599); xyz:KR200 13.2 (sample mean 14.1)",
    ),
    touch_usd=Quantiles(
        (30.13, 56.14, 164.8, 496.8, 4602, 7841, 1.58e04),
        LIVE + ", geometric mean: xyz:CL 2.06e+03 (sample mean 19303); xyz:KR200 120 (sample mean 529)",
    ),
    depth_a_usd=Figure(
        4537,
        LIVE + ", geometric mean: xyz:CL 1.63e+05 (RMS error 12% up to 2.46 bps); xyz:KR200 126 (RMS error 11% "
        "up to 99.7 bps)",
    ),
    depth_k=Figure(
        1.364,
        LIVE + ", mean: xyz:CL 1.38 (RMS error 12% up to 2.46 bps); xyz:KR200 1.35 (RMS error 11% up to 99.7 bps)",
    ),
    reach_bps=Figure(
        15.65,
        LIVE + ": 90% of the recorded sides reach this far, geometric mean: xyz:CL 2.46; xyz:KR200 99.7",
    ),
    gap_bps=Figure(1.003, LIVE + ", levels within the reach, geometric mean: xyz:CL 0.166; xyz:KR200 6.07"),
    size_sigma=Figure(2.057, LIVE + ", levels within the reach, geometric mean: xyz:CL 2.03; xyz:KR200 2.09"),
    levels=Figure(20, LIVE + ", geometric mean: xyz:CL 20; xyz:KR200 20"),
    market_per_s=Figure(0.2019, PRINTS + ", geometric mean: xyz:CL 0.633 (187 orders); xyz:KR200 0.0644 (19 orders)"),
    market_mu=Figure(6.536, PRINTS + ", mean: xyz:CL 6.42 (187 orders); xyz:KR200 6.65 (19 orders)"),
    market_sigma=Figure(1.442, PRINTS + ", geometric mean: xyz:CL 1.9 (187 orders); xyz:KR200 1.09 (19 orders)"),
    vol_bps=Figure(0.9402, LIVE + ", mids 5.4 s apart, geometric mean: xyz:CL 0.833; xyz:KR200 1.06"),
    limit_per_s=Figure(
        5.621,
        LIVE + ": levels that grew, ×3.6 for what 5 s sampling misses (45 against 5 of ws_btcusd), geometric "
        "mean: xyz:CL 8.67; xyz:KR200 3.64",
    ),
    cancel_per_s=Figure(
        5.611,
        LIVE + ": levels that shrank less orders, ×3.6 for what 5 s sampling misses (45 against 5 of "
        "ws_btcusd), geometric mean: xyz:CL 7.75; xyz:KR200 4.06",
    ),
    resilience_s=Figure(2.871, RELAXED + ", geometric mean: xyz:CL 1.45; xyz:KR200 5.69"),
    shape_life_s=Figure(4.142, LIVE + ": ln(touch) at a lag of 5.4 s, geometric mean: xyz:CL 2.09; xyz:KR200 8.21"),
    permanent_share=PERMANENT_SHARE,
)

THIN = MarketFigures(
    name="thin",
    spread_bps=Quantiles(
        (11.95, 13.66, 18.51, 24.49, 27.77, 37, 58.58),
        LIVE + ", geometric mean: CASHCAT 33.5 (sample mean 35.9); xyz:CXMT 17.9 (sample mean 18.5)",
    ),
    touch_usd=Quantiles(
        (16.79, 40.19, 60.1, 190.3, 308.1, 869.3, 2633),
        LIVE + ", geometric mean: CASHCAT 120 (sample mean 362); xyz:CXMT 301 (sample mean 515)",
    ),
    depth_a_usd=Figure(
        499.4,
        LIVE + ", geometric mean: CASHCAT 225 (RMS error 26% up to 49 bps); xyz:CXMT 1.11e+03 (RMS error 12% up"
        " to 24.5 bps)",
    ),
    depth_k=Figure(
        0.7283,
        LIVE + ", mean: CASHCAT 0.632 (RMS error 26% up to 49 bps); xyz:CXMT 0.824 (RMS error 12% up to 24.5 bps)",
    ),
    reach_bps=Figure(
        34.62,
        LIVE + ": 90% of the recorded sides reach this far, geometric mean: CASHCAT 49; xyz:CXMT 24.5",
    ),
    gap_bps=Figure(2.749, LIVE + ", levels within the reach, geometric mean: CASHCAT 4.13; xyz:CXMT 1.83"),
    size_sigma=Figure(2.63, LIVE + ", levels within the reach, geometric mean: CASHCAT 2.47; xyz:CXMT 2.8"),
    levels=Figure(20, LIVE + ", geometric mean: CASHCAT 20; xyz:CXMT 20"),
    market_per_s=Figure(0.3281, PRINTS + ", geometric mean: CASHCAT 0.539 (159 orders); xyz:CXMT 0.2 (59 orders)"),
    market_mu=Figure(4.726, PRINTS + ", mean: CASHCAT 4.32 (159 orders); xyz:CXMT 5.13 (59 orders)"),
    market_sigma=Figure(1.51, PRINTS + ", geometric mean: CASHCAT 1.44 (159 orders); xyz:CXMT 1.58 (59 orders)"),
    vol_bps=Figure(2.631, LIVE + ", mids 5.4 s apart, geometric mean: CASHCAT 5.86; xyz:CXMT 1.18"),
    limit_per_s=Figure(
        3.962,
        LIVE + ": levels that grew, ×3.6 for what 5 s sampling misses (45 against 5 of ws_btcusd), geometric "
        "mean: CASHCAT 6; xyz:CXMT 2.62",
    ),
    cancel_per_s=Figure(
        5.613,
        LIVE + ": levels that shrank less orders, ×3.6 for what 5 s sampling misses (45 against 5 of "
        "ws_btcusd), geometric mean: CASHCAT 7.5; xyz:CXMT 4.2",
    ),
    resilience_s=Figure(2.946, RELAXED + ", geometric mean: CASHCAT 4.77; xyz:CXMT 1.82"),
    shape_life_s=Figure(4.25, LIVE + ": ln(touch) at a lag of 5.4 s, geometric mean: CASHCAT 6.89; xyz:CXMT 2.62"),
    permanent_share=PERMANENT_SHARE,
)

OUTCOME = MarketFigures(
    name="outcome",
    spread_bps=Quantiles((100, 100, 100, 200, 300, 660, 2000), CLOB + "; sample mean 384"),
    touch_usd=Quantiles((9.1, 23.42, 100, 641, 5556, 5.865e04, 2.531e05), CLOB + "; sample mean 19156"),
    depth_a_usd=Figure(932.4, CLOB + "; RMS error 14% up to 900 bps"),
    depth_k=Figure(0.6666, CLOB + "; RMS error 14% up to 900 bps"),
    reach_bps=Figure(900, CLOB + ": 90% of the recorded sides reach this far"),
    gap_bps=Figure(134.4, CLOB + ", levels within the reach"),
    size_sigma=Figure(2.283, CLOB + ", levels within the reach"),
    levels=Figure(11.9, CLOB),
    market_per_s=Figure(0.0715, LOSSES + "; 3596 losses"),
    market_mu=Figure(4.809, LOSSES + "; 3596 losses"),
    market_sigma=Figure(2.248, LOSSES + "; 3596 losses"),
    vol_bps=Figure(283.3, CLOB + ": 1e-4 of logit(price) per √s, mids 30 s apart"),
    limit_per_s=Figure(0.7288, CLOB + ": 18328 levels grew"),
    cancel_per_s=Figure(0.6728, CLOB + ": 18717 levels shrank, less orders"),
    resilience_s=Figure(3.693, CLOB + ": 2379 losses of half a touch or more"),
    shape_life_s=Figure(12.66, CLOB + ": ln(touch) at a lag of 1 s"),
    permanent_share=PERMANENT_SHARE,
)


MAJORS = frozenset({"BTC", "ETH", "SOL"})
THINS = frozenset({"CASHCAT", "xyz:CXMT"})
MEASURED = {"BTC": MAJOR, "xyz:CL": MID, "xyz:KR200": MID, "CASHCAT": THIN, "xyz:CXMT": THIN}


def figures_for(symbol: str, kind: Kind) -> tuple[MarketFigures, str]:
    """The class of a market, and a note for whoever reads a result: was this coin measured, or is it taken to be alike?

    Every outcome token is `outcome`. By base symbol (`BTC`, `BTCUSDT`, `BTC-USD`, `BTC/USDT:USDT`): MAJORS are `major`,
    THINS `thin`, anything else `mid`. Raises ConfigError for an empty symbol.
    """
    if not symbol.strip():
        raise ConfigError("a market without a symbol", "its class cannot be looked up", "name the instrument")
    if kind is Kind.OUTCOME:
        return OUTCOME, f"{symbol}: modelled as `outcome`, fitted to in-play sports tokens"
    base = _base(symbol)
    if base in MEASURED:
        return MEASURED[base], f"{symbol}: modelled as `{MEASURED[base].name}`, which {base} was fitted to"
    if base in MAJORS:
        return MAJOR, f"{symbol}: not measured, modelled as `major` (BTC): its depth is likely overstated"
    return MID, f"{symbol}: not measured, modelled as `mid` (xyz:CL and xyz:KR200): a convention, not a fit"


def _base(symbol: str) -> str:
    """The base of a pair in any venue's spelling; Hyperliquid's `dex:coin` stays whole."""
    base = symbol.partition("/")[0].partition("-")[0]
    for quote in ("USDT", "USDC", "USD"):
        if base.endswith(quote) and base != quote:
            return base.removesuffix(quote)
    return base
