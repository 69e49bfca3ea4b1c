"""A whole chain in the process: a pool of transactions, blocks, snapshots, and time that can be moved.

Every transaction is mined as it comes, unless `automine` is off. What it refuses, it refuses in the words of the nodes
that public chains run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_typing import Address

from pilotfish.venues.evm.node.accounts import local_keys
from pilotfish.venues.evm.node.evm import (
    BlockHeaderAPI,
    ComputationAPI,
    SignedTransactionAPI,
    VirtualMachineAPI,
    deep,
    genesis,
    header_after,
    run_free,
)
from pilotfish.venues.evm.node.pool import NodeRefused, Pool

ERROR_STRING = bytes.fromhex("08c379a0")
"""Selector of what `require` and `revert` with a text give."""


class Block(NamedTuple):
    header: BlockHeaderAPI
    transactions: tuple[SignedTransactionAPI, ...]
    receipts: tuple[Any, ...]
    size: int

    @property
    def number(self) -> int:
        return int(self.header.block_number)

    @property
    def hash(self) -> bytes:
        return bytes(self.header.hash)


class _Snapshot(NamedTuple):
    blocks: int
    pool: Pool
    ahead_s: int


class LocalChain:
    """`clock`: seconds since epoch. `mined` and `pooled` are told of each block and each transaction that was taken."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.keys = {bytes.fromhex(key.address[2:]): key for key in local_keys()}
        self.automine = True
        self.mined: list[Callable[[Block], None]] = []
        self.pooled: list[Callable[[bytes], None]] = []
        self._clock, self._ahead_s, self._at_s = clock, 0, 0
        self._chain = genesis(list(self.keys), int(clock()))
        first = self._chain.get_canonical_head()
        self.blocks = [Block(first, (), (), 0)]
        self._heights = {bytes(first.hash): 0}
        self._places: dict[bytes, tuple[int, int]] = {}
        self._pool, self._count = Pool(), 0
        self._snapshots: list[_Snapshot] = []

    # What stands.

    @property
    def head(self) -> Block:
        return self.blocks[-1]

    def by_hash(self, block_hash: bytes) -> Block | None:
        height = self._heights.get(block_hash)
        return None if height is None else self.blocks[height]

    def place(self, transaction: bytes) -> tuple[Block, int] | None:
        """The block of a mined transaction, and its index in it."""
        where = self._places.get(transaction)
        return None if where is None else (self.blocks[where[0]], where[1])

    def waiting(self, transaction: bytes) -> SignedTransactionAPI | None:
        """One that the pool has and no block yet."""
        return self._pool.find(transaction)

    def vm(self, block: Block) -> VirtualMachineAPI:
        """The state after `block`."""
        return self._chain.get_vm(block.header)

    def nonce(self, who: bytes, pending: bool = False) -> int:
        """How many transactions of `who` are mined; with those in the pool that follow them where `pending`."""
        nonce = self.vm(self.head).state.get_nonce(Address(who))
        return self._pool.after(who, nonce) if pending else nonce

    def next_header(self) -> BlockHeaderAPI:
        """Of a block that would be mined now. Several may be of one second, as on chains that are faster than that."""
        at_s = self._at_s or int(self._clock()) + self._ahead_s
        return header_after(self._chain, self.head.header, max(at_s, self.head.header.timestamp), self._count)

    # What changes it.

    def submit(self, raw: bytes) -> bytes:
        """Take a signed transaction. Returns its hash. Raises NodeRefused."""
        transaction = self._decoded(raw)
        self._pool.put(transaction, self.vm(self.head).state)
        for told in self.pooled:
            told(bytes(transaction.hash))
        if self.automine:
            self._mine_what_can_be()
        return bytes(transaction.hash)

    def mine(self) -> Block:
        """One block, with what the pool has for it."""
        header = self.next_header()
        vm = self._chain.get_vm(header)
        done, receipts = [], []
        with deep():
            for transaction in self._pool.ordered(vm.state, header.base_fee_per_gas or 0):
                if header.gas_used + transaction.gas > header.gas_limit:
                    continue
                receipt = self._applied(vm, header, transaction)
                if receipt is None:
                    continue
                header = vm.increment_blob_gas_used(vm.add_receipt_to_header(header, receipt), transaction)
                done.append(transaction)
                receipts.append(receipt)
            filled = vm.set_block_transactions_and_withdrawals(vm.get_block(), header, done, receipts)
            made = vm.finalize_block(filled).block  # its validation would not have two blocks in one second
        self._chain.chaindb.persist_block(made)
        block = Block(made.header, tuple(done), tuple(receipts), 600 + sum(len(t.encode()) for t in done))
        self._at_s, self._count = 0, self._count + 1
        self._add(block)
        return block

    def snapshot(self) -> int:
        self._snapshots.append(_Snapshot(len(self.blocks), self._pool.copy(), self._ahead_s))
        return len(self._snapshots)

    def revert(self, number: int) -> bool:
        """Back to a snapshot; it and those after it are gone. What is mined next has other hashes."""
        if not 0 < number <= len(self._snapshots):
            return False
        taken = self._snapshots[number - 1]
        del self._snapshots[number - 1 :]
        for block in self.blocks[taken.blocks :]:
            self._heights.pop(block.hash, None)
            for transaction in block.transactions:
                self._places.pop(bytes(transaction.hash), None)
        del self.blocks[taken.blocks :]
        self._pool, self._ahead_s, self._at_s = taken.pool, taken.ahead_s, 0
        return True

    def ahead(self, seconds: int) -> int:
        """Let the chain's clock run further ahead of the machine's. Returns by how much it does."""
        self._ahead_s += seconds
        return self._ahead_s

    def next_at(self, at_s: int) -> None:
        """When the next block will be; the clock goes on from there. Raises NodeRefused for a time that has passed."""
        if at_s <= self.head.header.timestamp:
            raise NodeRefused(-32602, f"timestamp {at_s} is not after that of the last block")
        self._at_s, self._ahead_s = at_s, at_s - int(self._clock())

    # What would happen.

    def run(self, fields: dict[str, Any], sender: bytes, block: Block | None) -> ComputationAPI:
        """As if mined; None is the next block. Raises NodeRefused: it cannot run, or it reverts (code 3)."""
        header = self.next_header() if block is None else block.header
        try:
            computation = run_free(self._chain, header, fields, sender)
        except Exception as bad:  # py-evm's refusals have no common base, and a call must never end the node
            raise NodeRefused(-32000, str(bad)[:300] or type(bad).__name__) from None
        if computation.is_error:
            raise _failure(computation)
        return computation

    def estimate(self, fields: dict[str, Any], sender: bytes, block: Block | None) -> int:
        """Gas with which it succeeds, not much more than it needs. Raises NodeRefused where no gas is enough."""
        most: int = fields["gas"]
        done = self.run(fields, sender, block)
        gas = most - done.get_gas_remaining()
        if not done.children:
            return gas
        step = gas // 64 + 1  # a call passes on all but a 64th of what is left
        while gas < most:
            try:
                self.run({**fields, "gas": gas}, sender, block)
            except NodeRefused:
                gas, step = gas + step, 2 * step
            else:
                return gas
        return most

    # Inside.

    def _decoded(self, raw: bytes) -> SignedTransactionAPI:
        try:
            transaction = self.vm(self.head).get_transaction_builder().decode(raw)
            transaction.validate()
            bytes(transaction.sender)  # recovers it, or raises
        except Exception as bad:  # rlp, signature and field errors have no common base
            raise NodeRefused(-32602, f"invalid transaction: {str(bad)[:200]}") from None
        return transaction

    def _applied(self, vm: VirtualMachineAPI, header: BlockHeaderAPI, transaction: SignedTransactionAPI) -> Any:
        """Its receipt; None where it cannot be mined, and then the pool has it no more."""
        if vm.state.get_nonce(transaction.sender) != transaction.nonce:
            return None  # the one before it found no room
        before = vm.state.snapshot()
        try:
            return vm.apply_transaction(header, transaction)[0]
        except Exception:  # whatever it was, one transaction must not stop the chain
            vm.state.revert(before)
            self._pool.drop(transaction)
            return None

    def _add(self, block: Block) -> None:
        self._heights[block.hash] = len(self.blocks)
        self.blocks.append(block)
        for index, transaction in enumerate(block.transactions):
            self._places[bytes(transaction.hash)] = (block.number, index)
            self._pool.drop(transaction)
        for told in self.mined:
            told(block)

    def _mine_what_can_be(self) -> None:
        while next(self._pool.ordered(self.vm(self.head).state, self.next_header().base_fee_per_gas or 0), None):
            if not self.mine().transactions:
                return


def _failure(computation: ComputationAPI) -> NodeRefused:
    error, data = computation.error, bytes(computation.output)
    if type(error).__name__ != "Revert":
        return NodeRefused(-32000, str(error)[:300] or type(error).__name__)
    said = _words(data)
    return NodeRefused(3, f"execution reverted: {said}" if said else "execution reverted", data)


def _words(data: bytes) -> str:
    """Of `Error(string)`; empty where it is no such thing."""
    if data[:4] != ERROR_STRING:
        return ""
    try:
        return str(decode(["string"], data[4:])[0])[:300]
    except (DecodingError, OverflowError, ValueError):
        return ""
