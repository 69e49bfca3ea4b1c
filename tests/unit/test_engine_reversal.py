"""A fill that its venue takes back is taken back: from whoever had a share of it, with its money, once.

Matches that failed to settle, and swaps on blocks that were replaced; these are mined again as a rule.
"""

import msgspec
import numpy as np
import pytest

from pilotfish.domain.events import Fill, FillReversed, OrderUpdate
from pilotfish.domain.instrument import Instrument, Kind, TickRule
from pilotfish.domain.mandate import OMNIBUS, Route
from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Copied, Quarantined
from pilotfish.engine.snapshot import decode_state, encode_state
from pilotfish.engine.step import Outcome, step
from pilotfish.views.attribution import AttributionView
from pilotfish.worlds.live.holdings import SETTLING_NS, unfinished_of
from tests.unit.driver import SECOND, Desk, batched, free_follows, only, placed, said

PX = 5_000  # 0.5
TOKEN = Instrument(
    0, "YES", "polymarket", Kind.OUTCOME, 2, 4, tick_rule=TickRule.GRID, tick=100, min_notional=0, taker_fee_e6=0
)
POOL = msgspec.structs.replace(TOKEN, symbol="WETH/USDC/3000", venue="evm", kind=Kind.SPOT, tick_rule=TickRule.FIXED)
both = pytest.mark.parametrize("traded", [TOKEN, POOL], ids=["match", "swap"])


def desk_of(route: Route, count: int = 3, traded: Instrument = TOKEN) -> Desk:
    desk = Desk(route, instruments=[traded])
    desk.follow(free_follows(np.arange(count), sizing=1, value=10**9))
    desk.top(PX, half=100)
    return desk


def fill(desk: Desk, coid: int, lots: int, number: int, fee: int = 30) -> Fill:
    return Fill(*desk.stamp(), coid, number, lots, PX, TOKEN.cost(1, lots, PX), fee)


def reversed_(desk: Desk, coid: int, lots: int, number: int, account: int = OMNIBUS, fee: int = 30) -> FillReversed:
    return FillReversed(*desk.stamp(), coid, number, account, 0, 1, lots, PX, TOKEN.cost(1, lots, PX), fee)


def bought(desk: Desk) -> int:
    """All follows buy 100 lots each in one block, in two fills. Returns its id."""
    place = only(desk.lead(100, PX))
    desk.go(fill(desk, place.coid, 200, 71))
    desk.go(fill(desk, place.coid, 100, 72))
    assert desk.held() == [100] * 3
    return place.coid


def money(desk: Desk) -> list[int]:
    return desk.state.ledger.money.rows.tolist()


@both
def test_shares_of_a_failed_fill_are_given_back_with_what_they_cost_and_the_sums_stay_zero(traded) -> None:
    desk = desk_of(Route.OMNIBUS, traded=traded)
    before = money(desk)
    coid = bought(desk)
    desk.go(reversed_(desk, coid, 200, 71))
    desk.go(reversed_(desk, coid, 100, 72))
    assert desk.held() == [0] * 3
    assert money(desk) == before
    assert not any(desk.state.ledger.sums().values())


def test_a_part_is_taken_back_in_proportion_and_a_doubled_reversal_counts_once() -> None:
    desk = desk_of(Route.OMNIBUS)
    coid = bought(desk)
    once = reversed_(desk, coid, 100, 72)
    desk.go(once)
    desk.go(once)
    assert sum(desk.held()) == 200
    assert sorted(desk.held()) == [66, 67, 67]
    assert desk.state.duplicates == 1


def test_what_was_taken_back_is_bought_again_within_the_window() -> None:
    desk = desk_of(Route.OMNIBUS)
    coid = bought(desk)
    desk.go(reversed_(desk, coid, 300, 71))
    desk.top(PX, half=100)
    (place,) = placed(desk.wait(SECOND))
    assert (place.side, place.lots) == (1, 300)


