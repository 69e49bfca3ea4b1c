"""An outcome is decided: whoever holds it is paid, once, and nothing of it is opened any more."""

import numpy as np
import pytest

from pilotfish.domain.events import InstrumentSettled
from pilotfish.domain.mandate import Route
from pilotfish.engine.facts import PaidOut, Quarantined
from pilotfish.engine.snapshot import decode_state, encode_state
from pilotfish.views.attribution import AttributionView
from tests.unit.driver import SECOND, Desk, free_follows, only, perp, said
from tests.unit.risk_scene import BOTH, orders
from tests.unit.test_engine_reversal import PX, desk_of, fill, money, reversed_

ONE = 10_000


def settled(desk: Desk, price: int, instrument: int = 0) -> InstrumentSettled:
    return InstrumentSettled(*desk.stamp(), instrument, price)


def holding(desk: Desk) -> list[int]:
    """Everybody holds 100 lots, bought at a half with a fee. Returns the money before."""
    before = money(desk)
    place = only(desk.lead(100, PX))
    desk.go(fill(desk, place.coid, place.lots, 71, fee=0))
    return before


@pytest.mark.parametrize(("price", "gain"), [(ONE, 500_000), (0, -500_000)])
def test_a_winner_gets_one_a_share_a_loser_nothing_and_the_sums_stay_zero(price, gain) -> None:
    desk = desk_of(Route.OMNIBUS)
    before = holding(desk)
    (fact,) = said(desk.go(settled(desk, price)), PaidOut)
    assert desk.held() == [0] * 3
    assert desk.targets() == [0] * 3
    assert [after - was for after, was in zip(money(desk), before, strict=True)] == [gain] * 3
    assert fact.lots.tolist() == [100] * 3
    assert fact.amounts.tolist() == [100 * price] * 3
    assert not any(desk.state.ledger.sums().values())


@BOTH
def test_afterwards_nothing_is_opened_whatever_the_lead_does_or_the_book_says(route) -> None:
    desk = desk_of(route)
    desk.go(settled(desk, ONE))
    desk.top(PX, half=100)
    assert not orders(desk.lead(100, PX))
    assert not orders(desk.wait(SECOND))


def test_told_again_it_pays_what_has_filled_since_and_otherwise_nothing() -> None:
    desk = desk_of(Route.OMNIBUS)
    place = only(desk.lead(100, PX))
    desk.go(settled(desk, ONE))
    desk.go(fill(desk, place.coid, place.lots, 71, fee=0))
    assert desk.held() == [100] * 3, "the venue matched it before it knew"
    assert said(desk.go(settled(desk, ONE)), PaidOut)
    assert desk.held() == [0] * 3
    assert not said(desk.go(settled(desk, ONE)), PaidOut)
    assert said(desk.go(settled(desk, 0)), Quarantined), "an outcome that changes its mind is for a person"


def test_a_fill_that_fails_after_the_payout_takes_its_share_back() -> None:
    desk = desk_of(Route.OMNIBUS)
    place = only(desk.lead(100, PX))
    desk.go(fill(desk, place.coid, place.lots, 71, fee=0))
    desk.go(settled(desk, 0))
    desk.go(reversed_(desk, place.coid, 300, 71, fee=0))
    assert not any(desk.state.ledger.sums().values())
    assert sum(desk.held()) == -300, "what never was is owed, and worth nothing"


@pytest.mark.parametrize(("instrument", "price"), [(0, -1), (0, ONE + 1), (9, 0)])
def test_a_payout_that_cannot_be_is_set_aside(instrument, price) -> None:
    desk = desk_of(Route.OMNIBUS)
    holding(desk)
    assert said(desk.go(settled(desk, price, instrument)), Quarantined)
    assert desk.held() == [100] * 3


def test_a_perpetual_is_never_decided() -> None:
    desk = Desk(instruments=[perp(0)])
    assert said(desk.go(settled(desk, 0)), Quarantined)


@pytest.mark.parametrize("price", [ONE, 0])
def test_attribution_is_exact_over_a_payout(price) -> None:
    desk = desk_of(Route.OMNIBUS)
    state, view = decode_state(encode_state(desk.state)), AttributionView()
    from pilotfish.engine.step import step

    def go(event) -> None:
        view(event, step(state, event), state)

    events = []
    desk.go, plain = (lambda event: (events.append(event), plain(event))[1]), desk.go
    desk.follow(free_follows(np.arange(3, 5), sizing=1, value=10**9))
    holding(desk)
    desk.go(settled(desk, price))
    for event in events:
        go(event)
    total = view.result(state)
    assert encode_state(state) == encode_state(desk.state)
    assert total.total == sum(getattr(total, name) for name in total.__struct_fields__ if name in PARTS)


PARTS = ("delay", "slippage", "venue_fee", "copy_fee", "funding", "rounding", "missed", "hedge", "insurance")
