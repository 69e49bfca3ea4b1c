"""Whatever moment the process of a shard is killed at, a restart loses nothing, doubles nothing, and agrees with the
venue to the unit (design rules 4, 8 and 9): counted by the venue, which runs in a process of its own and lives on.
"""

import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest

from pilotfish.domain.codec import decode_commands, decode_event
from pilotfish.domain.events import BatchUpdate, Event, Fill, LeadFill, Recovered
from pilotfish.domain.mandate import Route
from pilotfish.domain.orders import Command, OrderSignal, Place, PlaceBatch, Query
from pilotfish.engine.state import State
from pilotfish.engine.step import step
from pilotfish.journal.port import RecordKind
from pilotfish.journal.recover import verify_file
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.ledger.book import Account as Book
from pilotfish.worlds.verify import verify
from tests.conformance.crash_world import LISTED, Audit

KILLS = 24
MOMENTS = ("told", "buffered", "durable", "sent")  # in the order in which a shard lives through them
PROGRAM = (sys.executable, "-m", "tests.conformance.crash_child")
ROOT = Path(__file__).parents[2]


def started(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def kill_plan(chance: random.Random) -> list[tuple[str, int, str]]:
    """(moment, how often it passes before the kill, hold there or run on): every moment, exactly and in passing."""
    plan = []
    for number in range(KILLS):
        moment = MOMENTS[number % len(MOMENTS)]
        count = chance.randrange(20, 200) if moment == "told" else chance.randrange(1, 25)
        plan.append((moment, count, "hold" if number // len(MOMENTS) % 2 else "run"))
    chance.shuffle(plan)
    return plan


def killed(folder: Path, route: str, seed: int, plan: tuple[str, int, str], jitter: int) -> None:
    """One life of the shard, ended by SIGKILL at a moment of the plan or a few instructions after it."""
    with started("shard", folder, route, seed, *plan) as shard:
        assert shard.stdout.readline() == "here\n", f"it ended before its kill at {plan}"
        sum(range(jitter))  # let it get a little further, or not, with `run`
        shard.kill()
        assert shard.wait() == -signal.SIGKILL, "it died of something else"


class Story:
    """What the journal says happened: every event and command, and the state that replaying them gives."""

    def __init__(self, path: Path) -> None:
        self.state, self.events, self.commands = State(), list[Event](), list[Command]()
        self.answers: list[tuple[Event, list[Command]]] = []  # each event that had commands, with them
        with SqliteJournal(path, read_only=True) as journal:
            for record in journal.read():
                if record.kind is RecordKind.EVENT:
                    event = decode_event(record.payload)
                    self.events.append(event)
                    step(self.state, event)
                elif record.kind is RecordKind.COMMANDS:
                    self.answers.append((self.events[-1], decode_commands(record.payload)))
                    self.commands += self.answers[-1][1]
            self.verdict = verify(journal, verify_file(path))

    def of(self, kind: type) -> list:
        return [event for event in self.events if type(event) is kind]

    def sizes(self) -> dict[int, set[tuple]]:
        """Client order id → every content it ever had: (account, instrument, side, lots, price, tif, reduce only)."""
        found: dict[int, set[tuple]] = {}
        for c in self.commands:
            if isinstance(c, Place):
                content = (c.account, c.instrument, c.side, c.lots, c.price, c.tif, c.reduce_only)
                found.setdefault(c.coid, set()).add(content)
            elif isinstance(c, PlaceBatch):
                rows = zip(c.accounts.tolist(), c.lots.tolist(), c.prices.tolist(), strict=True)
                for k, (account, lots, price) in enumerate(rows):
                    content = (account, c.instrument, c.side, lots, price, c.tif, c.reduce_only)
                    found.setdefault(c.coid + k, set()).add(content)
        return found

    def placed(self) -> Counter[int]:
        """How often each order command is in the journal, by its (first) client order id."""
        return Counter(c.coid for c in self.commands if isinstance(c, Place | PlaceBatch))

    def executed(self) -> dict[int, tuple[int, int, int]]:
        """Client order id → (lots, cost, fee) by what we were told, however often."""
        fills = {e.fill_id: (e.coid, e.lots, e.cost, e.fee) for e in self.of(Fill)}
        results = {
            e.coid + index: (e.coid + index, *rest)
            for e in self.of(BatchUpdate)
            for index, signal, *rest in np.stack([e.index, e.signal, e.lots, e.cost, e.fee], axis=1).tolist()
            if signal != OrderSignal.LOST  # which says nothing of what traded
        }
        out: dict[int, tuple[int, int, int]] = {}
        for coid, lots, cost, fee in (*fills.values(), *results.values()):
            before = out.get(coid, (0, 0, 0))
            out[coid] = (before[0] + lots, before[1] + cost, before[2] + fee)
        return {coid: told for coid, told in out.items() if told[0]}


@pytest.fixture(scope="module", params=[Route.OMNIBUS, Route.SEGREGATED], ids=lambda route: route.name.lower())
def aftermath(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Route, Story, Audit]:
    """A shard that was killed `KILLS` times, and then left to end: what its journal says, and what the venue says."""
    route, folder = request.param, tmp_path_factory.mktemp("crash")
    seed = 11 + int(route)
    chance = random.Random(seed)
    with started("venue", folder, route.name, seed) as venue:
        assert venue.stdout.readline() == "serving\n"
        for plan in kill_plan(chance):
            killed(folder, route.name, seed, plan, chance.randrange(20_000))
        print("quiet", file=venue.stdin, flush=True)
        assert venue.stdout.readline() == "quiet\n"
        with started("shard", folder, route.name, seed, "-", 0, "finish") as shard:
            assert shard.stdout.read() == "settled\n"
        venue.stdin.close()
        assert venue.wait() == 0
    audit = msgspec.json.decode((folder / "audit.json").read_bytes(), type=Audit)
    return route, Story(folder / "journal.db"), audit


def test_the_world_was_worth_crashing(aftermath):
    """So that nothing below holds only because nothing happened."""
    _, story, audit = aftermath
    assert len(story.of(Recovered)) > KILLS / 2, "most lives began with a journal that remembers the one before"
    assert len(audit.lead_fills) > 50
    assert sum(lots > 0 for lots, _, _ in audit.executed.values()) > 20
    assert max(story.placed().values()) > 1, "no kill fell between a commit and its orders"


def test_the_journal_verifies(aftermath):
    _, story, _ = aftermath
    assert (story.verdict.bad, story.verdict.why, story.verdict.ok) == (None, "", True)
    assert story.verdict.digests > 0
    assert not story.state.guard.halted
    assert story.state.quarantined == 0


def test_every_restart_asked_the_venue_before_it_did_anything_else(aftermath):
    _, story, _ = aftermath
    asked = [[type(c) for c in commands] for event, commands in story.answers if type(event) is Recovered]
    assert asked == [[Query]] * len(story.of(Recovered))


def test_every_executed_order_is_in_the_journal_with_one_content(aftermath):
    _, story, audit = aftermath
    sizes = story.sizes()
    assert [coid for coid, contents in sizes.items() if len(contents) > 1] == []
    assert set(audit.executed) <= set(sizes)


def test_no_order_arrived_twice_or_executed_beyond_its_size(aftermath):
    _, story, audit = aftermath
    sizes = story.sizes()
    assert audit.duplicates == 0
    beyond = {c: (done, sizes[c]) for c, (done, _, _) in audit.executed.items() if done > next(iter(sizes[c]))[3]}
    assert beyond == {}


def test_every_order_in_the_journal_is_over_by_the_venues_word(aftermath):
    _, story, _ = aftermath
    assert (story.state.blocks, story.state.batches, story.state.query_ns) == ({}, {}, -1)
    assert not any(story.state.ledger.reservations)


def test_everything_the_venue_filled_is_in_our_journal(aftermath):
    _, story, audit = aftermath
    assert story.executed() == {coid: done for coid, done in audit.executed.items() if done[0]}
    mine = {(e.coid, e.fill_id, e.lots, e.price, e.cost, e.fee) for e in story.of(Fill)}
    theirs = [decode_event(raw) for raw in audit.fills]
    assert {(e.coid, e.fill_id, e.lots, e.price, e.cost, e.fee) for e in theirs if isinstance(e, Fill)} == mine


def test_no_fill_of_a_lead_is_lost(aftermath):
    _, story, audit = aftermath
    assert {(e.lead, e.fill_id) for e in story.of(LeadFill)} == set(audit.lead_fills)
    assert [lead.positions.get(k, 0) for k, lead in enumerate(story.state.leads)] == audit.leads


def test_positions_and_cash_agree_with_the_venue_to_the_unit(aftermath):
    route, story, audit = aftermath
    ledger, follower = story.state.ledger, story.state.follows.follower
    for account, theirs in audit.accounts.items():
        rows = np.flatnonzero(follower == account) if route is Route.SEGREGATED else slice(None)
        assert int(ledger.money.rows[rows].sum()) == theirs.cash, f"cash of account {account}"
        held = [int(ledger.lots[instrument.id].rows[rows].sum()) for instrument in LISTED]
        assert held == theirs.positions, f"positions of account {account}"
    assert [ledger.lots[i.id].system[Book.CLEARING] for i in LISTED] == [0] * len(LISTED)
