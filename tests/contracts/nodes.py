"""The two chains that every contract test runs on: one in this process, and anvil where its package is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from web3 import HTTPProvider, Web3
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from pilotfish.venues.evm.node.chain import LocalChain
from pilotfish.venues.evm.node.nodes import local_node
from pilotfish.venues.evm.node.rpc import LocalRpc

BEGAN = 1_900_000_000
"""When both chains begin. Each block is a second after the last, whatever time it is: what a call or an estimate says
of the next block is then true of it, and gas does not depend on the day."""


class InnerProvider(JSONBaseProvider):
    """The chain that the package embeds, asked without a socket."""

    def __init__(self) -> None:
        super().__init__()
        self.chain: LocalChain | None = None
        self.chain = LocalChain(lambda: BEGAN + (len(self.chain.blocks) if self.chain else 0))
        self._rpc = LocalRpc(self.chain)

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        return self.decode_rpc_response(self._rpc.answer(self.encode_rpc_request(method, params)))


def embedded() -> Web3:
    """A fresh chain in this process."""
    return Web3(InnerProvider())


@contextmanager
def anvil() -> Iterator[Web3]:
    """A fresh node on a port of its own, ended afterwards."""
    with local_node("anvil") as node:
        web3 = Web3(HTTPProvider(node.url))
        web3.provider.make_request("anvil_setBlockTimestampInterval", [1])
        web3.provider.make_request("evm_setNextBlockTimestamp", [BEGAN])
        web3.provider.make_request("evm_mine", [])
        yield web3


def later(web3: Web3, seconds: int) -> None:
    """Mine a block `seconds` after the last."""
    now = web3.eth.get_block("latest")["timestamp"]
    web3.provider.make_request("evm_setNextBlockTimestamp", [now + seconds])
    web3.provider.make_request("evm_mine", [])
