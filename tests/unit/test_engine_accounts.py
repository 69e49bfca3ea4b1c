"""Cash, funding and liquidation; events that cannot be true; and a halt that cancels what is open."""

import msgspec
import pytest

from pilotfish.domain import events as ev
from pilotfish.domain.arith import ints
from pilotfish.domain.instrument import Instrument, Kind, TickRule
from pilotfish.domain.mandate import OMNIBUS, Route
from pilotfish.domain.orders import CancelAll, OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Halted, Quarantined
from pilotfish.engine.state import State
from pilotfish.engine.step import step
from tests.unit.driver import PX, T0, USDC, Desk, free_follows, only, perp, placed, said


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.follow(free_follows([0, 1, 2], allocation=[1_000 * USDC, 2_000 * USDC, 3_000 * USDC]))
    desk.lead_holds(0)
    desk.fill(only(desk.lead(1_000)))
    assert desk.held() == [100, 200, 300]
    return desk


def _cash(desk: Desk, rows, amounts):
    return desk.go(ev.CashMoved(*desk.stamp(), ints(rows), ints(amounts)))


def test_deposits_and_withdrawals_move_money_and_no_target(desk) -> None:
    before = desk.state.ledger.money.rows.tolist()
    targets = desk.targets()
    _cash(desk, [0, 2], [50 * USDC, -50 * USDC])
    assert desk.state.ledger.money.rows.tolist() == [before[0] + 50 * USDC, before[1], before[2] - 50 * USDC]
    assert desk.targets() == targets


def test_a_withdrawal_of_more_than_is_free_is_refused_whole(desk) -> None:
    free = 1_000 * USDC - 100 * USDC // 10
    assert said(_cash(desk, [0], [-free]), Quarantined) == []
    before = desk.untouched()
    (quarantined,) = said(_cash(desk, [1, 0], [-1, -1]), Quarantined)
    assert quarantined.event == "withdrawal of follow 0"
    assert desk.untouched() == before


def _funding(desk: Desk, rate_e9: int, total: int, number: int = 1):
    return desk.go(ev.Funding(*desk.stamp(), 0, number, ints([OMNIBUS]), ints([total]), PX, rate_e9))


