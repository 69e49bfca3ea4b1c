"""An order over several venues costs the least that any split of it could, all in, and each venue is told why."""

from fractions import Fraction
from itertools import pairwise, product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.arith import ints
from pilotfish.domain.errors import InvariantBroken, NumericOverflow
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.execution.routing import Quote, Routed, Why, route, value_of
from pilotfish.execution.tranches import UNMET, Tranche, gather

NOW, STALE = 1_000, 100


def _quote(levels, instrument=0, side=1, **more) -> Quote:
    prices, lots = ([price for price, _ in levels], [count for _, count in levels])
    bound = {"limit": 10**9 if side > 0 else 1, "seen_ns": NOW} | more
    return Quote(instrument, ints(prices), ints(lots), **bound)


def _lots(routed: Routed) -> list[int]:
    return [part.lots for part in routed.parts]


def _route(side, lots, *quotes) -> Routed:
    return route(side, lots, quotes, NOW, STALE)


@st.composite
def _quotes(draw, side, sizes=((1, 1),), most=3) -> list[Quote]:
    quotes = []
    for instrument in range(draw(st.integers(1, most))):
        prices = sorted(draw(st.lists(st.integers(90, 110), min_size=1, max_size=3)), reverse=side < 0)
        num, den = draw(st.sampled_from(sizes))
        quotes.append(
            _quote(
                [(price, draw(st.integers(0, 3))) for price in prices], instrument, side,
                limit=draw(st.integers(95, 112) if side > 0 else st.integers(88, 105)),
                taker_fee_e6=draw(st.integers(-20_000, 50_000)),
                funding_e9=draw(st.integers(-1_000_000, 1_000_000)), holding_hours=draw(st.integers(0, 24)),
                min_notional=draw(st.sampled_from([0, 0, 150, 300])), fixed_cost=draw(st.sampled_from([0, 0, 3, 40])),
                lot_num=num, lot_den=den, value_num=draw(st.integers(1, 3)), value_den=draw(st.integers(1, 2)),
            )
        )  # fmt: skip
    return quotes


BUYS = st.tuples(st.just(1), _quotes(1))
SELLS = st.tuples(st.just(-1), _quotes(-1))
UNEQUAL = st.tuples(st.just(1), _quotes(1, sizes=((1, 1), (1, 2), (2, 1), (4, 1))))
APART = st.tuples(st.just(-1), _quotes(-1, sizes=((2, 1), (3, 1), (3, 2))))


def _book(quote: Quote, side: int) -> list[int]:
    """One price for each lot within the bound."""
    levels = zip(quote.prices.tolist(), quote.lots.tolist(), strict=True)
    return [price for price, count in levels for _ in range(count) if side * price <= side * quote.limit]


def _all_in(quote: Quote, side: int, lots: int) -> Fraction:
    """What `lots` there cost, exactly, written down once more without a look at the code."""
    if lots == 0:
        return Fraction(0)
    value, paid = Fraction(quote.value_num, quote.value_den), sum(_book(quote, side)[:lots])
    fee = paid * value * Fraction(quote.taker_fee_e6, 10**6)
    funding = Fraction(quote.funding_e9, 10**9) * quote.holding_hours * int(quote.prices[0]) * lots * value
    return side * paid * value + fee + side * funding + quote.fixed_cost


def _takes(quote: Quote, side: int, lots: int, asked: int) -> bool:
    """Whether the venue takes this many: its minimum is judged at the worst price that the order asked could need."""
    needed = _book(quote, side)[: int(asked / Fraction(quote.lot_num, quote.lot_den))]
    if lots > len(needed):
        return False
    return lots == 0 or lots * min(needed) * Fraction(quote.value_num, quote.value_den) >= quote.min_notional


def _size(quotes, counts) -> Fraction:
    return sum((Fraction(q.lot_num, q.lot_den) * n for q, n in zip(quotes, counts, strict=True)), Fraction(0))


def _fit(quotes, counts) -> bool:
    sizes = sorted(Fraction(q.lot_num, q.lot_den) for q, n in zip(quotes, counts, strict=True) if n)
    return all((b / a).denominator == 1 for a, b in pairwise(sizes))


