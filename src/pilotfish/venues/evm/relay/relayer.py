"""Mirrors what leads do: sees their tagged swaps, or is handed their signed instructions, checks, and sends.

A session like any venue's: the same drivers move its bytes. Each instruction is tried by eth_call before it is sent,
and its nonce is made of the lead's own transaction: however often a swap is seen, by this process, after a crash or
beside another relayer, a book carries it out once, and whoever comes second is told so before anything is paid.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pilotfish.domain.orders import Command
from pilotfish.gate.approved import Approved
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.link import Link, Said
from pilotfish.venues.evm.public.reading import Block, Reading
from pilotfish.venues.evm.relay.deeds import Deed, Deeds, Refused, Untold, order_of
from pilotfish.venues.evm.relay.sending import UNSIGNED, Relayed, Sending, State, all_over
from pilotfish.venues.evm.relay.settings import Book, RelaySettings
from pilotfish.venues.evm.settings import SECOND
from pilotfish.venues.evm.stream import HEADS, Stream
from pilotfish.venues.evm.trading.signing import Signing
from pilotfish.venues.evm.wire.instructions import Instruction, request
from pilotfish.venues.evm.wire.rpc import Call, Log, read_head, read_height
from pilotfish.venues.evm.wire.swaps import SWAP
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.keys.typed import for_contracts
from pilotfish.venues.session import Linked, Unfinished

_KEPT = 4_096
_LOOK_NS = SECOND // 4
_TRIES = 10


class _Asked(msgspec.Struct):
    """A transaction that is asked about; `nobodys`: it has no tag."""

    seen_ns: int
    tries: int
    again_ns: int = -1
    nobodys: bool = False


class Relayer(Linked[Link]):
    """A `Session` that takes no commands and tells no events: `relayed` says what became of each instruction.

    Addresses of keys of `keys`: `agent` signs for the leads that have appointed it; `operator` signs user operations,
    where batches go so.
    """

    name = "relayer"
    idempotent_ids = True

    def __init__(self, settings: RelaySettings, agent: str, keys: Keyring, operator: str = "", since: int = -1) -> None:
        """`since`: the block from which on swaps are looked for; -1: from now on."""
        settings.check()
        self.settings, self._agent, self._since = settings, agent, since
        self._link = link = Link(settings.node)
        self._books = {book.key: book for book in settings.books}
        leads: dict[str, list[str]] = {}
        for address, lead in self._books:
            leads.setdefault(address, []).append(lead)
        self._signing = Signing(link, keys)
        self.sending = Sending(link, settings, self._books, self._signing, operator, self._newest)
        self._deeds = Deeds(link, leads, settings.pools, settings.routers)
        self.reading = Reading(link, sorted(settings.pools), (SWAP,), self)
        self.stream = Stream(
            link, self.reading.filter(), self._pushed, self._ready, self._gone, lambda number, now_ns: None
        )
        self.relayed: dict[str, list[Relayed]] = {}  # by the lead's transaction, or lead and nonce: every batch
        self._asking: dict[str, _Asked] = {}  # by transaction
        self._begun = False
        self._due_ns = 0
        self._stop_ns = -1

    @property
    def ready(self) -> bool:
        """Whether it hears everything, and could send."""
        return self.stream.ready and self.reading.current and self.sending.lane.ready

    @property
    def settled_to(self) -> int:
        """The block up to which every swap is known and every mirror over: a restart may go on behind it; -1: none."""
        if any(not asked.nobodys for asked in self._asking.values()):
            return -1
        open_ = [one.block for each in self.relayed.values() for one in each if not one.over and one.block >= 0]
        return min([self.reading.read_to, *(block - 1 for block in open_)])

    def ended(self, name: str) -> list[Relayed]:
        """The batches of what was done in this transaction, once all of them are over."""
        batches = self.relayed.get(name, [])
        return batches if all_over(batches) else []

    @property
    def desks(self) -> list[Book]:
        return [book for book in self._books.values() if book.desk]

    def follow(self, book: Book) -> None:
        """A book as it is from now on; its lead stays the same."""
        if book.key in self._books:
            self._books[book.key] = book

    def _newest(self) -> int:
        return self.reading.head.number if self.reading.head is not None else -1

    # -- a session -----------------------------------------------------------------------------------------------------

    def recall(self, unfinished: Unfinished, now_ns: int) -> None:
        """Nothing of a journal's is a relayer's: what was carried out stands on the chain."""

    def start(self, now_ns: int) -> None:
        self.stream.start()
        self.tick(now_ns)

    def opened(self, name: str, now_ns: int) -> None:
        self.stream.opened(now_ns)

    def lost(self, name: str, why: str, now_ns: int) -> None:
        self.stream.lost(now_ns)

    def frame(self, name: str, raw: bytes, now_ns: int) -> None:
        self.stream.frame(raw, now_ns)
        self._link.flush()

    def answered(self, ask: int, status: int, headers: dict[str, str], body: bytes, now_ns: int) -> None:
        self._link.answered(ask, status, body, now_ns)
        self._link.flush()

    def failed(self, ask: int, why: str, now_ns: int) -> None:
        self._link.failed(ask, now_ns)
        self._link.flush()

    def signed(self, sign: int, first: int, signatures: Sequence[bytes], now_ns: int) -> None:
        self._signing.signed(sign, first, signatures, now_ns)
        self._link.flush()

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        self._link.counts["commands to a relayer"] += len(commands)

    def tick(self, now_ns: int) -> None:
        if self.stopped:
            return
        self.stream.tick(now_ns)
        self.reading.tick(now_ns)
        self.sending.tick(now_ns)
        for name, asked in list(self._asking.items()):
            if 0 <= asked.again_ns <= now_ns:
                self._ask(name, asked.seen_ns, now_ns, asked.tries + 1)
        self._due_ns = now_ns + _LOOK_NS
        if self._stop_ns >= 0 and (self.sending.lane.idle or now_ns - self._stop_ns >= self.settings.node.stop_ns_max):
            self.stream.stop()
            self._stop_ns = -2
        self._link.flush()

    def next_ns(self) -> int | None:
        if self.stopped:
            return None
        parts = (self.stream.next_ns(), self.reading.next_ns(), self.sending.next_ns())
        return min([self._due_ns, *(ns for ns in parts if ns is not None)])

    def stop(self, now_ns: int) -> None:
        """Nothing more is sent; what is under way is waited for."""
        if self._stop_ns == -1:
            self._stop_ns, self.sending.closed = now_ns, True
            self.tick(now_ns)

    @property
    def stopped(self) -> bool:
        return self._stop_ns == -2

    def counters(self) -> dict[str, int]:
        return {**self._link.counts, "gas spent, wei": self.sending.lane.gas_wei}

    # -- the stream ----------------------------------------------------------------------------------------------------

    def _pushed(self, kind: int, raw: bytes, now_ns: int) -> None:
        """Raises MessageRefused."""
        if kind == HEADS:
            head = read_head(raw)
            if head is not None:
                self.reading.heard(head, now_ns)
        else:
            self.reading.log_pushed(raw, now_ns)

    def _ready(self, now_ns: int) -> None:
        self._link.ask([Call("eth_chainId")], now_ns, self._chain_said)

    def _chain_said(self, said: Said, now_ns: int) -> None:
        results = said.whole
        try:
            right = results is not None and read_height(results[0]) == self.settings.node.chain
        except MessageRefused:
            right = False
        if not right:
            self._link.counts["wrong chain"] += 1
        elif self._begun:
            self.reading.read_again(now_ns)
        else:
            self._begun = True
            self.reading.begin(self._since, now_ns)

    def _gone(self, now_ns: int) -> None:
        self.reading.lost()

    # -- what is read (a Reader) ---------------------------------------------------------------------------------------

    def wants_origin(self, log: Log) -> bool:
        return False

    def pushed(self, log: Log, stamp_ns: int, now_ns: int) -> None:
        self._see(log.transaction, now_ns)

    def removed(self, log: Log, now_ns: int) -> None:
        """It is mined again, or it is not; what was mirrored stands, once."""
        self._link.counts["swaps on replaced blocks"] += 1

    def read(self, block: Block, now_ns: int) -> None:
        for log in block.logs:
            self._see(log.transaction, now_ns)
        self.sending.lane.headed(block.last, now_ns)
        self.sending.lane.nonces.forget(block.last.number - self.settings.node.depth - 1)
        self._forget()

    def _see(self, transaction: str, now_ns: int) -> None:
        """A swap in one of our pools: whose is it?"""
        if transaction not in self.relayed and transaction not in self._asking:
            self._ask(transaction, now_ns, now_ns, 1)

    def _ask(self, transaction: str, seen_ns: int, now_ns: int, tries: int) -> None:
        self._asking[transaction] = _Asked(seen_ns, tries)
        self._deeds.ask(transaction, now_ns, lambda deed, then_ns: self._knows(transaction, deed, then_ns))

    def _knows(self, transaction: str, deed: Deed | Refused | Untold | None, now_ns: int) -> None:
        asked = self._asking.get(transaction)
        if asked is None or transaction in self.relayed:
            return
        if isinstance(deed, Untold):
            return self._again(transaction, asked, now_ns)
        if deed is None:
            asked.nobodys = True
        elif isinstance(deed, Refused):
            self._add(transaction, Relayed(deed.lead, "", transaction, asked.seen_ns, State.REFUSED, deed.why))
            self._link.counts["instructions refused"] += 1
        else:
            self._deeds.held_before(deed, now_ns, lambda before, then_ns: self._orders(deed, before, asked, then_ns))

    def _orders(self, deed: Deed, held_before: int | None, asked: _Asked, now_ns: int) -> None:
        """What the lead did is known: sign what it amounts to."""
        if held_before is None:
            return self._again(deed.transaction, asked, now_ns)
        if deed.transaction in self.relayed:
            return
        one = Relayed(deed.lead, deed.tag.book, deed.transaction, asked.seen_ns, block=deed.block)
        self._add(deed.transaction, one)
        deadline_s = (max(now_ns, self.sending.lane.head_ns) + self.settings.deadline_ns) // SECOND
        order = order_of(deed, held_before, self._books[deed.tag.book, deed.lead].slippage_bps, deadline_s)
        if isinstance(order, Refused):
            return self.sending.end(one, State.REFUSED, order.why)
        one.instruction = order

        def signed(signature: bytes | None, then_ns: int) -> None:
            if signature is None:
                return self.sending.end(one, State.REFUSED, UNSIGNED)
            one.signature = for_contracts(signature)
            self._begin(deed.transaction, one, order, then_ns)

        asks = request(order, self.settings.node.chain, self.settings.executor, self._agent)
        self._signing.sign(asks, now_ns, signed)

    def _begin(self, name: str, one: Relayed, order: Instruction, now_ns: int) -> None:
        """Each batch goes its own way to its own end."""
        one.wallets, *others = self._books[one.book, one.lead].batches(order)
        batches = [one, *(msgspec.structs.replace(one, wallets=wallets) for wallets in others)]
        self.relayed[name] = batches
        for batch in batches:
            self.sending.begin(batch, now_ns)

    def _again(self, transaction: str, asked: _Asked, now_ns: int) -> None:
        """A node did not say: it is asked once more, and not for ever."""
        self._link.counts["deeds not told"] += 1
        if asked.tries >= _TRIES:
            asked.nobodys = True
        else:
            asked.again_ns = now_ns + self.settings.node.again_ns

    # -- instructions -------------------------------------------------------------------------------------------------

    def instruct(self, instruction: Instruction, signature: bytes, now_ns: int) -> list[Relayed]:
        """An instruction that a lead or its agent has signed, and its batches. Again changes nothing."""
        lead, book = instruction.lead.lower(), instruction.book.lower()
        name = f"{lead} {instruction.nonce}"
        known = self.relayed.get(name)
        if known is not None:
            return known
        one = Relayed(lead, book, "", now_ns, instruction=instruction, signature=signature)
        self._add(name, one)
        if (book, lead) not in self._books:
            self.sending.end(one, State.REFUSED, "it is for none of our books")
        else:
            self._begin(name, one, instruction, now_ns)
        self._link.flush()
        return self.relayed[name]

    def _add(self, name: str, one: Relayed) -> None:
        self.relayed[name] = [one]
        self._asking.pop(name, None)

    def _forget(self) -> None:
        over = [name for name, asked in self._asking.items() if asked.nobodys]
        for name in over[: max(0, len(over) - _KEPT)]:
            del self._asking[name]
        done = [name for name, each in self.relayed.items() if all_over(each)]
        for name in done[: max(0, len(self.relayed) - _KEPT)]:
            del self.relayed[name]
