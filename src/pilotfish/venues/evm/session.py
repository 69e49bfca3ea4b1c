"""A chain as a session: one socket that pushes blocks and logs, and questions over HTTP.

It counts as up when both subscriptions stand, the chain was read whole up to its newest block, the pools and the leads'
positions are known, and of each account of ours its nonces and balances.
"""

from __future__ import annotations

from collections.abc import Sequence

from pilotfish.domain.events import Connection
from pilotfish.domain.orders import Command, Query
from pilotfish.gate.approved import Approved
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.link import Link, Said
from pilotfish.venues.evm.public.leads import Leads
from pilotfish.venues.evm.public.market import Market
from pilotfish.venues.evm.public.reading import Block, Reading
from pilotfish.venues.evm.settings import SECOND, Account, Settings
from pilotfish.venues.evm.stream import HEADS, Stream
from pilotfish.venues.evm.trading.asking import Asking
from pilotfish.venues.evm.trading.desk import Desk
from pilotfish.venues.evm.trading.reconcile import Reconciling
from pilotfish.venues.evm.trading.signing import Signing
from pilotfish.venues.evm.wire.rpc import Call, Head, Log, read_head, read_height
from pilotfish.venues.evm.wire.swaps import BURN, MINT, SWAP, Pool, Swap, read_swap
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.session import Linked, Unfinished
from pilotfish.venues.trust import Trust

_LOOK_NS = SECOND // 4
_BACK = 256  # blocks; four times as many whenever that was not far enough


