"""The session as a whole: up and down, half-open streams, refused subscriptions, garbage, and an orderly end."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.doubt import Doubt
from pilotfish.domain.events import BatchUpdate, Connection, DataTrust, LeadFill, OrderUpdate, Reconciled
from pilotfish.domain.orders import Cancel, CancelAll, OrderSignal, Place, PlaceBatch, Query
from pilotfish.domain.reasons import Reason
from pilotfish.gate.gate import approve_always
from pilotfish.venues.hyperliquid.asking import Question
from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.hyperliquid.public.leads import Leads
from pilotfish.venues.hyperliquid.wire.assets import Listing
from pilotfish.venues.session import Session
from tests.unit.hyperliquid_scene import ALICE, CROWD, MS, SECOND, SETTINGS, T0, Scene


def ups(stage: Scene) -> list[bool]:
    return [event.up for event in stage.of(Connection)]


def test_it_is_a_session() -> None:
    session: Session = Scene().session
    assert (session.name, session.stopped) == ("hyperliquid", False)


def test_it_is_up_when_every_subscription_is_confirmed_and_the_leads_are_asked_for() -> None:
    stage = Scene(watch=(0,))
    stage.confirms = False
    stage.start()
    wanted = [message["subscription"] for message in stage.sent]
    assert len(wanted) == 3 + 3
    for subscription in wanted[:-1]:
        stage.say("subscriptionResponse", {"method": "subscribe", "subscription": subscription})
    assert (ups(stage), stage.asked) == ([], [])
    stage.say("subscriptionResponse", {"method": "subscribe", "subscription": wanted[-1] | {"nSigFigs": None}})
    assert ups(stage) == [True]
    assert stage.asked[0]["type"] == "clearinghouseState"


def test_an_instrument_whose_subscription_is_refused_is_not_trusted_and_holds_up_nobody() -> None:
    stage = Scene(watch=(0, 1))
    stage.refuses = ("ETH",)
    stage.start()
    assert ups(stage) == [True]
    stage.book("BTC", "99", "101")
    told = {event.instrument: event.doubt for event in stage.of(DataTrust)}
    assert told[0] == Doubt.NONE
    assert Doubt.UNSUBSCRIBED in told[1]
    assert stage.session.counters()["subscriptions_refused"] >= 3
    stage.refuses = ()
    stage.run(61)
    stage.book("ETH", "99", "101")
    assert stage.of(DataTrust)[-1].doubt == Doubt.NONE, "it is asked for again"


def test_what_is_subscribed_already_counts_as_confirmed() -> None:
    stage = Scene((), watch=(0,))
    stage.confirms = False
    stage.start()
    for message in stage.sent:
        stage.say("error", f"Already subscribed: {json.dumps(message['subscription'])}")
    assert ups(stage) == [True]


def test_the_limit_of_users_refuses_one_user_stream_and_the_rest_goes_on() -> None:
    stage = Scene((), watch=(0,))
    stage.start()
    stage.session._subscriptions.want([{"type": "userFills", "user": f"0x{k}"} for k in (1, 2)], stage.now)
    stage.confirms = False
    stage.lose()
    for message in stage.sent[-5:]:
        subscription = message["subscription"]
        if subscription.get("user") == "0x1":
            stage.say("error", "Cannot track more than 10 total users.")
        else:
            stage.say("subscriptionResponse", {"method": "subscribe", "subscription": subscription})
    assert ups(stage) == [True, False, True]
    assert stage.session.counters()["subscriptions_refused"] == 1


def test_subscriptions_that_stay_unanswered_are_asked_for_again_and_then_the_stream_is_given_up() -> None:
    stage = Scene((), watch=(0,))
    stage.confirms = False
    stage.start()
    stage.run(16)
    assert stage.closes == 1
    assert len(stage.sent) > 9
    stage.confirms = True
    stage.run(6)
    assert ups(stage) == [True]


def test_a_thousand_subscriptions_are_the_limit() -> None:
    stage = Scene((), watch=(0,)).start()
    stage.session._subscriptions.want([{"type": "trades", "coin": f"C{k}"} for k in range(1_000)], stage.now)
    assert stage.session.counters()["subscriptions_refused"] == 3


def test_a_stream_is_pinged_before_the_venue_would_hang_up() -> None:
    stage = Scene(()).start()
    stage.run(120)
    assert sum(message == {"method": "ping"} for message in stage.sent) >= 5
    assert stage.closes == 0


def test_a_half_open_stream_is_given_up_and_the_gap_is_filled() -> None:
    stage = Scene().start()
    stage.hears = False
    stage.trade(ALICE, CROWD, "BTC", "1")
    stage.run(25)
    assert (stage.closes, stage.of(LeadFill)) == (0, [])
    stage.run(6)
    assert stage.closes == 1
    stage.hears = True
    stage.lose()
    stage.run(5)
    assert ups(stage)[-1]
    stage.agree(ALICE)


def test_streams_that_do_not_stand_are_opened_ever_more_slowly_and_at_once_after_a_good_one() -> None:
    stage = Scene(())
    stage.connects = False
    stage.start()
    for _ in range(9):
        stage.session.lost("main", "refused", stage.now)
        stage.drain()
    waits = [one.wait_ns / SECOND for one in stage.opens]
    assert waits == [0, 0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert ups(stage) == [], "it never was up"
    stage.back()
    stage.run(90)
    stage.lose()
    assert stage.opens[-1].wait_ns == 0
    assert ups(stage) == [True, False, True]


@pytest.mark.parametrize(
    "garbage",
    [b"", b"\xff\xfe", b"[]", b"{}", b'{"channel":"trades"}', b'{"channel":"nonsense","data":1}', b"[" * 5_000,
     b'{"channel":"l2Book","data":{"coin":"BTC","levels":[[],[],[]],"time":1}}',
     b'{"channel":"trades","data":[{"coin":"BTC","side":"B","px":"x","sz":"1","time":1,"tid":1,"users":["%b","0x2"]}]}'
     % ALICE.encode(),
     b'{"channel":"trades","data":[{"coin":"BTC","side":"B","px":"1","sz":"1","time":1,"tid":1}]}',
     b'{"channel":"candle","data":{}}', b'{"channel":"error","data":"who knows {"}',
     b'{"channel":"post","data":{"id":5,"response":{"type":"action","payload":1}}}'],
)  # fmt: skip
def test_garbage_is_set_aside_and_counted(garbage: bytes) -> None:
    stage = Scene(watch=(0,)).start()
    before = stage.session.counters().get("set_aside", 0)
    told = len(stage.told)
    stage.push(garbage)
    stage.drain()
    assert stage.session.counters()["set_aside"] == before + 1
    assert len(stage.told) == told


@given(st.lists(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), max_size=20))
def test_no_frame_whatever_raises(frames: list[bytes]) -> None:
    stage = Scene(watch=(0,)).start()
    for frame in frames:
        stage.push(frame)
    stage.drain()
    assert stage.session.counters().get("set_aside", 0) <= len(frames)


def test_answers_that_cannot_be_read_are_asked_for_again() -> None:
    stage = Scene()
    stage.venue.trade(ALICE, CROWD, "BTC", "1", stage.ms - 60_000)
    answer, stage.venue.answer = stage.venue.answer, lambda body, ms: {"error": "broken"}
    stage.start()
    stage.run(5)
    stage.venue.answer = answer
    stage.run(20)
    stage.agree(ALICE)
    assert stage.session.counters()["set_aside: positions that cannot be read"] >= 2


def test_a_question_is_answered_once_and_one_that_comes_meanwhile_is_merged() -> None:
    stage = Scene().start()
    stage.query(5, (1, 2))
    assert [told.asked for told in stage.of(Reconciled)] == [(1, 2)]
    stage.fails = lambda body: True
    stage.lose()
    stage.query(5, (3,))
    stage.query(5, (3, 4))
    assert stage.session.counters()["queries_merged"] == 1
    stage.fails = lambda body: False
    stage.run(10)
    assert [told.asked for told in stage.of(Reconciled)] == [(1, 2), (3,)]


def test_a_question_under_way_dies_with_the_stream() -> None:
    stage = Scene().start()
    stage.run(1)
    stage.fails = lambda body: True
    stage.lose()
    stage.query(5, (3,))
    stage.fails = lambda body: False
    stage.cut()
    stage.run(5)
    stage.back()
    stage.run(40)
    assert stage.of(Reconciled) == [], "the engine asks again when it hears that the stream is back"
    stage.query(5, (4,))
    assert [told.asked for told in stage.of(Reconciled)] == [(4,)]


class Later:
    """Orders that are answered when the test says so."""

    def __init__(self) -> None:
        self.thens = []

    def reconcile(self, cursor: int, coids: tuple[int, ...], now_ns: int, then) -> None:
        self.thens.append(then)


def test_what_orders_come_to_is_told_only_to_the_question_that_still_stands() -> None:
    link, orders = Link(SETTINGS), Later()
    question = Question(link, Leads(link, Listing(()), (), lambda key, ns: None, lambda key: None), orders)
    question.ask(Query(7, (1,)), T0, up=True)
    question.lost()
    question.ask(Query(7, (2,)), T0, up=True)
    for then, coid in zip(orders.thens, (1, 2), strict=True):
        then(Reconciled(T0, T0, 9, (coid,), (), (coid,)), T0)
    assert [(told.cursor, told.asked) for told in link.told] == [(9, (2,))]
    question.ask(Query(9, (3,)), T0, up=True)
    orders.thens[-1](None, T0)
    assert link.counters()["queries_unanswered"] == 1
    question.ask(Query(9, (4,)), T0, up=True)
    question.ask(Query(9, (5,)), T0 + 31 * SECOND, up=True)
    assert len(orders.thens) == 5, "an answer that never comes is given up"


def test_the_cursor_never_goes_back() -> None:
    stage = Scene().start()
    ahead = stage.ms + 60_000
    stage.query(ahead)
    assert stage.of(Reconciled)[0].cursor == ahead


def test_without_accounts_orders_are_refused_and_cancels_find_nothing() -> None:
    stage = Scene().start()
    stage.listens = False
    lots = np.array([1, 2], dtype=np.int64)
    batch = PlaceBatch(10, 0, 1, lots, lots, lots)
    commands = [Place(1, -1, 0, 1, 5, 100), batch, Cancel(3), CancelAll(-1)]
    stage.session.submit([approve_always(one, stage.state.guard) for one in commands], stage.now)
    stage.drain()
    placed, cancelled = stage.of(OrderUpdate)
    assert (placed.signal, placed.reason) == (OrderSignal.REJECT, Reason.AUTHENTICATION)
    assert cancelled.signal is OrderSignal.ABSENT
    (update,) = stage.of(BatchUpdate)
    assert update.signal.tolist() == [int(OrderSignal.REJECT)] * 2
    assert stage.session.counters()["commands_refused"] == 4


def test_a_session_that_stops_closes_its_stream_and_wants_no_more_time() -> None:
    stage = Scene(watch=(0,)).start()
    stage.session.stop(stage.now)
    stage.drain()
    assert stage.session.stopped
    assert stage.closes == 1
    assert stage.session.next_ns() is None
    stage.session.lost("main", "closed", stage.now)
    stage.session.opened("main", stage.now)
    stage.drain()
    assert len(stage.opens) == 1


def test_time_goes_on_in_steps_that_are_never_in_the_past() -> None:
    stage = Scene(watch=(0,)).start()
    stage.book("BTC", "99", "101")
    ticks = 0
    end = stage.now + 120 * SECOND
    while stage.now < end:
        due = stage.session.next_ns()
        assert due is not None
        stage.now = max(stage.now, due)
        stage.session.tick(stage.now)
        stage.drain()
        ticks += 1
    assert ticks < 120 * 20, "it does not spin"
    assert stage.now < end + 2 * SECOND


def test_a_frame_after_the_stream_was_given_up_is_not_heard() -> None:
    stage = Scene().start()
    stage.cut()
    trade = stage.venue.trade(ALICE, CROWD, "BTC", "1", stage.ms)
    stage.session.frame("main", json.dumps({"channel": "trades", "data": [trade]}).encode(), stage.now + MS)
    stage.drain()
    assert stage.of(LeadFill) == []
