"""Every way to size, turn, filter and start a copy. One lot at PX is one USDC times a hundred: see the driver."""

import numpy as np
import pytest

from pilotfish.copying.extension import register_sizer
from pilotfish.domain.arith import muldiv_floor
from pilotfish.domain.events import LeadListed
from pilotfish.domain.instructions import InstrumentMapped, LeadStop
from pilotfish.domain.instrument import SUBLOT, Instrument, Kind
from pilotfish.domain.mandate import Direction, Route, Sizing, Start
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Quarantined, Refused
from tests.unit.driver import LEAD_EQUITY, PX, SECOND, USDC, Desk, free_follows, only, perp, placed, said

LOT = USDC  # what one lot costs at PX


def sized(sizing: Sizing, value: int, **columns) -> Desk:
    desk = Desk()
    desk.follow(free_follows([0], sizing=int(sizing), value=value, **columns))
    return desk


def test_a_fixed_amount_is_spent_once_on_an_order_however_many_fills_it_takes() -> None:
    desk = sized(Sizing.FIXED_AMOUNT, 40 * LOT)
    for _ in range(5):
        desk.lead(100, order=7)
    assert desk.targets() == [40.0]
    desk.lead(100, order=8)
    assert desk.targets() == [80.0]


def test_fills_without_an_order_id_are_one_order_when_they_share_a_stamp() -> None:
    desk = sized(Sizing.FIXED_AMOUNT, 40 * LOT)
    at = desk.now + SECOND
    desk.lead(100, at=at)
    desk.lead(100, at=at)
    assert desk.targets() == [40.0]
    desk.lead(100, at=at + 1)
    assert desk.targets() == [80.0]


def test_a_fixed_amount_is_reduced_by_the_lead_s_fraction() -> None:
    desk = sized(Sizing.FIXED_AMOUNT, 40 * LOT)
    desk.lead(100, order=7)
    desk.lead(-25, order=8)
    assert desk.targets() == [30.0]


def test_with_a_lookback_a_fixed_amount_grows_with_the_order_up_to_the_multiple() -> None:
    desk = sized(Sizing.FIXED_AMOUNT, 40 * LOT, lookback=2, multiplier_cap_e2=300)
    desk.lead(100, order=1)  # nothing to compare with: once the amount
    desk.lead(200, order=2)  # twice its usual 100
    assert desk.targets() == [40.0 + 80.0]
    desk.lead(1_000, order=3)  # 6.7 times its usual 150: three times count
    assert desk.targets() == [40.0 + 80.0 + 120.0]
    assert desk.reasons() == [Reason.VOLUME_CAP]


def test_a_volume_cap_bounds_a_proportional_copy_as_well_whatever_the_fills() -> None:
    whole, parts = (sized(Sizing.FIXED_RATIO, 10**9, lookback=1, multiplier_cap_e2=200) for _ in range(2))
    for desk in (whole, parts):
        desk.lead(100, order=1)
    whole.lead(500, order=2)
    for _ in range(5):
        parts.lead(100, order=2)
    assert whole.targets() == parts.targets() == [100.0 + 200.0]