def test_a_fill_that_fails_while_its_order_is_under_way_is_as_if_it_had_not_been() -> None:
    desk = desk_of(Route.OMNIBUS)
    place = only(desk.lead(100, PX))
    desk.go(fill(desk, place.coid, 120, 71))
    desk.go(reversed_(desk, place.coid, 120, 71))
    desk.go(fill(desk, place.coid, 120, 71))
    assert desk.state.blocks[place.coid].filled == 0, "the fill that failed does not come back"
    desk.go(fill(desk, place.coid, 300, 73))
    assert desk.held() == [100] * 3
    assert not any(desk.state.ledger.sums().values())


def test_a_reversal_that_overtakes_its_fill_keeps_it_from_counting() -> None:
    desk = desk_of(Route.OMNIBUS)
    place = only(desk.lead(100, PX))
    assert not said(desk.go(reversed_(desk, place.coid, 120, 71)), Quarantined)
    desk.go(fill(desk, place.coid, 120, 71))
    assert desk.state.blocks[place.coid].filled == 0


@both
def test_of_separate_accounts_only_the_one_that_is_meant_gives_back(traded) -> None:
    desk = desk_of(Route.SEGREGATED, traded=traded)
    (batch,) = batched(desk.lead(100, PX))
    desk.results(batch)
    held = desk.held()
    assert held == [100] * 3
    desk.go(reversed_(desk, batch.coid + 1, 40, 9, account=1, fee=0))
    assert desk.held() == [100, 60, 100]
    assert not any(desk.state.ledger.sums().values())


def test_a_reversal_of_what_nobody_had_is_set_aside() -> None:
    desk = desk_of(Route.OMNIBUS)
    coid = bought(desk)
    assert said(desk.go(reversed_(desk, coid + 10**9, 5, 99)), Quarantined)
    assert desk.held() == [100] * 3


@pytest.mark.parametrize("bad", [{"lots": 0}, {"lots": -1}, {"instrument": 9}, {"price": 0}, {"cost": -1}])
def test_a_reversal_that_cannot_be_changes_nothing(bad) -> None:
    desk = desk_of(Route.OMNIBUS)
    coid = bought(desk)
    event = msgspec.structs.replace(reversed_(desk, coid, 5, 71), **bad)
    assert said(desk.go(event), Quarantined)
    assert desk.held() == [100] * 3


def test_attribution_is_exact_over_a_reversal_and_a_restart_remembers_the_shares() -> None:
    desk = desk_of(Route.OMNIBUS)
    view = AttributionView()
    coid = bought(desk)
    state = decode_state(encode_state(desk.state))
    event = reversed_(desk, coid, 150, 71)
    outcome = step(state, event)
    (fact,) = [one for one in outcome.facts if isinstance(one, Copied)]
    assert (fact.side, int(fact.lots.sum()), int(fact.fees.sum())) == (-1, 150, -30)
    view(event, outcome, state)
    desk.go(event)
    assert encode_state(state) == encode_state(desk.state)


def settling(desk: Desk) -> list[int]:
    return [command.coid for command, _ in unfinished_of(desk.state).settling]


@both
def test_after_a_restart_the_venue_is_asked_about_orders_that_traded_and_are_over(traded) -> None:
    desk = desk_of(Route.OMNIBUS, traded=traded)
    first = only(desk.lead(100, PX))
    desk.go(fill(desk, first.coid, 120, 71))
    assert settling(desk) == [], "one that is under way is asked about anyway"
    desk.go(fill(desk, first.coid, 180, 72))
    second = only(desk.lead(10, PX))
    desk.go(OrderUpdate(*desk.stamp(), second.coid, OrderSignal.CANCEL, Reason.NO_DEPTH, second.lots))
    assert settling(desk) == [first.coid], "one that found nothing has no trade that could fail"
    state = decode_state(encode_state(desk.state))
    ((command, sent_ns),) = unfinished_of(state).settling
    assert command == first
    assert 0 < sent_ns <= state.now_ns
    state.now_ns += SETTLING_NS + 1
    assert not unfinished_of(state).settling


