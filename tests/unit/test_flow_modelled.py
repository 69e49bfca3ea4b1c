"""The modelled book: valid at any time and price, true to its anchors, reproducible, and hurt by what we take."""

from itertools import pairwise
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.errors import RecordingError
from pilotfish.domain.instrument import Instrument, Kind, TickRule
from pilotfish.domain.orders import Tif
from pilotfish.venues.sim.figures import MAJOR, MID, OUTCOME, THIN
from pilotfish.venues.sim.matching import OrderBook
from pilotfish.venues.sim.modelled import Anchor, ModelledBook
from pilotfish.venues.sim.path import OUTSIDE_NS, EfficientPath

MS = 1_000_000
S = 1000 * MS
START = 1_780_000_000 * S
PERP = {"kind": Kind.PERP, "tick_rule": TickRule.SIGNIFICANT, "tick": 5}
BTC = Instrument(0, "BTC", "hyperliquid", lot_decimals=5, price_decimals=1, **PERP)
KBONK = Instrument(0, "kBONK", "hyperliquid", lot_decimals=0, price_decimals=6, **PERP)
FIXED = Instrument(0, "BTCUSDT", "binance", Kind.PERP, 3, 1, tick_rule=TickRule.FIXED, tick=5)
TOKEN = Instrument(0, "YES", "polymarket", Kind.OUTCOME, 2, 3, tick_rule=TickRule.GRID, tick=10)
MARKETS = st.sampled_from([(BTC, MAJOR), (KBONK, MID), (KBONK, THIN), (FIXED, MAJOR), (TOKEN, OUTCOME)])


def book_at(instrument, figures, seed, path, *times):
    model, book = ModelledBook(instrument, figures, seed, path), OrderBook(instrument)
    for ns in times:
        model.advance(book, ns)
    return book.anonymous(1), book.anonymous(-1)


@given(
    MARKETS,
    st.integers(0, 2**63),
    st.lists(st.tuples(st.integers(0, 600 * S), st.floats(0, 1), st.sampled_from([-1, 0, 1])), min_size=1, max_size=5),
    st.integers(-7200 * S, 7200 * S),
)
def test_levels_are_sorted_positive_on_the_tick_and_never_crossed(market, seed, path, at):
    instrument, figures = market
    top = 999 if instrument.kind is Kind.OUTCOME else 10**7
    priced = [(ns, instrument.round_price(1 + int(share * (top - 1)), 1), side) for ns, share, side in path]
    anchors = [Anchor(START + ns, price, side) for ns, price, side in priced]
    for ns in (START + at, anchors[0].venue_ns):
        bids, asks = book_at(instrument, figures, seed, anchors, ns)
        assert bids or asks
        assert all(a > b for (a, _), (b, _) in pairwise(bids))
        assert all(a < b for (a, _), (b, _) in pairwise(asks))
        assert all(lots > 0 and instrument.is_valid_price(price) for price, lots in bids + asks)
        assert not (bids and asks) or bids[0][0] < asks[0][0]


@given(MARKETS, st.integers(0, 99), st.floats(0.1, 0.9), st.sampled_from([-1, 1]), st.integers(0, 10 * S))
def test_at_an_anchor_the_leads_price_is_the_touch_it_traded_at(market, seed, share, side, offset):
    instrument, figures = market
    price = instrument.round_price(int(share * (1000 if instrument.kind is Kind.OUTCOME else 10**6)), 1)
    path = [Anchor(START, price, -side), Anchor(START + offset + 1, price, side), Anchor(START + 20 * S, price, side)]
    bids, asks = book_at(instrument, figures, seed, path, START + offset + 1)
    assert (asks if side > 0 else bids)[0][0] == price


