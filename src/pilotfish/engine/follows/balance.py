"""Capital between one follower's leads: moved back to its weights, and measured anew where it moved."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints, muldiv_floor
from pilotfish.domain.instructions import Rebalance
from pilotfish.domain.mandate import BPS, Sizing
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Fact, Moved, Refused
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.money.fees import adjust_marks
from pilotfish.engine.orders.leg import Out, refresh
from pilotfish.engine.state import State
from pilotfish.ledger.book import Account
from pilotfish.ledger.fees import apportion_within, marks_left_ceil, totals_within


def on_rebalance(state: State, event: Rebalance) -> Out:
    """Move free money between each follower's weighted follows. Positions stay until the lead moves; what is opened
    from now on is sized by the new capital, as if a proportional follow had started now.
    """
    follows = state.follows
    mine = np.isin(follows.follower, event.followers) & (follows.weight_bps > 0)
    rows = np.flatnonzero(mine & (state.standing.mode < Mode.LEAVING))
    dark, facts = unpriced(state, rows)
    rows = rows[~np.isin(follows.follower[rows], follows.follower[rows[dark]])]
    exposures, ledger = refresh(state), state.ledger
    equity = ledger.money.rows[rows] + exposures.value[rows]
    free = np.maximum(equity - exposures.margin[rows] - ledger.reserved_money[rows], 0)
    amounts = shifts(equity, free, follows.weight_bps[rows], follows.follower[rows], event.band_bps)
    some = np.flatnonzero(amounts)
    if not some.size:
        return [], facts
    rows, amounts, equity = rows[some], amounts[some], equity[some]
    facts += adjust_marks(state, rows, amounts)
    measure(state, rows, amounts, equity)
    ledger.money.to_rows(Account.CLEARING, rows, amounts)
    ledger.postings += amounts.size
    sized = follows.sizing[rows] == Sizing.PROPORTIONAL
    lead_equity = np.array([lead.equity for lead in state.leads], dtype=np.int64)[follows.lead[rows]]
    state.num[rows] = np.where(sized, np.maximum(equity + amounts, 1), state.num[rows])
    state.den[rows] = np.where(sized, lead_equity, state.den[rows])
    state.moved = state.tended
    return [], [*facts, Moved(rows, amounts)]


def shifts(equity: Ints, free: Ints, weights: Ints, follower: Ints, band_bps: int) -> Ints:
    """What each row gets (> 0) or gives, zero in all for each follower and never more than is `free`: nothing where
    every row is within `band_bps` of the follower's whole, or the whole is gone.
    """
    names, group = np.unique(follower, return_inverse=True)
    n = names.size
    whole = totals_within(equity, group, n)
    short = apportion_within(np.maximum(whole, 0), weights, group) - equity
    furthest = np.zeros(n, dtype=np.int64)
    np.maximum.at(furthest, group, np.abs(short))
    off = (whole > 0) & (furthest > muldiv_floor(np.maximum(whole, 0), band_bps, BPS))
    give = np.where(off[group], np.minimum(np.maximum(-short, 0), free), 0)
    get = apportion_within(totals_within(give, group, n), np.maximum(short, 0), group)
    return get - give


def unpriced(state: State, rows: Ints) -> tuple[NDArray[np.bool_], list[Fact]]:
    """Which of `rows` hold something whose mark is missing or older than `stale_ns_max`, and who is told so."""
    dark, facts = np.zeros(rows.size, dtype=bool), list[Fact]()
    for key, book in state.ledger.lots.items():
        if fresh(state, key):
            continue
        held = book.rows[rows] != 0
        dark |= held
        for lead, count in zip(*np.unique(state.follows.lead[rows[held]], return_counts=True), strict=True):
            facts.append(Refused(int(lead), key, state.guard.refuse(Reason.STALE, int(count)), int(count)))
    return dark, facts


def fresh(state: State, key: int) -> bool:
    """Whether the mark of an instrument is there and young enough to judge anybody by."""
    return state.listings[key].mark > 0 and state.now_ns - told_ns(state, key) <= state.settings.stale_ns_max


def told_ns(state: State, key: int) -> int:
    """When the mark that counts was last told, our stamp."""
    listing = state.listings[key]
    if listing.doubt:
        return 0
    return listing.marked_ns if listing.stated_mark else listing.seen_ns


def measure(state: State, rows: Ints, amounts: Ints, equity: Ints) -> None:
    """Before cash moves: what stops measure by rises by a deposit and shrinks in proportion with a withdrawal, so that
    moving money is neither gain nor loss. `equity` is that of `rows` before.
    """
    out = np.maximum(-amounts, 0)
    for column in (state.standing.deposited, state.standing.peak):
        column[rows] = marks_left_ceil(column[rows], equity, out) + np.maximum(amounts, 0)


def restart_measure(state: State, rows: Ints) -> None:
    """Stops of `rows` measure from today's equity."""
    equity = np.maximum((state.ledger.money.rows + refresh(state).value)[rows], 0)
    state.standing.deposited[rows] = state.standing.peak[rows] = equity
