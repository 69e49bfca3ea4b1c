"""Gaps, restarts and silence: what is unknown is asked for, and what never arrived is sent again as the same order."""

import pytest

from pilotfish.domain.events import BookTop, Connection, LeadFill, Operator, OperatorAction, Reconciled, Recovered
from pilotfish.domain.mandate import OMNIBUS, Route
from pilotfish.domain.orders import CancelAll, OrderSignal, OrderState, PlaceBatch
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Copied, Refused
from pilotfish.engine.snapshot import decode_state, digest, encode_state
from pilotfish.engine.step import step
from tests.unit.driver import PX, SECOND, USDC, Desk, asked, batched, free_follows, only, perp, placed, said


def _desk(route=Route.OMNIBUS) -> Desk:
    desk = Desk(route)
    desk.follow(free_follows([0, 1], allocation=[1_000 * USDC, 2_000 * USDC]))
    desk.lead_holds(0)
    return desk


def _answer(desk: Desk, query, open_=(), done=()):
    return desk.go(Reconciled(*desk.stamp(), query.cursor + 7, query.coids, open_, done))


def _up(desk: Desk, up: bool):
    return desk.go(Connection(*desk.stamp(), up))


def test_a_lost_acknowledgement_is_asked_about_and_the_order_sent_again_under_its_own_id() -> None:
    desk = _desk()
    place = only(desk.lead(100))
    desk.update(place, OrderSignal.LOST)
    assert placed(desk.wait(SECOND)) == [], "unknown is a state: nothing is sent on top"
    query = asked(desk.wait(5 * SECOND))
    assert query.coids == (place.coid,)
    again = only(_answer(desk, query))
    assert again == place
    desk.fill(again)
    assert desk.held() == [10, 20]
    assert desk.state.cursor == query.cursor + 7


def test_an_order_the_venue_does_not_know_yet_may_still_be_on_its_way() -> None:
    desk = _desk()
    place = only(desk.lead(100))
    query = asked(desk.wait(3 * SECOND))
    assert _answer(desk, query).commands == []
    desk.fill(place)
    assert desk.held() == [10, 20]


def test_the_same_answer_told_twice_sends_the_order_once() -> None:
    desk = _desk()
    only(desk.lead(100))
    query = asked(desk.wait(6 * SECOND))
    assert len(placed(_answer(desk, query))) == 1
    assert placed(_answer(desk, query)) == []


def test_an_order_that_had_fills_or_an_acknowledgement_is_over_not_absent() -> None:
    for signal, held in [(OrderSignal.ACK, [0, 0]), (None, [2, 4])]:
        desk = _desk()
        place = only(desk.lead(100))
        desk.update(place, signal) if signal is not None else desk.fill(place, 6)
        outcome = _answer(desk, asked(desk.wait(6 * SECOND)))
        assert len(said(outcome, Copied)) == 1
        assert desk.held() == held
        assert not desk.state.guard.halted
        assert place.coid not in [p.coid for p in placed(outcome)], "a second time it might fill twice"


def test_an_order_that_is_open_stays_and_one_that_is_done_is_shared() -> None:
    desk = _desk()
    place = only(desk.lead(100))
    query = asked(desk.wait(3 * SECOND))
    _answer(desk, query, open_=query.coids)
    assert desk.state.blocks[place.coid].state is OrderState.OPEN
    desk.fill(place, 15)
    _answer(desk, asked(desk.wait(3 * SECOND)), done=query.coids)
    assert desk.held() == [5, 10]
    assert not desk.state.ledger.reserved_money.any()


def test_a_query_without_an_answer_is_asked_again_but_not_at_every_tick() -> None:
    desk = _desk()
    desk.lead(100)
    query = asked(desk.wait(3 * SECOND))
    assert desk.wait(SECOND).commands == []
    assert asked(desk.wait(2 * SECOND)) == query


def test_nothing_leaves_while_the_connection_is_down_and_everything_is_asked_for_when_it_is_up() -> None:
    desk = _desk()
    place = only(desk.lead(100))
    assert _up(desk, False).commands == []
    assert desk.state.blocks[place.coid].state is OrderState.UNKNOWN
    outcome = desk.lead(100)
    assert outcome.commands == []
    assert [fact.reason for fact in said(outcome, Refused)] == [Reason.DISCONNECTED]
    assert desk.wait(3 * SECOND).commands == []
    desk.top()
    assert asked(_up(desk, True)).coids == (place.coid,)
    assert _up(desk, True).commands == [], "a second word of the same adds nothing"
    desk.fill(place)
    more = only(desk.wait(SECOND))
    assert more.lots == 30
    desk.fill(more)
    assert desk.held() == [20, 40]


