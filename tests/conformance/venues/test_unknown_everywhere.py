"""Every venue: what was lost, doubled or never answered is found out and never guessed; who asks is told everything."""

from itertools import pairwise

import pytest

from pilotfish.domain.arith import ints
from pilotfish.domain.events import BookTop, Connection
from pilotfish.domain.orders import Cancel, OrderSignal, PlaceBatch, Query, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.twins.faults import Fault
from tests.conformance.venues.every import EVERY, with_
from tests.conformance.venues.test_orders_everywhere import rests, where_orders_rest
from tests.conformance.venues.virtual import InVirtualTime

ACK, FILLED, CANCEL, REJECT, ABSENT, LOST = (
    OrderSignal.ACK, OrderSignal.FILLED, OrderSignal.CANCEL, OrderSignal.REJECT, OrderSignal.ABSENT, OrderSignal.LOST,
)  # fmt: skip
names = {"indirect": True, "ids": lambda one: one.name}

# -- outcomes ----------------------------------------------------------------------------------------------------------


def test_an_order_whose_request_was_lost_is_absent_in_the_end_and_sent_again_is_one_order(rig):
    rig.fault(Fault.LOST_REQUEST)
    rig.submit(rig.order(1, 1, 3))
    rig.within(lambda: rig.heard.said(1, LOST), 6)
    assert rig.injected(Fault.LOST_REQUEST) == 1
    assert set(rig.heard.signals(1)) <= {LOST}, "nobody knows yet"
    rig.until(lambda: rig.heard.up, "the connection")
    rig.later(40)
    rig.asked(1)
    assert rig.heard.end(1) is None
    rig.submit(rig.order(1, 1, 3))
    rig.ended(1)
    assert rig.heard.end(1).signal is FILLED
    assert (rig.taken(1), rig.doubled()) == (1, 0)


@pytest.mark.parametrize(
    ("make", "tif"),
    [*((one, Tif.IOC) for one in EVERY), *((one, Tif.GTC) for one in with_("resting"))],
    indirect=["make"],
    ids=lambda one: one.name,
)
def test_an_order_whose_answer_was_lost_ends_as_the_venue_says(rig, tif):
    rig.fault(Fault.LOST_ANSWER)
    rig.submit(rig.order(1, 1, 3 if tif is Tif.IOC else 0, tif))
    rig.until(lambda: rig.taken(1), "the order at the venue")
    assert rig.injected(Fault.LOST_ANSWER) == 1
    rig.within(lambda: rig.heard.words[1], 6)
    assert not {REJECT, ABSENT} & set(rig.heard.signals(1))
    if tif is Tif.GTC:
        rig.asked(1, open_=(1,))
        rig.submit(Cancel(1))
        rig.ended(1)
        assert rig.heard.end(1).signal is CANCEL
        return
    rig.asked(1, done=(1,))
    assert rig.heard.lots(1) == rig.size
    assert rig.heard.end(1) is None or rig.heard.end(1).signal is FILLED


@where_orders_rest
def test_an_order_that_is_on_its_way_is_not_called_absent(rig):
    for coid in range(1, 6):
        rig.submit(rig.order(coid, 1, -3, Tif.GTC), Query(0, (coid,)))
        rig.until(lambda coid=coid: rig.heard.said(coid, ACK), "the acknowledgement")
    rig.within(lambda: len(rig.heard.answers) == 5, rig.asks_every_s)
    assert all(set(one.asked) == {*one.open, *one.done} for one in rig.heard.answers)
    rig.asked(1, 5, open_=(1, 5))


@where_orders_rest
def test_the_same_order_again_is_one_order(rig):
    rests(rig, 1, steps=-3)
    rig.submit(rig.order(1, 1, -3, Tif.GTC))
    rig.submit(rig.order(2, 1, 3), rig.order(2, 1, 3))
    rig.ended(2)
    rig.submit(rig.order(2, 1, 3))
    rig.quiet()
    assert (rig.taken(1), rig.taken(2), rig.resting()) == (1, 1, {1})
    assert rig.heard.end(2).signal is FILLED
    assert rig.heard.lots(2) == rig.size


@pytest.mark.parametrize("make", with_("keys", "resting"), **names)
def test_a_server_that_fails_has_not_refused(make):
    rig = make()
    for coid in range(1, 6):
        rig.fault(Fault.ERROR_500)
        rig.submit(rig.order(coid, 1, -3, Tif.GTC))
        rig.until(lambda coid=coid: rig.heard.words[coid], "a word of the order")
        assert REJECT not in rig.heard.signals(coid)
    rig.later(40)
    there = tuple(coid for coid in range(1, 6) if rig.taken(coid))
    assert 0 < len(there) < 5, "the seed must show both"
    rig.asked(1, 2, 3, 4, 5, open_=there)


