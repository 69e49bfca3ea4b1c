"""The virtual machine of the chain in the process (py-evm), with the limits that a real chain sets.

Importing py-evm lifts the recursion limit to 100,000 for the whole process, with which nested JSON from outside would
overflow the stack instead of being refused: the limit is put back, and lifted only while contracts run (`deep`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eth_typing import Address

from pilotfish.venues.evm.node.accounts import CHAIN_ID

_LIMIT = sys.getrecursionlimit()
try:
    from eth.abc import BlockHeaderAPI, ComputationAPI, SignedTransactionAPI, VirtualMachineAPI
    from eth.chains.base import MiningChain
    from eth.consensus.applier import ConsensusApplier
    from eth.consensus.noproof import NoProofConsensus
    from eth.db import get_db_backend
    from eth.vm.forks.prague import PragueVM
    from eth.vm.spoof import SpoofTransaction
finally:
    sys.setrecursionlimit(_LIMIT)

BLOCK_GAS = 30_000_000
TRANSACTION_GAS_MAX = 2**24
"""EIP-7825: no transaction may ask for more."""
CALLS_DEEP = 20_000
"""Frames of Python that 1,024 nested calls of contracts take."""
WEI = 10**18

__all__ = ["BlockHeaderAPI", "ComputationAPI", "SignedTransactionAPI", "VirtualMachineAPI"]


class _Prague(MiningChain):
    chain_id = CHAIN_ID
    vm_configuration = ConsensusApplier(NoProofConsensus).amend_vm_configuration(((0, PragueVM),))


def genesis(rich: list[bytes], at_s: int) -> MiningChain:
    """A new chain whose first block is of `at_s`; each of `rich` has 1,000,000 ether."""
    params: Any = {"difficulty": 0, "gas_limit": BLOCK_GAS, "timestamp": at_s}
    state: Any = {who: {"balance": 10**6 * WEI, "storage": {}, "code": b"", "nonce": 0} for who in rich}
    chain = _Prague.from_genesis(get_db_backend(), params, state)
    assert isinstance(chain, MiningChain)
    return chain


def header_after(chain: MiningChain, parent: BlockHeaderAPI, at_s: int, count: int) -> BlockHeaderAPI:
    """Of the next block: the same gas limit, the base fee that follows, `count` as its randomness."""
    header = chain.create_header_from_parent(parent, timestamp=at_s, gas_limit=BLOCK_GAS)
    return header.copy(mix_hash=count.to_bytes(32, "big"))


@contextmanager
def deep() -> Iterator[None]:
    """While contracts run: their calls nest deeper than Python's usual limit."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, CALLS_DEEP))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def run_free(chain: MiningChain, header: BlockHeaderAPI, fields: dict[str, Any], sender: bytes) -> ComputationAPI:
    """Run a transaction that nobody signed on the state after `header`, at no price, and forget what it did.

    `fields`: gas, to, value, data. The nonce is taken from the state.
    """
    vm = chain.get_vm(header.copy(base_fee_per_gas=0))
    builder: Any = vm.get_transaction_builder()
    unsigned = builder.new_unsigned_dynamic_fee_transaction(
        chain_id=CHAIN_ID, nonce=vm.state.get_nonce(Address(sender)), max_priority_fee_per_gas=0, max_fee_per_gas=0,
        access_list=(), **fields,
    )  # fmt: skip
    spoof: Any = SpoofTransaction(unsigned, from_=sender)
    with deep():
        return vm.state.apply_transaction(spoof)
