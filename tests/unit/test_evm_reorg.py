"""Blocks that are replaced: what was told is taken back, what comes again is told again, and the books agree."""

import pytest

from pilotfish.domain.arith import ints
from pilotfish.domain.events import Fill, FillReversed, LeadPosition
from pilotfish.domain.orders import OrderSignal, PlaceBatch
from pilotfish.venues.evm.public.confirmations import Acted, Blocks
from pilotfish.venues.evm.wire.rpc import Head
from pilotfish.venues.twins.faults import Fault
from tests.conformance.venues.evm import LEAD, POOL, WETH, EvmRig

FILLED, CANCEL = OrderSignal.FILLED, OrderSignal.CANCEL


def head(number: int, hash_: str, parent: str) -> Head:
    return Head(number, hash_, parent, number * 10**9, 10**9)


def chain(*heads: Head) -> Blocks:
    blocks = Blocks(64)
    for one in heads:
        blocks.offer(one, one.number - 1)
    return blocks


class Deep(EvmRig):
    """An order is over when so many blocks stand on its own."""

    depth = 3

    def session(self):
        return self.new_session("ws://twin/ws", "http://twin/", depth=self.depth)


@pytest.fixture
def rig():
    one = Deep()
    yield one
    one.check()


# -- which blocks are to be read ---------------------------------------------------------------------------------------


def test_a_block_that_stands_on_the_last_one_is_read_alone():
    blocks = chain(head(100, "a", "-"), head(101, "b", "a"))
    assert blocks.offer(head(102, "c", "b"), 101) == 102
    assert blocks.offer(head(102, "c", "b"), 102) is None, "old news"


def test_after_a_gap_what_is_between_is_read_and_so_many_blocks_again():
    blocks = chain(head(100, "a", "-"))
    assert blocks.offer(head(105, "f", "e"), 100) == 101 - 64


def test_a_block_in_the_place_of_another_takes_away_what_stood_on_that():
    blocks = chain(head(100, "a", "-"), head(101, "b", "a"), head(102, "c", "b"))
    assert blocks.offer(head(101, "B", "a"), 102) == 101 - 64
    assert blocks.tip.hash == "B"
    assert blocks.get(102) is None
    assert blocks.offer(head(102, "C", "B"), 101) == 102


def test_a_block_of_another_branch_takes_away_what_it_does_not_stand_on():
    blocks = chain(head(100, "a", "-"), head(101, "b", "a"))
    assert blocks.offer(head(102, "C", "B"), 101) == 102 - 64
    assert (blocks.get(101), blocks.get(100)) == (None, None)


def test_a_head_that_was_overtaken_by_the_next_changes_nothing():
    blocks = chain(head(100, "a", "-"), head(102, "c", "b"))
    assert blocks.offer(head(101, "b", "a"), 102) is None
    assert blocks.tip.hash == "c"
    assert blocks.has(101, "b")


def test_what_was_acted_on_is_handed_back_once():
    acted: Acted[str] = Acted()
    blocks = chain(head(105, "z", "-"))
    for block, name in ((100, "x"), (101, "y"), (105, "z"), (106, "w")):
        acted.note((name, 0), block, name)
    assert list(acted.missing(100, 104, {("x", 0)}, blocks)) == ["y", "w"], "and what is above and of no known branch"
    assert list(acted.missing(100, 104, {("x", 0)}, blocks)) == []
    assert (acted.gone(("z", 0)), acted.gone(("z", 0))) == ("z", None)
    acted.forget(101)
    assert ("x", 0) not in acted


# -- orders ------------------------------------------------------------------------------------------------------------


def reversals(rig) -> list[FillReversed]:
    return [event for event in rig.heard.events if isinstance(event, FillReversed)]


def test_a_fill_is_told_at_once_and_the_end_when_its_block_lies_deep(rig):
    rig.submit(rig.order(1, 1, 3))
    rig.until(lambda: rig.heard.fills_of(1))
    mined = rig.twin.chain.tip.number
    assert rig.heard.end(1) is None
    rig.ended(1)
    assert rig.twin.chain.tip.number >= mined + 3


@pytest.mark.parametrize("depth", [1, 2])
def test_a_fill_on_a_replaced_block_is_taken_back_and_told_again_when_it_is_mined_again(rig, depth):
    rig.submit(rig.order(1, 1, 3))
    rig.until(lambda: rig.heard.fills_of(1))
    (first,) = rig.heard.fills_of(1)
    rig.later(depth - 1)
    rig.twin.reorganise(depth, rig.now)
    rig.venue.touch()
    rig.ended(1)
    assert {one.fill_id for one in reversals(rig)} == {first.fill_id}
    assert [one.fill_id for one in rig.heard.fills_of(1)] != [first.fill_id]
    assert (rig.heard.end(1).signal, rig.taken(1)) == (FILLED, 1)
    (back,) = reversals(rig)
    assert (back.coid, back.lots, back.cost, back.side) == (1, first.lots, first.cost, 1)


