"""Block orders: partial, cancelled, lost, rejected and doubled; every fill is shared once and counted once."""

import msgspec
import pytest

from pilotfish.domain.orders import OrderSignal, Place
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Copied, Quarantined
from tests.unit.driver import SECOND, USDC, Desk, free_follows, only, placed, said


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.follow(free_follows([0, 1, 2], allocation=[1_000 * USDC, 2_000 * USDC, 3_000 * USDC]))
    desk.lead_holds(0)
    return desk


def _nothing_in_flight(desk: Desk) -> None:
    assert desk.state.blocks == {}
    assert not desk.state.ledger.opening[0].any()
    assert not desk.state.ledger.leaving[0].any()
    assert not desk.state.ledger.reserved_money.any()


def test_an_ioc_that_fills_in_part_is_shared_pro_rata_at_one_price(desk) -> None:
    place = only(desk.lead(100))
    assert (place.lots, place.side) == (60, 1)
    desk.fill(place, 12, price=999_900, fee=60)
    assert desk.held() == [0, 0, 0], "nothing is shared while more may come"
    desk.fill(place, 18, price=1_000_100, fee=90)
    (copied,) = said(desk.update(place, OrderSignal.CANCEL, left=30), Copied)
    assert copied.lots.tolist() == desk.held() == [5, 10, 15]
    assert copied.costs.sum() == 12 * 999_900 + 18 * 1_000_100
    assert (copied.costs.tolist(), copied.fees.tolist()) == ([5_000_100, 10_000_200, 15_000_300], [25, 50, 75])
    _nothing_in_flight(desk)


def test_a_cancel_that_overtakes_its_fills_waits_for_them(desk) -> None:
    place = only(desk.lead(100))
    assert said(desk.update(place, OrderSignal.CANCEL, left=24), Copied) == []
    desk.fill(place, 30)
    assert desk.held() == [0, 0, 0]
    desk.fill(place, 6)
    assert desk.held() == [6, 12, 18]
    _nothing_in_flight(desk)


def test_a_final_word_that_overtakes_its_fills_waits_for_them(desk) -> None:
    place = only(desk.lead(100))
    desk.update(place, OrderSignal.FILLED)
    desk.fill(place, 40)
    desk.fill(place, 20)
    assert desk.held() == [10, 20, 30]
    _nothing_in_flight(desk)


def test_an_order_that_found_nothing_is_tried_again_as_a_new_order(desk) -> None:
    first = only(desk.lead(100))
    desk.update(first, OrderSignal.CANCEL, left=60)
    assert desk.reasons() == [Reason.NO_DEPTH] * 3
    again = only(desk.wait(SECOND))
    assert again.coid != first.coid
    assert again.lots == 60
    desk.fill(again)
    assert desk.held() == [10, 20, 30]


def test_why_an_order_found_nothing_is_read_off_the_book(desk) -> None:
    place = only(desk.lead(100))
    desk.top(place.price + 10_000)
    desk.update(place, OrderSignal.CANCEL, left=60)
    assert desk.reasons() == [Reason.SLIPPAGE] * 3


def test_the_venues_own_reason_for_a_refusal_is_kept(desk) -> None:
    place = only(desk.lead(100))
    desk.update(place, OrderSignal.REJECT, reason=Reason.MARGIN)
    assert desk.reasons() == [Reason.MARGIN] * 3
    assert desk.state.guard.refusals[Reason.MARGIN] == 3
    _nothing_in_flight(desk)


def test_a_doubled_fill_counts_once_before_and_after_the_end(desk) -> None:
    place = only(desk.lead(100))
    desk.fill(place, 20, fill_id=7)
    desk.fill(place, 20, fill_id=7)
    desk.fill(place, 40, fill_id=8)
    desk.fill(place, 40, fill_id=8)
    desk.fill(place, 20, fill_id=7)
    assert desk.held() == [10, 20, 30]
    assert desk.state.duplicates == 3
    assert desk.state.quarantined == 0


def test_a_fill_beyond_the_orders_size_is_quarantined(desk) -> None:
    place = only(desk.lead(100))
    desk.fill(place, 50)
    before = desk.untouched()
    (quarantined,) = said(desk.fill(place, 11), Quarantined)
    assert "beyond its size" in quarantined.why
    assert desk.untouched() == before
    desk.fill(place, 10)
    assert desk.held() == [10, 20, 30]


