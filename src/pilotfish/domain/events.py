"""Everything that can happen, as one union. Each event has two stamps: the venue's clock and ours, ns since epoch.

The engine sees nothing else: no clock, no file, no socket. What a shard is configured with is an event too, so that a
journal explains itself.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.doubt import Doubt
from pilotfish.domain.instructions import Instruction
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.mandate import Follows, Route
from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.domain.stamped import Stamped

ORDER_MASK = 2**62 - 1  # a lead's order id is kept so far: enough to tell its orders apart


class Configured(Stamped, frozen=True, array_like=True, tag="configured"):
    """The shard's own settings; first event of a journal."""

    shard: int
    route: Route
    stale_ns_max: int = 5_000_000_000  # older market data decides nothing
    retry_ns: int = 500_000_000  # unfilled wants are tried again this often …
    retry_ns_max: int = 10_000_000_000  # … opens for this long after the lead's fill; exits until done
    protective_bps: int = 1_000  # no limit price further than this from the mark, whatever the mandate says


class InstrumentListed(Stamped, frozen=True, array_like=True, tag="instrument"):
    instrument: Instrument


class LeadListed(Stamped, frozen=True, array_like=True, tag="lead"):
    lead: int  # index
    name: str
    equity: int  # money units; frozen into each proportional follow when it starts
    account: int = -1  # the follower id under which this lead itself follows others, where it does


class LeadEquity(Stamped, frozen=True, array_like=True, tag="lead_equity"):
    """The lead's equity as of now (deposits and withdrawals included). Only follows that start later use it."""

    lead: int
    equity: int


class LeadPosition(Stamped, frozen=True, array_like=True, tag="lead_position"):
    """The lead's position as the venue states it, signed lots, at `price`: at the start and after every gap."""

    lead: int
    instrument: int
    lots: int
    price: int


class LeadFill(Stamped, frozen=True, array_like=True, tag="lead_fill"):
    """A fill of a lead trader. `start` is the venue's own statement of the position before it, where it gives one."""

    lead: int
    instrument: int
    side: int
    lots: int
    price: int
    fill_id: int  # unique per lead
    start: int | None = None
    order: int = 0  # the lead's order that this is a part of; where 0, fills of one stamp and side are one order
    held_back: int = 0  # lots that a fee taken in the traded token kept from its position

    @property
    def change(self) -> int:
        """What it does to the lead's position, signed lots."""
        return self.side * self.lots - self.held_back


class FollowsOpened(Stamped, frozen=True, array_like=True, tag="follows"):
    """Followers start to follow; their allocations are deposited."""

    follows: Follows


class CashMoved(Stamped, frozen=True, array_like=True, tag="cash"):
    """Deposits (> 0) and withdrawals (< 0) of follows, money units."""

    rows: Ints
    amounts: Ints


class BookTop(Stamped, frozen=True, array_like=True, tag="top"):
    """Best bid and ask; a side without orders has price 0."""

    instrument: int
    bid: int
    bid_lots: int
    ask: int
    ask_lots: int


class Mark(Stamped, frozen=True, array_like=True, tag="mark"):
    instrument: int
    price: int


class DataTrust(Stamped, frozen=True, array_like=True, tag="trust"):
    """Whether an instrument's market data may be acted on. Worlds that never say so are trusted while it is fresh."""

    instrument: int
    doubt: Doubt


class OrderUpdate(Stamped, frozen=True, array_like=True, tag="order"):
    """What the venue says of one of our orders, fills apart."""

    coid: int
    signal: OrderSignal
    reason: Reason = Reason.NONE
    lots_left: int = 0


class Fill(Stamped, frozen=True, array_like=True, tag="fill"):
    """A fill of ours. `cost` is the money that changed hands (>= 0), `fee` what the venue took (rebates < 0)."""

    coid: int
    fill_id: int  # unique on the venue, increasing
    lots: int
    price: int
    cost: int
    fee: int
    maker: bool = False


class FillReversed(Stamped, frozen=True, array_like=True, tag="fill_reversed"):
    """A fill that never settled (a match that failed on chain): it is taken back, cost and fee included.

    Told at least once, by `fill_id`; also of a fill nobody was told of, which then must not count when it comes late.
    """

    coid: int
    fill_id: int
    account: int
    instrument: int
    side: int  # of the order
    lots: int
    price: int
    cost: int
    fee: int


class InstrumentSettled(Stamped, frozen=True, array_like=True, tag="settled"):
    """An outcome token is decided: every lot pays `price` (0, or one unit of the quote), and nothing trades more."""

    instrument: int
    price: int


class BatchUpdate(Stamped, frozen=True, array_like=True, tag="batch"):
    """Per-order results of a PlaceBatch, final for an IOC: columns over `index` into the batch.

    `signal` is FILLED, CANCEL (partly or not filled), REJECT or LOST; `lots`, `cost` and `fee` are what traded.
    """

    coid: int
    index: Ints
    signal: Ints
    lots: Ints
    cost: Ints
    fee: Ints
    reason: Ints
    done_ns: Ints  # the venue's stamp of each result


class Funding(Stamped, frozen=True, array_like=True, tag="funding"):
    """Funding paid (> 0) by accounts for their positions: OMNIBUS has one amount, segregated accounts one each."""

    instrument: int
    funding_id: int
    accounts: Ints
    amounts: Ints
    price: int
    rate_e9: int


class Liquidation(Stamped, frozen=True, array_like=True, tag="liquidation"):
    """The venue closed `lots` (signed change of position) of an account by force, at one price."""

    account: int
    instrument: int
    fill_id: int
    lots: int
    price: int
    cost: int
    fee: int


class Connection(Stamped, frozen=True, array_like=True, tag="connection"):
    """The private and market streams are up or down. After a gap the engine asks for a reconciliation."""

    up: bool


class Recovered(Stamped, frozen=True, array_like=True, tag="recovered"):
    """First event after a restart: whatever was on its way is unknown until the venue says."""


class Reconciled(Stamped, frozen=True, array_like=True, tag="reconciled"):
    """The venue's answer to a Query, after all fills since the cursor. It never had orders not in `open` or `done`."""

    cursor: int
    asked: tuple[int, ...]
    open: tuple[int, ...]
    done: tuple[int, ...]


class Timer(Stamped, frozen=True, array_like=True, tag="timer"):
    """Time passed; nothing else."""


class OperatorAction(IntEnum):
    KILL = 0  # cancel everything; no opens until RESUME; reductions still pass
    RESUME = 1
    CANCEL_ALL = 2


class Operator(Stamped, frozen=True, array_like=True, tag="operator"):
    action: OperatorAction
    note: str = ""


Event = (
    Configured | InstrumentListed | LeadListed | LeadEquity | LeadPosition | LeadFill | FollowsOpened | CashMoved
    | BookTop | Mark | DataTrust | OrderUpdate | Fill | FillReversed | InstrumentSettled | BatchUpdate | Funding
    | Liquidation | Connection | Recovered | Reconciled | Timer | Operator | Instruction
)  # fmt: skip

EMPTY: Ints = np.zeros(0, dtype=np.int64)
