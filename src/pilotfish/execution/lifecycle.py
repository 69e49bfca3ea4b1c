"""The life of an order as one table, for one order or a column of them.

    SENT ──ack──► OPEN ──fill──► PARTIAL ──filled──► FILLED
      │             └──cancel sent──► CANCELLING ──cancel──► CANCELLED
      ├──reject──► REJECTED
      └──lost──► UNKNOWN ──(whatever the venue says)──► …        absent ──► SENT again, under the same id

A fill that arrives after a cancel or a reject is a fact, not an error: the venue decides. Nothing but the venue ends
UNKNOWN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints
from pilotfish.domain.errors import IllegalTransition
from pilotfish.domain.orders import OrderSignal as On
from pilotfish.domain.orders import OrderState as Is

_ALIVE = (Is.SENT, Is.OPEN, Is.PARTIAL, Is.CANCELLING, Is.UNKNOWN)


def _rules() -> dict[tuple[Is, On], Is]:
    rules: dict[tuple[Is, On], Is] = {}
    for state in _ALIVE:
        rules |= {
            (state, On.ACK): Is.OPEN, (state, On.FILL): Is.PARTIAL, (state, On.FILLED): Is.FILLED,
            (state, On.CANCEL): Is.CANCELLED, (state, On.REJECT): Is.REJECTED, (state, On.LOST): Is.UNKNOWN,
        }  # fmt: skip
    rules |= {(state, On.CANCEL_SENT): Is.CANCELLING for state in _ALIVE if state is not Is.UNKNOWN}
    rules |= {
        (Is.PARTIAL, On.ACK): Is.PARTIAL,  # an acknowledgement that was overtaken by a fill
        (Is.CANCELLING, On.ACK): Is.CANCELLING,
        (Is.CANCELLING, On.FILL): Is.CANCELLING,
        (Is.CANCELLING, On.REJECT): Is.CANCELLING,  # the cancel was refused, not the order
        (Is.UNKNOWN, On.CANCEL_SENT): Is.UNKNOWN,
        (Is.UNKNOWN, On.ABSENT): Is.SENT,
        (Is.SENT, On.ABSENT): Is.SENT,
    }
    for state in (Is.FILLED, Is.CANCELLED, Is.REJECTED):  # late and doubled messages change nothing …
        rules |= {(state, signal): state for signal in (On.ACK, On.LOST, On.CANCEL, On.CANCEL_SENT)}
    rules |= {(Is.CANCELLED, On.FILL): Is.CANCELLED, (Is.CANCELLED, On.FILLED): Is.FILLED}  # … but a fill is a fact
    rules |= {
        (Is.REJECTED, On.FILL): Is.PARTIAL,
        (Is.REJECTED, On.FILLED): Is.FILLED,
        (Is.REJECTED, On.REJECT): Is.REJECTED,
    }
    rules |= {(Is.FILLED, On.FILL): Is.FILLED, (Is.FILLED, On.FILLED): Is.FILLED}
    rules |= {(Is.CANCELLED, On.REJECT): Is.CANCELLED, (Is.FILLED, On.REJECT): Is.FILLED}
    return rules


RULES = _rules()
_TABLE: NDArray[np.int8] = np.full((len(Is), len(On)), -1, dtype=np.int8)
for (_state, _signal), _next in RULES.items():
    _TABLE[_state, _signal] = _next


def after(state: Is, signal: On) -> Is:
    """The state that follows. Raises IllegalTransition, naming both."""
    following = RULES.get((state, signal))
    if following is None:
        raise IllegalTransition(
            f"an order that is {state.name} got {signal.name}", "no venue should say so", "reconcile with the venue"
        )
    return following


def after_all(states: Ints, signals: Ints) -> Ints:
    """The same for columns; an illegal pair leaves its state and is reported by `illegal`."""
    following = _TABLE[states, signals].astype(np.int64)
    return np.where(following < 0, states, following)


def illegal(states: Ints, signals: Ints) -> NDArray[np.intp]:
    """Indices whose signal their state does not allow."""
    return np.flatnonzero(_TABLE[states, signals] < 0)
