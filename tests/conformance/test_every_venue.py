"""What a venue of the suite says it cannot do: it really cannot, says so properly, and the documentation has it.

The scenarios themselves are in `venues/`: `test_orders_everywhere` and `test_unknown_everywhere`.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from pilotfish.domain.arith import ints
from pilotfish.domain.errors import ConfigError
from pilotfish.domain.events import DataTrust
from pilotfish.domain.orders import Amend, OrderSignal, PlaceBatch, Tif
from pilotfish.venues.ccxt.settings import Settings
from pilotfish.venues.sim.venue import SimVenue
from tests.conformance.venues.every import EVERY
from tests.conformance.venues.exchanges import ExchangeRig
from tests.conformance.venues.rig import Rig

PAGE = Path(__file__).parents[2] / "docs" / "venues.md"
REJECT, ACK, FILLED = OrderSignal.REJECT, OrderSignal.ACK, OrderSignal.FILLED


def separate_accounts(rig: Rig) -> None:
    rig.submit(PlaceBatch(10, 0, 1, ints([0, 1]), ints([rig.size] * 2), ints([rig.price(3)] * 2)), rig.order(1, 1, 3))
    rig.ended(1)
    assert rig.heard.signals(10) == [REJECT]
    assert rig.executed() == {1: rig.size}
    with pytest.raises(ConfigError, match="one account"):
        Settings(exchange=rig.name, symbols=("BTC/USDT:USDT",), accounts=(-1, 0)).check()


def leads(rig: Rig) -> None:
    rig.submit(rig.order(1, 1, 3))
    rig.ended(1)
    rig.ask(1)
    assert (rig.heard.lead_lots, rig.heard.lead_fills) == ({}, {})
    assert isinstance(rig, ExchangeRig)
    assert "leads" not in Settings.__struct_fields__


def minimum(rig: Rig) -> None:
    rig.submit(rig.order(1, 1, -3, Tif.GTC, lots=1, price=rig.price(0) // 60))
    rig.until(lambda: rig.heard.said(1, ACK), "the order of one lot")
    assert rig.instrument.min_notional == 0


def short(rig: Rig) -> None:
    rig.submit(rig.order(1, -1, -3), rig.order(2, -1, 3, Tif.IOC if "resting" in rig.lacks else Tif.GTC))
    rig.ended(1, 2)
    assert [rig.heard.end(coid).signal for coid in (1, 2)] == [REJECT, REJECT]
    assert rig.position(-1) == 0


def resting(rig: Rig) -> None:
    rig.submit(rig.order(1, 1, -3, Tif.GTC), rig.order(2, 1, -3, Tif.ALO), rig.order(3, 1, 3))
    rig.submit(Amend(3, 1, rig.price(2)))
    rig.ended(1, 2, 3)
    assert [rig.heard.end(coid).signal for coid in (1, 2, 3)] == [REJECT, REJECT, FILLED]
    assert rig.executed() == {3: rig.size}


def amend_in_place(rig: Rig) -> None:
    rig.submit(rig.order(1, 1, -3, Tif.GTC))
    rig.until(lambda: rig.resting() == {1})
    rig.submit(Amend(1, rig.size, rig.price(-2)))
    rig.until(lambda: rig.resting() == set(), "the cancel")
    rig.until(lambda: rig.resting() == {1}, "the order in its place")
    assert rig.taken(1) == 2


def tick(rig: Rig) -> None:
    price = rig.price(3) + rig.step // 3
    assert not rig.instrument.is_valid_price(price)
    rig.submit(rig.order(1, 1, 3, price=price))
    rig.ended(1)
    assert rig.heard.end(1).signal is FILLED


def _simulated(rig: Rig) -> SimVenue:
    assert isinstance(rig.venue, SimVenue)
    return rig.venue


def clock(rig: Rig) -> None:
    rig.submit(rig.order(1, 1, 3))
    rig.ended(1)
    assert all(event.venue_ns <= event.ours_ns <= _simulated(rig).now_ns for event in rig.heard.events)


def trust(rig: Rig) -> None:
    _simulated(rig).freeze_books(rig.now, 10**9)
    rig.gap()
    rig.quiet()
    assert rig.heard.tops
    assert not [event for event in rig.heard.events if isinstance(event, DataTrust)]


def within_the_process(rig: Rig) -> None:
    _simulated(rig)
    assert not hasattr(rig.venue, "session")


PROBES: dict[str, Callable[[Rig], None]] = {
    "separate accounts": separate_accounts, "leads": leads, "minimum": minimum, "short": short,
    "amend in place": amend_in_place, "tick": tick, "clock": clock, "trust": trust, "keys": within_the_process,
    "bytes": within_the_process, "resting": resting,
}  # fmt: skip
LACKS = [(one, ability) for one in EVERY for ability in one.lacks]


@pytest.mark.parametrize(("kind", "ability"), LACKS, ids=[f"{one.name}: {ability}" for one, ability in LACKS])
def test_what_a_venue_cannot_do_it_refuses_or_does_otherwise_and_says_how(kind, ability):
    rig = kind()
    try:
        PROBES[ability](rig)
        rig.check()
    finally:
        rig.close()


def test_the_page_of_venues_says_what_each_cannot_do_and_why():
    rows = [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in PAGE.read_text().splitlines()]
    told = {(venue, row[1], row[2]) for row in rows if len(row) == 3 for venue in row[0].split(", ")}
    wanted = {(one.name, name, why) for one in EVERY if "sockets" not in one.name for name, why in one.lacks.items()}
    assert wanted <= told, wanted - told
    assert {name for _, name, _ in told} - {"what", "---"} == {name for _, name, _ in wanted}, "nothing else is claimed"
