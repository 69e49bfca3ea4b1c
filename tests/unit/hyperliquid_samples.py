"""Instruments and keys that the tests of Hyperliquid's wire share."""

from hypothesis import strategies as st

from pilotfish.domain.instrument import Instrument, Kind, Side, TickRule
from pilotfish.venues.hyperliquid.wire.actions import Cloids, Listed

KEY = bytes(range(1, 33))
CLOIDS = Cloids(0x0123_4567_89AB_CDEF)
NOW = 1_784_683_656_000_000_000


def instrument(size_decimals: int = 5, kind: Kind = Kind.PERP, symbol: str = "BTC") -> Instrument:
    finest = 6 if kind is Kind.PERP else 8
    return Instrument(
        3, symbol, "hyperliquid", kind, size_decimals, max(0, finest - size_decimals), tick_rule=TickRule.SIGNIFICANT,
        tick=5, max_leverage=40,
    )  # fmt: skip


BTC = instrument()
BTC_LISTED = Listed(BTC, 0)

instruments = st.builds(instrument, st.integers(0, 6), st.sampled_from([Kind.PERP, Kind.SPOT]))
# The official SDK starts from floats: from 2^26 on they are too coarse for the 8 decimals it writes them with.
FLOAT_EXACT = 2**26


def lots_of(one: Instrument) -> st.SearchStrategy[int]:
    return st.integers(1, FLOAT_EXACT * 10**one.lot_decimals - 1)


def prices_of(one: Instrument) -> st.SearchStrategy[int]:
    """Any price, on the venue's tick."""
    return st.integers(1, FLOAT_EXACT * 10**one.price_decimals - 1).map(lambda px: one.round_price(px, Side.BUY))