@pytest.mark.parametrize("make", with_("separate accounts"), **names)
@pytest.mark.parametrize("fault", [Fault.LOST_REQUEST, Fault.LOST_ANSWER])
def test_a_batch_of_which_a_part_was_lost_is_found_out_order_by_order(make, fault):
    rig = make(separate=3)
    rig.fault(fault)
    lots, prices = ints([rig.size] * 3), ints([rig.price(2)] * 3)
    batch = PlaceBatch(100, rig.instrument.id, 1, ints([0, 1, 2]), lots, prices)
    rig.submit(batch)
    rig.within(lambda: len(rig.heard.results) == 3, 3 * rig.asks_every_s)
    assert rig.injected(fault) >= 1
    assert REJECT not in {signal for signal, *_ in rig.heard.results.values()}
    rig.until(lambda: rig.heard.up, "the connection")
    rig.later(40)
    if any(rig.taken(100 + k) for k in range(3)):
        rig.asked(100, done=(100,))
    else:
        rig.asked(100)
        rig.submit(batch)
        rig.until(lambda: rig.taken(102), "the batch at the venue")
    rig.until(lambda: all(rig.heard.lots(100 + k) == rig.size * rig.taken(100 + k) for k in range(3)), "the results")
    assert sum(rig.taken(100 + k) for k in range(3)) >= 2


# -- gaps --------------------------------------------------------------------------------------------------------------


@where_orders_rest
def test_what_happened_in_a_gap_is_told_after_it(rig):
    rests(rig, 1)
    rests(rig, 2, steps=-3)
    rig.gap(lambda: rig.stranger(-1, rig.size, 0))
    assert rig.heard.connections[-3:] == [True, False, True]
    rig.asked(1, 2, open_=(2,), done=(1,))
    assert rig.heard.lots(1) == rig.size


def test_the_connection_is_told_down_before_up_and_the_answer_after_it(rig):
    for _ in range(3):
        rig.gap()
    rig.ask()
    told = [event.up for event in rig.heard.events if isinstance(event, Connection)]
    assert told[-6:] == [False, True] * 3
    assert rig.heard.events.index(rig.heard.answers[-1]) > max(
        place for place, event in enumerate(rig.heard.events) if isinstance(event, Connection)
    )


@where_orders_rest
def test_an_answer_says_where_each_order_stands_and_its_cursor_leads_on(rig):
    rests(rig, 1, steps=-3)
    rig.submit(rig.order(2, 1, 3))
    rig.ended(2)
    rig.later(40)
    rig.asked(1, 2, 99, open_=(1,), done=(2,))
    cursor = rig.cursor
    rig.submit(rig.order(3, 1, 3))
    rig.ended(3)
    answer = rig.asked(1, 3, open_=(1,), done=(3,))
    assert answer.cursor >= cursor > 0


@pytest.mark.parametrize("make", [one for one in with_("leads") if "sockets" not in one.name], **names)
def test_what_a_lead_trades_in_a_gap_is_told_and_where_it_stands(make):
    rig = make()
    rig.lead_trades(rig.size)
    rig.until(lambda: rig.heard.lead_lots.get(0) == rig.size, "the lead's trade")
    rig.gap(lambda: rig.lead_trades(rig.size))
    rig.ask()
    rig.until(lambda: rig.heard.lead_lots.get(0) == 2 * rig.size, "the trade in the gap")


# -- restarts and shutdowns --------------------------------------------------------------------------------------------


@where_orders_rest
def test_after_a_restart_every_order_of_before_is_found_again(rig):
    rests(rig, 1)
    rests(rig, 2, steps=-3)
    rig.submit(rig.order(3, 1, 3))
    rig.restart()
    rig.stranger(-1, rig.size, 0)
    rig.asked(1, 2, open_=(2,), done=(1,))
    rig.later(40)
    rig.asked(3, done=(3,) if rig.taken(3) else ())
    rig.submit(rig.order(2, 1, -3, Tif.GTC), rig.order(3, 1, 3))
    rig.until(lambda: rig.heard.lots(3) == rig.size, "the order that was under way")
    rig.quiet()
    assert [rig.taken(coid) for coid in (1, 2, 3)] == [1, 1, 1]
    assert rig.heard.lots(1) == rig.size
    rig.submit(Cancel(2))
    rig.ended(2)


