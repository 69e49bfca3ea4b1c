"""What belongs to which part and which row: the page's own example, hedges, fees, insurance, liquidations, files."""

import csv
import re
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest

from pilotfish.domain.arith import ints
from pilotfish.domain.errors import ConfigError
from pilotfish.domain.events import CashMoved, Event, Fill, Funding, LeadListed, Liquidation, Timer
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import OrderSignal, Place
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Fact, FeeCharged, InsurancePaid, Stopped, Targeted
from pilotfish.engine.step import Outcome
from pilotfish.ledger.book import Account
from pilotfish.views.attribution import AttributionView
from pilotfish.views.attribution_files import write_attribution
from pilotfish.views.attribution_tables import AMOUNTS
from pilotfish.views.attribution_trades import Kind
from pilotfish.views.report.schema import PARTS, Attribution
from tests.unit.driver import PX, SECOND, USDC, Desk, free_follows, only, perp

PAGE = (Path(__file__).parents[2] / "docs/attribution.md").read_text()


class Seen(Desk):
    """A desk with the attribution looking on."""

    def __init__(self, **settings) -> None:
        self.view = AttributionView()
        super().__init__(**settings)

    def go(self, event: Event) -> Outcome:
        outcome = super().go(event)
        self.view(event, outcome, self.state)
        return outcome

    def told(self, *facts: Fact) -> None:
        """A step in which `facts` were found out; the test has changed the state as they say."""
        self.view(Timer(*self.stamp()), Outcome([], list(facts)), self.state)

    def total(self) -> Attribution:
        return self.view.result(self.state)

    def kinds(self) -> list[str]:
        return [row.trade.kind.value for row in self.view.table(self.state)]

    def sums(self) -> bool:
        """Whether follows, trades and the total agree, and the ledger with them."""
        follows, trades, total = self.view.follows(self.state), self.view.table(self.state), self.total()
        for name in AMOUNTS:
            assert sum(follows.amounts[name]) == sum(row.amounts[name] for row in trades), name
        assert (follows.totals() == follows.actual - follows.amounts["ideal"]).all()
        return total.adds_up() and follows.fine.show(sum(follows.totals())) == total.total


def _held(**settings) -> Seen:
    """One follow that holds ten lots, bought at the lead's price and the mid, free of charge."""
    desk = Seen(**settings)
    desk.follow(free_follows([7]))
    desk.lead_holds(0)
    desk.fill(only(desk.lead(100)))
    assert desk.held() == [10]
    return desk


def _pages_story() -> Seen:
    desk = Seen()
    desk.follow(free_follows([7]))
    desk.lead_holds(0)
    desk.top(1_000_200)
    desk.fill(only(desk.lead(105, 1_000_000)), price=1_000_500, fee=4_502)
    desk.top(1_002_000)
    block = only(desk.lead(60, 1_002_000))
    desk.fill(block, 4, price=1_002_500, fee=1_804)
    desk.update(block, OrderSignal.CANCEL, left=block.lots - 4)
    desk.go(Funding(*desk.stamp(), 0, 1, ints([OMNIBUS]), ints([140]), 1_003_000, 10_000))
    desk.top(1_010_000)
    return desk


def test_the_page_shows_what_comes_out() -> None:
    desk = _pages_story()
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line[:1] == "|"]
    head = next(i for i, line in enumerate(lines) if line[0] == "part of the example")
    shown = {line[0].strip("`"): [Decimal(cell.replace("−", "-")) for cell in line[1:]] for line in lines[head + 2 :]}
    rows = desk.view.table(desk.state)
    assert [row.trade.kind for row in rows] == [Kind.TRADE, Kind.TRADE, Kind.FUNDING]
    fine = desk.view.follows(desk.state).fine
    for name in ("ideal", "delay", "slippage", "venue_fee", "funding", "rounding", "missed"):
        amounts = [fine.show(row.amounts[name]) for row in rows]
        assert shown.pop(name) == [*amounts, sum(amounts)], name
    assert shown.pop("total") == [*(fine.show(row.total) for row in rows), desk.total().total]
    assert shown == {}
    assert re.search(r"earned ([\d.]+) USDC", PAGE).group(1) == str(
        (desk.total().ideal_pnl + desk.total().total).normalize()
    )


def test_a_hedge_is_worth_what_its_targets_earned_and_what_its_copies_lose_is_not_in_it() -> None:
    desk = _held(instruments=[perp(0), perp(1)])
    desk.state.columns[1].targets[0] -= 5 * SUBLOT
    desk.told(Targeted(0, 1, 500_000, np.array([0]), ints([-5 * SUBLOT]), desk.now, hedge=True))
    desk.top(510_000, k=1)
    total = desk.total()
    assert total.hedge == Decimal("-0.05"), "short five lots from 50 to 51"
    assert total.missed == Decimal("0.05"), "nothing was sold, and so nothing was lost"
    assert total.total == total.ideal_pnl == 0
    assert desk.kinds() == ["trade", "trade", "hedge"]
    assert desk.sums()


