"""What a lead does, told once or twice, in order or not, whole or with gaps, gives everybody the same target."""

import pytest

from pilotfish.domain.events import LeadListed
from pilotfish.domain.mandate import RATIO_UNIT, Sizing
from pilotfish.domain.orders import OrderSignal
from pilotfish.engine.facts import Intended, PositionBreak, Quarantined, Settled
from tests.unit.driver import USDC, Desk, free_follows, only, placed, said


def _desk(**columns) -> Desk:
    desk = Desk()
    desk.follow(free_follows([0, 1], allocation=[1_000 * USDC, 2_500 * USDC], **columns))
    desk.lead_holds(0)
    return desk


def _settle(desk: Desk, outcome) -> None:
    """Fill what was sent, and what that brings about."""
    for place in placed(outcome):
        _settle(desk, desk.fill(place))


def test_each_partial_fill_of_the_lead_is_copied_and_the_dust_is_carried() -> None:
    desk = _desk()
    for lots, held in [(4, [0, 1]), (4, [0, 2]), (4, [1, 3]), (8, [2, 5])]:
        _settle(desk, desk.lead(lots))
        assert desk.held() == held
        assert all(abs(t - h) < 1 for t, h in zip(desk.targets(), desk.held(), strict=True))
    assert desk.targets() == [2.0, 5.0]


def test_a_partial_close_sells_the_same_fraction_and_a_full_close_everything() -> None:
    desk = _desk()
    _settle(desk, desk.lead(100))
    outcome = desk.lead(-25)
    assert not only(outcome).reduce_only, "other leads' follows may hold the other side of the account"
    _settle(desk, outcome)
    assert [abs(t - h) < 1 for t, h in zip(desk.targets(), desk.held(), strict=True)] == [True, True]
    assert desk.targets() == [7.5, 18.75]
    outcome = desk.lead(-75)
    assert only(outcome).reduce_only, "the whole account is closed"
    _settle(desk, outcome)
    assert desk.held() == [0, 0]


def test_a_flip_closes_and_opens_once_the_close_is_known_to_be_done() -> None:
    desk = _desk()
    _settle(desk, desk.lead(100))
    exit_ = only(desk.lead(-140))
    assert (exit_.side, exit_.lots) == (-1, 35)
    open_ = only(desk.fill(exit_))
    assert (open_.side, open_.lots, open_.reduce_only) == (-1, 14, False)
    desk.fill(open_)
    assert desk.held() == [-4, -10]


def test_a_lead_that_leaves_while_our_open_is_in_flight_makes_nobody_sell_what_is_not_held() -> None:
    desk = _desk()
    open_ = only(desk.lead(100))
    assert placed(desk.lead(-100)) == []
    desk.fill(open_, 14)
    exit_ = only(desk.update(open_, OrderSignal.CANCEL, left=21))
    assert (exit_.side, exit_.lots) == (-1, 14)
    desk.fill(exit_)
    assert desk.held() == [0, 0]


def test_a_doubled_fill_changes_nothing() -> None:
    desk = _desk()
    desk.lead(40, fill_id=77)
    before = desk.targets()
    outcome = desk.lead(40, fill_id=77)
    assert (outcome.commands, outcome.facts) == ([], [])
    assert desk.targets() == before
    assert desk.state.leads[0].duplicates == 1


def test_a_late_fill_is_already_counted_by_the_statement_after_it() -> None:
    desk = _desk()
    early, late = desk.now + 10, desk.now + 20
    outcome = desk.lead(40, start=60, at=late)
    assert said(outcome, PositionBreak) == [PositionBreak(0, 0, 0, 60)]
    assert desk.targets() == [10.0, 25.0]
    outcome = desk.lead(60, start=0, at=early)
    assert outcome.commands == []
    assert desk.targets() == [10.0, 25.0]
    assert desk.state.leads[0].late == 1


def test_fills_of_one_instant_may_come_in_any_order() -> None:
    desk = _desk()
    at = desk.now + 10
    desk.lead(50, start=50, at=at)
    desk.lead(50, start=0, at=at)
    desk.lead(20, start=100, at=at)
    assert desk.targets() == [12.0, 30.0]
    assert desk.state.leads[0].positions == {0: 120}


