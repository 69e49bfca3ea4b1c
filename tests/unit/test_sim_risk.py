"""Margin, liquidation and funding at the simulated venue."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.arith import ints
from pilotfish.domain.events import BatchUpdate, Fill, Funding, LeadFill, Liquidation, OrderUpdate
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import CancelAll, OrderSignal, PlaceBatch, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.sim.accounts import VENUE, fee_ceil, fees_ceil
from pilotfish.venues.sim.faults import Faults
from pilotfish.venues.sim.latency import Latency
from pilotfish.venues.sim.risk import HOUR_NS, FundingRule, premium_rate_e9
from pilotfish.venues.sim.venue import SimVenue
from tests.unit.sim_world import MS, PERP, Ladder, Still, of, order, send, venue

A, B, LEAD = 1, 2, -9


def reasons(events) -> list[Reason]:
    return [e.reason for e in of(OrderUpdate, events)]


def test_initial_margin_is_asked_at_order_time_to_the_last_unit():
    # 100 lots at mark 1000 and 10x need 10,000, and the fee of 45 comes out of equity.
    for cash, verdict in ((10_045, Reason.NONE), (10_044, Reason.MARGIN)):
        place = venue(Still([], [(1000, 500)], 1000))
        place.open_account(A, cash)
        assert reasons(send(place, order(1, 1, 100, 1000, account=A)))[0] == verdict


def test_open_orders_count_and_a_cancel_frees_them():
    place = venue(Still([], [], 1000))
    place.open_account(A, 15_000)
    send(place, order(1, 1, 100, 1000, Tif.GTC, account=A))
    assert reasons(send(place, order(2, 1, 100, 1000, Tif.GTC, account=A), now=1)) == [Reason.MARGIN]
    assert reasons(send(place, order(3, -1, 100, 1100, Tif.GTC, account=A), now=2)) == [Reason.NONE]  # not both at once
    send(place, CancelAll(A), now=3)
    assert reasons(send(place, order(4, 1, 140, 1000, Tif.GTC, account=A), now=4)) == [Reason.NONE]


def test_a_reduction_passes_without_margin():
    ladder = Ladder(1000, lots=500)
    place = venue(ladder)
    place.open_account(A, 10_500)
    send(place, order(1, 1, 100, 1001, account=A))
    ladder.price = ladder.mark_price = 950  # equity 5,355 against 9,500 initial and 2,850 maintenance
    assert reasons(send(place, order(2, 1, 1, 951, account=A), now=1)) == [Reason.MARGIN]
    assert reasons(send(place, order(3, -1, 100, 949, account=A), now=2))[-1] == Reason.NONE
    assert place.position(A, 0) == 0


def test_spot_is_fully_paid_and_cannot_be_sold_short():
    place = venue(Still([], [], 1), Still([(3990, 10**6)], [(4000, 10**6)], 4000))
    place.open_account(A, 400)
    assert reasons(send(place, order(1, 1, 100, 4000, instrument=1, account=A))) == [Reason.MARGIN]  # 400, and the fee
    assert reasons(send(place, order(2, 1, 90, 4000, instrument=1, account=A), now=1))[-1] == Reason.NONE
    assert reasons(send(place, order(3, -1, 91, 3990, instrument=1, account=A), now=2)) == [Reason.MARGIN]
    assert reasons(send(place, order(4, -1, 90, 3990, instrument=1, account=A), now=3))[-1] == Reason.NONE
    assert place.cash(A) == 400 - (360 + 1) + (359 - 1)  # bought up, sold down, fees up


def test_a_resting_spot_buy_reserves_its_money_and_a_cancel_returns_it():
    place = venue(Still([], [], 1), Still([], [], 4000))
    place.open_account(A, 500)
    send(place, order(1, 1, 100, 4000, Tif.GTC, instrument=1, account=A))
    assert reasons(send(place, order(2, 1, 50, 4000, Tif.GTC, instrument=1, account=A), now=1)) == [Reason.MARGIN]
    send(place, CancelAll(A), now=2)
    assert place.exchange.accounts.reserved[place.exchange.accounts.row(A)] == 0
    assert reasons(send(place, order(3, 1, 120, 4000, Tif.GTC, instrument=1, account=A), now=3)) == [Reason.NONE]


def test_a_batch_refuses_exactly_the_accounts_that_lack_margin():
    place = venue(Still([], [(1000, 500)], 1000))
    place.open_account(A, 10_045)
    place.open_account(B, 10_044)
    batch = PlaceBatch(1, 0, 1, ints([A, B, 3]), ints([100] * 3), ints([1000] * 3))
    (update,) = of(BatchUpdate, send(place, batch))
    assert update.reason.tolist() == [Reason.NONE, Reason.MARGIN, Reason.REJECTED]
    assert update.lots.tolist() == [100, 0, 0]


@pytest.mark.parametrize(("taken", "closed"), [(16, False), (17, True)])
def test_an_account_is_liquidated_below_the_maintenance_line_and_not_at_it(taken, closed):
    # Bought 100 at 1000; at mark 928 equity is 10,000 - 7,200 and maintenance 100·928·3% = 2,784: 16 apart.
    ladder = Ladder(999, lots=500)
    place = venue(ladder)
    place.open_account(A, 10_045)
    send(place, order(1, 1, 100, 1000, account=A), order(2, -1, 1, 2000, Tif.GTC, account=A))
    place.deposit(A, -taken)
    ladder.price = ladder.mark_price = 928
    place.publish_top(0, 2)
    events = place.events(2)
    assert bool(of(Liquidation, events)) is closed
    assert place.position(A, 0) == (0 if closed else 100)
    if closed:
        (event,) = of(Liquidation, events)
        assert (event.account, event.lots, event.price, event.cost, event.fee) == (A, -100, 927, 92_700, 42)
        assert place.cash(A) == 10_000 - taken - 100_000 + event.cost - event.fee
        assert [(u.coid, u.signal, u.reason) for u in of(OrderUpdate, events)] == [
            (2, OrderSignal.CANCEL, Reason.LIQUIDATED)
        ]


def test_a_liquidation_stops_at_its_bound_and_goes_on_when_depth_is_back():
    ladder = Ladder(999, lots=500)
    place = venue(ladder, liquidation_bps=100)
    place.open_account(A, 10_045)
    send(place, order(1, 1, 100, 1000, account=A))
    ladder.price, ladder.mark_price, ladder.lots = 902, 900, 15
    ladder.step = 5  # bids 897, 892 lie within 1% of 900; 887 does not
    place.publish_top(0, 2)
    assert [e.lots for e in of(Liquidation, place.events(2))] == [-30]
    ladder.lots, ladder.mark_price = 500, 899
    place.publish_top(0, 3)
    assert [e.lots for e in of(Liquidation, place.events(3))] == [-70]


def test_a_liquidation_closes_the_largest_position_first_and_stops_when_that_is_enough():
    small, large = Ladder(100, lots=500), Ladder(1000, lots=500)
    other = msgspec.structs.replace(PERP, id=1, symbol="ETH")
    place = SimVenue([PERP, other], {0: small, 1: large}, Latency.none(), Faults(0))
    place.open_account(A, 12_000)
    send(place, order(1, 1, 100, 101, account=A), order(2, 1, 100, 1001, instrument=1, account=A))
    large.price = large.mark_price = 909  # equity about 2,600, maintenance 300 + 2,727
    place.publish_top(1, 1)
    assert [(e.instrument, e.lots) for e in of(Liquidation, place.events(1))] == [(1, -100)]
    assert place.position(A, 0) == 100


def test_a_liquidated_lead_is_seen_as_lead_fills():
    ladder = Ladder(999, lots=500)
    place = venue(ladder, leads={LEAD: 0})
    place.open_account(LEAD, 10_045)
    place.submit_for(LEAD, order(1, 1, 100, 1000), 1)
    place.events(1)
    ladder.price = ladder.mark_price = 900
    place.publish_top(0, 2)
    events = place.events(2)
    assert of(Liquidation, events) == of(Fill, events) == []
    assert [(e.side, e.lots, e.start) for e in of(LeadFill, events)] == [(-1, 100, 100)]


def test_a_frozen_oracle_liquidates_nobody_until_it_thaws():
    ladder = Ladder(999, lots=500)
    place = venue(ladder, top_every_ns=MS)
    place.open_account(A, 10_045)
    send(place, order(1, 1, 100, 1000, account=A))
    place.freeze_marks(2 * MS, 10 * MS)
    place.events(2 * MS)
    ladder.price = ladder.mark_price = 900
    assert of(Liquidation, place.events(11 * MS)) == []
    assert len(of(Liquidation, place.events(13 * MS))) == 1


def test_funding_moves_money_from_longs_to_shorts_and_no_rounding_favours_us():
    rule = FundingRule(HOUR_NS, lambda instrument, ns: 12_345)
    place = venue(Still([], [(1000, 107)], 1000), funding=rule)
    place.open_accounts([A, B], 10**9)
    send(place, order(1, 1, 100, 1000, account=A), order(2, 1, 7, 1000, account=B))
    send(place, order(3, -1, 50, 1001, Tif.GTC), now=1)
    send(place, order(4, 1, 50, 1001, account=B), now=2)
    before, cash = place.totals(), place.cash(OMNIBUS)
    (event,) = of(Funding, place.events(HOUR_NS))
    assert (event.accounts.tolist(), event.price, event.rate_e9) == ([OMNIBUS, A, B], 1000, 12_345)
    assert event.amounts.tolist() == [0, 2, 1]  # exactly -0.617, 1.235, 0.704
    assert place.cash(OMNIBUS) == cash
    assert place.totals() == before


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=6), st.integers(-(10**7), 10**7))
def test_funding_sums_to_zero_over_everybody(positions, rate):
    place = venue(Still([(1000, 10**8)], [(1000 + 1, 10**8)], 1000), funding=FundingRule(HOUR_NS, lambda i, ns: rate))
    for account, lots in enumerate(positions):
        place.open_account(account, 10**12)
        if lots:
            send(place, order(account, 1 if lots > 0 else -1, abs(lots), 1001 if lots > 0 else 1000, account=account))
    before = {account: place.cash(account) for account in (*range(len(positions)), VENUE)}
    total = place.totals()
    place.events(HOUR_NS)
    assert place.totals() == total
    for account, lots in enumerate(positions):
        assert place.cash(account) - before[account] <= -lots * 1000 * rate / 10**9
    assert place.cash(VENUE) >= before[VENUE]


def test_the_premium_rule_is_hyperliquids_and_capped():
    assert premium_rate_e9(0, HOUR_NS) == 100_000 // 8  # the interest rate alone: 0.01% for 8 hours
    assert premium_rate_e9(2_000_000, HOUR_NS) == (2_000_000 - 500_000) // 8
    assert premium_rate_e9(10**9, HOUR_NS) == 40_000_000
    assert premium_rate_e9(-(10**9), HOUR_NS) == -40_000_000


def test_without_a_given_rate_funding_follows_the_premium_of_the_book():
    ladder = Ladder(1000, lots=500)
    place = venue(ladder, funding=FundingRule(HOUR_NS), top_every_ns=HOUR_NS // 4)
    send(place, order(1, 1, 100, 1001))
    ladder.mark_price = 995  # mid 1000: a premium of 50 bps from the second of four samples on
    (event,) = of(Funding, place.events(HOUR_NS + 1))
    samples = [0, *[5 * 10**9 // 995] * 3]
    assert event.rate_e9 in {premium_rate_e9(sum(s) // len(s), HOUR_NS) for s in (samples, [*samples, samples[-1]])}


@given(st.integers(0, 10**15), st.integers(-500, 1000))
def test_fees_round_against_the_account_one_by_one_and_in_columns(cost, rate):
    fee = fee_ceil(cost, rate)
    assert fee * 10**6 >= cost * rate > (fee - 1) * 10**6
    assert fees_ceil(np.array([cost]), rate).tolist() == [fee]
    assert PERP.maker_fee_e6 < 0 < PERP.taker_fee_e6