def refilled(desk: Desk, coid: int, lots: int, number: int, fee: int = 0) -> Outcome:
    return desk.go(fill(desk, coid, lots, number, fee))


def test_a_swap_that_is_mined_again_is_whose_it_was_and_nothing_is_bought_for_it() -> None:
    desk = desk_of(Route.OMNIBUS, traded=POOL)
    coid = bought(desk)
    after = money(desk)
    desk.go(reversed_(desk, coid, 200, 71))
    assert sum(desk.held()) == 100
    refilled(desk, coid, 200, 1_071, fee=30)
    assert desk.held() == [100] * 3
    assert sum(money(desk)) == sum(after)
    desk.top(PX, half=100)
    assert not placed(desk.wait(SECOND))
    refilled(desk, coid, 200, 1_071, fee=30)
    assert desk.held() == [100] * 3, "told twice it counts once"
    assert desk.state.quarantined == 0
    assert not any(desk.state.ledger.sums().values())


def test_a_swap_may_lose_its_block_again_and_again() -> None:
    desk = desk_of(Route.OMNIBUS, traded=POOL)
    coid = bought(desk)
    for last, number in ((71, 171), (171, 271), (271, 371)):
        desk.go(reversed_(desk, coid, 200, last))
        assert sum(desk.held()) == 100
        desk.state = decode_state(encode_state(desk.state))
        refilled(desk, coid, 200, number, fee=30)
        assert desk.held() == [100] * 3
    assert desk.state.quarantined == 0


def test_of_a_batch_the_one_order_that_is_mined_again_is_its_own_account_s() -> None:
    desk = desk_of(Route.SEGREGATED, traded=POOL)
    (batch,) = batched(desk.lead(100, PX))
    desk.results(batch)
    for k in (1, 2):
        desk.go(reversed_(desk, batch.coid + k, 100, 9 + k, account=k, fee=0))
    assert desk.held() == [100, 0, 0]
    refilled(desk, batch.coid + 2, 100, 22)
    assert desk.held() == [100, 0, 100]
    refilled(desk, batch.coid + 2, 100, 22)
    assert desk.state.duplicates == 1
    desk.go(reversed_(desk, batch.coid + 2, 100, 22, account=2, fee=0))
    assert desk.held() == [100, 0, 0]
    refilled(desk, batch.coid + 1, 100, 31)
    assert desk.held() == [100, 100, 0]
    assert desk.state.quarantined == 0


def test_more_than_was_given_back_is_set_aside() -> None:
    desk = desk_of(Route.OMNIBUS, traded=POOL)
    coid = bought(desk)
    desk.go(reversed_(desk, coid, 100, 72))
    assert said(refilled(desk, coid, 101, 1_072), Quarantined)
    assert sum(desk.held()) == 200


def test_where_no_venue_takes_trades_back_nothing_is_remembered_for_it() -> None:
    desk = desk_of(Route.OMNIBUS, traded=msgspec.structs.replace(POOL, venue="hyperliquid"))
    bought(desk)
    assert not desk.state.shares
    assert not desk.state.settling


def test_a_batch_that_traded_is_asked_about_and_a_perpetual_never() -> None:
    desk = desk_of(Route.SEGREGATED)
    (batch,) = batched(desk.lead(100, PX))
    assert settling(desk) == []
    desk.results(batch)
    assert settling(desk) == [batch.coid]
    other = Desk(Route.OMNIBUS)
    other.follow(free_follows(np.arange(3)))
    other.top(100_000)
    place = only(other.lead(100, 100_000))
    other.go(Fill(*other.stamp(), place.coid, 1, place.lots, 100_000, 1, 0))
    assert place.coid in other.state.closed
    assert settling(other) == []
