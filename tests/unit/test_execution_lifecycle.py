"""The life of an order is one table: complete for the living, silent for the dead, the same for one and for many."""

import numpy as np
import pytest

from pilotfish.domain.errors import IllegalTransition
from pilotfish.domain.orders import OrderSignal as On
from pilotfish.domain.orders import OrderState as Is
from pilotfish.execution.lifecycle import RULES, after, after_all, illegal

ALIVE = [state for state in Is if not state.done]
PAIRS = [(state, signal) for state in Is for signal in On]


def test_whatever_a_venue_says_of_a_living_order_has_an_answer_but_for_an_absence_of_what_it_had() -> None:
    missing = {(state, signal) for state in ALIVE for signal in On} - set(RULES)
    assert missing == {(state, On.ABSENT) for state in (Is.OPEN, Is.PARTIAL, Is.CANCELLING)}


@pytest.mark.parametrize(("state", "signal"), PAIRS)
def test_one_order_and_a_column_of_orders_go_the_same_way(state, signal) -> None:
    column = after_all(np.array([int(state)]), np.array([int(signal)]))
    bad = illegal(np.array([int(state)]), np.array([int(signal)]))
    if (state, signal) in RULES:
        assert after(state, signal) is RULES[state, signal]
        assert column.tolist() == [RULES[state, signal]]
        assert not bad.size
    else:
        with pytest.raises(IllegalTransition, match=f"{state.name} got {signal.name}"):
            after(state, signal)
        assert column.tolist() == [state]
        assert bad.tolist() == [0]


def test_a_column_names_exactly_its_illegal_rows() -> None:
    states, signals = (np.array(column) for column in zip(*PAIRS, strict=True))
    assert [PAIRS[row] for row in illegal(states, signals)] == [pair for pair in PAIRS if pair not in RULES]


@pytest.mark.parametrize("state", [Is.FILLED, Is.CANCELLED, Is.REJECTED])
def test_nothing_but_a_fill_changes_an_order_that_is_over(state) -> None:
    quiet = [signal for signal in On if signal not in (On.FILL, On.FILLED, On.ABSENT)]
    assert [after(state, signal) for signal in quiet] == [state] * len(quiet)


@pytest.mark.parametrize("state", ALIVE)
def test_only_the_venue_ends_the_unknown_and_a_lost_answer_makes_anything_unknown(state) -> None:
    assert after(state, On.LOST) is Is.UNKNOWN
    assert after(Is.UNKNOWN, On.CANCEL_SENT) is Is.UNKNOWN
    assert {after(Is.UNKNOWN, signal) for signal in (On.FILLED, On.CANCEL, On.REJECT)} <= {s for s in Is if s.done}


@pytest.mark.parametrize(("state", "signal"), [(Is.PARTIAL, On.ACK), (Is.CANCELLING, On.ACK), (Is.FILLED, On.FILL)])
def test_a_message_that_was_overtaken_takes_nothing_back(state, signal) -> None:
    assert after(state, signal) is state


def test_a_refused_cancel_leaves_the_order_alive() -> None:
    assert not after(Is.CANCELLING, On.REJECT).done


def test_a_fill_after_a_reject_is_a_fact() -> None:
    assert after(Is.REJECTED, On.FILL) is Is.PARTIAL
    assert after(Is.REJECTED, On.FILLED) is Is.FILLED
