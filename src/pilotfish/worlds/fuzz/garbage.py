"""Events that cannot be true. A shard sets each aside and changes nothing else."""

from __future__ import annotations

from pilotfish.domain.arith import ints
from pilotfish.domain.events import (
    BatchUpdate,
    BookTop,
    CashMoved,
    Configured,
    Event,
    Fill,
    FollowsOpened,
    Funding,
    InstrumentListed,
    LeadEquity,
    LeadFill,
    LeadListed,
    LeadPosition,
    Liquidation,
    Mark,
    OrderUpdate,
)
from pilotfish.domain.mandate import OMNIBUS, Follows
from pilotfish.domain.orders import OrderSignal
from pilotfish.worlds.fuzz.draws import Chance
from pilotfish.worlds.fuzz.scenario import Scenario

HUGE = 2**62
NOWHERE = 99
NOBODY = 3  # a client order id of event 0, which never orders


def impossible(scenario: Scenario, chance: Chance, now_ns: int) -> Event:
    """One of them, stamped now."""
    at = (now_ns, now_ns)
    k, price = 0, scenario.prices[0]
    one, empty = ints([1]), ints([])
    choices: list[Event] = [
        Mark(*at, NOWHERE, price), Mark(*at, k, -5), Mark(*at, k, 0), Mark(*at, -1, price),
        BookTop(*at, k, price + 9, 1, price, 1), BookTop(*at, NOWHERE, 1, 1, 2, 1), BookTop(*at, k, 1, -1, 2, 1),
        LeadFill(*at, 0, k, 1, -7, price, HUGE), LeadFill(*at, 0, k, 1, HUGE, price, HUGE),
        LeadFill(*at, 0, k, 3, 1, price, HUGE), LeadFill(*at, 0, k, 1, 1, 0, HUGE),
        LeadFill(*at, NOWHERE, k, 1, 1, price, HUGE), LeadFill(*at, 0, NOWHERE, 1, 1, price, HUGE),
        LeadFill(*at, 0, k, 1, 1, price, HUGE, HUGE), LeadPosition(*at, 0, k, HUGE, price),
        LeadPosition(*at, NOWHERE, k, 1, price), LeadPosition(*at, 0, k, 1, -price),
        LeadEquity(*at, 0, 0), LeadEquity(*at, NOWHERE, 1), LeadListed(*at, 0, "twice", 1),
        Configured(*at, 7, scenario.config.route), InstrumentListed(*at, scenario.instruments[0]),
        Fill(*at, NOBODY, HUGE, 1, price, 1, 0), Fill(*at, NOBODY, HUGE, -1, price, 1, 0),
        Fill(*at, NOBODY, HUGE, 1, price, -1, 0), Fill(*at, NOBODY, HUGE, 1, price, 2**63 - 1, 0),
        OrderUpdate(*at, NOBODY, OrderSignal.FILLED), OrderUpdate(*at, NOBODY, OrderSignal.LOST),
        BatchUpdate(*at, NOBODY, one, one, one, one, one, one, one),
        BatchUpdate(*at, NOBODY, one, empty, one, one, one, one, one),
        CashMoved(*at, ints([0, 0]), ints([5, 5])), CashMoved(*at, ints([10**6]), one), CashMoved(*at, one, empty),
        CashMoved(*at, ints([0]), ints([HUGE])),
        FollowsOpened(*at, Follows.of([1], [NOWHERE], [1])), FollowsOpened(*at, Follows.of([1], [0], [-1])),
        FollowsOpened(*at, Follows.of([1], [0], [1], open_bps=10_000)),
        Funding(*at, NOWHERE, HUGE, ints([OMNIBUS]), one, price, 5),
        Funding(*at, k, HUGE, ints([OMNIBUS]), one, -price, 5),
        Funding(*at, k, HUGE, ints([OMNIBUS]), one, price, HUGE),
        Funding(*at, k, HUGE, ints([OMNIBUS]), ints([2**62]), price, 5),
        Liquidation(*at, OMNIBUS, NOWHERE, HUGE, 1, price, 1, 0), Liquidation(*at, OMNIBUS, k, HUGE, 0, price, 1, 0),
        Liquidation(*at, OMNIBUS, k, HUGE, HUGE, price, 1, 0), Liquidation(*at, OMNIBUS, k, HUGE, 2**40, price, 1, 0),
    ]  # fmt: skip
    return choices[int(chance.integers(len(choices)))]
