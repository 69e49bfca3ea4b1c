"""Behind a curtain: nobody without the role sees what a lead did before its time, through any view."""

import random
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilotfish.domain.codec import decode_event, encode_event
from pilotfish.domain.errors import ConfigError
from pilotfish.domain.events import Event, Timer
from pilotfish.domain.instructions import Committed, DisclosureSet
from pilotfish.domain.mandate import Route
from pilotfish.engine.snapshot import encode_state
from pilotfish.engine.state import State
from pilotfish.engine.step import step
from pilotfish.views.attribution import AttributionView
from pilotfish.views.copies import CopyView
from pilotfish.views.disclosure import Curtain, Role
from pilotfish.views.equity import EquityView
from pilotfish.views.targets import standing, write_positions
from tests.unit.driver import PX, SECOND, Desk, batched, free_follows, only, perp, placed

DELAY = 120 * SECOND


class Watcher:
    """All views of a reader with this role, and what they say."""

    def __init__(self, role: Role, **options) -> None:
        self.copies, self.attribution = CopyView(), AttributionView()
        self.equity = EquityView(self.attribution)
        self.seen: list[str] = []
        views = [
            self.copies,
            self.attribution,
            self.equity,
            lambda event, outcome, state: self.seen.append(repr(event)),
        ]
        self.curtain = Curtain(role, views, **options)

    def read(self, now_ns: int, path) -> bytes:
        """Everything the views can put out at `now_ns`."""
        state = self.curtain.show(now_ns)
        self.equity.sample(state, now_ns)
        write_positions(path, state, ["ann", "bob"])
        parts = (
            self.copies.all.copies(), {k: score.copies() for k, score in self.copies.leads.items()},
            self.attribution.result(state), self.equity.curves(["x", "y"]), standing(state), dict(self.copies.orders),
            [str(fact) for fact in self.copies.breaks + self.copies.quarantined], self.seen,
            repr(self.attribution.table(state)),
        )  # fmt: skip
        return msgspec.json.encode([msgspec.to_builtins(part, enc_hook=str) for part in parts]) + path.read_bytes()


def play(events: Sequence[Event], *observers: Callable) -> State:
    state = State()
    for event in events:
        outcome = step(state, event)
        for observe in observers:
            observe(event, outcome, state)
    return state


def story(route: Route, seed: int, split_ns: int, more: int, *, at_once: bool) -> tuple[list[Event], int]:
    """A lead with a delay and one without, fills, prices and time; from `split_ns` on, `more` decides what happens."""
    draw = random.Random(seed)
    desk = Desk(route, leads=2)
    desk.go(DisclosureSet(*desk.stamp(), 0, DELAY, at_once))
    desk.follow(free_follows([0, 1], lead=[0, 1], sizing=1, value=10**9))
    start, forked = desk.now, False
    while desk.now - start < split_ns + DELAY - 30 * SECOND:
        if not forked and desk.now - start > split_ns:
            draw, forked = random.Random(more), True
        desk.top(PX + draw.randrange(-2_000, 2_000) // 100 * 100)
        outcome = (
            desk.lead(draw.choice([-30, -5, 10, 40]), lead=draw.choice([0, 0, 1])) if draw.random() < 0.6 else None
        )
        outcome = outcome or desk.wait(SECOND)
        for place in placed(outcome):
            desk.fill(place, draw.randint(1, place.lots))
        for batch in batched(outcome):
            desk.results(batch)
        desk.now += draw.randrange(1, 15) * SECOND
    return [decode_event(raw) for raw in desk.log], start


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(list(Route)), st.integers(0, 2**32), st.integers(0, 400), st.booleans())
def test_what_anybody_without_the_role_sees_does_not_depend_on_the_last_two_minutes(
    tmp_path_factory, route: Route, seed: int, seconds: int, at_once: bool
) -> None:
    """Two pasts that differ only in what is not due yet give the same bytes, in every view, at every moment."""
    path = tmp_path_factory.getbasetemp() / "positions.csv"
    split = seconds * SECOND
    one, start = story(route, seed, split, 1, at_once=at_once)
    other, _ = story(route, seed, split, 2, at_once=at_once)
    readers = [[Watcher(Role.PUBLIC), Watcher(Role.FOLLOWER), Watcher(Role.LEAD, lead=1)] for _ in (one, other)]
    for events, watchers in zip((one, other), readers, strict=True):
        play(events, *(watcher.curtain for watcher in watchers))
    pairs = zip(one, other, strict=False)
    fork = next(min(a.ours_ns, b.ours_ns) for a, b in pairs if encode_event(a) != encode_event(b))
    for now in [*range(start, fork + DELAY - 1, 37 * SECOND), fork + DELAY - 1]:
        for mine, theirs in zip(*readers, strict=True):
            assert mine.read(now, path) == theirs.read(now, path)
    later = max(one[-1].ours_ns, other[-1].ours_ns) + DELAY
    assert readers[0][0].read(later, path) != readers[1][0].read(later, path)


