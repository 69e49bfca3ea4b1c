"""NAV per share, slippage and lag of a batch: exact, from the journal alone, and only of what the batch covers."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilotfish.domain.codec import decode_event
from pilotfish.engine.state import State
from pilotfish.engine.step import step
from pilotfish.journal.recover import verify_file
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.venues.evm.proof.figures import EVERYBODY, Figure, subject_of
from pilotfish.views.copies import CopyView
from pilotfish.views.nav import NavView
from pilotfish.views.nav_figures import SHARES_PER_UNIT, WAD, shares_after
from pilotfish.worlds.onchain.figures import BatchFigures
from pilotfish.worlds.onchain.replaying import FigureReplay
from pilotfish.worlds.verify import verify
from tests.unit.anchoring_scene import LAG_NS, Story
from tests.unit.driver import MS, PX, USDC

ONE, TWO = subject_of(0, "lead 0"), subject_of(1, "lead 1")
TEN_BPS = 10 * 10**6


def taken(path, *moments):
    with SqliteJournal(path, read_only=True) as journal:
        replay = FigureReplay(moments)
        replay.advance(journal, journal.head.position)
    return [{(f.kind, f.subject): f.value for f in replay.figures.taken[at]} for at in moments]


@pytest.fixture
def story(tmp_path):
    told = Story()
    told.path = tmp_path / "journal.db"
    return told


def test_before_any_trade_a_share_is_worth_what_was_paid_for_it_and_nothing_was_copied(story):
    (first,) = taken(story.path, story.write(story.path))
    assert first == {("nav", EVERYBODY): WAD, ("nav", ONE): WAD, ("nav", TWO): WAD}


def test_slippage_and_lag_are_those_of_the_copies_since_the_batch_before(story):
    story.trade(1_000)
    first = story.write(story.path)
    story.trade(1_000, lead=1, worse=0, lag_ns=7 * MS)
    story.trade(-1_000, worse=2_000, lag_ns=LAG_NS)
    one, two, none = taken(story.path, first, last := story.write(story.path), story.write(story.path))
    assert last > first
    assert (one["slippage", ONE], one["slippage", EVERYBODY]) == (TEN_BPS, TEN_BPS)
    assert (one["lag", ONE], one["lag", EVERYBODY]) == (LAG_NS, LAG_NS)
    assert ("lag", TWO) not in one
    assert (two["slippage", TWO], two["lag", TWO]) == (0, 7 * MS)
    assert (two["slippage", ONE], two["lag", ONE]) == (2 * TEN_BPS, LAG_NS)
    assert two["lag", EVERYBODY] == -(-(2 * LAG_NS + 7 * MS) // 3), "two follows copied the one lead, one the other"
    assert {kind for kind, _ in none} == {"nav"}


def test_the_nav_per_share_follows_the_marks_lead_by_lead(story):
    story.trade(1_000, worse=0)  # a tenth of the lead's equity: follows hold a tenth of theirs
    story.desk.top(PX * 11 // 10)
    (now,) = taken(story.path, story.write(story.path))
    assert now["nav", ONE] == WAD * 101 // 100
    assert now["nav", TWO] == WAD
    assert now["nav", EVERYBODY] == WAD + WAD * 40 // 6000, "40 USDC on 6,000"


def test_money_that_comes_or_goes_moves_no_nav_per_share(story):
    story.trade(1_000, worse=0)
    story.desk.top(PX * 11 // 10)
    before = story.write(story.path)
    story.cash(0, 777 * USDC)
    between = story.write(story.path)
    story.cash(1, -333_333_333)
    one, two, three = taken(story.path, before, between, story.write(story.path))
    for kind in (("nav", ONE), ("nav", TWO), ("nav", EVERYBODY)):
        assert 0 <= two[kind] - one[kind] < 10**3
        assert 0 <= three[kind] - two[kind] < 10**3


def test_verifying_a_journal_sees_the_same_figures_as_anchoring_it_piece_by_piece(story):
    story.trade(1_000)
    first = story.write(story.path)
    replay = FigureReplay()
    with SqliteJournal(story.path, read_only=True) as journal:
        replay.advance(journal, first)
    piecemeal = [replay.take()]
    story.trade(500, lead=1)
    story.cash(2, 50 * USDC)
    last = story.write(story.path)
    with SqliteJournal(story.path, read_only=True) as journal:
        replay.advance(journal, last)
        piecemeal.append(replay.take())
        onlooker = BatchFigures([first, last])
        assert verify(journal, verify_file(story.path), onlooker=onlooker).ok
    assert [onlooker.taken[first], onlooker.taken[last]] == piecemeal
    assert onlooker.names[ONE] == "lead 0"


def test_figures_come_in_the_order_of_their_leaves(story):
    story.trade(1_000)
    at = story.write(story.path)
    with SqliteJournal(story.path, read_only=True) as journal:
        replay = FigureReplay([at])
        replay.advance(journal, at)
    kinds = [f.kind for f in replay.figures.taken[at]]
    assert kinds == ["lag", "lag", "nav", "nav", "nav", "slippage", "slippage"]
    assert replay.figures.taken[at] == sorted(replay.figures.taken[at])
    assert isinstance(replay.figures.taken[at][0], Figure)


money = st.integers(1, 10**15)


@settings(max_examples=25, deadline=None)
@given(money, st.lists(st.tuples(st.integers(-90, 900), st.integers(-95, 300)), max_size=12))
def test_shares_keep_the_nav_per_share_as_a_fund_in_exact_fractions_does(first, moves):
    """Each move is a result, in percent of the NAV, and then a flow, in percent of it."""
    nav, shares, fund = first, shares_after(0, 0, first), Fraction(1)
    assert nav * SHARES_PER_UNIT == shares
    for percent, flow_percent in moves:
        earned = nav + nav * percent // 100
        fund *= Fraction(earned, nav)
        flow = earned * flow_percent // 100
        after = shares_after(shares, earned, flow)
        if flow:
            assert Fraction(earned + flow, after) >= Fraction(earned, shares), "who stays loses nothing by a flow"
        nav, shares = earned + flow, after
        if nav < 10**6:  # a rounding that is nothing on a dollar
            return
        assert abs(Fraction(nav * SHARES_PER_UNIT, shares) / fund - 1) < Fraction(1, 10**9)


def test_after_a_total_loss_money_that_comes_in_begins_anew_at_one():
    shares = shares_after(0, 0, 100)
    assert shares_after(shares, 0, 50) == 50 * SHARES_PER_UNIT
    assert shares_after(shares, -5, 50) == 45 * SHARES_PER_UNIT
    assert shares_after(shares, -5, -1) == shares
    assert shares_after(shares, 100, -100) == 0


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-900, 900).filter(bool), st.integers(0, 900), st.integers(0, 99)), min_size=1, max_size=6
    )
)
def test_what_is_anchored_is_what_the_report_says(trades):
    """The report's own views, which were written apart, see the same NAV, lag and, of a block, slippage."""
    story, copies, nav, ours = Story(), CopyView(), NavView(), BatchFigures([])
    for lots, worse, lag_ms in trades:
        story.trade(lots, worse=worse, lag_ns=lag_ms * MS)
    state = State()
    for raw in story.desk.log:
        event = decode_event(raw)
        outcome = step(state, event)
        for view in (copies, nav, ours):
            view(event, outcome, state)
    nav.sample(state, state.now_ns)
    figures = {(f.kind, f.subject): f.value for f in ours.take(state)}
    assert figures["nav", EVERYBODY] == int(nav.days[-1].nav * USDC) * WAD // (6_000 * USDC)
    assert (("lag", EVERYBODY) in figures) == (copies.all.lag_ms.count > 0)
    if copies.all.lag_ms.count:
        told = copies.all.lag_ms.distribution()
        assert figures["lag", EVERYBODY] / MS == pytest.approx(told.mean, abs=1e-3)
        slippage = copies.all.slippage_bps.distribution()
        assert slippage.min - 0.01 <= figures["slippage", EVERYBODY] / 10**6 <= slippage.max + 0.01
