"""At rest the auditor holds shard, venue and journal against each other; each test plants one difference."""

import pytest

from pilotfish.worlds.fuzz import closing
from pilotfish.worlds.fuzz.scenario import draw
from pilotfish.worlds.fuzz.simulation import Simulation

QUIET = 51  # a world whose followers hold positions at the end


@pytest.fixture(scope="module")
def rested() -> Simulation:
    run = Simulation(draw(QUIET))
    run.play()
    assert run.problems == []
    return run


def _unsettled(run: Simulation) -> str:
    return "\n".join(closing.unsettled(run.auditor, run.shard.state, run.venue, run.transferred))


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
