"""Venues where an order trades at once or not at all: what the other scenarios try with orders that rest."""

import pytest

from pilotfish.domain.arith import ints
from pilotfish.domain.orders import Amend, Cancel, CancelAll, OrderSignal, PlaceBatch, Query
from pilotfish.domain.reasons import Reason
from pilotfish.venues.twins.faults import Fault
from tests.conformance.venues.every import EVERY

ACK, FILLED, CANCEL, REJECT, ABSENT, LOST = (
    OrderSignal.ACK, OrderSignal.FILLED, OrderSignal.CANCEL, OrderSignal.REJECT, OrderSignal.ABSENT, OrderSignal.LOST,
)  # fmt: skip
pytestmark = pytest.mark.parametrize(
    "make", [one for one in EVERY if "resting" in one.lacks], indirect=True, ids=lambda one: one.name
)


def test_orders_handed_over_together_are_answered_one_by_one_the_bad_among_the_good(rig):
    poor = 10**6 * rig.size
    rig.submit(rig.order(1, 1, 2), rig.order(2, 1, 3, lots=poor), rig.order(3, 1, 3), rig.order(4, 1, 2, lots=0))
    rig.ended(1, 2, 3, 4)
    assert [rig.heard.end(coid).signal for coid in (1, 2, 3, 4)] == [FILLED, REJECT, FILLED, REJECT]
    assert rig.heard.end(2).reason is Reason.BALANCE


def test_money_that_is_promised_to_one_order_is_not_promised_to_the_next(rig):
    most = 49_000 * rig.size // 201  # of the hundred thousand there are, each takes nearly half
    rig.lay(4 * most)
    rig.submit(*(rig.order(coid, 1, 3, lots=most) for coid in (1, 2, 3)))
    rig.ended(1, 2, 3)
    assert [rig.heard.end(coid).signal for coid in (1, 2, 3)] == [FILLED, FILLED, REJECT]
    assert rig.heard.end(3).reason is Reason.BALANCE


def test_a_cancel_that_comes_with_its_order_ends_it_in_one_way(rig):
    rig.submit(rig.order(1, 1, 3), Cancel(1))
    rig.submit(rig.order(2, 1, 3), CancelAll(-1))
    rig.ended(1, 2)
    assert {rig.heard.end(coid).signal for coid in (1, 2)} <= {FILLED, CANCEL}
    rig.submit(Cancel(99))
    rig.submit(rig.order(3, 1, 3))
    rig.ended(3)
    assert set(rig.heard.signals(99)) <= {ABSENT}
    assert rig.heard.end(3).signal is FILLED, "a nonce that was used up is in nobody's way"


def test_an_amendment_changes_nothing_and_is_answered(rig):
    rig.submit(rig.order(1, 1, 3))
    rig.submit(Amend(1, 1, rig.price(-3)))
    rig.ended(1)
    refused = [word for word in rig.heard.words[1] if word.reason is Reason.BAD_INTENT]
    assert [(word.signal, word.lots_left) for word in refused] == [(ACK, rig.size)]
    assert rig.heard.lots(1) == rig.size


def test_an_order_that_is_on_its_way_is_not_called_absent(rig):
    for coid in range(1, 6):
        rig.submit(rig.order(coid, 1, 3), Query(0, (coid,)))
        rig.ended(coid)
    rig.quiet()
    assert rig.heard.answers
    assert all(set(one.asked) == {*one.open, *one.done} for one in rig.heard.answers)


def test_the_same_order_again_is_one_order(rig):
    rig.submit(rig.order(2, 1, 3), rig.order(2, 1, 3))
    rig.ended(2)
    rig.submit(rig.order(2, 1, 3))
    rig.quiet()
    assert (rig.taken(2), rig.heard.lots(2)) == (1, rig.size)


def test_a_server_that_fails_has_not_refused(make):
    rig = make()
    for coid in range(1, 8):
        rig.fault(Fault.ERROR_500)
        rig.submit(rig.order(coid, 1, 3))
        rig.until(lambda coid=coid: rig.heard.words[coid], "a word of the order")
        assert REJECT not in rig.heard.signals(coid)
        rig.later(4)
    rig.later(40)
    there = tuple(coid for coid in range(1, 8) if rig.taken(coid))
    assert 0 < len(there) < 7, "the seed must show both"
    rig.asked(1, 2, 3, 4, 5, 6, 7, done=there)


