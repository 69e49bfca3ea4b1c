"""Everything a shard knows. One struct tree, columns for follows; a snapshot is its encoding."""

from __future__ import annotations

from typing import TypeVar

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.doubt import Doubt
from pilotfish.domain.errors import EngineError
from pilotfish.domain.events import Configured, LeadEquity, LeadFill, LeadPosition
from pilotfish.domain.instructions import LeadOrder, LeadStatus, LeadStop
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.mandate import Follows, Route
from pilotfish.domain.orders import OrderState, Place, PlaceBatch
from pilotfish.domain.rules import Rule
from pilotfish.domain.terms import ExecutionTerms, FeeTerms, RiskTerms
from pilotfish.engine.follows.column import Column
from pilotfish.engine.follows.standing import Standing
from pilotfish.engine.leads.lead import Counterpart, Lead
from pilotfish.engine.mirrors.mirror import Mirror
from pilotfish.engine.money.exposure import Exposures
from pilotfish.gate.gate import Guard, Market
from pilotfish.ledger.book import Rows
from pilotfish.ledger.ledger import Ledger

V = TypeVar("V")
NEVER = 2**62
COID_BITS = 24  # client order id = journal position of the event << 24 | count inside the step


class Listing(msgspec.Struct):
    """An instrument and the last we saw of its market, with our stamp."""

    instrument: Instrument
    bid: int = 0
    ask: int = 0
    bid_lots: int = 0
    ask_lots: int = 0
    stated_mark: int = 0
    funding_e9: int = 0  # the last rate that was paid
    seen_ns: int = 0
    marked_ns: int = 0  # when the mark was stated
    doubt: Doubt = Doubt.NONE  # why what we see is not to be acted on
    valued: int = 0  # the last mark positions were valued at; stands while the book has only one side

    @property
    def fresh_ns(self) -> int:
        """Our stamp of what may be acted on: long ago while the data is not trusted."""
        return 0 if self.doubt else self.seen_ns

    @property
    def twice_mid(self) -> int:
        return self.bid + self.ask if self.bid and self.ask else 2 * self.stated_mark

    @property
    def mark(self) -> int:
        return self.stated_mark or (self.bid + self.ask) // 2 if self.bid and self.ask else self.stated_mark


class BlockOrder(msgspec.Struct):
    """A block order under way. `expected` is how many lots the venue says traded in all; None until it says."""

    place: Place
    lead: int
    exit: bool
    first: int
    last: int
    index: Ints
    quotas: Ints
    state: OrderState
    reference: int
    decision: int
    lead_ns: int
    sent_ns: int
    retry: bool
    filled: int = 0
    cost: int = 0
    fee: int = 0
    filled_ns: int = 0
    expected: int | None = None
    fill_ids: list[int] = []

    @property
    def rows(self) -> Rows:
        return self.index if self.index.size else slice(self.first, self.last)


class BatchOrder(msgspec.Struct):
    """Separate orders of many follows under way; columns over the batch. `index` are their follow rows."""

    batch: PlaceBatch
    lead: int
    exit: bool
    index: Ints
    quotas: Ints
    states: Ints
    reference: int
    decision: int
    lead_ns: int
    sent_ns: int
    retry: bool


class Watch(msgspec.Struct):
    """An instrument of a lead whose follows are not all where they should be."""

    reference: int  # the lead's price
    lead_ns: int
    since_ns: int
    next_ns: int
    last_reason: int = 0
    tries: int = 0  # since the window for opens has passed
    flipping: bool = False  # opens wait for exits on the other side
    worst: int = 0  # of the occasion, as is `only`
    only: Ints = msgspec.field(default_factory=lambda: np.zeros(0, dtype=np.int64))


class Returned(msgspec.Struct):
    """Who gave back what of an order: columns by row. `fills`: what of it was mined again."""

    rows: Ints
    lots: Ints
    fills: list[int] = []


class Shared(msgspec.Struct):
    """Who got what of an order whose trades may yet fail: columns, a row may stand more than once."""

    lead: int
    instrument: int
    side: int
    rows: Ints
    lots: Ints
    reference: int
    lead_ns: int
    returned: dict[int, Returned] = {}  # by the order's own id, which in a batch is not the batch's


class Settling(msgspec.Struct, frozen=True):
    """An order that has traded, and whose trades may yet fail: when it was sent, and when it last traded."""

    command: Place | PlaceBatch
    sent_ns: int
    traded_ns: int


class Withheld(msgspec.Struct, frozen=True):
    """What a lead did that is not handled before its time; see DisclosureSet."""

    due_ns: int
    event: LeadFill | LeadPosition | LeadEquity | LeadStop | LeadOrder | LeadStatus


class Working(msgspec.Struct):
    """Opens of a lead's follows in an instrument that are sent in parts: since when, and how many lots it all was."""

    start_ns: int
    whole: int


class Hedging(msgspec.Struct):
    """How a hedge instrument is doing."""

    next_ns: int = 0  # what is lacking is tried again then …
    tries: int = 0  # … ever less often
    stale: bool = False  # a mark is too old, and that was said
    orders: list[int] = []  # client order ids of hedges under way