class EvmSession(Linked[Link]):
    """A `Session`. `leads[k]` is the address of lead k; without `accounts` it listens only.

    A client order id is in the order's own call, so an order that is sent again is known to be the same one.
    """

    name = "evm"
    idempotent_ids = True

    def __init__(
        self,
        settings: Settings,
        pools: Sequence[Pool],
        leads: Sequence[str],
        accounts: Sequence[Account],
        keys: Keyring | None,
        trust: Trust | None = None,
    ) -> None:
        settings.check()
        for pool in pools:
            pool.check()
        self._link = link = Link(settings)
        self.trust = trust or Trust(settings.trust)
        self._pools = list(pools)
        self._signing = Signing(link, keys)
        self.reading = Reading(link, [pool.address for pool in pools], (SWAP, MINT, BURN), self)
        self.market = Market(link, pools, self.reading, self.trust)
        self.leads = Leads(link, pools, leads, self.market.mark)
        self.desk = Desk(link, pools, accounts, self._signing, self.reading, self.market)
        self.reconciling = Reconciling(link, self.desk, {pool.instrument.id: pool for pool in pools})
        self.asking = Asking(link, pools, self.reading, self.leads, self.desk, self.reconciling)
        self.stream = Stream(link, self.reading.filter(), self._pushed, self._ready, self._gone, self.market.ponged)
        self._chain_right = False
        self._begun = False
        self._due_ns = 0
        self._stop_ns = -1

    def depth(self, instrument: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]], int] | None:
        """What the pool holds within a hundredth of its price: bids and asks as (price, lots); the block's stamp."""
        return self.market.depth(instrument)

    def recall(self, unfinished: Unfinished, now_ns: int) -> None:
        """Before `start`, at every start: without it a question about an order of before is not answered."""
        self.reconciling.recall(unfinished)
        self.leads.recall(unfinished.held)

    # -- the stream and answers ----------------------------------------------------------------------------------------

    def start(self, now_ns: int) -> None:
        self.stream.start()
        self.tick(now_ns)

    def opened(self, name: str, now_ns: int) -> None:
        self.stream.opened(now_ns)

    def lost(self, name: str, why: str, now_ns: int) -> None:
        if not self.stopped:
            self.stream.lost(now_ns)

    def frame(self, name: str, raw: bytes, now_ns: int) -> None:
        self.stream.frame(raw, now_ns)
        self._settle(now_ns)

    def answered(self, ask: int, status: int, headers: dict[str, str], body: bytes, now_ns: int) -> None:
        self._link.answered(ask, status, body, now_ns)
        self._settle(now_ns)

    def failed(self, ask: int, why: str, now_ns: int) -> None:
        self._link.failed(ask, now_ns)
        self._settle(now_ns)

    def signed(self, sign: int, first: int, signatures: Sequence[bytes], now_ns: int) -> None:
        self._signing.signed(sign, first, signatures, now_ns)
        self._link.flush()

    def _pushed(self, kind: int, raw: bytes, now_ns: int) -> None:
        """Raises MessageRefused."""
        if kind == HEADS:
            head = read_head(raw)
            if head is not None:
                self.market.headed(head.stamp_ns, now_ns)
                self.reading.heard(head, now_ns)
        else:
            self.reading.log_pushed(raw, now_ns)

    def _ready(self, now_ns: int) -> None:
        """Subscribed: what comes from now on is pushed, and what was before is read."""
        self.market.opened(now_ns)
        self.leads.gap()
        self._ask_chain(now_ns)

    def _ask_chain(self, now_ns: int) -> None:
        self._link.ask([Call("eth_chainId"), Call("eth_getBlockByNumber", ["latest", False])], now_ns, self._chain_said)

    def _chain_said(self, said: Said, now_ns: int) -> None:
        results = said.whole
        try:
            chain, head = (read_height(results[0]), read_head(results[1])) if results else (-1, None)
        except MessageRefused:
            chain, head = -1, None
        self._chain_right = chain == self._link.settings.chain
        if head is None or not self._chain_right:
            self._link.counts["wrong chain" if chain >= 0 else "chain not told"] += 1
            self._due_ns = now_ns
            return
        if self._begun:
            return self.reading.read_again(now_ns)
        self._begun = True
        cursor, since_ns = self.reconciling.cursor, self.reconciling.since_ns
        if cursor > 0:
            self.reading.begin(max(0, cursor - self._link.settings.reorg_blocks), now_ns)
        elif since_ns >= 0:
            self._begin_before(since_ns, head, _BACK, now_ns)
        else:
            self.reading.begin(-1, now_ns)

    def _begin_before(self, since_ns: int, head: Head, back: int, now_ns: int) -> None:
        """From a block that is older than anything that is waited for."""
        number = max(0, head.number - back)

        def heard(said: Said, then_ns: int) -> None:
            results = said.whole
            try:
                one = read_head(results[0]) if results else None
            except MessageRefused:
                one = None
            if one is None:
                self._begun, self._chain_right = False, False
            elif number == 0 or one.stamp_ns < since_ns - self._link.settings.trust.skew_ns:
                self.reading.begin(number, then_ns)
            else:
                self._begin_before(since_ns, head, 4 * back, then_ns)

        self._link.ask([Call("eth_getBlockByNumber", [hex(number), False])], now_ns, heard)

    def _gone(self, now_ns: int) -> None:
        self._chain_right = False
        self.reading.lost()
        self.market.lost(now_ns)
        self._connect(False, now_ns)

    # -- what is read (a Reader) ---------------------------------------------------------------------------------------

    def wants_origin(self, log: Log) -> bool:
        swap = _swap(log)
        if swap is None:
            return False
        if self.desk.owns(swap):
            return self.desk.wants_origin(log, swap)
        head = self.reading.head  # of what is long past, leads' positions tell the sum
        recent = head is not None and log.block > head.number - self._link.settings.reorg_blocks
        return recent and self.leads.wants_origin(swap)

    def pushed(self, log: Log, stamp_ns: int, now_ns: int) -> None:
        """Before its block is read. Money of ours moves by what was read alone."""
        self.market.pushed(log, stamp_ns, now_ns)
        swap = _swap(log)
        if swap is not None and not self.desk.owns(swap) and (lead := self.leads.who(swap, None)) is not None:
            self.leads.heard(lead, swap, log, stamp_ns, now_ns)

    def removed(self, log: Log, now_ns: int) -> None:
        self.market.removed(log)
        undo = self.desk.results.acted.gone(log.key)
        if undo is not None:
            self.desk.results.undone(undo, now_ns)
            self.asking.spent()
        self.leads.gap()

    def read(self, block: Block, now_ns: int) -> None:
        present = {log.key for log in block.logs}
        for undo in list(self.desk.results.acted.missing(block.first, block.last.number, present, self.reading.blocks)):
            self.desk.results.undone(undo, now_ns)
            self.asking.spent()
        for log in block.logs:
            swap = _swap(log)
            if swap is None:
                continue
            origin, stamp_ns = block.origins.get(log.transaction), block.stamps[log.block]
            if self.desk.owns(swap):
                self.desk.traded(log, swap, origin, stamp_ns, now_ns)
            elif (lead := self.leads.who(swap, origin)) is not None:
                self.leads.heard(lead, swap, log, stamp_ns, now_ns)
        self.market.read(block, now_ns)
        self.desk.read(block, now_ns)
        self.desk.results.acted.forget(block.last.number - self._link.settings.reorg_blocks)
        if not block.linked:
            self.leads.gap()
        self.asking.settle(now_ns)

    # -- commands and time ---------------------------------------------------------------------------------------------

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        self.desk.submit(commands, now_ns)
        for approved in commands:
            if isinstance(approved.command, Query):
                self.asking.ask(approved.command, now_ns)
        self._link.flush()

    def tick(self, now_ns: int) -> None:
        if self.stopped:
            return
        self.stream.tick(now_ns)
        if self.trust.needs_probe(now_ns):
            self.stream.probe(now_ns)
        if self.stream.ready and not self._chain_right and self._due_ns <= now_ns:
            self._ask_chain(now_ns)
        self.reading.tick(now_ns)
        self.market.tick(now_ns)
        self.desk.tick(now_ns)
        self.asking.tick(now_ns)
        self._settle(now_ns)
        self._due_ns = now_ns + _LOOK_NS
        if self._stop_ns >= 0 and self.desk.quiet(now_ns):
            self.stream.stop()
            self._stop_ns = -2

    def next_ns(self) -> int | None:
        if self.stopped:
            return None
        parts = (self.stream, self.reading, self.market, self.desk)
        return min([self._due_ns, *(ns for part in parts if (ns := part.next_ns()) is not None)])

    def stop(self, now_ns: int) -> None:
        """No order leaves from now on; what is under way is cut off where the settings say so."""
        if self._stop_ns == -1:
            self._stop_ns = now_ns
            self.desk.stop(now_ns)
            self.tick(now_ns)

    @property
    def stopped(self) -> bool:
        return self._stop_ns == -2

    def counters(self) -> dict[str, int]:
        return {**self._link.counts, "gas spent, wei": sum(lane.gas_wei for lane in self.desk.lanes.values())}

    # -- what holds it together ----------------------------------------------------------------------------------------

    def _settle(self, now_ns: int) -> None:
        """Up, when everything is known. It goes down with the stream alone."""
        known = self.stream.ready and self._chain_right and self.reading.read_to >= 0
        if known and not self._link.up:
            self.asking.tick(now_ns)
            if self.reading.current and self.market.ready and self.leads.ready and self.desk.ready:
                self._connect(True, now_ns)
        self._link.flush()

    def _connect(self, up: bool, now_ns: int) -> None:
        if self._link.up != up:
            self._link.up = up
            head = self.reading.head
            self._link.told.append(Connection(head.stamp_ns if head is not None else now_ns, now_ns, up))


def _swap(log: Log) -> Swap | None:
    """None for another kind of log, or one that cannot be read."""
    try:
        return read_swap(log) if log.topics[:1] == (SWAP,) else None
    except MessageRefused:
        return None
