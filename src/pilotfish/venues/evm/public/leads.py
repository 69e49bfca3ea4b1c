"""What leads do: swaps in our pools that they sent, or that pay out to them, and what they hold.

A lead is an address. Whoever trades through another contract is known by who sent the transaction. A swap on a replaced
block is not told back: its lead's positions are told anew, and copies follow positions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pilotfish.domain.events import LeadFill, LeadPosition
from pilotfish.venues.evm.link import Link
from pilotfish.venues.evm.public.balances import Held, read_balances
from pilotfish.venues.evm.wire.rpc import Log, Sent
from pilotfish.venues.evm.wire.swaps import Pool, Swap, traded

ORDER_BITS = 62


class Leads:
    """`leads[k]` is the address of lead k, in lower case. `ready`: their positions were told since the last gap."""

    def __init__(self, link: Link, pools: Sequence[Pool], leads: Sequence[str], mark: Callable[[int], int]) -> None:
        self._link, self._pools, self._mark = link, {pool.address: pool for pool in pools}, mark
        self._leads = {address.lower(): number for number, address in enumerate(leads)}
        self._held: set[tuple[int, int]] = set()
        self.ready = not self._leads

    def recall(self, held: dict[int, list[int]]) -> None:
        """Instruments that each lead held: they are told even where nothing is left."""
        self._held = {(lead, instrument) for lead, some in held.items() for instrument in some}

    def who(self, swap: Swap, origin: Sent | None) -> int | None:
        """Whose swap it is: who sent the transaction, else who got what was bought, else who called the pool."""
        named = (origin.sender if origin is not None else "", swap.recipient, swap.sender)
        return next((self._leads[one] for one in named if one in self._leads), None)

    def wants_origin(self, swap: Swap) -> bool:
        return bool(self._leads) and self._link.settings.origins and self.who(swap, None) is None

    def heard(self, lead: int, swap: Swap, log: Log, stamp_ns: int, now_ns: int) -> None:
        pool = self._pools[log.address]
        trade = traded(swap, pool)
        if trade is None:
            return self._link.set_aside("swap of less than a lot")
        self._held.add((lead, pool.instrument.id))
        self._link.told.append(
            LeadFill(
                stamp_ns, now_ns, lead, pool.instrument.id, trade.side, trade.lots, trade.price, fill_id(log),
                order=int(log.transaction, 16) % 2**ORDER_BITS or 1,
            )
        )  # fmt: skip

    def gap(self) -> None:
        """What happened meanwhile is told by the positions."""
        self.ready = not self._leads

    def read(self, block: int, stamp_ns: int, now_ns: int, then: Callable[[bool, int], None]) -> None:
        """Tell every position as of a block."""
        pairs = {(lead, pool.instrument.id): (pool, address)
                 for address, lead in self._leads.items() for pool in self._pools.values()}  # fmt: skip

        def heard(held: Held | None, then_ns: int) -> None:
            if held is not None:
                self.ready = True
                for key, (pool, address) in pairs.items():
                    self._tell(key, held[pool.base.address, address] // pool.unit, stamp_ns, then_ns)
            then(held is not None, then_ns)

        wanted = [(pool.base.address, address) for pool, address in pairs.values()]
        read_balances(self._link, wanted, block, now_ns, heard)

    def _tell(self, key: tuple[int, int], lots: int, stamp_ns: int, now_ns: int) -> None:
        if lots or key in self._held:
            self._held.add(key)
            lots = min(lots, 2**62)
            self._link.told.append(LeadPosition(stamp_ns, now_ns, *key, lots, self._mark(key[1])))


def fill_id(log: Log) -> int:
    """One log's alone on all branches of the chain, growing with it: number of the block, place in it, and 16 bits of
    the block's hash.
    """
    return (log.block % 2**34) << 28 | (log.index % 2**12) << 16 | int(log.block_hash[-4:], 16)
