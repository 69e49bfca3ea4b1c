"""The auditor finds what is planted: each test breaks one thing in an honest run, by hand, and reads what it says."""

import ast
from pathlib import Path

import pytest

from pilotfish.domain.arith import ints
from pilotfish.domain.events import (
    CashMoved,
    Connection,
    Funding,
    Mark,
)
from pilotfish.domain.mandate import OMNIBUS, Route
from pilotfish.domain.orders import Place, PlaceBatch
from pilotfish.engine.state import State
from pilotfish.worlds.fuzz import (
    audit_before,
    audit_books,
    audit_fees,
    audit_follows,
    audit_limits,
    audit_orders,
    audit_pace,
    audit_platform,
    audit_refusals,
    audit_stops,
    auditor,
    closing,
)
from tests.simulation.audited import PX, USDC, Scene

VOCABULARY = ("pilotfish.domain", "pilotfish.worlds.fuzz.audit", "pilotfish.journal", "pilotfish.venues.sim.venue")
PARTS = (
    audit_before, audit_books, audit_fees, audit_follows, audit_limits, audit_orders, audit_pace, audit_platform,
    audit_refusals, audit_stops,
)  # fmt: skip
REST = ("pilotfish.worlds.fuzz.simulation", "pilotfish.worlds.fuzz.draws", "pilotfish.worlds.verify")


def test_an_honest_run_is_clean() -> None:
    for route in Route:
        scene = Scene(route)
        (order,) = scene.go(scene.lead(1_000))
        if isinstance(order, Place):
            scene.go(scene.fill(order))
        scene.go(CashMoved(*scene.at(), ints([0, 1]), ints([5 * USDC, -5 * USDC])))
        scene.go(CashMoved(*scene.at(), ints([0]), ints([-(10**6) * USDC])))
        assert scene.auditor.refused == 1
        assert scene.said == ""


def test_the_auditor_imports_nothing_of_the_core() -> None:
    for module in (auditor, *PARTS, closing):
        tree = ast.parse(Path(module.__file__).read_text())
        names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        ours = [name for name in names if name.startswith("pilotfish")]
        assert ours or module is audit_before
        assert [n for n in ours if not n.startswith((*VOCABULARY, *(REST if module is closing else ())))] == []


# -- ledger ------------------------------------------------------------------------------------------------------------


def _one_sided(state: State) -> None:
    state.ledger.lots[0].rows[0] += 1


def _money_made(state: State) -> None:
    state.ledger.money.rows[1] += 1


def _double_posting(state: State) -> None:
    state.ledger.lots[0].rows[0] += 7
    state.ledger.lots[0].system["venue"] -= 7


def _money_moved(state: State) -> None:
    state.ledger.money.rows[0] -= 7
    state.ledger.money.system["venue"] += 7


def _left_in_clearing(state: State) -> None:
    state.ledger.lots[0].rows[0] -= 1
    state.ledger.lots[0].system["clearing"] += 1


def _fee_misplaced(state: State) -> None:
    state.ledger.money.system["fees"] -= 1
    state.ledger.money.system["venue"] += 1


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (_one_sided, "lots of instrument 0 sum to 1, not zero"),
        (_money_made, "money sums to 1, not zero"),
        (_double_posting, "follows and clearing hold"),
        (_money_moved, "money of follows, clearing and rounding"),
        (_left_in_clearing, "clearing of 0 holds 1"),
        (_fee_misplaced, "are not what the events say"),
    ],
)
def test_a_wrong_posting_is_found(tamper, said) -> None:
    scene = Scene()
    place = scene.open()
    scene.go(scene.fill(place), tamper)
    assert said in scene.said


def test_a_fill_that_the_shard_lost_is_found() -> None:
    scene = Scene()
    fill = scene.fill(scene.open())
    scene.go(Mark(*scene.at(), 0, PX), told=fill)
    assert "follows and clearing hold 0, not" in scene.said


def test_a_fill_counted_twice_is_found() -> None:
    scene = Scene()
    place = scene.open()
    half = place.lots // 2
    scene.go(scene.fill(place, 1, half))
    scene.go(scene.fill(place, 2, half), told=scene.fill(place, 1, half))
    assert "follows and clearing hold" in scene.said


def test_lots_on_the_wrong_account_are_found() -> None:
    def swapped(state: State) -> None:
        state.ledger.lots[0].rows[:2] += ints([1, -1])

    scene = Scene(Route.SEGREGATED)
    (batch,) = scene.go(scene.lead(1_000))
    assert isinstance(batch, PlaceBatch)
    scene.go(Mark(*scene.at(), 0, PX), swapped)
    scene.go(Connection(*scene.at(), True))
    assert "account 1 holds 1 of 0 by the ledger, 0 by events" in scene.said


def test_funding_that_was_not_taken_is_found() -> None:
    scene = Scene()
    scene.go(scene.fill(scene.open()))
    told = Funding(*scene.at(), 0, 1, ints([OMNIBUS]), ints([55]), PX, 100)
    scene.go(Connection(told.venue_ns, told.ours_ns, True), told=told)
    assert "funding 0 are not what the events say" in scene.said


def test_a_withdrawal_of_margin_that_is_needed_is_found() -> None:
    def robbed(state: State) -> None:
        state.ledger.money.rows[0] -= 950 * USDC
        state.ledger.money.system["external"] += 950 * USDC

    scene = Scene()
    scene.go(scene.fill(scene.open(8_000)))
    told = CashMoved(*scene.at(), ints([0]), ints([-950 * USDC]))
    scene.go(Connection(told.venue_ns, told.ours_ns, True), robbed, told=told)
    assert "a withdrawal leaves a follow" in scene.said


def test_an_event_put_aside_without_a_cause_is_found() -> None:
    def counted(state: State) -> None:
        state.quarantined += 1

    scene = Scene()
    scene.go(Connection(*scene.at(), True), counted)
    assert "was quarantined" in scene.said


def test_garbage_that_was_believed_is_found() -> None:
    scene = Scene()
    scene.auditor.garbage.add(scene.state.seq + 1)
    scene.go(scene.lead(1_000))
    assert "an impossible LeadFill made 1 commands" in scene.said
    assert "was quarantined, or garbage was not" in scene.said