@where_orders_rest
def test_a_shutdown_leaves_no_order_open_and_nothing_unsaid(rig):
    rests(rig, 1)
    rests(rig, 2, steps=-3)
    rig.submit(rig.order(3, 1, 3))
    rig.ended(3)
    rig.stop()
    assert rig.resting() == set()
    assert [rig.heard.end(coid).signal for coid in (1, 2)] == [CANCEL, CANCEL]


# -- the way -----------------------------------------------------------------------------------------------------------


def trades_a_little(rig) -> None:
    rests(rig, 1)
    rig.stranger(-1, rig.size // 2, 0)
    rig.submit(rig.order(2, 1, 3), rig.order(3, 1, -3, Tif.GTC))
    rig.ended(2)
    rig.submit(Cancel(1), Cancel(3))
    rig.ended(1, 3)
    assert [rig.heard.lots(coid) for coid in (1, 2, 3)] == [rig.size // 2, rig.size, 0]


@where_orders_rest
def test_doubled_and_reordered_messages_change_nothing(rig):
    rig.always(double=1.0, reorder=0.3)
    trades_a_little(rig)
    rig.always()
    assert min(rig.injected(fault) for fault in (Fault.DOUBLE, Fault.REORDER)) > 0


@pytest.mark.parametrize("make", with_("bytes", "resting"), **names)
def test_garbage_changes_nothing(make):
    rig = make()
    rig.always(garbage=0.3)
    trades_a_little(rig)
    rig.always()
    assert rig.injected(Fault.GARBAGE) > 0


# -- refusals of the day -----------------------------------------------------------------------------------------------


@where_orders_rest
def test_beyond_the_rate_limit_orders_are_late_or_refused_and_never_lost_and_cancels_pass(rig):
    rests(rig, 1, steps=-3)
    rig.fault(Fault.RATE_LIMIT)
    rig.submit(rig.order(2, 1, -2, Tif.GTC))
    rig.until(lambda: rig.heard.words[2], "a word of the order")
    assert rig.injected(Fault.RATE_LIMIT) == 1
    if rig.heard.end(2):
        assert (rig.heard.end(2).signal, rig.heard.end(2).reason) == (REJECT, Reason.RATE_LIMIT)
    rig.submit(Cancel(1))
    rig.ended(1)
    assert rig.heard.end(1).signal is CANCEL
    assert rig.resting() == ({2} if rig.heard.said(2, ACK) else set())


@pytest.mark.parametrize("make", with_("keys"), **names)
def test_a_key_that_the_venue_does_not_know_is_said_so(make):
    rig = make()
    rig.fault(Fault.AUTH)
    rig.submit(rig.order(1, 1, 3))
    rig.until(lambda: rig.heard.end(1), "the refusal")
    assert (rig.heard.end(1).signal, rig.heard.end(1).reason) == (REJECT, Reason.AUTHENTICATION)
    assert rig.taken(1) == 0


# -- data --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", with_("trust"), **names)
def test_no_book_without_a_verdict_and_none_trusted_before_the_first(make):
    rig = make()
    rig.until(lambda: rig.heard.doubts[0] and not rig.heard.doubts[0][-1], "trust")
    assert set(rig.heard.tops) <= set(rig.heard.doubts)
    assert rig.heard.doubts[0][0], "it starts doubted"
    rig.gap()
    rig.until(lambda: not rig.heard.doubts[0][-1], "trust after a gap")
    assert sum(not doubt for doubt in rig.heard.doubts[0]) >= 2, "it was doubted between"


@pytest.mark.parametrize("make", with_("clock", "trust", "resting"), **names)
@pytest.mark.parametrize("skew_s", [-5, 5])
def test_a_venue_whose_clock_is_off_is_doubted_and_harms_nothing(make, skew_s):
    rig = make(skew_ns=skew_s * 10**9)
    rig.submit(rig.order(1, 1, 3), rig.order(2, 1, -3, Tif.GTC))
    rig.until(lambda: all(rig.heard.words[coid] for coid in (1, 2)), "what becomes of them")
    rig.until(lambda: rig.heard.doubts[0] and rig.heard.doubts[0][-1], "doubt")


@pytest.mark.parametrize("make", [one for one in EVERY if issubclass(one, InVirtualTime)], **names)
def test_a_book_that_does_not_change_is_told_again_so_that_quiet_is_not_stale(make):
    rig = make()
    rig.quiet()
    before = len(rig.heard.events)
    rig.later(10)
    stamps = [event.ours_ns for event in rig.heard.events[before:] if isinstance(event, BookTop)]
    assert len(stamps) >= 9
    assert max(later - sooner for sooner, later in pairwise(stamps)) < 2 * 10**9
