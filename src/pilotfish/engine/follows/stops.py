"""Each follow's own stops, looked at when the market moves: profit, loss, drawdown, price, equity and margin.

A stop closes the follow and pauses it. A price stop closes one position; the follow opens it again only once the lead
has been flat there, or has flipped. Nobody is judged by a mark that is missing or older than `stale_ns_max`: that is
said once, and the stop waits for the next one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints, ints, muldiv_floor
from pilotfish.domain.instrument import BPS
from pilotfish.domain.mandate import Follows
from pilotfish.domain.orders import Command
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Fact, Refused, Stopped
from pilotfish.engine.follows.balance import fresh, told_ns
from pilotfish.engine.follows.closing import close, send_exits, set_own
from pilotfish.engine.follows.column import HEDGE
from pilotfish.engine.follows.entries import keep_entries
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.orders.leg import Out, refresh
from pilotfish.engine.state import State
from pilotfish.gate.approved import Approved

STOPS = ("take_profit_bps", "stop_loss_bps", "trailing_bps", "price_stop_bps", "equity_stop", "margin_stop_bps")
BPS_MAX = 1_000_000  # a hundredfold: a stop further than this is never reached
_MONEY_MAX = 2**53


def guard(state: State) -> None:
    """Follows with stops came, or their stops changed: they are looked at from now on."""
    if any(getattr(state.follows, name).any() for name in STOPS):
        state.tended = state.moved = True
        keep_entries(state)


def look(state: State) -> Out:
    """The duty: every stop of every follow, each fired once."""
    rows = _watched(state)
    if not rows.size:
        return [], []
    judged, facts = _judged(state, rows)
    exposures, standing = refresh(state), state.standing
    equity = (state.ledger.money.rows + exposures.value)[rows]
    seen = rows[judged]
    standing.peak[seen] = np.maximum(standing.peak[seen], equity[judged])
    why = np.where(judged, _reached(state, rows, equity, exposures.margin[rows]), 0)
    commands: list[Approved[Command]] = []
    for reason in np.unique(why[why > 0]).tolist():
        fired = why == reason
        more = close(state, rows[fired], Reason(reason), _told(state, reason, rows[fired], equity[fired]))
        commands += more[0]
        facts += more[1]
    more = _price_stops(state, rows[why == 0])
    return commands + more[0], facts + more[1]


def _watched(state: State) -> Ints:
    """Follows with a stop that are open for business, or paused and still hold something."""
    follows, mode = state.follows, state.standing.mode
    some = np.zeros(len(follows), dtype=bool)
    for name in STOPS:
        some |= getattr(follows, name) > 0
    rows = np.flatnonzero(some & (mode <= Mode.PAUSED))
    holds = np.zeros(rows.size, dtype=bool)
    for key, book in state.ledger.lots.items():
        holds |= (book.rows[rows] != 0) | (state.ledger.opening[key][rows] != 0)
    return ints(rows[holds | (mode[rows] == Mode.ACTIVE)])


def _judged(state: State, rows: Ints) -> tuple[NDArray[np.bool_], list[Fact]]:
    """Which of `rows` hold nothing but what has a fresh mark; a mark that is not is said once, until it is again."""
    judged, facts = np.ones(rows.size, dtype=bool), list[Fact]()
    for key, book in state.ledger.lots.items():
        held = book.rows[rows] != 0
        if not held.any():
            state.blind.pop(key, None)
        elif fresh(state, key):
            state.blind.pop(key, None)
            state.wake(told_ns(state, key) + state.settings.stale_ns_max + 1)
        else:
            judged &= ~held
            leads, counts = np.unique(state.follows.lead[rows[held]], return_counts=True)
            for lead, count in zip(leads.tolist(), counts.tolist(), strict=True) if key not in state.blind else ():
                facts.append(Refused(lead, key, state.guard.refuse(Reason.STALE, count), count))
            state.blind[key] = 1
    return judged, facts


def _reached(state: State, rows: Ints, equity: Ints, margin: Ints) -> Ints:
    """The reason that closes each row, 0 for none: what protects comes before what collects."""
    f: Follows = state.follows
    base, peak = state.standing.deposited[rows], state.standing.peak[rows]
    account = (f.equity_stop[rows] > 0) & (equity <= f.equity_stop[rows])
    geared = (margin > 0) & _at_least(margin, np.maximum(equity, 0), f.margin_stop_bps[rows])
    lost = _at_least(base - equity, base, f.stop_loss_bps[rows])
    fell = _at_least(peak - equity, peak, f.trailing_bps[rows])
    won = _at_least(equity - base, base, f.take_profit_bps[rows])
    reasons = (Reason.ACCOUNT_STOP, Reason.ACCOUNT_STOP, Reason.STOP_LOSS, Reason.TRAILING_STOP, Reason.TAKE_PROFIT)
    cases = zip((account, geared, lost, fell, won), reasons, strict=True)
    why = np.zeros(rows.size, dtype=np.int64)
    for reached, reason in reversed(list(cases)):
        why[reached] = reason
    return why


def _at_least(part: Ints, whole: Ints, bps: Ints) -> NDArray[np.bool_]:
    """part ≥ bps of the whole, exactly; False where there is no stop (0) or one that nothing reaches."""
    line = -muldiv_floor(-np.clip(whole, 0, _MONEY_MAX), np.minimum(bps, BPS_MAX), BPS)
    return np.asarray((bps > 0) & (bps <= BPS_MAX) & (part >= line), dtype=bool)


def _told(state: State, reason: int, rows: Ints, equity: Ints) -> str:
    first = int(rows[0])
    others = f" and {rows.size - 1} others" if rows.size > 1 else ""
    base, peak = int(state.standing.deposited[first]), int(state.standing.peak[first])
    measure = f"money {int(equity[0])}, deposited {base}, highest {peak}"
    return f"{Reason(reason).text}: follow {first}{others} ({measure} money units) close everything and pause"


# -- price stops -----------------------------------------------------------------------------------------------------


def _price_stops(state: State, rows: Ints) -> Out:
    commands: list[Approved[Command]] = []
    facts: list[Fact] = []
    rows = rows[state.follows.price_stop_bps[rows] > 0]
    for key, column in state.columns.items():
        if not rows.size or not column.entry.size or not fresh(state, key):
            continue
        fired = _beyond(state, key, rows)
        if not fired.size:
            continue
        if not column.barred.size:
            column.barred = np.zeros_like(column.targets)
        column.barred[fired] = 1
        set_own(column, fired, np.zeros(fired.size, dtype=np.int64), column.part(HEDGE, key, fired))
        column.reasons[fired] = Reason.PRICE_STOP
        symbol = state.listings[key].instrument.symbol
        what = f"{symbol} moved {int(state.follows.price_stop_bps[fired[0]])} bps or more against the entry"
        more = send_exits(state, [(key, fired)])
        commands += more[0]
        facts += [Stopped(fired, Reason.PRICE_STOP, f"{what}: {fired.size} follows close it"), *more[1]]
    return commands, facts


def _beyond(state: State, key: int, rows: Ints) -> Ints:
    """Whose position lost its stop's share of what it cost; a hedge has no price stop, nor has one that has fired."""
    column, listing = state.columns[key], state.listings[key]
    value = listing.instrument.notionals_floor(state.ledger.lots[key].rows[rows], listing.mark)
    lost = column.entry[rows] - value
    some = np.flatnonzero((lost > 0) & (value != 0))
    rows, lost = rows[some], lost[some]
    entry = column.entry[rows]
    live = (entry != 0) & (column.part(HEDGE, key, rows) == 0)
    if column.barred.size:
        live &= column.barred[rows] == 0
    return ints(rows[live & _at_least(lost, np.abs(entry), state.follows.price_stop_bps[rows])])
