"""Opens of one source over several markets, by what they cost in all; reductions leave each by its fraction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.events import EMPTY, BookTop, Funding
from pilotfish.domain.instructions import ExecutionSet, InstrumentMapped
from pilotfish.domain.mandate import BPS, Direction, Route
from pilotfish.domain.orders import Place
from pilotfish.domain.reasons import Reason
from pilotfish.domain.terms import ExecutionTerms
from pilotfish.engine.facts import Refused
from pilotfish.engine.leads.lead import Counterpart
from pilotfish.engine.leads.routes import shares
from tests.unit.driver import PX, SECOND, USDC, Desk, batched, free_follows, perp, placed, said


def desk_with(route=Route.OMNIBUS, *, fees=(0, 0, 0), least=0, columns=None, mapped=({}, {})) -> Desk:
    """What leads do in instrument 0 is copied in 1 and 2."""
    instruments = [perp(k, taker_fee_e6=fee, min_notional=least * USDC) for k, fee in enumerate(fees)]
    desk = Desk(route, instruments=instruments)
    for k, factors in enumerate(mapped):
        desk.go(InstrumentMapped(*desk.stamp(), 0, k + 1, **factors))
    desk.follow(free_follows([0, 1], allocation=[1_000 * USDC, 3_000 * USDC], **(columns or {})))
    desk.lead_holds(0)
    return desk


def book(desk: Desk, k: int, ask: int, lots: int, bid: int = PX - 5_000) -> None:
    desk.go(BookTop(*desk.stamp(), k, bid, lots, ask, lots))


def sent(outcome) -> dict[int, int]:
    """Lots by instrument."""
    blocks = {p.instrument: p.lots for p in placed(outcome)}
    return blocks | {b.instrument: int(b.lots.sum()) for b in batched(outcome)}


def fill(desk: Desk, outcome) -> None:
    for order in [*placed(outcome), *batched(outcome)]:
        desk.fill(order) if isinstance(order, Place) else desk.results(order)


@pytest.mark.parametrize("route", Route)
def test_an_open_goes_where_it_costs_less(route) -> None:
    desk = desk_with(route)
    book(desk, 1, PX + 2_000, 10_000)
    book(desk, 2, PX + 1_000, 10_000)
    assert sent(desk.lead(100)) == {2: 40}


@pytest.mark.parametrize("route", Route)
def test_what_the_cheapest_does_not_show_goes_to_the_next(route) -> None:
    desk = desk_with(route)
    book(desk, 1, PX + 2_000, 10_000)
    book(desk, 2, PX + 1_000, 32)
    assert sent(desk.lead(100)) == {1: 8, 2: 32}


def test_fees_count_as_much_as_the_price() -> None:
    desk = desk_with(fees=(0, 100, 2_000))
    book(desk, 1, PX + 1_000, 10_000)
    book(desk, 2, PX, 10_000)
    assert sent(desk.lead(100)) == {1: 40}


def test_funding_counts_for_as_long_as_a_position_is_expected_to_last() -> None:
    for hours, where in [(0, 1), (24, 2)]:
        desk = desk_with()
        desk.go(ExecutionSet(*desk.stamp(), ExecutionTerms(holding_hours=hours)))
        book(desk, 1, PX, 10_000)
        book(desk, 2, PX + 100, 10_000)
        desk.state.listings[1].funding_e9 = 100_000  # a basis point an hour
        assert sent(desk.lead(100)) == {where: 40}


def test_a_sale_goes_where_the_bid_is_better() -> None:
    desk = desk_with()
    book(desk, 1, PX + 2_000, 10_000, bid=PX - 1_000)
    book(desk, 2, PX + 1_000, 10_000, bid=PX - 2_000)
    assert sent(desk.lead(-100)) == {1: 40}
    desk = desk_with(columns={"direction": int(Direction.REVERSE)})
    book(desk, 1, PX + 2_000, 10_000, bid=PX - 1_000)
    book(desk, 2, PX + 1_000, 10_000, bid=PX - 2_000)
    assert sent(desk.lead(100)) == {1: 40}, "who copies in reverse sells where the lead buys"


def test_a_stale_or_one_sided_book_gets_nothing() -> None:
    desk = desk_with()
    book(desk, 2, PX, 10_000)
    desk.now += 6 * SECOND
    book(desk, 1, PX + 2_000, 10_000)
    assert sent(desk.lead(100)) == {1: 40}
    desk = desk_with()
    book(desk, 1, 0, 10_000)
    book(desk, 2, PX + 2_000, 10_000)
    assert sent(desk.lead(100)) == {2: 40}


def test_when_all_books_are_stale_the_first_route_is_refused_for_it() -> None:
    desk = desk_with()
    desk.now += 10 * SECOND
    outcome = desk.lead(100)
    assert [(fact.instrument, fact.reason) for fact in said(outcome, Refused)] == [(1, Reason.STALE)]


def test_a_market_beyond_the_follows_bounds_gets_nothing_however_little_the_others_show() -> None:
    desk = desk_with()
    book(desk, 1, PX + 1_000, 5)
    book(desk, 2, PX + 6_000, 10_000)
    assert sent(desk.lead(100)) == {1: 40}


def test_a_route_for_exits_alone_opens_nothing() -> None:
    desk = desk_with(mapped=({}, {"open": False}))
    book(desk, 1, PX + 2_000, 10_000)
    book(desk, 2, PX + 1_000, 10_000)
    assert sent(desk.lead(100)) == {1: 40}


@pytest.mark.parametrize("route", Route)
def test_reductions_leave_every_market_by_the_lead_s_fraction(route) -> None:
    desk = desk_with(route)
    book(desk, 1, PX + 2_000, 10_000)
    book(desk, 2, PX + 1_000, 20)
    fill(desk, desk.lead(100))
    assert (desk.held(1), desk.held(2)) == ([5, 15], [5, 15])
    fill(desk, desk.lead(-40))
    assert (desk.held(1), desk.held(2)) == ([3, 9], [3, 9])
    fill(desk, desk.lead(-60))
    assert (desk.held(1), desk.held(2)) == ([0, 0], [0, 0])


def test_lots_of_different_sizes_are_split_by_what_they_are_worth() -> None:
    desk = desk_with(mapped=({}, {"lots_num": 10, "price_den": 10}))
    book(desk, 1, PX + 2_000, 10_000)
    book(desk, 2, (PX + 1_000) // 10, 200, bid=PX // 10 - 500)
    fill(desk, outcome := desk.lead(100))
    assert sent(outcome) == {1: 20, 2: 200}


def test_no_market_is_given_less_than_its_minimum_order() -> None:
    desk = desk_with(least=10)
    book(desk, 1, PX + 2_000, 10_000)
    book(desk, 2, PX + 1_000, 4)
    assert sent(desk.lead(100)) == {1: 40}


def test_on_separate_accounts_the_minimum_is_that_of_every_order() -> None:
    desk = desk_with(Route.SEGREGATED, least=5)
    book(desk, 1, PX + 2_000, 10_000)
    book(desk, 2, PX + 1_000, 8)
    assert sent(desk.lead(100)) == {1: 40}, "8 lots are one order of the minimum, but not two"


def test_the_last_funding_paid_is_what_is_reckoned_with() -> None:
    desk = desk_with()
    desk.go(Funding(*desk.stamp(), 1, 1, EMPTY, EMPTY, PX, 100_000))
    assert desk.state.listings[1].funding_e9 == 100_000


BOOKS = st.lists(st.tuples(st.integers(0, 2 * PX), st.integers(0, 10**6), st.booleans()), min_size=1, max_size=8)


@given(BOOKS, st.sampled_from([1, -1]), st.integers(0, 10**12))
def test_shares_are_a_whole_whatever_the_books(books, side, lots) -> None:
    desk = Desk(instruments=[perp(k) for k in range(len(books))])
    for k, (price, shown, stale) in enumerate(books):
        listing = desk.state.listings[k]
        listing.bid, listing.ask, listing.bid_lots, listing.ask_lots = price, price, shown, shown
        listing.seen_ns -= 10 * SECOND * stale
    parts = shares(desk.state, [Counterpart(k) for k in range(len(books))], side, lots, [PX] * len(books), 1)
    assert sum(parts) == BPS
    assert min(parts) >= 0
    good = [price > 0 and shown > 0 and not stale for price, shown, stale in books]
    assert all(ok or not part for ok, part in zip(good, parts, strict=True)) or not any(good[:6]) or _beyond(parts)


def _beyond(parts: list[int]) -> bool:
    """Nothing within the bound: one has it whole."""
    return max(parts) == BPS


def test_absurd_books_do_not_halt_the_shard() -> None:
    desk = desk_with()
    for k in (1, 2):
        desk.go(BookTop(*desk.stamp(), k, 2**52, 2**62, 2**52 + 1_000, 2**62))
    desk.lead(1_000, 2**52)
    assert not desk.state.guard.halted
    routes = [Counterpart(1), Counterpart(2)]
    assert sum(shares(desk.state, routes, 1, 2**61, [2**53, 2**53], 1)) == BPS
