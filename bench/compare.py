"""One turn of the scene played by the engine and by the baseline, timed, with what each follower got from both."""

from __future__ import annotations

from decimal import Decimal
from time import perf_counter
from typing import NamedTuple

import numpy as np

from bench.baseline import LOT, SUB, Block, Copier, Follower, followers_of
from bench.scene import INSTRUMENTS, USDC, Scene, checked
from pilotfish.domain.arith import Ints
from pilotfish.domain.events import Fill
from pilotfish.domain.orders import Place
from pilotfish.engine.facts import Copied
from pilotfish.engine.step import step


class Given(NamedTuple):
    """What a block gave to each follower: whole lots, and cost and fee in base units."""

    lots: Ints
    costs: Ints
    fees: Ints


class Compared(NamedTuple):
    """Both answers, block by block, and the seconds that deciding and sharing took."""

    ours: list[Given]
    theirs: list[Given]
    ours_s: float
    theirs_s: float

    @property
    def equal(self) -> bool:
        """Whether every follower got the same to the unit."""
        return len(self.ours) == len(self.theirs) and all(
            np.array_equal(a, b)
            for ours, theirs in zip(self.ours, self.theirs, strict=True)
            for a, b in zip(ours, theirs, strict=True)
        )


def taken_over(scene: Scene) -> Copier:
    """A baseline that stands where the scene's shard stands, so that it need not live through the same past."""
    state = scene.state
    followers: list[Follower] = followers_of(state.follows)
    for f, money in zip(followers, state.ledger.money.rows.tolist(), strict=True):
        f.cash = Decimal(money) / USDC
    for key, book in state.ledger.lots.items():
        rows = zip(followers, book.rows.tolist(), state.columns[key].targets.tolist(), strict=True)
        for f, lots, target in rows:
            if lots:
                f.positions[key] = lots * LOT
            if target:
                f.targets[key] = target * SUB
    return Copier(followers)


def both(scene: Scene, copier: Copier, part: int = 100) -> Compared:
    """Play one turn, each block filled to `part` percent."""
    turn = scene.turn()
    scene.market(turn)
    copier.marks = {i: INSTRUMENTS[i].show_price(scene.state.listings[i].mark) for i in range(len(INSTRUMENTS))}
    began = perf_counter()
    outcome = checked(step(scene.state, turn.fill))
    ours_s = perf_counter() - began
    answers = scene.answers(outcome, turn.fill.price, part)
    began = perf_counter()
    outcomes = [checked(step(scene.state, answer)) for answer in answers]
    ours_s += perf_counter() - began
    assert not any(each.commands for each in outcomes), "a fill led to new orders: the scene measures two turns at once"
    facts = [fact for each in outcomes for fact in each.facts]
    ours = [Given(fact.lots, fact.costs, fact.fees) for fact in facts if isinstance(fact, Copied)]
    places = {a.command.coid: a.command for a in outcome.commands if isinstance(a.command, Place)}

    began = perf_counter()
    decided = copier.decide(turn.fill.instrument, turn.before, scene.lead[turn.fill.instrument], turn.fill.price)
    theirs_s = perf_counter() - began
    theirs: list[Given] = []
    blocks = {_block_order(block): block for block in decided}
    for fill in (answer for answer in answers if isinstance(answer, Fill)):
        block = blocks.pop(_place_order(places[fill.coid]), None)
        assert block is not None, f"the baseline would not send {places[fill.coid]}, but {list(blocks)}"
        began = perf_counter()
        shares = copier.settle(block, fill.lots, fill.cost, fill.fee)
        theirs_s += perf_counter() - began
        given = Given(*(np.zeros(len(copier.followers), dtype=np.int64) for _ in range(3)))
        for index, share in shares.items():
            given.lots[index], given.costs[index], given.fees[index] = share.lots, share.cost * USDC, share.fee * USDC
        theirs.append(given)
    assert not blocks, f"the engine did not send {list(blocks)}"
    return Compared(ours, theirs, ours_s, theirs_s)


def _block_order(block: Block) -> tuple[int, int, int, int]:
    limit = int(block.limit.scaleb(INSTRUMENTS[block.instrument].price_decimals))
    return block.instrument, block.side, limit, block.lots


def _place_order(place: Place) -> tuple[int, int, int, int]:
    """Blocks of one turn concern different follows, or exits before opens: which class goes first changes nothing."""
    return place.instrument, place.side, place.price, place.lots
