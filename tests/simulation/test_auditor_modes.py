"""The auditor finds what is planted where follows, fees, brakes, stops and hedges are concerned."""

from collections.abc import Callable

import pytest

from pilotfish.domain.arith import ints
from pilotfish.domain.events import BookTop, CashMoved, Connection, Mark, Operator, OperatorAction, Timer
from pilotfish.domain.instructions import (
    Committed,
    DisclosureSet,
    FeesDue,
    FeesSet,
    FollowAction,
    FollowControl,
    HedgeMapped,
    MandateChanged,
    Revealed,
    RiskSet,
    RulesSet,
)
from pilotfish.domain.mandate import Route
from pilotfish.domain.rules import Rule
from pilotfish.domain.terms import FeeTerms, RiskTerms
from pilotfish.engine.leads.disclosure import commit
from pilotfish.engine.state import State
from tests.simulation.audited import PX, SECOND, USDC, Scene

TERMS = FeeTerms(subscription=3 * USDC, month_ns=10 * SECOND, period_ns=SECOND)


def quiet(scene: Scene, tamper: Callable[[State], None] = lambda _: None, told=None) -> None:
    """Nothing happens to the shard but `tamper`; the auditor may be `told` otherwise."""
    at = (told.venue_ns, told.ours_ns) if told is not None else scene.at()
    scene.go(Connection(*at, True), tamper, told=told)


def set_to(path: str, value: object, row: int | None = None) -> Callable[[State], None]:
    """A tampering: `path` in the state, or row `row` of the column there, becomes `value`."""

    def tamper(state: State) -> None:
        *above, last = path.split(".")
        target = state
        for name in above:
            target = getattr(target, name)
        if row is None:
            setattr(target, last, value)
        else:
            getattr(target, last)[row] = value

    return tamper


def paid(row: int, account: str, amount: int) -> Callable[[State], None]:
    """A tampering: money of a follow goes to a system account."""

    def tamper(state: State) -> None:
        state.ledger.money.rows[row] -= amount
        state.ledger.money.system[account] = state.ledger.money.system.get(account, 0) + amount

    return tamper


# -- who may open ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", Route)
@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (set_to("standing.mode", 1, 1), "an open of a follow in mode 1"),
        (set_to("standing.cool_ns", 2**62, 1), "an open while it rests after a failure"),
        (set_to("guard.cool_ns", 2**62), "an open while it rests after a failure"),
        (set_to("follows.sides", 2, 1), "an open on the side that the mandate does not open"),
        (lambda state: setattr(state.leads[0], "gone", True), "an open after a lead that is gone"),
    ],
)
def test_an_open_that_nobody_may_make_is_found(route, tamper, said) -> None:
    scene = Scene(route)
    scene.go(scene.lead(1_000), tamper)
    assert said in scene.said
    assert "follow 1" in scene.said


def test_an_open_while_opens_are_halted_is_found() -> None:
    scene = Scene()
    quiet(scene, set_to("guard.broken", 37))
    scene.state.guard.broken = 0
    scene.go(scene.lead(1_000), set_to("guard.broken", 37))
    assert "an open while opens are halted for reason 37" in scene.said


def test_an_open_of_who_owes_more_than_a_month_is_found() -> None:
    scene = Scene()
    scene.go(FeesSet(*scene.at(), TERMS))

    def owing(state: State) -> None:
        scene.auditor.fees.bills[1].owed = state.standing.owed[1] = 4 * USDC

    scene.go(scene.lead(1_000), owing)
    assert "follow 1" in scene.said
    assert "owes more than a month" in scene.said


# -- how follows stand -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modes", "said"),
    [
        ((1, 0), "went from mode 1 to 0, and nobody resumed it"),
        ((0, 4), "went from mode 0 to 4, and was never told to leave"),
        ((4, 1), "went from mode 4 to 1, but it had left"),
    ],
)
def test_a_follow_that_stands_otherwise_by_itself_is_found(modes, said) -> None:
    scene = Scene()
    quiet(scene, set_to("standing.mode", modes[0], 1))
    quiet(scene, set_to("standing.mode", modes[1], 1))
    assert said in scene.said