def test_what_was_lost_on_its_way_is_cut_off_and_those_behind_it_trade(rig):
    rig.fault(Fault.LOST_REQUEST)
    rig.submit(rig.order(1, 1, 3))
    rig.submit(rig.order(2, 1, 3), rig.order(3, 1, 3))
    rig.ended(2, 3)
    assert rig.heard.signals(1)[:1] == [LOST]
    rig.asked(1, 2, 3, done=(2, 3))
    assert rig.taken(1) == 0


def test_a_rate_limit_and_a_want_of_coin_are_refusals(rig):
    for coid, fault, reason in ((1, Fault.RATE_LIMIT, Reason.RATE_LIMIT), (2, Fault.BALANCE, Reason.BALANCE)):
        rig.fault(fault)
        rig.submit(rig.order(coid, 1, 3))
        rig.until(lambda coid=coid: rig.heard.end(coid), "the refusal")
        assert (rig.heard.end(coid).signal, rig.heard.end(coid).reason) == (REJECT, reason)
    rig.submit(rig.order(3, 1, 3))
    rig.ended(3)
    assert rig.heard.end(3).signal is FILLED


def test_what_was_under_way_when_the_stream_broke_is_told_after_the_gap(rig):
    rig.submit(rig.order(1, 1, 3))
    rig.gap()
    assert rig.heard.connections[-3:] == [True, False, True]
    rig.asked(1, done=(1,))
    rig.ended(1)
    assert rig.heard.lots(1) == rig.size


def test_an_answer_says_where_each_order_stands_and_its_cursor_leads_on(rig):
    rig.submit(rig.order(2, 1, 3))
    rig.ended(2)
    rig.asked(2, 99, done=(2,))
    cursor = rig.cursor
    rig.submit(rig.order(3, 1, 3))
    rig.ended(3)
    assert rig.asked(3, done=(3,)).cursor > cursor > 0


def test_after_a_restart_every_order_of_before_is_found_again(rig):
    rig.submit(rig.order(1, 1, 3))
    rig.restart()
    rig.later(30)
    rig.asked(1, done=(1,) if rig.taken(1) else ())
    rig.submit(rig.order(1, 1, 3), rig.order(2, 1, 3))
    rig.until(lambda: rig.heard.lots(1) == rig.size, "the order that was under way")
    rig.ended(2)
    assert [rig.taken(coid) for coid in (1, 2)] == [1, 1]


def test_after_a_restart_a_batch_is_told_order_by_order(make):
    rig = make(separate=3)
    batch = PlaceBatch(100, rig.instrument.id, 1, ints([0, 1, 2]), ints([rig.size] * 3), ints([rig.price(3)] * 3))
    rig.submit(batch)
    rig.until(lambda: rig.taken(102), "the batch at the venue")
    rig.restart()
    rig.asked(100, done=(100,))
    assert [rig.heard.lots(100 + k) for k in range(3)] == [rig.size] * 3


def test_a_shutdown_leaves_nothing_under_way_and_nothing_unsaid(rig):
    rig.submit(rig.order(1, 1, 3))
    rig.ended(1)
    rig.submit(rig.order(2, 1, 3))
    rig.stop()
    assert rig.heard.end(2) is not None
    assert rig.heard.lots(2) == rig.taken(2) * rig.size


@pytest.mark.parametrize(
    "rates",
    [{"double": 1.0, "reorder": 0.3}, {"garbage": 0.3}, {"drop": 0.2}, {"settlement": 0.3}],
    ids=lambda one: next(iter(one)),
)
def test_a_bad_way_and_replaced_blocks_change_nothing(make, rates):
    rig = make()
    rig.always(**rates)
    for coid in range(1, 9):
        rig.submit(rig.order(coid, 1 if coid % 4 else -1, 3 if coid % 4 else -3))
        rig.later(2)
    rig.ended(*range(1, 9))
    rig.always()
    assert all(rig.injected(Fault[name.upper()]) > 0 for name in rates)
    rig.ask()
    rig.until(lambda: rig.heard.up, "the connection")


@pytest.mark.parametrize("skew_s", [-5, 5])
def test_a_venue_whose_clock_is_off_is_doubted_and_harms_nothing(make, skew_s):
    rig = make(skew_ns=skew_s * 10**9)
    rig.submit(rig.order(1, 1, 3))
    rig.until(lambda: rig.heard.words[1], "what becomes of it")
    rig.until(lambda: rig.heard.doubts[0] and rig.heard.doubts[0][-1], "doubt")
