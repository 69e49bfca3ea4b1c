"""What a journal says our accounts hold: for a simulated venue that has to go on where it was."""

from __future__ import annotations

import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.mandate import OMNIBUS, Follows
from pilotfish.domain.orders import Place, PlaceBatch
from pilotfish.engine.state import State
from pilotfish.venues.session import Unfinished

SETTLING_NS = 3_600_000_000_000  # a match is settled on its chain within seconds, or it fails; an hour is ample


def cash_of(state: State, follows: Follows) -> dict[int, int]:
    """Money units by account; what the follows bring where they have not joined yet."""
    joined = state.ledger.follows > 0
    money = state.ledger.money.rows if joined else follows.allocation
    return _by_account(state.omnibus, (state.follows if joined else follows).follower, money)


def positions_of(state: State) -> dict[int, dict[int, int]]:
    """Lots by account and instrument."""
    held: dict[int, dict[int, int]] = {}
    for key, book in state.ledger.lots.items():
        if book.rows.any():
            for account, lots in _by_account(state.omnibus, state.follows.follower, book.rows).items():
                held.setdefault(account, {})[key] = lots
    return held


def unfinished_of(state: State) -> Unfinished:
    """What a venue must be asked about after a restart."""
    orders: list[tuple[Place | PlaceBatch, int]] = [(one.place, one.sent_ns) for one in state.blocks.values()]
    orders += [(one.batch, one.sent_ns) for one in state.batches.values()]
    orders += [(one.command, one.sent_ns) for one in state.mirrors.values()]
    held = {k: [key for key, lots in lead.positions.items() if lots] for k, lead in enumerate(state.leads)}
    alive = {command.coid for command, _ in orders}
    settling = [
        (one.command, one.sent_ns)
        for coid, one in state.settling.items()
        if coid not in alive and state.now_ns - one.traded_ns <= SETTLING_NS
    ]
    return Unfinished(state.cursor, orders, held, settling)


def _by_account(omnibus: bool, followers: Ints, amounts: Ints) -> dict[int, int]:
    if omnibus:
        return {OMNIBUS: int(amounts.sum())}
    accounts, place = np.unique(followers, return_inverse=True)
    sums = np.zeros(accounts.size, dtype=np.int64)
    np.add.at(sums, place, amounts)
    return dict(zip(accounts.tolist(), sums.tolist(), strict=True))