def test_fees_of_the_platform_are_a_fee_and_insurance_is_a_part_of_its_own() -> None:
    desk = _held()
    book = desk.state.ledger.money
    book.to_rows(Account.EXTERNAL, slice(0, 1), ints([-500]))
    desk.told(
        FeeCharged("subscription", ints([0]), ints([300]), 60), FeeCharged("performance", ints([0]), ints([200]), 40)
    )
    book.to_rows(Account.EXTERNAL, slice(0, 1), ints([70]))
    desk.told(InsurancePaid(ints([0]), ints([70]), ints([0])))
    total = desk.total()
    assert (total.copy_fee, total.venue_fee, total.fee) == (Decimal("-0.0005"), 0, Decimal("-0.0005"))
    assert total.insurance == Decimal("0.00007")
    assert total.total == Decimal("-0.00043")
    assert desk.kinds() == ["trade", "subscription", "performance", "insurance"]
    assert desk.sums()


def test_money_that_a_system_account_took_without_a_word_is_a_fee_and_not_lost() -> None:
    desk = _held()
    desk.state.ledger.money.to_rows(Account.FEES, slice(0, 1), ints([-5]))
    desk.told()
    assert desk.total().copy_fee == Decimal("-0.000005")
    assert desk.kinds() == ["trade", "charge"]
    assert desk.sums()


def test_deposits_and_transfers_between_follows_are_no_result() -> None:
    desk = Seen()
    desk.follow(free_follows([7, 8]))
    desk.go(CashMoved(*desk.stamp(), ints([0, 1]), ints([50 * USDC, -20 * USDC])))
    desk.state.ledger.money.rows += ints([-9, 9])
    desk.told()
    assert desk.view.follows(desk.state).actual.tolist() == [0, 0]
    assert desk.total() == Attribution.of(copied_notional=Decimal(0), ideal_pnl=Decimal(0))


def test_a_liquidation_is_slippage_against_the_mark_and_a_fee_in_a_row_of_its_own() -> None:
    desk = _held()
    desk.top(PX - 100_000)
    desk.go(Liquidation(*desk.stamp(), OMNIBUS, 0, 1, -4, 880_000, 4 * 880_000, 1_000))
    desk.top(PX + 100_000)
    total = desk.total()
    assert total.slippage == Decimal("-0.08"), "four lots at 88 instead of 90"
    assert total.venue_fee == Decimal("-0.001")
    assert total.ideal_pnl == Decimal("0.2"), "six lots went on to 110, four ended at 90"
    assert total.total == Decimal("-0.081")
    assert desk.kinds() == ["trade", "liquidation"]
    assert desk.sums()


def test_a_target_that_a_stop_moves_moves_the_ideal_copy_at_the_mark() -> None:
    desk = _held()
    desk.top(PX + 50_000)
    desk.state.columns[0].targets[0] = 0
    desk.told(Stopped(ints([0]), Reason.LIQUIDATED, "a stop"))
    desk.top(PX + 70_000)
    total = desk.total()
    assert total.ideal_pnl == Decimal("0.5")
    assert total.missed == Decimal("0.2"), "still held while the target was gone"
    assert desk.kinds() == ["trade", "own"]
    assert desk.sums()


def _filled(desk: Desk, block: Place) -> Fill:
    return Fill(*desk.stamp(), block.coid, desk.fresh(), block.lots, PX, block.lots * PX, 0)


def test_instruments_of_any_unit_sum_together() -> None:
    fine, coarse = perp(0), msgspec.structs.replace(perp(1), lot_decimals=5, price_decimals=4)
    desk = Seen(instruments=[fine, coarse])
    assert (fine.money_exponent, coarse.money_exponent) == (0, -3)
    desk.follow(free_follows([7]))
    desk.lead_holds(0)
    desk.lead_holds(0, k=1)
    desk.fill(only(desk.lead(105)))
    block = only(desk.lead(100_005, k=1))
    desk.go(msgspec.structs.replace(_filled(desk, block), cost=block.lots * PX // 1_000 + 1))
    for k in (0, 1):
        desk.top(PX + 10_000, k=k)
    assert desk.total().rounding == Decimal("-0.005") - Decimal("0.000005")
    assert desk.total().slippage == Decimal("-0.000001"), "the unit that the venue rounded up"
    assert desk.sums()


def test_the_files_hold_every_digit_and_sum_to_the_report(tmp_path: Path) -> None:
    desk = _pages_story()
    total = desk.total()
    for path in write_attribution(tmp_path / "new", desk.view, desk.state):
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        sums = {name: sum(Decimal(row[name]) for row in rows) for name in (*AMOUNTS, "total")}
        assert sums["total"] == total.total
        assert {name: sums[name] for name in sums if name in PARTS} == {
            name: value for name, value in total.parts().items() if name in sums
        }
        assert (sums["venue_fee"], sums["ideal"]) == (total.venue_fee, total.ideal_pnl)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "attribution-follows.csv", "attribution-trades.csv",
    ]  # fmt: skip


def test_a_name_from_outside_is_no_formula_in_the_file(tmp_path: Path) -> None:
    desk = Seen(leads=0)
    desk.go(LeadListed(*desk.stamp(), 0, "=cmd()", 1_000 * USDC))
    desk.follow(free_follows([7]))
    follows, _ = write_attribution(tmp_path, desk.view, desk.state)
    assert follows.read_text().splitlines()[1].startswith("0,7,'=cmd(),")


def test_a_folder_that_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="name another folder"):
        write_attribution(tmp_path / "file", AttributionView(), Desk().state)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_looking_twice_or_in_between_changes_nothing() -> None:
    desk = _held()
    first = desk.total()
    assert desk.total() == first
    desk.wait(SECOND)
    assert desk.total() == first