def test_after_a_restart_whatever_was_on_its_way_is_unknown_and_asked_for() -> None:
    desk = _desk()
    place = only(desk.lead(100))
    desk.state = decode_state(encode_state(desk.state))
    assert asked(desk.go(Recovered(*desk.stamp()))).coids == (place.coid,)
    assert desk.state.blocks[place.coid].state is OrderState.UNKNOWN
    desk.fill(place)
    assert desk.held() == [10, 20]


def test_a_snapshot_is_the_state() -> None:
    desk = _desk()
    desk.lead(100)
    back = decode_state(encode_state(desk.state))
    assert digest(back) == digest(desk.state)
    assert encode_state(back) == encode_state(desk.state)
    back.ledger.money.rows[0] += 1
    assert digest(back) != digest(desk.state)


def test_a_book_that_lost_one_side_is_valued_alike_before_and_after_a_restart() -> None:
    """The cache of exposures keeps the last mark; a restarted shard must not value the position at nothing."""
    desk = Desk(instruments=[perp(0), perp(1)])
    desk.follow(free_follows([0], leverage_cap_e2=200))
    desk.fill(only(desk.lead(15_000)))
    desk.lead(1, k=1)
    desk.go(BookTop(*desk.stamp(), 0, 999_950, 5, 0, 0))
    restarted = decode_state(encode_state(desk.state))
    last = LeadFill(*desk.stamp(), 0, 1, 1, 4_000, PX, desk.fresh())
    (there,) = step(restarted, last).commands
    assert there.command == only(desk.go(last))
    assert there.command.lots == 400
    assert digest(restarted) == digest(desk.state)


def _killed(desk: Desk, action=OperatorAction.KILL):
    return desk.go(Operator(*desk.stamp(), action))


def test_the_kill_switch_cancels_everything_stops_opens_and_lets_reductions_pass() -> None:
    desk = _desk()
    desk.fill(only(desk.lead(100)))
    outcome = _killed(desk)
    assert [a.command for a in outcome.commands] == [CancelAll(OMNIBUS)]
    assert placed(desk.lead(50)) == []
    assert desk.reasons() == [Reason.KILLED] * 2
    assert only(desk.lead(-75)).side == -1
    _killed(desk, OperatorAction.RESUME)
    assert not desk.state.guard.killed


def test_cancelling_all_does_not_stop_opens() -> None:
    desk = _desk()
    assert len(_killed(desk, OperatorAction.CANCEL_ALL).commands) == 1
    assert len(placed(desk.lead(100))) == 1


def test_an_open_that_never_arrived_is_not_sent_again_once_the_switch_is_on() -> None:
    desk = _desk()
    only(desk.lead(100))
    _killed(desk)
    outcome = _answer(desk, asked(desk.wait(6 * SECOND)))
    assert outcome.commands == []
    assert desk.state.blocks == {}
    assert desk.reasons() == [Reason.KILLED] * 2
    assert not desk.state.ledger.opening[0].any()


def test_on_the_segregated_route_every_account_with_an_order_is_cancelled() -> None:
    desk = _desk(Route.SEGREGATED)
    desk.lead(100)
    assert [a.command for a in _killed(desk).commands] == [CancelAll(0), CancelAll(1)]


@pytest.mark.parametrize("results", [0, 1])
def test_a_batch_that_never_arrived_is_sent_again_unless_part_of_it_is_known_to_have(results) -> None:
    desk = _desk(Route.SEGREGATED)
    (batch,) = batched(desk.lead(100))
    if results:
        desk.results(batch, index=[0])
    outcome = _answer(desk, asked(desk.wait(6 * SECOND)))
    resent = [a.command for a in outcome.commands if isinstance(a.command, PlaceBatch) and a.command.coid == batch.coid]
    if results:
        assert resent == []
        assert desk.state.batches == {}
        assert desk.held() == [10, 0]
    else:
        assert [r.lots.tolist() for r in resent] == [[10, 20]]


def test_a_batch_that_is_done_holds_nothing_back_for_results_that_never_came() -> None:
    desk = _desk(Route.SEGREGATED)
    (batch,) = batched(desk.lead(100))
    desk.results(batch, index=[1])
    _answer(desk, asked(desk.wait(6 * SECOND)), done=(batch.coid,))
    assert desk.held() == [0, 20]
    assert desk.state.batches == {}
    assert desk.state.ledger.reservations == {}


def test_a_killed_batch_that_never_arrived_is_over() -> None:
    desk = _desk(Route.SEGREGATED)
    desk.lead(100)
    _killed(desk)
    assert _answer(desk, asked(desk.wait(6 * SECOND))).commands == []
    assert desk.state.batches == {}
    assert desk.reasons() == [Reason.KILLED] * 2