def test_the_book_at_a_time_does_not_depend_on_what_was_asked_before():
    path = [(START, 664_000), (START + 60 * S, 664_800), (START + 61 * S, 664_300)]
    at = START + 42 * S + 17
    alone = book_at(BTC, MAJOR, 3, path, at)
    assert alone == book_at(BTC, MAJOR, 3, path, *range(START - S, at, S // 7), at)
    assert alone == book_at(BTC, MAJOR, 3, list(reversed(path)), at)
    assert alone != book_at(BTC, MAJOR, 4, path, at)


@given(st.lists(st.integers(-3 * OUTSIDE_NS, 3 * OUTSIDE_NS), min_size=2, max_size=12))
def test_the_price_path_is_the_same_in_any_order_of_questions(times):
    nodes = [(0, 0.0), (30 * S, 12.0), (OUTSIDE_NS, -5.0)]
    asked, again = EfficientPath(nodes, 1.0, "key"), EfficientPath(nodes, 1.0, "key")
    forward = {ns: asked.at(ns) for ns in times}
    assert forward == {ns: again.at(ns) for ns in reversed(times)}
    assert forward == {ns: EfficientPath(nodes, 1.0, "key").at(ns) for ns in times}


def test_the_price_path_meets_its_anchors_moves_with_the_volatility_and_stays_bounded_outside():
    path = EfficientPath([(0, 0.0), (OUTSIDE_NS, 3.0)], 2.0, 1)
    assert (path.at(0), path.at(OUTSIDE_NS)) == (0.0, 3.0)
    xs = [path.at(i * S) for i in range(3601)]
    assert mean((b - a) ** 2 for a, b in pairwise(xs)) ** 0.5 == pytest.approx(2.0, rel=0.05)
    outside = [path.at((i + 1) * OUTSIDE_NS + OUTSIDE_NS // 2) - 3.0 for i in range(1, 400)]
    assert mean(x * x for x in outside) ** 0.5 == pytest.approx(2.0 * 1800**0.5, rel=0.15)
    assert abs(mean(outside)) < 2.0 * 1800**0.5 / 5


def test_on_average_spread_and_touch_are_the_figures():
    model, book = ModelledBook(KBONK, MID, 5, [(START, 25_000)]), OrderBook(KBONK)
    spreads, touches = [], []
    for step in range(1500):
        model.advance(book, START + step * 5 * S)
        bid, bid_lots, ask, ask_lots = book.best()
        spreads.append((ask - bid) / (ask + bid) * 2e4)
        touches += [bid * bid_lots / 1e6, ask * ask_lots / 1e6]
    assert mean(spreads) == pytest.approx(MID.spread_bps.mean, rel=0.1)
    assert mean(touches) == pytest.approx(MID.touch_usd.mean, rel=0.1)


def after_a_sweep(lots, *times):
    """Ask of an untouched book less ask of a swept one, and the asks' lots in both, at each time after the sweep."""
    pair = []
    for taken in (0, lots):
        model, book = ModelledBook(BTC, MAJOR, 1, [(START, 664_000, 1)]), OrderBook(BTC)
        model.advance(book, START)
        if taken:
            book.add(1, taken, 10**9, Tif.IOC, owner=5)
        seen = []
        for ns in times:
            model.advance(book, START + ns)
            seen.append((book.best()[2], sum(lots for _, lots in book.anonymous(-1)), model.mark(0, START + ns)))
        pair.append(seen)
    return pair


def test_what_we_take_is_missing_until_it_grows_back_with_the_half_life():
    half_life = round(MAJOR.resilience_s.value * S)
    for taken in (200_000, 2_000_000):
        still, swept = after_a_sweep(taken, 0, 60 * MS, half_life, 20 * half_life)
        assert still[0][1] - swept[0][1] == taken
        assert swept[1][0] >= still[1][0]
        assert swept[1][1] == pytest.approx(still[1][1] - taken, abs=taken * 0.02 + still[1][1] * 0.001)
        assert swept[2][1] == pytest.approx(still[2][1] - taken / 2, abs=taken * 0.02 + still[2][1] * 0.001)
        assert swept[3][1] == pytest.approx(still[3][1], rel=0.001)


def test_a_share_of_our_impact_stays_and_selling_as_much_undoes_it():
    still, swept = after_a_sweep(2_000_000, 60 * MS, 600 * S)
    moved = [(b[2] / a[2] - 1) * 1e4 for a, b in zip(still, swept, strict=True)]
    usd, reach = 20 * 66_400, MAJOR.reach_bps.value
    expected = MAJOR.permanent_share.value * reach / 2 * usd / (MAJOR.touch_usd.mean + MAJOR.extra_usd(reach))
    assert moved == pytest.approx([expected] * 2, rel=0.05)
    model, book = ModelledBook(BTC, MAJOR, 1, [(START, 664_000, 1)]), OrderBook(BTC)
    unmoved = model.mark(0, START + 600 * S)
    for side, ns in ((1, 0), (-1, 300 * S)):
        model.advance(book, START + ns)
        book.add(side, 2_000_000, 10**9 if side > 0 else 1, Tif.IOC, owner=5)
    model.advance(book, START + 600 * S)
    assert model.mark(0, START + 600 * S) == pytest.approx(unmoved, abs=1)


def test_taking_the_whole_side_leaves_a_market_that_comes_back():
    model, book = ModelledBook(TOKEN, OUTCOME, 1, [(START, 450)]), OrderBook(TOKEN)
    model.advance(book, START)
    book.take(1, book.depth(-1)[1][-1])
    model.advance(book, START + 60 * MS)
    model.advance(book, START + 300 * S)
    assert book.anonymous(-1)


def test_going_back_in_time_changes_nothing():
    model, book = ModelledBook(BTC, MAJOR, 1, [(START, 664_000)]), OrderBook(BTC)
    model.advance(book, START + S)
    before = book.anonymous(1), book.anonymous(-1)
    model.advance(book, START)
    assert (book.anonymous(1), book.anonymous(-1)) == before


@pytest.mark.parametrize(
    ("instrument", "path", "row"),
    [
        (BTC, [], 0),
        (BTC, [(START, 664_000), (START, 0)], 2),
        (BTC, [(START, -3)], 1),
        (BTC, [(-1, 664_000)], 1),
        (BTC, [(START, 664_000, 2)], 1),
        (BTC, [(START,)], 1),
        (BTC, [(START, 2**70)], 1),
        (TOKEN, [(START, 1000)], 1),
    ],
)
def test_an_impossible_anchor_is_refused_with_its_row(instrument, path, row):
    with pytest.raises(RecordingError) as refused:
        ModelledBook(instrument, MID, 1, path)
    assert (refused.value.line, refused.value.column) == (row, "path")
