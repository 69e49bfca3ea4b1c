"""Orders, commands, and the life an order can have."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from pilotfish.domain.arith import Ints


class Tif(IntEnum):
    IOC = 0  # what cannot trade at once is cancelled: market-with-bound
    GTC = 1
    ALO = 2  # add liquidity only (post-only): rejected when it would cross


class OrderState(IntEnum):
    """Where an order stands. `UNKNOWN` is a state: nobody has confirmed the outcome."""

    SENT = 0  # in the journal, on its way
    OPEN = 1
    PARTIAL = 2
    CANCELLING = 3
    UNKNOWN = 4
    FILLED = 5
    CANCELLED = 6
    REJECTED = 7

    @property
    def done(self) -> bool:
        return self >= OrderState.FILLED


class OrderSignal(IntEnum):
    """What can happen to an order."""

    ACK = 0
    FILL = 1  # a part
    FILLED = 2  # the rest
    CANCEL = 3  # the venue cancelled what was left (IOC remainder, our cancel, its own)
    REJECT = 4
    CANCEL_SENT = 5
    LOST = 6  # no answer: timeout, disconnect, crash
    ABSENT = 7  # the venue says it never had it


class Place(msgspec.Struct, frozen=True, array_like=True, tag="place"):
    """One order. `coid` derives from the journal position, so a retry is the same order."""

    coid: int
    account: int
    instrument: int
    side: int  # Side
    lots: int
    price: int  # limit; a market order is an IOC with its bound here
    tif: Tif = Tif.IOC
    reduce_only: bool = False


class PlaceBatch(msgspec.Struct, frozen=True, array_like=True, tag="place_batch"):
    """One order for each of many accounts, as columns. Order k has client order id `coid + k`."""

    coid: int
    instrument: int
    side: int
    accounts: Ints  # follower ids
    lots: Ints
    prices: Ints
    tif: Tif = Tif.IOC
    reduce_only: bool = False


class Cancel(msgspec.Struct, frozen=True, array_like=True, tag="cancel"):
    coid: int


class Amend(msgspec.Struct, frozen=True, array_like=True, tag="amend"):
    """Change a resting order; `lots` is its whole size, fills included.

    It keeps its place in the queue only when lots shrink at the same price.
    """

    coid: int
    lots: int
    price: int


class CancelAll(msgspec.Struct, frozen=True, array_like=True, tag="cancel_all"):
    """Cancel every open order of `account` (OMNIBUS = -1), in one instrument, or in all when `instrument` is -1."""

    account: int
    instrument: int = -1


class Query(msgspec.Struct, frozen=True, array_like=True, tag="query"):
    """Ask the venue what it knows of these orders, and for everything of ours since `cursor`. Answer: `Reconciled`."""

    cursor: int
    coids: tuple[int, ...]  # a batch is asked for by its first id


Command = Place | PlaceBatch | Cancel | Amend | CancelAll | Query
