"""All venues of the suite."""

from tests.conformance.venues.evm import EvmRig
from tests.conformance.venues.exchanges import BinanceRig, BybitRig, OkxRig
from tests.conformance.venues.hyperliquid import HyperliquidRig
from tests.conformance.venues.polymarket import PolymarketRig
from tests.conformance.venues.rig import Rig
from tests.conformance.venues.sim import SimRig
from tests.conformance.venues.sockets import HyperliquidOnSockets, PolymarketOnSockets

EVERY: tuple[type[Rig], ...] = (
    SimRig, HyperliquidRig, HyperliquidOnSockets, PolymarketRig, PolymarketOnSockets, BinanceRig, BybitRig, OkxRig,
    EvmRig,
)  # fmt: skip


def with_(*abilities: str) -> list[type[Rig]]:
    """Those that lack none of these; what the others do instead is in `test_every_venue`."""
    return [one for one in EVERY if not set(abilities) & set(one.lacks)]