def test_who_leaves_with_money_or_lots_is_found() -> None:
    scene = Scene()
    scene.go(scene.fill(scene.open()))
    scene.go(FollowControl(*scene.at(), ints([1]), FollowAction.LEAVE))
    quiet(scene, set_to("standing.mode", 4, 1))
    assert "with something held or in flight" in scene.said
    assert "money units that were not paid out" in scene.said


def test_money_that_goes_out_though_nobody_left_is_found() -> None:
    scene = Scene()
    quiet(scene, paid(1, "external", 7))
    assert "7 money units went out, and [] left" in scene.said


def test_a_mandate_that_was_widened_is_found() -> None:
    scene = Scene()
    scene.go(scene.fill(scene.open()))
    wider = scene.state.follows.take(ints([1]))
    wider.open_bps[0] = 500
    quiet(scene, told=MandateChanged(*scene.at(), ints([1]), wider))
    assert "MandateChanged was not refused, though it must be" in scene.said


def test_a_mandate_that_changed_by_itself_is_found() -> None:
    scene = Scene()
    quiet(scene, set_to("follows.order_cap", 5, 2))
    assert "follow 2: order_cap is 5" in "".join(scene.auditor.at_rest(scene.state))


def test_an_instruction_that_was_refused_for_nothing_is_found() -> None:
    scene = Scene()
    told = FollowControl(*scene.at(), ints([0]), FollowAction.PAUSE)
    quiet(scene, lambda state: setattr(state, "quarantined", state.quarantined + 1), told)
    assert "FollowControl was quarantined, but is possible" in scene.said


def test_an_order_of_a_lead_that_is_withheld_is_found() -> None:
    scene = Scene()
    quiet(scene, told=DisclosureSet(*scene.at(), 0, 10 * SECOND, False))
    scene.go(scene.lead(1_000))
    assert "LeadFill of lead 0 is withheld, but made orders" in scene.said
    assert "lead 0's position moved in LeadFill, though all is withheld" in scene.said


def test_an_order_that_is_opened_otherwise_than_it_was_committed_is_found() -> None:
    scene, salt, price = Scene(), bytes(range(16)), PX
    scene.go(Committed(*scene.at(), 0, commit((0, 1, 0, 1, 5, price), salt), 1))
    quiet(scene, told=Revealed(*scene.at(), 0, 1, 0, 1, 6, price, salt))
    assert "Revealed was not refused, though it must be" in scene.said


# -- fees and insurance ------------------------------------------------------------------------------------------------


def test_fees_without_terms_are_found() -> None:
    scene = Scene()
    quiet(scene, paid(0, "subscription", 5))
    assert "fees of 5 were taken in Connection" in scene.said


def due(tamper: Callable[[State], None]) -> Scene:
    scene = Scene()
    scene.go(FeesSet(*scene.at(), TERMS))
    scene.go(FeesDue(*scene.at(5 * SECOND)))
    assert scene.said == ""
    scene.go(FeesDue(*scene.at(SECOND)), tamper)
    return scene


def test_honest_fees_are_clean() -> None:
    scene = due(lambda _: None)
    assert scene.state.ledger.money.system["subscription"] > 0
    assert scene.said == ""


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (paid(0, "lead:0", 5_000), "paid 5000 on a gain of"),
        (paid(0, "subscription", 5), "brought"),
        (set_to("standing.owed", 1, 2), "still owes 1, and has free money"),
        (paid(0, "insurance", -(10**9)), "the insurance pool holds -"),
        (lambda state: state.claims.update({1: 5}), "wait for it"),
    ],
)
def test_a_wrong_fee_is_found(tamper, said) -> None:
    assert said in due(tamper).said