def test_risk_per_trade_is_what_the_lead_s_stop_would_cost() -> None:
    desk = sized(Sizing.RISK, 100)  # 1% of 1,000 USDC
    desk.go(LeadStop(*desk.stamp(), 0, 0, PX * 95 // 100))
    desk.lead(100)
    assert desk.targets() == [200.0]  # 200 lots lose 5 cents each: 10 USDC


def test_risk_per_trade_without_a_stop_opens_nothing_and_says_so() -> None:
    desk = sized(Sizing.RISK, 100)
    assert not placed(desk.lead(100))
    assert desk.reasons() == [Reason.NO_STOP]


@pytest.mark.parametrize("lots", [100, -100])
def test_a_reverse_copy_is_the_opposite_all_the_way(lots: int) -> None:
    desk = sized(Sizing.FIXED_RATIO, 10**9, direction=int(Direction.REVERSE))
    place = only(desk.lead(lots))
    assert place.side == (-1 if lots > 0 else 1)
    desk.fill(place)
    desk.lead(-lots // 2)
    assert desk.targets() == [-lots / 2]
    desk.lead(-lots * 2)  # a flip
    assert desk.targets() == [lots * 1.5]


@pytest.mark.parametrize(
    ("sides", "lots", "opened"), [(1, 100, 100.0), (1, -100, 0.0), (2, 100, 0.0), (2, -100, -100.0)]
)
def test_one_side_only_opens_nothing_on_the_other_and_closes_all_the_same(sides, lots, opened) -> None:
    desk = sized(Sizing.FIXED_RATIO, 10**9, sides=sides)
    desk.lead(lots)
    assert desk.targets() == [opened]
    assert desk.reasons() == ([Reason.NONE] if opened else [Reason.ONE_SIDE])
    desk.lead(-2 * lots)  # a flip: closed, and opened where that side is wanted
    assert desk.targets() == [-lots if not opened else 0.0]


def test_a_small_order_of_the_lead_is_skipped_until_it_has_grown() -> None:
    desk = sized(Sizing.FIXED_RATIO, 10**9, lead_notional_min=150 * LOT)
    desk.lead(100, order=1)
    assert (desk.targets(), desk.reasons()) == ([0.0], [Reason.SMALL_TRADE])
    desk.lead(100, order=1)
    assert desk.targets() == [200.0]


def test_an_order_that_leaves_the_lead_hardly_geared_is_skipped() -> None:
    desk = sized(Sizing.FIXED_RATIO, 10**9, lead_leverage_min_e2=100)
    lots = LEAD_EQUITY // LOT
    desk.lead(lots // 2)
    assert (desk.targets(), desk.reasons()) == ([0.0], [Reason.LOW_LEVERAGE])
    desk.lead(lots)
    assert desk.targets() == [float(lots)]


def test_a_short_lived_position_is_never_copied_and_a_lasting_one_is() -> None:
    desk = sized(Sizing.FIXED_RATIO, 10**9, hold_ns_min=10 * SECOND)
    assert not placed(desk.lead(100))
    assert desk.reasons() == [Reason.SHORT_LIVED]
    desk.wait(5 * SECOND)
    desk.lead(-100)
    desk.wait(20 * SECOND)
    assert desk.targets() == [0.0]
    desk.lead(80)
    desk.lead(-40)
    desk.wait(8 * SECOND)
    desk.top()
    assert only(desk.wait(2 * SECOND)).lots == 40


def test_existing_positions_are_taken_over_only_at_a_better_price() -> None:
    desk = Desk()
    desk.lead_holds(100, PX)
    desk.top(PX * 102 // 100)
    assert not placed(desk.follow(free_follows([0], sizing=1, value=10**9, start=int(Start.BETTER_PRICE))))
    assert desk.reasons() == [Reason.BETTER_PRICE]
    assert not placed(desk.wait(SECOND))
    desk.top(PX - 100)
    place = only(desk.wait(SECOND))
    assert (place.lots, place.price) == (100, PX)  # and at no more than the lead paid


def test_a_reverse_copy_waits_to_sell_at_no_less_than_the_lead_paid() -> None:
    desk = Desk()
    desk.lead_holds(100, PX)
    desk.top(PX * 98 // 100)
    columns = {"start": int(Start.BETTER_PRICE), "direction": int(Direction.REVERSE)}
    desk.follow(free_follows([0], sizing=1, value=10**9, **columns))
    assert not placed(desk.wait(SECOND))
    desk.top(PX + 100)
    place = only(desk.wait(SECOND))
    assert (place.side, place.price) == (-1, PX)


def test_what_the_lead_closes_while_we_wait_for_a_price_is_not_wanted_any_more() -> None:
    desk = Desk()
    desk.lead_holds(100, PX)
    desk.top(PX * 102 // 100)
    desk.follow(free_follows([0], sizing=1, value=10**9, start=int(Start.BETTER_PRICE)))
    desk.lead(-75, PX * 102 // 100)
    desk.top(PX - 100)
    assert only(desk.wait(SECOND)).lots == 25


def mapped(**fields) -> Desk:
    """A lead trades thousands of coins for USDT; we have single coins for USDC."""
    thousands = Instrument(1, "kPEPE-USDT", "elsewhere", Kind.PERP, 0, 2, quote="USDT", max_leverage=10)
    desk = Desk(instruments=[perp(), thousands])
    if fields:
        desk.go(InstrumentMapped(*desk.stamp(), 1, 0, **fields))
    desk.follow(free_follows([0], sizing=1, value=10**9))
    return desk


def test_an_instrument_without_a_counterpart_is_not_copied_and_says_so() -> None:
    desk = mapped()
    (refused,) = said(desk.lead(3, k=1), Refused)
    assert refused.reason is Reason.UNMAPPED


def test_contract_size_and_quote_currency_are_converted() -> None:
    desk = mapped(lots_num=1_000, price_num=9_990, price_den=100)
    place = only(desk.lead(3, 10_010, k=1))
    assert (place.instrument, place.lots) == (0, 3_000)
    assert PX * 0.99 < place.price < PX * 1.01


def test_leads_of_two_instruments_mapped_to_one_keep_their_parts_apart() -> None:
    desk = Desk(instruments=[perp(), perp(1)])
    desk.go(InstrumentMapped(*desk.stamp(), 1, 0, 2, 1))
    desk.follow(free_follows([0], sizing=1, value=10**9))
    desk.lead(10, k=0)
    desk.lead(10, k=1)
    assert desk.targets() == [30.0]
    desk.lead(-10, k=1)
    assert desk.targets() == [10.0]
    desk.lead(-5, k=0)
    assert desk.targets() == [5.0]


def test_a_route_that_is_shut_still_takes_reductions() -> None:
    desk = Desk(instruments=[perp(), perp(1)])
    desk.follow(free_follows([0], sizing=1, value=10**9))
    desk.go(InstrumentMapped(*desk.stamp(), 1, 0))
    desk.lead(10, k=1)
    desk.go(InstrumentMapped(*desk.stamp(), 1, 0, open=False))
    desk.lead(10, k=1)
    assert desk.targets() == [10.0]
    desk.lead(-10, k=1)
    assert desk.targets() == [5.0]


def test_a_sizing_mode_from_elsewhere_sizes_by_its_own_rule() -> None:
    register_sizer("a third", lambda case: muldiv_floor(np.full(len(case.follows), case.lots * SUBLOT), 1, 3))
    desk = Desk()
    desk.follow(free_follows([0], sizing=int(Sizing.EXTENSION), value=0, sizers=["a third"]))
    desk.lead(50, order=1)
    desk.lead(50, order=1)
    assert desk.targets() == [33.333333]


def test_a_sizer_that_is_not_installed_is_refused_by_name() -> None:
    desk = Desk()
    follows = free_follows([0], sizing=int(Sizing.EXTENSION), value=0, sizers=["nowhere"])
    (refused,) = said(desk.follow(follows), Quarantined)
    assert "nowhere" in refused.why


@pytest.mark.parametrize(
    "columns",
    [
        {"sizing": 2}, {"sizing": 3}, {"sizing": 3, "value": 10_001}, {"direction": 2}, {"hedge_bps": 2_999},
        {"hedge_bps": 7_001}, {"lookback": 33}, {"multiplier_cap_e2": 200}, {"stage_bps": 0}, {"coupon": 2},
        {"stop_loss_bps": 10_000}, {"weight_bps": 10_001}, {"lead_gone": 3}, {"equity_stop": 1_000 * USDC},
        {"sizing": 2, "value": 100, "order_cap": 99}, {"hold_ns_min": -1},
    ],
)  # fmt: skip
def test_a_mandate_that_contradicts_itself_is_refused_by_row_and_column(columns) -> None:
    desk = Desk()
    (refused,) = said(desk.follow(free_follows([0], **columns)), Quarantined)
    assert "follow row 0, column" in refused.why
    assert desk.held() == []


def test_weights_that_do_not_sum_are_refused_with_their_sum() -> None:
    desk = Desk(leads=2)
    (refused,) = said(desk.follow(free_follows([0, 0], [0, 1], weight_bps=[6_000, 3_000])), Quarantined)
    assert "sum to 90%" in refused.why
    assert not said(desk.follow(free_follows([0, 0], [0, 1], weight_bps=[6_000, 4_000])), Quarantined)


def test_a_lead_that_follows_itself_or_a_circle_of_leads_is_refused() -> None:
    desk = Desk(leads=0)
    for number in range(3):
        desk.go(LeadListed(*desk.stamp(), number, f"lead {number}", LEAD_EQUITY, number))
    (refused,) = said(desk.follow(free_follows([1], 1)), Quarantined)
    assert "follow itself" in refused.why
    assert not said(desk.follow(free_follows([0, 1], [1, 2])), Quarantined)
    (refused,) = said(desk.follow(free_follows([2], 0)), Quarantined)
    assert "circle" in refused.why


def test_a_cap_below_the_venue_s_minimum_is_refused_where_orders_are_separate() -> None:
    desk = Desk(Route.SEGREGATED, instruments=[perp(min_notional=10 * USDC)])
    (refused,) = said(desk.follow(free_follows([0], order_cap=9 * USDC)), Quarantined)
    assert "below the venue's minimum" in refused.why