class State(msgspec.Struct):
    seq: int = -1  # journal position of the event being handled
    now_ns: int = 0
    issued: int = 0  # client order ids given out in this step
    config: Configured | None = None
    listings: list[Listing] = []
    leads: list[Lead] = []
    follows: Follows = msgspec.field(default_factory=lambda: Follows.of([], [], []))
    num: Ints = msgspec.field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    den: Ints = msgspec.field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    columns: dict[int, Column] = {}
    ledger: Ledger = msgspec.field(default_factory=Ledger.empty)
    guard: Guard = msgspec.field(default_factory=Guard)
    blocks: dict[int, BlockOrder] = {}
    batches: dict[int, BatchOrder] = {}
    rejected: dict[int, BlockOrder] = {}  # the last few: a venue may fill what it rejected
    rejected_batches: dict[int, BatchOrder] = {}  # likewise, where any of their orders was rejected
    mirrors: dict[int, Mirror] = {}  # orders that rest where a lead's do
    rejected_mirrors: dict[int, Mirror] = {}
    working: dict[int, Working] = {}  # opens that are sent in parts
    closed: dict[int, int] = {}  # recent client order ids → OrderState
    closed_fills: dict[
        int, list[int]
    ] = {}  # what those orders were filled with, to know a doubled fill from a late one
    shares: dict[int, Shared] = {}  # of recent orders, where trades settle later
    settling: dict[int, Settling] = {}  # these orders: after a restart the venue is asked how their trades ended
    reversed: dict[int, int] = {}  # fills that were taken back
    settled: dict[int, int] = {}  # instrument → what each lot paid
    watches: dict[int, Watch] = {}
    funding_seen: dict[int, int] = {}
    liquidations_seen: dict[int, int] = {}
    cursor: int = 0
    query_ns: int = -1  # when a query went out that is not answered yet
    quarantined: int = 0
    duplicates: int = 0
    standing: Standing = msgspec.field(default_factory=Standing)
    routes: dict[int, list[Counterpart]] = {}  # by source instrument
    hedges: dict[int, int] = {}  # instrument → what hedges it
    hedging: dict[int, Hedging] = {}  # by hedge
    withheld: list[Withheld] = []  # in the order it came
    fee_terms: FeeTerms | None = None
    claims: dict[int, int] = {}  # follower → what the insurance pool still owes it, in order of events
    risk: RiskTerms = RiskTerms()
    rules: tuple[Rule, ...] = ()
    execution: ExecutionTerms = ExecutionTerms()
    liquidated_ns: list[int] = []  # when, inside the breaker's window
    liquidated: dict[int, int] = {}  # account → the venue's stamp of its last liquidation, which may be many fills
    resumed_ns: int = 0  # liquidations before it do not count for the breaker
    failures: dict[str, str] = {}  # sizers of other packages that failed in this step, and how
    doubted: dict[int, int] = {}  # instrument → why its mark closes nobody, said once
    closing: bool = False  # some follow is being closed
    blind: dict[int, int] = {}  # instruments whose mark is too old to judge stops by, as was said once
    tended: bool = False  # some follow has stops, hedges or waiting opens, so that the market alone can matter
    moved: bool = False  # … and market data came since follows were last looked after
    due_ns: int = NEVER  # when something is due whatever the market does
    down_ns: int = -1  # when the venue went out of reach
    exposures: Exposures | None = None  # a cache: rebuilt from the rest at any time

    @property
    def settings(self) -> Configured:
        if self.config is None:
            raise EngineError(
                "the shard is not configured", "the first event must be Configured", "start a new journal"
            )
        return self.config

    @property
    def omnibus(self) -> bool:
        return self.settings.route is Route.OMNIBUS

    @property
    def quote(self) -> str:
        """What this shard keeps its money in: the quote asset of the first instrument."""
        return self.listings[0].instrument.quote if self.listings else ""

    def wake(self, ns: int) -> None:
        """Have a Timer come at `ns` at the latest."""
        self.due_ns = min(self.due_ns, ns)

    def issue_coids(self, count: int = 1) -> int:
        """The first of `count` fresh client order ids; they derive from the journal position alone."""
        first = (self.seq << COID_BITS) | self.issued
        self.issued += count
        if self.issued >= 1 << COID_BITS:
            raise EngineError("one event asks for more orders than ids", f"{self.issued}", "split the shard")
        return first

    def market(self, instrument: int) -> Market:
        listing, settings = self.listings[instrument], self.settings
        age = NEVER if instrument in self.settled else self.now_ns - listing.fresh_ns
        bounds = settings.stale_ns_max, settings.protective_bps
        return Market(listing.instrument, listing.mark, age, *bounds, self.now_ns)


def remember(recent: dict[int, V], key: int, value: V, keep: int) -> None:
    """Add to a bounded memory, oldest out first."""
    recent[key] = value
    while len(recent) > keep:
        del recent[next(iter(recent))]