def test_claims_that_changed_their_order_are_found() -> None:
    scene = Scene()
    quiet(scene, lambda state: state.claims.update({1: 5, 2: 5}))
    quiet(scene, set_to("claims", {2: 5, 1: 5}))
    assert "claims changed their order: [1, 2] became [2, 1]" in scene.said


def test_a_fee_in_a_deposit_is_found() -> None:
    scene = Scene()
    scene.go(FeesSet(*scene.at(), TERMS))
    scene.go(CashMoved(*scene.at(), ints([0]), ints([5 * USDC])), paid(0, "lead:0", 9))
    assert "fees of 9 were taken in CashMoved" in scene.said


# -- brakes ------------------------------------------------------------------------------------------------------------


def test_a_brake_that_did_not_hold_is_found() -> None:
    scene = Scene()
    quiet(scene, told=RiskSet(*scene.at(), RiskTerms(breaker_count=1, outage_ns=SECOND)))
    for row in (0, 1):
        scene.state.standing.why[row] = 38
        quiet(scene)
    assert "2 liquidations within 300 s, but opens are not halted" in scene.said
    quiet(scene, told=Connection(*scene.at(), False))
    quiet(scene, told=Connection(*scene.at(2 * SECOND), True))
    assert "out of reach for too long" in scene.said


def test_liquidations_before_the_operator_resumed_do_not_count() -> None:
    scene = Scene()
    quiet(scene, told=RiskSet(*scene.at(), RiskTerms(breaker_count=1)))
    for row in (0, 1):
        scene.state.standing.why[row] = 38
        scene.go(Operator(*scene.at(), OperatorAction.RESUME))
    assert "liquidations" not in scene.said


def test_more_orders_than_the_budget_are_found() -> None:
    scene = Scene(Route.SEGREGATED)
    quiet(scene, told=RiskSet(*scene.at(), RiskTerms(rate_tokens=2, rate_per_s=1)))
    scene.go(scene.lead(1_000))
    assert "orders beyond the budget of 2" in scene.said


def test_an_open_against_a_rule_is_found() -> None:
    scene = Scene()
    quiet(scene, told=RulesSet(*scene.at(), (Rule("no buying", "order.side > 0"),)))
    scene.go(scene.lead(1_000))
    assert "left against the rule 'order.side > 0'" in scene.said


# -- stops and hedges --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("stop_loss_bps", 1, "stop loss"),
        ("trailing_bps", 1, "trailing stop"),
        ("equity_stop", 500 * USDC, "equity stop"),
        ("margin_stop_bps", 1, "margin stop"),
        ("take_profit_bps", 1, "take profit"),
    ],
)
def test_a_stop_that_did_not_fire_is_found(column, value, said) -> None:
    scene = Scene()
    scene.go(scene.fill(scene.open()))
    price = PX * (102 if column == "take_profit_bps" else 98) // 100
    scene.go(Mark(*scene.at(), 0, price))
    scene.go(BookTop(*scene.at(), 0, price - 100, 10**6, price + 100, 10**6))
    scene.go(Timer(*scene.at()), set_to(f"follows.{column}", value, 1))
    assert f"follow 1 is beyond its {said}" in scene.said


def test_a_position_that_nothing_hedges_is_found() -> None:
    scene = Scene()
    scene.go(scene.fill(scene.open(8_000)))
    scene.auditor.views.append(scene.auditor.views[0])
    scene.state.columns[1] = scene.state.columns[0]
    scene.state.ledger.lots[1] = scene.state.ledger.lots[0]
    scene.auditor.stops.mapped(HedgeMapped(*scene.at(), 0, 1))
    assert scene.auditor.stops.at_rest(scene.state) == []
    scene.state.follows.hedge_bps[1], scene.state.follows.hedge_band_bps[1] = 5_000, 100
    (what,) = scene.auditor.stops.at_rest(scene.state)
    assert "follow 1 is to hedge 5000 bps" in what
