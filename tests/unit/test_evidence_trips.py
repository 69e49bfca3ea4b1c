"""Round trips, closed and open."""

from pilotfish.domain.events import LeadFill
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.evidence.trips import round_trips

COIN = Instrument(0, "BTC", "hyperliquid", Kind.PERP, lot_decimals=2, price_decimals=1)
USDC = 10**6


def fill(n, side, size, price, start=None):
    lots, units = COIN.lots(size), COIN.price(price)
    return LeadFill(n, n, 0, 0, side, lots, units, n, None if start is None else COIN.lots(start))


def trips(fills, *, mark="100.0", before=None, mark_before="100.0", fee=0):
    return round_trips(
        fills, [fee] * len(fills), [COIN], {0: COIN.price(mark)}, before or {}, {0: COIN.price(mark_before)}, 0, 1_000
    )  # fmt: skip


def test_a_round_trip_ends_flat_and_pays_its_fees():
    (found,) = trips([fill(1, 1, "2", "100.0"), fill(2, -1, "1", "110.0"), fill(3, -1, "1", "90.0")], fee=USDC)
    assert (found.pnl, found.open, found.opened_ns, found.closed_ns) == (-3 * USDC, False, 1, 3)


def test_a_position_open_at_the_end_is_a_trip_at_its_mark():
    """A leaderboard that counts closed trades only would show one win of one."""
    won, floating = trips([fill(1, 1, "1", "100.0"), fill(2, -1, "1", "105.0"), fill(3, 1, "1", "105.0")], mark="50.0")
    assert won.pnl == 5 * USDC
    assert (floating.pnl, floating.open, floating.closed_ns) == (-55 * USDC, True, 1_000)


def test_a_flip_ends_one_trip_and_begins_another():
    long, short = trips([fill(1, 1, "1", "100.0"), fill(2, -1, "3", "120.0")], mark="110.0")
    assert (long.pnl, long.open) == (20 * USDC, False)
    assert (short.pnl, short.open) == (20 * USDC, True)


def test_what_was_held_before_counts_from_its_mark_at_the_start():
    (found,) = trips([fill(5, -1, "2", "130.0")], before={0: COIN.lots("2")}, mark_before="100.0")
    assert (found.pnl, found.opened_ns) == (60 * USDC, 0)


def test_a_stated_position_overrules_our_sum_without_a_profit_from_nowhere():
    """Half of the position went where we saw no fill: it is taken to have left at this fill's price."""
    (found,) = trips([fill(1, 1, "2", "100.0"), fill(2, -1, "1", "110.0", start="1")])
    assert (found.pnl, found.open) == (20 * USDC, False)


def test_nothing_traded_is_no_trip():
    assert trips([]) == []
