"""The auditor finds what is planted: each test breaks one thing in an honest run, by hand, and reads what it says."""

import ast
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pilotfish.domain.arith import ints
from pilotfish.domain.events import (
    BookTop,
    CashMoved,
    Configured,
    Connection,
    Fill,
    FollowsOpened,
    Funding,
    InstrumentListed,
    LeadFill,
    LeadListed,
    Mark,
    Operator,
    OperatorAction,
    OrderUpdate,
)
from pilotfish.domain.instrument import Instrument, Kind, TickRule
from pilotfish.domain.mandate import OMNIBUS, Follows, Route, SymbolRule
from pilotfish.domain.orders import Command, OrderSignal, Place, PlaceBatch
from pilotfish.engine.state import State
from pilotfish.engine.step import step
from pilotfish.worlds import audit_books, audit_limits, audit_orders, auditor, closing
from pilotfish.worlds.auditor import Auditor
from pilotfish.worlds.scenario import draw
from pilotfish.worlds.simulation import Simulation

PX, USDC, SECOND, T0 = 1_000_000, 1_000_000, 10**9, 10**18
COIN = Instrument(
    0, "COIN", "sim", Kind.PERP, 2, 4, tick_rule=TickRule.FIXED, tick=100, max_leverage=10, maintenance_bps=500
)
VOCABULARY = ("pilotfish.domain", "pilotfish.worlds.audit", "pilotfish.journal", "pilotfish.venues.sim.venue")
REST = ("pilotfish.worlds.simulation", "pilotfish.worlds.scenario", "pilotfish.worlds.verify")


class Scene:
    """A shard and its auditor, told the same; `go` keeps what left, `swap` lets the auditor see something else."""

    def __init__(self, route: Route = Route.OMNIBUS, **columns: object) -> None:
        self.state, self.auditor, self.now, self.left = State(), Auditor(), T0, list[Command]()
        self.go(Configured(T0, T0, 0, route))
        self.go(InstrumentListed(T0, T0, COIN))
        self.go(Mark(T0, T0, 0, PX))
        self.go(BookTop(T0, T0, 0, PX - 100, 10**6, PX + 100, 10**6))
        self.go(LeadListed(T0, T0, 0, "lead", 10_000 * USDC))
        caps = {"leverage_cap_e2": 500, "open_bps": 50} | columns
        self.go(FollowsOpened(T0, T0, Follows.of([1, 2, 3], 0, [1_000 * USDC, 500 * USDC, 250 * USDC], **caps)))

    def go(self, event, tamper: Callable[[State], None] = lambda _: None, swap=None, told=None) -> list[Command]:
        """`tamper` changes the state before the auditor looks, `swap` the commands, `told` the event it is told."""
        commands = [approved.command for approved in step(self.state, event).commands]
        tamper(self.state)
        self.left = swap(commands) if swap else commands
        self.auditor.see(told if told is not None else event, self.left, self.state)
        return commands

    def at(self, ns: int = SECOND // 1_000) -> tuple[int, int]:
        self.now += ns
        return self.now, self.now

    def lead(self, lots: int, fill_id: int = 1) -> LeadFill:
        return LeadFill(*self.at(), 0, 0, 1 if lots > 0 else -1, abs(lots), PX, fill_id)

    def open(self, lots: int = 1_000) -> Place:
        (place,) = self.go(self.lead(lots))
        assert self.auditor.findings == []
        return place

    def fill(self, place: Place, fill_id: int = 1, lots: int | None = None) -> Fill:
        lots = place.lots if lots is None else lots
        return Fill(*self.at(), place.coid, fill_id, lots, PX, lots * PX, 7)

    @property
    def said(self) -> str:
        return "\n".join(self.auditor.findings)


def replaced(**changes: object) -> Callable[[list[Command]], list[Command]]:
    return lambda commands: [msgspec.structs.replace(command, **changes) for command in commands]


def test_an_honest_run_is_clean() -> None:
    for route in Route:
        scene = Scene(route)
        (order,) = scene.go(scene.lead(1_000))
        if isinstance(order, Place):
            scene.go(scene.fill(order))
        scene.go(CashMoved(*scene.at(), ints([0, 1]), ints([5 * USDC, -5 * USDC])))
        scene.go(CashMoved(*scene.at(), ints([0]), ints([-(10**6) * USDC])))
        assert scene.auditor.refused_cash == 1
        assert scene.said == ""


def test_the_auditor_imports_nothing_of_the_core() -> None:
    for module in (auditor, audit_books, audit_limits, audit_orders, closing):
        tree = ast.parse(Path(module.__file__).read_text())
        names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        ours = [name for name in names if name.startswith("pilotfish")]
        assert ours
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


# -- orders ------------------------------------------------------------------------------------------------------------


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


# -- at rest -----------------------------------------------------------------------------------------------------------

QUIET = 51  # a world whose followers hold positions at the end


@pytest.fixture(scope="module")
def rested() -> Simulation:
    run = Simulation(draw(QUIET))
    run.play()
    assert run.problems == []
    return run


def _unsettled(run: Simulation) -> str:
    return "\n".join(closing.unsettled(run.auditor, run.shard.state, run.venue))


def test_a_venue_that_holds_other_lots_or_cash_is_found(rested: Simulation) -> None:
    accounts = rested.venue.exchange.accounts
    account = rested.auditor.accounts(0)
    row = accounts.row(account)
    accounts.move(row, 1, 0, 1)
    said = _unsettled(rested)
    accounts.move(row, -1, 0, -1)
    assert f"account {account} has" in said
    assert f"account {account} holds" in said
    assert "the venue's own lots of 0 sum to 1" in said
    assert _unsettled(rested) == ""


def test_an_execution_that_was_not_told_is_found(rested: Simulation) -> None:
    coid, order = next((c, o) for c, o in rested.auditor.books.orders.items() if o.lots)
    order.lots -= 1
    said = _unsettled(rested)
    order.lots += 1
    assert f"order {coid}: " in said
    del rested.auditor.books.orders[coid]
    assert f"the venue executed order {coid}, which never left" in _unsettled(rested)
    rested.auditor.books.orders[coid] = order


def test_a_lead_that_the_shard_misjudges_is_found(rested: Simulation) -> None:
    positions = next(lead.positions for lead in rested.shard.state.leads if lead.positions)
    key = next(iter(positions))
    positions[key] += 1
    said = _unsettled(rested)
    positions[key] -= 1
    assert "the shard believes" in said


def test_a_follow_off_target_without_a_reason_is_found(rested: Simulation) -> None:
    column = rested.shard.state.columns[0]
    before = (column.targets.copy(), column.reasons.copy())
    column.targets[:], column.reasons[:] = column.targets + 10**9, 0
    said = _unsettled(rested)
    column.targets[:], column.reasons[:] = before
    assert "without a reason" in said


def test_an_order_that_never_ends_is_found(rested: Simulation) -> None:
    reservations = rested.shard.state.ledger.reservations
    reservations[5] = None  # type: ignore[assignment]
    said = _unsettled(rested)
    del reservations[5]
    assert "order 5 is still in flight" in said


def test_a_journal_that_lost_a_record_is_found(rested: Simulation) -> None:
    class Shortened:
        """The same journal without its last record of commands."""

        def read(self, start: int = 0, end: int | None = None):
            records = list(rested.journal.read())
            last = max(i for i, r in enumerate(records) if r.kind == 1 and b"place" in r.payload)
            return iter(records[:last])

    said = closing._journal(rested.auditor, Shortened())
    assert any("orders are not both in the journal" in what or "does not verify" in what for what in said)
    assert closing._journal(rested.auditor, rested.journal) == []
