"""Nothing is made or lost at the simulated venue: every asset sums to what was deposited, whatever is ordered."""

from collections.abc import Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.arith import ints
from pilotfish.domain.events import BatchUpdate, Fill, Liquidation
from pilotfish.domain.orders import Amend, Cancel, CancelAll, PlaceBatch, Tif
from pilotfish.venues.sim.accounts import VENUE
from pilotfish.venues.sim.matching import ANONYMOUS
from pilotfish.venues.sim.risk import HOUR_NS, FundingRule
from tests.unit.sim_world import RICH, Ladder, of, order, send, venue

LEAD = -9
ACCOUNTS = (-1, 0, 1, 2, LEAD)
PRICES = (1000, 4000, 20_000)

ACTIONS = 70


def stream_of(seed: int) -> Iterator[tuple]:
    """Random actions, dense in trades: Hypothesis draws the seed, for its own lists hardly ever cross a spread."""
    chance = np.random.default_rng(seed)
    pick = lambda *options: options[chance.integers(len(options))]  # noqa: E731
    lots = lambda: int(chance.integers(1, 60))  # noqa: E731
    offset = lambda: int(chance.integers(-7, 8))  # noqa: E731
    for _ in range(ACTIONS):
        what = pick(*["place"] * 10, *["touch"] * 3, *["batch"] * 3, "move", "move", "wipe")
        if what == "place":
            yield (
                what,
                pick(*ACCOUNTS),
                pick(0, 1, 2),
                pick(1, -1),
                lots(),
                offset(),
                pick(*Tif),
                pick(*[False] * 5, True),
            )
        elif what == "touch":
            yield what, int(chance.integers(ACTIONS)), lots(), offset(), pick(True, False)
        elif what == "batch":
            yield what, pick(0, 1, 2), pick(1, -1), [lots() for _ in range(3)], offset()
        elif what == "move":
            yield what, pick(0, 1, 2), int(chance.integers(-200, 201))
        else:
            yield what, pick(*ACCOUNTS[:4])


@given(st.integers(0, 2**32))
def test_every_asset_sums_to_what_was_deposited_under_any_stream_of_orders(seed):
    ladders = [Ladder(price, lots=25, step=2) for price in PRICES]
    rate = FundingRule(HOUR_NS // 100, lambda instrument, ns: 77_777)
    place = venue(*ladders, leads={LEAD: 0}, funding=rate)
    place.open_accounts([0, 1, 2], 8_000)
    place.open_account(LEAD, 10**9)
    deposits = RICH + 3 * 8_000 + 10**9
    events, ns = [], 0
    for k, (what, *action) in enumerate(stream_of(seed)):
        ns += HOUR_NS // 300
        if what == "place":
            account, instrument, side, lots, offset, tif, reduce_only = action
            one = order(
                k, side, lots, PRICES[instrument] + offset, tif, account=account, instrument=instrument,
                reduce_only=reduce_only,
            )  # fmt: skip
            if account == LEAD:
                place.submit_for(LEAD, one, ns)
                events += place.events(ns)
            else:
                events += send(place, one, now=ns)
        elif what == "touch":
            coid, lots, offset, cancel = action
            events += send(place, Cancel(coid) if cancel else Amend(coid, lots, PRICES[0] + offset), now=ns)
        elif what == "batch":
            instrument, side, lots, offset = action
            limit = ints([PRICES[instrument] + offset] * 3)
            events += send(place, PlaceBatch(1000 * (k + 1), instrument, side, np.arange(3), ints(lots), limit), now=ns)
        elif what == "wipe":
            events += send(place, CancelAll(action[0]), now=ns)
        else:
            instrument, by = action
            ladders[instrument].price = ladders[instrument].mark_price = PRICES[instrument] + by
        assert place.totals() == (deposits, {0: 0, 1: 0, 2: 0})
        books_agree(place)
    assert place.cash(VENUE) >= -len(of(Fill, events)) * 60  # what VENUE pays is rebates, never rounding
    fill_ids = [e.fill_id for e in events if isinstance(e, Fill | Liquidation)]
    assert fill_ids == sorted(set(fill_ids))
    assert_told_what_happened(place, events)


def books_agree(place) -> None:
    """Open orders as counted against accounts are the orders that rest in the books; spot is never sold short."""
    accounts = place.exchange.accounts
    for key, market in place.exchange.markets.items():
        for side, column in ((1, accounts.open_buy), (-1, accounts.open_sell)):
            for account in ACCOUNTS:
                resting = [r for r in market.live.values() if (r.account, r.side) == (account, side)]
                counted = column[market.column, accounts.row(account)]
                assert (
                    counted == sum(r.open for r in resting) == sum(market.book.lots_left(r.order_id) for r in resting)
                )
        if key:
            assert all(place.position(account, key) >= 0 for account in ACCOUNTS)
    assert (accounts.reserved[: accounts.size] >= 0).all()
    if not any(market.live for market in place.exchange.markets.values()):
        assert not accounts.reserved.any()


def assert_told_what_happened(place, events) -> None:
    told: dict[int, list[int]] = {}
    for fill in of(Fill, events):
        sums = told.setdefault(fill.coid, [0, 0, 0])
        told[fill.coid] = [sums[0] + fill.lots, sums[1] + fill.cost, sums[2] + fill.fee]
    for update in of(BatchUpdate, events):
        for i, *row in zip(*(c.tolist() for c in (update.index, update.lots, update.cost, update.fee)), strict=True):
            told[update.coid + i] = row
    assert {c: tuple(v) for c, v in told.items() if v[0]} == {
        c: tuple(e) for c, e in place.orders_executed.items() if e.lots
    }
    assert ANONYMOUS not in {int(a) for a in told}
