"""The auditor finds an order that should not have left: each test changes a mandate, a switch or the order itself."""

import msgspec
import pytest

from pilotfish.domain.events import (
    Connection,
    Operator,
    OperatorAction,
    OrderUpdate,
)
from pilotfish.domain.mandate import OMNIBUS, Route, SymbolRule
from pilotfish.domain.orders import OrderSignal, Place
from pilotfish.engine.state import State
from tests.simulation.audited import PX, SECOND, USDC, Scene, replaced


@pytest.mark.parametrize("route", Route)
@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("order_cap", USDC, "order cap"),
        ("position_cap", USDC, "position cap"),
        ("total_cap", USDC, "total cap"),
        ("leverage_cap_e2", 1, "leverage cap"),
        ("open_bps", 0, "beyond 0 bps from any price of the lead"),
    ],
)
def test_an_order_beyond_a_mandate_is_found(route, column, value, said) -> None:
    def tightened(state: State) -> None:
        getattr(state.follows, column)[1] = value

    scene = Scene(route)
    scene.go(scene.lead(1_000), tightened)
    assert said in scene.said
    assert "follow 1" in scene.said
    assert "follow 0" not in scene.said


def test_margin_that_is_not_there_is_found() -> None:
    def broke(state: State) -> None:
        state.ledger.money.rows[0] -= 995 * USDC
        state.ledger.money.system["external"] += 995 * USDC

    scene = Scene()
    scene.go(scene.lead(1_000), broke)
    assert "free margin" in scene.said


def test_an_instrument_that_the_mandate_denies_is_found() -> None:
    def denied(state: State) -> None:
        state.follows.rules[0] = SymbolRule(deny=("COIN",))

    scene = Scene()
    scene.go(scene.lead(1_000), denied)
    assert "does not allow COIN" in scene.said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"price": PX + 4_950}, "off the tick"),
        ({"price": PX + 6_000}, "beyond 50 bps from any price of the lead"),
        ({"price": PX * 2}, "beyond the protective bound"),
        ({"lots": 1_000_000}, "sub-lots of account"),
        ({"account": 5}, "sub-lots of account 5"),
        ({"side": -1}, "against its own side"),
    ],
)
def test_an_order_that_was_changed_on_the_way_out_is_found(changes, said) -> None:
    scene = Scene()
    scene.go(scene.lead(1_000), swap=replaced(**changes))
    assert said in scene.said


def test_an_exit_beyond_its_bound_and_beyond_what_is_held_is_found() -> None:
    scene = Scene()
    scene.go(scene.fill(scene.open()))

    def gone(state: State) -> None:
        state.ledger.lots[0].rows[:] = 0

    scene.go(scene.lead(-1_000, 2), gone, replaced(price=PX - 40_000))
    assert "a reduction of more than is held" in scene.said
    assert "beyond the follow's exit bound" in scene.said


def test_one_client_order_id_with_two_contents_is_found() -> None:
    scene = Scene()
    place = scene.open()
    scene.go(Connection(*scene.at(), True), swap=lambda _: [place])
    assert scene.said == ""
    scene.go(Connection(*scene.at(), True), swap=lambda _: [msgspec.structs.replace(place, lots=place.lots + 1)])
    assert "left twice with different contents" in scene.said


def test_an_order_that_reserved_nothing_is_found() -> None:
    scene = Scene()
    scene.go(Connection(*scene.at(), True), swap=lambda _: [Place(77, OMNIBUS, 0, 1, 1, PX)])
    assert "order 77 left without a reservation" in scene.said


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (lambda now: Operator(now, now, OperatorAction.KILL), "an open while the kill switch is on"),
        (lambda now: Connection(now, now, False), "left without a connection"),
        (lambda now: OrderUpdate(now, now + 60 * SECOND, 1, OrderSignal.ACK), "an open on data of 60.0 s ago"),
    ],
)
def test_an_open_when_opens_are_forbidden_is_found(told, said) -> None:
    scene = Scene()
    event = told(scene.now)
    scene.go(Connection(*scene.at(), True), told=event)
    scene.go(scene.lead(1_000))
    assert said in scene.said


def test_an_open_sent_again_under_the_kill_switch_is_found() -> None:
    scene = Scene()
    place = scene.open()
    scene.go(Connection(*scene.at(), True), told=Operator(*scene.at(), OperatorAction.KILL))
    scene.go(Connection(*scene.at(), True), swap=lambda _: [place])
    assert "left again while the kill switch is on" in scene.said