@pytest.mark.parametrize("rate", [1_000, -1_000])
def test_funding_is_paid_by_position_once_and_the_odd_unit_goes_to_rounding(desk, rate) -> None:
    before = desk.state.ledger.money.rows.tolist()
    total = 600 * USDC * rate // 10**9 + 1
    _funding(desk, rate, total)
    _funding(desk, rate, total)
    paid = [b - a for b, a in zip(before, desk.state.ledger.money.rows.tolist(), strict=True)]
    assert paid == [100 * USDC * rate // 10**9, 200 * USDC * rate // 10**9, 300 * USDC * rate // 10**9]
    assert desk.state.ledger.money.system["funding"] == total
    assert desk.state.ledger.money.system["rounding"] == sum(paid) - total
    assert desk.state.duplicates == 1


def _liquidated(desk: Desk, lots: int, number: int = 1, account: int = OMNIBUS):
    return desk.go(ev.Liquidation(*desk.stamp(), account, 0, number, lots, PX, abs(lots) * PX, 7))


def test_a_liquidation_is_shared_by_position_and_nobody_buys_back_what_was_taken(desk) -> None:
    _liquidated(desk, -60)
    assert desk.held() == [90, 180, 270]
    assert desk.reasons() == [Reason.LIQUIDATED] * 3
    assert placed(desk.wait(10**9)) == []
    desk.fill(only(desk.lead(100)))
    assert desk.held() == [100, 200, 300]


def test_a_liquidation_told_twice_counts_once_and_one_of_more_than_is_held_not_at_all(desk) -> None:
    _liquidated(desk, -60)
    _liquidated(desk, -60)
    assert desk.held() == [90, 180, 270]
    for lots in (-541, 10):
        assert len(said(_liquidated(desk, lots, number=2), Quarantined)) == 1
    assert desk.held() == [90, 180, 270]


def test_funding_and_liquidation_number_their_events_apart(desk) -> None:
    _funding(desk, 1_000, 600_000, number=9)
    _liquidated(desk, -60, number=9)
    assert desk.held() == [90, 180, 270]


def test_a_liquidated_account_of_the_segregated_route_concerns_nobody_else() -> None:
    desk = Desk(Route.SEGREGATED)
    desk.follow(free_follows([70, 80]))
    (batch,) = [a.command for a in desk.lead(100).commands]
    desk.results(batch)
    _liquidated(desk, -5, account=80)
    assert desk.held() == [10, 5]


def _bad(desk: Desk) -> list[ev.Event]:
    now = (desk.now, desk.now)
    place = only(desk.lead(10))
    fill = ev.Fill(*now, place.coid, 10**6, 1, PX, PX, 0)
    lead = ev.LeadFill(*now, 0, 0, 1, 5, PX, 10**6)
    funding = ev.Funding(*now, 0, 99, ints([OMNIBUS]), ints([1]), PX, 1)
    liquidation = ev.Liquidation(*now, OMNIBUS, 0, 99, -1, PX, PX, 0)
    perp_1 = perp(1)
    change = msgspec.structs.replace
    listed = [
        change(perp_1, **fields)
        for fields in (
            {"id": 0}, {"id": 2}, {"tick": 0}, {"max_leverage": 0}, {"max_leverage": 10**7},
            {"price_decimals": -2, "lot_decimals": 8}, {"lot_decimals": 40}, {"min_notional": -1},
            {"taker_fee_e6": -5}, {"tick_rule": TickRule.GRID, "tick": 10_000},
        )
    ]  # fmt: skip
    return [
        ev.Configured(*now, 0, Route.OMNIBUS), *(ev.InstrumentListed(*now, instrument) for instrument in listed),
        ev.LeadListed(*now, 0, "again", 5), ev.LeadListed(*now, 1, "poor", 0), ev.LeadListed(*now, 1, "rich", 2**62),
        ev.LeadEquity(*now, 1, 5), ev.LeadEquity(*now, 0, -5), ev.LeadEquity(*now, 0, 0),
        *(change(lead, **f) for f in ({"lead": 1}, {"lead": -1}, {"instrument": 1}, {"instrument": -1}, {"side": 0},
          {"lots": 0}, {"lots": -5}, {"price": 0}, {"lots": 2**60}, {"price": 2**60}, {"start": 2**62},
          {"venue_ns": 2**63}, {"venue_ns": -1})),
        ev.LeadPosition(*now, 1, 0, 5, PX), ev.LeadPosition(*now, 0, 0, 2**50, PX), ev.LeadPosition(*now, 0, 0, 5, 0),
        *(change(fill, **f) for f in ({"lots": 0}, {"lots": -1}, {"price": 0}, {"cost": -1}, {"cost": 2**62},
          {"fee": 2**70}, {"fee": -(2**70)}, {"coid": 1})),
        ev.BookTop(*now, 1, 1, 1, 2, 1), ev.BookTop(*now, 0, 5, 1, 5, 1), ev.BookTop(*now, 0, -5, 1, 5, 1),
        ev.BookTop(*now, 0, 5, -1, 6, 1), ev.BookTop(*now, 0, 5, 1, 2**60, 1), ev.BookTop(*now, 0, 2**60, 1, 0, 0),
        ev.Mark(*now, 0, 0), ev.Mark(*now, -1, 5), ev.Mark(*now, 0, 2**60),
        *(change(funding, **f) for f in ({"instrument": 1}, {"price": 0}, {"rate_e9": 10**10},
          {"amounts": ints([2**62])}, {"amounts": ints([])})),
        *(change(liquidation, **f) for f in ({"lots": 0}, {"lots": 1}, {"cost": -1}, {"fee": 2**70},
          {"instrument": 7})),
        ev.CashMoved(*now, ints([0, 0]), ints([1, 1])), ev.CashMoved(*now, ints([3]), ints([1])),
        ev.CashMoved(*now, ints([0]), ints([])), ev.CashMoved(*now, ints([-1]), ints([1])),
        ev.CashMoved(*now, ints([0]), ints([-(2**63)])), ev.CashMoved(*now, ints([0]), ints([2**62])),
        ev.CashMoved(*now, ints([0]).astype(bool), ints([1])),
        ev.OrderUpdate(*now, 4, OrderSignal.ACK),
        ev.OrderUpdate(*now, place.coid, OrderSignal.CANCEL, lots_left=10**6),
    ]  # fmt: skip


def test_an_event_that_cannot_be_true_leaves_no_trace_but_its_quarantine(desk) -> None:
    bad = _bad(desk)
    before, counted = desk.untouched(), desk.state.quarantined
    for number, event in enumerate(bad, 1):
        outcome = step(desk.state, event)
        assert outcome.commands == [], event
        assert len(said(outcome, Quarantined)) == 1, event
        assert desk.untouched() == before, event
        assert desk.state.quarantined == counted + number
    assert not desk.state.guard.halted


@pytest.mark.parametrize(
    "event",
    [
        ev.Operator(T0, T0, ev.OperatorAction.KILL), ev.Timer(T0, T0), ev.Recovered(T0, T0),
        ev.InstrumentListed(T0, T0, Instrument(0, "X", "sim", Kind.SPOT, 2, 4)), ev.Connection(T0, T0, False),
    ],
    ids=lambda event: type(event).__name__,
)  # fmt: skip
def test_nothing_happens_before_the_shard_is_configured(event) -> None:
    state = State()
    outcome = step(state, event)
    assert outcome.commands == []
    assert len(said(outcome, Quarantined)) == 1


def _contradiction(desk: Desk):
    """The venue denies an order that it had acknowledged."""
    place = only(desk.lead(100))
    desk.update(place, OrderSignal.ACK)
    return desk.update(place, OrderSignal.ABSENT)


def test_a_contradiction_halts_the_shard_and_cancels_its_orders(desk) -> None:
    outcome = _contradiction(desk)
    assert [a.command for a in outcome.commands] == [CancelAll(OMNIBUS)]
    (halted,) = said(outcome, Halted)
    assert "OPEN got ABSENT" in halted.why
    assert desk.state.guard.halted


def test_a_halted_shard_sends_nothing_and_still_books_what_the_venue_says(desk) -> None:
    _contradiction(desk)
    (coid,) = desk.state.blocks
    assert desk.lead(-500).commands == []
    desk.fill(desk.state.blocks[coid].place)
    assert desk.held() == [110, 220, 330]
    desk.go(ev.Operator(*desk.stamp(), ev.OperatorAction.RESUME))
    assert desk.state.guard.halted, "a contradiction is not switched off"
    assert desk.lead(-100).commands == []


def test_opens_wait_for_fresh_data_and_exits_do_not(desk) -> None:
    desk.now += 6 * 10**9
    assert placed(desk.lead(100)) == []
    assert desk.reasons() == [Reason.STALE] * 3
    assert only(desk.lead(-1_100)).side == -1


def test_a_separate_account_pays_what_the_venue_billed_it() -> None:
    """A fill under way makes the venue's bill differ from our rows; nobody else pays the difference."""
    desk = Desk(Route.SEGREGATED)
    desk.follow(free_follows([0, 1]))
    (order,) = [approved.command for approved in desk.lead(2_000).commands]
    desk.results(order)
    before = desk.state.ledger.money.rows.copy()
    desk.go(ev.Funding(*desk.stamp(), 0, 9, ints([0, 1]), ints([700, 11]), PX, 1))
    assert (before - desk.state.ledger.money.rows).tolist() == [700, 11]
    assert desk.state.ledger.money.system["rounding"] == 0