def test_what_is_due_is_seen_and_the_guardian_and_the_lead_itself_see_it_at_once(tmp_path) -> None:
    desk = Desk(leads=2)
    watchers = [Watcher(Role.GUARDIAN), Watcher(Role.LEAD, lead=0), Watcher(Role.LEAD, lead=1), Watcher(Role.PUBLIC)]
    desk.go(DisclosureSet(*desk.stamp(), 0))
    desk.follow(free_follows([0, 1], lead=[0, 1], sizing=1, value=10**9))
    desk.fill(only(desk.lead(100)))
    play([decode_event(raw) for raw in desk.log], *(watcher.curtain for watcher in watchers))

    def positions(now_ns: int) -> list[bool]:
        return [b"ann,lead 0,C0,1.00" in watcher.read(now_ns, tmp_path / "positions.csv") for watcher in watchers]

    assert positions(desk.now) == [True, True, False, False]
    assert positions(desk.now + DELAY - 1) == [True, True, False, False]
    assert positions(desk.now + DELAY) == [True, True, True, True]


def test_a_longer_delay_does_not_reach_back_and_a_shorter_one_lets_nothing_overtake() -> None:
    seen: list[int] = []
    curtain = Curtain(Role.PUBLIC, [lambda event, outcome, state: seen.append(event.ours_ns)])
    desk = Desk()
    desk.go(DisclosureSet(*desk.stamp(), 0, DELAY))
    due = desk.now + DELAY
    desk.go(DisclosureSet(*desk.stamp(), 0, 0))
    desk.go(Timer(*desk.stamp()))
    play([decode_event(raw) for raw in desk.log], curtain)
    curtain.show(due - 1)
    assert len(seen) == len(desk.log) - 3
    curtain.show(due)
    assert len(seen) == len(desk.log)


def test_terms_that_were_refused_move_no_curtain() -> None:
    desk = Desk()
    curtain = Curtain(Role.PUBLIC)
    desk.go(DisclosureSet(*desk.stamp(), 0, DELAY))
    desk.go(DisclosureSet(*desk.stamp(), 0, -1))
    desk.go(DisclosureSet(*desk.stamp(), 5, 2**60))
    desk.lead(100)
    play([decode_event(raw) for raw in desk.log], curtain)
    assert curtain.show(desk.now + DELAY - 1).leads[0].positions == {}
    assert curtain.show(desk.now + DELAY).leads[0].positions == {0: 100}


def test_a_commitment_is_public_at_once_and_its_order_is_not() -> None:
    desk, commitment = Desk(), bytes(range(32))
    desk.go(DisclosureSet(*desk.stamp(), 0))
    desk.go(Committed(*desk.stamp(), 0, commitment, 7))
    curtain = Curtain(Role.PUBLIC)
    play([decode_event(raw) for raw in desk.log], curtain)
    assert curtain.show(desk.now).leads[0].committed == {}
    assert [(c.lead, c.number, c.commitment) for c in curtain.commitments] == [(0, 7, commitment)]


def test_a_curtain_over_a_shard_that_restarted_is_fed_the_journal_first() -> None:
    desk = Desk()
    for lots in (10, 20, 30):
        desk.lead(lots)
    events = [decode_event(raw) for raw in desk.log]
    whole, late = Curtain(Role.PUBLIC), Curtain(Role.PUBLIC)
    whole.feed(events[:-1])
    state = State()
    for number, event in enumerate(events):
        outcome = step(state, event)
        if number >= len(events) - 2:  # the tail after a snapshot; one of it was fed
            whole(event, outcome, state)
            late(event, outcome, state)
    assert encode_state(whole.show(desk.now)) == encode_state(state)
    for _ in range(2):
        with pytest.raises(ConfigError, match="from its start"):
            late.show(desk.now)


@pytest.mark.parametrize(("role", "lead"), [(Role.LEAD, -1), (Role.PUBLIC, 0)])
def test_only_a_lead_has_a_lead(role: Role, lead: int) -> None:
    with pytest.raises(ConfigError, match="only a lead"):
        Curtain(role, lead=lead)


def test_a_flat_market_needs_no_curtain() -> None:
    desk = Desk(instruments=[perp()])
    curtain = Curtain(Role.PUBLIC)
    play([decode_event(raw) for raw in desk.log], curtain)
    assert encode_state(curtain.show(desk.now)) == encode_state(desk.state)