def _best(side, lots, quotes) -> tuple[Fraction, Fraction]:
    """What stays unrouted and what the rest costs, by trying every split there is."""
    tries = product(*(range(len(_book(quote, side)) + 1) for quote in quotes))
    return min(
        (lots - _size(quotes, counts), sum(_all_in(q, side, n) for q, n in zip(quotes, counts, strict=True)))
        for counts in tries
        if _size(quotes, counts) <= lots
        and _fit(quotes, counts)
        and all(_takes(q, side, n, lots) for q, n in zip(quotes, counts, strict=True))
    )


@given(st.one_of(BUYS, SELLS, UNEQUAL, APART), st.integers(1, 14))
def test_no_split_of_the_order_routes_more_or_costs_less(case, lots) -> None:
    side, quotes = case
    counts = _lots(_route(side, lots, *quotes))
    cost = sum(_all_in(quote, side, count) for quote, count in zip(quotes, counts, strict=True))
    assert (lots - _size(quotes, counts), cost) == _best(side, lots, quotes)
    assert all(_takes(quote, side, count, lots) for quote, count in zip(quotes, counts, strict=True))


@given(st.one_of(BUYS, SELLS, UNEQUAL), st.integers(1, 14))
def test_what_a_route_says_of_itself_is_what_it_costs_rounded_against_us(case, lots) -> None:
    side, quotes = case
    routed = _route(side, lots, *quotes)
    for quote, part in zip(quotes, routed.parts, strict=True):
        exact = _all_in(quote, side, part.lots)
        assert exact <= part.cost < exact + 3
        assert (part.why is Why.ROUTED) == (part.lots > 0)
        book = _book(quote, side)[: part.lots]
        if book:
            average = Fraction(sum(book), len(book))
            assert part.worst_price == book[-1]
            assert 0 <= side * (part.average_price - average) < 1
    size = _size(quotes, _lots(routed))
    assert routed.cost == sum(part.cost for part in routed.parts)
    assert routed.unrouted_lots == -(-(lots - size) // 1)
    if size:
        average = sum(part.notional for part in routed.parts) * 10**6 / size
        assert 0 <= side * routed.average_e6 - average < 1


@given(st.one_of(BUYS, SELLS, UNEQUAL, APART), st.integers(1, 14))
def test_a_further_venue_never_leaves_more_unrouted_nor_makes_it_dearer(case, lots) -> None:
    side, quotes = case

    def outcome(some):
        counts = _lots(_route(side, lots, *some))
        return lots - _size(some, counts), sum(_all_in(q, side, n) for q, n in zip(some, counts, strict=True))

    for gone in range(len(quotes)):
        assert outcome(quotes) <= outcome(quotes[:gone] + quotes[gone + 1 :])


def test_one_venue_gets_all_it_can_take() -> None:
    routed = _route(1, 10, _quote([(100, 4), (101, 9)]))
    part = routed.parts[0]
    assert (part.lots, part.worst_price, part.average_price, part.notional) == (10, 101, 101, 1_006)
    assert (routed.unrouted_lots, routed.average_e6) == (0, 100_600_000)
    short = _route(1, 20, _quote([(100, 4), (101, 9)]))
    assert (_lots(short), short.unrouted_lots) == ([13], 7)


def test_a_fee_outweighs_a_better_price() -> None:
    cheap = _quote([(100_000, 10)], 0, taker_fee_e6=1_000)
    free = _quote([(100_050, 10)], 1)
    routed = _route(1, 5, cheap, free)
    assert _lots(routed) == [0, 5]
    assert routed.parts[0].why is Why.DEARER
    assert _lots(_route(-1, 5, msgspec.structs.replace(cheap, limit=1), msgspec.structs.replace(free, limit=1))) == [
        0,
        5,
    ]


def test_funding_is_for_longs_what_a_rebate_is_for_shorts() -> None:
    funded = {"funding_e9": 10_000, "holding_hours": 24}
    for side, taken in ((1, [0, 5]), (-1, [5, 0])):
        quotes = (_quote([(100_000, 10)], 0, side, **funded), _quote([(100_000, 10)], 1, side))
        routed = _route(side, 5, *quotes)
        assert _lots(routed) == taken
    assert routed.parts[0].funding == -120  # 5 lots of 100,000 for 24 hours at 10^-5 an hour
    exit = (_quote([(100_000, 10)], 0, funding_e9=10_000), _quote([(100_000, 10)], 1))
    assert _lots(_route(1, 5, *exit)) == [5, 0]


def test_gas_is_paid_only_where_the_better_price_earns_it() -> None:
    chain = _quote([(99, 100)], 0, fixed_cost=50)
    exchange = _quote([(100, 100)], 1)
    assert _lots(_route(1, 40, chain, exchange)) == [0, 40]
    assert _lots(_route(1, 60, chain, exchange)) == [60, 0]


def test_a_venue_gets_its_minimum_or_nothing() -> None:
    small, large = _quote([(100, 100)], 0), _quote([(99, 5), (103, 100)], 1, min_notional=1_030)
    assert _lots(_route(1, 20, small, large)) == [20, 0]  # five lots there would be cheaper, ten are not
    assert _lots(_route(1, 20, _quote([(104, 100)]), large)) == [0, 20]


def test_an_order_below_every_minimum_goes_nowhere_and_says_why() -> None:
    routed = _route(1, 2, _quote([(100, 10)], 0, min_notional=1_000), _quote([(100, 10)], 1, lot_num=5))
    assert [part.why for part in routed.parts] == [Why.BELOW_MINIMUM, Why.BELOW_MINIMUM]
    assert (routed.unrouted_lots, routed.cost, routed.average_e6) == (2, 0, 0)


def test_a_depth_below_the_minimum_is_no_depth_for_us() -> None:
    routed = _route(1, 50, _quote([(100, 3)], 0, min_notional=1_000), _quote([(105, 50)], 1))
    assert (_lots(routed), routed.parts[0].why) == ([0, 50], Why.BELOW_MINIMUM)


def test_a_stale_quote_a_wrong_one_and_one_beyond_the_bound_get_nothing_and_say_so() -> None:
    stale = _quote([(90, 10)], 0, seen_ns=NOW - STALE - 1)
    beyond = _quote([(90, 10)], 1, limit=89)
    empty = _quote([], 2)
    wrong = [_quote([(90, 5), (80, 5)], 3), _quote([(0, 5)], 4)]
    routed = _route(1, 5, stale, beyond, empty, *wrong, _quote([(100, 10)], 5))
    assert [part.why for part in routed.parts] == [
        Why.STALE, Why.NO_DEPTH, Why.NO_DEPTH, Why.BAD_QUOTE, Why.BAD_QUOTE, Why.ROUTED,
    ]  # fmt: skip
    assert _lots(_route(1, 5, _quote([(100, 10)], seen_ns=NOW - STALE))) == [5]
    assert len({why.text for why in Why}) == len(Why)


@pytest.mark.parametrize(
    "wrong",
    [
        {"lots": ints([-1])}, {"lots": ints([1, 1])}, {"limit": 0}, {"lot_num": 0}, {"lot_den": 0}, {"value_num": 0},
        {"value_den": -1}, {"min_notional": -1}, {"fixed_cost": -1}, {"holding_hours": -1}, {"taker_fee_e6": 1_000_000},
    ],
)  # fmt: skip
def test_a_quote_that_contradicts_itself_is_left_out_and_the_others_are_used(wrong) -> None:
    bad = msgspec.structs.replace(_quote([(90, 1)]), **wrong)
    routed = _route(1, 5, bad, _quote([(100, 10)], 1))
    assert (_lots(routed), routed.parts[0].why) == ([0, 5], Why.BAD_QUOTE)


def test_an_order_that_is_none_and_quotes_too_many_or_doubled_are_refused() -> None:
    for side, lots, quotes in (
        (0, 5, [_quote([(1, 1)])]),
        (1, 0, [_quote([(1, 1)])]),
        (1, 5, [_quote([(1, 1)], instrument) for instrument in range(7)]),
        (1, 5, [_quote([(1, 1)]), _quote([(1, 1)])]),
    ):
        with pytest.raises(InvariantBroken):
            _route(side, lots, *quotes)
    assert _route(1, 5).unrouted_lots == 5


def test_a_cost_beyond_int64_is_refused_by_type() -> None:
    with pytest.raises(NumericOverflow):
        _route(1, 2**40, _quote([(2**40, 2**40)], limit=2**62))


def test_equal_venues_are_taken_in_their_order() -> None:
    assert _lots(_route(1, 5, _quote([(100, 3)], 0), _quote([(100, 5)], 1))) == [3, 2]
    assert _lots(_route(1, 5, _quote([(100, 9)], 0, fixed_cost=1), _quote([(100, 9)], 1, fixed_cost=1))) == [5, 0]


def test_contracts_of_ten_take_the_tens_and_single_lots_the_rest() -> None:
    tens, ones = _quote([(1_000, 9)], 0, lot_num=10), _quote([(101, 99)], 1)
    assert _lots(_route(1, 37, tens, ones)) == [3, 7]
    assert _lots(_route(1, 37, tens, _quote([(99, 12), (102, 99)], 1))) == [3, 7]  # the next bundle of ten is dearer
    assert _lots(_route(1, 37, tens, _quote([(99, 17), (102, 99)], 1))) == [2, 17]


def test_what_no_lot_fits_stays_unrouted_and_says_so() -> None:
    routed = _route(1, 7, _quote([(300, 9)], 0, lot_num=3), _quote([(500, 9)], 1, lot_num=5))
    assert (_lots(routed), routed.unrouted_lots) == ([2, 0], 1)
    assert routed.parts[1].why is Why.UNFIT


def test_a_quote_currency_and_a_contract_size_are_brought_to_one_measure() -> None:
    def listed(lot_decimals, price_decimals):
        return Instrument(0, "X", "v", Kind.PERP, lot_decimals, price_decimals)

    assert value_of(listed(5, 1)) == (1, 1)
    assert value_of(listed(3, 2), 999, 1_000) == (9_990, 1_000)
    assert value_of(listed(6, 4), 999, 1_000) == (999, 10_000_000)
    usdt = {"value_num": 999, "value_den": 1_000}
    assert _lots(_route(1, 5, _quote([(1_000, 5)], 0), _quote([(1_002, 5)], 1, **usdt))) == [5, 0]
    assert _lots(_route(1, 5, _quote([(1_000, 5)], 0), _quote([(1_000, 5)], 1, **usdt))) == [0, 5]


@st.composite
def _offers(draw) -> dict[int, list[Tranche]]:
    offers: dict[int, list[Tranche]] = {}
    for source in range(draw(st.integers(1, 4))):
        costs = sorted(draw(st.lists(st.integers(-20, 20), min_size=1, max_size=3)))
        tranches = [Tranche(cost, draw(st.integers(1, 3)), source) for cost in costs]
        offers.setdefault(draw(st.sampled_from([1, 2, 6])), []).extend(tranches)
    return offers


@given(_offers(), st.integers(0, 25))
def test_unequal_lots_are_gathered_as_cheaply_as_by_trying_everything(offers, target) -> None:
    best = {0: 0}  # gathered so far: the least cost
    for size, tranches in offers.items():
        for tranche in tranches:
            for _ in range(tranche.lots):
                more = {have + size: cost + tranche.cost for have, cost in best.items() if have + size <= target}
                best = {have: min(x[have] for x in (best, more) if have in x) for have in best | more}
    taken = gather(target, offers, 10_000)
    cost = gathered = 0
    for size, tranches in offers.items():
        for source in {tranche.source for tranche in tranches}:
            prices = sorted(t.cost for t in tranches if t.source == source for _ in range(t.lots))
            cost += sum(prices[: taken.get(source, 0)])
            gathered += size * taken.get(source, 0)
            assert taken.get(source, 0) <= len(prices)
    assert (gathered, cost) == (max(best), best[max(best)])
    assert gathered + taken.get(UNMET, 0) == target