def test_a_transaction_that_a_replaced_block_lost_is_sent_again_and_trades_once(rig):
    rig.submit(rig.order(1, 1, 3))
    rig.until(lambda: rig.heard.fills_of(1))
    rig.twin.reorganise(1, rig.now, drop=True)
    rig.venue.touch()
    rig.until(lambda: reversals(rig), "the reversal")
    rig.ended(1)
    assert (rig.heard.end(1).signal, rig.taken(1)) == (FILLED, 1)


def test_a_replaced_block_deeper_than_an_orders_end_takes_the_fill_back_all_the_same():
    rig = EvmRig()  # over with one block on its own
    rig.submit(rig.order(1, 1, 3))
    rig.ended(1)
    (first,) = rig.heard.fills_of(1)
    rig.later(1)
    rig.twin.reorganise(3, rig.now)
    rig.venue.touch()
    rig.until(lambda: reversals(rig), "the reversal")
    assert reversals(rig)[0].fill_id == first.fill_id
    rig.until(lambda: rig.heard.lots(1) == rig.size, "the fill of the block in its place")
    rig.check()


def test_a_batch_is_told_only_what_lies_deep():
    rig = Deep(separate=2)
    batch = PlaceBatch(100, 0, 1, ints([0, 1]), ints([rig.size] * 2), ints([rig.price(3)] * 2))
    rig.submit(batch)
    rig.until(lambda: rig.taken(101), "the batch on the chain")
    rig.twin.reorganise(1, rig.now)
    rig.venue.touch()
    assert rig.heard.results == {}
    rig.until(lambda: len(rig.heard.results) == 2, "the results")
    assert reversals(rig) == []
    rig.check()


def test_an_order_of_a_batch_that_is_mined_again_after_its_end_is_told_as_a_fill_of_its_own():
    rig = EvmRig(separate=2)
    rig.submit(PlaceBatch(100, 0, 1, ints([0, 1]), ints([rig.size] * 2), ints([rig.price(3)] * 2)))
    rig.until(lambda: len(rig.heard.results) == 2, "the results")
    rig.later(1)
    rig.twin.reorganise(3, rig.now)
    rig.venue.touch()
    rig.until(lambda: len([one for one in rig.heard.events if isinstance(one, Fill)]) == 2, "both fills")
    again = [(one.coid, one.lots) for one in rig.heard.events if isinstance(one, Fill)]
    assert sorted(again) == [(100, rig.size), (101, rig.size)]
    assert sorted((one.coid, one.account) for one in reversals(rig)) == [(100, 0), (101, 1)]


def test_where_a_lead_stands_is_told_anew_when_its_swap_is_gone(rig):
    rig.lead_trades(rig.size)
    rig.until(lambda: rig.heard.lead_lots.get(0), "the lead's trade")
    rig.twin.reorganise(1, rig.now, drop=True)
    rig.venue.touch()
    rig.until(lambda: rig.heard.lead_lots.get(0) == 0, "where it stands")
    assert rig.twin.chain.world.tokens.get((WETH.address, LEAD), 0) == 0
    assert [event.lots for event in rig.heard.events if isinstance(event, LeadPosition)][-1] == 0


def test_the_book_follows_the_branch_that_won(rig):
    before = rig.heard.tops[0].ask
    rig.submit(rig.order(1, 1, 3, lots=9 * rig.size))
    rig.until(lambda: rig.heard.tops[0].ask != before, "the book after the trade")
    rig.twin.reorganise(1, rig.now, drop=True)
    rig.venue.touch()
    rig.ended(1)
    assert rig.session is not None
    root = rig.twin.chain.world.pool.root
    rig.until(lambda: rig.heard.tops[0].bid == rig.venue.session.depth(0)[0][0][0], "the book")
    assert rig.venue.session.market.best(0, 1) == POOL.ask(root)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_goes_wrong_nothing_is_lost_doubled_or_made_up(seed):
    """Everything at once, from a seed: the books agree in the end, and no order has traded twice."""
    rig = Deep()
    rig.faults._chance = type(rig.faults)(seed)._chance
    rig.always(
        settlement=0.1, double=0.2, reorder=0.2, drop=0.05, garbage=0.05, lost_request=0.05, lost_answer=0.05,
        error_500=0.05, rate_limit=0.03, balance=0.02, disconnect=0.02, silent=0.02, half_open=0.01, frozen=0.02,
    )  # fmt: skip
    for coid in range(1, 31):
        side = -1 if coid % 3 == 0 else 1
        if rig.heard.up:
            rig.submit(rig.order(coid, side, 3 * side, lots=rig.size // (1 + coid % 4)))
        rig.later(1 + coid % 3)
    rig.always()
    rig.until(lambda: rig.heard.up, "the connection")
    rig.later(60)
    sent = sorted(rig.heard.sent)
    answer = rig.ask(*sent)
    assert set(answer.open) == set()
    assert sum(rig.injected(fault) for fault in Fault) > 20
    assert any(rig.taken(coid) for coid in sent)
    rig.check()
