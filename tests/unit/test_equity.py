"""Equity over time: returns on what was deposited, and a tracking error that knows every way of copying."""

import numpy as np
import pytest

from pilotfish.domain.events import CashMoved
from pilotfish.domain.instructions import HedgeMapped
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import Direction, Route, Sizing
from pilotfish.views.attribution import AttributionView
from pilotfish.views.equity import EquityView, ideal_result
from tests.unit.driver import LEAD_EQUITY, PX, USDC, Desk, free_follows, perp, placed

UP = PX * 11 // 10
WAYS = {
    "proportional": {},
    "fixed amount": {"sizing": int(Sizing.FIXED_AMOUNT), "value": 30 * USDC},
    "reverse": {"direction": int(Direction.REVERSE)},
    "capped": {"position_cap": 20 * USDC, "open_bps": 0},
    "hedged": {"hedge_bps": 5_000},
}


class Watched(Desk):
    """A desk with both views on it. A lot at `PX` is one USDC."""

    def __init__(self, **settings) -> None:
        self.attribution = AttributionView()
        self.equity = EquityView(self.attribution)
        super().__init__(Route.OMNIBUS, instruments=[perp(), perp(1)], **settings)

    def go(self, event):
        outcome = super().go(event)
        for view in (self.attribution, self.equity):
            view(event, outcome, self.state)
        return outcome

    def settle(self, outcome, price: int = PX) -> None:
        for place in placed(outcome):
            self.settle(self.fill(place, price=price), price)

    def mark(self, price: int) -> None:
        """Both instruments go to a price; what has to be hedged anew is."""
        for k in (0, 1):
            self.settle(self.top(price, k), price)

    def sample(self) -> None:
        self.equity.sample(self.state, self.now)

    @property
    def strays(self):
        return self.equity.tracking_error(self.state).bps

    @property
    def returns(self) -> float:
        """Of the only follow, bps."""
        return self.equity.curves(["lead"]).followers.mean[-1]


def copied(price: int = PX, **columns) -> Watched:
    """One follow of 1,000 USDC; the lead, with ten times that, buys 500 lots, and ours are filled at `price`."""
    desk = Watched()
    desk.go(HedgeMapped(*desk.stamp(), 0, 1))
    desk.follow(free_follows(0, **columns))
    desk.sample()
    desk.settle(desk.lead(500), price)
    desk.sample()
    return desk


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_at_the_leads_price_does_not_stray_whatever_the_way(way):
    desk = copied(**WAYS[way])
    desk.mark(UP)
    desk.sample()
    assert desk.returns != 0
    assert desk.strays.max == pytest.approx(0, abs=0.011)


def test_a_copy_that_paid_more_strays_by_what_it_paid():
    paid = PX * 1_001 // 1_000
    desk = copied(paid)  # 50 lots, 0.05 USDC worse: 0.5 bps of 1,000 USDC, from the second of two samples on
    assert desk.strays.max == pytest.approx(0.25, abs=0.011)


def test_what_was_missed_strays_and_what_a_cap_kept_out_does_not():
    desk = Watched()
    desk.follow(free_follows([0, 1], position_cap=[10**12, 10 * USDC], open_bps=0))
    desk.sample()
    (place,) = placed(desk.lead(500))
    assert place.lots == 60
    desk.mark(UP)  # nothing has filled: 50 and 10 lots that would have earned a tenth of a USDC each
    desk.sample()
    assert desk.strays.max == pytest.approx(25, abs=0.011)
    assert desk.strays.min == pytest.approx(5, abs=0.011)


def test_deposits_and_withdrawals_are_no_result():
    desk = copied()
    for amount in (700 * USDC, -900 * USDC):
        desk.go(CashMoved(*desk.stamp(), np.array([0]), np.array([amount])))
        desk.sample()
        assert desk.returns == 0
        assert desk.strays.max == pytest.approx(0, abs=0.011)
    desk.mark(UP)  # 50 lots earn 5 USDC, of the 1,700 that there once were
    desk.sample()
    assert desk.returns == pytest.approx(5 / 1_700 * 1e4)


def test_who_joins_later_is_judged_by_its_own_samples():
    desk = copied(PX * 1_001 // 1_000)
    before = desk.strays.max
    desk.follow(free_follows(1))
    desk.sample()
    assert desk.strays.count == 1  # the newcomer has one sample, which says nothing
    desk.sample()
    assert desk.strays.count == 2
    assert desk.strays.min == pytest.approx(0, abs=0.011)
    assert desk.strays.max > before * 0.8


def test_without_two_samples_there_is_no_tracking_error():
    desk = Watched()
    desk.sample()
    assert desk.equity.tracking_error(desk.state).bps.count == 0


def test_the_ideal_result_is_that_of_the_attribution():
    desk = copied(PX * 1_001 // 1_000, hedge_bps=5_000)
    desk.mark(UP)
    table = desk.attribution.follows(desk.state)
    exact = [
        float(table.fine.show(ideal + hedge)) * USDC
        for ideal, hedge in zip(table.amounts["ideal"], table.amounts["hedge"], strict=True)
    ]
    assert ideal_result(desk.attribution, desk.state) == pytest.approx(exact)
    assert desk.state.columns[0].targets.tolist() == [500 * 1_000 * USDC // LEAD_EQUITY * SUBLOT]
