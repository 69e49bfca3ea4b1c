"""Order flow: the seeded market of strangers stays what the figures say, for hours, and never crosses itself."""

from itertools import pairwise
from statistics import mean

import pytest

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instrument import Instrument, Kind, TickRule
from pilotfish.domain.orders import Tif
from pilotfish.venues.sim.figures import MAJOR, MID, OUTCOME, THIN
from pilotfish.venues.sim.flow import OrderFlow
from pilotfish.venues.sim.matching import OrderBook, Trade
from pilotfish.venues.sim.shape import Scale

S = 1_000_000_000
START = 1_780_000_000 * S
PERP = {"kind": Kind.PERP, "tick_rule": TickRule.SIGNIFICANT, "tick": 5}
BTC = Instrument(0, "BTC", "hyperliquid", lot_decimals=5, price_decimals=1, **PERP)
CL = Instrument(0, "xyz:CL", "hyperliquid", lot_decimals=3, price_decimals=3, **PERP)
CASHCAT = Instrument(0, "CASHCAT", "hyperliquid", lot_decimals=0, price_decimals=6, **PERP)
TOKEN = Instrument(0, "YES", "polymarket", Kind.OUTCOME, 2, 3, tick_rule=TickRule.GRID, tick=10)
MARKETS = [(BTC, MAJOR, 664_000), (CL, MID, 85_495), (CASHCAT, THIN, 63_250), (TOKEN, OUTCOME, 450)]
# How far the mean of an hour may be from the figure. Depth is the touch and all behind it up to the fitted reach.
SPREAD_TOLERANCE, DEPTH_TOLERANCE = 0.15, 0.30


def flow_and_book(instrument, figures, price, seed=1):
    return OrderFlow(instrument, figures, seed, price, START), OrderBook(instrument)


def usd_within(book, scale, side, bps):
    prices, cumulative = book.depth(side)
    last = prices[0] - side * scale.units(bps, prices[0])
    return scale.usd([c for p, c in zip(prices, cumulative, strict=True) if (p - last) * side >= 0][-1], prices[0])


@pytest.mark.parametrize(("instrument", "figures", "price"), MARKETS, ids=lambda x: getattr(x, "name", ""))
def test_over_an_hour_spread_and_depth_stay_at_the_figures_and_no_side_stays_empty(instrument, figures, price):
    flow, book = flow_and_book(instrument, figures, price)
    scale, reach = Scale(instrument), figures.reach_bps.value
    spreads, depths, empty, longest = [], [], 0, 0
    for second in range(3600):
        flow.advance(book, START + second * S)
        bid, _, ask, _ = book.best()
        empty = 0 if bid and ask else empty + 1
        longest = max(longest, empty)
        if not empty:
            assert bid < ask
            spreads.append((ask - bid) / scale.units(1.0, (bid + ask) / 2))
            if second % 4 == 0:
                depths.append(mean(usd_within(book, scale, side, reach) for side in (1, -1)))
    assert longest <= 30
    assert mean(spreads) == pytest.approx(figures.spread_bps.mean, rel=SPREAD_TOLERANCE)
    depth = figures.touch_usd.mean + figures.extra_usd(reach)
    assert mean(depths) == pytest.approx(depth, rel=DEPTH_TOLERANCE)
    assert mean(depths[:450]) == pytest.approx(mean(depths[450:]), rel=2 * DEPTH_TOLERANCE)


def state(book):
    return book.depth(1), book.depth(-1)


def test_the_same_seed_is_the_same_book_however_often_it_is_advanced_and_another_seed_is_not():
    books = []
    for seed, step in ((7, 60 * S), (7, 60 * S // 977), (8, 60 * S)):
        flow, book = flow_and_book(CL, MID, 85_495, seed)
        for ns in [*range(START, START + 60 * S, step), START + 60 * S]:
            flow.advance(book, ns)
        books.append((state(book), flow.mark(0, START), flow.events))
    assert books[0] == books[1]
    assert books[0] != books[2]


def test_nothing_happens_before_the_start_nor_when_time_goes_back():
    flow, book = flow_and_book(CL, MID, 85_495)
    flow.advance(book, START - 1)
    assert book.best() == (0, 0, 0, 0)
    flow.advance(book, START + 10 * S)
    before = state(book)
    flow.advance(book, START + 5 * S)
    assert state(book) == before


def test_the_efficient_price_has_the_fitted_volatility():
    flow, book = flow_and_book(BTC, MAJOR, 664_000)
    marks = []
    for second in range(0, 1800, 2):
        flow.advance(book, START + second * S)
        marks.append(flow.mark(0, START + second * S))
    moves = [(b / a - 1) * 1e4 for a, b in pairwise(marks)]
    assert mean(move * move for move in moves) ** 0.5 == pytest.approx(MAJOR.vol_bps.value * 2**0.5, rel=0.1)


def test_an_outcome_token_never_leaves_its_grid():
    flow, book = flow_and_book(TOKEN, OUTCOME, 20)
    for second in range(0, 1800, 5):
        flow.advance(book, START + second * S)
        for side in (1, -1):
            assert all(TOKEN.is_valid_price(price) for price in book.depth(side)[0])
        assert 0 < flow.mark(0, START) < 1000


def test_who_rests_in_the_way_of_the_price_is_filled_by_strangers():
    flow, book = flow_and_book(BTC, MAJOR, 664_000)
    flow.advance(book, START + S)
    bid, _, ask, _ = book.best()
    for side, price in ((1, bid), (-1, ask)):
        book.add(side, 1_000, price, Tif.GTC, owner=side + 5)
    flow.advance(book, START + 600 * S)
    fills = [entry for entry in book.drain() if isinstance(entry, Trade)]
    assert {fill.maker_owner for fill in fills} == {4, 6}
    assert all(START < fill.ns <= START + 600 * S for fill in fills)


def test_what_is_taken_grows_back():
    flow, book = flow_and_book(BTC, MAJOR, 664_000)
    flow.advance(book, START + S)
    before = book.depth(-1)[1][-1]
    book.add(1, before // 2, 10**9, Tif.IOC, owner=5)
    assert book.depth(-1)[1][-1] <= before // 2 + 1
    flow.advance(book, START + 120 * S)
    assert book.depth(-1)[1][-1] > before * 3 // 4


@pytest.mark.parametrize(("instrument", "price"), [(BTC, 0), (BTC, -5), (TOKEN, 1000), (TOKEN, 0)])
def test_an_impossible_start_price_is_refused(instrument, price):
    with pytest.raises(ConfigError, match="no such price"):
        OrderFlow(instrument, MID, 1, price, START)