def test_a_reject_that_is_followed_by_a_fill_is_believed_the_fill(desk) -> None:
    place = only(desk.lead(100))
    desk.update(place, OrderSignal.REJECT)
    desk.fill(place, 36, fill_id=5)
    assert desk.held() == [6, 12, 18]
    desk.fill(place, 36, fill_id=5)
    assert desk.held() == [6, 12, 18]
    again = only(desk.wait(SECOND))
    assert again.lots == 24, "what the fill brought is not bought again"


def test_an_order_rejected_after_a_part_had_filled_shares_each_fill_once(desk) -> None:
    place = only(desk.lead(100))
    desk.fill(place, 24)
    desk.update(place, OrderSignal.REJECT)
    assert desk.held() == [4, 8, 12]
    desk.fill(place, 12)
    assert desk.held() == [6, 12, 18]
    assert desk.state.ledger.money.system["clearing"] == 0
    assert desk.state.ledger.lots[0].system["clearing"] == 0


def test_too_much_after_a_late_fill_of_a_rejected_order_is_sold_again(desk) -> None:
    first = only(desk.lead(100))
    desk.update(first, OrderSignal.REJECT)
    desk.fill(only(desk.wait(SECOND)))
    desk.wait(20 * SECOND)
    assert desk.state.watches == {}
    desk.fill(first)
    assert desk.held() == [20, 40, 60]
    back = only(desk.wait(SECOND))
    assert (back.side, back.lots) == (-1, 60)
    desk.fill(back)
    assert desk.held() == [10, 20, 30]


def test_a_fill_after_the_end_that_was_never_told_before_is_named_not_dropped_as_a_double(desk) -> None:
    place = only(desk.lead(100))
    desk.fill(place, 30)
    desk.update(place, OrderSignal.CANCEL, left=30)
    duplicates = desk.state.duplicates
    (quarantined,) = said(desk.fill(place, 5), Quarantined)
    assert "the order was over" in quarantined.why
    assert desk.state.duplicates == duplicates


@pytest.mark.parametrize("signal", [OrderSignal.ACK, OrderSignal.FILLED, OrderSignal.CANCEL, OrderSignal.LOST])
def test_words_about_an_order_that_is_over_change_nothing(desk, signal) -> None:
    place = only(desk.lead(100))
    desk.fill(place)
    before = desk.untouched()
    desk.update(place, signal)
    assert desk.untouched() == before
    assert desk.state.quarantined == 0


def test_words_about_an_order_that_was_never_ours_are_quarantined(desk) -> None:
    stray = Place(12345, -1, 0, 1, 5, 1_000_000)
    before = desk.untouched()
    assert len(said(desk.fill(stray), Quarantined)) == 1
    assert len(said(desk.update(stray, OrderSignal.ACK), Quarantined)) == 1
    assert desk.untouched() == before


@pytest.mark.parametrize("left", [61, -1, 31])
def test_a_cancel_that_contradicts_its_fills_is_quarantined(desk, left) -> None:
    place = only(desk.lead(100))
    desk.fill(place, 30)
    before = desk.untouched()
    assert len(said(desk.update(place, OrderSignal.CANCEL, left=left), Quarantined)) == 1
    assert desk.untouched() == before


def test_orders_in_flight_are_counted_so_that_nothing_is_bought_twice(desk) -> None:
    first = only(desk.lead(100))
    second = only(desk.lead(50))
    assert (first.lots, second.lots) == (60, 30)
    assert placed(desk.wait(SECOND)) == []
    desk.fill(second)
    desk.fill(first)
    assert desk.held() == [15, 30, 45]


def test_follows_that_open_while_an_order_is_in_flight_have_no_part_in_it(desk) -> None:
    place = only(desk.lead(100))
    desk.follow(free_follows([3, 4]))
    desk.fill(place)
    assert desk.held() == [10, 20, 30, 0, 0]
    _nothing_in_flight(desk)


def test_a_client_order_id_derives_from_the_journal_position(desk) -> None:
    place = only(desk.lead(100))
    assert place.coid >> 24 == desk.state.seq
    assert msgspec.structs.replace(place, coid=0) == only_again()


def only_again() -> Place:
    """The same journal without one of its earlier events asks for the same order under another id."""
    desk = Desk()
    desk.follow(free_follows([0, 1, 2], allocation=[1_000 * USDC, 2_000 * USDC, 3_000 * USDC]))
    return msgspec.structs.replace(only(desk.lead(100)), coid=0)
