"""Transactions that wait for a block, with the rules of the nodes that public chains run (geth's words)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from eth_typing import Address

from pilotfish.venues.evm.node.accounts import CHAIN_ID
from pilotfish.venues.evm.node.evm import TRANSACTION_GAS_MAX, SignedTransactionAPI

if TYPE_CHECKING:
    from eth.abc import StateAPI

BUMP_PERCENT = 10
"""By how much both fees must rise for a transaction to take the place of another."""
POOL_MAX = 10_000


class NodeRefused(Exception):
    """What a node answers instead of a result: a code and a message of JSON-RPC; `data` is what a revert returned."""

    def __init__(self, code: int, message: str, data: bytes | None = None) -> None:
        self.code, self.message, self.data = code, message, data
        super().__init__(message)


class Pool:
    """By sender and nonce. A nonce that comes too early waits for those before it."""

    def __init__(self) -> None:
        self._queues: dict[bytes, dict[int, SignedTransactionAPI]] = {}

    def copy(self) -> Pool:
        pool = Pool()
        pool._queues = {who: dict(queue) for who, queue in self._queues.items()}
        return pool

    def find(self, transaction: bytes) -> SignedTransactionAPI | None:
        return next((t for queue in self._queues.values() for t in queue.values() if t.hash == transaction), None)

    def after(self, who: bytes, nonce: int) -> int:
        """The first nonce from `nonce` on that is not taken."""
        queue = self._queues.get(who, {})
        while nonce in queue:
            nonce += 1
        return nonce

    def put(self, transaction: SignedTransactionAPI, state: StateAPI) -> None:
        """Raises NodeRefused."""
        _may_enter(transaction, state)
        queue = self._queues.get(bytes(transaction.sender), {})
        held = queue.get(transaction.nonce)
        if held is None and sum(map(len, self._queues.values())) >= POOL_MAX:
            raise NodeRefused(-32000, "txpool is full")
        if held is not None and held.hash == transaction.hash:
            raise NodeRefused(-32000, "already known")
        if held is not None and not _outbids(transaction, held):
            raise NodeRefused(-32000, "replacement transaction underpriced")
        self._queues.setdefault(bytes(transaction.sender), queue)[transaction.nonce] = transaction

    def drop(self, transaction: SignedTransactionAPI) -> None:
        """Forget whatever has its sender and nonce."""
        queue = self._queues.get(bytes(transaction.sender), {})
        queue.pop(transaction.nonce, None)
        if not queue:
            self._queues.pop(bytes(transaction.sender), None)

    def ordered(self, state: StateAPI, base_fee: int) -> Iterator[SignedTransactionAPI]:
        """What can be mined on `state`, the best tip first, each sender's by nonce."""
        ready: list[tuple[int, int, SignedTransactionAPI]] = []
        for number, (who, queue) in enumerate(self._queues.items()):
            least, nonce = 2**256, state.get_nonce(Address(who))
            while (one := queue.get(nonce)) is not None and one.max_fee_per_gas >= base_fee:
                least = min(least, one.max_priority_fee_per_gas, one.max_fee_per_gas - base_fee)
                ready.append((-least, number, one))
                nonce += 1
        return (one for *_, one in sorted(ready, key=lambda r: r[:2]))


def _may_enter(transaction: SignedTransactionAPI, state: StateAPI) -> None:
    if transaction.chain_id != CHAIN_ID:
        raise NodeRefused(-32000, f"invalid chain id for signer: have {transaction.chain_id} want {CHAIN_ID}")
    if transaction.gas > TRANSACTION_GAS_MAX:
        raise NodeRefused(-32000, f"transaction gas limit too high (cap: {TRANSACTION_GAS_MAX}, EIP-7825)")
    if transaction.gas < transaction.intrinsic_gas:
        raise NodeRefused(-32000, f"intrinsic gas too low: have {transaction.gas}, want {transaction.intrinsic_gas}")
    if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas:
        raise NodeRefused(-32000, "max priority fee per gas higher than max fee per gas")
    if state.get_balance(transaction.sender) < transaction.value + transaction.gas * transaction.max_fee_per_gas:
        raise NodeRefused(-32000, "insufficient funds for gas * price + value")
    if transaction.nonce < (nonce := state.get_nonce(transaction.sender)):
        raise NodeRefused(-32000, f"nonce too low: next nonce {nonce}, tx nonce {transaction.nonce}")


def _outbids(new: SignedTransactionAPI, held: SignedTransactionAPI) -> bool:
    return new.max_fee_per_gas * 100 >= held.max_fee_per_gas * (
        100 + BUMP_PERCENT
    ) and new.max_priority_fee_per_gas * 100 >= held.max_priority_fee_per_gas * (100 + BUMP_PERCENT)