def test_a_gap_is_healed_by_the_start_that_the_next_fill_states() -> None:
    desk = _desk()
    _settle(desk, desk.lead(100, start=0))
    outcome = desk.lead(-10, start=60)  # a sale of 40 was lost
    assert said(outcome, PositionBreak) == [PositionBreak(0, 0, 100, 60)]
    assert desk.targets() == [5.0, 12.5]
    assert desk.state.leads[0].breaks == 1


def test_a_stated_position_heals_a_gap_and_an_older_one_does_not() -> None:
    desk = _desk()
    _settle(desk, desk.lead(100, start=0))
    outcome = desk.lead_holds(-20)
    assert said(outcome, PositionBreak) == [PositionBreak(0, 0, 100, -20)]
    assert desk.targets() == [-2.0, -5.0]
    outcome = desk.lead_holds(100, at=desk.now - 10**9)
    assert outcome.commands == []
    assert desk.targets() == [-2.0, -5.0]


def test_what_the_lead_held_before_anybody_looked_is_not_a_new_trade() -> None:
    desk = Desk()
    desk.follow(free_follows([0]))
    desk.lead(10, start=500)
    assert desk.targets() == [1.0]
    desk.lead(-255, start=510)
    assert desk.targets() == [0.5], "but its reduction is a reduction"


def test_a_stated_position_alone_trades_nothing_for_those_who_want_new_trades_only() -> None:
    desk = Desk()
    desk.follow(free_follows([0]))
    assert desk.lead_holds(500).commands == []
    assert desk.targets() == [0.0]


def test_a_fill_without_a_start_counts_from_what_we_know() -> None:
    desk = _desk()
    desk.lead(30)
    desk.lead(-10)
    assert desk.targets() == [2.0, 5.0]
    stamp = desk.now
    desk.lead_holds(20)
    desk.lead(30, at=stamp - 5)
    assert desk.targets() == [2.0, 5.0], "older than the position stated since"


@pytest.mark.parametrize("steps", [[60, 40, -50, 30], [-20, 50, -90, 10, 10]])
def test_an_exact_ratio_gives_the_exact_position_whatever_the_path(steps) -> None:
    desk = Desk()
    desk.follow(free_follows([0], sizing=int(Sizing.FIXED_RATIO), value=RATIO_UNIT // 2))
    for lots in steps:
        _settle(desk, desk.lead(lots))
    assert desk.targets() == [sum(steps) / 2]
    assert desk.held() == [sum(steps) // 2]


def test_every_intended_copy_is_settled_as_filled_carried_or_missed() -> None:
    desk = _desk()
    _settle(desk, desk.lead(4))
    intended = sum(fact.count for fact in desk.all(Intended))
    settled = desk.all(Settled)
    assert intended == 2
    assert sum(fact.filled for fact in settled) == 1
    assert sum(fact.carried for fact in settled) == 1
    assert not desk.state.columns[0].waiting.any()


def test_a_lead_of_no_equity_to_speak_of_halts_nobody() -> None:
    desk = Desk()
    desk.go(LeadListed(*desk.stamp(), 1, "dust", 1))
    desk.follow(free_follows([0, 1], lead=[0, 1], position_cap=100 * USDC))
    desk.lead(10**6, lead=1)
    assert not desk.state.guard.halted
    assert desk.targets() == [0.0, 100.0]


def test_a_fee_taken_in_the_traded_token_is_no_break_in_the_chain() -> None:
    desk = Desk()
    desk.follow(free_follows([0], sizing=1, value=10**9))
    desk.lead(100, start=0, held_back=2)
    outcome = desk.lead(50, start=98, held_back=1)
    assert said(outcome, PositionBreak) == []
    assert desk.targets() == [147.0]


def test_a_fee_larger_than_the_trade_is_quarantined() -> None:
    desk = Desk()
    (odd,) = said(desk.lead(100, held_back=101), Quarantined)
    assert "fee" in odd.why
