"""The chain read whole, block by block: heads come by the socket, and each block's logs of our pools are known before
the next is looked at.

A head whose filter excludes our pools needs no question. Any other range is asked for together with its last block: a
node that is behind, or on another branch, answers for another block and is asked again. A log that the socket pushes is
acted on as soon as its block is known; the reading then finds it done. After a gap or a replaced block so many blocks
are read again, and what was acted on and is not there is undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.link import Link, Said
from pilotfish.venues.evm.public.confirmations import Blocks
from pilotfish.venues.evm.wire import bloom
from pilotfish.venues.evm.wire.rpc import Call, Head, Log, Sent, read_head, read_log, read_logs, read_sent

_PUSHED_MAX = 4_096


class Block(msgspec.Struct, frozen=True):
    """Some blocks, read whole: `logs` of our pools in the chain's order, with the stamps of their blocks and, where it
    matters, the transactions they came from.
    """

    first: int
    last: Head
    linked: bool  # it stands on what was read before, with nothing between
    logs: list[Log]
    stamps: dict[int, int]
    origins: dict[str, Sent]


class Reader(Protocol):
    """Who acts on what is read."""

    def wants_origin(self, log: Log) -> bool:
        """Whether one must know who sent the transaction."""
        ...

    def pushed(self, log: Log, stamp_ns: int, now_ns: int) -> None:
        """A log of a known block, before its block is read whole."""
        ...

    def removed(self, log: Log, now_ns: int) -> None:
        """The node takes it back."""
        ...

    def read(self, block: Block, now_ns: int) -> None: ...


class Reading:
    """`read_to`: every block up to it was read; -1 before the first."""

    def __init__(self, link: Link, addresses: Sequence[str], topics: Sequence[str], reader: Reader) -> None:
        self._link, self._reader = link, reader
        self._addresses, self._topics = list(addresses), list(topics)
        self._bits = [bloom.bits(bytes.fromhex(one[2:])) for one in self._addresses]
        self.blocks = Blocks(link.settings.reorg_blocks)
        self.read_to = -1
        self._start: int | None = None  # where the first reading begins; -1: at the newest block
        self._first = -1  # the first block that is still to be read; -1: none
        self._linked = False
        self._target: Head | None = None
        self._busy = self._asking = False
        self._filters = link.settings.filters
        self._retry_ns = 0
        self._held: dict[str, list[Log]] = {}  # pushed, of blocks that are not known yet

    @property
    def head(self) -> Head | None:
        """The newest block that is known."""
        return self.blocks.tip

    @property
    def current(self) -> bool:
        """Whether everything up to the newest known block was read."""
        target = self._target
        return target is not None and self.read_to >= target.number and self._first < 0 and not self._busy

    def filter(self) -> dict[str, object]:
        """What is wanted of a node: logs of these contracts with one of these first topics."""
        return {"address": self._addresses, "topics": [self._topics]}

    # -- what comes ----------------------------------------------------------------------------------------------------

    def begin(self, first: int, now_ns: int) -> None:
        """The first reading: from this block on, or from the newest where it is -1."""
        self._start = first
        self.read_again(now_ns)

    def heard(self, head: Head, now_ns: int) -> None:
        """A block that a node calls its newest."""
        if self.read_to < 0 and self._first < 0:
            return  # nothing was read yet: the newest block is being asked for
        first = self.blocks.offer(head, self.read_to)
        if first is None:
            return
        self._target = head
        for log in self._held.pop(head.hash, ()):
            self._act(log, now_ns)
        self._want(first, linked=first == head.number == self.read_to + 1 and self._first < 0)
        self._go_on(now_ns)

    def log_pushed(self, raw: bytes, now_ns: int) -> None:
        """Raises MessageRefused."""
        log = read_log(raw)
        if log.address not in self._addresses:
            return
        if log.removed:
            return self._reader.removed(log, now_ns)
        if self.blocks.has(log.block, log.block_hash):
            self._held_against(log, now_ns)
            return self._act(log, now_ns)
        if sum(map(len, self._held.values())) < _PUSHED_MAX:
            self._held.setdefault(log.block_hash, []).append(log)

    def _held_against(self, log: Log, now_ns: int) -> None:
        """Some chains fill no filter in: one that excluded a log that then came is the last that is believed."""
        head = self.blocks.get(log.block)
        if self._filters and head is not None and not bloom.may_hold(head.logs_bloom, self._bits):
            self._filters = False
            self._link.counts["filters that lied"] += 1
            self._want(log.block, linked=False)
            self._go_on(now_ns)

    def read_again(self, now_ns: int) -> None:
        """Ask the node for its newest block, and read up to it."""
        if not self._asking and self._start is not None:
            self._asking = True
            self._link.ask([Call("eth_getBlockByNumber", ["latest", False])], now_ns, self._newest)

    def tick(self, now_ns: int) -> None:
        if 0 < self._retry_ns <= now_ns and self._link.may_ask(now_ns):
            self._retry_ns = 0
            self.read_again(now_ns)

    def next_ns(self) -> int | None:
        return max(self._retry_ns, self._link.rest_ns) if self._retry_ns else None

    def lost(self) -> None:
        self._held.clear()

    # -- reading -------------------------------------------------------------------------------------------------------

    def _newest(self, said: Said, now_ns: int) -> None:
        self._asking = False
        results = said.whole
        try:
            head = read_head(results[0]) if results else None
        except MessageRefused:
            head = None
            self._link.set_aside("block")
        if head is None:
            self._retry_ns = now_ns + self._link.settings.again_ns
        elif self.read_to < 0 and self._first < 0:
            self.blocks.set(head)
            self._target = head
            self._want(min(self._start, head.number) if self._start and self._start >= 0 else head.number, linked=False)
            self._go_on(now_ns)
        elif self.blocks.has(head.number, head.hash):
            self._go_on(now_ns)
        else:
            self.heard(head, now_ns)

    def _want(self, first: int, *, linked: bool) -> None:
        self._linked = linked
        self._first = first if self._first < 0 else min(self._first, first)

    def _go_on(self, now_ns: int) -> None:
        target = self._target
        if self._busy or self._first < 0 or target is None:
            return
        if self._first > target.number:
            self._first = -1
            return
        excluded = self._filters and not bloom.may_hold(target.logs_bloom, self._bits)
        if self._linked and self._first == target.number and excluded:
            self._first = -1
            return self._done(Block(target.number, target, True, [], {}, {}), now_ns)
        if self._retry_ns or not self._link.may_ask(now_ns):
            self._retry_ns = self._retry_ns or now_ns
            return
        self._busy = True
        first, linked = self._first, self._linked
        last = min(target.number, first + self._link.settings.blocks_max - 1)
        self._first = last + 1
        calls = [
            Call("eth_getBlockByNumber", [hex(last), False]),
            Call("eth_getLogs", [{**self.filter(), "fromBlock": hex(first), "toBlock": hex(last)}]),
        ]
        self._link.ask(calls, now_ns, lambda said, then_ns: self._answered(said, first, last, linked, then_ns))

    def _answered(self, said: Said, first: int, last: int, linked: bool, now_ns: int) -> None:
        results, logs = said.whole, None
        try:
            head = read_head(results[0]) if results else None
            logs = read_logs(results[1]) if results else None
        except MessageRefused:
            head = None
            self._link.set_aside("logs")
        target = self._target
        other = head is not None and target is not None and last == target.number and head.hash != target.hash
        if head is None or logs is None or head.number != last or other:
            return self._failed(first, now_ns)
        if any(log.block == last and log.block_hash != head.hash for log in logs):
            return self._failed(first, now_ns)
        mine = [log for log in logs if log.address in self._addresses and first <= log.block <= last]
        stamps = {head.number: head.stamp_ns}
        for number in {log.block for log in mine} - {last}:
            known = self.blocks.get(number)
            if known is not None and all(log.block_hash == known.hash for log in mine if log.block == number):
                stamps[number] = known.stamp_ns
        self._complete(Block(first, head, linked, mine, stamps, {}), now_ns)

    def _complete(self, block: Block, now_ns: int) -> None:
        """Ask for what is not said by the logs themselves: when their blocks were, and who sent them."""
        numbers = sorted({log.block for log in block.logs} - set(block.stamps))
        hashes = sorted({log.transaction for log in block.logs if self._reader.wants_origin(log)})
        if not numbers and not hashes:
            self._busy = False
            return self._done(block, now_ns)
        calls = [Call("eth_getBlockByNumber", [hex(number), False]) for number in numbers]
        calls += [Call("eth_getTransactionByHash", [hash_]) for hash_ in hashes]

        def heard(said: Said, then_ns: int) -> None:
            results = said.whole
            try:
                heads = [read_head(raw) for raw in results[: len(numbers)]] if results else []
                sent = [read_sent(raw) for raw in results[len(numbers) :]] if results else []
            except MessageRefused:
                results = None
                heads, sent = [], []
                self._link.set_aside("block")
            if results is None or any(one is None for one in heads) or any(one is None for one in sent):
                return self._failed(block.first, then_ns)
            block.stamps.update({one.number: one.stamp_ns for one in heads if one is not None})
            block.origins.update({one.hash: one for one in sent if one is not None})
            self._busy = False
            self._done(block, then_ns)

        self._link.ask(calls, now_ns, heard)

    def _done(self, block: Block, now_ns: int) -> None:
        self.read_to = block.last.number
        self._link.counts["readings"] += 1
        self._reader.read(block, now_ns)
        self._go_on(now_ns)

    def _failed(self, first: int, now_ns: int) -> None:
        self._busy = False
        self._want(first, linked=False)
        self._link.counts["reads asked again"] += 1
        self._retry_ns = now_ns + self._link.settings.again_ns // 4

    def _act(self, log: Log, now_ns: int) -> None:
        head = self.blocks.get(log.block)
        if head is not None:
            self._reader.pushed(log, head.stamp_ns, now_ns)
